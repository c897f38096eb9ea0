/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/look.h"

#include "base/memory.h"
#include "test.h"

#include <string.h>

enum { SIDE = 9, PIXELS = SIDE * SIDE };

/* A picture with something everywhere but at its border. */
static void
draw(uint8_t *pixels)
{
  memset(pixels, 0, PIXELS);
  for (int y = 1; y < SIDE - 1; y++)
    for (int x = 1; x < SIDE - 1; x++)
      pixels[y * SIDE + x] = (uint8_t)(20 * x + 7 * y);
}

static void
apply(const DcLook *look, uint64_t seed, const uint8_t *source, uint8_t *target)
{
  double scratch[2 * PIXELS];
  assert_true(dc_look_scratch(SIDE, SIDE, 1) == sizeof scratch);
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  dc_look_apply(look, SIDE, SIDE, 1, source, scratch, &random, target);
}

static void
plain_look_changes_nothing(void **state)
{
  (void)state;
  uint8_t source[PIXELS], target[PIXELS];
  draw(source);
  DcLook look = dc_look_plain();
  apply(&look, 1, source, target);
  assert_memory_equal(source, target, PIXELS);
}

static void
quarter_turn_moves_pixels_counter_clockwise(void **state)
{
  (void)state;
  uint8_t source[PIXELS], target[PIXELS];
  draw(source);
  DcLook look = dc_look_plain();
  look.turn = 90;
  apply(&look, 1, source, target);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      assert_int_equal(target[y * SIDE + x], source[x * SIDE + (SIDE - 1 - y)]);
}

static void
light_is_what_it_says(void **state)
{
  (void)state;
  uint8_t source[PIXELS], target[PIXELS];
  draw(source);
  DcLook look = dc_look_plain();
  look.contrast = 0.4;
  look.brightness = 60 / 255.0;
  apply(&look, 1, source, target);
  for (size_t i = 0; i < PIXELS; i++)
    assert_int_equal(target[i], lrint(0.4 * source[i] + 60));
  look = dc_look_plain();
  look.inverted = true;
  apply(&look, 1, source, target);
  for (size_t i = 0; i < PIXELS; i++)
    assert_int_equal(target[i], 255 - source[i]);
  look.inverted = false;
  look.contrast = 3;
  apply(&look, 1, source, target);
  for (size_t i = 0; i < PIXELS; i++)
    assert_int_equal(target[i], source[i] * 3 > 255 ? 255 : source[i] * 3);
}

static void
colours_have_their_own_gain(void **state)
{
  (void)state;
  const uint8_t source[3] = {200, 200, 200};
  uint8_t target[3];
  double scratch[6];
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcLook look = dc_look_plain();
  look.gain[1] = 0.5;
  look.gain[2] = 0;
  dc_look_apply(&look, 1, 1, 3, source, scratch, &random, target);
  assert_int_equal(target[0], 200);
  assert_int_equal(target[1], 100);
  assert_int_equal(target[2], 0);
}

static void
background_lights_only_what_is_darker(void **state)
{
  (void)state;
  uint8_t source[PIXELS], target[PIXELS];
  draw(source);
  DcLook look = dc_look_plain();
  look.background = 0.5;
  apply(&look, 1, source, target);
  size_t lit = 0;
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      double shade = 127.5 * dc_look_shade((x + 0.5) / SIDE, (y + 0.5) / SIDE);
      uint8_t before = source[y * SIDE + x];
      assert_int_equal(target[y * SIDE + x], lrint(fmax(before, shade)));
      lit += shade > before;
    }
  assert_true(lit > 0 && lit < PIXELS);
}

/* A blurred point keeps its sum and has the variance that was asked for. */
static void
blur_has_its_deviation(void **state)
{
  (void)state;
  enum { WIDE = 41 };
  uint8_t source[WIDE * WIDE] = {0}, target[WIDE * WIDE];
  double *scratch = DC_NEW(double, 2 * WIDE * WIDE);
  for (int y = -3; y <= 3; y++) /* a block, so that rounding to 8 bits does not matter */
    for (int x = -3; x <= 3; x++)
      source[(20 + y) * WIDE + 20 + x] = 255;
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcLook look = dc_look_plain();
  look.blur = 2.0 / WIDE;
  dc_look_apply(&look, WIDE, WIDE, 1, source, scratch, &random, target);
  double sum = 0, square = 0;
  for (int y = 0; y < WIDE; y++)
    for (int x = 0; x < WIDE; x++) {
      sum += target[y * WIDE + x];
      square += target[y * WIDE + x] * (double)(x - 20) * (x - 20);
    }
  /* Rounding to whole numbers in the tails, and the Gaussian ends at three deviations. */
  assert_near(sum / (49 * 255.0), 1, 0.01);
  assert_near(square / sum, 4 + 4, 0.3); /* a block of 7 has variance 4 */
  dc_free(scratch);
}

static void
noise_is_drawn_by_its_seed(void **state)
{
  (void)state;
  uint8_t source[PIXELS], one[PIXELS], same[PIXELS], other[PIXELS];
  memset(source, 128, PIXELS);
  DcLook look = dc_look_plain();
  look.noise = 20 / 255.0;
  apply(&look, 1, source, one);
  apply(&look, 1, source, same);
  apply(&look, 2, source, other);
  assert_memory_equal(one, same, PIXELS);
  assert_memory_not_equal(one, other, PIXELS);
  double square = 0;
  for (size_t i = 0; i < PIXELS; i++)
    square += (one[i] - 128.0) * (one[i] - 128.0);
  /* The deviation of 81 numbers varies by 8 percent; four times that. */
  assert_near(sqrt(square / PIXELS), 20, 6.4);
}

static void
vectors_drift_about_their_mean(void **state)
{
  (void)state;
  const float mean[3] = {1, 2, 3}, source[3] = {2, 2, 5};
  float target[3];
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcLook look = dc_look_plain();
  dc_look_apply_vector(&look, mean, 1, 3, source, &random, target);
  assert_memory_equal(source, target, sizeof target);
  look.turn = 90;
  dc_look_apply_vector(&look, mean, 1, 3, source, &random, target);
  assert_near(target[0], 1, 1e-6); /* single precision */
  assert_near(target[1], 3, 1e-6);
  assert_near(target[2], 5, 1e-6); /* the last of an odd number has no partner */
  look = dc_look_plain();
  look.inverted = true;
  look.brightness = 0.5;
  dc_look_apply_vector(&look, mean, 4, 3, source, &random, target);
  assert_near(target[0], 0 + 2, 1e-6);
  assert_near(target[2], 1 + 2, 1e-6);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_look_changes_nothing),
      cmocka_unit_test(quarter_turn_moves_pixels_counter_clockwise),
      cmocka_unit_test(light_is_what_it_says),
      cmocka_unit_test(colours_have_their_own_gain),
      cmocka_unit_test(background_lights_only_what_is_darker),
      cmocka_unit_test(blur_has_its_deviation),
      cmocka_unit_test(noise_is_drawn_by_its_seed),
      cmocka_unit_test(vectors_drift_about_their_mean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
