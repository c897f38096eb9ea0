/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_TEST_H
#define DC_TESTS_TEST_H

/* What cmocka.h wants included before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

/* |actual - expected| <= tolerance in double, with both numbers in the message; NaN never passes.
 */
#define assert_near(actual, expected, tolerance)                                                   \
  assert_near_at((double)(actual), (double)(expected), (double)(tolerance), __FILE__, __LINE__)

static inline void
assert_near_at(double actual, double expected, double tolerance, const char *file, int line)
{
  if (actual == expected || fabs(actual - expected) <= tolerance)
    return;
  print_error("%.17g is not within %g of %.17g\n", actual, tolerance, expected);
  _fail(file, line);
}

#endif
