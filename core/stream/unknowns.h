/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_UNKNOWNS_H
#define DC_STREAM_UNKNOWNS_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embeddings that fit no cluster, in quarantine: they wait here, and not in the memory of the
 * cluster that they are nearest to, until it is known whether they are a group of their own. One
 * that waited in vain goes into that memory after all, late but not lost: a memory without its
 * outermost members would shrink. Not thread-safe. One of zeros has no room. */
typedef struct {
  size_t count, capacity, dim;
  float *rows;      /* capacity x dim, oldest first, as they came */
  uint64_t *times;  /* stream time of each, ns or DC_TIME_UNKNOWN */
  uint64_t *places; /* embeddings of the stream that came before each */
} DcUnknowns;

/* Room for `capacity` embeddings. False when memory is short; clear it then too. */
bool dc_unknowns_reserve(DcUnknowns *unknowns, size_t capacity, size_t dim);
void dc_unknowns_clear(DcUnknowns *unknowns);

/* Adds one; there must be room. */
void dc_unknowns_add(DcUnknowns *unknowns, const float *row, uint64_t time, uint64_t place);

/* Forgets those whose entry of `gone` (count) is not 0. */
void dc_unknowns_remove(DcUnknowns *unknowns, const uint8_t *gone);

/* A dense group among `rows` (n x d, finite). */
typedef struct {
  size_t count;    /* members */
  uint8_t *member; /* n, of the caller: 1 for each */
  float *centre;   /* d, of the caller: their mean */
} DcDenseGroup;

/* Finds the densest group as wide as a cluster of root mean squared radius `spread`: the row with
 * the most others within the distance that two members of such a cluster have (sqrt(2) spread), and
 * from there on the mean of what lies within 3/2 spread of it, until that stays. Ties go to the
 * first row; no rows give a group of none. DC_ERROR_MEMORY. */
DcStatus dc_find_dense_group(const DcMatrix *rows, double spread, DcDenseGroup *group,
                             DcError *error);

#endif
