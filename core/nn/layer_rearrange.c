/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* REARRANGE: the numbers of the input in the order of a walk. */
#include "nn/layer.h"

#include <string.h>

/* Writes what the walk visits from `axis` on, when it stands at `from`; returns where it ends. */
static float *
walk(const DcRearrangement *order, int axis, const float *from, float *to)
{
  const size_t count = (size_t)order->size[axis], stride = (size_t)order->stride[axis];
  if (axis + 1 < order->axes) {
    for (size_t i = 0; i < count; i++)
      to = walk(order, axis + 1, from + i * stride, to);
    return to;
  }
  if (stride == 1) {
    memcpy(to, from, count * sizeof *to);
  } else {
    for (size_t i = 0; i < count; i++)
      to[i] = from[i * stride];
  }
  return to + count;
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const DcRearrangement *order = &run->layer->order;
  const size_t in = dc_shape_size(run->input);
  float *to = job->output;
  for (size_t i = 0; i < job->batch; i++)
    to = walk(order, 0, job->input + i * in + order->offset, to);
}

const DcLayerKindOps dc_layer_rearrange = {.forward = forward};
