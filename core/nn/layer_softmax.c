/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SOFTMAX: over the channels of each pixel. */
#include "nn/layer.h"
#include "tensor/softmax.h"

#include <string.h>

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = job->batch * (size_t)run->input.height * (size_t)run->input.width;
  const DcMatrix scores = dc_matrix(job->output, pixels, channels);
  memcpy(job->output, job->input, pixels * channels * sizeof *job->output);
  dc_softmax_rows(&scores, NULL);
}

const DcLayerKindOps dc_layer_softmax = {.forward = forward};
