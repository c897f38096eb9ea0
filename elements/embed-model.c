/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed-model.h"

#include "common/error.h"
#include "store/model_file.h"

/* An encoder with what it borrows. */
typedef struct {
  gchar *file; /* NULL: built-in */
  DcModel *model;
  DcEncoder *encoder;
} GstEmbedLoaded;

struct GstEmbedModel {
  GstElement *owner;
  GMutex mutex;       /* guards all up to the line; never held while reading or posting */
  gchar *file;        /* last wished for */
  gchar *active_file; /* in use */
  GstEmbedRun run;
  guint wish;           /* number of the newest one */
  GstEmbedLoaded *next; /* takes over when the encoder is next asked for; NULL: none */

  GstEmbedLoaded *current; /* of the streaming thread */
};

static void
gst_embed_loaded_free(GstEmbedLoaded *self)
{
  if (!self)
    return;
  dc_encoder_free(self->encoder); /* borrows from the model */
  if (self->model)
    dc_model_free(self->model);
  g_free(self->file);
  g_free(self);
}

static DcStatus
gst_embed_loaded_run(GstEmbedLoaded *self, const GstEmbedRun *run, DcError *error)
{
  const DcModel *model = self->model;
  if (run->backend == GST_EMBED_BACKEND_ONNXRUNTIME)
    return dc_encoder_new_onnx_runtime(&model->preprocessing, model->encoder, model->encoder_id,
                                       run->batch_size, run->threads, &self->encoder, error);
  return dc_encoder_new(&model->preprocessing, model->encoder, model->encoder_id, run->batch_size,
                        &self->encoder, error);
}

static DcStatus
gst_embed_loaded_open(GstEmbedLoaded *self, const GstEmbedRun *run, DcError *error)
{
  if (!self->file)
    return dc_encoder_new_descriptor(&self->encoder, error);
  DcStatus status = dc_model_read(self->file, &self->model, error);
  if (status != DC_OK)
    return status;
  if (self->model->vectors)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "%s: this model takes vectors of %d numbers, not pictures; train one on "
                        "pictures",
                        self->file, dc_network_input(self->model->encoder).channels);
  return gst_embed_loaded_run(self, run, error);
}

/* Takes `file`. */
static GstEmbedLoaded *
gst_embed_loaded_new(gchar *file, const GstEmbedRun *run, DcError *error)
{
  GstEmbedLoaded *self = g_new0(GstEmbedLoaded, 1);
  self->file = file;
  if (gst_embed_loaded_open(self, run, error) == DC_OK)
    return self;
  gst_embed_loaded_free(self);
  return NULL;
}

GstEmbedModel *
gst_embed_model_new(GstElement *owner)
{
  GstEmbedModel *self = g_new0(GstEmbedModel, 1);
  self->owner = owner;
  g_mutex_init(&self->mutex);
  return self;
}

void
gst_embed_model_free(GstEmbedModel *self)
{
  gst_embed_model_stop(self);
  g_free(self->file);
  g_mutex_clear(&self->mutex);
  g_free(self);
}

gchar *
gst_embed_model_dup_file(GstEmbedModel *self)
{
  g_mutex_lock(&self->mutex);
  gchar *file = g_strdup(self->file);
  g_mutex_unlock(&self->mutex);
  return file;
}

DcStatus
gst_embed_model_start(GstEmbedModel *self, const GstEmbedRun *run, DcError *error)
{
  g_mutex_lock(&self->mutex);
  self->run = *run;
  self->active_file = g_strdup(self->file);
  gchar *file = g_strdup(self->file);
  g_mutex_unlock(&self->mutex);

  self->current = gst_embed_loaded_new(file, run, error);
  if (self->current)
    return DC_OK;
  gst_embed_model_stop(self);
  return error->status;
}

void
gst_embed_model_stop(GstEmbedModel *self)
{
  g_mutex_lock(&self->mutex);
  self->run.batch_size = 0;
  self->wish++; /* an answer on its way is void */
  GstEmbedLoaded *next = g_steal_pointer(&self->next);
  g_clear_pointer(&self->active_file, g_free);
  g_mutex_unlock(&self->mutex);
  gst_embed_loaded_free(next);
  g_clear_pointer(&self->current, gst_embed_loaded_free);
}

DcEncoder *
gst_embed_model_encoder(GstEmbedModel *self, gboolean *changed)
{
  g_mutex_lock(&self->mutex);
  GstEmbedLoaded *next = g_steal_pointer(&self->next);
  if (next) {
    g_free(self->active_file);
    self->active_file = g_strdup(next->file);
  }
  g_mutex_unlock(&self->mutex);

  *changed = next != NULL;
  if (next) {
    gst_embed_loaded_free(self->current);
    self->current = next;
  }
  return self->current->encoder;
}

typedef struct {
  GstEmbedModel *model; /* lives as long as its owner, which the call holds */
  guint number;
  gchar *file;
  GstEmbedRun run;
} GstEmbedWish;

static void
gst_embed_wish_free(gpointer data)
{
  GstEmbedWish *wish = data;
  g_free(wish->file);
  g_free(wish);
}

/* Hands `*loaded` over, or goes back to the file in use when it is NULL. FALSE when there is a
 * newer wish or the element has stopped: nobody wants to hear of this one then. */
static gboolean
gst_embed_wish_settle(const GstEmbedWish *wish, GstEmbedLoaded **loaded)
{
  GstEmbedModel *self = wish->model;
  g_mutex_lock(&self->mutex);
  gboolean wanted = wish->number == self->wish;
  if (wanted && *loaded) {
    GstEmbedLoaded *overtaken = self->next;
    self->next = g_steal_pointer(loaded);
    *loaded = overtaken;
  } else if (wanted) {
    g_free(self->file);
    self->file = g_strdup(self->next ? self->next->file : self->active_file);
  }
  g_mutex_unlock(&self->mutex);
  return wanted;
}

static GstMessage *
gst_embed_wish_outcome(const GstEmbedWish *wish, const GstEmbedLoaded *loaded, const DcError *error)
{
  GstStructure *outcome =
      gst_structure_new("embed", "kind", G_TYPE_STRING, loaded ? "model-loaded" : "model-rejected",
                        "model-file", G_TYPE_STRING, wish->file ? wish->file : "", NULL);
  if (loaded)
    gst_structure_set(outcome, "encoder", G_TYPE_STRING, dc_encoder_id(loaded->encoder), "dim",
                      G_TYPE_INT, (gint)dc_encoder_dim(loaded->encoder), NULL);
  else
    gst_structure_set(outcome, "reason", G_TYPE_STRING, error->message, NULL);
  return gst_message_new_element(GST_OBJECT(wish->model->owner), outcome);
}

static void
gst_embed_wish_answer(GstElement *owner, gpointer data)
{
  const GstEmbedWish *wish = data;
  DcError error;
  GstEmbedLoaded *loaded = gst_embed_loaded_new(g_strdup(wish->file), &wish->run, &error);
  gboolean success = loaded != NULL;
  GstMessage *outcome = gst_embed_wish_outcome(wish, loaded, &error);
  gboolean wanted = gst_embed_wish_settle(wish, &loaded);
  gst_embed_loaded_free(loaded);
  if (!wanted) {
    gst_message_unref(outcome);
    return;
  }
  if (!success) {
    DC_ELEMENT_WARNING(owner, &error);
    g_object_notify(G_OBJECT(owner), "model-file");
  }
  gst_element_post_message(owner, outcome);
}

void
gst_embed_model_set_file(GstEmbedModel *self, const gchar *file)
{
  gchar *wished = file && *file ? g_strdup(file) : NULL;
  g_mutex_lock(&self->mutex);
  g_free(self->file);
  self->file = wished;
  self->wish++;
  GstEmbedWish wish = {self, self->wish, g_strdup(wished), self->run};
  g_mutex_unlock(&self->mutex);
  if (wish.run.batch_size > 0)
    gst_element_call_async(self->owner, gst_embed_wish_answer, g_memdup2(&wish, sizeof wish),
                           gst_embed_wish_free);
  else
    g_free(wish.file);
}
