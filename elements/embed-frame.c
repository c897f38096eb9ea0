/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed-frame.h"

#include "common/frame-reader.h"

#include <string.h>

struct GstEmbedFrame {
  guint capacity;
  guint n_regions;
  DriftclusterRegion *regions;
  DcRect *rects; /* the same, as the core wants them */
  bool *valid;
  DriftclusterEmbeddingBlock *block; /* NULL: no region has an embedding */
};

GstEmbedFrame *
gst_embed_frame_new(guint capacity)
{
  GstEmbedFrame *self = g_new0(GstEmbedFrame, 1);
  self->capacity = capacity;
  self->regions = g_new(DriftclusterRegion, capacity);
  self->rects = g_new(DcRect, capacity);
  self->valid = g_new(bool, capacity);
  return self;
}

void
gst_embed_frame_free(GstEmbedFrame *self)
{
  g_clear_pointer(&self->block, driftcluster_embedding_block_unref);
  g_free(self->regions);
  g_free(self->rects);
  g_free(self->valid);
  g_free(self);
}

guint
gst_embed_frame_list(GstEmbedFrame *self, const DcRegionRules *rules, const GstVideoInfo *info,
                     GstBuffer *buffer, GstEmbedStats *counts)
{
  g_clear_pointer(&self->block, driftcluster_embedding_block_unref);
  DcRegionRules bounded = *rules;
  bounded.max_regions = self->capacity;
  DcRegionIter iter;
  dc_region_iter_init(&iter, &bounded, buffer, GST_VIDEO_INFO_WIDTH(info),
                      GST_VIDEO_INFO_HEIGHT(info));
  DriftclusterRegion region;
  for (self->n_regions = 0; dc_region_iter_next(&iter, &region); self->n_regions++) {
    self->regions[self->n_regions] = region;
    self->rects[self->n_regions] = (DcRect){region.x, region.y, region.width, region.height};
  }
  counts->regions = iter.found;
  counts->bad_regions = iter.bad;
  counts->surplus_regions = iter.surplus;
  return self->n_regions;
}

/* Moves the valid rows of the block together and gives each region its row. */
static void
gst_embed_frame_compact(GstEmbedFrame *self)
{
  DriftclusterEmbeddingBlock *block = self->block;
  guint rows = 0;
  for (guint i = 0; i < self->n_regions; i++) {
    if (!self->valid[i])
      continue;
    if (rows != i)
      memcpy(block->data + (gsize)rows * block->dim, block->data + (gsize)i * block->dim,
             block->dim * sizeof *block->data);
    self->regions[i].row = (gint)rows++;
  }
  block->rows = rows;
}

DcStatus
gst_embed_frame_infer(GstEmbedFrame *self, DcEncoder *encoder, const GstVideoInfo *info,
                      GstBuffer *buffer, GstEmbedStats *counts)
{
  DcFrameReader reader;
  if (!dc_frame_reader_open(&reader, info, buffer)) {
    counts->unreadable = 1;
    return DC_OK;
  }
  self->block = driftcluster_embedding_block_new(self->n_regions, (guint)dc_encoder_dim(encoder),
                                                 dc_encoder_id(encoder));
  DcStatus status = DC_ERROR_MEMORY;
  if (self->block)
    status = dc_encoder_run(encoder, &reader.image, self->rects, self->n_regions, self->block->data,
                            self->valid);
  dc_frame_reader_close(&reader);

  if (status == DC_OK) {
    gst_embed_frame_compact(self);
    counts->embedded = self->block->rows;
    counts->not_finite = dc_encoder_not_finite(encoder);
  }
  if (counts->embedded == 0)
    g_clear_pointer(&self->block, driftcluster_embedding_block_unref);
  return status;
}

void
gst_embed_frame_attach(GstEmbedFrame *self, const GstVideoInfo *info, GstBuffer *buffer)
{
  driftcluster_buffer_add_embedding_meta(buffer, GST_VIDEO_INFO_WIDTH(info),
                                         GST_VIDEO_INFO_HEIGHT(info), self->regions,
                                         self->n_regions, self->block);
  /* The buffer alone keeps the block from now on. */
  g_clear_pointer(&self->block, driftcluster_embedding_block_unref);
}
