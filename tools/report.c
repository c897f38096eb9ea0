/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include "chart.h"
#include "command.h"
#include "confusion.h"
#include "duration.h"
#include "exemplars.h"
#include "figures.h"
#include "scatter.h"
#include "store/file.h"

#include <errno.h>
#include <glib/gstdio.h>

#define FIGURES "figures.json"

/* A report that is being written. */
typedef struct {
  const DcReport *report;
  DcScores scores;
  gboolean scored;
} Writing;

/* ---- the folder ---- */

static gboolean
make_folder(const char *folder, GError **error)
{
  if (g_mkdir_with_parents(folder, 0777) == 0)
    return TRUE;
  const char *reason = errno == EEXIST || errno == ENOTDIR
                           ? "a file that is no folder is in its place"
                           : g_strerror(errno);
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
              "%s: the folder for the report cannot be made: %s", folder, reason);
  return FALSE;
}

gboolean
dc_report_prepare(const char *folder, GError **error)
{
  if (!make_folder(folder, error))
    return FALSE;
  g_autofree char *path = g_build_filename(folder, FIGURES, NULL);
  DcFileWriter writer;
  DcError core_error;
  if (dc_file_create(&writer, path, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  dc_file_discard(&writer);
  return TRUE;
}

/* ---- the pictures ---- */

static gboolean
write_loss(const Writing *writing, const char *path, GError **error)
{
  g_autofree char *time = dc_duration_text(writing->report->seconds);
  g_autofree char *title =
      g_strdup_printf("Method %s, %s of learning", writing->report->method, time);
  return dc_chart_write(path, title, writing->report->curves, error);
}

static gboolean
has_curves(const Writing *writing)
{
  return dc_curves_get(writing->report->curves, 0) != NULL;
}

static gboolean
write_embedding(const Writing *writing, const char *path, GError **error)
{
  return dc_scatter_write(path, &writing->report->clustering, writing->report->seed, error);
}

static gboolean
has_embeddings(const Writing *writing)
{
  return writing->report->clustering.embeddings.rows > 0;
}

static gboolean
write_clusters(const Writing *writing, const char *path, GError **error)
{
  const DcReport *report = writing->report;
  return dc_exemplars_write(path, &report->clustering, report->spec, report->samples,
                            report->decoder, report->seed, error);
}

static gboolean
has_patches(const Writing *writing)
{
  return writing->report->spec != NULL && has_embeddings(writing);
}

static gboolean
write_confusion(const Writing *writing, const char *path, GError **error)
{
  const DcReport *report = writing->report;
  return dc_confusion_write(path, report->clustering.clusters, report->labels,
                            report->clustering.embeddings.rows, error);
}

static gboolean
has_scores(const Writing *writing)
{
  return writing->scored;
}

static const struct {
  const char *name;
  gboolean (*wanted)(const Writing *writing);
  gboolean (*write)(const Writing *writing, const char *path, GError **error);
} pictures[] = {
    {"loss.png", has_curves, write_loss},
    {"embedding.png", has_embeddings, write_embedding},
    {"clusters.png", has_patches, write_clusters},
    {"confusion.png", has_scores, write_confusion},
};

/* Leaves no picture of an older report beside the figures of this one. */
static gboolean
remove_picture(const char *path, GError **error)
{
  if (g_unlink(path) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
              "%s: a picture of an older report cannot be removed: %s", path, g_strerror(errno));
  return FALSE;
}

/* ---- all of it ---- */

/* Labels that are hardly classes (more than a table holds) are not scored. */
static gboolean
score(Writing *writing, GError **error)
{
  const DcReport *report = writing->report;
  if (!report->labels)
    return TRUE;
  DcStatus status = dc_scores(report->clustering.clusters, report->labels,
                              report->clustering.embeddings.rows, &writing->scores);
  writing->scored = status == DC_OK;
  if (status == DC_OK || status == DC_ERROR_UNSUPPORTED)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -(int)status, "the clusters cannot be scored: %s",
              dc_status_text(status));
  return FALSE;
}

gboolean
dc_report_write(const char *folder, const DcReport *report, GError **error)
{
  Writing writing = {.report = report};
  if (!make_folder(folder, error) || !score(&writing, error))
    return FALSE;
  const char *written[G_N_ELEMENTS(pictures) + 1] = {NULL};
  gsize count = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(pictures); i++) {
    g_autofree char *path = g_build_filename(folder, pictures[i].name, NULL);
    gboolean wanted = pictures[i].wanted(&writing);
    if (!(wanted ? pictures[i].write(&writing, path, error) : remove_picture(path, error)))
      return FALSE;
    if (wanted)
      written[count++] = pictures[i].name;
  }
  g_autofree char *path = g_build_filename(folder, FIGURES, NULL);
  return dc_figures_write(path, report, writing.scored ? &writing.scores : NULL, written, error);
}
