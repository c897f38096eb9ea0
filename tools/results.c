/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "results.h"

#include "command.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* The member of that name when it is an object. */
static JsonObject *
object_member(JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member(object, name);
  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* Notes the cluster of the first of `regions`, where it has one. */
static void
take_first_region(DcFrameResult *result, JsonArray *regions)
{
  if (json_array_get_length(regions) == 0)
    return;
  JsonNode *region = json_array_get_element(regions, 0);
  JsonObject *cluster = JSON_NODE_HOLDS_OBJECT(region)
                            ? object_member(json_node_get_object(region), "cluster")
                            : NULL;
  if (!cluster)
    return;
  const char *label = json_object_get_string_member_with_default(cluster, "label", "");
  gint64 id = json_object_get_int_member_with_default(cluster, "id", -1);
  if (id < 0 || id >= DC_UNASSIGNED)
    return;
  result->cluster = (guint32)id;
  result->label = g_intern_string(label);
}

static gboolean
take_line(JsonNode *root, DcFrameResult *result, GError **error)
{
  JsonObject *line = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  JsonNode *regions = line ? json_object_get_member(line, "regions") : NULL;
  gint64 frame = line ? json_object_get_int_member_with_default(line, "frame", -1) : -1;
  if (!regions || !JSON_NODE_HOLDS_ARRAY(regions) || frame < 0) {
    g_set_error_literal(
        error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
        "no object with a number \"frame\" and an array \"regions\": was it written "
        "by publish-clusters?");
    return FALSE;
  }
  *result = (DcFrameResult){.frame = (gsize)frame, .cluster = DC_UNASSIGNED};
  take_first_region(result, json_node_get_array(regions));
  return TRUE;
}

/* What belongs to a frame is found by its number. */
static gboolean
check_order(const GArray *results, const DcFrameResult *next, GError **error)
{
  if (results->len == 0 || next->frame >= dc_results_frames(results))
    return TRUE;
  g_set_error(
      error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
      "frame %zu follows frame %zu: the file holds several streams, appended to each other; "
      "give the lines of one",
      next->frame, dc_results_frames(results) - 1);
  return FALSE;
}

static gboolean
read_lines(GDataInputStream *lines, const char *path, GArray *results, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  for (;;) {
    GError *failure = NULL;
    DcFrameResult result;
    g_autofree char *line = g_data_input_stream_read_line(lines, NULL, NULL, &failure);
    if (!line && !failure)
      return TRUE;
    if (!line || !json_parser_load_from_data(parser, line, -1, &failure) ||
        !take_line(json_parser_get_root(parser), &result, &failure) ||
        !check_order(results, &result, &failure)) {
      g_propagate_prefixed_error(error, failure, "%s, line %u: ", path, results->len + 1);
      return FALSE;
    }
    g_array_append_val(results, result);
  }
}

GArray *
dc_results_read(const char *path, GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_commandline_arg(path);
  g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, error);
  if (!stream)
    return NULL;
  g_autoptr(GDataInputStream) lines = g_data_input_stream_new(G_INPUT_STREAM(stream));
  g_autoptr(GArray) results = g_array_new(FALSE, FALSE, sizeof(DcFrameResult));
  if (!read_lines(lines, path, results, error))
    return NULL;
  if (results->len == 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT, "%s: the file is empty", path);
    return NULL;
  }
  return g_steal_pointer(&results);
}

gsize
dc_results_frames(const GArray *results)
{
  return g_array_index(results, DcFrameResult, results->len - 1).frame + 1;
}

guint
dc_results_find(const GArray *results, gsize frame)
{
  guint first = 0, end = results->len;
  while (first < end) {
    guint middle = first + (end - first) / 2;
    if (g_array_index(results, DcFrameResult, middle).frame < frame)
      first = middle + 1;
    else
      end = middle;
  }
  return first;
}
