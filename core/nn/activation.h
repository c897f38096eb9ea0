/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_ACTIVATION_H
#define DC_NN_ACTIVATION_H

#include "nn/network.h"
#include "nn/patch.h"

/* values[i] = activation(values[i]) with the activation of `layer`. NaN stays NaN. */
void dc_activation_run(const DcLayer *layer, float *values, size_t count);

/* The activation of `layer` where it is a mere bound, RELU or CLIP; else none. */
DcPatchLimits dc_activation_limits(const DcLayer *layer);

/* False for those that go forward only. */
bool dc_activation_has_backward(DcActivation activation);

/* True when dc_activation_backward() needs what went into the activation; it is content with what
 * came out of it for the others. */
bool dc_activation_needs_input(const DcLayer *layer);

/* gradient[i] *= derivative at i: the gradient with respect to the activation's output becomes that
 * with respect to its input. `values`: its input or output, see above. At zero, ReLU and
 * leaky ReLU have the derivative of their negative side, as in PyTorch and TensorFlow. */
void dc_activation_backward(const DcLayer *layer, const float *values, size_t count,
                            float *gradient);

#endif
