/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/foreign-embeddings.h"

#include "stream/adapter.h"

/* One way to go through tensors, of a region of interest or of a buffer: FALSE after the last. */
typedef gboolean (*NextTensor)(gpointer source, DcForeignTensor *tensor);

/* Why tensors that were seen are none to take. */
static DcStatus
refuse(const DcForeignRules *rules, const DcForeignTensor *seen, guint rows, DcError *error)
{
  g_autofree gchar *text = dc_foreign_tensor_describe(seen);
  if (rules->tensor)
    return dc_error_set(
        error, DC_ERROR_MISMATCH,
        "the tensor %s holds no embeddings: wanted are %u vector(s) of float32; name "
        "another one in tensor-name, or set tensor-region",
        text, rows);
  return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                      "the buffers bring tensors, such as %s, but none that holds %u vector(s) of "
                      "float32: clusters need such embeddings, or the element embed",
                      text, rows);
}

static DcStatus
refuse_two(const DcForeignTensor *first, const DcForeignTensor *second, DcError *error)
{
  g_autofree gchar *one = dc_foreign_tensor_describe(first);
  g_autofree gchar *other = dc_foreign_tensor_describe(second);
  return dc_error_set(error, DC_ERROR_MISMATCH,
                      "the tensors %s and %s may both be embeddings: name one in tensor-name", one,
                      other);
}

/* Finds the tensor of `rows` embeddings that the rules want. DC_ERROR_NOT_FOUND, without a text,
 * when `source` has no tensor that could be meant. */
static DcStatus
choose(const DcForeignRules *rules, NextTensor next, gpointer source, guint rows,
       DcForeignTensor *chosen, guint *dim, DcError *error)
{
  DcForeignTensor tensor, seen;
  gboolean found = FALSE, saw = FALSE;
  guint length;
  while (next(source, &tensor)) {
    if (rules->tensor ? !g_str_equal(tensor.name, rules->tensor) : tensor.is_result)
      continue;
    if (!dc_foreign_tensor_fits(&tensor, rows, &length)) {
      seen = tensor;
      saw = TRUE;
    } else if (found) {
      return refuse_two(chosen, &tensor, error);
    } else {
      *chosen = tensor;
      *dim = length;
      found = TRUE;
    }
  }
  if (found)
    return DC_OK;
  return saw ? refuse(rules, &seen, rows, error) : DC_ERROR_NOT_FOUND;
}

/* A name that is too long for a state file is told by its checksum. */
static gchar *
encoder_of(const DcForeignTensor *tensor)
{
  g_autofree gchar *name = g_strdup_printf("tensor:%s:%s", tensor->model, tensor->name);
  if (strlen(name) < DC_ENCODER_NAME_SIZE)
    return g_steal_pointer(&name);
  g_autofree gchar *checksum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
  return g_strdup_printf("tensor:%s", checksum);
}

static DcStatus
make_block(const DcForeignTensor *tensor, guint rows, guint dim, DcForeignEmbeddings *found,
           DcError *error)
{
  g_autofree gchar *encoder = encoder_of(tensor);
  found->block = driftcluster_embedding_block_new(rows, dim, encoder);
  if (!found->block)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %u embeddings of %u numbers", rows,
                        dim);
  return DC_OK;
}

/* --- Tensors of regions of interest --- */

static gboolean
next_of_params(gpointer source, DcForeignTensor *tensor)
{
  GList **params = source;
  while (*params) {
    const GstStructure *param = (*params)->data;
    *params = (*params)->next;
    if (dc_foreign_tensor_from_param(param, tensor))
      return TRUE;
  }
  return FALSE;
}

/* Copies the embedding of one region into the next row of the block, which the first one makes with
 * room for `rows`. */
static DcStatus
take_row(const DcForeignTensor *tensor, guint dim, guint rows, DcForeignEmbeddings *found,
         guint *row, DcError *error)
{
  if (!found->block) {
    DcStatus status = make_block(tensor, rows, dim, found, error);
    if (status != DC_OK)
      return status;
  }
  if (dim != found->block->dim)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "regions of one frame bring embeddings of %u and of %u numbers: they must "
                        "be of one model; name its output in tensor-name",
                        found->block->dim, dim);
  dc_foreign_tensor_copy(tensor, found->block->data + (gsize)*row * dim);
  (*row)++;
  return DC_OK;
}

static DcStatus
read_region(const DcForeignRules *rules, const GstVideoRegionOfInterestMeta *roi, guint rows,
            DcForeignEmbeddings *found, guint *row, DcError *error)
{
  GList *params = roi->params;
  DcForeignTensor tensor;
  guint dim;
  DcStatus status = choose(rules, next_of_params, &params, 1, &tensor, &dim, error);
  return status == DC_OK ? take_row(&tensor, dim, rows, found, row, error) : status;
}

/* Regions without an embedding are listed all the same. DC_ERROR_UNSUPPORTED, with a text, only
 * when no region has one. */
static DcStatus
read_region_tensors(const DcForeignRules *rules, DcRegionIter *iter, guint rows,
                    DcForeignEmbeddings *found, DcError *error)
{
  DcStatus outcome = DC_ERROR_NOT_FOUND;
  DriftclusterRegion region;
  guint row = 0;
  while (dc_region_iter_next(iter, &region)) {
    guint before = row;
    DcStatus status = read_region(rules, iter->roi, rows, found, &row, error);
    if (status == DC_ERROR_UNSUPPORTED)
      outcome = status;
    else if (status != DC_OK && status != DC_ERROR_NOT_FOUND)
      return status;
    region.row = row > before ? (gint)before : -1;
    found->regions[found->n_regions++] = region;
  }
  if (!found->block)
    return outcome;
  found->block->rows = row;
  return DC_OK;
}

/* --- Tensors of the buffer --- */

typedef struct {
  const DcAnalyticsBridge *analytics;
  GstBuffer *buffer;
  gsize index;
} BufferTensors;

static gboolean
next_of_buffer(gpointer source, DcForeignTensor *tensor)
{
  BufferTensors *tensors = source;
  return tensors->analytics->get_tensor(tensors->buffer, tensors->index++, tensor);
}

/* Gives each region its row; those that were left out have rows too. */
static DcStatus
read_buffer_tensors(const DcForeignRules *rules, DcRegionIter *iter, guint rows,
                    DcForeignEmbeddings *found, DcError *error)
{
  BufferTensors tensors = {rules->analytics, iter->buffer, 0};
  DcForeignTensor tensor;
  guint dim;
  DcStatus status = choose(rules, next_of_buffer, &tensors, rows, &tensor, &dim, error);
  if (status == DC_OK)
    status = make_block(&tensor, rows, dim, found, error);
  if (status != DC_OK)
    return status;
  dc_foreign_tensor_copy(&tensor, found->block->data);
  DriftclusterRegion region;
  while (dc_region_iter_next(iter, &region)) {
    region.row = (gint)iter->next - 1;
    found->regions[found->n_regions++] = region;
  }
  return DC_OK;
}

/* --- Both --- */

static DcRegionIter
iterate(const DcForeignRules *rules, DcInferenceRegion where, GstBuffer *buffer, gint width,
        gint height)
{
  DcRegionRules regions = {.where = where,
                           .max_regions = DRIFTCLUSTER_MAX_REGIONS,
                           .analytics = rules->analytics};
  DcRegionIter iter;
  dc_region_iter_init(&iter, &regions, buffer, width, height);
  return iter;
}

/* How many regions of interest or detections there are, those without a pixel included. */
static guint
count_listed(DcRegionIter iter)
{
  DriftclusterRegion region;
  while (dc_region_iter_next(&iter, &region))
    ;
  return iter.next;
}

static void
make_room(DcForeignEmbeddings *found, guint regions)
{
  dc_foreign_embeddings_clear(found);
  found->regions = g_new(DriftclusterRegion, MIN(regions, DRIFTCLUSTER_MAX_REGIONS));
}

static DcStatus
read_region_metas(const DcForeignRules *rules, GstBuffer *buffer, gint width, gint height,
                  DcForeignEmbeddings *found, DcError *error)
{
  if (!gst_buffer_get_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
    return DC_ERROR_NOT_FOUND;
  DcRegionIter iter = iterate(rules, DC_INFERENCE_REGION_ROI_LIST, buffer, width, height);
  guint rows = count_listed(iter);
  make_room(found, rows);
  return read_region_tensors(rules, &iter, rows, found, error);
}

static DcStatus
read_buffer_meta(const DcForeignRules *rules, GstBuffer *buffer, gint width, gint height,
                 DcForeignEmbeddings *found, DcError *error)
{
  if (!rules->analytics)
    return DC_ERROR_NOT_FOUND;
  DcRegionIter iter = iterate(rules, rules->where, buffer, width, height);
  guint rows = rules->where == DC_INFERENCE_REGION_FULL_FRAME ? 1 : count_listed(iter);
  if (rows == 0)
    return DC_ERROR_NOT_FOUND;
  make_room(found, rows);
  return read_buffer_tensors(rules, &iter, rows, found, error);
}

DcStatus
dc_foreign_embeddings_read(const DcForeignRules *rules, GstBuffer *buffer, gint width, gint height,
                           DcForeignEmbeddings *found, DcError *error)
{
  *found = (DcForeignEmbeddings){0};
  DcStatus of_regions = read_region_metas(rules, buffer, width, height, found, error);
  if (of_regions != DC_ERROR_NOT_FOUND && of_regions != DC_ERROR_UNSUPPORTED)
    return of_regions;
  DcStatus of_buffer = read_buffer_meta(rules, buffer, width, height, found, error);
  DcStatus status = of_buffer == DC_ERROR_NOT_FOUND ? of_regions : of_buffer;
  return status == DC_ERROR_NOT_FOUND ? DC_OK : status;
}

void
dc_foreign_embeddings_clear(DcForeignEmbeddings *found)
{
  g_clear_pointer(&found->regions, g_free);
  g_clear_pointer(&found->block, driftcluster_embedding_block_unref);
  found->n_regions = 0;
}
