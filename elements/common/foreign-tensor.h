/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_FOREIGN_TENSOR_H
#define DC_ELEMENTS_FOREIGN_TENSOR_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define DC_FOREIGN_TENSOR_MAX_RANK 8

/* What another element's inference left on a buffer, in whatever metadata, as it was found there.
 * Everything belongs to the buffer. */
typedef struct {
  const gchar *model; /* "" where it is not told */
  const gchar *name;  /* of the output; "" where it is not told */
  const gchar *type;  /* of the numbers, for people: "float32", ... */
  gboolean is_result; /* a result, or what one is made of by rule, and only taken by name: scores of
                         classes, boxes */
  gboolean is_float;  /* float32, in this machine's order of bytes, the last axis running fastest */
  gsize rank;         /* more than DC_FOREIGN_TENSOR_MAX_RANK: of the first so many axes */
  gsize dims[DC_FOREIGN_TENSOR_MAX_RANK];
  GstBuffer *buffer;   /* the numbers are here, */
  gconstpointer bytes; /* or here when that is NULL */
  gsize size;          /* in bytes */
} DcForeignTensor;

/* Whether the tensor holds `rows` embeddings, and of how many numbers: float32, of the size that
 * its axes tell, which but for those of length 1 are [rows, dim], or [dim] for a single row. */
gboolean dc_foreign_tensor_fits(const DcForeignTensor *tensor, guint rows, guint *dim);

/* Copies the numbers of a tensor that fits. */
void dc_foreign_tensor_copy(const DcForeignTensor *tensor, gfloat *numbers);

/* Name, type and axes for a message, such as "'features' (float32, 1 x 512)". Free it. */
gchar *dc_foreign_tensor_describe(const DcForeignTensor *tensor);

/* Reads the tensor that DL Streamer has put into `param`, a parameter of a region of interest;
 * FALSE when that is something else. */
gboolean dc_foreign_tensor_from_param(const GstStructure *param, DcForeignTensor *tensor);

G_END_DECLS

#endif
