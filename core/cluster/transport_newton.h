/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_NEWTON_H
#define DC_CLUSTER_TRANSPORT_NEWTON_H

#include "cluster/transport_score.h"
#include "cluster/transport_source.h"

#include <stddef.h>

/* What the embeddings of one batch say about a map: sums over the embeddings, in their order. */
typedef struct {
  double *mass;           /* posterior of each cluster: clusters */
  double *prototype_mass; /* posterior of each prototype: prototypes */
  double *place;          /* posterior-weighted x of each cluster: clusters x dim */
  double *product;        /* (A q - x)^T x: dim x dim */
  double *pull;           /* A q - x: dim */
  double likelihood;      /* bounded l */
  size_t rows;
} DcTransportEvidence;

/* Doubles that evidence needs, and their distribution over its arrays. */
size_t dc_transport_evidence_size(const DcTransportSource *source);
void dc_transport_evidence_place(const DcTransportSource *source, double *block,
                                 DcTransportEvidence *evidence);
void dc_transport_evidence_clear(const DcTransportSource *source, DcTransportEvidence *evidence);

/* Adds likelihood and mass of the `rows` embeddings that `work` was last scored with: all that is
 * needed of a map that does not learn. */
void dc_transport_evidence_weigh(const DcTransportSource *source, const DcTransportWork *work,
                                 size_t rows, DcTransportEvidence *evidence);

/* The same and everything else; `map` is the one that `work` was scored with. */
void dc_transport_evidence_add(const DcTransportSource *source, const DcTransportMap *map,
                               DcTransportWork *work, size_t rows, DcTransportEvidence *evidence);

/* Means of psi^T x (dim x dim) and of psi (dim) of the batch, minus those of the source, where psi
 * is the score function of the mixture: zero when the batch looks like the source. */
void dc_transport_moments(const DcTransportSource *source, const DcTransportEvidence *evidence,
                          double *moment, double *gradient);

/* The relative Newton step from these moments, undamped: the 2 x 2 system of each pair of
 * directions (section 3.3 of the method) gives `matrix` (E: dim x dim), and `shift` (v: dim). `rho`
 * > 0. */
void dc_transport_newton(const DcTransportSource *source, const double *moment,
                         const double *gradient, double rho, double *matrix, double *shift);

/* Takes a step: B <- B - E B, a <- a - E a - v. `square` holds dim x dim doubles. */
void dc_transport_map_step(const DcTransportSource *source, const double *matrix,
                           const double *shift, double *square, DcTransportMap *map);

/* Mean residual of each cluster's members about its prototypes (clusters x dim): zero when they lie
 * as the source's did (section 3.4, r_k). */
void dc_transport_residuals(const DcTransportSource *source, const DcTransportMap *map,
                            const DcTransportEvidence *evidence, double *residual);

#endif
