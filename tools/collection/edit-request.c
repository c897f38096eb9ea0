/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/edit-request.h"

#include "collection/edits.h"
#include "command.h"

#include <json-glib/json-glib.h>
#include <string.h>

typedef gboolean (*Act)(DcCollection *collection, JsonObject *request, GError **error);

static gboolean
refuse(GError **error, const char *text)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT, text);
  return FALSE;
}

/* A whole number >= 1. */
static gboolean
need_id(JsonObject *request, const char *name, gint64 *id, GError **error)
{
  JsonNode *node = json_object_get_member(request, name);
  if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64) {
    *id = json_node_get_int(node);
    if (*id >= 1)
      return TRUE;
  }
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT, "\"%s\" must be the number of one", name);
  return FALSE;
}

static gboolean
rename_group(DcCollection *collection, JsonObject *request, GError **error)
{
  gint64 group;
  JsonNode *name = json_object_get_member(request, "name");
  if (!need_id(request, "group", &group, error))
    return FALSE;
  if (!name || !JSON_NODE_HOLDS_VALUE(name) || json_node_get_value_type(name) != G_TYPE_STRING)
    return refuse(error, "\"name\" must be text");
  return dc_edit_rename_group(collection, group, json_node_get_string(name), error);
}

static gboolean
merge_groups(DcCollection *collection, JsonObject *request, GError **error)
{
  gint64 group, into;
  return need_id(request, "group", &group, error) && need_id(request, "into", &into, error) &&
         dc_edit_merge_groups(collection, group, into, error);
}

static gboolean
split_group(DcCollection *collection, JsonObject *request, GError **error)
{
  gint64 group;
  return need_id(request, "group", &group, error) && dc_edit_split_group(collection, group, error);
}

static gboolean
pin_group(DcCollection *collection, JsonObject *request, GError **error)
{
  gint64 group;
  JsonNode *pinned = json_object_get_member(request, "pinned");
  if (!need_id(request, "group", &group, error))
    return FALSE;
  if (!pinned || !JSON_NODE_HOLDS_VALUE(pinned) ||
      json_node_get_value_type(pinned) != G_TYPE_BOOLEAN)
    return refuse(error, "\"pinned\" must be true or false");
  return dc_edit_pin_group(collection, group, json_node_get_boolean(pinned), error);
}

static gboolean
move_picture(DcCollection *collection, JsonObject *request, GError **error)
{
  gint64 group, picture;
  return need_id(request, "group", &group, error) && need_id(request, "picture", &picture, error) &&
         dc_edit_move_picture(collection, picture, group, error);
}

static const struct {
  const char *name;
  Act act;
} actions[] = {
    {"rename-cluster", rename_group}, {"merge-clusters", merge_groups},
    {"split-cluster", split_group},   {"pin-cluster", pin_group},
    {"move-picture", move_picture},
};

static gboolean
act_on(DcCollection *collection, JsonObject *request, GError **error)
{
  JsonNode *action = json_object_get_member(request, "action");
  gboolean text =
      action && JSON_NODE_HOLDS_VALUE(action) && json_node_get_value_type(action) == G_TYPE_STRING;
  const char *name = text ? json_node_get_string(action) : NULL;
  for (gsize i = 0; name && i < G_N_ELEMENTS(actions); i++)
    if (strcmp(actions[i].name, name) == 0)
      return actions[i].act(collection, request, error);
  return refuse(error, "\"action\" must be rename-cluster, merge-clusters, split-cluster, "
                       "pin-cluster or move-picture");
}

gboolean
dc_edit_request(DcCollection *collection, const char *text, gsize length, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) failure = NULL;
  if (!g_utf8_validate_len(text, length, NULL) ||
      !json_parser_load_from_data(parser, text, (gssize)length, &failure))
    return refuse(error, "the request is not JSON");
  JsonNode *root = json_parser_get_root(parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root))
    return refuse(error, "the request is not a JSON object");
  return act_on(collection, json_node_get_object(root), error);
}
