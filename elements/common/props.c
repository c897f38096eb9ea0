/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/props.h"

void
dc_props_install_stats(GObjectClass *klass, guint id, const gchar *blurb)
{
  g_object_class_install_property(klass, id,
                                  g_param_spec_boxed("stats", "Statistics", blurb,
                                                     GST_TYPE_STRUCTURE, DC_PARAM_READ));
}
