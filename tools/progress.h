/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PROGRESS_H
#define DC_TOOLS_PROGRESS_H

#include <glib.h>

G_BEGIN_DECLS

/* A progress bar on stderr with the rate and the time left, never wider than the terminal; a plain
 * line at every tenth part when stderr is not a terminal. One bar at a time, from one thread. */
typedef struct {
  char *title;
  const char *unit; /* of what dc_progress_count() counts; NULL: nothing was counted */
  gboolean terminal;
  gint64 start; /* monotonic, microseconds */
  gint64 last_shown;
  int last_tenth;
  double first_share, share; /* of the work; the first one shown, and the last */
  double counted;            /* since the rate was taken last */
  double rate;               /* units a second, smoothed; 0: not known yet */
  gint64 rate_taken;
} DcProgress;

void dc_progress_start(DcProgress *progress, const char *title);

/* Tells that `count` more were worked on, "samples" for instance: the bar shows how many a second.
 * `unit` must outlive the bar. */
void dc_progress_count(DcProgress *progress, double count, const char *unit);

/* Shows that `done` of `total` units are done; `note` ("loss 0.021") may be NULL. What was done at
 * the first call is taken as done before: the time left is judged by what came after. Cheap when
 * nothing is due to be drawn. */
void dc_progress_show(DcProgress *progress, double done, double total, const char *note);

/* Takes the bar off its line, for other words there; dc_progress_show() draws it again. */
void dc_progress_clear(DcProgress *progress);

/* Ends the bar with a line that stays: title, time taken, how far it went when that is not all, and
 * note. */
void dc_progress_end(DcProgress *progress, const char *note);

G_END_DECLS

#endif
