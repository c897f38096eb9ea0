/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The progress bar as a terminal of some width, and as a file, get to see it. */
#define _XOPEN_SOURCE   700 /* posix_openpt() */
#define _DEFAULT_SOURCE     /* struct winsize */
#include "test.h"

#include "duration.h"
#include "progress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What stderr is while a bar is drawn. */
typedef struct {
  int reader, saved;
} Screen;

static void
put_in_place_of_stderr(Screen *screen, int writer)
{
  fflush(stderr);
  screen->saved = dup(STDERR_FILENO);
  assert_true(screen->saved >= 0);
  assert_true(dup2(writer, STDERR_FILENO) >= 0);
  close(writer);
  assert_int_equal(fcntl(screen->reader, F_SETFL, O_NONBLOCK), 0);
}

static void
resize(const Screen *screen, int columns)
{
  struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
  assert_int_equal(ioctl(screen->reader, TIOCSWINSZ, &size), 0);
}

static Screen
open_terminal(int columns)
{
  Screen screen = {.reader = posix_openpt(O_RDWR | O_NOCTTY)};
  assert_true(screen.reader >= 0);
  assert_int_equal(grantpt(screen.reader), 0);
  assert_int_equal(unlockpt(screen.reader), 0);
  int writer = open(ptsname(screen.reader), O_RDWR | O_NOCTTY);
  assert_true(writer >= 0);
  resize(&screen, columns);
  put_in_place_of_stderr(&screen, writer);
  return screen;
}

static Screen
open_pipe(void)
{
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  Screen screen = {.reader = ends[0]};
  put_in_place_of_stderr(&screen, ends[1]);
  return screen;
}

/* Everything that was written. Free with g_free(). */
static char *
close_screen(Screen *screen)
{
  fflush(stderr);
  GString *text = g_string_new(NULL);
  char bytes[1024];
  ssize_t count;
  while ((count = read(screen->reader, bytes, sizeof bytes)) > 0)
    g_string_append_len(text, bytes, count);
  dup2(screen->saved, STDERR_FILENO);
  close(screen->saved);
  close(screen->reader);
  return g_string_free(text, FALSE);
}

/* The bars that were drawn one over the other, each up to where the rest of the line is erased. */
static GPtrArray *
drawn_bars(const char *text)
{
  GPtrArray *bars = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) parts = g_strsplit(text, "\r", -1);
  for (gsize i = 0; parts[i]; i++) {
    char *end = strstr(parts[i], "\033[K");
    if (end && end > parts[i])
      g_ptr_array_add(bars, g_strndup(parts[i], (gsize)(end - parts[i])));
  }
  return bars;
}

static const char *
bar(const GPtrArray *bars, guint index)
{
  assert_true(index < bars->len);
  return g_ptr_array_index(bars, index);
}

#define REDRAW 120000 /* microseconds until a bar may be drawn again */

static void
a_bar_is_never_wider_than_the_terminal(void **state)
{
  (void)state;
  const int widths[] = {200, 90, 60, 40, 20, 5, 2};
  Screen screen = open_terminal(widths[0]);
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  for (int i = 0; i < 7; i++) {
    resize(&screen, widths[i]);
    dc_progress_show(&progress, i, 10, "clusters, epoch 3 of 200  loss 0.0213 \xc3\xa4\xc3\xb6");
    g_usleep(REDRAW);
  }
  g_autofree char *text = close_screen(&screen);
  g_autoptr(GPtrArray) bars = drawn_bars(text);
  g_free(progress.title);
  assert_int_equal(bars->len, 7);
  for (guint i = 0; i < 7; i++) {
    assert_true(g_utf8_validate(bar(bars, i), -1, NULL));
    assert_true(g_utf8_strlen(bar(bars, i), -1) < widths[i]);
  }
  assert_non_null(strstr(bar(bars, 1), "[##...")); /* 10 % of what 90 columns leave */
  assert_non_null(strstr(bar(bars, 1), "loss 0.0213"));
  assert_null(strchr(bar(bars, 3), '['));
  assert_non_null(strstr(bar(bars, 3), "30 %"));
}

static void
a_terminal_that_tells_no_width_has_the_usual_one(void **state)
{
  (void)state;
  Screen screen = open_terminal(0);
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  g_autofree char *note = g_strnfill(300, 'x');
  dc_progress_show(&progress, 1, 2, note);
  g_autofree char *text = close_screen(&screen);
  g_autoptr(GPtrArray) bars = drawn_bars(text);
  g_free(progress.title);
  assert_int_equal(strlen(bar(bars, 0)), 79);
}

/* 50 samples every 50 ms, of which the sleeps are a little longer. */
static void
the_rate_and_the_time_left_are_shown(void **state)
{
  (void)state;
  Screen screen = open_terminal(120);
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  for (int i = 1; i <= 30; i++) {
    g_usleep(50000);
    dc_progress_count(&progress, 50, "samples");
    dc_progress_show(&progress, i, 60, "loss 1");
  }
  g_autofree char *text = close_screen(&screen);
  g_autoptr(GPtrArray) bars = drawn_bars(text);
  g_free(progress.title);
  const char *first = bar(bars, 0), *last = bar(bars, bars->len - 1);
  assert_null(strstr(first, "samples/s")); /* nothing to tell yet */
  const char *unit = strstr(last, " samples/s");
  assert_non_null(unit);
  while (unit > last && unit[-1] != ' ')
    unit--;
  /* On a busy machine the sleeps may take much longer. */
  assert_true(atof(unit) <= 1000 && atof(unit) > 100);
  assert_non_null(strstr(last, " s left  loss 1"));
}

/* What a resumed course had done before must not look like work of the first second. */
static void
the_time_left_is_judged_by_what_came_after_the_first_call(void **state)
{
  (void)state;
  Screen screen = open_terminal(120);
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  dc_progress_show(&progress, 90, 100, NULL);
  g_usleep(500000);
  dc_progress_show(&progress, 91, 100, NULL);
  g_autofree char *text = close_screen(&screen);
  g_autoptr(GPtrArray) bars = drawn_bars(text);
  g_free(progress.title);
  assert_null(strstr(bar(bars, 0), "left"));
  const char *left = strstr(bar(bars, 1), "91 %  ");
  assert_non_null(left);
  /* 0.5 s for one of a hundred, nine to go: 4.5 s, or more when the machine was busy. */
  assert_true(atof(left + strlen("91 %  ")) >= 4.5);
}

static void
a_file_gets_a_plain_line_at_every_tenth(void **state)
{
  (void)state;
  Screen screen = open_pipe();
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  for (int i = 1; i <= 100; i++)
    dc_progress_show(&progress, i, 100, "loss 1");
  dc_progress_end(&progress, "loss 0.5");
  g_autofree char *text = close_screen(&screen);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  assert_int_equal(g_strv_length(lines), 12); /* ten, the last, and what follows its end */
  for (int i = 0; i < 10; i++) {
    g_autofree char *start = g_strdup_printf("learning: %d %%  ", 10 * (i + 1));
    assert_true(g_str_has_prefix(lines[i], start));
    assert_true(g_str_has_suffix(lines[i], "loss 1"));
  }
  assert_true(g_str_has_prefix(lines[10], "learning: done in "));
  assert_true(g_str_has_suffix(lines[10], "  loss 0.5"));
  assert_null(strchr(text, '\r'));
  assert_null(strchr(text, '\033'));
}

static void
a_bar_that_ends_early_says_where(void **state)
{
  (void)state;
  Screen screen = open_pipe();
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  dc_progress_show(&progress, 42, 100, NULL);
  dc_progress_end(&progress, NULL);
  g_autofree char *text = close_screen(&screen);
  assert_non_null(strstr(text, "learning: stopped at 42 % after "));
}

static void
no_work_at_all_is_no_division_by_zero(void **state)
{
  (void)state;
  Screen screen = open_terminal(80);
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  dc_progress_show(&progress, 0, 0, NULL);
  dc_progress_end(&progress, NULL);
  g_autofree char *text = close_screen(&screen);
  assert_non_null(strstr(text, "  0 %"));
  assert_null(strstr(text, "nan"));
}

static void
assert_duration(double seconds, const char *expected)
{
  g_autofree char *text = dc_duration_text(seconds);
  assert_string_equal(text, expected);
}

static void
durations_have_the_unit_that_suits_them(void **state)
{
  (void)state;
  assert_duration(0, "0.0 s");
  assert_duration(9.94, "9.9 s");
  assert_duration(9.96, "10 s");
  assert_duration(119.4, "119 s");
  assert_duration(119.6, "2 min");
  assert_duration(7169, "119 min");
  assert_duration(7171, "2.0 h");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bar_is_never_wider_than_the_terminal),
      cmocka_unit_test(a_terminal_that_tells_no_width_has_the_usual_one),
      cmocka_unit_test(the_rate_and_the_time_left_are_shown),
      cmocka_unit_test(the_time_left_is_judged_by_what_came_after_the_first_call),
      cmocka_unit_test(a_file_gets_a_plain_line_at_every_tenth),
      cmocka_unit_test(a_bar_that_ends_early_says_where),
      cmocka_unit_test(no_work_at_all_is_no_division_by_zero),
      cmocka_unit_test(durations_have_the_unit_that_suits_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
