/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LINE_OUTPUT_H
#define DC_ELEMENTS_LINE_OUTPUT_H

#include <glib.h>

G_BEGIN_DECLS

/* Where lines of text go: a file, a FIFO, a descriptor that somebody else opened, or stdout.
 *
 * A line leaves the process as soon as it is written, so that `tail -f` follows and a crash loses
 * nothing. Writing to a pipe or socket waits while the reader is behind (dc_line_output_interrupt()
 * ends the wait) and never raises SIGPIPE. A line that was cut short, say by a full disk, is taken
 * back out of a file; elsewhere, and where a file ended so when it was opened, it is closed with a
 * line feed before the next one, so that it spoils no other. */
typedef struct DcLineOutput DcLineOutput;

/* Opens `location`: a path, `-` for stdout or `fd://N` for descriptor N, which is not closed in the
 * end. A file is made where there is none; one that exists is emptied unless `append`. NULL with
 * `error` in the domain G_FILE_ERROR when it cannot be written. */
DcLineOutput *dc_line_output_open(const gchar *location, gboolean append, GError **error);

/* Writes `length` bytes of `line`, which ends with a line feed. FALSE with `error` (G_FILE_ERROR)
 * when part of it or all was lost; later lines may succeed. One thread at a time. */
gboolean dc_line_output_write(DcLineOutput *output, const gchar *line, gsize length,
                              GError **error);

/* While `interrupt` is set, a write that would wait for a reader fails at once with
 * G_FILE_ERROR_INTR. From any thread. */
void dc_line_output_interrupt(DcLineOutput *output, gboolean interrupt);

/* Closes and frees; NULL is ignored. */
void dc_line_output_close(DcLineOutput *output);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcLineOutput, dc_line_output_close)

G_END_DECLS

#endif
