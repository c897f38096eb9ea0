/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a network out of an ONNX file on numbers: onnx_run NET.onnx FOLDER [OUTPUT]. Reads
 * FOLDER/input.f32, samples of height x width x channels (of vectors: n), and writes
 * FOLDER/output.f32, then prints the most memory it had. Without OUTPUT it ends where an import
 * would. */

#include "nn/plan.h"
#include "onnx/graph.h"
#include "onnx/import.h"

#include "peak.h"
#include "raw_files.h"

static DcNetwork *
read_network(const char *path, const char *output)
{
  const DcOnnxImportOptions options = {.output = output};
  DcOnnxImportReport report;
  DcOnnxGraph *graph;
  DcNetwork *network;
  DcError error;
  if (dc_onnx_graph_read(path, &graph, &error) ||
      dc_onnx_import(graph, &options, &network, &report, &error))
    fail(path, error.message);
  printf("%s, %zu layers, %d numbers\n", report.output, dc_network_layer_count(network),
         dc_network_output(network).channels);
  dc_onnx_graph_free(graph);
  return network;
}

static float *
run(const DcNetwork *network, const float *input, size_t batch)
{
  DcPlan *plan;
  DcError error;
  float *output = DC_NEW(float, batch *dc_shape_size(dc_network_output(network)));
  if (!output || dc_plan_new(network, batch, &plan, &error))
    fail("plan", output ? error.message : "no memory");
  const DcStatus status = dc_plan_run(plan, input, batch, output);
  if (status)
    fail("run", dc_status_text(status));
  dc_plan_free(plan);
  return output;
}

int
main(int argc, char **argv)
{
  if (argc < 3 || argc > 4)
    fail("arguments", "NET.onnx FOLDER [OUTPUT]");
  DcNetwork *network = read_network(argv[1], argc > 3 ? argv[3] : NULL);
  Content input = read_file(argv[2], "input.f32");
  const size_t size = dc_shape_size(dc_network_input(network)) * sizeof(float);
  if (!input.data || input.bytes == 0 || input.bytes % size)
    fail("input.f32", "not a number of samples that the network takes");
  const size_t batch = input.bytes / size;
  float *output = run(network, input.data, batch);
  write_file(argv[2], "output.f32", output,
             batch * dc_shape_size(dc_network_output(network)) * sizeof *output);
  dc_free(output);
  dc_free(input.data);
  dc_network_free(network);
  printf("peak %ld KiB\n", peak_memory());
  return 0;
}
