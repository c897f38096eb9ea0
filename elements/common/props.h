/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_PROPS_H
#define DC_ELEMENTS_PROPS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Flags of a property, named by the highest state in which it may be changed: exactly one
 * mutability flag each, and no copies of the constant texts. A scalar that an application may want
 * to move in time, like a threshold, is CONTROLLABLE. */
#define DC_PARAM_READ         ((GParamFlags)(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS))
#define DC_PARAM_READY        ((GParamFlags)(DC_PARAM_WRITE_ | GST_PARAM_MUTABLE_READY))
#define DC_PARAM_PAUSED       ((GParamFlags)(DC_PARAM_WRITE_ | GST_PARAM_MUTABLE_PAUSED))
#define DC_PARAM_PLAYING      ((GParamFlags)(DC_PARAM_WRITE_ | GST_PARAM_MUTABLE_PLAYING))
#define DC_PARAM_CONTROLLABLE ((GParamFlags)(DC_PARAM_PLAYING | GST_PARAM_CONTROLLABLE))

#define DC_PARAM_WRITE_ (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)

/* Installs the read-only property `stats`, a GstStructure. `blurb` is a constant text that names
 * the structure's fields. */
void dc_props_install_stats(GObjectClass *klass, guint id, const gchar *blurb);

G_END_DECLS

#endif
