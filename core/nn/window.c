/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/window.h"

/* Outputs first .. end - 1 of an axis, whose windows see nothing beside the image. */
typedef struct {
  int first, end;
} Inner;

static Inner
find_inner(int kernel, int dilation, int stride, int before, int length, int outputs)
{
  const int room = length + before - dc_kernel_extent(kernel, dilation);
  const int unseen = (before + stride - 1) / stride;
  const int reached = room < 0 ? 0 : room / stride + 1;
  const int end = reached < outputs ? reached : outputs;
  return (Inner){.first = unseen < end ? unseen : end, .end = end};
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

/* The outputs of one image, and who visits them. */
typedef struct {
  const DcLayerRun *run;
  const float *input;
  float *output;
  DcWindowVisit visit;
} Walk;

/* `count` outputs from `row`, `column` on, from left to right or, `down`, from the top. */
static void
visit_outputs(const Walk *walk, int row, int column, int count, bool down)
{
  const DcLayerRun *run = walk->run;
  const DcLayer *layer = run->layer;
  const size_t channels = (size_t)run->input.channels, stride = run->output_stride;
  const size_t in_row = (size_t)run->input.width * channels;
  const size_t out_row = (size_t)layer->output.width * stride;
  const DcWindow window = dc_window(layer, run->input, row, column);
  DcPatchWindow job = {
      .patch = patch_of(run, window),
      .pixels = (size_t)count,
      .step =
          down ? (size_t)layer->stride * in_row : (size_t)dc_layer_stride_across(layer) * channels,
      .output_step = down ? out_row : stride,
      .input = walk->input + dc_shape_offset(run->input, window.first_row, window.first_column),
      .output = walk->output + (size_t)row * out_row + (size_t)column * stride,
  };
  walk->visit(run, window, &job);
}

/* A row some of whose windows reach over the upper or lower edge: no two of its corners are alike.
 */
static void
visit_outer_row(const Walk *walk, int row, Inner across)
{
  for (int column = 0; column < across.first; column++)
    visit_outputs(walk, row, column, 1, false);
  if (across.first < across.end)
    visit_outputs(walk, row, across.first, across.end - across.first, false);
  for (int column = across.end; column < walk->run->layer->output.width; column++)
    visit_outputs(walk, row, column, 1, false);
}

/* The rows between: the columns at the sides from the top down, the rest row by row. */
static void
visit_inner_rows(const Walk *walk, Inner down, Inner across)
{
  const int rows = down.end - down.first, columns = across.end - across.first;
  if (!rows)
    return;
  for (int column = 0; column < across.first; column++)
    visit_outputs(walk, down.first, column, rows, true);
  for (int column = across.end; column < walk->run->layer->output.width; column++)
    visit_outputs(walk, down.first, column, rows, true);
  for (int row = down.first; columns && row < down.end; row++)
    visit_outputs(walk, row, across.first, columns, false);
}

void
dc_window_walk(const DcLayerRun *run, const DcLayerForward *forward, DcWindowVisit visit)
{
  const DcLayer *layer = run->layer;
  const size_t in = dc_shape_size(run->input), out = dc_layer_run_output_size(run);
  const Inner down = find_inner(layer->kernel_height, dc_layer_dilation(layer), layer->stride,
                                layer->padding[0], run->input.height, layer->output.height);
  const Inner across = find_inner(layer->kernel_width, dc_layer_dilation_across(layer),
                                  dc_layer_stride_across(layer), layer->padding[2],
                                  run->input.width, layer->output.width);
  for (size_t i = 0; i < forward->batch; i++) {
    const Walk walk = {run, forward->input + i * in, forward->output + i * out, visit};
    for (int row = 0; row < down.first; row++)
      visit_outer_row(&walk, row, across);
    visit_inner_rows(&walk, down, across);
    for (int row = down.end; row < layer->output.height; row++)
      visit_outer_row(&walk, row, across);
  }
}
