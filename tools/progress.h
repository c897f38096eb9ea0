/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PROGRESS_H
#define DC_TOOLS_PROGRESS_H

#include <glib.h>

G_BEGIN_DECLS

/* A progress bar on stderr with the rate and the time left; a plain line at every tenth part when
 * stderr is not a terminal. One bar at a time, from one thread. */
typedef struct {
  char *title;
  gboolean terminal;
  gint64 start; /* monotonic, microseconds */
  gint64 last_shown;
  int last_tenth;
} DcProgress;

void dc_progress_start(DcProgress *progress, const char *title);

/* Shows that `done` of `total` units are done; `note` ("loss 0.021") may be NULL. Cheap when
 * nothing is due to be drawn. */
void dc_progress_show(DcProgress *progress, double done, double total, const char *note);

/* Ends the bar with a line that stays: title, note and time taken. */
void dc_progress_end(DcProgress *progress, const char *note);

G_END_DECLS

#endif
