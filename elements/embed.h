/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_EMBED_H
#define GST_EMBED_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_EMBED (gst_embed_get_type())
G_DECLARE_FINAL_TYPE(GstEmbed, gst_embed, GST, EMBED, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(embed);

G_END_DECLS

#endif
