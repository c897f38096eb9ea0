/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/drift_stream.h"

#include "eval/drift_scores.h"
#include "test.h"

#include <string.h>

enum { COUNT = 6000, CLASSES = 10 };

typedef struct {
  uint32_t samples[COUNT], labels[COUNT], inputs[COUNT];
  DcDriftPool pool;
} World;

static World *
make_world(void)
{
  static World world;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  for (uint32_t i = 0; i < COUNT; i++) {
    world.samples[i] = COUNT - 1 - i;
    world.labels[i] = dc_random_below(&random, CLASSES);
    world.inputs[i] = i % 3;
  }
  world.pool = (DcDriftPool){world.samples, COUNT, world.labels, NULL};
  return &world;
}

static DcDriftStream
make(const char *name, const DcDriftPool *pool, size_t length, uint64_t seed)
{
  DcDriftStream stream;
  DcError error = {DC_OK, ""};
  DcStatus status = dc_drift_stream_init(&stream, dc_drift_kind(name), pool, length, seed, &error);
  assert_string_equal(error.message, "");
  assert_int_equal(status, DC_OK);
  return stream;
}

static bool
has_looks(const DcDriftStream *stream)
{
  DcLook plain = dc_look_plain();
  for (size_t i = 0; i < stream->length; i++)
    if (memcmp(&stream->looks[i], &plain, sizeof plain) != 0)
      return true;
  return false;
}

static void
equal_seeds_give_equal_streams_and_no_sample_twice(void **state)
{
  (void)state;
  World *world = make_world();
  world->pool.inputs = world->inputs;
  size_t kinds;
  const DcDriftKind *list = dc_drift_kinds(&kinds);
  assert_true(kinds >= 20);
  for (size_t k = 0; k < kinds; k++) {
    DcDriftStream one = make(list[k].name, &world->pool, COUNT, 5);
    DcDriftStream same = make(list[k].name, &world->pool, COUNT, 5);
    assert_int_equal(one.length, same.length);
    assert_true(one.length > COUNT / 2);
    assert_memory_equal(one.samples, same.samples, one.length * sizeof *one.samples);
    assert_memory_equal(one.looks, same.looks, one.length * sizeof *one.looks);
    bool used[COUNT] = {false};
    for (size_t i = 0; i < one.length; i++) {
      assert_false(used[one.samples[i]]);
      used[one.samples[i]] = true;
    }
    dc_drift_stream_clear(&one);
    dc_drift_stream_clear(&same);
  }
}

static void
drifts_have_their_strength(void **state)
{
  (void)state;
  World *world = make_world();
  DcDriftStream stream = make("rotate", &world->pool, COUNT, 1);
  assert_near(stream.looks[0].turn, 0, 0);
  assert_near(stream.looks[COUNT / 2].turn, 30, 1e-9);
  assert_near(stream.looks[COUNT - 1].turn, 60, 0.011); /* a step is 60 / 6000 */
  assert_int_equal(stream.jumps, 0);
  dc_drift_stream_clear(&stream);
  stream = make("contrast", &world->pool, COUNT, 1);
  assert_near(stream.looks[COUNT / 2].contrast, 0.4, 1e-9);
  assert_near(stream.looks[COUNT / 2].brightness * 255, 60, 1e-9);
  dc_drift_stream_clear(&stream);
  stream = make("noise", &world->pool, COUNT, 1);
  assert_near(stream.looks[COUNT - 1].noise * 255, 80, 0.014);
  dc_drift_stream_clear(&stream);
  stream = make("none", &world->pool, COUNT, 1);
  assert_false(has_looks(&stream));
  assert_memory_equal(stream.samples, world->samples, sizeof world->samples);
  dc_drift_stream_clear(&stream);
}

static void
sudden_changes_are_told(void **state)
{
  (void)state;
  World *world = make_world();
  DcDriftStream stream = make("rotate-sudden", &world->pool, COUNT, 1);
  assert_int_equal(stream.jumps, 2);
  assert_int_equal(stream.jump[0], COUNT / 3);
  assert_int_equal(stream.jump[1], 2 * COUNT / 3);
  assert_near(stream.looks[COUNT / 3].turn, 40, 0);
  assert_near(stream.looks[COUNT / 3 - 1].turn, 0, 0);
  dc_drift_stream_clear(&stream);
  stream = make("inversion-recurring", &world->pool, COUNT, 1);
  assert_int_equal(stream.jumps, 5);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(stream.looks[i].inverted, i / (COUNT / 6) % 2);
  dc_drift_stream_clear(&stream);
}

static void
two_looks_come_in_turn(void **state)
{
  (void)state;
  World *world = make_world();
  DcDriftStream stream = make("rotate-alternating", &world->pool, COUNT, 1);
  assert_int_equal(stream.jumps, 0);
  for (size_t i = 0; i < COUNT; i++)
    assert_near(stream.looks[i].turn, i % 2 ? 40 : 0, 0);
  dc_drift_stream_clear(&stream);
}

static void
bursts_are_of_one_class(void **state)
{
  (void)state;
  World *world = make_world();
  DcDriftStream stream = make("bursts", &world->pool, COUNT, 1);
  assert_int_equal(stream.length, COUNT);
  size_t changes = 0;
  for (size_t i = 1; i < COUNT; i++)
    changes += world->labels[stream.samples[i]] != world->labels[stream.samples[i - 1]];
  /* 6 000 in bursts of 275 on average, the last of each class shorter. */
  assert_true(changes >= 12 && changes <= 60);
  dc_drift_stream_clear(&stream);
}

static size_t
upper_classes(const World *world, const DcDriftStream *stream, size_t from, size_t to)
{
  size_t count = 0;
  for (size_t i = from; i < to; i++)
    count += world->labels[stream->samples[i]] >= CLASSES / 2;
  return count;
}

static void
classes_appear_and_vanish(void **state)
{
  (void)state;
  World *world = make_world();
  DcDriftStream stream = make("new-classes", &world->pool, COUNT, 1);
  assert_int_equal(upper_classes(world, &stream, 0, COUNT / 3), 0);
  assert_true(upper_classes(world, &stream, COUNT / 3, COUNT / 2) > COUNT / 6 / 2);
  dc_drift_stream_clear(&stream);
  stream = make("vanishing", &world->pool, COUNT, 1);
  assert_true(upper_classes(world, &stream, 0, COUNT / 4) > COUNT / 4 / 3);
  assert_int_equal(upper_classes(world, &stream, COUNT / 4, COUNT / 2), 0);
  assert_true(upper_classes(world, &stream, COUNT / 2, COUNT) > COUNT / 4);
  dc_drift_stream_clear(&stream);
}

static void
domains_follow_each_other_and_the_first_comes_back(void **state)
{
  (void)state;
  World *world = make_world();
  world->pool.inputs = world->inputs;
  DcDriftStream stream = make("domains", &world->pool, COUNT, 1);
  assert_int_equal(stream.jumps, 3);
  static const uint32_t expected[] = {0, 1, 2, 0};
  size_t part = 0;
  for (size_t i = 0; i < stream.length; i++) {
    part += part < stream.jumps && i == stream.jump[part];
    assert_int_equal(world->inputs[stream.samples[i]], expected[part]);
  }
  dc_drift_stream_clear(&stream);
}

static void
assert_refused(const char *name, const DcDriftPool *pool, size_t length, const char *words)
{
  DcDriftStream stream;
  DcError error;
  assert_int_equal(dc_drift_stream_init(&stream, dc_drift_kind(name), pool, length, 1, &error),
                   DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, words));
  assert_null(stream.samples);
}

static void
refuses_what_cannot_be_made(void **state)
{
  (void)state;
  World *world = make_world();
  assert_null(dc_drift_kind("sideways"));
  DcDriftPool few = world->pool;
  few.count = 5;
  assert_refused("none", &few, COUNT, "5 samples");
  assert_refused("none", &world->pool, 3, "3 samples");
  assert_refused("domains", &world->pool, COUNT, "at least two");
  memset(world->labels, 0, sizeof world->labels);
  assert_refused("new-classes", &world->pool, COUNT, "several classes");
  assert_refused("vanishing", &world->pool, COUNT, "several classes");
}

/* ---- scores ---- */

static void
scores_tell_identity_from_grouping(void **state)
{
  (void)state;
  static uint32_t classes[4000], same[4000], swapped[4000];
  for (size_t i = 0; i < 4000; i++) {
    classes[i] = i % 2;
    same[i] = 7 - i % 2;
    swapped[i] = (i % 2) ^ (i >= 2000);
  }
  DcDriftScores scores;
  assert_int_equal(dc_drift_scores(same, classes, 4000, NULL, 0, &scores), DC_OK);
  assert_near(scores.acc, 1, 0);
  assert_near(scores.window_acc, 1, 0);
  assert_near(scores.switches_per_1000, 0, 0);
  assert_true(isnan(scores.recovery));
  assert_int_equal(dc_drift_scores(swapped, classes, 4000, NULL, 0, &scores), DC_OK);
  assert_near(scores.acc, 0.5, 0);
  assert_near(scores.window_acc, 1, 0);
  assert_near(scores.nmi, 0, 1e-12);
  assert_near(scores.switches_per_1000, 1 / 4.0, 1e-12); /* each of two clusters once in 4 000 */
  double course[4];
  assert_int_equal(dc_drift_course(swapped, classes, 4000, course), DC_OK);
  assert_near(course[0] + course[3], 1, 0);
}

static void
recovery_counts_from_the_jump(void **state)
{
  (void)state;
  static uint32_t classes[4000], clusters[4000];
  for (size_t i = 0; i < 4000; i++) {
    classes[i] = i % 2;
    clusters[i] = (i % 2) ^ (i >= 1000 && i < 1500);
  }
  size_t jumps[] = {1000, 3000};
  DcDriftScores scores;
  assert_int_equal(dc_drift_scores(clusters, classes, 4000, jumps, 2, &scores), DC_OK);
  /* Right from 1 500 on: 190 of 200 are right at 1 690. After the second jump 200 are looked at. */
  assert_near(scores.recovery, (690 + 200) / 2.0, 1e-12);
  for (size_t i = 1000; i < 4000; i++)
    clusters[i] = 1 - i % 2;
  assert_int_equal(dc_drift_scores(clusters, classes, 4000, jumps, 2, &scores), DC_OK);
  assert_near(scores.recovery, (2000 + 1000) / 2.0, 1e-12); /* never */
}

static void
scores_refuse_nothing(void **state)
{
  (void)state;
  DcDriftScores scores = {.acc = 42};
  uint32_t none = 0;
  assert_int_equal(dc_drift_scores(&none, &none, 0, NULL, 0, &scores), DC_ERROR_ARGUMENT);
  assert_near(scores.acc, 42, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_seeds_give_equal_streams_and_no_sample_twice),
      cmocka_unit_test(drifts_have_their_strength),
      cmocka_unit_test(sudden_changes_are_told),
      cmocka_unit_test(two_looks_come_in_turn),
      cmocka_unit_test(bursts_are_of_one_class),
      cmocka_unit_test(classes_appear_and_vanish),
      cmocka_unit_test(domains_follow_each_other_and_the_first_comes_back),
      cmocka_unit_test(refuses_what_cannot_be_made),
      cmocka_unit_test(scores_tell_identity_from_grouping),
      cmocka_unit_test(recovery_counts_from_the_jump),
      cmocka_unit_test(scores_refuse_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
