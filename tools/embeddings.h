/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_EMBEDDINGS_H
#define DC_TOOLS_EMBEDDINGS_H

#include "spill.h"
#include "store/model_file.h"
#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* The embeddings of all samples of some inputs. */
typedef struct {
  gsize count, dim;
  const float *values;                /* count x dim */
  const guint32 *labels;              /* count; DC_NO_LABEL where there is none */
  gboolean labelled;                  /* every sample has a label */
  gboolean vectors;                   /* the samples are vectors, not pictures */
  DcSpill values_store, labels_store; /* what `values` and `labels` lie in */
} DcEmbeddings;

/* Embeds every sample of `inputs` (see dc_inputs_visit_all()), pictures as a whole, with the
 * encoder of `model`. Without a model (NULL) pictures go through the built-in descriptor, and
 * vectors are their own embeddings. Refused are samples that are not what the model takes, pictures
 * and vectors together, and a sample whose embedding is not finite. Clear with
 * dc_embeddings_clear(). */
gboolean dc_embeddings_read(DcEmbeddings *embeddings, const DcModel *model,
                            const char *const *inputs, const char *labels, GError **error);
void dc_embeddings_clear(DcEmbeddings *embeddings);

/* The embeddings as a view. */
DcMatrix dc_embeddings_matrix(const DcEmbeddings *embeddings);

G_END_DECLS

#endif
