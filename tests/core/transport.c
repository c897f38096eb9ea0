/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transport tracking: source model, scores, steps and limits. Numbers in the names of comments are
 * the properties of section 8 of the method; those about whole streams are in transport_streams.c,
 * what must be refused or survived in transport_failures.c. */
#include "transport_golden.h"

#include "allocations.h"
#include "cluster/transport_linear.h"
#include "cluster/transport_newton.h"

#include <float.h>

/* ---- golden values ---- */

static void
assert_all_near(const double *actual, const double *expected, size_t count, double tolerance)
{
  for (size_t i = 0; i < count; i++)
    assert_near(actual[i], expected[i], tolerance);
}

/* The page gives nine digits. */
static const double digits = 1e-9;

static void
golden_source_statistics(void **state)
{
  (void)state;
  DcTransportSource *s = golden_source();
  assert_all_near(s->mean, (double[]){0, 2.5}, 2, digits);
  assert_all_near(s->basis, (double[]){.995736202, .092246491, -.092246491, .995736202}, 4, digits);
  assert_all_near(s->variance, (double[]){669.6920277, 177.0579723}, 2, 1e-7);
  assert_all_near(s->prototype,
                  (double[]){-28.71900493, -15.21409726, -21.52903764, 15.58045372, 31.02516716,
                             -9.67930780, 19.22287537, 9.31295134},
                  8, 6e-8);
  assert_all_near(s->precision,
                  (double[]){.07217751443, -.01302634743, -.01302634743, .07534862371}, 4, digits);
  assert_all_near(s->curvature, (double[]){.07217723827, .07534804934}, 2, digits);
  assert_all_near(s->moment, (double[]){-.989519671, -.182367257, -.182361835, -.945121587}, 4,
                  digits);
  assert_all_near(s->gradient, (double[]){-1.663e-7, 2.396e-7}, 2, 1e-10);
  assert_all_near(s->residual, (double[]){0, 0, 3.57e-6, -5.75e-6}, 4, 1e-8);
  assert_all_near(s->occupancy, (double[]){.5, .5}, 2, 0);
  assert_near(s->figure[DC_TRANSPORT_RMS], 10 * sqrt(.143009333 + .136990667), 1e-7);
  dc_transport_source_unref(s);
}

/* float32 rounds the batch by up to 1e-6 of 30, which moves L by less than 1e-7 and 32 steps' B by
 * less than 3e-8. */
static void
golden_steps(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  DcTransportTracker *tracker = golden_tracker(source);
  DcMatrix batch = dc_matrix(&golden_rows[0][0], 4, 2);
  uint32_t labels[4];
  double level;

  assert_int_equal(dc_transport_tracker_step(tracker, &batch, labels), DC_OK);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(labels[i], i / 2);
  assert_int_equal(dc_transport_tracker_stats(tracker).selected, 0);
  for (size_t e = 0; e < 4; e++) {
    dc_transport_tracker_expert(tracker, e, &level);
    assert_near(level, -.343404326, 1e-7);
  }
  const DcTransportMap *map = dc_transport_tracker_expert(tracker, 2, NULL);
  assert_all_near(map->matrix, (double[]){1.005770355, .006335943, -.010707728, 1.000884965}, 4,
                  1e-8);
  assert_all_near(map->shift, (double[]){-.00445631, -.00453160}, 2, 1e-6);
  assert_all_near(map->offset, (double[]){.00649099, -.03619483, -.00507306, .03762564}, 4, 1e-6);

  assert_int_equal(dc_transport_tracker_step(tracker, &batch, labels), DC_OK);
  const double second[4] = {-.618127787, -.612021239, -.601964326, -.583472214};
  for (size_t e = 0; e < 4; e++) {
    dc_transport_tracker_expert(tracker, e, &level);
    assert_near(level, second[e], 1e-7);
  }
  assert_all_near(map->matrix, (double[]){1.010822565, .011713096, -.020476136, 1.002538123}, 4,
                  1e-8);

  for (int i = 3; i <= 32; i++)
    assert_int_equal(dc_transport_tracker_step(tracker, &batch, labels), DC_OK);
  assert_int_equal(dc_transport_tracker_stats(tracker).selected, 3);
  const double last[4] = {-1.715661266, -1.385426441, -1.335792244, -1.333305830};
  for (size_t e = 0; e < 4; e++) {
    dc_transport_tracker_expert(tracker, e, &level);
    assert_near(level, last[e], 1e-7);
  }
  assert_all_near(map->matrix, (double[]){1.044441171, .055238824, -.106712042, 1.059503477}, 4,
                  3e-8);
  DcTransportScorer *scorer = dc_transport_tracker_scorer(tracker);
  assert_all_near(dc_transport_scorer_centroids(scorer),
                  (double[]){-24.19728156, 2.34851466, 24.31881091, 2.75359977}, 4, 1e-6);
  dc_transport_scorer_free(scorer);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
}

static void
golden_likelihood_at_the_anchor(void **state)
{
  (void)state;
  DcTransportSource *source = golden_source();
  DcTransportScorer *scorer = dc_transport_scorer_new(source, &source->anchor);
  DcTransportWork work;
  assert_true(dc_transport_work_init(&work, source));
  DcMatrix batch = dc_matrix(&golden_rows[0][0], 4, 2);
  dc_transport_scorer_read(scorer, &batch, &work);
  assert_all_near(work.likelihood,
                  (double[]){-1.860578878, -1.580936655, -1.763538870, -1.663032118}, 4, 3e-7);
  for (size_t i = 0; i < 4; i++)
    assert_near(work.posterior[2 * i] + work.posterior[2 * i + 1], 1, 1e-15);
  dc_transport_work_clear(&work);
  dc_transport_scorer_free(scorer);
  dc_transport_source_unref(source);
}

/* ---- scores ---- */

/* Section 3.1 by its definition: log sum of pi exp(-(x - q) Wi (x - q) / 2), and the posteriors. */
static double
score_reference(const DcTransportSource *s, const DcTransportMap *map, const double *z,
                double *posterior)
{
  double x[DC_TRANSPORT_MAX_DIM], total = 0;
  for (size_t i = 0; i < s->dim; i++) {
    x[i] = map->shift[i];
    for (size_t j = 0; j < s->dim; j++)
      x[i] += map->matrix[i * s->dim + j] * z[j];
  }
  for (size_t k = 0; k < s->clusters; k++) {
    posterior[k] = 0;
    for (size_t m = s->first[k]; m < s->first[k + 1]; m++) {
      double distance = 0;
      for (size_t i = 0; i < s->dim; i++)
        for (size_t j = 0; j < s->dim; j++)
          distance += (x[i] - s->prototype[m * s->dim + i] - map->offset[k * s->dim + i]) *
                      s->precision[i * s->dim + j] *
                      (x[j] - s->prototype[m * s->dim + j] - map->offset[k * s->dim + j]);
      posterior[k] += (s->share[m] + 1e-9) * exp(-distance / 2);
    }
    total += posterior[k];
  }
  for (size_t k = 0; k < s->clusters; k++)
    posterior[k] /= total;
  return log(total) + map->log_det;
}

static DcTransportMap
random_map(const DcTransportSource *s, DcRandom *random, double *block)
{
  DcTransportMap map;
  double square[DC_TRANSPORT_MAX_DIM * DC_TRANSPORT_MAX_DIM];
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  dc_transport_map_place(s, block, &map);
  for (size_t i = 0; i < s->dim * s->dim; i++)
    map.matrix[i] = (i % (s->dim + 1) == 0) + 0.2 * dc_random_normal(random);
  for (size_t i = 0; i < s->dim; i++)
    map.shift[i] = dc_random_normal(random);
  for (size_t i = 0; i < s->clusters * s->dim; i++)
    map.offset[i] = 0.3 * dc_random_normal(random);
  dc_transport_map_derive(s, &map);
  assert_true(dc_transport_map_measure(s, &map, square, pivot));
  return map;
}

static void
scores_equal_their_definition(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *s = world_source(&world, 2);
  double *block = DC_NEW(double, dc_transport_map_size(s));
  DcRandom random;
  dc_random_seed(&random, 5, 5);
  DcTransportMap map = random_map(s, &random, block);
  Stream stream = world_stream(&world, 3, DC_TRANSPORT_CHUNK, 1);
  DcTransportWork work;
  assert_true(dc_transport_work_init(&work, s));
  dc_transport_project(s, &stream.rows, &work);
  dc_transport_score(s, &map, work.stream, DC_TRANSPORT_CHUNK, &work);
  for (size_t n = 0; n < DC_TRANSPORT_CHUNK; n++) {
    double posterior[WORLD_CLUSTERS];
    double likelihood = score_reference(s, &map, work.stream + n * s->dim, posterior);
    /* |x Wi q| reaches a few hundred, of which 1e-16 are lost in each of a few hundred terms. */
    assert_near(work.likelihood[n], likelihood, 1e-11);
    assert_all_near(work.posterior + n * s->clusters, posterior, s->clusters, 1e-11);
  }
  dc_transport_work_clear(&work);
  stream_free(&stream);
  dc_free(block);
  dc_transport_source_unref(s);
}

/* 9: one prototype makes l a Gaussian log-density up to its constant. */
static void
likelihood_of_one_prototype_is_gaussian(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 1, 9);
  float rows[500 * 3], centre[3] = {0, 0, 0};
  for (size_t i = 0; i < 1500; i++)
    rows[i] = (float)(dc_random_normal(&random) * (double)(1 + i % 3));
  DcMatrix samples = dc_matrix(rows, 500, 3), centroid = dc_matrix(centre, 1, 3);
  DcTransportFitOptions options = dc_transport_fit_options();
  options.prototypes = 1;
  options.shrinkage = 0;
  DcTransportSource *s = NULL;
  assert_int_equal(dc_transport_fit(&samples, &centroid, &options, &s, NULL), DC_OK);
  assert_int_equal(s->prototypes, 1);
  DcTransportWork work;
  assert_true(dc_transport_work_init(&work, s));
  DcMatrix some = dc_matrix_rows(&samples, 0, 64);
  dc_transport_project(s, &some, &work);
  double kept[64];
  dc_transport_score(s, &s->anchor, work.stream, 64, &work);
  for (size_t n = 0; n < 64; n++) {
    double quadratic = 0; /* the sample covariance is diag(lam) in its own principal directions */
    for (size_t i = 0; i < 3; i++)
      quadratic += work.stream[n * 3 + i] * work.stream[n * 3 + i] / s->variance[i];
    /* The one prototype is rounded to float32, 1e-7 of the spread. */
    assert_near(work.likelihood[n], -quadratic / 2, 1e-5);
    kept[n] = work.likelihood[n];
  }
  /* A stream of twice the size, read through half the matrix, loses d log 2. */
  double *block = DC_NEW(double, dc_transport_map_size(s)), square[9];
  uint32_t pivot[3];
  DcTransportMap half;
  dc_transport_map_place(s, block, &half);
  dc_transport_map_copy(s, &s->anchor, &half);
  for (size_t i = 0; i < 9; i++)
    half.matrix[i] /= 2;
  assert_true(dc_transport_map_measure(s, &half, square, pivot));
  for (size_t i = 0; i < 64 * 3; i++)
    work.stream[i] *= 2;
  dc_transport_score(s, &half, work.stream, 64, &work);
  for (size_t n = 0; n < 64; n++)
    assert_near(work.likelihood[n], kept[n] - 3 * log(2), 1e-12);
  dc_free(block);
  dc_transport_work_clear(&work);
  dc_transport_source_unref(s);
}

/* 8: every 2 x 2 system is positive definite, and its solution solves it. */
static void
newton_steps_solve_their_systems(void **state)
{
  (void)state;
  World world = world_new(2);
  DcTransportSource *s = world_source(&world, 2);
  const double rho = 0.1;
  double moment[64], gradient[8], matrix[64], shift[8];
  DcRandom random;
  dc_random_seed(&random, 3, 3);
  for (size_t i = 0; i < 64; i++)
    moment[i] = dc_random_normal(&random);
  for (size_t i = 0; i < 8; i++)
    gradient[i] = dc_random_normal(&random);
  dc_transport_newton(s, moment, gradient, rho, matrix, shift);
  for (size_t i = 0; i < 8; i++)
    for (size_t j = 0; j < 8; j++) {
      double forth = s->curvature[i] * s->variance[j], back = s->curvature[j] * s->variance[i];
      assert_true((forth + rho) * (back + rho) - 1 > 0);
      double again = -(forth + rho) * matrix[i * 8 + j] - matrix[j * 8 + i];
      assert_near(again, moment[i * 8 + j], 1e-6 * fabs(moment[i * 8 + j]) + 1e-12);
    }
  for (size_t i = 0; i < 8; i++)
    assert_near(-(s->curvature[i] + rho / s->variance[i]) * shift[i], gradient[i],
                1e-12 * fabs(gradient[i]));
  dc_transport_source_unref(s);
}

/* ---- one step ---- */

/* 2: the source itself, as one batch, moves nothing. */
static void
source_as_a_batch_moves_nothing(void **state)
{
  (void)state;
  World world = world_new(3);
  Stream sample = world_stream(&world, 4, 3000, 1);
  DcMatrix centroids = dc_matrix(world.centre, WORLD_CLUSTERS, WORLD_DIM);
  DcTransportFitOptions options = dc_transport_fit_options();
  DcTransportSource *source = NULL;
  assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &source, NULL), DC_OK);
  DcTransportOptions track_options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(source, &track_options);
  assert_int_equal(dc_transport_tracker_step(tracker, &sample.rows, NULL), DC_OK);
  for (size_t e = 1; e < 4; e++) {
    const DcTransportMap *map = dc_transport_tracker_expert(tracker, e, NULL);
    /* Sums of 3 000 terms of size 100 lose 1e-11 at worst. */
    assert_all_near(map->matrix, source->anchor.matrix, 64, 1e-11);
    assert_all_near(map->shift, source->anchor.shift, 8, 1e-11);
    assert_all_near(map->offset, source->anchor.offset, 48, 1e-11);
  }
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
  stream_free(&sample);
}

/* A learned metric takes the place of Wi up to its scale, and all that is made of it follows: Wi
 * itself, three times as large, changes nothing, and with another one the source still moves
 * nothing. */
static void
a_learned_metric_replaces_the_covariance(void **state)
{
  (void)state;
  World world = world_new(3);
  Stream sample = world_stream(&world, 4, 3000, 1);
  DcMatrix centroids = dc_matrix(world.centre, WORLD_CLUSTERS, WORLD_DIM);
  DcTransportFitOptions options = dc_transport_fit_options();
  DcTransportSource *plain = NULL, *same = NULL, *other = NULL;
  assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &plain, NULL), DC_OK);
  double metric[64], half[64];
  dc_linear_multiply(plain->basis, plain->precision, 8, 8, 8, half);
  for (size_t i = 0; i < 8; i++)
    for (size_t j = 0; j < 8; j++) {
      metric[i * 8 + j] = 0;
      for (size_t k = 0; k < 8; k++)
        metric[i * 8 + j] += 3 * half[i * 8 + k] * plain->basis[j * 8 + k];
    }
  options.metric = metric;
  assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &same, NULL), DC_OK);
  assert_all_near(same->precision, plain->precision, 64, 1e-9);
  assert_all_near(same->moment, plain->moment, 64, 1e-8);
  assert_all_near(same->curvature, plain->curvature, 8, 1e-8);
  assert_all_near(same->residual, plain->residual, 48, 1e-8);

  for (size_t i = 0; i < 64; i++)
    metric[i] = i % 9 ? 0.05 : 1 + (double)(i / 9);
  assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &other, NULL), DC_OK);
  double apart = 0;
  for (size_t i = 0; i < 64; i++)
    apart = fmax(apart, fabs(other->precision[i] - plain->precision[i]));
  assert_true(apart > 0.2 * plain->precision[0]);
  DcTransportOptions track_options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(other, &track_options);
  assert_int_equal(dc_transport_tracker_step(tracker, &sample.rows, NULL), DC_OK);
  const DcTransportMap *map = dc_transport_tracker_expert(tracker, 3, NULL);
  assert_all_near(map->matrix, other->anchor.matrix, 64, 1e-10); /* a metric up to 8 / d times Wi */
  assert_all_near(map->offset, other->anchor.offset, 48, 1e-10);
  dc_transport_tracker_free(tracker);

  const double useless[] = {0, -1, NAN};
  for (size_t i = 0; i < 3; i++) {
    DcTransportSource *none = NULL;
    DcError error = {0};
    for (size_t j = 0; j < 64; j++)
      metric[j] = j % 9 ? 0 : useless[i];
    assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &none, &error),
                     DC_ERROR_ARGUMENT);
    assert_null(none);
    assert_non_null(strstr(error.message, "metric"));
  }
  dc_transport_source_unref(plain);
  dc_transport_source_unref(same);
  dc_transport_source_unref(other);
  stream_free(&sample);
}

/* 5: the same batch from the same state gives the same state, and the source is only read. */
static void
step_is_a_function_of_state_and_batch(void **state)
{
  (void)state;
  World world = world_new(3);
  DcTransportSource *source = world_source(&world, 4);
  Stream stream = world_stream(&world, 5, 640, 1);
  for (size_t n = 0; n < 640; n++)
    turn(dc_matrix_row(&stream.rows, n), 20);
  double *memory = DC_NEW(double, source->memory.capacity / sizeof(double));
  memcpy(memory, source->memory.block, source->memory.capacity);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *first = tracker_of(source, &options), *second = tracker_of(source, &options);
  track(first, &stream, 0, 576, NULL);
  State start = state_of(first);
  assert_int_equal(dc_transport_tracker_restore(second, start.array, start.count, NULL), DC_OK);
  track(first, &stream, 576, 640, NULL);
  track(second, &stream, 576, 640, NULL);
  State one = state_of(first), other = state_of(second);
  assert_same_state(&one, &other);
  assert_memory_equal(memory, source->memory.block, source->memory.capacity);
  state_free(&start);
  state_free(&one);
  state_free(&other);
  dc_free(memory);
  dc_transport_tracker_free(first);
  dc_transport_tracker_free(second);
  stream_free(&stream);
  dc_transport_source_unref(source);
}

/* 6: what a cluster out of sight has learnt stays, bit by bit. */
static void
cluster_out_of_sight_keeps_its_offset(void **state)
{
  (void)state;
  World world = world_new(3);
  DcTransportSource *source = world_source(&world, 4);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(source, &options);
  Stream mixed = world_stream(&world, 5, 320, 1), burst = world_stream(&world, 6, 64, 64);
  for (size_t n = 0; n < 64; n++) /* near the centre, where the other clusters weigh nothing */
    for (size_t i = 0; i < WORLD_DIM; i++) {
      float *number = dc_matrix_row(&burst.rows, n) + i;
      *number += 0.9f * (world.centre[burst.truth[n] * WORLD_DIM + i] - *number);
    }
  track(tracker, &mixed, 0, 320, NULL);
  State before = state_of(tracker);
  track(tracker, &burst, 0, 64, NULL);
  State after = state_of(tracker);
  double *old = state_numbers(&before, "transport.offset");
  double *new = state_numbers(&after, "transport.offset");
  size_t in_sight = burst.truth[0], row = WORLD_DIM * sizeof(double);
  for (size_t e = 1; e < 4; e++) {
    assert_memory_not_equal(state_numbers(&before, "transport.matrix") + e * 64,
                            state_numbers(&after, "transport.matrix") + e * 64, 8 * row);
    for (size_t k = 0; k < WORLD_CLUSTERS; k++) {
      size_t at = (e * WORLD_CLUSTERS + k) * WORLD_DIM;
      assert_int_equal(memcmp(old + at, new + at, row) != 0, k == in_sight);
    }
  }
  state_free(&before);
  state_free(&after);
  stream_free(&mixed);
  stream_free(&burst);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
}

/* 7: bounds hold after absurd batches, and the tracker finds back. */
static void
absurd_embeddings_stay_within_bounds(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *source = world_source(&world, 4);
  Stream stream = world_stream(&world, 5, 4096, 1);
  uint32_t *labels = DC_NEW(uint32_t, 4096);
  const float factors[] = {1e3f, 1e6f, 1e9f, 1e20f, 1e37f, -1e37f, 0};
  DcTransportOptions options = dc_transport_options();
  for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
    DcTransportTracker *tracker = tracker_of(source, &options);
    Stream absurd = world_stream(&world, 6, 64, 1);
    for (size_t i = 0; i < 64 * WORLD_DIM; i++)
      absurd.rows.data[i] *= factors[f];
    track(tracker, &absurd, 0, 64, NULL);
    /* The first learner has no velocity, so its first step is I - B. */
    double step[64];
    memcpy(step, dc_transport_tracker_expert(tracker, 1, NULL)->matrix, sizeof step);
    for (size_t i = 0; i < 8; i++)
      step[i * 9] -= 1;
    assert_true(dc_linear_norm(step, 64) <= 0.2 * (1 + 1e-12));
    for (int i = 0; i < 10; i++)
      track(tracker, &absurd, 0, 64, NULL);
    State after = state_of(tracker);
    for (size_t i = 0; i < after.count; i++)
      assert_true(dc_linear_is_finite(after.data[i], after.array[i].rows * after.array[i].cols));
    for (size_t row = 0; row < 4 * WORLD_CLUSTERS; row++)
      assert_true(dc_linear_norm(state_numbers(&after, "transport.offset") + row * 8, 8) <=
                  1.5 * source->figure[DC_TRANSPORT_RMS] * (1 + 1e-12));
    track(tracker, &stream, 0, 4096, labels);
    assert_true(share_right(&stream, labels, 2048, 4096) > 0.999);
    state_free(&after);
    stream_free(&absurd);
    dc_transport_tracker_free(tracker);
  }
  dc_free(labels);
  stream_free(&stream);
  dc_transport_source_unref(source);
}

/* 17: any batch size, 0 included. */
static void
batches_of_any_size_are_accepted(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *source = world_source(&world, 4);
  Stream stream = world_stream(&world, 5, 5000, 1);
  for (size_t n = 0; n < 5000; n++)
    turn(dc_matrix_row(&stream.rows, n), 0.006 * (double)n);
  uint32_t *labels = DC_NEW(uint32_t, 5000);
  DcTransportOptions options = dc_transport_options();
  const size_t sizes[] = {1, 7, 64, 1000, 5000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    DcTransportTracker *tracker = tracker_of(source, &options);
    for (size_t row = 0; row < 5000; row += sizes[i]) {
      size_t left = 5000 - row;
      DcMatrix batch = dc_matrix_rows(&stream.rows, row, left < sizes[i] ? left : sizes[i]);
      assert_int_equal(dc_transport_tracker_step(tracker, &batch, labels + row), DC_OK);
    }
    assert_true(share_right(&stream, labels, 0, 5000) > 0.99);
    assert_int_equal(dc_transport_tracker_stats(tracker).seen, 5000);
    State before = state_of(tracker);
    DcMatrix none = dc_matrix_rows(&stream.rows, 0, 0);
    assert_int_equal(dc_transport_tracker_step(tracker, &none, labels), DC_OK);
    State after = state_of(tracker);
    assert_same_state(&before, &after);
    state_free(&before);
    state_free(&after);
    dc_transport_tracker_free(tracker);
  }
  dc_free(labels);
  stream_free(&stream);
  dc_transport_source_unref(source);
}

/* Powers of rates and memories make the state after two half batches that of the whole one, up to
 * what the second half sees of the first half's step. */
static void
small_batches_add_up(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *source = world_source(&world, 4);
  Stream stream = world_stream(&world, 5, 64 * 10, 1);
  for (size_t n = 0; n < stream.rows.rows; n++)
    turn(dc_matrix_row(&stream.rows, n), 15);
  DcTransportOptions options = dc_transport_options();
  const size_t sizes[] = {64, 16};
  double turned[2], levels[2];
  for (size_t i = 0; i < 2; i++) {
    DcTransportTracker *tracker = tracker_of(source, &options);
    for (size_t row = 0; row < stream.rows.rows; row += sizes[i]) {
      DcMatrix batch = dc_matrix_rows(&stream.rows, row, sizes[i]);
      assert_int_equal(dc_transport_tracker_step(tracker, &batch, NULL), DC_OK);
    }
    double change[64];
    memcpy(change, dc_transport_tracker_expert(tracker, 1, &levels[i])->matrix, sizeof change);
    for (size_t j = 0; j < 8; j++)
      change[j * 9] -= 1;
    turned[i] = dc_linear_norm(change, 64);
    dc_transport_tracker_free(tracker);
  }
  /* Measured: 0.247 and 0.240; without the powers 0.247 and 0.434. */
  assert_true(turned[0] > 0.1);
  assert_near(turned[1] / turned[0], 1, 0.05);
  assert_near(levels[1], levels[0], 0.1);
  stream_free(&stream);
  dc_transport_source_unref(source);
}

/* An expert whose numbers have gone bad starts again at the anchor, and is counted. */
static void
bad_expert_is_restored(void **state)
{
  (void)state;
  World world = world_new(1);
  DcTransportSource *source = world_source(&world, 4);
  DcTransportOptions options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(source, &options);
  Stream stream = world_stream(&world, 5, 128, 1);
  track(tracker, &stream, 0, 64, NULL);
  State kept = state_of(tracker);
  for (size_t i = 0; i < WORLD_DIM; i++) /* the velocity of expert 2 */
    state_numbers(&kept, "transport.turn")[2 * 64 + i * 9] = 1e12;
  assert_int_equal(dc_transport_tracker_restore(tracker, kept.array, kept.count, NULL), DC_OK);
  track(tracker, &stream, 64, 128, NULL);
  assert_int_equal(dc_transport_tracker_stats(tracker).restored, 1);
  assert_memory_equal(dc_transport_tracker_expert(tracker, 2, NULL)->matrix, source->anchor.matrix,
                      64 * sizeof(double));
  State after = state_of(tracker);
  for (size_t i = 0; i < 64; i++)
    assert_true(state_numbers(&after, "transport.turn")[2 * 64 + i] == 0);
  state_free(&kept);
  state_free(&after);
  stream_free(&stream);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
}

/* ---- fitting ---- */

static void
prototypes_follow_the_sample(void **state)
{
  (void)state;
  assert_int_equal(dc_transport_prototypes_for(900, 10), 2);
  assert_int_equal(dc_transport_prototypes_for(10000, 10), 8);
  assert_int_equal(dc_transport_prototypes_for(1000000, 10), 8);
  assert_int_equal(dc_transport_prototypes_for(0, 10), 2);
  assert_int_equal(dc_transport_prototypes_for(4000, 10), 5);
}

static void
fit_describes_the_sample(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream sample = world_stream(&world, 4, 6000, 1);
  DcTransportSource *s = world_source(&world, 4);
  assert_int_equal(s->dim, WORLD_DIM);
  assert_int_equal(s->prototypes, 8 * WORLD_CLUSTERS);
  double share = 0, occupancy = 0;
  for (size_t m = 0; m < s->prototypes; m++)
    share += s->share[m];
  for (size_t k = 0; k < s->clusters; k++)
    occupancy += s->occupancy[k];
  assert_near(share, 1, 1e-12);
  assert_near(occupancy, 1, 1e-12);
  double identity[64];
  dc_linear_multiply_transposed(s->basis, s->basis, 8, 8, 8, identity);
  assert_all_near(identity, s->anchor.matrix, 64, 1e-12);
  for (size_t i = 1; i < 8; i++)
    assert_true(s->variance[i] <= s->variance[i - 1]);
  for (size_t i = 0; i < 8; i++)
    assert_true(s->curvature[i] * s->variance[i] >= 1);
  /* Prototypes of a cluster lie among its members: the mean of those weighed by share is the
   * cell's. */
  for (size_t k = 0; k < s->clusters; k++)
    for (size_t i = 0; i < 8; i++) {
      double mean = 0, mass = 0;
      for (size_t m = s->first[k]; m < s->first[k + 1]; m++) {
        mean += s->share[m] * s->prototype[m * 8 + i];
        mass += s->share[m];
      }
      assert_near(mean / mass, s->centroid[k * 8 + i],
                  0.35); /* 5 s.e. of 1 000 samples of s.d. 2 */
    }
  dc_transport_source_unref(s);
  stream_free(&sample);
}

/* Directions without variance are dropped, also where there are fewer samples than numbers; the
 * centroids keep what lies outside. */
static void
fit_drops_empty_directions(void **state)
{
  (void)state;
  World world = world_new(1);
  const size_t counts[] = {2000, 90};
  for (size_t i = 0; i < 2; i++) {
    Stream sample = wide_stream(&world, 3, counts[i], 0);
    DcMatrix centroids = true_centroids(&sample);
    DcTransportFitOptions options = dc_transport_fit_options();
    DcTransportSource *source = NULL;
    assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &source, NULL), DC_OK);
    assert_int_equal(source->dim, WORLD_DIM);
    DcTransportScorer *scorer = dc_transport_scorer_new(source, &source->anchor);
    for (size_t j = 0; j < WORLD_CLUSTERS * 100; j++)
      assert_near(dc_transport_scorer_centroids(scorer)[j], centroids.data[j], 1e-5);
    dc_transport_scorer_free(scorer);
    dc_transport_source_unref(source);
    dc_free(centroids.data);
    stream_free(&sample);
  }
}

/* Of more than 32 numbers, the leading 24 directions are worked in; labels do not suffer. */
static void
fit_takes_leading_directions_of_wide_embeddings(void **state)
{
  (void)state;
  World world = world_new(1);
  Stream sample = wide_stream(&world, 3, 2000, 0.5), stream = wide_stream(&world, 4, 640, 0.5);
  DcMatrix centroids = true_centroids(&sample);
  DcTransportFitOptions options = dc_transport_fit_options();
  DcTransportSource *source = NULL;
  assert_int_equal(dc_transport_fit(&sample.rows, &centroids, &options, &source, NULL), DC_OK);
  assert_int_equal(source->dim, 24);
  DcTransportOptions track_options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(source, &track_options);
  uint32_t labels[640];
  track(tracker, &stream, 0, 640, labels);
  assert_true(share_right(&stream, labels, 0, 640) > 0.99);
  dc_transport_tracker_free(tracker);
  DcTransportScorer *scorer = dc_transport_scorer_new(source, &source->anchor);
  for (size_t j = 0; j < WORLD_CLUSTERS * 100; j++)
    assert_near(dc_transport_scorer_centroids(scorer)[j], centroids.data[j], 1e-4);
  dc_transport_scorer_free(scorer);
  dc_transport_source_unref(source);
  dc_free(centroids.data);
  stream_free(&sample);
  stream_free(&stream);
}

/* A cluster without members, repeated samples, and fewer samples than prototypes. */
static void
fit_copes_with_poor_samples(void **state)
{
  (void)state;
  float rows[12][2] = {{0, 0},   {0, 0},   {0, 0}, {0, 1},   {1, 0}, {10, 10},
                       {10, 10}, {10, 11}, {0, 0}, {10, 10}, {0, 1}, {11, 10}};
  float places[3][2] = {{0, 0}, {10, 10}, {100, -100}};
  DcMatrix samples = dc_matrix(&rows[0][0], 12, 2), centroids = dc_matrix(&places[0][0], 3, 2);
  DcTransportFitOptions options = dc_transport_fit_options();
  options.prototypes = 8;
  DcTransportSource *s = NULL;
  assert_int_equal(dc_transport_fit(&samples, &centroids, &options, &s, NULL), DC_OK);
  assert_int_equal(s->size[0], 3); /* of eight asked for, one for each distinct sample */
  assert_int_equal(s->size[1], 3);
  assert_int_equal(s->size[2], 1);
  assert_true(s->share[6] == 0);
  /* Every sample is its own prototype, and yet all numbers are usable. */
  DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS];
  dc_transport_source_arrays(s, arrays);
  for (size_t i = 0; i < DC_TRANSPORT_SOURCE_ARRAYS; i++)
    assert_true(dc_linear_is_finite(arrays[i].data, arrays[i].rows * arrays[i].cols));
  DcTransportOptions track_options = dc_transport_options();
  DcTransportTracker *tracker = tracker_of(s, &track_options);
  uint32_t labels[12];
  for (int i = 0; i < 100; i++)
    assert_int_equal(dc_transport_tracker_step(tracker, &samples, labels), DC_OK);
  for (size_t n = 0; n < 12; n++)
    assert_int_equal(labels[n], rows[n][0] > 5);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(s);
}

/* ---- linear algebra ---- */

static void
factors_solve_and_refuse_singular_matrices(void **state)
{
  (void)state;
  double a[9] = {0, 2, 1, 1, 1, 0, 3, 0, 1}, factored[9], x[3] = {1, -2, 3};
  uint32_t pivot[3];
  memcpy(factored, a, sizeof a);
  assert_true(dc_linear_factor(factored, 3, 1e-6, pivot));
  assert_near(dc_linear_log_det(factored, 3), log(5), 1e-14); /* |0*1 - 2*1 + 1*(-3)| */
  double y[3] = {0};
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++)
      y[i] += a[i * 3 + j] * x[j];
  dc_linear_solve(factored, pivot, 3, y, 1);
  assert_all_near(y, x, 3, 1e-14);
  double singular[4] = {1, 2, 2, 4}, bad[4] = {1, NAN, 0, 1}, first[1] = {NAN};
  assert_false(dc_linear_factor(singular, 2, 1e-6, pivot));
  assert_false(dc_linear_factor(bad, 2, 1e-6, pivot));
  assert_false(dc_linear_factor(first, 1, 1e-6, pivot));
}

static void
eigenvectors_rebuild_their_matrix(void **state)
{
  (void)state;
  enum { N = 7 };
  DcRandom random;
  dc_random_seed(&random, 8, 8);
  double half[N * N], a[N * N], vectors[N * N], values[N], scaled[N * N], again[N * N];
  for (size_t i = 0; i < N * N; i++)
    half[i] = dc_random_normal(&random);
  dc_linear_multiply_transposed(half, half, N, N, N, a);
  double *scratch = DC_NEW(double, dc_linear_eigen_scratch(N));
  assert_true(dc_linear_eigen(a, N, values, vectors, scratch));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++)
      scaled[i * N + j] = vectors[i * N + j] * values[i];
  memset(again, 0, sizeof again);
  dc_linear_add_products(scaled, vectors, N, N, N, again);
  assert_all_near(again, a, N * N, 1e-12);
  for (size_t j = 1; j < N; j++)
    assert_true(values[j] <= values[j - 1]);
  a[3] = NAN;
  assert_false(dc_linear_eigen(a, N, values, vectors, scratch));
  dc_free(scratch);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_source_statistics),
      cmocka_unit_test(golden_steps),
      cmocka_unit_test(golden_likelihood_at_the_anchor),
      cmocka_unit_test(scores_equal_their_definition),
      cmocka_unit_test(likelihood_of_one_prototype_is_gaussian),
      cmocka_unit_test(newton_steps_solve_their_systems),
      cmocka_unit_test(source_as_a_batch_moves_nothing),
      cmocka_unit_test(a_learned_metric_replaces_the_covariance),
      cmocka_unit_test(step_is_a_function_of_state_and_batch),
      cmocka_unit_test(cluster_out_of_sight_keeps_its_offset),
      cmocka_unit_test(absurd_embeddings_stay_within_bounds),
      cmocka_unit_test(batches_of_any_size_are_accepted),
      cmocka_unit_test(small_batches_add_up),
      cmocka_unit_test(bad_expert_is_restored),
      cmocka_unit_test(prototypes_follow_the_sample),
      cmocka_unit_test(fit_describes_the_sample),
      cmocka_unit_test(fit_drops_empty_directions),
      cmocka_unit_test(fit_takes_leading_directions_of_wide_embeddings),
      cmocka_unit_test(fit_copes_with_poor_samples),
      cmocka_unit_test(factors_solve_and_refuse_singular_matrices),
      cmocka_unit_test(eigenvectors_rebuild_their_matrix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
