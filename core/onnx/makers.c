/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/makers.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int
compare_names(const void *a, const void *b)
{
  return strcmp(((const DcOnnxMaker *)a)->name, ((const DcOnnxMaker *)b)->name);
}

/* Inputs before initialisers before nodes of the same name. */
static int
compare(const void *a, const void *b)
{
  const DcOnnxMaker *first = a, *second = b;
  const int by_name = compare_names(a, b);
  return by_name ? by_name : (int)first->origin - (int)second->origin;
}

static void
add(DcOnnxMakers *list, const char *name, DcOnnxOrigin origin, size_t index)
{
  if (*name)
    list->makers[list->count++] = (DcOnnxMaker){name, origin, index};
}

static void
add_all(DcOnnxMakers *list, const DcOnnxGraph *graph)
{
  for (size_t i = 0; i < graph->input_count; i++)
    add(list, graph->inputs[i].name, DC_ONNX_FROM_INPUT, i);
  for (size_t i = 0; i < graph->tensor_count; i++)
    add(list, graph->tensors[i].name, DC_ONNX_FROM_TENSOR, i);
  for (size_t i = 0; i < graph->node_count; i++)
    for (size_t k = 0; k < graph->nodes[i].output_count; k++)
      add(list, graph->nodes[i].outputs[k], DC_ONNX_FROM_NODE, i);
}

static DcStatus
made_twice(const DcOnnxReader *reader, const DcOnnxGraph *graph, const DcOnnxMaker *maker)
{
  if (maker->origin != DC_ONNX_FROM_NODE)
    return dc_error_set(reader->error, DC_ERROR_FORMAT,
                        "%s: two inputs or two initialisers are named \"%.*s\"", reader->name,
                        DC_ONNX_SHOWN(maker->name));
  const DcOnnxNode *node = &graph->nodes[maker->index];
  return dc_error_set(reader->error, DC_ERROR_FORMAT,
                      "%s: node \"%.*s\" (%.*s) makes \"%.*s\", which is made elsewhere too",
                      reader->name, DC_ONNX_SHOWN(node->name), DC_ONNX_SHOWN(node->op),
                      DC_ONNX_SHOWN(maker->name));
}

/* Of equal names one is kept, or none allowed. */
static DcStatus
settle_equal_names(const DcOnnxReader *reader, const DcOnnxGraph *graph, DcOnnxMakers *list)
{
  size_t kept = 0;
  for (size_t i = 0; i < list->count; i++) {
    DcOnnxMaker *last = kept ? &list->makers[kept - 1] : NULL;
    const DcOnnxMaker *maker = &list->makers[i];
    if (!last || strcmp(last->name, maker->name) != 0)
      list->makers[kept++] = *maker;
    else if (last->origin == DC_ONNX_FROM_INPUT && maker->origin == DC_ONNX_FROM_TENSOR)
      *last = *maker;
    else
      return made_twice(reader, graph, maker);
  }
  list->count = kept;
  return DC_OK;
}

DcStatus
dc_onnx_makers_list(const DcOnnxReader *reader, const DcOnnxGraph *graph, DcOnnxMakers *list)
{
  size_t most = graph->input_count + graph->tensor_count;
  for (size_t i = 0; i < graph->node_count; i++)
    most += graph->nodes[i].output_count;
  *list = (DcOnnxMakers){.makers = DC_NEW(DcOnnxMaker, most)};
  if (!list->makers)
    return dc_error_set(reader->error, DC_ERROR_MEMORY, "%s: no memory for %zu names", reader->name,
                        most);
  add_all(list, graph);
  if (list->count)
    qsort(list->makers, list->count, sizeof *list->makers, compare);
  return settle_equal_names(reader, graph, list);
}

void
dc_onnx_makers_clear(DcOnnxMakers *list)
{
  dc_free(list->makers);
  *list = (DcOnnxMakers){0};
}

const DcOnnxMaker *
dc_onnx_makers_find(const DcOnnxMakers *list, const char *name)
{
  const DcOnnxMaker key = {.name = name};
  if (!list->count)
    return NULL;
  return bsearch(&key, list->makers, list->count, sizeof key, compare_names);
}
