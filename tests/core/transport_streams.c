/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transport tracking over whole streams: the properties of section 8 of the method that only time
 * shows. The world is synthetic and its seed fixed, so every figure is exact on one machine; bounds
 * are those of the method's page, where the same was measured on its own world. */
#include "transport_data.h"

#include "allocations.h"

#include <pthread.h>

enum { LENGTH = 30000, PERIOD = 5000 };

typedef struct {
  World world;
  DcTransportSource *source;
  uint32_t *labels; /* of the tracker */
  uint32_t *frozen; /* of the anchor alone */
} Scene;

static int
set_up(void **state)
{
  Scene *scene = DC_NEW(Scene, 1);
  scene->world = world_new(1);
  scene->source = world_source(&scene->world, 7);
  scene->labels = DC_NEW(uint32_t, LENGTH);
  scene->frozen = DC_NEW(uint32_t, LENGTH);
  *state = scene;
  return 0;
}

static int
tear_down(void **state)
{
  Scene *scene = *state;
  dc_transport_source_unref(scene->source);
  dc_free(scene->labels);
  dc_free(scene->frozen);
  dc_free(scene);
  return 0;
}

/* The labels of the source's own map for ever. */
static void
label_frozen(Scene *scene, const Stream *stream)
{
  DcTransportOptions options = dc_transport_options();
  options.adaptation_rate = 0;
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  track(tracker, stream, 0, stream->rows.rows, scene->frozen);
  dc_transport_tracker_free(tracker);
}

/* Found by one look at mean and spread. */
static void
invert_and_shift(float *sample)
{
  for (size_t i = 0; i < WORLD_DIM; i++)
    sample[i] = (i < 4 ? 3.0f : -2.0f) - sample[i];
}

/* Mirrored along every other axis: found by a search only. */
static void
mirror_and_shift(float *sample)
{
  for (size_t i = 0; i < WORLD_DIM; i++)
    sample[i] = i % 2 ? 3 - sample[i] : sample[i] - 2;
}

/* A B A B ...: every other period is another domain. */
static Stream
alternating_stream(const World *world, void (*change)(float *sample))
{
  Stream stream = world_stream(world, 8, LENGTH, 1);
  for (size_t n = 0; n < LENGTH; n++)
    if (n / PERIOD % 2)
      change(dc_matrix_row(&stream.rows, n));
  return stream;
}

/* 1: with rate 0 labels are the anchor's, and no number of any expert changes. */
static void
rate_zero_never_adapts(void **state)
{
  Scene *scene = *state;
  Stream stream = alternating_stream(&scene->world, invert_and_shift);
  DcTransportOptions options = dc_transport_options();
  options.adaptation_rate = 0;
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  State before = state_of(tracker);
  track(tracker, &stream, 0, LENGTH, scene->labels);
  State after = state_of(tracker);
  const char *constant[] = {"transport.matrix", "transport.shift", "transport.offset",
                            "transport.turn", "transport.drift"};
  for (size_t i = 0; i < sizeof constant / sizeof *constant; i++)
    for (size_t a = 0; a < before.count; a++)
      if (!strcmp(before.array[a].name, constant[i]))
        assert_memory_equal(before.data[a], after.data[a],
                            before.array[a].rows * before.array[a].cols * sizeof(double));
  DcTransportStats stats = dc_transport_tracker_stats(tracker);
  assert_int_equal(stats.selected, 0);
  assert_int_equal(stats.remembered, 0);
  assert_int_equal(stats.searches, 0);
  DcTransportScorer *anchor = dc_transport_scorer_new(scene->source, &scene->source->anchor);
  DcTransportWork work;
  assert_true(dc_transport_work_init(&work, scene->source));
  for (size_t row = 0; row + 64 <= LENGTH; row += 64) {
    DcMatrix batch = dc_matrix_rows(&stream.rows, row, 64);
    dc_transport_scorer_read(anchor, &batch, &work);
    for (size_t n = 0; n < 64; n++)
      assert_int_equal(scene->labels[row + n],
                       dc_transport_largest(work.posterior + n * WORLD_CLUSTERS, WORLD_CLUSTERS));
  }
  dc_transport_work_clear(&work);
  dc_transport_scorer_free(anchor);
  dc_transport_tracker_free(tracker);
  state_free(&before);
  state_free(&after);
  stream_free(&stream);
}

/* 3: without drift the anchor stays selected, and calm stays high on a shuffled stream (13). */
static void
no_drift_costs_nothing(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 8, LENGTH, 1);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  for (size_t row = 0; row < LENGTH; row += 64) {
    track(tracker, &stream, row, row + 64 < LENGTH ? row + 64 : LENGTH, scene->labels);
    DcTransportStats stats = dc_transport_tracker_stats(tracker);
    assert_int_equal(stats.selected, 0);
    assert_true(stats.calm >= 0.9);
    assert_true(stats.displacement == 0);
  }
  label_frozen(scene, &stream);
  assert_memory_equal(scene->labels, scene->frozen, LENGTH * sizeof(uint32_t));
  assert_true(share_right(&stream, scene->labels, 0, LENGTH) > 0.999);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* 10: the leading plane turns by 60 degrees. */
static void
rotation_is_followed(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 8, LENGTH, 1);
  for (size_t n = 0; n < LENGTH; n++)
    turn(dc_matrix_row(&stream.rows, n), 60.0 * (double)n / LENGTH);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  track(tracker, &stream, 0, LENGTH, scene->labels);
  label_frozen(scene, &stream);
  size_t third = LENGTH / 3;
  /* The best possible here is 99.98 %: the noise has long tails. */
  assert_true(share_right(&stream, scene->labels, 2 * third, LENGTH) >= 0.9985);
  assert_true(share_right(&stream, scene->frozen, 2 * third, LENGTH) < 0.92);
  for (size_t row = 0; row < LENGTH; row += 1000)
    assert_true(share_right(&stream, scene->labels, row, row + 1000) >=
                share_right(&stream, scene->frozen, row, row + 1000) - 0.0011);
  DcTransportStats stats = dc_transport_tracker_stats(tracker);
  assert_true(stats.displacement > 1);
  assert_int_equal(stats.jumps, 0);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* The simple form follows the same drift with the anchor and one rate. */
static void
simple_form_follows_rotation(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 8, LENGTH, 1);
  for (size_t n = 0; n < LENGTH; n++)
    turn(dc_matrix_row(&stream.rows, n), 60.0 * (double)n / LENGTH);
  DcTransportOptions options = dc_transport_options_simple();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  track(tracker, &stream, 0, LENGTH, scene->labels);
  assert_true(share_right(&stream, scene->labels, 2 * LENGTH / 3, LENGTH) >= 0.998);
  DcTransportStats stats = dc_transport_tracker_stats(tracker);
  assert_int_equal(stats.experts, 2);
  assert_int_equal(stats.remembered, 0);
  assert_int_equal(stats.searches, 0);
  State whole = state_of(tracker);
  for (size_t i = 0; i < whole.count; i++)
    assert_string_not_equal(whole.array[i].name, "transport.window");
  state_free(&whole);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* First row at or after `first` from which 64 labels in a row are at least 98 % right. */
static size_t
found_at(const Stream *stream, const uint32_t *labels, size_t first)
{
  for (size_t row = first; row + 64 <= stream->rows.rows; row += 8)
    if (share_right(stream, labels, row, row + 64) >= 0.98)
      return row;
  return stream->rows.rows;
}

/* 11, 12 and 16: every cluster keeps its number while an unknown domain is found, at the latest
 * after `latest` embeddings, and later returns by memory. Returns when it was found. */
static size_t
assert_domains_are_known_again(Scene *scene, const Stream *stream, size_t latest, bool restarts,
                               DcTransportStats *stats)
{
  DcTransportOptions options = dc_transport_options();
  options.restarts = restarts;
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  size_t before = allocations;
  for (size_t row = 0; row < LENGTH; row += 64) {
    track(tracker, stream, row, row + 64 < LENGTH ? row + 64 : LENGTH, scene->labels);
    *stats = dc_transport_tracker_stats(tracker);
    assert_true(stats->remembered <= DC_TRANSPORT_MAX_REMEMBERED);
    for (size_t e = 1; e < options.experts; e++) { /* no learner stays lost */
      double level;
      dc_transport_tracker_expert(tracker, e, &level);
      assert_true(level >= stats->likelihood - 2);
    }
  }
  /* Learning, remembering, searching and recalling allocate nothing. */
  assert_int_equal(allocations, before);
  label_frozen(scene, stream);
  assert_near(share_right(stream, scene->frozen, 0, LENGTH), 0.5, 0.005);

  size_t found = found_at(stream, scene->labels, PERIOD) - PERIOD;
  assert_true(found <= latest);
  assert_true(share_right(stream, scene->labels, PERIOD + latest, 2 * PERIOD) >= 0.999);
  for (size_t jump = 2 * PERIOD; jump < LENGTH; jump += PERIOD) {
    assert_true(found_at(stream, scene->labels, jump) - jump <= 640);
    assert_true(share_right(stream, scene->labels, jump + 640, jump + PERIOD) >= 0.99);
  }
  assert_true(stats->remembered >= 1 && stats->remembered <= 3);
  assert_int_equal(stats->restored, 0);
  dc_transport_tracker_free(tracker);
  return found;
}

/* As the reference has it, which does not start anew. */
static void
domains_are_searched_and_recalled(void **state)
{
  Scene *scene = *state;
  Stream stream = alternating_stream(&scene->world, invert_and_shift);
  DcTransportStats stats;
  assert_true(assert_domains_are_known_again(scene, &stream, 3200, false, &stats) >= 640);
  assert_true(share_right(&stream, scene->labels, PERIOD, PERIOD + 640) == 0);
  assert_int_equal(stats.jumps, 1); /* the first B; later ones are recalled */
  stream_free(&stream);
}

/* What mean and spread tell needs no search. */
static void
inverted_domain_is_found_at_once(void **state)
{
  Scene *scene = *state;
  Stream stream = alternating_stream(&scene->world, invert_and_shift);
  DcTransportStats stats;
  assert_domains_are_known_again(scene, &stream, 256, true, &stats);
  assert_int_equal(stats.jumps, 0);
  stream_free(&stream);
}

/* 13: bursts of one cluster are not drift. */
static void
bursts_are_not_drift(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 8, LENGTH, 500);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  double least_calm = 1;
  for (size_t row = 0; row < LENGTH; row += 64) {
    track(tracker, &stream, row, row + 64 < LENGTH ? row + 64 : LENGTH, scene->labels);
    least_calm = fmin(least_calm, dc_transport_tracker_stats(tracker).calm);
  }
  DcTransportStats stats = dc_transport_tracker_stats(tracker);
  assert_true(share_right(&stream, scene->labels, 0, LENGTH) >= 0.998);
  assert_int_equal(stats.jumps, 0);
  assert_int_equal(stats.remembered, 0);
  assert_near(least_calm, 0.2, 0.05);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* 16: nine domains; six are remembered, those selected longest ago make room. */
static void
memory_is_bounded(void **state)
{
  Scene *scene = *state;
  enum { STAY = 3200, DOMAINS = 9 };
  Stream stream = world_stream(&scene->world, 9, STAY * DOMAINS, 1);
  for (size_t n = 0; n < STAY * DOMAINS; n++)
    turn(dc_matrix_row(&stream.rows, n), 15.0 * (double)(n / STAY));
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  size_t most = 0;
  for (size_t row = 0; row < STAY * DOMAINS; row += 64) {
    track(tracker, &stream, row, row + 64, scene->labels);
    size_t remembered = dc_transport_tracker_stats(tracker).remembered;
    most = remembered > most ? remembered : most;
  }
  assert_int_equal(most, DC_TRANSPORT_MAX_REMEMBERED);
  assert_true(share_right(&stream, scene->labels, 0, STAY * DOMAINS) > 0.99);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* 4: a rotated, reflected and shifted embedding space gives the same labels, likelihoods and
 * experts. */
static void
space_may_be_rotated(void **state)
{
  Scene *scene = *state;
  enum { ROWS = 6400 };
  double frame[WORLD_DIM * WORLD_DIM];
  DcRandom random;
  dc_random_seed(&random, 4, 4);
  for (size_t i = 0; i < WORLD_DIM; i++) { /* Gram and Schmidt */
    double *row = frame + i * WORLD_DIM, norm = 0;
    for (size_t j = 0; j < WORLD_DIM; j++)
      row[j] = dc_random_normal(&random);
    for (size_t other = 0; other < i; other++) {
      double along = 0;
      for (size_t j = 0; j < WORLD_DIM; j++)
        along += row[j] * frame[other * WORLD_DIM + j];
      for (size_t j = 0; j < WORLD_DIM; j++)
        row[j] -= along * frame[other * WORLD_DIM + j];
    }
    for (size_t j = 0; j < WORLD_DIM; j++)
      norm += row[j] * row[j];
    for (size_t j = 0; j < WORLD_DIM; j++)
      row[j] /= sqrt(norm);
  }
  Stream sample = world_stream(&scene->world, 7, 6000, 1);
  Stream stream = world_stream(&scene->world, 8, ROWS, 1);
  for (size_t n = 0; n < ROWS; n++)
    turn(dc_matrix_row(&stream.rows, n), 60.0 * (double)n / ROWS);
  DcMatrix centroids = dc_matrix(scene->world.centre, WORLD_CLUSTERS, WORLD_DIM);
  float moved_centre[WORLD_CLUSTERS * WORLD_DIM];
  DcMatrix moved_centroids = dc_matrix(moved_centre, WORLD_CLUSTERS, WORLD_DIM);
  Stream moved_sample = stream_alloc(6000, WORLD_DIM), moved = stream_alloc(ROWS, WORLD_DIM);
  const DcMatrix *from[] = {&sample.rows, &stream.rows, &centroids};
  const DcMatrix *to[] = {&moved_sample.rows, &moved.rows, &moved_centroids};
  for (size_t which = 0; which < 3; which++)
    for (size_t n = 0; n < from[which]->rows; n++)
      for (size_t j = 0; j < WORLD_DIM; j++) {
        double sum = 10;
        for (size_t i = 0; i < WORLD_DIM; i++)
          sum += (double)dc_matrix_row(from[which], n)[i] * frame[i * WORLD_DIM + j];
        dc_matrix_row(to[which], n)[j] = (float)sum;
      }
  /* The prototypes are those of the scene, carried along. */
  const DcTransportSource *s = scene->source;
  size_t count = s->prototypes;
  float *places = DC_NEW(float, count *WORLD_DIM), *moved_places = DC_NEW(float, count *WORLD_DIM);
  uint32_t *owner = DC_NEW(uint32_t, count);
  for (size_t m = 0; m < count; m++) {
    while (s->first[owner[m] + 1] <= m)
      owner[m]++;
    for (size_t j = 0; j < WORLD_DIM; j++) {
      double place = s->mean[j];
      for (size_t i = 0; i < WORLD_DIM; i++)
        place += s->prototype[m * WORLD_DIM + i] * s->basis[j * WORLD_DIM + i];
      places[m * WORLD_DIM + j] = (float)place;
    }
    for (size_t j = 0; j < WORLD_DIM; j++) {
      double sum = 10;
      for (size_t i = 0; i < WORLD_DIM; i++)
        sum += (double)places[m * WORLD_DIM + i] * frame[i * WORLD_DIM + j];
      moved_places[m * WORLD_DIM + j] = (float)sum;
    }
  }
  DcMatrix prototypes = dc_matrix(places, count, WORLD_DIM);
  DcMatrix moved_prototypes = dc_matrix(moved_places, count, WORLD_DIM);
  DcTransportFitOptions fit = dc_transport_fit_options();
  DcTransportSource *plain = NULL, *turned = NULL;
  assert_int_equal(dc_transport_fit_prototypes(&sample.rows, &centroids, &prototypes, owner,
                                               s->share, &fit, &plain, NULL),
                   DC_OK);
  assert_int_equal(dc_transport_fit_prototypes(&moved_sample.rows, &moved_centroids,
                                               &moved_prototypes, owner, s->share, &fit, &turned,
                                               NULL),
                   DC_OK);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *one = tracker_of(plain, &options), *other = tracker_of(turned, &options);
  for (size_t row = 0; row < ROWS; row += 64) {
    track(one, &stream, row, row + 64, scene->labels);
    track(other, &moved, row, row + 64, scene->frozen);
    DcTransportStats a = dc_transport_tracker_stats(one), b = dc_transport_tracker_stats(other);
    assert_int_equal(a.selected, b.selected);
    /* float32 moves coordinates of 20 by 1e-6, and l by 20 of that. */
    assert_near(a.likelihood, b.likelihood, 1e-4);
  }
  assert_memory_equal(scene->labels, scene->frozen, ROWS * sizeof(uint32_t));
  dc_transport_tracker_free(one);
  dc_transport_tracker_free(other);
  dc_transport_source_unref(plain);
  dc_transport_source_unref(turned);
  dc_free(places);
  dc_free(moved_places);
  dc_free(owner);
  stream_free(&sample);
  stream_free(&moved_sample);
  stream_free(&stream);
  stream_free(&moved);
}

static void *
search_on_a_worker(void *search)
{
  dc_transport_search_run(search);
  return NULL;
}

/* Tracks with a search that is used 512 embeddings after its window was taken; with `worker` it
 * runs on a thread of its own meanwhile. */
static State
track_with_delay(const Scene *scene, const Stream *stream, bool worker, uint64_t *jumps)
{
  DcTransportOptions options = dc_transport_options();
  options.search_delay = 512;
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  pthread_t thread;
  bool running = false;
  for (size_t row = 0; row < LENGTH / 2; row += 64) {
    track(tracker, stream, row, row + 64 < LENGTH / 2 ? row + 64 : LENGTH / 2, scene->labels);
    DcTransportSearch *search = dc_transport_tracker_search(tracker);
    if (worker && search && !running)
      running = pthread_create(&thread, NULL, search_on_a_worker, search) == 0;
    if (running && !search) { /* the step has waited for it */
      pthread_join(thread, NULL);
      running = false;
    }
  }
  if (running)
    pthread_join(thread, NULL);
  *jumps = dc_transport_tracker_stats(tracker).jumps;
  State end = state_of(tracker);
  dc_transport_tracker_free(tracker);
  return end;
}

/* 14: equal input gives equal bytes, with a worker and without. */
static void
worker_gives_the_same_bytes(void **state)
{
  Scene *scene = *state;
  Stream stream = alternating_stream(&scene->world, mirror_and_shift);
  uint64_t jumps[3];
  State alone = track_with_delay(scene, &stream, false, &jumps[0]);
  State again = track_with_delay(scene, &stream, false, &jumps[1]);
  State worker = track_with_delay(scene, &stream, true, &jumps[2]);
  assert_true(jumps[0] >= 1);
  assert_int_equal(jumps[2], jumps[0]);
  assert_same_state(&alone, &again);
  assert_same_state(&alone, &worker);
  state_free(&alone);
  state_free(&again);
  state_free(&worker);
  stream_free(&stream);
}

/* 15: save, restore and continue equals continue, at every kind of moment: at the anchor, while
 * learning, with a search under way, with domains remembered. */
static void
restored_tracker_continues(void **state)
{
  Scene *scene = *state;
  Stream stream = alternating_stream(&scene->world, mirror_and_shift);
  DcTransportOptions options = dc_transport_options();
  options.search_delay = 512;
  DcTransportTracker *whole = tracker_of(scene->source, &options), *part = NULL;
  bool searched = false;
  for (size_t row = 0; row < 192 * 80; row += 192) {
    DcTransportTracker *before = part;
    State saved = state_of(whole);
    part = tracker_of(scene->source, &options);
    assert_int_equal(dc_transport_tracker_restore(part, saved.array, saved.count, NULL), DC_OK);
    searched |= dc_transport_tracker_search(part) != NULL;
    track(whole, &stream, row, row + 192, scene->labels);
    track(part, &stream, row, row + 192, scene->frozen);
    assert_memory_equal(scene->labels + row, scene->frozen + row, 192 * sizeof(uint32_t));
    State one = state_of(whole), other = state_of(part);
    assert_same_state(&one, &other);
    state_free(&saved);
    state_free(&one);
    state_free(&other);
    dc_transport_tracker_free(before);
  }
  assert_true(searched);
  assert_true(dc_transport_tracker_stats(part).jumps >= 1);
  assert_true(dc_transport_tracker_stats(part).remembered >= 1);
  dc_transport_tracker_free(whole);
  dc_transport_tracker_free(part);
  stream_free(&stream);
}

/* 15: what a reader labels with the map of batch t are the labels of batch t + 1. */
static void
scorer_labels_like_the_tracker(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 8, 6400, 1);
  for (size_t n = 0; n < 6400; n++)
    turn(dc_matrix_row(&stream.rows, n), 60.0 * (double)n / 6400);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  DcTransportWork work;
  assert_true(dc_transport_work_init(&work, scene->source));
  for (size_t row = 0; row < 6400; row += 64) {
    DcTransportScorer *scorer = dc_transport_tracker_scorer(tracker);
    DcMatrix batch = dc_matrix_rows(&stream.rows, row, 64);
    dc_transport_scorer_read(scorer, &batch, &work);
    track(tracker, &stream, row, row + 64, scene->labels);
    for (size_t n = 0; n < 64; n++)
      assert_int_equal(dc_transport_largest(work.posterior + n * WORLD_CLUSTERS, WORLD_CLUSTERS),
                       scene->labels[row + n]);
    dc_transport_scorer_free(scorer);
  }
  assert_true(dc_transport_tracker_stats(tracker).selected > 0);
  dc_transport_work_clear(&work);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

/* Centroids in the stream stay near the true ones while the plane turns. */
static void
centroids_follow_the_stream(void **state)
{
  Scene *scene = *state;
  Stream stream = world_stream(&scene->world, 8, 12800, 1);
  for (size_t n = 0; n < 12800; n++)
    turn(dc_matrix_row(&stream.rows, n), 30.0 * (double)n / 12800);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(scene->source, &options);
  track(tracker, &stream, 0, 12800, scene->labels);
  DcTransportScorer *scorer = dc_transport_tracker_scorer(tracker);
  const double *found = dc_transport_scorer_centroids(scorer);
  for (size_t k = 0; k < WORLD_CLUSTERS; k++) {
    float wanted[WORLD_DIM];
    memcpy(wanted, scene->world.centre + k * WORLD_DIM, sizeof wanted);
    double stayed = 0, distance = 0;
    for (size_t i = 0; i < WORLD_DIM; i++)
      stayed += pow((double)wanted[i] - found[k * WORLD_DIM + i], 2);
    turn(wanted, 30);
    for (size_t i = 0; i < WORLD_DIM; i++)
      distance += pow((double)wanted[i] - found[k * WORLD_DIM + i], 2);
    assert_true(sqrt(distance) < 0.4 * scene->source->figure[DC_TRANSPORT_RMS]);
    assert_true(distance < stayed);
  }
  dc_transport_scorer_free(scorer);
  dc_transport_tracker_free(tracker);
  stream_free(&stream);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rate_zero_never_adapts),
      cmocka_unit_test(no_drift_costs_nothing),
      cmocka_unit_test(rotation_is_followed),
      cmocka_unit_test(simple_form_follows_rotation),
      cmocka_unit_test(domains_are_searched_and_recalled),
      cmocka_unit_test(inverted_domain_is_found_at_once),
      cmocka_unit_test(bursts_are_not_drift),
      cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(space_may_be_rotated),
      cmocka_unit_test(worker_gives_the_same_bytes),
      cmocka_unit_test(restored_tracker_continues),
      cmocka_unit_test(scorer_labels_like_the_tracker),
      cmocka_unit_test(centroids_follow_the_stream),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
