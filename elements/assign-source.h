/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ASSIGN_SOURCE_H
#define GST_ASSIGN_SOURCE_H

#include "common/shared-state.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* Where the clusters of an `assign` come from, and whether there is anybody to make them. Of the
 * streaming thread. */
typedef struct {
  DcSharedState *shared; /* NULL: clusters come in line */
  gboolean heard;        /* in line somebody has told which clusters there are, even if none yet */
  gboolean told;         /* that there is nobody */
  GstClockTime missed_since;
} GstAssignSource;

/* `id` NULL: clusters come in line. */
void gst_assign_source_open(GstAssignSource *source, const gchar *id);
void gst_assign_source_close(GstAssignSource *source);

/* Warns, once, when nobody makes the clusters that `element` waits for. Call it at each buffer and,
 * with `ending`, at the end of the stream, which ends all waiting. */
void gst_assign_source_check(GstAssignSource *source, GstElement *element, gboolean ending);

G_END_DECLS

#endif
