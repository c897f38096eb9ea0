/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_SAMPLE_H
#define DC_TOOLS_COLLECTION_SAMPLE_H

#include "collection/collection.h"
#include "tensor/matrix.h"

G_BEGIN_DECLS

typedef enum {
  DC_SAMPLE_ALL,      /* every embedded picture */
  DC_SAMPLE_UNEDITED, /* those in no group, or in one that no person has edited */
  DC_SAMPLE_GROUP     /* those of one group */
} DcSampleOf;

/* Embeddings of pictures drawn at random. */
typedef struct {
  DcMatrix vectors;
  gint64 *ids;    /* vectors.rows */
  gint64 *groups; /* vectors.rows; 0: none */
} DcSample;

/* Draws at most `most` pictures (of `group` with DC_SAMPLE_GROUP), of embeddings of `dim` numbers;
 * none is no error. The same pictures are drawn each time, as long as they are there. Clear with
 * dc_sample_clear(), also after a failure. */
gboolean dc_sample_read(DcSample *sample, DcCollection *collection, DcSampleOf of, gint64 group,
                        gsize most, gsize dim, GError **error);
void dc_sample_clear(DcSample *sample);

G_END_DECLS

#endif
