/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_METHOD_TRANSPORT_H
#define DC_STREAM_METHOD_TRANSPORT_H

#include "base/background.h"
#include "cluster/transport_tracker.h"
#include "stream/method.h"
#include "stream/pending.h"

#include <stdint.h>

/* Transport tracking inside an adapter: when its source statistics are made, and what waits to be
 * learnt from. */
typedef struct {
  DcTransportTracker *tracker; /* NULL until there are source statistics */
  uint64_t source_due;         /* embeddings accepted at which the source is (next) described */
  DcBackground search;         /* for a new start after a jump */
  uint64_t own_groups; /* 1: the clusters were made in a warm-up, so better groups may be looked
                          for; 0: they were given, and are kept as they are */
  uint64_t described;  /* embeddings that the source was described from; 0: not known */
  DcPending pending;   /* embeddings since the last step */
} DcTransportMethod;

/* What it knows in `adapter`, whose method it must be. */
DcTransportMethod *dc_transport_method(const DcAdapter *adapter);

/* How its tracker works, by the configuration. */
DcTransportOptions dc_transport_method_options(const DcAdapter *adapter);

/* A tracker of that source in place of what there is. */
DcStatus dc_transport_method_track(DcAdapter *adapter, DcTransportSource *source, DcError *error);

/* Ends a search that runs, and frees the tracker. */
void dc_transport_method_drop(DcTransportMethod *transport);

/* ---- method_transport_source.c: when and from what the source is described ---- */

/* Forgets source and maps: the source is described again once enough embeddings have come. */
void dc_transport_method_forget_source(DcAdapter *adapter);

/* The warm-up ended with `sample`. The clusters are of our own making: the source is described as
 * soon as there are samples enough to group. */
DcStatus dc_transport_method_begin(DcAdapter *adapter, const DcMatrix *sample, DcError *error);

/* Describes the source by what the memory holds, when that is due; again with a larger sample
 * later. While the stream bursts or has left the source, clusters of our own making are described
 * by the memory as the selected map reads it, where that has all of them. A sample that tells
 * nothing leaves things as they are; the only error is shortage of memory. */
DcStatus dc_transport_method_describe_when_due(DcAdapter *adapter, DcError *error);

/* ---- method_transport_state.c: `arrays` and `restore` of DcAdaptMethod ---- */

size_t dc_transport_method_arrays(const DcAdapter *adapter,
                                  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS]);
DcStatus dc_transport_method_restore(DcAdapter *adapter, const DcMethodArray *arrays, size_t count,
                                     DcError *error);

#endif
