/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ASSIGN_H
#define DC_ELEMENTS_ASSIGN_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_ASSIGN (gst_assign_get_type())
G_DECLARE_FINAL_TYPE(GstAssign, gst_assign, GST, ASSIGN, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(assign);

G_END_DECLS

#endif
