/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_RAW_FILES_H
#define DC_TESTS_RAW_FILES_H

#include "base/memory.h"
#include "tensor/matrix.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Raw little-endian arrays in a folder: how programs in other languages hand data to ours. Anything
 * wrong ends the program with a message. */

typedef struct {
  void *data; /* of dc_alloc(), or NULL when the file is not there */
  size_t bytes;
} Content;

static inline void
fail(const char *what, const char *why)
{
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static inline Content
read_file(const char *folder, const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file)
    return (Content){NULL, 0};
  Content content = {NULL, 0};
  fseek(file, 0, SEEK_END);
  content.bytes = (size_t)ftell(file);
  rewind(file);
  content.data = dc_alloc(content.bytes, 1);
  if (!content.data || fread(content.data, 1, content.bytes, file) != content.bytes)
    fail(path, "cannot be read");
  fclose(file);
  return content;
}

/* The content as float32 rows of `dim` numbers. */
static inline DcMatrix
rows_of(const Content *content, size_t dim)
{
  return dc_matrix(content->data, content->bytes / sizeof(float) / dim, dim);
}

static inline void
write_file(const char *folder, const char *name, const void *data, size_t bytes)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file))
    fail(path, "cannot be written");
}

static inline void
write_labels(const char *folder, const uint32_t *labels, size_t count)
{
  write_file(folder, "labels.u32", labels, count * sizeof *labels);
}

#endif
