/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/background.h"

#include "base/random.h"
#include "motion/gain.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = 1003 }; /* no multiple of any register */

typedef struct {
  float numbers[5][PIXELS];
  uint8_t luma[PIXELS], deviation[PIXELS], expected[PIXELS];
} Row;

static DcBackgroundRow
view(Row *row)
{
  return (DcBackgroundRow){{row->numbers[0], row->numbers[1], row->numbers[2], row->numbers[3],
                            row->numbers[4]},
                           row->luma,
                           row->deviation,
                           row->expected,
                           PIXELS};
}

static void
fill(Row *row, DcRandom *random)
{
  for (size_t i = 0; i < PIXELS; i++) {
    row->luma[i] = (uint8_t)dc_random_bits(random);
    for (int mode = 0; mode < 2; mode++) {
      /* Half of the modes lie near the pixel, so that all of their ways are taken. */
      const double near = row->luma[i] + 20 * (dc_random_uniform(random) - 0.5);
      const double any = 255 * dc_random_uniform(random);
      const double mean = dc_random_below(random, 2) ? near : any;
      row->numbers[2 * mode][i] = (float)fmin(fmax(mean, 0), 255);
      row->numbers[2 * mode + 1][i] = (float)(4 + 71 * dc_random_uniform(random));
    }
    row->numbers[4][i] = (float)(0.5 + 0.5 * dc_random_uniform(random));
  }
}

static void
test_kernels_do_what_the_formulas_say(void **state)
{
  (void)state;
  const DcBackgroundKernels *tables[DC_CPU_LEVELS];
  const size_t count = dc_background_kernels_usable(tables);
  static Row start, expected, actual;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  for (int run = 0; run < 20; run++) {
    const DcBackgroundStep step = {.gain = (float)(0.7 + 0.6 * dc_random_uniform(&random)),
                                   .rate = run == 0 ? 0 : (float)dc_random_uniform(&random),
                                   .threshold = 25};
    fill(&start, &random);
    expected = start;
    DcBackgroundRow row = view(&expected);
    dc_background_step_reference(&row, &step);
    for (size_t level = 0; level < count; level++) {
      actual = start;
      row = view(&actual);
      tables[level]->step(&row, &step);
      size_t apart = 0;
      for (size_t i = 0; i < PIXELS; i++) {
        bool same = abs(actual.deviation[i] - expected.deviation[i]) <= 1 &&
                    abs(actual.expected[i] - expected.expected[i]) <= 1;
        for (int n = 0; n < 5; n++) /* rounding of single precision, relative to 255 */
          same &= fabs(actual.numbers[n][i] - expected.numbers[n][i]) <= 1e-3;
        apart += !same;
      }
      /* A pixel on the very edge of a mode may fall to either side of it. */
      assert_true(apart <= 2);
    }
  }
}

static void
test_levels_agree_to_the_bit(void **state)
{
  (void)state;
  /* No product is fused with a sum, so the levels round alike. */
  const DcBackgroundKernels *tables[DC_CPU_LEVELS];
  const size_t count = dc_background_kernels_usable(tables);
  static Row start, first, other;
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  const DcBackgroundStep step = {.gain = 1.1f, .rate = 0.01f, .threshold = 25};
  fill(&start, &random);
  first = start;
  DcBackgroundRow row = view(&first);
  tables[0]->step(&row, &step);
  for (size_t level = 1; level < count; level++) {
    other = start;
    row = view(&other);
    tables[level]->step(&row, &step);
    assert_memory_equal(&other, &first, sizeof first);
  }
}

static void
run_constant(DcBackground *background, uint8_t luma, int frames, double seconds, uint8_t *deviation)
{
  uint8_t plane[16], expected[16];
  memset(plane, luma, sizeof plane);
  for (int i = 0; i < frames; i++)
    dc_background_run(background, plane, 1, seconds, 0.05, 5, deviation, expected);
}

static void
test_learns_by_time_and_not_by_frames(void **state)
{
  (void)state;
  /* A slow change of light of 20 levels at the edge of what is matched, at two frame rates. */
  double means[2];
  for (int run = 0; run < 2; run++) {
    DcBackground *background = dc_background_new(16);
    uint8_t start[16], deviation[16];
    memset(start, 100, sizeof start);
    dc_background_restart(background, start);
    run_constant(background, 100, run ? 1000 : 200, run ? 0.1 : 0.5, deviation);
    run_constant(background, 106, run ? 100 : 20, run ? 0.1 : 0.5, deviation);
    assert_int_equal(deviation[0], 0);
    means[run] = dc_background_means(background)[0];
    dc_background_free(background);
  }
  /* 100 + 6 (1 - 0.95^10), by the exact exponential; the mode's own share is almost 1. */
  assert_near(means[0], 100 + 6 * (1 - pow(0.95, 10)), 0.1);
  assert_near(means[1], means[0], 0.05);
}

static void
test_rate_zero_keeps_the_background(void **state)
{
  (void)state;
  DcBackground *background = dc_background_new(16);
  uint8_t plane[16], deviation[16], expected[16];
  memset(plane, 100, sizeof plane);
  dc_background_restart(background, plane);
  for (int i = 0; i < 50; i++)
    dc_background_run(background, plane, 1, 0.04, 0, 5, deviation, expected);
  memset(plane, 200, sizeof plane);
  for (int i = 0; i < 5000; i++)
    dc_background_run(background, plane, 1, 0.04, 0, 5, deviation, expected);
  assert_true(deviation[3] > DC_DEVIATION_ONE);
  assert_near(dc_background_means(background)[3], 100, 0.01);
  dc_background_free(background);
}

enum { SIDE = 64 };

static void
test_gain_is_that_of_most_pixels(void **state)
{
  (void)state;
  static float means[SIDE * SIDE];
  static uint8_t luma[SIDE * SIDE];
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (size_t i = 0; i < SIDE * SIDE; i++)
    means[i] = (float)(60 + dc_random_below(&random, 80));
  static const double gains[] = {0.5, 0.9, 1, 1.07, 1.7};
  for (size_t g = 0; g < sizeof gains / sizeof gains[0]; g++) {
    for (size_t i = 0; i < SIDE * SIDE; i++) /* a third of the picture is something else */
      luma[i] = i < SIDE * SIDE / 3 ? 5 : (uint8_t)lrint(gains[g] * means[i]);
    /* The other third pulls the median to the lower side of the bins: within 2 percent. */
    assert_near(dc_gain(luma, means, SIDE, SIDE), gains[g], 0.02 * gains[g]);
  }
}

static void
test_gain_of_a_dark_picture_is_one(void **state)
{
  (void)state;
  static float means[SIDE * SIDE];
  static uint8_t luma[SIDE * SIDE];
  for (size_t i = 0; i < SIDE * SIDE; i++) {
    means[i] = 16;
    luma[i] = 200;
  }
  assert_near(dc_gain(luma, means, SIDE, SIDE), 1, 0);
  assert_near(dc_gain(luma, means, 1, 1), 1, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kernels_do_what_the_formulas_say),
      cmocka_unit_test(test_levels_agree_to_the_bit),
      cmocka_unit_test(test_learns_by_time_and_not_by_frames),
      cmocka_unit_test(test_rate_zero_keeps_the_background),
      cmocka_unit_test(test_gain_is_that_of_most_pixels),
      cmocka_unit_test(test_gain_of_a_dark_picture_is_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
