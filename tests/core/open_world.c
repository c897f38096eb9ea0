/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The open world: which clusters there are is revised while a stream goes on. */
#include "open_streams.h"

/* ---- births ---- */

/* The new group is a third of the stream: 600 embeddings bring 200 of it. */
static void
a_new_group_is_born_once_by_every_method(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++)
    for (uint64_t seed = 0; seed < 2; seed++) {
      Stream stream;
      DcAdapterConfig config = open_config(methods[m], seed);
      begin(&stream, &config);
      run(&stream, GROUPS + 1, 600);
      assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS + 1);
      run(&stream, GROUPS + 1, 2000);
      assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS + 1);
      assert_int_equal(stream.births + stream.splits, 1);
      assert_int_equal(changes_of(&stream), 1);
      assert_first_are_there(&stream);
      assert_string_equal(info(&stream, GROUPS)->label, "cluster-3");
      for (size_t k = 0; k < GROUPS; k++) /* it has a cluster of its own */
        assert_int_not_equal(cluster_at(&stream, GROUPS), cluster_at(&stream, k));
      end(&stream);
    }
}

/* Alone in the stream it may be the old groups with another look: it waits until these are seen
 * again, and is born then; meanwhile it overwrites no memory, and no map learns from it. */
static void
a_burst_of_a_new_group_leaves_the_others_alone(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 3);
    begin(&stream, &config);
    for (size_t i = 0; i < 150; i++) {
      float row[DIM];
      draw(&stream, GROUPS, 0, row);
      push(&stream, row);
    }
    assert_int_equal(stream.births, 0);
    run(&stream, GROUPS, 400);
    assert_int_equal(stream.births, 1);
    assert_int_equal(changes_of(&stream), 1);
    assert_first_are_there(&stream);
    for (size_t k = 1; k < GROUPS; k++)
      assert_int_not_equal(cluster_at(&stream, 0), cluster_at(&stream, k));
    end(&stream);
  }
}

/* A longer one may be learnt from as another look, but no identity is lost by it, and the group is
 * born once it is seen beside the others. */
static void
a_long_burst_of_a_new_group_is_made_up_for(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 3);
    begin(&stream, &config);
    for (size_t i = 0; i < 500; i++) {
      float row[DIM];
      draw(&stream, GROUPS, 0, row);
      push(&stream, row);
    }
    run(&stream, GROUPS + 1, 3000);
    assert_int_equal(stream.births + stream.splits, 1);
    assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS + 1);
    assert_first_are_there(&stream);
    for (size_t k = 0; k < GROUPS; k++)
      assert_int_not_equal(cluster_at(&stream, GROUPS), cluster_at(&stream, k));
    end(&stream);
  }
}

static void
outliers_everywhere_give_no_birth(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 4);
    size_t most = 0;
    begin(&stream, &config);
    for (size_t i = 0; i < 4000; i++) {
      float row[DIM];
      draw(&stream, dc_random_below(&stream.random, GROUPS), 0, row);
      for (size_t j = 0; j < DIM && i % 4 == 0; j++) /* one in four */
        row[j] = 40 * (float)dc_random_uniform(&stream.random) - 20;
      push(&stream, row);
      size_t unknowns = dc_adapter_stats(stream.adapter).unknowns;
      most = unknowns > most ? unknowns : most;
    }
    assert_int_equal(changes_of(&stream), 0);
    assert_in_range(most, 32, DC_OPEN_WORLD_UNKNOWNS); /* they were seen as such */
    end(&stream);
  }
}

/* Ten streams of 4 000 embeddings of which nothing is new: 40 000 without a false birth, split or
 * merge. */
static void
nothing_is_born_where_nothing_is_new(void **state)
{
  (void)state;
  for (uint64_t seed = 10; seed < 20; seed++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[seed % METHODS], seed);
    begin(&stream, &config);
    run(&stream, GROUPS, 2500);
    assert_int_equal(changes_of(&stream), 0);
    end(&stream);
  }
}

/* All of it moves, by a fifth of a deviation in a window; in the end by more than one. */
static void
slow_drift_gives_no_birth(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    if (methods[m] == DC_METHOD_NONE)
      continue; /* its centroids stay behind */
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 6);
    begin(&stream, &config);
    for (size_t i = 0; i < 6000; i++) {
      float row[DIM];
      draw(&stream, dc_random_below(&stream.random, GROUPS), 2e-4f * (float)i, row);
      push(&stream, row);
    }
    assert_int_equal(changes_of(&stream), 0);
    assert_first_are_there(&stream);
    end(&stream);
  }
}

/* ---- the most there may be ---- */

static void
there_are_never_more_than_the_most(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 6);
  config.max_clusters = 4;
  begin(&stream, &config);
  run(&stream, 5, 5000); /* all of them stay in sight: none may make room */
  assert_int_equal(stream.most, 4);
  assert_int_equal(stream.retired, 0);
  assert_first_are_there(&stream);
  end(&stream);
}

/* Two looks of the same things in turn, each frame, as of two cameras. */
static void
run_alternating(Stream *stream, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    draw(stream, dc_random_below(&stream->random, GROUPS), i % 2 ? 6 : 0, row);
    push(stream, row);
  }
}

/* Of 600 more embeddings of both looks, nothing of which is learnt, the share that is in a cluster
 * most of whose members are of the same group. */
static double
purity_of_both_looks(Stream *stream)
{
  enum { COUNT = 600, MOST = 12 };
  DcAssigner *assigner = dc_assigner_new();
  size_t members[MOST][GROUPS] = {0}, right = 0;
  for (size_t i = 0; i < COUNT; i++) {
    float row[DIM];
    draw(stream, i % GROUPS, i % 2 ? 6 : 0, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcAssignment assignment;
    assert_int_equal(
        dc_snapshot_assign(stream->adapter->snapshot, assigner, &matrix, 0, &assignment), DC_OK);
    assert_in_range(assignment.cluster, 0, MOST - 1);
    members[assignment.cluster][i % GROUPS]++;
  }
  for (size_t k = 0; k < MOST; k++) {
    size_t most = 0;
    for (size_t group = 0; group < GROUPS; group++)
      most = members[k][group] > most ? members[k][group] : most;
    right += most;
  }
  dc_assigner_free(assigner);
  return (double)right / COUNT;
}

/* At most two clusters for each thing, and no more identities after that. Transport tracking, whose
 * one map cannot be right for both, cuts and joins for a while; each time it waits longer. */
static void
alternating_domains_do_not_explode(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 7);
    begin(&stream, &config);
    run_alternating(&stream, 4000);
    size_t half = changes_of(&stream);
    run_alternating(&stream, 4000);
    bool maps = methods[m] == DC_METHOD_TRANSPORT;
    assert_in_range(stream.most, GROUPS, (maps ? 3 : 2) * GROUPS);
    assert_in_range(changes_of(&stream) - half, 0, maps ? half : 0);
    assert_in_range(stream.births + stream.splits, GROUPS, (maps ? 4 : 1) * GROUPS);

    assert_first_are_there(&stream);
    assert_true(purity_of_both_looks(&stream) > 0.95);
    end(&stream);
  }
}

/* With a number that was given, each thing keeps its one cluster in both looks. */
static void
alternating_domains_keep_given_clusters(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 7);
    config.clusters = GROUPS;
    begin(&stream, &config);
    size_t before[GROUPS];
    for (size_t group = 0; group < GROUPS; group++)
      before[group] = cluster_at(&stream, group);
    run_alternating(&stream, 8000);
    assert_int_equal(changes_of(&stream), 0);
    assert_true(purity_of_both_looks(&stream) > 0.95);
    for (size_t group = 0; group < GROUPS; group++)
      assert_int_equal(cluster_at(&stream, group), before[group]);
    end(&stream);
  }
}

/* ---- splits and merges ---- */

/* The warm-up sees one of two groups: the other one is told apart later. */
static void
clusters_that_are_one_become_one(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 8);
    begin(&stream, &config);
    DcError error;
    size_t cut = cluster_at(&stream, 1);
    must(dc_adapter_split(stream.adapter, cut, &error), &error);
    assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS + 1);
    run(&stream, GROUPS, 4000);
    assert_int_equal(stream.merges, 1);
    assert_int_equal(changes_of(&stream), 1);
    assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS);
    assert_first_are_there(&stream); /* the older one went on */
    end(&stream);
  }
}

/* Two groups come together until nothing lies between them. */
static void
run_together(Stream *stream, const DcAdapterConfig *config)
{
  begin(stream, config);
  for (size_t i = 0; i < 16000; i++) {
    float row[DIM];
    size_t group = dc_random_below(&stream->random, GROUPS);
    draw(stream, group, 0, row);
    if (group == 1)
      row[0] -= i < 4000 ? 8.0f * (float)i / 4000 : 8.0f;
    push(stream, row);
  }
}

/* What the warm-up chose as two stays two, with both identities; a number that was given is revised
 * in this way too. */
static void
chosen_clusters_that_meet_stay_two(void **state)
{
  (void)state;
  static const DcMethod following[] = {DC_METHOD_ATTENTION, DC_METHOD_K_MEANS};
  for (size_t m = 0; m < sizeof following / sizeof *following; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(following[m], 8);
    run_together(&stream, &config);
    assert_int_equal(stream.merges, 0);
    assert_first_are_there(&stream);
    end(&stream);

    config.clusters = GROUPS;
    config.revise = DC_REVISE_ALWAYS;
    run_together(&stream, &config);
    assert_in_range(stream.merges, 1, 2);
    end(&stream);
  }
}

static void
named_and_pinned_clusters_are_not_merged_away(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 8);
  begin(&stream, &config);
  DcError error;
  must(dc_adapter_split(stream.adapter, 0, &error), &error);
  must(dc_adapter_split(stream.adapter, 1, &error), &error);
  must(dc_adapter_rename(stream.adapter, 0, "one", &error), &error);
  must(dc_adapter_rename(stream.adapter, 3, "half", &error), &error);
  must(dc_adapter_pin(stream.adapter, 1, true, &error), &error);
  must(dc_adapter_pin(stream.adapter, 4, true, &error), &error);
  run(&stream, GROUPS, 5000);
  assert_int_equal(stream.merges, 0);
  must(dc_adapter_pin(stream.adapter, 4, false, &error), &error);
  run(&stream, GROUPS, 4000);
  assert_int_equal(stream.merges, 1); /* into the pinned one, which keeps its place */
  assert_true(info(&stream, 1)->pinned);
  assert_string_equal(info(&stream, 1)->uuid, stream.uuid[1]);
  assert_string_equal(info(&stream, 0)->label, "one");
  assert_string_equal(info(&stream, 3)->label, "half");
  end(&stream);
}

/* ---- out of sight ---- */

static void
what_is_out_of_sight_stays_while_there_is_room(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 9);
    begin(&stream, &config);
    size_t away = cluster_at(&stream, GROUPS - 1);
    char uuid[DC_UUID_SIZE];
    memcpy(uuid, info(&stream, away)->uuid, sizeof uuid);
    run(&stream, GROUPS - 1, 3000);
    assert_int_equal(changes_of(&stream), 0);
    run(&stream, GROUPS, 300);
    assert_string_equal(info(&stream, cluster_at(&stream, GROUPS - 1))->uuid, uuid);
    end(&stream);
  }
}

/* The one out of sight longest makes room, unless a person keeps it, and is known when it returns
 * to where it was. */
static void
a_retired_cluster_comes_back_as_itself(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 9);
  config.max_clusters = GROUPS;
  begin(&stream, &config);
  DcClusterInfo away = *info(&stream, cluster_at(&stream, 2));
  run(&stream, 2, 1200);
  run_with(&stream, 3, 1000);
  assert_int_equal(stream.retired, 1);
  assert_int_equal(stream.births, 1);
  assert_false(has_uuid(&stream, away.uuid));
  run(&stream, 2, 1200);
  run_with(&stream, 2, 1000); /* now 3 makes room for 2 */
  assert_int_equal(stream.retired, 2);
  assert_int_equal(stream.births, 2);
  assert_string_equal(info(&stream, cluster_at(&stream, 2))->uuid, away.uuid);
  assert_string_equal(info(&stream, cluster_at(&stream, 2))->label, away.label);
  assert_int_equal(stream.most, GROUPS);
  end(&stream);
}

static void
a_named_cluster_makes_no_room(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 9);
  config.max_clusters = GROUPS;
  begin(&stream, &config);
  DcError error;
  must(dc_adapter_rename(stream.adapter, cluster_at(&stream, 2), "kept", &error), &error);
  run(&stream, 2, 1200);
  run_with(&stream, 3, 2000);
  assert_int_equal(changes_of(&stream), 0);
  assert_first_are_there(&stream);
  end(&stream);
}

static void
clusters_retire_after_the_time_that_is_set(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 9);
  config.retire_after = 2000 * 1000; /* two thousand embeddings */
  begin(&stream, &config);
  run(&stream, GROUPS - 1, 1900);
  assert_int_equal(stream.retired, 0);
  run(&stream, GROUPS - 1, 400);
  assert_int_equal(stream.retired, 1);
  assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS - 1);
  end(&stream);
}

/* ---- streams that say nothing ---- */

static void
one_embedding_for_ever_is_one_cluster(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 1);
    open_stream(&stream, &config);
    const float row[DIM] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t i = 0; i < 4000; i++)
      push(&stream, row);
    assert_int_equal(stream.most, 1);
    assert_int_equal(changes_of(&stream), 0);
    end(&stream);
  }
}

/* Of two points that repeat, one is new; where it is one of many it is born as a cluster. */
static void
points_that_repeat_do_not_explode(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_TRANSPORT, 1);
  open_stream(&stream, &config);
  for (size_t i = 0; i < 6000; i++) {
    float row[DIM] = {1, 2, 3, 4, 5, 6, 7, 8};
    row[0] = i > 1000 ? (float)(i % 5) : 1;
    push(&stream, row);
  }
  assert_true(stream.most <= 5);
  for (size_t j = 0; j < DIM * stream.adapter->clusters.count; j++)
    assert_true(isfinite(stream.adapter->clusters.centroids[j]));
  end(&stream);
}

/* ---- settings ---- */

/* With a number that was given nothing is revised, unless that is asked for. */
static void
a_given_number_is_not_revised(void **state)
{
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    Stream stream;
    DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 2);
    config.clusters = i == 3 ? 0 : GROUPS;
    config.revise = i == 1 ? DC_REVISE_ALWAYS : i == 3 ? DC_REVISE_NEVER : DC_REVISE_AUTO;
    config.novelty = i == 2 ? 0.005 : 0;
    begin(&stream, &config);
    run(&stream, GROUPS + 1, 1000);
    bool revised = i == 1 || i == 2;
    assert_int_equal(dc_adapter_stats(stream.adapter).clusters, GROUPS + revised);
    assert_int_equal(changes_of(&stream), revised);
    end(&stream);
  }
}

static void
clusters_of_a_model_are_not_revised(void **state)
{
  (void)state;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 2);
  DcAdapter *adapter;
  float centroids[GROUPS * DIM] = {0};
  centroids[DIM] = centroids[2 * DIM + 1] = 8;
  DcMatrix start = dc_matrix(centroids, GROUPS, DIM);
  assert_int_equal(dc_adapter_new(&config, DIM, "test", &adapter, NULL), DC_OK);
  assert_int_equal(dc_adapter_start(adapter, &start, NULL, NULL, NULL), DC_OK);
  assert_false(dc_open_world_is_active(adapter));
  dc_adapter_free(adapter);
}

static void
settings_out_of_range_are_refused(void **state)
{
  (void)state;
  const double wrong[] = {-0.1, 1.5, NAN};
  for (size_t i = 0; i < 3; i++) {
    DcAdapterConfig config = dc_adapter_config();
    DcError error;
    config.novelty = wrong[i];
    assert_int_equal(dc_adapter_config_check(&config, &error), DC_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "novelty"));
  }
  DcAdapterConfig config = dc_adapter_config();
  config.revise = (DcRevise)7;
  assert_int_equal(dc_adapter_config_check(&config, NULL), DC_ERROR_ARGUMENT);
  Stream stream;
  config = open_config(DC_METHOD_ATTENTION, 2);
  open_stream(&stream, &config);
  config.revise = DC_REVISE_NEVER;
  assert_int_equal(dc_adapter_configure(stream.adapter, &config, NULL), DC_ERROR_ARGUMENT);
  end(&stream);
}

/* While the clusters are frozen none comes or goes. */
static void
frozen_clusters_are_not_revised(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 2);
  begin(&stream, &config);
  for (size_t i = 0; i < 1500; i++) {
    float row[DIM];
    draw(&stream, dc_random_below(&stream.random, GROUPS + 1), 0, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(stream.adapter, &matrix, stream.at++ * 1000, &result), DC_OK);
    if (dc_adapter_is_due(stream.adapter))
      assert_int_equal(dc_adapter_adapt(stream.adapter, false, NULL), DC_OK);
  }
  assert_int_equal(changes_of(&stream), 0);
  end(&stream);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_group_is_born_once_by_every_method),
      cmocka_unit_test(a_burst_of_a_new_group_leaves_the_others_alone),
      cmocka_unit_test(a_long_burst_of_a_new_group_is_made_up_for),
      cmocka_unit_test(outliers_everywhere_give_no_birth),
      cmocka_unit_test(nothing_is_born_where_nothing_is_new),
      cmocka_unit_test(slow_drift_gives_no_birth),
      cmocka_unit_test(there_are_never_more_than_the_most),
      cmocka_unit_test(alternating_domains_do_not_explode),
      cmocka_unit_test(alternating_domains_keep_given_clusters),
      cmocka_unit_test(clusters_that_are_one_become_one),
      cmocka_unit_test(chosen_clusters_that_meet_stay_two),
      cmocka_unit_test(named_and_pinned_clusters_are_not_merged_away),
      cmocka_unit_test(what_is_out_of_sight_stays_while_there_is_room),
      cmocka_unit_test(a_retired_cluster_comes_back_as_itself),
      cmocka_unit_test(a_named_cluster_makes_no_room),
      cmocka_unit_test(clusters_retire_after_the_time_that_is_set),
      cmocka_unit_test(one_embedding_for_ever_is_one_cluster),
      cmocka_unit_test(points_that_repeat_do_not_explode),
      cmocka_unit_test(a_given_number_is_not_revised),
      cmocka_unit_test(clusters_of_a_model_are_not_revised),
      cmocka_unit_test(settings_out_of_range_are_refused),
      cmocka_unit_test(frozen_clusters_are_not_revised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
