/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SECU_H
#define DC_CLUSTER_SECU_H

#include "base/random.h"
#include "base/state_list.h"
#include "base/status.h"
#include "cluster/secu_constraint.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* SeCu: stable cluster discrimination (Qian, ICCV 2023), all of it but the network. Several heads
 * of K, 2K, 3K ... centres on the unit sphere label the samples of each batch under a constraint on
 * the sizes of clusters (cluster/secu_constraint.h), learn their centres from those labels, and say
 * which way the representation should move. The centres learn from the labels of the step and the
 * representation from those of the epoch before and from the centres of the start of the epoch, so
 * that neither runs after the other within an epoch. One thread at a time; a step allocates
 * nothing. The same arguments give the same bytes, whatever else runs. */
typedef struct DcSecu DcSecu;

typedef struct {
  uint32_t clusters; /* K >= 1 of the first head; head h has (h + 1) K */
  uint32_t heads;    /* H >= 1 */
  size_t dim;        /* d >= 1 */
  size_t samples;    /* N >= 1, of the data set; fewer than the clusters of a head is no error */
  size_t most;       /* samples in a batch, >= 1 */
  DcSecuConstraint constraint;
  double centre_temperature, view_temperature; /* t_w and t_x, > 0; 0.05 in the paper */
  double one_hot;                              /* tau, 0 .. 1; 0.2 in the paper */
  double rate, momentum, weight_decay;         /* of the SGD that moves the centres */
} DcSecuOptions;

/* All samples without a label, all duals 0, all centres 0: call dc_secu_draw() or dc_secu_seed().
 * DC_ERROR_ARGUMENT for an option out of range, DC_ERROR_MEMORY. Free with dc_secu_free(). */
DcStatus dc_secu_new(const DcSecuOptions *options, DcSecu **secu, DcError *error);
void dc_secu_free(DcSecu *secu);

/* First centres: random directions; or, for features that are given and lie anywhere but evenly
 * around 0, k-means++ on `samples` (rows x d, of unit length), for each head afresh.
 * DC_ERROR_SHAPE, DC_ERROR_NOT_FINITE, DC_ERROR_MEMORY. */
void dc_secu_draw(DcSecu *secu, DcRandom *random);
DcStatus dc_secu_seed(DcSecu *secu, const DcMatrix *samples, DcRandom *random);

/* To be called before the first step of each epoch: the centres as they are now are those that the
 * representation learns from until the next call. */
void dc_secu_begin_epoch(DcSecu *secu);

/* Samples of a step, each once: row i of a view is that of sample rows[i], of unit length (or
 * zero). Two views of a sample make its representation learn; with one, `second` is NULL. */
typedef struct {
  const uint32_t *rows;
  size_t count;                /* 1 .. most */
  const float *first, *second; /* count x d, dense */
} DcSecuBatch;

typedef struct {
  double centre_loss; /* L_c: mean over samples, views and heads */
  double view_loss;   /* L_x, likewise; 0 with one view */
  size_t changed;     /* samples to which the first head gave another label than they had */
} DcSecuStep;

/* Labels the batch in every head, moves the centres by one step, and writes the gradients of L_x
 * with respect to the two views (count x d; NULL with one view). DC_ERROR_NOT_FINITE when a view
 * holds NaN or infinity; nothing is changed then. */
DcStatus dc_secu_step(DcSecu *secu, const DcSecuBatch *batch, float *first_gradient,
                      float *second_gradient, DcSecuStep *step);

/* ---- what is there; head 0 .. H - 1; valid as long as `secu` ---- */

/* The centres, K_h x d, of unit length. */
DcMatrix dc_secu_centres(const DcSecu *secu, uint32_t head);
/* Labels, duals and counts of a head. */
const DcSecuHead *dc_secu_head(const DcSecu *secu, uint32_t head);

/* Lists what steps change, as "PREFIX.NAME". */
void dc_secu_list_state(DcSecu *secu, const char *prefix, DcStateList *list);

/* To be called when what was listed has been overwritten: works out the rest from it.
 * DC_ERROR_FORMAT when a label is none that the head has, or a number is not finite. */
DcStatus dc_secu_restored(DcSecu *secu, DcError *error);

#endif
