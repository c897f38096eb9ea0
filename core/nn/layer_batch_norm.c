/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* BATCH_NORM: by the layer's own statistics in a plan, by those of the batch in a trainer. */
#include "nn/layer.h"

static size_t
row_count(const DcLayerRun *run, size_t batch)
{
  return batch * (size_t)run->input.height * (size_t)run->input.width;
}

static DcStatus
plan(DcLayerRun *run, size_t max_batch)
{
  (void)max_batch;
  run->batch_norm = dc_batch_norm_new((size_t)run->input.channels);
  return run->batch_norm ? DC_OK : DC_ERROR_MEMORY;
}

static void
pack(DcLayerRun *run)
{
  if (!run->training)
    dc_batch_norm_use_layer(run->batch_norm, run->layer);
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t rows = row_count(run, job->batch);
  if (run->training)
    dc_batch_norm_use_batch(run->batch_norm, run->layer, job->input, rows);
  dc_batch_norm_apply(run->batch_norm, run->layer, job->input, rows,
                      run->layer->activation == DC_ACTIVATION_RELU, job->output);
}

static void
backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  dc_batch_norm_backward(run->batch_norm, job->input, job->output_gradient, job->weight_gradient,
                         job->bias_gradient, job->input_gradient);
}

const DcLayerKindOps dc_layer_batch_norm = {
    .plan = plan, .pack = pack, .forward = forward, .backward = backward, .does_relu = true};
