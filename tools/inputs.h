/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_INPUTS_H
#define DC_TOOLS_INPUTS_H

#include "image/image.h"

#include <glib.h>

G_BEGIN_DECLS

/* Pictures from whatever a person names on the command line:
 *   - an IDX file of pictures (N x H x W grey or N x H x W x 3 RGB, plain or .gz); its labels are
 * taken from the file beside it whose name says "labels-idx1" where this one says "images-idx3";
 *   - a folder of pictures, whose first subfolders are the labels;
 *   - a picture, a video, or a URI: anything that GStreamer decodes. */

#define DC_NO_LABEL G_MAXUINT32

typedef struct {
  const DcImage *image;
  guint32 label;      /* DC_NO_LABEL when there is none */
  const char *origin; /* file or URI, for messages and lists */
} DcInputPicture;

/* Called for each picture in order. FALSE with `error` set ends the visit; FALSE without ends it
 * early but well. The picture is valid during the call only. */
typedef gboolean (*DcInputVisit)(const DcInputPicture *picture, gpointer user_data, GError **error);

/* What a visit saw. */
typedef struct {
  gsize pictures;
  gsize unreadable; /* files that could not be decoded; each is named on stderr and left out */
} DcInputCount;

/* Visits every picture of `inputs` (NULL-terminated). `labels` (NULL: see above) is an IDX file
 * with one label per picture, over all inputs together. Fails when an input does not exist, when
 * nothing can be read from one, or when labels and pictures do not match in number. */
gboolean dc_inputs_visit(const char *const *inputs, const char *labels, DcInputVisit visit,
                         gpointer user_data, DcInputCount *count, GError **error);

G_END_DECLS

#endif
