/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_METHODS_H
#define DC_TESTS_METHODS_H

#include "base/random.h"
#include "cluster/tdcm.h"
#include "stream/adapter_private.h"
#include "test.h"

/* Streams of four groups for every method of adapting, attention also with a trained module of each
 * score. */

#include "stream/adapter_private.h"

enum { DIM = 6, GROUPS = 4, MODULES = DC_TDCM_SCORES };

/* A method, perhaps with a module. */
typedef struct {
  DcMethod method;
  DcTdcmModule *module;
} Way;

enum { WAYS = DC_METHOD_COUNT + MODULES };

static inline DcTdcmModule *
make_module(DcTdcmScore score)
{
  DcTdcmModule *module = dc_tdcm_new(DIM, score);
  assert_non_null(module);
  for (size_t i = 0; i < DIM; i++) {
    module->root[i * DIM + i] = 1 + 0.3 * (double)i;
    for (size_t j = 0; j < i; j++)
      module->root[i * DIM + j] = 0.1 * (double)(i + 2 * j);
    if (module->shift)
      module->shift[i] = 0.1 * (double)i;
  }
  module->shares = score == DC_TDCM_BILINEAR;
  return module;
}

static inline Way
way(int number)
{
  if (number < DC_METHOD_COUNT)
    return (Way){.method = (DcMethod)number};
  return (Way){DC_METHOD_ATTENTION, make_module((DcTdcmScore)(number - DC_METHOD_COUNT))};
}

static inline DcAdapterConfig
config_of(const Way *how)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = how->method;
  config.module = how->module;
  config.clusters = GROUPS;
  config.window = 256;
  config.interval = 32;
  config.warm_up = 64;
  config.seed = 5;
  return config;
}

static inline DcAdapter *
make(const DcAdapterConfig *config)
{
  DcAdapter *adapter;
  DcError error = {0};
  if (dc_adapter_new(config, DIM, "methods", &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

/* Group `group`, moved by `offset` along every axis. */
static inline void
draw(DcRandom *random, size_t group, double offset, float *row)
{
  for (size_t j = 0; j < DIM; j++)
    row[j] = (float)(offset + (j == group ? 3 : 0.2) +
                     (0.2 + 0.05 * (double)j) * dc_random_normal(random));
}

static inline void
push(DcAdapter *adapter, const float *row, uint64_t time)
{
  DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcPushResult result;
  DcError error = {0};
  assert_int_equal(dc_adapter_push(adapter, &matrix, time, &result), DC_OK);
  if (dc_adapter_is_due(adapter) && dc_adapter_adapt(adapter, true, &error))
    fail_msg("%s", error.message);
}

/* Embeddings `first` to `end` of a stream in which the groups take turns and drift. */
static inline void
run(DcAdapter *adapter, size_t first, size_t end)
{
  for (size_t i = first; i < end; i++) {
    DcRandom random;
    float row[DIM];
    dc_random_seed(&random, i, 3);
    draw(&random, i % GROUPS, 0.001 * (double)i, row);
    push(adapter, row, i * 1000000);
  }
}

static inline DcAssignment
assign(DcAdapter *adapter, const float *row)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssigner *assigner = dc_assigner_new();
  DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcAssignment found;
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &matrix, 0.01, &found), DC_OK);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
  return found;
}

/* Numbers are numbers, within `bound`, and memory holds what it may. */
static inline void
assert_sane(DcAdapter *adapter, size_t clusters, double bound)
{
  DcAdapterStats stats = dc_adapter_stats(adapter);
  assert_int_equal(stats.clusters, clusters);
  assert_in_range(stats.remembered, 0, adapter->config.window);
  assert_true(isfinite(stats.mean_shift) && isfinite(stats.occupancy_entropy) &&
              isfinite(stats.displacement) && isfinite(stats.calm));
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  for (size_t i = 0; i < clusters * DIM; i++)
    assert_true(fabsf(centroids.data[i]) <= bound);
  dc_snapshot_unref(snapshot);
  const float row[DIM] = {1, 1, 1, 1, 1, 1};
  DcAssignment found = assign(adapter, row);
  assert_true(found.cluster < clusters && found.second < clusters);
  assert_true(found.confidence >= 0 && found.confidence <= 1.0001f && isfinite(found.distance));
}

#endif
