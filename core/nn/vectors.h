/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_VECTORS_H
#define DC_NN_VECTORS_H

#include "nn/patch.h"

#include <string.h>

/* Vectors of the instruction set that a file of kernels is compiled for: those of GCC and Clang
 * (attribute vector_size), which need no intrinsics and so serve every architecture. */

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define INLINE static inline __attribute__((always_inline))

/* Before a loop of a constant number of turns: only unrolled do its arrays become registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

INLINE Vector
load(const float *from)
{
  Vector vector;
  memcpy(&vector, from, sizeof vector);
  return vector;
}

INLINE void
store(float *to, Vector vector)
{
  memcpy(to, &vector, sizeof vector);
}

/* Lane by lane, a > b ? a : b: b where one of them is NaN. By way of arrays, which compilers turn
 * into the one instruction that does it. */
INLINE Vector
larger_or_second(Vector a, Vector b)
{
  float x[LANES], y[LANES];
  store(x, a);
  store(y, b);
  for (size_t i = 0; i < LANES; i++)
    x[i] = x[i] > y[i] ? x[i] : y[i];
  return load(x);
}

INLINE Vector
select_by(Mask mask, Vector yes, Vector no)
{
  return (Vector)(((Mask)yes & mask) | ((Mask)no & ~mask));
}

/* NaN stays NaN: it is neither below nor above. */
INLINE Vector
limit(Vector x, DcPatchLimits limits)
{
  const Vector low = (Vector){0} + limits.low, high = (Vector){0} + limits.high;
  x = select_by(x < low, low, x);
  return select_by(x > high, high, x);
}

INLINE float
limit_scalar(float x, DcPatchLimits limits)
{
  x = x < limits.low ? limits.low : x;
  return x > limits.high ? limits.high : x;
}

#endif
