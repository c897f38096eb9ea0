/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ADAPTER_TRANSPORT_H
#define DC_STREAM_ADAPTER_TRANSPORT_H

#include "base/status.h"
#include "cluster/transport_tracker.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Transport tracking inside an adapter: when its source statistics are made, what waits to be
 * learnt from, and how the half-life in stream time becomes a memory in embeddings. */

struct DcAdapter;

typedef struct {
  DcTransportTracker *tracker; /* NULL until there are source statistics */
  uint64_t source_due;         /* embeddings accepted at which the source is (next) described */
  float *pending;              /* embeddings since the last step: capacity x dim */
  size_t pending_rows, capacity;
  uint64_t last_time; /* of the embedding before, or DC_TIME_UNKNOWN */
  uint64_t elapsed;   /* stream time that went by, in ns, without jumps backwards */
  uint64_t timed;     /* embeddings that came in it */
} DcAdapterTransport;

/* Room for what is pending, by the configuration of `adapter`. False when memory is short. */
bool dc_adapter_transport_reserve(struct DcAdapter *adapter);
void dc_adapter_transport_clear(DcAdapterTransport *transport);

/* Forgets source and maps: the clusters were placed anew, or are moved by another method from now
 * on. The source is described again once enough embeddings have come. */
void dc_adapter_transport_restart(struct DcAdapter *adapter);

/* Embeddings that were accepted and assigned; they wait for the next step. */
void dc_adapter_transport_push(struct DcAdapter *adapter, const DcMatrix *rows);

/* Stream time of `rows` embeddings, or DC_TIME_UNKNOWN. */
void dc_adapter_transport_note_time(struct DcAdapter *adapter, size_t rows, uint64_t time);

/* Describes the source when that is due: with the centroids as they are, and `sample` or, where
 * that is NULL, what the memory holds; again with a larger sample later, as long as the stream has
 * not left the source. A sample that tells nothing leaves things as they are; the only error is
 * shortage of memory. */
DcStatus dc_adapter_transport_describe(struct DcAdapter *adapter, const DcMatrix *sample,
                                       DcError *error);

/* Forgets what is pending: the clusters are frozen. */
void dc_adapter_transport_skip(struct DcAdapter *adapter);

/* Learns from what is pending, in batches of at most 64, and moves the centroids. With less than a
 * batch pending and an interval shorter than a batch it waits for more. */
DcStatus dc_adapter_transport_step(struct DcAdapter *adapter, DcError *error);

#endif
