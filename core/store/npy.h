/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_NPY_H
#define DC_STORE_NPY_H

#include "base/status.h"

#include <stddef.h>

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

/* Writes an array in version 1.0, as numpy.save() does. */
DcStatus dc_npy_write(const char *path, const DcNpy *array, DcError *error);

#endif
