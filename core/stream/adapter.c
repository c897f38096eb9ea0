/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/adapter.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/tdcm.h"
#include "cluster/transport_fit.h"
#include "stream/adapter_private.h"
#include "stream/snapshot_builder.h"

#include <math.h>
#include <string.h>

/* Embeddings that are assigned at once. */
#define CHUNK 256
/* Embeddings over which an alignment forgets half, without a half-life. */
#define ALIGNMENT_MEMORY 4096.0

/* --- making and freeing --- */

static DcStatus
reserve_for_method(DcAdapter *adapter, DcError *error)
{
  if (adapter->method->reserve && !adapter->method->reserve(adapter))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "not enough memory for the method %s with an interval of %zu",
                        adapter->method->name, adapter->config.interval);
  return DC_OK;
}

static void
close_method(const DcAdaptMethod *method, void *state)
{
  if (method && method->close)
    method->close(state);
}

/* Has the method of adapter->method begin with the clusters as they are. */
static DcStatus
begin_method(DcAdapter *adapter, DcError *error)
{
  const DcAdaptMethod *method = adapter->method;
  if (method->open && !method->open(adapter))
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for the method %s",
                        method->name);
  DcStatus status = reserve_for_method(adapter, error);
  if (status == DC_OK && method->restart)
    status = method->restart(adapter, error);
  return status;
}

/* Takes the method of the configuration in place of the one there is, if any, which stays when
 * memory is short. */
static DcStatus
open_method(DcAdapter *adapter, DcError *error)
{
  const DcAdaptMethod *old = adapter->method;
  void *old_state = adapter->state;
  adapter->method = dc_adapt_method(adapter->config.method);
  adapter->state = NULL;
  DcStatus status = begin_method(adapter, error);
  if (status == DC_OK) {
    close_method(old, old_state);
    return DC_OK;
  }
  close_method(adapter->method, adapter->state);
  adapter->method = old;
  adapter->state = old_state;
  return status;
}

DcStatus
dc_adapter_allocate_clusters(DcAdapter *adapter, size_t count, DcError *error)
{
  DcStatus status =
      dc_clusters_allocate(&adapter->clusters, count, adapter->dim, adapter->config.window, error);
  if (status == DC_OK)
    adapter->outdated = true;
  return status;
}

/* What the configuration brings of a model must be of its embeddings. */
static DcStatus
check_model(const DcAdapterConfig *config, size_t dim, DcError *error)
{
  if (config->module && config->module->dim != dim)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "attention trained on embeddings of %zu numbers does not fit %zu",
                        config->module->dim, dim);
  if (config->source && config->source->input_dim != dim)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "a source described from embeddings of %zu numbers does not fit %zu",
                        config->source->input_dim, dim);
  return DC_OK;
}

static DcStatus
check_embeddings(size_t dim, const char *encoder, DcError *error)
{
  if (dim < 1 || strlen(encoder) >= DC_ENCODER_NAME_SIZE)
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "embeddings of %zu numbers by \"%.40s\" cannot be used: at least one number "
        "and a name below %d bytes are needed",
        dim, encoder, DC_ENCODER_NAME_SIZE);
  return DC_OK;
}

static DcStatus
reserve_alignment(DcAdapter *adapter, DcError *error)
{
  if (adapter->config.align == DC_ALIGN_NONE)
    return DC_OK;
  size_t numbers;
  adapter->alignment = dc_alignment_new(adapter->dim);
  adapter->aligned = dc_checked_mul(CHUNK, adapter->dim, &numbers) ? DC_NEW(float, numbers) : NULL;
  if (!adapter->alignment || !adapter->aligned)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to align %zu numbers",
                        adapter->dim);
  return DC_OK;
}

/* What an adapter has from the first embedding on. */
static DcStatus
reserve(DcAdapter *adapter, DcError *error)
{
  size_t numbers = 0, warm_up = adapter->config.warm_up;
  bool fits = dc_checked_mul(warm_up, adapter->dim, &numbers);
  adapter->sample = fits ? DC_NEW(float, numbers) : NULL;
  adapter->sample_times = DC_NEW(uint64_t, warm_up);
  adapter->assigner = dc_assigner_new();
  adapter->assignments = DC_NEW(DcAssignment, CHUNK);
  if (!adapter->sample || !adapter->sample_times || !adapter->assigner || !adapter->assignments)
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "not enough memory for a warm-up of %zu embeddings of %zu numbers", warm_up,
                        adapter->dim);
  if (!dc_open_world_reserve(adapter))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "not enough memory for unknown embeddings of %zu numbers", adapter->dim);
  DcStatus status = reserve_alignment(adapter, error);
  return status == DC_OK ? open_method(adapter, error) : status;
}

DcStatus
dc_adapter_new(const DcAdapterConfig *config, size_t dim, const char *encoder, DcAdapter **adapter,
               DcError *error)
{
  *adapter = NULL;
  DcStatus status = dc_adapter_config_check(config, error);
  if (status == DC_OK)
    status = check_embeddings(dim, encoder, error);
  if (status == DC_OK)
    status = check_model(config, dim, error);
  if (status != DC_OK)
    return status;
  DcAdapter *made = DC_NEW(DcAdapter, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for an adapter");
  made->config = *config;
  made->dim = dim;
  strcpy(made->encoder, encoder);
  dc_random_seed(&made->random, config->seed, 0);
  status = reserve(made, error);
  if (status == DC_OK)
    *adapter = made;
  else
    dc_adapter_free(made);
  return status;
}

void
dc_adapter_free(DcAdapter *adapter)
{
  if (!adapter)
    return;
  dc_snapshot_unref(adapter->snapshot);
  dc_assigner_free(adapter->assigner);
  dc_free(adapter->assignments);
  dc_free(adapter->sample);
  dc_free(adapter->sample_times);
  close_method(adapter->method, adapter->state);
  dc_alignment_free(adapter->alignment);
  dc_free(adapter->aligned);
  dc_clusters_clear(&adapter->clusters);
  dc_hierarchy_clear(&adapter->hierarchy);
  dc_open_world_clear(&adapter->open_world);
  dc_free(adapter);
}

DcStatus
dc_adapter_configure(DcAdapter *adapter, const DcAdapterConfig *config, DcError *error)
{
  DcStatus status = dc_adapter_config_check(config, error);
  if (status != DC_OK)
    return status;
  const DcAdapterConfig old = adapter->config;
  bool other_groups = config->coarse_groups != old.coarse_groups;
  if (config->effort != old.effort || config->align != old.align ||
      config->clusters != old.clusters || config->max_clusters != old.max_clusters ||
      config->window != old.window || config->warm_up != old.warm_up || config->seed != old.seed ||
      config->module != old.module || config->source != old.source ||
      config->revise != old.revise || config->novelty != old.novelty ||
      config->retire_after != old.retire_after)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "effort, align, clusters, max-clusters, window, warm-up, seed, model, "
                        "revise, novelty and retire-after cannot change while running");
  adapter->config = *config;
  status = config->method == old.method ? reserve_for_method(adapter, error)
                                        : open_method(adapter, error);
  if (status != DC_OK)
    adapter->config = old;
  else if (other_groups) /* found again for the next snapshot */
    dc_hierarchy_expire(&adapter->hierarchy);
  return status;
}

/* --- snapshots --- */

/* Transport tracking takes over, or gives up: posteriors are others from now on. */
static void
note_reading(DcAdapter *adapter, bool by_prototypes)
{
  if (by_prototypes != adapter->by_prototypes)
    dc_separation_restart(&adapter->separation);
  adapter->by_prototypes = by_prototypes;
}

DcStatus
dc_adapter_publish(DcAdapter *adapter, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  DcStatus status = dc_hierarchy_update(adapter, error);
  if (status != DC_OK)
    return status;
  DcSnapshotParts parts = {
      .version = adapter->version + 1,
      .encoder = adapter->encoder,
      .centroids = dc_matrix(clusters->centroids, clusters->count, adapter->dim),
      .infos = clusters->infos,
      .survival = clusters->survival,
      .temperature = clusters->temperature,
  };
  if (adapter->alignment) {
    parts.gain = adapter->alignment->gain;
    parts.offset = adapter->alignment->offset;
  }
  bool read = !adapter->method->read || adapter->method->read(adapter, &parts);
  DcSnapshot *snapshot = read ? dc_snapshot_new(&parts) : NULL;
  if (!snapshot)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a snapshot of %zu clusters",
                        clusters->count);
  dc_snapshot_unref(adapter->snapshot);
  adapter->snapshot = snapshot;
  adapter->outdated = false;
  adapter->version++;
  note_reading(adapter, parts.scorer != NULL);
  return DC_OK;
}

DcSnapshot *
dc_adapter_snapshot(DcAdapter *adapter)
{
  return adapter->snapshot ? dc_snapshot_ref(adapter->snapshot) : NULL;
}

/* --- receiving --- */

/* The rows as the clusters see them; in scratch where they are others. */
static DcMatrix
align(DcAdapter *adapter, const DcMatrix *chunk)
{
  if (!adapter->alignment)
    return *chunk;
  DcMatrix aligned = dc_matrix(adapter->aligned, chunk->rows, chunk->cols);
  dc_alignment_receive(adapter->alignment, chunk);
  dc_alignment_apply(adapter->alignment, chunk, &aligned);
  return aligned;
}

/* Row `i` of a chunk as it came, and as the clusters see it. Returns whether the method may learn
 * from it. */
static bool
receive_row(DcAdapter *adapter, const float *row, const float *aligned, uint64_t time, size_t i)
{
  const DcAssignment *assignment = &adapter->assignments[i];
  dc_separation_note(&adapter->separation, assignment->margin);
  if (dc_open_world_is_active(adapter))
    return dc_open_world_receive(adapter, row, aligned, time, assignment);
  dc_clusters_receive(&adapter->clusters, aligned, time, adapter->clock.elapsed, assignment);
  return true;
}

static void
show_method(DcAdapter *adapter, const DcMatrix *rows, size_t first, size_t end)
{
  DcMatrix run = dc_matrix_rows(rows, first, end - first);
  if (run.rows && adapter->method->receive)
    adapter->method->receive(adapter, &run);
}

/* Rows whose assignments are there. */
static void
receive_chunk(DcAdapter *adapter, const DcMatrix *chunk, const uint64_t *times, uint64_t time)
{
  DcMatrix aligned = align(adapter, chunk);
  size_t shown = 0;
  for (size_t i = 0; i < chunk->rows; i++) {
    if (receive_row(adapter, dc_matrix_row(chunk, i), dc_matrix_row(&aligned, i),
                    times ? times[i] : time, i))
      continue;
    show_method(adapter, &aligned, shown, i);
    shown = i + 1;
  }
  show_method(adapter, &aligned, shown, chunk->rows);
}

DcStatus
dc_adapter_receive(DcAdapter *adapter, const DcMatrix *rows, const uint64_t *times, uint64_t time)
{
  /* Other clusters were put in place, and there was no memory for a snapshot of them. */
  if (adapter->outdated) {
    DcStatus status = dc_adapter_publish(adapter, NULL);
    if (status != DC_OK)
      return status;
  }
  for (size_t first = 0; first < rows->rows; first += CHUNK) {
    size_t left = rows->rows - first;
    DcMatrix chunk = dc_matrix_rows(rows, first, left < CHUNK ? left : CHUNK);
    DcStatus status = dc_snapshot_assign(adapter->snapshot, adapter->assigner, &chunk,
                                         dc_open_world_rate(adapter), adapter->assignments);
    if (status != DC_OK)
      return status;
    receive_chunk(adapter, &chunk, times ? times + first : NULL, time);
  }
  adapter->since_adaptation += rows->rows;
  return DC_OK;
}

/* The warm-up is not ended here, since that takes time: whoever asks dc_adapter_is_due() chooses
 * the moment. Until then the newest embeddings push out the oldest. */
static void
push_warm_up(DcAdapter *adapter, const DcMatrix *rows, uint64_t time)
{
  for (size_t i = 0; i < rows->rows; i++) {
    size_t slot = adapter->sampled++ % adapter->config.warm_up;
    memcpy(adapter->sample + slot * adapter->dim, dc_matrix_row(rows, i),
           adapter->dim * sizeof(float));
    adapter->sample_times[slot] = time;
  }
}

static DcStatus
push_usable(DcAdapter *adapter, const DcMatrix *rows, uint64_t time)
{
  if (adapter->clusters.count)
    return dc_adapter_receive(adapter, rows, NULL, time);
  push_warm_up(adapter, rows, time);
  return DC_OK;
}

DcStatus
dc_adapter_push(DcAdapter *adapter, const DcMatrix *embeddings, uint64_t time, DcPushResult *result)
{
  *result = (DcPushResult){0};
  if (embeddings->cols != adapter->dim)
    return DC_ERROR_SHAPE;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < embeddings->rows && status == DC_OK; i++) {
    size_t run = dc_adapter_usable_run(embeddings, i);
    DcMatrix rows = dc_matrix_rows(embeddings, i, run);
    status = push_usable(adapter, &rows, time);
    dc_stream_clock_note(&adapter->clock, run, time);
    result->accepted += run;
    i += run;
    result->rejected += i < embeddings->rows; /* what ended the run */
  }
  adapter->accepted += result->accepted;
  adapter->rejected += result->rejected;
  return status;
}

bool
dc_adapter_is_due(const DcAdapter *adapter)
{
  if (adapter->clusters.count == 0)
    return adapter->sampled >= adapter->config.warm_up;
  return adapter->since_adaptation >= adapter->config.interval;
}

/* --- adapting --- */

/* How much the recent mix of clusters is that of the whole stream, squared: moments of a burst of
 * one class are those of the class. */
static double
trust(const DcClusters *clusters)
{
  double mass = 0, apart = 0;
  for (size_t k = 0; k < clusters->count; k++)
    mass += clusters->infos[k].mass;
  for (size_t k = 0; k < clusters->count && mass > 0; k++)
    apart += fabs(clusters->shares[k] - clusters->infos[k].mass / mass) / 2;
  double calm = fmax(1 - apart, 0);
  return calm * calm;
}

/* Brings the alignment up to what was received. */
static void
update_alignment(DcAdapter *adapter)
{
  const DcAdapterConfig *config = &adapter->config;
  uint64_t wanted = DC_TRANSPORT_SAMPLES_PER_CLUSTER * adapter->clusters.count;
  if (wanted < config->warm_up)
    wanted = config->warm_up;
  dc_alignment_update(adapter->alignment, wanted, dc_adapter_half_life(adapter, ALIGNMENT_MEMORY),
                      trust(&adapter->clusters));
}

DcStatus
dc_adapter_adapt(DcAdapter *adapter, bool adapt, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  if (clusters->count == 0)
    return dc_adapter_end_warm_up(adapter, error);
  if (adapt && adapter->config.adaptation_rate > 0) {
    if (adapter->alignment)
      update_alignment(adapter);
    DcStatus status = adapter->method->move(adapter, error);
    if (status != DC_OK)
      return status;
  } else if (adapter->method->skip) {
    adapter->method->skip(adapter);
  }
  dc_clusters_hold_pinned(clusters);
  dc_clusters_measure(clusters);
  dc_separation_judge(&adapter->separation);
  memset(clusters->evidence, 0, clusters->count * sizeof *clusters->evidence);
  adapter->since_adaptation = 0;
  adapter->adaptations++;
  DcStatus status = dc_open_world_revise(adapter, adapt, error);
  return status == DC_OK ? dc_adapter_publish(adapter, error) : status;
}

const DcClusterChange *
dc_adapter_changes(const DcAdapter *adapter, size_t *count)
{
  *count = adapter->open_world.change_count;
  return adapter->open_world.changes;
}

/* --- statistics --- */

DcAdapterStats
dc_adapter_stats(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  DcAdapterStats stats = {
      .accepted = adapter->accepted,
      .rejected = adapter->rejected,
      .adaptations = adapter->adaptations,
      .clusters = clusters->count,
      .margin = adapter->separation.recent,
      .margin_reference =
          adapter->separation.seen < DC_SEPARATION_REFERENCE ? 0 : adapter->separation.reference,
      .separation_lost = adapter->separation.lost,
      .remembered = clusters->memory ? dc_memory_count(clusters->memory) : 0,
      .unknowns = adapter->open_world.unknowns.count,
      .births = adapter->open_world.births,
      .splits = adapter->open_world.splits,
      .merges = adapter->open_world.merges,
      .retirements = adapter->open_world.retirements,
  };
  double mass = 0;
  for (size_t k = 0; k < clusters->count; k++) {
    double share = clusters->shares[k];
    stats.occupancy_entropy -= share > 0 ? share * log(share) : 0;
    stats.mean_shift += clusters->infos[k].mass * (double)clusters->infos[k].shift;
    mass += clusters->infos[k].mass;
  }
  stats.mean_shift = mass > 0 ? stats.mean_shift / mass : 0;
  if (adapter->method->describe)
    adapter->method->describe(adapter, &stats);
  return stats;
}
