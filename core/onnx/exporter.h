/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_EXPORTER_H
#define DC_ONNX_EXPORTER_H

#include "nn/network.h"
#include "onnx/writer.h"

/* Writes one layer after another as nodes of a graph. Values of the network are channels last,
 * those of the graph are not, so that each may be there in more than one form. */

typedef enum {
  DC_ONNX_MAP, /* N x channels x height x width */
  DC_ONNX_FLAT /* N x numbers, in the network's order: by height, width, channels */
} DcOnnxForm;

enum { DC_ONNX_FORMS = 2 };

typedef struct {
  DcShape shape;
  const char *names[DC_ONNX_FORMS]; /* NULL: not in this form yet */
} DcOnnxFlow;

/* Something that a layer made. */
typedef struct {
  DcOnnxForm form;
  const char *name;
} DcOnnxMade;

typedef struct {
  DcOnnxWriter writer;
  const DcNetwork *network;
  DcOnnxFlow *flows; /* by the number of the value */
  size_t index;      /* of the layer that is being written */
  const DcLayer *layer;
} DcOnnxExporter;

static inline bool
dc_onnx_is_vector(DcShape shape)
{
  return shape.height == 1 && shape.width == 1;
}

/* --- what goes into the layer --- */

DcOnnxFlow *dc_onnx_input(const DcOnnxExporter *exporter);
DcOnnxFlow *dc_onnx_second_input(const DcOnnxExporter *exporter);

/* The value's name in a form, which is made of the other where it is not there. */
const char *dc_onnx_in_form(DcOnnxExporter *exporter, DcOnnxFlow *flow, DcOnnxForm form);

/* A form that a value is there in. */
DcOnnxForm dc_onnx_any_form(const DcOnnxFlow *flow);

/* A form in which axis 1 is the channels: what is there, if it can be. */
DcOnnxForm dc_onnx_channel_form(const DcOnnxFlow *flow);

/* --- nodes and weights that several kinds need --- */

const char *dc_onnx_emit_reshape(DcOnnxExporter *exporter, const char *name, size_t rank,
                                 const int64_t *shape);
const char *dc_onnx_transpose(DcOnnxExporter *exporter, const char *name, size_t rank,
                              const int64_t *order);

/* A copy of `numbers` of shape `sizes` with its axes in another order, as an initialiser. */
const char *dc_onnx_add_permuted(DcOnnxExporter *exporter, const float *numbers,
                                 const int64_t sizes[4], const int order[4], size_t rank,
                                 const int64_t *shape);

/* One number per channel as an initialiser that meets axis 1 of `form`. */
const char *dc_onnx_add_per_channel(DcOnnxExporter *exporter, const char *purpose,
                                    const float *numbers, DcOnnxForm form);

/* `name` through the activation of the layer. */
const char *dc_onnx_emit_activation(DcOnnxExporter *exporter, const char *name);

/* --- kinds of layers, without their activation --- */

DcOnnxMade dc_onnx_write_dense(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_conv(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_depthwise(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_transposed(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_max_pool(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_average_pool(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_global_average_pool(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_pad(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_affine(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_prelu(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_layer_norm(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_softmax(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_l2_normalise(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_add(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_multiply(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_concatenate(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_reshape(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_rearrange(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_resample(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_instance_norm(DcOnnxExporter *exporter);
DcOnnxMade dc_onnx_write_response_norm(DcOnnxExporter *exporter);

#endif
