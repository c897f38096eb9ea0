/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster drift: how methods keep clusters on streams under drift, beside their peers. */
#include "command.h"
#include "drift-bench.h"
#include "drift-report.h"
#include "drift-results.h"
#include "interrupt.h"

#include <stdio.h>

#define MOST_SAMPLES ((gint)1 << 24)

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
    "With --json each line comes as soon as it is known, those of forgetting at the end. Ctrl-C "
    "ends\n"
    "after the stream under way, with the figures of what was run.\n"
    "\n"
    "  driftcluster digits --output digits\n"
    "  driftcluster drift digits/train-images-idx3-ubyte --stream rotate --report curves";

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

static gboolean
prepare_folders(GError **error)
{
  return (!option_report || dc_tools_make_folder(option_report, error)) &&
         (!option_export || dc_tools_make_folder(option_export, error));
}

static DcDriftSettings
method_settings(const DcDriftData *data)
{
  DcDriftSettings settings = dc_drift_settings();
  settings.clusters = option_clusters < 0 ? (guint)data->classes : (guint)option_clusters;
  if (option_warm_up)
    settings.warm_up = (gsize)option_warm_up;
  if (option_window)
    settings.window = (gsize)option_window;
  if (option_interval)
    settings.interval = (gsize)option_interval;
  read_revise(&settings.revise); /* which was checked */
  return settings;
}

static gboolean
bench_data(DcDriftPlan *plan, const DcDriftData *data, const DcDriftDataOptions *view,
           const char *const *inputs, gboolean *complete, GError **error)
{
  if (!dc_drift_plan_settle(plan, data, error))
    return FALSE;
  if (option_frames && data->samples.length > 0) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
                        "--frames writes pictures, and the input is vectors");
    return FALSE;
  }
  const DcDriftBenchOptions options = {.plan = plan,
                                       .data = data,
                                       .view = view,
                                       .settings = method_settings(data),
                                       .length = (gsize)option_length,
                                       .in_order = option_in_order,
                                       .seed = (guint64)option_seed,
                                       .seeds = (gsize)option_seeds,
                                       .folder = option_export,
                                       .frames = option_frames,
                                       .lines = option_json ? stdout : NULL};
  g_autoptr(GArray) results = dc_drift_results_new();
  dc_interrupt_catch();
  if (!dc_drift_bench_run(&options, results, complete, error))
    return FALSE;
  if (results->len == 0) /* Ctrl-C came before the first stream */
    return TRUE;
  if (!option_json)
    dc_drift_results_print(results, stdout);
  return !option_report ||
         dc_drift_report_write(option_report, inputs, &options.settings, results, error);
}

static gboolean
run_bench(DcDriftPlan *plan, const char *const *inputs, gboolean *complete, GError **error)
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
    well = bench_data(plan, &data, &options, inputs, complete, error);
    dc_drift_data_clear(&data);
  }
  dc_model_free(model);
  return well;
}

int
dc_command_drift(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  if (option_list) {
    dc_drift_plan_print_choices();
    return DC_EXIT_OK;
  }
  if (argc < 2)
    return dc_command_usage(name, "at least one folder or file of labelled samples is needed");
  int code = check_options();
  if (code != DC_EXIT_OK)
    return code;
  g_autoptr(GError) error = NULL;
  DcDriftPlan plan;
  if (!dc_drift_plan_init(&plan, (const char *const *)option_streams,
                          (const char *const *)option_methods, &error))
    return dc_command_usage(name, "%s", error->message);
  gboolean complete;
  if (!run_bench(&plan, (const char *const *)argv + 1, &complete, &error))
    code = dc_command_failed(name, error);
  else if (!complete)
    code = DC_EXIT_INTERRUPTED;
  dc_drift_plan_clear(&plan);
  return code;
}
