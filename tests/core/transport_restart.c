/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What transport tracking does when the stream jumps to where no map explains it: lights go out. */
#include "transport_data.h"

enum { JUMP = 2048, LENGTH = 2 * JUMP };

typedef struct {
  World world;
  DcTransportSource *source;
  uint32_t labels[LENGTH];
} Scene;

static int
set_up(void **state)
{
  Scene *scene = DC_NEW(Scene, 1);
  scene->world = world_new(1);
  scene->source = world_source(&scene->world, 7);
  *state = scene;
  return 0;
}

static int
tear_down(void **state)
{
  Scene *scene = *state;
  dc_transport_source_unref(scene->source);
  dc_free(scene);
  return 0;
}

/* At night all embeddings lie close together and far from where they were: some two and a half
 * times the spread of the whole source. */
static void
darken(Stream *stream, size_t first, size_t last)
{
  for (size_t n = first; n < last; n++)
    for (size_t i = 0; i < WORLD_DIM; i++) {
      float *number = dc_matrix_row(&stream->rows, n) + i;
      *number = 0.45f * *number + (i % 2 ? 15.0f : -13.0f);
    }
}

static DcTransportTracker *
track_all(Scene *scene, const Stream *stream, const DcTransportOptions *options)
{
  DcTransportTracker *tracker = tracker_of(scene->source, options);
  track(tracker, stream, 0, stream->rows.rows, scene->labels);
  return tracker;
}

/* One batch after the jump every cluster has its members again. */
static void
assert_night_is_followed(Scene *scene, const DcTransportOptions *options)
{
  Stream stream = world_stream(&scene->world, 8, LENGTH, 1);
  darken(&stream, JUMP, LENGTH);
  DcTransportTracker *tracker = track_all(scene, &stream, options);
  assert_true(share_right(&stream, scene->labels, 0, JUMP) > 0.999);
  assert_true(share_right(&stream, scene->labels, JUMP, JUMP + 64) < 0.5);
  assert_true(share_right(&stream, scene->labels, JUMP + 64, LENGTH) > 0.95);
  assert_true(share_right(&stream, scene->labels, LENGTH - 512, LENGTH) > 0.99);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

static void
night_is_followed_at_once(void **state)
{
  DcTransportOptions options = dc_transport_options();
  assert_night_is_followed(*state, &options);
}

static void
simple_form_follows_night(void **state)
{
  DcTransportOptions options = dc_transport_options_simple();
  assert_night_is_followed(*state, &options);
}

/* The anchor labels again as soon as it explains the stream. */
static void
morning_brings_the_source_back(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 9, LENGTH, 1);
  DcTransportOptions options = dc_transport_options();
  darken(&stream, JUMP, JUMP + 640);
  DcTransportTracker *tracker = track_all(scene, &stream, &options);
  assert_true(share_right(&stream, scene->labels, JUMP + 640 + 256, LENGTH) > 0.999);
  assert_int_equal(dc_transport_tracker_stats(tracker).selected, 0);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* The shift of the selected map, as long as the spread of the clusters. */
static double
shift_of(const DcTransportTracker *tracker, size_t expert)
{
  const DcTransportMap *map = dc_transport_tracker_expert(tracker, expert, NULL);
  double squared = 0;
  for (size_t i = 0; i < WORLD_DIM; i++)
    squared += map->shift[i] * map->shift[i];
  return sqrt(squared) / dc_transport_tracker_source(tracker)->figure[DC_TRANSPORT_RMS];
}

/* How far the middle learner goes on the batch after row `row` of a stream that is dark from there.
 */
static double
step_at(Scene *scene, Stream *stream, size_t row, size_t batch)
{
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  track(tracker, stream, 0, row, scene->labels);
  darken(stream, row, row + batch);
  DcMatrix dark = dc_matrix_rows(&stream->rows, row, batch);
  double before = shift_of(tracker, 2);
  assert_int_equal(dc_transport_tracker_step(tracker, &dark, NULL), DC_OK);
  double step = shift_of(tracker, 2) - before;
  dc_transport_tracker_free(tracker);
  return step;
}

/* The mean of a burst of one cluster is not that of all: then learners walk as ever. The same of a
 * batch of a few. */
static void
bursts_and_small_batches_do_not_start_anew(void **state)
{
  Scene *scene = *state;
  Stream mixed = world_stream(&scene->world, 8, JUMP + 64, 1);
  Stream burst = world_stream(&scene->world, 8, JUMP + 64, 1024);
  assert_true(step_at(scene, &mixed, JUMP, 64) > 10);
  assert_true(step_at(scene, &burst, JUMP, 64) < 5);
  stream_free(&mixed);
  mixed = world_stream(&scene->world, 8, JUMP + 64, 1);
  assert_true(step_at(scene, &mixed, JUMP, 8) < 5);
  stream_free(&mixed);
  stream_free(&burst);
}

/* A crowd of unknown things is no jump for good: the known ones keep their labels. */
static void
a_burst_of_unknown_things_passes(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 10, LENGTH, 1);
  DcTransportOptions options = dc_transport_options();
  for (size_t n = JUMP; n < JUMP + 256; n++)
    for (size_t i = 0; i < WORLD_DIM; i++)
      dc_matrix_row(&stream.rows, n)[i] = (i < 4 ? 40.0f : -40.0f) + 0.01f * (float)(n % 7);
  DcTransportTracker *tracker = track_all(scene, &stream, &options);
  assert_true(share_right(&stream, scene->labels, JUMP + 256 + 256, LENGTH) > 0.99);
  assert_int_equal(dc_transport_tracker_stats(tracker).restored, 0);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(night_is_followed_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(simple_form_follows_night, set_up, tear_down),
      cmocka_unit_test_setup_teardown(morning_brings_the_source_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(bursts_and_small_batches_do_not_start_anew, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_burst_of_unknown_things_passes, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
