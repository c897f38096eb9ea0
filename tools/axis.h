/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_AXIS_H
#define DC_TOOLS_AXIS_H

#include <glib.h>

G_BEGIN_DECLS

/* An axis of a diagram: its range, where its ticks are and how they are labelled. */
typedef struct {
  double least, most; /* what the two ends stand for; least < most */
  double step;        /* between two ticks; of a logarithmic axis: in powers of ten */
  gboolean logarithmic;
} DcAxis;

/* An axis for finite values from `least` to `most` with at most `ticks` (>= 2) ticks at round
 * numbers. Ends at ticks when `round` is set, else at the values. A range of nothing is widened. */
DcAxis dc_axis_linear(double least, double most, guint ticks, gboolean round);

/* The same with logarithmic spacing and ends at powers of ten; 0 < least <= most. */
DcAxis dc_axis_logarithmic(double least, double most, guint ticks);

/* Where a value lies on the axis: 0 at its least end, 1 at the other. */
double dc_axis_place(const DcAxis *axis, double value);

/* Tick number `index` from 0, upwards; FALSE behind the last. */
gboolean dc_axis_tick(const DcAxis *axis, guint index, double *value);

/* The number at a tick, with as many decimals as the step asks for. Free with g_free(). */
char *dc_axis_label(const DcAxis *axis, double tick);

G_END_DECLS

#endif
