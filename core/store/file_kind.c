/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/file_kind.h"

#include <string.h>

typedef struct {
  size_t at, length;
  const char *bytes;
  const char *kind;
} Mark;

static const Mark marks[] = {
    {0, 8, "\x89PNG\r\n\x1a\n", "a PNG picture"},
    {0, 3, "\xff\xd8\xff", "a JPEG picture"},
    {0, 4, "GIF8", "a GIF picture"},
    {8, 4, "WEBP", "a WebP picture"},
    {0, 6, "\x93NUMPY", "a NumPy array"},
    {4, 4, "TFL3", "a TensorFlow Lite model"},
    {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes"},
    {0, 4, "PK\x03\x04", "a zip archive, as PyTorch writes"},
    {0, 2, "\x1f\x8b", "a file that gzip has compressed"},
};

const char *
dc_file_kind(const void *bytes, size_t size)
{
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    const Mark *mark = &marks[i];
    if (size >= mark->at + mark->length &&
        memcmp((const char *)bytes + mark->at, mark->bytes, mark->length) == 0)
      return mark->kind;
  }
  return NULL;
}
