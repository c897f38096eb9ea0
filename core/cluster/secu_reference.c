/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The losses of SeCu as their formulas stand, for tests. */
#include "cluster/secu_losses.h"

#include <math.h>

static double
dot(const double *a, const double *b, size_t dim)
{
  double sum = 0;
  for (size_t j = 0; j < dim; j++)
    sum += a[j] * b[j];
  return sum;
}

/* x . v / |v| / temperature */
static double
logit_of(const double *sample, const double *centre, size_t dim, double temperature)
{
  return dot(sample, centre, dim) / sqrt(dot(centre, centre, dim)) / temperature;
}

/* The logit of cluster k, from `moving` for the label and from `still` for all others. */
static double
split_logit(const double *sample, const double *moving, const double *still, size_t dim, size_t k,
            uint32_t label, double temperature)
{
  return logit_of(sample, (k == label ? moving : still) + k * dim, dim, temperature);
}

/* d(loss)/d(logit) = -(1 - p), and d(logit)/dv = (x - (x.w) w) / |v| / temperature, w = v / |v|. */
static void
add_centre_gradient(const double *sample, const double *centre, size_t dim, double hardness,
                    double temperature, double *gradient)
{
  const double norm = sqrt(dot(centre, centre, dim));
  const double along = dot(sample, centre, dim) / norm;
  for (size_t j = 0; j < dim; j++)
    gradient[j] -= hardness * (sample[j] - along * centre[j] / norm) / norm / temperature;
}

double
dc_secu_centre_loss_reference(const double *samples, size_t count, size_t dim, const double *moving,
                              const double *still, size_t clusters, const uint32_t *labels,
                              double temperature, double *gradient)
{
  double loss = 0;
  for (size_t j = 0; gradient && j < clusters * dim; j++)
    gradient[j] = 0;
  for (size_t i = 0; i < count; i++) {
    const double *sample = samples + i * dim;
    const double own = split_logit(sample, moving, still, dim, labels[i], labels[i], temperature);
    /* 1 / p - 1, as a sum of differences of logits. */
    double odds = 0;
    for (size_t k = 0; k < clusters; k++)
      if (k != labels[i])
        odds += exp(split_logit(sample, moving, still, dim, k, labels[i], temperature) - own);
    loss += log1p(odds);
    if (gradient)
      add_centre_gradient(sample, moving + labels[i] * dim, dim, odds / (1 + odds), temperature,
                          gradient + labels[i] * dim);
  }
  return loss;
}

/* ln of the softmax weight of cluster k. */
static double
log_weight(const double *sample, const double *centres, size_t clusters, size_t dim, size_t k,
           double temperature)
{
  const double own = dot(sample, centres + k * dim, dim);
  double sum = 0;
  for (size_t l = 0; l < clusters; l++)
    sum += exp((dot(sample, centres + l * dim, dim) - own) / temperature);
  return -log(sum);
}

/* One view of one sample; the target is drawn from `other`. */
static double
view_loss(const double *sample, const double *other, const double *centres, size_t clusters,
          size_t dim, uint32_t label, double temperature, double one_hot, double *gradient)
{
  double loss = 0;
  for (size_t j = 0; gradient && j < dim; j++)
    gradient[j] = 0;
  for (size_t k = 0; k < clusters; k++) {
    const double log_p = log_weight(sample, centres, clusters, dim, k, temperature);
    const double log_r = log_weight(other, centres, clusters, dim, k, temperature);
    const double target = (1 - one_hot) * exp(log_r) + (k == label ? one_hot : 0);
    loss -= target * log_p;
    for (size_t j = 0; gradient && j < dim; j++)
      gradient[j] += (exp(log_p) - target) * centres[k * dim + j] / temperature;
  }
  return loss;
}

double
dc_secu_view_loss_reference(const double *first, const double *second, const double *still_first,
                            const double *still_second, size_t count, size_t dim,
                            const double *centres, size_t clusters, const uint32_t *labels,
                            double temperature, double one_hot, double *gradient_first,
                            double *gradient_second)
{
  double loss = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t at = i * dim;
    loss += view_loss(first + at, still_second + at, centres, clusters, dim, labels[i], temperature,
                      one_hot, gradient_first ? gradient_first + at : NULL);
    loss += view_loss(second + at, still_first + at, centres, clusters, dim, labels[i], temperature,
                      one_hot, gradient_second ? gradient_second + at : NULL);
  }
  return loss;
}
