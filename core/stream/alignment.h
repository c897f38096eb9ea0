/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ALIGNMENT_H
#define DC_STREAM_ALIGNMENT_H

#include "base/status.h"
#include "stream/method.h"
#include "tensor/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* Keeps the numbers of embeddings at the mean and variance that they had at the start, each for
 * itself: z' = gain z + offset, with gain = sqrt(reference variance / running variance), 1/4 to 4,
 * and the offset that takes the running mean to that of the reference. For an encoder whose numbers
 * drift (light, contrast, calibration) while what they tell apart does not. Not thread-safe. */
typedef struct {
  size_t dim;
  double *reference; /* 2 x d: mean, variance */
  double *running;   /* 2 x d */
  double *sums;      /* 2 x d: of embeddings since the last update, relative to the running mean */
  uint64_t pending;  /* embeddings in the sums */
  uint64_t seen;     /* embeddings in the reference; UINT64_MAX: it is complete */
  float *gain, *offset; /* d */
} DcAlignment;

/* One that changes nothing yet. NULL when memory is short. Free with dc_alignment_free(); NULL is
 * ignored. */
DcAlignment *dc_alignment_new(size_t dim);
void dc_alignment_free(DcAlignment *alignment);

/* The reference is known beforehand: mean and variance, d numbers each. */
void dc_alignment_refer(DcAlignment *alignment, const double *mean, const double *variance);

/* Writes the aligned rows; of the same shape, may be the same memory. */
void dc_alignment_apply(const DcAlignment *alignment, const DcMatrix *rows,
                        const DcMatrix *aligned);

/* Embeddings as they come. Allocates nothing. */
void dc_alignment_receive(DcAlignment *alignment, const DcMatrix *rows);

/* Makes the map anew: from the first `wanted` embeddings the reference, from then on moments that
 * forget what was over `half_life` embeddings (> 0), of which the newest count as `trust`, 0..1. */
void dc_alignment_update(DcAlignment *alignment, uint64_t wanted, double half_life, double trust);

#define DC_ALIGNMENT_ARRAYS 5
void dc_alignment_arrays(const DcAlignment *alignment, DcMethodArray arrays[DC_ALIGNMENT_ARRAYS]);

/* From such arrays; where they are missing, nothing is changed. DC_ERROR_FORMAT. */
DcStatus dc_alignment_restore(DcAlignment *alignment, const DcMethodArray *arrays, size_t count,
                              DcError *error);

#endif
