/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The course `secu`. */
#include "allocations.h"
#include "learning.h"
#include "nn/encode.h"

#include <math.h>

#define SIDE     12
#define CHANNELS 3
#define CLASSES  3

/* ---- what is learnt from ---- */

static bool
is_inside(uint32_t shape, double x, double y, double size)
{
  switch (shape) {
  case 0:
    return x * x + y * y < size * size;
  case 1:
    return fmod(y + 2 * SIDE, 4) < 2;
  default:
    return fmod(x + 2 * SIDE, 4) < 2;
  }
}

/* A disc, or stripes across, or down, each with a colour of its own, at a random place, of random
 * size and brightness. */
static void
draw(uint32_t shape, DcRandom *random, float *values)
{
  const double x0 = SIDE / 2.0 - 1.5 + 2 * dc_random_uniform(random);
  const double y0 = SIDE / 2.0 - 1.5 + 2 * dc_random_uniform(random);
  const double size = 3 + 2 * dc_random_uniform(random);
  const double dark = 0.3 * dc_random_uniform(random), light = 1 - 0.3 * dc_random_uniform(random);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      for (uint32_t c = 0; c < CHANNELS; c++) {
        const bool bright = is_inside(shape, x - x0, y - y0, size) == (c == shape);
        *values++ = (float)(bright ? light : dark);
      }
}

static LearnSamples
shapes(size_t count)
{
  LearnSamples samples = new_samples((DcShape){SIDE, SIDE, CHANNELS}, count);
  DcRandom random;
  dc_random_seed(&random, 20, 0);
  for (size_t i = 0; i < count; i++) {
    samples.classes[i] = dc_random_below(&random, CLASSES);
    draw(samples.classes[i], &random, sample_values(&samples, i));
  }
  return samples;
}

enum { SIZE_CONSTRAINT, ENTROPY_CONSTRAINT };

/* A network that learns in no time; few heads, few clusters and few steps want lower rates than the
 * paper's. */
#define SMALL                                                                                      \
  {"batch", 32}, {"heads", 4}, {"warm-up", 5}, {"width", 8}, {"stages", 2}, {"projection", 64},    \
      {"smallest-area", 0.5}, {"encoder-rate", 0.05},                                              \
  {                                                                                                \
    "centre-rate", 0.1                                                                             \
  }

static const Setting short_course[] = {{"epochs", 3},     {"batch", 32},      {"heads", 2},
                                       {"warm-up", 1},    {"width", 4},       {"stages", 2},
                                       {"projection", 8}, {"constraint", 0.0}};
#define SHORT short_course, 8

static const Setting vector_course[] = {{"epochs", 20}, {"batch", 32}, {"heads", 2}};
#define VECTORS vector_course, 3

/* ---- pictures ---- */

/* Adds to `early` and `late` the accuracies after epoch 0, in which the encoder rests, and in the
 * end. */
static void
group_shapes(const LearnSamples *samples, uint64_t seed, double *early, double *late)
{
  const Setting given[] = {{"epochs", 20}, {"constraint", ENTROPY_CONSTRAINT}, SMALL};
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_secu, given, sizeof given / sizeof *given, settings);
  const DcLearnerOptions options = {
      .clusters = CLASSES, .seed = seed, .threads = 2, .settings = settings};
  DcLearner *learner;
  assert_int_equal(dc_learner_new(&dc_learner_secu, &samples->data, &options, &learner, NULL),
                   DC_OK);
  run_steps(learner, learner->at.steps);
  DcLearned learned = finish_course(learner);
  *early += accuracy(samples, &learned);
  dc_learned_clear(&learned);
  run_steps(learner, SIZE_MAX);
  assert_true(learner->at.done && learner->at.share == 1);
  learned = finish_course(learner);
  *late += accuracy(samples, &learned);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
}

/* Views are grey one time in five and blurred most of the time, which leaves little of the shapes:
 * not all are told apart, but far more than by the centres of random features. So short a course
 * depends on its seed: over 24 of them the accuracy was 0.81 with a deviation of 0.14, the gain
 * 0.31 with one of 0.12. The bounds lie two deviations of a mean of two below. */
static void
pictures_are_grouped_by_what_they_show(void **state)
{
  (void)state;
  LearnSamples samples = shapes(480);
  double early = 0, late = 0;
  for (uint64_t seed = 1; seed <= 2; seed++)
    group_shapes(&samples, seed, &early, &late);
  assert_true(late / 2 > 0.61);
  assert_true((late - early) / 2 > 0.135);
  free_samples(&samples);
}

/* What is handed over belongs together: embeddings of unit length, unit centroids, each label the
 * centroid of the largest cosine; a network without batch normalisation that takes plain pictures.
 */
static void
the_result_is_an_encoder_onto_the_unit_sphere(void **state)
{
  (void)state;
  LearnSamples samples = shapes(70);
  DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 2, SHORT);
  run_steps(learner, SIZE_MAX);
  DcLearned learned = finish_course(learner);
  assert_int_equal(learned.width, 8);
  assert_int_equal(learned.clusters, CLASSES);
  assert_null(learned.decoder);
  assert_null(learned.assigner);
  assert_false(dc_network_has_batch_norm(learned.encoder, NULL));
  const DcShape input = dc_network_input(learned.encoder);
  assert_true(input.height == SIDE && input.width == SIDE && input.channels == CHANNELS);
  float codes[70 * 8];
  assert_int_equal(dc_encode(learned.encoder, samples.data.values, 70, 1, codes, NULL), DC_OK);
  for (size_t i = 0; i < 70; i++) {
    double square = 0, cosines[CLASSES] = {0};
    for (size_t j = 0; j < 8; j++) {
      square += (double)codes[8 * i + j] * codes[8 * i + j];
      for (size_t k = 0; k < CLASSES; k++)
        cosines[k] += (double)codes[8 * i + j] * learned.centroids[8 * k + j];
    }
    assert_near(square, 1, 1e-6);
    for (size_t k = 0; k < CLASSES; k++)
      assert_true(cosines[learned.labels[i]] >= cosines[k] - 1e-6);
  }
  for (size_t k = 0; k < CLASSES; k++) {
    double square = 0;
    for (size_t j = 0; j < 8; j++)
      square += (double)learned.centroids[8 * k + j] * learned.centroids[8 * k + j];
    assert_near(square, 1, 1e-6);
  }
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

/* A copy of a listed array. */
static unsigned char *
copy_state(DcLearner *learner, const char *name, size_t *size)
{
  DcStateList list = {0};
  unsigned char *copy = NULL;
  dc_learner_list_state(learner, &list);
  for (size_t i = 0; i < list.count; i++) {
    if (strcmp(list.arrays[i].name, name) == 0) {
      *size = list.arrays[i].count * dc_state_type_size(list.arrays[i].type);
      copy = malloc(*size);
      assert_non_null(copy);
      memcpy(copy, list.arrays[i].data, *size);
    }
  }
  dc_state_list_clear(&list);
  if (!copy)
    fail_msg("no state \"%s\"", name);
  return copy;
}

static bool
changes(DcLearner *learner, const char *name, size_t steps)
{
  size_t size;
  unsigned char *before = copy_state(learner, name, &size);
  run_steps(learner, steps);
  unsigned char *after = copy_state(learner, name, &size);
  const bool changed = memcmp(before, after, size) != 0;
  free(before);
  free(after);
  return changed;
}

/* Property 15: layer 1 is the first convolution and layer 2 its batch normalisation. */
static void
the_encoder_rests_in_the_first_epoch(void **state)
{
  (void)state;
  LearnSamples samples = shapes(96);
  static const struct {
    const char *name;
    bool first, later;
  } arrays[] = {
      {"network.0.weight", false, false}, /* the normalisation of pictures is never learnt */
      {"network.0.bias", false, false},   {"network.1.weight", false, true},
      {"network.2.weight", false, true},  {"network.2.statistics", true, true},
      {"optimiser.first", true, true},    {"heads.centres", true, true},
      {"heads.labels", true, true},
  };
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 2, SHORT);
    assert_int_equal(learner->at.steps, 3);
    assert_int_equal(changes(learner, arrays[i].name, 3), arrays[i].first);
    assert_int_equal(learner->at.epoch, 1);
    assert_int_equal(changes(learner, arrays[i].name, 1), arrays[i].later);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

/* Property 8. The step after which an epoch begins is the one that takes the centres over. */
static void
epoch_centres_change_once_an_epoch(void **state)
{
  (void)state;
  LearnSamples samples = shapes(96);
  DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 1, SHORT);
  run_steps(learner, 1);
  assert_false(changes(learner, "heads.epoch-centres", 1));
  assert_false(changes(learner, "heads.epoch-centres", 1));
  assert_true(changes(learner, "heads.epoch-centres", 1));
  assert_false(changes(learner, "heads.epoch-centres", 2));
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
figures_tell_of_the_clusters(void **state)
{
  (void)state;
  LearnSamples samples = shapes(96);
  DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 1, SHORT);
  const double *figures = learner->at.figures;
  for (size_t i = 0; dc_learner_secu.figures[i]; i++)
    assert_true(isnan(figures[i]));
  run_steps(learner, 3);
  assert_near(figures[0] + figures[1], learner->at.loss, 1e-12);
  assert_true(figures[2] <= 1.0 / CLASSES && figures[3] >= 1.0 / CLASSES && figures[3] <= 1);
  assert_true(figures[4] == 1); /* every sample got its first label */
  run_steps(learner, SIZE_MAX);
  assert_true(figures[4] < 1);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
both_constraints_keep_the_clusters_apart_in_their_way(void **state)
{
  (void)state;
  LearnSamples samples = shapes(96);
  unsigned char *duals[2];
  size_t size;
  for (int constraint = SIZE_CONSTRAINT; constraint <= ENTROPY_CONSTRAINT; constraint++) {
    Setting settings[8];
    memcpy(settings, short_course, sizeof settings);
    settings[7].value = constraint;
    DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 1, settings, 8);
    run_steps(learner, SIZE_MAX);
    assert_true(isfinite(learner->at.loss));
    duals[constraint] = copy_state(learner, "heads.duals", &size);
    dc_learner_free(learner);
  }
  double sums[2] = {0};
  for (size_t c = 0; c < 2; c++) {
    for (size_t k = 0; k < size / sizeof(double); k++) {
      double dual;
      memcpy(&dual, duals[c] + k * sizeof dual, sizeof dual);
      sums[c] += dual;
    }
    free(duals[c]);
  }
  assert_true(sums[SIZE_CONSTRAINT] > 0 && sums[ENTROPY_CONSTRAINT] == 0);
  free_samples(&samples);
}

/* ---- the same again ---- */

static void
the_result_does_not_depend_on_threads(void **state)
{
  (void)state;
  LearnSamples samples = shapes(80); /* the last batch is short */
  DcLearner *one = new_course(&dc_learner_secu, &samples.data, CLASSES, 1, SHORT);
  DcLearner *two = new_course(&dc_learner_secu, &samples.data, CLASSES, 2, SHORT);
  run_steps(one, SIZE_MAX);
  run_steps(two, SIZE_MAX);
  assert_equal_state(one, two);
  dc_learner_free(one);
  dc_learner_free(two);
  free_samples(&samples);
}

static void
a_course_taken_up_goes_on_to_the_same_bytes(void **state)
{
  (void)state;
  LearnSamples samples = shapes(80), vectors = blobs(6, 3, 100, 8, 1);
  static const size_t stops[] = {0, 2, 3, 7};
  check_taking_up(&dc_learner_secu, &samples.data, CLASSES, SHORT, stops, 4);
  check_taking_up(&dc_learner_secu, &vectors.data, 3, VECTORS, stops, 4);
  free_samples(&samples);
  free_samples(&vectors);
}

static void
a_seed_makes_a_course(void **state)
{
  (void)state;
  LearnSamples samples = shapes(64);
  double losses[2];
  for (size_t i = 0; i < 2; i++) {
    double settings[DC_LEARN_MOST_SETTINGS];
    fill_settings(&dc_learner_secu, SHORT, settings);
    const DcLearnerOptions options = {
        .clusters = CLASSES, .seed = i, .threads = 1, .settings = settings};
    DcLearner *learner;
    assert_int_equal(dc_learner_new(&dc_learner_secu, &samples.data, &options, &learner, NULL),
                     DC_OK);
    run_steps(learner, 2);
    losses[i] = learner->at.loss;
    dc_learner_free(learner);
  }
  assert_true(losses[0] != losses[1]);
  free_samples(&samples);
}

/* ---- features that are given ---- */

static void
given_features_are_grouped_by_direction(void **state)
{
  (void)state;
  LearnSamples samples = blobs(10, 4, 400, 8, 3);
  /* A direction has no length. */
  for (size_t i = 0; i < 400; i++)
    for (size_t j = 0; j < 10; j++)
      sample_values(&samples, i)[j] *= (float)(1 + i % 7);
  for (int constraint = SIZE_CONSTRAINT; constraint <= ENTROPY_CONSTRAINT; constraint++) {
    const Setting settings[] = {
        {"epochs", 20}, {"batch", 32}, {"heads", 2}, {"constraint", constraint}, {"gamma", 0.4}};
    DcLearner *learner = new_course(&dc_learner_secu, &samples.data, 4, 1, settings, 5);
    run_steps(learner, SIZE_MAX);
    assert_true(isnan(learner->at.figures[1])); /* no loss of views */
    DcLearned learned = finish_course(learner);
    assert_int_equal(learned.width, 10);
    assert_int_equal(dc_network_layer_count(learned.encoder), 1);
    assert_int_equal(dc_network_layer_const(learned.encoder, 0)->kind, DC_LAYER_L2_NORMALISE);
    assert_true(accuracy(&samples, &learned) > 0.95);
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

/* ---- hard cases ---- */

/* Pictures of one colour each, and the same one everywhere: nothing to normalise by. */
static void
constant_pictures_stay_finite(void **state)
{
  (void)state;
  for (int constraint = SIZE_CONSTRAINT; constraint <= ENTROPY_CONSTRAINT; constraint++) {
    LearnSamples samples = new_samples((DcShape){SIDE, SIDE, 1}, 40);
    for (size_t i = 0; i < 40 * SIDE * SIDE; i++)
      sample_values(&samples, 0)[i] = 0.25f;
    Setting settings[8];
    memcpy(settings, short_course, sizeof settings);
    settings[7].value = constraint;
    DcLearner *learner = new_course(&dc_learner_secu, &samples.data, 4, 2, settings, 8);
    run_steps(learner, SIZE_MAX);
    assert_true(isfinite(learner->at.loss));
    DcLearned learned = finish_course(learner);
    for (size_t i = 0; i < 4 * learned.width; i++)
      assert_true(isfinite(learned.centroids[i]));
    dc_learned_clear(&learned);
    dc_learner_free(learner);
    free_samples(&samples);
  }
}

static void
zero_vectors_stay_finite(void **state)
{
  (void)state;
  LearnSamples samples = new_samples((DcShape){1, 1, 5}, 40);
  DcLearner *learner = new_course(&dc_learner_secu, &samples.data, 3, 1, VECTORS);
  run_steps(learner, SIZE_MAX);
  assert_true(isfinite(learner->at.loss));
  DcLearned learned = finish_course(learner);
  for (size_t i = 0; i < 40; i++)
    assert_true(learned.labels[i] < 3);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

/* One cluster, as many as samples, a batch with one sample in the end, and heads with more clusters
 * than there are samples. */
static void
extreme_numbers_are_survived(void **state)
{
  (void)state;
  static const struct {
    size_t count;
    uint32_t clusters;
  } cases[] = {{33, 1}, {5, 5}, {33, 20}};
  for (size_t i = 0; i < 3; i++) {
    LearnSamples samples = shapes(cases[i].count);
    DcLearner *learner = new_course(&dc_learner_secu, &samples.data, cases[i].clusters, 2, SHORT);
    run_steps(learner, SIZE_MAX);
    assert_true(isfinite(learner->at.loss));
    DcLearned learned = finish_course(learner);
    dc_learned_clear(&learned);
    dc_learner_free(learner);
    free_samples(&samples);
  }
}

static void
assert_start_fails(const DcDataset *data, const DcLearnerOptions *options, DcStatus expected)
{
  DcLearner *learner;
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_secu, data, options, &learner, &error), expected);
  assert_null(learner);
  assert_true(error.message[0] != 0);
}

static void
data_that_cannot_be_learnt_from_is_refused(void **state)
{
  (void)state;
  LearnSamples few = shapes(4), layered = new_samples((DcShape){SIDE, SIDE, 2}, 20);
  LearnSamples bad = shapes(20);
  DcLearnerOptions options = {.clusters = 5, .threads = 1};
  assert_start_fails(&few.data, &options, DC_ERROR_ARGUMENT);
  assert_start_fails(&layered.data, &options, DC_ERROR_SHAPE); /* neither grey nor RGB */
  sample_values(&bad, 7)[3] = NAN;
  assert_start_fails(&bad.data, &options, DC_ERROR_NOT_FINITE);
  sample_values(&bad, 7)[3] = 0;
  options.threads = 0;
  assert_start_fails(&bad.data, &options, DC_ERROR_ARGUMENT);
  free_samples(&few);
  free_samples(&layered);
  free_samples(&bad);
}

static void
an_autoencoder_to_start_from_is_refused(void **state)
{
  (void)state;
  LearnSamples samples = shapes(20);
  DcNetwork *network = dc_network_new(samples.data.shape);
  const DcLearnerOptions options = {
      .clusters = 3, .threads = 1, .first_encoder = network, .first_decoder = network};
  assert_start_fails(&samples.data, &options, DC_ERROR_ARGUMENT);
  dc_network_free(network);
  free_samples(&samples);
}

static void
settings_out_of_range_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = shapes(20);
  static const Setting wrong[] = {
      {"epochs", 0},
      {"epochs", 1.5},
      {"batch", 1},
      {"heads", 0},
      {"constraint", 2},
      {"gamma", -0.1},
      {"gamma", 1.1},
      {"eta", -1},
      {"entropy-weight", -1},
      {"tau", 1.5},
      {"tau", NAN},
      {"centre-temperature", 0},
      {"view-temperature", 0},
      {"encoder-rate", 0},
      {"centre-rate", 0},
      {"warm-up", -1},
      {"weight-decay", -1},
      {"smallest-area", 0},
      {"smallest-area", 2},
      {"flip", 1.5},
      {"width", 0},
      {"stages", 0},
      {"blocks", 0},
      {"projection", 0},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_setting_refused(&dc_learner_secu, &samples.data, 3, wrong[i].name, wrong[i].value);
  free_samples(&samples);
}

/* A rate far too high: the course ends with an error that says so, not with NaN. */
static void
divergence_is_an_error(void **state)
{
  (void)state;
  LearnSamples samples = shapes(64);
  Setting settings[9];
  memcpy(settings, short_course, sizeof short_course);
  settings[0].value = 400;
  settings[8] = (Setting){"weight-decay", 1};
  double values[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_secu, settings, 9, values);
  values[dc_learner_setting(&dc_learner_secu, "encoder-rate")] = 100;
  const DcLearnerOptions options = {.clusters = 3, .threads = 1, .settings = values};
  DcLearner *learner;
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_secu, &samples.data, &options, &learner, &error),
                   DC_OK);
  DcStatus status = DC_OK;
  while (!status && !learner->at.done)
    status = dc_learner_step(learner, &error);
  assert_int_equal(status, DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "encoder-rate"));
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
state_that_cannot_be_is_refused(void **state)
{
  (void)state;
  LearnSamples samples = shapes(40);
  DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 1, SHORT);
  DcStateList list = {0};
  run_steps(learner, 2);
  dc_learner_list_state(learner, &list);
  for (size_t i = 0; i < list.count; i++)
    if (strcmp(list.arrays[i].name, "heads.labels") == 0)
      memset(list.arrays[i].data, 100, sizeof(uint32_t));
  DcError error = {0};
  assert_int_equal(dc_learner_restored(learner, &error), DC_ERROR_FORMAT);
  assert_true(error.message[0] != 0);
  dc_state_list_clear(&list);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
short_memory_is_survived(void **state)
{
  (void)state;
  LearnSamples samples = shapes(40), vectors = blobs(6, 3, 40, 8, 1);
  const DcDataset *data[] = {&samples.data, &vectors.data};
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_secu, SHORT, settings);
  const DcLearnerOptions options = {.clusters = 3, .threads = 2, .settings = settings};
  for (size_t d = 0; d < 2; d++) {
    DcLearner *learner = NULL;
    size_t failures = 0;
    for (; !learner; failures++) {
      fail_at = allocations + failures;
      const DcStatus status = dc_learner_new(&dc_learner_secu, data[d], &options, &learner, NULL);
      fail_at = SIZE_MAX;
      assert_int_equal(status, learner ? DC_OK : DC_ERROR_MEMORY);
    }
    assert_true(failures > 30);
    run_steps(learner, 1);
    DcLearned learned;
    DcStatus status = DC_ERROR_MEMORY;
    for (failures = 0; status; failures++) {
      fail_at = allocations + failures;
      status = dc_learner_finish(learner, &learned, NULL);
      fail_at = SIZE_MAX;
      assert_true(status == DC_OK || status == DC_ERROR_MEMORY);
    }
    assert_true(failures > 5);
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  free_samples(&samples);
  free_samples(&vectors);
}

/* The end of an epoch may: it keeps a point of the curve. */
static void
a_step_allocates_nothing(void **state)
{
  (void)state;
  LearnSamples samples = shapes(128);
  DcLearner *learner = new_course(&dc_learner_secu, &samples.data, CLASSES, 2, SHORT);
  run_steps(learner, 1);
  const size_t before = allocations;
  run_steps(learner, 2);
  assert_int_equal(allocations, before);
  dc_learner_free(learner);
  free_samples(&samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pictures_are_grouped_by_what_they_show),
      cmocka_unit_test(the_result_is_an_encoder_onto_the_unit_sphere),
      cmocka_unit_test(the_encoder_rests_in_the_first_epoch),
      cmocka_unit_test(epoch_centres_change_once_an_epoch),
      cmocka_unit_test(figures_tell_of_the_clusters),
      cmocka_unit_test(both_constraints_keep_the_clusters_apart_in_their_way),
      cmocka_unit_test(the_result_does_not_depend_on_threads),
      cmocka_unit_test(a_course_taken_up_goes_on_to_the_same_bytes),
      cmocka_unit_test(a_seed_makes_a_course),
      cmocka_unit_test(given_features_are_grouped_by_direction),
      cmocka_unit_test(constant_pictures_stay_finite),
      cmocka_unit_test(zero_vectors_stay_finite),
      cmocka_unit_test(extreme_numbers_are_survived),
      cmocka_unit_test(data_that_cannot_be_learnt_from_is_refused),
      cmocka_unit_test(an_autoencoder_to_start_from_is_refused),
      cmocka_unit_test(settings_out_of_range_are_refused),
      cmocka_unit_test(divergence_is_an_error),
      cmocka_unit_test(state_that_cannot_be_is_refused),
      cmocka_unit_test(short_memory_is_survived),
      cmocka_unit_test(a_step_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
