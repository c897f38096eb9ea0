/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_RANDOM_H
#define DC_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PCG32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms
 * for Random Number Generation", XSH-RR 64/32). The two words are the whole state: saving and
 * restoring them continues the sequence. Not thread-safe. */
typedef struct {
  uint64_t state;
  uint64_t increment; /* odd; which of 2^63 sequences */
} DcRandom;

/* Starts sequence `sequence` at `seed`; equal arguments give equal numbers on every machine. */
void dc_random_seed(DcRandom *random, uint64_t seed, uint64_t sequence);

/* Whether a restored state is one that goes on; others repeat a few numbers for ever. */
static inline bool
dc_random_is_sound(const DcRandom *random)
{
  return random->increment & 1;
}

/* 32 uniform bits. */
uint32_t dc_random_bits(DcRandom *random);

/* Uniform in 0 .. bound - 1, without modulo bias; bound >= 1. */
uint32_t dc_random_below(DcRandom *random, uint32_t bound);

/* Uniform in [0, 1), 53 bits. */
double dc_random_uniform(DcRandom *random);

/* Normal with mean 0 and variance 1 (Box and Muller; two uniforms a number, nothing kept back). */
double dc_random_normal(DcRandom *random);

/* Permutes `items` uniformly (Fisher and Yates); count < 2^32. */
void dc_random_shuffle(DcRandom *random, uint32_t *items, size_t count);

#endif
