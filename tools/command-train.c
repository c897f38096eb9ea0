/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster train: learns an encoder and centroids from pictures, writes one model file. */
#include "base/memory.h"
#include "cluster/kmeans.h"
#include "command.h"
#include "eval/scores.h"
#include "nn/autoencoder.h"
#include "nn/plan.h"
#include "progress.h"
#include "samples.h"
#include "store/model_file.h"
#include "tensor/rows.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ENCODED_AT_ONCE 64

static char *option_method;
static char *option_output;
static char *option_labels;
static gint option_clusters;
static gint option_epochs = 20;
static gint option_batch = 256;
static gint option_width = 10;
static gdouble option_rate = 1e-3;
static gint64 option_seed = 1;
static gint option_threads;

static const GOptionEntry entries[] = {
    {"method", 'm', 0, G_OPTION_ARG_STRING, &option_method,
     "ae: convolutional autoencoder, then k-means (ae)", "NAME"},
    {"clusters", 'k', 0, G_OPTION_ARG_INT, &option_clusters, "number of clusters", "K"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "model file to write", "FILE"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "IDX file with a label for each picture, for scoring only", "FILE"},
    {"epochs", 'e', 0, G_OPTION_ARG_INT, &option_epochs, "passes over the pictures (20)", "N"},
    {"batch", 'b', 0, G_OPTION_ARG_INT, &option_batch, "pictures in a training step (256)", "N"},
    {"width", 'd', 0, G_OPTION_ARG_INT, &option_width, "numbers in an embedding (10)", "N"},
    {"learning-rate", 0, 0, G_OPTION_ARG_DOUBLE, &option_rate, "of Adam (0.001)", "X"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (1)", "N"},
    {"threads", 0, 0, G_OPTION_ARG_INT, &option_threads, "threads (all processors)", "N"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] = "Learns an encoder from pictures, clusters what it makes of them, "
                              "and writes both to one model\n"
                              "file that embed, adapt-centroids and the other commands take. INPUT "
                              "is a folder of pictures, an\n"
                              "IDX file, a video or a URI. Labels are never learnt from; where "
                              "there are some, the clusters are\n"
                              "scored with them. Equal input, options and number of threads give "
                              "an equal file. Ctrl-C ends the\n"
                              "training early and still writes what was learnt.";

/* --- Ctrl-C --- */

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal_number)
{
  (void)signal_number;
  interrupted = 1;
}

/* --- training --- */

static bool
show_step(const DcTrainingProgress *at, void *user_data)
{
  g_autofree char *note =
      g_strdup_printf("epoch %d of %d  loss %.5f", at->epoch, at->epochs, at->loss);
  double done = at->epoch - 1 + (double)at->step / (double)at->steps;
  dc_progress_show(user_data, done, at->epochs, note);
  return !interrupted;
}

/* Trains the autoencoder; an interruption is no failure, `loss` is then that of the last step
 * shown. */
static gboolean
train_autoencoder(DcAutoencoder *autoencoder, const DcSamples *samples, double *loss,
                  GError **error)
{
  DcShape shape = {samples->spec.height, samples->spec.width, dc_patch_channels(&samples->spec)};
  DcError core_error;
  if (dc_autoencoder_init(autoencoder, shape, option_width, (uint64_t)option_seed, &core_error) !=
      DC_OK)
    return dc_tools_take_error(&core_error, error);
  DcProgress progress;
  dc_progress_start(&progress, "training");
  DcAutoencoderTraining training = {
      .epochs = option_epochs,
      .batch = (size_t)option_batch,
      .learning_rate = option_rate,
      .seed = (uint64_t)option_seed,
      .threads = (size_t)option_threads,
      .progress = show_step,
      .data = &progress,
  };
  *loss = NAN;
  DcStatus status = dc_autoencoder_train(autoencoder, samples->values, samples->count, &training,
                                         loss, &core_error);
  g_autofree char *note = isnan(*loss)
                              ? g_strdup("stopped early, the model is what was learnt so far")
                              : g_strdup_printf("loss %.5f", *loss);
  dc_progress_end(&progress, note);
  if (status == DC_OK || status == DC_ERROR_CANCELLED)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

/* --- clustering what was learnt --- */

static gboolean
encode_all(const DcModel *model, const DcSamples *samples, const DcMatrix *embeddings,
           GError **error)
{
  DcPlan *plan;
  DcError core_error;
  if (dc_plan_new(model->encoder, ENCODED_AT_ONCE, &plan, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gsize size = dc_patch_size(&samples->spec);
  DcStatus status = DC_OK;
  for (gsize first = 0; first < samples->count && status == DC_OK; first += ENCODED_AT_ONCE)
    status =
        dc_plan_run(plan, samples->values + first * size,
                    MIN(ENCODED_AT_ONCE, samples->count - first), dc_matrix_row(embeddings, first));
  dc_plan_free(plan);
  if (status == DC_OK)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -(int)status, dc_status_text(status));
  return FALSE;
}

/* Root mean squared distance of the members of each cluster to its centroid. */
static gboolean
measure_spread(const DcMatrix *embeddings, const guint32 *clusters, DcModel *model)
{
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
  g_autofree float *distances = g_new(float, embeddings->rows);
  g_autofree double *sums = g_new0(double, model->clusters);
  g_autofree gsize *counts = g_new0(gsize, model->clusters);
  model->spread = DC_NEW(float, model->clusters);
  if (!model->spread)
    return FALSE;
  dc_squared_distances(embeddings, &centroids, clusters, distances);
  for (gsize i = 0; i < embeddings->rows; i++) {
    sums[clusters[i]] += distances[i];
    counts[clusters[i]]++;
  }
  for (gsize k = 0; k < model->clusters; k++)
    model->spread[k] = counts[k] ? (float)sqrt(sums[k] / (double)counts[k]) : 0;
  return TRUE;
}

/* Clusters the training pictures; `clusters` (one for each) receives the result. */
static gboolean
cluster_samples(DcModel *model, const DcSamples *samples, guint32 *clusters, GError **error)
{
  g_autofree float *values = g_new(float, samples->count * model->dim);
  DcMatrix embeddings = dc_matrix(values, samples->count, model->dim);
  if (!encode_all(model, samples, &embeddings, error))
    return FALSE;
  model->clusters = (size_t)option_clusters;
  model->centroids = DC_NEW(float, model->clusters * model->dim);
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
  DcKmeansOptions options = dc_kmeans_options((uint32_t)option_clusters);
  DcKmeansResult result;
  DcRandom random;
  dc_random_seed(&random, (uint64_t)option_seed, 1);
  DcError core_error = {DC_ERROR_MEMORY, "not enough memory for the centroids"};
  if (!model->centroids ||
      dc_kmeans(&embeddings, NULL, &options, &random, &centroids, clusters, &result, &core_error) !=
          DC_OK ||
      !measure_spread(&embeddings, clusters, model))
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}

/* --- the model file --- */

/* What the model was made from, as JSON. */
static char *
describe_training(const char *const *inputs, const DcSamples *samples, double loss)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  json_builder_set_member_name(builder, "inputs");
  json_builder_begin_array(builder);
  for (gsize i = 0; inputs[i]; i++) {
    g_autofree char *name = g_path_get_basename(inputs[i]);
    g_autofree char *text = g_utf8_make_valid(name, -1);
    json_builder_add_string_value(builder, text);
  }
  json_builder_end_array(builder);
  const struct {
    const char *name;
    gint64 value;
  } numbers[] = {
      {"pictures", (gint64)samples->count},
      {"epochs", option_epochs},
      {"batch", option_batch},
      {"seed", option_seed},
      {"threads", option_threads},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
    json_builder_set_member_name(builder, numbers[i].name);
    json_builder_add_int_value(builder, numbers[i].value);
  }
  json_builder_set_member_name(builder, "learning_rate");
  json_builder_add_double_value(builder, option_rate);
  json_builder_set_member_name(builder, "interrupted");
  json_builder_add_boolean_value(builder, isnan(loss));
  if (!isnan(loss)) {
    json_builder_set_member_name(builder, "loss");
    json_builder_add_double_value(builder, loss);
  }
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  return json_to_string(root, FALSE);
}

static void
print_result(const DcModel *model, const DcSamples *samples, const guint32 *clusters)
{
  printf("%zu pictures, %zu clusters, embeddings of %zu numbers: %s\n", samples->count,
         model->clusters, model->dim, option_output);
  DcScores scores;
  if (samples->labelled && dc_scores(clusters, samples->labels, samples->count, &scores) == DC_OK)
    printf("against the labels, in percent: ACC %.1f  NMI %.1f  ARI %.1f\n", 100 * scores.acc,
           100 * scores.nmi, 100 * scores.ari);
}

static gboolean
train_model(DcModel *model, const char *const *inputs, const DcSamples *samples, GError **error)
{
  DcAutoencoder autoencoder = {0};
  double loss;
  gboolean well = train_autoencoder(&autoencoder, samples, &loss, error);
  model->preprocessing = samples->spec;
  model->encoder = autoencoder.encoder;
  model->decoder = autoencoder.decoder;
  model->dim = (size_t)option_width;
  if (!well)
    return FALSE;
  g_autofree guint32 *clusters = g_new(guint32, samples->count);
  if (!cluster_samples(model, samples, clusters, error))
    return FALSE;
  model->method = g_strdup("ae");
  model->provenance = describe_training(inputs, samples, loss);
  DcError core_error;
  if (dc_model_write(model, option_output, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  print_result(model, samples, clusters);
  return TRUE;
}

static gboolean
train(const char *const *inputs, GError **error)
{
  DcSamples samples;
  if (!dc_samples_read(&samples, inputs, &(DcSamplesOptions){.labels = option_labels}, error))
    return FALSE;
  gboolean well = FALSE;
  if (samples.count < (gsize)option_clusters) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                "%zu pictures are too few for %d clusters; one for each is the least",
                samples.count, option_clusters);
  } else {
    DcModel *model = dc_model_new();
    well = train_model(model, inputs, &samples, error);
    dc_model_free(model);
  }
  dc_samples_clear(&samples);
  return well;
}

int
dc_command_train(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  if (argc < 2)
    return dc_command_usage(name, "at least one folder, file or URI is needed");
  if (option_method && strcmp(option_method, "ae") != 0)
    return dc_command_usage(name, "there is no method \"%s\"; there is: ae", option_method);
  if (!option_output)
    return dc_command_usage(name, "--output FILE is needed");
  if (option_clusters < 1 || option_clusters > 65536)
    return dc_command_usage(name, "--clusters K is needed, in 1..65536");
  if (option_epochs < 1 || option_batch < 1 || option_width < 1 || option_width > 4096 ||
      !(option_rate > 0 && option_rate < 1))
    return dc_command_usage(name, "--epochs and --batch must be at least 1, --width in 1..4096, "
                                  "--learning-rate between 0 and 1");
  if (option_threads < 0 || option_threads > 256)
    return dc_command_usage(name, "--threads must lie in 1..256");
  if (option_threads == 0)
    option_threads = (gint)MIN(g_get_num_processors(), 256);
  signal(SIGINT, interrupt);
  g_autoptr(GError) error = NULL;
  if (!train((const char *const *)argv + 1, &error))
    return dc_command_failed(name, error);
  return interrupted ? DC_EXIT_INTERRUPTED : DC_EXIT_OK;
}
