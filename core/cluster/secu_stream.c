/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu_stream.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/secu_losses.h"
#include "tensor/blas.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

DcSecuStream *
dc_secu_stream_new(size_t clusters, size_t dim, size_t batch)
{
  size_t keys, units, similarities;
  if (!clusters || !dim || !batch || !dc_checked_mul(clusters, dim, &keys) ||
      !dc_checked_mul(batch, dim, &units) || !dc_checked_mul(batch, clusters, &similarities))
    return NULL;
  DcSecuStream *stream = DC_NEW(DcSecuStream, 1);
  if (!stream)
    return NULL;
  *stream = (DcSecuStream){
      .clusters = clusters,
      .dim = dim,
      .batch = batch,
      .centres = DC_NEW(float, keys),
      .lengths = DC_NEW(double, clusters),
      .counts = DC_NEW(double, clusters),
      .units = DC_NEW(float, units),
      .similarities = DC_NEW(float, similarities),
      .hardness = DC_NEW(float, batch),
      .labels = DC_NEW(uint32_t, batch),
      .sums = DC_NEW(double, keys),
      .mass = DC_NEW(double, clusters),
  };
  if (stream->centres && stream->lengths && stream->counts && stream->units &&
      stream->similarities && stream->hardness && stream->labels && stream->sums && stream->mass)
    return stream;
  dc_secu_stream_free(stream);
  return NULL;
}

void
dc_secu_stream_free(DcSecuStream *stream)
{
  if (!stream)
    return;
  dc_free(stream->centres);
  dc_free(stream->lengths);
  dc_free(stream->counts);
  dc_free(stream->units);
  dc_free(stream->similarities);
  dc_free(stream->hardness);
  dc_free(stream->labels);
  dc_free(stream->sums);
  dc_free(stream->mass);
  dc_free(stream);
}

static double
dot(const float *a, const float *b, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += (double)a[i] * b[i];
  return sum;
}

void
dc_secu_stream_start(DcSecuStream *stream, const DcMatrix *centroids)
{
  DcMatrix centres = dc_matrix(stream->centres, stream->clusters, stream->dim);
  dc_matrix_copy(centroids, &centres);
  for (size_t k = 0; k < stream->clusters; k++) {
    const float *centroid = dc_matrix_row(centroids, k);
    stream->lengths[k] = sqrt(dot(centroid, centroid, stream->dim));
  }
  dc_normalise_rows(&centres);
  memset(stream->counts, 0, stream->clusters * sizeof(double));
}

/* ---- one step ---- */

static double
preference(const DcSecuStream *stream, const DcSecuStreamOptions *options, size_t k, double total)
{
  return -options->weight * log((stream->counts[k] + 1) / (total + (double)stream->clusters));
}

static double
sum_of(const double *numbers, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += numbers[i];
  return sum;
}

/* Labels under the preference for small clusters; `mass` is the scratch that holds it. */
static void
label(DcSecuStream *stream, const DcSecuStreamOptions *options, const DcMatrix *similarities)
{
  double total = sum_of(stream->counts, stream->clusters);
  for (size_t k = 0; k < stream->clusters; k++)
    stream->mass[k] = preference(stream, options, k, total);
  for (size_t i = 0; i < similarities->rows; i++) {
    const float *row = dc_matrix_row(similarities, i);
    size_t best = 0;
    for (size_t k = 1; k < stream->clusters; k++)
      if (row[k] + stream->mass[k] > row[best] + stream->mass[best])
        best = k;
    stream->labels[i] = (uint32_t)best;
  }
}

static void
turn_centre(DcSecuStream *stream, const DcSecuStreamOptions *options, size_t k)
{
  double mass = stream->mass[k], square = 0;
  if (!(mass > 0))
    return;
  double gain = fmin(1 - exp(-mass / options->horizon), options->most);
  double *sum = stream->sums + k * stream->dim;
  float *centre = stream->centres + k * stream->dim;
  for (size_t j = 0; j < stream->dim; j++) {
    sum[j] = (1 - gain) * centre[j] + gain * sum[j] / mass;
    square += sum[j] * sum[j];
  }
  for (size_t j = 0; square > 0 && j < stream->dim; j++)
    centre[j] = (float)(sum[j] / sqrt(square));
}

static void
turn_centres(DcSecuStream *stream, const DcSecuStreamOptions *options, const DcMatrix *units)
{
  memset(stream->sums, 0, stream->clusters * stream->dim * sizeof(double));
  memset(stream->mass, 0, stream->clusters * sizeof(double));
  dc_secu_add_positives(units, stream->labels, stream->hardness, stream->sums);
  for (size_t i = 0; i < units->rows; i++)
    stream->mass[stream->labels[i]] += stream->hardness[i];
  for (size_t k = 0; k < stream->clusters; k++)
    turn_centre(stream, options, k);
}

/* Lengths and counts; scratch: the sums of lengths in `sums`, the members in `mass`. */
static void
count_members(DcSecuStream *stream, const DcSecuStreamOptions *options, const DcMatrix *samples)
{
  size_t clusters = stream->clusters;
  memset(stream->sums, 0, clusters * sizeof(double));
  memset(stream->mass, 0, clusters * sizeof(double));
  for (size_t i = 0; i < samples->rows; i++) {
    size_t k = stream->labels[i];
    stream->sums[k] +=
        dot(dc_matrix_row(samples, i), stream->centres + k * stream->dim, stream->dim);
    stream->mass[k]++;
  }
  double kept = exp2(-(double)samples->rows / options->half_life);
  for (size_t k = 0; k < clusters; k++) {
    double members = stream->mass[k];
    double gain = fmin(1 - exp(-members / options->horizon), options->most);
    if (members > 0)
      stream->lengths[k] += gain * (stream->sums[k] / members - stream->lengths[k]);
    stream->counts[k] = kept * stream->counts[k] + members;
  }
}

DcStatus
dc_secu_stream_step(DcSecuStream *stream, const DcSecuStreamOptions *options,
                    const DcMatrix *samples)
{
  if (samples->cols != stream->dim || samples->rows < 1 || samples->rows > stream->batch)
    return DC_ERROR_SHAPE;
  if (!dc_matrix_is_finite(samples))
    return DC_ERROR_NOT_FINITE;
  DcMatrix units = dc_matrix(stream->units, samples->rows, stream->dim);
  DcMatrix similarities = dc_matrix(stream->similarities, samples->rows, stream->clusters);
  DcMatrix centres = dc_matrix(stream->centres, stream->clusters, stream->dim);
  dc_matrix_copy(samples, &units);
  dc_normalise_rows(&units);
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &units, &centres, 0, &similarities);
  label(stream, options, &similarities);
  dc_secu_centre_loss(&similarities, stream->labels, (float)options->temperature, stream->hardness);
  turn_centres(stream, options, &units);
  count_members(stream, options, samples);
  return DC_OK;
}

void
dc_secu_stream_centroids(const DcSecuStream *stream, const DcMatrix *centroids)
{
  for (size_t k = 0; k < stream->clusters; k++)
    for (size_t j = 0; j < stream->dim; j++)
      dc_matrix_row(centroids, k)[j] =
          (float)(stream->lengths[k] * stream->centres[k * stream->dim + j]);
}

/* ---- reference ---- */

/* What a sample adds to its cluster. */
typedef struct {
  double mass, members, length;
} Gathered;

static size_t
reference_label(const DcSecuStreamOptions *options, const double *similarity, const double *counts,
                size_t clusters)
{
  double total = sum_of(counts, clusters), best_value = -INFINITY;
  size_t best = 0;
  for (size_t k = 0; k < clusters; k++) {
    double value =
        similarity[k] - options->weight * log((counts[k] + 1) / (total + (double)clusters));
    if (value > best_value) {
      best = k;
      best_value = value;
    }
  }
  return best;
}

static double
reference_hardness(const DcSecuStreamOptions *options, const double *similarity, size_t label,
                   size_t clusters)
{
  double others = 0;
  for (size_t k = 0; k < clusters; k++)
    if (k != label)
      others += exp((similarity[k] - similarity[label]) / options->temperature);
  return others / (1 + others);
}

static void
reference_turn(const DcSecuStreamOptions *options, size_t dim, const double *sum, double mass,
               double *centre)
{
  double gain = fmin(1 - exp(-mass / options->horizon), options->most), square = 0;
  for (size_t j = 0; j < dim && mass > 0; j++) {
    centre[j] = (1 - gain) * centre[j] + gain * sum[j] / mass;
    square += centre[j] * centre[j];
  }
  for (size_t j = 0; j < dim && square > 0; j++)
    centre[j] /= sqrt(square);
}

bool
dc_secu_stream_reference(const DcSecuStreamOptions *options, const DcMatrix *samples,
                         size_t clusters, double *centres, double *lengths, double *counts)
{
  size_t dim = samples->cols;
  double *similarity = DC_NEW(double, clusters), *sums = DC_NEW(double, clusters *dim);
  size_t *labels = DC_NEW(size_t, samples->rows);
  Gathered *gathered = DC_NEW(Gathered, clusters);
  bool complete = similarity && sums && labels && gathered;
  for (size_t i = 0; complete && i < samples->rows; i++) {
    const float *row = dc_matrix_row(samples, i);
    double norm = sqrt(dot(row, row, dim));
    for (size_t k = 0; k < clusters; k++) {
      similarity[k] = 0;
      for (size_t j = 0; j < dim; j++)
        similarity[k] += norm > 0 ? row[j] / norm * centres[k * dim + j] : 0;
    }
    labels[i] = reference_label(options, similarity, counts, clusters);
    double hardness = reference_hardness(options, similarity, labels[i], clusters);
    gathered[labels[i]].mass += hardness;
    gathered[labels[i]].members++;
    for (size_t j = 0; j < dim; j++)
      sums[labels[i] * dim + j] += norm > 0 ? hardness * row[j] / norm : 0;
  }
  for (size_t k = 0; complete && k < clusters; k++)
    reference_turn(options, dim, sums + k * dim, gathered[k].mass, centres + k * dim);
  for (size_t i = 0; complete && i < samples->rows; i++)
    for (size_t j = 0; j < dim; j++)
      gathered[labels[i]].length +=
          (double)dc_matrix_row(samples, i)[j] * centres[labels[i] * dim + j];
  double kept = exp2(-(double)samples->rows / options->half_life);
  for (size_t k = 0; complete && k < clusters; k++) {
    double members = gathered[k].members;
    double gain = fmin(1 - exp(-members / options->horizon), options->most);
    if (members > 0)
      lengths[k] += gain * (gathered[k].length / members - lengths[k]);
    counts[k] = kept * counts[k] + members;
  }
  dc_free(similarity);
  dc_free(sums);
  dc_free(labels);
  dc_free(gathered);
  return complete;
}
