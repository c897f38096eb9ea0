/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/initialise.h"

#include <math.h>
#include <string.h>

/* The deviation of a normal number of variance 1 that is drawn again beyond two. */
#define TRUNCATED_DEVIATION 0.87962566103423978

static float
draw_uniform(double range, DcRandom *random)
{
  return (float)(range * (2 * dc_random_uniform(random) - 1));
}

static float
draw_normal(double deviation, DcRandom *random)
{
  return (float)(deviation * dc_random_normal(random));
}

/* Sets the weights by `draw`, the biases to 0. */
static void
set_weights(DcLayer *layer, float (*draw)(double, DcRandom *), double size, DcRandom *random)
{
  const bool scale = layer->kind == DC_LAYER_AFFINE || layer->kind == DC_LAYER_BATCH_NORM;
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = scale ? 1 : draw(size, random);
  if (layer->bias_size)
    memset(layer->bias, 0, layer->bias_size * sizeof *layer->bias);
}

void
dc_initialise_uniform(DcNetwork *network, size_t index, float range, DcRandom *random)
{
  set_weights(dc_network_layer(network, index), draw_uniform, range, random);
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

void
dc_initialise_kaiming(DcNetwork *network, size_t index, DcRandom *random)
{
  double in, out;
  find_fans(network, index, &in, &out);
  set_weights(dc_network_layer(network, index), draw_normal, sqrt(2 / out), random);
}

void
dc_initialise_fan_in(DcNetwork *network, size_t index, DcRandom *random)
{
  double in, out;
  find_fans(network, index, &in, &out);
  DcLayer *layer = dc_network_layer(network, index);
  set_weights(layer, draw_uniform, 1 / sqrt(in), random);
  if (layer->kind == DC_LAYER_AFFINE || layer->kind == DC_LAYER_BATCH_NORM)
    return;
  for (size_t i = 0; i < layer->bias_size; i++)
    layer->bias[i] = draw_uniform(1 / sqrt(in), random);
}

void
dc_initialise_truncated_biases(DcNetwork *network, size_t index, DcRandom *random)
{
  DcLayer *layer = dc_network_layer(network, index);
  const double sigma = sqrt(1 / (double)layer->bias_size) / TRUNCATED_DEVIATION;
  for (size_t i = 0; i < layer->bias_size; i++) {
    double z = dc_random_normal(random);
    while (fabs(z) > 2)
      z = dc_random_normal(random);
    layer->bias[i] = (float)(sigma * z);
  }
}
