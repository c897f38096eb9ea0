/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trained-model.h"

#include "base/memory.h"
#include "cluster/tdcm.h"
#include "cluster/transport_fit.h"
#include "command.h"
#include "learn/codes.h"
#include "settings.h"
#include "tensor/rows.h"

#include <json-glib/json-glib.h>
#include <math.h>

/* Embeddings that the source is described from: more take time and tell no more. */
#define MOST_SOURCE_ROWS 16384

/* Root mean squared distance of the members of each cluster to its centroid. `embeddings` are those
 * of the first domain where the centroids are: members in other domains lie elsewhere. */
static gboolean
measure_spread(DcModel *model, const DcMatrix *embeddings, const guint32 *labels)
{
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
  g_autofree float *distances = g_new(float, embeddings->rows);
  g_autofree double *sums = g_new0(double, model->clusters);
  g_autofree gsize *counts = g_new0(gsize, model->clusters);
  model->spread = DC_NEW(float, model->clusters);
  if (!model->spread)
    return FALSE;
  dc_squared_distances(embeddings, &centroids, labels, distances);
  for (gsize i = 0; i < embeddings->rows; i++) {
    sums[labels[i]] += distances[i];
    counts[labels[i]]++;
  }
  for (gsize k = 0; k < model->clusters; k++)
    model->spread[k] = counts[k] ? (float)sqrt(sums[k] / (double)counts[k]) : 0;
  return TRUE;
}

/* Takes every how manyth of `count` rows, that no more are left than needed. */
static gsize
thinning(gsize count)
{
  return (count + MOST_SOURCE_ROWS - 1) / MOST_SOURCE_ROWS;
}

/* Some of the rows, evenly spaced. */
static DcMatrix
thin_out(const DcMatrix *rows)
{
  gsize step = thinning(rows->rows);
  return (DcMatrix){rows->data, rows->rows / step, rows->cols, rows->stride * step};
}

/* The labels of these rows, of `count`. */
static guint32 *
thin_out_labels(const guint32 *labels, gsize count)
{
  gsize step = thinning(count), left = count / step;
  guint32 *thin = g_new(guint32, left);
  for (gsize i = 0; i < left; i++)
    thin[i] = labels[i * step];
  return thin;
}

/* Describes what the embeddings look like, for an adapter that starts from the model; in the metric
 * that was learnt, if one was, and by the groups that were, if those are not the cells of
 * centroids. A sample that tells too little leaves the model without a source. */
static gboolean
describe_source(DcModel *model, const DcLearned *learned, const DcMatrix *embeddings)
{
  if (embeddings->rows < DC_TRANSPORT_SAMPLES_PER_CLUSTER * model->clusters)
    return TRUE;
  DcMatrix rows = thin_out(embeddings);
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
  DcTransportFitOptions options = dc_transport_fit_options();
  gboolean quadratic = model->attention && model->attention->score == DC_TDCM_QUADRATIC;
  g_autofree double *metric = g_new(double, quadratic ? model->dim * model->dim : 0);
  g_autofree guint32 *cells =
      learned->grouped ? thin_out_labels(learned->labels, embeddings->rows) : NULL;
  options.cells = cells;
  if (quadratic) {
    dc_tdcm_metric(model->attention, metric);
    options.metric = metric;
  }
  DcError error;
  return dc_transport_fit(&rows, &centroids, &options, &model->source, &error) != DC_ERROR_MEMORY;
}

static void
add_inputs(JsonBuilder *builder, const char *const *inputs)
{
  json_builder_set_member_name(builder, "inputs");
  json_builder_begin_array(builder);
  for (gsize i = 0; inputs[i]; i++) {
    g_autofree char *name = g_path_get_basename(inputs[i]);
    g_autofree char *text = g_utf8_make_valid(name, -1);
    json_builder_add_string_value(builder, text);
  }
  json_builder_end_array(builder);
}

static void
add_settings(JsonBuilder *builder, const DcLearner *learner)
{
  json_builder_set_member_name(builder, "settings");
  json_builder_begin_object(builder);
  for (gsize i = 0; i < learner->class->setting_count; i++) {
    double value = learner->settings[i];
    const char *word = dc_learner_setting_word(learner->class, i, value);
    json_builder_set_member_name(builder, learner->class->settings[i].name);
    if (word)
      json_builder_add_string_value(builder, word);
    else
      json_builder_add_double_value(builder, value);
  }
  json_builder_end_object(builder);
}

static void
add_whole(JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, value);
}

/* What the model was made from, as JSON. */
static char *
describe_training(const DcLearner *learner, const char *const *inputs)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  add_inputs(builder, inputs);
  add_whole(builder, "samples", (gint64)learner->data.count);
  add_whole(builder, "seed", (gint64)learner->seed);
  add_whole(builder, "threads", (gint64)learner->threads);
  add_settings(builder, learner);
  json_builder_set_member_name(builder, "loss");
  json_builder_add_double_value(builder, learner->at.loss);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  return json_to_string(root, FALSE);
}

/* An encoder that takes vectors as they stand in their files: it divides them first, as they were
 * divided to learn from them. */
static DcStatus
put_scale_before(DcNetwork **encoder, double scale, DcError *error)
{
  const DcLayer affine = {.kind = DC_LAYER_AFFINE};
  DcNetwork *scaled = dc_network_new(dc_network_input(*encoder));
  DcStatus status = scaled ? dc_network_add(scaled, &affine, error) : DC_ERROR_MEMORY;
  if (status == DC_OK) {
    const DcLayer *added = dc_network_layer(scaled, 0);
    for (gsize i = 0; i < added->weight_size; i++)
      added->weight[i] = (float)(1 / scale);
    status = dc_network_append(scaled, *encoder, 0, error);
  }
  if (status != DC_OK) {
    dc_network_free(scaled);
    return status;
  }
  dc_network_free(*encoder);
  *encoder = scaled;
  return DC_OK;
}

gboolean
dc_trained_model_take_scale(DcModel *model, double *scale, GError **error)
{
  const DcLayer *first = dc_network_layer_const(model->encoder, 0);
  *scale = 0;
  if (!model->vectors || first->kind != DC_LAYER_AFFINE)
    return TRUE;
  DcNetwork *rest = dc_network_new(dc_network_input(model->encoder));
  DcError core_error = {DC_ERROR_MEMORY, "not enough memory for a network"};
  if (!rest || dc_network_append(rest, model->encoder, 1, &core_error) != DC_OK) {
    dc_network_free(rest);
    return dc_tools_take_error(&core_error, error);
  }
  *scale = 1 / (double)first->weight[0];
  dc_network_free(model->encoder);
  model->encoder = rest;
  return TRUE;
}

static void
take_parts(DcModel *model, DcLearned *learned, const DcSamples *samples)
{
  model->vectors = samples->length > 0;
  model->preprocessing = samples->spec;
  model->encoder = g_steal_pointer(&learned->encoder);
  model->decoder = g_steal_pointer(&learned->decoder);
  model->assigner = g_steal_pointer(&learned->assigner);
  model->attention = g_steal_pointer(&learned->attention);
  model->centroids = g_steal_pointer(&learned->centroids);
  model->clusters = learned->clusters;
  model->dim = learned->width;
}

/* Fills `model` with what was learnt; `embeddings` holds those of the samples. */
static DcStatus
fill(DcModel *model, const DcLearner *learner, DcLearned *learned, const DcSamples *samples,
     const float *embeddings, DcError *error)
{
  gsize count = learned->attention ? learner->data.domain_ends[0] : learner->data.count;
  DcMatrix rows = dc_matrix(embeddings, count, learned->width);
  take_parts(model, learned, samples);
  if (!measure_spread(model, &rows, learned->labels) || !describe_source(model, learned, &rows))
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for the model");
  return samples->scale == 1 ? DC_OK : put_scale_before(&model->encoder, samples->scale, error);
}

DcModel *
dc_trained_model_new(const DcLearner *learner, DcLearned *learned, const DcSamples *samples,
                     const char *const *inputs, float **embeddings, GError **error)
{
  DcError core_error = {DC_ERROR_MEMORY, "not enough memory for the model"};
  *embeddings = NULL;
  DcModel *model = dc_model_new();
  if (!model || dc_learner_encode(learner, learned->encoder, embeddings, &core_error) != DC_OK ||
      fill(model, learner, learned, samples, *embeddings, &core_error) != DC_OK) {
    dc_model_free(model);
    dc_free(*embeddings);
    *embeddings = NULL;
    dc_tools_take_error(&core_error, error);
    return NULL;
  }
  model->method = g_strdup(learner->class->name);
  model->provenance = describe_training(learner, inputs);
  return model;
}
