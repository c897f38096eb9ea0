/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/labels-file.h"

#include <gio/gio.h>
#include <string.h>

#define MAX_BYTES (1 << 20)

/* The bytes of the file with a terminator, never more than MAX_BYTES of them. */
static gchar *
read_text(const gchar *path, gsize *length, GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, error);
  if (!stream)
    return NULL;
  g_autofree gchar *text = g_malloc(MAX_BYTES + 2);
  if (!g_input_stream_read_all(G_INPUT_STREAM(stream), text, MAX_BYTES + 1, length, NULL, error))
    return NULL;
  text[*length] = '\0';
  return g_steal_pointer(&text);
}

static gboolean
check_text(const gchar *path, const gchar *text, gsize length, GError **error)
{
  if (length > MAX_BYTES)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                "'%s' is larger than 1 MiB: labels are one short line for each cluster", path);
  else if (!g_utf8_validate(text, (gssize)length, NULL))
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                "'%s' is no UTF-8 text: write one label on each line", path);
  else
    return TRUE;
  return FALSE;
}

GPtrArray *
dc_labels_file_read(const gchar *path, GError **error)
{
  gsize length;
  g_autofree gchar *text = read_text(path, &length, error);
  if (!text || !check_text(path, text, length, error))
    return NULL;
  g_autoptr(GPtrArray) labels = g_ptr_array_new_with_free_func(g_free);
  const gchar *line = text;
  if (g_str_has_prefix(line, "\xef\xbb\xbf")) /* a byte order mark is not part of a name */
    line += 3;
  while (*line) {
    gsize size = strcspn(line, "\n");
    gchar *label = g_strstrip(g_strndup(line, size));
    if (!*label)
      g_clear_pointer(&label, g_free);
    g_ptr_array_add(labels, label);
    line += size + (line[size] == '\n');
  }
  return g_steal_pointer(&labels);
}
