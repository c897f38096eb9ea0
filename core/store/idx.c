/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L

#include "store/idx.h"

#include "base/checked.h"
#include "base/memory.h"
#include "store/file.h"

#include <zlib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RANK   4
#define MAX_SIZE   ((size_t)2 << 30)
#define TYPE_BYTE  0x08 /* unsigned bytes, the only type that MNIST and its kin use */
#define FIRST_STEP ((size_t)1 << 20)
#define MAX_STEP   ((size_t)1 << 30) /* zlib counts what it reads at once in an int */

/* Files are read and written through zlib, which passes plain ones unchanged. The stream keeps its
 * file descriptor, gz has a copy. */
static gzFile
open_gz(FILE *stream, const char *mode)
{
  int descriptor = dup(fileno(stream));
  gzFile gz = descriptor < 0 ? NULL : gzdopen(descriptor, mode);
  if (!gz && descriptor >= 0)
    close(descriptor);
  return gz;
}

struct DcIdxReader {
  gzFile gz;
  char *path;
  size_t left; /* bytes of data not read yet */
};

static DcStatus
damaged(gzFile gz, const char *path, DcError *error)
{
  int code;
  const char *reason = gzerror(gz, &code);
  if (code == Z_ERRNO)
    return dc_error_set(error, DC_ERROR_IO, "%s: reading failed", path);
  if (code == Z_MEM_ERROR)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to unpack it", path);
  if (code != Z_OK && code != Z_BUF_ERROR)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: damaged gzip data: %s", path, reason);
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: the file ends early; it is truncated or damaged",
                      path);
}

static DcStatus
read_exactly(gzFile gz, const char *path, void *bytes, size_t size, DcError *error)
{
  unsigned char *next = bytes;
  while (size > 0) {
    size_t step = size < MAX_STEP ? size : MAX_STEP;
    int got = gzread(gz, next, (unsigned)step);
    if (got <= 0)
      return damaged(gz, path, error);
    next += got;
    size -= (size_t)got;
  }
  return DC_OK;
}

/* Reading on to the end also makes zlib compare the checksum. */
static DcStatus
expect_end(gzFile gz, const char *path, DcError *error)
{
  uint8_t extra;
  int got = gzread(gz, &extra, 1);
  int code;
  gzerror(gz, &code);
  if (got < 0 || code != Z_OK)
    return damaged(gz, path, error);
  if (got > 0)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: more data than its header says", path);
  return DC_OK;
}

static DcStatus
read_header(DcIdxReader *reader, size_t *rank, size_t shape[MAX_RANK], DcError *error)
{
  gzFile gz = reader->gz;
  const char *path = reader->path;
  uint8_t bytes[4];
  DcStatus status = read_exactly(gz, path, bytes, sizeof bytes, error);
  if (status != DC_OK)
    return status;
  if (bytes[0] != 0 || bytes[1] != 0)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: is not an IDX file", path);
  if (bytes[2] != TYPE_BYTE || bytes[3] < 1 || bytes[3] > MAX_RANK)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: IDX data of type 0x%02x in %d dimensions; 0x08 (unsigned bytes) in 1 "
                        "to %d dimensions is read",
                        path, bytes[2], bytes[3], MAX_RANK);
  *rank = bytes[3];
  reader->left = 1;
  for (size_t i = 0; i < *rank; i++) {
    status = read_exactly(gz, path, bytes, sizeof bytes, error);
    if (status != DC_OK)
      return status;
    shape[i] = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    if (!dc_checked_mul(reader->left, shape[i], &reader->left))
      return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: more data than a machine can hold",
                          path);
  }
  return reader->left ? DC_OK : expect_end(gz, path, error);
}

DcStatus
dc_idx_open(const char *path, DcIdxReader **reader, size_t *rank, size_t shape[MAX_RANK],
            DcError *error)
{
  *reader = NULL;
  FILE *stream;
  uint64_t size;
  DcStatus status = dc_file_open(path, &stream, &size, error);
  if (status != DC_OK)
    return status;
  DcIdxReader *made = calloc(1, sizeof *made);
  if (made) {
    made->path = strdup(path);
    made->gz = open_gz(stream, "rb");
  }
  fclose(stream);
  status = made && made->path && made->gz
               ? read_header(made, rank, shape, error)
               : dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to read it", path);
  if (status == DC_OK)
    *reader = made;
  else
    dc_idx_close(made);
  return status;
}

DcStatus
dc_idx_next(DcIdxReader *reader, uint8_t *bytes, size_t size, DcError *error)
{
  if (size == 0)
    return DC_OK;
  DcStatus status = read_exactly(reader->gz, reader->path, bytes, size, error);
  reader->left -= size;
  return status == DC_OK && reader->left == 0 ? expect_end(reader->gz, reader->path, error)
                                              : status;
}

void
dc_idx_close(DcIdxReader *reader)
{
  if (!reader)
    return;
  if (reader->gz)
    gzclose(reader->gz);
  free(reader->path);
  free(reader);
}

/* The sizes in the header are only claims: memory grows with what the file really holds. */
static DcStatus
read_data(DcIdxReader *reader, DcIdx *idx, DcError *error)
{
  size_t filled = 0;
  do {
    size_t capacity = filled ? 2 * filled : FIRST_STEP;
    if (capacity > idx->size)
      capacity = idx->size;
    uint8_t *larger = DC_NEW(uint8_t, capacity);
    if (!larger)
      return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for %zu bytes", reader->path,
                          idx->size);
    if (filled)
      memcpy(larger, idx->data, filled);
    dc_free(idx->data);
    idx->data = larger;
    DcStatus status = dc_idx_next(reader, larger + filled, capacity - filled, error);
    if (status != DC_OK)
      return status;
    filled = capacity;
  } while (filled < idx->size);
  return DC_OK;
}

DcStatus
dc_idx_read(const char *path, DcIdx *idx, DcError *error)
{
  *idx = (DcIdx){0};
  DcIdxReader *reader;
  DcStatus status = dc_idx_open(path, &reader, &idx->rank, idx->shape, error);
  if (status == DC_OK) {
    idx->size = reader->left;
    status = idx->size > MAX_SIZE
                 ? dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: more than 2 GiB of data", path)
                 : read_data(reader, idx, error);
  }
  dc_idx_close(reader);
  if (status != DC_OK)
    dc_idx_clear(idx);
  return status;
}

void
dc_idx_clear(DcIdx *idx)
{
  dc_free(idx->data);
  *idx = (DcIdx){0};
}

/* False when zlib could not pass everything on. */
static int
write_gz(gzFile gz, const size_t *shape, size_t rank, const uint8_t *data, size_t size)
{
  uint8_t header[4 + 4 * MAX_RANK] = {0, 0, TYPE_BYTE, (uint8_t)rank};
  for (size_t i = 0; i < rank; i++)
    for (size_t byte = 0; byte < 4; byte++)
      header[4 + 4 * i + byte] = (uint8_t)(shape[i] >> (24 - 8 * byte));
  int written = gzwrite(gz, header, (unsigned)(4 + 4 * rank)) > 0;
  while (written && size > 0) {
    size_t step = size < MAX_STEP ? size : MAX_STEP;
    written = gzwrite(gz, data, (unsigned)step) > 0;
    data += step;
    size -= step;
  }
  return written;
}

static int
has_suffix(const char *text, const char *suffix)
{
  size_t length = strlen(text), wanted = strlen(suffix);
  return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

DcStatus
dc_idx_write(const char *path, const size_t *shape, size_t rank, const uint8_t *data,
             DcError *error)
{
  size_t size = 1;
  int valid = rank >= 1 && rank <= MAX_RANK;
  for (size_t i = 0; valid && i < rank; i++)
    valid = shape[i] <= UINT32_MAX && dc_checked_mul(size, shape[i], &size) && size <= MAX_SIZE;
  if (!valid)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%s: an IDX file holds at most 2 GiB in 1 to %d dimensions", path,
                        MAX_RANK);

  DcFileWriter writer;
  DcStatus status = dc_file_create(&writer, path, error);
  if (status != DC_OK)
    return status;
  gzFile gz = open_gz(writer.stream, has_suffix(path, ".gz") ? "wb" : "wbT");
  int written = gz && write_gz(gz, shape, rank, data, size);
  if (gz && gzclose(gz) != Z_OK)
    written = 0;
  if (!written) {
    dc_file_discard(&writer);
    return dc_error_set(error, DC_ERROR_IO, "%s: writing failed; is the disk full?", path);
  }
  return dc_file_commit(&writer, error);
}
