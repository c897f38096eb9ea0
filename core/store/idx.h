/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_IDX_H
#define DC_STORE_IDX_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* IDX files (the format of MNIST), plain or gzip-compressed: `00 00 08 rank`, rank big-endian
 * 32-bit sizes, unsigned bytes. */
typedef struct {
  size_t rank; /* 1..4 */
  size_t shape[4];
  uint8_t *data; /* product of the sizes */
  size_t size;
} DcIdx;

/* Reads a whole file; at most 2 GiB of data. dc_idx_clear() frees it. */
DcStatus dc_idx_read(const char *path, DcIdx *idx, DcError *error);
void dc_idx_clear(DcIdx *idx);

/* The same piece by piece, for a file that may be larger than memory. */
typedef struct DcIdxReader DcIdxReader;

/* Reads the header: `shape` (`*rank` sizes) of the data, whose number fits a size_t. Close with
 * dc_idx_close(). */
DcStatus dc_idx_open(const char *path, DcIdxReader **reader, size_t *rank, size_t shape[4],
                     DcError *error);
/* The next `size` bytes; no more than there are may be asked for in all. With the last one, that
 * the file ends there and, for a .gz, its checksum are verified. */
DcStatus dc_idx_next(DcIdxReader *reader, uint8_t *bytes, size_t size, DcError *error);
void dc_idx_close(DcIdxReader *reader); /* NULL is ignored */

/* Writes `data` in this format, gzip-compressed when `path` ends in ".gz". */
DcStatus dc_idx_write(const char *path, const size_t *shape, size_t rank, const uint8_t *data,
                      DcError *error);

#endif
