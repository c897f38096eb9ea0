/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed-frame.h"

#include "common/frame-reader.h"

#include <string.h>

struct GstEmbedFrame {
  guint capacity;
  guint n_regions;
  DriftclusterRegion *regions;
  GstEmbedTracks *tracks;
  /* The regions that are embedded on this frame: their numbers, as the core wants them, and
   * whether that went well. */
  guint n_fresh;
  guint *fresh;
  DcRect *rects;
  bool *valid;
  DriftclusterEmbeddingBlock *block; /* NULL: no region has an embedding */
};

GstEmbedFrame *
gst_embed_frame_new(guint capacity, guint max_tracks)
{
  GstEmbedFrame *self = g_new0(GstEmbedFrame, 1);
  self->capacity = capacity;
  self->regions = g_new(DriftclusterRegion, capacity);
  self->tracks = gst_embed_tracks_new(max_tracks);
  self->fresh = g_new(guint, capacity);
  self->rects = g_new(DcRect, capacity);
  self->valid = g_new(bool, capacity);
  return self;
}

void
gst_embed_frame_free(GstEmbedFrame *self)
{
  g_clear_pointer(&self->block, driftcluster_embedding_block_unref);
  gst_embed_tracks_free(self->tracks);
  g_free(self->regions);
  g_free(self->fresh);
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
  for (self->n_regions = 0; dc_region_iter_next(&iter, &region); self->n_regions++)
    self->regions[self->n_regions] = region;
  counts->regions = iter.found;
  counts->bad_regions = iter.bad;
  counts->small_regions = iter.small;
  counts->unsure_regions = iter.unsure;
  counts->surplus_regions = iter.surplus;
  return self->n_regions;
}

void
gst_embed_frame_forget(GstEmbedFrame *self)
{
  gst_embed_tracks_clear(self->tracks);
}

/* Puts the embeddings of earlier frames that are good enough at the end of the block, the last
 * first, and lists the other regions as fresh. */
static void
gst_embed_frame_reuse(GstEmbedFrame *self, const GstEmbedTask *task)
{
  DriftclusterEmbeddingBlock *block = self->block;
  self->n_fresh = 0;
  for (guint i = 0; i < self->n_regions; i++) {
    DriftclusterRegion *region = &self->regions[i];
    const gfloat *known = gst_embed_tracks_find(self->tracks, region, task->now, &task->reuse);
    if (known) {
      region->row = (gint)(block->rows - ++block->reused);
      memcpy(block->data + (gsize)region->row * block->dim, known, block->dim * sizeof *known);
    } else {
      self->fresh[self->n_fresh] = i;
      self->rects[self->n_fresh++] = (DcRect){region->x, region->y, region->width, region->height};
    }
  }
}

/* Embeds the fresh regions into the first rows of the block. */
static DcStatus
gst_embed_frame_run(GstEmbedFrame *self, const GstEmbedTask *task, GstBuffer *buffer,
                    GstEmbedStats *counts)
{
  DcFrameReader reader;
  memset(self->valid, 0, self->n_fresh * sizeof *self->valid);
  if (self->n_fresh == 0)
    return DC_OK;
  if (!dc_frame_reader_open(&reader, task->info, buffer)) {
    counts->unreadable = 1;
    return DC_OK;
  }
  DcStatus status = dc_encoder_run(task->encoder, &reader.image, self->rects, self->n_fresh,
                                   self->block->data, self->valid);
  dc_frame_reader_close(&reader);
  if (status == DC_OK)
    counts->not_finite = dc_encoder_not_finite(task->encoder);
  return status;
}

static gfloat *
row_of(const DriftclusterEmbeddingBlock *block, guint row)
{
  return block->data + (gsize)row * block->dim;
}

/* Moves the valid rows of the block together, those of earlier frames behind them, and gives each
 * region its row. */
static void
gst_embed_frame_compact(GstEmbedFrame *self, const GstEmbedTask *task)
{
  DriftclusterEmbeddingBlock *block = self->block;
  guint rows = 0;
  for (guint i = 0; i < self->n_fresh; i++) {
    DriftclusterRegion *region = &self->regions[self->fresh[i]];
    if (!self->valid[i])
      continue;
    memmove(row_of(block, rows), row_of(block, i), block->dim * sizeof *block->data);
    gst_embed_tracks_note(self->tracks, region, row_of(block, rows), task->now);
    region->row = (gint)rows++;
  }
  guint lost = self->n_fresh - rows;
  if (lost > 0 && block->reused > 0) {
    memmove(row_of(block, rows), row_of(block, self->n_fresh),
            (gsize)block->reused * block->dim * sizeof *block->data);
    for (guint i = 0; i < self->n_regions; i++)
      if (self->regions[i].row >= (gint)self->n_fresh)
        self->regions[i].row -= (gint)lost;
  }
  block->rows = rows + block->reused;
}

DcStatus
gst_embed_frame_infer(GstEmbedFrame *self, const GstEmbedTask *task, GstBuffer *buffer,
                      GstEmbedStats *counts)
{
  guint dim = (guint)dc_encoder_dim(task->encoder);
  const gchar *encoder = dc_encoder_id(task->encoder);
  self->block = driftcluster_embedding_block_new(self->n_regions, dim, encoder);
  if (!self->block)
    return DC_ERROR_MEMORY;
  gst_embed_tracks_use(self->tracks, encoder, dim);
  gst_embed_frame_reuse(self, task);
  DcStatus status = gst_embed_frame_run(self, task, buffer, counts);
  if (status == DC_OK) {
    gst_embed_frame_compact(self, task);
    counts->reused = self->block->reused;
    counts->embedded = self->block->rows - self->block->reused;
  }
  if (counts->embedded + counts->reused == 0)
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
