/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/result.h"

#include <math.h>

/* Sums and differences of two such numbers still fit into gint. */
#define FARTHEST (G_MAXINT / 4)

gboolean
dc_result_box(const DriftclusterResult *result, gint width, gint height, GstVideoRectangle *box)
{
  gdouble left = round(result->x * width), top = round(result->y * height);
  gdouble right = round((result->x + result->width) * width);
  gdouble bottom = round((result->y + result->height) * height);

  /* The sense of the comparisons refuses NaN as well. */
  if (!(fabs(left) <= FARTHEST && fabs(top) <= FARTHEST && fabs(right) <= FARTHEST &&
        fabs(bottom) <= FARTHEST && right >= left && bottom >= top))
    return FALSE;
  *box = (GstVideoRectangle){(gint)left, (gint)top, (gint)(right - left), (gint)(bottom - top)};
  return TRUE;
}

const gchar *
dc_result_label(const DriftclusterResult *result, gchar made[DC_RESULT_LABEL_SIZE])
{
  if (result->label && *result->label)
    return result->label;
  g_snprintf(made, DC_RESULT_LABEL_SIZE, "cluster-%d", result->cluster);
  return made;
}
