/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FIND_MOTION_H
#define GST_FIND_MOTION_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_FIND_MOTION (gst_find_motion_get_type())
G_DECLARE_FINAL_TYPE(GstFindMotion, gst_find_motion, GST, FIND_MOTION, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(find_motion);

G_END_DECLS

#endif
