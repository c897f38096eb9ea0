/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_BATCH_NORM_H
#define DC_NN_BATCH_NORM_H

#include "nn/network.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Batch normalisation (Ioffe and Szegedy 2015, algorithms 1 and 2) of rows x channels dense floats,
 * a row being one pixel of one sample:
 *
 *   y = (x - mean) / sqrt(variance + epsilon) * weight + bias
 *
 * per channel, either with the statistics that the layer keeps or with those of the rows at hand.
 * `layer` is a BATCH_NORM of that many channels in all of it. One thread at a time. */
typedef struct DcBatchNorm DcBatchNorm;

/* As PyTorch has it. */
#define DC_BATCH_NORM_EPSILON 1e-5

/* NULL when memory is short. Free with dc_batch_norm_free(). */
DcBatchNorm *dc_batch_norm_new(size_t channels);
void dc_batch_norm_free(DcBatchNorm *norm);

/* Takes over weight, mean and variance of `layer`; needed after every change of them. */
void dc_batch_norm_use_layer(DcBatchNorm *norm, const DcLayer *layer);

/* Takes over the weight of `layer`, and mean and variance (the biased one, over `rows`) of `x`. */
void dc_batch_norm_use_batch(DcBatchNorm *norm, const DcLayer *layer, const float *x, size_t rows);

/* y, with what was taken over last; with `relu`, max(y, 0). */
void dc_batch_norm_apply(const DcBatchNorm *norm, const DcLayer *layer, const float *x, size_t rows,
                         bool relu, float *y);

/* The way back through the rows of the last dc_batch_norm_use_batch(), their mean and variance
 * being functions of them: with `delta` the gradient with respect to y, adds that with respect to
 * weight and bias, and stores that with respect to x (NULL: not wanted). */
void dc_batch_norm_backward(DcBatchNorm *norm, const float *x, const float *delta,
                            float *weight_gradient, float *bias_gradient, float *x_gradient);

/* Moves `statistics` (as in a DcLayer) towards those of the last dc_batch_norm_use_batch():
 * running = (1 - momentum) * running + momentum * batch, with the unbiased variance, as PyTorch.
 * One row has no unbiased variance; the running one then stays. */
void dc_batch_norm_update(const DcBatchNorm *norm, double momentum, float *statistics);

/* What x - mean is multiplied by in a layer used with its own statistics. */
static inline double
dc_batch_norm_scale(const DcLayer *layer, size_t channel)
{
  const double variance = layer->statistics[layer->statistics_size / 2 + channel];
  return layer->weight[channel] / sqrt(variance + DC_BATCH_NORM_EPSILON);
}

#endif
