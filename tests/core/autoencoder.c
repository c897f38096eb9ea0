/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/autoencoder.h"

#include "base/memory.h"
#include "networks.h"
#include "nn/plan.h"

#include <string.h>

static DcAutoencoder
make(DcShape image, int width, uint64_t seed)
{
  DcAutoencoder autoencoder;
  DcError error = {0};
  if (dc_autoencoder_init(&autoencoder, image, width, seed, &error))
    fail_msg("%s", error.message);
  return autoencoder;
}

static void
assert_shape(DcShape shape, int height, int width, int channels)
{
  if (shape.height != height || shape.width != width || shape.channels != channels)
    fail_msg("%dx%dx%d is not %dx%dx%d", shape.height, shape.width, shape.channels, height, width,
             channels);
}

/* The table of methods/dekm.md, section 3: side, channels, and the sides after each convolution. */
static void
layers_are_those_of_the_table(void **state)
{
  (void)state;
  static const int rows[][5] = {{28, 1, 14, 7, 3}, {16, 1, 8, 4, 2}, {32, 3, 16, 8, 4}};
  for (size_t i = 0; i < 3; i++) {
    const int side = rows[i][0], channels = rows[i][1];
    DcAutoencoder made = make((DcShape){side, side, channels}, 10, 1);
    assert_int_equal(dc_network_layer_count(made.encoder), 4);
    assert_int_equal(dc_network_layer_count(made.decoder), 5);
    for (size_t j = 0; j < 3; j++) {
      const int after = rows[i][2 + j];
      assert_shape(dc_network_layer_const(made.encoder, j)->output, after, after, 32 << j);
      assert_int_equal(dc_network_layer_const(made.encoder, j)->activation, DC_ACTIVATION_RELU);
    }
    assert_shape(dc_network_output(made.encoder), 1, 1, 10);
    assert_int_equal(dc_network_layer_const(made.encoder, 3)->activation, DC_ACTIVATION_NONE);
    assert_shape(dc_network_layer_const(made.decoder, 0)->output, 1, 1,
                 rows[i][4] * rows[i][4] * 128);
    assert_shape(dc_network_layer_const(made.decoder, 2)->output, rows[i][3], rows[i][3], 64);
    assert_shape(dc_network_layer_const(made.decoder, 3)->output, rows[i][2], rows[i][2], 32);
    assert_shape(dc_network_output(made.decoder), side, side, channels);
    assert_int_equal(dc_network_layer_const(made.decoder, 4)->activation, DC_ACTIVATION_NONE);
    dc_autoencoder_clear(&made);
  }
}

static void
parameters_are_those_of_the_method(void **state)
{
  (void)state;
  DcAutoencoder made = make((DcShape){28, 28, 1}, 10, 1);
  assert_int_equal(dc_network_parameters(made.encoder), 137482);
  assert_int_equal(dc_network_parameters(made.decoder), 138497);
  /* TensorFlow's SAME: 1 before and 2 after; the third convolution is VALID. */
  static const int same[4] = {1, 2, 1, 2}, valid[4] = {0, 0, 0, 0};
  assert_memory_equal(dc_network_layer_const(made.encoder, 1)->padding, same, sizeof same);
  assert_memory_equal(dc_network_layer_const(made.decoder, 4)->padding, same, sizeof same);
  assert_memory_equal(dc_network_layer_const(made.encoder, 2)->padding, valid, sizeof valid);
  dc_autoencoder_clear(&made);
  made = make((DcShape){16, 16, 1}, 10, 1);
  static const int after[4] = {0, 1, 0, 1};
  assert_memory_equal(dc_network_layer_const(made.encoder, 2)->padding, after, sizeof after);
  dc_autoencoder_clear(&made);
}

static void
any_image_size_is_given_back(void **state)
{
  (void)state;
  for (int height = 1; height <= 40; height += 3) {
    for (int width = 1; width <= 40; width += 4) {
      DcAutoencoder made = make((DcShape){height, width, 2}, 5, 1);
      assert_shape(dc_network_output(made.decoder), height, width, 2);
      dc_autoencoder_clear(&made);
    }
  }
}

static void
first_weights_follow_the_method_and_the_seed(void **state)
{
  (void)state;
  DcAutoencoder a = make((DcShape){28, 28, 1}, 10, 1), b = make((DcShape){28, 28, 1}, 10, 1);
  DcAutoencoder c = make((DcShape){28, 28, 1}, 10, 2);
  const double glorot = sqrt(6.0 / (1152 + 10));
  for (size_t i = 0; i < 4; i++) {
    const DcLayer *layer = dc_network_layer_const(a.encoder, i);
    double most = 0;
    for (size_t j = 0; j < layer->weight_size; j++)
      most = fabs((double)layer->weight[j]) > most ? fabs((double)layer->weight[j]) : most;
    const double range = i < 3 ? 0.05 : glorot;
    assert_true(most <= range * (1 + 1e-6) && most > 0.98 * range);
    assert_memory_equal(layer->weight, dc_network_layer_const(b.encoder, i)->weight,
                        layer->weight_size * sizeof(float));
    assert_memory_not_equal(layer->weight, dc_network_layer_const(c.encoder, i)->weight,
                            layer->weight_size * sizeof(float));
  }
  dc_autoencoder_clear(&a);
  dc_autoencoder_clear(&b);
  dc_autoencoder_clear(&c);
}

static void
sizes_out_of_range_are_refused(void **state)
{
  (void)state;
  static const DcShape images[] = {{0, 8, 1}, {8, -8, 1}, {8, 8, 0}, {8, 8, 1}, {8, 8, 1}};
  static const int widths[] = {10, 10, 10, 0, -3};
  for (size_t i = 0; i < 5; i++) {
    DcAutoencoder autoencoder;
    DcError error = {0};
    assert_int_equal(dc_autoencoder_init(&autoencoder, images[i], widths[i], 1, &error),
                     DC_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "layer "));
    assert_null(autoencoder.encoder);
    assert_null(autoencoder.decoder);
    dc_autoencoder_clear(&autoencoder);
  }
}

/* --- training --- */

#define SIDE    12
#define PIXELS  (SIDE * SIDE)
#define SAMPLES 300

/* Bright bars at one of twelve positions, across or down: structure that a code of few numbers can
 * hold. */
static float *
bars(void)
{
  float *samples = DC_NEW(float, SAMPLES *PIXELS);
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  for (size_t i = 0; i < SAMPLES; i++) {
    const size_t place = dc_random_below(&random, SIDE), across = dc_random_below(&random, 2);
    for (size_t j = 0; j < PIXELS; j++)
      samples[i * PIXELS + j] = (across ? j / SIDE : j % SIDE) == place ? 1.0f : 0.0f;
  }
  return samples;
}

static DcAutoencoderTraining
short_training(void)
{
  return (DcAutoencoderTraining){
      .epochs = 3, .batch = 32, .learning_rate = 2e-3, .seed = 5, .threads = 2};
}

/* The error of giving back what is shown, by plans of the two networks. */
static double
reconstruction_error(const DcAutoencoder *autoencoder, const float *samples)
{
  DcPlan *down, *up;
  float *codes = DC_NEW(float, SAMPLES * 8), *images = DC_NEW(float, SAMPLES *PIXELS);
  assert_int_equal(dc_plan_new(autoencoder->encoder, SAMPLES, &down, NULL), DC_OK);
  assert_int_equal(dc_plan_new(autoencoder->decoder, SAMPLES, &up, NULL), DC_OK);
  assert_int_equal(dc_plan_run(down, samples, SAMPLES, codes), DC_OK);
  assert_int_equal(dc_plan_run(up, codes, SAMPLES, images), DC_OK);
  double sum = 0;
  for (size_t i = 0; i < SAMPLES * PIXELS; i++)
    sum += ((double)images[i] - samples[i]) * ((double)images[i] - samples[i]);
  dc_plan_free(down);
  dc_plan_free(up);
  dc_free(codes);
  dc_free(images);
  return sum / (SAMPLES * PIXELS);
}

static void
training_learns_to_give_back_what_it_is_shown(void **state)
{
  (void)state;
  float *samples = bars();
  DcAutoencoder made = make((DcShape){SIDE, SIDE, 1}, 8, 3);
  /* A twelfth of the pixels is 1: their variance, which a constant image reaches. */
  const double variance = 1.0 / 12 * 11 / 12;
  const double before = reconstruction_error(&made, samples);
  assert_true(before > 0.9 * variance);
  DcAutoencoderTraining training = short_training();
  training.epochs = 30;
  double loss;
  assert_int_equal(dc_autoencoder_train(&made, samples, SAMPLES, &training, &loss, NULL), DC_OK);
  const double after = reconstruction_error(&made, samples);
  assert_true(after < 0.2 * variance);
  /* The mean over the last epoch, whose weights still moved. */
  assert_near(loss, after, 0.5 * after);
  dc_autoencoder_clear(&made);
  dc_free(samples);
}

static void
equal_seeds_and_threads_train_to_equal_bytes(void **state)
{
  (void)state;
  float *samples = bars();
  DcAutoencoder made[3];
  for (size_t i = 0; i < 3; i++) {
    made[i] = make((DcShape){SIDE, SIDE, 1}, 8, 3);
    DcAutoencoderTraining training = short_training();
    training.seed = i < 2 ? 5 : 6;
    assert_int_equal(dc_autoencoder_train(&made[i], samples, SAMPLES, &training, NULL, NULL),
                     DC_OK);
  }
  for (size_t i = 0; i < 4; i++) {
    const DcLayer *layer = dc_network_layer_const(made[0].encoder, i);
    assert_memory_equal(layer->weight, dc_network_layer_const(made[1].encoder, i)->weight,
                        layer->weight_size * sizeof(float));
    assert_memory_not_equal(layer->weight, dc_network_layer_const(made[2].encoder, i)->weight,
                            layer->weight_size * sizeof(float));
  }
  for (size_t i = 0; i < 3; i++)
    dc_autoencoder_clear(&made[i]);
  dc_free(samples);
}

/* What the callback has seen; it says no after `stop_after` calls. */
typedef struct {
  size_t calls, stop_after;
  DcTrainingProgress last;
} Watch;

static bool
watch(const DcTrainingProgress *progress, void *data)
{
  Watch *seen = data;
  /* Steps count up to the last of the epoch, then the next epoch begins. */
  if (seen->calls) {
    const bool turned = seen->last.step == seen->last.steps;
    assert_int_equal(progress->epoch, seen->last.epoch + turned);
    assert_int_equal(progress->step, turned ? 1 : seen->last.step + 1);
  }
  assert_true(progress->loss > 0 && progress->loss < 1);
  seen->last = *progress;
  return ++seen->calls < seen->stop_after;
}

static void
progress_counts_every_step_and_the_short_batch(void **state)
{
  (void)state;
  float *samples = bars();
  DcAutoencoder made = make((DcShape){SIDE, SIDE, 1}, 8, 3);
  Watch seen = {.stop_after = SIZE_MAX};
  DcAutoencoderTraining training = short_training();
  training.progress = watch;
  training.data = &seen;
  double loss;
  assert_int_equal(dc_autoencoder_train(&made, samples, SAMPLES, &training, &loss, NULL), DC_OK);
  assert_int_equal(seen.last.steps, 10); /* nine of 32 and one of 12 */
  assert_int_equal(seen.calls, 30);
  assert_int_equal(seen.last.epoch, 3);
  assert_near(seen.last.loss, loss, 0);
  dc_autoencoder_clear(&made);
  dc_free(samples);
}

static void
training_stops_on_request(void **state)
{
  (void)state;
  float *samples = bars();
  DcAutoencoder made = make((DcShape){SIDE, SIDE, 1}, 8, 3);
  Watch seen = {.stop_after = 13};
  DcAutoencoderTraining training = short_training();
  training.progress = watch;
  training.data = &seen;
  DcError error = {0};
  assert_int_equal(dc_autoencoder_train(&made, samples, SAMPLES, &training, NULL, &error),
                   DC_ERROR_CANCELLED);
  assert_int_equal(seen.calls, 13);
  assert_non_null(strstr(error.message, "epoch 2 of 3"));
  dc_autoencoder_clear(&made);
  dc_free(samples);
}

static void
training_without_sense_is_refused(void **state)
{
  (void)state;
  float *samples = bars();
  DcAutoencoder made = make((DcShape){SIDE, SIDE, 1}, 8, 3);
  const DcAutoencoderTraining good = short_training();
  DcError error = {0};
  assert_int_equal(dc_autoencoder_train(&made, samples, 0, &good, NULL, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "0 samples"));
  DcAutoencoderTraining bad[] = {good, good, good, good};
  bad[0].epochs = 0;
  bad[1].batch = 0;
  bad[2].learning_rate = 0;
  bad[3].threads = 0;
  for (size_t i = 0; i < 4; i++) {
    error = (DcError){0};
    assert_int_equal(dc_autoencoder_train(&made, samples, SAMPLES, &bad[i], NULL, &error),
                     DC_ERROR_ARGUMENT);
    assert_true(error.message[0]);
  }
  samples[77] = INFINITY;
  assert_int_equal(dc_autoencoder_train(&made, samples, SAMPLES, &good, NULL, &error),
                   DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "NaN or infinity"));
  dc_autoencoder_clear(&made);
  dc_free(samples);
}

static void
diverging_training_says_so(void **state)
{
  (void)state;
  float *samples = bars();
  DcAutoencoder made = make((DcShape){SIDE, SIDE, 1}, 8, 3);
  DcAutoencoderTraining training = short_training();
  training.learning_rate = 1e12;
  DcError error = {0};
  assert_int_equal(dc_autoencoder_train(&made, samples, SAMPLES, &training, NULL, &error),
                   DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "lower the learning rate"));
  dc_autoencoder_clear(&made);
  dc_free(samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_are_those_of_the_table),
      cmocka_unit_test(parameters_are_those_of_the_method),
      cmocka_unit_test(any_image_size_is_given_back),
      cmocka_unit_test(first_weights_follow_the_method_and_the_seed),
      cmocka_unit_test(sizes_out_of_range_are_refused),
      cmocka_unit_test(training_learns_to_give_back_what_it_is_shown),
      cmocka_unit_test(equal_seeds_and_threads_train_to_equal_bytes),
      cmocka_unit_test(progress_counts_every_step_and_the_short_batch),
      cmocka_unit_test(training_stops_on_request),
      cmocka_unit_test(training_without_sense_is_refused),
      cmocka_unit_test(diverging_training_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
