/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/initialise.h"

#include <math.h>
#include <string.h>

void
dc_initialise_uniform(DcNetwork *network, size_t index, float range, DcRandom *random)
{
  DcLayer *layer = dc_network_layer(network, index);
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] =
        layer->kind == DC_LAYER_AFFINE ? 1 : (float)(range * (2 * dc_random_uniform(random) - 1));
  if (layer->bias_size)
    memset(layer->bias, 0, layer->bias_size * sizeof *layer->bias);
}

/* How many inputs an output sees, and the other way round. */
static void
find_fans(const DcNetwork *network, size_t index, double *in, double *out)
{
  const DcLayer *layer = dc_network_layer_const(network, index);
  const DcShape input = dc_network_layer_input(network, index);
  const double taps = (double)layer->kernel_height * layer->kernel_width;
  *in = taps * input.channels;
  *out = taps * layer->output.channels;
  if (layer->kind == DC_LAYER_DENSE) {
    *in = (double)dc_shape_size(input);
    *out = layer->output.channels;
  } else if (layer->kind == DC_LAYER_DEPTHWISE_CONV2D) {
    *in = *out = taps;
  }
}

void
dc_initialise_glorot(DcNetwork *network, size_t index, DcRandom *random)
{
  double in, out;
  find_fans(network, index, &in, &out);
  dc_initialise_uniform(network, index, (float)sqrt(6 / (in + out)), random);
}

/* The deviation of a standard normal number that is cut off at two. */
#define TRUNCATED_DEVIATION 0.87962566103423978

void
dc_initialise_truncated_biases(DcNetwork *network, size_t index, DcRandom *random)
{
  DcLayer *layer = dc_network_layer(network, index);
  const double deviation = sqrt(1 / (double)layer->bias_size) / TRUNCATED_DEVIATION;
  for (size_t i = 0; i < layer->bias_size; i++) {
    double number;
    do
      number = dc_random_normal(random);
    while (fabs(number) > 2);
    layer->bias[i] = (float)(deviation * number);
  }
}
