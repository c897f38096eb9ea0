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

/* Writes `data` in this format, gzip-compressed when `path` ends in ".gz". */
DcStatus dc_idx_write(const char *path, const size_t *shape, size_t rank, const uint8_t *data,
                      DcError *error);

#endif
