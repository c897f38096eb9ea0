/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cluster-line.h"

#include "common/json-writer.h"
#include "common/result.h"
#include "meta/embedding-meta.h"
#include "meta/results-meta.h"

#include <math.h>

#define JSON_SCHEMA 1

/* From 1900, where NTP begins, to 1970. */
#define NTP_TO_UNIX (G_GUINT64_CONSTANT(2208988800) * GST_SECOND)

/* What a line is made from. */
typedef struct {
  const DcClusterLine *line;
  GstCustomMeta *results;                /* NULL: none */
  DriftclusterEmbeddingMeta *embeddings; /* NULL: none */
} Source;

static void
write_second(DcJsonWriter *json, const DriftclusterResult *result)
{
  dc_json_write_name(json, "second");
  dc_json_open_object(json);
  dc_json_write_name(json, "id");
  dc_json_write_int(json, result->second);
  dc_json_write_name(json, "label");
  dc_json_write_string(json, result->second_label);
  dc_json_close_object(json);
  dc_json_write_name(json, "margin");
  dc_json_write_double(json, result->margin);
}

static void
write_group(DcJsonWriter *json, const DriftclusterResult *result)
{
  dc_json_write_name(json, "group");
  dc_json_open_object(json);
  dc_json_write_name(json, "uuid");
  dc_json_write_string(json, result->group_uuid);
  dc_json_write_name(json, "label");
  dc_json_write_string(json, result->group);
  dc_json_close_object(json);
}

static void
write_cluster(DcJsonWriter *json, const DriftclusterResult *result, guint64 version)
{
  dc_json_open_object(json);
  dc_json_write_name(json, "id");
  dc_json_write_int(json, result->cluster);
  dc_json_write_name(json, "uuid");
  dc_json_write_string(json, result->uuid);
  dc_json_write_name(json, "label");
  dc_json_write_string(json, result->label);
  dc_json_write_name(json, "confidence");
  dc_json_write_double(json, result->confidence);
  dc_json_write_name(json, "distance");
  dc_json_write_double(json, result->distance);
  dc_json_write_name(json, "novel");
  dc_json_write_boolean(json, result->novel);
  if (result->novel_reason) {
    dc_json_write_name(json, "novel_reason");
    dc_json_write_string(json, result->novel_reason);
  }
  if (result->second_label)
    write_second(json, result);
  if (result->group)
    write_group(json, result);
  dc_json_write_name(json, "version");
  dc_json_write_uint(json, version);
  if (result->stale) {
    dc_json_write_name(json, "stale");
    dc_json_write_boolean(json, TRUE);
  }
  dc_json_close_object(json);
}

static gboolean
same_region(const DriftclusterRegion *region, const DriftclusterResult *result)
{
  return region->key == result->key && region->roi_type == result->roi_type;
}

/* The embedding of the region that `result` number `index` labels, or NULL. Both metas list the
 * regions in the same order unless somebody else has written one of them. */
static const gfloat *
find_embedding(const DriftclusterEmbeddingMeta *meta, guint index, const DriftclusterResult *result,
               guint *dim)
{
  const DriftclusterRegion *region = NULL;

  if (!meta || !meta->block)
    return NULL;
  if (index < meta->n_regions && same_region(&meta->regions[index], result))
    region = &meta->regions[index];
  for (guint i = 0; !region && i < meta->n_regions; i++)
    if (same_region(&meta->regions[i], result))
      region = &meta->regions[i];
  if (!region || region->row < 0 || (guint)region->row >= meta->block->rows)
    return NULL;
  return driftcluster_embedding_block_get_row(meta->block, (guint)region->row, dim);
}

static gboolean
all_finite(const gfloat *values, guint n)
{
  for (guint i = 0; i < n; i++)
    if (!isfinite(values[i]))
      return FALSE;
  return TRUE;
}

static void
write_embedding(DcJsonWriter *json, const DriftclusterEmbeddingMeta *meta, guint index,
                const DriftclusterResult *result)
{
  guint dim = 0;
  const gfloat *embedding = find_embedding(meta, index, result, &dim);

  dc_json_write_name(json, "embedding");
  if (embedding && all_finite(embedding, dim))
    dc_json_write_base64(json, embedding, dim);
  else
    dc_json_write_null(json);
}

static void
write_box(DcJsonWriter *json, const GstVideoRectangle *box)
{
  dc_json_write_name(json, "x");
  dc_json_write_int(json, box->x);
  dc_json_write_name(json, "y");
  dc_json_write_int(json, box->y);
  dc_json_write_name(json, "w");
  dc_json_write_int(json, box->w);
  dc_json_write_name(json, "h");
  dc_json_write_int(json, box->h);
}

/* FALSE when the region has no box: it is left out then. */
static gboolean
write_region(DcJsonWriter *json, const Source *source, guint index,
             const DriftclusterResult *result)
{
  GstVideoRectangle box;

  if (!dc_result_box(result, source->line->width, source->line->height, &box))
    return FALSE;
  dc_json_open_object(json);
  write_box(json, &box);
  dc_json_write_name(json, "roi_type");
  dc_json_write_string(json, g_quark_to_string(result->roi_type));
  dc_json_write_name(json, "region_id");
  dc_json_write_uint(json, result->key);
  dc_json_write_name(json, "cluster");
  if (result->cluster >= 0)
    write_cluster(json, result, driftcluster_results_meta_get_version(source->results));
  else
    dc_json_write_null(json);
  if (source->line->with_embeddings)
    write_embedding(json, source->embeddings, index, result);
  dc_json_close_object(json);
  return TRUE;
}

/* A region that nobody has assigned yet, as a result without cluster. */
static DriftclusterResult
unassigned(const DriftclusterEmbeddingMeta *meta, guint index)
{
  const DriftclusterRegion *region = &meta->regions[index];

  return (DriftclusterResult){.x = (gdouble)region->x / meta->width,
                              .y = (gdouble)region->y / meta->height,
                              .width = (gdouble)region->width / meta->width,
                              .height = (gdouble)region->height / meta->height,
                              .key = region->key,
                              .roi_type = region->roi_type,
                              .roi_id = region->roi_id,
                              .cluster = -1};
}

/* Returns how many regions had to be left out. */
static guint
write_regions(DcJsonWriter *json, const Source *source)
{
  guint refused = 0, n = 0;

  if (source->results)
    n = driftcluster_results_meta_get_n_results(source->results);
  else if (source->embeddings)
    n = source->embeddings->n_regions;

  dc_json_write_name(json, "regions");
  dc_json_open_array(json);
  for (guint i = 0; i < n; i++) {
    DriftclusterResult result;
    gboolean valid = TRUE;

    if (source->results)
      valid = driftcluster_results_meta_get_result(source->results, i, &result);
    else
      result = unassigned(source->embeddings, i);
    if (valid && result.ignored)
      continue;
    if (!valid || !write_region(json, source, i, &result))
      refused++;
  }
  dc_json_close_array(json);
  return refused;
}

static void
write_time(DcJsonWriter *json, const gchar *name, GstClockTime time)
{
  dc_json_write_name(json, name);
  if (GST_CLOCK_TIME_IS_VALID(time))
    dc_json_write_uint(json, time);
  else
    dc_json_write_null(json);
}

/* The time of day at which the buffer was captured, in ns since 1970, when its source tells. */
static GstClockTime
unix_time(GstBuffer *buffer)
{
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                  GST_REFERENCE_TIMESTAMP_META_API_TYPE))) {
    const GstReferenceTimestampMeta *reference = (const GstReferenceTimestampMeta *)meta;
    const GstStructure *kind = gst_caps_get_structure(reference->reference, 0);

    if (gst_structure_has_name(kind, "timestamp/x-unix"))
      return reference->timestamp;
    if (gst_structure_has_name(kind, "timestamp/x-ntp") && reference->timestamp >= NTP_TO_UNIX)
      return reference->timestamp - NTP_TO_UNIX;
  }
  return GST_CLOCK_TIME_NONE;
}

guint
dc_cluster_line_write(const DcClusterLine *line, GstBuffer *buffer, GString *text)
{
  const Source source = {
      .line = line,
      .results = driftcluster_buffer_get_results_meta(buffer),
      .embeddings = driftcluster_buffer_get_embedding_meta(buffer),
  };
  GstClockTime captured = unix_time(buffer);
  DcJsonWriter json;
  guint refused;

  dc_json_writer_start(&json, text);
  dc_json_open_object(&json);
  dc_json_write_name(&json, "schema");
  dc_json_write_int(&json, JSON_SCHEMA);
  dc_json_write_name(&json, "frame");
  dc_json_write_uint(&json, line->frame);
  write_time(&json, "timestamp", GST_BUFFER_PTS(buffer));
  write_time(&json, "stream_time", line->stream_time);
  if (GST_CLOCK_TIME_IS_VALID(captured))
    write_time(&json, "unix_time", captured);
  dc_json_write_name(&json, "width");
  dc_json_write_int(&json, line->width);
  dc_json_write_name(&json, "height");
  dc_json_write_int(&json, line->height);
  refused = write_regions(&json, &source);
  dc_json_close_object(&json);
  g_string_append_c(text, '\n');
  return refused;
}
