/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/matrix.h"

#include <math.h>
#include <string.h>

void
dc_matrix_copy(const DcMatrix *source, const DcMatrix *target)
{
  for (size_t i = 0; i < source->rows; i++)
    memcpy(dc_matrix_row(target, i), dc_matrix_row(source, i), source->cols * sizeof(float));
}

bool
dc_matrix_is_finite(const DcMatrix *matrix)
{
  for (size_t i = 0; i < matrix->rows; i++) {
    const float *row = dc_matrix_row(matrix, i);
    /* x - x is 0 for a finite x and NaN otherwise, and a sum of it can be vectorised. */
    float sum = 0;
    for (size_t j = 0; j < matrix->cols; j++)
      sum += row[j] - row[j];
    if (isnan(sum))
      return false;
  }
  return true;
}
