/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The course `tdcm`. */
#include "learning.h"

#include "cluster/tdcm.h"
#include "domains.h"
#include "learn/tdcm_joint.h"
#include "networks.h"
#include "nn/encode.h"
#include "tensor/blas.h"

/* `domains` domains of the plane, one after the other. */
static LearnSamples
plane_domains(size_t domains, uint64_t sequence)
{
  LearnSamples samples = new_samples((DcShape){1, 1, DOMAIN_DIM}, domains * DOMAIN_POINTS);
  size_t *ends = realloc((size_t *)samples.data.domain_ends, domains * sizeof *ends);
  assert_non_null(ends);
  DcRandom random;
  dc_random_seed(&random, 2023, sequence);
  for (size_t i = 0; i < domains; i++) {
    draw_domain(&random, &wide_domain, sample_values(&samples, i * DOMAIN_POINTS),
                samples.classes + i * DOMAIN_POINTS);
    ends[i] = (i + 1) * DOMAIN_POINTS;
  }
  samples.data.domain_ends = ends;
  samples.data.domains = domains;
  return samples;
}

enum { SIDE = 8, CLASSES = 4, PICTURES = 160 };

static LearnSamples
pictures(void)
{
  return bar_pictures(SIDE, CLASSES, PICTURES, 8);
}

/* --- what is learnt --- */

/* Property 16: the ideal metric has an eigenvalue ratio of 36 and the direction 120 degrees. */
static void
metric_is_learnt_and_transferred(void **state)
{
  (void)state;
  LearnSamples sources = plane_domains(20, 0), targets = plane_domains(20, 1);
  static const Setting settings[] = {{"steps", 1000}};
  DcLearner *learner = new_course(&dc_learner_tdcm, &sources.data, DOMAIN_GROUPS, 1, settings, 1);
  run_steps(learner, SIZE_MAX);
  DcLearned learned = finish_course(learner);
  double metric[4], direction, mean = 0;
  dc_tdcm_metric(learned.attention, metric);
  const double ratio = eigenvalue_ratio(metric, &direction);
  assert_true(ratio > 25 && ratio < 45);
  assert_near(direction, 120, 3);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t i = 0; i < 20; i++) {
    const DcMatrix samples =
        dc_matrix(sample_values(&targets, i * DOMAIN_POINTS), DOMAIN_POINTS, DOMAIN_DIM);
    float places[DOMAIN_GROUPS * DOMAIN_DIM];
    const DcMatrix centroids = dc_matrix(places, DOMAIN_GROUPS, DOMAIN_DIM);
    uint32_t labels[DOMAIN_POINTS];
    DcScores scores;
    assert_int_equal(dc_tdcm_apply(learned.attention, &samples, &random, 1, &centroids, labels,
                                   NULL, NULL),
                     DC_OK);
    assert_int_equal(dc_scores(labels, targets.classes + i * DOMAIN_POINTS, DOMAIN_POINTS, &scores),
                     DC_OK);
    mean += scores.acc / 20;
  }
  assert_true(mean > 0.93);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&sources);
  free_samples(&targets);
}

/* Vectors are not changed by the encoder; the module is the settings' and holds what was learnt. */
static void
narrow_vectors_are_taken_as_they_are(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 3, 300, 8, 4);
  static const Setting settings[] = {{"steps", 100}, {"score", DC_TDCM_NONLINEAR}, {"shares", 1},
                                     {"blocks", 7},  {"seeds-at-use", 23},         {"batch", 200}};
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, 3, 2, settings, 6);
  assert_int_equal(learner->at.stage, 1);
  run_steps(learner, SIZE_MAX);
  assert_near(learner->at.share, 1, 0);
  assert_int_equal(learner->at.epoch, 2);
  DcLearned learned = finish_course(learner);
  float codes[300 * 5];
  assert_int_equal(dc_encode(learned.encoder, samples.data.values, 300, 1, codes, NULL), DC_OK);
  assert_memory_equal(codes, samples.data.values, sizeof codes);
  assert_null(learned.decoder);
  assert_int_equal(learned.width, 5);
  assert_int_equal(learned.attention->score, DC_TDCM_NONLINEAR);
  assert_int_equal(learned.attention->blocks, 7);
  assert_int_equal(learned.attention->seeds, 23);
  assert_true(learned.attention->shares);
  assert_true(accuracy(&samples, &learned) > 0.97);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

/* Each domain is clustered by itself; the clusters get the same numbers where domains look alike.
 */
static void
clusters_of_domains_are_matched(void **state)
{
  (void)state;
  LearnSamples samples = blobs(4, 5, 600, 9, 4);
  size_t *ends = realloc((size_t *)samples.data.domain_ends, 3 * sizeof *ends);
  assert_non_null(ends);
  for (size_t i = 0; i < 3; i++)
    ends[i] = 200 * (i + 1);
  samples.data.domain_ends = ends;
  samples.data.domains = 3;
  for (size_t i = 0; i < 600; i++)
    for (size_t k = 0; k < 4; k++) {
      float *number = sample_values(&samples, i) + k;
      *number = (1 + (float)(i / 200)) * *number + 50 * (float)(i / 200);
    }
  static const Setting settings[] = {{"steps", 100}};
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, 5, 2, settings, 1);
  run_steps(learner, SIZE_MAX);
  DcLearned learned = finish_course(learner);
  assert_true(accuracy(&samples, &learned) > 0.95);
  /* Centroids are those of the first domain, which lies around the origin. */
  for (size_t i = 0; i < 5 * 4; i++)
    assert_true(fabsf(learned.centroids[i]) < 15);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  free_samples(&samples);
}

/* With batches of all samples, each step weighs the same. */
static void
figures_of_a_round_are_means_of_its_steps(void **state)
{
  (void)state;
  LearnSamples samples = blobs(3, 3, 60, 8, 5);
  static const Setting settings[] = {{"steps", 50}, {"balance", 0.5}};
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, 3, 1, settings, 2);
  run_steps(learner, 49);
  double before[2];
  memcpy(before, learner->at.figures, sizeof before);
  assert_int_equal(learner->curve_count, 0);
  run_steps(learner, 1);
  assert_int_equal(learner->curve_count, 1);
  const DcLearnPoint *point = learner->curve;
  /* The loss is the sum of both in every step, so also in the mean; 50 roundings in double. */
  assert_near(point->loss, point->figures[0] + 0.5 * point->figures[1], 1e-12);
  assert_true(point->figures[0] != before[0]);
  dc_learner_free(learner);
  free_samples(&samples);
}

static const Setting short_pictures[] = {{"pretrain-epochs", 12}, {"pretrain-batch", 16},
                                         {"steps", 100},          {"batch", 128},
                                         {"joint-steps", 50},     {"width", 6},
                                         {"encoder-rate", 2e-3}};
#define SHORT_PICTURES short_pictures, 7

static void
pictures_are_learnt_in_three_stages(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, CLASSES, 2, SHORT_PICTURES);
  const size_t pretraining = 12 * 10;
  run_steps(learner, pretraining - 1);
  assert_int_equal(learner->at.stage, 0);
  assert_true(isnan(learner->at.figures[0]));
  run_steps(learner, 1);
  assert_int_equal(learner->at.stage, 1);
  run_steps(learner, 50);
  const double first_round = learner->at.loss;
  run_steps(learner, 50);
  assert_int_equal(learner->at.stage, 2);
  assert_int_equal(learner->at.epoch, 0);
  DcLearned before = finish_course(learner);
  run_steps(learner, SIZE_MAX);
  assert_int_equal(learner->at.stage, 2);
  assert_true(learner->at.figures[0] < first_round);
  DcLearned after = finish_course(learner);
  assert_int_equal(after.width, 6);
  assert_int_equal(after.attention->dim, 6);
  assert_non_null(after.decoder);
  assert_true(accuracy(&samples, &before) > 0.9);
  assert_true(accuracy(&samples, &after) > 0.9);
  const DcLayer *layer = dc_network_layer_const(before.encoder, 0);
  assert_memory_not_equal(layer->weight, dc_network_layer_const(after.encoder, 0)->weight,
                          layer->weight_size * sizeof(float));
  dc_learned_clear(&before);
  dc_learned_clear(&after);
  dc_learner_free(learner);
  free_samples(&samples);
}

static double
narrowest(DcLearner *learner)
{
  DcLearned learned = finish_course(learner);
  double narrowest = 0; /* the largest of the factors by which the module multiplies codes */
  for (size_t k = 0; k < learned.width; k++)
    narrowest = fmax(narrowest, learned.attention->root[k * learned.width + k]);
  dc_learned_clear(&learned);
  return narrowest;
}

/* A cluster could be made ever narrower by an encoder that pulls it together: that holds from the
 * first joint step on, whatever the module has learnt before. */
static void
clusters_do_not_shrink_to_points(void **state)
{
  (void)state;
  LearnSamples samples = pictures();
  Setting settings[7];
  memcpy(settings, short_pictures, sizeof settings);
  settings[0].value = 1;
  settings[2] = (Setting){"learning-rate", 1};
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, CLASSES, 2, settings, 7);
  double alone = 0;
  while (learner->at.stage < 2) {
    alone = learner->at.stage == 1 ? narrowest(learner) : 0;
    run_steps(learner, 1);
  }
  assert_true(alone > 10); /* after the last step but one */
  assert_near(narrowest(learner), 10, 1e-4);
  run_steps(learner, 40);
  assert_near(narrowest(learner), 10, 1e-4); /* it wants to be narrower */
  dc_learner_free(learner);
  free_samples(&samples);
}

/* --- the joint step --- */

enum { JOINT_SAMPLES = 90, JOINT_SIZE = 6, JOINT_WIDTH = 2, JOINT_CLUSTERS = 3 };

typedef struct {
  LearnSamples samples;
  DcAutoencoder autoencoder;
  DcTdcmModule *module;
  DcTdcmPass *pass;
  uint32_t rows[JOINT_SAMPLES];
} Joint;

static DcNetwork *
joint_network(int input, int output, DcRandom *random)
{
  DcNetwork *network = dc_network_new((DcShape){1, 1, input});
  add_random(network,
             (DcLayer){.kind = DC_LAYER_DENSE,
                       .activation = DC_ACTIVATION_LEAKY_RELU,
                       .slope = 0.3f,
                       .output = {.channels = 5}},
             random);
  add_random(network, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = output}}, random);
  return network;
}

/* So many blocks that the first centroids, which count as constant, do not matter. */
static void
fill_joint(Joint *joint)
{
  static const DcTdcmObjective objective = {.criterion = DC_TDCM_LIKELIHOOD, .balance = 0.5};
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  joint->samples = blobs(JOINT_SIZE, JOINT_CLUSTERS, JOINT_SAMPLES, 8, 4);
  joint->autoencoder.encoder = joint_network(JOINT_SIZE, JOINT_WIDTH, &random);
  joint->autoencoder.decoder = joint_network(JOINT_WIDTH, JOINT_SIZE, &random);
  joint->module = dc_tdcm_new(JOINT_WIDTH, DC_TDCM_QUADRATIC);
  joint->module->blocks = 40;
  joint->pass = dc_tdcm_pass_new(joint->module, &objective, JOINT_SAMPLES, JOINT_CLUSTERS);
  assert_non_null(joint->pass);
  for (uint32_t i = 0; i < JOINT_SAMPLES; i++)
    joint->rows[i] = i;
}

static void
clear_joint(Joint *joint)
{
  dc_tdcm_pass_free(joint->pass);
  dc_tdcm_free(joint->module);
  dc_autoencoder_clear(&joint->autoencoder);
  free_samples(&joint->samples);
}

/* The loss by its definition. */
static double
joint_loss(Joint *joint, double reconstruction)
{
  float codes[JOINT_SAMPLES * JOINT_WIDTH], images[JOINT_SAMPLES * JOINT_SIZE];
  const float *values = joint->samples.data.values;
  dc_encode(joint->autoencoder.encoder, values, JOINT_SAMPLES, 1, codes, NULL);
  dc_encode(joint->autoencoder.decoder, codes, JOINT_SAMPLES, 1, images, NULL);
  for (size_t i = 0; i < JOINT_SAMPLES * JOINT_WIDTH; i++)
    dc_tdcm_pass_samples(joint->pass)[i] = codes[i];
  dc_tdcm_pass_take(joint->pass, JOINT_SAMPLES, true);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  double error = 0;
  for (size_t i = 0; i < JOINT_SAMPLES * JOINT_SIZE; i++)
    error += ((double)images[i] - values[i]) * ((double)images[i] - values[i]);
  return dc_tdcm_pass_search(joint->pass, 4, &random).loss +
         reconstruction * error / (JOINT_SAMPLES * JOINT_SIZE);
}

/* The first step of Adam changes every weight by the rate, against the sign of its gradient. Losses
 * are in single precision, some 1e-6, so that differences over 2e-2 are good to 1e-4: smaller ones
 * say nothing of a sign. */
static size_t
count_checked(Joint *joint, DcNetwork *network, const DcNetwork *stepped, double reconstruction)
{
  size_t checked = 0;
  for (size_t l = 0; l < dc_network_layer_count(network); l++) {
    const DcLayer *after = dc_network_layer_const(stepped, l);
    for (size_t i = 0; i < after->weight_size; i++) {
      float *weight = dc_network_layer(network, l)->weight + i;
      const float before = *weight;
      *weight = before + 1e-2f;
      const double above = joint_loss(joint, reconstruction);
      *(dc_network_layer(network, l)->weight + i) = before - 1e-2f;
      const double slope = (above - joint_loss(joint, reconstruction)) / 2e-2;
      *(dc_network_layer(network, l)->weight + i) = before;
      if (fabs(slope) < 3e-3)
        continue;
      assert_true((after->weight[i] < before) == (slope > 0));
      checked++;
    }
  }
  return checked;
}

static void
a_joint_step_goes_down_the_whole_loss(void **state)
{
  (void)state;
  Joint joint = {0};
  fill_joint(&joint);
  DcNetwork *encoder = dc_network_copy(joint.autoencoder.encoder);
  DcNetwork *decoder = dc_network_copy(joint.autoencoder.decoder);
  const DcAutoencoder stepped = {encoder, decoder};
  const DcTdcmJointOptions options = {.autoencoder = &stepped,
                                      .pass = joint.pass,
                                      .batch = JOINT_SAMPLES,
                                      .reconstruction = 0.2,
                                      .learning_rate = 1e-3,
                                      .threads = 4};
  DcTdcmJoint *course;
  assert_int_equal(dc_tdcm_joint_new(&options, &course, NULL), DC_OK);
  const double expected = joint_loss(&joint, 0.2);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  double gradient[3];
  const DcTdcmLoss loss = dc_tdcm_joint_step(course, joint.samples.data.values, joint.rows,
                                             JOINT_SAMPLES, 4, &random, gradient);
  assert_near(loss.loss, expected, 1e-5);
  assert_true(count_checked(&joint, joint.autoencoder.encoder, encoder, 0.2) > 30);
  assert_true(count_checked(&joint, joint.autoencoder.decoder, decoder, 0.2) > 30);
  dc_tdcm_joint_free(course);
  dc_network_free(encoder);
  dc_network_free(decoder);
  clear_joint(&joint);
}

/* More threads than samples leave some without work. */
static void
a_joint_step_may_have_few_samples(void **state)
{
  (void)state;
  Joint joint = {0};
  fill_joint(&joint);
  double losses[2], gradient[3];
  for (size_t i = 0; i < 2; i++) {
    const DcTdcmJointOptions options = {.autoencoder = &joint.autoencoder,
                                        .pass = joint.pass,
                                        .batch = JOINT_SAMPLES,
                                        .reconstruction = 1,
                                        .learning_rate = 1e-9,
                                        .threads = i ? 7 : 1};
    DcTdcmJoint *course;
    assert_int_equal(dc_tdcm_joint_new(&options, &course, NULL), DC_OK);
    DcRandom random;
    dc_random_seed(&random, 1, 0);
    losses[i] =
        dc_tdcm_joint_step(course, joint.samples.data.values, joint.rows, 5, 4, &random, gradient)
            .loss;
    dc_tdcm_joint_free(course);
  }
  assert_near(losses[0], losses[1], 1e-5); /* in single precision */
  const DcTdcmJointOptions none = {.autoencoder = &joint.autoencoder,
                                   .pass = joint.pass,
                                   .batch = JOINT_SAMPLES,
                                   .learning_rate = 0,
                                   .threads = 1};
  DcTdcmJoint *course;
  assert_int_equal(dc_tdcm_joint_new(&none, &course, NULL), DC_ERROR_ARGUMENT);
  assert_null(course);
  clear_joint(&joint);
}

/* --- taking up --- */

static void
courses_taken_up_end_with_the_same_bytes(void **state)
{
  (void)state;
  LearnSamples domains = plane_domains(3, 0), images = pictures();
  static const Setting short_vectors[] = {{"steps", 100}, {"batch", 100}};
  static const size_t early[] = {0, 1, 57}, late[] = {3, 15, 60};
  check_taking_up(&dc_learner_tdcm, &domains.data, DOMAIN_GROUPS, short_vectors, 2, early, 3);
  static const Setting settings[] = {{"pretrain-epochs", 1}, {"pretrain-batch", 32}, {"steps", 50},
                                     {"joint-steps", 50},    {"width", 4},           {"batch", 32}};
  check_taking_up(&dc_learner_tdcm, &images.data, CLASSES, settings, 6, late, 3);
  free_samples(&domains);
  free_samples(&images);
}

static void
set_bytes(DcLearner *learner, const char *name, size_t offset, const void *bytes, size_t count)
{
  DcStateList list = {0};
  bool found = false;
  dc_learner_list_state(learner, &list);
  for (size_t i = 0; i < list.count; i++)
    if (strcmp(list.arrays[i].name, name) == 0) {
      memcpy((char *)list.arrays[i].data + offset, bytes, count);
      found = true;
    }
  assert_true(found);
  dc_state_list_clear(&list);
}

static void
broken_states_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = plane_domains(2, 0);
  const uint32_t other_domain = DOMAIN_POINTS, beyond = UINT32_MAX;
  const float nan = NAN;
  const struct {
    const char *name;
    const void *bytes;
    const char *part;
  } cases[] = {
      {"order", &other_domain, "mixes samples"},
      {"order", &beyond, "mixes samples"},
      {"module.parameters", &nan, "NaN"},
  };
  DcError error;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, 4, 1, NULL, 0);
    assert_int_equal(dc_learner_restored(learner, NULL), DC_OK);
    set_bytes(learner, cases[i].name, 0, cases[i].bytes, 4);
    assert_int_equal(dc_learner_restored(learner, &error), DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, cases[i].part));
    dc_learner_free(learner);
  }
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, 4, 1, NULL, 0);
  for (uint32_t stage = 0; stage < 3; stage += 2) {
    learner->at.stage = stage;
    assert_int_equal(dc_learner_restored(learner, &error), DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "stage"));
  }
  dc_learner_free(learner);
  free_samples(&samples);
}

/* --- what is refused --- */

static void
assert_start_refused(const DcDataset *data, const DcLearnerOptions *options, DcStatus status,
                     const char *part)
{
  DcLearner *learner;
  DcError error = {0};
  assert_int_equal(dc_learner_new(&dc_learner_tdcm, data, options, &learner, &error), status);
  assert_null(learner);
  if (!strstr(error.message, part))
    fail_msg("\"%s\" does not say \"%s\"", error.message, part);
}

static void
settings_out_of_range_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 3, 60, 8, 4);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "network", 5);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "score", 3);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "shares", 2);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "criterion", 2);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "blocks", 1001);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "seeds", 0);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "seeds-at-use", 0);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "balance", -0.1);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "steps", 0);
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "batch", 0);
  /* Joint steps need an autoencoder, which narrow vectors do not get by themselves. */
  assert_setting_refused(&dc_learner_tdcm, &samples.data, 3, "joint-steps", 50);
  free_samples(&samples);
}

static void
data_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = plane_domains(3, 0);
  size_t *ends = (size_t *)samples.data.domain_ends;
  ends[0] = ends[1] - 3;
  const DcLearnerOptions options = {.clusters = 4, .threads = 1};
  assert_start_refused(&samples.data, &options, DC_ERROR_ARGUMENT,
                       "domain 2 has 3 samples, too few for 4 clusters");
  ends[0] = ends[1];
  assert_start_refused(&samples.data, &options, DC_ERROR_ARGUMENT, "domain 2 has 0 samples");
  free_samples(&samples);

  LearnSamples large = new_samples((DcShape){80, 80, 1}, 4);
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_tdcm, &(Setting){"network", 1}, 1, settings);
  const DcLearnerOptions identity = {.clusters = 2, .threads = 1, .settings = settings};
  assert_start_refused(&large.data, &identity, DC_ERROR_ARGUMENT, "6400 numbers are too wide");
  free_samples(&large);
}

static void
an_identity_starts_from_no_network(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 3, 60, 8, 4);
  DcAutoencoder autoencoder;
  assert_int_equal(dc_autoencoder_init(&autoencoder, DC_AUTOENCODER_DENSE, samples.data.shape, 10,
                                       1, NULL),
                   DC_OK);
  double settings[DC_LEARN_MOST_SETTINGS];
  fill_settings(&dc_learner_tdcm, &(Setting){"network", 1}, 1, settings);
  DcLearnerOptions options = {.clusters = 3,
                              .threads = 1,
                              .settings = settings,
                              .first_encoder = autoencoder.encoder,
                              .first_decoder = autoencoder.decoder};
  assert_start_refused(&samples.data, &options, DC_ERROR_ARGUMENT, "no weights to start from");
  /* Left to itself the course takes the autoencoder that it is given. */
  settings[0] = 0;
  DcLearner *learner;
  assert_int_equal(dc_learner_new(&dc_learner_tdcm, &samples.data, &options, &learner, NULL),
                   DC_OK);
  assert_int_equal(learner->at.stage, 0);
  DcLearned learned = finish_course(learner);
  assert_int_equal(learned.width, 10);
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  dc_autoencoder_clear(&autoencoder);
  free_samples(&samples);
}

static void
a_course_that_diverges_says_so(void **state)
{
  (void)state;
  LearnSamples samples = blobs(5, 3, 60, 8, 4);
  static const Setting settings[] = {{"steps", 50}};
  DcLearner *learner = new_course(&dc_learner_tdcm, &samples.data, 3, 1, settings, 1);
  const float large = 800; /* whose exponential is infinite in double */
  set_bytes(learner, "module.parameters", 0, &large, sizeof large);
  DcError error;
  assert_int_equal(dc_learner_step(learner, &error), DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "step 1 of round 1"));
  dc_learner_free(learner);
  free_samples(&samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(metric_is_learnt_and_transferred),
      cmocka_unit_test(narrow_vectors_are_taken_as_they_are),
      cmocka_unit_test(clusters_of_domains_are_matched),
      cmocka_unit_test(figures_of_a_round_are_means_of_its_steps),
      cmocka_unit_test(pictures_are_learnt_in_three_stages),
      cmocka_unit_test(clusters_do_not_shrink_to_points),
      cmocka_unit_test(a_joint_step_goes_down_the_whole_loss),
      cmocka_unit_test(a_joint_step_may_have_few_samples),
      cmocka_unit_test(courses_taken_up_end_with_the_same_bytes),
      cmocka_unit_test(broken_states_are_refused),
      cmocka_unit_test(settings_out_of_range_are_refused),
      cmocka_unit_test(data_that_do_not_fit_are_refused),
      cmocka_unit_test(an_identity_starts_from_no_network),
      cmocka_unit_test(a_course_that_diverges_says_so),
  };
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
