/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "labels.h"

#include "command.h"
#include "store/idx.h"
#include "store/npy.h"

#include <string.h>

/* What the core says of a file; of one that is of another kind also which kinds there are. */
static gboolean
refuse_file(const DcError *core_error, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -(int)core_error->status, "%s%s", core_error->message,
              core_error->status == DC_ERROR_FORMAT
                  ? "; labels are a .npy or an IDX file of one dimension"
                  : "");
  return FALSE;
}

static gboolean
refuse_shape(const char *path, gsize rank, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "%s: it holds no labels, which have one dimension, but an array of %zu: pictures or "
              "vectors; name the file with a label for each",
              path, rank);
  return FALSE;
}

static gboolean
take_idx(const char *path, const DcIdx *idx, DcLabels *labels, GError **error)
{
  if (idx->rank != 1)
    return refuse_shape(path, idx->rank, error);
  labels->count = idx->shape[0];
  labels->values = g_new(guint32, labels->count);
  for (gsize i = 0; i < labels->count; i++)
    labels->values[i] = idx->data[i];
  return TRUE;
}

/* Number `i` as a label; DC_NO_LABEL when it is none. */
static guint32
label_at(const DcNpy *array, gsize i)
{
  switch (array->type) {
  case DC_NPY_U8:
    return ((const guint8 *)array->data)[i];
  case DC_NPY_U32:
    return ((const guint32 *)array->data)[i];
  case DC_NPY_I64: {
    gint64 number = ((const gint64 *)array->data)[i];
    return number >= 0 && number < DC_NO_LABEL ? (guint32)number : DC_NO_LABEL;
  }
  default:
    return DC_NO_LABEL;
  }
}

static gboolean
take_npy(const char *path, const DcNpy *array, DcLabels *labels, GError **error)
{
  if (array->rank != 1)
    return refuse_shape(path, array->rank, error);
  labels->count = array->shape[0];
  labels->values = g_new(guint32, labels->count);
  for (gsize i = 0; i < labels->count; i++) {
    labels->values[i] = label_at(array, i);
    if (labels->values[i] == DC_NO_LABEL) {
      g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
                  "%s: number %zu is no label; labels are whole numbers (uint8, uint32 or int64) "
                  "from 0 to %u",
                  path, i, DC_NO_LABEL - 1);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
dc_labels_read(const char *path, DcLabels *labels, GError **error)
{
  *labels = (DcLabels){0};
  DcError core_error;
  gboolean well;
  if (g_str_has_suffix(path, ".npy")) {
    DcNpy array;
    if (dc_npy_read(path, &array, &core_error) != DC_OK)
      return refuse_file(&core_error, error);
    well = take_npy(path, &array, labels, error);
    dc_npy_clear(&array);
  } else {
    DcIdx idx;
    if (dc_idx_read(path, &idx, &core_error) != DC_OK)
      return refuse_file(&core_error, error);
    well = take_idx(path, &idx, labels, error);
    dc_idx_clear(&idx);
  }
  if (!well)
    dc_labels_clear(labels);
  return well;
}

void
dc_labels_clear(DcLabels *labels)
{
  g_clear_pointer(&labels->values, g_free);
  labels->count = 0;
}

/* Takes `beside`. */
static char *
if_it_exists(char *beside)
{
  if (g_file_test(beside, G_FILE_TEST_EXISTS))
    return beside;
  g_free(beside);
  return NULL;
}

static char *
beside_idx(const char *path)
{
  g_autoptr(GRegex) kind = g_regex_new("(images|points|vectors)-idx[234]", 0, 0, NULL);
  g_autofree char *folder = g_path_get_dirname(path);
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *renamed = g_regex_replace(kind, name, -1, 0, "labels-idx1", 0, NULL);
  return renamed && strcmp(name, renamed) != 0
             ? if_it_exists(g_build_filename(folder, renamed, NULL))
             : NULL;
}

char *
dc_labels_beside(const char *path)
{
  if (!g_str_has_suffix(path, ".npy"))
    return beside_idx(path);
  int stem = (int)(strlen(path) - strlen(".npy"));
  char *beside = if_it_exists(g_strdup_printf("%.*s-labels.npy", stem, path));
  return beside ? beside : if_it_exists(g_strdup_printf("%.*s_labels.npy", stem, path));
}
