/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The open world: which clusters there are is revised while a stream goes on. */
#include "saved.h"

#include "store/state_private.h"
#include "stream/identity.h"

/* Streams of round groups in eight dimensions, of deviation 1 and at least 8 apart. */
enum { DIM = 8, GROUPS = 3 };

static const DcMethod methods[] = {DC_METHOD_TRANSPORT, DC_METHOD_ATTENTION, DC_METHOD_K_MEANS,
                                   DC_METHOD_NONE, DC_METHOD_MIXTURE};
enum { METHODS = sizeof methods / sizeof *methods };

typedef struct {
  DcAdapter *adapter;
  DcRandom random;
  uint64_t at;                            /* embeddings so far */
  size_t most;                            /* clusters that there were at once */
  char uuid[GROUPS][DC_UUID_SIZE];        /* of the clusters at the end of the warm-up */
  size_t births, splits, merges, retired; /* as dc_adapter_changes() told them */
} Stream;

static DcAdapterConfig
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

static void
must(DcStatus status, const DcError *error)
{
  if (status != DC_OK)
    fail_msg("%s", error->message);
}

static void
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

static void
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

/* Group 0 lies at the origin, group j 8 away from it along axis j - 1. */
static void
draw(Stream *stream, size_t group, float drift, float *row)
{
  for (size_t j = 0; j < DIM; j++)
    row[j] = (float)dc_random_normal(&stream->random) + (j + 1 == group ? 8.0f : 0.0f) +
             (j == DIM - 1 ? drift : 0.0f);
}

/* So many of the first `groups` groups, in random order. */
static void
run(Stream *stream, size_t groups, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    draw(stream, dc_random_below(&stream->random, (uint32_t)groups), 0, row);
    push(stream, row);
  }
}

static void
open_stream(Stream *stream, const DcAdapterConfig *config)
{
  DcError error;
  *stream = (Stream){0};
  dc_random_seed(&stream->random, config->seed, 17);
  must(dc_adapter_new(config, DIM, "test", &stream->adapter, &error), &error);
}

static const DcClusterInfo *
info(const Stream *stream, size_t k)
{
  return &stream->adapter->clusters.infos[k];
}

/* A stream of three groups that has found them. */
static void
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

static void
end(Stream *stream)
{
  dc_adapter_free(stream->adapter);
}

static size_t
changes_of(const Stream *stream)
{
  return stream->births + stream->splits + stream->merges + stream->retired;
}

static bool
has_uuid(const Stream *stream, const char *uuid)
{
  for (size_t k = 0; k < stream->adapter->clusters.count; k++)
    if (strcmp(info(stream, k)->uuid, uuid) == 0)
      return true;
  return false;
}

static void
assert_first_are_there(const Stream *stream)
{
  for (size_t k = 0; k < GROUPS; k++)
    assert_true(has_uuid(stream, stream->uuid[k]));
}

static size_t
cluster_at(const Stream *stream, size_t group)
{
  DcAssigner *assigner = dc_assigner_new();
  float row[DIM] = {0};
  if (group)
    row[group - 1] = 8;
  DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcAssignment assignment;
  assert_int_equal(dc_snapshot_assign(stream->adapter->snapshot, assigner, &matrix, 0, &assignment),
                   DC_OK);
  dc_assigner_free(assigner);
  return assignment.cluster;
}

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
 * again, and is born then; meanwhile it overwrites no memory. Transport tracking takes it for
 * another look, and learns back when the others are seen again. */
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
    assert_int_equal(stream.births, methods[m] != DC_METHOD_TRANSPORT);
    assert_int_equal(changes_of(&stream), stream.births);
    assert_first_are_there(&stream);
    for (size_t k = 1; k < GROUPS; k++)
      assert_int_not_equal(cluster_at(&stream, 0), cluster_at(&stream, k));
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
    DcAdapterConfig config = open_config(methods[m], 5);
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

/* Two looks in turn, each frame: at most two clusters for each thing, and no more after that.
 * Transport tracking, whose one map cannot be right for both, cuts and joins for a while; each time
 * it waits longer. */
static void
alternating_domains_do_not_explode(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream;
    DcAdapterConfig config = open_config(methods[m], 7);
    begin(&stream, &config);
    size_t half = 0;
    for (size_t i = 0; i < 8000; i++) {
      float row[DIM];
      draw(&stream, dc_random_below(&stream.random, GROUPS), i % 2 ? 6 : 0, row);
      push(&stream, row);
      half = i == 4000 ? changes_of(&stream) : half;
    }
    bool maps = methods[m] == DC_METHOD_TRANSPORT;
    assert_in_range(stream.most, GROUPS, (maps ? 3 : 2) * GROUPS);
    assert_in_range(changes_of(&stream) - half, 0, maps ? half : 0);
    assert_first_are_there(&stream);
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

/* So many of groups 0, 1 and another one, in random order. */
static void
run_with(Stream *stream, size_t other, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    size_t group = dc_random_below(&stream->random, 3);
    draw(stream, group == 2 ? other : group, 0, row);
    push(stream, row);
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

/* ---- restarts ---- */

static DcAdapter *
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

/* Stopped while a group waits to be born, between retirements and births: the end is the same byte
 * for byte. */
static void
a_restart_goes_on_with_the_same_bytes(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream[2];
    DcAdapterConfig config = open_config(methods[m], 12);
    config.max_clusters = GROUPS;
    for (size_t i = 0; i < 2; i++) {
      begin(&stream[i], &config);
      for (size_t part = 0; part < 9; part++) {
        if (part < 2)
          run(&stream[i], 2, 617);
        else
          run_with(&stream[i], 3, 85);
        if (i == 1) {
          save(stream[i].adapter, "middle");
          dc_adapter_free(stream[i].adapter);
          stream[i].adapter = reopen(&config, "middle");
        }
      }
    }
    assert_true(stream[0].births > 0 && stream[0].retired > 0);
    save(stream[0].adapter, "one");
    save(stream[1].adapter, "other");
    assert_equal_files("one", "other");
    end(&stream[0]);
    end(&stream[1]);
  }
}

/* Saved while revised, read by an adapter that revises nothing: it goes on with the clusters. */
static void
a_state_is_read_where_nothing_is_revised(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 12);
  begin(&stream, &config);
  run(&stream, GROUPS + 1, 1000);
  save(stream.adapter, "state");
  config.revise = DC_REVISE_NEVER;
  DcAdapter *adapter = reopen(&config, "state");
  assert_int_equal(dc_adapter_stats(adapter).clusters, GROUPS + 1);
  assert_int_equal(dc_adapter_stats(adapter).births, 1);
  assert_int_equal(dc_adapter_stats(adapter).unknowns, 0);
  dc_adapter_free(adapter);
  end(&stream);
}

/* Writes a state with one number of one tensor spoilt; it is refused by the name of that tensor. */
static void
assert_spoilt_refused(const DcAdapter *adapter, const char *name, size_t index, double number)
{
  DcError error;
  DcState *state = dc_state_capture(adapter), *read = NULL;
  const DcTensor *tensor = dc_state_find(state, name);
  assert_non_null(tensor);
  if (tensor->type == DC_TENSOR_F64)
    ((double *)tensor->data)[index] = number;
  else if (tensor->type == DC_TENSOR_F32)
    ((float *)tensor->data)[index] = (float)number;
  else if (tensor->type == DC_TENSOR_I64)
    ((int64_t *)tensor->data)[index] = (int64_t)number;
  else
    ((uint8_t *)tensor->data)[index] = (uint8_t)number;
  must(dc_state_write(state, "spoilt", &error), &error);
  dc_state_free(state);
  DcStatus status = dc_state_read("spoilt", &read, &error);
  assert_null(read);
  if ((status != DC_ERROR_FORMAT && status != DC_ERROR_NOT_FINITE) || !strstr(error.message, name))
    fail_msg("%s[%zu] = %g: %s", name, index, number, dc_status_text(status));
}

/* Renames one tensor, so that it is missing. */
static void
assert_needed(const DcAdapter *adapter, const char *name)
{
  DcError error;
  DcState *state = dc_state_capture(adapter), *read = NULL;
  ((DcTensor *)dc_state_find(state, name))->name = "something else";
  must(dc_state_write(state, "spoilt", &error), &error);
  dc_state_free(state);
  assert_int_equal(dc_state_read("spoilt", &read, &error), DC_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, name));
}

static void
damaged_states_are_refused(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 9);
  config.retire_after = 2000 * 1000;
  begin(&stream, &config);
  run(&stream, GROUPS - 1, 2400); /* one is retired */
  assert_int_equal(stream.retired, 1);
  const DcAdapter *adapter = stream.adapter;
  assert_true(dc_adapter_stats(adapter).unknowns > 0);
  assert_spoilt_refused(adapter, "revision", DC_STATE_CHOSEN, -1);
  assert_spoilt_refused(adapter, "revision", DC_STATE_RECEIVED, NAN);
  assert_spoilt_refused(adapter, "revision", DC_STATE_BIRTHS, 1e300);
  assert_spoilt_refused(adapter, "revision", DC_STATE_UNDONE, DC_OPEN_WORLD_MOST_UNDONE + 1);
  assert_spoilt_refused(adapter, "history", 1, -5);
  assert_spoilt_refused(adapter, "unknowns.rows", 0, NAN);
  assert_spoilt_refused(adapter, "unknowns.rows", 3, 3e38);
  assert_spoilt_refused(adapter, "unknowns.places", 0, 1e12); /* of the future */
  assert_spoilt_refused(adapter, "unknowns.places", 0, -1);
  assert_spoilt_refused(adapter, "retired_uuids", 0, 'a' + 20);
  assert_spoilt_refused(adapter, "retired_labels", 0, 0);
  assert_spoilt_refused(adapter, "retired_places", 0, INFINITY);
  static const char *const names[] = {"history",         "unknowns.rows", "unknowns.times",
                                      "unknowns.places", "retired_uuids", "retired_labels",
                                      "retired_places"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_needed(adapter, names[i]);
  end(&stream);
}

/* What was chosen stays so through a run in which it was not to be revised. */
static void
a_chosen_number_is_revised_again_after_a_pause(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 12);
  begin(&stream, &config);
  save(stream.adapter, "state");
  config.revise = DC_REVISE_NEVER;
  DcAdapter *paused = reopen(&config, "state");
  assert_false(dc_open_world_is_active(paused));
  save(paused, "state");
  dc_adapter_free(paused);
  config.revise = DC_REVISE_AUTO;
  dc_adapter_free(stream.adapter);
  stream.adapter = reopen(&config, "state");
  run(&stream, GROUPS + 1, 800);
  assert_int_equal(stream.births, 1);
  end(&stream);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_group_is_born_once_by_every_method),
      cmocka_unit_test(a_burst_of_a_new_group_leaves_the_others_alone),
      cmocka_unit_test(outliers_everywhere_give_no_birth),
      cmocka_unit_test(nothing_is_born_where_nothing_is_new),
      cmocka_unit_test(slow_drift_gives_no_birth),
      cmocka_unit_test(there_are_never_more_than_the_most),
      cmocka_unit_test(alternating_domains_do_not_explode),
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
      cmocka_unit_test_setup_teardown(a_restart_goes_on_with_the_same_bytes, scratch_enter,
                                      scratch_leave),
      cmocka_unit_test_setup_teardown(damaged_states_are_refused, scratch_enter, scratch_leave),
      cmocka_unit_test_setup_teardown(a_chosen_number_is_revised_again_after_a_pause, scratch_enter,
                                      scratch_leave),
      cmocka_unit_test_setup_teardown(a_state_is_read_where_nothing_is_revised, scratch_enter,
                                      scratch_leave),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
