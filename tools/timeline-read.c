/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timeline.h"

#include "command.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA       1
#define LONGEST_LINE (64 << 20) /* bytes; 4096 regions with their embeddings are shorter */
#define NO_TIME      (-1)
#define UNNAMED      (G_GINT64_CONSTANT(1) << 32) /* region ids from here on name a place, no track */

static gboolean
refuse(GError **error, const char *path, guint64 line, const char *problem)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT, "%s, line %" G_GUINT64_FORMAT ": %s", path,
              line, problem);
  return FALSE;
}

/* --- lines --- */

typedef struct {
  FILE *file;
  char part[65536]; /* of which at .. end - 1 are to be read yet */
  gsize at, end;
} Lines;

static gboolean
open_lines(Lines *lines, const char *path, GError **error)
{
  lines->at = lines->end = 0;
  lines->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
  if (!lines->file)
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: %s", path, g_strerror(errno));
  return lines->file != NULL;
}

static void
close_lines(Lines *lines)
{
  if (lines->file != stdin)
    fclose(lines->file);
}

/* Reads a line with its line feed, or what is left of a file that ends without; FALSE at the end,
 * and for a line beyond all bounds, of which `text` is longer than LONGEST_LINE. */
static gboolean
read_line(Lines *lines, GString *text)
{
  g_string_truncate(text, 0);
  while (text->len <= LONGEST_LINE) {
    if (lines->at == lines->end) {
      lines->at = 0;
      lines->end = fread(lines->part, 1, sizeof lines->part, lines->file);
      if (lines->end == 0)
        return text->len > 0;
    }
    const char *from = lines->part + lines->at;
    const char *feed = memchr(from, '\n', lines->end - lines->at);
    gsize length = feed ? (gsize)(feed + 1 - from) : lines->end - lines->at;
    g_string_append_len(text, from, (gssize)length);
    lines->at += length;
    if (feed)
      return TRUE;
  }
  return FALSE;
}

/* --- what a line holds --- */

static JsonNode *
member(JsonObject *object, const char *name, JsonNodeType type)
{
  JsonNode *node = json_object_get_member(object, name);
  return node && json_node_get_node_type(node) == type ? node : NULL;
}

static gint64
int_member(JsonObject *object, const char *name, gint64 otherwise)
{
  JsonNode *node = member(object, name, JSON_NODE_VALUE);
  return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node)
                                                                : otherwise;
}

static const char *
text_member(JsonObject *object, const char *name)
{
  JsonNode *node = member(object, name, JSON_NODE_VALUE);
  const char *text = node ? json_node_get_string(node) : NULL;
  return text ? text : "";
}

static gboolean
flag_member(JsonObject *object, const char *name)
{
  JsonNode *node = member(object, name, JSON_NODE_VALUE);
  return node && json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

/* Why the line is none of ours, or NULL. */
static const char *
find_problem(JsonNode *root)
{
  JsonObject *line = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
  if (!line || !member(line, "regions", JSON_NODE_ARRAY) || int_member(line, "schema", 0) < 1)
    return "no object with \"schema\" and \"regions\": was it written by publish-clusters?";
  if (int_member(line, "schema", 0) > SCHEMA)
    return "its \"schema\" is newer than this program";
  return NULL;
}

static gint64
time_of(JsonObject *line, gboolean is_of_day)
{
  return int_member(line, is_of_day ? "unix_time" : "stream_time", NO_TIME);
}

static void
take_region(DcTimeline *timeline, gint64 time, JsonNode *node)
{
  JsonObject *region = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonNode *found = region ? member(region, "cluster", JSON_NODE_OBJECT) : NULL;
  if (!found)
    return;
  JsonObject *cluster = json_node_get_object(found);
  gint64 id = int_member(cluster, "id", -1), track = int_member(region, "region_id", UNNAMED);
  if (id < 0 || id > G_MAXINT)
    return;
  g_autofree char *name = g_strdup_printf("cluster-%d", (int)id);
  DcSighting sighting = {
      .cluster = (guint)id,
      .uuid = text_member(cluster, "uuid"),
      .label = text_member(cluster, "label"),
      .track = track >= 0 && track < UNNAMED ? (guint64)track + 1 : 0,
      .novel = flag_member(cluster, "novel"),
  };
  if (!*sighting.label)
    sighting.label = name;
  dc_timeline_see(timeline, time, &sighting);
}

static void
take_line(DcTimeline *timeline, DcTimelineSource *source, JsonNode *root)
{
  JsonObject *line = json_node_get_object(root);
  JsonArray *regions = json_object_get_array_member(line, "regions");
  gint64 time = time_of(line, timeline->is_of_day);
  source->lines++;
  if (time < 0) {
    source->timeless++;
    return;
  }
  dc_timeline_frame(timeline, time);
  for (guint i = 0; i < json_array_get_length(regions); i++)
    take_region(timeline, time, json_array_get_element(regions, i));
}

/* --- files --- */

/* A line that is no JSON was cut, unless it is the first: that is the file of another program. */
static gboolean
read_source(DcTimeline *timeline, DcTimelineSource *source, Lines *lines, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GString) text = g_string_new(NULL);
  guint64 number = 0;
  while (read_line(lines, text)) {
    number++;
    gboolean parsed = json_parser_load_from_data(parser, text->str, (gssize)text->len, NULL);
    const char *problem = parsed ? find_problem(json_parser_get_root(parser)) : NULL;
    if (!parsed && source->lines == 0)
      problem = "that is no JSON: was it written by publish-clusters?";
    if (problem)
      return refuse(error, source->name, number, problem);
    if (parsed)
      take_line(timeline, source, json_parser_get_root(parser));
    else
      source->damaged++;
  }
  if (text->len > LONGEST_LINE)
    return refuse(error, source->name, number + 1,
                  "it has no end: was it written by "
                  "publish-clusters?");
  if (!ferror(lines->file))
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: %s", source->name, g_strerror(errno));
  return FALSE;
}

gboolean
dc_timeline_read(DcTimeline *timeline, const char *path, GError **error)
{
  Lines lines;
  if (!open_lines(&lines, path, error))
    return FALSE;
  gboolean read = read_source(timeline, dc_timeline_begin(timeline, path), &lines, error);
  close_lines(&lines);
  return read;
}

gboolean
dc_timeline_probe(const char *path, gboolean *is_of_day, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GString) text = g_string_new(NULL);
  *is_of_day = FALSE;
  if (strcmp(path, "-") == 0) /* cannot be read twice */
    return TRUE;
  Lines lines;
  if (!open_lines(&lines, path, error))
    return FALSE;
  if (read_line(&lines, text) &&
      json_parser_load_from_data(parser, text->str, (gssize)text->len, NULL)) {
    JsonNode *root = json_parser_get_root(parser);
    *is_of_day =
        root && JSON_NODE_HOLDS_OBJECT(root) && time_of(json_node_get_object(root), TRUE) >= 0;
  }
  close_lines(&lines);
  return TRUE;
}
