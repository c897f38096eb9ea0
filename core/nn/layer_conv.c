/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The layers that are a convolution or its adjoint (nn/convolution.h); dense layers too. */
#include "nn/activation.h"
#include "nn/layer.h"
#include "tensor/blas.h"

static DcStatus
plan(DcLayerRun *run, DcConvolutionShape shape, unsigned uses, size_t max_batch)
{
  DcStatus status = dc_convolution_new(&shape, uses, max_batch, &run->convolution);
  if (!status)
    run->scratch = dc_convolution_scratch(run->convolution);
  return status;
}

static DcConvolutionSteps
strides(const DcLayer *layer)
{
  return (DcConvolutionSteps){layer->stride, dc_layer_stride_across(layer)};
}

static void
add_column_sums(const float *values, size_t rows, size_t columns, float *sums)
{
  for (size_t i = 0; i < rows; i++, values += columns) {
    for (size_t j = 0; j < columns; j++)
      sums[j] += values[j];
  }
}

static void
bias_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  const DcShape output = run->layer->output;
  add_column_sums(job->output_gradient, job->batch * (size_t)output.height * (size_t)output.width,
                  (size_t)output.channels, job->bias_gradient);
}

/* --- the map: CONV2D, DENSE --- */

#define BOTH_WAYS (DC_CONVOLUTION_APPLY | DC_CONVOLUTION_ADJOINT | DC_CONVOLUTION_GRADIENT)

static DcStatus
plan_winograd(DcLayerRun *run, DcConvolutionShape shape, size_t max_batch)
{
  DcStatus status = dc_winograd_new(&shape, max_batch, &run->winograd);
  if (!status)
    run->scratch = dc_winograd_scratch(run->winograd);
  return status;
}

static DcStatus
plan_conv(DcLayerRun *run, size_t max_batch)
{
  const DcLayer *layer = run->layer;
  const DcConvolutionShape shape = {.large = run->input,
                                    .small = layer->output,
                                    .kernel_height = layer->kernel_height,
                                    .kernel_width = layer->kernel_width,
                                    .stride = strides(layer),
                                    .top = layer->padding[0],
                                    .left = layer->padding[2],
                                    .dilation = {dc_layer_dilation(layer),
                                                 dc_layer_dilation_across(layer)},
                                    .groups = dc_layer_groups(layer),
                                    .small_stride = run->output_stride};
  if (run->training)
    return plan(run, shape, BOTH_WAYS, max_batch);
  return dc_winograd_suits(&shape) ? plan_winograd(run, shape, max_batch)
                                   : plan(run, shape, DC_CONVOLUTION_APPLY, max_batch);
}

static void
pack_conv(DcLayerRun *run)
{
  if (run->winograd)
    dc_winograd_pack(run->winograd, run->layer->weight, run->layer->bias);
  else
    dc_convolution_pack(run->convolution, run->layer->weight, run->layer->bias, NULL);
}

static void
forward_conv(const DcLayerRun *run, const DcLayerForward *job)
{
  const DcPatchLimits limits = dc_activation_limits(run->layer);
  if (run->winograd)
    dc_winograd_apply(run->winograd, job->input, job->batch, limits, job->output, job->scratch);
  else
    dc_convolution_apply(run->convolution, job->input, job->batch, limits, job->output,
                         job->scratch);
}

static void
backward_conv(const DcLayerRun *run, const DcLayerBackward *job)
{
  bias_backward(run, job);
  dc_convolution_gradient(run->convolution, job->input, job->output_gradient, job->batch,
                          job->weight_gradient, job->scratch);
  if (job->input_gradient)
    dc_convolution_adjoint(run->convolution, job->output_gradient, job->batch, (DcPatchLimits){0},
                           job->input_gradient, job->scratch);
}

const DcLayerKindOps dc_layer_conv = {
    .plan = plan_conv,
    .pack = pack_conv,
    .forward = forward_conv,
    .backward = backward_conv,
    .does_relu = true,
    .does_clip = true,
    .can_stride = true,
};

/* --- DENSE --- */

/* A map from the flattened input, like a convolution with a 1x1 kernel over 1x1 images. The way
 * back goes through BLAS, which takes the weights as they are: they change at every step, and to
 * pack them costs as much as to multiply few samples by them. The way forward is that of a plan, to
 * the last bit. */

static DcStatus
plan_dense(DcLayerRun *run, size_t max_batch)
{
  const DcShape input = {1, 1, (int)dc_shape_size(run->input)};
  const DcConvolutionShape shape = {.large = input,
                                    .small = run->layer->output,
                                    .kernel_height = 1,
                                    .kernel_width = 1,
                                    .stride = {1, 1},
                                    .dilation = {1, 1},
                                    .groups = 1,
                                    .small_stride = (size_t)run->layer->output.channels};
  return plan(run, shape, DC_CONVOLUTION_APPLY, max_batch);
}

static void
backward_dense(const DcLayerRun *run, const DcLayerBackward *job)
{
  const DcMatrix weight =
      dc_matrix(run->layer->weight, dc_shape_size(run->input), dc_shape_size(run->layer->output));
  const DcMatrix gradient = dc_matrix(job->weight_gradient, weight.rows, weight.cols);
  const DcMatrix input = dc_matrix(job->input, job->batch, weight.rows);
  const DcMatrix delta = dc_matrix(job->output_gradient, job->batch, weight.cols);
  bias_backward(run, job);
  dc_gemm(DC_TRANSPOSED, DC_PLAIN, 1, &input, &delta, 1, &gradient);
  if (job->input_gradient) {
    const DcMatrix back = dc_matrix(job->input_gradient, job->batch, weight.rows);
    dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &delta, &weight, 0, &back);
  }
}

const DcLayerKindOps dc_layer_dense = {
    .plan = plan_dense,
    .pack = pack_conv,
    .forward = forward_conv,
    .backward = backward_dense,
    .does_relu = true,
    .does_clip = true,
};

/* --- its adjoint: TRANSPOSED_CONV2D --- */

static DcStatus
plan_transposed(DcLayerRun *run, size_t max_batch)
{
  const DcLayer *layer = run->layer;
  const DcConvolutionShape shape = {.large = layer->output,
                                    .small = run->input,
                                    .kernel_height = layer->kernel_height,
                                    .kernel_width = layer->kernel_width,
                                    .stride = strides(layer),
                                    .top = layer->padding[0],
                                    .left = layer->padding[2],
                                    .dilation = {1, 1},
                                    .groups = 1,
                                    .small_stride = (size_t)run->input.channels};
  return plan(run, shape, run->training ? BOTH_WAYS : DC_CONVOLUTION_ADJOINT, max_batch);
}

static void
pack_transposed(DcLayerRun *run)
{
  dc_convolution_pack(run->convolution, run->layer->weight, NULL, run->layer->bias);
}

static void
forward_transposed(const DcLayerRun *run, const DcLayerForward *job)
{
  dc_convolution_adjoint(run->convolution, job->input, job->batch, dc_activation_limits(run->layer),
                         job->output, job->scratch);
}

static void
backward_transposed(const DcLayerRun *run, const DcLayerBackward *job)
{
  bias_backward(run, job);
  dc_convolution_gradient(run->convolution, job->output_gradient, job->input, job->batch,
                          job->weight_gradient, job->scratch);
  if (job->input_gradient)
    dc_convolution_apply(run->convolution, job->output_gradient, job->batch, (DcPatchLimits){0},
                         job->input_gradient, job->scratch);
}

const DcLayerKindOps dc_layer_transposed = {
    .plan = plan_transposed,
    .pack = pack_transposed,
    .forward = forward_transposed,
    .backward = backward_transposed,
    .does_relu = true,
    .does_clip = true,
};
