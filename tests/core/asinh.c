/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/asinh.h"

#include "matrices.h"
#include "tensor/rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Every 97th finite number. */
static void
asinh_is_accurate_to_its_stated_error(void **state)
{
  (void)state;
  double worst = 0;
  for (uint32_t bits = 0x00800000; bits < 0x7f800000; bits += 97) {
    float x;
    memcpy(&x, &bits, sizeof x);
    worst = fmax(worst, fabs(dc_asinh(x) / asinh(x) - 1));
  }
  assert_true(worst < 2e-7);
  assert_true(worst > 1e-8); /* something was compared */
}

static void
asinh_keeps_its_promises_at_the_ends(void **state)
{
  (void)state;
  static const float odd[] = {1e-20f, 0.3f, 1, 7, 1e9f, 1.1e9f, 1e30f, FLT_MAX};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_near(dc_asinh(-odd[i]), -dc_asinh(odd[i]), 0);
  assert_near(dc_asinh(0), 0, 0);
  assert_true(signbit(dc_asinh(-0.0f)));
  assert_near(dc_asinh(FLT_MIN / 4), FLT_MIN / 4, 0); /* a denormal number */
  assert_true(isinf(dc_asinh(INFINITY)) && dc_asinh(INFINITY) > 0);
  assert_true(isinf(dc_asinh(-INFINITY)) && dc_asinh(-INFINITY) < 0);
  assert_true(isnan(dc_asinh(NAN)));
}

static void
asinh_of_rows_shifts_each_column_and_no_other(void **state)
{
  (void)state;
  float data[] = {1, NAN, 0, 9, -3, 2, INFINITY, 9};
  const float shift[] = {0.5f, 1, -1};
  const DcMatrix matrix = {data, 2, 3, 4};
  dc_asinh_rows(&matrix, shift);
  assert_near(data[0], asinh(1.5), 2e-7);
  assert_true(isnan(data[1]));
  assert_near(data[2], asinh(-1), 2e-7);
  assert_near(data[3] + data[7], 18, 0);
  assert_near(data[4], asinh(-2.5), 4e-7);
  assert_near(data[5], asinh(3), 4e-7);
  assert_true(isinf(data[6]));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(asinh_is_accurate_to_its_stated_error),
      cmocka_unit_test(asinh_keeps_its_promises_at_the_ends),
      cmocka_unit_test(asinh_of_rows_shifts_each_column_and_no_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
