/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ERROR_H
#define DC_ELEMENTS_ERROR_H

#include "base/status.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts what the core says of a failure as an error or a warning of `element`: the text for people
 * is the core's own, domain and code follow from the status. Post where the failure ends the work,
 * once; who passes it on posts nothing. Any thread, without locks. */
#define DC_ELEMENT_ERROR(element, error)   DC_ELEMENT_POST_(element, GST_MESSAGE_ERROR, error)
#define DC_ELEMENT_WARNING(element, error) DC_ELEMENT_POST_(element, GST_MESSAGE_WARNING, error)

#define DC_ELEMENT_POST_(element, type, error)                                                     \
  dc_element_post(GST_ELEMENT(element), type, error, __FILE__, GST_FUNCTION, __LINE__)

void dc_element_post(GstElement *element, GstMessageType type, const DcError *error,
                     const gchar *file, const gchar *function, gint line);

G_END_DECLS

#endif
