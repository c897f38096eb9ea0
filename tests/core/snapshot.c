/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/random.h"
#include "stream/snapshot_builder.h"
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { MEMBERS = 2000 };

static void
measure_gaussian(DcSurvival *survival, double deviation, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  static float distances[MEMBERS];
  double square = 0;
  for (size_t i = 0; i < MEMBERS; i++) {
    double x = deviation * dc_random_normal(&random), y = deviation * dc_random_normal(&random);
    distances[i] = (float)hypot(x, y);
    square += x * x + y * y;
  }
  dc_survival_measure(survival, distances, MEMBERS, (float)sqrt(square / MEMBERS));
}

/* Two clusters in the plane at (0, 0) and (4, 0), deviation 1, temperature 2. */
static DcSnapshot *
two_clusters(uint64_t version)
{
  static const float centroids[] = {0, 0, 4, 0};
  DcClusterInfo infos[2] = {{.label = "left", .spread = 1.4f}, {.label = "right", .spread = 1.4f}};
  DcSurvival survival[2];
  measure_gaussian(&survival[0], 1, 1);
  measure_gaussian(&survival[1], 1, 2);
  DcSnapshotParts parts = {
      .version = version,
      .encoder = "test",
      .centroids = dc_matrix(centroids, 2, 2),
      .infos = infos,
      .survival = survival,
      .temperature = 2,
  };
  return dc_snapshot_new(&parts);
}

static void
assigns_by_hand_computed_posteriors(void **state)
{
  (void)state;
  DcSnapshot *snapshot = two_clusters(3);
  DcAssigner *assigner = dc_assigner_new();
  const float points[] = {0, 0, 3, 4, 1.5f, 0, 2, 7};
  DcMatrix embeddings = dc_matrix(points, 4, 2);
  DcAssignment assignments[4];
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &embeddings, 0, assignments), DC_OK);
  static const uint32_t expected[] = {0, 1, 0, 0}; /* the last one is a tie */
  for (size_t i = 0; i < 4; i++) {
    const float *z = points + 2 * i;
    double left = exp(-(z[0] * z[0] + z[1] * z[1]) / 2.0);
    double right = exp(-((z[0] - 4) * (z[0] - 4) + z[1] * z[1]) / 2.0);
    double best = expected[i] ? right : left;
    assert_int_equal(assignments[i].cluster, expected[i]);
    assert_int_equal(assignments[i].second, 1 - expected[i]);
    /* Scores of order 10 in single precision: 1e-6 of each. */
    assert_float_equal(assignments[i].confidence, (float)(best / (left + right)), 1e-5f);
    assert_float_equal(assignments[i].margin, (float)((2 * best - left - right) / (left + right)),
                       1e-5f);
    assert_float_equal(assignments[i].distance, hypotf(z[0] - (expected[i] ? 4 : 0), z[1]), 1e-5f);
    assert_false(assignments[i].novel);
  }
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
}

static void
keeps_what_it_was_made_of(void **state)
{
  (void)state;
  DcSnapshot *snapshot = two_clusters(42);
  assert_int_equal(dc_snapshot_version(snapshot), 42);
  assert_int_equal(dc_snapshot_clusters(snapshot), 2);
  assert_int_equal(dc_snapshot_dim(snapshot), 2);
  assert_string_equal(dc_snapshot_encoder(snapshot), "test");
  assert_string_equal(dc_snapshot_cluster(snapshot, 1)->label, "right");
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  assert_float_equal(dc_matrix_row(&centroids, 1)[0], 4, 0);
  dc_snapshot_unref(snapshot);
}

static void
one_assigner_serves_many_snapshots(void **state)
{
  (void)state;
  DcAssigner *assigner = dc_assigner_new();
  DcAssignment assignment;
  const float point[] = {3, 0, 0};
  for (int turn = 0; turn < 3; turn++) {
    DcSnapshot *pair = two_clusters(1);
    DcMatrix plane = dc_matrix(point, 1, 2);
    assert_int_equal(dc_snapshot_assign(pair, assigner, &plane, 0, &assignment), DC_OK);
    assert_int_equal(assignment.cluster, 1);
    dc_snapshot_unref(pair);

    DcClusterInfo info = {.label = "one"};
    DcSurvival unknown = {0};
    DcSnapshotParts parts = {.version = 1,
                             .encoder = "test",
                             .centroids = dc_matrix((float[]){0, 0, 0}, 1, 3),
                             .infos = &info,
                             .survival = &unknown,
                             .temperature = 1};
    DcSnapshot *single = dc_snapshot_new(&parts);
    DcMatrix space = dc_matrix(point, 1, 3);
    assert_int_equal(dc_snapshot_assign(single, assigner, &space, 0.5, &assignment), DC_OK);
    assert_int_equal(assignment.cluster, 0);
    assert_int_equal(assignment.second, 0);
    assert_float_equal(assignment.confidence, 1, 0);
    assert_false(assignment.novel); /* nothing is known of its members yet */
    dc_snapshot_unref(single);
  }
  dc_assigner_free(assigner);
}

/* The share of fresh members that is called novel is the rate that was asked for. */
static void
novelty_is_a_false_alarm_rate(void **state)
{
  (void)state;
  enum { N = 40000 };
  static float points[N][2];
  static DcAssignment assignments[N];
  DcRandom random;
  dc_random_seed(&random, 77, 0);
  for (size_t i = 0; i < N; i++)
    for (size_t axis = 0; axis < 2; axis++)
      points[i][axis] = (float)dc_random_normal(&random) - (axis == 0 ? 4 : 0);
  static const float centroids[] = {-4, 0};
  DcClusterInfo info = {.label = "one", .spread = 1.4f};
  DcSurvival survival;
  measure_gaussian(&survival, 1, 5);
  DcSnapshotParts parts = {.version = 1,
                           .encoder = "test",
                           .centroids = dc_matrix(centroids, 1, 2),
                           .infos = &info,
                           .survival = &survival,
                           .temperature = 2};
  DcSnapshot *snapshot = dc_snapshot_new(&parts);
  DcAssigner *assigner = dc_assigner_new();
  DcMatrix embeddings = dc_matrix(&points[0][0], N, 2);
  static const double rates[] = {0.5, 0.2, 0.05, 0.01};
  for (size_t r = 0; r < 4; r++) {
    assert_int_equal(dc_snapshot_assign(snapshot, assigner, &embeddings, rates[r], assignments),
                     DC_OK);
    double novel = 0;
    for (size_t i = 0; i < N; i++)
      novel += assignments[i].novel;
    novel /= N;
    /* Four standard errors of a share of 2000 members; the exponential tail of a Gaussian is too
     * heavy by up to a factor of two at 0.01. */
    double error = 4 * sqrt(rates[r] * (1 - rates[r]) / MEMBERS) + 0.1 * rates[r];
    assert_true(novel < rates[r] + error && novel > rates[r] / 2.5 - error / 4);
  }
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
}

static void
survival_falls_from_one_and_never_rises(void **state)
{
  (void)state;
  DcSurvival survival;
  measure_gaussian(&survival, 3, 9);
  float last = 1;
  for (float distance = 0; distance < 60; distance += 0.05f) {
    float share = dc_survival_at(&survival, distance);
    assert_true(share >= 0 && share <= last);
    last = share;
  }
  assert_true(last < 1e-6f);
}

static void
survival_of_one_point_repeated_knows_nothing(void **state)
{
  (void)state;
  DcSurvival survival;
  const float zeros[5] = {0};
  dc_survival_measure(&survival, zeros, 5, 0);
  assert_float_equal(dc_survival_at(&survival, 10), 1, 0);
  dc_survival_measure(&survival, zeros, 0, 1);
  assert_float_equal(dc_survival_at(&survival, 10), 1, 0);
}

static void
refuses_what_it_cannot_assign(void **state)
{
  (void)state;
  DcSnapshot *snapshot = two_clusters(1);
  DcAssigner *assigner = dc_assigner_new();
  DcAssignment assignments[2];
  const float points[] = {0, NAN, 1, INFINITY, 0, 0};
  DcMatrix three_numbers = dc_matrix(points, 1, 3), with_nan = dc_matrix(points, 1, 2);
  DcMatrix with_infinity = dc_matrix(points + 2, 2, 2), fine = dc_matrix(points + 4, 1, 2);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &three_numbers, 0, assignments),
                   DC_ERROR_SHAPE);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &with_nan, 0, assignments),
                   DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &with_infinity, 0, assignments),
                   DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &fine, -0.1, assignments),
                   DC_ERROR_ARGUMENT);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &fine, NAN, assignments),
                   DC_ERROR_ARGUMENT);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
}

static void
a_point_beyond_single_precision_is_novel_not_nan(void **state)
{
  (void)state;
  DcSnapshot *snapshot = two_clusters(1);
  DcAssigner *assigner = dc_assigner_new();
  DcAssignment assignment;
  const float point[] = {3e38f, -3e38f};
  DcMatrix embeddings = dc_matrix(point, 1, 2);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &embeddings, 0.01, &assignment), DC_OK);
  assert_true(isfinite(assignment.confidence) && isfinite(assignment.distance));
  assert_true(isfinite(assignment.margin) && assignment.cluster < 2);
  assert_true(assignment.novel);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
}

static void
no_rows_are_no_work(void **state)
{
  (void)state;
  DcSnapshot *snapshot = two_clusters(1);
  DcAssigner *assigner = dc_assigner_new();
  DcMatrix none = dc_matrix(NULL, 0, 2);
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &none, 0, NULL), DC_OK);
  dc_assigner_free(assigner);
  dc_assigner_free(NULL);
  dc_snapshot_unref(snapshot);
  dc_snapshot_unref(NULL);
}

/* --- readers in other threads while a writer publishes; ThreadSanitizer watches --- */

typedef struct {
  pthread_mutex_t mutex; /* guards `newest`, never held while assigning */
  DcSnapshot *newest;
  bool done;
} Shared;

static void *
read_newest(void *user_data)
{
  Shared *shared = user_data;
  DcAssigner *assigner = dc_assigner_new();
  const float point[] = {3, 0};
  DcMatrix embeddings = dc_matrix(point, 1, 2);
  uint64_t last = 0;
  for (bool done = false; !done;) {
    pthread_mutex_lock(&shared->mutex);
    DcSnapshot *snapshot = dc_snapshot_ref(shared->newest);
    done = shared->done;
    pthread_mutex_unlock(&shared->mutex);
    DcAssignment assignment = {0};
    if (dc_snapshot_assign(snapshot, assigner, &embeddings, 0, &assignment) != DC_OK ||
        assignment.cluster != 1 || dc_snapshot_version(snapshot) < last)
      user_data = NULL;
    last = dc_snapshot_version(snapshot);
    dc_snapshot_unref(snapshot);
  }
  dc_assigner_free(assigner);
  return user_data;
}

static void
readers_see_growing_versions(void **state)
{
  (void)state;
  Shared shared = {.mutex = PTHREAD_MUTEX_INITIALIZER, .newest = two_clusters(1)};
  pthread_t readers[3];
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&readers[i], NULL, read_newest, &shared), 0);
  for (uint64_t version = 2; version < 200; version++) {
    DcSnapshot *snapshot = two_clusters(version);
    pthread_mutex_lock(&shared.mutex);
    DcSnapshot *old = shared.newest;
    shared.newest = snapshot;
    shared.done = version == 199;
    pthread_mutex_unlock(&shared.mutex);
    dc_snapshot_unref(old);
  }
  for (size_t i = 0; i < 3; i++) {
    void *fine;
    pthread_join(readers[i], &fine);
    assert_non_null(fine);
  }
  dc_snapshot_unref(shared.newest);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(assigns_by_hand_computed_posteriors),
      cmocka_unit_test(keeps_what_it_was_made_of),
      cmocka_unit_test(one_assigner_serves_many_snapshots),
      cmocka_unit_test(novelty_is_a_false_alarm_rate),
      cmocka_unit_test(survival_falls_from_one_and_never_rises),
      cmocka_unit_test(survival_of_one_point_repeated_knows_nothing),
      cmocka_unit_test(refuses_what_it_cannot_assign),
      cmocka_unit_test(a_point_beyond_single_precision_is_novel_not_nan),
      cmocka_unit_test(no_rows_are_no_work),
      cmocka_unit_test(readers_see_growing_versions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
