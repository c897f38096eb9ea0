/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The open world when memory is short: each allocation of a revision fails once, and the stream
 * goes on as if there had been no try. */
#include "open_streams.h"

#include "allocations.h"

/* Whether what readers see are the clusters that are there. */
static bool
is_up_to_date(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  if (dc_snapshot_clusters(adapter->snapshot) != clusters->count)
    return false;
  for (size_t k = 0; k < clusters->count; k++)
    if (strcmp(dc_snapshot_cluster(adapter->snapshot, k)->uuid, clusters->infos[k].uuid) != 0)
      return false;
  return true;
}

static void
assert_sane(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  assert_in_range(clusters->count, 1, adapter->config.max_clusters);
  assert_in_range(adapter->open_world.unknowns.count, 0, DC_OPEN_WORLD_UNKNOWNS);
  assert_in_range(adapter->open_world.retired_count, 0, DC_OPEN_WORLD_RETIRED);
  for (size_t i = 0; i < clusters->count * DIM; i++)
    assert_true(isfinite(clusters->centroids[i]));
  for (size_t k = 0; k < clusters->count; k++) {
    assert_int_equal(strlen(clusters->infos[k].uuid), DC_UUID_SIZE - 1);
    for (size_t other = 0; other < k; other++)
      assert_string_not_equal(clusters->infos[k].uuid, clusters->infos[other].uuid);
  }
}

/* Adapts until no allocation fails any more: first the first one fails, then the second, ...
 * Between two tries an embedding comes. Returns how many tries failed. */
static size_t
adapt_at_last(Stream *stream)
{
  DcAdapter *adapter = stream->adapter;
  size_t failed = 0;
  for (bool again = true; again;) {
    DcError error;
    fail_at = allocations + failed;
    DcStatus status = dc_adapter_adapt(adapter, true, &error);
    fail_at = SIZE_MAX;
    again = status != DC_OK;
    failed += again;
    assert_true(!again || status == DC_ERROR_MEMORY);
    assert_true(!again || strlen(error.message) > 0);
    assert_sane(adapter);
    float row[DIM];
    draw(stream, 0, 0, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(adapter, &matrix, stream->at++ * 1000, &result), DC_OK);
    assert_true(is_up_to_date(adapter));
  }
  return failed;
}

/* So many embeddings of groups 0, 1 and the one of number `other` in random order, with every other
 * revision short of memory: a look at a cluster that fails is not made up for before there are new
 * members. Returns how many tries failed. */
static size_t
run_short(Stream *stream, size_t other, size_t count)
{
  size_t failed = 0, revisions = 0;
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    size_t group = dc_random_below(&stream->random, GROUPS);
    draw(stream, group == 2 ? other : group, 0, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(stream->adapter, &matrix, stream->at++ * 1000, &result),
                     DC_OK);
    if (!dc_adapter_is_due(stream->adapter))
      continue;
    DcError error;
    if (revisions++ % 2)
      must(dc_adapter_adapt(stream->adapter, true, &error), &error);
    else
      failed += adapt_at_last(stream);
  }
  return failed;
}

/* A birth, with the looks before it and after it. */
static void
a_birth_survives_any_failed_allocation(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 0);
    begin(&stream, &config);
    size_t failed = run_short(&stream, GROUPS, 700);
    assert_true(failed > 20);
    DcAdapterStats stats = dc_adapter_stats(stream.adapter);
    assert_int_equal(stats.births + stats.splits, 1);
    assert_int_equal(stats.clusters, GROUPS + 1);
    assert_first_are_there(&stream);
    for (size_t k = 0; k < 2; k++)
      assert_int_not_equal(cluster_at(&stream, GROUPS), cluster_at(&stream, k));
    end(&stream);
  }
}

/* A cluster makes room for another one in one revision: there are as many as before, and others. */
static void
an_exchange_survives_any_failed_allocation(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 9);
    config.max_clusters = GROUPS;
    begin(&stream, &config);
    DcClusterInfo away = *info(&stream, cluster_at(&stream, 2));
    run(&stream, 2, 1200);
    run_short(&stream, GROUPS, 1000);
    DcAdapterStats stats = dc_adapter_stats(stream.adapter);
    assert_int_equal(stats.retirements, 1);
    assert_int_equal(stats.births, 1);
    assert_false(has_uuid(&stream, away.uuid));
    assert_int_not_equal(cluster_at(&stream, 0), cluster_at(&stream, 1));
    end(&stream);
  }
}

static void
a_merge_survives_any_failed_allocation(void **state)
{
  (void)state;
  static const DcMethod some[] = {DC_METHOD_TRANSPORT, DC_METHOD_ATTENTION, DC_METHOD_SECU};
  for (size_t m = 0; m < sizeof some / sizeof *some; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(some[m], 8);
    DcError error;
    begin(&stream, &config);
    must(dc_adapter_split(stream.adapter, cluster_at(&stream, 1), &error), &error);
    run_short(&stream, 2, 6000);
    DcAdapterStats stats = dc_adapter_stats(stream.adapter);
    assert_int_equal(stats.merges, 1);
    assert_int_equal(stats.births + stats.splits, 0);
    assert_int_equal(stats.clusters, GROUPS);
    assert_first_are_there(&stream);
    end(&stream);
  }
}

/* The warm-up ends when there is memory, with the clusters that it would have had, more or less. */
static void
a_warm_up_survives_any_failed_allocation(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 0);
    DcError error;
    size_t failed = 0;
    open_stream(&stream, &config);
    for (size_t i = 0; i < config.warm_up; i++) {
      float row[DIM];
      DcPushResult result;
      draw(&stream, i % GROUPS, 0, row);
      DcMatrix matrix = dc_matrix(row, 1, DIM);
      assert_int_equal(dc_adapter_push(stream.adapter, &matrix, stream.at++ * 1000, &result),
                       DC_OK);
    }
    for (bool again = true; again; failed += again) {
      assert_true(dc_adapter_is_due(stream.adapter));
      assert_null(stream.adapter->snapshot);
      fail_at = allocations + failed;
      DcStatus status = dc_adapter_adapt(stream.adapter, true, &error);
      fail_at = SIZE_MAX;
      assert_true(status == DC_OK || status == DC_ERROR_MEMORY);
      again = stream.adapter->clusters.count == 0; /* else the last snapshot alone is missing */
    }
    assert_true(failed > 20);
    assert_true(dc_open_world_is_active(stream.adapter));
    run(&stream, GROUPS, 1200);
    assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS);
    assert_int_equal(changes_of(&stream), 0);
    end(&stream);
  }
}

static void
an_adapter_without_memory_is_none(void **state)
{
  (void)state;
  DcAdapterConfig config = open_config(DC_METHOD_TRANSPORT, 1);
  DcAdapter *adapter = NULL;
  size_t failed = 0;
  for (bool again = true; again;) {
    DcError error;
    fail_at = allocations + failed;
    DcStatus status = dc_adapter_new(&config, DIM, "test", &adapter, &error);
    fail_at = SIZE_MAX;
    again = status != DC_OK;
    failed += again;
    assert_true(!again || (status == DC_ERROR_MEMORY && !adapter));
  }
  assert_true(failed > 8);
  dc_adapter_free(adapter);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_warm_up_survives_any_failed_allocation),
      cmocka_unit_test(a_birth_survives_any_failed_allocation),
      cmocka_unit_test(an_exchange_survives_any_failed_allocation),
      cmocka_unit_test(a_merge_survives_any_failed_allocation),
      cmocka_unit_test(an_adapter_without_memory_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
