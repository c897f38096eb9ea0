/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-view.h"

#include "cluster/transport_basis.h"
#include "command.h"
#include "nn/plan.h"
#include "numbered-frames.h"
#include "stream/encoder.h"

#include <math.h>
#include <string.h>

struct DcDriftView {
  const DcDriftData *data;
  gsize dim;

  /* pictures */
  guint8 *plain, *changed; /* a picture, as it is and under its look */
  gpointer scratch;        /* of the look */
  DcEncoder *encoder;      /* NULL: principal components */

  /* principal components of pictures, and of vectors their mean and deviation */
  double *mean;  /* numbers of a sample */
  double *basis; /* numbers of a sample x dim */

  /* vectors */
  float *vector, *vector_mean;
  double deviation;
  DcPlan *plan; /* NULL: they are their own embeddings */
};

static gboolean
is_vectors(const DcDriftView *view)
{
  return view->data->samples.length > 0;
}

static const float *
values_of(const DcDriftView *view, guint32 sample)
{
  return view->data->samples.values + (gsize)sample * view->data->samples.size;
}

static gboolean
no_memory(GError **error)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY,
                      "not enough memory to embed the samples");
  return FALSE;
}

/* ---- making one ---- */

static float *
gather(const DcDriftView *view, const DcDriftSplit *split)
{
  gsize size = view->data->samples.size;
  float *rows = g_try_new(float, split->source *size);
  for (gsize i = 0; rows && i < split->source; i++)
    memcpy(rows + i * size, values_of(view, split->order[i]), size * sizeof *rows);
  return rows;
}

static gboolean
find_components(DcDriftView *view, const DcDriftSplit *split, gsize wanted, GError **error)
{
  gsize size = view->data->samples.size;
  wanted = MIN(MIN(wanted, size), split->source);
  g_autofree float *rows = gather(view, split);
  view->mean = g_try_new(double, size);
  view->basis = g_try_new(double, size *wanted);
  if (!rows || !view->mean || !view->basis)
    return no_memory(error);
  DcMatrix source = dc_matrix(rows, split->source, size);
  if (dc_transport_basis(&source, wanted, view->mean, view->basis, &view->dim) != DC_OK)
    return no_memory(error);
  if (view->dim > 0)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                      "all pictures of the source are equal; there is nothing to tell apart");
  return FALSE;
}

static gboolean
open_encoder(DcDriftView *view, const DcModel *model, GError **error)
{
  DcError core_error;
  DcStatus status = model ? dc_encoder_new(&model->preprocessing, model->encoder, model->encoder_id,
                                           1, &view->encoder, &core_error)
                          : dc_encoder_new_descriptor(&view->encoder, &core_error);
  if (status != DC_OK)
    return dc_tools_take_error(&core_error, error);
  view->dim = dc_encoder_dim(view->encoder);
  return TRUE;
}

static gboolean
open_pictures(DcDriftView *view, const DcDriftDataOptions *options, const DcDriftSplit *split,
              GError **error)
{
  const DcPatchSpec *spec = &view->data->samples.spec;
  gsize size = view->data->samples.size;
  view->plain = g_try_malloc(size);
  view->changed = g_try_malloc(size);
  view->scratch = g_try_malloc(dc_look_scratch(spec->width, spec->height, dc_patch_channels(spec)));
  if (!view->plain || !view->changed || !view->scratch)
    return no_memory(error);
  if (options->model || options->descriptor)
    return open_encoder(view, options->model, error);
  return find_components(view, split, options->dim, error);
}

static void
measure_vectors(DcDriftView *view, const DcDriftSplit *split)
{
  gsize size = view->data->samples.size;
  g_autofree double *sum = g_new0(double, size);
  for (gsize i = 0; i < split->source; i++)
    for (gsize j = 0; j < size; j++)
      sum[j] += values_of(view, split->order[i])[j];
  double squares = 0;
  for (gsize j = 0; j < size; j++)
    view->vector_mean[j] = (float)(sum[j] / (double)split->source);
  for (gsize i = 0; i < split->source; i++)
    for (gsize j = 0; j < size; j++)
      squares += pow((double)values_of(view, split->order[i])[j] - view->vector_mean[j], 2);
  view->deviation = sqrt(squares / (double)(split->source * size));
}

static gboolean
open_vectors(DcDriftView *view, const DcModel *model, const DcDriftSplit *split, GError **error)
{
  gsize size = view->data->samples.size;
  view->vector = g_try_new(float, size);
  view->vector_mean = g_try_new(float, size);
  if (!view->vector || !view->vector_mean)
    return no_memory(error);
  measure_vectors(view, split);
  view->dim = size;
  if (!model)
    return TRUE;
  DcError core_error;
  gsize needed = dc_shape_size(dc_network_input(model->encoder));
  if (needed != size) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "the vectors have %zu numbers, and the model takes %zu", size, needed);
    return FALSE;
  }
  if (dc_plan_new(model->encoder, 1, &view->plan, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  view->dim = model->dim;
  return TRUE;
}

static gboolean
check_kind(const DcDriftView *view, const DcModel *model, GError **error)
{
  if (!model || model->vectors == is_vectors(view))
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH, "the model takes %s, and the input is %s",
              model->vectors ? "vectors" : "pictures", model->vectors ? "pictures" : "vectors");
  return FALSE;
}

DcDriftView *
dc_drift_view_new(const DcDriftData *data, const DcDriftDataOptions *options,
                  const DcDriftSplit *split, GError **error)
{
  g_autoptr(DcDriftView) view = g_new0(DcDriftView, 1);
  view->data = data;
  if (!check_kind(view, options->model, error))
    return NULL;
  gboolean well = is_vectors(view) ? open_vectors(view, options->model, split, error)
                                   : open_pictures(view, options, split, error);
  return well ? g_steal_pointer(&view) : NULL;
}

void
dc_drift_view_free(DcDriftView *view)
{
  if (!view)
    return;
  dc_encoder_free(view->encoder);
  dc_plan_free(view->plan);
  g_free(view->plain);
  g_free(view->changed);
  g_free(view->scratch);
  g_free(view->mean);
  g_free(view->basis);
  g_free(view->vector);
  g_free(view->vector_mean);
  g_free(view);
}

gsize
dc_drift_view_dim(const DcDriftView *view)
{
  return view->dim;
}

/* ---- embedding ---- */

static void
project(const DcDriftView *view, float *row)
{
  gsize size = view->data->samples.size;
  double sum[DC_DRIFT_MOST_COMPONENTS] = {0};
  for (gsize j = 0; j < size; j++) {
    double value = view->changed[j] / 255.0 - view->mean[j];
    for (gsize i = 0; i < view->dim; i++)
      sum[i] += value * view->basis[j * view->dim + i];
  }
  for (gsize i = 0; i < view->dim; i++)
    row[i] = (float)sum[i];
}

static gboolean
encode(DcDriftView *view, const DcPatchSpec *spec, float *row, GError **error)
{
  int channels = dc_patch_channels(spec);
  DcImage image = {
      .format = channels == 1 ? DC_PIXELS_GRAY8 : DC_PIXELS_RGB,
      .width = spec->width,
      .height = spec->height,
      .planes = {view->changed},
      .strides = {(ptrdiff_t)spec->width * channels},
  };
  DcRect all = {0, 0, spec->width, spec->height};
  bool valid = false;
  if (dc_encoder_run(view->encoder, &image, &all, 1, row, &valid) == DC_OK && valid)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FINITE,
                      "the encoder gives no finite numbers for a picture of the stream");
  return FALSE;
}

static gboolean
write_frame(const DcDriftView *view, const DcPatchSpec *spec, const char *folder, gsize number,
            GError **error)
{
  DcPicture picture = {spec->width, spec->height, dc_patch_channels(spec), view->changed};
  return dc_frames_write(folder, number, &picture, error);
}

static void
show_picture(DcDriftView *view, guint32 sample, const DcLook *look, DcRandom *random)
{
  const DcPatchSpec *spec = &view->data->samples.spec;
  const float *values = values_of(view, sample);
  for (gsize j = 0; j < view->data->samples.size; j++)
    view->plain[j] = (guint8)lrintf(255 * CLAMP(values[j], 0, 1));
  dc_look_apply(look, spec->width, spec->height, dc_patch_channels(spec), view->plain,
                view->scratch, random, view->changed);
}

static gboolean
embed_vector(DcDriftView *view, guint32 sample, const DcLook *look, DcRandom *random, float *row,
             GError **error)
{
  dc_look_apply_vector(look, view->vector_mean, view->deviation, view->data->samples.size,
                       values_of(view, sample), random, view->vector);
  if (!view->plan) {
    memcpy(row, view->vector, view->dim * sizeof *row);
    return TRUE;
  }
  DcMatrix output = dc_matrix(row, 1, view->dim);
  if (dc_plan_run(view->plan, view->vector, 1, row) == DC_OK && dc_matrix_is_finite(&output))
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FINITE,
                      "the encoder gives no finite numbers for a vector of the stream");
  return FALSE;
}

static gboolean
embed_picture(DcDriftView *view, float *row, GError **error)
{
  if (view->encoder)
    return encode(view, &view->data->samples.spec, row, error);
  project(view, row);
  return TRUE;
}

gboolean
dc_drift_view_embed(DcDriftView *view, const guint32 *samples, const DcLook *looks, gsize count,
                    guint64 seed, const char *frames, gsize first, float *rows, GError **error)
{
  const DcLook plain = dc_look_plain();
  DcRandom random;
  dc_random_seed(&random, seed, 2);
  for (gsize i = 0; i < count; i++) {
    const DcLook *look = looks ? &looks[i] : &plain;
    float *row = rows + i * view->dim;
    if (is_vectors(view)) {
      if (!embed_vector(view, samples[i], look, &random, row, error))
        return FALSE;
      continue;
    }
    show_picture(view, samples[i], look, &random);
    if (frames && !write_frame(view, &view->data->samples.spec, frames, first + i, error))
      return FALSE;
    if (!embed_picture(view, row, error))
      return FALSE;
  }
  return TRUE;
}
