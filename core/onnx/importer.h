/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_IMPORTER_H
#define DC_ONNX_IMPORTER_H

#include "base/status.h"
#include "nn/network.h"
#include "onnx/constants.h"
#include "onnx/graph.h"
#include "onnx/values.h"

#include <stdbool.h>

/* What the operators of an import share: the network that grows, what the names of the graph have
 * become in it, and the forms in which layers want their inputs. Private to core/onnx. */

/* Two values of the network that were joined, so that no pair is joined twice. */
typedef struct {
  size_t first, second, joined;
} DcOnnxJoint;

typedef struct {
  const DcOnnxGraph *graph;
  DcOnnxValues values;
  DcOnnxConstants constants; /* that were computed */
  DcNetwork *network;
  size_t weights; /* that its layers have */
  int64_t walked; /* numbers that constants met */
  int64_t batch;  /* what the graph takes for the number of pictures */
  DcOnnxJoint *joints;
  size_t joint_count, joint_room;
  char where[256]; /* the node at work, as messages begin */
  DcError *error;
} DcOnnxImporter;

/* Turns one node into layers. */
typedef DcStatus (*DcOnnxOperator)(DcOnnxImporter *importer, const DcOnnxNode *node);

/* Says "WHERE: ..." and returns `status`. */
__attribute__((format(printf, 3, 4))) DcStatus
dc_onnx_refuse(DcOnnxImporter *importer, DcStatus status, const char *format, ...);

/* Input `index` of the node: what depends on the picture (refused when it is missing or constant),
 * and a constant (NULL when it is left out; refused when it is not constant, with `needed` also
 * when it is left out). `what` names it in messages. */
DcStatus dc_onnx_flow(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index,
                      DcOnnxEntry **entry);
DcStatus dc_onnx_constant(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index,
                          bool needed, const char *what, const DcOnnxTensor **tensor);

/* A constant of exactly `count` numbers as floats, or of one that stands for all of them. */
DcStatus dc_onnx_constant_floats(DcOnnxImporter *importer, const DcOnnxTensor *tensor,
                                 const char *what, size_t count, const float **floats);

/* Output `index` of the node is value `number` of the network seen through `view`. Nobody else
 * reads that value, unless dc_onnx_alias() says so. */
void dc_onnx_bind(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, size_t number,
                  DcOnnxView view);
/* Output `index` of the node is what `source` is, seen through `view`. */
void dc_onnx_alias(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index,
                   const DcOnnxEntry *source, DcOnnxView view);

/* Appends `layer` after values `first` and, for the kinds with two inputs, `second`; `*number` is
 * what it makes. */
DcStatus dc_onnx_add(DcOnnxImporter *importer, DcLayer layer, size_t first, size_t second,
                     size_t *number);
/* The layer that was added last, for its weights. */
DcLayer *dc_onnx_last_layer(DcOnnxImporter *importer);

/* The shape of `entry` as ONNX has it: the batch, then the axes. Returns the rank. Nothing makes
 * tensors of more than DC_ONNX_MOST_AXES axes, so that a view has one less. */
size_t dc_onnx_shape(const DcOnnxImporter *importer, const DcOnnxEntry *entry,
                     int64_t shape[DC_ONNX_MOST_AXES]);

/* The layer that makes `entry`, if it may still be changed: nothing else reads what it makes, and
 * it has no activation. Else NULL. */
DcLayer *dc_onnx_open_layer(DcOnnxImporter *importer, const DcOnnxEntry *entry);

/* --- forms: each moves numbers only when they lie otherwise, and binds `entry` anew then --- */

/* A tensor of channels x height x width becomes a value of height x width x channels. */
DcStatus dc_onnx_take_map(DcOnnxImporter *importer, DcOnnxEntry *entry);
/* Whatever x channels becomes 1 x pixels x channels, in the order of the axes. */
DcStatus dc_onnx_take_rows(DcOnnxImporter *importer, DcOnnxEntry *entry);
/* The view goes through all numbers of the value, in any order. */
DcStatus dc_onnx_take_whole(DcOnnxImporter *importer, DcOnnxEntry *entry);
/* The value counts as `shape`, of as many numbers; the view stays. */
DcStatus dc_onnx_take_shape(DcOnnxImporter *importer, DcOnnxEntry *entry, DcShape shape);

/* The axes of `entry` (without the batch) become `size`. */
DcStatus dc_onnx_reshape(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                         size_t rank, const int64_t *size);

/* Output 0 of the node is `activation` (its kind and numbers; the rest of the layer is not looked
 * at) of `entry`. */
DcStatus dc_onnx_activate(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                          const DcLayer *activation);

/* Output 0 of the node is `entry` times `scale` plus `shift`, constants that are repeated as ONNX
 * does (NULL: 1 and 0). */
DcStatus dc_onnx_scale_and_shift(DcOnnxImporter *importer, const DcOnnxNode *node,
                                 DcOnnxEntry *entry, const DcOnnxTensor *scale,
                                 const DcOnnxTensor *shift);
/* The same with a number for each channel of a map or vector. */
DcStatus dc_onnx_scale_channels(DcOnnxImporter *importer, const DcOnnxNode *node,
                                DcOnnxEntry *entry, const double *scale, const double *shift);

/* --- the operators, by the files that have them --- */

DcOnnxOperator dc_onnx_find_weighted(const char *op);  /* convolutions, products, batch norm */
DcOnnxOperator dc_onnx_find_pool(const char *op);      /* pools, means over pixels, padding */
DcOnnxOperator dc_onnx_find_pointwise(const char *op); /* activations, arithmetic */
DcOnnxOperator dc_onnx_find_layout(const char *op);    /* shapes, slices, joining */
DcOnnxOperator dc_onnx_find_norm(const char *op);      /* softmax, norms */
DcOnnxOperator dc_onnx_find_gather(const char *op);    /* numbers by their places */
DcOnnxOperator dc_onnx_find_resize(const char *op);    /* images of another size */

/* The meanings of recognise.h that are norms. */
DcStatus dc_onnx_import_layer_norm(DcOnnxImporter *importer, const DcOnnxNode *node,
                                   DcOnnxEntry *entry, int64_t axis, float epsilon);
DcStatus dc_onnx_import_unit_length(DcOnnxImporter *importer, const DcOnnxNode *node,
                                    DcOnnxEntry *entry, int64_t axis);

#endif
