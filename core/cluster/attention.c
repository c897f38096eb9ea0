/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/attention.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/affinity.h"
#include "tensor/blas.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <math.h>
#include <string.h>

struct DcAttention {
  size_t clusters, dim;
  float *memory; /* of the affinity */
  DcAffinity affinity;
  double *sums;         /* K x d: M, with Z relative to the origin of the affinity */
  double *mass;         /* K: n */
  DcMatrix recent_sums; /* K x d: what the latest chunks add to the sums */
  double *recent_mass;  /* K: what the latest chunk adds to the mass */
  size_t recent;        /* samples in recent_sums */
};

/* Samples after which sums in single precision go over into those in double: few enough for their
 * rounding, enough for the cost to vanish beside the products. */
enum { RECENT_MAX = 1024 };

/* Below one weight in so many that is not 0, adding rows one by one beats the product. */
enum { SPARSE_SHARE = 16 };

DcAttention *
dc_attention_new(size_t clusters, size_t dim)
{
  size_t size = clusters && dim ? dc_affinity_size(clusters, dim) : 0;
  DcAttention *attention = size ? DC_NEW(DcAttention, 1) : NULL;
  if (!attention)
    return NULL;
  /* K x d is less than `size`, and so does not overflow. */
  attention->clusters = clusters;
  attention->dim = dim;
  attention->memory = DC_NEW(float, size);
  attention->sums = DC_NEW(double, clusters *dim);
  attention->mass = DC_NEW(double, clusters);
  attention->recent_sums = dc_matrix(DC_NEW(float, clusters *dim), clusters, dim);
  attention->recent_mass = DC_NEW(double, clusters);
  if (!attention->memory || !attention->sums || !attention->mass || !attention->recent_sums.data ||
      !attention->recent_mass) {
    dc_attention_free(attention);
    return NULL;
  }
  attention->affinity = dc_affinity_place(attention->memory, clusters, dim);
  return attention;
}

void
dc_attention_free(DcAttention *attention)
{
  if (!attention)
    return;
  dc_free(attention->memory);
  dc_free(attention->sums);
  dc_free(attention->mass);
  dc_free(attention->recent_sums.data);
  dc_free(attention->recent_mass);
  dc_free(attention);
}

/* ---- arguments ---- */

static bool
has_shape(const DcMatrix *matrix, size_t rows, size_t cols)
{
  return matrix->rows == rows && matrix->cols == cols;
}

static DcStatus
check_options(const DcAttentionOptions *options)
{
  bool scale_is_valid =
      options->metric || (options->temperature > 0 && options->temperature < INFINITY);
  bool epsilon_is_valid = options->epsilon >= 0 && options->epsilon < INFINITY;
  return scale_is_valid && epsilon_is_valid ? DC_OK : DC_ERROR_ARGUMENT;
}

static DcStatus
check_values(const DcAttentionValues *values, size_t samples, size_t clusters, size_t dim)
{
  bool fit = !values || (has_shape(&values->samples, samples, dim) &&
                         has_shape(&values->centroids, clusters, dim));
  return fit ? DC_OK : DC_ERROR_SHAPE;
}

static DcStatus
check_weights(const float *weights, size_t count)
{
  for (size_t i = 0; weights && i < count; i++)
    if (!(weights[i] >= 0 && weights[i] < INFINITY))
      return DC_ERROR_ARGUMENT;
  return DC_OK;
}

/* ---- the block ---- */

static void
aim(DcAttention *attention, const DcAttentionOptions *options, const DcMatrix *centroids)
{
  DcAffinityMetric metric = {.metric = options->metric,
                             .scale = 1 / options->temperature,
                             .bias = options->bias};
  dc_affinity_aim(&attention->affinity, centroids, &metric);
}

/* The next samples from `first` on, as many as fit a chunk. */
static DcMatrix
next_chunk(const DcAttention *attention, const DcMatrix *samples, size_t first)
{
  size_t chunk = dc_affinity_chunk(&attention->affinity), rest = samples->rows - first;
  return dc_matrix_rows(samples, first, rest < chunk ? rest : chunk);
}

static void
add(const float *terms, size_t count, double *sums)
{
  for (size_t i = 0; i < count; i++)
    sums[i] += terms[i];
}

static void
flush_recent_sums(DcAttention *attention)
{
  if (attention->recent > 0)
    add(attention->recent_sums.data, attention->clusters * attention->dim, attention->sums);
  attention->recent = 0;
}

/* What is averaged of the chunk that was scored last, whose first sample is `first`. */
static DcMatrix
values_of_chunk(const DcAttention *attention, const DcAttentionValues *values, size_t first,
                size_t count)
{
  DcMatrix samples = values ? values->samples : attention->affinity.samples;
  samples.cols = attention->dim;
  return dc_matrix_rows(&samples, values ? first : 0, count);
}

/* Where clusters lie apart, all but a few weights of a sample vanish in single precision. */
static bool
is_sparse(const DcMatrix *assignment)
{
  return dc_count_nonzero(assignment) * SPARSE_SHARE < assignment->rows * assignment->cols;
}

/* Adds a chunk whose assignment weights, times sample weights, are `assignment` (K x samples). */
static void
add_chunk(DcAttention *attention, const DcMatrix *assignment, const DcMatrix *values)
{
  const DcMatrix *sums = &attention->recent_sums;
  if (attention->recent == 0)
    memset(sums->data, 0, sums->rows * sums->cols * sizeof *sums->data);
  if (is_sparse(assignment))
    dc_add_sparse_product(assignment, values, sums);
  else
    dc_gemm(DC_PLAIN, DC_PLAIN, 1, assignment, values, 1, sums);
  attention->recent += assignment->cols;
  if (attention->recent >= RECENT_MAX)
    flush_recent_sums(attention);
  for (size_t j = 0; j < attention->clusters; j++)
    attention->mass[j] += attention->recent_mass[j];
}

static void
sum_over_samples(DcAttention *attention, const DcMatrix *samples, const float *weights,
                 const DcAttentionValues *values)
{
  memset(attention->sums, 0, attention->clusters * attention->dim * sizeof(double));
  memset(attention->mass, 0, attention->clusters * sizeof(double));
  attention->recent = 0;
  for (size_t first = 0; first < samples->rows;) {
    DcMatrix chunk = next_chunk(attention, samples, first);
    DcMatrix scores = dc_affinity_score(&attention->affinity, &chunk);
    DcMatrix averaged = values_of_chunk(attention, values, first, chunk.rows);
    dc_softmax_columns(&scores, weights ? weights + first : NULL, attention->recent_mass);
    add_chunk(attention, &scores, &averaged);
    first += chunk.rows;
  }
  flush_recent_sums(attention);
}

/* True when all are; x - x is NaN for any other x. */
static bool
are_finite(const double *numbers, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += numbers[i] - numbers[i];
  return sum == 0;
}

/* The means, with the old centroids as `epsilon` samples each. A cluster that nothing reached keeps
 * its centroid to the last bit. `origin` is what the sums are relative to. */
static void
write_means(const DcAttention *attention, double epsilon, const float *origin,
            const DcMatrix *centroids, const DcMatrix *updated, double *mass)
{
  size_t dim = attention->dim;
  for (size_t j = 0; j < attention->clusters; j++) {
    const double *sums = attention->sums + j * dim;
    const float *old = dc_matrix_row(centroids, j);
    float *new = dc_matrix_row(updated, j);
    double count = attention->mass[j];
    for (size_t k = 0; k < dim; k++) {
      double start = origin ? origin[k] : 0;
      double mean = start + (sums[k] + epsilon * (old[k] - start)) / (count + epsilon);
      new[k] = count > 0 ? (float)mean : old[k];
    }
    if (mass)
      mass[j] = count;
  }
}

DcStatus
dc_attention_update(DcAttention *attention, const DcAttentionOptions *options,
                    const DcMatrix *samples, const float *weights, const DcMatrix *centroids,
                    const DcMatrix *updated, double *mass)
{
  if (samples->cols != attention->dim ||
      !has_shape(centroids, attention->clusters, attention->dim) ||
      !has_shape(updated, attention->clusters, attention->dim))
    return DC_ERROR_SHAPE;
  const DcAttentionValues *values = options->values;
  DcStatus status = check_options(options);
  if (status == DC_OK)
    status = check_values(values, samples->rows, centroids->rows, attention->dim);
  if (status == DC_OK)
    status = check_weights(weights, samples->rows);
  if (status != DC_OK)
    return status;
  const DcMatrix *averaged = values ? &values->centroids : centroids;
  if (!dc_matrix_is_finite(centroids) || !dc_matrix_is_finite(averaged))
    return DC_ERROR_NOT_FINITE;
  aim(attention, options, centroids);
  sum_over_samples(attention, samples, weights, values);
  if (!are_finite(attention->sums, attention->clusters * attention->dim) ||
      !are_finite(attention->mass, attention->clusters))
    return DC_ERROR_NOT_FINITE;
  write_means(attention, options->epsilon, values ? NULL : attention->affinity.origin, averaged,
              updated, mass);
  return DC_OK;
}

static void
transpose(const DcMatrix *source, const DcMatrix *target)
{
  for (size_t i = 0; i < target->rows; i++)
    for (size_t j = 0; j < target->cols; j++)
      dc_matrix_row(target, i)[j] = dc_matrix_row(source, j)[i];
}

DcStatus
dc_attention_weights(DcAttention *attention, const DcAttentionOptions *options,
                     const DcMatrix *samples, const DcMatrix *centroids, const DcMatrix *assignment)
{
  if (samples->cols != attention->dim ||
      !has_shape(centroids, attention->clusters, attention->dim) ||
      !has_shape(assignment, samples->rows, attention->clusters))
    return DC_ERROR_SHAPE;
  DcStatus status = check_options(options);
  if (status != DC_OK)
    return status;
  aim(attention, options, centroids);
  for (size_t first = 0; first < samples->rows;) {
    DcMatrix chunk = next_chunk(attention, samples, first);
    DcMatrix scores = dc_affinity_score(&attention->affinity, &chunk);
    DcMatrix target = dc_matrix_rows(assignment, first, chunk.rows);
    dc_softmax_columns(&scores, NULL, NULL);
    transpose(&scores, &target);
    first += chunk.rows;
  }
  return DC_OK;
}

/* ---- reference ---- */

typedef struct {
  double *transformed; /* T: K x d */
  double *scores;      /* K, of one sample */
  double *mass;        /* K */
  double *sums;        /* K x d */
} Reference;

static void
reference_transform(const DcAttentionOptions *options, const DcMatrix *centroids,
                    double *transformed)
{
  size_t dim = centroids->cols;
  for (size_t j = 0; j < centroids->rows; j++)
    for (size_t k = 0; k < dim; k++) {
      const float *c = dc_matrix_row(centroids, j);
      double sum = options->metric ? 0 : (double)c[k] / options->temperature;
      for (size_t l = 0; options->metric && l < dim; l++)
        sum += (double)c[l] * options->metric[l * dim + k];
      transformed[j * dim + k] = sum;
    }
}

/* Replaces scores by assignment weights. */
static void
reference_softmax(double *scores, size_t count)
{
  double largest = -INFINITY, total = 0;
  for (size_t j = 0; j < count; j++)
    largest = fmax(largest, scores[j]);
  for (size_t j = 0; j < count; j++)
    total += scores[j] = exp(scores[j] - largest);
  for (size_t j = 0; j < count; j++)
    scores[j] /= total;
}

static void
reference_add(Reference *r, const DcAttentionOptions *options, const DcMatrix *centroids,
              const float *sample, const float *value, double weight)
{
  size_t dim = centroids->cols;
  for (size_t j = 0; j < centroids->rows; j++) {
    const double *t = r->transformed + j * dim;
    r->scores[j] = options->bias ? options->bias[j] : 0;
    for (size_t k = 0; k < dim; k++)
      r->scores[j] += (2 * (double)sample[k] - dc_matrix_row(centroids, j)[k]) * t[k];
  }
  reference_softmax(r->scores, centroids->rows);
  for (size_t j = 0; j < centroids->rows; j++) {
    r->mass[j] += weight * r->scores[j];
    for (size_t k = 0; k < dim; k++)
      r->sums[j * dim + k] += weight * r->scores[j] * value[k];
  }
}

DcStatus
dc_attention_update_reference(const DcAttentionOptions *options, const DcMatrix *samples,
                              const float *weights, const DcMatrix *centroids,
                              const DcMatrix *updated, double *mass)
{
  size_t clusters = centroids->rows, dim = centroids->cols;
  const DcMatrix *values = options->values ? &options->values->samples : samples;
  const DcMatrix *averaged = options->values ? &options->values->centroids : centroids;
  Reference r = {DC_NEW(double, clusters *dim), DC_NEW(double, clusters), DC_NEW(double, clusters),
                 DC_NEW(double, clusters *dim)};
  DcStatus status = DC_ERROR_MEMORY;
  if (r.transformed && r.scores && r.mass && r.sums) {
    reference_transform(options, centroids, r.transformed);
    for (size_t i = 0; i < samples->rows; i++)
      reference_add(&r, options, centroids, dc_matrix_row(samples, i), dc_matrix_row(values, i),
                    weights ? weights[i] : 1);
    for (size_t j = 0; j < clusters; j++) {
      double total = r.mass[j] + options->epsilon;
      for (size_t k = 0; k < dim; k++) {
        float old = dc_matrix_row(averaged, j)[k];
        double sum = r.sums[j * dim + k] + options->epsilon * old;
        dc_matrix_row(updated, j)[k] = total > 0 ? (float)(sum / total) : old;
      }
      if (mass)
        mass[j] = r.mass[j];
    }
    status = DC_OK;
  }
  dc_free(r.transformed);
  dc_free(r.scores);
  dc_free(r.mass);
  dc_free(r.sums);
  return status;
}
