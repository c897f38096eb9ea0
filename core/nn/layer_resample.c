/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RESAMPLE: the pixels at given rows and columns, interpolated linearly. */
#include "nn/layer.h"
#include "nn/resample.h"
#include "nn/window.h"

#include <string.h>

/* a + share * (b - a), `count` numbers. A share of 0 leaves b alone, which may be infinite. */
static void
mix(const float *a, const float *b, float share, size_t count, float *to)
{
  if (share == 0) {
    memcpy(to, a, count * sizeof *to);
    return;
  }
  for (size_t i = 0; i < count; i++)
    to[i] = a[i] + share * (b[i] - a[i]);
}

/* One row of the output from one row of the input. */
static void
resample_row(const DcLayerRun *run, const float *row, float *to)
{
  const DcShape out = run->layer->output;
  const float *places = run->layer->weight + out.height;
  const size_t channels = (size_t)out.channels;
  for (int column = 0; column < out.width; column++, to += channels) {
    const DcResampleTap tap = dc_resample_tap(places[column], run->input.width);
    mix(row + (size_t)tap.first * channels, row + (size_t)tap.second * channels, tap.share,
        channels, to);
  }
}

static void
resample_image(const DcLayerRun *run, const float *image, float *to, float *between)
{
  const DcShape out = run->layer->output, in = run->input;
  const size_t in_row = (size_t)in.width * (size_t)in.channels;
  const size_t out_row = (size_t)out.width * (size_t)out.channels;
  for (int row = 0; row < out.height; row++, to += out_row) {
    const DcResampleTap tap = dc_resample_tap(run->layer->weight[row], in.height);
    const float *source = image + dc_shape_offset(in, tap.first, 0);
    if (tap.share != 0) {
      mix(source, image + dc_shape_offset(in, tap.second, 0), tap.share, in_row, between);
      source = between;
    }
    resample_row(run, source, to);
  }
}

static DcStatus
plan(DcLayerRun *run, size_t max_batch)
{
  (void)max_batch;
  run->scratch = (size_t)run->input.width * (size_t)run->input.channels;
  return DC_OK;
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t in = dc_shape_size(run->input), out = dc_shape_size(run->layer->output);
  for (size_t i = 0; i < job->batch; i++)
    resample_image(run, job->input + i * in, job->output + i * out, job->scratch);
}

const DcLayerKindOps dc_layer_resample = {.plan = plan, .forward = forward};
