/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/loss.h"

double
dc_loss_mean_squared_error(const float *output, const float *target, size_t samples, size_t size,
                           double scale, float *gradient, void *data)
{
  (void)data;
  const double weight = scale / (double)size;
  const float slope = (float)(2 * weight);
  double sum = 0;
  for (size_t i = 0; i < samples; i++) {
    /* A row in float, rows in double: a row is short enough for it, and vectors need it. */
    float row = 0;
    for (size_t j = 0; j < size; j++) {
      const float error = output[i * size + j] - target[i * size + j];
      gradient[i * size + j] = slope * error;
      row += error * error;
    }
    sum += row;
  }
  return weight * sum;
}
