/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_SINK_H
#define DC_ELEMENTS_GALLERY_SINK_H

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_GALLERY_SINK (gst_gallery_sink_get_type())
G_DECLARE_FINAL_TYPE(GstGallerySink, gst_gallery_sink, GST, GALLERY_SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE(gallery_sink)

G_END_DECLS

#endif
