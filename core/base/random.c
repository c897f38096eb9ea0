/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/random.h"

#include <math.h>

void
dc_random_seed(DcRandom *random, uint64_t seed, uint64_t sequence)
{
  random->state = 0;
  random->increment = (sequence << 1) | 1;
  dc_random_bits(random);
  random->state += seed;
  dc_random_bits(random);
}

uint32_t
dc_random_bits(DcRandom *random)
{
  uint64_t old = random->state;
  random->state = old * 6364136223846793005u + random->increment;
  uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27);
  uint32_t turn = (uint32_t)(old >> 59);
  return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

uint32_t
dc_random_below(DcRandom *random, uint32_t bound)
{
  uint32_t reject = (0u - bound) % bound; /* 2^32 mod bound: the numbers that would favour some */
  for (;;) {
    uint32_t bits = dc_random_bits(random);
    if (bits >= reject)
      return bits % bound;
  }
}

double
dc_random_uniform(DcRandom *random)
{
  uint64_t high = dc_random_bits(random) >> 5;
  uint64_t low = dc_random_bits(random) >> 6;
  return (double)((high << 26) | low) * 0x1p-53;
}

double
dc_random_normal(DcRandom *random)
{
  double radius = sqrt(-2.0 * log(1.0 - dc_random_uniform(random)));
  return radius * cos(6.283185307179586477 * dc_random_uniform(random));
}

void
dc_random_shuffle(DcRandom *random, uint32_t *items, size_t count)
{
  for (size_t i = count; i > 1; i--) {
    size_t j = dc_random_below(random, (uint32_t)i);
    uint32_t item = items[i - 1];
    items[i - 1] = items[j];
    items[j] = item;
  }
}
