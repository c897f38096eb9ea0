/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source of transport tracking described again while the stream bursts and drifts: by what is
 * remembered of each cluster, as the selected map reads it. */
#include "saved.h"
#include "transport_data.h"

#include "allocations.h"
#include "stream/adapter_private.h"
#include "stream/method_transport.h"

enum { WARM_UP = 256, BURST = 200, LENGTH = 8000 };

static DcAdapter *
open_adapter(void)
{
  DcAdapterConfig config = dc_adapter_config();
  DcAdapter *adapter = NULL;
  DcError error;
  config.clusters = WORLD_CLUSTERS;
  config.seed = 3;
  if (dc_adapter_new(&config, WORLD_DIM, "world", &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

/* A shuffled warm-up, then bursts that turn by 50 degrees in all. */
static Stream
make_stream(const World *world)
{
  Stream stream = world_stream(world, 8, WARM_UP + LENGTH, 1);
  Stream bursts = world_stream(world, 9, LENGTH, BURST);
  for (size_t n = 0; n < LENGTH; n++) {
    float *row = dc_matrix_row(&stream.rows, WARM_UP + n);
    memcpy(row, dc_matrix_row(&bursts.rows, n), WORLD_DIM * sizeof *row);
    turn(row, 50.0 * (double)n / LENGTH);
    stream.truth[WARM_UP + n] = bursts.truth[n];
  }
  stream_free(&bursts);
  return stream;
}

static void
push(DcAdapter *adapter, const Stream *stream, size_t row)
{
  DcMatrix one = dc_matrix_rows(&stream->rows, row, 1);
  DcPushResult result;
  assert_int_equal(dc_adapter_push(adapter, &one, row * 1000000, &result), DC_OK);
}

static void
adapt(DcAdapter *adapter)
{
  DcError error;
  if (dc_adapter_adapt(adapter, true, &error))
    fail_msg("%s", error.message);
}

static uint64_t
described(const DcAdapter *adapter)
{
  return dc_transport_method(adapter)->described;
}

/* Runs until the next row would bring the source's second description, or to the end. Returns that
 * row, which is pushed and not adapted to. */
static size_t
run_to_description(DcAdapter *adapter, const Stream *stream, size_t limit)
{
  for (size_t row = 0; row < stream->rows.rows; row++) {
    push(adapter, stream, row);
    if (row + 1 == limit)
      return row;
    if (dc_adapter_is_due(adapter))
      adapt(adapter);
  }
  return stream->rows.rows;
}

/* The row at whose adaptation the source is described from more than the warm-up: the same in every
 * test, as the stream is. */
static size_t
find_description(const Stream *stream)
{
  static size_t row;
  if (row)
    return row;
  DcAdapter *adapter = open_adapter();
  for (; row < stream->rows.rows && described(adapter) <= WARM_UP; row++) {
    push(adapter, stream, row);
    if (dc_adapter_is_due(adapter))
      adapt(adapter);
  }
  dc_adapter_free(adapter);
  assert_in_range(row, WARM_UP + 1, stream->rows.rows - 1);
  return row;
}

/* Nothing jumps: the maps go on, in the same directions, from a sample at least twice as large. */
static void
the_maps_go_on(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = make_stream(&world);
  size_t row = find_description(&stream);
  DcAdapter *adapter = open_adapter();
  run_to_description(adapter, &stream, row);
  DcTransportTracker *tracker = dc_transport_method(adapter)->tracker;
  DcTransportSource *before =
      dc_transport_source_ref((DcTransportSource *)dc_transport_tracker_source(tracker));
  DcTransportStats then = dc_transport_tracker_stats(tracker);
  assert_int_equal(described(adapter), WARM_UP);
  adapt(adapter);
  assert_true(described(adapter) >= 2 * WARM_UP);
  tracker = dc_transport_method(adapter)->tracker;
  const DcTransportSource *after = dc_transport_tracker_source(tracker);
  DcTransportStats now = dc_transport_tracker_stats(tracker);
  assert_ptr_not_equal(after, before);
  assert_int_equal(after->dim, before->dim);
  assert_memory_equal(after->basis, before->basis, WORLD_DIM * after->dim * sizeof(double));
  assert_memory_equal(after->mean, before->mean, WORLD_DIM * sizeof(double));
  for (size_t k = 0; k < WORLD_CLUSTERS; k++)
    assert_near(after->occupancy[k], before->occupancy[k], 0.01);
  assert_true(now.seen > then.seen && now.seen <= then.seen + 64);
  assert_true(then.displacement > 0.2);
  assert_near(now.displacement, then.displacement, 0.1);
  dc_transport_source_unref(before);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* Every cluster keeps its members, and its alone, through bursts and a turn, before and after. */
static void
identities_hold(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = make_stream(&world);
  DcAdapter *adapter = open_adapter();
  DcAssigner *assigner = dc_assigner_new();
  size_t counts[WORLD_CLUSTERS][WORLD_CLUSTERS] = {{0}}, kept = 0;
  bool taken[WORLD_CLUSTERS] = {false};
  for (size_t row = 0; row < stream.rows.rows; row++) {
    DcMatrix one = dc_matrix_rows(&stream.rows, row, 1);
    DcAssignment assignment;
    if (row >= WARM_UP) {
      assert_int_equal(dc_snapshot_assign(adapter->snapshot, assigner, &one, 0, &assignment),
                       DC_OK);
      counts[stream.truth[row]][assignment.cluster]++;
    }
    push(adapter, &stream, row);
    if (dc_adapter_is_due(adapter))
      adapt(adapter);
  }
  assert_true(described(adapter) > WARM_UP);
  for (size_t k = 0; k < WORLD_CLUSTERS; k++) {
    size_t name = 0;
    for (size_t label = 1; label < WORLD_CLUSTERS; label++)
      name = counts[k][label] > counts[k][name] ? label : name;
    assert_false(taken[name]);
    taken[name] = true;
    kept += counts[k][name];
  }
  assert_true((double)kept > 0.99 * LENGTH);
  dc_assigner_free(assigner);
  dc_adapter_free(adapter);
  stream_free(&stream);
}

/* Stopped right before, and right after: the end is the same byte for byte. */
static void
a_restart_goes_on_with_the_same_bytes(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = make_stream(&world);
  size_t found = find_description(&stream);
  DcAdapter *straight = open_adapter();
  for (size_t row = 0; row < found + 500; row++) {
    push(straight, &stream, row);
    if (dc_adapter_is_due(straight))
      adapt(straight);
  }
  save(straight, "straight");
  for (size_t after = 0; after < 2; after++) {
    DcAdapter *stopped = open_adapter(), *resumed = open_adapter();
    run_to_description(stopped, &stream, found);
    if (after)
      adapt(stopped);
    save(stopped, "stopped");
    load_well(resumed, "stopped");
    if (!after)
      adapt(resumed);
    for (size_t row = found; row < found + 500; row++) {
      push(resumed, &stream, row);
      if (dc_adapter_is_due(resumed))
        adapt(resumed);
    }
    save(resumed, "resumed");
    assert_equal_files("straight", "resumed");
    dc_adapter_free(stopped);
    dc_adapter_free(resumed);
  }
  dc_adapter_free(straight);
  stream_free(&stream);
}

/* Shortage of memory is an error that leaves source and maps as they were; later it is made up
 * for. */
static void
it_survives_every_failed_allocation(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream stream = make_stream(&world);
  size_t found = find_description(&stream), failures = 0;
  DcAdapter *first = open_adapter();
  run_to_description(first, &stream, found);
  save(first, "first");
  dc_adapter_free(first);
  for (bool failed = true; failed; failures += failed) {
    DcAdapter *adapter = open_adapter();
    DcError error;
    load_well(adapter, "first");
    const DcTransportSource *before =
        dc_transport_tracker_source(dc_transport_method(adapter)->tracker);
    size_t start = allocations;
    fail_at = start + failures;
    DcStatus status = dc_adapter_adapt(adapter, true, &error);
    failed = allocations > fail_at;
    fail_at = SIZE_MAX;
    assert_int_equal(status, failed ? DC_ERROR_MEMORY : DC_OK);
    if (described(adapter) == WARM_UP)
      assert_ptr_equal(dc_transport_tracker_source(dc_transport_method(adapter)->tracker), before);
    for (size_t row = found; row < found + 2500 && described(adapter) == WARM_UP; row++) {
      push(adapter, &stream, row);
      if (dc_adapter_is_due(adapter))
        adapt(adapter);
    }
    assert_true(described(adapter) > WARM_UP);
    dc_adapter_free(adapter);
  }
  assert_true(failures > 20);
  stream_free(&stream);
}

static void
other_sizes_are_refused(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *source = world_source(&world, 1), *other = NULL;
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(source, &options), *made = NULL;
  DcTransportFitOptions fit = dc_transport_fit_options();
  Stream sample = world_stream(&world, 4, 600, 1);
  DcMatrix centroids = dc_matrix(world.centre, WORLD_CLUSTERS - 1, WORLD_DIM);
  DcError error;
  assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &fit, &other, &error), DC_OK);
  assert_int_equal(dc_transport_tracker_continue(tracker, other, &made, &error), DC_ERROR_FORMAT);
  assert_null(made);
  assert_non_null(strstr(error.message, "transport.offset"));
  dc_transport_source_unref(other);
  float narrow[WORLD_DIM] = {1, 2, 3, 4, 5, 6, 7, 9};
  DcMatrix rows = dc_matrix(narrow, 4, 2), two = dc_matrix(narrow, 2, 2);
  fit.like = source;
  other = NULL;
  assert_int_equal(dc_transport_fit(&rows, &two, &fit, &other, &error), DC_ERROR_SHAPE);
  assert_null(other);
  assert_non_null(strstr(error.message, "8 numbers do not fit 2"));
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
  stream_free(&sample);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_maps_go_on),
      cmocka_unit_test(identities_hold),
      cmocka_unit_test(a_restart_goes_on_with_the_same_bytes),
      cmocka_unit_test(it_survives_every_failed_allocation),
      cmocka_unit_test(other_sizes_are_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
