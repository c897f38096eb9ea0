/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_FILE_H
#define DC_STORE_FILE_H

#include "base/file.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

/* What every writer of a file format shares: either the old file is left or the whole new one. */

/* A file being written under a temporary name beside its own. */
typedef struct {
  FILE *stream;    /* to write to; errors may be left to dc_file_commit() */
  char *path;      /* behind symbolic links; of a device or pipe as given */
  char *temporary; /* NULL for a device or pipe, which is written to directly */
} DcFileWriter;

/* What `path` means once symbolic links in its last part are followed, whether there is a file or
 * not: renaming a file over a link would replace the link. Free with free(). NULL, with errno, when
 * memory is short or links lead in a circle. */
char *dc_file_behind_links(const char *path);

/* A file that exists already keeps its permissions. DC_ERROR_IO when the folder cannot be written
 * to; nothing is left behind then. */
DcStatus dc_file_create(DcFileWriter *writer, const char *path, DcError *error);

/* Writes `size` bytes. DC_ERROR_IO says why it could not; the writer is discarded then. */
DcStatus dc_file_append(DcFileWriter *writer, const void *bytes, size_t size, DcError *error);

/* Closes the file and puts it in the place of `path`. On failure (a full disk, say) an existing
 * file is untouched. Either way the writer is empty afterwards. */
DcStatus dc_file_commit(DcFileWriter *writer, DcError *error);

/* The same for what must outlive a power cut: at no moment is there a `path` that is neither the
 * old nor the new file, on the disk included. With `keep_previous` the old file stays as
 * `path`.previous. Slower than dc_file_commit() by what the disk takes to confirm. */
DcStatus dc_file_commit_durably(DcFileWriter *writer, bool keep_previous, DcError *error);

/* Leaves `path`.previous in the place of `path`, as when something new is written; no file at all
 * is fine. */
DcStatus dc_file_set_aside(const char *path, DcError *error);

/* Gives up: closes and removes the temporary file. An empty writer is accepted. */
void dc_file_discard(DcFileWriter *writer);

#endif
