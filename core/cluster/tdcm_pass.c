/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_pass_private.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

static bool
allocate_doubles(DcTdcmPass *pass)
{
  const size_t d = pass->module->dim, runs = (size_t)pass->module->blocks + 1;
  const size_t k = pass->clusters, n = pass->max_samples, rows = n > k ? n : k;
  size_t kd, nd, nk, run_kd, run_nk, rows_d, run_k;
  if (!dc_checked_mul(k, d, &kd) || !dc_checked_mul(n, d, &nd) || !dc_checked_mul(n, k, &nk) ||
      !dc_checked_mul(runs, kd, &run_kd) || !dc_checked_mul(runs, nk, &run_nk) ||
      !dc_checked_mul(rows, d, &rows_d) || !dc_checked_mul(runs, k, &run_k))
    return false;
  const DcLinearPiece pieces[] = {
      {&pass->samples, nd},
      {&pass->features, nd},
      {&pass->kept.centroids, run_kd},
      {&pass->kept.features, run_kd},
      {&pass->kept.mass, run_k},
      {&pass->kept.assignment, run_nk},
      {&pass->trial.centroids, run_kd},
      {&pass->trial.features, run_kd},
      {&pass->trial.mass, run_k},
      {&pass->trial.assignment, run_nk},
      {&pass->shares, k},
      {&pass->sums, kd},
      {&pass->d_scores, nk},
      {&pass->d_features, nd},
      {&pass->d_samples, nd},
      {&pass->d_centroids, kd},
      {&pass->d_sums, kd},
      {&pass->d_centroid_features, kd},
      {&pass->d_bias, k},
      {&pass->d_root, d * d},
      {&pass->d_shift, d},
      {&pass->product, rows_d},
  };
  return dc_linear_allocate(&pass->memory, pieces, sizeof pieces / sizeof *pieces);
}

DcTdcmPass *
dc_tdcm_pass_new(const DcTdcmModule *module, const DcTdcmObjective *objective, size_t max_samples,
                 size_t clusters)
{
  DcTdcmPass *pass = max_samples && clusters ? DC_NEW(DcTdcmPass, 1) : NULL;
  if (!pass)
    return NULL;
  pass->module = module;
  pass->objective = *objective;
  pass->max_samples = max_samples;
  pass->clusters = clusters;
  if (allocate_doubles(pass)) {
    /* N x d and K fit, since the doubles did. */
    pass->seed_features = DC_NEW(float, max_samples * module->dim);
    pass->seed_scratch = dc_alloc(max_samples, 2 * sizeof(float));
    pass->seed_rows = DC_NEW(uint32_t, clusters);
  }
  if (pass->seed_features && pass->seed_scratch && pass->seed_rows)
    return pass;
  dc_tdcm_pass_free(pass);
  return NULL;
}

void
dc_tdcm_pass_free(DcTdcmPass *pass)
{
  if (!pass)
    return;
  dc_arena_clear(&pass->memory);
  dc_free(pass->seed_features);
  dc_free(pass->seed_scratch);
  dc_free(pass->seed_rows);
  dc_free(pass);
}

double *
dc_tdcm_pass_samples(DcTdcmPass *pass)
{
  return pass->samples;
}

const double *
dc_tdcm_pass_centroids(const DcTdcmPass *pass, size_t block)
{
  return pass->kept.centroids + block * pass->clusters * pass->module->dim;
}

/* A of block `block`; that of block L is P. */
static double *
assignment_of(const DcTdcmPass *pass, const DcTdcmRun *run, size_t block)
{
  return run->assignment + block * pass->count * pass->clusters;
}

const double *
dc_tdcm_pass_weights(const DcTdcmPass *pass, size_t block)
{
  return assignment_of(pass, &pass->kept, block);
}

const double *
dc_tdcm_pass_assignment(const DcTdcmPass *pass)
{
  return dc_tdcm_pass_weights(pass, pass->module->blocks);
}

/* ---- the batch ---- */

static void
subtract_column_means(DcTdcmPass *pass, double *rows)
{
  const size_t d = pass->module->dim;
  double *means = pass->product;
  dc_linear_clear(means, d);
  dc_linear_add_columns(rows, pass->count, d, means);
  for (size_t i = 0; i < pass->count; i++)
    for (size_t k = 0; k < d; k++)
      rows[i * d + k] -= means[k] / (double)pass->count;
}

static void
standardise(DcTdcmPass *pass)
{
  const size_t size = pass->count * pass->module->dim;
  subtract_column_means(pass, pass->samples);
  pass->scale = sqrt(dc_linear_sum_of_squares(pass->samples, size) / (double)size);
  if (pass->scale == 0)
    pass->scale = 1;
  for (size_t i = 0; i < size; i++)
    pass->samples[i] /= pass->scale;
}

void
dc_tdcm_pass_standardise_backward(DcTdcmPass *pass, double *gradient)
{
  const size_t size = pass->count * pass->module->dim;
  const double along = dc_linear_inner_product(gradient, pass->samples, size) / (double)size;
  subtract_column_means(pass, gradient);
  for (size_t i = 0; i < size; i++)
    gradient[i] = (gradient[i] - along * pass->samples[i]) / pass->scale;
}

void
dc_tdcm_pass_take(DcTdcmPass *pass, size_t count, bool with_standard)
{
  pass->count = count;
  pass->standardised = with_standard;
  if (with_standard)
    standardise(pass);
}

/* ---- forward ---- */

/* Features of `count` samples or centroids. */
static void
map(const DcTdcmModule *module, const double *rows, size_t count, double *features)
{
  const size_t d = module->dim;
  dc_linear_multiply(rows, module->root, count, d, d, features);
  for (size_t i = 0; module->shift && i < count * d; i++)
    features[i] = asinh(features[i] + module->shift[i % d]);
}

/* What is added to the scores of cluster j in block `block`. */
static double
column_bias(const DcTdcmPass *pass, const DcTdcmRun *run, size_t block, size_t j)
{
  const DcTdcmModule *module = pass->module;
  const size_t k = pass->clusters, d = module->dim;
  const double *feature = run->features + (block * k + j) * d;
  double bias = -dc_tdcm_norm_factor(module) * dc_linear_sum_of_squares(feature, d);
  if (module->shares && block > 0)
    bias += log((double)k * (run->mass[(block - 1) * k + j] + module->epsilon) /
                ((double)pass->count + (double)k * module->epsilon));
  return bias;
}

/* Scores of one sample to weights; returns the logarithm of the sum of exponentials. */
static double
softmax(double *scores, size_t count)
{
  double largest = -INFINITY, sum = 0;
  for (size_t j = 0; j < count; j++)
    largest = scores[j] > largest ? scores[j] : largest;
  for (size_t j = 0; j < count; j++)
    sum += scores[j] = exp(scores[j] - largest);
  for (size_t j = 0; j < count; j++)
    scores[j] /= sum;
  return largest + log(sum);
}

/* The assignment to the centroids that enter block `block`; returns the sum over the samples of
 * log sum_j exp S_ij. */
static double
assign(DcTdcmPass *pass, DcTdcmRun *run, size_t block)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  double *features = run->features + block * k * d, *scores = assignment_of(pass, run, block);
  double *bias = pass->d_bias, factor = dc_tdcm_product_factor(pass->module), total = 0;
  map(pass->module, run->centroids + block * k * d, k, features);
  for (size_t j = 0; j < k; j++)
    bias[j] = column_bias(pass, run, block, j);
  dc_linear_multiply_transposed(pass->features, features, n, d, k, scores);
  for (size_t i = 0; i < n; i++, scores += k) {
    for (size_t j = 0; j < k; j++)
      scores[j] = factor * scores[j] + bias[j];
    total += softmax(scores, k);
  }
  return total;
}

/* The centroids after block `block`: weighted means of the samples, with the old centroid as
 * `epsilon` samples. A cluster without any mass stays. */
static void
move(DcTdcmPass *pass, DcTdcmRun *run, size_t block)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *weights = assignment_of(pass, run, block), epsilon = pass->module->epsilon;
  const double *old = run->centroids + block * k * d;
  double *mass = run->mass + block * k, *new = run->centroids + (block + 1) * k *d;
  dc_linear_clear(mass, k);
  dc_linear_clear(new, k * d);
  dc_linear_add_columns(weights, n, k, mass);
  dc_linear_add_products(weights, pass->samples, k, n, d, new);
  for (size_t i = 0; i < k * d; i++) {
    const double total = mass[i / d] + epsilon;
    new[i] = total > 0 ? (new[i] + epsilon *old[i]) / total : old[i];
  }
}

/* -log |dy/dz|, summed over the samples. */
static double
volume_term(const DcTdcmPass *pass)
{
  double sum = (double)pass->count * dc_tdcm_log_volume(pass->module);
  for (size_t i = 0; pass->module->shift && i < pass->count * pass->module->dim; i++)
    sum += dc_tdcm_log_cosh(pass->features[i]);
  return sum;
}

/* The sum over i, j of P_ij |z_i - c_j|^2. */
static double
spread_term(const DcTdcmPass *pass, const DcTdcmRun *run)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *centroids = run->centroids + pass->module->blocks * k * d;
  double sum = dc_linear_sum_of_squares(pass->samples, n * d);
  for (size_t j = 0; j < k; j++)
    sum += (double)n * pass->shares[j] * dc_linear_sum_of_squares(centroids + j * d, d);
  return sum - 2 * dc_linear_inner_product(pass->sums, centroids, k * d);
}

static double
balance_term(const DcTdcmPass *pass)
{
  double sum = 0;
  for (size_t j = 0; j < pass->clusters; j++)
    sum += pass->shares[j] > 0 ? pass->shares[j] * log(pass->shares[j]) : 0;
  return sum;
}

/* Column means of P and, where the criterion needs them, P^T Z. */
static void
find_sums(DcTdcmPass *pass, const DcTdcmRun *run)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *assignment = assignment_of(pass, run, pass->module->blocks);
  dc_linear_clear(pass->shares, k);
  dc_linear_add_columns(assignment, n, k, pass->shares);
  for (size_t j = 0; j < k; j++)
    pass->shares[j] /= (double)n;
  if (pass->objective.criterion != DC_TDCM_COMPACTNESS)
    return;
  dc_linear_clear(pass->sums, k * d);
  dc_linear_add_products(assignment, pass->samples, k, n, d, pass->sums);
}

void
dc_tdcm_pass_recall_sums(DcTdcmPass *pass)
{
  find_sums(pass, &pass->kept);
}

/* `log_sums`: what assign() returned for the last centroids. */
static DcTdcmLoss
find_loss(DcTdcmPass *pass, const DcTdcmRun *run, double log_sums)
{
  const size_t n = pass->count, d = pass->module->dim;
  DcTdcmLoss loss;
  find_sums(pass, run);
  loss.balance = balance_term(pass);
  if (pass->objective.criterion == DC_TDCM_LIKELIHOOD)
    loss.criterion =
        (dc_linear_sum_of_squares(pass->features, n * d) + volume_term(pass) - log_sums) /
        (double)n;
  else
    loss.criterion = spread_term(pass, run) / (double)(n * d);
  loss.loss = loss.criterion + pass->objective.balance * loss.balance;
  return loss;
}

/* From the first centroids of `run`; the features of the samples are there. */
static void
go_forward(DcTdcmPass *pass, DcTdcmRun *run)
{
  for (size_t block = 0; block < pass->module->blocks; block++) {
    assign(pass, run, block);
    move(pass, run, block);
  }
  run->loss = find_loss(pass, run, assign(pass, run, pass->module->blocks));
}

DcTdcmLoss
dc_tdcm_pass_run(DcTdcmPass *pass, const double *first)
{
  memcpy(pass->kept.centroids, first, pass->clusters * pass->module->dim * sizeof *first);
  map(pass->module, pass->samples, pass->count, pass->features);
  go_forward(pass, &pass->kept);
  return pass->kept.loss;
}

static void
draw_first(DcTdcmPass *pass, DcRandom *random, double *first)
{
  const size_t d = pass->module->dim;
  const DcMatrix features = dc_matrix(pass->seed_features, pass->count, d);
  dc_kmeans_seed_rows(&features, random, pass->seed_scratch, pass->clusters, pass->seed_rows);
  for (size_t j = 0; j < pass->clusters; j++)
    memcpy(first + j * d, pass->samples + pass->seed_rows[j] * d, d * sizeof *first);
}

/* A loss that is no number is worse than any other. */
static bool
is_better(const DcTdcmRun *run, const DcTdcmRun *kept)
{
  const double loss = run->loss.loss, least = kept->loss.loss;
  return isfinite(loss) && !(isfinite(least) && least <= loss);
}

DcTdcmLoss
dc_tdcm_pass_search(DcTdcmPass *pass, uint32_t starts, DcRandom *random)
{
  map(pass->module, pass->samples, pass->count, pass->features);
  for (size_t i = 0; i < pass->count * pass->module->dim; i++)
    pass->seed_features[i] = (float)pass->features[i];
  for (uint32_t start = 0; start < starts; start++) {
    draw_first(pass, random, pass->trial.centroids);
    go_forward(pass, &pass->trial);
    if (start > 0 && !is_better(&pass->trial, &pass->kept))
      continue;
    const DcTdcmRun better = pass->trial;
    pass->trial = pass->kept;
    pass->kept = better;
  }
  return pass->kept.loss;
}
