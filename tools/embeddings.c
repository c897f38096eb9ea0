/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embeddings.h"

#include "command.h"
#include "inputs.h"
#include "stream/encoder.h"

typedef struct {
  DcEmbeddings *embeddings;
  DcEncoder *encoder;
} Embedding;

static gboolean
embed_picture(const DcInputPicture *picture, gpointer user_data, GError **error)
{
  Embedding *embedding = user_data;
  DcEmbeddings *embeddings = embedding->embeddings;
  gsize used = embeddings->values->len;
  if (used > G_MAXUINT - embeddings->dim) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY,
                "%s: more than the %zu pictures before it cannot be held in memory",
                picture->origin, embeddings->count);
    return FALSE;
  }
  g_array_set_size(embeddings->values, (guint)(used + embeddings->dim));
  DcRect all = {0, 0, picture->image->width, picture->image->height};
  bool valid;
  DcStatus status = dc_encoder_run(embedding->encoder, picture->image, &all, 1,
                                   &g_array_index(embeddings->values, float, used), &valid);
  if (status != DC_OK || !valid) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FINITE,
                "%s: the encoder gives no finite numbers for it", picture->origin);
    return FALSE;
  }
  g_array_append_val(embeddings->labels, picture->label);
  embeddings->labelled = embeddings->labelled && picture->label != DC_NO_LABEL;
  embeddings->count++;
  return TRUE;
}

gboolean
dc_embeddings_read(DcEmbeddings *embeddings, const DcModel *model, const char *const *inputs,
                   const char *labels, GError **error)
{
  Embedding embedding = {.embeddings = embeddings};
  DcError core_error;
  DcStatus status = model ? dc_encoder_new(&model->preprocessing, model->encoder, model->encoder_id,
                                           1, &embedding.encoder, &core_error)
                          : dc_encoder_new_descriptor(&embedding.encoder, &core_error);
  if (status != DC_OK)
    return dc_tools_take_error(&core_error, error);
  *embeddings = (DcEmbeddings){
      .dim = dc_encoder_dim(embedding.encoder),
      .values = g_array_new(FALSE, FALSE, sizeof(float)),
      .labels = g_array_new(FALSE, FALSE, sizeof(guint32)),
      .labelled = TRUE,
  };
  gboolean well = dc_inputs_visit(inputs, labels, embed_picture, &embedding, NULL, error);
  dc_encoder_free(embedding.encoder);
  if (!well)
    dc_embeddings_clear(embeddings);
  return well;
}

void
dc_embeddings_clear(DcEmbeddings *embeddings)
{
  g_clear_pointer(&embeddings->values, g_array_unref);
  g_clear_pointer(&embeddings->labels, g_array_unref);
  embeddings->count = 0;
}

DcMatrix
dc_embeddings_matrix(const DcEmbeddings *embeddings)
{
  return dc_matrix((const float *)embeddings->values->data, embeddings->count, embeddings->dim);
}
