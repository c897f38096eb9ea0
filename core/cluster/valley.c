/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/valley.h"

#include "base/memory.h"

#include <math.h>

#define PLACES 17

/* One of the two sets, on the line. */
typedef struct {
  const DcMatrix *points;
  double *means; /* of the points of even and of odd place: 2 x dim */
  double *place; /* of each point on the line, 0 in the middle */
  double centre; /* mean of the places */
} Side;

static void
find_means(Side *side)
{
  size_t dim = side->points->cols, counts[2] = {0};
  for (size_t i = 0; i < side->points->rows; i++) {
    const float *row = dc_matrix_row(side->points, i);
    double *mean = side->means + (i % 2) * dim;
    counts[i % 2]++;
    for (size_t j = 0; j < dim; j++)
      mean[j] += (double)row[j];
  }
  for (size_t half = 0; half < 2; half++)
    for (size_t j = 0; j < dim; j++)
      side->means[half * dim + j] /= (double)counts[half];
}

/* Places the points of `half` on the line between the means of the other halves, from `a` to `b`.
 */
static bool
project_half(Side *side, size_t half, const Side *a, const Side *b)
{
  size_t dim = side->points->cols;
  const double *from = a->means + (1 - half) * dim, *to = b->means + (1 - half) * dim;
  double length = 0;
  for (size_t j = 0; j < dim; j++)
    length += (to[j] - from[j]) * (to[j] - from[j]);
  length = sqrt(length);
  if (!(length > 0))
    return false;
  for (size_t i = half; i < side->points->rows; i += 2) {
    const float *row = dc_matrix_row(side->points, i);
    double sum = 0;
    for (size_t j = 0; j < dim; j++)
      sum += ((double)row[j] - (from[j] + to[j]) / 2) * (to[j] - from[j]);
    side->place[i] = sum / length;
  }
  return true;
}

static bool
project(Side *a, Side *b)
{
  for (size_t half = 0; half < 2; half++)
    if (!project_half(a, half, a, b) || !project_half(b, half, a, b))
      return false;
  return true;
}

/* Mean of the places; returns the sum of their squares about it. */
static double
find_centre(Side *side)
{
  double count = (double)side->points->rows, squares = 0;
  side->centre = 0;
  for (size_t i = 0; i < side->points->rows; i++)
    side->centre += side->place[i] / count;
  for (size_t i = 0; i < side->points->rows; i++)
    squares += (side->place[i] - side->centre) * (side->place[i] - side->centre);
  return squares;
}

static double
density_of(const Side *side, double at, double width)
{
  double sum = 0;
  for (size_t i = 0; i < side->points->rows; i++) {
    double off = (side->place[i] - at) / width;
    sum += exp(-off * off / 2);
  }
  return sum / (double)side->points->rows;
}

static double
compare(Side *a, Side *b)
{
  double squares = find_centre(a) + find_centre(b);
  if (!(b->centre > a->centre)) /* by the other halves there is no order */
    return 1;
  double count = (double)(a->points->rows + b->points->rows);
  double width = 1.06 * sqrt(squares / count) * pow(count, -0.2);
  width = fmax(width, 1e-6 * (b->centre - a->centre)); /* points that repeat have no width */
  double lowest = INFINITY, peaks[2] = {0};
  for (size_t p = 0; p < PLACES; p++) {
    double at = a->centre + (b->centre - a->centre) * (double)p / (PLACES - 1);
    double density = density_of(a, at, width) + density_of(b, at, width);
    if (p == 0 || p == PLACES - 1)
      peaks[p > 0] = density;
    else
      lowest = fmin(lowest, density);
  }
  return lowest / fmin(peaks[0], peaks[1]);
}

DcStatus
dc_valley(const DcMatrix *a, const DcMatrix *b, double *valley, DcError *error)
{
  *valley = 1;
  if (a->rows < DC_VALLEY_LEAST || b->rows < DC_VALLEY_LEAST)
    return DC_OK;
  double *memory = DC_NEW(double, 4 * a->cols + a->rows + b->rows);
  if (!memory)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to compare two clusters");
  Side left = {.points = a, .means = memory, .place = memory + 4 * a->cols};
  Side right = {.points = b,
                .means = memory + 2 * a->cols,
                .place = memory + 4 * a->cols + a->rows};
  find_means(&left);
  find_means(&right);
  if (project(&left, &right))
    *valley = compare(&left, &right);
  dc_free(memory);
  return DC_OK;
}

double
dc_valley_bound(size_t members)
{
  return 0.75 * (1 - 1 / sqrt((double)(members ? members : 1)));
}
