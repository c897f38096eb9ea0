/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed-tracks.h"

#include "common/region-iter.h"
#include "common/track-table.h"

#include <string.h>

typedef struct {
  GstClockTime time; /* of the frame that it was embedded on */
  guint64 area;      /* of it there, in pixels */
  gfloat embedding[];
} Track;

struct GstEmbedTracks {
  guint capacity;
  DcTrackTable *tracks; /* NULL before the first encoder */
  const gchar *encoder; /* interned */
  guint dim;
};

GstEmbedTracks *
gst_embed_tracks_new(guint capacity)
{
  GstEmbedTracks *self = g_new0(GstEmbedTracks, 1);
  self->capacity = capacity;
  return self;
}

void
gst_embed_tracks_free(GstEmbedTracks *self)
{
  if (!self)
    return;
  dc_track_table_free(self->tracks);
  g_free(self);
}

void
gst_embed_tracks_clear(GstEmbedTracks *self)
{
  if (self->tracks)
    dc_track_table_clear(self->tracks);
}

void
gst_embed_tracks_use(GstEmbedTracks *self, const gchar *encoder, guint dim)
{
  encoder = g_intern_string(encoder);
  if (self->tracks && encoder == self->encoder && dim == self->dim)
    return;
  dc_track_table_free(self->tracks);
  self->tracks = dc_track_table_new(self->capacity, sizeof(Track) + dim * sizeof(gfloat));
  self->encoder = encoder;
  self->dim = dim;
}

static guint64
area_of(const DriftclusterRegion *region)
{
  return (guint64)region->width * (guint64)region->height;
}

const gfloat *
gst_embed_tracks_find(GstEmbedTracks *self, const DriftclusterRegion *region, GstClockTime now,
                      const GstEmbedReuse *reuse)
{
  guint64 id;
  if (reuse->interval == 0 || !GST_CLOCK_TIME_IS_VALID(now) || !dc_region_track(region, &id))
    return NULL;
  const Track *track = dc_track_table_see(self->tracks, id);
  if (!track || now < track->time || now - track->time >= reuse->interval)
    return NULL;
  gboolean grown = (gdouble)area_of(region) > (gdouble)track->area * (1.0 + reuse->growth);
  return grown ? NULL : track->embedding;
}

void
gst_embed_tracks_note(GstEmbedTracks *self, const DriftclusterRegion *region,
                      const gfloat *embedding, GstClockTime now)
{
  guint64 id;
  if (!GST_CLOCK_TIME_IS_VALID(now) || !dc_region_track(region, &id))
    return;
  Track *track = dc_track_table_take(self->tracks, id);
  if (!track)
    return;
  track->time = now;
  track->area = area_of(region);
  memcpy(track->embedding, embedding, self->dim * sizeof *embedding);
}
