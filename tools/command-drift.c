/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster drift: how methods keep clusters on streams under drift, beside their peers. */
#include "command.h"
#include "drift-chart.h"
#include "drift-data.h"
#include "drift-methods.h"
#include "drift-results.h"
#include "drift-view.h"
#include "progress.h"
#include "store/file.h"
#include "store/npy.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define LARGEST_SOURCE 10000
#define MOST_SAMPLES   ((gint)1 << 24)

static char **option_streams;
static char **option_methods;
static char *option_model;
static char *option_labels;
static char *option_report;
static char *option_export;
static gboolean option_frames;
static gboolean option_descriptor;
static gboolean option_in_order;
static gboolean option_json;
static gboolean option_list;
static gint option_clusters = -1;
static char *option_revise;
static gint option_length = 30000;
static gint option_warm_up;
static gint option_window;
static gint option_interval;
static gint option_dim = 24;
static gint option_side;
static gint option_seeds = 1;
static gint64 option_seed;

static const GOptionEntry entries[] = {
    {"stream", 's', 0, G_OPTION_ARG_STRING_ARRAY, &option_streams,
     "stream to make, may be repeated (all that the input allows)", "NAME"},
    {"method", 0, 0, G_OPTION_ARG_STRING_ARRAY, &option_methods,
     "method to run, may be repeated (all of them)", "NAME"},
    {"list", 0, 0, G_OPTION_ARG_NONE, &option_list, "list streams and methods, and end", NULL},
    {"model-file", 'm', 0, G_OPTION_ARG_FILENAME, &option_model,
     "encoder: a model or ONNX file (unset: principal components)", "FILE"},
    {"descriptor", 0, 0, G_OPTION_ARG_NONE, &option_descriptor,
     "see pictures by the built-in descriptor", NULL},
    {"dim", 'd', 0, G_OPTION_ARG_INT, &option_dim, "principal components of pictures (24)", "N"},
    {"side", 0, 0, G_OPTION_ARG_INT, &option_side,
     "bring pictures to N x N pixels in colour (as the model or the first picture has it)", "N"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "IDX or .npy file with a label for each sample", "FILE"},
    {"clusters", 'k', 0, G_OPTION_ARG_INT, &option_clusters,
     "clusters; 0: chosen in the warm-up (as many as there are classes)", "K"},
    {"revise", 0, 0, G_OPTION_ARG_STRING, &option_revise,
     "whether methods revise the number of clusters: auto, never, always (as adapt-centroids)",
     "WHEN"},
    {"length", 'n', 0, G_OPTION_ARG_INT, &option_length, "images of a stream at most (30000)", "N"},
    {"warm-up", 0, 0, G_OPTION_ARG_INT, &option_warm_up,
     "undrifted images before the stream, which clusters are made of (as adapt-centroids)", "N"},
    {"window", 0, 0, G_OPTION_ARG_INT, &option_window,
     "images that methods remember (as adapt-centroids)", "N"},
    {"interval", 0, 0, G_OPTION_ARG_INT, &option_interval,
     "images between adaptations (as adapt-centroids)", "N"},
    {"in-order", 0, 0, G_OPTION_ARG_NONE, &option_in_order,
     "take samples as they come, not in random order", NULL},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (0)", "N"},
    {"seeds", 0, 0, G_OPTION_ARG_INT, &option_seeds, "run so many seeds (1)", "N"},
    {"report", 'r', 0, G_OPTION_ARG_FILENAME, &option_report, "folder for curves and figures",
     "DIR"},
    {"export", 0, 0, G_OPTION_ARG_FILENAME, &option_export,
     "folder for the embeddings and labels of each stream", "DIR"},
    {"frames", 0, 0, G_OPTION_ARG_NONE, &option_frames,
     "with --export: the pictures too, as frames that play as a stream", NULL},
    {"json", 0, 0, G_OPTION_ARG_NONE, &option_json, "one JSON object per line, not a table", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Makes streams whose look changes from labelled samples (a folder with a subfolder for each\n"
    "label, an IDX file, a .npy file of vectors), lets methods group them, and compares with the\n"
    "labels, which serve for scoring only. Each image is labelled before it is learnt from.\n"
    "  ACC       percent right with one matching of clusters to classes for the whole stream:\n"
    "            a cluster that changes its meaning costs\n"
    "  window    the same with a new matching every 1000 images: the grouping alone\n"
    "  NMI       normalised mutual information of clusters and classes, in percent\n"
    "  switches  changes of a cluster's commonest class, per cluster and 1000 images\n"
    "  clusters  how many there are / how many classes\n"
    "  recovery  images from a sudden change until it is as right as before, to 5 points\n"
    "  us/image  processor time to assign and adapt, in microseconds, embedding excepted\n"
    "The methods are those of adapt-centroids, run as the element runs them, and their peers:\n"
    "centroids that never move (frozen), streaming k-means that forgets (forgetting: its "
    "half-life\n"
    "chosen on the other streams), k-means run anew on the last 1024 (window).\n"
    "\n"
    "  driftcluster digits --output digits\n"
    "  driftcluster drift digits/train-images-idx3-ubyte --stream rotate --report curves";

/* ---- what is asked for ---- */

typedef struct {
  const DcDriftKind **kinds;
  gsize kind_count;
  gboolean *methods; /* to be shown, by their number */
  gsize method_count;
  gboolean forgetting; /* with a half-life chosen on other streams */
} Plan;

static void
clear_plan(Plan *plan)
{
  g_free(plan->kinds);
  g_free(plan->methods);
}

static gsize
count_methods(void)
{
  gsize count = 0;
  while (dc_drift_method_name(count))
    count++;
  return count;
}

static char *
list_stream_names(void)
{
  gsize count;
  const DcDriftKind *kinds = dc_drift_kinds(&count);
  GString *names = g_string_new(NULL);
  for (gsize i = 0; i < count; i++)
    g_string_append_printf(names, "%s%s", i ? ", " : "", kinds[i].name);
  return g_string_free(names, FALSE);
}

static char *
list_method_names(void)
{
  GString *names = g_string_new(DC_DRIFT_FORGETTING);
  for (gsize i = 0; dc_drift_method_name(i); i++)
    g_string_append_printf(names, ", %s", dc_drift_method_name(i));
  return g_string_free(names, FALSE);
}

static void
print_list(void)
{
  gsize count;
  const DcDriftKind *kinds = dc_drift_kinds(&count);
  printf("Streams:\n");
  for (gsize i = 0; i < count; i++)
    printf("  %-22s %s%s\n", kinds[i].name, kinds[i].summary,
           kinds[i].need == DC_DRIFT_COLOUR     ? " (pictures in colour)"
           : kinds[i].need == DC_DRIFT_PICTURES ? " (pictures)"
           : kinds[i].domains                   ? " (two inputs or more)"
                                                : "");
  printf("\nMethods:\n  %-22s peer: streaming k-means, its half-life chosen on the other streams\n",
         DC_DRIFT_FORGETTING);
  for (gsize i = 0; dc_drift_method_name(i); i++)
    printf("  %-22s %s\n", dc_drift_method_name(i),
           dc_drift_method_is_peer(i) ? "peer" : "method of adapt-centroids");
}

/* Streams as they were asked for; those that the input allows come later. */
static int
plan_streams(Plan *plan)
{
  gsize count = option_streams ? g_strv_length(option_streams) : 0;
  plan->kinds = g_new0(const DcDriftKind *, count + 1);
  for (gsize i = 0; i < count; i++) {
    const DcDriftKind *kind = dc_drift_kind(option_streams[i]);
    if (!kind) {
      g_autofree char *names = list_stream_names();
      return dc_command_usage("drift", "there is no stream \"%s\"; there are: %s",
                              option_streams[i], names);
    }
    plan->kinds[plan->kind_count++] = kind;
  }
  return DC_EXIT_OK;
}

/* All methods but `none`, which is the peer `frozen`, and the peers with one chosen half-life. */
static void
plan_usual_methods(Plan *plan)
{
  for (gsize i = 0; i < plan->method_count; i++)
    plan->methods[i] =
        dc_drift_method_half_life(i) == 0 && !g_str_equal(dc_drift_method_name(i), "none");
  plan->forgetting = TRUE;
}

static int
plan_methods(Plan *plan)
{
  plan->method_count = count_methods();
  plan->methods = g_new0(gboolean, plan->method_count);
  if (!option_methods) {
    plan_usual_methods(plan);
    return DC_EXIT_OK;
  }
  for (gsize i = 0; option_methods[i]; i++) {
    gsize method;
    if (g_str_equal(option_methods[i], DC_DRIFT_FORGETTING)) {
      plan->forgetting = TRUE;
    } else if (dc_drift_method_find(option_methods[i], &method)) {
      plan->methods[method] = TRUE;
    } else {
      g_autofree char *names = list_method_names();
      return dc_command_usage("drift", "there is no method \"%s\"; there are: %s",
                              option_methods[i], names);
    }
  }
  return DC_EXIT_OK;
}

/* Without --stream: all kinds that the input allows. */
static gboolean
settle_streams(Plan *plan, const DcDriftData *data, GError **error)
{
  for (gsize i = 0; i < plan->kind_count; i++)
    if (!dc_drift_data_allows(data, plan->kinds[i], error))
      return FALSE;
  if (plan->kind_count > 0)
    return TRUE;
  gsize count;
  const DcDriftKind *kinds = dc_drift_kinds(&count);
  plan->kinds = g_renew(const DcDriftKind *, plan->kinds, count);
  for (gsize i = 0; i < count; i++)
    if (dc_drift_data_allows(data, &kinds[i], NULL))
      plan->kinds[plan->kind_count++] = &kinds[i];
  return TRUE;
}

/* ---- a run ---- */

typedef struct {
  const Plan *plan;
  const DcDriftData *data;
  DcDriftDataOptions view_options;
  DcDriftSettings settings;
  GArray *results;
  DcProgress progress;
  gsize done, total;
} Bench;

/* What one seed has in common. */
typedef struct {
  guint64 seed;
  DcDriftSplit split;
  DcDriftView *view;
  DcMatrix source;
} Round;

/* One stream of it. */
typedef struct {
  const DcDriftKind *kind;
  DcDriftStream stream;
  DcMatrix rows;
  guint32 *classes;
  char *folder; /* to export to, or NULL */
} Take;

static gboolean
no_memory(GError **error)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY,
                      "not enough memory for the embeddings; a shorter --length needs less");
  return FALSE;
}

static gboolean
allocate_rows(DcMatrix *rows, gsize count, gsize dim, GError **error)
{
  float *values = g_try_new(float, count *dim);
  *rows = dc_matrix(values, count, dim);
  return values || no_memory(error);
}

static gboolean
make_folder(const char *folder, GError **error)
{
  if (g_mkdir_with_parents(folder, 0777) == 0)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: cannot make the folder: %s", folder,
              g_strerror(errno));
  return FALSE;
}

static gboolean
export_array(const char *folder, const char *name, DcNpyType type, gsize rows, gsize cols,
             gconstpointer data, GError **error)
{
  g_autofree char *path = g_strdup_printf("%s/%s.npy", folder, name);
  DcNpy array = {.type = type, .rank = cols ? 2 : 1, .shape = {rows, MAX(cols, 1)}};
  array.data = (gpointer)data;
  DcError core_error;
  return dc_npy_write(path, &array, &core_error) == DC_OK ||
         dc_tools_take_error(&core_error, error);
}

static gboolean
begin_export(Take *take, const Bench *bench, const Round *round, GError **error)
{
  if (!option_export)
    return TRUE;
  g_autofree char *name = g_strdup_printf("%s-%" G_GUINT64_FORMAT, take->kind->name, round->seed);
  take->folder = g_build_filename(option_export, name, NULL);
  if (!make_folder(take->folder, error))
    return FALSE;
  if (!option_frames)
    return TRUE;
  /* The warm-up plays before the stream. */
  gsize warm_up = bench->settings.warm_up;
  g_autofree float *unused = g_new(float, warm_up * round->source.cols);
  return dc_drift_view_embed(round->view, round->split.order + round->split.source - warm_up, NULL,
                             warm_up, round->seed, take->folder, 0, unused, error);
}

static gboolean
export_stream(const Take *take, const Bench *bench, const Round *round, GError **error)
{
  if (!take->folder)
    return TRUE;
  gsize warm_up = bench->settings.warm_up;
  DcMatrix source = dc_matrix_rows(&round->source, round->source.rows - warm_up, warm_up);
  return export_array(take->folder, "warm-up", DC_NPY_F32, warm_up, source.cols, source.data,
                      error) &&
         export_array(take->folder, "stream", DC_NPY_F32, take->rows.rows, take->rows.cols,
                      take->rows.data, error) &&
         export_array(take->folder, "classes", DC_NPY_U32, take->rows.rows, 0, take->classes,
                      error);
}

static gboolean
run_method(Bench *bench, const Round *round, const Take *take, gsize method, GError **error)
{
  const char *name = dc_drift_method_name(method);
  g_autofree char *note = g_strdup_printf("%s, %s", take->kind->name, name);
  dc_progress_show(&bench->progress, (double)bench->done++, (double)bench->total, note);
  DcDriftSettings settings = bench->settings;
  settings.seed = round->seed;
  DcDriftRun run;
  if (!dc_drift_run(&run, method, &settings, &round->source, &take->rows, error))
    return FALSE;
  gsize n = take->rows.rows;
  DcDriftResult known = {
      .stream = take->kind->name,
      .method = name,
      .seed = round->seed,
      .images = n,
      .dim = take->rows.cols,
      .half_life = dc_drift_method_half_life(method),
      .clusters = run.clusters,
      .us_per_image = 1e6 * run.seconds / (double)n,
      .cluster_course =
          run.stats.births + run.stats.splits + run.stats.merges + run.stats.retirements
              ? run.course
              : NULL,
      .births = run.stats.births,
      .splits = run.stats.splits,
      .merges = run.stats.merges,
      .retirements = run.stats.retirements,
  };
  gboolean well = dc_drift_results_add(bench->results, &known, run.labels, take->classes,
                                       take->stream.jump, take->stream.jumps, error);
  if (well && take->folder)
    well = export_array(take->folder, name, DC_NPY_U32, n, 0, run.labels, error);
  dc_drift_run_clear(&run);
  return well;
}

static gboolean
is_run(const Plan *plan, gsize method)
{
  return plan->methods[method] || (plan->forgetting && dc_drift_method_half_life(method) > 0);
}

static gboolean
embed_take(Take *take, const Bench *bench, const Round *round, GError **error)
{
  const DcDriftStream *stream = &take->stream;
  if (!allocate_rows(&take->rows, stream->length, round->source.cols, error))
    return FALSE;
  take->classes = g_new(guint32, stream->length);
  for (gsize i = 0; i < stream->length; i++)
    take->classes[i] = bench->data->samples.labels[stream->samples[i]];
  return begin_export(take, bench, round, error) &&
         dc_drift_view_embed(round->view, stream->samples, stream->looks, stream->length,
                             round->seed, option_frames ? take->folder : NULL,
                             bench->settings.warm_up, take->rows.data, error) &&
         export_stream(take, bench, round, error);
}

static gboolean
run_stream(Bench *bench, const Round *round, const DcDriftKind *kind, GError **error)
{
  const DcDriftSplit *split = &round->split;
  DcDriftPool pool = {split->order + split->source, split->count - split->source,
                      bench->data->samples.labels, bench->data->inputs};
  Take take = {.kind = kind};
  DcError core_error;
  if (dc_drift_stream_init(&take.stream, kind, &pool, (gsize)option_length, round->seed,
                           &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = embed_take(&take, bench, round, error);
  for (gsize method = 0; well && method < bench->plan->method_count; method++)
    if (is_run(bench->plan, method))
      well = run_method(bench, round, &take, method, error);
  dc_drift_stream_clear(&take.stream);
  g_free(take.rows.data);
  g_free(take.classes);
  g_free(take.folder);
  return well;
}

static gboolean
open_round(Round *round, const Bench *bench, guint64 seed, GError **error)
{
  *round = (Round){.seed = seed};
  if (!dc_drift_split_init(&round->split, bench->data, !option_in_order, seed,
                           bench->settings.warm_up, MAX(LARGEST_SOURCE, bench->settings.warm_up),
                           error))
    return FALSE;
  round->view = dc_drift_view_new(bench->data, &bench->view_options, &round->split, error);
  return round->view &&
         allocate_rows(&round->source, round->split.source, dc_drift_view_dim(round->view),
                       error) &&
         dc_drift_view_embed(round->view, round->split.order, NULL, round->split.source, seed, NULL,
                             0, round->source.data, error);
}

static void
close_round(Round *round)
{
  dc_drift_view_free(round->view);
  dc_drift_split_clear(&round->split);
  g_free(round->source.data);
}

static gboolean
run_seed(Bench *bench, guint64 seed, GError **error)
{
  Round round;
  gboolean well = open_round(&round, bench, seed, error);
  for (gsize i = 0; well && i < bench->plan->kind_count; i++)
    well = run_stream(bench, &round, bench->plan->kinds[i], error);
  close_round(&round);
  return well;
}

static gboolean
run_all(Bench *bench, GError **error)
{
  for (gsize method = 0; method < bench->plan->method_count; method++)
    bench->total += is_run(bench->plan, method);
  bench->total *= bench->plan->kind_count * (gsize)option_seeds;
  dc_progress_start(&bench->progress, "streams");
  gboolean well = TRUE;
  for (gint i = 0; well && i < option_seeds; i++)
    well = run_seed(bench, (guint64)(option_seed + i), error);
  if (well)
    dc_progress_show(&bench->progress, (double)bench->done, (double)MAX(bench->total, 1), NULL);
  dc_progress_end(&bench->progress, NULL);
  return well;
}

/* ---- what is told ---- */

/* Adds the peer whose half-life was chosen, and drops what was run for it alone. */
static void
finish_results(Bench *bench)
{
  if (bench->plan->forgetting)
    dc_drift_results_choose_half_life(bench->results);
  for (guint i = bench->results->len; i-- > 0;) {
    const DcDriftResult *result = &g_array_index(bench->results, DcDriftResult, i);
    gsize method;
    if (dc_drift_method_find(result->method, &method) && !bench->plan->methods[method])
      g_array_remove_index(bench->results, i);
  }
  dc_drift_results_sort(bench->results);
}

static gboolean
write_figures(const Bench *bench, const char *const *inputs, GError **error)
{
  g_autofree char *path = g_build_filename(option_report, "figures.json", NULL);
  g_autoptr(GString) json = g_string_new("{\"schema\":1,\"inputs\":[");
  for (gsize i = 0; inputs[i]; i++) {
    g_autofree char *name = g_path_get_basename(inputs[i]);
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    g_string_append(json, i ? ",\"" : "\"");
    for (const char *c = valid; *c; c++)
      if (*c == '"' || *c == '\\' || (guchar)*c < 32)
        g_string_append_printf(json, "\\u%04x", (guint)(guchar)*c);
      else
        g_string_append_c(json, *c);
    g_string_append_c(json, '"');
  }
  const DcDriftSettings *settings = &bench->settings;
  g_string_append_printf(
      json, "],\"clusters\":%u,\"warm_up\":%zu,\"window\":%zu,\"interval\":%zu,\"results\":[",
      settings->clusters, settings->warm_up, settings->window, settings->interval);
  for (guint i = 0; i < bench->results->len; i++) {
    const DcDriftResult *result = &g_array_index(bench->results, DcDriftResult, i);
    g_string_append(json, i ? ",\n" : "\n");
    dc_drift_result_append_json(result, json);
    g_string_truncate(json, json->len - 1);
    g_string_append(json, ",\"course\":[");
    for (guint j = 0; j < result->course->len; j++)
      g_string_append_printf(json, "%s%.4f", j ? "," : "",
                             g_array_index(result->course, double, j));
    g_string_append(json, "]}");
  }
  g_string_append(json, "]}\n");
  DcFileWriter writer;
  DcError core_error;
  return (dc_file_create(&writer, path, &core_error) == DC_OK &&
          dc_file_append(&writer, json->str, json->len, &core_error) == DC_OK &&
          dc_file_commit(&writer, &core_error) == DC_OK) ||
         dc_tools_take_error(&core_error, error);
}

static gboolean
write_report(const Bench *bench, const char *const *inputs, GError **error)
{
  if (!option_report)
    return TRUE;
  g_autofree char *path = g_build_filename(option_report, "accuracy.png", NULL);
  return dc_drift_chart_write(path, "Accuracy over the stream, by one matching for all of it",
                              bench->results, error) &&
         write_figures(bench, inputs, error);
}

static void
print_results(const Bench *bench)
{
  if (!option_json) {
    dc_drift_results_print(bench->results, stdout);
    return;
  }
  for (guint i = 0; i < bench->results->len; i++)
    dc_drift_result_print_json(&g_array_index(bench->results, DcDriftResult, i), stdout);
}

/* ---- the command ---- */

static gboolean
prepare_folders(GError **error)
{
  return (!option_report || make_folder(option_report, error)) &&
         (!option_export || make_folder(option_export, error));
}

static gboolean
read_revise(DcRevise *revise)
{
  static const char *const names[] = {
      [DC_REVISE_AUTO] = "auto", [DC_REVISE_NEVER] = "never", [DC_REVISE_ALWAYS] = "always"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_strcmp0(option_revise ? option_revise : "auto", names[i]) == 0) {
      *revise = (DcRevise)i;
      return TRUE;
    }
  return FALSE;
}

static gboolean
bench_data(Plan *plan, const DcDriftData *data, const DcDriftDataOptions *view_options,
           const char *const *inputs, GError **error)
{
  if (!settle_streams(plan, data, error))
    return FALSE;
  if (option_frames && data->samples.length > 0) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
                        "--frames writes pictures, and the input is vectors");
    return FALSE;
  }
  Bench bench = {.plan = plan,
                 .data = data,
                 .view_options = *view_options,
                 .settings = dc_drift_settings(),
                 .results = dc_drift_results_new()};
  bench.settings.clusters = option_clusters < 0 ? (guint)data->classes : (guint)option_clusters;
  if (option_warm_up)
    bench.settings.warm_up = (gsize)option_warm_up;
  if (option_window)
    bench.settings.window = (gsize)option_window;
  if (option_interval)
    bench.settings.interval = (gsize)option_interval;
  read_revise(&bench.settings.revise); /* which was checked */
  gboolean well = run_all(&bench, error);
  if (well) {
    finish_results(&bench);
    print_results(&bench);
    well = write_report(&bench, inputs, error);
  }
  g_array_unref(bench.results);
  return well;
}

static gboolean
run_bench(Plan *plan, const char *const *inputs, GError **error)
{
  DcModel *model = NULL;
  DcError core_error;
  if (option_model && dc_model_read(option_model, &model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  DcDriftDataOptions options = {.labels = option_labels,
                                .model = model,
                                .descriptor = option_descriptor,
                                .dim = (gsize)option_dim,
                                .side = (gsize)option_side};
  DcDriftData data;
  gboolean well = prepare_folders(error) && dc_drift_data_read(&data, inputs, &options, error);
  if (well) {
    well = bench_data(plan, &data, &options, inputs, error);
    dc_drift_data_clear(&data);
  }
  dc_model_free(model);
  return well;
}

static int
check_options(void)
{
  const struct {
    const char *name;
    gint value, least, most;
  } numbers[] = {
      {"--clusters", option_clusters, -1, 4096},
      {"--length", option_length, DC_DRIFT_SHORTEST, MOST_SAMPLES},
      {"--warm-up", option_warm_up, 0, MOST_SAMPLES},
      {"--window", option_window, 0, MOST_SAMPLES},
      {"--interval", option_interval, 0, MOST_SAMPLES},
      {"--dim", option_dim, 1, DC_DRIFT_MOST_COMPONENTS},
      {"--side", option_side, 0, 4096},
      {"--seeds", option_seeds, 1, 1000},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (numbers[i].value < numbers[i].least || numbers[i].value > numbers[i].most)
      return dc_command_usage("drift", "%s must lie in %d..%d, not %d", numbers[i].name,
                              MAX(numbers[i].least, 0), numbers[i].most, numbers[i].value);
  DcRevise revise;
  if (!read_revise(&revise))
    return dc_command_usage("drift", "--revise must be auto, never or always, not \"%s\"",
                            option_revise);
  if (option_seed < 0)
    return dc_command_usage("drift", "--seed must be at least 0");
  if (option_model && option_descriptor)
    return dc_command_usage("drift", "--model-file and --descriptor exclude each other");
  if (option_frames && !option_export)
    return dc_command_usage("drift", "--frames needs --export DIR");
  return DC_EXIT_OK;
}

int
dc_command_drift(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  if (option_list) {
    print_list();
    return DC_EXIT_OK;
  }
  if (argc < 2)
    return dc_command_usage(name, "at least one folder or file of labelled samples is needed");
  Plan plan = {0};
  int code = check_options();
  if (code == DC_EXIT_OK)
    code = plan_streams(&plan);
  if (code == DC_EXIT_OK)
    code = plan_methods(&plan);
  g_autoptr(GError) error = NULL;
  if (code == DC_EXIT_OK && !run_bench(&plan, (const char *const *)argv + 1, &error))
    code = dc_command_failed(name, error);
  clear_plan(&plan);
  return code;
}
