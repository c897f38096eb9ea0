/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_LEARNING_H
#define DC_TESTS_LEARNING_H

#include "base/memory.h"
#include "base/random.h"
#include "eval/scores.h"
#include "learn/learner.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* What the tests of the methods that learn share: samples, courses, and taking one up again. */

/* Samples with the classes that they were drawn from. */
typedef struct {
  DcDataset data;
  uint32_t *classes;
} LearnSamples;

static inline LearnSamples
new_samples(DcShape shape, size_t count)
{
  LearnSamples samples = {.classes = DC_NEW(uint32_t, count)};
  size_t *end = malloc(sizeof *end);
  assert_non_null(end);
  *end = count;
  samples.data = (DcDataset){.shape = shape,
                             .count = count,
                             .values = DC_NEW(float, count *dc_shape_size(shape)),
                             .domain_ends = end,
                             .domains = 1};
  assert_non_null(samples.data.values);
  assert_non_null(samples.classes);
  return samples;
}

static inline float *
sample_values(const LearnSamples *samples, size_t index)
{
  return (float *)samples->data.values + index * dc_shape_size(samples->data.shape);
}

static inline void
free_samples(LearnSamples *samples)
{
  dc_free((float *)samples->data.values);
  dc_free(samples->classes);
  free((size_t *)samples->data.domain_ends);
}

/* Grey pictures of side x side that are all the same: nothing to tell clusters apart by. */
static inline LearnSamples
equal_pictures(int side, size_t count)
{
  LearnSamples samples = new_samples((DcShape){side, side, 1}, count);
  for (size_t i = 0; i < count * dc_shape_size(samples.data.shape); i++)
    sample_values(&samples, 0)[i] = 0.5f;
  return samples;
}

/* Pictures of side x side with a bar at one of `classes` places (at most 2 * side), across or down,
 * some brighter than others, and noise: structure that few numbers can hold. */
static inline LearnSamples
bar_pictures(int side, uint32_t classes, size_t count, uint64_t seed)
{
  LearnSamples samples = new_samples((DcShape){side, side, 1}, count);
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (size_t i = 0; i < count; i++) {
    const uint32_t class = dc_random_below(&random, classes);
    const int place = (int)(class / 2) * 2 * side / (int)classes;
    float *values = sample_values(&samples, i);
    const double brightness = 0.4 + 0.5 * dc_random_uniform(&random);
    samples.classes[i] = class;
    for (int j = 0; j < side * side; j++) {
      const bool bright = (class % 2 ? j / side : j % side) == place;
      values[j] = (float)((bright ? brightness : 0.05) + 0.1 * dc_random_uniform(&random));
    }
  }
  return samples;
}

/* Vectors of round normal groups whose centres lie at random on a sphere of radius `distance`; the
 * deviation within a group is 1. */
static inline LearnSamples
blobs(size_t dim, uint32_t classes, size_t count, double distance, uint64_t seed)
{
  LearnSamples samples = new_samples((DcShape){1, 1, (int)dim}, count);
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  double *centres = malloc(classes * dim * sizeof *centres);
  assert_non_null(centres);
  for (uint32_t k = 0; k < classes; k++) {
    double square = 0;
    for (size_t j = 0; j < dim; j++) {
      centres[k * dim + j] = dc_random_normal(&random);
      square += centres[k * dim + j] * centres[k * dim + j];
    }
    for (size_t j = 0; j < dim; j++)
      centres[k * dim + j] *= distance / sqrt(square);
  }
  for (size_t i = 0; i < count; i++) {
    const uint32_t class = samples.classes[i] = dc_random_below(&random, classes);
    for (size_t j = 0; j < dim; j++)
      sample_values(&samples, i)[j] = (float)(centres[class * dim + j] + dc_random_normal(&random));
  }
  free(centres);
  return samples;
}

/* --- courses --- */

/* Settings of a class by name; unnamed ones keep their standard value. */
typedef struct {
  const char *name;
  double value;
} Setting;

static inline void
fill_settings(const DcLearnerClass *class, const Setting *given, size_t count, double *settings)
{
  for (size_t i = 0; i < class->setting_count; i++)
    settings[i] = class->settings[i].standard;
  for (size_t i = 0; i < count; i++) {
    const size_t index = dc_learner_setting(class, given[i].name);
    if (index == SIZE_MAX)
      fail_msg("%s has no setting \"%s\"", class->name, given[i].name);
    settings[index] = given[i].value;
  }
}

static inline DcLearner *
new_course(const DcLearnerClass *class, const DcDataset *data, uint32_t clusters, size_t threads,
           const Setting *given, size_t count)
{
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(class, given, count, settings);
  const DcLearnerOptions options = {
      .clusters = clusters, .seed = 3, .threads = threads, .settings = settings};
  DcLearner *learner;
  DcError error = {0};
  if (dc_learner_new(class, data, &options, &learner, &error))
    fail_msg("%s", error.message);
  return learner;
}

static inline void
run_steps(DcLearner *learner, size_t most)
{
  DcError error = {0};
  double share = learner->at.share;
  for (size_t i = 0; i < most && !learner->at.done; i++) {
    if (dc_learner_step(learner, &error))
      fail_msg("%s", error.message);
    assert_true(learner->at.share >= share && learner->at.share <= 1);
    share = learner->at.share;
  }
}

static inline DcLearned
finish_course(DcLearner *learner)
{
  DcLearned learned;
  DcError error = {0};
  if (dc_learner_finish(learner, &learned, &error))
    fail_msg("%s", error.message);
  return learned;
}

static inline double
accuracy(const LearnSamples *samples, const DcLearned *learned)
{
  DcScores scores;
  assert_int_equal(dc_scores(learned->labels, samples->classes, samples->data.count, &scores),
                   DC_OK);
  return scores.acc;
}

/* Copies the state of one course into another that was just started, as a checkpoint would. */
static inline void
carry_over(DcLearner *from, DcLearner *to)
{
  DcStateList source = {0}, target = {0};
  dc_learner_list_state(from, &source);
  dc_learner_list_state(to, &target);
  assert_false(source.failed || target.failed);
  assert_int_equal(source.count, target.count);
  for (size_t i = 0; i < source.count; i++) {
    assert_string_equal(source.arrays[i].name, target.arrays[i].name);
    assert_int_equal(source.arrays[i].count, target.arrays[i].count);
    memcpy(target.arrays[i].data, source.arrays[i].data,
           source.arrays[i].count * dc_state_type_size(source.arrays[i].type));
  }
  dc_state_list_clear(&source);
  dc_state_list_clear(&target);
  assert_int_equal(dc_learner_restored(to, NULL), DC_OK);
}

static inline void
assert_equal_state(DcLearner *a, DcLearner *b)
{
  DcStateList one = {0}, other = {0};
  dc_learner_list_state(a, &one);
  dc_learner_list_state(b, &other);
  assert_int_equal(one.count, other.count);
  for (size_t i = 0; i < one.count; i++) {
    if (memcmp(one.arrays[i].data, other.arrays[i].data,
               one.arrays[i].count * dc_state_type_size(one.arrays[i].type)) != 0)
      fail_msg("\"%s\" differs", one.arrays[i].name);
  }
  dc_state_list_clear(&one);
  dc_state_list_clear(&other);
}

/* Whether a course that is stopped after every one of `stops` steps, and taken up by another
 * learner, ends with the same bytes as one that ran through. */
static inline void
check_taking_up(const DcLearnerClass *class, const DcDataset *data, uint32_t clusters,
                const Setting *given, size_t count, const size_t *stops, size_t stop_count)
{
  DcLearner *whole = new_course(class, data, clusters, 2, given, count);
  run_steps(whole, SIZE_MAX);
  for (size_t i = 0; i < stop_count; i++) {
    DcLearner *first = new_course(class, data, clusters, 2, given, count);
    run_steps(first, stops[i]);
    assert_false(first->at.done);
    DcLearner *second = new_course(class, data, clusters, 2, given, count);
    carry_over(first, second);
    dc_learner_free(first);
    run_steps(second, SIZE_MAX);
    assert_equal_state(whole, second);
    dc_learner_free(second);
  }
  dc_learner_free(whole);
}

/* That a course with one setting changed is refused with a message that names it. */
static inline void
assert_setting_refused(const DcLearnerClass *class, const DcDataset *data, uint32_t clusters,
                       const char *name, double value)
{
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(class, &(Setting){name, value}, 1, settings);
  const DcLearnerOptions options = {.clusters = clusters, .threads = 1, .settings = settings};
  DcLearner *learner;
  DcError error = {0};
  assert_int_equal(dc_learner_new(class, data, &options, &learner, &error), DC_ERROR_ARGUMENT);
  assert_null(learner);
  assert_non_null(strstr(error.message, name));
}

#endif
