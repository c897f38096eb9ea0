/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-export.h"

#include "command.h"
#include "store/file.h"
#include "store/npy.h"

#include <json-glib/json-glib.h>
#include <string.h>

gboolean
dc_state_export_is_named(const char *path)
{
  return g_str_has_suffix(path, ".json") || g_str_has_suffix(path, ".npy");
}

static void
add_string(JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, text);
}

static void
add_double(JsonBuilder *builder, const char *name, double number)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_double_value(builder, number);
}

static void
add_boolean(JsonBuilder *builder, const char *name, gboolean truth)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_boolean_value(builder, truth);
}

static void
add_cluster(JsonBuilder *builder, const DcSnapshot *snapshot, gsize k)
{
  const DcClusterInfo *info = dc_snapshot_cluster(snapshot, k);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  json_builder_begin_object(builder);
  add_string(builder, "uuid", info->uuid);
  add_string(builder, "label", info->label);
  add_boolean(builder, "named", info->named);
  add_boolean(builder, "pinned", info->pinned);
  add_boolean(builder, "ignored", info->ignored);
  if (info->group_uuid[0]) {
    add_string(builder, "group", info->group_label);
    add_string(builder, "group_uuid", info->group_uuid);
  }
  add_double(builder, "embeddings", info->mass);
  add_double(builder, "spread", (double)info->spread);
  add_double(builder, "shift", (double)info->shift);
  json_builder_set_member_name(builder, "centroid");
  json_builder_begin_array(builder);
  for (gsize i = 0; i < centroids.cols; i++)
    json_builder_add_double_value(builder, (double)dc_matrix_row(&centroids, k)[i]);
  json_builder_end_array(builder);
  json_builder_end_object(builder);
}

static char *
make_json(const DcSnapshot *snapshot)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  add_string(builder, "encoder", dc_snapshot_encoder(snapshot));
  json_builder_set_member_name(builder, "version");
  json_builder_add_int_value(builder, (gint64)dc_snapshot_version(snapshot));
  json_builder_set_member_name(builder, "clusters");
  json_builder_begin_array(builder);
  for (gsize k = 0; k < dc_snapshot_clusters(snapshot); k++)
    add_cluster(builder, snapshot, k);
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  return json_to_string(root, TRUE);
}

static gboolean
write_json(const DcSnapshot *snapshot, const char *path, GError **error)
{
  g_autofree char *text = make_json(snapshot);
  DcFileWriter writer;
  DcError core_error;
  if (dc_file_create(&writer, path, &core_error) == DC_OK &&
      dc_file_append(&writer, text, strlen(text), &core_error) == DC_OK &&
      dc_file_append(&writer, "\n", 1, &core_error) == DC_OK &&
      dc_file_commit(&writer, &core_error) == DC_OK)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

static gboolean
write_npy(const DcSnapshot *snapshot, const char *path, GError **error)
{
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  const DcNpy array = {.type = DC_NPY_F32,
                       .rank = 2,
                       .shape = {centroids.rows, centroids.cols},
                       .data = centroids.data};
  DcError core_error;
  if (dc_npy_write(path, &array, &core_error) == DC_OK)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

gboolean
dc_state_export(const DcSnapshot *snapshot, const char *path, GError **error)
{
  return g_str_has_suffix(path, ".npy") ? write_npy(snapshot, path, error)
                                        : write_json(snapshot, path, error);
}
