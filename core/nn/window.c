/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/window.h"

/* The outputs first .. end - 1 of a row see nothing beside the image. */
static void
find_inner(const DcLayerRun *run, int *first, int *end)
{
  const DcLayer *layer = run->layer;
  const int extent = dc_kernel_extent(layer->kernel_width, dc_layer_dilation_across(layer));
  const int stride = dc_layer_stride_across(layer);
  const int room = run->input.width + layer->padding[2] - extent;
  const int before = (layer->padding[2] + stride - 1) / stride;
  const int reached = room < 0 ? 0 : room / stride + 1;
  *end = reached < layer->output.width ? reached : layer->output.width;
  *first = before < *end ? before : *end;
}

static DcPatch
patch_of(const DcLayerRun *run, DcWindow window)
{
  const size_t down = (size_t)dc_layer_dilation(run->layer);
  const size_t across = (size_t)dc_layer_dilation_across(run->layer);
  const size_t channels = (size_t)run->input.channels;
  return (DcPatch){.rows = (size_t)window.rows,
                   .columns = (size_t)window.columns,
                   .run = channels,
                   .row_stride = down * (size_t)run->input.width * channels,
                   .column_stride = across * channels};
}

/* Outputs column .. column + count - 1 of a row of one image. */
static void
visit_outputs(const DcLayerRun *run, const float *image, int row, int column, int count,
              float *output, DcWindowVisit visit)
{
  const DcWindow window = dc_window(run->layer, run->input, row, column);
  DcPatchWindow job = {
      .patch = patch_of(run, window),
      .pixels = (size_t)count,
      .step = (size_t)dc_layer_stride_across(run->layer) * (size_t)run->input.channels,
      .output_step = run->output_stride,
      .input = image + dc_shape_offset(run->input, window.first_row, window.first_column),
      .output = output + ((size_t)row * (size_t)run->layer->output.width + (size_t)column) *
                             run->output_stride,
  };
  visit(run, window, &job);
}

static void
visit_row(const DcLayerRun *run, const float *image, int row, float *output, DcWindowVisit visit)
{
  int first, end;
  find_inner(run, &first, &end);
  for (int column = 0; column < first; column++)
    visit_outputs(run, image, row, column, 1, output, visit);
  if (first < end)
    visit_outputs(run, image, row, first, end - first, output, visit);
  for (int column = end; column < run->layer->output.width; column++)
    visit_outputs(run, image, row, column, 1, output, visit);
}

void
dc_window_walk(const DcLayerRun *run, const DcLayerForward *forward, DcWindowVisit visit)
{
  const size_t in = dc_shape_size(run->input), out = dc_layer_run_output_size(run);
  for (size_t i = 0; i < forward->batch; i++) {
    for (int row = 0; row < run->layer->output.height; row++)
      visit_row(run, forward->input + i * in, row, forward->output + i * out, visit);
  }
}
