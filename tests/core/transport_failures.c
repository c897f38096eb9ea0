/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transport tracking: what must be refused, and what must be survived. */
#include "transport_golden.h"

#include "allocations.h"

#include <float.h>

static void
assert_fit_fails(DcMatrix samples, DcMatrix centroids, DcTransportFitOptions options,
                 DcStatus expected, const char *part)
{
  DcTransportSource *source = NULL;
  DcError error = {0};
  assert_int_equal(dc_transport_fit(&samples, &centroids, &options, &source, &error), expected);
  assert_null(source);
  if (!strstr(error.message, part))
    fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void
fit_refuses_bad_input(void **state)
{
  (void)state;
  float rows[8] = {1, 2, 3, 4, 5, 6, 7, 9}, same[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  float nan[8] = {1, 2, NAN, 4, 5, 6, 7, 9}, infinite[2] = {INFINITY, 0};
  DcMatrix good = dc_matrix(rows, 4, 2), two = dc_matrix(rows, 2, 2);
  DcTransportFitOptions options = dc_transport_fit_options(), bad = options;
  assert_fit_fails(dc_matrix(rows, 1, 2), two, options, DC_ERROR_ARGUMENT, "at least 2");
  assert_fit_fails(dc_matrix(rows, 0, 2), two, options, DC_ERROR_ARGUMENT, "at least 2");
  assert_fit_fails(dc_matrix(same, 4, 2), two, options, DC_ERROR_ARGUMENT, "all equal");
  assert_fit_fails(dc_matrix(nan, 4, 2), two, options, DC_ERROR_NOT_FINITE, "source embeddings");
  assert_fit_fails(good, dc_matrix(infinite, 1, 2), options, DC_ERROR_NOT_FINITE,
                   "start centroids");
  assert_fit_fails(good, dc_matrix(rows, 2, 1), options, DC_ERROR_SHAPE, "have 1 numbers");
  assert_fit_fails(good, dc_matrix(rows, 0, 2), options, DC_ERROR_ARGUMENT, "0 clusters");
  bad.directions = DC_TRANSPORT_MAX_DIM + 1;
  assert_fit_fails(good, two, bad, DC_ERROR_ARGUMENT, "directions");
  bad = options;
  bad.prototypes = DC_TRANSPORT_MAX_PROTOTYPES + 1;
  assert_fit_fails(good, two, bad, DC_ERROR_ARGUMENT, "prototypes");
  bad = options;
  bad.shrinkage = NAN;
  assert_fit_fails(good, two, bad, DC_ERROR_ARGUMENT, "shrinkage");
  const uint32_t cells[] = {0, 1, 2, 0};
  bad = options;
  bad.cells = cells;
  assert_fit_fails(good, two, bad, DC_ERROR_ARGUMENT, "sample 2 is of cluster 2 of 2");
}

static void
fit_refuses_bad_prototypes(void **state)
{
  (void)state;
  float rows[8] = {1, 2, 3, 4, 5, 6, 7, 9};
  DcMatrix samples = dc_matrix(rows, 4, 2), centroids = dc_matrix(rows, 2, 2);
  DcTransportFitOptions options = dc_transport_fit_options();
  const struct {
    size_t count, cols;
    uint32_t owner[3];
    double share[3];
    DcStatus status;
  } cases[] = {
      {3, 2, {0, 1, 0}, {1, 1, 1}, DC_ERROR_ARGUMENT},   /* not ascending */
      {3, 2, {0, 0, 2}, {1, 1, 1}, DC_ERROR_ARGUMENT},   /* a gap, and out of range */
      {2, 2, {1, 1, 0}, {1, 1, 0}, DC_ERROR_ARGUMENT},   /* does not start at 0 */
      {3, 2, {0, 0, 0}, {1, 1, 1}, DC_ERROR_ARGUMENT},   /* cluster 1 has none */
      {2, 2, {0, 1, 0}, {0, 0, 0}, DC_ERROR_ARGUMENT},   /* no share at all */
      {2, 2, {0, 1, 0}, {1, -1, 0}, DC_ERROR_ARGUMENT},  /* negative */
      {2, 2, {0, 1, 0}, {1, NAN, 0}, DC_ERROR_ARGUMENT}, /* not a number */
      {2, 1, {0, 1, 0}, {1, 1, 0}, DC_ERROR_SHAPE},
      {0, 2, {0, 0, 0}, {0, 0, 0}, DC_ERROR_ARGUMENT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    DcMatrix prototypes = dc_matrix(rows, cases[i].count, cases[i].cols);
    DcTransportSource *source = NULL;
    assert_int_equal(dc_transport_fit_prototypes(&samples, &centroids, &prototypes, cases[i].owner,
                                                 cases[i].share, &options, &source, NULL),
                     cases[i].status);
    assert_null(source);
  }
}

static void
tracker_refuses_bad_options(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  DcTransportOptions bad[11];
  for (size_t i = 0; i < 11; i++)
    bad[i] = dc_transport_options();
  bad[0].experts = 1;
  bad[1].experts = DC_TRANSPORT_MAX_EXPERTS + 1;
  bad[2].rate[2] = 1.5;
  bad[3].rate[1] = NAN;
  bad[4].velocity[3] = -0.1;
  bad[5].remembered = DC_TRANSPORT_MAX_REMEMBERED + 1;
  bad[6].window = 1;
  bad[7].search_delay = bad[7].window + 1;
  bad[8].adaptation_rate = -1;
  bad[9].private_memory = 0;
  bad[10].batch = 0;
  for (size_t i = 0; i < 11; i++) {
    DcTransportTracker *tracker = NULL;
    DcError error = {0};
    assert_int_equal(dc_transport_tracker_new(source, &bad[i], &tracker, &error),
                     DC_ERROR_ARGUMENT);
    assert_null(tracker);
    assert_true(error.message[0]);
  }
  dc_transport_source_unref(source);
}

static void
step_refuses_bad_batches_and_keeps_its_state(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  DcTransportTracker *tracker = golden_tracker(source);
  DcMatrix batch = dc_matrix(&golden_rows[0][0], 4, 2);
  assert_int_equal(dc_transport_tracker_step(tracker, &batch, NULL), DC_OK);
  State before = state_of(tracker);
  float bad[4] = {1, 2, NAN, 4};
  uint32_t labels[4] = {9, 9, 9, 9};
  DcMatrix rows = dc_matrix(bad, 2, 2), narrow = dc_matrix(bad, 2, 1);
  assert_int_equal(dc_transport_tracker_step(tracker, &rows, labels), DC_ERROR_NOT_FINITE);
  bad[2] = -INFINITY;
  assert_int_equal(dc_transport_tracker_step(tracker, &rows, labels), DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_transport_tracker_step(tracker, &narrow, labels), DC_ERROR_SHAPE);
  assert_int_equal(dc_transport_tracker_configure(tracker, 2, 150, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_transport_tracker_configure(tracker, NAN, 150, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_transport_tracker_configure(tracker, 1, -1, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(labels[0], 9);
  State after = state_of(tracker);
  assert_same_state(&before, &after);
  state_free(&before);
  state_free(&after);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
}

static void
scorer_refuses_a_flat_map(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  double *block = DC_NEW(double, dc_transport_map_size(source));
  DcTransportMap flat;
  dc_transport_map_place(source, block, &flat);
  assert_null(dc_transport_scorer_new(source, &flat)); /* its matrix is all 0 */
  dc_free(block);
  dc_transport_source_unref(source);
}

/* Scratch follows the source that is read with, and stays where it is for one of the same sizes. */
static void
work_follows_the_source(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *small = golden_source(), *large = world_source(&world, 2);
  DcTransportWork work = {0};
  assert_true(dc_transport_work_fit(&work, small));
  size_t before = allocations;
  assert_true(dc_transport_work_fit(&work, small));
  assert_int_equal(allocations, before);
  assert_true(dc_transport_work_fit(&work, large));
  work.weight[DC_TRANSPORT_CHUNK * large->prototypes - 1] = 1;
  fail_at = allocations;
  assert_false(dc_transport_work_fit(&work, small));
  fail_at = SIZE_MAX;
  assert_int_equal(work.dim, 0);
  assert_true(dc_transport_work_fit(&work, small));
  dc_transport_work_clear(&work);
  dc_transport_source_unref(small);
  dc_transport_source_unref(large);
}

/* A state with one thing wrong is refused with a message that names it, and the tracker starts
 * over. */
static void
restore_refuses_bad_states(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  DcTransportTracker *tracker = golden_tracker(source), *fresh = golden_tracker(source);
  DcMatrix batch = dc_matrix(&golden_rows[0][0], 4, 2);
  assert_int_equal(dc_transport_tracker_step(tracker, &batch, NULL), DC_OK);
  State good = state_of(tracker), start = state_of(fresh);
  for (size_t i = 0; i < good.count; i++)
    for (int fault = 0; fault < 4; fault++) {
      DcTransportArray kept = good.array[i];
      double number = good.data[i][0];
      if (fault == 0)
        good.array[i].name = "something else";
      else if (fault == 1)
        good.array[i].rows++;
      else
        good.data[i][0] = fault == 2 ? NAN : INFINITY;
      DcError error = {0};
      if (fault == 1 && good.array[i].rows > 1) /* keeps the reader inside the array */
        good.array[i].rows = kept.rows - (kept.rows > 1), good.array[i].cols -= kept.rows == 1;
      assert_int_equal(dc_transport_tracker_restore(tracker, good.array, good.count, &error),
                       DC_ERROR_FORMAT);
      assert_non_null(strstr(error.message, kept.name));
      State after = state_of(tracker);
      assert_same_state(&after, &start);
      state_free(&after);
      good.array[i] = kept;
      good.data[i][0] = number;
    }
  const struct {
    const char *name;
    size_t at;
    double number;
  } lies[] = {
      {"transport.counter", 0, 99},    {"transport.counter", 0, -1},
      {"transport.counter", 0, 0.5},   {"transport.counter", 1, 1},
      {"transport.counter", 1, 11},    {"transport.counter", 7, 1025},
      {"transport.counter", 8, 1024},  {"transport.counter", 9, 2},
      {"transport.counter", 2, 1e300}, {"transport.matrix", 0, 1e300},
      {"transport.shift", 2, 1e300},
  };
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    double *numbers = state_numbers(&good, lies[i].name), kept = numbers[lies[i].at];
    numbers[lies[i].at] = lies[i].number;
    DcError error = {0};
    assert_int_equal(dc_transport_tracker_restore(tracker, good.array, good.count, &error),
                     DC_ERROR_FORMAT);
    assert_true(error.message[0]);
    numbers[lies[i].at] = kept;
  }
  assert_int_equal(dc_transport_tracker_restore(tracker, good.array, good.count, NULL), DC_OK);
  State again = state_of(tracker);
  assert_same_state(&again, &good);
  state_free(&again);
  state_free(&good);
  state_free(&start);
  dc_transport_tracker_free(tracker);
  dc_transport_tracker_free(fresh);
  dc_transport_source_unref(source);
}

static void
source_survives_its_arrays(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *source = world_source(&world, 4), *copy = NULL;
  DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS];
  dc_transport_source_arrays(source, arrays);
  assert_int_equal(dc_transport_source_restore(arrays, DC_TRANSPORT_SOURCE_ARRAYS, &copy, NULL),
                   DC_OK);
  assert_int_equal(copy->memory.capacity, source->memory.capacity);
  assert_memory_equal(copy->memory.block, source->memory.block, copy->memory.capacity);
  assert_memory_equal(copy->first, source->first, (WORLD_CLUSTERS + 1) * sizeof(uint32_t));
  dc_transport_source_unref(copy);
  dc_transport_source_unref(source);
}

static void
source_refuses_bad_arrays(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS];
  const struct {
    const char *name;
    double numbers[2];
  } lies[] = {
      {"transport.source.variance", {6, -1}}, {"transport.source.variance", {6, 0}},
      {"transport.source.curvature", {0, 1}}, {"transport.source.occupancy", {-1, 2}},
      {"transport.source.size", {2.5, 1.5}},  {"transport.source.size", {0, 4}},
      {"transport.source.size", {2, 3}},      {"transport.source.mean", {NAN, 0}},
  };
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    dc_transport_source_arrays(source, arrays);
    for (size_t a = 0; a < DC_TRANSPORT_SOURCE_ARRAYS; a++)
      if (!strcmp(arrays[a].name, lies[i].name))
        arrays[a].data = lies[i].numbers;
    DcTransportSource *copy = NULL;
    DcError error = {0};
    assert_int_equal(dc_transport_source_restore(arrays, DC_TRANSPORT_SOURCE_ARRAYS, &copy, &error),
                     DC_ERROR_FORMAT);
    assert_null(copy);
    assert_true(error.message[0]);
  }
  for (size_t missing = 0; missing < DC_TRANSPORT_SOURCE_ARRAYS; missing++) {
    dc_transport_source_arrays(source, arrays);
    const char *name = arrays[missing].name;
    arrays[missing].name = "";
    DcTransportSource *copy = NULL;
    DcError error = {0};
    assert_int_equal(dc_transport_source_restore(arrays, DC_TRANSPORT_SOURCE_ARRAYS, &copy, &error),
                     DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, name));
  }
  dc_transport_source_arrays(source, arrays);
  arrays[1].cols = SIZE_MAX; /* the basis; found before anything of that size is looked at */
  arrays[1].rows = 0;
  DcTransportSource *copy = NULL;
  assert_int_equal(dc_transport_source_restore(arrays, DC_TRANSPORT_SOURCE_ARRAYS, &copy, NULL),
                   DC_ERROR_FORMAT);
  assert_null(dc_transport_source_alloc(0, 1, 1, 1));
  assert_null(dc_transport_source_alloc(2, 3, 1, 1));
  assert_null(dc_transport_source_alloc(2, 2, 4, 3));
  dc_transport_source_unref(source);
}

/* Everything from sample to scorer, with the allocation of number `failing` refused (SIZE_MAX:
 * none). Returns what went wrong first. */
static DcStatus
make_all(const Stream *sample, const DcMatrix *centroids, size_t failing)
{
  DcTransportFitOptions fit = dc_transport_fit_options();
  DcTransportOptions options = dc_transport_options();
  options.window = 64;
  DcTransportSource *source = NULL, *copy = NULL;
  DcTransportTracker *tracker = NULL;
  DcTransportScorer *scorer = NULL;
  fail_at = failing == SIZE_MAX ? SIZE_MAX : allocations + failing;
  DcStatus status = dc_transport_fit(&sample->rows, centroids, &fit, &source, NULL);
  if (!status) {
    DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS];
    dc_transport_source_arrays(source, arrays);
    status = dc_transport_source_restore(arrays, DC_TRANSPORT_SOURCE_ARRAYS, &copy, NULL);
  }
  if (!status)
    status = dc_transport_tracker_new(source, &options, &tracker, NULL);
  if (!status)
    scorer = dc_transport_tracker_scorer(tracker);
  if (!status && !scorer)
    status = DC_ERROR_MEMORY;
  fail_at = SIZE_MAX;
  dc_transport_scorer_free(scorer);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(copy);
  dc_transport_source_unref(source);
  return status;
}

static void
every_failed_allocation_is_survived(void **state)
{
  (void)state;
  World world = world_new(1);
  const size_t dims[] = {WORLD_DIM, 100}; /* both ways to the principal directions */
  for (size_t i = 0; i < 2; i++) {
    Stream sample = i ? wide_stream(&world, 3, 60, 0) : world_stream(&world, 3, 60, 1);
    assert_int_equal(sample.rows.cols, dims[i]);
    DcMatrix centroids = true_centroids(&sample);
    size_t before = allocations;
    assert_int_equal(make_all(&sample, &centroids, SIZE_MAX), DC_OK);
    size_t needed = allocations - before;
    for (size_t failing = 0; failing < needed; failing++)
      assert_int_equal(make_all(&sample, &centroids, failing), DC_ERROR_MEMORY);
    dc_free(centroids.data);
    stream_free(&sample);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fit_refuses_bad_input),
      cmocka_unit_test(fit_refuses_bad_prototypes),
      cmocka_unit_test(tracker_refuses_bad_options),
      cmocka_unit_test(step_refuses_bad_batches_and_keeps_its_state),
      cmocka_unit_test(scorer_refuses_a_flat_map),
      cmocka_unit_test(work_follows_the_source),
      cmocka_unit_test(restore_refuses_bad_states),
      cmocka_unit_test(source_survives_its_arrays),
      cmocka_unit_test(source_refuses_bad_arrays),
      cmocka_unit_test(every_failed_allocation_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
