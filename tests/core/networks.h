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

/* Calls `check` with networks of one layer each: every kind, with kernels, strides, paddings and
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
                                        DC_LAYER_L2_NORMALISE, DC_LAYER_RESHAPE};
    for (size_t k = 0; k < 4; k++) {
      for (int activation = 0; activation < 4; activation++) {
        DcLayer layer = {.kind = plain[k], .activation = (DcActivation)activation, .slope = 0.2f};
        if (plain[k] == DC_LAYER_RESHAPE)
          layer.output = (DcShape){inputs[i].channels, inputs[i].height, inputs[i].width};
        DcNetwork *network = single_layer(inputs[i], layer, &random);
        check(network);
        dc_network_free(network);
      }
    }
  }
}

#endif
