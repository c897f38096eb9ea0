/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_TRAINED_MODEL_H
#define DC_TOOLS_TRAINED_MODEL_H

#include "learn/learner.h"
#include "samples.h"
#include "store/model_file.h"

G_BEGIN_DECLS

/* The model that a course of learning has come to: what it learnt, the spread of its clusters, and
 * where it came from. Takes networks, centroids and attention out of `learned`, whose labels stay.
 * `embeddings` (n x width) receives those of the samples, from dc_alloc(). NULL with `error` set on
 * failure. Free with dc_model_free(). */
DcModel *dc_trained_model_new(const DcLearner *learner, DcLearned *learned,
                              const DcSamples *samples, const char *const *inputs,
                              float **embeddings, GError **error);

/* Takes the scale of vectors, which such a model divides by first, out of its encoder, so that a
 * course can start from that: `scale` receives it, or 0 where there is none. */
gboolean dc_trained_model_take_scale(DcModel *model, double *scale, GError **error);

G_END_DECLS

#endif
