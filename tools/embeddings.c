/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embeddings.h"

#include "command.h"
#include "inputs.h"
#include "nn/plan.h"
#include "stream/encoder.h"

#include <string.h>

#define VECTORS_AT_ONCE 64

typedef struct {
  DcEmbeddings *embeddings;
  const DcModel *model;
  DcEncoder *encoder; /* of pictures; NULL: the model takes vectors */
  DcPlan *plan;       /* of vectors; NULL: they are their own embeddings, or there are none */
  gsize length;       /* numbers in a vector; 0: none has been seen */
  float *waiting;     /* VECTORS_AT_ONCE x length, for the plan */
  gsize waiting_count;
  float *output; /* what a run makes of them, or of one picture */
} Embedding;

static gboolean
append(Embedding *embedding, const float *values, gsize count, GError **error)
{
  DcEmbeddings *embeddings = embedding->embeddings;
  embeddings->count += count;
  return dc_spill_append(&embeddings->values_store, values,
                         count * embeddings->dim * sizeof *values, error);
}

static gboolean
append_label(Embedding *embedding, guint32 label, GError **error)
{
  DcEmbeddings *embeddings = embedding->embeddings;
  embeddings->labelled = embeddings->labelled && label != DC_NO_LABEL;
  return dc_spill_append(&embeddings->labels_store, &label, sizeof label, error);
}

static gboolean
refuse_kind(const char *origin, const char *holds, const char *taken, GError **error)
{
  g_set_error(
      error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
      "%s: it holds %s, but %s are taken; give inputs of one kind, those that the model was "
      "trained on",
      origin, holds, taken);
  return FALSE;
}

static gboolean
refuse_embedding(const char *origin, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FINITE,
              "%s: the encoder gives no finite numbers for it", origin);
  return FALSE;
}

/* --- pictures --- */

static gboolean
embed_picture(const DcInputPicture *picture, gpointer user_data, GError **error)
{
  Embedding *embedding = user_data;
  if (!embedding->encoder || embedding->length > 0)
    return refuse_kind(picture->origin, "pictures", "vectors", error);
  DcRect all = {0, 0, picture->image->width, picture->image->height};
  bool valid;
  DcStatus status =
      dc_encoder_run(embedding->encoder, picture->image, &all, 1, embedding->output, &valid);
  if (status != DC_OK || !valid)
    return refuse_embedding(picture->origin, error);
  return append_label(embedding, picture->label, error) &&
         append(embedding, embedding->output, 1, error);
}

/* --- vectors --- */

static gboolean
begin_vectors(Embedding *embedding, const DcInputVector *vector, GError **error)
{
  DcEmbeddings *embeddings = embedding->embeddings;
  if (embeddings->count > 0 || (embedding->model && !embedding->model->vectors))
    return refuse_kind(vector->origin, "vectors", "pictures", error);
  embedding->length = vector->length;
  embeddings->vectors = TRUE;
  if (!embedding->model)
    embeddings->dim = vector->length;
  return TRUE;
}

static gboolean
check_length(const Embedding *embedding, const DcInputVector *vector, GError **error)
{
  gsize needed = embedding->length;
  if (embedding->model)
    needed = dc_shape_size(dc_network_input(embedding->model->encoder));
  if (vector->length == needed)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "%s: vectors of %zu numbers, and vectors of %zu are needed", vector->origin,
              vector->length, needed);
  return FALSE;
}

/* Runs the vectors that wait. */
static gboolean
run_waiting(Embedding *embedding, const char *origin, GError **error)
{
  gsize count = embedding->waiting_count;
  embedding->waiting_count = 0;
  if (count == 0)
    return TRUE;
  DcMatrix output = dc_matrix(embedding->output, count, embedding->embeddings->dim);
  if (dc_plan_run(embedding->plan, embedding->waiting, count, embedding->output) != DC_OK ||
      !dc_matrix_is_finite(&output))
    return refuse_embedding(origin, error);
  return append(embedding, embedding->output, count, error);
}

static gboolean
embed_vector(const DcInputVector *vector, gpointer user_data, GError **error)
{
  Embedding *embedding = user_data;
  if (embedding->length == 0 && !begin_vectors(embedding, vector, error))
    return FALSE;
  if (!check_length(embedding, vector, error) || !append_label(embedding, vector->label, error))
    return FALSE;
  if (!embedding->plan)
    return append(embedding, vector->values, 1, error);
  memcpy(embedding->waiting + embedding->waiting_count * vector->length, vector->values,
         vector->length * sizeof *vector->values);
  return ++embedding->waiting_count < VECTORS_AT_ONCE ||
         run_waiting(embedding, vector->origin, error);
}

/* --- all of them --- */

static DcStatus
open_encoder(Embedding *embedding, DcError *error)
{
  const DcModel *model = embedding->model;
  if (!model)
    return dc_encoder_new_descriptor(&embedding->encoder, error);
  if (!model->vectors)
    return dc_encoder_new(&model->preprocessing, model->encoder, model->encoder_id, 1,
                          &embedding->encoder, error);
  embedding->waiting =
      g_new(float, VECTORS_AT_ONCE *dc_shape_size(dc_network_input(model->encoder)));
  return dc_plan_new(model->encoder, VECTORS_AT_ONCE, &embedding->plan, error);
}

static void
close_encoder(Embedding *embedding)
{
  dc_encoder_free(embedding->encoder);
  dc_plan_free(embedding->plan);
  g_free(embedding->waiting);
  g_free(embedding->output);
}

static gboolean
finish(Embedding *embedding, GError **error)
{
  DcEmbeddings *embeddings = embedding->embeddings;
  gpointer values, labels;
  if (!run_waiting(embedding, "the last vectors", error) ||
      !dc_spill_finish(&embeddings->values_store, &values, error) ||
      !dc_spill_finish(&embeddings->labels_store, &labels, error))
    return FALSE;
  embeddings->values = values;
  embeddings->labels = labels;
  return TRUE;
}

gboolean
dc_embeddings_read(DcEmbeddings *embeddings, const DcModel *model, const char *const *inputs,
                   const char *labels, GError **error)
{
  Embedding embedding = {.embeddings = embeddings, .model = model};
  DcError core_error;
  if (open_encoder(&embedding, &core_error) != DC_OK) {
    close_encoder(&embedding);
    return dc_tools_take_error(&core_error, error);
  }
  *embeddings = (DcEmbeddings){
      .dim = embedding.encoder ? dc_encoder_dim(embedding.encoder) : model->dim,
      .labelled = TRUE,
  };
  embedding.output = g_new(float, VECTORS_AT_ONCE * embeddings->dim);
  dc_spill_init(&embeddings->values_store, DC_SPILL_MOST_MEMORY);
  dc_spill_init(&embeddings->labels_store, DC_SPILL_MOST_MEMORY);
  gboolean well =
      dc_inputs_visit_all(inputs, labels, embed_picture, embed_vector, &embedding, NULL, error) &&
      finish(&embedding, error);
  close_encoder(&embedding);
  if (!well)
    dc_embeddings_clear(embeddings);
  return well;
}

void
dc_embeddings_clear(DcEmbeddings *embeddings)
{
  dc_spill_clear(&embeddings->values_store);
  dc_spill_clear(&embeddings->labels_store);
  embeddings->values = NULL;
  embeddings->labels = NULL;
  embeddings->count = 0;
}

DcMatrix
dc_embeddings_matrix(const DcEmbeddings *embeddings)
{
  return dc_matrix(embeddings->values, embeddings->count, embeddings->dim);
}
