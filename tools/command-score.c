/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster score: how well the clusters of a JSON lines file agree with labels. */
#include "cluster/matching.h"
#include "command.h"
#include "eval/contingency.h"
#include "eval/scores.h"
#include "labels.h"
#include "results.h"

#include <stdio.h>

static char *option_labels;
static char *option_parts;
static gboolean option_json;

static const GOptionEntry entries[] = {
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "IDX or .npy file with the label of each frame", "FILE"},
    {"parts", 'p', 0, G_OPTION_ARG_STRING, &option_parts,
     "also score parts of the stream that begin at these frames, as in 3000,6000", "N,N,..."},
    {"json", 0, 0, G_OPTION_ARG_NONE, &option_json, "one JSON object per line instead of a table",
     NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Reads what publish-clusters wrote and compares the cluster of each frame's first region with "
    "a\n"
    "label. ACC uses one matching of clusters to labels for the whole stream, in its parts too: a\n"
    "cluster that changes its meaning on the way costs. Frames without a line, as max-rate leaves "
    "them\n"
    "out, are not scored. Labels serve for scoring only.";

/* The scores of what the stream tells of a frame and those behind it. */
typedef struct {
  gsize first;        /* number of the frame */
  gsize start, count; /* lines start .. start + count - 1 */
  gsize unassigned;
  double acc;
  DcScores scores;
} Part;

/* Behind `max-rate` there may be fewer lines than frames, at the end as well. */
static gboolean
check_labels(const char *path, const DcLabels *labels, const GArray *results, GError **error)
{
  gsize frames = dc_results_frames(results);
  gboolean complete = frames == results->len;
  if (complete ? labels->count == frames : labels->count >= frames)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "%s: it holds %" G_GSIZE_FORMAT " labels for %" G_GSIZE_FORMAT
              " frames; one for each is needed",
              path, labels->count, frames);
  return FALSE;
}

/* The label of the frame of each line; NULL after a failure. */
static guint32 *
read_labels(const char *path, const GArray *results, GError **error)
{
  DcLabels labels;
  if (!dc_labels_read(path, &labels, error))
    return NULL;
  guint32 *chosen = NULL;
  if (check_labels(path, &labels, results, error)) {
    chosen = g_new(guint32, results->len);
    for (guint i = 0; i < results->len; i++)
      chosen[i] = labels.values[g_array_index(results, DcFrameResult, i).frame];
  }
  dc_labels_clear(&labels);
  return chosen;
}

static guint32
largest(const guint32 *values, gsize count)
{
  guint32 most = 0;
  for (gsize i = 0; i < count; i++)
    if (values[i] != DC_UNASSIGNED)
      most = MAX(most, values[i]);
  return most;
}

/* One-to-one matching of clusters to labels that is best for all frames: match[cluster] is a label.
 */
static gboolean
match_clusters(const guint32 *clusters, const guint32 *labels, gsize count, GArray **match,
               GError **error)
{
  gsize rows = (gsize)largest(clusters, count) + 1, cols = (gsize)largest(labels, count) + 1;
  if (rows * cols > DC_CONTINGENCY_MAX_CELLS) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_UNSUPPORTED,
                "clusters to %" G_GSIZE_FORMAT " and labels to %" G_GSIZE_FORMAT
                " are too many to be scored: number them from 0 without gaps",
                rows - 1, cols - 1);
    return FALSE;
  }
  g_autofree double *together = g_new0(double, rows *cols);
  for (gsize i = 0; i < count; i++)
    if (clusters[i] != DC_UNASSIGNED)
      together[clusters[i] * cols + labels[i]]++;
  *match = g_array_sized_new(FALSE, TRUE, sizeof(guint32), (guint)rows);
  g_array_set_size(*match, (guint)rows);
  if (dc_match(together, rows, cols, (guint32 *)(*match)->data) == DC_OK)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory to match");
  return FALSE;
}

static void
score_part(const guint32 *clusters, const guint32 *labels, const guint32 *match, Part *part)
{
  gsize right = 0;
  part->unassigned = 0;
  for (gsize i = part->start; i < part->start + part->count; i++) {
    if (clusters[i] == DC_UNASSIGNED)
      part->unassigned++;
    else if (match[clusters[i]] == labels[i])
      right++;
  }
  part->acc = (double)right / (double)part->count;
  dc_scores(clusters + part->start, labels + part->start, part->count, &part->scores);
}

static void
print_part(const char *name, const Part *part)
{
  if (option_json)
    printf("{\"part\":\"%s\",\"first\":%zu,\"frames\":%zu,\"acc\":%.4f,\"nmi\":%.4f,\"ari\":%.4f,"
           "\"unassigned\":%zu}\n",
           name, part->first, part->count, part->acc, part->scores.nmi, part->scores.ari,
           part->unassigned);
  else
    printf("%-8s %8zu %8zu %8.1f %8.1f %8.1f %10zu\n", name, part->first, part->count,
           100 * part->acc, 100 * part->scores.nmi, 100 * part->scores.ari, part->unassigned);
}

/* "3000,6000" -> the parts 0..2999, 3000..5999 and the rest. */
static gboolean
parse_parts(const char *text, const GArray *results, GArray *parts, GError **error)
{
  g_auto(GStrv) firsts = g_strsplit(text, ",", -1);
  gsize frames = dc_results_frames(results);
  Part part = {0};
  for (gsize i = 0; firsts[i]; i++) {
    guint64 first = 0;
    if (!g_ascii_string_to_unsigned(firsts[i], 10, 1, G_MAXUINT32, &first, NULL) ||
        first >= frames || first <= part.first) {
      g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE,
                  "--parts: \"%s\" is no frame after %zu and before %zu", firsts[i], part.first,
                  frames);
      return FALSE;
    }
    gsize end = dc_results_find(results, first);
    part.count = end - part.start;
    if (part.count == 0) {
      g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE,
                  "--parts: there is no line of the frames from %zu to %zu", part.first,
                  (gsize)first - 1);
      return FALSE;
    }
    g_array_append_val(parts, part);
    part = (Part){.first = first, .start = end};
  }
  part.count = results->len - part.start;
  g_array_append_val(parts, part);
  return TRUE;
}

static gboolean
print_scores(const GArray *results, const guint32 *clusters, const guint32 *labels, GError **error)
{
  g_autoptr(GArray) match = NULL, parts = g_array_new(FALSE, FALSE, sizeof(Part));
  Part whole = {.count = results->len};
  g_array_append_val(parts, whole);
  if (!match_clusters(clusters, labels, results->len, &match, error) ||
      (option_parts && !parse_parts(option_parts, results, parts, error)))
    return FALSE;
  if (!option_json)
    printf("%-8s %8s %8s %8s %8s %8s %10s\n", "", "first", "frames", "ACC", "NMI", "ARI",
           "unassigned");
  for (guint i = 0; i < parts->len; i++) {
    Part *part = &g_array_index(parts, Part, i);
    g_autofree char *name = i == 0 ? g_strdup("all") : g_strdup_printf("part %u", i);
    score_part(clusters, labels, (const guint32 *)match->data, part);
    print_part(name, part);
  }
  return TRUE;
}

static gboolean
score(const char *path, GError **error)
{
  g_autoptr(GArray) results = dc_results_read(path, error);
  if (!results)
    return FALSE;
  g_autofree guint32 *clusters = g_new(guint32, results->len);
  for (guint i = 0; i < results->len; i++)
    clusters[i] = g_array_index(results, DcFrameResult, i).cluster;
  g_autofree guint32 *labels = read_labels(option_labels, results, error);
  return labels && print_scores(results, clusters, labels, error);
}

int
dc_command_score(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "RESULTS.jsonl", summary, entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(name, "one file of JSON lines is needed");
  if (!option_labels)
    return dc_command_usage(name, "--labels FILE is needed");
  g_autoptr(GError) error = NULL;
  if (!score(argv[1], &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
