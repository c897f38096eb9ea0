/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups of codes that need not be round: grouping=consensus of `ae` and `dekm`. What their courses
 * do besides is in learn_dekm.c. */
#include "cluster/consensus.h"
#include "learn/codes.h"
#include "learning.h"
#include "nn/encode.h"

#define CLASSES      3
#define SAMPLES      300
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Three long bars side by side, in turn: k-means cuts them across. */
static LearnSamples
long_bars(size_t count)
{
  LearnSamples samples = new_samples((DcShape){1, 1, 2}, count);
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (size_t i = 0; i < count; i++) {
    float *values = sample_values(&samples, i);
    samples.classes[i] = (uint32_t)(i % CLASSES);
    values[0] = (float)(40 * dc_random_uniform(&random));
    values[1] = (float)(6 * samples.classes[i] + 0.5 * dc_random_normal(&random));
  }
  return samples;
}

/* An encoder that gives its samples back. */
static DcNetwork *
identity(DcShape shape)
{
  const DcLayer affine = {.kind = DC_LAYER_AFFINE};
  DcNetwork *network = dc_network_new(shape);
  assert_non_null(network);
  assert_int_equal(dc_network_add(network, &affine, NULL), DC_OK);
  DcLayer *layer = dc_network_layer(network, 0);
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = 1;
  return network;
}

/* Samples as they are, in cells of k-means. */
typedef struct {
  LearnSamples samples;
  DcNetwork *encoder;
  DcLearner *learner; /* of which samples, clusters and seed matter */
  DcLearned learned;
} Case;

static Case
in_cells(LearnSamples samples)
{
  static const Setting few[] = {{"epochs", 1}, {"width", 2}};
  Case made = {.samples = samples, .encoder = identity(samples.data.shape)};
  made.learner = new_course(&dc_learner_ae, &samples.data, CLASSES, 1, few, COUNT(few));
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  assert_int_equal(dc_learner_cluster(made.learner, made.encoder, 10, &random, &made.learned, NULL),
                   DC_OK);
  assert_false(made.learned.grouped);
  return made;
}

static void
regroup(Case *made)
{
  assert_int_equal(dc_learner_regroup(made->learner, made->encoder, &made->learned, NULL), DC_OK);
}

static void
clear_case(Case *made)
{
  dc_learned_clear(&made->learned);
  dc_learner_free(made->learner);
  dc_network_free(made->encoder);
  free_samples(&made->samples);
}

static void
long_groups_are_found_that_k_means_cuts(void **state)
{
  (void)state;
  Case bars = in_cells(long_bars(SAMPLES));
  /* Three cells across: each has a third of each bar. */
  assert_true(accuracy(&bars.samples, &bars.learned) < 0.7);
  regroup(&bars);
  assert_true(bars.learned.grouped);
  assert_true(accuracy(&bars.samples, &bars.learned) == 1);
  clear_case(&bars);
}

/* Of codes N x d; each cluster has members. */
static void
assert_centroids_are_means(const DcLearned *learned, const float *codes, size_t count)
{
  for (size_t k = 0; k < learned->clusters; k++)
    for (size_t j = 0; j < learned->width; j++) {
      double sum = 0, members = 0;
      for (size_t i = 0; i < count; i++)
        if (learned->labels[i] == k) {
          sum += codes[i * learned->width + j];
          members++;
        }
      /* single precision of numbers up to 40 */
      assert_true(fabs(learned->centroids[learned->width * k + j] - sum / members) < 1e-5);
    }
}

static void
centroids_are_the_means_of_the_groups(void **state)
{
  (void)state;
  Case bars = in_cells(long_bars(SAMPLES));
  regroup(&bars);
  assert_centroids_are_means(&bars.learned, bars.samples.data.values, SAMPLES);
  clear_case(&bars);
}

/* A consensus needs twelve samples for each cluster. */
static void
few_samples_keep_their_cells(void **state)
{
  (void)state;
  enum { FEW = 12 * CLASSES - 1 };
  Case bars = in_cells(long_bars(FEW));
  uint32_t labels[FEW];
  float centroids[CLASSES * 2];
  memcpy(labels, bars.learned.labels, sizeof labels);
  memcpy(centroids, bars.learned.centroids, sizeof centroids);
  regroup(&bars);
  assert_false(bars.learned.grouped);
  assert_memory_equal(bars.learned.labels, labels, sizeof labels);
  assert_memory_equal(bars.learned.centroids, centroids, sizeof centroids);
  clear_case(&bars);
}

/* Nothing to tell samples apart by: as many clusters as were asked for, with numbers in them. */
static void
equal_codes_are_survived(void **state)
{
  (void)state;
  LearnSamples samples = long_bars(SAMPLES);
  for (size_t i = 0; i < SAMPLES; i++)
    memcpy(sample_values(&samples, i), (float[]){3, 4}, 2 * sizeof(float));
  Case equal = in_cells(samples);
  regroup(&equal);
  for (size_t i = 0; i < SAMPLES; i++)
    assert_in_range(equal.learned.labels[i], 0, CLASSES - 1);
  for (size_t k = 0; k < CLASSES; k++) {
    assert_true(equal.learned.centroids[2 * k] == 3);
    assert_true(equal.learned.centroids[2 * k + 1] == 4);
  }
  clear_case(&equal);
}

/* Codes that are no numbers come from an encoder that has diverged. */
static void
codes_that_are_no_numbers_are_refused(void **state)
{
  (void)state;
  Case bars = in_cells(long_bars(SAMPLES));
  dc_network_layer(bars.encoder, 0)->weight[1] = NAN;
  DcError error = {0};
  assert_int_not_equal(dc_learner_regroup(bars.learner, bars.encoder, &bars.learned, &error),
                       DC_OK);
  assert_non_null(strstr(error.message, "diverged"));
  assert_false(bars.learned.grouped);
  clear_case(&bars);
}

/* By the setting, from a whole course; and the same twice. */
static void
a_course_groups_as_it_is_told(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, 6, SAMPLES, 8);
  uint32_t first[SAMPLES];
  for (size_t run = 0; run < 3; run++) {
    const Setting settings[] = {
        {"epochs", 3}, {"batch", 32}, {"width", 8}, {"grouping", run < 2 ? 1 : 0}};
    DcLearner *learner = new_course(&dc_learner_ae, &samples.data, 6, 1, settings, COUNT(settings));
    run_steps(learner, SIZE_MAX);
    DcLearned learned = finish_course(learner);
    assert_int_equal(learned.grouped, run < 2);
    if (run == 0)
      memcpy(first, learned.labels, sizeof first);
    else if (run == 1)
      assert_memory_equal(first, learned.labels, sizeof first);
    dc_learned_clear(&learned);
    dc_learner_free(learner);
  }
  free_samples(&samples);
}

/* --- dekm --- */

enum { BAR_CLASSES = 6 };

/* An autoencoder of 20 steps, for 300 samples, and four rounds. */
#define SHORT_DEKM(grouping)                                                                       \
  {                                                                                                \
    {"pretrain-epochs", 2}, {"batch", 32}, {"width", 4}, {"interval", 5}, {"steps", 20},           \
        {"stop", 0}, {"patience", 1000},                                                           \
    {                                                                                              \
      "grouping", grouping                                                                         \
    }                                                                                              \
  }

static DcLearned
run_dekm(const LearnSamples *samples, uint32_t clusters, double grouping)
{
  const Setting settings[] = SHORT_DEKM(grouping);
  DcLearner *learner =
      new_course(&dc_learner_dekm, &samples->data, clusters, 1, settings, COUNT(settings));
  run_steps(learner, SIZE_MAX);
  DcLearned learned = finish_course(learner);
  dc_learner_free(learner);
  return learned;
}

static void
dekm_ends_with_the_groups_of_its_last_codes(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, BAR_CLASSES, SAMPLES, 8);
  DcLearned learned = run_dekm(&samples, BAR_CLASSES, DC_GROUPING_CONSENSUS);
  assert_true(learned.grouped);
  float codes[SAMPLES * 4];
  assert_int_equal(dc_encode(learned.encoder, samples.data.values, SAMPLES, 1, codes, NULL), DC_OK);
  const DcMatrix rows = dc_matrix(codes, SAMPLES, 4);
  /* The same groups, by whatever numbers, with the seed of the course. */
  assert_int_equal(dc_consensus(&rows, BAR_CLASSES, 3, samples.classes, NULL), DC_OK);
  assert_true(accuracy(&samples, &learned) == 1);
  assert_centroids_are_means(&learned, codes, SAMPLES);
  dc_learned_clear(&learned);
  free_samples(&samples);
}

static void
dekm_with_groups_taken_up_ends_with_the_same_bytes(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, BAR_CLASSES, SAMPLES, 8);
  static const size_t stops[] = {20, 21, 24, 27}; /* before and after a grouping, and within */
  static const Setting settings[] = SHORT_DEKM(DC_GROUPING_CONSENSUS);
  check_taking_up(&dc_learner_dekm, &samples.data, BAR_CLASSES, settings, COUNT(settings), stops,
                  COUNT(stops));
  free_samples(&samples);
}

static void
dekm_of_few_samples_keeps_its_cells(void **state)
{
  (void)state;
  enum { FEW = 12 * BAR_CLASSES - 1 };
  LearnSamples samples = bar_pictures(8, BAR_CLASSES, FEW, 8);
  DcLearned cells = run_dekm(&samples, BAR_CLASSES, DC_GROUPING_KMEANS);
  DcLearned asked = run_dekm(&samples, BAR_CLASSES, DC_GROUPING_CONSENSUS);
  assert_false(cells.grouped || asked.grouped);
  assert_memory_equal(cells.labels, asked.labels, FEW * sizeof(uint32_t));
  assert_memory_equal(cells.centroids, asked.centroids, BAR_CLASSES * 4 * sizeof(float));
  dc_learned_clear(&cells);
  dc_learned_clear(&asked);
  free_samples(&samples);
}

/* Groups without members keep a centroid that is a number. */
static void
dekm_of_equal_samples_survives_its_groups(void **state)
{
  (void)state;
  LearnSamples samples = equal_pictures(8, 40);
  for (uint32_t clusters = 1; clusters <= 3; clusters += 2) {
    DcLearned learned = run_dekm(&samples, clusters, DC_GROUPING_CONSENSUS);
    assert_true(learned.grouped);
    for (size_t i = 0; i < clusters * learned.width; i++)
      assert_true(isfinite(learned.centroids[i]));
    for (size_t i = 0; i < 40; i++)
      assert_in_range(learned.labels[i], 0, clusters - 1);
    dc_learned_clear(&learned);
  }
  free_samples(&samples);
}

static void
groupings_that_are_none_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, BAR_CLASSES, SAMPLES, 8);
  static const double bad[] = {-1, 0.5, 2, NAN};
  for (size_t i = 0; i < COUNT(bad); i++) {
    assert_setting_refused(&dc_learner_ae, &samples.data, BAR_CLASSES, "grouping", bad[i]);
    assert_setting_refused(&dc_learner_dekm, &samples.data, BAR_CLASSES, "grouping", bad[i]);
  }
  free_samples(&samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(long_groups_are_found_that_k_means_cuts),
      cmocka_unit_test(centroids_are_the_means_of_the_groups),
      cmocka_unit_test(few_samples_keep_their_cells),
      cmocka_unit_test(equal_codes_are_survived),
      cmocka_unit_test(codes_that_are_no_numbers_are_refused),
      cmocka_unit_test(a_course_groups_as_it_is_told),
      cmocka_unit_test(dekm_ends_with_the_groups_of_its_last_codes),
      cmocka_unit_test(dekm_with_groups_taken_up_ends_with_the_same_bytes),
      cmocka_unit_test(dekm_of_few_samples_keeps_its_cells),
      cmocka_unit_test(dekm_of_equal_samples_survives_its_groups),
      cmocka_unit_test(groupings_that_are_none_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
