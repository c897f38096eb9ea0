/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our half of the comparison of ONNX files with other programs: writes networks of all kinds of
 * layers with random weights to a folder, each as
 *
 *   NAME.onnx  what dc_onnx_export() makes of it
 *   NAME.in    samples, raw float32, channels last; the last one is all zeros
 *   NAME.out   what the network makes of them
 *
 * and prints a line "NAME HEIGHT WIDTH CHANNELS NUMBERS" of each, the last of the output.
 *
 *   onnx_peer FOLDER */

#include "../core/onnx_layers.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/plan.h"
#include "onnx/export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 3 };

static const char *folder;
static DcRandom random_numbers;

static void
give_up(const char *what, const char *why)
{
  fprintf(stderr, "onnx_peer: %s: %s\n", what, why);
  exit(1);
}

static void
write_file(const char *name, const char *ending, const void *data, size_t size)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.%s", folder, name, ending);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(data, 1, size, file) != size || fclose(file))
    give_up(path, "cannot be written");
}

static void
fill(float *numbers, size_t count, double range)
{
  for (size_t i = 0; i < count; i++)
    numbers[i] = (float)(range * (2 * dc_random_uniform(&random_numbers) - 1));
}

/* Weights that keep sums of products of the order of 1. */
static void
add_layer(DcNetwork *network, const DcLayer *layer)
{
  DcError error = {0};
  if (dc_network_add(network, layer, &error))
    give_up("layer", error.message);
  DcLayer *added = dc_network_layer(network, dc_network_layer_count(network) - 1);
  const size_t terms = added->bias_size ? added->weight_size / added->bias_size : 1;
  fill(added->weight, added->weight_size, 2 / sqrt(terms > 1 ? (double)terms : 1));
  fill(added->bias, added->bias_size, 0.5);
}

static void
write_samples(const char *name, const DcNetwork *network)
{
  const size_t in = dc_shape_size(dc_network_input(network));
  const size_t out = dc_shape_size(dc_network_output(network));
  float *input = DC_NEW(float, SAMPLES *in), *output = DC_NEW(float, SAMPLES *out);
  DcPlan *plan;
  DcError error = {0};
  if (!input || !output || dc_plan_new(network, SAMPLES, &plan, &error))
    give_up(name, error.message);
  fill(input, (SAMPLES - 1) * in, 1);
  if (dc_plan_run(plan, input, SAMPLES, output))
    give_up(name, "the plan does not run");
  write_file(name, "in", input, SAMPLES * in * sizeof *input);
  write_file(name, "out", output, SAMPLES * out * sizeof *output);
  dc_plan_free(plan);
  dc_free(input);
  dc_free(output);
}

/* Ends with `network`. */
static void
write_case(const char *name, DcNetwork *network)
{
  unsigned char *bytes;
  size_t size;
  DcError error = {0};
  if (dc_onnx_export(network, &bytes, &size, &error))
    give_up(name, error.message);
  write_file(name, "onnx", bytes, size);
  dc_free(bytes);
  write_samples(name, network);
  const DcShape in = dc_network_input(network);
  printf("%s %d %d %d %zu\n", name, in.height, in.width, in.channels,
         dc_shape_size(dc_network_output(network)));
  dc_network_free(network);
}

/* A network of layers up to the first of an unlikely kind; see END. */
static void
write_layers(const char *name, DcShape input, const DcLayer *layers)
{
  DcNetwork *network = dc_network_new(input);
  for (const DcLayer *layer = layers; layer->kind != DC_LAYER_KIND_COUNT; layer++)
    add_layer(network, layer);
  write_case(name, network);
}

#define END                                                                                        \
  {                                                                                                \
    .kind = DC_LAYER_KIND_COUNT                                                                    \
  }

/* --- activations, of a map and of a vector --- */

static void
write_activations(void)
{
  for (int i = DC_ACTIVATION_NONE; i <= DC_ACTIVATION_TANH; i++) {
    const DcLayer conv[] = {{.kind = DC_LAYER_CONV2D,
                             .activation = (DcActivation)i,
                             .slope = 0.3f,
                             .shift = 0.4f,
                             .low = -0.4f,
                             .high = 0.3f,
                             .kernel_height = 1,
                             .kernel_width = 1,
                             .stride = 1,
                             .output = {.channels = 4}},
                            END};
    DcLayer dense[] = {conv[0], END};
    dense[0].kind = DC_LAYER_DENSE;
    char name[64];
    snprintf(name, sizeof name, "%s_map", dc_activation_name((DcActivation)i));
    write_layers(name, (DcShape){3, 4, 5}, conv);
    snprintf(name, sizeof name, "%s_vector", dc_activation_name((DcActivation)i));
    write_layers(name, (DcShape){1, 1, 8}, dense);
  }
}

/* --- networks as people build them --- */

static DcLayer
conv_layer(int kernel, int stride, int channels, DcActivation activation)
{
  const int side = kernel / 2;
  return (DcLayer){.kind = DC_LAYER_CONV2D,
                   .activation = activation,
                   .kernel_height = kernel,
                   .kernel_width = kernel,
                   .stride = stride,
                   .padding = {side, side, side, side},
                   .output = {.channels = channels}};
}

/* A block with a shortcut and a gate per channel (squeeze and excitation). */
static void
write_residual(void)
{
  const DcLayer layers[] = {
      conv_layer(3, 2, 8, DC_ACTIVATION_HARD_SWISH),                       /* value 1 */
      conv_layer(3, 1, 8, DC_ACTIVATION_RELU),                             /* 2 */
      {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL},                              /* 3 */
      conv_layer(1, 1, 4, DC_ACTIVATION_RELU),                             /* 4 */
      conv_layer(1, 1, 8, DC_ACTIVATION_SIGMOID),                          /* 5 */
      {.kind = DC_LAYER_MULTIPLY, .back = 3},                              /* 6: 2 times 5 */
      {.kind = DC_LAYER_ADD, .with = 5, .activation = DC_ACTIVATION_RELU}, /* 7: 6 and 1 */
      {.kind = DC_LAYER_CONCATENATE, .with = 5},                           /* 8: 7 and 2 */
      {.kind = DC_LAYER_DENSE, .output = {.channels = 10}},                /* 9: of a map */
      {.kind = DC_LAYER_DENSE, .back = 1, .output = {.channels = 10}},     /* 10: again of it */
      {.kind = DC_LAYER_MULTIPLY, .with = 1, .activation = DC_ACTIVATION_SILU}, /* 11 */
      {.kind = DC_LAYER_CONCATENATE, .with = 1},                                /* 12 */
      {.kind = DC_LAYER_L2_NORMALISE},
      END,
  };
  write_layers("residual", (DcShape){9, 7, 3}, layers);
}

/* A gate from a vector that was flat: the pixel that meets every pixel of a map. */
static void
write_gate_of_dense(void)
{
  const DcLayer layers[] = {
      conv_layer(3, 1, 6, DC_ACTIVATION_RELU),
      {.kind = DC_LAYER_DENSE, .activation = DC_ACTIVATION_TANH, .output = {.channels = 6}},
      {.kind = DC_LAYER_ADD, .back = 1},
      {.kind = DC_LAYER_MULTIPLY, .with = 1},
      {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1e-6f, .activation = DC_ACTIVATION_GELU},
      END,
  };
  write_layers("gate_of_dense", (DcShape){4, 5, 2}, layers);
}

/* From a code to a picture, as an autoencoder does, and back to a code. */
static void
write_decoder(void)
{
  const DcLayer layers[] = {
      {.kind = DC_LAYER_DENSE, .activation = DC_ACTIVATION_RELU, .output = {.channels = 36}},
      {.kind = DC_LAYER_RESHAPE, .output = {3, 3, 4}},
      {.kind = DC_LAYER_TRANSPOSED_CONV2D,
       .activation = DC_ACTIVATION_LEAKY_RELU,
       .slope = 0.1f,
       .kernel_height = 3,
       .kernel_width = 3,
       .stride = 2,
       .padding = {1, 1, 1, 1},
       .output = {6, 6, 3}},
      {.kind = DC_LAYER_RESHAPE, .output = {1, 1, 108}},
      {.kind = DC_LAYER_DENSE, .output = {.channels = 4}},
      END,
  };
  write_layers("decoder", (DcShape){1, 1, 10}, layers);
}

/* Half the channels go through, the other half past, and they are shuffled at the end. */
static void
write_shuffled(void)
{
  const DcLayer layers[] = {
      conv_layer(3, 2, 8, DC_ACTIVATION_RELU), /* 1 */
      {.kind = DC_LAYER_REARRANGE,
       .order = {.axes = 2, .size = {16, 4}, .stride = {8, 1}, .offset = 4},
       .output = {4, 4, 4}}, /* 2 */
      {.kind = DC_LAYER_DEPTHWISE_CONV2D,
       .kernel_height = 3,
       .kernel_width = 3,
       .stride = 1,
       .padding = {1, 1, 1, 1}}, /* 3 */
      {.kind = DC_LAYER_REARRANGE,
       .back = 2,
       .order = {.axes = 2, .size = {16, 4}, .stride = {8, 1}},
       .output = {4, 4, 4}},                     /* 4: of 1 */
      {.kind = DC_LAYER_CONCATENATE, .with = 1}, /* 5 */
      {.kind = DC_LAYER_REARRANGE,
       .activation = DC_ACTIVATION_GELU_TANH,
       .order = {.axes = 3, .size = {16, 4, 2}, .stride = {8, 1, 4}},
       .output = {4, 4, 8}},
      {.kind = DC_LAYER_MAX_POOL, .kernel_height = 2, .kernel_width = 2, .stride = 2},
      {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL},
      {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1e-5f},
      {.kind = DC_LAYER_SOFTMAX},
      END,
  };
  write_layers("shuffled", (DcShape){8, 8, 3}, layers);
}

int
main(int argc, char **argv)
{
  if (argc != 2)
    give_up("usage", "onnx_peer FOLDER");
  folder = argv[1];
  dc_random_seed(&random_numbers, 13, 7);
  for (size_t i = 0; i < ONNX_LAYER_COUNT; i++) {
    const DcLayer layers[] = {onnx_layers[i].layer, END};
    write_layers(onnx_layers[i].name, onnx_layers[i].input, layers);
  }
  write_activations();
  write_residual();
  write_gate_of_dense();
  write_decoder();
  write_shuffled();
  return 0;
}
