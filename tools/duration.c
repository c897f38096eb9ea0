/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "duration.h"

char *
dc_duration_text(double seconds)
{
  if (seconds < 9.95)
    return g_strdup_printf("%.1f s", seconds);
  if (seconds < 119.5)
    return g_strdup_printf("%.0f s", seconds);
  if (seconds < 119.5 * 60)
    return g_strdup_printf("%.0f min", seconds / 60);
  return g_strdup_printf("%.1f h", seconds / 3600);
}
