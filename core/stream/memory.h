/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_MEMORY_H
#define DC_STREAM_MEMORY_H

#include "tensor/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* The recent past, stratified: each cluster keeps the newest embeddings that it was given, in a
 * ring of its own. One global window would forget the clusters out of sight as soon as one class
 * fills the stream, and drag them onto it. Not thread-safe. */
typedef struct DcMemory DcMemory;

#define DC_TIME_UNKNOWN UINT64_MAX

/* Room for `window` embeddings of `dim` numbers, divided evenly among `clusters` (at least one
 * each). NULL when memory is short or the product does not fit. */
DcMemory *dc_memory_new(size_t clusters, size_t dim, size_t window);
void dc_memory_free(DcMemory *memory);

/* Remembers `row` (dim numbers) in the stratum of `cluster`, in place of its oldest one when the
 * stratum is full. `time` in ns, or DC_TIME_UNKNOWN. */
void dc_memory_push(DcMemory *memory, size_t cluster, const float *row, uint64_t time);

/* Embeddings held, over all clusters. */
size_t dc_memory_count(const DcMemory *memory);

/* Embeddings that one stratum has room for. */
size_t dc_memory_capacity(const DcMemory *memory);

/* The embeddings of one cluster, in no particular order. */
DcMatrix dc_memory_stratum(const DcMemory *memory, size_t cluster);

/* The whole store: clusters * capacity rows, of which those without an embedding are zero and have
 * weight 0. Nothing is copied. */
DcMatrix dc_memory_rows(const DcMemory *memory);

/* A weight for each of dc_memory_rows(): 1 for the newest embedding of each stratum and half for
 * one that is older by `half_life` ns (0: all weigh 1, as do those of unknown time). Ages count
 * from the newest of the own stratum, so that a cluster out of sight does not fade against the
 * others. Valid until the next call on this memory. */
const float *dc_memory_weights(DcMemory *memory, uint64_t half_life);

/* For restoring: the slot of the ring of `cluster`, which must be empty, that is written first. */
void dc_memory_begin_at(DcMemory *memory, size_t cluster, size_t slot);

/* For saving: the slot that is written next. */
size_t dc_memory_head(const DcMemory *memory, size_t cluster);

/* For saving: number `index` (0: oldest) of a stratum and its time. */
const float *dc_memory_at(const DcMemory *memory, size_t cluster, size_t index, uint64_t *time);

#endif
