/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_INPUTS_H
#define DC_TOOLS_INPUTS_H

#include "image/image.h"
#include "labels.h"

#include <glib.h>

G_BEGIN_DECLS

/* Samples from whatever a person names on the command line. Pictures:
 *   - an IDX file of pictures (N x H x W grey or N x H x W x 3 RGB, plain or .gz);
 *   - a folder of pictures, whose first subfolders are the labels: one of the
 *     same name has the same number in all of them;
 *   - a picture, a video, or a URI: anything that GStreamer decodes.
 * Vectors (see dc_vector_file_is()):
 *   - a .npy file with a row of numbers for each;
 *   - an IDX file of two dimensions, or whose name says "points" or "vectors".
 * The labels of IDX and .npy files are taken from the file beside them (see dc_labels_beside()).
 */

typedef struct {
  const DcImage *image;
  guint32 label;      /* DC_NO_LABEL when there is none */
  const char *origin; /* file or URI, for messages and lists */
  gsize input;        /* index of the input that it comes from */
} DcInputPicture;

typedef struct {
  const float *values; /* as they stand in the file; finite */
  gsize length;        /* >= 1 */
  guint32 label;
  const char *origin;
  gsize input;
} DcInputVector;

/* Called for each picture in order. FALSE with `error` set ends the visit; FALSE without ends it
 * early but well. The picture is valid during the call only. */
typedef gboolean (*DcInputVisit)(const DcInputPicture *picture, gpointer user_data, GError **error);
typedef gboolean (*DcInputVectorVisit)(const DcInputVector *vector, gpointer user_data,
                                       GError **error);

/* What a visit saw. */
typedef struct {
  gsize samples;
  gsize unreadable; /* files that could not be decoded; each is named on stderr and left out */
} DcInputCount;

/* Visits every sample of `inputs` (NULL-terminated). `labels` (NULL: see above) is a file with one
 * label per sample, over all inputs together. Fails when an input does not exist, when nothing can
 * be read from one, or when labels and samples do not match in number. */
gboolean dc_inputs_visit_all(const char *const *inputs, const char *labels, DcInputVisit picture,
                             DcInputVectorVisit vector, gpointer user_data, DcInputCount *count,
                             GError **error);

/* The same for pictures; vectors are refused. */
gboolean dc_inputs_visit(const char *const *inputs, const char *labels, DcInputVisit visit,
                         gpointer user_data, DcInputCount *count, GError **error);

/* Fails, naming it, when an input or a picture in it has no label of its own. Opens none of them;
 * one that is not there is left to the visit. */
gboolean dc_inputs_check_labels(const char *const *inputs, GError **error);

G_END_DECLS

#endif
