/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/matrix.h"

#include "tensor/kernels.h"

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
  return dc_kernels()->is_finite(matrix);
}
