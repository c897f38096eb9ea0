/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/augment.h"

#include "allocations.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const DcAugmentShape SHAPES[] = {{32, 32, 3}, {32, 32, 1}, {17, 23, 3},
                                        {28, 9, 1},  {1, 1, 3},   {1, 1, 1},
                                        {1, 20, 3},  {20, 1, 1},  {2, 3, 3}};
enum { N_SHAPES = sizeof SHAPES / sizeof SHAPES[0] };

#define MOST_FLOATS (32 * 32 * 3)

static float patch[MOST_FLOATS], result[MOST_FLOATS], expected[MOST_FLOATS];

static size_t
floats(const DcAugmentShape *shape)
{
  return shape->height * shape->width * shape->channels;
}

/* Uniform noise, with 0, 1 and 1/2 and with grey pixels among it. */
static void
draw_patch(const DcAugmentShape *shape, DcRandom *random)
{
  const float corners[] = {0, 0.5f, 1};
  for (size_t i = 0; i < floats(shape); i++) {
    const uint32_t kind = dc_random_below(random, 8);
    patch[i] = kind < 3 ? corners[kind] : (float)dc_random_uniform(random);
    if (kind == 7 && i > 0)
      patch[i] = patch[i - 1];
  }
}

/* Scratch of exactly the size that is asked for, full of NaN, so that a sanitizer sees what is read
 * beyond it and the tests what is read before it is written. */
static void
apply(const DcAugmentDraw *draw, const DcAugmentShape *shape)
{
  const size_t count = dc_augment_scratch(shape);
  float *scratch = malloc(count * sizeof(float));
  assert_non_null(scratch);
  memset(scratch, 0xff, count * sizeof(float));
  memset(result, 0xff, sizeof result);
  const size_t before = allocations;
  dc_augment_apply(draw, shape, patch, result, scratch);
  assert_int_equal(allocations, before);
  free(scratch);
}

static void
augment(const DcAugmentation *augmentation, const DcAugmentShape *shape, DcRandom *random)
{
  DcError error = {0};
  if (dc_augmentation_check(augmentation, shape, &error))
    fail_msg("%s", error.message);
  DcAugmentDraw draw;
  dc_augment_draw(augmentation, shape, random, &draw);
  apply(&draw, shape);
}

static void
assert_all_near(const float *got, const float *wanted, size_t count, double tolerance)
{
  for (size_t i = 0; i < count; i++)
    assert_near(got[i], wanted[i], tolerance);
}

static void
assert_in_unit_range(size_t count)
{
  for (size_t i = 0; i < count; i++)
    assert_true(result[i] >= 0 && result[i] <= 1);
}

static const DcAugmentation EVERYTHING = {.shift = 0.3,
                                          .rotation = 40,
                                          .scale = 0.4,
                                          .crop = 0.2,
                                          .flip = 0.5,
                                          .jitter = 0.8,
                                          .brightness = 0.8,
                                          .contrast = 0.8,
                                          .saturation = 0.8,
                                          .hue = 0.5,
                                          .grey = 0.2,
                                          .blur = 0.5,
                                          .least_sigma = 0,
                                          .most_sigma = 3};

/* With a draw that changes nothing of where pixels come from. */
static DcAugmentDraw
still_draw(void)
{
  return (DcAugmentDraw){.map = {1, 0, 0, 0, 1, 0}};
}

/* --- Against the definition ------------------------------------------------------------------- */

static void
compare_with_reference(const DcAugmentation *augmentation, const DcAugmentShape *shape,
                       DcRandom *random, double tolerance)
{
  DcAugmentDraw draw;
  draw_patch(shape, random);
  dc_augment_draw(augmentation, shape, random, &draw);
  apply(&draw, shape);
  assert_int_equal(dc_augment_reference(&draw, shape, patch, expected), DC_OK);
  assert_all_near(result, expected, floats(shape), tolerance);
  assert_in_unit_range(floats(shape));
}

/* A value of [0, 1] is rounded by up to 6e-8 about ten times, and four jitters grow what was
 * rounded by up to 1.8 each. Hue divides by the chroma, but multiplies by it again. */
#define TOLERANCE 5e-6

static void
fast_changes_equal_the_definition(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 1);
  for (size_t i = 0; i < N_SHAPES; i++)
    for (int turn = 0; turn < 40; turn++)
      compare_with_reference(&EVERYTHING, &SHAPES[i], &random, TOLERANCE);
}

/* Solarising jumps at 1/2, where rounding may choose the side: alone it sees only exact values. */
static void
solarising_equals_the_definition(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 2);
  const DcAugmentation solarise = {.flip = 0.5, .solarise = 1};
  for (size_t i = 0; i < N_SHAPES; i++)
    compare_with_reference(&solarise, &SHAPES[i], &random, 6e-8); /* 1 - v rounds once */
}

static void
a_reference_without_memory_says_so(void **state)
{
  (void)state;
  const DcAugmentDraw still = still_draw();
  fail_at = allocations;
  const DcStatus status = dc_augment_reference(&still, &SHAPES[0], patch, expected);
  fail_at = SIZE_MAX;
  assert_int_equal(status, DC_ERROR_MEMORY);
}

/* --- Nothing to do ---------------------------------------------------------------------------- */

static void
assert_identity(const DcAugmentation *augmentation, const DcAugmentShape *shape)
{
  DcRandom random;
  dc_random_seed(&random, 4, 1);
  for (int turn = 0; turn < 10; turn++) {
    draw_patch(shape, &random);
    augment(augmentation, shape, &random);
    assert_memory_equal(result, patch, floats(shape) * sizeof(float));
  }
}

static void
zeros_change_nothing(void **state)
{
  (void)state;
  const DcAugmentation nothing = {0};
  for (size_t i = 0; i < N_SHAPES; i++)
    assert_identity(&nothing, &SHAPES[i]);
}

static void
probability_without_strength_changes_nothing(void **state)
{
  (void)state;
  const DcAugmentation weak = {.jitter = 1, .blur = 1};
  for (size_t i = 0; i < N_SHAPES; i++)
    assert_identity(&weak, &SHAPES[i]);
}

static void
strength_without_probability_changes_nothing(void **state)
{
  (void)state;
  const DcAugmentation never = {.brightness = 1,
                                .contrast = 1,
                                .saturation = 1,
                                .hue = 0.5,
                                .least_sigma = 1,
                                .most_sigma = 2};
  for (size_t i = 0; i < N_SHAPES; i++)
    assert_identity(&never, &SHAPES[i]);
}

static void
a_crop_of_everything_changes_nothing(void **state)
{
  (void)state;
  const DcAugmentation all = {.crop = 1};
  assert_identity(&all, &(DcAugmentShape){32, 32, 3});
  assert_identity(&all, &(DcAugmentShape){1, 1, 1});
}

static void
colours_of_grey_patches_do_not_exist(void **state)
{
  (void)state;
  const DcAugmentation colours = {.jitter = 1, .saturation = 1, .hue = 0.5, .grey = 1};
  assert_identity(&colours, &(DcAugmentShape){32, 32, 1});
}

/* --- Where pixels come from ------------------------------------------------------------------- */

static void
a_flip_mirrors_and_two_change_nothing(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 1);
  const DcAugmentation flip = {.flip = 1};
  for (size_t i = 0; i < N_SHAPES; i++) {
    const DcAugmentShape *shape = &SHAPES[i];
    draw_patch(shape, &random);
    float before[MOST_FLOATS];
    memcpy(before, patch, sizeof before);
    augment(&flip, shape, &random);
    for (size_t y = 0; y < shape->height; y++)
      for (size_t x = 0; x < shape->width; x++)
        assert_memory_equal(result + (y * shape->width + x) * shape->channels,
                            before + (y * shape->width + shape->width - 1 - x) * shape->channels,
                            shape->channels * sizeof(float));
    memcpy(patch, result, sizeof patch);
    augment(&flip, shape, &random);
    assert_memory_equal(result, before, floats(shape) * sizeof(float));
  }
}

/* A slope along x: where a pixel comes from can be read off its value. */
static void
draw_slope(const DcAugmentShape *shape)
{
  for (size_t i = 0; i < floats(shape); i++)
    patch[i] = (float)(i / shape->channels % shape->width) / (float)(shape->width - 1);
}

static void
shifts_reach_as_far_as_they_may(void **state)
{
  (void)state;
  const DcAugmentShape shape = {12, 32, 1};
  const DcAugmentation shift = {.shift = 0.25};
  DcRandom random;
  dc_random_seed(&random, 6, 1);
  double left = 0, right = 0, up = 0, down = 0;
  for (int turn = 0; turn < 500; turn++) {
    DcAugmentDraw draw;
    dc_augment_draw(&shift, &shape, &random, &draw);
    left = fmax(left, draw.map[2]);
    right = fmax(right, -draw.map[2]);
    up = fmax(up, draw.map[5]);
    down = fmax(down, -draw.map[5]);
  }
  /* Quarters of the sides; that none of 500 draws comes within 5 % of an end has a chance of 3e-6.
   */
  assert_true(left > 7.6 && left <= 8 && right > 7.6 && right <= 8);
  assert_true(up > 2.85 && up <= 3 && down > 2.85 && down <= 3);
}

static void
a_shift_moves_the_pixels(void **state)
{
  (void)state;
  const DcAugmentShape shape = {2, 32, 1};
  DcAugmentDraw draw = still_draw();
  draw.map[2] = -2.5;
  draw_slope(&shape);
  apply(&draw, &shape);
  for (size_t x = 3; x < 32; x++)
    assert_near(result[x], ((double)x - 2.5) / 31, 1e-7); /* rounded once or twice below 1 */
  assert_true(result[0] == 0 && result[1] == 0 && result[2] == 0);
}

/* Half a turn is a flip of both axes; which way it is drawn makes no difference. */
static void
half_a_turn_reverses_the_pixels(void **state)
{
  (void)state;
  const DcAugmentShape shape = {6, 9, 3};
  DcRandom random;
  dc_random_seed(&random, 7, 1);
  draw_patch(&shape, &random);
  DcAugmentDraw draw = still_draw();
  const double half_turn[6] = {-1, 0, 8, 0, -1, 5};
  memcpy(draw.map, half_turn, sizeof half_turn);
  apply(&draw, &shape);
  for (size_t i = 0; i < 54; i++)
    assert_memory_equal(result + 3 * i, patch + 3 * (53 - i), 3 * sizeof(float));
}

/* The centre stays, lengths are kept, and the angles fill the range. */
static void
rotations_turn_about_the_centre(void **state)
{
  (void)state;
  const DcAugmentShape shape = {11, 21, 1};
  const DcAugmentation rotation = {.rotation = 30};
  DcRandom random;
  dc_random_seed(&random, 8, 1);
  double least = 0, most = 0;
  for (int turn = 0; turn < 500; turn++) {
    DcAugmentDraw draw;
    dc_augment_draw(&rotation, &shape, &random, &draw);
    assert_near(draw.map[0] * 10 + draw.map[1] * 5 + draw.map[2], 10, 1e-12);
    assert_near(draw.map[3] * 10 + draw.map[4] * 5 + draw.map[5], 5, 1e-12);
    assert_near(hypot(draw.map[0], draw.map[3]), 1, 1e-12);
    assert_near(draw.map[0] * draw.map[4] - draw.map[1] * draw.map[3], 1, 1e-12);
    const double degrees = atan2(draw.map[1], draw.map[0]) * 57.29577951308232;
    least = fmin(least, degrees);
    most = fmax(most, degrees);
  }
  assert_true(most > 28.5 && most <= 30 && least < -28.5 && least >= -30);
}

static void
scales_grow_and_shrink_about_the_centre(void **state)
{
  (void)state;
  const DcAugmentShape shape = {11, 21, 1};
  const DcAugmentation scale = {.scale = 0.5};
  DcRandom random;
  dc_random_seed(&random, 9, 1);
  double least = 1, most = 1;
  for (int turn = 0; turn < 500; turn++) {
    DcAugmentDraw draw;
    dc_augment_draw(&scale, &shape, &random, &draw);
    assert_near(draw.map[0] * 10 + draw.map[2], 10, 1e-12);
    assert_near(draw.map[4] * 5 + draw.map[5], 5, 1e-12);
    assert_true(draw.map[0] == draw.map[4]);
    least = fmin(least, 1 / draw.map[0]);
    most = fmax(most, 1 / draw.map[0]);
  }
  assert_true(most > 1.475 && most <= 1.5 && least < 0.525 && least >= 0.5);
}

/* Whole pixels of the picture, inside it, of an area and an aspect that are allowed. */
static void
crops_keep_to_area_and_aspect(void **state)
{
  (void)state;
  const DcAugmentation crop = {.crop = 0.3};
  const DcAugmentShape shape = {96, 96, 3};
  DcRandom random;
  dc_random_seed(&random, 10, 1);
  double least_area = 1, most_area = 0, least_aspect = 1, most_aspect = 1;
  for (int turn = 0; turn < 2000; turn++) {
    DcAugmentDraw draw;
    dc_augment_draw(&crop, &shape, &random, &draw);
    const double width = draw.map[0] * 96, height = draw.map[4] * 96;
    assert_near(width, round(width), 1e-12);
    assert_near(height, round(height), 1e-12);
    const double x = draw.map[2] + 0.5 - draw.map[0] / 2, y = draw.map[5] + 0.5 - draw.map[4] / 2;
    assert_near(x, round(x), 1e-12);
    assert_near(y, round(y), 1e-12);
    assert_true(x > -1e-12 && x + width < 96 + 1e-12 && y > -1e-12 && y + height < 96 + 1e-12);
    const double area = width * height / (96 * 96), aspect = width / height;
    least_area = fmin(least_area, area);
    most_area = fmax(most_area, area);
    least_aspect = fmin(least_aspect, aspect);
    most_aspect = fmax(most_aspect, aspect);
  }
  /* Sides of 46 pixels and more are rounded by half a pixel: by 1.1 % each. */
  assert_true(least_area > 0.3 * 0.978 && least_area < 0.32 && most_area > 0.95);
  assert_true(least_aspect > 0.75 * 0.978 && least_aspect < 0.78);
  assert_true(most_aspect < 4 / 3. * 1.022 && most_aspect > 1.28);
}

/* No crop of the whole area has an aspect of 4/3 here: the centre is taken. */
static void
crops_that_do_not_fit_take_the_centre(void **state)
{
  (void)state;
  const DcAugmentation crop = {.crop = 1};
  DcRandom random;
  dc_random_seed(&random, 11, 1);
  DcAugmentDraw draw;
  dc_augment_draw(&crop, &(DcAugmentShape){30, 100, 1}, &random, &draw);
  assert_near(draw.map[0], 0.4, 1e-12);
  assert_near(draw.map[2], 30 + 0.2 - 0.5, 1e-12);
  assert_near(draw.map[4], 1, 1e-12);
  dc_augment_draw(&crop, &(DcAugmentShape){100, 30, 1}, &random, &draw);
  assert_near(draw.map[0], 1, 1e-12);
  assert_near(draw.map[4], 0.4, 1e-12);
  assert_near(draw.map[5], 30 + 0.2 - 0.5, 1e-12);
}

static void
places_far_outside_read_the_border(void **state)
{
  (void)state;
  const DcAugmentShape shape = {4, 4, 1};
  draw_slope(&shape);
  DcAugmentDraw draw = still_draw();
  draw.map[2] = 1e30;
  apply(&draw, &shape);
  for (size_t i = 0; i < 16; i++)
    assert_true(result[i] == 1);
  draw.map[2] = -1e30;
  apply(&draw, &shape);
  for (size_t i = 0; i < 16; i++)
    assert_true(result[i] == 0);
}

/* --- Colours ---------------------------------------------------------------------------------- */

static void
jitter_one_pixel(DcJitterKind kind, double amount, float r, float g, float b)
{
  DcAugmentDraw draw = still_draw();
  draw.jitter[0] = (DcJitter){kind, amount};
  draw.jitter_count = 1;
  patch[0] = r, patch[1] = g, patch[2] = b;
  apply(&draw, &(DcAugmentShape){1, 1, 3});
}

static void
assert_pixel(double r, double g, double b)
{
  assert_near(result[0], r, 3e-7); /* a few roundings of numbers up to 1 */
  assert_near(result[1], g, 3e-7);
  assert_near(result[2], b, 3e-7);
}

static void
brightness_multiplies_and_clips(void **state)
{
  (void)state;
  jitter_one_pixel(DC_JITTER_BRIGHTNESS, 1.5, 0.2f, 0.4f, 0.8f);
  assert_pixel(0.3, 0.6, 1);
  jitter_one_pixel(DC_JITTER_BRIGHTNESS, 0, 0.2f, 0.4f, 0.8f);
  assert_pixel(0, 0, 0);
}

/* Of a black and a white pixel: the mean is 1/2. */
static void
contrast_moves_away_from_the_mean(void **state)
{
  (void)state;
  DcAugmentDraw draw = still_draw();
  draw.jitter_count = 1;
  patch[0] = 0.25f, patch[1] = 0.75f;
  draw.jitter[0] = (DcJitter){DC_JITTER_CONTRAST, 1.5};
  apply(&draw, &(DcAugmentShape){1, 2, 1});
  assert_true(result[0] == 0.125f && result[1] == 0.875f);
  draw.jitter[0].amount = 4;
  apply(&draw, &(DcAugmentShape){1, 2, 1});
  assert_true(result[0] == 0 && result[1] == 1);
  draw.jitter[0].amount = 0;
  apply(&draw, &(DcAugmentShape){1, 2, 1});
  assert_true(result[0] == 0.5f && result[1] == 0.5f);
}

static void
saturation_moves_away_from_the_luma(void **state)
{
  (void)state;
  const double luma = 0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8;
  jitter_one_pixel(DC_JITTER_SATURATION, 0, 0.2f, 0.4f, 0.8f);
  assert_pixel(luma, luma, luma);
  jitter_one_pixel(DC_JITTER_SATURATION, 0.5, 0.2f, 0.4f, 0.8f);
  assert_pixel((0.2 + luma) / 2, (0.4 + luma) / 2, (0.8 + luma) / 2);
  jitter_one_pixel(DC_JITTER_SATURATION, 1, 0.2f, 0.4f, 0.8f);
  assert_pixel(0.2, 0.4, 0.8);
}

static void
grey_is_the_luma(void **state)
{
  (void)state;
  DcAugmentDraw draw = still_draw();
  draw.grey = true;
  patch[0] = 0.2f, patch[1] = 0.4f, patch[2] = 0.8f;
  apply(&draw, &(DcAugmentShape){1, 1, 3});
  const double luma = 0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8;
  assert_pixel(luma, luma, luma);
}

/* By a sixth of a turn: red, yellow, green, cyan, blue, magenta. */
static void
hue_goes_round_the_colours(void **state)
{
  (void)state;
  const float colours[6][3] = {{1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1}, {1, 0, 1}};
  for (int from = 0; from < 6; from++) {
    for (int by = -3; by <= 3; by++) {
      jitter_one_pixel(DC_JITTER_HUE, by / 6., colours[from][0], colours[from][1],
                       colours[from][2]);
      const float *to = colours[(from + by + 6) % 6];
      /* A sixth is not a whole number of sixths in binary: it errs by 6 x 3e-8. */
      assert_pixel((double)to[0], (double)to[1], (double)to[2]);
    }
  }
}

static void
a_full_turn_of_the_hue_changes_nothing(void **state)
{
  (void)state;
  const DcAugmentShape shape = {32, 32, 3};
  DcRandom random;
  dc_random_seed(&random, 12, 1);
  draw_patch(&shape, &random);
  DcAugmentDraw draw = still_draw();
  draw.jitter_count = 4;
  for (size_t i = 0; i < 4; i++)
    draw.jitter[i] = (DcJitter){DC_JITTER_HUE, i % 2 ? 0.5 : 0}; /* two halves */
  apply(&draw, &shape);
  assert_all_near(result, patch, floats(&shape), TOLERANCE);
  for (size_t i = 0; i < 3; i++)
    draw.jitter[i] = (DcJitter){DC_JITTER_HUE, -1 / 3.}; /* three thirds, the other way */
  draw.jitter_count = 3;
  apply(&draw, &shape);
  assert_all_near(result, patch, floats(&shape), TOLERANCE);
}

static void
a_grey_pixel_has_no_hue(void **state)
{
  (void)state;
  jitter_one_pixel(DC_JITTER_HUE, 0.3, 0.7f, 0.7f, 0.7f);
  assert_true(result[0] == 0.7f && result[1] == 0.7f && result[2] == 0.7f);
  jitter_one_pixel(DC_JITTER_HUE, 0.3, 0, 0, 0);
  assert_true(result[0] == 0 && result[1] == 0 && result[2] == 0);
}

static void
solarising_turns_the_bright_half_over(void **state)
{
  (void)state;
  DcAugmentDraw draw = still_draw();
  draw.solarise = true;
  const float values[] = {0, 0.25f, 0.4375f, 0.5f, 0.75f, 1};
  const float solarised[] = {0, 0.25f, 0.4375f, 0.5f, 0.25f, 0};
  memcpy(patch, values, sizeof values);
  apply(&draw, &(DcAugmentShape){1, 6, 1});
  assert_memory_equal(result, solarised, sizeof solarised);
}

/* --- Blur ------------------------------------------------------------------------------------- */

static void
a_blur_keeps_a_constant(void **state)
{
  (void)state;
  for (size_t i = 0; i < N_SHAPES; i++) {
    for (int sigma = 1; sigma <= 10; sigma++) {
      DcAugmentDraw draw = still_draw();
      draw.sigma = sigma;
      for (size_t j = 0; j < floats(&SHAPES[i]); j++)
        patch[j] = 1;
      apply(&draw, &SHAPES[i]);
      for (size_t j = 0; j < floats(&SHAPES[i]); j++) /* 61 weights are summed twice */
        assert_near(result[j], 1, 2e-6);
      assert_in_unit_range(floats(&SHAPES[i]));
    }
  }
}

/* A point far from the border becomes a bell with its sum and its deviation. */
static void
a_blur_spreads_a_point_by_sigma(void **state)
{
  (void)state;
  const DcAugmentShape shape = {31, 31, 1};
  memset(patch, 0, sizeof patch);
  patch[15 * 31 + 15] = 1;
  DcAugmentDraw draw = still_draw();
  draw.sigma = 2;
  apply(&draw, &shape);
  double sum = 0, across = 0, down = 0;
  for (int i = 0; i < 31 * 31; i++) {
    sum += (double)result[i];
    across += (double)result[i] * pow(i % 31 - 15, 2);
    down += (double)result[i] * pow(i / 31 - 15, 2);
  }
  assert_near(sum, 1, 1e-6);
  /* What lies beyond three sigma is missing: 1.4 % of the deviation. */
  assert_near(sqrt(across), 2, 0.03);
  assert_near(sqrt(down), 2, 0.03);
}

static void
a_blur_of_sigma_near_0_is_a_copy(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 13, 1);
  const double sigmas[] = {0, 1e-320, 1e-9, 0.1};
  for (size_t i = 0; i < 4; i++) {
    DcAugmentDraw draw = still_draw();
    draw.sigma = sigmas[i];
    draw_patch(&SHAPES[0], &random);
    apply(&draw, &SHAPES[0]);
    /* Both neighbours of a pixel weigh e^-50 at most. */
    assert_all_near(result, patch, floats(&SHAPES[0]), 1e-20);
  }
}

/* --- Drawing ---------------------------------------------------------------------------------- */

static void
equal_states_give_equal_patches(void **state)
{
  (void)state;
  const DcAugmentShape shape = {32, 32, 3};
  DcRandom random;
  dc_random_seed(&random, 14, 1);
  draw_patch(&shape, &random);
  float *scratch = malloc(dc_augment_scratch(&shape) * sizeof(float));
  assert_non_null(scratch);
  for (int turn = 0; turn < 20; turn++) {
    DcRandom again = random;
    dc_augment(&EVERYTHING, &shape, patch, &random, result, scratch);
    dc_augment(&EVERYTHING, &shape, patch, &again, expected, scratch);
    assert_memory_equal(result, expected, sizeof result);
    assert_memory_equal(&random, &again, sizeof random);
    dc_augment(&EVERYTHING, &shape, patch, &random, expected, scratch);
    assert_memory_not_equal(result, expected, sizeof result);
  }
  free(scratch);
}

typedef struct {
  int jitter, first[DC_JITTER_KINDS], grey, blur, solarise, flip;
  double least_sigma, most_sigma, least_hue, most_hue;
} Tally;

#define DRAWS 4000

static Tally
tally_draws(size_t view, const DcAugmentShape *shape)
{
  const DcAugmentation secu = dc_augmentation_secu(view, 0.3);
  DcError error = {0};
  assert_int_equal(dc_augmentation_check(&secu, shape, &error), DC_OK);
  DcRandom random;
  dc_random_seed(&random, 15, view);
  Tally tally = {.least_sigma = 10};
  for (int i = 0; i < DRAWS; i++) {
    DcAugmentDraw draw;
    dc_augment_draw(&secu, shape, &random, &draw);
    tally.jitter += draw.jitter_count > 0;
    if (draw.jitter_count)
      tally.first[draw.jitter[0].kind]++;
    tally.grey += draw.grey;
    tally.blur += draw.sigma > 0;
    tally.solarise += draw.solarise;
    tally.flip += draw.map[0] < 0;
    if (draw.sigma > 0)
      tally.least_sigma = fmin(tally.least_sigma, draw.sigma);
    tally.most_sigma = fmax(tally.most_sigma, draw.sigma);
    for (size_t j = 0; j < draw.jitter_count; j++) {
      if (draw.jitter[j].kind == DC_JITTER_HUE) {
        tally.least_hue = fmin(tally.least_hue, draw.jitter[j].amount);
        tally.most_hue = fmax(tally.most_hue, draw.jitter[j].amount);
      }
    }
  }
  return tally;
}

/* A count of DRAWS chances has a deviation of at most 32: four of them are allowed. */
static void
assert_share(int count, double share)
{
  assert_near(count, share * DRAWS, 128);
}

static void
the_views_of_secu_are_drawn_as_often_as_published(void **state)
{
  (void)state;
  for (size_t view = 0; view < 2; view++) {
    const Tally tally = tally_draws(view, &SHAPES[0]);
    assert_share(tally.jitter, 0.8);
    for (size_t kind = 0; kind < DC_JITTER_KINDS; kind++) /* any order is as likely */
      assert_share(tally.first[kind], 0.2);
    assert_share(tally.grey, 0.2);
    assert_share(tally.flip, 0.5);
    if (view == 0) {
      assert_int_equal(tally.blur, DRAWS);
      assert_int_equal(tally.solarise, 0);
    } else {
      assert_share(tally.blur, 0.1);
      assert_share(tally.solarise, 0.2);
    }
    assert_true(tally.least_sigma >= 0.1 && tally.least_sigma < 0.15);
    assert_true(tally.most_sigma <= 2 && tally.most_sigma > 1.95);
    assert_true(tally.least_hue >= -0.1 && tally.least_hue < -0.095);
    assert_true(tally.most_hue <= 0.1 && tally.most_hue > 0.095);
  }
}

static void
the_views_of_secu_leave_colours_of_grey_patches_out(void **state)
{
  (void)state;
  const Tally tally = tally_draws(1, &SHAPES[1]);
  assert_share(tally.jitter, 0.8);
  assert_share(tally.first[DC_JITTER_BRIGHTNESS], 0.4);
  assert_share(tally.first[DC_JITTER_CONTRAST], 0.4);
  assert_int_equal(tally.first[DC_JITTER_SATURATION], 0);
  assert_int_equal(tally.first[DC_JITTER_HUE], 0);
  assert_int_equal(tally.grey, 0);
}

static void
factors_are_not_drawn_below_0(void **state)
{
  (void)state;
  const DcAugmentation strong = {.jitter = 1, .brightness = 3};
  DcRandom random;
  dc_random_seed(&random, 16, 1);
  for (int i = 0; i < 200; i++) {
    DcAugmentDraw draw;
    dc_augment_draw(&strong, &SHAPES[0], &random, &draw);
    assert_int_equal(draw.jitter_count, 1);
    assert_true(draw.jitter[0].amount >= 0 && draw.jitter[0].amount <= 4);
  }
}

/* --- What must be refused or survived --------------------------------------------------------- */

static void
nan_stays_nan(void **state)
{
  (void)state;
  const DcAugmentShape shape = {4, 4, 3};
  const DcAugmentation changes[] = {
      {0},
      {.jitter = 1, .brightness = 0.5},
      {.jitter = 1, .contrast = 0.5},
      {.jitter = 1, .saturation = 0.5},
      {.jitter = 1, .hue = 0.5},
      {.grey = 1},
      {.blur = 1, .least_sigma = 1, .most_sigma = 2},
      {.solarise = 1},
  };
  DcRandom random;
  dc_random_seed(&random, 17, 1);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    for (size_t place = 0; place < 48; place++) {
      draw_patch(&shape, &random);
      patch[place] = NAN;
      augment(&changes[i], &shape, &random);
      assert_true(isnan(result[place]));
    }
  }
}

static void
assert_refused(const DcAugmentation *wrong, const char *name)
{
  DcError error = {0};
  assert_int_equal(dc_augmentation_check(wrong, &SHAPES[0], &error), DC_ERROR_ARGUMENT);
  assert_int_equal(error.status, DC_ERROR_ARGUMENT);
  char words[64];
  snprintf(words, sizeof words, "augmentation's %s is", name);
  if (!strstr(error.message, words))
    fail_msg("\"%s\" does not say \"%s\"", error.message, words);
  assert_int_equal(dc_augmentation_check(wrong, &SHAPES[0], NULL), DC_ERROR_ARGUMENT);
}

static void
fields_out_of_range_are_refused_by_name(void **state)
{
  (void)state;
  const struct {
    const char *name;
    size_t offset;
    double most, beyond; /* the largest value that is taken, and one that is not */
  } fields[] = {
#define FIELD(name, most, beyond) {#name, offsetof(DcAugmentation, name), most, beyond}
      FIELD(shift, 1, 1.01),          FIELD(rotation, 180, 181),   FIELD(scale, 0.99, 1),
      FIELD(crop, 1, 1.01),           FIELD(flip, 1, 1.01),        FIELD(jitter, 1, 1.01),
      FIELD(brightness, 100, 101),    FIELD(contrast, 100, 101),   FIELD(saturation, 100, 101),
      FIELD(hue, 0.5, 0.51),          FIELD(grey, 1, 1.01),        FIELD(blur, 1, 1.01),
      FIELD(least_sigma, 0.25, 0.26), FIELD(most_sigma, 10, 10.1), FIELD(solarise, 1, 1.01),
#undef FIELD
  };
  assert_int_equal(sizeof fields / sizeof *fields, sizeof(DcAugmentation) / sizeof(double));
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    DcAugmentation augmentation = {.most_sigma = 0.25};
    double *field = (double *)(void *)((char *)&augmentation + fields[i].offset);
    *field = fields[i].most;
    assert_int_equal(dc_augmentation_check(&augmentation, &SHAPES[0], NULL), DC_OK);
    const double wrong[] = {fields[i].beyond, -0.01, NAN, INFINITY, -INFINITY};
    for (size_t j = 0; j < 5; j++) {
      *field = wrong[j];
      assert_refused(&augmentation, fields[i].name);
    }
  }
}

static void
shapes_that_are_no_patches_are_refused(void **state)
{
  (void)state;
  const DcAugmentation nothing = {0};
  const DcAugmentShape wrong[] = {{8, 8, 0}, {8, 8, 2},    {8, 8, 4},   {0, 8, 3},
                                  {8, 0, 3}, {4097, 8, 3}, {8, 4097, 1}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    DcError error = {0};
    assert_int_equal(dc_augmentation_check(&nothing, &wrong[i], &error), DC_ERROR_SHAPE);
    assert_non_null(strstr(error.message, i < 3 ? "channels" : "pixels"));
  }
  assert_int_equal(dc_augmentation_check(&nothing, &(DcAugmentShape){4096, 4096, 3}, NULL), DC_OK);
}

/* The strongest that is taken: everything stays a number in range. */
static void
extreme_strengths_give_numbers_in_range(void **state)
{
  (void)state;
  const DcAugmentation extreme = {.shift = 1,
                                  .rotation = 180,
                                  .scale = 0.9999999999999999,
                                  .crop = 1e-300,
                                  .flip = 1,
                                  .jitter = 1,
                                  .brightness = 100,
                                  .contrast = 100,
                                  .saturation = 100,
                                  .hue = 0.5,
                                  .grey = 0.5,
                                  .blur = 1,
                                  .least_sigma = 9,
                                  .most_sigma = 10,
                                  .solarise = 1};
  DcRandom random;
  dc_random_seed(&random, 18, 1);
  for (size_t i = 0; i < N_SHAPES; i++) {
    for (int turn = 0; turn < 20; turn++) {
      draw_patch(&SHAPES[i], &random);
      augment(&extreme, &SHAPES[i], &random);
      assert_in_unit_range(floats(&SHAPES[i]));
    }
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fast_changes_equal_the_definition),
      cmocka_unit_test(solarising_equals_the_definition),
      cmocka_unit_test(a_reference_without_memory_says_so),
      cmocka_unit_test(zeros_change_nothing),
      cmocka_unit_test(probability_without_strength_changes_nothing),
      cmocka_unit_test(strength_without_probability_changes_nothing),
      cmocka_unit_test(a_crop_of_everything_changes_nothing),
      cmocka_unit_test(colours_of_grey_patches_do_not_exist),
      cmocka_unit_test(a_flip_mirrors_and_two_change_nothing),
      cmocka_unit_test(shifts_reach_as_far_as_they_may),
      cmocka_unit_test(a_shift_moves_the_pixels),
      cmocka_unit_test(half_a_turn_reverses_the_pixels),
      cmocka_unit_test(rotations_turn_about_the_centre),
      cmocka_unit_test(scales_grow_and_shrink_about_the_centre),
      cmocka_unit_test(crops_keep_to_area_and_aspect),
      cmocka_unit_test(crops_that_do_not_fit_take_the_centre),
      cmocka_unit_test(places_far_outside_read_the_border),
      cmocka_unit_test(brightness_multiplies_and_clips),
      cmocka_unit_test(contrast_moves_away_from_the_mean),
      cmocka_unit_test(saturation_moves_away_from_the_luma),
      cmocka_unit_test(grey_is_the_luma),
      cmocka_unit_test(hue_goes_round_the_colours),
      cmocka_unit_test(a_full_turn_of_the_hue_changes_nothing),
      cmocka_unit_test(a_grey_pixel_has_no_hue),
      cmocka_unit_test(solarising_turns_the_bright_half_over),
      cmocka_unit_test(a_blur_keeps_a_constant),
      cmocka_unit_test(a_blur_spreads_a_point_by_sigma),
      cmocka_unit_test(a_blur_of_sigma_near_0_is_a_copy),
      cmocka_unit_test(equal_states_give_equal_patches),
      cmocka_unit_test(the_views_of_secu_are_drawn_as_often_as_published),
      cmocka_unit_test(the_views_of_secu_leave_colours_of_grey_patches_out),
      cmocka_unit_test(factors_are_not_drawn_below_0),
      cmocka_unit_test(nan_stays_nan),
      cmocka_unit_test(fields_out_of_range_are_refused_by_name),
      cmocka_unit_test(shapes_that_are_no_patches_are_refused),
      cmocka_unit_test(extreme_strengths_give_numbers_in_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
