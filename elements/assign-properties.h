/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ASSIGN_PROPERTIES_H
#define GST_ASSIGN_PROPERTIES_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* The properties of `assign`: their numbers, standard values and descriptions. */

typedef enum { GST_ASSIGN_UNASSIGNED_KEEP, GST_ASSIGN_UNASSIGNED_OMIT } GstAssignUnassigned;

#define GST_TYPE_ASSIGN_UNASSIGNED (gst_assign_unassigned_get_type())
GType gst_assign_unassigned_get_type(void);

enum {
  PROP_0,
  PROP_LABELS_FILE,
  PROP_NOVELTY_THRESHOLD,
  PROP_SMOOTHING,
  PROP_HYSTERESIS,
  PROP_MAX_TRACKS,
  PROP_STATE_ID,
  PROP_UNASSIGNED,
  PROP_POST_MESSAGES,
  PROP_TENSOR_NAME,
  PROP_TENSOR_REGION,
  PROP_STATS
};

#define DEFAULT_NOVELTY_THRESHOLD 0.0
#define DEFAULT_SMOOTHING         0
#define DEFAULT_HYSTERESIS        2
#define DEFAULT_MAX_TRACKS        1024
#define DEFAULT_UNASSIGNED        GST_ASSIGN_UNASSIGNED_KEEP
#define DEFAULT_POST_MESSAGES     FALSE

/* Installs all of them. */
void gst_assign_install_properties(GObjectClass *object_class);

G_END_DECLS

#endif
