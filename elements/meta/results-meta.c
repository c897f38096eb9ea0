/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "results-meta.h"

#include <math.h>

#define RESULTS_SCHEMA 1

/* Names that are interned once; a look-up per field and region would cost more than the field. */
typedef struct {
  GQuark results, regions, region;
  GQuark schema, version, encoder, dim;
  GQuark x, y, width, height, key, roi_type, roi_id;
  GQuark cluster, uuid, label, confidence, distance, novel, stale;
  GQuark second, second_label, margin, novel_reason, group, group_uuid, ignored;
} ResultsQuarks;

static const ResultsQuarks *
results_quarks(void)
{
  static ResultsQuarks quarks;
  static gsize ready;
  if (g_once_init_enter(&ready)) {
    quarks = (ResultsQuarks){
        .results = g_quark_from_static_string(DRIFTCLUSTER_RESULTS_META_NAME),
        .regions = g_quark_from_static_string("regions"),
        .region = g_quark_from_static_string("region"),
        .schema = g_quark_from_static_string("schema"),
        .version = g_quark_from_static_string("version"),
        .encoder = g_quark_from_static_string("encoder"),
        .dim = g_quark_from_static_string("dim"),
        .x = g_quark_from_static_string("x"),
        .y = g_quark_from_static_string("y"),
        .width = g_quark_from_static_string("width"),
        .height = g_quark_from_static_string("height"),
        .key = g_quark_from_static_string("key"),
        .roi_type = g_quark_from_static_string("roi-type"),
        .roi_id = g_quark_from_static_string("roi-id"),
        .cluster = g_quark_from_static_string("cluster"),
        .uuid = g_quark_from_static_string("uuid"),
        .label = g_quark_from_static_string("label"),
        .confidence = g_quark_from_static_string("confidence"),
        .distance = g_quark_from_static_string("distance"),
        .novel = g_quark_from_static_string("novel"),
        .stale = g_quark_from_static_string("stale"),
        .second = g_quark_from_static_string("second"),
        .second_label = g_quark_from_static_string("second-label"),
        .margin = g_quark_from_static_string("margin"),
        .novel_reason = g_quark_from_static_string("novel-reason"),
        .group = g_quark_from_static_string("group"),
        .group_uuid = g_quark_from_static_string("group-uuid"),
        .ignored = g_quark_from_static_string("ignored"),
    };
    g_once_init_leave(&ready, 1);
  }
  return &quarks;
}

/* The name of field number `index` of the regions; quarks are never freed, hence the bound. */
static GQuark
region_quark(guint index)
{
  static gint quarks[DRIFTCLUSTER_MAX_REGIONS];
  GQuark quark = (GQuark)g_atomic_int_get(&quarks[index]);
  if (!quark) {
    gchar name[32];
    g_snprintf(name, sizeof name, "region-%u", index);
    quark = g_quark_from_string(name);
    /* Two threads at once store the same number. */
    g_atomic_int_set(&quarks[index], (gint)quark);
  }
  return quark;
}

/**
 * driftcluster_results_meta_register:
 *
 * Registers the meta with GStreamer. The elements do it; a program that reads metas without having
 * loaded one calls it first. May be called often, from any thread.
 *
 * Since: 0.1
 */
void
driftcluster_results_meta_register(void)
{
  static gsize registered;
  if (g_once_init_enter(&registered)) {
    /* Without tags it is kept by whatever copies metadata; it holds no pixel coordinates. */
    static const gchar *no_tags[] = {NULL};
    gst_meta_register_custom(DRIFTCLUSTER_RESULTS_META_NAME, no_tags, NULL, NULL, NULL);
    g_once_init_leave(&registered, 1);
  }
}

/* The structure takes the value over, which spares the copy that its set functions make. */
static void
take_int(GstStructure *structure, GQuark field, gint number)
{
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_INT);
  g_value_set_int(&value, number);
  gst_structure_id_take_value(structure, field, &value);
}

static void
take_uint64(GstStructure *structure, GQuark field, guint64 number)
{
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_UINT64);
  g_value_set_uint64(&value, number);
  gst_structure_id_take_value(structure, field, &value);
}

static void
take_double(GstStructure *structure, GQuark field, gdouble number)
{
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_DOUBLE);
  g_value_set_double(&value, number);
  gst_structure_id_take_value(structure, field, &value);
}

static void
take_boolean(GstStructure *structure, GQuark field, gboolean truth)
{
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_BOOLEAN);
  g_value_set_boolean(&value, truth);
  gst_structure_id_take_value(structure, field, &value);
}

/* NULL leaves the field out. A structure refuses text that is not UTF-8, so it is repaired here. */
static void
take_text(GstStructure *structure, GQuark field, const gchar *text)
{
  if (!text)
    return;
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_STRING);
  if (g_utf8_validate(text, -1, NULL))
    g_value_set_string(&value, text);
  else
    g_value_take_string(&value, g_utf8_make_valid(text, -1));
  gst_structure_id_take_value(structure, field, &value);
}

/* For text that lives for ever. */
static void
take_interned(GstStructure *structure, GQuark field, const gchar *text)
{
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_STRING);
  g_value_set_static_string(&value, text);
  gst_structure_id_take_value(structure, field, &value);
}

static void
take_structure(GstStructure *structure, GQuark field, GstStructure *nested)
{
  GValue value = G_VALUE_INIT;
  g_value_init(&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed(&value, nested);
  gst_structure_id_take_value(structure, field, &value);
}

/* What not every region has; missing fields say so. */
static void
take_details(GstStructure *structure, const DriftclusterResult *result)
{
  const ResultsQuarks *quarks = results_quarks();
  if (result->second_label) {
    take_int(structure, quarks->second, result->second);
    take_text(structure, quarks->second_label, result->second_label);
    take_double(structure, quarks->margin, result->margin);
  }
  take_text(structure, quarks->novel_reason, result->novel_reason);
  take_text(structure, quarks->group, result->group);
  take_text(structure, quarks->group_uuid, result->group_uuid);
  if (result->ignored)
    take_boolean(structure, quarks->ignored, TRUE);
}

static GstStructure *
structure_from_result(const DriftclusterResult *result)
{
  const ResultsQuarks *quarks = results_quarks();
  GstStructure *structure = gst_structure_new_id_empty(quarks->region);
  take_double(structure, quarks->x, result->x);
  take_double(structure, quarks->y, result->y);
  take_double(structure, quarks->width, result->width);
  take_double(structure, quarks->height, result->height);
  take_uint64(structure, quarks->key, result->key);
  if (result->roi_type)
    take_interned(structure, quarks->roi_type, g_quark_to_string(result->roi_type));
  take_int(structure, quarks->roi_id, result->roi_id);
  take_int(structure, quarks->cluster, result->cluster);
  take_text(structure, quarks->uuid, result->uuid);
  take_text(structure, quarks->label, result->label);
  take_double(structure, quarks->confidence, result->confidence);
  take_double(structure, quarks->distance, result->distance);
  take_boolean(structure, quarks->novel, result->novel);
  take_boolean(structure, quarks->stale, result->stale);
  take_details(structure, result);
  return structure;
}

/**
 * driftcluster_buffer_add_results_meta:
 * @buffer: a writable buffer
 * @version: of the clusters that the results refer to
 * @encoder: (nullable): identity of the encoder that made the embeddings
 * @dim: numbers in an embedding
 * @results: (array length=n_results) (nullable): one labelled region each; everything is copied
 * @n_results: number of results, at most %DRIFTCLUSTER_MAX_REGIONS
 *
 * Adds the results meta of @buffer, in the place of one that it has already. Registers the meta
 * when that has not been done.
 *
 * Returns: (transfer none) (nullable): the meta, or %NULL when an argument is wrong
 *
 * Since: 0.1
 */
GstCustomMeta *
driftcluster_buffer_add_results_meta(GstBuffer *buffer, guint64 version, const gchar *encoder,
                                     gint dim, const DriftclusterResult *results, guint n_results)
{
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  g_return_val_if_fail(gst_buffer_is_writable(buffer), NULL);
  g_return_val_if_fail(n_results <= DRIFTCLUSTER_MAX_REGIONS, NULL);
  g_return_val_if_fail(n_results == 0 || results != NULL, NULL);

  GstCustomMeta *earlier = driftcluster_buffer_get_results_meta(buffer);
  if (earlier)
    gst_buffer_remove_meta(buffer, &earlier->meta);

  const ResultsQuarks *quarks = results_quarks();
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, DRIFTCLUSTER_RESULTS_META_NAME);
  GstStructure *structure = gst_custom_meta_get_structure(meta);
  take_int(structure, quarks->schema, RESULTS_SCHEMA);
  take_uint64(structure, quarks->version, version);
  take_text(structure, quarks->encoder, encoder);
  take_int(structure, quarks->dim, dim);
  GstStructure *regions = gst_structure_new_id_empty(quarks->regions);
  for (guint i = 0; i < n_results; i++)
    take_structure(regions, region_quark(i), structure_from_result(&results[i]));
  take_structure(structure, quarks->regions, regions);
  return meta;
}

/**
 * driftcluster_buffer_get_results_meta:
 * @buffer: a buffer
 *
 * Returns: (transfer none) (nullable): its results meta, or %NULL
 *
 * Since: 0.1
 */
GstCustomMeta *
driftcluster_buffer_get_results_meta(GstBuffer *buffer)
{
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  driftcluster_results_meta_register();
  return gst_buffer_get_custom_meta(buffer, DRIFTCLUSTER_RESULTS_META_NAME);
}

/* What is read may have been written by any program: each field is checked for presence and type.
 */
static const GValue *
field_of_type(const GstStructure *structure, GQuark field, GType type)
{
  const GValue *value = gst_structure_id_get_value(structure, field);
  return value && G_VALUE_HOLDS(value, type) ? value : NULL;
}

static const GstStructure *
get_structure(const GstStructure *structure, GQuark field)
{
  const GValue *value = field_of_type(structure, field, GST_TYPE_STRUCTURE);
  return value ? gst_value_get_structure(value) : NULL;
}

static gboolean
get_int(const GstStructure *structure, GQuark field, gint *number)
{
  const GValue *value = field_of_type(structure, field, G_TYPE_INT);
  if (value)
    *number = g_value_get_int(value);
  return value != NULL;
}

static gboolean
get_uint64(const GstStructure *structure, GQuark field, guint64 *number)
{
  const GValue *value = field_of_type(structure, field, G_TYPE_UINT64);
  if (value)
    *number = g_value_get_uint64(value);
  return value != NULL;
}

static gboolean
get_finite(const GstStructure *structure, GQuark field, gdouble *number)
{
  const GValue *value = field_of_type(structure, field, G_TYPE_DOUBLE);
  if (value)
    *number = g_value_get_double(value);
  return value && isfinite(*number);
}

static gboolean
get_boolean(const GstStructure *structure, GQuark field, gboolean *truth)
{
  const GValue *value = field_of_type(structure, field, G_TYPE_BOOLEAN);
  if (value)
    *truth = g_value_get_boolean(value);
  return value != NULL;
}

static const gchar *
get_text(const GstStructure *structure, GQuark field)
{
  const GValue *value = field_of_type(structure, field, G_TYPE_STRING);
  return value ? g_value_get_string(value) : NULL;
}

static const GstStructure *
get_regions(GstCustomMeta *meta)
{
  return get_structure(gst_custom_meta_get_structure(meta), results_quarks()->regions);
}

/**
 * driftcluster_results_meta_get_version:
 * @meta: a results meta
 *
 * Returns: the version of the clusters that the results refer to, or 0 when it is missing
 *
 * Since: 0.1
 */
guint64
driftcluster_results_meta_get_version(GstCustomMeta *meta)
{
  g_return_val_if_fail(meta != NULL, 0);
  guint64 version = 0;
  get_uint64(gst_custom_meta_get_structure(meta), results_quarks()->version, &version);
  return version;
}

/**
 * driftcluster_results_meta_get_n_results:
 * @meta: a results meta
 *
 * Returns: the number of results, at most %DRIFTCLUSTER_MAX_REGIONS
 *
 * Since: 0.1
 */
guint
driftcluster_results_meta_get_n_results(GstCustomMeta *meta)
{
  g_return_val_if_fail(meta != NULL, 0);
  const GstStructure *regions = get_regions(meta);
  gint n = regions ? gst_structure_n_fields(regions) : 0;
  return (guint)MIN(n, DRIFTCLUSTER_MAX_REGIONS);
}

static void
get_details(const GstStructure *region, DriftclusterResult *result)
{
  const ResultsQuarks *quarks = results_quarks();
  result->second_label = get_text(region, quarks->second_label);
  if (!get_int(region, quarks->second, &result->second) ||
      !get_finite(region, quarks->margin, &result->margin)) {
    result->second_label = NULL;
    result->margin = 0;
  }
  result->novel_reason = get_text(region, quarks->novel_reason);
  result->group = get_text(region, quarks->group);
  result->group_uuid = get_text(region, quarks->group_uuid);
  get_boolean(region, quarks->ignored, &result->ignored);
}

/**
 * driftcluster_results_meta_get_result:
 * @meta: a results meta
 * @index: which result
 * @result: (out caller-allocates): the result; its strings belong to @meta
 *
 * Returns: %FALSE when there is no such result, or when a field of it is missing or no finite
 * number
 *
 * Since: 0.1
 */
gboolean
driftcluster_results_meta_get_result(GstCustomMeta *meta, guint index, DriftclusterResult *result)
{
  g_return_val_if_fail(meta != NULL, FALSE);
  g_return_val_if_fail(result != NULL, FALSE);

  *result = (DriftclusterResult){.roi_id = -1, .cluster = -1};
  const GstStructure *regions = get_regions(meta);
  if (!regions || index >= DRIFTCLUSTER_MAX_REGIONS)
    return FALSE;
  const GstStructure *region = get_structure(regions, region_quark(index));
  if (!region)
    return FALSE;

  const ResultsQuarks *quarks = results_quarks();
  get_details(region, result);
  result->uuid = get_text(region, quarks->uuid);
  result->label = get_text(region, quarks->label);
  const gchar *roi_type = get_text(region, quarks->roi_type);
  result->roi_type = roi_type ? g_quark_from_string(roi_type) : 0;
  return get_finite(region, quarks->x, &result->x) && get_finite(region, quarks->y, &result->y) &&
         get_finite(region, quarks->width, &result->width) &&
         get_finite(region, quarks->height, &result->height) &&
         get_uint64(region, quarks->key, &result->key) &&
         get_int(region, quarks->roi_id, &result->roi_id) &&
         get_int(region, quarks->cluster, &result->cluster) &&
         get_finite(region, quarks->confidence, &result->confidence) &&
         get_finite(region, quarks->distance, &result->distance) &&
         get_boolean(region, quarks->novel, &result->novel) &&
         get_boolean(region, quarks->stale, &result->stale);
}
