/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clustering module and AE-CM as courses of learning. */
#include "learning.h"
#include "nn/encode.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- the module alone --- */

/* Four round groups at the corners of a square of ten deviations, then standardised. */
static LearnSamples
four_groups(size_t count, uint64_t seed)
{
  LearnSamples samples = new_samples((DcShape){1, 1, 2}, count);
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (size_t i = 0; i < count; i++) {
    samples.classes[i] = (uint32_t)(i % 4);
    for (size_t j = 0; j < 2; j++) {
      const double corner = (i % 4 >> j) & 1 ? 5 : -5;
      sample_values(&samples, i)[j] = (float)((corner + dc_random_normal(&random)) / sqrt(26));
    }
  }
  return samples;
}

/* Learns with one seed after the other; how many find all four groups. */
static size_t
count_successes(const LearnSamples *samples, const Setting *given, size_t count, size_t starts)
{
  double settings[DC_LEARN_MOST_SETTINGS];
  size_t found = 0;
  fill_settings(&dc_learner_cm, given, count, settings);
  for (uint64_t seed = 0; seed < starts; seed++) {
    const DcLearnerOptions options = {
        .clusters = 4, .seed = seed, .threads = 1, .settings = settings};
    DcLearner *learner;
    assert_int_equal(dc_learner_new(&dc_learner_cm, &samples->data, &options, &learner, NULL),
                     DC_OK);
    run_steps(learner, SIZE_MAX);
    DcLearned learned = finish_course(learner);
    found += accuracy(samples, &learned) == 1;
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  return found;
}

static void
the_module_finds_groups_that_lie_apart(void **state)
{
  (void)state;
  LearnSamples samples = four_groups(400, 1);
  const Setting given[] = {{"epochs", 150}, {"batch", 40}, {"alpha", 5}, {"start", 1}};
  assert_true(count_successes(&samples, given, COUNT(given), 10) >= 9);
  free_samples(&samples);
}

/* The labels are the largest assignment, and the network that makes it is handed over. */
static void
check_labels(const DcLearner *learner, const DcLearned *learned)
{
  const size_t count = learner->data.count, clusters = learner->clusters;
  float *codes = DC_NEW(float, count * learned->width), *scores = DC_NEW(float, count *clusters);
  assert_int_equal(dc_encode(learned->encoder, learner->data.values, count, 1, codes, NULL), DC_OK);
  assert_int_equal(dc_encode(learned->assigner, codes, count, 1, scores, NULL), DC_OK);
  for (size_t i = 0; i < count; i++) {
    assert_true(learned->labels[i] < clusters);
    for (size_t k = 0; k < clusters; k++)
      assert_true(scores[i * clusters + k] <= scores[i * clusters + learned->labels[i]]);
  }
  dc_free(codes);
  dc_free(scores);
}

static void
the_module_hands_over_what_it_learnt(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(6, 3, 60, 1);
  const Setting given[] = {{"epochs", 5}, {"batch", 20}, {"alpha", 2}};
  DcLearner *learner = new_course(&dc_learner_cm, &samples.data, 3, 1, given, COUNT(given));
  run_steps(learner, SIZE_MAX);
  assert_true(learner->at.done && learner->at.share == 1);
  DcLearned learned = finish_course(learner);
  assert_int_equal(learned.width, 36);
  assert_int_equal(learned.clusters, 3);
  assert_int_equal(dc_network_output(learned.encoder).channels, 36);
  assert_int_equal(dc_network_output(learned.decoder).height, 6);
  check_labels(learner, &learned);
  for (size_t i = 0; i < 3 * 36; i++)
    assert_true(isfinite(learned.centroids[i]));
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
the_module_is_taken_up_at_any_step(void **state)
{
  (void)state;
  LearnSamples samples = four_groups(50, 2);
  /* Batches of 20, 20 and 10; one step of the start, six of clusters, three of averaging. */
  const Setting given[] = {{"epochs", 2}, {"batch", 20}, {"alpha", 2}, {"start", 1}};
  const size_t stops[] = {0, 1, 2, 4, 6, 7, 8, 9};
  check_taking_up(&dc_learner_cm, &samples.data, 4, given, COUNT(given), stops, COUNT(stops));
  free_samples(&samples);
}

/* Batches of 24 and 16: figures are means of both, also in the curve. A rounding of a term in
 * single precision is some 1e-6 of it, and terms are of the order of 1. */
static void
the_module_reports_its_terms(void **state)
{
  (void)state;
  LearnSamples samples = four_groups(40, 3);
  const Setting given[] = {{"epochs", 1}, {"batch", 24}, {"alpha", 3}};
  DcLearner *learner = new_course(&dc_learner_cm, &samples.data, 4, 1, given, COUNT(given));
  run_steps(learner, 1);
  double first[DC_LEARN_MOST_FIGURES];
  memcpy(first, learner->at.figures, sizeof first);
  assert_near(learner->at.loss, first[0] + first[1] + first[2] + first[3] / 24, 1e-5);
  assert_int_equal(learner->curve_count, 0);
  run_steps(learner, 1);
  /* The stage has ended with the epoch: its loss is in the curve. */
  assert_int_equal(learner->curve_count, 1);
  const double *figures = learner->curve[0].figures;
  assert_memory_equal(figures, learner->at.figures, sizeof learner->at.figures);
  /* The prior is of a batch: 24 / 40 of the first and 16 / 40 of the second are its mean. */
  const double second_prior = (40 * figures[3] - 24 * first[3]) / 16;
  const double prior = (first[3] + second_prior) / 40;
  assert_near(learner->curve[0].loss, figures[0] + figures[1] + figures[2] + prior, 1e-5);
  assert_true(figures[0] > 0 && figures[1] > 0);
  assert_true(figures[0] != first[0] && figures[3] != first[3]);
  assert_true(figures[3] >= 4 * (3 - 1) * log(4) - 1e-6); /* of perfect balance */
  assert_true(isnan(figures[4]) && isnan(figures[5]));
  dc_learner_free(learner);
  free_samples(&samples);
}

/* --- joined --- */

/* Few samples, few steps, and the smaller network. */
static const Setting short_course[] = {
    {"epochs", 1},          {"batch", 10},
    {"alpha", 2},           {"width", 4},
    {"module-epochs", 1},   {"pretrain-epochs", 1},
    {"pretrain-batch", 10}, {"start", 1},
    {"network", 1},         {"code", 0},
};

/* The same with a code of unit scale. */
static const Setting short_unit_course[] = {
    {"epochs", 1},          {"batch", 10},
    {"alpha", 2},           {"width", 4},
    {"module-epochs", 1},   {"pretrain-epochs", 1},
    {"pretrain-batch", 10}, {"start", 1},
    {"network", 1},         {"code", 1},
};

/* The same from a mixture. */
static const Setting short_mixture_course[] = {
    {"epochs", 1},          {"batch", 10},
    {"alpha", 2},           {"width", 4},
    {"module-epochs", 1},   {"pretrain-epochs", 1},
    {"pretrain-batch", 10}, {"start", 1},
    {"network", 1},         {"code", 1},
    {"assigner", 1},
};

static void
all_stages_follow_each_other(void **state)
{
  (void)state;
  static const uint32_t stages[] = {0, 0, 1, 2, 2, 3, 3, 4, 4};
  LearnSamples samples = bar_pictures(8, 3, 20, 1);
  DcLearner *learner =
      new_course(&dc_learner_ae_cm, &samples.data, 3, 2, short_course, COUNT(short_course));
  for (size_t i = 0; i < COUNT(stages); i++) {
    assert_false(learner->at.done);
    assert_int_equal(learner->at.stage, stages[i]);
    run_steps(learner, 1);
    assert_true(isfinite(learner->at.loss));
  }
  assert_true(learner->at.done && learner->at.share == 1);
  for (size_t i = 0; i < 6; i++) /* of the joint loss, which has no E3 */
    assert_true(i == 2 ? isnan(learner->at.figures[i]) : isfinite(learner->at.figures[i]));
  DcLearned learned = finish_course(learner);
  assert_int_equal(learned.width, 4);
  check_labels(learner, &learned);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
stages_of_no_epochs_are_left_out(void **state)
{
  (void)state;
  static const Setting none[] = {{"epochs", 0},        {"batch", 10},          {"width", 4},
                                 {"module-epochs", 0}, {"pretrain-epochs", 0}, {"network", 1},
                                 {"start", 1}};
  LearnSamples samples = bar_pictures(8, 3, 20, 1);
  DcLearner *learner = new_course(&dc_learner_ae_cm, &samples.data, 3, 1, none, COUNT(none));
  assert_int_equal(learner->at.stage, 1);
  run_steps(learner, 1);
  assert_int_equal(learner->at.stage, 4);
  run_steps(learner, 2);
  assert_true(learner->at.done);
  dc_learner_free(learner);
  learner = new_course(&dc_learner_ae_cm, &samples.data, 3, 1, none, COUNT(none) - 1);
  assert_int_equal(learner->at.stage, 4);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
it_is_taken_up_at_any_stage(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, 3, 20, 2);
  const size_t stops[] = {1, 4, 6, 8};
  check_taking_up(&dc_learner_ae_cm, &samples.data, 3, short_course, COUNT(short_course), stops,
                  COUNT(stops));
  check_taking_up(&dc_learner_ae_cm, &samples.data, 3, short_unit_course, COUNT(short_unit_course),
                  stops, COUNT(stops));
  check_taking_up(&dc_learner_ae_cm, &samples.data, 3, short_mixture_course,
                  COUNT(short_mixture_course), stops, COUNT(stops));
  free_samples(&samples);
}

static void
the_joint_loss_goes_down(void **state)
{
  (void)state;
  static const Setting forms[][2] = {{{"form", 0}, {"orthonormality", 0}},
                                     {{"form", 1}, {"orthonormality", 1}}};
  LearnSamples samples = blobs(6, 3, 30, 3, 3);
  for (size_t i = 0; i < COUNT(forms); i++) {
    const Setting given[] = {forms[i][0],    forms[i][1],  {"epochs", 12}, {"batch", 30},
                             {"alpha", 1.1}, {"width", 4}, {"beta", 1}};
    DcLearner *learner = new_course(&dc_learner_ae_cm, &samples.data, 3, 2, given, COUNT(given));
    run_steps(learner, 1);
    const double first = learner->at.loss;
    run_steps(learner, 11);
    assert_true(learner->at.loss < 0.9 * first);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

static DcLayer
layer_of(const DcLearned *learned, size_t index)
{
  return *dc_network_layer_const(learned->encoder, index);
}

static void
the_module_starts_from_no_autoencoder(void **state)
{
  (void)state;
  LearnSamples samples = four_groups(20, 2);
  DcLearner *learner = new_course(&dc_learner_cm, &samples.data, 4, 1, NULL, 0), *other;
  DcLearned learned = finish_course(learner);
  const DcLearnerOptions options = {.clusters = 4,
                                    .threads = 1,
                                    .first_encoder = learned.encoder,
                                    .first_decoder = learned.decoder};
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_cm, &samples.data, &options, &other, &error),
                   DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "cm starts from no autoencoder"));
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
it_starts_from_a_given_autoencoder(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, 3, 20, 4);
  DcLearner *first =
      new_course(&dc_learner_ae_cm, &samples.data, 3, 1, short_course, COUNT(short_course));
  run_steps(first, 2);
  DcLearned given = finish_course(first);
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_ae_cm, short_course, COUNT(short_course), settings);
  settings[dc_learner_setting(&dc_learner_ae_cm, "pretrain-epochs")] = 0;
  DcLearnerOptions options = {.clusters = 3,
                              .seed = 9,
                              .threads = 1,
                              .settings = settings,
                              .first_encoder = given.encoder,
                              .first_decoder = given.decoder};
  DcLearner *learner;
  assert_int_equal(dc_learner_new(&dc_learner_ae_cm, &samples.data, &options, &learner, NULL),
                   DC_OK);
  run_steps(learner, 3); /* k-means and the module, which leave the encoder alone */
  assert_int_equal(learner->at.stage, 3);
  DcLearned learned = finish_course(learner);
  for (size_t i = 0; i < 4; i++) {
    const DcLayer a = layer_of(&given, i), b = layer_of(&learned, i);
    assert_memory_equal(a.weight, b.weight, a.weight_size * sizeof(float));
  }
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  settings[dc_learner_setting(&dc_learner_ae_cm, "width")] = 5;
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_ae_cm, &samples.data, &options, &learner, &error),
                   DC_ERROR_MISMATCH);
  assert_non_null(strstr(error.message, "width"));
  dc_learned_clear(&given);
  dc_learner_free(first);
  free_samples(&samples);
}

/* What stands after pretraining and k-means: centroids about the mean of the codes, and what the
 * autoencoder gives back for a sample. */
typedef struct {
  double mean_square_length;
  float *codes, *given_back;
} Started;

static Started
start_course(const LearnSamples *samples, const Setting *given, size_t count)
{
  DcLearner *learner = new_course(&dc_learner_ae_cm, &samples->data, 3, 1, given, count);
  run_steps(learner, 3);
  assert_int_equal(learner->at.stage, 2);
  DcLearned learned = finish_course(learner);
  const size_t samples_count = samples->data.count, width = learned.width;
  Started started = {.codes = DC_NEW(float, samples_count *width),
                     .given_back = DC_NEW(float, samples_count * 64)};
  assert_int_equal(dc_encode(learned.encoder, samples->data.values, samples_count, 1, started.codes,
                             NULL),
                   DC_OK);
  assert_int_equal(
      dc_encode(learned.decoder, started.codes, samples_count, 1, started.given_back, NULL), DC_OK);
  for (size_t j = 0; j < width; j++) {
    double mean = 0;
    for (size_t i = 0; i < samples_count; i++)
      mean += started.codes[i * width + j] / (double)samples_count;
    for (size_t k = 0; k < 3; k++)
      started.mean_square_length += pow(learned.centroids[k * width + j] - mean, 2) / 3;
  }
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  return started;
}

/* Scaled by one number and moved: distances of codes keep their ratios. Codes are of order 1 or
 * smaller, in single precision. */
static void
a_unit_code_has_centroids_of_length_one_and_gives_back_the_same(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, 3, 20, 5);
  const Started plain = start_course(&samples, short_course, COUNT(short_course));
  const Started unit = start_course(&samples, short_unit_course, COUNT(short_unit_course));
  assert_near(unit.mean_square_length, 1, 1e-4);
  assert_true(fabs(plain.mean_square_length - 1) > 0.1);
  const double scale = 1 / sqrt(plain.mean_square_length);
  for (size_t i = 4; i < 20 * 4; i++) {
    const double apart = plain.codes[i] - plain.codes[i % 4];
    assert_near(unit.codes[i] - unit.codes[i % 4], scale * apart, 1e-4);
  }
  for (size_t i = 0; i < 20 * 64; i++)
    assert_near(unit.given_back[i], plain.given_back[i], 1e-5);
  dc_free(plain.codes);
  dc_free(plain.given_back);
  dc_free(unit.codes);
  dc_free(unit.given_back);
  free_samples(&samples);
}

static void
a_unit_code_of_equal_samples_stays_finite(void **state)
{
  (void)state;
  LearnSamples samples = equal_pictures(8, 20);
  const Started started = start_course(&samples, short_unit_course, COUNT(short_unit_course));
  for (size_t i = 0; i < 20 * 4; i++)
    assert_true(fabsf(started.codes[i]) < 1e-3f); /* about the mean, and not blown up */
  for (size_t i = 0; i < 20 * 64; i++)
    assert_true(isfinite(started.given_back[i]));
  dc_free(started.codes);
  dc_free(started.given_back);
  free_samples(&samples);
}

static double
square_of_distance(const float *a, const float *b, size_t width)
{
  double sum = 0;
  for (size_t j = 0; j < width; j++)
    sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

/* Mean square, by dimension, of the codes about the nearest centroid. */
static double
variance_within(const float *codes, size_t count, const DcLearned *learned)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    double least = INFINITY;
    for (size_t k = 0; k < learned->clusters; k++)
      least =
          fmin(least, square_of_distance(codes + i * learned->width,
                                         learned->centroids + k * learned->width, learned->width));
    sum += least;
  }
  return sum / (double)(count * learned->width);
}

/* As the code is when the module starts: scaled. Its numbers are of order 1, those of V some
 * hundreds, which 1e-3 of the largest allows for. */
static void
assignments_begin_as_in_a_mixture_of_the_clusters_width(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, 3, 20, 6);
  DcLearner *learner = new_course(&dc_learner_ae_cm, &samples.data, 3, 1, short_mixture_course,
                                  COUNT(short_mixture_course));
  run_steps(learner, 3); /* pretraining, and the start */
  DcLearned learned = finish_course(learner);
  float codes[20 * 4];
  assert_int_equal(dc_encode(learned.encoder, samples.data.values, 20, 1, codes, NULL), DC_OK);
  const double variance = variance_within(codes, 20, &learned);
  const DcLayer *layer = dc_network_layer_const(learned.assigner, 0);
  double largest = 0;
  for (size_t i = 0; i < 12; i++)
    largest = fmax(largest, fabsf(learned.centroids[i]) / variance);
  for (size_t k = 0; k < 3; k++) {
    const float *centroid = learned.centroids + k * 4, origin[4] = {0};
    for (size_t j = 0; j < 4; j++)
      assert_near(layer->weight[j * 3 + k], centroid[j] / variance, 1e-3 * largest);
    assert_near(layer->bias[k], -square_of_distance(centroid, origin, 4) / (2 * variance),
                1e-3 * largest);
  }
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

/* --- odd and bad input --- */

static const DcLearnerClass *const both[] = {&dc_learner_cm, &dc_learner_ae_cm};

static DcLearner *
small_course(const DcLearnerClass *class, const DcDataset *data, uint32_t clusters, double start)
{
  const Setting given[] = {
      {"epochs", 2}, {"batch", 8}, {"start", start}, {"pretrain-epochs", 1}, {"module-epochs", 1}};
  return new_course(class, data, clusters, 1, given, class == &dc_learner_cm ? 3 : 5);
}

static void
one_cluster_takes_all(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 2, 12, 4, 5);
  for (size_t i = 0; i < 4; i++) {
    DcLearner *learner = small_course(both[i / 2], &samples.data, 1, (double)(i % 2));
    run_steps(learner, SIZE_MAX);
    assert_true(isfinite(learner->at.loss));
    DcLearned learned = finish_course(learner);
    for (size_t j = 0; j < 12; j++)
      assert_int_equal(learned.labels[j], 0);
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

static void
constant_samples_are_survived(void **state)
{
  (void)state;
  LearnSamples samples = new_samples((DcShape){4, 4, 1}, 10);
  for (size_t i = 0; i < 4; i++) {
    for (size_t j = 0; j < 160; j++)
      sample_values(&samples, 0)[j] = i % 2 ? 0.5f : 0;
    DcLearner *learner = small_course(both[i / 2], &samples.data, 3, 1);
    run_steps(learner, SIZE_MAX);
    assert_true(isfinite(learner->at.loss));
    DcLearned learned = finish_course(learner);
    for (size_t j = 1; j < 10; j++)
      assert_int_equal(learned.labels[j], learned.labels[0]);
    for (size_t j = 0; j < 3 * learned.width; j++)
      assert_true(isfinite(learned.centroids[j]));
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

static void
expect_refusal(const DcLearnerClass *class, const DcDataset *data, uint32_t clusters,
               const char *text)
{
  const DcLearnerOptions options = {.clusters = clusters, .threads = 1};
  DcLearner *learner;
  DcError error = {0};
  assert_int_equal(dc_learner_new(class, data, &options, &learner, &error), DC_ERROR_ARGUMENT);
  assert_null(learner);
  if (!strstr(error.message, text))
    fail_msg("\"%s\" does not say \"%s\"", error.message, text);
}

static void
fewer_samples_than_clusters_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 2, 4, 4, 6);
  for (size_t i = 0; i < 2; i++)
    expect_refusal(both[i], &samples.data, 5, "too few");
  free_samples(&samples);
}

static void
a_code_narrower_than_the_clusters_is_refused(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 2, 30, 4, 7);
  expect_refusal(&dc_learner_ae_cm, &samples.data, 11, "width must be at least");
  const Setting given[] = {{"epochs", 1}};
  DcLearner *learner = new_course(&dc_learner_cm, &samples.data, 11, 1, given, 1);
  run_steps(learner, SIZE_MAX); /* alone, more clusters than dimensions are no matter */
  assert_true(isfinite(learner->at.loss));
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
settings_out_of_range_are_refused(void **state)
{
  (void)state;
  static const Setting bad[] = {
      {"epochs", -1},       {"epochs", 1.5},       {"batch", 0},    {"alpha", 0},
      {"alpha", NAN},       {"learning-rate", 0},  {"epsilon", 0},  {"start", 2},
      {"learning-rate", 2}, {"beta", -1},          {"lambda", -1},  {"width", 0},
      {"form", 2},          {"pretrain-rate", 0},  {"network", -1}, {"pretrain-momentum", 1},
      {"weight-decay", -1}, {"orthonormality", 7}, {"code", 2},     {"assigner", 2}};
  LearnSamples samples = blobs(5, 2, 20, 4, 8);
  for (size_t i = 0; i < COUNT(bad); i++) {
    assert_setting_refused(&dc_learner_ae_cm, &samples.data, 2, bad[i].name, bad[i].value);
    if (i < 9)
      assert_setting_refused(&dc_learner_cm, &samples.data, 2, bad[i].name, bad[i].value);
  }
  free_samples(&samples);
}

static void
samples_too_large_for_the_loss_are_reported(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 2, 20, 4, 9);
  for (size_t j = 0; j < 10; j++)
    sample_values(&samples, 7)[j] = j < 5 ? 3e38f : -3e38f;
  for (size_t i = 0; i < 2; i++) {
    DcLearner *learner = small_course(both[i], &samples.data, 2, 0);
    DcError error = {0};
    DcStatus status = DC_OK;
    for (size_t j = 0; !status && j < 3; j++) /* an epoch */
      status = dc_learner_step(learner, &error);
    assert_int_equal(status, DC_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.message, "diverged"));
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

static void
positions_that_do_not_exist_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 2, 20, 4, 10);
  for (size_t i = 0; i < 2; i++) {
    DcLearner *learner = small_course(both[i], &samples.data, 2, 0);
    const DcLearnPosition good = learner->at;
    assert_int_equal(dc_learner_restored(learner, NULL), DC_OK);
    DcLearnPosition bad[5];
    for (size_t j = 0; j < COUNT(bad); j++)
      bad[j] = good;
    bad[0].stage = 0; /* which a random start has not */
    bad[1].steps = 1000;
    bad[2].epoch = bad[2].epochs;
    bad[3].epochs = 3;
    bad[4].stage = 9;
    for (size_t j = 0; j < COUNT(bad); j++) {
      DcError error = {0};
      learner->at = bad[j];
      assert_int_equal(dc_learner_restored(learner, &error), DC_ERROR_FORMAT);
      assert_true(error.message[0] != 0);
    }
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_module_finds_groups_that_lie_apart),
      cmocka_unit_test(the_module_hands_over_what_it_learnt),
      cmocka_unit_test(the_module_is_taken_up_at_any_step),
      cmocka_unit_test(the_module_reports_its_terms),
      cmocka_unit_test(all_stages_follow_each_other),
      cmocka_unit_test(stages_of_no_epochs_are_left_out),
      cmocka_unit_test(it_is_taken_up_at_any_stage),
      cmocka_unit_test(the_joint_loss_goes_down),
      cmocka_unit_test(the_module_starts_from_no_autoencoder),
      cmocka_unit_test(it_starts_from_a_given_autoencoder),
      cmocka_unit_test(a_unit_code_has_centroids_of_length_one_and_gives_back_the_same),
      cmocka_unit_test(a_unit_code_of_equal_samples_stays_finite),
      cmocka_unit_test(assignments_begin_as_in_a_mixture_of_the_clusters_width),
      cmocka_unit_test(one_cluster_takes_all),
      cmocka_unit_test(constant_samples_are_survived),
      cmocka_unit_test(fewer_samples_than_clusters_are_refused),
      cmocka_unit_test(a_code_narrower_than_the_clusters_is_refused),
      cmocka_unit_test(settings_out_of_range_are_refused),
      cmocka_unit_test(samples_too_large_for_the_loss_are_reported),
      cmocka_unit_test(positions_that_do_not_exist_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
