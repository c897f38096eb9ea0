/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_OPEN_STREAMS_H
#define DC_TESTS_OPEN_STREAMS_H

#include "saved.h"

#include "base/random.h"
#include "stream/adapter_private.h"
#include "stream/identity.h"

/* Streams of round groups in eight dimensions, of deviation 1 and at least 8 apart, that an adapter
 * with a number of clusters of its own follows. */
enum { DIM = 8, GROUPS = 3 };

static const DcMethod methods[] = {DC_METHOD_TRANSPORT, DC_METHOD_ATTENTION, DC_METHOD_K_MEANS,
                                   DC_METHOD_NONE,      DC_METHOD_MIXTURE,   DC_METHOD_SECU};
enum { METHODS = sizeof methods / sizeof *methods };

typedef struct {
  DcAdapter *adapter;
  DcRandom random;
  bool rays;                              /* groups lie in directions of their own */
  uint64_t at;                            /* embeddings so far */
  size_t most;                            /* clusters that there were at once */
  char uuid[GROUPS][DC_UUID_SIZE];        /* of the clusters at the end of the warm-up */
  size_t births, splits, merges, retired; /* as dc_adapter_changes() told them */
} Stream;

static inline DcAdapterConfig
open_config(DcMethod method, uint64_t seed)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = method;
  config.max_clusters = 12;
  config.window = 1024;
  config.interval = 32;
  config.warm_up = 256;
  config.seed = seed;
  return config;
}

static inline void
must(DcStatus status, const DcError *error)
{
  if (status != DC_OK)
    fail_msg("%s", error->message);
}

static inline void
count_changes(Stream *stream)
{
  size_t count;
  const DcClusterChange *changes = dc_adapter_changes(stream->adapter, &count);
  for (size_t i = 0; i < count; i++) {
    stream->births += changes[i].kind == DC_CLUSTER_BORN;
    stream->splits += changes[i].kind == DC_CLUSTER_SPLIT;
    stream->merges += changes[i].kind == DC_CLUSTERS_MERGED;
    stream->retired += changes[i].kind == DC_CLUSTER_RETIRED;
    assert_int_equal(strlen(changes[i].cluster.uuid), DC_UUID_SIZE - 1);
    bool pair = changes[i].kind == DC_CLUSTERS_MERGED || changes[i].kind == DC_CLUSTER_SPLIT;
    assert_int_equal(strlen(changes[i].other.uuid), pair ? DC_UUID_SIZE - 1 : 0);
  }
}

static inline void
push(Stream *stream, const float *row)
{
  DcMatrix matrix = dc_matrix((float *)row, 1, DIM);
  DcPushResult result;
  DcError error;
  assert_int_equal(dc_adapter_push(stream->adapter, &matrix, stream->at++ * 1000, &result), DC_OK);
  if (!dc_adapter_is_due(stream->adapter))
    return;
  must(dc_adapter_adapt(stream->adapter, true, &error), &error);
  count_changes(stream);
  size_t clusters = dc_adapter_stats(stream->adapter).clusters;
  stream->most = clusters > stream->most ? clusters : stream->most;
}

/* Coordinate `j` of the middle of a group: group 0 lies at the origin, group g 8 away from it along
 * axis g - 1; where directions tell them apart, group g lies 8 from the origin along axis g. */
static inline float
middle(const Stream *stream, size_t group, size_t j)
{
  return j + (stream->rays ? 0 : 1) == group ? 8.0f : 0.0f;
}

/* An embedding of `group`, moved by `drift` along the last axis. */
static inline void
draw(Stream *stream, size_t group, float drift, float *row)
{
  for (size_t j = 0; j < DIM; j++)
    row[j] = (float)dc_random_normal(&stream->random) + middle(stream, group, j) +
             (j == DIM - 1 ? drift : 0.0f);
}

/* So many of the first `groups` groups, in random order. */
static inline void
run(Stream *stream, size_t groups, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    draw(stream, dc_random_below(&stream->random, (uint32_t)groups), 0, row);
    push(stream, row);
  }
}

static inline void
open_stream(Stream *stream, const DcAdapterConfig *config)
{
  DcError error;
  *stream = (Stream){.rays = config->method == DC_METHOD_SECU};
  dc_random_seed(&stream->random, config->seed, 17);
  must(dc_adapter_new(config, DIM, "test", &stream->adapter, &error), &error);
}

static inline const DcClusterInfo *
info(const Stream *stream, size_t k)
{
  return &stream->adapter->clusters.infos[k];
}

/* A stream of three groups that has found them. */
static inline void
begin(Stream *stream, const DcAdapterConfig *config)
{
  open_stream(stream, config);
  run(stream, GROUPS, 1500);
  if (dc_adapter_stats(stream->adapter).clusters != GROUPS)
    fail_msg("seed %llu begins with %zu clusters", (unsigned long long)config->seed,
             dc_adapter_stats(stream->adapter).clusters);
  for (size_t k = 0; k < GROUPS; k++)
    memcpy(stream->uuid[k], info(stream, k)->uuid, DC_UUID_SIZE);
  stream->births = stream->splits = stream->merges = stream->retired = 0;
}

static inline void
end(Stream *stream)
{
  dc_adapter_free(stream->adapter);
}

static inline size_t
changes_of(const Stream *stream)
{
  return stream->births + stream->splits + stream->merges + stream->retired;
}

static inline bool
has_uuid(const Stream *stream, const char *uuid)
{
  for (size_t k = 0; k < stream->adapter->clusters.count; k++)
    if (strcmp(info(stream, k)->uuid, uuid) == 0)
      return true;
  return false;
}

static inline void
assert_first_are_there(const Stream *stream)
{
  for (size_t k = 0; k < GROUPS; k++)
    assert_true(has_uuid(stream, stream->uuid[k]));
}

static inline size_t
cluster_at(const Stream *stream, size_t group)
{
  DcAssigner *assigner = dc_assigner_new();
  float row[DIM];
  for (size_t j = 0; j < DIM; j++)
    row[j] = middle(stream, group, j);
  DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcAssignment assignment;
  assert_int_equal(dc_snapshot_assign(stream->adapter->snapshot, assigner, &matrix, 0, &assignment),
                   DC_OK);
  dc_assigner_free(assigner);
  return assignment.cluster;
}

/* So many of groups 0, 1 and another one, in random order. */
static inline void
run_with(Stream *stream, size_t other, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    size_t group = dc_random_below(&stream->random, 3);
    draw(stream, group == 2 ? other : group, 0, row);
    push(stream, row);
  }
}

static inline DcAdapter *
reopen(const DcAdapterConfig *config, const char *path)
{
  DcError error;
  DcState *state;
  DcAdapter *adapter;
  must(dc_state_read(path, &state, &error), &error);
  must(dc_adapter_new(config, DIM, "test", &adapter, &error), &error);
  must(dc_state_restore(state, adapter, &error), &error);
  dc_state_free(state);
  return adapter;
}

#endif
