/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_pass.h"

#include "base/arena.h"
#include "base/checked.h"
#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/transport_linear.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* What a run forward leaves for the way back. */
typedef struct {
  double *centroids;  /* (L + 1) x K x d */
  double *features;   /* (L + 1) x K x d: E, of the centroids */
  double *mass;       /* L x K: n */
  double *assignment; /* (L + 1) x N x K: A of each block, and P */
  DcTdcmLoss loss;
} Run;

struct DcTdcmPass {
  const DcTdcmModule *module;
  DcTdcmObjective objective;
  size_t max_samples, clusters;
  size_t count; /* N, of the batch */
  bool standardised;
  double scale;
  DcArena memory;
  double *samples;  /* N x d: Z */
  double *features; /* N x d: Y */
  Run kept, trial;
  double *shares; /* K: column means of P */
  double *sums;   /* K x d: P^T Z */
  /* Seeding, where single precision is enough. */
  float *seed_features, *seed_scratch; /* N x d, 2 N */
  uint32_t *seed_rows;                 /* K */
  /* The way back: gradients of what is named. */
  double *d_scores;            /* N x K */
  double *d_features;          /* N x d */
  double *d_samples;           /* N x d */
  double *d_centroids;         /* K x d */
  double *d_sums;              /* K x d: of M, then of the centroids of the block before */
  double *d_centroid_features; /* K x d */
  double *d_bias;              /* K: of what is added to the scores of a column */
  double *d_root, *d_shift;    /* d x d, d */
  double *product;             /* max(N, K) x d */
};

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
assignment_of(const DcTdcmPass *pass, const Run *run, size_t block)
{
  return run->assignment + block * pass->count * pass->clusters;
}

const double *
dc_tdcm_pass_assignment(const DcTdcmPass *pass)
{
  return assignment_of(pass, &pass->kept, pass->module->blocks);
}

/* ---- sums ---- */

static double
sum_of_squares(const double *numbers, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += numbers[i] * numbers[i];
  return sum;
}

static double
inner_product(const double *a, const double *b, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

/* sums[j] += the sum of column j. */
static void
add_columns(const double *matrix, size_t rows, size_t cols, double *sums)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++)
      sums[j] += matrix[i * cols + j];
}

static void
clear(double *numbers, size_t count)
{
  memset(numbers, 0, count * sizeof *numbers);
}

/* ---- the batch ---- */

static void
subtract_column_means(DcTdcmPass *pass, double *rows)
{
  const size_t d = pass->module->dim;
  double *means = pass->product;
  clear(means, d);
  add_columns(rows, pass->count, d, means);
  for (size_t i = 0; i < pass->count; i++)
    for (size_t k = 0; k < d; k++)
      rows[i * d + k] -= means[k] / (double)pass->count;
}

static void
standardise(DcTdcmPass *pass)
{
  const size_t size = pass->count * pass->module->dim;
  subtract_column_means(pass, pass->samples);
  pass->scale = sqrt(sum_of_squares(pass->samples, size) / (double)size);
  if (pass->scale == 0)
    pass->scale = 1;
  for (size_t i = 0; i < size; i++)
    pass->samples[i] /= pass->scale;
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

/* Factors of y.e and of |e|^2 in the score. */
static double
product_factor(const DcTdcmModule *module)
{
  return module->score == DC_TDCM_BILINEAR ? 1 : 2;
}

static double
norm_factor(const DcTdcmModule *module)
{
  return module->score == DC_TDCM_BILINEAR ? 0 : 1;
}

/* What is added to the scores of cluster j in block `block`. */
static double
column_bias(const DcTdcmPass *pass, const Run *run, size_t block, size_t j)
{
  const DcTdcmModule *module = pass->module;
  const size_t k = pass->clusters, d = module->dim;
  const double *feature = run->features + (block * k + j) * d;
  double bias = -norm_factor(module) * sum_of_squares(feature, d);
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
assign(DcTdcmPass *pass, Run *run, size_t block)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  double *features = run->features + block * k * d, *scores = assignment_of(pass, run, block);
  double *bias = pass->d_bias, factor = product_factor(pass->module), total = 0;
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
move(DcTdcmPass *pass, Run *run, size_t block)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *weights = assignment_of(pass, run, block), epsilon = pass->module->epsilon;
  const double *old = run->centroids + block * k * d;
  double *mass = run->mass + block * k, *new = run->centroids + (block + 1) * k *d;
  clear(mass, k);
  clear(new, k * d);
  add_columns(weights, n, k, mass);
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
spread_term(DcTdcmPass *pass, const Run *run)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const size_t last = pass->module->blocks;
  const double *centroids = run->centroids + last * k * d;
  clear(pass->sums, k * d);
  dc_linear_add_products(assignment_of(pass, run, last), pass->samples, k, n, d, pass->sums);
  double sum = sum_of_squares(pass->samples, n * d);
  for (size_t j = 0; j < k; j++)
    sum += (double)n * pass->shares[j] * sum_of_squares(centroids + j * d, d);
  return sum - 2 * inner_product(pass->sums, centroids, k * d);
}

static double
balance_term(const DcTdcmPass *pass)
{
  double sum = 0;
  for (size_t j = 0; j < pass->clusters; j++)
    sum += pass->shares[j] > 0 ? pass->shares[j] * log(pass->shares[j]) : 0;
  return sum;
}

static void
find_shares(DcTdcmPass *pass, const Run *run)
{
  clear(pass->shares, pass->clusters);
  add_columns(assignment_of(pass, run, pass->module->blocks), pass->count, pass->clusters,
              pass->shares);
  for (size_t j = 0; j < pass->clusters; j++)
    pass->shares[j] /= (double)pass->count;
}

/* `log_sums`: what assign() returned for the last centroids. */
static DcTdcmLoss
find_loss(DcTdcmPass *pass, const Run *run, double log_sums)
{
  const size_t n = pass->count, d = pass->module->dim;
  DcTdcmLoss loss;
  find_shares(pass, run);
  loss.balance = balance_term(pass);
  if (pass->objective.criterion == DC_TDCM_LIKELIHOOD)
    loss.criterion =
        (sum_of_squares(pass->features, n * d) + volume_term(pass) - log_sums) / (double)n;
  else
    loss.criterion = spread_term(pass, run) / (double)(n * d);
  loss.loss = loss.criterion + pass->objective.balance * loss.balance;
  return loss;
}

/* From the first centroids of `run`; the features of the samples are there. */
static void
go_forward(DcTdcmPass *pass, Run *run)
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
is_better(const Run *run, const Run *kept)
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
    const Run better = pass->trial;
    pass->trial = pass->kept;
    pass->kept = better;
  }
  return pass->kept.loss;
}

/* ---- backward ---- */

/* Gradient of weights to that of scores, in place: dS = A o (dA - rowsum(dA o A)). */
static void
softmax_backward(const DcTdcmPass *pass, const double *weights)
{
  const size_t k = pass->clusters;
  for (size_t i = 0; i < pass->count; i++) {
    const double *a = weights + i * k;
    double *d_score = pass->d_scores + i * k;
    const double mean = inner_product(a, d_score, k);
    for (size_t j = 0; j < k; j++)
      d_score[j] = a[j] * (d_score[j] - mean);
  }
}

/* From the gradient of features (overwritten) to that of the samples or centroids they are of,
 * which is added to `d_rows`, and to that of the module. */
static void
map_backward(DcTdcmPass *pass, const double *rows, const double *features, size_t count,
             double *d_features, double *d_rows)
{
  const DcTdcmModule *module = pass->module;
  const size_t d = module->dim;
  if (module->shift) {
    for (size_t i = 0; i < count * d; i++)
      d_features[i] /= cosh(features[i]);
    add_columns(d_features, count, d, pass->d_shift);
  }
  dc_linear_add_products(rows, d_features, d, count, d, pass->d_root);
  dc_linear_multiply_transposed(d_features, module->root, count, d, d, pass->product);
  for (size_t i = 0; i < count * d; i++)
    d_rows[i] += pass->product[i];
}

/* From d_scores of block `block` to d_features, d_bias and the module; the gradient of the
 * centroids is added to d_centroids. */
static void
score_backward(DcTdcmPass *pass, size_t block)
{
  const Run *run = &pass->kept;
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *features = run->features + block * k * d;
  const double factor = product_factor(pass->module), norm = norm_factor(pass->module);
  dc_linear_multiply(pass->d_scores, features, n, k, d, pass->product);
  for (size_t i = 0; i < n * d; i++)
    pass->d_features[i] += factor * pass->product[i];
  clear(pass->d_bias, k);
  add_columns(pass->d_scores, n, k, pass->d_bias);
  clear(pass->d_centroid_features, k * d);
  dc_linear_add_products(pass->d_scores, pass->features, k, n, d, pass->d_centroid_features);
  for (size_t i = 0; i < k * d; i++)
    pass->d_centroid_features[i] =
        factor * pass->d_centroid_features[i] - 2 * norm * pass->d_bias[i / d] * features[i];
  map_backward(pass, run->centroids + block * k * d, features, k, pass->d_centroid_features,
               pass->d_centroids);
}

/* The gradient of P, except for what is the same for all clusters of a sample, which the softmax
 * takes away, into d_scores. */
static void
loss_by_assignment(DcTdcmPass *pass)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *centroids = dc_tdcm_pass_centroids(pass, pass->module->blocks);
  const bool compact = pass->objective.criterion == DC_TDCM_COMPACTNESS;
  const double unit = 1 / (double)(n * d);
  if (compact)
    dc_linear_multiply_transposed(pass->samples, centroids, n, d, k, pass->d_scores);
  else
    clear(pass->d_scores, n * k);
  for (size_t j = 0; j < k; j++) {
    /* A share of 0 comes with weights of 0: any finite number will do. */
    double constant =
        pass->objective.balance / (double)n * (log(fmax(pass->shares[j], DBL_MIN)) + 1);
    if (compact)
      constant += unit * sum_of_squares(centroids + j * d, d);
    for (size_t i = 0; i < n; i++)
      pass->d_scores[i * k + j] = constant - 2 * unit * pass->d_scores[i * k + j];
  }
}

/* L_nll, for given centroids, but not the determinant of G. */
static void
likelihood_backward(DcTdcmPass *pass)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *assignment = dc_tdcm_pass_assignment(pass), unit = 1 / (double)n;
  for (size_t i = 0; i < n * k; i++)
    pass->d_scores[i] -= unit * assignment[i];
  for (size_t i = 0; i < n * d; i++) {
    const double y = pass->features[i];
    pass->d_features[i] += unit * (2 * y + (pass->module->shift ? tanh(y) : 0));
  }
}

/* Compactness, for a given assignment. */
static void
compactness_backward(DcTdcmPass *pass)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *centroids = dc_tdcm_pass_centroids(pass, pass->module->blocks);
  const double factor = 2 / (double)(n * d);
  dc_linear_multiply(dc_tdcm_pass_assignment(pass), centroids, n, k, d, pass->product);
  for (size_t i = 0; i < n * d; i++)
    pass->d_samples[i] += factor * (pass->samples[i] - pass->product[i]);
  for (size_t i = 0; i < k * d; i++)
    pass->d_centroids[i] +=
        factor * ((double)n * pass->shares[i / d] * centroids[i] - pass->sums[i]);
}

static void
loss_backward(DcTdcmPass *pass)
{
  const Run *run = &pass->kept;
  find_shares(pass, run); /* what is there may be that of another run */
  loss_by_assignment(pass);
  softmax_backward(pass, dc_tdcm_pass_assignment(pass));
  if (pass->objective.criterion == DC_TDCM_LIKELIHOOD) {
    likelihood_backward(pass);
  } else {
    spread_term(pass, run); /* for its sums */
    compactness_backward(pass);
  }
  score_backward(pass, pass->module->blocks);
}

/* From d_centroids, of the centroids that block `block` made, and d_bias, of the scores that
 * followed, to d_scores of the block and d_centroids of those that entered it. */
static void
move_backward(DcTdcmPass *pass, size_t block)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double epsilon = pass->module->epsilon, *mass = pass->kept.mass + block * k;
  const double *made = dc_tdcm_pass_centroids(pass, block + 1);
  double *d_mass = pass->d_bias;
  for (size_t j = 0; j < k; j++) {
    const double total = mass[j] + epsilon, inverse = total > 0 ? 1 / total : 0;
    const double by_share = pass->module->shares ? d_mass[j] * inverse : 0;
    double *d_made = pass->d_centroids + j * d, *d_sum = pass->d_sums + j * d;
    d_mass[j] = by_share - inverse * inner_product(d_made, made + j * d, d);
    for (size_t l = 0; l < d; l++) {
      d_sum[l] = inverse * d_made[l];
      d_made[l] = total > 0 ? epsilon * d_sum[l] : d_made[l];
    }
  }
  dc_linear_multiply_transposed(pass->samples, pass->d_sums, n, d, k, pass->d_scores);
  for (size_t i = 0; i < n * k; i++)
    pass->d_scores[i] += d_mass[i % k];
  const double *weights = assignment_of(pass, &pass->kept, block);
  dc_linear_multiply(weights, pass->d_sums, n, k, d, pass->product);
  for (size_t i = 0; i < n * d; i++)
    pass->d_samples[i] += pass->product[i];
}

static void
write_gradient(const DcTdcmPass *pass, double *gradient)
{
  const DcTdcmModule *module = pass->module;
  const size_t d = module->dim;
  const double by_volume = pass->objective.criterion == DC_TDCM_LIKELIHOOD ? -1 : 0;
  for (size_t k = 0; k < d; k++) {
    for (size_t l = 0; l < k; l++)
      *gradient++ = pass->d_root[k * d + l];
    *gradient++ = pass->d_root[k * d + k] * module->root[k * d + k] + by_volume;
  }
  if (module->shift)
    memcpy(gradient, pass->d_shift, d * sizeof *gradient);
}

/* From the gradient of Z to that of Z0. */
static void
standardise_backward(DcTdcmPass *pass, double *gradient)
{
  const size_t size = pass->count * pass->module->dim;
  const double along = inner_product(gradient, pass->samples, size) / (double)size;
  subtract_column_means(pass, gradient);
  for (size_t i = 0; i < size; i++)
    gradient[i] = (gradient[i] - along * pass->samples[i]) / pass->scale;
}

void
dc_tdcm_pass_backward(DcTdcmPass *pass, double *gradient, double *sample_gradient)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  clear(pass->d_features, n * d);
  clear(pass->d_samples, n * d);
  clear(pass->d_centroids, k * d);
  clear(pass->d_root, d * d);
  clear(pass->d_shift, d);
  loss_backward(pass);
  for (size_t block = pass->module->blocks; block-- > 0;) {
    move_backward(pass, block);
    softmax_backward(pass, assignment_of(pass, &pass->kept, block));
    score_backward(pass, block);
  }
  map_backward(pass, pass->samples, pass->features, n, pass->d_features, pass->d_samples);
  write_gradient(pass, gradient);
  if (!sample_gradient)
    return;
  memcpy(sample_gradient, pass->d_samples, n * d * sizeof *sample_gradient);
  if (pass->standardised)
    standardise_backward(pass, sample_gradient);
}
