/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/status.h"

#include <stdarg.h>
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

DcStatus
dc_error_set(DcError *error, DcStatus status, const char *format, ...)
{
  if (error) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}
