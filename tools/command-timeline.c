/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster timeline: which group was seen when, from JSON lines of publish-clusters. */
#include "command.h"
#include "timeline.h"

#include <math.h>
#include <stdio.h>

#define NS           1e9
#define MOST_SOURCES 100

static char *option_output;
static char *option_csv;
static gdouble option_gap = 2;
static gboolean option_stream_time;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "PNG file to draw", "FILE"},
    {"csv", 0, 0, G_OPTION_ARG_FILENAME, &option_csv, "file for the same as comma-separated values",
     "FILE"},
    {"gap", 0, 0, G_OPTION_ARG_DOUBLE, &option_gap,
     "what was not seen for longer than this is gone, in seconds (2)", "X"},
    {"stream-time", 0, 0, G_OPTION_ARG_NONE, &option_stream_time,
     "place by stream time, also where the lines tell the time of day", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Draws when each cluster was seen: a row for each, with a bar where any region of it was "
    "there, a\n"
    "thin one for each track, a triangle where a region was novel, and grey where nothing was\n"
    "recorded. Several files are several cameras; - is the standard input. Time is the time of\n"
    "day where every file tells it, else stream time, by which the standard input always goes.\n"
    "Lines are read one by one, however many there are; a line that a crash has cut is left out\n"
    "with a warning.";

/* Whether all files tell the time of day. */
static gboolean
probe_all(char **paths, int count, gboolean *is_of_day, GError **error)
{
  *is_of_day = !option_stream_time;
  for (int i = 0; i < count && *is_of_day; i++)
    if (!dc_timeline_probe(paths[i], is_of_day, error))
      return FALSE;
  return TRUE;
}

static void
warn_of_source(const DcTimelineSource *source)
{
  if (source->lines == 0)
    fprintf(stderr, "driftcluster timeline: warning: %s: there is no line in it\n", source->name);
  if (source->damaged > 0)
    fprintf(stderr,
            "driftcluster timeline: warning: %s: %" G_GUINT64_FORMAT
            " of the lines were cut and are left out\n",
            source->name, source->damaged);
  if (source->timeless > 0)
    fprintf(stderr,
            "driftcluster timeline: warning: %s: %" G_GUINT64_FORMAT
            " of the lines tell no time and are left out\n",
            source->name, source->timeless);
  if (source->jumps > 0)
    fprintf(stderr,
            "driftcluster timeline: warning: %s: the time goes back %" G_GUINT64_FORMAT
            " times; such parts lie above each other\n",
            source->name, source->jumps);
}

static gboolean
make_timeline(char **paths, int count, GError **error)
{
  gboolean is_of_day;
  if (!probe_all(paths, count, &is_of_day, error))
    return FALSE;
  g_autoptr(DcTimeline) timeline = dc_timeline_new((gint64)(option_gap * NS), is_of_day);
  for (int i = 0; i < count; i++) {
    if (!dc_timeline_read(timeline, paths[i], error))
      return FALSE;
    warn_of_source(timeline->sources->pdata[i]);
  }
  dc_timeline_sort(timeline);
  return (!option_output || dc_timeline_draw(timeline, option_output, error)) &&
         (!option_csv || dc_timeline_write_csv(timeline, option_csv, error));
}

int
dc_command_timeline(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "EVENTS.jsonl...", summary, entries))
    return DC_EXIT_USAGE;
  if (argc < 2)
    return dc_command_usage(name, "files of JSON lines are needed");
  if (argc - 1 > MOST_SOURCES)
    return dc_command_usage(name, "%d files are more than %d", argc - 1, MOST_SOURCES);
  if (!option_output && !option_csv)
    return dc_command_usage(name, "--output FILE.png or --csv FILE is needed");
  if (!(option_gap >= 0 && option_gap <= 1e9))
    return dc_command_usage(name, "--gap must lie in 0..1e9 seconds");
  g_autoptr(GError) error = NULL;
  if (!make_timeline(argv + 1, argc - 1, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
