/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_LAYER_H
#define DC_NN_LAYER_H

#include "base/status.h"
#include "nn/batch_norm.h"
#include "nn/convolution.h"
#include "nn/network.h"
#include "nn/patch.h"
#include "nn/winograd.h"

/* How a layer will be used. */
typedef struct {
  size_t max_batch;
  bool training;        /* backward too */
  size_t output_stride; /* floats from one pixel of the output to the next; 0: its channels */
} DcLayerUse;

/* One layer, planned: what a plan and a trainer have in common. Forward and backward do everything
 * but the activation, unless the kind can do that on the way out. */
typedef struct {
  const DcLayer *layer;
  DcShape input, second; /* the second of the kinds that take two */
  size_t output_stride;  /* floats from one pixel of the output to the next */
  const DcPatchKernels *kernels;
  bool training;              /* planned for the way back too */
  DcConvolution *convolution; /* the kinds that are one; else NULL */
  DcWinograd *winograd;       /* instead, where that is faster */
  DcBatchNorm *batch_norm;    /* BATCH_NORM; else NULL */
  size_t scratch;             /* floats that the calls need */
} DcLayerRun;

/* What goes forward through a layer. */
typedef struct {
  const float *input;
  const float *second; /* of the kinds that take two; else not used */
  size_t batch;
  float *output;
  float *scratch;
} DcLayerForward;

/* What goes backward through a layer; all but `input_gradient` are given. */
typedef struct {
  const float *input;
  const float *output_gradient; /* before the activation */
  size_t batch;
  float *weight_gradient, *bias_gradient; /* added to; NULL where the kind has none */
  float *input_gradient;                  /* overwritten; NULL when nobody wants it */
  float *scratch;
} DcLayerBackward;

/* What each kind does. Images are dense, one after the other; but for outputs with a stride. */
typedef struct {
  /* Fills `convolution`, `batch_norm` and `scratch`; NULL when there is nothing to fill. */
  DcStatus (*plan)(DcLayerRun *run, size_t max_batch);
  /* Takes changed weights over; NULL when they are used as they are. */
  void (*pack)(DcLayerRun *run);
  void (*forward)(const DcLayerRun *run, const DcLayerForward *job);
  /* NULL: the kind goes forward only. */
  void (*backward)(const DcLayerRun *run, const DcLayerBackward *job);
  bool does_relu, does_clip; /* forward() applies that activation, instead of nothing */
  bool can_stride;           /* an output_stride beyond the channels is possible */
  bool in_place;             /* the output may lie where the input does */
} DcLayerKindOps;

extern const DcLayerKindOps dc_layer_dense, dc_layer_conv, dc_layer_transposed, dc_layer_depthwise,
    dc_layer_max_pool, dc_layer_average_pool, dc_layer_global_average_pool, dc_layer_affine,
    dc_layer_reshape, dc_layer_l2_normalise, dc_layer_add, dc_layer_batch_norm, dc_layer_multiply,
    dc_layer_concatenate, dc_layer_prelu, dc_layer_layer_norm, dc_layer_softmax, dc_layer_pad,
    dc_layer_rearrange, dc_layer_resample, dc_layer_instance_norm, dc_layer_response_norm;

const DcLayerKindOps *dc_layer_ops(DcLayerKind kind);

/* Plans layer `index` of `network` for `use`, and packs its weights. For training,
 * DC_ERROR_UNSUPPORTED for what goes forward only. */
DcStatus dc_layer_run_init(DcLayerRun *run, const DcNetwork *network, size_t index,
                           const DcLayerUse *use, DcError *error);
void dc_layer_run_clear(DcLayerRun *run);

/* Takes over changed weights. */
void dc_layer_run_pack(DcLayerRun *run);

/* Forward, activation included. `before` (NULL: not wanted) receives what goes into the
 * activation. */
void dc_layer_run_forward(const DcLayerRun *run, const DcLayerForward *job, float *before);

/* Floats from one image of the output to the next. */
static inline size_t
dc_layer_run_output_size(const DcLayerRun *run)
{
  const DcShape output = run->layer->output;
  return (size_t)output.height * (size_t)output.width * run->output_stride;
}

#endif
