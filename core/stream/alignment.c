/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/alignment.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define LARGEST_GAIN 4.0
/* A number whose variance is below this share of the mean one tells nothing, and is left alone. */
#define LEAST_VARIANCE 1e-6

DcAlignment *
dc_alignment_new(size_t dim)
{
  DcAlignment *alignment = DC_NEW(DcAlignment, 1);
  if (!alignment)
    return NULL;
  *alignment = (DcAlignment){
      .dim = dim,
      .reference = dc_alloc(dim, 2 * sizeof(double)),
      .running = dc_alloc(dim, 2 * sizeof(double)),
      .sums = dc_alloc(dim, 2 * sizeof(double)),
      .gain = DC_NEW(float, dim),
      .offset = DC_NEW(float, dim),
  };
  if (!alignment->reference || !alignment->running || !alignment->sums || !alignment->gain ||
      !alignment->offset) {
    dc_alignment_free(alignment);
    return NULL;
  }
  for (size_t j = 0; j < dim; j++)
    alignment->gain[j] = 1;
  return alignment;
}

void
dc_alignment_free(DcAlignment *alignment)
{
  if (!alignment)
    return;
  dc_free(alignment->reference);
  dc_free(alignment->running);
  dc_free(alignment->sums);
  dc_free(alignment->gain);
  dc_free(alignment->offset);
  dc_free(alignment);
}

void
dc_alignment_refer(DcAlignment *alignment, const double *mean, const double *variance)
{
  size_t bytes = alignment->dim * sizeof(double);
  memcpy(alignment->reference, mean, bytes);
  memcpy(alignment->reference + alignment->dim, variance, bytes);
  memcpy(alignment->running, alignment->reference, 2 * bytes);
  alignment->seen = UINT64_MAX;
}

void
dc_alignment_apply(const DcAlignment *alignment, const DcMatrix *rows, const DcMatrix *aligned)
{
  for (size_t i = 0; i < rows->rows; i++) {
    const float *row = dc_matrix_row(rows, i);
    float *target = dc_matrix_row(aligned, i);
    for (size_t j = 0; j < alignment->dim; j++)
      target[j] = alignment->gain[j] * row[j] + alignment->offset[j];
  }
}

void
dc_alignment_receive(DcAlignment *alignment, const DcMatrix *rows)
{
  double *sum = alignment->sums, *square = sum + alignment->dim;
  for (size_t i = 0; i < rows->rows; i++) {
    const float *row = dc_matrix_row(rows, i);
    for (size_t j = 0; j < alignment->dim; j++) {
      double apart = row[j] - alignment->running[j];
      sum[j] += apart;
      square[j] += apart * apart;
    }
  }
  alignment->pending += rows->rows;
}

/* ---- updating ---- */

/* Mixes the pending embeddings into the running moments with the share `gain`. */
static void
mix(DcAlignment *alignment, double gain)
{
  size_t d = alignment->dim;
  double count = (double)alignment->pending;
  for (size_t j = 0; j < d; j++) {
    double step = alignment->sums[j] / count, moved = gain * step;
    double *variance = &alignment->running[d + j];
    /* About the old mean, of what was and of what comes; then about the new one. */
    double second = (1 - gain) * *variance + gain * alignment->sums[d + j] / count;
    alignment->running[j] += moved;
    *variance = fmax(second - moved * moved, 0);
  }
}

static double
mean_of(const double *numbers, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += numbers[i] / (double)count;
  return sum;
}

static void
find_map(DcAlignment *alignment)
{
  size_t d = alignment->dim;
  const double *mean = alignment->running, *variance = mean + d;
  double least = LEAST_VARIANCE * mean_of(alignment->reference + d, d);
  for (size_t j = 0; j < d; j++) {
    double from = variance[j], to = alignment->reference[d + j];
    double gain = from > least && to > least ? sqrt(to / from) : 1;
    gain = fmin(fmax(gain, 1 / LARGEST_GAIN), LARGEST_GAIN);
    alignment->gain[j] = (float)gain;
    alignment->offset[j] = (float)(alignment->reference[j] - gain * mean[j]);
  }
}

static void
extend_reference(DcAlignment *alignment, uint64_t wanted)
{
  alignment->seen += alignment->pending;
  mix(alignment, (double)alignment->pending / (double)alignment->seen);
  memcpy(alignment->reference, alignment->running, 2 * alignment->dim * sizeof(double));
  if (alignment->seen >= wanted)
    alignment->seen = UINT64_MAX;
}

void
dc_alignment_update(DcAlignment *alignment, uint64_t wanted, double half_life, double trust)
{
  if (!alignment->pending)
    return;
  if (alignment->seen != UINT64_MAX)
    extend_reference(alignment, wanted);
  else
    mix(alignment, 1 - exp2(-(double)alignment->pending * trust / half_life));
  memset(alignment->sums, 0, 2 * alignment->dim * sizeof(double));
  alignment->pending = 0;
  find_map(alignment);
}

/* ---- state ---- */

void
dc_alignment_arrays(const DcAlignment *alignment, DcMethodArray arrays[DC_ALIGNMENT_ARRAYS])
{
  size_t d = alignment->dim;
  arrays[0] = (DcMethodArray){"align.reference", DC_METHOD_DOUBLES, 2, d, alignment->reference};
  arrays[1] = (DcMethodArray){"align.running", DC_METHOD_DOUBLES, 2, d, alignment->running};
  arrays[2] = (DcMethodArray){"align.sums", DC_METHOD_DOUBLES, 2, d, alignment->sums};
  arrays[3] = (DcMethodArray){"align.pending", DC_METHOD_WHOLE, 1, 1, &alignment->pending};
  arrays[4] = (DcMethodArray){"align.seen", DC_METHOD_WHOLE, 1, 1, &alignment->seen};
}

/* Means, or sums, may have any sign; variances, and sums of squares, may not. */
static DcStatus
read_moments(const DcMethodArray *array, size_t dim, double *moments, DcError *error)
{
  if (array->rows != 2)
    return dc_error_set(error, DC_ERROR_FORMAT, "tensor \"%s\" does not have 2 rows", array->name);
  const double *numbers = array->data;
  DcMethodArray first = *array, second = *array;
  first.rows = second.rows = 1;
  second.data = numbers + array->cols;
  DcStatus status = dc_method_read_row(&first, dim, -FLT_MAX, FLT_MAX, moments, error);
  return status ? status : dc_method_read_row(&second, dim, 0, DBL_MAX, moments + dim, error);
}

DcStatus
dc_alignment_restore(DcAlignment *alignment, const DcMethodArray *arrays, size_t count,
                     DcError *error)
{
  DcMethodArray wanted[DC_ALIGNMENT_ARRAYS];
  const DcMethodArray *found[DC_ALIGNMENT_ARRAYS];
  dc_alignment_arrays(alignment, wanted);
  for (size_t i = 0; i < DC_ALIGNMENT_ARRAYS; i++) {
    found[i] = dc_method_array_find(arrays, count, wanted[i].name, wanted[i].type);
    if (!found[i])
      return DC_OK;
  }
  double *const targets[] = {alignment->reference, alignment->running, alignment->sums};
  for (size_t i = 0; i < 3; i++) {
    DcStatus status = read_moments(found[i], alignment->dim, targets[i], error);
    if (status)
      return status;
  }
  alignment->pending = *(const uint64_t *)found[3]->data;
  alignment->seen = *(const uint64_t *)found[4]->data;
  if (alignment->seen)
    find_map(alignment);
  return DC_OK;
}
