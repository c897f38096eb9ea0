/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/kernels.h"

#include "tensor/exp.h"

#include <math.h>

/* The build defines DC_KERNEL_TABLE and DC_KERNEL_NAME, one pair for each level. */

enum {
  LANES =
      16,    /* partial results of a reduction along a row: a whole number of any vector register */
  TILE = 256 /* columns whose running results stay in the first level cache */
};

static size_t
smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

static float
sum_of_lanes(float lanes[LANES])
{
  for (size_t width = LANES / 2; width > 0; width /= 2)
    for (size_t l = 0; l < width; l++)
      lanes[l] += lanes[l + width];
  return lanes[0];
}

/* NaN is passed over: the exponentials of the row bring it back. */
static float
largest(const float *row, size_t count)
{
  float lanes[LANES];
  for (size_t l = 0; l < LANES; l++)
    lanes[l] = -INFINITY;
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t l = 0; l < LANES; l++)
      lanes[l] = row[i + l] > lanes[l] ? row[i + l] : lanes[l];
  for (size_t l = 0; i + l < count; l++)
    lanes[l] = row[i + l] > lanes[l] ? row[i + l] : lanes[l];
  float result = lanes[0];
  for (size_t l = 1; l < LANES; l++)
    result = lanes[l] > result ? lanes[l] : result;
  return result;
}

static float
sum(const float *row, size_t count)
{
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t l = 0; l < LANES; l++)
      lanes[l] += row[i + l];
  for (size_t l = 0; i + l < count; l++)
    lanes[l] += row[i + l];
  return sum_of_lanes(lanes);
}

static void
softmax_rows(const DcMatrix *scores, float *log_sums)
{
  for (size_t i = 0; i < scores->rows; i++) {
    float *row = dc_matrix_row(scores, i);
    float shift = largest(row, scores->cols);
    for (size_t j = 0; j < scores->cols; j++)
      row[j] = dc_exp(row[j] - shift);
    float total = sum(row, scores->cols);
    if (log_sums)
      log_sums[i] = shift + logf(total);
    for (size_t j = 0; j < scores->cols; j++)
      row[j] /= total;
  }
}

static void
softmax_tile(const DcMatrix *tile, const float *totals, double *row_sums)
{
  float shift[TILE], factor[TILE];
  for (size_t i = 0; i < tile->cols; i++) {
    shift[i] = -INFINITY;
    factor[i] = 0;
  }
  for (size_t j = 0; j < tile->rows; j++) {
    const float *row = dc_matrix_row(tile, j);
    for (size_t i = 0; i < tile->cols; i++)
      shift[i] = row[i] > shift[i] ? row[i] : shift[i];
  }
  for (size_t j = 0; j < tile->rows; j++) {
    float *row = dc_matrix_row(tile, j);
    for (size_t i = 0; i < tile->cols; i++) {
      row[i] = dc_exp(row[i] - shift[i]);
      factor[i] += row[i];
    }
  }
  for (size_t i = 0; i < tile->cols; i++)
    factor[i] = (totals ? totals[i] : 1) / factor[i];
  for (size_t j = 0; j < tile->rows; j++) {
    float *row = dc_matrix_row(tile, j);
    for (size_t i = 0; i < tile->cols; i++)
      row[i] *= factor[i];
    if (row_sums)
      row_sums[j] += sum(row, tile->cols);
  }
}

static void
softmax_columns(const DcMatrix *scores, const float *totals, double *row_sums)
{
  for (size_t j = 0; j < scores->rows && row_sums; j++)
    row_sums[j] = 0;
  for (size_t first = 0; first < scores->cols; first += TILE) {
    DcMatrix tile = *scores;
    tile.data += first;
    tile.cols = smaller(TILE, scores->cols - first);
    softmax_tile(&tile, totals ? totals + first : NULL, row_sums);
  }
}

static void
largest_in_columns(const DcMatrix *scores, uint32_t *rows)
{
  for (size_t first = 0; first < scores->cols; first += TILE) {
    size_t count = smaller(TILE, scores->cols - first);
    float best[TILE];
    for (size_t i = 0; i < count; i++) {
      best[i] = -INFINITY;
      rows[first + i] = 0;
    }
    for (size_t j = 0; j < scores->rows; j++) {
      const float *row = dc_matrix_row(scores, j) + first;
      for (size_t i = 0; i < count; i++) {
        uint32_t index = rows[first + i];
        rows[first + i] = row[i] > best[i] ? (uint32_t)j : index;
        best[i] = row[i] > best[i] ? row[i] : best[i];
      }
    }
  }
}

static void
centre_rows(const DcMatrix *source, const float *centre, const DcMatrix *target)
{
  for (size_t i = 0; i < source->rows; i++) {
    const float *from = dc_matrix_row(source, i);
    float *to = dc_matrix_row(target, i);
    for (size_t k = 0; k < source->cols; k++)
      to[k] = from[k] - centre[k];
  }
}

static void
squared_norms(const DcMatrix *matrix, float *norms)
{
  for (size_t k = 0; k < matrix->rows; k++) {
    const float *row = dc_matrix_row(matrix, k);
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= matrix->cols; i += LANES)
      for (size_t l = 0; l < LANES; l++)
        lanes[l] += row[i + l] * row[i + l];
    for (size_t l = 0; i + l < matrix->cols; l++)
      lanes[l] += row[i + l] * row[i + l];
    norms[k] = sum_of_lanes(lanes);
  }
}

static float
squared_distance(const float *a, const float *b, size_t count)
{
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (size_t l = 0; l < LANES; l++) {
      float difference = a[i + l] - b[i + l];
      lanes[l] += difference * difference;
    }
  for (size_t l = 0; i + l < count; l++) {
    float difference = a[i + l] - b[i + l];
    lanes[l] += difference * difference;
  }
  return sum_of_lanes(lanes);
}

static void
squared_distances(const DcMatrix *a, const DcMatrix *b, const uint32_t *rows, float *distances)
{
  for (size_t i = 0; i < a->rows; i++)
    distances[i] =
        squared_distance(dc_matrix_row(a, i), dc_matrix_row(b, rows ? rows[i] : 0), a->cols);
}

const DcKernels DC_KERNEL_TABLE = {
    .name = DC_KERNEL_NAME,
    .softmax_rows = softmax_rows,
    .softmax_columns = softmax_columns,
    .largest_in_columns = largest_in_columns,
    .centre_rows = centre_rows,
    .squared_norms = squared_norms,
    .squared_distances = squared_distances,
};
