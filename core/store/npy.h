/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_NPY_H
#define DC_STORE_NPY_H

#include "base/status.h"

#include <stddef.h>
#include <stdio.h>

/* NumPy's .npy files (numpy.lib.format, versions 1.0 to 3.0): arrays of 1 or 2 dimensions, rows one
 * after the other, little-endian. */
typedef enum { DC_NPY_F32, DC_NPY_F64, DC_NPY_U8, DC_NPY_U32, DC_NPY_I64 } DcNpyType;

typedef struct {
  DcNpyType type;
  size_t rank;     /* 1 or 2 */
  size_t shape[2]; /* shape[1] is 1 for rank 1 */
  void *data;      /* shape[0] * shape[1] numbers, aligned to DC_ALIGNMENT when read */
} DcNpy;

/* Bytes of one number of `type`. */
size_t dc_npy_type_size(DcNpyType type);

/* Reads a whole file, whose size must be what its header says; dc_npy_clear() frees it.
 * DC_ERROR_UNSUPPORTED names a type, an order or a rank that is not read. */
DcStatus dc_npy_read(const char *path, DcNpy *array, DcError *error);
void dc_npy_clear(DcNpy *array);

/* The same piece by piece, for a file that may be larger than memory. */
typedef struct {
  FILE *stream;
  char *path;
  DcNpyType type;
  size_t rank, shape[2]; /* as in DcNpy */
} DcNpyReader;

/* Reads the header, with the checks of dc_npy_read(). Close with dc_npy_close() unless it failed.
 */
DcStatus dc_npy_open(DcNpyReader *reader, const char *path, DcError *error);
/* The next `count` numbers; no more than there are may be asked for in all. */
DcStatus dc_npy_next(DcNpyReader *reader, void *numbers, size_t count, DcError *error);
void dc_npy_close(DcNpyReader *reader);

/* Writes an array in version 1.0, as numpy.save() does. */
DcStatus dc_npy_write(const char *path, const DcNpy *array, DcError *error);

#endif
