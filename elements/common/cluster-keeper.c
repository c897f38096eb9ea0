/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cluster-keeper.h"

#include "common/encoder-check.h"
#include "store/model_file.h"
#include "stream/identity.h"

#include <string.h>

struct DcClusterKeeper {
  GMutex mutex; /* guards what follows, up to the line; never held while computing */
  GCond free;
  gboolean busy; /* somebody has the turn */
  DcAdapterConfig config;
  gboolean adapt;
  gboolean config_changed;
  DcSnapshot *snapshot;

  /* Belongs to who has the turn. */
  gboolean open;
  DcSharedState *shared;
  DcModel *model;         /* NULL: no start centroids */
  DcState *waiting_state; /* for the adapter to be made */
  DcAdapter *adapter;
  const gchar *encoder; /* of the adapter, interned */
  gsize dim;
  gboolean gave_way;   /* the warm-up was begun anew for another encoder */
  guint64 last_change; /* its number */
};

DcClusterKeeper *
dc_cluster_keeper_new(void)
{
  DcClusterKeeper *keeper = g_new0(DcClusterKeeper, 1);
  g_mutex_init(&keeper->mutex);
  g_cond_init(&keeper->free);
  return keeper;
}

void
dc_cluster_keeper_free(DcClusterKeeper *keeper)
{
  if (!keeper)
    return;
  dc_cluster_keeper_close(keeper);
  g_mutex_clear(&keeper->mutex);
  g_cond_clear(&keeper->free);
  g_free(keeper);
}

static void
take_turn(DcClusterKeeper *keeper)
{
  g_mutex_lock(&keeper->mutex);
  while (keeper->busy)
    g_cond_wait(&keeper->free, &keeper->mutex);
  keeper->busy = TRUE;
  g_mutex_unlock(&keeper->mutex);
}

static void
end_turn(DcClusterKeeper *keeper)
{
  g_mutex_lock(&keeper->mutex);
  keeper->busy = FALSE;
  g_cond_signal(&keeper->free);
  g_mutex_unlock(&keeper->mutex);
}

/* Takes a turn that needs an open keeper; on failure there is no turn to end. */
static DcStatus
take_open_turn(DcClusterKeeper *keeper, DcError *error)
{
  take_turn(keeper);
  if (keeper->open)
    return DC_OK;
  end_turn(keeper);
  return dc_error_set(error, DC_ERROR_NOT_READY,
                      "the element is not running: bring the pipeline to PAUSED first");
}

/* Makes the adapter's newest snapshot known. */
static void
publish(DcClusterKeeper *keeper)
{
  DcSnapshot *newest = keeper->adapter ? dc_adapter_snapshot(keeper->adapter) : NULL;
  if (keeper->shared)
    dc_shared_state_publish(keeper->shared, newest);
  g_mutex_lock(&keeper->mutex);
  DcSnapshot *previous = keeper->snapshot;
  keeper->snapshot = newest;
  g_mutex_unlock(&keeper->mutex);
  dc_snapshot_unref(previous);
}

static DcAdapterConfig
take_config(DcClusterKeeper *keeper, gboolean *adapt, gboolean *changed)
{
  g_mutex_lock(&keeper->mutex);
  DcAdapterConfig config = keeper->config;
  *adapt = keeper->adapt;
  *changed = keeper->config_changed;
  keeper->config_changed = FALSE;
  g_mutex_unlock(&keeper->mutex);
  return config;
}

static DcStatus
fill_adapter(DcClusterKeeper *keeper, DcAdapter *adapter, DcError *error)
{
  const DcModel *model = keeper->model;
  if (keeper->waiting_state)
    return dc_state_restore(keeper->waiting_state, adapter, error);
  if (!model)
    return DC_OK;
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
  return dc_adapter_start(adapter, &centroids, model->spread, NULL, error);
}

/* Makes the adapter, in the place of one that there may be. */
static DcStatus
make_adapter(DcClusterKeeper *keeper, gsize dim, const gchar *encoder, DcError *error)
{
  gboolean adapt, changed;
  DcAdapterConfig config = take_config(keeper, &adapt, &changed);
  DcAdapter *adapter;
  DcStatus status = dc_adapter_new(&config, dim, encoder, &adapter, error);
  if (status != DC_OK)
    return status;
  status = fill_adapter(keeper, adapter, error);
  if (status != DC_OK) {
    dc_adapter_free(adapter);
    return status;
  }
  g_clear_pointer(&keeper->waiting_state, dc_state_free);
  dc_adapter_free(keeper->adapter);
  keeper->adapter = adapter;
  keeper->encoder = g_intern_string(encoder);
  keeper->dim = dim;
  publish(keeper);
  return DC_OK;
}

static DcStatus
read_model(DcClusterKeeper *keeper, const DcAdapterConfig *config, const gchar *path,
           DcError *error)
{
  DcStatus status = dc_model_read(path, &keeper->model, error);
  if (status != DC_OK)
    return status;
  if (keeper->model->clusters == 0)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "the model '%s' has no centroids: train it with a method that clusters, or "
                        "unset model-file to find the clusters in the stream",
                        path);
  if (config->clusters != 0 && config->clusters != keeper->model->clusters)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "the model '%s' has %" G_GSIZE_FORMAT
                        " clusters, the property clusters asks "
                        "for %u: set it to 0 or to the number of the model",
                        path, keeper->model->clusters, config->clusters);
  keeper->config.module = keeper->model->attention;
  keeper->config.source = keeper->model->source;
  return DC_OK;
}

/* Makes what can be made before the first embeddings. */
static DcStatus
begin(DcClusterKeeper *keeper, DcError *error)
{
  g_clear_pointer(&keeper->adapter, dc_adapter_free);
  g_clear_pointer(&keeper->waiting_state, dc_state_free);
  keeper->gave_way = FALSE;
  publish(keeper);
  return keeper->model ? make_adapter(keeper, keeper->model->dim, keeper->model->encoder_id, error)
                       : DC_OK;
}

static void
end(DcClusterKeeper *keeper)
{
  keeper->open = FALSE;
  keeper->shared = NULL; /* its readers keep the newest snapshot */
  g_clear_pointer(&keeper->model, dc_model_free);
  begin(keeper, NULL);
}

DcStatus
dc_cluster_keeper_open(DcClusterKeeper *keeper, const DcAdapterConfig *config,
                       const gchar *model_file, DcSharedState *shared, DcError *error)
{
  take_turn(keeper);
  g_mutex_lock(&keeper->mutex);
  keeper->config = *config;
  keeper->config.background = true;
  keeper->config_changed = FALSE;
  g_mutex_unlock(&keeper->mutex);
  keeper->open = TRUE;
  keeper->shared = shared;
  DcStatus status = dc_adapter_config_check(config, error);
  if (status == DC_OK && model_file)
    status = read_model(keeper, config, model_file, error);
  if (status == DC_OK)
    status = begin(keeper, error);
  if (status != DC_OK)
    end(keeper);
  end_turn(keeper);
  return status;
}

void
dc_cluster_keeper_close(DcClusterKeeper *keeper)
{
  take_turn(keeper);
  end(keeper);
  end_turn(keeper);
}

void
dc_cluster_keeper_configure(DcClusterKeeper *keeper, const DcAdapterConfig *config, gboolean adapt)
{
  g_mutex_lock(&keeper->mutex);
  keeper->config.method = config->method;
  keeper->config.interval = config->interval;
  keeper->config.adaptation_rate = config->adaptation_rate;
  keeper->config.half_life = config->half_life;
  keeper->config.coarse_groups = config->coarse_groups;
  keeper->config_changed = TRUE;
  keeper->adapt = adapt;
  g_mutex_unlock(&keeper->mutex);
}

/* Adapts once, telling what became of it. */
static DcStatus
adapt_once(DcClusterKeeper *keeper, gboolean adapt, DcLearnResult *result, DcError *error)
{
  gboolean first = !keeper->snapshot; /* written only in a turn */
  DcStatus status = dc_adapter_adapt(keeper->adapter, adapt, error);
  if (status != DC_OK)
    return status;
  keeper->last_change++;
  publish(keeper);
  result->created = first;
  result->adapted = TRUE;
  const DcClusterChange *changes = dc_adapter_changes(keeper->adapter, &result->changes);
  for (gsize i = 0; i < result->changes; i++)
    result->change[i] = changes[i];
  return DC_OK;
}

/* Whether the adapter may be made anew for another encoder: where nobody has seen clusters of it,
 * but once only, since a stream whose encoders take turns would warm up for ever. */
static gboolean
gives_way(DcClusterKeeper *keeper)
{
  gboolean gives = !keeper->snapshot && !keeper->gave_way; /* written only in a turn */
  keeper->gave_way |= gives;
  return gives;
}

/* Sees to an adapter that takes `block`. */
static DcStatus
ready_adapter(DcClusterKeeper *keeper, const DriftclusterEmbeddingBlock *block,
              DcLearnResult *result, DcError *error)
{
  if (keeper->adapter) {
    DcStatus fits = dc_encoder_check(block, keeper->dim, keeper->encoder, error);
    if (fits == DC_OK || !gives_way(keeper))
      return fits;
  }
  gboolean waiting = keeper->waiting_state != NULL;
  DcStatus status = make_adapter(keeper, block->dim, block->encoder, error);
  result->restored = waiting && status == DC_OK;
  return status;
}

static DcStatus
learn(DcClusterKeeper *keeper, const DriftclusterEmbeddingBlock *block, GstClockTime time,
      DcLearnResult *result, DcError *error)
{
  DcStatus status = ready_adapter(keeper, block, result, error);
  gboolean adapt, changed;
  DcAdapterConfig config = take_config(keeper, &adapt, &changed);
  if (status == DC_OK && changed)
    status = dc_adapter_configure(keeper->adapter, &config, error);
  if (status != DC_OK)
    return status;

  DcMatrix embeddings = dc_matrix(block->data, block->rows - block->reused, block->dim);
  DcPushResult pushed;
  status = dc_adapter_push(keeper->adapter, &embeddings, time, &pushed);
  if (status != DC_OK)
    return dc_error_set(error, status, "the embeddings were refused: %s", dc_status_text(status));
  result->accepted = pushed.accepted;
  result->rejected = pushed.rejected;
  keeper->last_change += pushed.accepted > 0;
  return dc_adapter_is_due(keeper->adapter) ? adapt_once(keeper, adapt, result, error) : DC_OK;
}

DcStatus
dc_cluster_keeper_learn(DcClusterKeeper *keeper, const DriftclusterEmbeddingBlock *block,
                        GstClockTime time, DcLearnResult *result, DcError *error)
{
  *result = (DcLearnResult){0};
  DcStatus status = take_open_turn(keeper, error);
  if (status != DC_OK)
    return status;
  status = learn(keeper, block, time, result, error);
  end_turn(keeper);
  return status;
}

DcStatus
dc_cluster_keeper_finish(DcClusterKeeper *keeper, DcLearnResult *result, DcError *error)
{
  *result = (DcLearnResult){0};
  DcStatus status = take_open_turn(keeper, error);
  if (status != DC_OK)
    return status;
  if (!keeper->adapter)
    status =
        dc_error_set(error, DC_ERROR_NOT_READY,
                     "the stream brought no embeddings: put embed before adapt-centroids, and with "
                     "inference-region=roi-list see that a detector finds regions; or name "
                     "the tensor of another element in tensor-name");
  else if (!keeper->snapshot)
    status = adapt_once(keeper, TRUE, result, error);
  end_turn(keeper);
  return status;
}

/* In a turn. */
static DcStatus
restore(DcClusterKeeper *keeper, const DcState *state, DcError *error)
{
  DcStatus status = dc_state_restore(state, keeper->adapter, error);
  if (status == DC_OK) {
    keeper->last_change++;
    publish(keeper);
  }
  return status;
}

DcStatus
dc_cluster_keeper_restore(DcClusterKeeper *keeper, DcState *state, gboolean *waits, DcError *error)
{
  DcStatus status = take_open_turn(keeper, error);
  if (status != DC_OK) {
    dc_state_free(state);
    return status;
  }
  *waits = !keeper->adapter;
  if (*waits) {
    dc_state_free(keeper->waiting_state);
    keeper->waiting_state = state;
  } else {
    status = restore(keeper, state, error);
    dc_state_free(state);
  }
  end_turn(keeper);
  return status;
}

gboolean
dc_cluster_keeper_has_waiting_state(DcClusterKeeper *keeper)
{
  take_turn(keeper);
  gboolean waits = keeper->waiting_state != NULL;
  end_turn(keeper);
  return waits;
}

DcStatus
dc_cluster_keeper_capture(DcClusterKeeper *keeper, DcState **state, guint64 *change, DcError *error)
{
  DcStatus status = take_open_turn(keeper, error);
  if (status != DC_OK)
    return status;
  *state = keeper->adapter ? dc_state_capture(keeper->adapter) : NULL;
  *change = keeper->last_change;
  if (!keeper->adapter)
    status = dc_error_set(error, DC_ERROR_NOT_READY,
                          "there is nothing to save yet: no embeddings have come");
  else if (!*state)
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for a copy of the state");
  end_turn(keeper);
  return status;
}

guint64
dc_cluster_keeper_last_change(DcClusterKeeper *keeper)
{
  take_turn(keeper);
  guint64 change = keeper->last_change;
  end_turn(keeper);
  return change;
}

DcStatus
dc_cluster_keeper_reset(DcClusterKeeper *keeper, DcError *error)
{
  DcStatus status = take_open_turn(keeper, error);
  if (status != DC_OK)
    return status;
  status = begin(keeper, error);
  keeper->last_change++;
  end_turn(keeper);
  return status;
}

/* The one cluster with that label; `clusters` when there is none, or more than one. */
static gsize
find_label(const DcSnapshot *snapshot, const gchar *label)
{
  gsize clusters = dc_snapshot_clusters(snapshot), found = clusters;
  for (gsize i = 0; i < clusters; i++)
    if (g_str_equal(dc_snapshot_cluster(snapshot, i)->label, label)) {
      if (found < clusters)
        return clusters;
      found = i;
    }
  return found;
}

/* The cluster given by its uuid, its label or its index, which is looked for in this order. */
static DcStatus
find_cluster(const DcSnapshot *snapshot, const gchar *cluster, gsize *index, DcError *error)
{
  gsize clusters = dc_snapshot_clusters(snapshot);
  for (*index = 0; *index < clusters; (*index)++)
    if (g_str_equal(dc_snapshot_cluster(snapshot, *index)->uuid, cluster))
      return DC_OK;
  *index = find_label(snapshot, cluster);
  if (*index < clusters)
    return DC_OK;
  guint64 number;
  if (g_ascii_string_to_unsigned(cluster, 10, 0, clusters - 1, &number, NULL)) {
    *index = (gsize)number;
    return DC_OK;
  }
  return dc_error_set(error, DC_ERROR_NOT_FOUND,
                      "there is no cluster '%s', or more than one of that label: give the uuid of "
                      "a cluster, its label or its index, which is below %" G_GSIZE_FORMAT,
                      cluster, clusters);
}

/* Does what `command` says to the adapter, in a turn. */
static DcStatus
change(DcAdapter *adapter, const DcClusterCommand *command, gsize cluster, gsize other,
       DcError *error)
{
  switch (command->kind) {
  case DC_RENAME_CLUSTER:
    return dc_adapter_rename(adapter, cluster, command->label, error);
  case DC_MERGE_CLUSTERS:
    return dc_adapter_merge(adapter, cluster, other, error);
  case DC_SPLIT_CLUSTER:
    return dc_adapter_split(adapter, cluster, error);
  case DC_PIN_CLUSTER:
    return dc_adapter_pin(adapter, cluster, command->on, error);
  case DC_IGNORE_CLUSTER:
    return dc_adapter_ignore(adapter, cluster, command->on, error);
  }
  return dc_error_set(error, DC_ERROR_ARGUMENT, "there is no command %d", (int)command->kind);
}

static DcStatus
check_command(const DcClusterCommand *command, DcError *error)
{
  if (!command->cluster || (command->kind == DC_MERGE_CLUSTERS && !command->other) ||
      (command->kind == DC_RENAME_CLUSTER && !command->label))
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a command names each cluster by its uuid, label or index, and a new label "
                        "where there is one: one of them is missing");
  if (command->label && !g_utf8_validate(command->label, -1, NULL))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "the label of a cluster must be UTF-8 text");
  return DC_OK;
}

/* The cluster that a command made is the last one. */
static void
take_outcome(const DcClusterCommand *command, DcSnapshot *before, DcSnapshot *after, gsize cluster,
             gsize other, DcClusterOutcome *outcome)
{
  outcome->before = *dc_snapshot_cluster(before, cluster);
  if (command->kind == DC_MERGE_CLUSTERS)
    outcome->other = *dc_snapshot_cluster(before, other);
  if (command->kind == DC_SPLIT_CLUSTER)
    outcome->other = *dc_snapshot_cluster(after, dc_snapshot_clusters(after) - 1);
  for (gsize k = 0; k < dc_snapshot_clusters(after); k++)
    if (g_str_equal(dc_snapshot_cluster(after, k)->uuid, outcome->before.uuid))
      outcome->after = *dc_snapshot_cluster(after, k);
}

/* In a turn. */
static DcStatus
command_clusters(DcClusterKeeper *keeper, const DcClusterCommand *command,
                 DcClusterOutcome *outcome, DcError *error)
{
  if (!keeper->snapshot)
    return dc_error_set(error, DC_ERROR_NOT_READY,
                        "there are no clusters yet: wait for the end of the warm-up");
  gsize cluster, other = 0;
  DcStatus status = find_cluster(keeper->snapshot, command->cluster, &cluster, error);
  if (status == DC_OK && command->kind == DC_MERGE_CLUSTERS)
    status = find_cluster(keeper->snapshot, command->other, &other, error);
  if (status == DC_OK)
    status = change(keeper->adapter, command, cluster, other, error);
  if (status != DC_OK)
    return status;
  DcSnapshot *before = dc_snapshot_ref(keeper->snapshot);
  keeper->last_change++;
  publish(keeper);
  take_outcome(command, before, keeper->snapshot, cluster, other, outcome);
  dc_snapshot_unref(before);
  return DC_OK;
}

DcStatus
dc_cluster_keeper_command(DcClusterKeeper *keeper, const DcClusterCommand *command,
                          DcClusterOutcome *outcome, DcError *error)
{
  *outcome = (DcClusterOutcome){0};
  DcStatus status = check_command(command, error);
  if (status == DC_OK)
    status = take_open_turn(keeper, error);
  if (status != DC_OK)
    return status;
  status = command_clusters(keeper, command, outcome, error);
  end_turn(keeper);
  return status;
}

DcSnapshot *
dc_cluster_keeper_snapshot(DcClusterKeeper *keeper)
{
  g_mutex_lock(&keeper->mutex);
  DcSnapshot *snapshot = keeper->snapshot ? dc_snapshot_ref(keeper->snapshot) : NULL;
  g_mutex_unlock(&keeper->mutex);
  return snapshot;
}

DcAdapterStats
dc_cluster_keeper_stats(DcClusterKeeper *keeper)
{
  DcAdapterStats stats = {0};
  take_turn(keeper);
  if (keeper->adapter)
    stats = dc_adapter_stats(keeper->adapter);
  end_turn(keeper);
  return stats;
}
