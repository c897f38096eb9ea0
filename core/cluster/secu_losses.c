/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu_losses.h"

#include "tensor/exp.h"
#include "tensor/softmax.h"

#include <math.h>

/* ---- centres ---- */

static float
largest(const float *row, size_t count)
{
  float best = row[0];
  for (size_t k = 1; k < count; k++)
    best = row[k] > best ? row[k] : best;
  return best;
}

/* -ln p of the label from its exponential `own`, the sum of all the others and the logit, both
 * relative to the largest logit: the logarithm of 1 + a small number where p is almost 1, and no
 * division by an exponential that has become 0. */
static double
negative_log(double own, double others, double logit)
{
  return own >= others ? log1p(others / own) : log(own + others) - logit;
}

double
dc_secu_centre_loss(const DcMatrix *similarities, const uint32_t *labels, float temperature,
                    float *hardness)
{
  const size_t clusters = similarities->cols;
  const float sharpness = 1 / temperature;
  double loss = 0;
  for (size_t i = 0; i < similarities->rows; i++) {
    float *row = dc_matrix_row(similarities, i);
    const float shift = largest(row, clusters);
    const double logit = (double)(row[labels[i]] - shift) * sharpness;
    for (size_t k = 0; k < clusters; k++)
      row[k] = dc_exp((row[k] - shift) * sharpness);
    const double own = row[labels[i]];
    /* Left out of the sum, not subtracted from it: the rest may be smaller than its rounding. */
    row[labels[i]] = 0;
    double others = 0;
    for (size_t k = 0; k < clusters; k++)
      others += row[k];
    hardness[i] = (float)(others / (own + others));
    loss += negative_log(own, others, logit);
  }
  return loss;
}

void
dc_secu_add_positives(const DcMatrix *samples, const uint32_t *labels, const float *hardness,
                      double *sums)
{
  for (size_t i = 0; i < samples->rows; i++) {
    const float *sample = dc_matrix_row(samples, i);
    const double weight = hardness[i];
    double *sum = sums + labels[i] * samples->cols;
    for (size_t j = 0; j < samples->cols; j++)
      sum[j] += weight * sample[j];
  }
}

void
dc_secu_free_gradient(const double *sum, double scale, const float *centre, float norm, size_t dim,
                      float *gradient)
{
  double along = 0;
  for (size_t j = 0; j < dim; j++)
    along += sum[j] * centre[j];
  for (size_t j = 0; j < dim; j++)
    gradient[j] = (float)(scale * (sum[j] - along * centre[j]) / norm);
}

/* ---- views ---- */

/* The softmax of `similarities` / temperature, which become the logits. */
static void
weigh(const DcMatrix *similarities, float temperature, const DcMatrix *weights, float *log_sums)
{
  for (size_t i = 0; i < similarities->rows; i++) {
    float *row = dc_matrix_row(similarities, i), *weight = dc_matrix_row(weights, i);
    for (size_t k = 0; k < similarities->cols; k++)
      weight[k] = row[k] = row[k] / temperature;
  }
  dc_softmax_rows(weights, log_sums);
}

/* -sum of q ln p for a row of logits, of which it makes p - q. */
static double
take_target(float *logits, const float *own, const float *other, size_t clusters, uint32_t label,
            float one_hot, float log_sum)
{
  double along = 0;
  for (size_t k = 0; k < clusters; k++) {
    const float target = (1 - one_hot) * other[k] + (k == label ? one_hot : 0);
    along += (double)target * ((double)logits[k] - log_sum);
    logits[k] = own[k] - target;
  }
  return -along;
}

double
dc_secu_view_loss(const DcMatrix *first, const DcMatrix *second, const uint32_t *labels,
                  float temperature, float one_hot, const DcMatrix *weights, float *log_sums)
{
  const size_t count = first->rows, clusters = first->cols;
  const DcMatrix first_weights = dc_matrix_rows(weights, 0, count);
  const DcMatrix second_weights = dc_matrix_rows(weights, count, count);
  weigh(first, temperature, &first_weights, log_sums);
  weigh(second, temperature, &second_weights, log_sums + count);
  double loss = 0;
  for (size_t i = 0; i < count; i++) {
    const float *p = dc_matrix_row(&first_weights, i), *r = dc_matrix_row(&second_weights, i);
    loss += take_target(dc_matrix_row(first, i), p, r, clusters, labels[i], one_hot, log_sums[i]);
    loss += take_target(dc_matrix_row(second, i), r, p, clusters, labels[i], one_hot,
                        log_sums[count + i]);
  }
  return loss;
}
