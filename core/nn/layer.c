/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/layer.h"

#include "nn/activation.h"

#include <string.h>

const DcLayerKindOps *
dc_layer_ops(DcLayerKind kind)
{
  static const DcLayerKindOps *const ops[DC_LAYER_KIND_COUNT] = {
      [DC_LAYER_DENSE] = &dc_layer_dense,
      [DC_LAYER_CONV2D] = &dc_layer_conv,
      [DC_LAYER_DEPTHWISE_CONV2D] = &dc_layer_depthwise,
      [DC_LAYER_TRANSPOSED_CONV2D] = &dc_layer_transposed,
      [DC_LAYER_MAX_POOL] = &dc_layer_max_pool,
      [DC_LAYER_AVERAGE_POOL] = &dc_layer_average_pool,
      [DC_LAYER_GLOBAL_AVERAGE_POOL] = &dc_layer_global_average_pool,
      [DC_LAYER_AFFINE] = &dc_layer_affine,
      [DC_LAYER_RESHAPE] = &dc_layer_reshape,
      [DC_LAYER_L2_NORMALISE] = &dc_layer_l2_normalise,
      [DC_LAYER_ADD] = &dc_layer_add,
      [DC_LAYER_BATCH_NORM] = &dc_layer_batch_norm,
      [DC_LAYER_MULTIPLY] = &dc_layer_multiply,
      [DC_LAYER_CONCATENATE] = &dc_layer_concatenate,
      [DC_LAYER_PRELU] = &dc_layer_prelu,
      [DC_LAYER_LAYER_NORM] = &dc_layer_layer_norm,
      [DC_LAYER_SOFTMAX] = &dc_layer_softmax,
      [DC_LAYER_PAD] = &dc_layer_pad,
      [DC_LAYER_REARRANGE] = &dc_layer_rearrange,
      [DC_LAYER_RESAMPLE] = &dc_layer_resample,
      [DC_LAYER_INSTANCE_NORM] = &dc_layer_instance_norm,
      [DC_LAYER_RESPONSE_NORM] = &dc_layer_response_norm,
  };
  return ops[kind];
}

/* What of the layer goes forward only; NULL: nothing. */
static const char *
forward_only(const DcLayerRun *run)
{
  const DcLayer *layer = run->layer;
  if (!dc_layer_ops(layer->kind)->backward)
    return "its kind";
  if (!dc_activation_has_backward(layer->activation))
    return "its activation";
  if (dc_layer_dilation(layer) > 1 || dc_layer_dilation_across(layer) > 1)
    return "a dilation";
  if (dc_layer_groups(layer) > 1)
    return "a convolution in groups";
  if (dc_layer_takes_two(layer->kind) && dc_shape_size(run->second) != dc_shape_size(run->input))
    return "a second input of one pixel";
  return NULL;
}

static DcStatus
check_training(const DcLayerRun *run, size_t index, DcError *error)
{
  const char *what = run->training ? forward_only(run) : NULL;
  if (!what)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                      "layer %zu (%s, activation %s): %s goes forward only; a network with it can "
                      "be used, but not trained",
                      index, dc_layer_kind_name(run->layer->kind),
                      dc_activation_name(run->layer->activation), what);
}

static void
describe(DcLayerRun *run, const DcNetwork *network, size_t index, const DcLayerUse *use)
{
  const DcLayer *layer = dc_network_layer_const(network, index);
  *run = (DcLayerRun){.layer = layer,
                      .input = dc_network_layer_input(network, index),
                      .output_stride =
                          use->output_stride ? use->output_stride : (size_t)layer->output.channels,
                      .kernels = dc_patch_kernels(),
                      .training = use->training};
  if (dc_layer_takes_two(layer->kind))
    run->second = dc_network_value(network, dc_layer_second_source(layer, index));
}

DcStatus
dc_layer_run_init(DcLayerRun *run, const DcNetwork *network, size_t index, const DcLayerUse *use,
                  DcError *error)
{
  describe(run, network, index, use);
  DcStatus status = check_training(run, index, error);
  if (status)
    return status;
  const DcLayerKindOps *ops = dc_layer_ops(run->layer->kind);
  status = ops->plan ? ops->plan(run, use->max_batch) : DC_OK;
  if (status)
    return dc_error_set(error, status, "layer %zu (%s): %s", index,
                        dc_layer_kind_name(run->layer->kind),
                        status == DC_ERROR_MEMORY ? "no memory for its plan"
                                                  : "its padded images are too large");
  dc_layer_run_pack(run);
  return DC_OK;
}

void
dc_layer_run_clear(DcLayerRun *run)
{
  dc_convolution_free(run->convolution);
  dc_winograd_free(run->winograd);
  dc_batch_norm_free(run->batch_norm);
  *run = (DcLayerRun){0};
}

void
dc_layer_run_pack(DcLayerRun *run)
{
  const DcLayerKindOps *ops = dc_layer_ops(run->layer->kind);
  if (ops->pack)
    ops->pack(run);
}

static bool
does_activation(const DcLayerKindOps *ops, DcActivation activation)
{
  return (ops->does_relu && activation == DC_ACTIVATION_RELU) ||
         (ops->does_clip && activation == DC_ACTIVATION_CLIP);
}

static void
activate(const DcLayerRun *run, size_t batch, float *output)
{
  const DcShape shape = run->layer->output;
  const size_t channels = (size_t)shape.channels, floats = batch * dc_shape_size(shape);
  if (run->output_stride == channels) {
    dc_activation_run(run->layer, output, floats);
    return;
  }
  for (size_t i = 0; i < floats; i += channels, output += run->output_stride)
    dc_activation_run(run->layer, output, channels);
}

void
dc_layer_run_forward(const DcLayerRun *run, const DcLayerForward *job, float *before)
{
  const DcLayerKindOps *ops = dc_layer_ops(run->layer->kind);
  DcLayerForward sums = *job;
  if (before)
    sums.output = before;
  ops->forward(run, &sums);
  if (before)
    memcpy(job->output, before, job->batch * dc_shape_size(run->layer->output) * sizeof *before);
  if (run->layer->activation != DC_ACTIVATION_NONE && !does_activation(ops, run->layer->activation))
    activate(run, job->batch, job->output);
}
