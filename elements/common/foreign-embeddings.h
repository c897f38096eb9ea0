/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_FOREIGN_EMBEDDINGS_H
#define DC_ELEMENTS_FOREIGN_EMBEDDINGS_H

#include "base/status.h"
#include "common/analytics-bridge.h"
#include "common/region-iter.h"

G_BEGIN_DECLS

/* Embeddings that another element's inference left on the buffers, in the place of `embed`. */

/* What of a buffer is taken for an embedding. */
typedef struct {
  const gchar *tensor;     /* the output's name, interned; NULL: the only one that fits */
  DcInferenceRegion where; /* FULL_FRAME: a tensor of the buffer holds one embedding, of the frame;
                              ROI_LIST: one for each region of interest or detection, in order */
  const DcAnalyticsBridge *analytics; /* the way to tensors of the buffer; NULL: none */
} DcForeignRules;

typedef struct {
  DriftclusterEmbeddingBlock
      *block; /* NULL: there are none on this buffer, and regions do not count */
  DriftclusterRegion *regions;
  guint n_regions;
} DcForeignEmbeddings;

/* Reads what `buffer` carries, clear `*found` in the end, also after a failure:
 *  - the tensors in the parameters of its regions of interest, as DL Streamer writes them, or else
 *  - a GstTensorMeta, by rules->where.
 * Boxes refer to the frame of width x height pixels, and regions without a pixel in it are left
 * out. The encoder is named "tensor:MODEL:NAME" after where the embeddings come from. What they
 * hold is not looked at: NaN and infinity are for the user to refuse.
 *
 * DC_ERROR_UNSUPPORTED when there are tensors of which none fits, which may be of no concern;
 * DC_ERROR_MISMATCH when the one that the rules name does not fit, when several fit and the rules
 * name none, or when regions bring embeddings of different lengths; DC_ERROR_MEMORY. */
DcStatus dc_foreign_embeddings_read(const DcForeignRules *rules, GstBuffer *buffer, gint width,
                                    gint height, DcForeignEmbeddings *found, DcError *error);

void dc_foreign_embeddings_clear(DcForeignEmbeddings *found);

G_END_DECLS

#endif
