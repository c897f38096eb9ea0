/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_MATRICES_H
#define DC_TESTS_MATRICES_H

#include "base/memory.h"
#include "base/random.h"
#include "tensor/matrix.h"
#include "test.h"

#include <string.h>

/* Matrices for tests. Each is a view into a wider block, so that a stride taken for a width shows.
 */

static inline DcMatrix
new_matrix(size_t rows, size_t cols)
{
  size_t stride = cols + 3;
  DcMatrix matrix = {DC_NEW(float, rows *stride), rows, cols, stride};
  assert_non_null(matrix.data);
  return matrix;
}

/* Normal numbers of variance 1 around `mean`, between the rows too. */
static inline DcMatrix
random_matrix(DcRandom *random, size_t rows, size_t cols, double mean)
{
  DcMatrix matrix = new_matrix(rows, cols);
  for (size_t i = 0; i < rows * matrix.stride; i++)
    matrix.data[i] = (float)(mean + dc_random_normal(random));
  return matrix;
}

static inline DcMatrix
copy_of(const DcMatrix *matrix)
{
  DcMatrix copy = *matrix;
  copy.data = DC_NEW(float, matrix->rows * matrix->stride);
  assert_non_null(copy.data);
  memcpy(copy.data, matrix->data, matrix->rows * matrix->stride * sizeof(float));
  return copy;
}

/* free_matrices(&a, &b, ...) */
#define free_matrices(...) free_listed_matrices((const DcMatrix *[]){__VA_ARGS__, NULL})

static inline void
free_listed_matrices(const DcMatrix **matrices)
{
  for (; *matrices; matrices++)
    dc_free((*matrices)->data);
}

static inline void
assert_rows_near(const DcMatrix *a, const DcMatrix *b, double tolerance)
{
  for (size_t i = 0; i < a->rows; i++)
    for (size_t k = 0; k < a->cols; k++)
      assert_near(dc_matrix_row(a, i)[k], dc_matrix_row(b, i)[k], tolerance);
}

/* Compares all of the block, the gaps between rows too. */
static inline void
assert_blocks_near(const DcMatrix *a, const DcMatrix *b, float tolerance)
{
  for (size_t i = 0; i < a->rows * a->stride; i++)
    assert_near(a->data[i], b->data[i], tolerance);
}

#endif
