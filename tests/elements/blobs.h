/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_BLOBS_H
#define DC_TESTS_BLOBS_H

#include "base/random.h"
#include "meta/driftcluster.h"
#include "stream/snapshot_builder.h"

#include <gst/gst.h>
#include <string.h>

/* Embeddings that tests know the clusters of: blob b lies round BLOBS_RADIUS on axis b, all blobs
 * shifted by `shift` on the last axis. They are far apart compared with their noise, so that every
 * method that works at all finds them. */
#define BLOBS_RADIUS  10.0f
#define BLOBS_NOISE   0.5f
#define BLOBS_ENCODER "test-encoder"
#define BLOBS_WIDTH   64
#define BLOBS_HEIGHT  48

typedef struct {
  guint blobs, dim; /* dim > blobs */
  const gchar *encoder;
  gfloat shift;
  DcRandom random;
} Blobs;

static inline Blobs
blobs_of(guint blobs, guint dim)
{
  Blobs result = {.blobs = blobs, .dim = dim, .encoder = BLOBS_ENCODER};
  dc_random_seed(&result.random, 7, 1);
  return result;
}

/* The middle of blob `blob`. */
static inline void
blobs_centre(const Blobs *blobs, guint blob, gfloat *centre)
{
  memset(centre, 0, blobs->dim * sizeof *centre);
  centre[blob] = BLOBS_RADIUS;
  centre[blobs->dim - 1] += blobs->shift;
}

static inline void
blobs_draw(Blobs *blobs, guint blob, gfloat *embedding)
{
  blobs_centre(blobs, blob, embedding);
  for (guint i = 0; i < blobs->dim; i++)
    embedding[i] += BLOBS_NOISE * (gfloat)dc_random_normal(&blobs->random);
}

/* One embedding of the middle of each of `n` blobs. */
static inline DriftclusterEmbeddingBlock *
blobs_centres(const Blobs *blobs, const guint *which, guint n)
{
  DriftclusterEmbeddingBlock *block =
      driftcluster_embedding_block_new(n, blobs->dim, blobs->encoder);
  for (guint i = 0; i < n; i++)
    blobs_centre(blobs, which[i], block->data + i * blobs->dim);
  return block;
}

/* A frame at `frame` * 40 ms without memory. */
static inline GstBuffer *
blobs_frame(guint frame)
{
  GstBuffer *buffer = gst_buffer_new();
  GST_BUFFER_PTS(buffer) = frame * 40 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
  return buffer;
}

/* Hangs `n` regions with the rows of `block` (transfer full) on `buffer`: region i has key i, and
 * is the i-th column of pixels. */
static inline void
blobs_attach(GstBuffer *buffer, DriftclusterEmbeddingBlock *block)
{
  g_autofree DriftclusterRegion *regions = g_new0(DriftclusterRegion, block->rows);
  for (guint i = 0; i < block->rows; i++)
    regions[i] = (DriftclusterRegion){(gint)i % BLOBS_WIDTH,
                                      0,
                                      1,
                                      BLOBS_HEIGHT,
                                      i,
                                      g_quark_from_static_string("tile"),
                                      -1,
                                      (gint)i};
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, regions, block->rows,
                                         block);
  driftcluster_embedding_block_unref(block);
}

/* Frame `frame` with `n` regions, whose blobs take turns. */
static inline GstBuffer *
blobs_buffer(Blobs *blobs, guint frame, guint n)
{
  GstBuffer *buffer = blobs_frame(frame);
  DriftclusterEmbeddingBlock *block =
      driftcluster_embedding_block_new(n, blobs->dim, blobs->encoder);
  for (guint i = 0; i < n; i++)
    blobs_draw(blobs, (frame + i) % blobs->blobs, block->data + i * blobs->dim);
  blobs_attach(buffer, block);
  return buffer;
}

/* A snapshot whose cluster i is centred on blob order[i] (NULL: i), with the label "cluster-<i>"
 * and the identity "blob-<order[i]>". Its members lie evenly at distances of 0 to 2. */
static inline DcSnapshot *
blobs_snapshot(const Blobs *blobs, const guint *order, guint64 version)
{
  g_autofree gfloat *centroids = g_new(gfloat, blobs->blobs * blobs->dim);
  g_autofree DcClusterInfo *infos = g_new0(DcClusterInfo, blobs->blobs);
  g_autofree DcSurvival *survival = g_new0(DcSurvival, blobs->blobs);
  gfloat distances[100];
  for (guint i = 0; i < G_N_ELEMENTS(distances); i++)
    distances[i] = 0.02f * (gfloat)(i + 1);
  for (guint i = 0; i < blobs->blobs; i++) {
    guint blob = order ? order[i] : i;
    blobs_centre(blobs, blob, centroids + i * blobs->dim);
    g_snprintf(infos[i].uuid, sizeof infos[i].uuid, "blob-%u", blob);
    g_snprintf(infos[i].label, sizeof infos[i].label, "cluster-%u", i);
    infos[i].spread = 1;
    dc_survival_measure(&survival[i], distances, G_N_ELEMENTS(distances));
  }
  DcSnapshotParts parts = {.version = version,
                           .encoder = blobs->encoder,
                           .centroids = dc_matrix(centroids, blobs->blobs, blobs->dim),
                           .infos = infos,
                           .survival = survival,
                           .temperature = 2};
  return dc_snapshot_new(&parts);
}

/* Ends the program with what an error message says. */
static inline void
blobs_fail(GstMessage *message)
{
  g_autoptr(GError) error = NULL;
  gst_message_parse_error(message, &error, NULL);
  g_error("%s", error->message);
}

#endif
