/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIFTCLUSTER_EMBEDDING_META_H
#define DRIFTCLUSTER_EMBEDDING_META_H

#include "api.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * DRIFTCLUSTER_EMBEDDING_META_API_NAME:
 *
 * Name of the meta API type, frozen. Tags: video, size, orientation.
 */
#define DRIFTCLUSTER_EMBEDDING_META_API_NAME "DriftclusterEmbeddingMetaAPI"

#define DRIFTCLUSTER_TYPE_EMBEDDING_BLOCK (driftcluster_embedding_block_get_type())

typedef struct _DriftclusterEmbeddingBlock DriftclusterEmbeddingBlock;

/**
 * DriftclusterEmbeddingBlock:
 * @data: (array) (element-type gfloat): @rows x @dim numbers, row-major, 64-byte aligned
 * @rows: embeddings in the block
 * @dim: numbers in each
 * @encoder: identity of the encoder that made them
 * @reused: how many of the rows, the last ones, were made for an earlier frame; nothing new is to
 *     be learnt from them
 *
 * A refcounted block of embeddings. Written by its creator before it is shared, constant after.
 *
 * Since: 0.1
 */
struct _DriftclusterEmbeddingBlock {
  gfloat *data;
  guint rows;
  guint dim;
  const gchar *encoder; /* interned */
  guint reused;

  /*< private >*/
  gint ref_count;
  gpointer _reserved[4];
};

DRIFTCLUSTER_API GType driftcluster_embedding_block_get_type(void);
DRIFTCLUSTER_API DriftclusterEmbeddingBlock *driftcluster_embedding_block_new(guint rows, guint dim,
                                                                              const gchar *encoder);
DRIFTCLUSTER_API DriftclusterEmbeddingBlock *
driftcluster_embedding_block_ref(DriftclusterEmbeddingBlock *block);
DRIFTCLUSTER_API void driftcluster_embedding_block_unref(DriftclusterEmbeddingBlock *block);
DRIFTCLUSTER_API const gfloat *
driftcluster_embedding_block_get_row(const DriftclusterEmbeddingBlock *block, guint row,
                                     guint *dim);

typedef struct _DriftclusterRegion DriftclusterRegion;

/**
 * DriftclusterRegion:
 * @x: left edge in pixels of the meta's frame size, >= 0
 * @y: top edge, >= 0
 * @width: in pixels, >= 1; the region lies inside the frame
 * @height: in pixels, >= 1
 * @key: the same for the same thing on every frame: tile number, track or region id
 * @roi_type: quark of the detector's type, "frame" or "tile" for regions of our own
 * @roi_id: id of the #GstVideoRegionOfInterestMeta, or -1
 * @row: row in the block, or -1 when this frame has no embedding of the region
 *
 * Since: 0.1
 */
struct _DriftclusterRegion {
  gint x, y, width, height;
  guint64 key;
  GQuark roi_type;
  gint roi_id;
  gint row;
};

typedef struct _DriftclusterEmbeddingMeta DriftclusterEmbeddingMeta;

/**
 * DriftclusterEmbeddingMeta:
 * @meta: parent
 * @width: of the frame that the boxes refer to
 * @height: of that frame
 * @n_regions: number of regions
 * @regions: (array length=n_regions): the region table
 * @block: (nullable): the embeddings, %NULL when no region has one on this frame
 *
 * At most one per buffer. Scaling moves the boxes; a change of geometry that is not understood
 * drops the meta.
 *
 * Since: 0.1
 */
struct _DriftclusterEmbeddingMeta {
  GstMeta meta;
  gint width, height;
  guint n_regions;
  DriftclusterRegion *regions;
  DriftclusterEmbeddingBlock *block;
};

DRIFTCLUSTER_API GType driftcluster_embedding_meta_api_get_type(void);
DRIFTCLUSTER_API const GstMetaInfo *driftcluster_embedding_meta_get_info(void);

DRIFTCLUSTER_API DriftclusterEmbeddingMeta *
driftcluster_buffer_add_embedding_meta(GstBuffer *buffer, gint width, gint height,
                                       const DriftclusterRegion *regions, guint n_regions,
                                       DriftclusterEmbeddingBlock *block);
DRIFTCLUSTER_API DriftclusterEmbeddingMeta *
driftcluster_buffer_get_embedding_meta(GstBuffer *buffer);
DRIFTCLUSTER_API const DriftclusterRegion *
driftcluster_embedding_meta_get_region(const DriftclusterEmbeddingMeta *meta, guint index);
DRIFTCLUSTER_API const gfloat *
driftcluster_embedding_meta_get_embedding(const DriftclusterEmbeddingMeta *meta, guint index,
                                          guint *dim);

G_END_DECLS

#endif
