/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "figures.h"

#include "command.h"
#include "store/file.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#define SCHEMA 1

/* JSON has no NaN. */
static void
add_number(JsonBuilder *builder, double value)
{
  if (isfinite(value))
    json_builder_add_double_value(builder, value);
  else
    json_builder_add_null_value(builder);
}

static void
add_named_number(JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name(builder, name);
  add_number(builder, value);
}

static void
add_named_count(JsonBuilder *builder, const char *name, guint64 value)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, (gint64)value);
}

static void
add_named_text(JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, value);
}

static void
add_named_numbers(JsonBuilder *builder, const char *name, const GArray *values)
{
  json_builder_set_member_name(builder, name);
  json_builder_begin_array(builder);
  for (guint i = 0; i < values->len; i++)
    add_number(builder, g_array_index(values, double, i));
  json_builder_end_array(builder);
}

static void
add_sizes(JsonBuilder *builder, const DcClustering *clustering)
{
  g_autofree gsize *sizes = dc_clustering_sizes(clustering);
  json_builder_set_member_name(builder, "sizes");
  json_builder_begin_array(builder);
  for (gsize k = 0; k < clustering->centroids.rows; k++)
    json_builder_add_int_value(builder, (gint64)sizes[k]);
  json_builder_end_array(builder);
}

static void
add_scores(JsonBuilder *builder, const DcScores *scores)
{
  json_builder_set_member_name(builder, "scores");
  json_builder_begin_object(builder);
  add_named_count(builder, "classes", scores->classes);
  add_named_number(builder, "acc", scores->acc);
  add_named_number(builder, "nmi", scores->nmi);
  add_named_number(builder, "ari", scores->ari);
  add_named_number(builder, "purity", scores->purity);
  json_builder_end_object(builder);
}

static void
add_curves(JsonBuilder *builder, const DcCurves *curves)
{
  json_builder_set_member_name(builder, "curves");
  json_builder_begin_array(builder);
  const DcCurve *curve;
  for (guint i = 0; (curve = dc_curves_get(curves, i)); i++) {
    json_builder_begin_object(builder);
    add_named_text(builder, "stage", curve->stage);
    add_named_text(builder, "name", curve->name);
    add_named_number(builder, "last", dc_curve_last(curve));
    add_named_numbers(builder, "epochs", curve->epochs);
    add_named_numbers(builder, "values", curve->values);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void
add_settings(JsonBuilder *builder, const DcReport *report)
{
  json_builder_set_member_name(builder, "settings");
  json_builder_begin_object(builder);
  for (gsize i = 0; i < report->setting_count; i++) {
    const DcReportSetting *setting = &report->settings[i];
    if (setting->text)
      add_named_text(builder, setting->name, setting->text);
    else
      add_named_number(builder, setting->name, setting->number);
  }
  json_builder_end_object(builder);
}

/* The most memory that this process has had, in bytes. */
static guint64
peak_memory(void)
{
  struct rusage usage;
  /* Cannot fail with these arguments; the kernel counts in KiB. */
  getrusage(RUSAGE_SELF, &usage);
  return (guint64)usage.ru_maxrss * 1024;
}

static JsonNode *
build(const DcReport *report, const DcScores *scores, const char *const *pictures)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  add_named_count(builder, "schema", SCHEMA);
  add_named_text(builder, "method", report->method);
  add_named_count(builder, "samples", report->clustering.embeddings.rows);
  add_named_count(builder, "width", report->clustering.embeddings.cols);
  add_named_count(builder, "clusters", report->clustering.centroids.rows);
  if (scores)
    add_scores(builder, scores);
  add_settings(builder, report);
  add_named_count(builder, "seed", report->seed);
  add_named_count(builder, "threads", report->threads);
  add_named_number(builder, "seconds", report->seconds);
  add_named_count(builder, "peak_memory_bytes", peak_memory());
  json_builder_set_member_name(builder, "pictures");
  json_builder_begin_array(builder);
  for (gsize i = 0; pictures[i]; i++)
    json_builder_add_string_value(builder, pictures[i]);
  json_builder_end_array(builder);
  add_curves(builder, report->curves);
  add_sizes(builder, &report->clustering);
  json_builder_end_object(builder);
  return json_builder_get_root(builder);
}

gboolean
dc_figures_write(const char *path, const DcReport *report, const DcScores *scores,
                 const char *const *pictures, GError **error)
{
  g_autoptr(JsonNode) root = build(report, scores, pictures);
  g_autofree char *text = json_to_string(root, TRUE);
  DcFileWriter writer;
  DcError core_error;
  if (dc_file_create(&writer, path, &core_error) != DC_OK ||
      dc_file_append(&writer, text, strlen(text), &core_error) != DC_OK ||
      dc_file_append(&writer, "\n", 1, &core_error) != DC_OK ||
      dc_file_commit(&writer, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}
