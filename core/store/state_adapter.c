/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/checked.h"
#include "base/memory.h"
#include "store/state_private.h"

#include <string.h>

_Static_assert(DC_STATE_SURVIVAL_LENGTH == DC_SURVIVAL_STEPS + 1,
               "docs/formats/state.md tells the order of the numbers of a survival");

/* --- from the adapter into a state --- */

void *
dc_state_add(DcState *state, const char *name, DcTensorType type, size_t rank, size_t rows,
             size_t cols)
{
  static const size_t sizes[] = {
      [DC_TENSOR_F32] = 4, [DC_TENSOR_F64] = 8, [DC_TENSOR_I64] = 8, [DC_TENSOR_U8] = 1};
  size_t numbers;
  bool fits = dc_checked_mul(rows, cols, &numbers);
  void *data = fits && !state->short_of_memory ? dc_alloc(numbers, sizes[type]) : NULL;
  if (!data) {
    state->short_of_memory = true;
    return NULL;
  }
  state->tensors[state->count++] = (DcTensor){.name = name,
                                              .type = type,
                                              .rank = rank,
                                              .shape = {rows, cols},
                                              .data = data,
                                              .bytes = numbers * sizes[type]};
  return data;
}

void
dc_state_add_copy(DcState *state, const char *name, DcTensorType type, size_t rank, size_t rows,
                  size_t cols, const void *source)
{
  void *data = dc_state_add(state, name, type, rank, rows, cols);
  if (data && state->tensors[state->count - 1].bytes)
    memcpy(data, source, state->tensors[state->count - 1].bytes);
}

void
dc_state_add_int(DcState *state, const char *name, uint64_t value)
{
  dc_state_add_copy(state, name, DC_TENSOR_I64, 0, 1, 1, &value);
}

static void
capture_counters(DcState *state, const DcAdapter *adapter)
{
  dc_state_add_int(state, "version", adapter->version);
  dc_state_add_int(state, "accepted", adapter->accepted);
  dc_state_add_int(state, "rejected", adapter->rejected);
  dc_state_add_int(state, "adaptations", adapter->adaptations);
  dc_state_add_int(state, "since_adaptation", adapter->since_adaptation);
  dc_state_add_int(state, "random.state", adapter->random.state);
  dc_state_add_int(state, "random.increment", adapter->random.increment);
}

/* The warm-up, oldest first. */
static void
capture_sample(DcState *state, const DcAdapter *adapter)
{
  size_t room = adapter->config.warm_up, dim = adapter->dim;
  size_t kept = adapter->sampled < room ? adapter->sampled : room;
  dc_state_add_int(state, "sampled", adapter->sampled);
  float *rows = dc_state_add(state, "sample.rows", DC_TENSOR_F32, 2, kept, dim);
  uint64_t *times = dc_state_add(state, "sample.times", DC_TENSOR_I64, 1, kept, 1);
  for (size_t i = 0; i < kept && !state->short_of_memory; i++) {
    size_t slot = (adapter->sampled - kept + i) % room;
    memcpy(rows + i * dim, adapter->sample + slot * dim, dim * sizeof *rows);
    times[i] = adapter->sample_times[slot];
  }
}

static void
capture_infos(DcState *state, const DcClusters *clusters, const DcSnapshot *snapshot)
{
  size_t n = clusters->count;
  char *uuids = dc_state_add(state, "uuids", DC_TENSOR_U8, 2, n, DC_STATE_UUID_LENGTH);
  char *labels = dc_state_add(state, "labels", DC_TENSOR_U8, 2, n, DC_LABEL_SIZE);
  uint8_t *named = dc_state_add(state, "named", DC_TENSOR_U8, 1, n, 1);
  double *mass = dc_state_add(state, "mass", DC_TENSOR_F64, 1, n, 1);
  double *published = dc_state_add(state, "published_mass", DC_TENSOR_F64, 1, n, 1);
  float *spread = dc_state_add(state, "spread", DC_TENSOR_F32, 1, n, 1);
  float *shift = dc_state_add(state, "shift", DC_TENSOR_F32, 1, n, 1);
  for (size_t k = 0; k < n && !state->short_of_memory; k++) {
    const DcClusterInfo *info = &clusters->infos[k];
    memcpy(uuids + k * DC_STATE_UUID_LENGTH, info->uuid, DC_STATE_UUID_LENGTH);
    memcpy(labels + k * DC_LABEL_SIZE, info->label, strlen(info->label));
    named[k] = info->named;
    mass[k] = info->mass;
    published[k] = dc_snapshot_cluster(snapshot, k)->mass;
    spread[k] = info->spread;
    shift[k] = info->shift;
  }
}

/* The memory, cluster by cluster, oldest first. */
static void
capture_memory(DcState *state, const DcClusters *clusters, size_t dim)
{
  const DcMemory *memory = clusters->memory;
  int64_t *counts = dc_state_add(state, "memory.counts", DC_TENSOR_I64, 1, clusters->count, 1);
  int64_t *heads = dc_state_add(state, "memory.heads", DC_TENSOR_I64, 1, clusters->count, 1);
  float *rows = dc_state_add(state, "memory.rows", DC_TENSOR_F32, 2, dc_memory_count(memory), dim);
  uint64_t *times =
      dc_state_add(state, "memory.times", DC_TENSOR_I64, 1, dc_memory_count(memory), 1);
  size_t at = 0;
  for (size_t k = 0; k < clusters->count && !state->short_of_memory; k++) {
    size_t count = dc_memory_stratum(memory, k).rows;
    counts[k] = (int64_t)count;
    heads[k] = (int64_t)dc_memory_head(memory, k);
    for (size_t i = 0; i < count; i++, at++)
      memcpy(rows + at * dim, dc_memory_at(memory, k, i, &times[at]), dim * sizeof *rows);
  }
}

static void
capture_clusters(DcState *state, const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t n = clusters->count, dim = adapter->dim;
  dc_state_add_copy(state, "centroids", DC_TENSOR_F32, 2, n, dim, clusters->centroids);
  dc_state_add_copy(state, "reference", DC_TENSOR_F32, 2, n, dim, clusters->reference);
  capture_infos(state, clusters, adapter->snapshot);
  dc_state_add_copy(state, "evidence", DC_TENSOR_F64, 1, n, 1, clusters->evidence);
  dc_state_add_copy(state, "shares", DC_TENSOR_F64, 1, n, 1, clusters->shares);
  dc_state_add_copy(state, "survival", DC_TENSOR_F32, 2, n, DC_STATE_SURVIVAL_LENGTH,
                    clusters->survival);
  dc_state_add_copy(state, "temperature", DC_TENSOR_F32, 0, 1, 1, &adapter->clusters.temperature);
  dc_state_capture_identity(state, adapter);
  dc_state_capture_open_world(state, adapter);
  capture_memory(state, clusters, dim);
}

DcState *
dc_state_capture(const DcAdapter *adapter)
{
  DcState *state = DC_NEW(DcState, 1);
  if (!state)
    return NULL;
  state->version = DC_STATE_VERSION;
  strcpy(state->encoder, adapter->encoder);
  capture_counters(state, adapter);
  if (adapter->clusters.count)
    capture_clusters(state, adapter);
  else
    capture_sample(state, adapter);
  dc_state_capture_method(state, adapter);
  if (!state->short_of_memory)
    return state;
  dc_state_free(state);
  return NULL;
}

/* --- from a state into the adapter --- */

static const void *
data_of(const DcState *state, const char *name)
{
  return dc_state_find(state, name)->data;
}

static uint64_t
int_of(const DcState *state, const char *name)
{
  return *(const uint64_t *)data_of(state, name);
}

static void
copy_out(const DcState *state, const char *name, void *target)
{
  const DcTensor *tensor = dc_state_find(state, name);
  if (tensor->bytes)
    memcpy(target, tensor->data, tensor->bytes);
}

static void
restore_counters(const DcState *state, DcAdapter *adapter)
{
  adapter->accepted = int_of(state, "accepted");
  adapter->rejected = int_of(state, "rejected");
  adapter->adaptations = int_of(state, "adaptations");
  adapter->since_adaptation = int_of(state, "since_adaptation");
  adapter->random.state = int_of(state, "random.state");
  adapter->random.increment = int_of(state, "random.increment");
}

/* With a warm-up of the same length every row returns to its slot, so that the order in which
 * they will be clustered is the same too. */
static void
restore_sample(const DcState *state, DcAdapter *adapter)
{
  size_t room = adapter->config.warm_up, dim = adapter->dim;
  size_t kept = dc_state_rows(state, "sample.rows");
  const float *rows = data_of(state, "sample.rows");
  const uint64_t *times = data_of(state, "sample.times");
  adapter->sampled = kept == room ? int_of(state, "sampled") - kept : 0;
  for (size_t i = 0; i < kept; i++) {
    size_t slot = adapter->sampled++ % room;
    memcpy(adapter->sample + slot * dim, rows + i * dim, dim * sizeof *rows);
    adapter->sample_times[slot] = times[i];
  }
}

static void
restore_infos(const DcState *state, DcClusters *clusters)
{
  const char *uuids = data_of(state, "uuids"), *labels = data_of(state, "labels");
  const uint8_t *named = data_of(state, "named");
  const float *spread = data_of(state, "spread"), *shift = data_of(state, "shift");
  for (size_t k = 0; k < clusters->count; k++) {
    DcClusterInfo *info = &clusters->infos[k];
    memcpy(info->uuid, uuids + k * DC_STATE_UUID_LENGTH, DC_STATE_UUID_LENGTH);
    memcpy(info->label, labels + k * DC_LABEL_SIZE, DC_LABEL_SIZE);
    info->named = named[k];
    info->spread = spread[k];
    info->shift = shift[k];
  }
}

/* A full ring gets every row back into its slot: sums over a stratum then run in the same order,
 * down to the last bit. A window of another size keeps the newest that it has room for. */
static void
restore_memory(const DcState *state, DcClusters *clusters, size_t dim)
{
  const int64_t *counts = data_of(state, "memory.counts"), *heads = data_of(state, "memory.heads");
  const float *rows = data_of(state, "memory.rows");
  const uint64_t *times = data_of(state, "memory.times");
  for (size_t k = 0; k < clusters->count; k++) {
    if ((size_t)counts[k] == dc_memory_capacity(clusters->memory))
      dc_memory_begin_at(clusters->memory, k, (size_t)heads[k]);
    for (int64_t i = 0; i < counts[k]; i++, rows += dim)
      dc_memory_push(clusters->memory, k, rows, *times++);
  }
}

static void
restore_mass(const DcState *state, const char *name, DcClusters *clusters)
{
  const double *mass = data_of(state, name);
  for (size_t k = 0; k < clusters->count; k++)
    clusters->infos[k].mass = mass[k];
}

static DcStatus
restore_clusters(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcStatus status = dc_adapter_allocate_clusters(adapter, dc_state_rows(state, "centroids"), error);
  if (status)
    return status;
  DcClusters *clusters = &adapter->clusters;
  copy_out(state, "centroids", clusters->centroids);
  copy_out(state, "reference", clusters->reference);
  copy_out(state, "evidence", clusters->evidence);
  copy_out(state, "shares", clusters->shares);
  if (state->version == DC_STATE_VERSION)
    copy_out(state, "survival", clusters->survival);
  copy_out(state, "temperature", &adapter->clusters.temperature);
  restore_infos(state, clusters);
  restore_memory(state, clusters, adapter->dim);
  if (state->version < DC_STATE_VERSION)
    dc_clusters_measure(clusters);
  status = dc_state_restore_identity(state, adapter, error);
  if (status)
    return status;
  dc_state_restore_open_world(state, adapter);
  /* Masses grow between two snapshots; the newest one comes back as it was. */
  restore_mass(state, "published_mass", clusters);
  status = dc_state_restore_method(state, adapter, error);
  if (!status)
    status = dc_adapter_publish(adapter, error);
  restore_mass(state, "mass", clusters);
  return status;
}

static DcStatus
restore_into(const DcState *state, DcAdapter *fresh, uint64_t newest_version, DcError *error)
{
  restore_counters(state, fresh);
  if (!dc_state_find(state, "centroids")) {
    restore_sample(state, fresh);
    fresh->version = newest_version;
    return dc_state_restore_method(state, fresh, error);
  }
  /* Publishing makes it the next one: that of the state, unless readers know a newer one already.
   */
  uint64_t version = int_of(state, "version");
  fresh->version = version > newest_version ? version - 1 : newest_version;
  return restore_clusters(state, fresh, error);
}

DcStatus
dc_state_restore(const DcState *state, DcAdapter *adapter, DcError *error)
{
  bool clustered = dc_state_find(state, "centroids") != NULL;
  size_t dim = dc_state_cols(state, clustered ? "centroids" : "sample.rows");
  if (strcmp(state->encoder, adapter->encoder) != 0 || dim != adapter->dim)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "the state was made with the encoder \"%s\" (%zu numbers), but the stream "
                        "is from \"%s\" (%zu numbers); use that encoder or another state file",
                        state->encoder, dim, adapter->encoder, adapter->dim);
  DcAdapter *fresh;
  DcStatus status = dc_adapter_new(&adapter->config, adapter->dim, adapter->encoder, &fresh, error);
  if (status)
    return status;
  status = restore_into(state, fresh, adapter->version, error);
  if (!status) {
    DcAdapter old = *adapter;
    *adapter = *fresh;
    *fresh = old;
  }
  dc_adapter_free(fresh);
  return status;
}

/* --- without a stream --- */

const char *
dc_state_encoder(const DcState *state)
{
  return state->encoder;
}

size_t
dc_state_dim(const DcState *state)
{
  return dc_state_cols(state, dc_state_find(state, "centroids") ? "centroids" : "sample.rows");
}

/* The most that one cluster remembers. */
static size_t
largest_stratum(const DcState *state)
{
  size_t largest = 1;
  for (size_t k = 0; k < dc_state_rows(state, "memory.counts"); k++) {
    int64_t count = ((const int64_t *)data_of(state, "memory.counts"))[k];
    largest = (size_t)count > largest ? (size_t)count : largest;
  }
  return largest;
}

/* Groups that the clusters of a state are in. */
static size_t
count_groups(const DcState *state)
{
  size_t clusters = dc_state_rows(state, "group_uuids"), count = 0;
  for (size_t k = 0; k < clusters; k++) {
    const char *uuids = data_of(state, "group_uuids");
    size_t before = 0;
    while (before < k && memcmp(uuids + before * DC_STATE_UUID_LENGTH,
                                uuids + k * DC_STATE_UUID_LENGTH, DC_STATE_UUID_LENGTH) != 0)
      before++;
    count += before == k;
  }
  return count;
}

DcStatus
dc_state_open(const DcState *state, size_t times, DcAdapter **adapter, DcError *error)
{
  size_t clusters = dc_state_rows(state, "centroids"), sample = dc_state_rows(state, "sample.rows");
  DcAdapterConfig config = dc_adapter_config();
  config.method = DC_METHOD_NONE;
  const size_t room = times * (clusters ? clusters : 1);
  config.max_clusters = room < DC_MAX_CLUSTERS ? (uint32_t)room : DC_MAX_CLUSTERS;
  config.window = config.max_clusters * times * largest_stratum(state);
  config.warm_up = sample ? sample : 1;
  config.coarse_groups = (uint32_t)count_groups(state);
  DcStatus status = dc_adapter_new(&config, dc_state_dim(state), state->encoder, adapter, error);
  if (status)
    return status;
  status = dc_state_restore(state, *adapter, error);
  if (status) {
    dc_adapter_free(*adapter);
    *adapter = NULL;
  }
  return status;
}
