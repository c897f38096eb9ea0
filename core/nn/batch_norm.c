/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels are the vector, as everywhere. Sums over rows are taken in float over a block that stays
 * in the cache, and from block to block in double, so that a million rows lose no digits and a
 * batch is read from memory once for both of its moments. */
#include "nn/batch_norm.h"

#include "base/memory.h"

#include <string.h>

#define FLOAT_ARRAYS  7
#define DOUBLE_ARRAYS 4

/* Rows of a block. */
#define BLOCK 64

struct DcBatchNorm {
  size_t channels, rows;
  float *centre, *scale;   /* y = (x - centre) * scale + bias */
  double *mean, *variance; /* of the batch, biased */
  double *delta, *product; /* sums over the batch of delta and delta * (x - centre) */
  float *block[2];         /* sums over a block */
  float *block_centre;
  float *shift, *slope; /* x's gradient = (delta - shift - (x - centre) * slope) * scale */
  float *floats;        /* what the pointers to floats lie in ... */
  double *doubles;      /* ... and those to doubles */
};

static size_t
least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static void
place_arrays(DcBatchNorm *norm)
{
  float **const floats[FLOAT_ARRAYS] = {&norm->centre,   &norm->scale,        &norm->block[0],
                                        &norm->block[1], &norm->block_centre, &norm->shift,
                                        &norm->slope};
  double **const doubles[DOUBLE_ARRAYS] = {&norm->mean, &norm->variance, &norm->delta,
                                           &norm->product};
  for (size_t i = 0; i < FLOAT_ARRAYS; i++)
    *floats[i] = norm->floats + i * norm->channels;
  for (size_t i = 0; i < DOUBLE_ARRAYS; i++)
    *doubles[i] = norm->doubles + i * norm->channels;
}

DcBatchNorm *
dc_batch_norm_new(size_t channels)
{
  DcBatchNorm *norm = DC_NEW(DcBatchNorm, 1);
  if (!norm)
    return NULL;
  norm->channels = channels;
  norm->floats = DC_NEW(float, FLOAT_ARRAYS *channels);
  norm->doubles = DC_NEW(double, DOUBLE_ARRAYS *channels);
  if (!norm->floats || !norm->doubles) {
    dc_batch_norm_free(norm);
    return NULL;
  }
  place_arrays(norm);
  return norm;
}

void
dc_batch_norm_free(DcBatchNorm *norm)
{
  if (!norm)
    return;
  dc_free(norm->floats);
  dc_free(norm->doubles);
  dc_free(norm);
}

void
dc_batch_norm_use_layer(DcBatchNorm *norm, const DcLayer *layer)
{
  for (size_t i = 0; i < norm->channels; i++) {
    norm->centre[i] = layer->statistics[i];
    norm->scale[i] = (float)dc_batch_norm_scale(layer, i);
  }
}

/* --- moments of a batch --- */

/* Adds, over rows, x - centre to `sums` and its square to `squares`. */
static void
add_moments(const float *restrict x, size_t rows, size_t channels, const float *restrict centre,
            float *restrict sums, float *restrict squares)
{
  const size_t paired = rows - rows % 2;
  for (size_t row = 0; row < paired; row += 2, x += 2 * channels) {
    for (size_t i = 0; i < channels; i++) {
      const float first = x[i] - centre[i], second = x[channels + i] - centre[i];
      sums[i] += first + second;
      squares[i] += first * first + second * second;
    }
  }
  for (size_t i = 0; paired < rows && i < channels; i++) {
    const float last = x[i] - centre[i];
    sums[i] += last;
    squares[i] += last * last;
  }
}

/* Joins the moments of a block of `rows` to those of the `before` rows before it (Chan, Golub and
 * LeVeque 1979); `variance` is still the sum of squares around the mean. */
static void
join_moments(DcBatchNorm *norm, size_t before, size_t rows)
{
  const double count = (double)rows, all = (double)(before + rows);
  const float *centre = norm->block_centre, *sums = norm->block[0], *squares = norm->block[1];
  for (size_t i = 0; i < norm->channels; i++) {
    const double off = sums[i] / count;
    const double move = centre[i] + off - norm->mean[i];
    norm->variance[i] +=
        squares[i] - count * off * off + move * move * ((double)before * count / all);
    norm->mean[i] += move * (count / all);
  }
}

static void
clear_block(DcBatchNorm *norm)
{
  memset(norm->block[0], 0, norm->channels * sizeof(float));
  memset(norm->block[1], 0, norm->channels * sizeof(float));
}

/* Sums are taken around the mean of the rows before: how far that may be off counts in the variance
 * of all, so that what rounding loses is small beside it. */
static void
measure_block(DcBatchNorm *norm, const float *x, size_t before, size_t rows)
{
  clear_block(norm);
  for (size_t i = 0; i < norm->channels; i++)
    norm->block_centre[i] = (float)norm->mean[i];
  add_moments(x, rows, norm->channels, norm->block_centre, norm->block[0], norm->block[1]);
  join_moments(norm, before, rows);
}

void
dc_batch_norm_use_batch(DcBatchNorm *norm, const DcLayer *layer, const float *x, size_t rows)
{
  norm->rows = rows;
  memset(norm->variance, 0, norm->channels * sizeof(double));
  for (size_t i = 0; i < norm->channels; i++)
    norm->mean[i] = x[i]; /* for the first block the first row is guess enough */
  for (size_t first = 0; first < rows; first += BLOCK)
    measure_block(norm, x + first * norm->channels, first, least(BLOCK, rows - first));
  for (size_t i = 0; i < norm->channels; i++) {
    norm->variance[i] /= (double)rows;
    norm->centre[i] = (float)norm->mean[i];
    norm->scale[i] = (float)(layer->weight[i] / sqrt(norm->variance[i] + DC_BATCH_NORM_EPSILON));
  }
}

/* --- both ways --- */

void
dc_batch_norm_apply(const DcBatchNorm *norm, const DcLayer *layer, const float *x, size_t rows,
                    bool relu, float *y)
{
  const size_t channels = norm->channels;
  const float *restrict centre = norm->centre, *restrict scale = norm->scale;
  const float *restrict bias = layer->bias, *restrict from = x;
  float *restrict to = y;
  for (size_t row = 0; row < rows; row++, from += channels, to += channels) {
    if (relu) {
      for (size_t i = 0; i < channels; i++) {
        const float value = (from[i] - centre[i]) * scale[i] + bias[i];
        to[i] = value < 0 ? 0 : value; /* NaN stays NaN */
      }
    } else {
      for (size_t i = 0; i < channels; i++)
        to[i] = (from[i] - centre[i]) * scale[i] + bias[i];
    }
  }
}

/* Adds, over rows, delta to `sums` and delta * (x - centre) to `products`. */
static void
add_products(const float *restrict x, const float *restrict delta, size_t rows, size_t channels,
             const float *restrict centre, float *restrict sums, float *restrict products)
{
  const size_t paired = rows - rows % 2;
  for (size_t row = 0; row < paired; row += 2, x += 2 * channels, delta += 2 * channels) {
    for (size_t i = 0; i < channels; i++) {
      const float first = delta[i], second = delta[channels + i];
      sums[i] += first + second;
      products[i] += first * (x[i] - centre[i]) + second * (x[channels + i] - centre[i]);
    }
  }
  for (size_t i = 0; paired < rows && i < channels; i++) {
    sums[i] += delta[i];
    products[i] += delta[i] * (x[i] - centre[i]);
  }
}

static void
sum_deltas(DcBatchNorm *norm, const float *x, const float *delta)
{
  const size_t channels = norm->channels;
  memset(norm->delta, 0, channels * sizeof(double));
  memset(norm->product, 0, channels * sizeof(double));
  for (size_t first = 0; first < norm->rows; first += BLOCK) {
    clear_block(norm);
    add_products(x + first * channels, delta + first * channels, least(BLOCK, norm->rows - first),
                 channels, norm->centre, norm->block[0], norm->block[1]);
    for (size_t i = 0; i < channels; i++) {
      norm->delta[i] += norm->block[0][i];
      norm->product[i] += norm->block[1][i];
    }
  }
}

static void
store_x_gradient(const DcBatchNorm *norm, const float *x, const float *delta, float *x_gradient)
{
  const size_t channels = norm->channels;
  const float *restrict centre = norm->centre, *restrict scale = norm->scale;
  const float *restrict shift = norm->shift, *restrict slope = norm->slope;
  float *restrict to = x_gradient;
  for (size_t row = 0; row < norm->rows; row++, x += channels, delta += channels, to += channels) {
    for (size_t i = 0; i < channels; i++)
      to[i] = (delta[i] - shift[i] - (x[i] - centre[i]) * slope[i]) * scale[i];
  }
}

/* With x' = (x - mean) * s, s = 1 / sqrt(variance + epsilon), the gradient with respect to x is
 * weight * s * (delta - mean(delta) - x' * mean(delta * x')), the formulas of section 3 of the
 * paper gathered. */
void
dc_batch_norm_backward(DcBatchNorm *norm, const float *x, const float *delta,
                       float *weight_gradient, float *bias_gradient, float *x_gradient)
{
  const double rows = (double)norm->rows;
  sum_deltas(norm, x, delta);
  for (size_t i = 0; i < norm->channels; i++) {
    const double inverse = 1 / sqrt(norm->variance[i] + DC_BATCH_NORM_EPSILON);
    weight_gradient[i] += (float)(norm->product[i] * inverse);
    bias_gradient[i] += (float)norm->delta[i];
    norm->shift[i] = (float)(norm->delta[i] / rows);
    norm->slope[i] = (float)(norm->product[i] * inverse * inverse / rows);
  }
  if (x_gradient)
    store_x_gradient(norm, x, delta, x_gradient);
}

static void
move_towards(float *running, double momentum, double value)
{
  *running = (float)((1 - momentum) * *running + momentum * value);
}

void
dc_batch_norm_update(const DcBatchNorm *norm, double momentum, float *statistics)
{
  const double rows = (double)norm->rows;
  for (size_t i = 0; i < norm->channels; i++) {
    move_towards(&statistics[i], momentum, norm->mean[i]);
    if (norm->rows > 1)
      move_towards(&statistics[norm->channels + i], momentum,
                   norm->variance[i] * rows / (rows - 1));
  }
}
