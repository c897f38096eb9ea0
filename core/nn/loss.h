/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_LOSS_H
#define DC_NN_LOSS_H

#include <stddef.h>

/* A loss that is a sum over samples: returns `scale` times the sum of the losses of `samples` rows
 * of `size` outputs, and writes the gradient of that to `gradient` (samples x size). `target` has
 * the shape that the loss documents. Allocates nothing; sums over samples in double; called by
 * several threads at once on different rows. `data` is passed through. */
typedef double (*DcLoss)(const float *output, const float *target, size_t samples, size_t size,
                         double scale, float *gradient, void *data);

/* The mean over the outputs of (output - target)^2; `target` is samples x size, `data` unused. */
double dc_loss_mean_squared_error(const float *output, const float *target, size_t samples,
                                  size_t size, double scale, float *gradient, void *data);

#endif
