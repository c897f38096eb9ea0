/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/importer.h"

#include "base/memory.h"
#include "onnx/constants.h"
#include "onnx/operands.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* 1 GiB of them. */
#define MOST_WEIGHTS ((size_t)1 << 28)

DcStatus
dc_onnx_refuse(DcOnnxImporter *importer, DcStatus status, const char *format, ...)
{
  char what[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  return dc_error_set(importer->error, status, "%s: %s", importer->where, what);
}

/* --- inputs and outputs of a node --- */

static DcOnnxEntry *
find_input(const DcOnnxImporter *importer, const DcOnnxNode *node, size_t index)
{
  const bool there = index < node->input_count && *node->inputs[index];
  return there ? dc_onnx_values_find(&importer->values, node->inputs[index]) : NULL;
}

DcStatus
dc_onnx_flow(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, DcOnnxEntry **entry)
{
  *entry = find_input(importer, node, index);
  if (*entry && (*entry)->flows)
    return DC_OK;
  return dc_onnx_refuse(importer, *entry ? DC_ERROR_UNSUPPORTED : DC_ERROR_FORMAT,
                        "its input %zu %s", index,
                        *entry ? "does not depend on the picture" : "is missing");
}

DcStatus
dc_onnx_constant(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, bool needed,
                 const char *what, const DcOnnxTensor **tensor)
{
  const DcOnnxEntry *entry = find_input(importer, node, index);
  *tensor = entry ? entry->constant : NULL;
  if (*tensor || (!entry && !needed))
    return DC_OK;
  return dc_onnx_refuse(importer, entry ? DC_ERROR_UNSUPPORTED : DC_ERROR_FORMAT,
                        entry ? "its %s must be constant" : "its %s is missing", what);
}

DcStatus
dc_onnx_constant_floats(DcOnnxImporter *importer, const DcOnnxTensor *tensor, const char *what,
                        size_t count, const float **floats)
{
  if (!tensor->floats || (tensor->count != count && tensor->count != 1))
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its %s must be %zu floats, but has %zu", what,
                          count, tensor->count);
  if (tensor->count == count) {
    *floats = tensor->floats;
    return DC_OK;
  }
  float *repeated = dc_onnx_constants_take(&importer->constants, count, sizeof *repeated);
  if (!repeated)
    return dc_onnx_refuse(importer, DC_ERROR_MEMORY, "no memory for its %s", what);
  for (size_t i = 0; i < count; i++)
    repeated[i] = tensor->floats[0];
  *floats = repeated;
  return DC_OK;
}

static DcOnnxEntry *
find_output(const DcOnnxImporter *importer, const DcOnnxNode *node, size_t index)
{
  const bool there = index < node->output_count && *node->outputs[index];
  return there ? dc_onnx_values_find(&importer->values, node->outputs[index]) : NULL;
}

void
dc_onnx_bind(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, size_t number,
             DcOnnxView view)
{
  DcOnnxEntry *made = find_output(importer, node, index);
  if (!made)
    return;
  made->flows = true;
  made->number = number;
  made->view = view;
}

void
dc_onnx_alias(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index,
              const DcOnnxEntry *source, DcOnnxView view)
{
  DcOnnxEntry *made = find_output(importer, node, index);
  dc_onnx_bind(importer, node, index, source->number, view);
  if (made)
    made->shared = source->shared || source->readers > 1;
}

size_t
dc_onnx_shape(const DcOnnxImporter *importer, const DcOnnxEntry *entry,
              int64_t shape[DC_ONNX_MOST_AXES])
{
  shape[0] = importer->batch;
  memcpy(shape + 1, entry->view.size, entry->view.rank * sizeof *shape);
  return entry->view.rank + 1;
}

/* --- layers --- */

/* A layer's own complaint, after the node that asked for the layer. */
static DcStatus
tell_of_layer(DcOnnxImporter *importer, const DcError *complaint)
{
  return dc_onnx_refuse(importer, complaint->status, "%.200s", complaint->message);
}

/* A small file can ask for much: for one weight in many layers, for images that grow. */
static DcStatus
weigh_layer(DcOnnxImporter *importer, const DcLayer *layer)
{
  importer->weights += layer->weight_size + layer->bias_size;
  if (importer->weights > MOST_WEIGHTS)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "the network has more than %zu weights",
                          MOST_WEIGHTS);
  if (dc_shape_size(layer->output) > DC_NETWORK_MOST_ACTIVATION)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it makes %zu numbers of one picture; at most %zu are read",
                          dc_shape_size(layer->output), DC_NETWORK_MOST_ACTIVATION);
  if (dc_network_layer_count(importer->network) == DC_NETWORK_MOST_LAYERS)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "the network has more than %d layers",
                          DC_NETWORK_MOST_LAYERS);
  return DC_OK;
}

DcStatus
dc_onnx_add(DcOnnxImporter *importer, DcLayer layer, size_t first, size_t second, size_t *number)
{
  const size_t last = dc_network_layer_count(importer->network);
  DcError complaint;
  layer.back = (int)(last - first);
  layer.with = (int)(last - second);
  *number = last + 1;
  DcStatus status = dc_network_fit(importer->network, &layer, &complaint);
  if (status)
    return tell_of_layer(importer, &complaint);
  status = weigh_layer(importer, &layer);
  if (status)
    return status;
  status = dc_network_add(importer->network, &layer, &complaint);
  return status ? tell_of_layer(importer, &complaint) : DC_OK;
}

DcLayer *
dc_onnx_last_layer(DcOnnxImporter *importer)
{
  return dc_network_layer(importer->network, dc_network_layer_count(importer->network) - 1);
}

DcLayer *
dc_onnx_open_layer(DcOnnxImporter *importer, const DcOnnxEntry *entry)
{
  if (entry->shared || entry->readers > 1 || entry->number == 0)
    return NULL;
  DcLayer *layer = dc_network_layer(importer->network, entry->number - 1);
  return layer->activation == DC_ACTIVATION_NONE ? layer : NULL;
}

/* --- forms --- */

static DcShape
shape_of(const DcOnnxImporter *importer, const DcOnnxEntry *entry)
{
  return dc_network_value(importer->network, entry->number);
}

static bool
same_shape(DcShape a, DcShape b)
{
  return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

/* A product of sizes stays far below what an int holds: the network bounds its values. */
static DcShape
make_shape(int64_t height, int64_t width, int64_t channels)
{
  return (DcShape){(int)height, (int)width, (int)channels};
}

DcStatus
dc_onnx_take_shape(DcOnnxImporter *importer, DcOnnxEntry *entry, DcShape shape)
{
  if (same_shape(shape_of(importer, entry), shape))
    return DC_OK;
  return dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_RESHAPE, .output = shape}, entry->number,
                     entry->number, &entry->number);
}

/* Copies the numbers that `walk` goes through, in its order, to a value of `shape`, which `view`
 * sees as the entry's axes. */
static DcStatus
move(DcOnnxImporter *importer, DcOnnxEntry *entry, const DcOnnxView *walk, DcShape shape,
     DcOnnxView view)
{
  DcLayer layer = {.kind = DC_LAYER_REARRANGE, .output = shape};
  if (!dc_onnx_view_walk(walk, &layer.order))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it reorders numbers along more than %d axes", DC_MOST_AXES);
  DcStatus status = dc_onnx_add(importer, layer, entry->number, entry->number, &entry->number);
  entry->view = view;
  entry->shared = false;
  return status;
}

static bool
lies_as(const DcOnnxImporter *importer, const DcOnnxEntry *entry, const DcOnnxView *view)
{
  return dc_onnx_view_equal(&entry->view, view) &&
         dc_onnx_view_covers(view, (int64_t)dc_shape_size(shape_of(importer, entry)));
}

DcStatus
dc_onnx_take_map(DcOnnxImporter *importer, DcOnnxEntry *entry)
{
  const int64_t *size = entry->view.size;
  if (entry->view.rank != 3)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "its input has %zu axes, but must be images of channels x height x width",
                          entry->view.rank + 1);
  const DcShape shape = make_shape(size[1], size[2], size[0]);
  const DcOnnxView map = dc_onnx_view_of_map(shape);
  if (lies_as(importer, entry, &map)) {
    entry->view = map;
    return dc_onnx_take_shape(importer, entry, shape);
  }
  const DcOnnxView walk = dc_onnx_view_transpose(&entry->view, (size_t[]){1, 2, 0});
  return move(importer, entry, &walk, shape, map);
}

DcStatus
dc_onnx_take_rows(DcOnnxImporter *importer, DcOnnxEntry *entry)
{
  const size_t rank = entry->view.rank;
  const int64_t count = dc_onnx_view_count(&entry->view);
  const int64_t channels = rank ? entry->view.size[rank - 1] : 1;
  const DcShape shape = make_shape(1, count / channels, channels);
  const DcOnnxView dense = dc_onnx_view_dense(rank, entry->view.size);
  if (lies_as(importer, entry, &dense)) {
    entry->view = dense;
    return dc_onnx_take_shape(importer, entry, shape);
  }
  const DcOnnxView walk = entry->view;
  return move(importer, entry, &walk, shape, dense);
}

DcStatus
dc_onnx_take_whole(DcOnnxImporter *importer, DcOnnxEntry *entry)
{
  if (dc_onnx_view_covers(&entry->view, (int64_t)dc_shape_size(shape_of(importer, entry))))
    return DC_OK;
  return entry->view.rank == 3 ? dc_onnx_take_map(importer, entry)
                               : dc_onnx_take_rows(importer, entry);
}

/* The axes of a refined view in the order in which the parts of the axes `order` follow. */
static DcOnnxView
gather_parts(const DcOnnxView *refined, const size_t *axis, const size_t *order, size_t rank)
{
  size_t parts[DC_ONNX_MOST_AXES], count = 0;
  for (size_t i = 0; i < rank; i++) {
    for (size_t part = 0; part < refined->rank; part++) {
      if (axis[part] == order[i])
        parts[count++] = part;
    }
  }
  return dc_onnx_view_transpose(refined, parts);
}

/* Moves the numbers of `entry` so that they lie well under the sizes `size`: images with their
 * channels last, all else in order. */
static DcStatus
move_for(DcOnnxImporter *importer, DcOnnxEntry *entry, size_t rank, const int64_t *size)
{
  DcOnnxView refined;
  size_t axis[DC_ONNX_MOST_AXES];
  if (!dc_onnx_view_refine(&entry->view, rank, size, &refined, axis))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it changes a shape into one whose sizes do not divide its own");
  if (rank == 3) {
    const DcShape shape = make_shape(size[1], size[2], size[0]);
    const DcOnnxView walk = gather_parts(&refined, axis, (size_t[]){1, 2, 0}, 3);
    return move(importer, entry, &walk, shape, dc_onnx_view_of_map(shape));
  }
  const int64_t channels = rank ? size[rank - 1] : 1;
  const DcShape shape = make_shape(1, dc_onnx_view_count(&refined) / channels, channels);
  return move(importer, entry, &refined, shape, dc_onnx_view_dense(rank, size));
}

DcStatus
dc_onnx_reshape(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry, size_t rank,
                const int64_t *size)
{
  DcOnnxView view;
  DcOnnxEntry moved = *entry; /* the entry itself keeps the form that others may want */
  if (dc_onnx_view_reshape(&entry->view, rank, size, &view)) {
    dc_onnx_alias(importer, node, 0, entry, view);
    return DC_OK;
  }
  DcStatus status = move_for(importer, &moved, rank, size);
  if (!status)
    dc_onnx_bind(importer, node, 0, moved.number, moved.view);
  return status;
}

/* --- activations --- */

static void
copy_activation(DcLayer *to, const DcLayer *from)
{
  to->activation = from->activation;
  to->slope = from->slope;
  to->shift = from->shift;
  to->low = from->low;
  to->high = from->high;
}

static bool
numbers_are_finite(const DcLayer *activation)
{
  DcLayer layer = *activation;
  const char *const *names;
  float *numbers[2];
  const size_t count = dc_layer_activation_numbers(&layer, &names, numbers);
  bool finite = true;
  for (size_t i = 0; i < count; i++)
    finite = finite && isfinite(*numbers[i]);
  return finite;
}

DcStatus
dc_onnx_activate(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                 const DcLayer *activation)
{
  if (!numbers_are_finite(activation))
    return dc_onnx_refuse(importer, DC_ERROR_NOT_FINITE, "one of its numbers is not finite");
  DcStatus status = dc_onnx_take_whole(importer, entry);
  if (status)
    return status;
  DcLayer *open = dc_onnx_open_layer(importer, entry);
  if (open) {
    copy_activation(open, activation);
    dc_onnx_alias(importer, node, 0, entry, entry->view);
    return DC_OK;
  }
  DcLayer layer = {.kind = DC_LAYER_RESHAPE, .output = shape_of(importer, entry)};
  copy_activation(&layer, activation);
  size_t number;
  status = dc_onnx_add(importer, layer, entry->number, entry->number, &number);
  if (!status)
    dc_onnx_bind(importer, node, 0, number, entry->view);
  return status;
}

/* --- scale and shift --- */

/* A layer whose innermost index of the weight is the channel of the output. */
static bool
can_be_scaled(const DcLayer *layer, size_t channels)
{
  switch (layer->kind) {
  case DC_LAYER_CONV2D:
  case DC_LAYER_DEPTHWISE_CONV2D:
  case DC_LAYER_DENSE:
  case DC_LAYER_AFFINE:
  case DC_LAYER_LAYER_NORM:
  case DC_LAYER_INSTANCE_NORM:
    return layer->bias_size == channels;
  default:
    return false;
  }
}

static void
scale_layer(DcLayer *layer, const double *scale, const double *shift)
{
  const size_t channels = layer->bias_size;
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = (float)(layer->weight[i] * scale[i % channels]);
  for (size_t i = 0; i < channels; i++)
    layer->bias[i] = (float)(layer->bias[i] * scale[i] + shift[i]);
}

static DcStatus
check_finite(DcOnnxImporter *importer, const double *numbers, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (!isfinite((float)numbers[i]))
      return dc_onnx_refuse(importer, DC_ERROR_NOT_FINITE,
                            "number %zu of its scale or shift is not finite", i);
  }
  return DC_OK;
}

DcStatus
dc_onnx_scale_channels(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                       const double *scale, const double *shift)
{
  const size_t channels = (size_t)shape_of(importer, entry).channels;
  DcStatus status = check_finite(importer, scale, channels);
  if (!status)
    status = check_finite(importer, shift, channels);
  if (status)
    return status;
  DcLayer *open = dc_onnx_open_layer(importer, entry);
  if (open && can_be_scaled(open, channels)) {
    scale_layer(open, scale, shift);
    dc_onnx_alias(importer, node, 0, entry, entry->view);
    return DC_OK;
  }
  size_t number;
  status = dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_AFFINE}, entry->number, entry->number,
                       &number);
  if (status)
    return status;
  DcLayer *affine = dc_onnx_last_layer(importer);
  for (size_t i = 0; i < channels; i++) {
    affine->weight[i] = (float)scale[i];
    affine->bias[i] = (float)shift[i];
  }
  dc_onnx_bind(importer, node, 0, number, entry->view);
  return DC_OK;
}

/* Which axes of the entry a constant varies along, as bits. */
static DcStatus
varying_axes(DcOnnxImporter *importer, const DcOnnxEntry *entry, const DcOnnxTensor *tensor,
             DcOnnxView *spread, unsigned *axes)
{
  DcOnnxTensor target = {.rank = entry->view.rank + 1};
  *axes = 0;
  dc_onnx_shape(importer, entry, target.shape);
  DcOnnxView views[2];
  DcStatus status =
      dc_onnx_operands_broadcast(&target, tensor, importer->where, views, importer->error);
  if (status)
    return status;
  if (views[0].rank != target.rank || views[1].stride[0] != 0)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "a constant has more axes than its input, or differs between pictures");
  *spread = (DcOnnxView){.rank = entry->view.rank};
  for (size_t i = 0; i < entry->view.rank; i++) {
    if (views[0].size[i + 1] != entry->view.size[i])
      return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "a constant is larger than its input");
    spread->size[i] = entry->view.size[i];
    spread->stride[i] = views[1].stride[i + 1];
    if (spread->stride[i])
      *axes |= 1u << i;
  }
  return DC_OK;
}

/* Brings `entry` into a form in which a constant that varies along `axes` has one number for each
 * channel. */
static DcStatus
take_channels(DcOnnxImporter *importer, DcOnnxEntry *entry, unsigned axes)
{
  DcStatus status = DC_OK;
  if (entry->view.rank == 3 && axes == 1)
    return dc_onnx_take_map(importer, entry);
  if (entry->view.rank && axes == 1u << (entry->view.rank - 1))
    return dc_onnx_take_rows(importer, entry);
  status = dc_onnx_take_whole(importer, entry);
  if (status || !axes)
    return status;
  return dc_onnx_take_shape(importer, entry, make_shape(1, 1, dc_onnx_view_count(&entry->view)));
}

/* The constant's number for each channel of the value, by going through all of the entry's numbers:
 * those of one channel get the same one again and again. */
static void
numbers_of_channels(const DcOnnxEntry *entry, const DcOnnxTensor *tensor, const DcOnnxView *spread,
                    size_t channels, double *numbers)
{
  int64_t digit[DC_ONNX_MOST_AXES] = {0}, place = 0, from = 0;
  const int64_t count = dc_onnx_view_count(&entry->view);
  for (int64_t i = 0; i < count; i++) {
    numbers[(size_t)place % channels] = dc_onnx_number(tensor, (size_t)from);
    for (size_t axis = entry->view.rank; axis-- > 0;) {
      place += entry->view.stride[axis];
      from += spread->stride[axis];
      if (++digit[axis] < entry->view.size[axis])
        break;
      place -= digit[axis] * entry->view.stride[axis];
      from -= digit[axis] * spread->stride[axis];
      digit[axis] = 0;
    }
  }
}

/* More numbers are walked through for the constants of no network. */
#define MOST_WALKED (INT64_C(1) << 34)

/* The constant's number for each channel, to be freed; `standard` where there is none. */
static DcStatus
find_numbers(DcOnnxImporter *importer, const DcOnnxEntry *entry, const DcOnnxTensor *tensor,
             const DcOnnxView *spread, double standard, double **numbers)
{
  const size_t channels = (size_t)shape_of(importer, entry).channels;
  importer->walked += dc_onnx_view_count(&entry->view);
  if (importer->walked > MOST_WALKED)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "the constants of the network meet too many numbers");
  *numbers = DC_NEW(double, channels);
  if (!*numbers)
    return dc_onnx_refuse(importer, DC_ERROR_MEMORY, "no memory for its constant");
  for (size_t i = 0; i < channels; i++)
    (*numbers)[i] = standard;
  if (tensor)
    numbers_of_channels(entry, tensor, spread, channels, *numbers);
  return DC_OK;
}

DcStatus
dc_onnx_scale_and_shift(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                        const DcOnnxTensor *scale, const DcOnnxTensor *shift)
{
  DcOnnxView spreads[2] = {0};
  unsigned scale_axes = 0, shift_axes = 0;
  double *factors = NULL, *terms = NULL;
  DcStatus status = DC_OK;
  if (scale)
    status = varying_axes(importer, entry, scale, &spreads[0], &scale_axes);
  if (!status && shift)
    status = varying_axes(importer, entry, shift, &spreads[1], &shift_axes);
  if (!status)
    status = take_channels(importer, entry, scale_axes | shift_axes);
  if (!status)
    status = find_numbers(importer, entry, scale, &spreads[0], 1, &factors);
  if (!status)
    status = find_numbers(importer, entry, shift, &spreads[1], 0, &terms);
  if (!status)
    status = dc_onnx_scale_channels(importer, node, entry, factors, terms);
  dc_free(factors);
  dc_free(terms);
  return status;
}
