/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_STATUS_H
#define DC_BASE_STATUS_H

/* Result codes of the core.
 *
 * A function that can fail returns a DcStatus and, where a caller can do something about the
 * failure, takes a DcError at the end of its arguments. Who detects an error writes its message
 * (what is wrong, where, what to do); who passes it on adds nothing. The core never logs, aborts
 * or exits. */

typedef enum {
  DC_OK = 0,
  DC_ERROR_ARGUMENT = -1,    /* a value outside its documented range */
  DC_ERROR_MEMORY = -2,      /* an allocation failed */
  DC_ERROR_SHAPE = -3,       /* sizes that do not fit each other */
  DC_ERROR_NOT_FINITE = -4,  /* NaN or infinity where a number is needed */
  DC_ERROR_NOT_FOUND = -5,   /* a file or a named entry is missing */
  DC_ERROR_IO = -6,          /* reading or writing failed */
  DC_ERROR_FORMAT = -7,      /* a file that breaks its format, or is not of it */
  DC_ERROR_VERSION = -8,     /* a file of a version that this build does not read */
  DC_ERROR_UNSUPPORTED = -9, /* valid, but not something this build can do */
  DC_ERROR_MISMATCH = -10,   /* two valid things that do not belong together */
  DC_ERROR_NOT_READY = -11,  /* asked too early: not enough data yet */
  DC_ERROR_CANCELLED = -12   /* stopped on request */
} DcStatus;

/* Where a failure is described. A caller that wants no text passes NULL. */
typedef struct {
  DcStatus status;
  char message[512]; /* UTF-8, one line, always terminated */
} DcError;

/* A short English text for `status`; never NULL. */
const char *dc_status_text(DcStatus status);

/* Stores status and formatted text in `error` (NULL: nothing is stored). Returns `status`, so that
 * detecting an error is one statement: `return dc_error_set(error, DC_ERROR_SHAPE, "...", ...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
DcStatus
dc_error_set(DcError *error, DcStatus status, const char *format, ...);

#endif
