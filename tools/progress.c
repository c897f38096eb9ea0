/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH     30
#define REDRAW_PERIOD (G_USEC_PER_SEC / 10)

void
dc_progress_start(DcProgress *progress, const char *title)
{
  *progress = (DcProgress){
      .title = g_strdup(title),
      .terminal = isatty(STDERR_FILENO),
      .start = g_get_monotonic_time(),
  };
}

static double
seconds_since(gint64 start)
{
  return (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
}

static void
draw_bar(const DcProgress *progress, double share, const char *note)
{
  char bar[BAR_WIDTH + 1];
  for (int i = 0; i < BAR_WIDTH; i++)
    bar[i] = i < share * BAR_WIDTH ? '#' : '.';
  bar[BAR_WIDTH] = 0;
  double left = share > 0 ? seconds_since(progress->start) * (1 - share) / share : 0;
  fprintf(stderr, "\r%s [%s] %3.0f %%  %.0f s left  %s\033[K", progress->title, bar, 100 * share,
          left, note);
  fflush(stderr);
}

void
dc_progress_show(DcProgress *progress, double done, double total, const char *note)
{
  double share = total > 0 ? CLAMP(done / total, 0, 1) : 0;
  gint64 now = g_get_monotonic_time();
  if (progress->terminal) {
    if (now - progress->last_shown >= REDRAW_PERIOD) {
      progress->last_shown = now;
      draw_bar(progress, share, note ? note : "");
    }
  } else if ((int)(10 * share) > progress->last_tenth) {
    progress->last_tenth = (int)(10 * share);
    fprintf(stderr, "%s: %d %%  %s\n", progress->title, 10 * progress->last_tenth,
            note ? note : "");
  }
}

void
dc_progress_end(DcProgress *progress, const char *note)
{
  fprintf(stderr, "%s%s: done in %.1f s  %s\n", progress->terminal ? "\r\033[K" : "",
          progress->title, seconds_since(progress->start), note ? note : "");
  g_clear_pointer(&progress->title, g_free);
}
