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
    "cluster that changes its meaning on the way costs. Labels serve for scoring only.";

/* The scores of frames first .. first + count - 1. */
typedef struct {
  gsize first, count;
  gsize unassigned;
  double acc;
  DcScores scores;
} Part;

/* One label for each of `frames` frames; others are no labels of this stream. */
static gboolean
read_labels(const char *path, gsize frames, DcLabels *labels, GError **error)
{
  if (!dc_labels_read(path, labels, error))
    return FALSE;
  if (labels->count == frames)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "%s: it holds %" G_GSIZE_FORMAT " labels for %" G_GSIZE_FORMAT
              " frames; one for each is needed",
              path, labels->count, frames);
  dc_labels_clear(labels);
  return FALSE;
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
  for (gsize i = part->first; i < part->first + part->count; i++) {
    if (clusters[i] == DC_UNASSIGNED)
      part->unassigned++;
    else if (match[clusters[i]] == labels[i])
      right++;
  }
  part->acc = (double)right / (double)part->count;
  dc_scores(clusters + part->first, labels + part->first, part->count, &part->scores);
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
parse_parts(const char *text, gsize frames, GArray *parts, GError **error)
{
  g_auto(GStrv) starts = g_strsplit(text, ",", -1);
  Part part = {0};
  for (gsize i = 0; starts[i]; i++) {
    guint64 start = 0;
    if (!g_ascii_string_to_unsigned(starts[i], 10, 1, frames - 1, &start, NULL) ||
        start <= part.first) {
      g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE,
                  "--parts: \"%s\" is no frame after %zu and before %zu", starts[i], part.first,
                  frames);
      return FALSE;
    }
    part.count = start - part.first;
    g_array_append_val(parts, part);
    part.first = start;
  }
  part.count = frames - part.first;
  g_array_append_val(parts, part);
  return TRUE;
}

static gboolean
print_scores(const guint32 *clusters, const guint32 *labels, gsize frames, GError **error)
{
  g_autoptr(GArray) match = NULL, parts = g_array_new(FALSE, FALSE, sizeof(Part));
  Part whole = {.first = 0, .count = frames};
  g_array_append_val(parts, whole);
  if (!match_clusters(clusters, labels, frames, &match, error) ||
      (option_parts && !parse_parts(option_parts, frames, parts, error)))
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
  gsize frames = results->len;
  g_autofree guint32 *clusters = g_new(guint32, frames);
  for (gsize i = 0; i < frames; i++)
    clusters[i] = g_array_index(results, DcFrameResult, i).cluster;
  DcLabels labels;
  if (!read_labels(option_labels, frames, &labels, error))
    return FALSE;
  gboolean well = print_scores(clusters, labels.values, frames, error);
  dc_labels_clear(&labels);
  return well;
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
