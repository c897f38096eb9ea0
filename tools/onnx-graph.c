/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx-graph.h"

#include "command.h"
#include "onnx/graph.h"
#include "onnx/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_CANDIDATES 10
#define MOST_TRIED      64 /* values: each is a whole import */

void
dc_import_report_print(const DcImportReport *report)
{
  printf("%s: opset %" PRId64 "%s%s, sha256 %s\n", report->source, report->opset,
         *report->producer ? ", made by " : "", report->producer, report->sha256);
  for (int i = 0; i < DC_IMPORT_CHOICES; i++) {
    const DcImportChoice *choice = &report->choices[i];
    if (choice->value)
      printf("  --%-12s %-12s (%s)\n", dc_import_choice_names[i], choice->value, choice->reason);
  }
}

static void
print_value(const char *title, const DcOnnxValue *value)
{
  printf("%-13s %s", title, value->name);
  for (size_t i = 0; value->known_shape && i < value->rank; i++) {
    const char *before = i ? " x " : ": ";
    if (value->shape[i] < 0)
      printf("%s?", before);
    else
      printf("%s%" PRId64, before, value->shape[i]);
  }
  puts(value->known_shape ? "" : ": no shape");
}

/* Prints `name` if a network can end in it; else the error says why not. */
static DcStatus
print_candidate(const DcOnnxGraph *graph, const char *name, const char *made_by, DcError *error)
{
  const DcOnnxImportOptions options = {.output = name};
  DcOnnxImportReport report;
  DcNetwork *network;
  DcStatus status = dc_onnx_import(graph, &options, &network, &report, error);
  if (status != DC_OK)
    return status;
  printf("  %6zu numbers  %s (%s)\n", dc_shape_size(dc_network_output(network)), name, made_by);
  dc_network_free(network);
  return DC_OK;
}

/* Fails for want of memory alone, which is no word about the candidates. */
static DcStatus
print_candidates(const DcOnnxGraph *graph, DcError *error)
{
  printf("\ncandidates for --output-node, the last first (any value of the graph can be named)\n");
  gsize printed = 0, tried = 0;
  for (gsize i = graph->node_count; i-- > 0 && printed < MOST_CANDIDATES;) {
    const DcOnnxNode *node = &graph->nodes[i];
    if (strcmp(node->op, "Constant") == 0 || node->output_count == 0)
      continue;
    if (tried++ == MOST_TRIED)
      break;
    DcStatus status = print_candidate(graph, node->outputs[0], node->op, error);
    if (status == DC_ERROR_MEMORY)
      return status;
    printed += status == DC_OK ? 1 : 0;
  }
  if (printed == 0)
    printf("  none: the message below says why\n");
  return DC_OK;
}

gboolean
dc_onnx_graph_print(const char *path, GError **error)
{
  DcOnnxGraph *graph;
  DcError core_error;
  if (dc_onnx_graph_read(path, &graph, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  printf("file          %s\nopset         %" PRId64 "\n", path, graph->opset);
  if (*graph->producer)
    printf("producer      %s\n", graph->producer);
  for (gsize i = 0; i < graph->input_count; i++)
    print_value("takes", &graph->inputs[i]);
  for (gsize i = 0; i < graph->output_count; i++)
    print_value("gives", &graph->outputs[i]);
  DcStatus status = print_candidates(graph, &core_error);
  dc_onnx_graph_free(graph);
  return status == DC_OK || dc_tools_take_error(&core_error, error);
}
