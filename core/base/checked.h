/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_CHECKED_H
#define DC_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size arithmetic for numbers that come from a file or a caller: each function returns false,
 * and leaves *result alone, when the exact result does not fit. */

static inline bool
dc_checked_mul(size_t a, size_t b, size_t *result)
{
  if (b != 0 && a > SIZE_MAX / b)
    return false;
  *result = a * b;
  return true;
}

static inline bool
dc_checked_add(size_t a, size_t b, size_t *result)
{
  if (a > SIZE_MAX - b)
    return false;
  *result = a + b;
  return true;
}

/* Rounds `size` up to a multiple of `unit`, a power of two. */
static inline bool
dc_checked_round_up(size_t size, size_t unit, size_t *result)
{
  size_t sum;
  if (!dc_checked_add(size, unit - 1, &sum))
    return false;
  *result = sum & ~(unit - 1);
  return true;
}

#endif
