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
  };
  return ops[kind];
}

DcStatus
dc_layer_run_init(DcLayerRun *run, const DcNetwork *network, size_t index, size_t max_batch,
                  bool backward, DcError *error)
{
  *run = (DcLayerRun){.layer = dc_network_layer_const(network, index),
                      .input = dc_network_layer_input(network, index),
                      .kernels = dc_patch_kernels()};
  const DcLayerKindOps *ops = dc_layer_ops(run->layer->kind);
  DcStatus status = ops->plan ? ops->plan(run, max_batch, backward) : DC_OK;
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
  *run = (DcLayerRun){0};
}

void
dc_layer_run_pack(DcLayerRun *run)
{
  const DcLayerKindOps *ops = dc_layer_ops(run->layer->kind);
  if (ops->pack)
    ops->pack(run);
}

void
dc_layer_run_forward(const DcLayerRun *run, const float *input, size_t batch, float *before,
                     float *output, float *scratch)
{
  const DcLayerKindOps *ops = dc_layer_ops(run->layer->kind);
  const size_t floats = batch * dc_shape_size(run->layer->output);
  ops->forward(run, input, batch, before ? before : output, scratch);
  if (before)
    memcpy(output, before, floats * sizeof *output);
  if (!(ops->does_relu && run->layer->activation == DC_ACTIVATION_RELU))
    dc_activation_run(run->layer, output, floats);
}
