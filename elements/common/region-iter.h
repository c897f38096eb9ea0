/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_REGION_ITER_H
#define DC_ELEMENTS_REGION_ITER_H

#include "common/analytics-bridge.h"
#include "meta/embedding-meta.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Which parts of a frame are looked at. */
typedef enum {
  DC_INFERENCE_REGION_FULL_FRAME, /* the frame as one region */
  DC_INFERENCE_REGION_TILES,      /* a grid over the frame */
  DC_INFERENCE_REGION_ROI_LIST    /* each GstVideoRegionOfInterestMeta of the buffer; on one that
                                     has none, each detection of the analytics library */
} DcInferenceRegion;

/* The enumeration with nicks `full-frame`, `tiles`, `roi-list`. */
#define DC_TYPE_INFERENCE_REGION (dc_inference_region_get_type())
GType dc_inference_region_get_type(void);

#define DC_TILES_MAX 64 /* columns, and rows: together no more than DRIFTCLUSTER_MAX_REGIONS */

typedef struct {
  DcInferenceRegion where;
  guint columns, rows;                /* of TILES, 1..DC_TILES_MAX */
  GQuark object_class;                /* ROI_LIST: only regions of this type; 0: all */
  guint min_size;                     /* ROI_LIST: of the shorter side in the frame, in pixels */
  gdouble min_confidence;             /* ROI_LIST: of the detector, 0..1, where it tells one */
  guint max_regions;                  /* of one frame */
  const DcAnalyticsBridge *analytics; /* ROI_LIST: the way to detections; NULL: none */
} DcRegionRules;

/* Reads "COLUMNSxROWS"; FALSE, with both left alone, for anything else or a number outside
 * 1..DC_TILES_MAX. */
gboolean dc_tiles_from_string(const gchar *text, guint *columns, guint *rows);

/* Goes through the regions of one frame, clipped to it. Lives on the stack; the buffer's metas must
 * not change while it runs. */
typedef struct {
  DcRegionRules rules;
  GstBuffer *buffer;
  gint width, height;
  guint next;                        /* how many tiles or regions of interest were looked at */
  gpointer state;                    /* of the iteration over metas */
  GstVideoRegionOfInterestMeta *roi; /* that the last region was made of; NULL: of something else */
  gdouble confidence;                /* of the last region by its detector */
  guint found;                       /* regions given */
  guint bad;                         /* skipped, because no pixel of them lies inside the frame */
  guint small;                       /* skipped, because of rules.min_size */
  guint unsure;                      /* skipped, because of rules.min_confidence */
  guint surplus;                     /* skipped beyond rules.max_regions; bad ones included */
} DcRegionIter;

/* Starts at the first region of a frame of width x height pixels. */
void dc_region_iter_init(DcRegionIter *iter, const DcRegionRules *rules, GstBuffer *buffer,
                         gint width, gint height);

/* Writes the next region, with row -1; FALSE after the last. Its roi_id is that of the region of
 * interest or of the detection, else -1. Its key is
 *  - 0 for the frame, the tile's number (row by row) for a tile;
 *  - for a region of interest the tracker's number (param `object_id`, field `id`, as DL Streamer
 *    writes it), else the meta's id where it is > 0 (GStreamer sets 0 when the detector sets
 *    none), else its place among the regions of interest of the frame, above all ids;
 *  - for a detection the tracker's number, else its place likewise. */
gboolean dc_region_iter_next(DcRegionIter *iter, DriftclusterRegion *region);

/* The key of a region of interest without an identity of its own, at place `index`. */
#define DC_REGION_KEY_UNNAMED(index) ((G_GUINT64_CONSTANT(1) << 32) + (index))

/* By what `region` is known again on other frames: its key among the regions of its type, because
 * two detectors may give the same number to two things. For this process only, as quarks are. FALSE
 * for a region without an identity: at its place there is another one on the next frame. */
gboolean dc_region_track(const DriftclusterRegion *region, guint64 *track);

G_END_DECLS

#endif
