/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* struct winsize */
#include "progress.h"

#include "duration.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH     30
#define LEAST_BAR     10 /* a narrower one says less than the percentage */
#define REDRAW_PERIOD (G_USEC_PER_SEC / 10)
#define RATE_PERIOD   G_USEC_PER_SEC /* over which a rate is measured */
#define RATE_WEIGHT   0.3            /* of the newest, so that the number can be read */
#define LEAST_RATE    0.05           /* a smaller one would be shown as none */
#define USUAL_COLUMNS 80             /* of a terminal that does not say */

void
dc_progress_start(DcProgress *progress, const char *title)
{
  gint64 now = g_get_monotonic_time();
  *progress = (DcProgress){
      .title = g_strdup(title),
      .terminal = isatty(STDERR_FILENO),
      .start = now,
      .rate_taken = now,
      .first_share = -1,
  };
}

static double
seconds_since(gint64 start)
{
  return (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
}

void
dc_progress_count(DcProgress *progress, double count, const char *unit)
{
  progress->unit = unit;
  progress->counted += count;
}

/* ---- what is said ---- */

static void
take_rate(DcProgress *progress, gint64 now)
{
  gint64 passed = now - progress->rate_taken;
  if (passed < RATE_PERIOD)
    return;
  double newest = progress->counted * G_USEC_PER_SEC / (double)passed;
  progress->rate += (progress->rate > 0 ? RATE_WEIGHT : 1) * (newest - progress->rate);
  progress->counted = 0;
  progress->rate_taken = now;
}

/* "1234 samples/s  12 s left  ", as far as it is known. */
static void
append_speed(const DcProgress *progress, GString *text)
{
  if (progress->rate >= LEAST_RATE)
    g_string_append_printf(text, "%.*f %s/s  ", progress->rate < 10 ? 1 : 0, progress->rate,
                           progress->unit);
  double done = progress->share - progress->first_share;
  if (done > 0) {
    g_autofree char *left =
        dc_duration_text(seconds_since(progress->start) * (1 - progress->share) / done);
    g_string_append_printf(text, "%s left  ", left);
  }
}

static guint
terminal_columns(void)
{
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                         : USUAL_COLUMNS;
}

/* The bar in at most `width` columns, with a blank behind it; nothing when that is too narrow. */
static void
append_bar(GString *line, double share, long width)
{
  width = MIN(width - 3, BAR_WIDTH);
  if (width < LEAST_BAR)
    return;
  g_string_append_c(line, '[');
  for (long i = 0; i < width; i++)
    g_string_append_c(line, (double)i < share * (double)width ? '#' : '.');
  g_string_append(line, "] ");
}

/* Takes off what is beyond `columns` characters. */
static void
cut(GString *line, guint columns)
{
  if (g_utf8_strlen(line->str, -1) > (glong)columns)
    g_string_truncate(line, (gsize)(g_utf8_offset_to_pointer(line->str, columns) - line->str));
}

/* The bar gets what the words leave; words that are still too many are cut at their end. The last
 * column stays free: a cursor behind it is on the next line in some terminals. */
static void
draw_bar(const DcProgress *progress, const char *note)
{
  guint columns = terminal_columns() - 1;
  g_autoptr(GString) words = g_string_new(NULL);
  g_string_append_printf(words, "%3.0f %%  ", 100 * progress->share);
  append_speed(progress, words);
  g_string_append(words, note);
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "%s ", progress->title);
  append_bar(line, progress->share,
             (long)columns - g_utf8_strlen(line->str, -1) - g_utf8_strlen(words->str, -1));
  g_string_append(line, words->str);
  cut(line, columns);
  fprintf(stderr, "\r%s\033[K", line->str);
  fflush(stderr);
}

static void
print_tenth(const DcProgress *progress, const char *note)
{
  g_autoptr(GString) words = g_string_new(NULL);
  append_speed(progress, words);
  fprintf(stderr, "%s: %d %%  %s%s\n", progress->title, 10 * progress->last_tenth, words->str,
          note);
}

void
dc_progress_show(DcProgress *progress, double done, double total, const char *note)
{
  gint64 now = g_get_monotonic_time();
  progress->share = total > 0 ? CLAMP(done / total, 0, 1) : 0;
  if (progress->first_share < 0) {
    progress->first_share = progress->share;
    progress->last_tenth = (int)(10 * progress->share);
  }
  take_rate(progress, now);
  if (progress->terminal) {
    if (now - progress->last_shown >= REDRAW_PERIOD) {
      progress->last_shown = now;
      draw_bar(progress, note ? note : "");
    }
  } else if ((int)(10 * progress->share) > progress->last_tenth) {
    progress->last_tenth = (int)(10 * progress->share);
    print_tenth(progress, note ? note : "");
  }
}

void
dc_progress_clear(DcProgress *progress)
{
  if (!progress->terminal)
    return;
  fprintf(stderr, "\r\033[K");
  fflush(stderr);
  progress->last_shown = 0;
}

void
dc_progress_end(DcProgress *progress, const char *note)
{
  g_autofree char *time = dc_duration_text(seconds_since(progress->start));
  fprintf(stderr, "%s%s: ", progress->terminal ? "\r\033[K" : "", progress->title);
  if (progress->share < 1)
    fprintf(stderr, "stopped at %.0f %% after %s", 100 * progress->share, time);
  else
    fprintf(stderr, "done in %s", time);
  fprintf(stderr, "  %s\n", note ? note : "");
  g_clear_pointer(&progress->title, g_free);
}
