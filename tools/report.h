/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_REPORT_H
#define DC_TOOLS_REPORT_H

#include "clustering.h"
#include "curves.h"
#include "eval/scores.h"
#include "image/patch.h"
#include "nn/network.h"

G_BEGIN_DECLS

/* What a course of learning came to, as a folder of pictures and figures. */

/* A setting of the method: a text, or a number where the text is NULL. */
typedef struct {
  const char *name, *text;
  double number;
} DcReportSetting;

/* Nothing is owned. */
typedef struct {
  const char *method; /* "dekm" */
  DcClustering clustering;
  const guint32 *labels;    /* the class of each sample, or NULL */
  const DcPatchSpec *spec;  /* of the samples; NULL when they are vectors */
  const float *samples;     /* n patches of `spec`; not used for vectors */
  const DcNetwork *decoder; /* centroid -> patch, or NULL */
  const DcCurves *curves;
  const DcReportSetting *settings;
  gsize setting_count;
  guint64 seed;
  gsize threads;
  double seconds; /* that learning took */
} DcReport;

/* Makes the folder where it is missing, and finds out whether a report can be written to it: to be
 * asked before hours of learning. */
gboolean dc_report_prepare(const char *folder, GError **error);

/* Writes into `folder`, made where it is missing:
 *   loss.png       a panel for each curve (tools/chart.h)
 *   embedding.png  the embeddings in the plane (tools/scatter.h)
 *   clusters.png   exemplars of each cluster (tools/exemplars.h); samples that are patches only
 *   confusion.png  clusters against classes (tools/confusion.h); with labels only
 *   figures.json   the same as numbers, and how they came about (tools/figures.h)
 * Pictures that this report does not have are removed, so that none of an older one is left.
 * Fails when the folder cannot be written to, or the disk is full: files that are there are then
 * whole, figures.json comes last. */
gboolean dc_report_write(const char *folder, const DcReport *report, GError **error);

G_END_DECLS

#endif
