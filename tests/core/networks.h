/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_NETWORKS_H
#define DC_TESTS_NETWORKS_H

#include "base/random.h"
#include "nn/network.h"
#include "test.h"

/* What the tests of the neural engine share: networks of random weights, and single layers of every
 * kind in odd sizes. */

static inline void
fill_uniform(DcRandom *random, float *values, size_t count, float range)
{
  for (size_t i = 0; i < count; i++)
    values[i] = range * (float)(2 * dc_random_uniform(random) - 1);
}

/* Adds a layer with random weights, small enough that a sum of products is of the order of 1. */
static inline void
add_random(DcNetwork *network, DcLayer layer, DcRandom *random)
{
  DcError error = {0};
  if (dc_network_add(network, &layer, &error))
    fail_msg("%s", error.message);
  DcLayer *added = dc_network_layer(network, dc_network_layer_count(network) - 1);
  const size_t terms = added->bias_size ? added->weight_size / added->bias_size : 1;
  fill_uniform(random, added->weight, added->weight_size,
               2 / sqrtf((float)(terms > 1 ? terms : 1)));
  fill_uniform(random, added->bias, added->bias_size, 0.5f);
  /* Places, of which some are whole, some lie outside. */
  for (size_t i = 0; added->kind == DC_LAYER_RESAMPLE && i < added->weight_size; i++)
    added->weight[i] = 0.25f * (float)dc_random_below(random, 40) - 1;
  fill_uniform(random, added->statistics, added->statistics_size, 0.5f);
  for (size_t i = added->statistics_size / 2; i < added->statistics_size; i++)
    added->statistics[i] += 1; /* variances of 0.5 to 1.5 */
}

static inline DcNetwork *
single_layer(DcShape input, DcLayer layer, DcRandom *random)
{
  DcNetwork *network = dc_network_new(input);
  assert_non_null(network);
  add_random(network, layer, random);
  return network;
}

/* A window layer; padding as top, bottom, left, right. */
static inline DcLayer
window_layer(DcLayerKind kind, int height, int width, int stride, const int padding[4],
             int channels)
{
  return (DcLayer){.kind = kind,
                   .kernel_height = height,
                   .kernel_width = width,
                   .stride = stride,
                   .padding = {padding[0], padding[1], padding[2], padding[3]},
                   .output = {.channels = channels}};
}

/* Two layers of one value each and their sum, the second taken first. */
static inline DcNetwork *
sum_network(DcShape input, DcActivation activation, DcRandom *random)
{
  DcNetwork *network = single_layer(input, (DcLayer){.kind = DC_LAYER_AFFINE}, random);
  add_random(network, (DcLayer){.kind = DC_LAYER_AFFINE, .back = 1}, random);
  add_random(network,
             (DcLayer){.kind = DC_LAYER_ADD, .with = 1, .activation = activation, .slope = 0.2f},
             random);
  return network;
}

/* A residual network of all that the built one has (nn/residual_network.h) and of what it has not:
 * a value that three layers take, one that nobody takes, a layer that reaches over a reshape, and
 * a sum whose first addend is the older. */
static inline DcNetwork *
branching_network(DcRandom *random)
{
  static const int one[4] = {1, 1, 1, 1}, none[4] = {0, 0, 0, 0};
  DcNetwork *network = dc_network_new((DcShape){6, 7, 3});
  assert_non_null(network);
  DcLayer layers[] = {
      window_layer(DC_LAYER_CONV2D, 3, 3, 1, one, 8),      /* value 1 */
      {.kind = DC_LAYER_BATCH_NORM},                       /* 2: what three layers take */
      window_layer(DC_LAYER_CONV2D, 3, 3, 2, one, 10),     /* 3 */
      {.kind = DC_LAYER_BATCH_NORM},                       /* 4 */
      window_layer(DC_LAYER_CONV2D, 3, 3, 1, one, 10),     /* 5 */
      {.kind = DC_LAYER_BATCH_NORM},                       /* 6 */
      window_layer(DC_LAYER_CONV2D, 1, 1, 2, none, 10),    /* 7: of 2 */
      {.kind = DC_LAYER_BATCH_NORM},                       /* 8 */
      {.kind = DC_LAYER_ADD},                              /* 9: of 8 and 6 */
      window_layer(DC_LAYER_MAX_POOL, 2, 2, 1, none, 0),   /* 10: of 9, for nobody */
      {.kind = DC_LAYER_RESHAPE, .output = {1, 12, 10}},   /* 11: of 9 */
      {.kind = DC_LAYER_DENSE, .output = {.channels = 9}}, /* 12: of 2 */
      {.kind = DC_LAYER_DENSE, .output = {.channels = 9}}, /* 13: of 11 */
      {.kind = DC_LAYER_BATCH_NORM},                       /* 14: of 13 */
      {.kind = DC_LAYER_ADD},                              /* 15: of 12 and 13 */
      {.kind = DC_LAYER_ADD},                              /* 16: of 15 and 14 */
  };
  layers[1].activation = layers[3].activation = layers[8].activation = DC_ACTIVATION_RELU;
  layers[14].activation = DC_ACTIVATION_GELU;
  layers[6].back = 4;
  layers[8].with = 2;
  layers[10].back = 1;
  layers[11].back = 9;
  layers[12].back = 1;
  layers[14].back = 2;
  layers[14].with = layers[15].with = 1;
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
    add_random(network, layers[i], random);
  return network;
}

/* A network of all that those which were learnt elsewhere have: every kind and activation that goes
 * forward only, a dilation, groups, steps that differ by axis, second inputs of one pixel, and two
 * inputs of which the second is the newer. */
static inline DcNetwork *
imported_network(DcRandom *random)
{
  static const int two[4] = {2, 2, 2, 2}, three[4] = {3, 3, 3, 3}, none[4] = {0, 0, 0, 0};
  DcNetwork *network = dc_network_new((DcShape){9, 8, 3});
  assert_non_null(network);
  DcLayer layers[] = {
      {.kind = DC_LAYER_PAD, .padding = {1, 0, 2, 1}},            /* value 1: 10 x 11 x 3 */
      window_layer(DC_LAYER_CONV2D, 3, 3, 1, two, 6),             /* 2 */
      window_layer(DC_LAYER_DEPTHWISE_CONV2D, 3, 3, 1, three, 0), /* 3 */
      {.kind = DC_LAYER_MULTIPLY, .with = 1},                     /* 4: of 3 and 2 */
      {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL},                     /* 5 */
      window_layer(DC_LAYER_CONV2D, 1, 1, 1, none, 6),            /* 6: one pixel */
      {.kind = DC_LAYER_MULTIPLY, .back = 2},                     /* 7: of 4 and 6 */
      {.kind = DC_LAYER_ADD, .with = 1},                          /* 8: of 7 and 6 */
      {.kind = DC_LAYER_CONCATENATE, .back = 5},                  /* 9: of 3 and 8 */
      {.kind = DC_LAYER_PRELU},                                   /* 10 */
      {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1e-5f},            /* 11 */
      {.kind = DC_LAYER_REARRANGE, .output = {10, 11, 12}},       /* 12: channels shuffled */
      {.kind = DC_LAYER_SOFTMAX},                                 /* 13 */
      {.kind = DC_LAYER_AFFINE, .back = 1},                       /* 14: of 12 */
      {.kind = DC_LAYER_CONCATENATE, .with = 1},                  /* 15: of 14 and 13 */
      {.kind = DC_LAYER_RESAMPLE, .output = {7, 9, 0}},           /* 16 */
      window_layer(DC_LAYER_MAX_POOL, 2, 2, 1, none, 0),          /* 17: 6 x 4 */
      {.kind = DC_LAYER_INSTANCE_NORM, .epsilon = 1e-3f},         /* 18 */
      {.kind = DC_LAYER_RESPONSE_NORM},                           /* 19 */
      {.kind = DC_LAYER_DENSE, .output = {.channels = 5}},
  };
  static const DcActivation activations[] = {
      DC_ACTIVATION_NONE, DC_ACTIVATION_HARD_SWISH, DC_ACTIVATION_SILU,
      DC_ACTIVATION_CLIP, DC_ACTIVATION_NONE,       DC_ACTIVATION_SIGMOID,
      DC_ACTIVATION_TANH, DC_ACTIVATION_GELU_TANH,  DC_ACTIVATION_HARD_SIGMOID,
      DC_ACTIVATION_NONE, DC_ACTIVATION_RELU,       DC_ACTIVATION_NONE,
      DC_ACTIVATION_NONE, DC_ACTIVATION_LEAKY_RELU, DC_ACTIVATION_NONE,
      DC_ACTIVATION_NONE, DC_ACTIVATION_RELU,       DC_ACTIVATION_NONE,
      DC_ACTIVATION_NONE, DC_ACTIVATION_SIGMOID,
  };
  layers[1].dilation = 2;
  layers[1].groups = 3;
  layers[2].dilation = layers[2].dilation_across = 3;
  layers[16].stride_across = 2;
  layers[18].response = (DcResponse){.size = 5, .scale = 0.2f, .bias = 2, .power = 0.75f};
  layers[3].low = -0.5f;
  layers[3].high = 0.75f;
  layers[8].slope = layers[13].slope = 0.3f;
  layers[8].shift = 0.4f;
  layers[11].order = (DcRearrangement){.axes = 3, .size = {110, 6, 2}, .stride = {12, 1, 6}};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    layers[i].activation = activations[i];
    add_random(network, layers[i], random);
  }
  return network;
}

/* Calls `check` with networks of one layer each: every kind with kernels, strides, paddings and
 * channel counts on both sides of what the kernels of nn/patch.h work on at once. */
static inline void
for_each_layer(void (*check)(const DcNetwork *network))
{
  static const DcShape inputs[] = {{1, 1, 1}, {5, 7, 3}, {9, 4, 17}, {8, 8, 33}};
  static const int kernels[][2] = {{1, 1}, {3, 3}, {2, 5}, {4, 1}};
  static const int paddings[][4] = {{0, 0, 0, 0}, {0, 1, 1, 0}, {1, 2, 1, 2}, {3, 0, 0, 4}};
  static const int channels[] = {1, 3, 10, 64, 70};
  static const DcLayerKind windows[] = {DC_LAYER_CONV2D, DC_LAYER_DEPTHWISE_CONV2D,
                                        DC_LAYER_MAX_POOL, DC_LAYER_AVERAGE_POOL};
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  size_t turn = 0;
  for (size_t i = 0; i < 4; i++) {
    for (size_t k = 0; k < 4; k++) {
      for (size_t p = 0; p < 4; p++) {
        for (int stride = 1; stride <= 3; stride++) {
          int padding[4];
          for (size_t side = 0; side < 4; side++) {
            const int most = kernels[k][side / 2] - 1;
            padding[side] = paddings[p][side] < most ? paddings[p][side] : most;
          }
          if (inputs[i].height + padding[0] + padding[1] < kernels[k][0] ||
              inputs[i].width + padding[2] + padding[3] < kernels[k][1])
            continue;
          for (size_t w = 0; w < 4; w++, turn++) {
            DcLayer layer = window_layer(windows[w], kernels[k][0], kernels[k][1], stride, padding,
                                         channels[turn % 5]);
            layer.activation = (DcActivation)(turn % 4);
            layer.slope = 0.1f;
            DcNetwork *network = single_layer(inputs[i], layer, &random);
            check(network);
            if (windows[w] == DC_LAYER_CONV2D) {
              /* The adjoint of the same windows, from what they make back to what they saw. */
              DcShape small = dc_network_output(network);
              layer.kind = DC_LAYER_TRANSPOSED_CONV2D;
              layer.output = inputs[i];
              DcNetwork *back = single_layer(small, layer, &random);
              check(back);
              dc_network_free(back);
            }
            dc_network_free(network);
          }
        }
      }
    }
    for (size_t c = 0; c < 5; c++) {
      DcNetwork *dense = single_layer(inputs[i],
                                      (DcLayer){.kind = DC_LAYER_DENSE,
                                                .activation = (DcActivation)(c % 4),
                                                .slope = -0.5f,
                                                .output = {.channels = channels[c]}},
                                      &random);
      check(dense);
      dc_network_free(dense);
    }
    static const DcLayerKind plain[] = {DC_LAYER_GLOBAL_AVERAGE_POOL, DC_LAYER_AFFINE,
                                        DC_LAYER_L2_NORMALISE, DC_LAYER_RESHAPE,
                                        DC_LAYER_BATCH_NORM};
    for (size_t k = 0; k < 5; k++) {
      for (int activation = 0; activation < 4; activation++) {
        DcLayer layer = {.kind = plain[k], .activation = (DcActivation)activation, .slope = 0.2f};
        if (plain[k] == DC_LAYER_RESHAPE)
          layer.output = (DcShape){inputs[i].channels, inputs[i].height, inputs[i].width};
        DcNetwork *network = single_layer(inputs[i], layer, &random);
        check(network);
        dc_network_free(network);
      }
    }
    for (int activation = 0; activation < 4; activation++) {
      DcNetwork *sum = sum_network(inputs[i], (DcActivation)activation, &random);
      check(sum);
      dc_network_free(sum);
    }
  }
}

#endif
