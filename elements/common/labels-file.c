/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/labels-file.h"

#include "store/file.h"

#include <string.h>

#define MAX_BYTES (1 << 20)

/* The whole of `stream`, with a terminator. */
static DcStatus
read_text(FILE *stream, gsize size, const gchar *path, gchar **text, DcError *error)
{
  if (size > MAX_BYTES)
    return dc_error_set(
        error, DC_ERROR_FORMAT,
        "'%s' is larger than 1 MiB: give labels-file a text with one short line for "
        "each cluster",
        path);
  g_autofree gchar *bytes = g_malloc(size + 1);
  DcStatus status = dc_file_read(stream, path, bytes, size, error);
  if (status != DC_OK)
    return status;
  bytes[size] = '\0';
  if (!g_utf8_validate(bytes, (gssize)size, NULL))
    return dc_error_set(
        error, DC_ERROR_FORMAT,
        "'%s' is no UTF-8 text: give labels-file a text with one label on each line", path);
  *text = g_steal_pointer(&bytes);
  return DC_OK;
}

static GPtrArray *
split_lines(const gchar *text)
{
  GPtrArray *labels = g_ptr_array_new_with_free_func(g_free);
  if (g_str_has_prefix(text, "\xef\xbb\xbf")) /* a byte order mark is not part of a name */
    text += 3;
  while (*text) {
    gsize size = strcspn(text, "\n");
    gchar *label = g_strstrip(g_strndup(text, size));
    if (!*label)
      g_clear_pointer(&label, g_free);
    g_ptr_array_add(labels, label);
    text += size + (text[size] == '\n');
  }
  return labels;
}

DcStatus
dc_labels_file_read(const gchar *path, GPtrArray **labels, DcError *error)
{
  FILE *stream;
  uint64_t size;
  g_autofree gchar *text = NULL;
  *labels = NULL;
  DcStatus status = dc_file_open(path, &stream, &size, error);
  if (status != DC_OK)
    return status;
  status = read_text(stream, size, path, &text, error);
  fclose(stream);
  if (status == DC_OK)
    *labels = split_lines(text);
  return status;
}
