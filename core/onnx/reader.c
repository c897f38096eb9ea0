/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/reader.h"

#include <stdbool.h>
#include <string.h>

void *
dc_onnx_take(const DcOnnxReader *reader, size_t count, size_t size)
{
  void *piece = dc_arena_chain_take(reader->memory, count, size);
  if (!piece)
    dc_error_set(reader->error, DC_ERROR_MEMORY, "%s: no memory for %zu times %zu bytes",
                 reader->name, count, size);
  return piece;
}

static bool
is_fit(const char *name)
{
  for (const char *at = name; *at; at++)
    if ((unsigned char)*at < ' ' || *at == 0x7f)
      return false;
  const size_t length = strlen(name);
  return dc_utf8_prefix(name, length) == length;
}

DcStatus
dc_onnx_copy_name(const DcOnnxReader *reader, const char *name, const char *what, const char **copy)
{
  *copy = "";
  if (!name || !*name)
    return DC_OK;
  if (!is_fit(name))
    return dc_error_set(reader->error, DC_ERROR_FORMAT,
                        "%s: %s has a name that is not UTF-8 or has control characters",
                        reader->name, what);
  const size_t size = strlen(name) + 1;
  char *text = dc_onnx_take(reader, size, 1);
  if (!text)
    return DC_ERROR_MEMORY;
  memcpy(text, name, size);
  *copy = text;
  return DC_OK;
}
