/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_DATA_H
#define DC_TOOLS_DRIFT_DATA_H

#include "eval/drift_stream.h"
#include "samples.h"
#include "store/model_file.h"
#include "tensor/matrix.h"

G_BEGIN_DECLS

#define DC_DRIFT_MOST_COMPONENTS 512

/* Labelled samples from which streams under drift are made, and how they are embedded. */

typedef struct {
  const char *labels;   /* file with a label for each sample, or NULL */
  const DcModel *model; /* the encoder, or NULL */
  gboolean descriptor;  /* pictures by the built-in descriptor in place of their principal
                           components */
  gsize dim;            /* principal components of pictures, at most */
  gsize side;           /* width and height that pictures are brought to; 0: as the model or the
                           first picture has it */
} DcDriftDataOptions;

typedef struct {
  DcSamples samples;
  guint32 *inputs; /* of each sample, which input it is from */
  gsize input_count;
  gsize classes; /* distinct labels */
} DcDriftData;

/* Reads all samples of `inputs`. Fails when one has no label, or all have the same. Clear with
 * dc_drift_data_clear(). */
gboolean dc_drift_data_read(DcDriftData *data, const char *const *inputs,
                            const DcDriftDataOptions *options, GError **error);
void dc_drift_data_clear(DcDriftData *data);

/* Whether streams of that kind can be made of the samples; if not, `error` says why. */
gboolean dc_drift_data_allows(const DcDriftData *data, const DcDriftKind *kind, GError **error);

/* The samples for one seed: the first `source` of them, all from the first input, are the source,
 * the others the stream. */
typedef struct {
  guint32 *order; /* all samples */
  gsize source, count;
} DcDriftSplit;

/* In random order by `seed`, or as they come. Fails when fewer than `least` are left for a source
 * of a quarter of the first input, at most `most`. Clear with dc_drift_split_clear(). */
gboolean dc_drift_split_init(DcDriftSplit *split, const DcDriftData *data, gboolean shuffle,
                             guint64 seed, gsize least, gsize most, GError **error);
void dc_drift_split_clear(DcDriftSplit *split);

G_END_DECLS

#endif
