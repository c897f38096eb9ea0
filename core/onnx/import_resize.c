/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resize, and Upsample that it was before: where each row and column of the result lies in the
 * image is computed here, as ONNX says it, and becomes the weights of a layer RESAMPLE. */
#include "onnx/constants.h"
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <math.h>
#include <string.h>

typedef enum { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, TF_HALF_PIXEL } Places;
typedef enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL } Rounding;

typedef struct {
  bool linear;
  Places places;
  Rounding rounding; /* of the nearest pixel */
} Way;

/* One axis of the image. */
typedef struct {
  int64_t before, after; /* pixels */
  double scale;
} Axis;

/* The place in `names` of a text attribute, or `standard` where it is left out. */
static DcStatus
read_word(DcOnnxImporter *importer, const DcOnnxNode *node, const char *name,
          const char *const *names, size_t count, size_t standard, size_t *word)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, name);
  *word = standard;
  if (!attribute)
    return DC_OK;
  const char *text = attribute->kind == DC_ONNX_TEXT ? attribute->text : "";
  for (size_t i = 0; i < count; i++) {
    if (!strcmp(text, names[i])) {
      *word = i;
      return DC_OK;
    }
  }
  return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "its %s \"%.40s\" is not read", name, text);
}

static DcStatus
read_way(DcOnnxImporter *importer, const DcOnnxNode *node, Way *way)
{
  static const char *const modes[] = {"nearest", "linear", "bilinear"};
  static const char *const places[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                       "asymmetric", "tf_half_pixel_for_nn"};
  static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil"};
  /* Before opset 11 there was one way. */
  const bool old = importer->graph->opset < 11 || !strcmp(node->op, "Upsample");
  size_t mode = 0, place = 0, rounding = 0;
  int64_t antialias = 0;
  DcStatus status = read_word(importer, node, "mode", modes, 3, 0, &mode);
  if (!status)
    status = read_word(importer, node, "coordinate_transformation_mode", places, 5,
                       old ? ASYMMETRIC : HALF_PIXEL, &place);
  if (!status)
    status = read_word(importer, node, "nearest_mode", roundings, 4, old ? FLOOR : PREFER_FLOOR,
                       &rounding);
  if (!status)
    status =
        dc_onnx_operands_int(node, "antialias", 0, importer->where, &antialias, importer->error);
  if (!status && antialias)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "antialias is not read");
  *way = (Way){mode > 0, (Places)place, (Rounding)rounding};
  return status;
}

/* --- sizes --- */

/* Four numbers: of the batch, the channels, height and width, of which the first two must be
 * `first`, what leaves them as they are. */
static DcStatus
check_four(DcOnnxImporter *importer, const DcOnnxTensor *list, const double first[2],
           const char *what)
{
  if (list->count != 4)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it must have 4 %s, for images", what);
  if (dc_onnx_number(list, 0) != first[0] || dc_onnx_number(list, 1) != first[1])
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "only height and width, not the batch or channels, are resized");
  return DC_OK;
}

static DcStatus
set_size(DcOnnxImporter *importer, double size, Axis *axis)
{
  if (!(size >= 1 && size <= 65536))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it makes a side of %g pixels; 1 to 65536 are read", size);
  axis->after = (int64_t)size;
  return DC_OK;
}

static DcStatus
read_sizes(DcOnnxImporter *importer, const DcOnnxTensor *list, double channels, Axis axes[2])
{
  DcStatus status =
      check_four(importer, list, (const double[]){(double)importer->batch, channels}, "sizes");
  for (size_t i = 0; i < 2 && !status; i++) {
    status = set_size(importer, dc_onnx_number(list, i + 2), &axes[i]);
    axes[i].scale = (double)axes[i].after / (double)axes[i].before;
  }
  return status;
}

static DcStatus
read_scales(DcOnnxImporter *importer, const DcOnnxTensor *list, Axis axes[2])
{
  DcStatus status = check_four(importer, list, (const double[]){1, 1}, "scales");
  for (size_t i = 0; i < 2 && !status; i++) {
    const float scale = (float)dc_onnx_number(list, i + 2);
    axes[i].scale = scale;
    /* In single precision, as others have it: 0.7 times 10 is 7 there, and below in double. */
    status = set_size(importer, floorf((float)axes[i].before * scale), &axes[i]);
  }
  return status;
}

/* An input that is there and not empty; else NULL. */
static DcStatus
read_list(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, const char *what,
          const DcOnnxTensor **list)
{
  DcStatus status = dc_onnx_constant(importer, node, index, false, what, list);
  if (!status && *list && (*list)->count == 0)
    *list = NULL;
  return status;
}

/* Scales stand at input 1 of Upsample and Resize-10, at input 2 of later ones, or in an attribute
 * of Upsample-7; sizes at input 3. */
static DcStatus
read_axes(DcOnnxImporter *importer, const DcOnnxNode *node, DcShape image, Axis axes[2])
{
  const bool old = importer->graph->opset < 11 || !strcmp(node->op, "Upsample");
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, "scales");
  const DcOnnxTensor *scales = NULL, *sizes = NULL;
  axes[0] = (Axis){.before = image.height};
  axes[1] = (Axis){.before = image.width};
  DcStatus status = read_list(importer, node, old ? 1 : 2, "scales", &scales);
  if (!status && !old)
    status = read_list(importer, node, 3, "sizes", &sizes);
  if (status)
    return status;
  if (sizes)
    return read_sizes(importer, sizes, image.channels, axes);
  const DcOnnxTensor listed = {.name = "scales",
                               .count = attribute && attribute->kind == DC_ONNX_FLOATS
                                            ? attribute->count
                                            : 0,
                               .floats = attribute ? attribute->floats : NULL};
  if (!scales && !listed.count)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "it has neither scales nor sizes");
  return read_scales(importer, scales ? scales : &listed, axes);
}

/* --- places --- */

static double
place_of(const Way *way, const Axis *axis, int64_t i)
{
  switch (way->places) {
  case PYTORCH_HALF_PIXEL:
    return axis->after > 1 ? ((double)i + 0.5) / axis->scale - 0.5 : 0;
  case ALIGN_CORNERS:
    return axis->after > 1 ? (double)(i * (axis->before - 1)) / (double)(axis->after - 1) : 0;
  case ASYMMETRIC:
    return (double)i / axis->scale;
  case TF_HALF_PIXEL:
    return ((double)i + 0.5) / axis->scale;
  default:
    return ((double)i + 0.5) / axis->scale - 0.5;
  }
}

static double
round_place(Rounding rounding, double place)
{
  switch (rounding) {
  case PREFER_CEIL:
    return floor(place + 0.5);
  case FLOOR:
    return floor(place);
  case CEIL:
    return ceil(place);
  default:
    return ceil(place - 0.5);
  }
}

static void
set_places(const Way *way, const Axis *axis, float *places)
{
  for (int64_t i = 0; i < axis->after; i++) {
    const double place = place_of(way, axis, i);
    const double inside = fmin(fmax(way->linear ? place : round_place(way->rounding, place), 0),
                               (double)(axis->before - 1));
    places[i] = (float)inside;
  }
}

static DcStatus
import_resize(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  Way way;
  Axis axes[2];
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = read_way(importer, node, &way);
  if (!status)
    status = dc_onnx_take_map(importer, input);
  if (status)
    return status;
  status = read_axes(importer, node, dc_network_value(importer->network, input->number), axes);
  if (status)
    return status;
  const DcLayer layer = {.kind = DC_LAYER_RESAMPLE,
                         .output = {(int)axes[0].after, (int)axes[1].after, 0}};
  size_t number;
  status = dc_onnx_add(importer, layer, input->number, input->number, &number);
  if (status)
    return status;
  const DcLayer *added = dc_onnx_last_layer(importer);
  set_places(&way, &axes[0], added->weight);
  set_places(&way, &axes[1], added->weight + added->output.height);
  dc_onnx_bind(importer, node, 0, number, dc_onnx_view_of_map(added->output));
  return DC_OK;
}

DcOnnxOperator
dc_onnx_find_resize(const char *op)
{
  return strcmp(op, "Resize") && strcmp(op, "Upsample") ? NULL : import_resize;
}
