/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_SAFETENSORS_H
#define DC_STORE_SAFETENSORS_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Reading and writing safetensors files: 8 bytes little-endian header length, a JSON header with
 * type, shape and byte range of each named tensor and string metadata, then the data. Everything
 * read is bounded before it is used; ranges must not overlap, leave gaps or pass the end. */

#define DC_TENSOR_MAX_RANK  8
#define DC_TENSOR_FILE_MOST (((size_t)2 << 30) - ((size_t)16 << 20)) /* bytes of all tensors */

typedef enum { DC_TENSOR_F32, DC_TENSOR_F64, DC_TENSOR_I64, DC_TENSOR_U8 } DcTensorType;

typedef struct {
  const char *name;
  DcTensorType type;
  size_t rank;
  size_t shape[DC_TENSOR_MAX_RANK];
  const void *data; /* little-endian, as on every machine this is built for */
  size_t bytes;
} DcTensor;

/* A file read into memory. */
typedef struct DcTensorFile DcTensorFile;

DcStatus dc_tensor_file_read(const char *path, DcTensorFile **file, DcError *error);
/* The same from a block of memory, which is copied; `name` appears in messages. */
DcStatus dc_tensor_file_parse(const void *bytes, size_t size, const char *name, DcTensorFile **file,
                              DcError *error);
void dc_tensor_file_free(DcTensorFile *file);

size_t dc_tensor_file_count(const DcTensorFile *file);
const DcTensor *dc_tensor_file_at(const DcTensorFile *file, size_t index);
/* The tensor of that name, or NULL. Data lie at an address aligned for their type. */
const DcTensor *dc_tensor_file_find(const DcTensorFile *file, const char *name);
/* The value of a key of __metadata__, or NULL. */
const char *dc_tensor_file_metadata(const DcTensorFile *file, const char *key);

/* The named tensor, checked for type and shape (`rank` sizes; 0 means any size, which the caller
 * reads from the tensor). The message names file, tensor, what is there and what is needed. */
DcStatus dc_tensor_file_need(const DcTensorFile *file, const char *name, DcTensorType type,
                             size_t rank, const size_t *shape, const DcTensor **tensor,
                             DcError *error);

/* Whether this is a file of ours: the metadata `format` and `format_version` are these, and
 * `checksum`, when there is one, is that of the tensors. DC_ERROR_FORMAT or DC_ERROR_VERSION. */
DcStatus dc_tensor_file_expect(const DcTensorFile *file, const char *format, const char *version,
                               DcError *error);

/* The value for the key `checksum`: "sha256:" and 64 hexadecimal digits over the name, a 0 byte and
 * the data of each tensor, in the byte order of the names. Free with g_free(). */
char *dc_tensors_checksum(const DcTensor *tensors, size_t n_tensors);

/* Writes tensors and metadata (`metadata` = 2 * n_metadata strings, key and value in turn)
 * atomically: a temporary file beside `path`, fsync, rename. With `keep_previous` an existing file
 * is kept as `path`.previous. On failure the old file is untouched and the message says what to do.
 */
DcStatus dc_tensor_file_write(const char *path, const DcTensor *tensors, size_t n_tensors,
                              const char *const *metadata, size_t n_metadata, int keep_previous,
                              DcError *error);

#endif
