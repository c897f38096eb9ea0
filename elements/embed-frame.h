/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_EMBED_FRAME_H
#define GST_EMBED_FRAME_H

#include "common/region-iter.h"
#include "meta/driftcluster.h"
#include "stream/encoder.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* What `embed` counts, for one frame or summed over the stream. */
typedef struct {
  guint64 frames;
  guint64 regions;
  guint64 embedded;
  guint64 skipped;
  guint64 shed;
  guint64 bad_regions;
  guint64 surplus_regions;
  guint64 not_finite;
  guint64 unreadable;
} GstEmbedStats;

/* The regions of one frame on their way to embeddings, with the scratch for it. One thread. */
typedef struct GstEmbedFrame GstEmbedFrame;

/* Room for `capacity` regions. */
GstEmbedFrame *gst_embed_frame_new(guint capacity);
void gst_embed_frame_free(GstEmbedFrame *self);

/* Lists the regions of `buffer` by `rules`, of which max_regions is replaced by the capacity.
 * Returns their number; what was found and left out is put in `counts`. */
guint gst_embed_frame_list(GstEmbedFrame *self, const DcRegionRules *rules,
                           const GstVideoInfo *info, GstBuffer *buffer, GstEmbedStats *counts);

/* Embeds the listed regions, at least one. Regions that get no embedding (it is not finite, or the
 * buffer does not hold a frame) keep row -1 and are counted. */
DcStatus gst_embed_frame_infer(GstEmbedFrame *self, DcEncoder *encoder, const GstVideoInfo *info,
                               GstBuffer *buffer, GstEmbedStats *counts);

/* Puts the listed regions and their embeddings on `buffer`. */
void gst_embed_frame_attach(GstEmbedFrame *self, const GstVideoInfo *info, GstBuffer *buffer);

G_END_DECLS

#endif
