/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-bench.h"

#include "command.h"
#include "drift-results.h"
#include "drift-view.h"
#include "interrupt.h"
#include "numbered-frames.h"
#include "progress.h"
#include "store/npy.h"

#define LARGEST_SOURCE 10000

/* What is under way. */
typedef struct {
  const DcDriftBenchOptions *options;
  GArray *results;
  DcProgress progress;
  gsize done, total; /* runs of a method over a stream */
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

/* ---- what is exported ---- */

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
  if (!bench->options->folder)
    return TRUE;
  g_autofree char *name = g_strdup_printf("%s-%" G_GUINT64_FORMAT, take->kind->name, round->seed);
  take->folder = g_build_filename(bench->options->folder, name, NULL);
  if (!dc_tools_make_folder(take->folder, error))
    return FALSE;
  if (!bench->options->frames)
    return TRUE;
  /* The warm-up plays before the stream. */
  gsize warm_up = bench->options->settings.warm_up;
  g_autofree float *unused = g_new(float, warm_up * round->source.cols);
  return dc_drift_view_embed(round->view, round->split.order + round->split.source - warm_up, NULL,
                             warm_up, round->seed, take->folder, 0, unused, error);
}

static gboolean
export_stream(const Take *take, const Bench *bench, const Round *round, GError **error)
{
  if (!take->folder)
    return TRUE;
  gsize warm_up = bench->options->settings.warm_up;
  DcMatrix source = dc_matrix_rows(&round->source, round->source.rows - warm_up, warm_up);
  return export_array(take->folder, "warm-up", DC_NPY_F32, warm_up, source.cols, source.data,
                      error) &&
         export_array(take->folder, "stream", DC_NPY_F32, take->rows.rows, take->rows.cols,
                      take->rows.data, error) &&
         export_array(take->folder, "classes", DC_NPY_U32, take->rows.rows, 0, take->classes,
                      error) &&
         (!bench->options->frames || dc_frames_end(take->folder, warm_up + take->rows.rows, error));
}

/* ---- one stream ---- */

static void
print_line(const Bench *bench, const DcDriftResult *result)
{
  if (!bench->options->lines)
    return;
  dc_drift_result_print_json(result, bench->options->lines);
  fflush(bench->options->lines);
}

/* Prints what came last, unless it was run for the half-life alone. */
static void
print_newest(Bench *bench, gsize method)
{
  if (!bench->options->plan->methods[method])
    return;
  dc_progress_clear(&bench->progress);
  print_line(bench, &g_array_index(bench->results, DcDriftResult, bench->results->len - 1));
}

static gboolean
run_method(Bench *bench, const Round *round, const Take *take, gsize method, GError **error)
{
  const char *name = dc_drift_method_name(method);
  g_autofree char *note = g_strdup_printf("%s, %s", take->kind->name, name);
  dc_progress_show(&bench->progress, (double)bench->done++, (double)bench->total, note);
  DcDriftSettings settings = bench->options->settings;
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
  if (well)
    print_newest(bench, method);
  if (well && take->folder)
    well = export_array(take->folder, name, DC_NPY_U32, n, 0, run.labels, error);
  dc_drift_run_clear(&run);
  return well;
}

static gboolean
embed_take(Take *take, const Bench *bench, const Round *round, GError **error)
{
  const DcDriftStream *stream = &take->stream;
  if (!allocate_rows(&take->rows, stream->length, round->source.cols, error))
    return FALSE;
  take->classes = g_new(guint32, stream->length);
  for (gsize i = 0; i < stream->length; i++)
    take->classes[i] = bench->options->data->samples.labels[stream->samples[i]];
  return begin_export(take, bench, round, error) &&
         dc_drift_view_embed(round->view, stream->samples, stream->looks, stream->length,
                             round->seed, bench->options->frames ? take->folder : NULL,
                             bench->options->settings.warm_up, take->rows.data, error) &&
         export_stream(take, bench, round, error);
}

static gboolean
run_stream(Bench *bench, const Round *round, const DcDriftKind *kind, GError **error)
{
  const DcDriftSplit *split = &round->split;
  DcDriftPool pool = {split->order + split->source, split->count - split->source,
                      bench->options->data->samples.labels, bench->options->data->inputs};
  Take take = {.kind = kind};
  DcError core_error;
  if (dc_drift_stream_init(&take.stream, kind, &pool, bench->options->length, round->seed,
                           &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = embed_take(&take, bench, round, error);
  for (gsize method = 0; well && method < bench->options->plan->method_count; method++)
    if (dc_drift_plan_runs(bench->options->plan, method))
      well = run_method(bench, round, &take, method, error);
  dc_drift_stream_clear(&take.stream);
  g_free(take.rows.data);
  g_free(take.classes);
  g_free(take.folder);
  return well;
}

/* ---- all of them ---- */

static gboolean
open_round(Round *round, const Bench *bench, guint64 seed, GError **error)
{
  *round = (Round){.seed = seed};
  if (!dc_drift_split_init(&round->split, bench->options->data, !bench->options->in_order, seed,
                           bench->options->settings.warm_up,
                           MAX(LARGEST_SOURCE, bench->options->settings.warm_up), error))
    return FALSE;
  round->view = dc_drift_view_new(bench->options->data, bench->options->view, &round->split, error);
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
  for (gsize i = 0; well && i < bench->options->plan->kind_count && !dc_interrupted(); i++)
    well = run_stream(bench, &round, bench->options->plan->kinds[i], error);
  close_round(&round);
  return well;
}

static gboolean
run_all(Bench *bench, GError **error)
{
  for (gsize method = 0; method < bench->options->plan->method_count; method++)
    bench->total += dc_drift_plan_runs(bench->options->plan, method);
  bench->total *= bench->options->plan->kind_count * bench->options->seeds;
  dc_progress_start(&bench->progress, "streams");
  gboolean well = TRUE;
  for (gsize i = 0; well && i < bench->options->seeds && !dc_interrupted(); i++)
    well = run_seed(bench, bench->options->seed + i, error);
  if (well)
    dc_progress_show(&bench->progress, (double)bench->done, (double)MAX(bench->total, 1), NULL);
  dc_progress_end(&bench->progress, NULL);
  return well;
}

/* Adds the peer whose half-life was chosen, and drops what was run for it alone. */
static void
finish_results(Bench *bench)
{
  guint known = bench->results->len;
  if (bench->options->plan->forgetting)
    dc_drift_results_choose_half_life(bench->results);
  for (guint i = known; i < bench->results->len; i++)
    print_line(bench, &g_array_index(bench->results, DcDriftResult, i));
  for (guint i = bench->results->len; i-- > 0;) {
    const DcDriftResult *result = &g_array_index(bench->results, DcDriftResult, i);
    gsize method;
    if (dc_drift_method_find(result->method, &method) && !bench->options->plan->methods[method])
      g_array_remove_index(bench->results, i);
  }
  dc_drift_results_sort(bench->results);
}

gboolean
dc_drift_bench_run(const DcDriftBenchOptions *options, GArray *results, gboolean *complete,
                   GError **error)
{
  Bench bench = {.options = options, .results = results};
  if (!run_all(&bench, error))
    return FALSE;
  finish_results(&bench);
  *complete = bench.done == bench.total;
  return TRUE;
}
