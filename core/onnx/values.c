/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/values.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int
compare_names(const void *a, const void *b)
{
  return strcmp(((const DcOnnxEntry *)a)->name, ((const DcOnnxEntry *)b)->name);
}

static void
append(DcOnnxValues *values, const char *name)
{
  if (*name)
    values->entries[values->count++] =
        (DcOnnxEntry){.name = name, .maker = DC_ONNX_NO_NODE, .taker = DC_ONNX_NO_NODE};
}

static size_t
count_names(const DcOnnxGraph *graph)
{
  size_t count = graph->tensor_count + graph->input_count;
  for (size_t i = 0; i < graph->node_count; i++)
    count += graph->nodes[i].output_count;
  return count;
}

static void
list_names(DcOnnxValues *values, const DcOnnxGraph *graph)
{
  for (size_t i = 0; i < graph->tensor_count; i++)
    append(values, graph->tensors[i].name);
  for (size_t i = 0; i < graph->input_count; i++)
    append(values, graph->inputs[i].name);
  for (size_t i = 0; i < graph->node_count; i++) {
    for (size_t j = 0; j < graph->nodes[i].output_count; j++)
      append(values, graph->nodes[i].outputs[j]);
  }
  qsort(values->entries, values->count, sizeof *values->entries, compare_names);
}

static void
link_node(DcOnnxValues *values, const DcOnnxGraph *graph, size_t index)
{
  const DcOnnxNode *node = &graph->nodes[index];
  for (size_t i = 0; i < node->output_count; i++) {
    DcOnnxEntry *made = dc_onnx_values_find(values, node->outputs[i]);
    if (made)
      made->maker = index;
  }
  for (size_t i = 0; i < node->input_count; i++) {
    DcOnnxEntry *taken = dc_onnx_values_find(values, node->inputs[i]);
    if (!taken)
      continue;
    taken->takers++;
    taken->taker = index;
  }
}

DcStatus
dc_onnx_values_init(DcOnnxValues *values, const DcOnnxGraph *graph, DcError *error)
{
  *values = (DcOnnxValues){.entries = DC_NEW(DcOnnxEntry, count_names(graph) + 1)};
  if (!values->entries)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the %zu names of an ONNX graph",
                        count_names(graph));
  list_names(values, graph);
  for (size_t i = 0; i < graph->tensor_count; i++) {
    DcOnnxEntry *entry = dc_onnx_values_find(values, graph->tensors[i].name);
    if (entry)
      entry->constant = &graph->tensors[i];
  }
  for (size_t i = 0; i < graph->node_count; i++)
    link_node(values, graph, i);
  return DC_OK;
}

void
dc_onnx_values_clear(DcOnnxValues *values)
{
  dc_free(values->entries);
  *values = (DcOnnxValues){0};
}

DcOnnxEntry *
dc_onnx_values_find(const DcOnnxValues *values, const char *name)
{
  const DcOnnxEntry key = {.name = name};
  return bsearch(&key, values->entries, values->count, sizeof key, compare_names);
}
