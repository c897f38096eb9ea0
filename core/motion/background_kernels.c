/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops of motion/background.h for one instruction set: the build compiles this file once for
 * each, with DC_KERNEL_TABLE and DC_KERNEL_NAME telling which. Selections instead of branches, and
 * blocks that stay in the first cache, let the compiler use whole registers. */
#include "motion/background.h"

#include <math.h>

enum { BLOCK = 256 };

static inline float
bounded_variance(float variance)
{
  variance = variance < DC_BACKGROUND_VARIANCE_MIN ? DC_BACKGROUND_VARIANCE_MIN : variance;
  return variance > DC_BACKGROUND_VARIANCE_MAX ? DC_BACKGROUND_VARIANCE_MAX : variance;
}

/* How much of a mode with this share of the time a frame renews. */
static inline float
mode_rate(float rate, float share)
{
  return rate < share ? rate / share : 1.0f;
}

static inline void
step_block(const DcBackgroundModes *modes, size_t first, size_t count, const float *restrict luma,
           float *restrict deviation, float *restrict expected, const DcBackgroundStep *step)
{
  float *restrict mean = modes->mean + first, *restrict variance = modes->variance + first;
  float *restrict other_mean = modes->other_mean + first;
  float *restrict other_variance = modes->other_variance + first;
  float *restrict share = modes->share + first;
  const float gain = step->gain, rate = step->rate, threshold = step->threshold;
  for (size_t i = 0; i < count; i++) {
    const float x = luma[i], m0 = mean[i], m1 = other_mean[i], v0 = variance[i];
    const float v1 = other_variance[i], w = share[i];
    const float d0 = x - gain * m0, d1 = x - gain * m1, q0 = d0 * d0, q1 = d1 * d1;
    const float limit0 = threshold * v0, limit1 = threshold * v1;
    const float hit0 = q0 < limit0 ? 1.0f : 0.0f;
    const float hit1 = q1 < limit1 ? 1.0f - hit0 : 0.0f;
    const float miss = 1.0f - hit0 - hit1;

    const float second = w <= 1.0f - DC_BACKGROUND_SHARE ? hit1 : 0.0f;
    const float far = sqrtf(q0 / limit0) * DC_DEVIATION_ONE;
    const float unknown = 1.0f - hit0 - second;
    deviation[i] = unknown * (far < 1.0f ? 1.0f : far > 255.0f ? 255.0f : far);
    const float light = gain * m0;
    expected[i] = light > 255.0f ? 255.0f : light;

    const float kept = w + rate * (hit0 - w);
    const float seen = miss > 0.0f ? 1.0f - rate : kept;
    const float r0 = hit0 * mode_rate(rate, seen), r1 = hit1 * mode_rate(rate, 1.0f - seen);
    const float n0 = m0 + r0 * (x - m0), u0 = bounded_variance(v0 + r0 * (q0 - v0));
    const float n1 = miss > 0.0f ? x : m1 + r1 * (x - m1);
    const float u1 =
        miss > 0.0f ? DC_BACKGROUND_VARIANCE_NEW : bounded_variance(v1 + r1 * (q1 - v1));

    const float swap = seen < 0.5f ? 1.0f : 0.0f;
    mean[i] = swap > 0.0f ? n1 : n0;
    variance[i] = swap > 0.0f ? u1 : u0;
    other_mean[i] = swap > 0.0f ? n0 : n1;
    other_variance[i] = swap > 0.0f ? u0 : u1;
    share[i] = swap > 0.0f ? 1.0f - seen : seen;
  }
}

static void
widen(const uint8_t *restrict bytes, float *restrict floats, size_t count)
{
  for (size_t i = 0; i < count; i++)
    floats[i] = bytes[i];
}

static void
narrow(const float *restrict floats, uint8_t *restrict bytes, size_t count)
{
  for (size_t i = 0; i < count; i++)
    bytes[i] = (uint8_t)(int32_t)(floats[i] + 0.5f);
}

static void
step(const DcBackgroundRow *row, const DcBackgroundStep *how)
{
  float luma[BLOCK], deviation[BLOCK], expected[BLOCK];
  for (size_t first = 0; first < row->count; first += BLOCK) {
    const size_t count = row->count - first < BLOCK ? row->count - first : BLOCK;
    widen(row->luma + first, luma, count);
    step_block(&row->modes, first, count, luma, deviation, expected, how);
    narrow(deviation, row->deviation + first, count);
    narrow(expected, row->expected + first, count);
  }
}

static void
add_products(const uint8_t *restrict luma, const uint8_t *restrict expected, size_t count,
             const DcProductSums *sums)
{
  uint32_t *restrict xx = sums->xx, *restrict xm = sums->xm, *restrict mm = sums->mm;
  for (size_t i = 0; i < count; i++) {
    const uint32_t x = luma[i], m = expected[i];
    xx[i] += x * x;
    xm[i] += x * m;
    mm[i] += m * m;
  }
}

const DcBackgroundKernels DC_KERNEL_TABLE = {.name = DC_KERNEL_NAME,
                                             .step = step,
                                             .add_products = add_products};
