/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_EMBED_TRACKS_H
#define GST_EMBED_TRACKS_H

#include "meta/driftcluster.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* When a region that is followed is embedded again. */
typedef struct {
  GstClockTime interval; /* of stream time, after which it is; 0: on every frame */
  gdouble growth;        /* of its area, as a share of what it was, beyond which it is too */
} GstEmbedReuse;

/* The last embedding of each region that is followed over frames. One thread. */
typedef struct GstEmbedTracks GstEmbedTracks;

/* Remembers `capacity` regions; of more, the one seen longest ago is forgotten. */
GstEmbedTracks *gst_embed_tracks_new(guint capacity);
void gst_embed_tracks_free(GstEmbedTracks *self); /* NULL is ignored */

void gst_embed_tracks_clear(GstEmbedTracks *self);

/* Has `encoder`, of `dim` numbers, make the embeddings from now on. What another one made is
 * forgotten. */
void gst_embed_tracks_use(GstEmbedTracks *self, const gchar *encoder, guint dim);

/* The embedding of the region that is good enough at stream time `now` (or NONE), or NULL. Valid
 * until the next call. */
const gfloat *gst_embed_tracks_find(GstEmbedTracks *self, const DriftclusterRegion *region,
                                    GstClockTime now, const GstEmbedReuse *reuse);

/* Remembers an embedding that was made at stream time `now`. */
void gst_embed_tracks_note(GstEmbedTracks *self, const DriftclusterRegion *region,
                           const gfloat *embedding, GstClockTime now);

G_END_DECLS

#endif
