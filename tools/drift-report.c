/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-report.h"

#include "command.h"
#include "drift-chart.h"
#include "drift-results.h"
#include "store/file.h"

/* The last part of a path, as a JSON string. */
static void
append_name(GString *json, const char *input)
{
  g_autofree char *name = g_path_get_basename(input);
  g_autofree char *valid = g_utf8_make_valid(name, -1);
  g_string_append_c(json, '"');
  for (const char *c = valid; *c; c++)
    if (*c == '"' || *c == '\\' || (guchar)*c < 32)
      g_string_append_printf(json, "\\u%04x", (guint)(guchar)*c);
    else
      g_string_append_c(json, *c);
  g_string_append_c(json, '"');
}

/* The object of a result, and in it how its accuracy went. */
static void
append_result(GString *json, const DcDriftResult *result)
{
  dc_drift_result_append_json(result, json);
  g_string_truncate(json, json->len - 1);
  g_string_append(json, ",\"course\":[");
  for (guint i = 0; i < result->course->len; i++)
    g_string_append_printf(json, "%s%.4f", i ? "," : "", g_array_index(result->course, double, i));
  g_string_append(json, "]}");
}

static gboolean
write_text(const char *path, const GString *text, GError **error)
{
  DcFileWriter writer;
  DcError core_error;
  return (dc_file_create(&writer, path, &core_error) == DC_OK &&
          dc_file_append(&writer, text->str, text->len, &core_error) == DC_OK &&
          dc_file_commit(&writer, &core_error) == DC_OK) ||
         dc_tools_take_error(&core_error, error);
}

static gboolean
write_figures(const char *path, const char *const *inputs, const DcDriftSettings *settings,
              const GArray *results, GError **error)
{
  g_autoptr(GString) json = g_string_new("{\"schema\":1,\"inputs\":[");
  for (gsize i = 0; inputs[i]; i++) {
    g_string_append(json, i ? "," : "");
    append_name(json, inputs[i]);
  }
  g_string_append_printf(
      json, "],\"clusters\":%u,\"warm_up\":%zu,\"window\":%zu,\"interval\":%zu,\"results\":[",
      settings->clusters, settings->warm_up, settings->window, settings->interval);
  for (guint i = 0; i < results->len; i++) {
    g_string_append(json, i ? ",\n" : "\n");
    append_result(json, &g_array_index(results, DcDriftResult, i));
  }
  g_string_append(json, "]}\n");
  return write_text(path, json, error);
}

gboolean
dc_drift_report_write(const char *folder, const char *const *inputs,
                      const DcDriftSettings *settings, const GArray *results, GError **error)
{
  g_autofree char *curves = g_build_filename(folder, "accuracy.png", NULL);
  g_autofree char *figures = g_build_filename(folder, "figures.json", NULL);
  return dc_drift_chart_write(curves, "Accuracy over the stream, by one matching for all of it",
                              results, error) &&
         write_figures(figures, inputs, settings, results, error);
}
