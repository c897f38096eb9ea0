/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transport tracking as the method of an adapter: when it takes over, what snapshots then label by,
 * what freezing and other methods do to it. The method itself is tested in transport.c. */
#include "transport_data.h"

#include "allocations.h"
#include "cluster/transport_tracker_private.h"
#include "stream/adapter.h"
#include "stream/adapter_private.h"
#include "stream/method_transport.h"
#include "stream/snapshot_builder.h"
#include "tensor/blas.h"

static DcAdapterConfig
world_config(void)
{
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = WORLD_CLUSTERS;
  config.seed = 3;
  return config;
}

static DcAdapter *
adapter_of(const DcAdapterConfig *config)
{
  DcAdapter *adapter = NULL;
  DcError error;
  if (dc_adapter_new(config, WORLD_DIM, "world", &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

static void
adapt(DcAdapter *adapter, bool moving)
{
  DcError error;
  if (dc_adapter_adapt(adapter, moving, &error))
    fail_msg("%s", error.message);
}

/* Labels each row by the newest snapshot (UINT32_MAX before the first), then pushes it, and adapts
 * when due. */
static void
run(DcAdapter *adapter, const Stream *stream, size_t first, size_t last, uint32_t *labels)
{
  DcAssigner *assigner = dc_assigner_new();
  for (size_t row = first; row < last; row++) {
    DcMatrix one = dc_matrix_rows(&stream->rows, row, 1);
    DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
    DcAssignment assignment = {.cluster = UINT32_MAX};
    if (snapshot && labels)
      assert_int_equal(dc_snapshot_assign(snapshot, assigner, &one, 0, &assignment), DC_OK);
    if (labels)
      labels[row] = assignment.cluster;
    dc_snapshot_unref(snapshot);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(adapter, &one, row * 1000000, &result), DC_OK);
    if (dc_adapter_is_due(adapter))
      adapt(adapter, true);
  }
  dc_assigner_free(assigner);
}

/* Share of rows whose label is the cluster that `name` gives to their truth. */
static double
share_named(const Stream *stream, const uint32_t *labels, const uint32_t *name, size_t first,
            size_t last)
{
  size_t right = 0;
  for (size_t n = first; n < last; n++)
    right += labels[n] == name[stream->truth[n]];
  return (double)right / (double)(last - first);
}

/* Which cluster the adapter made of each true one: the label that most of its members have. */
static void
find_names(const Stream *stream, const uint32_t *labels, size_t first, size_t last, uint32_t *name)
{
  size_t count[WORLD_CLUSTERS][WORLD_CLUSTERS] = {{0}};
  for (size_t n = first; n < last; n++)
    if (labels[n] < WORLD_CLUSTERS)
      count[stream->truth[n]][labels[n]]++;
  for (size_t k = 0; k < WORLD_CLUSTERS; k++) {
    name[k] = 0;
    for (uint32_t label = 1; label < WORLD_CLUSTERS; label++)
      if (count[k][label] > count[k][name[k]])
        name[k] = label;
  }
}

static void
copy_centroids(DcAdapter *adapter, float *centroids)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  memcpy(centroids, dc_snapshot_centroids(snapshot).data,
         WORLD_CLUSTERS * WORLD_DIM * sizeof(float));
  dc_snapshot_unref(snapshot);
}

static bool
is_transported(DcAdapter *adapter)
{
  return dc_adapter_stats(adapter).transported;
}

/* A warm-up of 128 is 21 embeddings for each of 6 clusters: attention keeps them until there
 * are 25.
 */
static void
waits_for_enough_embeddings_per_cluster(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 192, 1);
  DcAdapterConfig config = world_config();
  config.warm_up = 128;
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, &stream, 0, 128, NULL);
  assert_int_equal(dc_adapter_stats(adapter).clusters, WORLD_CLUSTERS);
  assert_false(is_transported(adapter));
  run(adapter, &stream, 128, 128 + 63, NULL);
  assert_false(is_transported(adapter));
  run(adapter, &stream, 191, 192, NULL);
  assert_true(is_transported(adapter));
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* 43 for each are a source, and twice as many describe it again. */
static void
describes_the_source_again_with_more(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 2000, 1);
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  float before[WORLD_CLUSTERS * WORLD_DIM], after[WORLD_CLUSTERS * WORLD_DIM];
  run(adapter, &stream, 0, 256, NULL);
  assert_true(is_transported(adapter));
  copy_centroids(adapter, before);
  const DcTransportSource *first =
      dc_transport_tracker_source(dc_transport_method(adapter)->tracker);
  assert_int_equal(dc_transport_method(adapter)->source_due, 512);
  run(adapter, &stream, 256, 320, NULL); /* one more step: no jump */
  copy_centroids(adapter, after);
  for (size_t i = 0; i < WORLD_CLUSTERS * WORLD_DIM; i++)
    assert_near(after[i], before[i], 0.5);
  assert_ptr_equal(dc_transport_tracker_source(dc_transport_method(adapter)->tracker), first);
  size_t prototypes = first->prototypes;
  run(adapter, &stream, 320, 1400, NULL);
  assert_true(dc_transport_tracker_source(dc_transport_method(adapter)->tracker)->prototypes >
              prototypes);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* A long enough warm-up is the source itself. */
static void
takes_over_after_a_long_warm_up(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 1024, 1);
  DcAdapterConfig config = world_config();
  config.warm_up = 1024;
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, &stream, 0, 1023, NULL);
  assert_int_equal(dc_adapter_stats(adapter).clusters, 0);
  run(adapter, &stream, 1023, 1024, NULL);
  assert_true(is_transported(adapter));
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* What a burst leaves in memory is no sample of the source. */
static void
bursts_do_not_describe_the_source(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream calm = world_stream(&world, 8, 256, 1), bursts = world_stream(&world, 9, 2000, 500);
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, &calm, 0, 256, NULL);
  assert_true(is_transported(adapter));
  const DcTransportSource *first =
      dc_transport_tracker_source(dc_transport_method(adapter)->tracker);
  run(adapter, &bursts, 0, 2000, NULL);
  assert_ptr_equal(dc_transport_tracker_source(dc_transport_method(adapter)->tracker), first);
  dc_adapter_free(adapter);
  stream_free(&calm);
  stream_free(&bursts);
}

/* Given centroids become clusters of the source once enough of the stream was seen. */
static void
takes_over_from_given_centroids(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 3200, 1);
  uint32_t *labels = DC_NEW(uint32_t, 3200);
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  DcMatrix centroids = dc_matrix(world.centre, WORLD_CLUSTERS, WORLD_DIM);
  assert_int_equal(dc_adapter_start(adapter, &centroids, NULL, NULL, NULL), DC_OK);
  run(adapter, &stream, 0, 319, labels);
  assert_false(is_transported(adapter));
  run(adapter, &stream, 319, 3200, labels);
  assert_true(is_transported(adapter));
  assert_true(share_right(&stream, labels, 0, 3200) > 0.995);
  dc_free(labels);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* Identities kept, with the names of rows 1000 to 1999, from row `first` on. */
static double
share_kept(DcMethod method, const Stream *stream, size_t first, DcAdapterStats *stats)
{
  uint32_t *labels = DC_NEW(uint32_t, stream->rows.rows), name[WORLD_CLUSTERS];
  DcAdapterConfig config = world_config();
  config.method = method;
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, stream, 0, stream->rows.rows, labels);
  find_names(stream, labels, 1000, 2000, name);
  *stats = dc_adapter_stats(adapter);
  double share = share_named(stream, labels, name, first, stream->rows.rows);
  dc_free(labels);
  dc_adapter_free(adapter);
  return share;
}

static void
follows_rotation(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 12000, 1);
  for (size_t n = 2000; n < 12000; n++)
    turn(dc_matrix_row(&stream.rows, n), 0.006 * (double)(n - 2000));
  DcAdapterStats stats;
  assert_true(share_kept(DC_METHOD_TRANSPORT, &stream, 2000, &stats) > 0.998);
  assert_true(stats.transported);
  assert_true(stats.expert > 0);
  assert_true(stats.displacement > 1);
  assert_true(stats.domains > 0);
  assert_true(stats.calm > 0.9 && stats.calm <= 1);
  stream_free(&stream);
}

/* After a jump that attention does not survive, the map is found again with every identity, two
 * batches later. */
static void
finds_back_after_inversion(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 14000, 1);
  for (size_t n = 6000; n < 14000; n++)
    for (size_t i = 0; i < WORLD_DIM; i++)
      dc_matrix_row(&stream.rows, n)[i] = 3 - dc_matrix_row(&stream.rows, n)[i];
  DcAdapterStats stats;
  assert_true(share_kept(DC_METHOD_TRANSPORT, &stream, 6000 + 128, &stats) > 0.998);
  assert_true(share_kept(DC_METHOD_ATTENTION, &stream, 10000, &stats) < 0.5);
  assert_false(stats.transported);
  stream_free(&stream);
}

/* A jump is found again on a thread of its own as without one, byte for byte. */
static void
a_thread_changes_no_byte(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 9000, 1);
  for (size_t n = 4000; n < 9000; n++)
    for (size_t i = 0; i < WORLD_DIM; i += 2) /* mean and spread alone do not tell what became */
      dc_matrix_row(&stream.rows, n)[i] = 3 - dc_matrix_row(&stream.rows, n)[i];
  State ends[2];
  for (size_t i = 0; i < 2; i++) {
    DcAdapterConfig config = world_config();
    config.background = i;
    DcAdapter *adapter = adapter_of(&config);
    run(adapter, &stream, 0, 9000, NULL);
    assert_true(dc_adapter_stats(adapter).jumps >= 1);
    ends[i] = state_of(dc_transport_method(adapter)->tracker);
    dc_adapter_free(adapter);
  }
  assert_same_state(&ends[0], &ends[1]);
  state_free(&ends[0]);
  state_free(&ends[1]);
  stream_free(&stream);
}

/* Nothing waits for a search that nobody needs any more: frees, new methods, new starts. */
static void
a_search_under_way_may_be_dropped(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 9000, 1);
  for (size_t n = 4000; n < 9000; n++)
    for (size_t i = 0; i < WORLD_DIM; i++)
      dc_matrix_row(&stream.rows, n)[i] = 3 - dc_matrix_row(&stream.rows, n)[i];
  for (int ending = 0; ending < 3; ending++) {
    DcAdapterConfig config = world_config();
    config.background = true;
    DcAdapter *adapter = adapter_of(&config);
    size_t row = 0;
    for (; row < 9000 && !dc_transport_method(adapter)->search.running; row += 64)
      run(adapter, &stream, row, row + 64, NULL);
    assert_true(dc_transport_method(adapter)->search.running);
    DcError error;
    DcMatrix centroids = dc_matrix(world.centre, WORLD_CLUSTERS, WORLD_DIM);
    config.method = DC_METHOD_NONE;
    if (ending == 1)
      assert_int_equal(dc_adapter_configure(adapter, &config, &error), DC_OK);
    else if (ending == 2)
      assert_int_equal(dc_adapter_start(adapter, &centroids, NULL, NULL, &error), DC_OK);
    run(adapter, &stream, row, row + 256, NULL);
    dc_adapter_free(adapter);
  }
  stream_free(&stream);
}

/* The simple form has the source and one map, follows a rotation, and remembers nothing. */
static void
simple_effort_is_one_map(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 8000, 1);
  DcAdapterConfig config = world_config();
  config.effort = DC_EFFORT_SIMPLE;
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, &stream, 0, 2000, NULL);
  DcTransportTracker *tracker = dc_transport_method(adapter)->tracker;
  assert_int_equal(tracker->options.experts, 2);
  assert_int_equal(tracker->options.remembered, 0);
  assert_null(tracker->search);
  uint32_t name[WORLD_CLUSTERS], *labels = DC_NEW(uint32_t, 8000);
  for (size_t n = 2000; n < 8000; n++) {
    float *row = dc_matrix_row(&stream.rows, n);
    double angle = fmin((double)(n - 2000) / 5000, 1) * 0.7, x = row[0], y = row[1];
    row[0] = (float)(cos(angle) * x - sin(angle) * y);
    row[1] = (float)(sin(angle) * x + cos(angle) * y);
  }
  run(adapter, &stream, 2000, 8000, labels);
  find_names(&stream, labels, 2000, 2600, name);
  assert_true(share_named(&stream, labels, name, 7000, 8000) > 0.99);
  assert_int_equal(dc_adapter_stats(adapter).domains, 0);
  config.effort = DC_EFFORT_FULL; /* which is fixed while it runs */
  DcError error;
  assert_int_equal(dc_adapter_configure(adapter, &config, &error), DC_ERROR_ARGUMENT);
  dc_free(labels);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* The same numbers; what pads the structure means nothing. */
static void
assert_same_assignments(const DcAssignment *a, const DcAssignment *b, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(a[i].cluster, b[i].cluster);
    assert_int_equal(a[i].second, b[i].second);
    assert_true(a[i].confidence == b[i].confidence && a[i].margin == b[i].margin);
    assert_true(a[i].distance == b[i].distance && a[i].novel == b[i].novel);
  }
}

/* Snapshots label by the prototypes in the selected map, and stay as they are. */
static void
snapshots_carry_the_map(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 4000, 1);
  for (size_t n = 1000; n < 4000; n++)
    turn(dc_matrix_row(&stream.rows, n), 0.02 * (double)(n - 1000));
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, &stream, 0, 3008, NULL);
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcTransportScorer *scorer = dc_transport_tracker_scorer(dc_transport_method(adapter)->tracker);
  DcTransportWork work = {0};
  assert_true(dc_transport_work_fit(&work, dc_transport_scorer_source(scorer)));
  DcMatrix batch = dc_matrix_rows(&stream.rows, 3008, 200);
  static DcAssignment found[200], again[200];
  DcAssigner *assigner = dc_assigner_new();
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &batch, 0, found), DC_OK);
  for (size_t row = 0; row < 200; row += 50) { /* chunks of another size: the same labels */
    DcMatrix part = dc_matrix_rows(&batch, row, 50);
    dc_transport_scorer_read(scorer, &part, &work);
    for (size_t n = 0; n < 50; n++) {
      const double *posterior = work.posterior + n * WORLD_CLUSTERS;
      const DcAssignment *a = &found[row + n];
      size_t best = dc_transport_largest(posterior, WORLD_CLUSTERS);
      assert_int_equal(a->cluster, best);
      assert_near(a->confidence, posterior[best], 1e-6); /* float32 of a double */
      assert_near(a->margin, posterior[best] - posterior[a->second], 2e-6);
      double distance = 0;
      DcMatrix centroids = dc_snapshot_centroids(snapshot);
      for (size_t i = 0; i < WORLD_DIM; i++)
        distance += pow((double)dc_matrix_row(&part, n)[i] - dc_matrix_row(&centroids, best)[i], 2);
      assert_near(a->distance, sqrt(distance), 1e-5 * sqrt(distance));
    }
  }
  for (size_t i = 0; i < WORLD_CLUSTERS * WORLD_DIM; i++)
    assert_near(dc_snapshot_centroids(snapshot).data[i], dc_transport_scorer_centroids(scorer)[i],
                1e-5);
  run(adapter, &stream, 3008, 4000, NULL);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &batch, 0, again), DC_OK);
  assert_same_assignments(found, again, 200);

  /* One reader may go from such a snapshot to one of centroids only, and back. */
  float place[WORLD_DIM] = {0};
  DcClusterInfo info = {.label = "one"};
  DcSurvival survival = {0};
  DcSnapshotParts parts = {.version = 1,
                           .encoder = "x",
                           .centroids = dc_matrix(place, 1, WORLD_DIM),
                           .infos = &info,
                           .survival = &survival,
                           .temperature = 1};
  DcSnapshot *plain = dc_snapshot_new(&parts);
  assert_int_equal(dc_snapshot_assign(plain, assigner, &batch, 0, again), DC_OK);
  assert_int_equal(again[7].cluster, 0);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &batch, 0, again), DC_OK);
  assert_same_assignments(found, again, 200);

  /* Numbers beyond all bounds are answered with numbers. */
  float far[WORLD_DIM] = {3e38f, -3e38f, 3e38f};
  DcMatrix out = dc_matrix(far, 1, WORLD_DIM);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &out, 0.1, again), DC_OK);
  assert_true(again[0].cluster < WORLD_CLUSTERS && again[0].novel);
  assert_true(isfinite(again[0].confidence) && isfinite(again[0].distance));
  far[0] = NAN;
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &out, 0, again), DC_ERROR_NOT_FINITE);
  dc_snapshot_unref(plain);
  dc_snapshot_unref(snapshot);
  dc_assigner_free(assigner);
  dc_transport_scorer_free(scorer);
  dc_transport_work_clear(&work);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* Frozen, nothing moves and nothing is learnt from later; thawed, it goes on. */
static void
freezing_holds_map_and_centroids(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 3000, 1);
  for (size_t n = 600; n < 3000; n++)
    turn(dc_matrix_row(&stream.rows, n), 20);
  for (int by_rate = 0; by_rate < 2; by_rate++) {
    DcAdapterConfig config = world_config();
    DcAdapter *adapter = adapter_of(&config);
    run(adapter, &stream, 0, 640, NULL);
    assert_true(is_transported(adapter));
    float before[WORLD_CLUSTERS * WORLD_DIM], after[WORLD_CLUSTERS * WORLD_DIM];
    copy_centroids(adapter, before);
    State frozen = state_of(dc_transport_method(adapter)->tracker);
    config.adaptation_rate = 0;
    if (by_rate)
      assert_int_equal(dc_adapter_configure(adapter, &config, NULL), DC_OK);
    for (size_t row = 640; row < 1280; row += 64) {
      DcMatrix batch = dc_matrix_rows(&stream.rows, row, 64);
      DcPushResult result;
      assert_int_equal(dc_adapter_push(adapter, &batch, 0, &result), DC_OK);
      adapt(adapter, by_rate);
    }
    copy_centroids(adapter, after);
    assert_memory_equal(before, after, sizeof before);
    State still = state_of(dc_transport_method(adapter)->tracker);
    assert_same_state(&frozen, &still);
    config.adaptation_rate = 1;
    assert_int_equal(dc_adapter_configure(adapter, &config, NULL), DC_OK);
    adapt(adapter, true); /* nothing is pending: what came meanwhile is forgotten */
    assert_int_equal(dc_adapter_stats(adapter).expert, 0);
    run(adapter, &stream, 1280, 2000, NULL);
    assert_true(dc_adapter_stats(adapter).displacement > 0.5);
    state_free(&frozen);
    state_free(&still);
    dc_adapter_free(adapter);
  }
  stream_free(&stream);
}

/* Another method starts where the clusters are; back again, the source is described anew. */
static void
methods_change_while_running(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 4000, 1);
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  uint32_t *labels = DC_NEW(uint32_t, 4000), name[WORLD_CLUSTERS];
  run(adapter, &stream, 0, 1000, labels);
  assert_true(is_transported(adapter));
  find_names(&stream, labels, 500, 1000, name);
  static const DcMethod others[] = {DC_METHOD_ATTENTION, DC_METHOD_K_MEANS, DC_METHOD_NONE};
  size_t row = 1000;
  for (size_t i = 0; i < 3; i++) {
    config.method = others[i];
    assert_int_equal(dc_adapter_configure(adapter, &config, NULL), DC_OK);
    run(adapter, &stream, row, row + 448, labels);
    assert_false(is_transported(adapter));
    config.method = DC_METHOD_TRANSPORT;
    assert_int_equal(dc_adapter_configure(adapter, &config, NULL), DC_OK);
    assert_false(is_transported(adapter));
    run(adapter, &stream, row + 448, row + 448 + 64, labels); /* memory holds enough */
    assert_true(is_transported(adapter));
    row += 512;
  }
  assert_true(share_named(&stream, labels, name, 1000, row) > 0.995);
  dc_free(labels);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* An interval below a batch labels with a snapshot of its own, but learns batch by batch; a longer
 * one learns from all that came. */
static void
intervals_and_batches_are_independent(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 4000, 1);
  for (size_t n = 0; n < 4000; n++)
    turn(dc_matrix_row(&stream.rows, n), 0.01 * (double)n);
  uint32_t *labels = DC_NEW(uint32_t, 4000), name[WORLD_CLUSTERS];
  static const size_t intervals[] = {1, 16, 100, 500};
  for (size_t i = 0; i < 4; i++) {
    DcAdapterConfig config = world_config();
    config.interval = intervals[i];
    DcAdapter *adapter = adapter_of(&config);
    run(adapter, &stream, 0, 4000, labels);
    assert_true(is_transported(adapter));
    uint64_t learnt = dc_transport_tracker_stats(dc_transport_method(adapter)->tracker).seen;
    if (intervals[i] < 64)
      assert_int_equal(learnt % 64, 0);
    else
      assert_int_equal(dc_transport_method(adapter)->pending.count, adapter->since_adaptation);
    find_names(&stream, labels, 600, 1000, name);
    assert_true(share_named(&stream, labels, name, 1000, 4000) > 0.99);
    dc_adapter_free(adapter);
  }
  dc_free(labels);
  stream_free(&stream);
}

/* The half-life is stream time: at one embedding per millisecond, 400 ms are 400 embeddings. */
static void
half_life_becomes_private_memory(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 640, 1);
  static const uint64_t half_lives[] = {0, 400000000, 4000};
  /* 400 / (6 log 2), and never below one sample. */
  static const double expected[] = {150, 96.18, 1};
  for (size_t i = 0; i < 3; i++) {
    DcAdapterConfig config = world_config();
    config.half_life = half_lives[i];
    DcAdapter *adapter = adapter_of(&config);
    run(adapter, &stream, 0, 640, NULL);
    /* 640 embeddings came in 639 ms. */
    assert_near(dc_transport_method(adapter)->tracker->options.private_memory, expected[i],
                expected[i] * 0.002);
    dc_adapter_free(adapter);
  }
  stream_free(&stream);
}

static void
equal_input_gives_equal_bytes(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 6000, 1);
  for (size_t n = 3000; n < 6000; n++)
    turn(dc_matrix_row(&stream.rows, n), 40);
  State ends[2];
  for (size_t i = 0; i < 2; i++) {
    DcAdapterConfig config = world_config();
    DcAdapter *adapter = adapter_of(&config);
    run(adapter, &stream, 0, 6000, NULL);
    ends[i] = state_of(dc_transport_method(adapter)->tracker);
    dc_adapter_free(adapter);
  }
  assert_same_state(&ends[0], &ends[1]);
  state_free(&ends[0]);
  state_free(&ends[1]);
  stream_free(&stream);
}

/* ---- what must not break it ---- */

/* Embeddings that are all equal tell nothing: attention goes on, the source is tried for again. */
static void
equal_embeddings_stay_with_attention(void **state)
{
  (void)state;
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  Stream same = stream_alloc(1000, WORLD_DIM);
  for (size_t i = 0; i < 1000 * WORLD_DIM; i++)
    same.rows.data[i] = 0.5f;
  run(adapter, &same, 0, 1000, NULL);
  assert_false(is_transported(adapter));
  assert_true(dc_transport_method(adapter)->source_due > 512);
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 4000, 1);
  run(adapter, &stream, 0, 4000, NULL);
  assert_true(is_transported(adapter));
  stream_free(&same);
  stream_free(&stream);
  dc_adapter_free(adapter);
}

/* More pushed than there is room for between two adaptations is labelled, but not learnt from. */
static void
late_adaptation_drops_what_it_cannot_hold(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 3000, 1);
  DcAdapterConfig config = world_config();
  DcAdapter *adapter = adapter_of(&config);
  run(adapter, &stream, 0, 640, NULL);
  uint64_t before = dc_transport_tracker_stats(dc_transport_method(adapter)->tracker).seen;
  DcMatrix flood = dc_matrix_rows(&stream.rows, 640, 2000);
  DcPushResult result;
  size_t allocated = allocations;
  assert_int_equal(dc_adapter_push(adapter, &flood, 0, &result), DC_OK);
  assert_int_equal(allocations, allocated);
  assert_int_equal(result.accepted, 2000);
  dc_transport_method(adapter)->source_due = UINT64_MAX;
  adapt(adapter, true);
  uint64_t learnt = dc_transport_tracker_stats(dc_transport_method(adapter)->tracker).seen - before;
  assert_int_equal(learnt, 128); /* the interval and a batch */
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* Shortage of memory at the takeover is an error that leaves the clusters as they were. */
static void
takeover_survives_every_failed_allocation(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = world_stream(&world, 8, 400, 1);
  size_t failures = 0;
  for (size_t failing = 0;; failing++) {
    DcAdapterConfig config = world_config();
    config.warm_up = 128;
    DcAdapter *adapter = adapter_of(&config);
    run(adapter, &stream, 0, 191, NULL);
    DcMatrix last = dc_matrix_rows(&stream.rows, 191, 1);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(adapter, &last, 0, &result), DC_OK);
    DcError error;
    fail_at = allocations + failing;
    DcStatus status = dc_adapter_adapt(adapter, true, &error);
    bool failed = allocations > fail_at;
    fail_at = SIZE_MAX;
    if (failed) {
      assert_int_equal(status, DC_ERROR_MEMORY);
      assert_true(error.message[0]);
      adapt(adapter, true); /* with memory again, all is well */
    }
    assert_true(is_transported(adapter));
    dc_adapter_free(adapter);
    if (!failed)
      break;
    failures++;
  }
  assert_true(failures > 20);
  stream_free(&stream);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(waits_for_enough_embeddings_per_cluster),
      cmocka_unit_test(describes_the_source_again_with_more),
      cmocka_unit_test(takes_over_after_a_long_warm_up),
      cmocka_unit_test(bursts_do_not_describe_the_source),
      cmocka_unit_test(takes_over_from_given_centroids),
      cmocka_unit_test(follows_rotation),
      cmocka_unit_test(finds_back_after_inversion),
      cmocka_unit_test(a_thread_changes_no_byte),
      cmocka_unit_test(a_search_under_way_may_be_dropped),
      cmocka_unit_test(simple_effort_is_one_map),
      cmocka_unit_test(snapshots_carry_the_map),
      cmocka_unit_test(freezing_holds_map_and_centroids),
      cmocka_unit_test(methods_change_while_running),
      cmocka_unit_test(intervals_and_batches_are_independent),
      cmocka_unit_test(half_life_becomes_private_memory),
      cmocka_unit_test(equal_input_gives_equal_bytes),
      cmocka_unit_test(equal_embeddings_stay_with_attention),
      cmocka_unit_test(late_adaptation_drops_what_it_cannot_hold),
      cmocka_unit_test(takeover_survives_every_failed_allocation),
  };
  dc_blas_set_threads(1); /* products are small; threads that wait for them only spin */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
