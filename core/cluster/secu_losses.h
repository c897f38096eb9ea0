/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SECU_LOSSES_H
#define DC_CLUSTER_SECU_LOSSES_H

#include "tensor/matrix.h"

#include <stdint.h>

/* The two losses of SeCu (Qian, ICCV 2023) for one head of K clusters and a batch of B samples. A
 * similarity is the cosine of a sample and a centre, both of unit length. Sums over samples; the
 * means over batch, views and heads are the caller's. Any thread; nothing is allocated; NaN in a
 * row makes the loss NaN. */

/* Stable discrimination, for the centres: sum over i of -ln p_i,label, p = softmax(similarities /
 * temperature), where only the logit of the label carries gradient. A centre then is moved by its
 * own samples alone, each weighed by its `hardness`, 1 - p_i,label (B numbers, exact also where p
 * is almost 1): the gradient with respect to the unit centre k is -1 / temperature times the sum of
 * hardness_i x_i over the samples labelled k. `similarities` (B x K) is overwritten. */
double dc_secu_centre_loss(const DcMatrix *similarities, const uint32_t *labels, float temperature,
                           float *hardness);

/* sums[label_i] (K x d) += hardness_i x_i, in double and in the order of the rows. */
void dc_secu_add_positives(const DcMatrix *samples, const uint32_t *labels, const float *hardness,
                           double *sums);

/* The gradient with respect to the free parameters v of a centre w = v / |v| (d numbers) whose
 * gradient with respect to w is scale * sum: (g - (g.w) w) / |v|. */
void dc_secu_free_gradient(const double *sum, double scale, const float *centre, float norm,
                           size_t dim, float *gradient);

/* The representation loss of two views of the same samples: sum over views and samples of
 * -sum over k of q_ik ln p_ik with p = softmax(similarities / temperature) of this view and q =
 * one_hot at the label + (1 - one_hot) p of the other view, q constant. `first` and `second` (B x K
 * similarities to the centres of the start of the epoch) become p - q: the gradient with respect to
 * a view is that, times the centres, over temperature. `weights` (2 B x K) and `log_sums` (2 B) are
 * scratch. */
double dc_secu_view_loss(const DcMatrix *first, const DcMatrix *second, const uint32_t *labels,
                         float temperature, float one_hot, const DcMatrix *weights,
                         float *log_sums);

/* The definitions, in double on dense arrays; for tests. */

/* The loss of the centres with what carries gradient apart from what does not: the logit of the
 * label comes from `moving`, the others from `still` (K x d free parameters each; normalised here).
 * `gradient` (K x d, NULL: not wanted) is with respect to `moving`, where it equals `still`. */
double dc_secu_centre_loss_reference(const double *samples, size_t count, size_t dim,
                                     const double *moving, const double *still, size_t clusters,
                                     const uint32_t *labels, double temperature, double *gradient);

/* The representation loss for views (count x d) of unit length and centres (K x d) of unit length;
 * the targets come from `still_first` and `still_second`. Gradients (count x d, NULL: not wanted)
 * with respect to the views, where the views equal their still copies. */
double dc_secu_view_loss_reference(const double *first, const double *second,
                                   const double *still_first, const double *still_second,
                                   size_t count, size_t dim, const double *centres, size_t clusters,
                                   const uint32_t *labels, double temperature, double one_hot,
                                   double *gradient_first, double *gradient_second);

#endif
