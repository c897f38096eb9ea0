/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/autoencoder.h"

#include "networks.h"
#include "nn/encode.h"

#include <string.h>

static DcAutoencoder
make(DcAutoencoderKind kind, DcShape image, int width, uint64_t seed)
{
  DcAutoencoder autoencoder;
  DcError error = {0};
  if (dc_autoencoder_init(&autoencoder, kind, image, width, seed, &error))
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
    DcAutoencoder made = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){side, side, channels}, 10, 1);
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
  DcAutoencoder made = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){28, 28, 1}, 10, 1);
  assert_int_equal(dc_network_parameters(made.encoder), 137482);
  assert_int_equal(dc_network_parameters(made.decoder), 138497);
  /* TensorFlow's SAME: 1 before and 2 after; the third convolution is VALID. */
  static const int same[4] = {1, 2, 1, 2}, valid[4] = {0, 0, 0, 0};
  assert_memory_equal(dc_network_layer_const(made.encoder, 1)->padding, same, sizeof same);
  assert_memory_equal(dc_network_layer_const(made.decoder, 4)->padding, same, sizeof same);
  assert_memory_equal(dc_network_layer_const(made.encoder, 2)->padding, valid, sizeof valid);
  dc_autoencoder_clear(&made);
  made = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){16, 16, 1}, 10, 1);
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
      DcAutoencoder made = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){height, width, 2}, 5, 1);
      assert_shape(dc_network_output(made.decoder), height, width, 2);
      dc_autoencoder_clear(&made);
    }
  }
}

static void
first_weights_follow_the_method_and_the_seed(void **state)
{
  (void)state;
  DcAutoencoder a = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){28, 28, 1}, 10, 1),
                b = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){28, 28, 1}, 10, 1);
  DcAutoencoder c = make(DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){28, 28, 1}, 10, 2);
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

/* Ten layers of single precision, of numbers of order 1: 1e-5 is a hundred roundings. */
static void
a_code_is_moved_and_nothing_else(void **state)
{
  (void)state;
  enum { COUNT = 3, SIZE = 64, WIDTH = 5 };
  static const double mean[WIDTH] = {0.5, -1, 2, 0, 0.1}, scale = 0.25;
  for (int kind = DC_AUTOENCODER_CONVOLUTIONAL; kind <= DC_AUTOENCODER_DENSE_LEAKY; kind++) {
    DcAutoencoder made = make((DcAutoencoderKind)kind, (DcShape){8, 8, 1}, WIDTH, 1);
    DcRandom random;
    dc_random_seed(&random, 2, 0);
    float pictures[COUNT * SIZE], before[COUNT * WIDTH], after[COUNT * WIDTH];
    float wanted[COUNT * SIZE], found[COUNT * SIZE];
    for (size_t i = 0; i < COUNT * SIZE; i++)
      pictures[i] = (float)dc_random_normal(&random);
    assert_int_equal(dc_encode(made.encoder, pictures, COUNT, 1, before, NULL), DC_OK);
    assert_int_equal(dc_encode(made.decoder, before, COUNT, 1, wanted, NULL), DC_OK);
    dc_autoencoder_move_code(&made, mean, scale);
    assert_int_equal(dc_encode(made.encoder, pictures, COUNT, 1, after, NULL), DC_OK);
    assert_int_equal(dc_encode(made.decoder, after, COUNT, 1, found, NULL), DC_OK);
    for (size_t i = 0; i < COUNT * WIDTH; i++)
      assert_near(after[i], (before[i] - mean[i % WIDTH]) * scale, 1e-5);
    for (size_t i = 0; i < COUNT * SIZE; i++)
      assert_near(found[i], wanted[i], 1e-5);
    dc_autoencoder_clear(&made);
  }
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
    assert_int_equal(dc_autoencoder_init(&autoencoder, DC_AUTOENCODER_CONVOLUTIONAL, images[i],
                                         widths[i], 1, &error),
                     DC_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "layer "));
    assert_null(autoencoder.encoder);
    assert_null(autoencoder.decoder);
    dc_autoencoder_clear(&autoencoder);
  }
}

/* --- dense --- */

static void
dense_layers_are_those_of_the_methods(void **state)
{
  (void)state;
  static const int widths[] = {500, 500, 2000, 10};
  static const DcAutoencoderKind kinds[] = {DC_AUTOENCODER_DENSE, DC_AUTOENCODER_DENSE_LEAKY};
  for (size_t i = 0; i < 2; i++) {
    DcAutoencoder made = make(kinds[i], (DcShape){1, 1, 16}, 10, 1);
    assert_int_equal(dc_network_layer_count(made.encoder), 4);
    assert_int_equal(dc_network_layer_count(made.decoder), 5);
    for (size_t j = 0; j < 4; j++) {
      const DcLayer *down = dc_network_layer_const(made.encoder, j);
      const DcLayer *up = dc_network_layer_const(made.decoder, j);
      assert_shape(down->output, 1, 1, widths[j]);
      assert_shape(up->output, 1, 1, j < 3 ? widths[2 - j] : 16);
      const DcActivation within = i ? DC_ACTIVATION_LEAKY_RELU : DC_ACTIVATION_RELU;
      assert_int_equal(down->activation, j < 3 ? within : DC_ACTIVATION_NONE);
      assert_int_equal(up->activation, j < 3 ? within : DC_ACTIVATION_NONE);
      /* AE-CM draws its biases too. */
      assert_true((down->bias[0] != 0) == (i == 1));
    }
    dc_autoencoder_clear(&made);
  }
}

static void
dense_autoencoders_give_pictures_their_shape_back(void **state)
{
  (void)state;
  DcAutoencoder made = make(DC_AUTOENCODER_DENSE, (DcShape){4, 6, 3}, 5, 1);
  assert_shape(dc_network_output(made.decoder), 4, 6, 3);
  dc_autoencoder_clear(&made);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_are_those_of_the_table),
      cmocka_unit_test(parameters_are_those_of_the_method),
      cmocka_unit_test(any_image_size_is_given_back),
      cmocka_unit_test(first_weights_follow_the_method_and_the_seed),
      cmocka_unit_test(a_code_is_moved_and_nothing_else),
      cmocka_unit_test(sizes_out_of_range_are_refused),
      cmocka_unit_test(dense_layers_are_those_of_the_methods),
      cmocka_unit_test(dense_autoencoders_give_pictures_their_shape_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
