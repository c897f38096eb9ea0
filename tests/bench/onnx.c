/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks in ONNX files, beside ONNX Runtime on one thread: bench-onnx NET.onnx... First, and
 * without files alone, an encoder of three convolutions for 32 x 32 pictures. Where ONNX Runtime is
 * not installed, the times of the core. */

#include "bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/plan.h"
#include "onnx/import.h"
#include "onnx/runtime.h"
#include "tensor/blas.h"

enum { MOST_BATCH = 32 };

typedef struct {
  DcPlan *plan;
  DcOnnxRuntime *runtime; /* NULL: there is none */
  size_t batch;
  float *pictures, *embeddings;
} Encoder;

static void
check(DcStatus status, const DcError *error)
{
  if (!status)
    return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

static void
run_core(void *data)
{
  Encoder *encoder = data;
  dc_plan_run(encoder->plan, encoder->pictures, encoder->batch, encoder->embeddings);
}

static void
run_runtime(void *data)
{
  Encoder *encoder = data;
  if (encoder->runtime)
    dc_onnx_runtime_run(encoder->runtime, encoder->pictures, encoder->batch, encoder->embeddings);
}

static float *
random_floats(size_t count)
{
  DcRandom random;
  dc_random_seed(&random, count, 0);
  float *floats = DC_NEW(float, count);
  for (size_t i = 0; floats && i < count; i++)
    floats[i] = (float)dc_random_normal(&random);
  return floats;
}

static void
compare(const char *name, const DcNetwork *network, size_t batch)
{
  const size_t in = dc_shape_size(dc_network_input(network));
  const size_t out = dc_shape_size(dc_network_output(network));
  Encoder encoder = {.batch = batch,
                     .pictures = random_floats(in * batch),
                     .embeddings = DC_NEW(float, out *batch)};
  DcError error;
  char parameters[512];
  check(dc_plan_new(network, batch, &encoder.plan, &error), &error);
  if (dc_onnx_runtime_new(network, batch, 1, &encoder.runtime, &error))
    fprintf(stderr, "%s\n", error.message);
  const BenchResult result = bench_against(run_core, run_runtime, &encoder, 4);
  snprintf(parameters, sizeof parameters,
           "\"network\": \"%.200s\", \"batch\": %zu, \"milliseconds\": %.4g, \"runtime\": %.4g",
           name, batch, 1e3 * result.seconds / (double)batch,
           encoder.runtime ? 1e3 * result.baseline / (double)batch : 0);
  if (encoder.runtime)
    bench_print("onnx", parameters, result.ratio, "of ONNX Runtime's time");
  else
    bench_print("onnx", parameters, 1e3 * result.seconds / (double)batch, "ms a picture");
  dc_plan_free(encoder.plan);
  dc_onnx_runtime_free(encoder.runtime);
  dc_free(encoder.pictures);
  dc_free(encoder.embeddings);
}

static void
compare_batches(const char *name, const DcNetwork *network)
{
  static const size_t batches[] = {1, 8, MOST_BATCH};
  for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
    compare(name, network, batches[i]);
}

static DcNetwork *
import(const char *path)
{
  DcOnnxGraph *graph;
  DcNetwork *network;
  DcError error;
  check(dc_onnx_graph_read(path, &graph, &error), &error);
  check(dc_onnx_import(graph, &(DcOnnxImportOptions){0}, &network, NULL, &error), &error);
  dc_onnx_graph_free(graph);
  return network;
}

/* The encoder of DEKM (Guo et al. 2021), for 32 x 32 pictures in colour. */
static DcNetwork *
small_encoder(void)
{
  static const DcLayer layers[] = {{.kind = DC_LAYER_CONV2D,
                                    .kernel_height = 5,
                                    .kernel_width = 5,
                                    .stride = 2,
                                    .padding = {1, 2, 1, 2},
                                    .output.channels = 32,
                                    .activation = DC_ACTIVATION_RELU},
                                   {.kind = DC_LAYER_CONV2D,
                                    .kernel_height = 5,
                                    .kernel_width = 5,
                                    .stride = 2,
                                    .padding = {1, 2, 1, 2},
                                    .output.channels = 64,
                                    .activation = DC_ACTIVATION_RELU},
                                   {.kind = DC_LAYER_CONV2D,
                                    .kernel_height = 3,
                                    .kernel_width = 3,
                                    .stride = 2,
                                    .padding = {0, 1, 0, 1},
                                    .output.channels = 128,
                                    .activation = DC_ACTIVATION_RELU},
                                   {.kind = DC_LAYER_DENSE, .output.channels = 10}};
  DcNetwork *network = dc_network_new((DcShape){32, 32, 3});
  DcError error;
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    check(dc_network_add(network, &layers[i], &error), &error);
    DcLayer *layer = dc_network_layer(network, i);
    const size_t terms = layer->weight_size / layer->bias_size;
    DcRandom random;
    dc_random_seed(&random, i, 0);
    for (size_t k = 0; k < layer->weight_size; k++)
      layer->weight[k] = (float)(dc_random_normal(&random) / (double)terms);
  }
  return network;
}

int
main(int argc, char **argv)
{
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  DcNetwork *network = small_encoder();
  compare_batches("three convolutions, 32 x 32", network);
  dc_network_free(network);
  for (int i = 1; i < argc; i++) {
    network = import(argv[i]);
    const char *slash = strrchr(argv[i], '/');
    compare_batches(slash ? slash + 1 : argv[i], network);
    dc_network_free(network);
  }
  return 0;
}
