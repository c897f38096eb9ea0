/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_EMBED_FRAME_H
#define GST_EMBED_FRAME_H

#include "common/region-iter.h"
#include "embed-tracks.h"
#include "meta/driftcluster.h"
#include "stream/encoder.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* What `embed` counts, for one frame or summed over the stream. */
typedef struct {
  guint64 frames;
  guint64 regions;
  guint64 embedded;
  guint64 reused;
  guint64 skipped;
  guint64 shed;
  guint64 bad_regions;
  guint64 small_regions;
  guint64 unsure_regions;
  guint64 surplus_regions;
  guint64 not_finite;
  guint64 unreadable;
} GstEmbedStats;

/* The regions of one frame on their way to embeddings, with the scratch for it. One thread. */
typedef struct GstEmbedFrame GstEmbedFrame;

/* Room for `capacity` regions; remembers the embeddings of `max_tracks` ones. */
GstEmbedFrame *gst_embed_frame_new(guint capacity, guint max_tracks);
void gst_embed_frame_free(GstEmbedFrame *self);

/* Lists the regions of `buffer` by `rules`, of which max_regions is replaced by the capacity.
 * Returns their number; what was found and left out is put in `counts`. */
guint gst_embed_frame_list(GstEmbedFrame *self, const DcRegionRules *rules,
                           const GstVideoInfo *info, GstBuffer *buffer, GstEmbedStats *counts);

/* Forgets the embeddings of earlier frames. */
void gst_embed_frame_forget(GstEmbedFrame *self);

/* How to embed a frame. */
typedef struct {
  DcEncoder *encoder;
  const GstVideoInfo *info;
  GstClockTime now; /* stream time of the frame, or NONE */
  GstEmbedReuse reuse;
} GstEmbedTask;

/* Embeds the listed regions, at least one; those whose last embedding is good enough have that one,
 * in the rows behind the new ones. Regions that get no embedding (it is not finite, or the buffer
 * does not hold a frame) keep row -1 and are counted. */
DcStatus gst_embed_frame_infer(GstEmbedFrame *self, const GstEmbedTask *task, GstBuffer *buffer,
                               GstEmbedStats *counts);

/* Puts the listed regions and their embeddings on `buffer`. */
void gst_embed_frame_attach(GstEmbedFrame *self, const GstVideoInfo *info, GstBuffer *buffer);

G_END_DECLS

#endif
