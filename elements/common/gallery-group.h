/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_GROUP_H
#define DC_ELEMENTS_GALLERY_GROUP_H

#include "meta/results-meta.h"

G_BEGIN_DECLS

#define DC_GALLERY_MOST_EXEMPLARS 100

/* One region of one buffer, as a gallery looks at it. */
typedef struct {
  const DriftclusterResult *result; /* of a cluster: result->cluster >= 0 */
  GstClockTime time;                /* stream time, or NONE */
  guint64 position; /* place in the stream, different for each region: near ones are near in time */
} DcSighting;

/* A picture of a group. */
typedef struct {
  guint64 number; /* names its file, and no other one of the gallery */
  guint64 position;
  GstClockTime time;
  gint percent; /* how sure, 0..100 */
  gdouble distance;
  gboolean novel;
  gint width, height; /* of the picture in pixels */
  gboolean written;   /* its file is there */
} DcExemplar;

typedef enum {
  DC_GROUP_PRESENT, /* one of the clusters, as far as is known */
  DC_GROUP_GONE,    /* merged into another cluster, or retired */
  DC_GROUP_IGNORED  /* marked as of no interest */
} DcGroupState;

/* What a gallery knows of one cluster. */
typedef struct {
  gchar *uuid;   /* NULL: it has none, and its index tells it from others */
  gchar *folder; /* of its pictures: made of the uuid, safe as the name of a file */
  gchar *label;  /* never NULL */
  gchar *given;  /* the label that the clusters themselves say; NULL: not heard yet */
  gchar *family; /* label of the coarse group that it is in; NULL: none */
  gint index;
  guint colour; /* index into the palette */
  DcGroupState state;
  gboolean pinned;
  guint64 count;            /* regions assigned to it by embeddings of their own */
  guint64 novel;            /* those among them that fit no cluster */
  gdouble sure;             /* sum of their confidences */
  GstClockTime first, last; /* stream times, the earliest and the latest; NONE: unknown */
  guint64 seen;             /* position of the last sighting */
  guint span;               /* each exemplar is the best of a time of 2^span positions */
  GArray *exemplars;        /* DcExemplar, by position */
} DcGalleryGroup;

DcGalleryGroup *dc_gallery_group_new(const DriftclusterResult *result, guint colour);
void dc_gallery_group_free(DcGalleryGroup *group); /* NULL is ignored */

/* Whether the region belongs to this group: same uuid, or same index where there is none. */
gboolean dc_gallery_group_is_of(const DcGalleryGroup *group, const DriftclusterResult *result);

/* Counts the region and takes over its label. */
void dc_gallery_group_count(DcGalleryGroup *group, const DcSighting *sighting);

/* An exemplar of `sighting`, without number and size. */
DcExemplar dc_exemplar(const DcSighting *sighting);

/* Whether `exemplar` would be kept among at most `most` ones. Time is cut into spans of equal
 * length, and the best of each is kept: one that is not novel before one that is, then the surer
 * one in whole percent, then the one nearer to the centroid, then the earlier one. Spans grow
 * twofold as often as there would be more than `most`, so that the pictures are spread over all the
 * time that the group was seen in, and a stream of n frames brings O(most log n) changes. */
gboolean dc_gallery_group_wants(const DcGalleryGroup *group, const DcExemplar *exemplar,
                                guint most);

/* Told of each exemplar that left. */
typedef void (*DcExemplarGone)(const DcGalleryGroup *group, const DcExemplar *exemplar,
                               gpointer user_data);

/* Puts in an exemplar that is wanted; others may leave for it. */
void dc_gallery_group_admit(DcGalleryGroup *group, const DcExemplar *exemplar, guint most,
                            DcExemplarGone gone, gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGalleryGroup, dc_gallery_group_free)

G_END_DECLS

#endif
