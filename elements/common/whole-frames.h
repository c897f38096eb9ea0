/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_WHOLE_FRAMES_H
#define DC_ELEMENTS_WHOLE_FRAMES_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

/* For GstBaseTransformClass.propose_allocation of a final class that looks at pixels in place: has
 * upstream send frames of the size of the caps. The proposal of the parent class is that of the
 * element downstream; where that takes GstVideoCropMeta, as video sinks do, decoders and videocrop
 * would leave it to it to cut larger frames. */
gboolean dc_whole_frames_propose_allocation(GstBaseTransform *base, GstQuery *decide,
                                            GstQuery *query);

G_END_DECLS

#endif
