/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embedding-meta.h"

#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>

/* A cache line, and the widest vector register. */
#define BLOCK_ALIGNMENT 64

G_DEFINE_BOXED_TYPE(DriftclusterEmbeddingBlock, driftcluster_embedding_block,
                    driftcluster_embedding_block_ref, driftcluster_embedding_block_unref)

/* Rounds up to whole cache lines, which aligned_alloc() wants as well. */
static gsize
round_up(gsize size)
{
  return (size + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
}

/**
 * driftcluster_embedding_block_new:
 * @rows: embeddings in the block
 * @dim: numbers in each, at least 1
 * @encoder: identity of the encoder that makes them; interned, so that it should be one of few
 *
 * Makes a block of zeros. Write to its data before it is shared.
 *
 * Returns: (transfer full) (nullable): the block, or %NULL when there is no memory of that size
 *
 * Since: 0.1
 */
DriftclusterEmbeddingBlock *
driftcluster_embedding_block_new(guint rows, guint dim, const gchar *encoder)
{
  g_return_val_if_fail(dim > 0, NULL);
  g_return_val_if_fail(encoder != NULL, NULL);

  gsize header = round_up(sizeof(DriftclusterEmbeddingBlock));
  if (rows > (G_MAXSIZE - header - BLOCK_ALIGNMENT) / sizeof(gfloat) / dim)
    return NULL;
  gsize size = header + round_up((gsize)rows * dim * sizeof(gfloat));
  /* One allocation: the numbers follow the header. */
  DriftclusterEmbeddingBlock *block = aligned_alloc(BLOCK_ALIGNMENT, size);
  if (!block)
    return NULL;
  memset(block, 0, size);
  block->data = (gfloat *)((guint8 *)block + header);
  block->rows = rows;
  block->dim = dim;
  block->encoder = g_intern_string(encoder);
  block->ref_count = 1;
  return block;
}

/**
 * driftcluster_embedding_block_ref:
 * @block: a block
 *
 * Takes a reference. Any thread.
 *
 * Returns: (transfer full): @block
 *
 * Since: 0.1
 */
DriftclusterEmbeddingBlock *
driftcluster_embedding_block_ref(DriftclusterEmbeddingBlock *block)
{
  g_return_val_if_fail(block != NULL, NULL);
  g_atomic_int_inc(&block->ref_count);
  return block;
}

/**
 * driftcluster_embedding_block_unref:
 * @block: (transfer full): a block
 *
 * Gives a reference back; the last one frees the block. Any thread.
 *
 * Since: 0.1
 */
void
driftcluster_embedding_block_unref(DriftclusterEmbeddingBlock *block)
{
  g_return_if_fail(block != NULL);
  if (g_atomic_int_dec_and_test(&block->ref_count))
    free(block);
}

/**
 * driftcluster_embedding_block_get_row:
 * @block: a block
 * @row: which embedding
 * @dim: (out) (optional): the numbers in it
 *
 * Returns: (array length=dim) (transfer none) (nullable): the embedding, or %NULL when the block
 *   has no such row
 *
 * Since: 0.1
 */
const gfloat *
driftcluster_embedding_block_get_row(const DriftclusterEmbeddingBlock *block, guint row, guint *dim)
{
  g_return_val_if_fail(block != NULL, NULL);
  gboolean exists = row < block->rows;
  if (dim)
    *dim = exists ? block->dim : 0;
  return exists ? block->data + (gsize)row * block->dim : NULL;
}

/**
 * driftcluster_embedding_meta_api_get_type:
 *
 * Returns: the type of the meta API
 *
 * Since: 0.1
 */
GType
driftcluster_embedding_meta_api_get_type(void)
{
  static GType type;
  if (g_once_init_enter(&type)) {
    static const gchar *tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR,
                                  GST_META_TAG_VIDEO_ORIENTATION_STR, NULL};
    g_once_init_leave(&type,
                      gst_meta_api_type_register(DRIFTCLUSTER_EMBEDDING_META_API_NAME, tags));
  }
  return type;
}

static gboolean
embedding_meta_init(GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  (void)params;
  (void)buffer;
  DriftclusterEmbeddingMeta *embedding = (DriftclusterEmbeddingMeta *)meta;
  embedding->width = embedding->height = 0;
  embedding->n_regions = 0;
  embedding->regions = NULL;
  embedding->block = NULL;
  return TRUE;
}

static void
embedding_meta_free(GstMeta *meta, GstBuffer *buffer)
{
  (void)buffer;
  DriftclusterEmbeddingMeta *embedding = (DriftclusterEmbeddingMeta *)meta;
  g_free(embedding->regions);
  g_clear_pointer(&embedding->block, driftcluster_embedding_block_unref);
}

/* Moves the pixels *start .. *start + *length - 1 of an axis to one of another length. Edges are
 * rounded, not sizes, so that neighbours stay neighbours; a region keeps at least one pixel. */
static void
scale_span(gint *start, gint *length, gint from, gint to)
{
  gint64 left = ((gint64)*start * to + from / 2) / from;
  gint64 right = (((gint64)*start + *length) * to + from / 2) / from;
  left = MIN(left, to - 1);
  right = CLAMP(right, left + 1, to);
  *start = (gint)left;
  *length = (gint)(right - left);
}

static gboolean
embedding_meta_scale(DriftclusterEmbeddingMeta *meta, const GstVideoMetaTransform *scale)
{
  gint in_width = GST_VIDEO_INFO_WIDTH(scale->in_info);
  gint in_height = GST_VIDEO_INFO_HEIGHT(scale->in_info);
  gint out_width = GST_VIDEO_INFO_WIDTH(scale->out_info);
  gint out_height = GST_VIDEO_INFO_HEIGHT(scale->out_info);
  /* Boxes of another frame than the one that was scaled: where they are now is not known. */
  if (meta->width != in_width || meta->height != in_height || out_width < 1 || out_height < 1)
    return FALSE;

  for (guint i = 0; i < meta->n_regions; i++) {
    DriftclusterRegion *region = &meta->regions[i];
    scale_span(&region->x, &region->width, in_width, out_width);
    scale_span(&region->y, &region->height, in_height, out_height);
  }
  meta->width = out_width;
  meta->height = out_height;
  return TRUE;
}

/* Whether a copy takes all bytes of `buffer`; a part of a frame is not the frame of the boxes. */
static gboolean
copies_whole(const GstMetaTransformCopy *copy, GstBuffer *buffer)
{
  return !copy->region || (copy->offset == 0 &&
                           (copy->size == (gsize)-1 || copy->size == gst_buffer_get_size(buffer)));
}

static gboolean
embedding_meta_transform(GstBuffer *target, GstMeta *meta, GstBuffer *buffer, GQuark type,
                         gpointer data)
{
  DriftclusterEmbeddingMeta *source = (DriftclusterEmbeddingMeta *)meta;
  gboolean scale = GST_VIDEO_META_TRANSFORM_IS_SCALE(type);
  if (!scale && !(GST_META_TRANSFORM_IS_COPY(type) && copies_whole(data, buffer)))
    return FALSE;

  DriftclusterEmbeddingMeta *copy =
      driftcluster_buffer_add_embedding_meta(target, source->width, source->height, source->regions,
                                             source->n_regions, source->block);
  if (!copy)
    return FALSE;
  if (scale && !embedding_meta_scale(copy, data)) {
    gst_buffer_remove_meta(target, &copy->meta);
    return FALSE;
  }
  return TRUE;
}

/**
 * driftcluster_embedding_meta_get_info: (skip)
 *
 * Returns: (transfer none): the registered implementation
 *
 * Since: 0.1
 */
const GstMetaInfo *
driftcluster_embedding_meta_get_info(void)
{
  static const GstMetaInfo *info;
  if (g_once_init_enter(&info)) {
    const GstMetaInfo *registered =
        gst_meta_register(driftcluster_embedding_meta_api_get_type(), "DriftclusterEmbeddingMeta",
                          sizeof(DriftclusterEmbeddingMeta), embedding_meta_init,
                          embedding_meta_free, embedding_meta_transform);
    g_once_init_leave(&info, registered);
  }
  return info;
}

static gboolean
region_fits(const DriftclusterRegion *region, gint width, gint height,
            const DriftclusterEmbeddingBlock *block)
{
  gboolean inside = region->x >= 0 && region->y >= 0 && region->width >= 1 && region->height >= 1 &&
                    region->x <= width - region->width && region->y <= height - region->height;
  gboolean has_row =
      region->row == -1 || (region->row >= 0 && block && (guint)region->row < block->rows);
  return inside && has_row;
}

static gboolean
regions_fit(const DriftclusterRegion *regions, guint n_regions, gint width, gint height,
            const DriftclusterEmbeddingBlock *block)
{
  for (guint i = 0; i < n_regions; i++)
    if (!region_fits(&regions[i], width, height, block))
      return FALSE;
  return TRUE;
}

/**
 * driftcluster_buffer_add_embedding_meta:
 * @buffer: a writable buffer
 * @width: of the frame that the boxes refer to, in pixels
 * @height: of that frame
 * @regions: (array length=n_regions) (nullable): the region table, which is copied; each region
 * lies inside the frame, and its row in @block or is -1
 * @n_regions: number of regions, at most %DRIFTCLUSTER_MAX_REGIONS
 * @block: (nullable) (transfer none): the embeddings, of which a reference is taken; no more of its
 * rows are reused than it has
 *
 * Adds the embedding meta of @buffer, in the place of one that it has already.
 *
 * Returns: (transfer none) (nullable): the meta, or %NULL when an argument is wrong
 *
 * Since: 0.1
 */
DriftclusterEmbeddingMeta *
driftcluster_buffer_add_embedding_meta(GstBuffer *buffer, gint width, gint height,
                                       const DriftclusterRegion *regions, guint n_regions,
                                       DriftclusterEmbeddingBlock *block)
{
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  g_return_val_if_fail(gst_buffer_is_writable(buffer), NULL);
  g_return_val_if_fail(n_regions <= DRIFTCLUSTER_MAX_REGIONS, NULL);
  g_return_val_if_fail(n_regions == 0 || regions != NULL, NULL);
  g_return_val_if_fail(regions_fit(regions, n_regions, width, height, block), NULL);
  g_return_val_if_fail(!block || block->reused <= block->rows, NULL);

  DriftclusterEmbeddingMeta *earlier = driftcluster_buffer_get_embedding_meta(buffer);
  if (earlier)
    gst_buffer_remove_meta(buffer, &earlier->meta);

  DriftclusterEmbeddingMeta *meta = (DriftclusterEmbeddingMeta *)gst_buffer_add_meta(
      buffer, driftcluster_embedding_meta_get_info(), NULL);
  meta->width = width;
  meta->height = height;
  meta->n_regions = n_regions;
  meta->regions = g_memdup2(regions, n_regions * sizeof *regions);
  meta->block = block ? driftcluster_embedding_block_ref(block) : NULL;
  return meta;
}

/**
 * driftcluster_buffer_get_embedding_meta:
 * @buffer: a buffer
 *
 * Returns: (transfer none) (nullable): its embedding meta, or %NULL
 *
 * Since: 0.1
 */
DriftclusterEmbeddingMeta *
driftcluster_buffer_get_embedding_meta(GstBuffer *buffer)
{
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  return (DriftclusterEmbeddingMeta *)gst_buffer_get_meta(
      buffer, driftcluster_embedding_meta_api_get_type());
}

/**
 * driftcluster_embedding_meta_get_region:
 * @meta: an embedding meta
 * @index: which region
 *
 * Returns: (transfer none) (nullable): the region, or %NULL when there is none of that index
 *
 * Since: 0.1
 */
const DriftclusterRegion *
driftcluster_embedding_meta_get_region(const DriftclusterEmbeddingMeta *meta, guint index)
{
  g_return_val_if_fail(meta != NULL, NULL);
  return index < meta->n_regions ? &meta->regions[index] : NULL;
}

/**
 * driftcluster_embedding_meta_get_embedding:
 * @meta: an embedding meta
 * @index: which region
 * @dim: (out) (optional): the numbers in the embedding
 *
 * Returns: (array length=dim) (transfer none) (nullable): the embedding of the region, or %NULL
 * when the region has none on this frame or there is no such region
 *
 * Since: 0.1
 */
const gfloat *
driftcluster_embedding_meta_get_embedding(const DriftclusterEmbeddingMeta *meta, guint index,
                                          guint *dim)
{
  g_return_val_if_fail(meta != NULL, NULL);
  if (dim)
    *dim = 0;
  const DriftclusterRegion *region = driftcluster_embedding_meta_get_region(meta, index);
  if (!region || region->row < 0 || !meta->block)
    return NULL;
  return driftcluster_embedding_block_get_row(meta->block, (guint)region->row, dim);
}
