/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/resize.h"

#include "base/memory.h"

#include <math.h>

static bool
is_same_shape(const DcAxisShape *a, const DcAxisShape *b)
{
  return a->outputs == b->outputs && a->start == b->start && a->length == b->length &&
         a->low == b->low && a->high == b->high && a->resize == b->resize && a->shift == b->shift &&
         a->phase == b->phase;
}

static int
clip(double position, int low, int high)
{
  return position <= low ? low : position >= high ? high : (int)position;
}

/* Gives `weight` to the sample of `pixel`. Pixels come in rising order. */
static void
add_weight(DcAxis *axis, int output, int pixel, double weight)
{
  const DcAxisShape *shape = &axis->shape;
  int sample = (pixel - shape->low + shape->phase) >> shape->shift;
  float *weights = axis->weights + (size_t)output * axis->stride;
  int *count = &axis->counts[output];
  if (*count == 0)
    axis->firsts[output] = sample;
  int index = sample - axis->firsts[output];
  while (*count <= index)
    weights[(*count)++] = 0;
  weights[index] += (float)weight;
}

/* The mean over what `output` covers. The pixels at the ends stand for all beyond them. */
static void
weigh_area(DcAxis *axis, int output)
{
  const DcAxisShape *shape = &axis->shape;
  /* Products first, so that borders on whole pixels come out whole. */
  double begin = shape->start + output * shape->length / shape->outputs;
  double end = shape->start + (output + 1) * shape->length / shape->outputs;
  int first = clip(floor(begin), shape->low, shape->high);
  int last = clip(ceil(end) - 1, shape->low, shape->high);
  for (int pixel = first; pixel <= last; pixel++) {
    double left = pixel == first ? begin : pixel;
    double right = pixel == last ? end : pixel + 1.0;
    add_weight(axis, output, pixel, (right - left) / (end - begin));
  }
}

static void
weigh_neighbours(DcAxis *axis, int output)
{
  const DcAxisShape *shape = &axis->shape;
  double centre = shape->start + (output + 0.5) * shape->length / shape->outputs - 0.5;
  double before = floor(centre);
  add_weight(axis, output, clip(before, shape->low, shape->high), 1 - (centre - before));
  if (centre > before)
    add_weight(axis, output, clip(before + 1, shape->low, shape->high), centre - before);
}

static void
clear_unused(DcAxis *axis)
{
  for (int output = 0; output < axis->shape.outputs; output++)
    for (int k = axis->counts[output]; k < axis->taps; k++)
      axis->weights[(size_t)output * axis->stride + (size_t)k] = 0;
}

static DcStatus
reserve(DcAxis *axis, size_t outputs, size_t weights)
{
  if (outputs > axis->output_capacity) {
    dc_free(axis->firsts);
    dc_free(axis->counts);
    axis->firsts = DC_NEW(int, outputs);
    axis->counts = DC_NEW(int, outputs);
    axis->output_capacity = axis->firsts && axis->counts ? outputs : 0;
  }
  if (weights > axis->weight_capacity) {
    dc_free(axis->weights);
    axis->weights = DC_NEW(float, weights);
    axis->weight_capacity = axis->weights ? weights : 0;
  }
  return axis->output_capacity && axis->weight_capacity ? DC_OK : DC_ERROR_MEMORY;
}

DcStatus
dc_axis_plan(DcAxis *axis, const DcAxisShape *shape)
{
  if (is_same_shape(&axis->shape, shape))
    return DC_OK;
  bool average = shape->resize == DC_RESIZE_AREA && shape->length > shape->outputs;
  int visible = shape->high - shape->low + 1;
  /* A stretch of n pixels touches at most ceil(n) + 1 of them; by rounding perhaps one more. */
  double touched = average ? ceil(shape->length / shape->outputs) + 2 : 2;
  size_t outputs = (size_t)shape->outputs;
  size_t stride = touched < visible ? (size_t)touched : (size_t)visible;
  axis->shape = (DcAxisShape){0};
  if (reserve(axis, outputs, outputs * stride) != DC_OK)
    return DC_ERROR_MEMORY;
  axis->shape = *shape;
  axis->stride = stride;
  axis->taps = 0;
  for (int output = 0; output < shape->outputs; output++) {
    axis->counts[output] = 0;
    if (average)
      weigh_area(axis, output);
    else
      weigh_neighbours(axis, output);
    if (axis->counts[output] > axis->taps)
      axis->taps = axis->counts[output];
  }
  clear_unused(axis);
  return DC_OK;
}

void
dc_axis_clear(DcAxis *axis)
{
  dc_free(axis->firsts);
  dc_free(axis->counts);
  dc_free(axis->weights);
  *axis = (DcAxis){0};
}
