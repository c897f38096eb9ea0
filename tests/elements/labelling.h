/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_LABELLING_H
#define DC_TESTS_LABELLING_H

#include "common/snapshot-event.h"

#include "blobs.h"
#include "streams.h"

/* Blobs before `assign`: a harness that knows their clusters, buffers with their embeddings, and
 * what came of them. */

#define TOLERANCE 1e-5 /* of distances and posteriors that are computed in single precision */
#define NOTHING   G_MAXUINT

static inline void
push_snapshot(GstHarness *h, const Blobs *blobs, const guint *order, guint64 version)
{
  DcSnapshot *snapshot = blobs_snapshot(blobs, order, version);
  fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(snapshot)));
  dc_snapshot_unref(snapshot);
}

/* A harness of `launch` that knows the three blobs in their order. */
static inline GstHarness *
new_harness_of_blobs(const gchar *launch, const Blobs *blobs)
{
  GstHarness *h = stream_open(launch);
  push_snapshot(h, blobs, NULL, 5);
  return h;
}

/* Frame `frame` with one region, key 9, in the middle of blob `blob`; NOTHING: without embedding.
 */
static inline GstBuffer *
buffer_of(const Blobs *blobs, guint frame, guint blob)
{
  GstBuffer *buffer = blobs_frame(frame);
  DriftclusterRegion region = {16, 12, 32, 24, 9, g_quark_from_string("person"), -1, 0};
  DriftclusterEmbeddingBlock *block = NULL;
  if (blob == NOTHING)
    region.row = -1;
  else
    block = blobs_centres(blobs, &blob, 1);
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, &region, 1, block);
  if (block)
    driftcluster_embedding_block_unref(block);
  return buffer;
}

static inline DriftclusterResult
result_of(GstBuffer *buffer, guint index)
{
  DriftclusterResult result;
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  fail_unless(meta != NULL, "no results");
  fail_unless(driftcluster_results_meta_get_result(meta, index, &result));
  return result;
}

/* The cluster of the first region of `buffer` (transfer full) after it went through. */
static inline gint
cluster_after(GstHarness *h, GstBuffer *buffer)
{
  GstBuffer *out = gst_harness_push_and_pull(h, buffer);
  fail_unless(out != NULL);
  gint cluster = result_of(out, 0).cluster;
  gst_buffer_unref(out);
  return cluster;
}

#endif
