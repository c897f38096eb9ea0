/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L

#include "base/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

DcStatus
dc_file_open(const char *path, FILE **stream, uint64_t *size, DcError *error)
{
  /* Without O_NONBLOCK opening a pipe would wait for a writer before it could be refused. */
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    DcStatus status = errno == ENOENT || errno == ENOTDIR ? DC_ERROR_NOT_FOUND : DC_ERROR_IO;
    return dc_error_set(error, status, "%s: cannot open it for reading: %s", path, strerror(errno));
  }
  struct stat info;
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(descriptor);
    return dc_error_set(error, DC_ERROR_IO, "%s: is not a regular file; name a file", path);
  }
  FILE *opened = fdopen(descriptor, "rb");
  if (!opened) {
    close(descriptor);
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to read it", path);
  }
  *stream = opened;
  *size = (uint64_t)info.st_size;
  return DC_OK;
}

DcStatus
dc_file_read(FILE *stream, const char *path, void *bytes, size_t size, DcError *error)
{
  if (fread(bytes, 1, size, stream) == size)
    return DC_OK;
  if (ferror(stream))
    return dc_error_set(error, DC_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: the file ends early; it is truncated or damaged",
                      path);
}

static DcStatus
read_open(FILE *stream, const char *path, unsigned char **bytes, size_t size, DcError *error)
{
  *bytes = DC_NEW(unsigned char, size);
  if (!*bytes)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for %zu bytes", path, size);
  DcStatus status = dc_file_read(stream, path, *bytes, size, error);
  if (status) {
    dc_free(*bytes);
    *bytes = NULL;
  }
  return status;
}

DcStatus
dc_file_read_whole(const char *path, size_t most, unsigned char **bytes, size_t *size,
                   DcError *error)
{
  FILE *stream = NULL;
  uint64_t length = 0;
  *bytes = NULL;
  DcStatus status = dc_file_open(path, &stream, &length, error);
  if (status)
    return status;
  if (length > most)
    status = dc_error_set(error, DC_ERROR_UNSUPPORTED,
                          "%s: more than %zu MiB, too large to be read", path, most >> 20);
  else
    status = read_open(stream, path, bytes, *size = (size_t)length, error);
  fclose(stream);
  return status;
}
