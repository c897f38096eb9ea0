/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/identity.h"

#include "allocations.h"
#include "base/random.h"
#include "stream/adapter_private.h"
#include "test.h"

#include <string.h>

/* Four groups in five dimensions, in two pairs that lie farther apart. */
enum { DIM = 5, GROUPS = 4 };

static const char *const method_names[] = {"transport", "attention", "k-means",
                                           "none",      "mixture",   "secu"};

static DcAdapterConfig
small_config(DcMethod method)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = method;
  config.clusters = GROUPS;
  config.window = 800;
  config.interval = 32;
  config.warm_up = 200;
  config.seed = 5;
  return config;
}

/* Embedding `index` of `group`, moved by `drift` along the last axis. */
static void
draw(size_t index, size_t group, float drift, float *row)
{
  DcRandom random;
  dc_random_seed(&random, index, 3);
  for (size_t j = 0; j < DIM; j++)
    row[j] = (j == group ? 4.0f : 0.5f) + 0.4f * (float)dc_random_normal(&random) +
             (j == DIM - 1 ? drift + (group < 2 ? 0 : 6) : 0);
}

static void
run(DcAdapter *adapter, size_t first, size_t end, float drift)
{
  for (size_t i = first; i < end; i++) {
    float row[DIM];
    draw(i, i % GROUPS, drift, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    DcError error;
    assert_int_equal(dc_adapter_push(adapter, &matrix, i * 1000, &result), DC_OK);
    if (dc_adapter_is_due(adapter) && dc_adapter_adapt(adapter, true, &error) != DC_OK)
      fail_msg("%s", error.message);
  }
}

static DcAdapter *
make(DcMethod method)
{
  DcAdapterConfig config = small_config(method);
  DcAdapter *adapter;
  assert_int_equal(dc_adapter_new(&config, DIM, "test", &adapter, NULL), DC_OK);
  run(adapter, 0, 600, 0);
  assert_int_equal(dc_adapter_stats(adapter).clusters, GROUPS);
  return adapter;
}

/* The cluster that most of 40 fresh members of `group` are given to; all but `strays` must be. */
static uint32_t
cluster_of(DcAdapter *adapter, size_t group, float drift)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssigner *assigner = dc_assigner_new();
  size_t votes[16] = {0}, best = 0;
  for (size_t i = 0; i < 40; i++) {
    float row[DIM];
    draw(900000 + i, group, drift, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcAssignment assignment;
    assert_int_equal(dc_snapshot_assign(snapshot, assigner, &matrix, 0, &assignment), DC_OK);
    votes[assignment.cluster]++;
  }
  for (size_t k = 0; k < 16; k++)
    best = votes[k] > votes[best] ? k : best;
  if (votes[best] < 39)
    fail_msg("group %zu is given to cluster %zu only %zu times in 40", group, best, votes[best]);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
  return (uint32_t)best;
}

static const DcClusterInfo *
info(const DcAdapter *adapter, size_t k)
{
  return dc_snapshot_cluster(adapter->snapshot, k);
}

static void
must(DcStatus status, const DcError *error, DcMethod method)
{
  if (status != DC_OK)
    fail_msg("%s: %s", method_names[method], error->message);
}

/* --- merging --- */

static void
merged_clusters_are_one_by_every_method(void **state)
{
  (void)state;
  for (DcMethod method = 0; method < DC_METHOD_COUNT; method++) {
    DcAdapter *adapter = make(method);
    DcError error = {0};
    bool transported = dc_adapter_stats(adapter).transported;
    uint32_t a = cluster_of(adapter, 0, 0), b = cluster_of(adapter, 1, 0);
    uint32_t c = cluster_of(adapter, 2, 0);
    DcClusterInfo first = *info(adapter, a), third = *info(adapter, c);
    double mass = adapter->clusters.infos[a].mass + adapter->clusters.infos[b].mass;
    size_t remembered = dc_adapter_stats(adapter).remembered;
    must(dc_adapter_merge(adapter, a, b, &error), &error, method);
    assert_int_equal(dc_adapter_stats(adapter).clusters, GROUPS - 1);
    assert_int_equal(dc_adapter_stats(adapter).transported, transported);
    uint32_t joined = cluster_of(adapter, 0, 0);
    assert_int_equal(cluster_of(adapter, 1, 0), joined);
    assert_int_not_equal(cluster_of(adapter, 2, 0), joined);
    assert_int_not_equal(cluster_of(adapter, 3, 0), joined);
    assert_int_not_equal(cluster_of(adapter, 2, 0), cluster_of(adapter, 3, 0));
    assert_string_equal(info(adapter, joined)->uuid, first.uuid);
    assert_string_equal(info(adapter, joined)->label, first.label);
    assert_string_equal(info(adapter, cluster_of(adapter, 2, 0))->uuid, third.uuid);
    assert_near(info(adapter, joined)->mass, mass, 1e-9);
    /* Their stratum has room for 800 / 3 of the 300 members that both had. */
    assert_int_equal(dc_adapter_stats(adapter).remembered, remembered - 300 + 800 / 3);
    run(adapter, 600, 1400, 0); /* and so it goes on */
    assert_int_equal(cluster_of(adapter, 0, 0), joined);
    assert_int_equal(cluster_of(adapter, 1, 0), joined);
    dc_adapter_free(adapter);
  }
}

static void
transport_keeps_merged_clusters_under_drift(void **state)
{
  (void)state;
  DcAdapter *adapter = make(DC_METHOD_TRANSPORT);
  uint32_t a = cluster_of(adapter, 0, 0), b = cluster_of(adapter, 2, 0);
  assert_true(dc_adapter_stats(adapter).transported);
  assert_int_equal(dc_adapter_merge(adapter, a, b, NULL), DC_OK);
  for (size_t step = 0; step < 30; step++)
    run(adapter, 600 + 100 * step, 700 + 100 * step, 0.1f * (float)step);
  uint32_t joined = cluster_of(adapter, 0, 3);
  assert_int_equal(cluster_of(adapter, 2, 3), joined);
  assert_int_not_equal(cluster_of(adapter, 1, 3), joined);
  assert_int_not_equal(cluster_of(adapter, 3, 3), joined);
  dc_adapter_free(adapter);
}

static void
a_given_name_outlives_one_that_nobody_gave(void **state)
{
  (void)state;
  DcAdapter *adapter = make(DC_METHOD_ATTENTION);
  assert_int_equal(dc_adapter_rename(adapter, 3, "cows", NULL), DC_OK);
  DcClusterInfo first = *info(adapter, 1);
  assert_int_equal(dc_adapter_merge(adapter, 1, 3, NULL), DC_OK);
  assert_string_equal(info(adapter, 1)->uuid, first.uuid);
  assert_string_equal(info(adapter, 1)->label, "cows");
  assert_true(info(adapter, 1)->named);
  assert_int_equal(dc_adapter_rename(adapter, 0, "goats", NULL), DC_OK);
  assert_int_equal(dc_adapter_merge(adapter, 1, 0, NULL), DC_OK); /* moves up */
  assert_string_equal(info(adapter, 0)->label, "cows");
  assert_int_equal(dc_adapter_merge(adapter, 0, 1, NULL), DC_OK);
  assert_int_equal(dc_adapter_stats(adapter).clusters, 1);
  dc_adapter_free(adapter);
}

/* --- splitting --- */

static void
a_split_cluster_is_two_by_every_method(void **state)
{
  (void)state;
  for (DcMethod method = 0; method < DC_METHOD_COUNT; method++) {
    DcAdapter *adapter = make(method);
    DcError error = {0};
    uint32_t a = cluster_of(adapter, 0, 0), b = cluster_of(adapter, 2, 0);
    must(dc_adapter_merge(adapter, a, b, &error), &error, method);
    run(adapter, 600, 1000, 0);
    uint32_t joined = cluster_of(adapter, 0, 0);
    DcClusterInfo before = adapter->clusters.infos[joined];
    must(dc_adapter_split(adapter, joined, &error), &error, method);
    assert_int_equal(dc_adapter_stats(adapter).clusters, GROUPS);
    uint32_t one = cluster_of(adapter, 0, 0), two = cluster_of(adapter, 2, 0);
    assert_int_not_equal(one, two);
    assert_true(one == joined || two == joined);
    assert_true(one == GROUPS - 1 || two == GROUPS - 1);
    assert_string_equal(info(adapter, joined)->uuid, before.uuid);
    assert_string_not_equal(info(adapter, GROUPS - 1)->uuid, before.uuid);
    /* Labels 0 to 3 were given to the first clusters. */
    assert_string_equal(info(adapter, GROUPS - 1)->label, "cluster-4");
    assert_near(info(adapter, joined)->mass + info(adapter, GROUPS - 1)->mass, before.mass, 1e-6);
    run(adapter, 1000, 1600, 0);
    assert_int_equal(cluster_of(adapter, 0, 0), one);
    assert_int_equal(cluster_of(adapter, 2, 0), two);
    dc_adapter_free(adapter);
  }
}

/* --- pinning and ignoring --- */

static double
distance_from(const DcAdapter *adapter, size_t k, const float *place)
{
  DcMatrix centroids = dc_snapshot_centroids(adapter->snapshot);
  double sum = 0;
  for (size_t j = 0; j < DIM; j++)
    sum += pow((double)dc_matrix_row(&centroids, k)[j] - (double)place[j], 2);
  return sqrt(sum);
}

static void
a_pinned_cluster_stays_by_every_method(void **state)
{
  (void)state;
  for (DcMethod method = 0; method < DC_METHOD_COUNT; method++) {
    /* SeCu turns its centres by little only. */
    bool moves = method != DC_METHOD_NONE && method != DC_METHOD_SECU;
    DcAdapter *adapter = make(method);
    uint32_t k = cluster_of(adapter, 1, 0), free = cluster_of(adapter, 3, 0);
    float place[DIM], free_place[DIM];
    memcpy(place, adapter->clusters.centroids + k * DIM, sizeof place);
    memcpy(free_place, adapter->clusters.centroids + free * DIM, sizeof free_place);
    double reach = (double)(DC_PIN_REACH * info(adapter, k)->spread);
    assert_int_equal(dc_adapter_pin(adapter, k, true, NULL), DC_OK);
    assert_true(info(adapter, k)->pinned);
    for (size_t step = 0; step < 30; step++) {
      run(adapter, 600 + 100 * step, 700 + 100 * step, 0.05f * (float)step);
      /* The edge itself, to the rounding of single precision. */
      if (distance_from(adapter, k, place) > reach * (1 + 1e-5))
        fail_msg("%s: the pinned cluster is %g away, not %g", method_names[method],
                 distance_from(adapter, k, place), reach);
    }
    if (moves)
      if (!(distance_from(adapter, free, free_place) > reach))
        fail_msg("%s: a free cluster moved by %g only", method_names[method],
                 distance_from(adapter, free, free_place));
    assert_int_equal(dc_adapter_pin(adapter, k, false, NULL), DC_OK);
    for (size_t step = 0; step < 20 && moves; step++)
      run(adapter, 3600 + 100 * step, 3700 + 100 * step, 1.5f);
    if (moves && !(distance_from(adapter, k, place) > reach))
      fail_msg("%s: the released cluster does not move", method_names[method]);
    dc_adapter_free(adapter);
  }
}

static void
ignoring_marks_and_changes_nothing_else(void **state)
{
  (void)state;
  DcAdapter *one = make(DC_METHOD_TRANSPORT), *two = make(DC_METHOD_TRANSPORT);
  assert_int_equal(dc_adapter_ignore(one, 2, true, NULL), DC_OK);
  assert_true(info(one, 2)->ignored);
  run(one, 600, 1000, 0.2f);
  run(two, 600, 1000, 0.2f);
  assert_memory_equal(one->clusters.centroids, two->clusters.centroids,
                      GROUPS * DIM * sizeof(float));
  assert_true(info(one, 2)->ignored);
  assert_int_equal(dc_adapter_ignore(one, 2, false, NULL), DC_OK);
  assert_false(info(one, 2)->ignored);
  dc_adapter_free(one);
  dc_adapter_free(two);
}

/* --- groups --- */

static void
groups_stay_while_the_clusters_do(void **state)
{
  (void)state;
  DcAdapterConfig config = small_config(DC_METHOD_ATTENTION);
  config.coarse_groups = 2;
  DcAdapter *adapter;
  assert_int_equal(dc_adapter_new(&config, DIM, "test", &adapter, NULL), DC_OK);
  run(adapter, 0, 600, 0);
  char uuids[GROUPS][DC_UUID_SIZE];
  for (size_t k = 0; k < GROUPS; k++) {
    assert_int_equal(strncmp(info(adapter, k)->group_label, "group-", 6), 0);
    memcpy(uuids[k], info(adapter, k)->group_uuid, DC_UUID_SIZE);
  }
  for (size_t step = 0; step < 20; step++) { /* by ten spreads */
    run(adapter, 600 + 100 * step, 700 + 100 * step, 0.4f * (float)step);
    for (size_t k = 0; k < GROUPS; k++)
      assert_string_equal(info(adapter, k)->group_uuid, uuids[k]);
  }
  config.coarse_groups = 0;
  assert_int_equal(dc_adapter_configure(adapter, &config, NULL), DC_OK);
  run(adapter, 2600, 2700, 8);
  for (size_t k = 0; k < GROUPS; k++)
    assert_int_equal(info(adapter, k)->group_uuid[0], 0);
  dc_adapter_free(adapter);
}

static void
a_split_cluster_stays_in_its_group(void **state)
{
  (void)state;
  DcAdapterConfig config = small_config(DC_METHOD_ATTENTION);
  config.coarse_groups = GROUPS;
  DcAdapter *adapter;
  assert_int_equal(dc_adapter_new(&config, DIM, "test", &adapter, NULL), DC_OK);
  run(adapter, 0, 600, 0);
  char uuids[GROUPS][DC_UUID_SIZE];
  for (size_t k = 0; k < GROUPS; k++)
    memcpy(uuids[k], info(adapter, k)->group_uuid, DC_UUID_SIZE);
  assert_int_equal(dc_adapter_split(adapter, 2, NULL), DC_OK);
  for (size_t k = 0; k < GROUPS; k++)
    assert_string_equal(info(adapter, k)->group_uuid, uuids[k]);
  assert_string_equal(info(adapter, GROUPS)->group_uuid, uuids[2]);
  dc_adapter_free(adapter);
}

/* --- what cannot be --- */

static void
assert_refused(DcStatus status, DcStatus expected, const DcError *error, const char *word)
{
  assert_int_equal(status, expected);
  if (!strstr(error->message, word))
    fail_msg("\"%s\" does not say \"%s\"", error->message, word);
}

static void
clusters_that_are_not_there_are_refused(void **state)
{
  (void)state;
  DcAdapter *adapter = make(DC_METHOD_TRANSPORT);
  uint64_t version = adapter->version;
  DcError error;
  assert_refused(dc_adapter_merge(adapter, 4, 0, &error), DC_ERROR_ARGUMENT, &error, "cluster 4");
  assert_refused(dc_adapter_merge(adapter, 0, 9, &error), DC_ERROR_ARGUMENT, &error, "cluster 9");
  assert_refused(dc_adapter_merge(adapter, 2, 2, &error), DC_ERROR_ARGUMENT, &error, "itself");
  assert_refused(dc_adapter_split(adapter, 4, &error), DC_ERROR_ARGUMENT, &error, "cluster 4");
  assert_refused(dc_adapter_pin(adapter, 4, true, &error), DC_ERROR_ARGUMENT, &error,
                 "there are 4");
  assert_refused(dc_adapter_ignore(adapter, SIZE_MAX, true, &error), DC_ERROR_ARGUMENT, &error,
                 "there is no cluster");
  assert_int_equal(adapter->version, version);
  dc_adapter_free(adapter);
}

static void
what_cannot_be_split_is_refused(void **state)
{
  (void)state;
  DcAdapterConfig config = small_config(DC_METHOD_TRANSPORT);
  config.clusters = 2;
  config.window = config.warm_up = 3;
  DcAdapter *adapter;
  DcError error;
  assert_int_equal(dc_adapter_new(&config, DIM, "test", &adapter, NULL), DC_OK);
  float rows[3][DIM] = {{0}, {0}, {9, 9, 9, 9, 9}};
  DcMatrix matrix = dc_matrix(rows[0], 3, DIM);
  DcPushResult result;
  assert_int_equal(dc_adapter_push(adapter, &matrix, 0, &result), DC_OK);
  assert_int_equal(dc_adapter_adapt(adapter, true, NULL), DC_OK);
  for (size_t k = 0; k < 2; k++)
    assert_refused(dc_adapter_split(adapter, k, &error), DC_ERROR_NOT_READY, &error,
                   "no two differ");
  dc_adapter_free(adapter);

  adapter = make(DC_METHOD_ATTENTION);
  adapter->config.window = GROUPS; /* no room for a fifth */
  assert_refused(dc_adapter_split(adapter, 0, &error), DC_ERROR_ARGUMENT, &error, "no room");
  assert_int_equal(dc_adapter_stats(adapter).clusters, GROUPS);
  dc_adapter_free(adapter);
}

/* Whatever fails, the adapter goes on, and no cluster loses its identity. */
static void
commands_survive_every_failed_allocation(void **state)
{
  (void)state;
  for (DcMethod method = 0; method < DC_METHOD_COUNT; method++)
    for (size_t failing = 0; failing < 60; failing++) {
      DcAdapter *adapter = make(method);
      DcClusterInfo first = *info(adapter, 0);
      allocations = 0;
      fail_at = failing;
      DcStatus merged = dc_adapter_merge(adapter, 0, 3, NULL);
      fail_at = SIZE_MAX;
      assert_true(merged == DC_OK || merged == DC_ERROR_MEMORY);
      assert_string_equal(adapter->clusters.infos[0].uuid, first.uuid);
      allocations = 0;
      fail_at = failing;
      DcStatus split = dc_adapter_split(adapter, 0, NULL);
      fail_at = SIZE_MAX;
      assert_true(split == DC_OK || split == DC_ERROR_MEMORY);
      assert_string_equal(adapter->clusters.infos[0].uuid, first.uuid);
      run(adapter, 600, 700, 0);
      dc_adapter_free(adapter);
    }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(merged_clusters_are_one_by_every_method),
      cmocka_unit_test(transport_keeps_merged_clusters_under_drift),
      cmocka_unit_test(a_given_name_outlives_one_that_nobody_gave),
      cmocka_unit_test(a_split_cluster_is_two_by_every_method),
      cmocka_unit_test(a_pinned_cluster_stays_by_every_method),
      cmocka_unit_test(ignoring_marks_and_changes_nothing_else),
      cmocka_unit_test(groups_stay_while_the_clusters_do),
      cmocka_unit_test(a_split_cluster_stays_in_its_group),
      cmocka_unit_test(clusters_that_are_not_there_are_refused),
      cmocka_unit_test(what_cannot_be_split_is_refused),
      cmocka_unit_test(commands_survive_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
