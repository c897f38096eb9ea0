/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L

#include "store/idx.h"

#include "base/checked.h"
#include "base/memory.h"
#include "store/file.h"

#include <zlib.h>

#include <stdio.h>
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

static DcStatus
read_header(gzFile gz, const char *path, DcIdx *idx, DcError *error)
{
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
  idx->rank = bytes[3];
  idx->size = 1;
  for (size_t i = 0; i < idx->rank; i++) {
    status = read_exactly(gz, path, bytes, sizeof bytes, error);
    if (status != DC_OK)
      return status;
    idx->shape[i] =
        (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    if (!dc_checked_mul(idx->size, idx->shape[i], &idx->size) || idx->size > MAX_SIZE)
      return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: more than 2 GiB of data", path);
  }
  return DC_OK;
}

/* The sizes in the header are only claims: memory grows with what the file really holds. */
static DcStatus
read_data(gzFile gz, const char *path, DcIdx *idx, DcError *error)
{
  size_t filled = 0;
  do {
    size_t capacity = filled ? 2 * filled : FIRST_STEP;
    if (capacity > idx->size)
      capacity = idx->size;
    uint8_t *larger = DC_NEW(uint8_t, capacity);
    if (!larger)
      return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for %zu bytes", path, idx->size);
    if (filled)
      memcpy(larger, idx->data, filled);
    dc_free(idx->data);
    idx->data = larger;
    DcStatus status = read_exactly(gz, path, larger + filled, capacity - filled, error);
    if (status != DC_OK)
      return status;
    filled = capacity;
  } while (filled < idx->size);
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
read_gz(gzFile gz, const char *path, DcIdx *idx, DcError *error)
{
  DcStatus status = read_header(gz, path, idx, error);
  if (status == DC_OK)
    status = read_data(gz, path, idx, error);
  if (status == DC_OK)
    status = expect_end(gz, path, error);
  return status;
}

DcStatus
dc_idx_read(const char *path, DcIdx *idx, DcError *error)
{
  *idx = (DcIdx){0};
  FILE *stream;
  uint64_t size;
  DcStatus status = dc_file_open(path, &stream, &size, error);
  if (status != DC_OK)
    return status;
  gzFile gz = open_gz(stream, "rb");
  if (gz) {
    status = read_gz(gz, path, idx, error);
    gzclose(gz);
  } else {
    status = dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to read it", path);
  }
  fclose(stream);
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
