/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_VIEW_H
#define DC_TOOLS_DRIFT_VIEW_H

#include "drift-data.h"

G_BEGIN_DECLS

/* How the samples of a stream are seen: changed by the look of the moment, and embedded. */
typedef struct DcDriftView DcDriftView;

/* A view of `data`, which outlives it: by the encoder of the options' model, by the descriptor, by
 * the principal components of the source pictures, or, for vectors without a model, as they are. */
DcDriftView *dc_drift_view_new(const DcDriftData *data, const DcDriftDataOptions *options,
                               const DcDriftSplit *split, GError **error);
void dc_drift_view_free(DcDriftView *view); /* NULL is ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcDriftView, dc_drift_view_free)

gsize dc_drift_view_dim(const DcDriftView *view);

/* Embeds `count` samples under `looks` (NULL: as they are) into `rows` (count x dim); noise is
 * drawn by `seed`. With `frames` (a folder; pictures only) the pictures are written there too,
 * numbered from `first`. */
gboolean dc_drift_view_embed(DcDriftView *view, const guint32 *samples, const DcLook *looks,
                             gsize count, guint64 seed, const char *frames, gsize first,
                             float *rows, GError **error);

G_END_DECLS

#endif
