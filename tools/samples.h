/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_SAMPLES_H
#define DC_TOOLS_SAMPLES_H

#include "image/patch.h"
#include "inputs.h"

#include <glib.h>

G_BEGIN_DECLS

/* Pictures turned into what a network takes, all in memory. */
typedef struct {
  DcPatchSpec spec;
  gsize count;
  GArray *values;    /* of float, count x dc_patch_size(&spec) */
  GArray *labels;    /* of guint32, count; DC_NO_LABEL where there is none */
  gboolean labelled; /* every picture has a label */
} DcSamples;

/* The recipe that suits a picture: grey stays grey; its own size up to 32 x 32, and 32 x 32 above
 * that. */
DcPatchSpec dc_samples_spec_for(const DcImage *image);

/* Reads the pictures of `inputs` (see dc_inputs_visit()) by the recipe `spec`; NULL chooses one by
 * the first picture. Clear with dc_samples_clear(). */
gboolean dc_samples_read(DcSamples *samples, const char *const *inputs, const char *labels,
                         const DcPatchSpec *spec, GError **error);
void dc_samples_clear(DcSamples *samples);

G_END_DECLS

#endif
