/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/exp.h"

#include "test.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Every 97th number of the range in which the result is a normal number. */
static void
exp_is_accurate_to_its_stated_error(void **state)
{
  (void)state;
  double worst = 0;
  for (uint32_t bits = 0; bits < 0x42b0c000; bits += 97) { /* up to 88.375 */
    float x;
    memcpy(&x, &bits, sizeof x);
    if (x <= 88.37f)
      worst = fmax(worst, fabs(dc_exp(x) / exp(x) - 1));
    if (x <= 87.33f)
      worst = fmax(worst, fabs(dc_exp(-x) / exp(-x) - 1));
  }
  assert_true(worst < 2e-7);
  assert_true(worst > 1e-8); /* something was compared */
}

/* A million steps that are no multiple of log 2. */
static void
exp_in_double_is_accurate_to_its_stated_error(void **state)
{
  (void)state;
  double worst = 0;
  for (int i = 0; i <= 1000000; i++) {
    const double x = -708 + i * 0.001417;
    worst = fmax(worst, fabs(dc_exp_double(x) / exp(x) - 1));
  }
  assert_true(worst < 1e-15);
  assert_true(worst > 1e-17); /* something was compared */
}

static void
exp_in_double_keeps_its_promises_at_the_ends(void **state)
{
  (void)state;
  assert_near(dc_exp_double(0), 1, 0);
  assert_near(dc_exp_double(-0.0), 1, 0);
  assert_near(dc_exp_double(-709), 0, 0);
  assert_near(dc_exp_double(-DBL_MAX), 0, 0);
  assert_near(dc_exp_double(-INFINITY), 0, 0);
  assert_true(isinf(dc_exp_double(710)) && dc_exp_double(710) > 0);
  assert_true(isinf(dc_exp_double(DBL_MAX)));
  assert_true(isinf(dc_exp_double(INFINITY)));
  assert_true(isnan(dc_exp_double((double)NAN)));
}

static void
exp_keeps_its_promises_at_the_ends(void **state)
{
  (void)state;
  assert_near(dc_exp(0), 1, 0);
  assert_near(dc_exp(-0.0f), 1, 0);
  assert_near(dc_exp(-88), 0, 0);
  assert_near(dc_exp(-FLT_MAX), 0, 0);
  assert_near(dc_exp(-INFINITY), 0, 0);
  assert_true(isinf(dc_exp(89)) && dc_exp(89) > 0);
  assert_true(isinf(dc_exp(FLT_MAX)));
  assert_true(isinf(dc_exp(INFINITY)));
  assert_true(isnan(dc_exp(NAN)));
  assert_true(isnan(dc_exp(-NAN)));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exp_is_accurate_to_its_stated_error),
      cmocka_unit_test(exp_in_double_is_accurate_to_its_stated_error),
      cmocka_unit_test(exp_in_double_keeps_its_promises_at_the_ends),
      cmocka_unit_test(exp_keeps_its_promises_at_the_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
