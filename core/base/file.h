/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_FILE_H
#define DC_BASE_FILE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What every reader of a file format shares: opening and reading with messages that say what to do.
 * Writing is in store/file.h. */

/* Opens a regular file for reading and tells its size in bytes. Folders, pipes and devices are
 * refused, since what is read next is bounded by the size. The caller closes `*stream`.
 * DC_ERROR_NOT_FOUND when there is no such file, DC_ERROR_IO when it cannot be opened. */
DcStatus dc_file_open(const char *path, FILE **stream, uint64_t *size, DcError *error);

/* Reads exactly `size` bytes. `path` appears in messages: DC_ERROR_FORMAT for a file that ends
 * before, DC_ERROR_IO when reading fails. */
DcStatus dc_file_read(FILE *stream, const char *path, void *bytes, size_t size, DcError *error);

/* Reads the whole file into `*bytes`, to be freed with dc_free(). DC_ERROR_UNSUPPORTED for more
 * than `most` bytes, DC_ERROR_MEMORY, and the errors of the two above. */
DcStatus dc_file_read_whole(const char *path, size_t most, unsigned char **bytes, size_t *size,
                            DcError *error);

#endif
