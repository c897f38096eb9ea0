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

static DcFrameResult
first_region(JsonArray *regions)
{
  DcFrameResult none = {DC_UNASSIGNED, NULL};
  if (json_array_get_length(regions) == 0)
    return none;
  JsonNode *region = json_array_get_element(regions, 0);
  JsonObject *cluster = JSON_NODE_HOLDS_OBJECT(region)
                            ? object_member(json_node_get_object(region), "cluster")
                            : NULL;
  if (!cluster)
    return none;
  const char *label = json_object_get_string_member_with_default(cluster, "label", "");
  gint64 id = json_object_get_int_member_with_default(cluster, "id", -1);
  if (id < 0 || id >= DC_UNASSIGNED)
    return none;
  return (DcFrameResult){(guint32)id, g_intern_string(label)};
}

static gboolean
parse_line(JsonParser *parser, const char *line, DcFrameResult *result, GError **error)
{
  if (!json_parser_load_from_data(parser, line, -1, error))
    return FALSE;
  JsonNode *root = json_parser_get_root(parser);
  JsonNode *regions = root && JSON_NODE_HOLDS_OBJECT(root)
                          ? json_object_get_member(json_node_get_object(root), "regions")
                          : NULL;
  if (!regions || !JSON_NODE_HOLDS_ARRAY(regions)) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
                        "no object with an array \"regions\": was it written by publish-clusters?");
    return FALSE;
  }
  *result = first_region(json_node_get_array(regions));
  return TRUE;
}

static GArray *
read_lines(GDataInputStream *lines, const char *path, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GArray) results = g_array_new(FALSE, FALSE, sizeof(DcFrameResult));
  for (;;) {
    GError *failure = NULL;
    DcFrameResult result;
    g_autofree char *line = g_data_input_stream_read_line(lines, NULL, NULL, &failure);
    if (!line && !failure)
      return g_steal_pointer(&results);
    if (!line || !parse_line(parser, line, &result, &failure)) {
      g_propagate_prefixed_error(error, failure, "%s, line %u: ", path, results->len + 1);
      return NULL;
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
  g_autoptr(GArray) results = read_lines(lines, path, error);
  if (results && results->len == 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT, "%s: the file is empty", path);
    return NULL;
  }
  return g_steal_pointer(&results);
}
