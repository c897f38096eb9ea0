/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_METHOD_TRANSPORT_H
#define DC_STREAM_METHOD_TRANSPORT_H

#include "cluster/transport_tracker.h"
#include "stream/adapter.h"

#include <stddef.h>
#include <stdint.h>

/* Transport tracking inside an adapter: when its source statistics are made, and what waits to be
 * learnt from. */
typedef struct {
  DcTransportTracker *tracker; /* NULL until there are source statistics */
  uint64_t source_due;         /* embeddings accepted at which the source is (next) described */
  float *pending;              /* embeddings since the last step: capacity x dim */
  uint64_t pending_rows, capacity;
} DcTransportMethod;

/* What it knows in `adapter`, whose method it must be. */
DcTransportMethod *dc_transport_method(const DcAdapter *adapter);

#endif
