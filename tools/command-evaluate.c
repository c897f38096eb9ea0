/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster evaluate: how well a model's clusters agree with labels, as trained and adapted. */
#include "cluster/kmeans.h"
#include "command.h"
#include "embeddings.h"
#include "partition.h"
#include "points.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char *option_model;
static char *option_labels;
static char *option_pictures;
static gint option_clusters;
static gint64 option_seed = 1;
static gboolean option_json;
static gboolean option_baselines;

static const GOptionEntry entries[] = {
    {"model-file", 'm', 0, G_OPTION_ARG_FILENAME, &option_model,
     "model to evaluate (unset: the built-in descriptor, or vectors as they are)", "FILE"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "IDX or .npy file with a label for each sample", "FILE"},
    {"clusters", 'k', 0, G_OPTION_ARG_INT, &option_clusters,
     "cluster the embeddings into K, for a model without centroids", "K"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (1)", "N"},
    {"baselines", 'b', 0, G_OPTION_ARG_NONE, &option_baselines,
     "also cluster the embeddings anew: k-means, mixtures of Gaussians", NULL},
    {"pictures", 'p', 0, G_OPTION_ARG_FILENAME, &option_pictures,
     "folder for a picture of each line of the table, for points in the plane", "DIR"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &option_json, "one JSON object instead of a table", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Assigns each sample to a cluster of the model and compares with labels, which serve for\n"
    "scoring only: labels of an IDX file or of X.npy lie beside it (X-labels.npy), those of a\n"
    "folder are its subfolders. \"adapted\" is the same after the centroids have adapted to the\n"
    "input: by the attention module of a model that has one, applied to all samples at once, else\n"
    "as a stream would adapt them. INPUT is pictures (a folder, an IDX file, a video or a URI) "
    "or,\n"
    "for a model of vectors, a .npy file with a row for each.";

/* Sizes that a line of the table shows. */
#define MOST_SIZES 12

static gboolean
read_model(DcModel **model, GError **error)
{
  *model = NULL;
  DcError core_error;
  if (option_model && dc_model_read(option_model, model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if ((!*model || (*model)->clusters == 0) && option_clusters < 1) {
    g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE,
                "%s%s; say how many clusters with --clusters K",
                option_model ? option_model : "without a model there are",
                option_model ? " has no centroids" : " no centroids");
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

/* --- what is compared --- */

#define MOST_PARTITIONS 5

typedef struct {
  DcPartition list[MOST_PARTITIONS];
  gsize count;
} Partitions;

static void
clear_partitions(Partitions *partitions)
{
  for (gsize i = 0; i < partitions->count; i++)
    dc_partition_clear(&partitions->list[i]);
}

/* Keeps what was just made, or nothing. */
static gboolean
keep(Partitions *partitions, gboolean well)
{
  partitions->count += well ? 1 : 0;
  return well;
}

static DcPartition *
next(Partitions *partitions)
{
  return &partitions->list[partitions->count];
}

static gboolean
make_partitions(Partitions *partitions, const DcModel *model, const DcPartitionInput *input,
                GError **error)
{
  const DcNetwork *assigner = input->trained ? model->assigner : NULL;
  const DcTdcmModule *attention = model ? model->attention : NULL;
  if (!keep(partitions, dc_partition_as_started(next(partitions), input, assigner, error)))
    return FALSE;
  if (!keep(partitions, attention
                            ? dc_partition_by_attention(next(partitions), input, attention, error)
                            : dc_partition_by_stream(next(partitions), input, error)))
    return FALSE;
  return !option_baselines ||
         (keep(partitions, dc_partition_by_kmeans(next(partitions), input, error)) &&
          keep(partitions,
               dc_partition_by_mixture(next(partitions), input, DC_COVARIANCE_TIED, error)) &&
          keep(partitions,
               dc_partition_by_mixture(next(partitions), input, DC_COVARIANCE_FULL, error)));
}

/* --- what is printed --- */

static void
append_scores(GString *json, const DcPartition *partition, gsize n)
{
  g_autofree gsize *sizes = dc_partition_sizes(partition, n);
  g_string_append_printf(json,
                         "\"acc\":%.4f,\"nmi\":%.4f,\"ari\":%.4f,\"seconds\":%.4f,\"sizes\":[",
                         partition->scores.acc, partition->scores.nmi, partition->scores.ari,
                         partition->seconds);
  for (gsize k = 0; k < partition->count; k++)
    g_string_append_printf(json, "%s%" G_GSIZE_FORMAT, k ? "," : "", sizes[k]);
  g_string_append_c(json, ']');
}

static void
print_json(const Partitions *partitions, gsize n)
{
  g_autoptr(GString) json = g_string_new(NULL);
  g_string_append_printf(json, "{\"n\":%" G_GSIZE_FORMAT ",\"clusters\":%" G_GSIZE_FORMAT ",", n,
                         partitions->list[0].count);
  append_scores(json, &partitions->list[0], n);
  g_string_append(json, ",\"adapted\":{");
  append_scores(json, &partitions->list[1], n);
  g_string_append_c(json, '}');
  for (gsize i = 2; i < partitions->count; i++) {
    g_string_append_printf(json, "%s{\"method\":\"%s\",", i == 2 ? ",\"baselines\":[" : ",",
                           partitions->list[i].name);
    append_scores(json, &partitions->list[i], n);
    g_string_append(json, i + 1 == partitions->count ? "}]" : "}");
  }
  printf("%s}\n", json->str);
}

static void
print_table(const Partitions *partitions, gsize n)
{
  const DcPartition *first = &partitions->list[0];
  printf("%zu samples, %zu clusters, %zu labels\n%-20s %6s %6s %6s  %9s  %s\n", n, first->count,
         first->scores.classes, "percent", "ACC", "NMI", "ARI", "seconds", "sizes");
  for (gsize i = 0; i < partitions->count; i++) {
    const DcPartition *partition = &partitions->list[i];
    const DcScores *scores = &partition->scores;
    g_autofree gsize *sizes = dc_partition_sizes(partition, n);
    printf("%-20s %6.1f %6.1f %6.1f  %9.3f ", partition->name, 100 * scores->acc, 100 * scores->nmi,
           100 * scores->ari, partition->seconds);
    for (gsize k = 0; k < MIN(partition->count, MOST_SIZES); k++)
      printf(" %zu", sizes[k]);
    puts(partition->count > MOST_SIZES ? " ..." : "");
  }
}

/* --- what is drawn --- */

/* "k-means anew" -> DIR/k-means-anew.png */
static char *
picture_path(const DcPartition *partition)
{
  g_autofree char *stem = g_strdelimit(g_strdup(partition->name), " ", '-');
  g_autofree char *name = g_strconcat(stem, ".png", NULL);
  return g_build_filename(option_pictures, name, NULL);
}

/* The points as they are in the inputs, in the colours of their clusters, whatever an encoder makes
 * of them. */
static gboolean
draw_points(const Partitions *partitions, const DcEmbeddings *points, GError **error)
{
  if (!points->vectors || points->dim != 2) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                        "--pictures is for vectors of two numbers");
    return FALSE;
  }
  if (g_mkdir_with_parents(option_pictures, 0777) != 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: the folder cannot be made: %s",
                option_pictures, g_strerror(errno));
    return FALSE;
  }
  for (gsize i = 0; i < partitions->count; i++) {
    g_autofree char *path = picture_path(&partitions->list[i]);
    if (!dc_points_picture(path, points->values, partitions->list[i].clusters, points->count,
                           error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
draw_partitions(const Partitions *partitions, const char *const *inputs, GError **error)
{
  DcEmbeddings points;
  if (!dc_embeddings_read(&points, NULL, inputs, option_labels, error))
    return FALSE;
  gboolean well = draw_points(partitions, &points, error);
  dc_embeddings_clear(&points);
  return well;
}

static gboolean
evaluate_embeddings(const DcModel *model, const DcEmbeddings *embeddings, const char *const *inputs,
                    GError **error)
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
  const DcPartitionInput input = {
      .embeddings = dc_embeddings_matrix(embeddings),
      .centroids = dc_matrix((const float *)centroids->data, centroids->len / embeddings->dim,
                             embeddings->dim),
      .trained = !option_clusters,
      .encoder = model ? model->encoder_id : "descriptor",
      .seed = (guint64)option_seed,
  };
  Partitions partitions = {0};
  gboolean well = make_partitions(&partitions, model, &input, error);
  for (gsize i = 0; i < partitions.count && well; i++)
    well = dc_partition_score(&partitions.list[i], embeddings->labels, embeddings->count, error);
  if (well && option_pictures)
    well = draw_partitions(&partitions, inputs, error);
  if (well && option_json)
    print_json(&partitions, embeddings->count);
  else if (well)
    print_table(&partitions, embeddings->count);
  clear_partitions(&partitions);
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
    well = evaluate_embeddings(model, &embeddings, inputs, error);
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
  if (option_seed < 0)
    return dc_command_usage(name, "--seed must be at least 0");
  g_autoptr(GError) error = NULL;
  if (!evaluate((const char *const *)argv + 1, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
