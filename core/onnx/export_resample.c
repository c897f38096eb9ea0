/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RESAMPLE: a Gather of rows and one of columns; where pixels lie between others, two of them,
 * mixed. Resize would say it in one node, but only for places that follow from a scale. */
#include "nn/resample.h"
#include "onnx/exporter.h"

/* One axis of the map, and where its pixels come from. */
typedef struct {
  int axis, before, after; /* of ONNX; pixels */
  const float *places;
} Axis;

static bool
is_same(const Axis *axis)
{
  bool same = axis->before == axis->after;
  for (int i = 0; same && i < axis->after; i++)
    same = axis->places[i] == (float)i;
  return same;
}

/* What the taps are on one side; true in `*needed` when a tap has a share in the other. */
static const char *
gather(DcOnnxExporter *exporter, const Axis *axis, const char *name, bool second, bool *needed)
{
  int64_t *numbers = dc_onnx_writer_take(&exporter->writer, (size_t)axis->after, sizeof *numbers);
  if (!numbers)
    return "";
  for (int i = 0; i < axis->after; i++) {
    const DcResampleTap tap = dc_resample_tap(axis->places[i], axis->before);
    numbers[i] = second ? tap.second : tap.first;
    *needed = *needed || tap.share != 0;
  }
  const char *const inputs[] = {name, dc_onnx_add_whole(&exporter->writer, "numbers",
                                                        (size_t)axis->after, numbers)};
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Gather", 2, inputs);
  dc_onnx_put_int(&exporter->writer, node, "axis", axis->axis);
  return dc_onnx_output_of(node);
}

static const char *
add_shares(DcOnnxExporter *exporter, const Axis *axis)
{
  const int64_t shape[] = {axis->after, 1};
  float *shares = dc_onnx_writer_take(&exporter->writer, (size_t)axis->after, sizeof *shares);
  if (!shares)
    return "";
  for (int i = 0; i < axis->after; i++)
    shares[i] = dc_resample_tap(axis->places[i], axis->before).share;
  return dc_onnx_add_floats(&exporter->writer, "shares", shares, axis->axis == 2 ? 2 : 1, shape);
}

/* first + share * (second - first) */
static const char *
resample_axis(DcOnnxExporter *exporter, const Axis *axis, const char *name)
{
  DcOnnxWriter *writer = &exporter->writer;
  bool between = false;
  if (is_same(axis))
    return name;
  const char *first = gather(exporter, axis, name, false, &between);
  if (!between)
    return first;
  const char *second = gather(exporter, axis, name, true, &between);
  const char *difference = dc_onnx_apply_two(writer, "Sub", second, first);
  const char *part = dc_onnx_apply_two(writer, "Mul", difference, add_shares(exporter, axis));
  return dc_onnx_apply_two(writer, "Add", first, part);
}

DcOnnxMade
dc_onnx_write_resample(DcOnnxExporter *exporter)
{
  DcOnnxFlow *flow = dc_onnx_input(exporter);
  const DcShape in = flow->shape, out = exporter->layer->output;
  const Axis rows = {2, in.height, out.height, exporter->layer->weight};
  const Axis columns = {3, in.width, out.width, exporter->layer->weight + out.height};
  const char *name = dc_onnx_in_form(exporter, flow, DC_ONNX_MAP);
  name = resample_axis(exporter, &rows, name);
  return (DcOnnxMade){DC_ONNX_MAP, resample_axis(exporter, &columns, name)};
}
