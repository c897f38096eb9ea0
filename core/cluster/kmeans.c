/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/kmeans.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/workers.h"
#include "cluster/affinity.h"
#include "cluster/seeding.h"
#include "tensor/rows.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

DcKmeansOptions
dc_kmeans_options(uint32_t clusters)
{
  return (DcKmeansOptions){
      .clusters = clusters,
      .restarts = 10,
      .candidates = 1,
      .max_iterations = 300,
      .tolerance = 1e-4,
      .threads = 1,
  };
}

uint32_t
dc_kmeans_greedy(uint32_t clusters)
{
  return 2 + (uint32_t)log(clusters);
}

/* ---- nearest centroid ---- */

size_t
dc_nearest_scratch(size_t clusters, size_t dim)
{
  return dc_affinity_size(clusters, dim);
}

void
dc_nearest(const DcMatrix *samples, const DcMatrix *centroids, float *scratch, uint32_t *labels,
           float *squared_distances)
{
  DcAffinity affinity = dc_affinity_place(scratch, centroids->rows, centroids->cols);
  dc_affinity_aim(&affinity, centroids, &(DcAffinityMetric){.scale = 1});
  size_t chunk = dc_affinity_chunk(&affinity);
  for (size_t first = 0; first < samples->rows; first += chunk) {
    size_t count = samples->rows - first < chunk ? samples->rows - first : chunk;
    DcMatrix part = dc_matrix_rows(samples, first, count);
    DcMatrix scores = dc_affinity_score(&affinity, &part);
    dc_largest_in_columns(&scores, labels + first);
    if (squared_distances)
      dc_squared_distances(&part, centroids, labels + first, squared_distances + first);
  }
}

void
dc_nearest_reference(const DcMatrix *samples, const DcMatrix *centroids, uint32_t *labels,
                     float *squared_distances)
{
  for (size_t i = 0; i < samples->rows; i++) {
    double best = INFINITY;
    labels[i] = 0;
    for (size_t j = 0; j < centroids->rows; j++) {
      double distance = 0;
      for (size_t k = 0; k < samples->cols; k++) {
        double difference = (double)dc_matrix_row(samples, i)[k] - dc_matrix_row(centroids, j)[k];
        distance += difference * difference;
      }
      if (distance < best || j == 0) {
        best = distance;
        labels[i] = (uint32_t)j;
      }
    }
    if (squared_distances)
      squared_distances[i] = (float)best;
  }
}

/* ---- arguments ---- */

static DcStatus
check_weights(const float *weights, size_t count, DcError *error)
{
  double total = weights ? 0 : 1;
  for (size_t i = 0; weights && i < count; i++) {
    if (!isfinite(weights[i]))
      return dc_error_set(error, DC_ERROR_NOT_FINITE, "weight %zu is not a finite number", i);
    if (weights[i] < 0)
      return dc_error_set(error, DC_ERROR_ARGUMENT, "weight %zu is %g; weights are at least 0", i,
                          (double)weights[i]);
    total += weights[i];
  }
  if (total > 0)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_ARGUMENT,
                      "all %zu weights are 0; at least one sample must count", count);
}

static DcStatus
check_data(const DcMatrix *samples, const float *weights, const DcMatrix *centroids, DcError *error)
{
  if (samples->cols != centroids->cols || samples->cols == 0)
    return dc_error_set(
        error, DC_ERROR_SHAPE,
        "samples have %zu columns and centroids %zu; both need the same, at least 1", samples->cols,
        centroids->cols);
  if (samples->rows == 0 || centroids->rows == 0)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "k-means of %zu samples into %zu clusters; at least 1 of each is needed",
                        samples->rows, centroids->rows);
  if (!dc_matrix_is_finite(samples))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a sample holds NaN or infinity; leave such samples out");
  return check_weights(weights, samples->rows, error);
}

static DcStatus
check_options(const DcKmeansOptions *options, const DcMatrix *centroids, DcError *error)
{
  if (options->clusters != centroids->rows)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "room for %zu centroids, but %u clusters are asked for", centroids->rows,
                        options->clusters);
  if (options->restarts == 0 || options->max_iterations == 0)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%u restarts of %u iterations; at least 1 of each is needed",
                        options->restarts, options->max_iterations);
  if (options->candidates == 0)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "0 candidates for each seed of k-means; at least 1 is needed");
  if (options->threads == 0)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "k-means by 0 threads; at least 1 is needed");
  if (!(options->tolerance >= 0))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "tolerance is %g; it is at least 0",
                        options->tolerance);
  return DC_OK;
}

/* ---- seeding ---- */

static void
seed(DcSeeding *seeding, DcRandom *random, const DcMatrix *centroids)
{
  for (size_t j = 0; j < centroids->rows; j++) {
    size_t chosen = dc_seeding_next(seeding, random, j == 0);
    DcMatrix source = dc_matrix_rows(seeding->samples, chosen, 1);
    DcMatrix target = dc_matrix_rows(centroids, j, 1);
    dc_matrix_copy(&source, &target);
  }
}

void
dc_kmeans_seed_rows(const DcMatrix *samples, DcRandom *random, float *scratch, size_t clusters,
                    uint32_t *rows)
{
  DcSeeding seeding = {
      .samples = samples, .candidates = 1, .nearest = scratch, .newest = scratch + samples->rows};
  for (size_t j = 0; j < clusters; j++)
    rows[j] = (uint32_t)dc_seeding_next(&seeding, random, j == 0);
}

DcStatus
dc_kmeans_seed(const DcMatrix *samples, const float *weights, DcRandom *random,
               const DcMatrix *centroids)
{
  DcStatus status = check_data(samples, weights, centroids, NULL);
  if (status != DC_OK)
    return status;
  float *distances = dc_alloc(samples->rows, 2 * sizeof(float));
  if (!distances)
    return DC_ERROR_MEMORY;
  DcSeeding seeding = {.samples = samples,
                       .weights = weights,
                       .candidates = 1,
                       .nearest = distances + samples->rows,
                       .newest = distances};
  seed(&seeding, random, centroids);
  dc_free(distances);
  return DC_OK;
}

/* ---- Lloyd ---- */

/* What one or several runs of Lloyd over the same samples work in. */
typedef struct {
  const DcMatrix *samples;
  const float *weights;
  float *scratch;     /* of dc_nearest */
  uint32_t *labels;   /* N: the assignment from which the centroids were made */
  uint32_t *previous; /* N: the one before */
  float *distances;   /* N: squared, to the centroid of the label */
  double *sums;       /* K x d */
  double *masses;     /* K: summed weights */
  uint32_t *members;  /* K: samples of positive weight */
} Lloyd;

static void
lloyd_clear(Lloyd *lloyd)
{
  dc_free(lloyd->scratch);
  dc_free(lloyd->labels);
  dc_free(lloyd->previous);
  dc_free(lloyd->distances);
  dc_free(lloyd->sums);
  dc_free(lloyd->masses);
  dc_free(lloyd->members);
  *lloyd = (Lloyd){0};
}

static DcStatus
lloyd_init(Lloyd *lloyd, const DcMatrix *samples, const float *weights, size_t clusters,
           DcError *error)
{
  size_t scratch = dc_nearest_scratch(clusters, samples->cols), sums;
  *lloyd = (Lloyd){.samples = samples, .weights = weights};
  if (scratch > 0 && dc_checked_mul(clusters, samples->cols, &sums)) {
    lloyd->scratch = DC_NEW(float, scratch);
    lloyd->labels = DC_NEW(uint32_t, samples->rows);
    lloyd->previous = DC_NEW(uint32_t, samples->rows);
    lloyd->distances = DC_NEW(float, samples->rows);
    lloyd->sums = DC_NEW(double, sums);
    lloyd->masses = DC_NEW(double, clusters);
    lloyd->members = DC_NEW(uint32_t, clusters);
  }
  if (lloyd->scratch && lloyd->labels && lloyd->previous && lloyd->distances && lloyd->sums &&
      lloyd->masses && lloyd->members)
    return DC_OK;
  lloyd_clear(lloyd);
  return dc_error_set(error, DC_ERROR_MEMORY,
                      "no memory for k-means of %zu samples of %zu numbers into %zu clusters",
                      samples->rows, samples->cols, clusters);
}

static void
assign(Lloyd *lloyd, const DcMatrix *centroids)
{
  uint32_t *labels = lloyd->previous;
  lloyd->previous = lloyd->labels;
  lloyd->labels = labels;
  dc_nearest(lloyd->samples, centroids, lloyd->scratch, labels, NULL);
}

/* From each sample to the centroid of its label: a pass over all samples that only empty clusters
 * and the end of a run need. */
static void
measure_distances(Lloyd *lloyd, const DcMatrix *centroids)
{
  dc_squared_distances(lloyd->samples, centroids, lloyd->labels, lloyd->distances);
}

static bool
labels_are_unchanged(const Lloyd *lloyd)
{
  return memcmp(lloyd->labels, lloyd->previous, lloyd->samples->rows * sizeof(uint32_t)) == 0;
}

static void
count_members(Lloyd *lloyd, size_t clusters)
{
  memset(lloyd->members, 0, clusters * sizeof(uint32_t));
  for (size_t i = 0; i < lloyd->samples->rows; i++)
    lloyd->members[lloyd->labels[i]] += dc_sample_weight(lloyd->weights, i) > 0;
}

/* The sample farthest from its centroid whose cluster can spare it; N when there is none. */
static size_t
farthest_sample(const Lloyd *lloyd)
{
  float distance = 0;
  size_t farthest = lloyd->samples->rows;
  for (size_t i = 0; i < lloyd->samples->rows; i++)
    if (lloyd->distances[i] > distance && dc_sample_weight(lloyd->weights, i) > 0 &&
        lloyd->members[lloyd->labels[i]] > 1) {
      distance = lloyd->distances[i];
      farthest = i;
    }
  return farthest;
}

static bool
has_empty_cluster(const Lloyd *lloyd, size_t clusters)
{
  for (size_t j = 0; j < clusters; j++) {
    if (lloyd->members[j] == 0)
      return true;
  }
  return false;
}

static uint32_t
fill_empty_clusters(Lloyd *lloyd, const DcMatrix *centroids)
{
  uint32_t filled = 0;
  if (!has_empty_cluster(lloyd, centroids->rows))
    return 0;
  measure_distances(lloyd, centroids);
  for (size_t j = 0; j < centroids->rows; j++) {
    if (lloyd->members[j] > 0)
      continue;
    size_t sample = farthest_sample(lloyd);
    if (sample == lloyd->samples->rows)
      break;
    lloyd->members[lloyd->labels[sample]]--;
    lloyd->members[j] = 1;
    lloyd->labels[sample] = (uint32_t)j;
    lloyd->distances[sample] = 0;
    filled++;
  }
  return filled;
}

static void
sum_members(Lloyd *lloyd, size_t clusters)
{
  size_t dim = lloyd->samples->cols;
  memset(lloyd->sums, 0, clusters * dim * sizeof(double));
  memset(lloyd->masses, 0, clusters * sizeof(double));
  for (size_t i = 0; i < lloyd->samples->rows; i++) {
    const float *sample = dc_matrix_row(lloyd->samples, i);
    double weight = dc_sample_weight(lloyd->weights, i);
    double *sum = lloyd->sums + lloyd->labels[i] * dim;
    lloyd->masses[lloyd->labels[i]] += weight;
    for (size_t k = 0; k < dim; k++)
      sum[k] += weight * sample[k];
  }
}

/* Moves each centroid to the mean of its members; returns the summed squared shift. */
static double
move_to_means(const Lloyd *lloyd, const DcMatrix *centroids)
{
  double shift = 0;
  for (size_t j = 0; j < centroids->rows; j++) {
    float *centroid = dc_matrix_row(centroids, j);
    if (lloyd->masses[j] == 0)
      continue;
    for (size_t k = 0; k < centroids->cols; k++) {
      double mean = lloyd->sums[j * centroids->cols + k] / lloyd->masses[j];
      shift += (mean - centroid[k]) * (mean - centroid[k]);
      centroid[k] = (float)mean;
    }
  }
  return shift;
}

static double
inertia(const Lloyd *lloyd)
{
  double sum = 0;
  for (size_t i = 0; i < lloyd->samples->rows; i++)
    sum += dc_sample_weight(lloyd->weights, i) * lloyd->distances[i];
  return sum;
}

/* From `centroids` until nothing moves any more; labels and distances of the result stay in
 * `lloyd`. */
static DcKmeansResult
run_lloyd(Lloyd *lloyd, uint32_t max_iterations, double tolerance, const DcMatrix *centroids)
{
  DcKmeansResult result = {0};
  assign(lloyd, centroids);
  while (result.iterations < max_iterations) {
    result.iterations++;
    count_members(lloyd, centroids->rows);
    result.reseeded += fill_empty_clusters(lloyd, centroids);
    sum_members(lloyd, centroids->rows);
    double shift = move_to_means(lloyd, centroids);
    assign(lloyd, centroids);
    if (shift <= tolerance || labels_are_unchanged(lloyd))
      break;
  }
  measure_distances(lloyd, centroids);
  result.inertia = inertia(lloyd);
  return result;
}

/* The summed squared shift at which a run stops. */
static DcStatus
absolute_tolerance(const DcMatrix *samples, const float *weights, double share, double *tolerance)
{
  double *means = dc_alloc(samples->cols, 2 * sizeof(double));
  if (!means)
    return DC_ERROR_MEMORY;
  double *variances = means + samples->cols, sum = 0;
  dc_column_moments(samples, weights, means, variances);
  for (size_t k = 0; k < samples->cols; k++)
    sum += variances[k];
  *tolerance = share * sum / (double)samples->cols;
  dc_free(means);
  return DC_OK;
}

DcStatus
dc_kmeans_lloyd(const DcMatrix *samples, const float *weights, const DcKmeansOptions *options,
                const DcMatrix *centroids, uint32_t *labels, DcKmeansResult *result)
{
  DcStatus status = check_options(options, centroids, NULL);
  if (status == DC_OK)
    status = check_data(samples, weights, centroids, NULL);
  if (status == DC_OK && !dc_matrix_is_finite(centroids))
    status = DC_ERROR_NOT_FINITE;
  double tolerance;
  if (status == DC_OK)
    status = absolute_tolerance(samples, weights, options->tolerance, &tolerance);
  Lloyd lloyd;
  if (status == DC_OK)
    status = lloyd_init(&lloyd, samples, weights, centroids->rows, NULL);
  if (status != DC_OK)
    return status;
  *result = run_lloyd(&lloyd, options->max_iterations, tolerance, centroids);
  if (labels)
    memcpy(labels, lloyd.labels, samples->rows * sizeof *labels);
  lloyd_clear(&lloyd);
  return DC_OK;
}

/* ---- restarts ---- */

/* What one thread runs restarts in, and the best that it has found. */
typedef struct {
  Lloyd lloyd;
  float *nearest;       /* N: of the seeding */
  float *other;         /* N: of its further candidates; NULL: there are none */
  DcMatrix trial, best; /* K x d */
  uint32_t *labels;     /* N, of the best; NULL when nobody wants them */
  DcKmeansResult result;
  uint32_t run; /* of the best */
  bool found;
} Runner;

typedef struct {
  const DcKmeansOptions *options;
  const DcRandom *sequences; /* one for each restart */
  double tolerance;
  Runner *runners;
  size_t count;
} Restarts;

static void
runner_clear(Runner *runner)
{
  lloyd_clear(&runner->lloyd);
  dc_free(runner->nearest);
  dc_free(runner->other);
  dc_free(runner->trial.data);
  dc_free(runner->best.data);
  dc_free(runner->labels);
}

static DcStatus
runner_init(Runner *runner, const DcMatrix *samples, const float *weights,
            const DcKmeansOptions *options, bool wants_labels, DcError *error)
{
  const size_t dim = samples->cols, clusters = options->clusters;
  DcStatus status = lloyd_init(&runner->lloyd, samples, weights, clusters, error);
  if (status)
    return status;
  runner->nearest = DC_NEW(float, samples->rows);
  runner->other = options->candidates > 1 ? DC_NEW(float, samples->rows) : NULL;
  runner->trial = dc_matrix(DC_NEW(float, clusters *dim), clusters, dim);
  runner->best = dc_matrix(DC_NEW(float, clusters *dim), clusters, dim);
  runner->labels = wants_labels ? DC_NEW(uint32_t, samples->rows) : NULL;
  if (runner->nearest && (runner->other || options->candidates == 1) && runner->trial.data &&
      runner->best.data && (runner->labels || !wants_labels))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MEMORY, "no memory for k-means of %zu samples",
                      samples->rows);
}

static void
keep_run(Runner *runner, const DcKmeansResult *result, uint32_t run)
{
  runner->result = *result;
  runner->run = run;
  runner->found = true;
  dc_matrix_copy(&runner->trial, &runner->best);
  if (runner->labels)
    memcpy(runner->labels, runner->lloyd.labels,
           runner->lloyd.samples->rows * sizeof *runner->labels);
}

/* Every count-th restart, from the runner's own number on. */
static void
run_restarts(void *data, size_t index)
{
  const Restarts *restarts = data;
  Runner *runner = &restarts->runners[index];
  Lloyd *lloyd = &runner->lloyd;
  for (size_t run = index; run < restarts->options->restarts; run += restarts->count) {
    DcRandom random = restarts->sequences[run];
    DcSeeding seeding = {.samples = lloyd->samples,
                         .weights = lloyd->weights,
                         .candidates = restarts->options->candidates,
                         .nearest = runner->nearest,
                         .newest = lloyd->distances,
                         .other = runner->other};
    seed(&seeding, &random, &runner->trial);
    const DcKmeansResult found =
        run_lloyd(lloyd, restarts->options->max_iterations, restarts->tolerance, &runner->trial);
    if (!runner->found || found.inertia < runner->result.inertia)
      keep_run(runner, &found, (uint32_t)run);
  }
}

/* The best of all, as if one thread had run them in turn. */
static const Runner *
best_runner(const Restarts *restarts)
{
  const Runner *best = &restarts->runners[0];
  for (size_t i = 1; i < restarts->count; i++) {
    const Runner *runner = &restarts->runners[i];
    if (runner->result.inertia < best->result.inertia ||
        (runner->result.inertia == best->result.inertia && runner->run < best->run))
      best = runner;
  }
  return best;
}

static DcStatus
run_all(Restarts *restarts, DcError *error)
{
  DcWorkers *workers = dc_workers_new(restarts->count);
  if (!workers)
    return dc_error_set(error, DC_ERROR_MEMORY, "cannot start %zu threads for k-means",
                        restarts->count);
  dc_workers_run(workers, run_restarts, restarts);
  dc_workers_free(workers);
  return DC_OK;
}

/* The first restart goes on from `random` as it is, the others from sequences of their own. */
static DcRandom *
draw_sequences(DcRandom *random, size_t count)
{
  DcRandom *sequences = DC_NEW(DcRandom, count);
  const DcRandom first = *random;
  for (size_t i = 0; sequences && i < count; i++) {
    const uint64_t high = dc_random_bits(random);
    dc_random_seed(&sequences[i], high << 32 | dc_random_bits(random), i);
  }
  if (sequences)
    sequences[0] = first;
  return sequences;
}

static DcStatus
plan_restarts(Restarts *restarts, const DcMatrix *samples, const float *weights, bool wants_labels,
              DcError *error)
{
  const DcKmeansOptions *options = restarts->options;
  const size_t count = options->threads < options->restarts ? options->threads : options->restarts;
  restarts->runners = DC_NEW(Runner, count);
  if (!restarts->runners || !restarts->sequences ||
      absolute_tolerance(samples, weights, options->tolerance, &restarts->tolerance))
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for k-means of %zu samples",
                        samples->rows);
  while (restarts->count < count) {
    DcStatus status = runner_init(&restarts->runners[restarts->count++], samples, weights, options,
                                  wants_labels, error);
    if (status)
      return status;
  }
  return DC_OK;
}

DcStatus
dc_kmeans(const DcMatrix *samples, const float *weights, const DcKmeansOptions *options,
          DcRandom *random, const DcMatrix *centroids, uint32_t *labels, DcKmeansResult *result,
          DcError *error)
{
  DcStatus status = check_options(options, centroids, error);
  if (status == DC_OK)
    status = check_data(samples, weights, centroids, error);
  if (status != DC_OK)
    return status;
  if (samples->rows < centroids->rows)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%zu samples for %zu clusters; give at least as many samples as clusters",
                        samples->rows, centroids->rows);
  DcRandom *sequences = draw_sequences(random, options->restarts);
  Restarts restarts = {.options = options, .sequences = sequences};
  status = plan_restarts(&restarts, samples, weights, labels != NULL, error);
  if (status == DC_OK)
    status = run_all(&restarts, error);
  if (status == DC_OK) {
    const Runner *best = best_runner(&restarts);
    *result = best->result;
    dc_matrix_copy(&best->best, centroids);
    if (labels)
      memcpy(labels, best->labels, samples->rows * sizeof *labels);
  }
  for (size_t i = 0; i < restarts.count; i++)
    runner_clear(&restarts.runners[i]);
  dc_free(restarts.runners);
  dc_free(sequences);
  return status;
}
