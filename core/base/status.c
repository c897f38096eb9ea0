/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/status.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

const char *
dc_status_text(DcStatus status)
{
  switch (status) {
  case DC_OK:
    return "no error";
  case DC_ERROR_ARGUMENT:
    return "value out of range";
  case DC_ERROR_MEMORY:
    return "out of memory";
  case DC_ERROR_SHAPE:
    return "sizes do not fit";
  case DC_ERROR_NOT_FINITE:
    return "not a finite number";
  case DC_ERROR_NOT_FOUND:
    return "not found";
  case DC_ERROR_IO:
    return "reading or writing failed";
  case DC_ERROR_FORMAT:
    return "not a valid file of its format";
  case DC_ERROR_VERSION:
    return "unknown format version";
  case DC_ERROR_UNSUPPORTED:
    return "not supported";
  case DC_ERROR_MISMATCH:
    return "does not belong together";
  case DC_ERROR_NOT_READY:
    return "not enough data yet";
  case DC_ERROR_CANCELLED:
    return "cancelled";
  }
  return "unknown status";
}

/* Quotes from files may hold anything, and what is cut may be cut within a character: controls and
 * bytes that are no UTF-8 become '?'. */
static void
make_one_line(char *text)
{
  for (size_t at = 0; text[at];) {
    size_t valid = dc_utf8_prefix(text + at, SIZE_MAX);
    for (; valid > 0; valid--, at++) {
      if ((unsigned char)text[at] < ' ' || text[at] == 0x7f)
        text[at] = '?';
    }
    if (text[at])
      text[at++] = '?';
  }
}

DcStatus
dc_error_set(DcError *error, DcStatus status, const char *format, ...)
{
  if (error) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    make_one_line(error->message);
  }
  return status;
}
