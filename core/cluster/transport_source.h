/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_SOURCE_H
#define DC_CLUSTER_TRANSPORT_SOURCE_H

#include "base/arena.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Transport tracking, its source model: what the undrifted embeddings look like. The method is told
 * in docs/methods/transport.md; its parts are
 *   transport_source   the model, its memory, its arrays for a file
 *   transport_fit      the model from a sample and start centroids, with transport_cells and
 *                      transport_statistics
 *   transport_score    reading embeddings through a map: posteriors, likelihood, centroids
 *   transport_newton   the step of a map that makes the stream look like the source
 *   transport_search   a new start after a jump
 *   transport_restart  the same at once, where no map explains the stream
 *   transport_tracker  the experts that keep K clusters under drift
 *   transport_state    the arrays of a tracker for a file
 *   transport_regroup  a tracker of other clusters, where some were merged, split or born
 * Letters in comments are those of the method's page. */

/* One named array of a state: `rows` x `cols` numbers, row-major. All that a file holds of
 * transport tracking is a list of these; counters are exact as doubles up to 2^53. */
typedef struct {
  const char *name;
  const double *data;
  size_t rows, cols;
} DcTransportArray;

/* The entry of that name; NULL, with DC_ERROR_FORMAT in `error`, when it is missing or holds a
 * number that is not finite. */
const DcTransportArray *dc_transport_array_find(const DcTransportArray *arrays, size_t count,
                                                const char *name, DcError *error);

/* Copies the entry `name` onto `target`, given that it is rows x cols. DC_ERROR_FORMAT otherwise.
 */
DcStatus dc_transport_array_read(const DcTransportArray *arrays, size_t count, const char *name,
                                 size_t rows, size_t cols, double *target, DcError *error);

/* How the stream is brought back to the source: x = B z + a, with private offsets of the clusters.
 * The second half is derived from the first by dc_transport_map_derive(). */
typedef struct {
  double *matrix;    /* B: dim x dim */
  double *shift;     /* a: dim */
  double *offset;    /* D: clusters x dim */
  double *prototype; /* q: prototypes x dim, with the offset of their cluster */
  double *key;       /* q Wi: prototypes x dim */
  double *bias;      /* log pi - q Wi q / 2: prototypes */
  double log_det;    /* log |det B| */
} DcTransportMap;

/* Single numbers of the model. */
enum {
  DC_TRANSPORT_RMS,        /* sqrt(tr Sw): root mean squared distance to the own prototype */
  DC_TRANSPORT_LIKELIHOOD, /* mean of l over the source */
  DC_TRANSPORT_DEVIATION,  /* standard deviation of l from one embedding to the next */
  DC_TRANSPORT_FIGURES
};

#define DC_TRANSPORT_MAX_INPUT      65536 /* numbers of an embedding */
#define DC_TRANSPORT_MAX_DIM        64    /* directions worked in */
#define DC_TRANSPORT_MAX_CLUSTERS   4096
#define DC_TRANSPORT_MAX_PROTOTYPES 32 /* of one cluster */

/* Never written once made, so any number of threads may read it; shared by reference count. */
typedef struct DcTransportSource {
  size_t input_dim;  /* numbers of an embedding */
  size_t dim;        /* d: directions worked in */
  size_t clusters;   /* K */
  size_t prototypes; /* M */

  double *mean;      /* mu: input_dim */
  double *basis;     /* U: input_dim x dim, orthonormal columns, largest variance first */
  double *variance;  /* lam: dim */
  double *prototype; /* p: prototypes x dim, those of one cluster side by side */
  double *share;     /* pi: prototypes, sum 1 */
  double *size;      /* prototypes of each cluster, at least 1: clusters */
  double *centroid;  /* C0: clusters x dim */
  double *rest;      /* what of each start centroid lies outside the basis: clusters x input_dim */
  double *precision; /* Wi, inverse of the covariance within prototypes: dim x dim */
  double *moment;    /* H0, mean of psi^T x: dim x dim */
  double *gradient;  /* g0, mean of psi: dim */
  double *curvature; /* f: dim */
  double *residual;  /* r0: clusters x dim */
  double *occupancy; /* occ0: clusters, sum 1 */
  double *skewness;  /* s0: dim */
  double *figure;    /* DC_TRANSPORT_FIGURES */

  /* Derived by dc_transport_source_complete(). */
  uint32_t *first;       /* prototypes of cluster k: first[k] .. first[k + 1] - 1; clusters + 1 */
  DcTransportMap anchor; /* B = I, a = 0, D = 0: the stream as it comes */

  DcArena memory;
  atomic_uint references;
} DcTransportSource;

/* A model of these sizes with one reference and all numbers 0, for who fills it. NULL when memory
 * is short or a size is 0 or above its bound. */
DcTransportSource *dc_transport_source_alloc(size_t input_dim, size_t dim, size_t clusters,
                                             size_t prototypes);

/* Derives `first` and `anchor` once mean to size and precision are filled, and before anything is
 * scored with the model. DC_ERROR_FORMAT when the prototypes of the clusters do not add up. */
DcStatus dc_transport_source_complete(DcTransportSource *source, DcError *error);

/* From any thread; unref ignores NULL. */
DcTransportSource *dc_transport_source_ref(DcTransportSource *source);
void dc_transport_source_unref(DcTransportSource *source);

#define DC_TRANSPORT_SOURCE_ARRAYS 16

/* Views of the arrays that make up the model, valid as long as it lives. */
void dc_transport_source_arrays(const DcTransportSource *source,
                                DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS]);

/* The model from such arrays; entries of other names are ignored. DC_ERROR_FORMAT names the array
 * that is missing, misshapen, not finite or outside its range. */
DcStatus dc_transport_source_restore(const DcTransportArray *arrays, size_t count,
                                     DcTransportSource **source, DcError *error);

#endif
