/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-methods.h"

#include "command.h"
#include "drift-peers.h"
#include "eval/drift_scores.h"
#include "stream/adapter.h"
#include "stream/method.h"

#include <string.h>
#include <time.h>

/* ---- names ---- */

typedef struct {
  const char *name;
  gsize half_life;
  gboolean window;
} Peer;

static const Peer peers[] = {
    {"frozen", 0, FALSE},
    {"forgetting-1k", 1000, FALSE},
    {"forgetting-2k", 2000, FALSE},
    {"forgetting-5k", 5000, FALSE},
    {"forgetting-10k", 10000, FALSE},
    {"window", 0, TRUE},
};

#define PEER_WINDOW 1024

const char *
dc_drift_method_name(gsize index)
{
  if (index < DC_METHOD_COUNT)
    return dc_adapt_method((DcMethod)index)->name;
  index -= DC_METHOD_COUNT;
  return index < G_N_ELEMENTS(peers) ? peers[index].name : NULL;
}

gboolean
dc_drift_method_is_peer(gsize index)
{
  return index >= DC_METHOD_COUNT;
}

gboolean
dc_drift_method_find(const char *name, gsize *index)
{
  const char *other;
  for (gsize i = 0; (other = dc_drift_method_name(i)); i++)
    if (strcmp(name, other) == 0) {
      *index = i;
      return TRUE;
    }
  return FALSE;
}

gsize
dc_drift_method_half_life(gsize index)
{
  return dc_drift_method_is_peer(index) ? peers[index - DC_METHOD_COUNT].half_life : 0;
}

DcDriftSettings
dc_drift_settings(void)
{
  DcAdapterConfig config = dc_adapter_config();
  return (DcDriftSettings){
      .warm_up = config.warm_up,
      .window = config.window,
      .interval = config.interval,
  };
}

/* ---- adapters ---- */

typedef struct {
  DcAdapter *adapter;
  DcAssigner *assigner;
  DcAssignment *assignments; /* settings->interval */
  GHashTable *numbers;       /* uuid -> number + 1, in the order in which clusters came */
} Keeper;

static void
close_keeper(Keeper *keeper)
{
  dc_adapter_free(keeper->adapter);
  dc_assigner_free(keeper->assigner);
  g_free(keeper->assignments);
  g_clear_pointer(&keeper->numbers, g_hash_table_unref);
}

/* An adapter that has warmed up. */
static DcStatus
open_keeper(Keeper *keeper, DcMethod method, const DcDriftSettings *settings,
            const DcMatrix *source, DcError *error)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = method;
  config.clusters = settings->clusters;
  config.warm_up = settings->warm_up;
  config.window = settings->window;
  config.interval = settings->interval;
  config.revise = settings->revise;
  config.seed = settings->seed;
  *keeper = (Keeper){.assigner = dc_assigner_new(),
                     .assignments = g_new(DcAssignment, MAX(settings->interval, 1)),
                     .numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  DcStatus status = dc_adapter_new(&config, source->cols, "drift", &keeper->adapter, error);
  if (status != DC_OK)
    return status;
  DcPushResult result;
  DcMatrix warm_up = dc_matrix_rows(source, source->rows - settings->warm_up, settings->warm_up);
  status = dc_adapter_push(keeper->adapter, &warm_up, UINT64_MAX, &result);
  if (status != DC_OK)
    return dc_error_set(error, status, "the warm-up is refused: %s", dc_status_text(status));
  return dc_adapter_adapt(keeper->adapter, true, error);
}

/* A number that stays with the identity of a cluster, wherever it stands in a snapshot. */
static guint32
number_of(Keeper *keeper, const DcSnapshot *snapshot, gsize cluster)
{
  const char *uuid = dc_snapshot_cluster(snapshot, cluster)->uuid;
  guint number = GPOINTER_TO_UINT(g_hash_table_lookup(keeper->numbers, uuid));
  if (number == 0) {
    number = g_hash_table_size(keeper->numbers) + 1;
    g_hash_table_insert(keeper->numbers, g_strdup(uuid), GUINT_TO_POINTER(number));
  }
  return number - 1;
}

/* Gives the clusters that a snapshot brings their numbers, in its order. */
static void
number_clusters(Keeper *keeper, const DcSnapshot *snapshot)
{
  for (gsize k = 0; k < dc_snapshot_clusters(snapshot); k++)
    number_of(keeper, snapshot, k);
}

/* What came since the last adaptation gets its labels from the clusters of then, which is what
 * `assign` before `adapt-centroids` would have said of each. */
static DcStatus
label(Keeper *keeper, const DcMatrix *rows, guint32 *labels, DcError *error)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(keeper->adapter);
  DcStatus status = dc_snapshot_assign(snapshot, keeper->assigner, rows, 0, keeper->assignments);
  number_clusters(keeper, snapshot);
  for (gsize i = 0; i < rows->rows && status == DC_OK; i++)
    labels[i] = number_of(keeper, snapshot, keeper->assignments[i].cluster);
  dc_snapshot_unref(snapshot);
  return status == DC_OK ? DC_OK
                         : dc_error_set(error, status, "an embedding cannot be assigned: %s",
                                        dc_status_text(status));
}

static void
note_course(const Keeper *keeper, gsize row, gsize rows, GArray *course)
{
  guint clusters = (guint)dc_adapter_stats(keeper->adapter).clusters;
  if ((row + 1) % DC_DRIFT_WINDOW == 0 || row + 1 == rows)
    g_array_append_val(course, clusters);
}

static DcStatus
follow(Keeper *keeper, const DcMatrix *stream, guint32 *labels, GArray *course, DcError *error)
{
  gsize labelled = 0;
  DcStatus status = DC_OK;
  for (gsize row = 0; row < stream->rows && status == DC_OK; row++) {
    DcMatrix one = dc_matrix_rows(stream, row, 1);
    DcPushResult result;
    status = dc_adapter_push(keeper->adapter, &one, UINT64_MAX, &result);
    if (status != DC_OK)
      return dc_error_set(error, status, "an embedding is refused: %s", dc_status_text(status));
    bool due = dc_adapter_is_due(keeper->adapter);
    note_course(keeper, row, stream->rows, course);
    if (!due && row + 1 < stream->rows)
      continue;
    DcMatrix rows = dc_matrix_rows(stream, labelled, row + 1 - labelled);
    status = label(keeper, &rows, labels + labelled, error);
    labelled = row + 1;
    if (status == DC_OK && due)
      status = dc_adapter_adapt(keeper->adapter, true, error);
  }
  return status;
}

static DcStatus
run_adapter(DcDriftRun *run, DcMethod method, const DcDriftSettings *settings,
            const DcMatrix *source, const DcMatrix *stream, DcError *error)
{
  Keeper keeper;
  DcStatus status = open_keeper(&keeper, method, settings, source, error);
  clock_t start = clock();
  if (status == DC_OK)
    status = follow(&keeper, stream, run->labels, run->course, error);
  run->seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  if (status == DC_OK) {
    run->stats = dc_adapter_stats(keeper.adapter);
    run->clusters = run->stats.clusters;
  }
  close_keeper(&keeper);
  return status;
}

/* ---- peers ---- */

/* The centroids that the methods start from too. */
static DcStatus
start_centroids(const DcDriftSettings *settings, const DcMatrix *source, DcMatrix *centroids,
                DcError *error)
{
  Keeper keeper;
  DcStatus status = open_keeper(&keeper, DC_METHOD_NONE, settings, source, error);
  if (status == DC_OK) {
    DcSnapshot *snapshot = dc_adapter_snapshot(keeper.adapter);
    DcMatrix found = dc_snapshot_centroids(snapshot);
    *centroids = dc_matrix(g_new(float, found.rows *found.cols), found.rows, found.cols);
    dc_matrix_copy(&found, centroids);
    dc_snapshot_unref(snapshot);
  }
  close_keeper(&keeper);
  return status;
}

static gboolean
run_peer(DcDriftRun *run, const Peer *peer, const DcDriftSettings *settings, const DcMatrix *source,
         const DcMatrix *stream, GError **error)
{
  DcMatrix centroids;
  DcError core_error;
  if (start_centroids(settings, source, &centroids, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  clock_t start = clock();
  gboolean well =
      peer->window
          ? dc_drift_peer_window(source, stream, PEER_WINDOW, &centroids, run->labels, error)
          : dc_drift_peer_forgetting(stream, peer->half_life, &centroids, run->labels, error);
  run->seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  run->clusters = centroids.rows;
  g_free(centroids.data);
  return well;
}

gboolean
dc_drift_run(DcDriftRun *run, gsize method, const DcDriftSettings *settings, const DcMatrix *source,
             const DcMatrix *stream, GError **error)
{
  *run = (DcDriftRun){.labels = g_new(guint32, stream->rows),
                      .course = g_array_new(FALSE, FALSE, sizeof(guint))};
  DcError core_error;
  gboolean well = TRUE;
  if (dc_drift_method_is_peer(method))
    well = run_peer(run, &peers[method - DC_METHOD_COUNT], settings, source, stream, error);
  else if (run_adapter(run, (DcMethod)method, settings, source, stream, &core_error) != DC_OK)
    well = dc_tools_take_error(&core_error, error);
  if (!well)
    dc_drift_run_clear(run);
  return well;
}

void
dc_drift_run_clear(DcDriftRun *run)
{
  g_clear_pointer(&run->labels, g_free);
  g_clear_pointer(&run->course, g_array_unref);
}
