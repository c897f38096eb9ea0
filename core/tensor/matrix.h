/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_MATRIX_H
#define DC_TENSOR_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

/* A view of a row-major float32 matrix: rows x cols, the start of row i at data + i * stride
 * (stride >= cols, in floats). The view owns nothing. A row is an embedding, a centroid, a sample.
 */
typedef struct {
  float *data;
  size_t rows;
  size_t cols;
  size_t stride;
} DcMatrix;

/* A view of dense rows. `data` may be const memory: a function that takes a `const DcMatrix *`
 * never writes through it. */
static inline DcMatrix
dc_matrix(const float *data, size_t rows, size_t cols)
{
  return (DcMatrix){(float *)data, rows, cols, cols};
}

static inline float *
dc_matrix_row(const DcMatrix *matrix, size_t row)
{
  return matrix->data + row * matrix->stride;
}

/* Rows first .. first + count - 1 of `matrix`, as a view. */
static inline DcMatrix
dc_matrix_rows(const DcMatrix *matrix, size_t first, size_t count)
{
  return (DcMatrix){dc_matrix_row(matrix, first), count, matrix->cols, matrix->stride};
}

/* Copies `source` onto `target` of the same shape; the two must not overlap. */
void dc_matrix_copy(const DcMatrix *source, const DcMatrix *target);

/* True when no element is NaN or infinite. */
bool dc_matrix_is_finite(const DcMatrix *matrix);

#endif
