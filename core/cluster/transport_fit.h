/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_FIT_H
#define DC_CLUSTER_TRANSPORT_FIT_H

#include "base/status.h"
#include "cluster/transport_source.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stdint.h>

/* Samples per cluster that make a source model better than none: at 25 transport tracking loses to
 * forgetting, at 50 it is level or ahead (docs/methods/transport.md). */
#define DC_TRANSPORT_SAMPLES_PER_CLUSTER 50

/* How a source model is made from a sample of undrifted embeddings. */
typedef struct {
  size_t directions; /* worked in; 0: all of an embedding of up to 32 numbers, else 24, and one for
                        each 8 samples at most */
  uint32_t prototypes;  /* per cluster; 0: dc_transport_prototypes_for() */
  double shrinkage;     /* 0..1 of the covariance within prototypes towards a multiple of I */
  const double *metric; /* a learned metric (input_dim x input_dim, symmetric, positive definite) in
                           place of the inverse of that covariance, up to its scale, which is made
                           that of the samples about their prototypes; NULL: none */
  uint64_t seed;        /* of the k-means that places the prototypes, and of the grouping */
  const uint32_t *cells; /* cluster of each sample, below K; NULL: that of the nearest centroid */
  const DcTransportSource *like; /* work in the mean and directions of that model, which is of as
                                    many numbers; NULL: in those of the samples */
  bool regroup; /* look for better groups than these cells (cluster/consensus.h), each of which
                   takes the number of the cell that it shares most samples with; where a sample is
                   too small for that, the cells stay */
} DcTransportFitOptions;

/* 0, 0, 0.5, NULL, 0, NULL, NULL, false. */
DcTransportFitOptions dc_transport_fit_options(void);

/* Prototypes per cluster that a sample can carry: the root of a sixteenth of its embeddings per
 * cluster, 2 to 8 (2 at 90, 8 at 1 000, as measured). */
uint32_t dc_transport_prototypes_for(size_t samples, size_t clusters);

/* The source model of `samples` (n x d, finite, in the usual mix of the stream) for the clusters
 * that `centroids` (K x d) start with; prototypes by k-means inside the cell of each centroid. With
 * cells given or regrouped, the centroids of the model are the means of its cells.
 * DC_ERROR_ARGUMENT for options out of range, fewer than two samples, or samples that are all
 * equal; DC_ERROR_SHAPE; DC_ERROR_NOT_FINITE. Allocates; any thread. */
DcStatus dc_transport_fit(const DcMatrix *samples, const DcMatrix *centroids,
                          const DcTransportFitOptions *options, DcTransportSource **source,
                          DcError *error);

/* The same with given prototypes (M x d), `owner` (M, ascending, every cluster at least once) and
 * `share` (M, >= 0, not all 0; normalised here). options->prototypes is not looked at. */
DcStatus dc_transport_fit_prototypes(const DcMatrix *samples, const DcMatrix *centroids,
                                     const DcMatrix *prototypes, const uint32_t *owner,
                                     const double *share, const DcTransportFitOptions *options,
                                     DcTransportSource **source, DcError *error);

#endif
