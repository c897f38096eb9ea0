/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ENCODER_CHECK_H
#define DC_ELEMENTS_ENCODER_CHECK_H

#include "base/status.h"
#include "meta/embedding-meta.h"

G_BEGIN_DECLS

/* Whether the embeddings of `block` live in the space of clusters of `dim` numbers by `encoder`:
 * DC_OK, or DC_ERROR_MISMATCH with a text that names both sides. */
DcStatus dc_encoder_check(const DriftclusterEmbeddingBlock *block, gsize dim, const gchar *encoder,
                          DcError *error);

G_END_DECLS

#endif
