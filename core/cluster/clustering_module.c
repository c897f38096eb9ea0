/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/clustering_private.h"

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Keeps the logarithm of an empty cluster finite. */
#define LEAST_SHARE 1e-10

struct DcClusteringModule {
  DcClusteringOptions options;
  double *alphas;   /* K, ascending */
  double *shares;   /* K: gbar */
  size_t *order;    /* K: the clusters by ascending share */
  double *pull;     /* K: the gradient of E4 for any gam_ik */
  float *norms;     /* K: |u_k|^2 */
  float *centroids; /* K x p */
  float *gram;      /* K x K: U U^T - I */
  float *gam;       /* max_batch x K */
  float *delta;     /* max_batch x K: the gradient for Gam, then for the scores */
  float *residual;  /* max_batch x p: R */
};

/* --- options --- */

static bool
is_positive(double x)
{
  return x > 0 && isfinite(x);
}

static DcStatus
check_options(const DcClusteringOptions *options, DcError *error)
{
  if (!options->clusters || !options->width || !options->max_batch)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a clustering module of %zu clusters in %zu dimensions for batches of %zu; "
                        "each must be at least 1",
                        options->clusters, options->width, options->max_batch);
  if (options->loss != DC_CLUSTERING_ALONE && options->width < options->clusters)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a code of %zu numbers has no room for %zu orthonormal centroids: the "
                        "width must be at least the number of clusters",
                        options->width, options->clusters);
  for (size_t i = 0; i < options->clusters; i++) {
    const double alpha = options->alphas ? options->alphas[i] : options->alpha;
    if (!is_positive(alpha))
      return dc_error_set(error, DC_ERROR_ARGUMENT, "alpha is %g; it must be above 0", alpha);
  }
  if (!(options->lambda >= 0 && isfinite(options->lambda)))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "lambda is %g; it must be 0 or more",
                        options->lambda);
  return DC_OK;
}

void
dc_clustering_sort_alphas(const DcClusteringOptions *options, double *alphas)
{
  for (size_t i = 0; i < options->clusters; i++) {
    const double alpha = options->alphas ? options->alphas[i] : options->alpha;
    size_t j = i;
    for (; j > 0 && alphas[j - 1] > alpha; j--)
      alphas[j] = alphas[j - 1];
    alphas[j] = alpha;
  }
}

static bool
allocate(DcClusteringModule *module)
{
  const size_t clusters = module->options.clusters, width = module->options.width;
  const size_t batch = module->options.max_batch;
  size_t parameters, square, scores, codes;
  if (!dc_checked_mul(clusters, width, &parameters) ||
      !dc_checked_mul(clusters, clusters, &square) || !dc_checked_mul(batch, clusters, &scores) ||
      !dc_checked_mul(batch, width, &codes))
    return false;
  module->alphas = DC_NEW(double, clusters);
  module->shares = DC_NEW(double, clusters);
  module->order = DC_NEW(size_t, clusters);
  module->pull = DC_NEW(double, clusters);
  module->norms = DC_NEW(float, clusters);
  module->centroids = DC_NEW(float, parameters);
  module->gram = DC_NEW(float, square);
  module->gam = DC_NEW(float, scores);
  module->delta = DC_NEW(float, scores);
  module->residual = DC_NEW(float, codes);
  return module->alphas && module->shares && module->order && module->pull && module->norms &&
         module->centroids && module->gram && module->gam && module->delta && module->residual;
}

DcStatus
dc_clustering_module_new(const DcClusteringOptions *options, DcClusteringModule **module,
                         DcError *error)
{
  *module = NULL;
  DcStatus status = check_options(options, error);
  if (status)
    return status;
  DcClusteringModule *made = DC_NEW(DcClusteringModule, 1);
  if (made)
    made->options = *options;
  if (!made || !allocate(made)) {
    dc_clustering_module_free(made);
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a clustering module");
  }
  dc_clustering_sort_alphas(options, made->alphas);
  made->options.alphas = made->alphas;
  for (size_t i = 0; i < options->clusters; i++)
    made->order[i] = i;
  *module = made;
  return DC_OK;
}

void
dc_clustering_module_free(DcClusteringModule *module)
{
  if (!module)
    return;
  dc_free(module->alphas);
  dc_free(module->shares);
  dc_free(module->order);
  dc_free(module->pull);
  dc_free(module->norms);
  dc_free(module->centroids);
  dc_free(module->gram);
  dc_free(module->gam);
  dc_free(module->delta);
  dc_free(module->residual);
  dc_free(module);
}

/* --- forward --- */

/* One batch on its way through the module: views of the scratch, of the batch's size. */
typedef struct {
  DcClusteringModule *module;
  DcMatrix batch, gam, delta, residual, centroids, gram;
  double scale; /* of E1 and E2 in the loss */
} Run;

double
dc_clustering_scale(const DcClusteringOptions *options, size_t samples)
{
  const bool divide = options->normalised && options->loss != DC_CLUSTERING_ALONE;
  return divide ? 1 / ((double)samples * (double)options->width) : 1;
}

static Run
view(DcClusteringModule *module, const DcMatrix *batch)
{
  const size_t clusters = module->options.clusters, width = module->options.width;
  return (Run){
      .module = module,
      .batch = *batch,
      .gam = dc_matrix(module->gam, batch->rows, clusters),
      .delta = dc_matrix(module->delta, batch->rows, clusters),
      .residual = dc_matrix(module->residual, batch->rows, width),
      .centroids = dc_matrix(module->centroids, clusters, width),
      .gram = dc_matrix(module->gram, clusters, clusters),
      .scale = dc_clustering_scale(&module->options, batch->rows),
  };
}

void
dc_clustering_centroids(const DcClusteringWeights *weights, const DcMatrix *centroids)
{
  const float *w = weights->w;
  for (size_t k = 0; k < centroids->rows; k++, w += centroids->cols) {
    float *row = dc_matrix_row(centroids, k);
    for (size_t j = 0; j < centroids->cols; j++)
      row[j] = w[j] + weights->c[j];
  }
}

/* Gam and R. */
static void
assign_and_reconstruct(const Run *run, const DcClusteringWeights *weights)
{
  const DcMatrix v = dc_matrix(weights->v, run->batch.cols, run->gam.cols);
  for (size_t i = 0; i < run->gam.rows; i++)
    memcpy(dc_matrix_row(&run->gam, i), weights->b, run->gam.cols * sizeof(float));
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &run->batch, &v, 1, &run->gam);
  dc_softmax_rows(&run->gam, NULL);
  dc_matrix_copy(&run->batch, &run->residual);
  dc_gemm(DC_PLAIN, DC_PLAIN, -1, &run->gam, &run->centroids, 1, &run->residual);
}

/* Ties go by index, so that the order does not depend on the one before; that it is nearly sorted
 * makes this fast. */
static void
sort_by_share(size_t *order, const double *shares, size_t count)
{
  for (size_t i = 1; i < count; i++) {
    const size_t moved = order[i];
    size_t j = i;
    for (; j > 0 && (shares[order[j - 1]] > shares[moved] ||
                     (shares[order[j - 1]] == shares[moved] && order[j - 1] > moved));
         j--)
      order[j] = order[j - 1];
    order[j] = moved;
  }
}

double
dc_clustering_prior(const double *alphas, const double *shares, size_t *order, size_t clusters,
                    size_t samples, double *pull)
{
  double sum = 0;
  sort_by_share(order, shares, clusters);
  for (size_t i = 0; i < clusters; i++) {
    const size_t k = order[i];
    const double share = shares[k] + LEAST_SHARE;
    sum += (1 - alphas[i]) * log(share);
    pull[k] = (1 - alphas[i]) / ((double)samples * share);
  }
  return sum;
}

static double
squared_sum(const DcMatrix *matrix)
{
  double sum = 0;
  for (size_t i = 0; i < matrix->rows; i++) {
    const float *row = dc_matrix_row(matrix, i);
    for (size_t j = 0; j < matrix->cols; j++)
      sum += (double)row[j] * row[j];
  }
  return sum;
}

/* --- the module alone --- */

/* E2 and E3. The latter is sum_k |u_k|^2 sum_i gam_ik^2 - sum_i |Gam U|_i^2. */
static void
terms_alone(const Run *run, DcClusteringTerms *terms)
{
  const float *norms = run->module->norms;
  double decided = 0, blurred = 0;
  for (size_t i = 0; i < run->gam.rows; i++) {
    const float *gam = dc_matrix_row(&run->gam, i);
    for (size_t k = 0; k < run->gam.cols; k++) {
      terms->sparsity += (double)norms[k] * gam[k] * (1 - (double)gam[k]);
      decided += (double)norms[k] * gam[k] * gam[k];
    }
    const float *z = dc_matrix_row(&run->batch, i), *r = dc_matrix_row(&run->residual, i);
    for (size_t j = 0; j < run->batch.cols; j++)
      blurred += ((double)z[j] - r[j]) * ((double)z[j] - r[j]);
  }
  terms->merging = decided - blurred;
}

/* delta = |u_k|^2 - 2 z_i u_k. */
static void
distances_alone(const Run *run)
{
  for (size_t i = 0; i < run->delta.rows; i++)
    memcpy(dc_matrix_row(&run->delta, i), run->module->norms, run->delta.cols * sizeof(float));
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, -2, &run->batch, &run->centroids, 1, &run->delta);
}

/* E1 + E2 + E3 as sum_ik gam_ik |z_i - u_k|^2, from the distances in delta. */
static double
distance_sum(const Run *run)
{
  double sum = squared_sum(&run->batch);
  for (size_t i = 0; i < run->delta.rows; i++) {
    const float *gam = dc_matrix_row(&run->gam, i), *delta = dc_matrix_row(&run->delta, i);
    for (size_t k = 0; k < run->delta.cols; k++)
      sum += (double)gam[k] * delta[k];
  }
  return sum;
}

/* delta = distance + pull_k; |z_i|^2 would go out again in the softmax. */
static void
assignment_gradient_alone(const Run *run)
{
  for (size_t i = 0; i < run->delta.rows; i++) {
    float *delta = dc_matrix_row(&run->delta, i);
    for (size_t k = 0; k < run->delta.cols; k++)
      delta[k] = (float)(delta[k] + run->module->pull[k]);
  }
}

/* dU = 2 (diag(Gam^T 1) U - Gam^T Z). */
static void
centroid_gradient_alone(const Run *run, const DcMatrix *gradient)
{
  for (size_t k = 0; k < gradient->rows; k++) {
    const float mass = (float)(run->module->shares[k] * (double)run->batch.rows);
    const float *u = dc_matrix_row(&run->centroids, k);
    float *row = dc_matrix_row(gradient, k);
    for (size_t j = 0; j < gradient->cols; j++)
      row[j] = 2 * mass * u[j];
  }
  dc_gemm(DC_TRANSPOSED, DC_PLAIN, -2, &run->gam, &run->batch, 1, gradient);
}

/* --- joined to an autoencoder --- */

static void
terms_joined(const Run *run, DcClusteringTerms *terms)
{
  for (size_t i = 0; i < run->gam.rows; i++) {
    const float *gam = dc_matrix_row(&run->gam, i);
    for (size_t k = 0; k < run->gam.cols; k++)
      terms->sparsity += gam[k] * (1 - (double)gam[k]);
  }
  dc_syrk(DC_PLAIN, 1, &run->centroids, 0, &run->gram);
  for (size_t k = 0; k < run->gram.rows; k++) {
    float *row = dc_matrix_row(&run->gram, k);
    row[k] -= 1;
    for (size_t l = 0; l < run->gram.cols; l++)
      terms->orthonormality += run->module->options.loss == DC_CLUSTERING_SQUARED
                                   ? (double)row[l] * row[l]
                                   : fabs((double)row[l]);
  }
}

/* delta = scale (-2 R U^T + 1 - 2 Gam) + pull. */
static void
assignment_gradient_joined(const Run *run)
{
  const double *pull = run->module->pull;
  for (size_t i = 0; i < run->delta.rows; i++) {
    const float *gam = dc_matrix_row(&run->gam, i);
    float *delta = dc_matrix_row(&run->delta, i);
    for (size_t k = 0; k < run->delta.cols; k++)
      delta[k] = (float)(run->scale * (1 - 2 * (double)gam[k]) + pull[k]);
  }
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, (float)(-2 * run->scale), &run->residual, &run->centroids, 1,
          &run->delta);
}

static float
sign(float x)
{
  return (float)((x > 0) - (x < 0));
}

/* dU = -2 scale Gam^T R + 2 lambda sign(O) U, or + 4 lambda O U; spends O. */
static void
centroid_gradient_joined(const Run *run, const DcMatrix *gradient)
{
  const DcClusteringOptions *options = &run->module->options;
  const bool squared = options->loss == DC_CLUSTERING_SQUARED;
  const size_t entries = run->gram.rows * run->gram.cols;
  for (size_t i = 0; !squared && i < entries; i++)
    run->gram.data[i] = sign(run->gram.data[i]);
  dc_gemm(DC_PLAIN, DC_PLAIN, (float)((squared ? 4 : 2) * options->lambda), &run->gram,
          &run->centroids, 0, gradient);
  dc_gemm(DC_TRANSPOSED, DC_PLAIN, (float)(-2 * run->scale), &run->gam, &run->residual, 1,
          gradient);
}

/* --- backward --- */

/* Through the softmax: delta becomes Gam o (delta - rowsum(delta o Gam)). */
static void
back_through_softmax(const Run *run)
{
  for (size_t i = 0; i < run->delta.rows; i++) {
    const float *gam = dc_matrix_row(&run->gam, i);
    float *delta = dc_matrix_row(&run->delta, i);
    double mean = 0;
    for (size_t k = 0; k < run->delta.cols; k++)
      mean += (double)delta[k] * gam[k];
    for (size_t k = 0; k < run->delta.cols; k++)
      delta[k] = (float)(gam[k] * (delta[k] - mean));
  }
}

static void
sum_columns(const DcMatrix *matrix, float *sums)
{
  for (size_t j = 0; j < matrix->cols; j++) {
    double sum = 0;
    for (size_t i = 0; i < matrix->rows; i++)
      sum += dc_matrix_row(matrix, i)[j];
    sums[j] = (float)sum;
  }
}

static void
assigner_gradient(const Run *run, const DcClusteringWeights *gradient)
{
  const DcMatrix v = dc_matrix(gradient->v, run->batch.cols, run->delta.cols);
  dc_gemm(DC_TRANSPOSED, DC_PLAIN, 1, &run->batch, &run->delta, 0, &v);
}

static void
bias_gradient(const Run *run, const DcMatrix *centroids, const DcClusteringWeights *gradient)
{
  if (run->module->options.biases) {
    sum_columns(&run->delta, gradient->b);
    sum_columns(centroids, gradient->c);
  } else {
    memset(gradient->b, 0, run->delta.cols * sizeof *gradient->b);
    memset(gradient->c, 0, centroids->cols * sizeof *gradient->c);
  }
}

/* dZ = 2 scale R + delta V^T. */
static void
batch_gradient_of(const Run *run, const DcClusteringWeights *weights, const DcMatrix *gradient)
{
  const DcMatrix v = dc_matrix(weights->v, run->batch.cols, run->delta.cols);
  const float scale = (float)(2 * run->scale);
  for (size_t i = 0; i < gradient->rows; i++) {
    const float *r = dc_matrix_row(&run->residual, i);
    float *row = dc_matrix_row(gradient, i);
    for (size_t j = 0; j < gradient->cols; j++)
      row[j] = scale * r[j];
  }
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &run->delta, &v, 1, gradient);
}

/* Terms and gradients for Gam and U of each kind of loss. */
static void
run_alone(const Run *run, DcClusteringTerms *terms, const DcMatrix *centroid_gradient)
{
  terms_alone(run, terms);
  distances_alone(run);
  terms->total = distance_sum(run) + terms->prior;
  assignment_gradient_alone(run);
  centroid_gradient_alone(run, centroid_gradient);
}

static void
run_joined(const Run *run, DcClusteringTerms *terms, const DcMatrix *centroid_gradient)
{
  terms_joined(run, terms);
  terms->total = run->scale * (terms->reconstruction + terms->sparsity) +
                 run->module->options.lambda * terms->orthonormality + terms->prior;
  assignment_gradient_joined(run);
  centroid_gradient_joined(run, centroid_gradient);
}

void
dc_clustering_module_run(DcClusteringModule *module, const DcClusteringWeights *weights,
                         const DcMatrix *batch, DcClusteringTerms *terms,
                         const DcClusteringWeights *gradient, const DcMatrix *batch_gradient)
{
  const Run run = view(module, batch);
  const DcMatrix centroid_gradient = dc_matrix(gradient->w, run.gam.cols, batch->cols);
  dc_clustering_centroids(weights, &run.centroids);
  dc_squared_norms(&run.centroids, module->norms);
  assign_and_reconstruct(&run, weights);
  dc_column_moments(&run.gam, NULL, module->shares, NULL);
  *terms = (DcClusteringTerms){.reconstruction = squared_sum(&run.residual)};
  terms->prior = dc_clustering_prior(module->alphas, module->shares, module->order, run.gam.cols,
                                     batch->rows, module->pull);
  if (module->options.loss == DC_CLUSTERING_ALONE)
    run_alone(&run, terms, &centroid_gradient);
  else
    run_joined(&run, terms, &centroid_gradient);
  back_through_softmax(&run);
  assigner_gradient(&run, gradient);
  bias_gradient(&run, &centroid_gradient, gradient);
  if (batch_gradient)
    batch_gradient_of(&run, weights, batch_gradient);
}

/* --- starting from centroids --- */

/* G^+ of G = U U^T, K x K, in place in `gram`; `work` holds K x (K + 1) numbers. */
static DcStatus
invert_gram(double *gram, size_t clusters, size_t width, double *work)
{
  double *values = work, *vectors = work + clusters;
  DcStatus status = dc_eigen_symmetric(gram, clusters, values, vectors);
  if (status)
    return status;
  const double side = (double)(clusters > width ? clusters : width);
  const double share = 10 * side * FLT_EPSILON;
  const double least = values[clusters - 1] * share * share;
  memset(gram, 0, clusters * clusters * sizeof *gram);
  for (size_t i = 0; i < clusters; i++) {
    const double *vector = vectors + i * clusters;
    for (size_t k = 0; values[i] > least && k < clusters; k++) {
      for (size_t l = 0; l < clusters; l++)
        gram[k * clusters + l] += vector[k] * vector[l] / values[i];
    }
  }
  return DC_OK;
}

static void
form_gram(const DcMatrix *centroids, double *gram)
{
  for (size_t k = 0; k < centroids->rows; k++) {
    for (size_t l = 0; l < centroids->rows; l++) {
      const float *a = dc_matrix_row(centroids, k), *b = dc_matrix_row(centroids, l);
      double sum = 0;
      for (size_t j = 0; j < centroids->cols; j++)
        sum += (double)a[j] * b[j];
      gram[k * centroids->rows + l] = sum;
    }
  }
}

/* V = U^T G^+. */
static void
write_inverse(const DcMatrix *centroids, const double *inverse_gram, float *v)
{
  const size_t clusters = centroids->rows;
  for (size_t j = 0; j < centroids->cols; j++) {
    for (size_t k = 0; k < clusters; k++) {
      double sum = 0;
      for (size_t l = 0; l < clusters; l++)
        sum += dc_matrix_row(centroids, l)[j] * inverse_gram[l * clusters + k];
      v[j * clusters + k] = (float)sum;
    }
  }
}

static void
start_centroid_layer(const DcMatrix *centroids, const DcClusteringWeights *weights)
{
  const DcMatrix w = dc_matrix(weights->w, centroids->rows, centroids->cols);
  dc_matrix_copy(centroids, &w);
  memset(weights->c, 0, centroids->cols * sizeof *weights->c);
}

static DcStatus
start_in(double *scratch, const DcMatrix *centroids, const DcClusteringWeights *weights,
         DcError *error)
{
  const size_t clusters = centroids->rows, width = centroids->cols;
  form_gram(centroids, scratch);
  DcStatus status = invert_gram(scratch, clusters, width, scratch + clusters * clusters);
  if (status)
    return dc_error_set(error, status, "the pseudo-inverse of %zu centroids cannot be computed: %s",
                        clusters, dc_status_text(status));
  write_inverse(centroids, scratch, weights->v);
  memset(weights->b, 0, clusters * sizeof *weights->b);
  start_centroid_layer(centroids, weights);
  return DC_OK;
}

DcStatus
dc_clustering_start(const DcMatrix *centroids, const DcClusteringWeights *weights, DcError *error)
{
  const size_t clusters = centroids->rows;
  size_t count;
  double *scratch =
      dc_checked_mul(clusters, 2 * clusters + 1, &count) ? DC_NEW(double, count) : NULL;
  if (!scratch)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to start from %zu centroids", clusters);
  DcStatus status = start_in(scratch, centroids, weights, error);
  dc_free(scratch);
  return status;
}

static double
square_length(const float *row, size_t width)
{
  double sum = 0;
  for (size_t j = 0; j < width; j++)
    sum += (double)row[j] * row[j];
  return sum;
}

/* `variance`, or the least that keeps V and b in range; 1 where all centroids are 0. */
static double
usable_variance(const DcMatrix *centroids, double variance)
{
  double sum = 0;
  for (size_t k = 0; k < centroids->rows; k++)
    sum += square_length(dc_matrix_row(centroids, k), centroids->cols);
  const double least = FLT_EPSILON * sum / (double)centroids->rows;
  const double usable = variance > least ? variance : least;
  return usable > 0 ? usable : 1;
}

DcStatus
dc_clustering_start_as_mixture(const DcMatrix *centroids, double variance,
                               const DcClusteringWeights *weights, DcError *error)
{
  const size_t clusters = centroids->rows, width = centroids->cols;
  if (!isfinite(variance) || !dc_matrix_is_finite(centroids))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a mixture of %zu centroids and variance %g is not finite", clusters,
                        variance);
  const double scale = 1 / usable_variance(centroids, variance);
  for (size_t k = 0; k < clusters; k++) {
    const float *centroid = dc_matrix_row(centroids, k);
    for (size_t j = 0; j < width; j++)
      weights->v[j * clusters + k] = (float)(scale * centroid[j]);
    weights->b[k] = (float)(-scale * square_length(centroid, width) / 2);
  }
  start_centroid_layer(centroids, weights);
  return DC_OK;
}
