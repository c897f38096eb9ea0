/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_EMBEDDINGS_H
#define DC_TOOLS_EMBEDDINGS_H

#include "store/model_file.h"
#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* The embeddings of all pictures of some inputs. */
typedef struct {
  gsize count, dim;
  GArray *values;    /* of float, count x dim */
  GArray *labels;    /* of guint32, count; DC_NO_LABEL where there is none */
  gboolean labelled; /* every picture has a label */
} DcEmbeddings;

/* Embeds every picture of `inputs` (see dc_inputs_visit()) as a whole with the encoder of `model`,
 * or with the built-in descriptor when `model` is NULL. A picture whose embedding is not finite is
 * an error that names it. Clear with dc_embeddings_clear(). */
gboolean dc_embeddings_read(DcEmbeddings *embeddings, const DcModel *model,
                            const char *const *inputs, const char *labels, GError **error);
void dc_embeddings_clear(DcEmbeddings *embeddings);

/* The embeddings as a view. */
DcMatrix dc_embeddings_matrix(const DcEmbeddings *embeddings);

G_END_DECLS

#endif
