/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/kernels.h"

#include "tensor/asinh.h"
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

/* The sum of the logarithms of `count` numbers from 1 to 2^60, which is few enough for the product
 * of LANES of them to be finite. */
static double
sum_of_logs(const double *numbers, size_t count)
{
  double result = 0;
  for (size_t i = 0; i < count; i += LANES) {
    double product = 1;
    for (size_t l = i; l < smaller(i + LANES, count); l++)
      product *= numbers[l];
    result += log(product);
  }
  return result;
}

/* `count` columns, at most TILE, of rows that lie `stride` apart. */
static double
softmax_tile_double(double *scores, size_t rows, size_t stride, size_t count)
{
  double shift[TILE], total[TILE], log_sums = 0;
  for (size_t i = 0; i < count; i++) {
    shift[i] = -INFINITY;
    total[i] = 0;
  }
  for (size_t j = 0; j < rows; j++) {
    const double *row = scores + j * stride;
    for (size_t i = 0; i < count; i++)
      shift[i] = row[i] > shift[i] ? row[i] : shift[i];
  }
  for (size_t j = 0; j < rows; j++) {
    double *row = scores + j * stride;
    for (size_t i = 0; i < count; i++) {
      row[i] = dc_exp_double(row[i] - shift[i]);
      total[i] += row[i];
    }
  }
  for (size_t i = 0; i < count; i++)
    log_sums += shift[i];
  log_sums += sum_of_logs(total, count);
  for (size_t i = 0; i < count; i++)
    total[i] = 1 / total[i];
  for (size_t j = 0; j < rows; j++) {
    double *row = scores + j * stride;
    for (size_t i = 0; i < count; i++)
      row[i] *= total[i];
  }
  return log_sums;
}

static double
softmax_columns_double(double *scores, size_t rows, size_t cols)
{
  double log_sums = 0;
  for (size_t first = 0; first < cols; first += TILE)
    log_sums += softmax_tile_double(scores + first, rows, cols, smaller(TILE, cols - first));
  return log_sums;
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

static bool
is_finite(const DcMatrix *matrix)
{
  for (size_t k = 0; k < matrix->rows; k++) {
    const float *row = dc_matrix_row(matrix, k);
    /* x - x is 0 for a finite x and NaN otherwise. */
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= matrix->cols; i += LANES)
      for (size_t l = 0; l < LANES; l++)
        lanes[l] += row[i + l] - row[i + l];
    for (size_t l = 0; i + l < matrix->cols; l++)
      lanes[l] += row[i + l] - row[i + l];
    if (isnan(sum_of_lanes(lanes)))
      return false;
  }
  return true;
}

static void
asinh_rows(const DcMatrix *matrix, const float *shift)
{
  for (size_t k = 0; k < matrix->rows; k++) {
    float *row = dc_matrix_row(matrix, k);
    for (size_t i = 0; i < matrix->cols; i++)
      row[i] = dc_asinh(row[i] + shift[i]);
  }
}

/* In double: an offset that all rows share costs no digits. */
static void
standardise_rows(const DcMatrix *source, const double *means, double scale, const DcMatrix *target)
{
  const double factor = 1 / scale;
  for (size_t k = 0; k < source->rows; k++) {
    const float *from = dc_matrix_row(source, k);
    float *to = dc_matrix_row(target, k);
    for (size_t i = 0; i < source->cols; i++)
      to[i] = (float)((from[i] - means[i]) * factor);
  }
}

static void
add_rows(const DcMatrix *matrix, const float *weights, double *sums)
{
  for (size_t k = 0; k < matrix->rows; k++) {
    const float *row = dc_matrix_row(matrix, k);
    const double weight = weights ? weights[k] : 1;
    for (size_t i = 0; i < matrix->cols; i++)
      sums[i] += weight * row[i];
  }
}

static void
add_squares(const DcMatrix *matrix, const float *weights, const double *means, double *sums)
{
  for (size_t k = 0; k < matrix->rows; k++) {
    const float *row = dc_matrix_row(matrix, k);
    const double weight = weights ? weights[k] : 1;
    for (size_t i = 0; i < matrix->cols; i++)
      sums[i] += weight * (row[i] - means[i]) * (row[i] - means[i]);
  }
}

static void
multiply_each(const double *a, const double *b, size_t count, double *products)
{
  for (size_t i = 0; i < count; i++)
    products[i] = a[i] * b[i];
}

static size_t
count_nonzero(const DcMatrix *matrix)
{
  size_t total = 0;
  for (size_t k = 0; k < matrix->rows; k++) {
    const float *row = dc_matrix_row(matrix, k);
    uint32_t count = 0;
    for (size_t i = 0; i < matrix->cols; i++)
      count += row[i] != 0;
    total += count;
  }
  return total;
}

static void
add_sparse_product(const DcMatrix *a, const DcMatrix *b, const DcMatrix *c)
{
  for (size_t k = 0; k < a->rows; k++) {
    const float *factors = dc_matrix_row(a, k);
    float *restrict sums = dc_matrix_row(c, k);
    for (size_t j = 0; j < a->cols; j++) {
      const float factor = factors[j], *row = dc_matrix_row(b, j);
      if (factor == 0)
        continue;
      for (size_t i = 0; i < b->cols; i++)
        sums[i] += factor * row[i];
    }
  }
}

const DcKernels DC_KERNEL_TABLE = {
    .name = DC_KERNEL_NAME,
    .softmax_rows = softmax_rows,
    .softmax_columns = softmax_columns,
    .softmax_columns_double = softmax_columns_double,
    .largest_in_columns = largest_in_columns,
    .centre_rows = centre_rows,
    .squared_norms = squared_norms,
    .squared_distances = squared_distances,
    .is_finite = is_finite,
    .asinh_rows = asinh_rows,
    .standardise_rows = standardise_rows,
    .add_rows = add_rows,
    .add_squares = add_squares,
    .multiply_each = multiply_each,
    .count_nonzero = count_nonzero,
    .add_sparse_product = add_sparse_product,
};
