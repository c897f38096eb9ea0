/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/clustering_private.h"

#include <math.h>
#include <string.h>

typedef struct {
  const DcClusteringOptions *options;
  const double *v, *b, *w, *c, *batch;
  size_t samples;
  double scale;
  double *gam, *delta;                /* samples x K */
  double *residual;                   /* samples x p */
  double *centroids, *pull_centroids; /* K x p: U and its gradient */
  double *gram;                       /* K x K */
  double *shares, *pull, *alphas;     /* K */
  size_t *order;
} Reference;

static double
dot(const double *a, size_t stride_a, const double *b, size_t stride_b, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += a[i * stride_a] * b[i * stride_b];
  return sum;
}

static void
reference_softmax(double *scores, size_t count)
{
  double largest = -INFINITY, total = 0;
  for (size_t k = 0; k < count; k++)
    largest = fmax(largest, scores[k]);
  for (size_t k = 0; k < count; k++)
    total += scores[k] = exp(scores[k] - largest);
  for (size_t k = 0; k < count; k++)
    scores[k] /= total;
}

static void
reference_forward(Reference *r)
{
  const size_t clusters = r->options->clusters, width = r->options->width;
  for (size_t k = 0; k < clusters; k++) {
    r->order[k] = k;
    r->shares[k] = 0;
    for (size_t j = 0; j < width; j++)
      r->centroids[k * width + j] = r->w[k * width + j] + r->c[j];
  }
  for (size_t i = 0; i < r->samples; i++) {
    const double *z = r->batch + i * width;
    double *gam = r->gam + i * clusters;
    for (size_t k = 0; k < clusters; k++)
      gam[k] = r->b[k] + dot(z, 1, r->v + k, clusters, width);
    reference_softmax(gam, clusters);
    for (size_t k = 0; k < clusters; k++)
      r->shares[k] += gam[k] / (double)r->samples;
    for (size_t j = 0; j < width; j++)
      r->residual[i * width + j] = z[j] - dot(gam, 1, r->centroids + j, width, clusters);
  }
  for (size_t k = 0; k < clusters; k++) {
    for (size_t l = 0; l < clusters; l++)
      r->gram[k * clusters + l] =
          dot(r->centroids + k * width, 1, r->centroids + l * width, 1, width);
  }
}

/* E1 .. E4 by their definitions. */
static void
reference_terms(Reference *r, DcClusteringTerms *terms)
{
  const size_t clusters = r->options->clusters, width = r->options->width;
  const bool alone = r->options->loss == DC_CLUSTERING_ALONE;
  *terms = (DcClusteringTerms){.reconstruction =
                                   dot(r->residual, 1, r->residual, 1, r->samples * width)};
  terms->prior = dc_clustering_prior(r->alphas, r->shares, r->order, clusters, r->samples, r->pull);
  for (size_t k = 0; k < clusters; k++) {
    for (size_t l = 0; l < clusters; l++) {
      const double both = dot(r->gam + k, clusters, r->gam + l, clusters, r->samples);
      const double norm = r->gram[k * clusters + l], off = norm - (k == l);
      const double blur = k == l ? r->shares[k] * (double)r->samples - both : 0;
      terms->sparsity += alone ? norm * blur : blur;
      if (alone && k != l)
        terms->merging -= both * norm;
      if (!alone)
        terms->orthonormality += r->options->loss == DC_CLUSTERING_SQUARED ? off * off : fabs(off);
    }
  }
  terms->total = r->scale * (terms->reconstruction + terms->sparsity + terms->merging) +
                 r->options->lambda * terms->orthonormality + terms->prior;
}

static double
reference_gram_slope(const Reference *r, size_t k, size_t l)
{
  const double off = r->gram[k * r->options->clusters + l] - (k == l);
  return r->options->loss == DC_CLUSTERING_SQUARED ? 4 * off : 2 * (double)((off > 0) - (off < 0));
}

/* The gradients for Gam, in delta, and for U. */
static void
reference_inner_gradients(Reference *r)
{
  const size_t clusters = r->options->clusters, width = r->options->width;
  const bool alone = r->options->loss == DC_CLUSTERING_ALONE;
  for (size_t i = 0; i < r->samples; i++) {
    for (size_t k = 0; k < clusters; k++) {
      const double *u = r->centroids + k * width;
      double *delta = r->delta + i * clusters + k;
      if (alone)
        *delta = r->gram[k * clusters + k] - 2 * dot(r->batch + i * width, 1, u, 1, width);
      else
        *delta = r->scale * (1 - 2 * r->gam[i * clusters + k] -
                             2 * dot(r->residual + i * width, 1, u, 1, width));
      *delta += r->pull[k];
    }
  }
  for (size_t k = 0; k < clusters; k++) {
    for (size_t j = 0; j < width; j++) {
      double *pull = r->pull_centroids + k * width + j;
      const double *towards = alone ? r->batch : r->residual;
      *pull = -2 * r->scale * dot(r->gam + k, clusters, towards + j, width, r->samples);
      if (alone)
        *pull += 2 * r->shares[k] * (double)r->samples * r->centroids[k * width + j];
      for (size_t l = 0; !alone && l < clusters; l++)
        *pull += r->options->lambda * reference_gram_slope(r, k, l) * r->centroids[l * width + j];
    }
  }
}

static void
reference_backward(Reference *r, double *gradient, double *batch_gradient)
{
  const size_t clusters = r->options->clusters, width = r->options->width;
  const double biases = r->options->biases ? 1 : 0;
  double *v = gradient, *b = v + width * clusters, *w = b + clusters, *c = w + clusters * width;
  for (size_t i = 0; i < r->samples; i++) {
    double *delta = r->delta + i * clusters;
    const double *gam = r->gam + i * clusters, mean = dot(delta, 1, gam, 1, clusters);
    for (size_t k = 0; k < clusters; k++)
      delta[k] = gam[k] * (delta[k] - mean);
  }
  memset(b, 0, clusters * sizeof *b);
  memset(c, 0, width * sizeof *c);
  for (size_t k = 0; k < clusters; k++) {
    for (size_t i = 0; i < r->samples; i++)
      b[k] += biases * r->delta[i * clusters + k];
    for (size_t j = 0; j < width; j++) {
      v[j * clusters + k] = dot(r->batch + j, width, r->delta + k, clusters, r->samples);
      w[k * width + j] = r->pull_centroids[k * width + j];
      c[j] += biases * w[k * width + j];
    }
  }
  for (size_t i = 0; batch_gradient && i < r->samples; i++) {
    for (size_t j = 0; j < width; j++)
      batch_gradient[i * width + j] =
          2 * r->scale * r->residual[i * width + j] +
          dot(r->delta + i * clusters, 1, r->v + j * clusters, 1, clusters);
  }
}

static bool
reference_allocate(Reference *r)
{
  const size_t clusters = r->options->clusters, width = r->options->width;
  r->gam = DC_NEW(double, r->samples *clusters);
  r->delta = DC_NEW(double, r->samples *clusters);
  r->residual = DC_NEW(double, r->samples *width);
  r->centroids = DC_NEW(double, clusters *width);
  r->pull_centroids = DC_NEW(double, clusters *width);
  r->gram = DC_NEW(double, clusters *clusters);
  r->shares = DC_NEW(double, clusters);
  r->pull = DC_NEW(double, clusters);
  r->alphas = DC_NEW(double, clusters);
  r->order = DC_NEW(size_t, clusters);
  return r->gam && r->delta && r->residual && r->centroids && r->pull_centroids && r->gram &&
         r->shares && r->pull && r->alphas && r->order;
}

static void
reference_clear(Reference *r)
{
  dc_free(r->gam);
  dc_free(r->delta);
  dc_free(r->residual);
  dc_free(r->centroids);
  dc_free(r->pull_centroids);
  dc_free(r->gram);
  dc_free(r->shares);
  dc_free(r->pull);
  dc_free(r->alphas);
  dc_free(r->order);
}

bool
dc_clustering_module_reference(const DcClusteringOptions *options, const double *weights,
                               const double *batch, size_t samples, DcClusteringTerms *terms,
                               double *gradient, double *batch_gradient)
{
  const size_t clusters = options->clusters, width = options->width;
  Reference r = {.options = options, .batch = batch, .samples = samples};
  r.v = weights;
  r.b = r.v + width * clusters;
  r.w = r.b + clusters;
  r.c = r.w + clusters * width;
  r.scale = dc_clustering_scale(options, samples);
  const bool enough = reference_allocate(&r);
  if (enough) {
    dc_clustering_sort_alphas(options, r.alphas);
    reference_forward(&r);
    reference_terms(&r, terms);
    reference_inner_gradients(&r);
    reference_backward(&r, gradient, batch_gradient);
  }
  reference_clear(&r);
  return enough;
}
