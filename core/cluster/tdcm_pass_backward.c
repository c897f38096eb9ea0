/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_pass_private.h"

#include "cluster/transport_linear.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* From the loss of the run that was kept back to the module and the batch: each function takes the
 * gradient of what a step made to that of what it was made from. */

/* Gradient of weights to that of scores, in place: dS = A o (dA - rowsum(dA o A)). */
static void
softmax_backward(const DcTdcmPass *pass, const double *weights)
{
  const size_t k = pass->clusters;
  for (size_t i = 0; i < pass->count; i++) {
    const double *a = weights + i * k;
    double *d_score = pass->d_scores + i * k;
    const double mean = dc_linear_inner_product(a, d_score, k);
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
    dc_linear_add_columns(d_features, count, d, pass->d_shift);
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
  const DcTdcmRun *run = &pass->kept;
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  const double *features = run->features + block * k * d;
  const double factor = dc_tdcm_product_factor(pass->module),
               norm = dc_tdcm_norm_factor(pass->module);
  dc_linear_multiply(pass->d_scores, features, n, k, d, pass->product);
  for (size_t i = 0; i < n * d; i++)
    pass->d_features[i] += factor * pass->product[i];
  dc_linear_clear(pass->d_bias, k);
  dc_linear_add_columns(pass->d_scores, n, k, pass->d_bias);
  dc_linear_clear(pass->d_centroid_features, k * d);
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
    dc_linear_clear(pass->d_scores, n * k);
  for (size_t j = 0; j < k; j++) {
    /* A share of 0 comes with weights of 0: any finite number will do. */
    double constant =
        pass->objective.balance / (double)n * (log(fmax(pass->shares[j], DBL_MIN)) + 1);
    if (compact)
      constant += unit * dc_linear_sum_of_squares(centroids + j * d, d);
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
  dc_tdcm_pass_recall_sums(pass);
  loss_by_assignment(pass);
  softmax_backward(pass, dc_tdcm_pass_assignment(pass));
  if (pass->objective.criterion == DC_TDCM_LIKELIHOOD)
    likelihood_backward(pass);
  else
    compactness_backward(pass);
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
    d_mass[j] = by_share - inverse * dc_linear_inner_product(d_made, made + j * d, d);
    for (size_t l = 0; l < d; l++) {
      d_sum[l] = inverse * d_made[l];
      d_made[l] = total > 0 ? epsilon * d_sum[l] : d_made[l];
    }
  }
  dc_linear_multiply_transposed(pass->samples, pass->d_sums, n, d, k, pass->d_scores);
  for (size_t i = 0; i < n * k; i++)
    pass->d_scores[i] += d_mass[i % k];
  const double *weights = dc_tdcm_pass_weights(pass, block);
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

void
dc_tdcm_pass_backward(DcTdcmPass *pass, double *gradient, double *sample_gradient)
{
  const size_t n = pass->count, k = pass->clusters, d = pass->module->dim;
  dc_linear_clear(pass->d_features, n * d);
  dc_linear_clear(pass->d_samples, n * d);
  dc_linear_clear(pass->d_centroids, k * d);
  dc_linear_clear(pass->d_root, d * d);
  dc_linear_clear(pass->d_shift, d);
  loss_backward(pass);
  for (size_t block = pass->module->blocks; block-- > 0;) {
    move_backward(pass, block);
    softmax_backward(pass, dc_tdcm_pass_weights(pass, block));
    score_backward(pass, block);
  }
  map_backward(pass, pass->samples, pass->features, n, pass->d_features, pass->d_samples);
  write_gradient(pass, gradient);
  if (!sample_gradient)
    return;
  memcpy(sample_gradient, pass->d_samples, n * d * sizeof *sample_gradient);
  if (pass->standardised)
    dc_tdcm_pass_standardise_backward(pass, sample_gradient);
}
