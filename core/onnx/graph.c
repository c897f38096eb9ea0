/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/graph.h"

#include "base/memory.h"
#include "onnx/graph_private.h"

#include <string.h>

void
dc_onnx_graph_free(DcOnnxGraph *graph)
{
  if (!graph)
    return;
  DcOnnxGraphOwner *owner = (DcOnnxGraphOwner *)graph;
  dc_arena_chain_clear(&owner->memory);
  dc_free(owner);
}

const DcOnnxAttribute *
dc_onnx_attribute(const DcOnnxNode *node, const char *name)
{
  for (size_t i = 0; i < node->attribute_count; i++)
    if (strcmp(node->attributes[i].name, name) == 0)
      return &node->attributes[i];
  return NULL;
}

static char
lower(char letter)
{
  return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

bool
dc_onnx_is_named(const char *path)
{
  static const char ending[] = ".onnx";
  const size_t length = strlen(path), count = sizeof ending - 1;
  if (length < count)
    return false;
  for (size_t i = 0; i < count; i++)
    if (lower(path[length - count + i]) != ending[i])
      return false;
  return true;
}
