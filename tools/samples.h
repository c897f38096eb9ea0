/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_SAMPLES_H
#define DC_TOOLS_SAMPLES_H

#include "image/patch.h"
#include "inputs.h"
#include "nn/network.h"
#include "spill.h"

#include <glib.h>

G_BEGIN_DECLS

/* Pictures or vectors turned into rows of numbers that a network takes, in memory or, when there
 * are many, in a temporary file that is mapped into it. */
typedef struct {
  gsize length;          /* numbers in a vector; 0: the samples are pictures */
  DcPatchSpec spec;      /* of pictures only */
  double scale;          /* what vectors were divided by, > 0; 1 for pictures */
  gsize size;            /* numbers in a sample, of either kind */
  gsize count;           /* samples */
  const float *values;   /* count x size */
  const guint32 *labels; /* count; DC_NO_LABEL where there is none */
  gboolean labelled;     /* every sample has a label */
  GArray *ends;          /* of gsize: the samples up to the end of each input, ascending */
  DcSpill values_store, labels_store; /* what `values` and `labels` lie in */
} DcSamples;

typedef struct {
  const char *labels;      /* file with a label for each sample; NULL: those beside the inputs */
  const DcPatchSpec *spec; /* how pictures are read; NULL: chosen by the first picture */
  double scale;            /* of vectors, > 0; 0: the largest absolute value of all numbers */
  gsize most_memory;       /* bytes of values to hold in memory; 0: DC_SPILL_MOST_MEMORY */
} DcSamplesOptions;

/* Reads the samples of `inputs` (see dc_inputs_visit_all()). Pictures and vectors together, and
 * vectors of several lengths, are refused. Clear with dc_samples_clear(). */
gboolean dc_samples_read(DcSamples *samples, const char *const *inputs,
                         const DcSamplesOptions *options, GError **error);
void dc_samples_clear(DcSamples *samples);

/* The shape of one sample; a vector of n numbers is 1 x 1 x n. */
DcShape dc_samples_shape(const DcSamples *samples);

G_END_DECLS

#endif
