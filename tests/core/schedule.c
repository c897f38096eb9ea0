/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/schedule.h"

#include "test.h"

/* A rate is a few products and a cosine in double. */
#define ROUNDING 1e-15

static void
tdcm_divides_by_ten_after_seven_tenths(void **state)
{
  (void)state;
  const DcSchedule tdcm = dc_schedule_tdcm(0.02, 1500);
  assert_true(dc_schedule_rate(&tdcm, 0) == 0.02);
  assert_true(dc_schedule_rate(&tdcm, 1049) == 0.02);
  assert_near(dc_schedule_rate(&tdcm, 1050), 0.002, ROUNDING);
  assert_near(dc_schedule_rate(&tdcm, 1499), 0.002, ROUNDING);
  assert_near(dc_schedule_rate(&tdcm, UINT64_MAX), 0.002, ROUNDING);
}

static void
a_decay_can_begin_at_once_or_never(void **state)
{
  (void)state;
  DcSchedule decay = {
      .kind = DC_SCHEDULE_DECAY, .rate = 1, .steps = 8, .decay_share = 0, .decay_divisor = 4};
  assert_true(dc_schedule_rate(&decay, 0) == 0.25);
  decay.decay_share = 1;
  assert_true(dc_schedule_rate(&decay, 7) == 1);
}

/* CIFAR-10 as published: 401 epochs of 50 000 samples in batches of 128, rate 0.2. */
#define EPOCHS 401
#define STEPS  391

static double
secu_rate(uint64_t epoch, uint64_t step)
{
  const DcSchedule secu = dc_schedule_secu(0.2, EPOCHS, STEPS);
  return dc_schedule_rate(&secu, epoch * STEPS + step);
}

static void
secu_lets_the_encoder_rest_in_epoch_0(void **state)
{
  (void)state;
  for (uint64_t step = 0; step < STEPS; step++)
    assert_true(secu_rate(0, step) == 0);
}

static void
secu_warms_up_in_epochs_1_to_10(void **state)
{
  (void)state;
  const double slope = 0.2 / (10 * STEPS);
  assert_near(secu_rate(1, 0), slope, ROUNDING);
  assert_near(secu_rate(1, 1), slope, ROUNDING);
  assert_near(secu_rate(1, 2), 2 * slope, ROUNDING);
  assert_near(secu_rate(2, 0), 0.02, ROUNDING);
  assert_near(secu_rate(10, 0), 0.18, ROUNDING);
  assert_near(secu_rate(10, STEPS - 1), 0.2 - slope, ROUNDING);
}

static void
secu_falls_on_a_cosine_from_epoch_11(void **state)
{
  (void)state;
  assert_near(secu_rate(11, 0), 0.2, ROUNDING);
  /* 390 epochs lie between 11 and 401: a third of them, half and two thirds. */
  assert_near(secu_rate(11 + 130, 0), 0.15, ROUNDING);
  assert_near(secu_rate(11 + 195, 0), 0.1, ROUNDING);
  assert_near(secu_rate(11 + 260, 0), 0.05, ROUNDING);
  /* At the start of the last epoch, and at its last step: 0.1 (1 - cos x) is 0.05 x^2 near 0, with
   * the next term x^4 / 240 below 2e-11 for x = pi / 390. */
  const double pi = 3.14159265358979323846;
  assert_near(secu_rate(400, 0), 0.05 * pow(pi / 390, 2), 2e-11);
  assert_near(secu_rate(400, STEPS - 1), 0.05 * pow(pi / (390. * STEPS), 2), 2e-17);
}

static void
secu_never_rises_after_its_warm_up(void **state)
{
  (void)state;
  double before = 0.2;
  for (uint64_t step = 0; step < 390 * STEPS; step++) {
    const double rate = secu_rate(11, step);
    assert_true(rate <= before && rate > 0);
    before = rate;
  }
}

static void
the_rate_is_0_past_the_end(void **state)
{
  (void)state;
  assert_true(secu_rate(EPOCHS, 0) == 0);
  assert_true(secu_rate(EPOCHS, 1) == 0);
  const DcSchedule secu = dc_schedule_secu(0.2, EPOCHS, STEPS);
  assert_true(dc_schedule_rate(&secu, UINT64_MAX) == 0);
}

/* Nothing is left for the cosine, and the warm-up itself is cut off. */
static void
a_course_shorter_than_its_warm_up_only_warms_up(void **state)
{
  (void)state;
  const DcSchedule brief = dc_schedule_secu(0.5, 6, 4);
  assert_true(dc_schedule_rate(&brief, 3) == 0);
  assert_near(dc_schedule_rate(&brief, 23), 0.5 * 19 / 40, ROUNDING);
  const DcSchedule exact = dc_schedule_secu(0.5, 11, 4);
  assert_near(dc_schedule_rate(&exact, 43), 0.5 * 39 / 40, ROUNDING);
  assert_true(dc_schedule_rate(&exact, 44) == 0);
}

static void
a_course_without_warm_up_starts_at_the_full_rate(void **state)
{
  (void)state;
  const DcSchedule cosine = {.kind = DC_SCHEDULE_COSINE, .rate = 3, .steps = 2};
  assert_true(dc_schedule_rate(&cosine, 0) == 3);
  assert_near(dc_schedule_rate(&cosine, 1), 1.5, ROUNDING);
  assert_true(dc_schedule_rate(&cosine, 2) == 0);
}

static void
a_course_of_no_steps_has_rate_0(void **state)
{
  (void)state;
  const DcSchedule none = dc_schedule_secu(0.2, 0, 0);
  assert_true(dc_schedule_rate(&none, 0) == 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tdcm_divides_by_ten_after_seven_tenths),
      cmocka_unit_test(a_decay_can_begin_at_once_or_never),
      cmocka_unit_test(secu_lets_the_encoder_rest_in_epoch_0),
      cmocka_unit_test(secu_warms_up_in_epochs_1_to_10),
      cmocka_unit_test(secu_falls_on_a_cosine_from_epoch_11),
      cmocka_unit_test(secu_never_rises_after_its_warm_up),
      cmocka_unit_test(the_rate_is_0_past_the_end),
      cmocka_unit_test(a_course_shorter_than_its_warm_up_only_warms_up),
      cmocka_unit_test(a_course_without_warm_up_starts_at_the_full_rate),
      cmocka_unit_test(a_course_of_no_steps_has_rate_0),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
