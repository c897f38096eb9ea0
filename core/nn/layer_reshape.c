/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RESHAPE: the numbers stay as they are; a plan leaves it out where it can. */
#include "nn/layer.h"

#include <string.h>

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  memcpy(job->output, job->input, job->batch * dc_shape_size(run->input) * sizeof(float));
}

static void
backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  if (job->input_gradient)
    memcpy(job->input_gradient, job->output_gradient,
           job->batch * dc_shape_size(run->input) * sizeof(float));
}

const DcLayerKindOps dc_layer_reshape = {.forward = forward, .backward = backward};
