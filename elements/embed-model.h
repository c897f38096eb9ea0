/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_EMBED_MODEL_H
#define GST_EMBED_MODEL_H

#include "base/status.h"
#include "stream/encoder.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* What runs the network. */
typedef enum {
  GST_EMBED_BACKEND_AUTO,       /* the core: measured faster, or as fast */
  GST_EMBED_BACKEND_CORE,       /* the network engine of this project */
  GST_EMBED_BACKEND_ONNXRUNTIME /* ONNX Runtime */
} GstEmbedBackend;

typedef struct {
  GstEmbedBackend backend;
  guint batch_size; /* regions at a time; 0: not running */
  guint threads;    /* of ONNX Runtime; those of the core are set for the whole process */
} GstEmbedRun;

/* The model of an `embed` element, which may be changed while the element runs: the new one is read
 * and checked on another thread, and takes over when the streaming thread next asks for the
 * encoder. A model that cannot be used leaves the old one in place. The outcome is posted as an
 * element message (see the documentation of the element). */
typedef struct GstEmbedModel GstEmbedModel;

/* `owner` posts the messages, and outlives the model. */
GstEmbedModel *gst_embed_model_new(GstElement *owner);
void gst_embed_model_free(GstEmbedModel *self);

/* Wishes for `file` (NULL or "": the built-in descriptor), at once when the model is not running. A
 * newer wish makes an older one void. Any thread. */
void gst_embed_model_set_file(GstEmbedModel *self, const gchar *file);
/* The file last wished for, or the one in use when that wish was not granted. Any thread. */
gchar *gst_embed_model_dup_file(GstEmbedModel *self);

/* Reads the model to be run as `run` says. */
DcStatus gst_embed_model_start(GstEmbedModel *self, const GstEmbedRun *run, DcError *error);
void gst_embed_model_stop(GstEmbedModel *self);

/* The encoder to use now; valid until the next call. TRUE in `*changed` when it is another one than
 * last time. The streaming thread, between start and stop. */
DcEncoder *gst_embed_model_encoder(GstEmbedModel *self, gboolean *changed);

G_END_DECLS

#endif
