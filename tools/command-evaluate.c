/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster evaluate: how well a model's clusters agree with labels, as trained and adapted. */
#include "cluster/kmeans.h"
#include "command.h"
#include "embeddings.h"
#include "eval/scores.h"
#include "stream/adapter.h"

#include <stdio.h>
#include <string.h>

static char *option_model;
static char *option_labels;
static gint option_clusters;
static gint64 option_seed = 1;
static gboolean option_json;

static const GOptionEntry entries[] = {
    {"model-file", 'm', 0, G_OPTION_ARG_FILENAME, &option_model,
     "model to evaluate (unset: the built-in descriptor, or vectors as they are)", "FILE"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "IDX or .npy file with a label for each sample", "FILE"},
    {"clusters", 'k', 0, G_OPTION_ARG_INT, &option_clusters,
     "cluster the embeddings into K, for a model without centroids", "K"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (1)", "N"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &option_json, "one JSON object instead of a table", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Assigns each sample to a cluster of the model and compares with labels, which serve for "
    "scoring\n"
    "only: labels of an IDX file or of X.npy lie beside it (X-labels.npy), those of a folder are "
    "its\n"
    "subfolders. \"adapted\" is the same after the centroids have adapted to the input as a stream "
    "would\n"
    "make them. INPUT is pictures (a folder, an IDX file, a video or a URI) or, for a model of "
    "vectors,\n"
    "a .npy file with a row for each.";

static gboolean
read_model(DcModel **model, GError **error)
{
  *model = NULL;
  DcError core_error;
  if (option_model && dc_model_read(option_model, model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if ((!*model || (*model)->clusters == 0) && option_clusters < 1) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                "%s has no centroids; say how many clusters with --clusters K",
                option_model ? option_model : "the built-in descriptor");
    return FALSE;
  }
  return TRUE;
}

/* The centroids to start from, K x d: those of the model or, where it has none or --clusters is
 * given, those of k-means on the embeddings. */
static GArray *
start_centroids(const DcModel *model, const DcEmbeddings *embeddings, GError **error)
{
  gsize clusters = option_clusters ? (gsize)option_clusters : model->clusters;
  g_autoptr(GArray) centroids = g_array_new(FALSE, TRUE, sizeof(float));
  if (!option_clusters) {
    g_array_append_vals(centroids, model->centroids, (guint)(clusters * model->dim));
    return g_steal_pointer(&centroids);
  }
  g_array_set_size(centroids, (guint)(clusters * embeddings->dim));
  DcMatrix samples = dc_embeddings_matrix(embeddings);
  DcMatrix target = dc_matrix((const float *)centroids->data, clusters, embeddings->dim);
  DcKmeansOptions options = dc_kmeans_options((uint32_t)clusters);
  DcKmeansResult result;
  DcRandom random;
  dc_random_seed(&random, (guint64)option_seed, 0);
  DcError core_error;
  if (dc_kmeans(&samples, NULL, &options, &random, &target, NULL, &result, &core_error) != DC_OK) {
    dc_tools_take_error(&core_error, error);
    return NULL;
  }
  return g_steal_pointer(&centroids);
}

static gboolean
score_snapshot(DcAdapter *adapter, const DcEmbeddings *embeddings, DcScores *scores, GError **error)
{
  g_autofree DcAssignment *assignments = g_new(DcAssignment, embeddings->count);
  g_autofree guint32 *clusters = g_new(guint32, embeddings->count);
  DcMatrix samples = dc_embeddings_matrix(embeddings);
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssigner *assigner = dc_assigner_new();
  DcStatus status = dc_snapshot_assign(snapshot, assigner, &samples, 0, assignments);
  for (gsize i = 0; i < embeddings->count; i++)
    clusters[i] = assignments[i].cluster;
  if (status == DC_OK)
    status = dc_scores(clusters, embeddings->labels, embeddings->count, scores);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
  if (status == DC_OK)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -(int)status, dc_status_text(status));
  return FALSE;
}

/* Shows the adapter the embeddings as a stream would, once. */
static DcStatus
adapt_to(DcAdapter *adapter, const DcEmbeddings *embeddings, gsize interval, DcError *error)
{
  DcMatrix all = dc_embeddings_matrix(embeddings);
  DcStatus status = DC_OK;
  for (gsize first = 0; first < all.rows && status == DC_OK; first += interval) {
    DcMatrix batch = dc_matrix_rows(&all, first, MIN(interval, all.rows - first));
    DcPushResult result;
    status = dc_adapter_push(adapter, &batch, UINT64_MAX, &result);
    if (status == DC_OK && dc_adapter_is_due(adapter))
      status = dc_adapter_adapt(adapter, true, error);
  }
  return status;
}

static DcAdapter *
make_adapter(const char *encoder, const GArray *centroids, gsize dim, gsize *interval,
             GError **error)
{
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = (uint32_t)(centroids->len / dim);
  config.max_clusters = MAX(config.max_clusters, config.clusters);
  config.window = MAX(config.window, 8 * (gsize)config.clusters);
  config.seed = (uint64_t)option_seed;
  *interval = config.interval;
  DcMatrix start = dc_matrix((const float *)centroids->data, config.clusters, dim);
  DcAdapter *adapter = NULL;
  DcError core_error;
  if (dc_adapter_new(&config, dim, encoder, &adapter, &core_error) == DC_OK &&
      dc_adapter_start(adapter, &start, NULL, NULL, &core_error) == DC_OK)
    return adapter;
  dc_adapter_free(adapter);
  dc_tools_take_error(&core_error, error);
  return NULL;
}

static void
print_scores(const DcScores *trained, const DcScores *adapted, gsize clusters)
{
  if (option_json)
    printf("{\"n\":%zu,\"clusters\":%zu,\"acc\":%.4f,\"nmi\":%.4f,\"ari\":%.4f,\"adapted\":{"
           "\"acc\":%.4f,\"nmi\":%.4f,\"ari\":%.4f}}\n",
           trained->samples, clusters, trained->acc, trained->nmi, trained->ari, adapted->acc,
           adapted->nmi, adapted->ari);
  else
    printf("%zu samples, %zu clusters, %zu labels\n%-12s %6s %6s %6s\n%-12s %6.1f %6.1f %6.1f\n"
           "%-12s %6.1f %6.1f %6.1f\n",
           trained->samples, clusters, trained->classes, "percent", "ACC", "NMI", "ARI",
           "as trained", 100 * trained->acc, 100 * trained->nmi, 100 * trained->ari, "adapted",
           100 * adapted->acc, 100 * adapted->nmi, 100 * adapted->ari);
}

static gboolean
evaluate_embeddings(const DcModel *model, const DcEmbeddings *embeddings, GError **error)
{
  if (!embeddings->labelled) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FOUND,
                        "not every sample has a label; give them with --labels FILE or as "
                        "subfolders of a folder");
    return FALSE;
  }
  g_autoptr(GArray) centroids = start_centroids(model, embeddings, error);
  if (!centroids)
    return FALSE;
  gsize interval;
  DcAdapter *adapter = make_adapter(model                 ? model->encoder_id
                                    : embeddings->vectors ? "vectors"
                                                          : "descriptor",
                                    centroids, embeddings->dim, &interval, error);
  if (!adapter)
    return FALSE;
  DcScores trained, adapted;
  DcError core_error;
  gboolean well = score_snapshot(adapter, embeddings, &trained, error);
  if (well && adapt_to(adapter, embeddings, interval, &core_error) != DC_OK)
    well = dc_tools_take_error(&core_error, error);
  well = well && score_snapshot(adapter, embeddings, &adapted, error);
  if (well)
    print_scores(&trained, &adapted, centroids->len / embeddings->dim);
  dc_adapter_free(adapter);
  return well;
}

static gboolean
evaluate(const char *const *inputs, GError **error)
{
  DcModel *model;
  if (!read_model(&model, error))
    return FALSE;
  DcEmbeddings embeddings;
  gboolean well = dc_embeddings_read(&embeddings, model, inputs, option_labels, error);
  if (well) {
    well = evaluate_embeddings(model, &embeddings, error);
    dc_embeddings_clear(&embeddings);
  }
  dc_model_free(model);
  return well;
}

int
dc_command_evaluate(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  if (argc < 2)
    return dc_command_usage(name, "at least one folder, file or URI is needed");
  if (option_clusters < 0 || option_clusters > 65536)
    return dc_command_usage(name, "--clusters must lie in 1..65536");
  g_autoptr(GError) error = NULL;
  if (!evaluate((const char *const *)argv + 1, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
