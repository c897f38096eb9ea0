/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/error.h"

static GQuark
domain_of(DcStatus status, gint *code)
{
  switch (status) {
  case DC_ERROR_NOT_FOUND:
    *code = GST_RESOURCE_ERROR_NOT_FOUND;
    return GST_RESOURCE_ERROR;
  case DC_ERROR_IO:
    *code = GST_RESOURCE_ERROR_READ;
    return GST_RESOURCE_ERROR;
  case DC_ERROR_MEMORY:
    *code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
    return GST_RESOURCE_ERROR;
  case DC_ERROR_FORMAT:
  case DC_ERROR_VERSION:
  case DC_ERROR_UNSUPPORTED:
    *code = GST_STREAM_ERROR_WRONG_TYPE;
    return GST_STREAM_ERROR;
  case DC_ERROR_ARGUMENT:
  case DC_ERROR_SHAPE:
  case DC_ERROR_MISMATCH:
    *code = GST_LIBRARY_ERROR_SETTINGS;
    return GST_LIBRARY_ERROR;
  default:
    *code = GST_LIBRARY_ERROR_FAILED;
    return GST_LIBRARY_ERROR;
  }
}

void
dc_element_post(GstElement *element, GstMessageType type, const DcError *error, const gchar *file,
                const gchar *function, gint line)
{
  gint code;
  GQuark domain = domain_of(error->status, &code);
  gst_element_message_full(element, type, domain, code, g_strdup(error->message),
                           g_strdup(dc_status_text(error->status)), file, function, line);
}
