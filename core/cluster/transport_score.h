/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_SCORE_H
#define DC_CLUSTER_TRANSPORT_SCORE_H

#include "base/arena.h"
#include "base/status.h"
#include "cluster/transport_source.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* Embeddings read at once: what is read and what scores it stay in the cache. */
#define DC_TRANSPORT_CHUNK 64

/* Doubles that a map needs, and their distribution over its arrays; a block of zeros gives D = 0.
 */
size_t dc_transport_map_size(const DcTransportSource *source);
void dc_transport_map_place(const DcTransportSource *source, double *block, DcTransportMap *map);

/* Derives prototypes, keys and bias from the offsets. log_det is left alone. */
void dc_transport_map_derive(const DcTransportSource *source, DcTransportMap *map);

/* Sets log_det from the matrix. False when the matrix is not safely invertible (a pivot of its
 * factors below 1e-6, an entry above 1e6) or any number of B, a, D is not finite or beyond all
 * bounds. */
bool dc_transport_map_measure(const DcTransportSource *source, DcTransportMap *map, double *square,
                              uint32_t *pivot);

/* Copies B, a, D and all that is derived. */
void dc_transport_map_copy(const DcTransportSource *source, const DcTransportMap *from,
                           DcTransportMap *to);

/* Scratch of one thread that reads with `source`, and the results of the last chunk. */
typedef struct {
  double *centred;    /* chunk x input_dim */
  double *stream;     /* z, in the basis of the source: chunk x dim */
  double *restored;   /* x = B z + a: chunk x dim */
  double *weight;     /* A, posterior of each prototype: chunk x prototypes */
  double *posterior;  /* of each cluster: chunk x clusters */
  double *likelihood; /* l, up to a constant of the source: chunk */
  double *pull;       /* A q - x: chunk x dim */
  double *scaled;     /* x Wi: chunk x dim */
  size_t input_dim, dim, clusters, prototypes; /* that it was made for */
  DcArena memory;
} DcTransportWork;

bool dc_transport_work_init(DcTransportWork *work, const DcTransportSource *source);
/* Makes a work that is initialised, or all zero, fit `source`, which allocates only when sizes
 * change. False when memory is short; the work is then all zero. */
bool dc_transport_work_fit(DcTransportWork *work, const DcTransportSource *source);
void dc_transport_work_clear(DcTransportWork *work);

/* work->stream = (Z - mu) U for at most DC_TRANSPORT_CHUNK finite `embeddings` of input_dim
 * numbers. */
void dc_transport_project(const DcTransportSource *source, const DcMatrix *embeddings,
                          DcTransportWork *work);

/* Fills restored, weight, posterior and likelihood for `rows` rows of `stream` (rows x dim, at most
 * DC_TRANSPORT_CHUNK; section 3.1 of the method). */
void dc_transport_score(const DcTransportSource *source, const DcTransportMap *map,
                        const double *stream, size_t rows, DcTransportWork *work);

/* l, but at least 20 standard deviations below the mean of the source: one absurd embedding must
 * not outweigh a thousand batches. NaN counts as that least. */
double dc_transport_bounded(const DcTransportSource *source, double likelihood);

/* Index of the largest of `count` numbers; ties: the smallest index. */
size_t dc_transport_largest(const double *numbers, size_t count);

/* Where the prototypes lie in the stream, in the basis of the source: y = B^-1 (q - a), prototypes
 * x dim. `square` holds dim x dim doubles, `pivot` dim indices. False when B is not invertible. */
bool dc_transport_locate(const DcTransportSource *source, const DcTransportMap *map, double *places,
                         double *square, uint32_t *pivot);

/* Root of the mean squared distance of two such places, weighed by the shares, in units of rms. */
double dc_transport_displacement(const DcTransportSource *source, const double *places,
                                 const double *others);

/* A map that readers carry with them: immutable, with a reference to its source. */
typedef struct DcTransportScorer DcTransportScorer;

/* A copy of `map`. NULL when memory is short or B is not invertible. */
DcTransportScorer *dc_transport_scorer_new(DcTransportSource *source, const DcTransportMap *map);
void dc_transport_scorer_free(DcTransportScorer *scorer);
const DcTransportSource *dc_transport_scorer_source(const DcTransportScorer *scorer);

/* Fills stream, restored, weight, posterior and likelihood for at most DC_TRANSPORT_CHUNK finite
 * `embeddings` of input_dim numbers. `work` fits the source of the scorer. Any thread, one work
 * each. */
void dc_transport_scorer_read(const DcTransportScorer *scorer, const DcMatrix *embeddings,
                              DcTransportWork *work);

/* Brings the centroid of `cluster` to within `reach` of `place` (input_dim numbers), and its
 * prototypes with it as far as the basis goes. Before the scorer is handed to readers. */
void dc_transport_scorer_hold(DcTransportScorer *scorer, size_t cluster, const float *place,
                              double reach);

/* The centroids in the space of the stream (clusters x input_dim), for consumers that know nothing
 * but centroids: c_k = mu + U B^-1 (C0_k + D_k - a), plus what of C0_k lies outside U. */
const double *dc_transport_scorer_centroids(const DcTransportScorer *scorer);

#endif
