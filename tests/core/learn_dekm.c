/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The courses `ae` and `dekm`, and what every course shares. */
#include "learning.h"
#include "nn/encode.h"

#define SIDE    8
#define CLASSES 6
#define SAMPLES 300

static LearnSamples
pictures(void)
{
  return bar_pictures(SIDE, CLASSES, SAMPLES, 8);
}

/* --- ae --- */

static const Setting short_ae[] = {
    {"epochs", 3}, {"batch", 32}, {"width", 8}, {"learning-rate", 2e-3}};
#define SHORT_AE short_ae, 4

/* Mean squared difference between the samples and what the networks make of them. */
static double
reconstruction_error(const DcLearned *learned, const DcDataset *data)
{
  const size_t size = dc_shape_size(data->shape);
  float *codes = DC_NEW(float, data->count * learned->width);
  float *images = DC_NEW(float, data->count *size);
  assert_int_equal(dc_encode(learned->encoder, data->values, data->count, 1, codes, NULL), DC_OK);
  assert_int_equal(dc_encode(learned->decoder, codes, data->count, 2, images, NULL), DC_OK);
  double sum = 0;
  for (size_t i = 0; i < data->count * size; i++)
    sum += ((double)images[i] - data->values[i]) * ((double)images[i] - data->values[i]);
  dc_free(codes);
  dc_free(images);
  return sum / (double)(data->count * size);
}

static double
variance(const DcDataset *data)
{
  const size_t numbers = data->count * dc_shape_size(data->shape);
  double sum = 0, square = 0;
  for (size_t i = 0; i < numbers; i++) {
    sum += data->values[i];
    square += (double)data->values[i] * data->values[i];
  }
  return square / (double)numbers - sum / (double)numbers * sum / (double)numbers;
}

static void
ae_learns_to_give_back_what_it_is_shown(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  Setting settings[4];
  memcpy(settings, short_ae, sizeof settings);
  settings[0].value = 20;
  DcLearner *learner = new_course(&dc_learner_ae, &samples.data, CLASSES, 2, settings, 4);
  DcLearned before = finish_course(learner);
  run_steps(learner, SIZE_MAX);
  DcLearned after = finish_course(learner);
  const double constant = variance(&samples.data);
  assert_true(reconstruction_error(&before, &samples.data) > 0.9 * constant);
  const double error = reconstruction_error(&after, &samples.data);
  assert_true(error < 0.2 * constant);
  /* The mean over the last epoch, whose weights still moved. */
  assert_near(learner->at.loss, error, 0.5 * error);
  assert_true(accuracy(&samples, &after) > 0.9);
  dc_learned_clear(&before);
  dc_learned_clear(&after);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
ae_counts_every_step_and_the_short_batch(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  DcLearner *learner = new_course(&dc_learner_ae, &samples.data, CLASSES, 1, SHORT_AE);
  assert_int_equal(learner->at.steps, 10); /* nine of 32 and one of 12 */
  run_steps(learner, 9);
  assert_int_equal(learner->at.epoch, 0);
  assert_int_equal(learner->at.step, 9);
  assert_near(learner->at.weight, 288, 0);
  run_steps(learner, 1);
  assert_int_equal(learner->at.epoch, 1);
  assert_int_equal(learner->at.step, 0);
  assert_near(learner->at.weight, SAMPLES, 0);
  assert_true(learner->at.loss > 0 && learner->at.loss < 1);
  run_steps(learner, 20);
  assert_true(learner->at.done);
  assert_int_equal(learner->curve_count, 3);
  assert_near(learner->curve[2].epoch, 3, 0);
  assert_near(learner->curve[2].loss, learner->at.loss, 0);
  assert_near(learner->at.share, 1, 0);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
ae_taken_up_ends_with_the_same_bytes(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  static const size_t stops[] = {0, 1, 10, 17};
  check_taking_up(&dc_learner_ae, &samples.data, CLASSES, SHORT_AE, stops, 4);
  free_samples(&samples);
}

static void
another_seed_learns_other_weights(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  DcLearnerOptions options = {.clusters = CLASSES, .seed = 1, .threads = 1};
  DcLearner *one, *other;
  assert_int_equal(dc_learner_new(&dc_learner_ae, &samples.data, &options, &one, NULL), DC_OK);
  options.seed = 2;
  assert_int_equal(dc_learner_new(&dc_learner_ae, &samples.data, &options, &other, NULL), DC_OK);
  DcLearned a = finish_course(one), b = finish_course(other);
  const DcLayer *layer = dc_network_layer_const(a.encoder, 0);
  assert_memory_not_equal(layer->weight, dc_network_layer_const(b.encoder, 0)->weight,
                          layer->weight_size * sizeof(float));
  dc_learned_clear(&a);
  dc_learned_clear(&b);
  dc_learner_free(one);
  dc_learner_free(other);
  free_samples(&samples);
}

static void
ae_learns_from_vectors(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 3, 120, 12, 4);
  static const Setting settings[] = {{"epochs", 5}, {"batch", 32}, {"width", 3}};
  DcLearner *learner = new_course(&dc_learner_ae, &samples.data, 3, 2, settings, 3);
  run_steps(learner, SIZE_MAX);
  DcLearned learned = finish_course(learner);
  assert_int_equal(dc_network_layer_count(learned.encoder), 4);
  assert_int_equal(learned.width, 3);
  assert_true(accuracy(&samples, &learned) > 0.95);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

/* --- dekm --- */

static const Setting short_dekm[] = {{"pretrain-epochs", 2}, {"batch", 32},
                                     {"width", 4},           {"interval", 5},
                                     {"steps", 40},          {"stop", 0},
                                     {"patience", 1000},     {"first-restarts", 5},
                                     {"restarts", 3}};
#define SHORT_DEKM short_dekm, 9

static void
dekm_tightens_clusters_and_finds_the_classes(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  Setting settings[9];
  memcpy(settings, short_dekm, sizeof settings);
  settings[0].value = 30;
  settings[3].value = 10;
  settings[4].value = 150;
  DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, CLASSES, 2, settings, 9);
  run_steps(learner, 301); /* the autoencoder's three hundred, and the first k-means */
  assert_int_equal(learner->at.stage, 1);
  const double within = learner->at.figures[1];
  run_steps(learner, SIZE_MAX);
  assert_int_equal(learner->at.epoch, 15);
  assert_true(learner->at.figures[1] < 0.5 * within);
  DcLearned learned = finish_course(learner);
  assert_null(learned.decoder);
  assert_true(accuracy(&samples, &learned) > 0.9);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
dekm_leaves_the_decoder_alone_after_the_first_stage(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, CLASSES, 2, SHORT_DEKM);
  run_steps(learner, 20);
  DcStateList list = {0};
  dc_learner_list_state(learner, &list);
  float *decoder = NULL, *encoder = NULL, *kept = NULL, *moved = NULL;
  size_t bytes = 0, encoder_bytes = 0;
  for (size_t i = 0; i < list.count; i++) {
    if (strcmp(list.arrays[i].name, "decoder.0.weight") == 0) {
      decoder = list.arrays[i].data;
      bytes = list.arrays[i].count * sizeof(float);
    } else if (strcmp(list.arrays[i].name, "encoder.3.weight") == 0) {
      encoder = list.arrays[i].data;
      encoder_bytes = list.arrays[i].count * sizeof(float);
    }
  }
  assert_true(decoder && encoder);
  kept = malloc(bytes);
  moved = malloc(encoder_bytes);
  assert_true(kept && moved);
  memcpy(kept, decoder, bytes);
  memcpy(moved, encoder, encoder_bytes);
  run_steps(learner, SIZE_MAX);
  assert_memory_equal(kept, decoder, bytes);
  assert_memory_not_equal(moved, encoder, encoder_bytes);
  free(kept);
  free(moved);
  dc_state_list_clear(&list);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
dekm_taken_up_ends_with_the_same_bytes(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  /* In the autoencoder; at its end; before, right after and long after a k-means. */
  static const size_t stops[] = {7, 20, 21, 24, 27};
  check_taking_up(&dc_learner_dekm, &samples.data, CLASSES, SHORT_DEKM, stops, 5);
  free_samples(&samples);
}

/* Separable groups are found at once; with labels that no longer change the second round ends it.
 */
static void
dekm_stops_when_labels_no_longer_change(void **state)
{
  (void)state;
  LearnSamples samples = blobs(10, 4, 100, 30, 6);
  static const Setting settings[] = {
      {"pretrain-epochs", 3}, {"batch", 64}, {"learning-rate", 1e-4}, {"first-restarts", 10}};
  DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, 4, 1, settings, 4);
  run_steps(learner, SIZE_MAX);
  assert_int_equal(learner->at.epoch, 1);
  assert_near(learner->at.figures[0], 0, 0);
  DcLearned learned = finish_course(learner);
  assert_near(accuracy(&samples, &learned), 1, 0);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
dekm_respects_the_most_steps(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  Setting settings[9];
  memcpy(settings, short_dekm, sizeof settings);
  settings[4].value = 12; /* the third round of five steps is begun, and finished */
  DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, CLASSES, 2, settings, 9);
  run_steps(learner, 20 + 3 * 6 + 1);
  assert_true(learner->at.done);
  assert_int_equal(learner->at.epoch, 3);
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
dekm_of_equal_samples_ends_without_nan(void **state)
{
  (void)state;
  LearnSamples samples = equal_pictures(8, 40);
  for (uint32_t clusters = 1; clusters <= 3; clusters += 2) {
    DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, clusters, 1, SHORT_DEKM);
    run_steps(learner, SIZE_MAX);
    DcLearned learned = finish_course(learner);
    for (size_t i = 0; i < clusters * learned.width; i++)
      assert_true(isfinite(learned.centroids[i]));
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

static void
dekm_starts_from_a_trained_autoencoder(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  static const Setting pretraining[] = {{"epochs", 2}, {"batch", 32}, {"width", 4}};
  DcLearner *ae = new_course(&dc_learner_ae, &samples.data, CLASSES, 2, pretraining, 3);
  run_steps(ae, SIZE_MAX);
  DcLearned trained = finish_course(ae);
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_dekm, SHORT_DEKM, settings);
  settings[dc_learner_setting(&dc_learner_dekm, "pretrain-epochs")] = 0;
  DcLearnerOptions options = {.clusters = CLASSES,
                              .seed = 3,
                              .threads = 2,
                              .settings = settings,
                              .first_encoder = trained.encoder,
                              .first_decoder = trained.decoder};
  DcLearner *started, *whole;
  assert_int_equal(dc_learner_new(&dc_learner_dekm, &samples.data, &options, &started, NULL),
                   DC_OK);
  assert_int_equal(started->at.stage, 1);
  run_steps(started, SIZE_MAX);
  /* The autoencoder of dekm itself is the same one, so the clusters are too. */
  whole = new_course(&dc_learner_dekm, &samples.data, CLASSES, 2, SHORT_DEKM);
  run_steps(whole, SIZE_MAX);
  DcLearned a = finish_course(started), b = finish_course(whole);
  assert_memory_equal(a.centroids, b.centroids, CLASSES * 4 * sizeof(float));
  /* Layers of another width are refused by name. */
  settings[dc_learner_setting(&dc_learner_dekm, "width")] = 5;
  DcLearner *other;
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_dekm, &samples.data, &options, &other, &error),
                   DC_ERROR_MISMATCH);
  assert_non_null(strstr(error.message, "encoder to start from"));
  dc_learned_clear(&a);
  dc_learned_clear(&b);
  dc_learned_clear(&trained);
  dc_learner_free(started);
  dc_learner_free(whole);
  dc_learner_free(ae);
  free_samples(&samples);
}

/* --- refusals --- */

static void
settings_out_of_range_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  static const Setting bad[] = {{"width", 0},  {"width", 2.5},       {"batch", 0},
                                {"epochs", 0}, {"learning-rate", 0}, {"learning-rate", NAN},
                                {"network", 9}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_setting_refused(&dc_learner_ae, &samples.data, CLASSES, bad[i].name, bad[i].value);
  static const Setting bad_dekm[] = {{"stop", -0.1},   {"stop", 1.1},     {"steps", 0},
                                     {"interval", -1}, {"patience", 0.5}, {"first-restarts", 0}};
  for (size_t i = 0; i < sizeof bad_dekm / sizeof *bad_dekm; i++)
    assert_setting_refused(&dc_learner_dekm, &samples.data, CLASSES, bad_dekm[i].name,
                           bad_dekm[i].value);
  free_samples(&samples);
}

static void
data_without_sense_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  const DcLearnerOptions options = {.clusters = SAMPLES + 1, .threads = 1};
  DcLearnerOptions bad = options;
  DcLearner *learner;
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_dekm, &samples.data, &bad, &learner, &error),
                   DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "300 samples are too few for 301 clusters"));
  bad.clusters = 0;
  assert_int_equal(dc_learner_new(&dc_learner_dekm, &samples.data, &bad, &learner, &error),
                   DC_ERROR_ARGUMENT);
  bad.clusters = 2;
  bad.threads = 0;
  assert_int_equal(dc_learner_new(&dc_learner_dekm, &samples.data, &bad, &learner, &error),
                   DC_ERROR_ARGUMENT);
  bad.threads = 1;
  sample_values(&samples, 7)[3] = INFINITY;
  assert_int_equal(dc_learner_new(&dc_learner_dekm, &samples.data, &bad, &learner, &error),
                   DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "NaN or infinity"));
  free_samples(&samples);
}

static void
diverging_courses_say_so(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  static const Setting settings[] = {{"pretrain-epochs", 0}, {"learning-rate", 1}, {"width", 4}};
  DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, CLASSES, 1, settings, 3);
  /* A rate of 1 multiplies weights of 0.05 through four layers, again and again. */
  DcError error = {0};
  DcStatus status = DC_OK;
  for (size_t i = 0; i < 5000 && !status && !learner->at.done; i++) {
    sample_values(&samples, i % SAMPLES)[0] = 3e38f;
    status = dc_learner_step(learner, &error);
  }
  assert_int_equal(status, DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "diverged"));
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
states_that_make_no_sense_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  DcLearner *learner = new_course(&dc_learner_dekm, &samples.data, CLASSES, 1, SHORT_DEKM);
  assert_int_equal(dc_learner_restored(learner, NULL), DC_OK);
  const DcLearnPosition good = learner->at;
  DcLearnPosition bad[] = {good, good, good, good};
  bad[0].stage = 2;
  bad[1].epoch = -1;
  bad[2].epoch = good.epochs + 1;
  bad[3].step = good.steps;
  for (size_t i = 0; i < 4; i++) {
    learner->at = bad[i];
    assert_int_equal(dc_learner_restored(learner, NULL), DC_ERROR_FORMAT);
  }
  learner->at = good;
  DcStateList list = {0};
  dc_learner_list_state(learner, &list);
  for (size_t i = 0; i < list.count; i++) {
    if (strcmp(list.arrays[i].name, "labels") == 0)
      ((uint32_t *)list.arrays[i].data)[11] = CLASSES;
  }
  dc_state_list_clear(&list);
  DcError error = {0};
  assert_int_equal(dc_learner_restored(learner, &error), DC_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "sample 11 is in cluster 6 of 6"));
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
classes_are_found_by_name(void **state)
{
  (void)state;
  size_t count;
  const DcLearnerClass *const *classes = dc_learner_classes(&count);
  assert_true(count >= 2);
  for (size_t i = 0; i < count; i++) {
    assert_ptr_equal(dc_learner_class(classes[i]->name), classes[i]);
    assert_true(classes[i]->setting_count <= DC_LEARN_MOST_SETTINGS);
    size_t figures = 0;
    while (classes[i]->figures[figures])
      figures++;
    assert_true(figures <= DC_LEARN_MOST_FIGURES);
  }
  assert_null(dc_learner_class("kmeans++"));
  assert_int_equal(dc_learner_setting(&dc_learner_ae, "colour"), SIZE_MAX);
  const size_t network = dc_learner_setting(&dc_learner_ae, "network");
  const size_t width = dc_learner_setting(&dc_learner_ae, "width");
  assert_string_equal(dc_learner_setting_word(&dc_learner_ae, network, 1), "conv");
  assert_null(dc_learner_setting_word(&dc_learner_ae, width, 1));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ae_learns_to_give_back_what_it_is_shown),
      cmocka_unit_test(ae_counts_every_step_and_the_short_batch),
      cmocka_unit_test(ae_taken_up_ends_with_the_same_bytes),
      cmocka_unit_test(another_seed_learns_other_weights),
      cmocka_unit_test(ae_learns_from_vectors),
      cmocka_unit_test(dekm_tightens_clusters_and_finds_the_classes),
      cmocka_unit_test(dekm_leaves_the_decoder_alone_after_the_first_stage),
      cmocka_unit_test(dekm_taken_up_ends_with_the_same_bytes),
      cmocka_unit_test(dekm_stops_when_labels_no_longer_change),
      cmocka_unit_test(dekm_respects_the_most_steps),
      cmocka_unit_test(dekm_of_equal_samples_ends_without_nan),
      cmocka_unit_test(dekm_starts_from_a_trained_autoencoder),
      cmocka_unit_test(settings_out_of_range_are_refused),
      cmocka_unit_test(data_without_sense_are_refused),
      cmocka_unit_test(diverging_courses_say_so),
      cmocka_unit_test(states_that_make_no_sense_are_refused),
      cmocka_unit_test(classes_are_found_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
