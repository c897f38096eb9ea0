/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/background.h"

#include "base/memory.h"

#include <math.h>

static const DcBackgroundKernels *const levels[] = DC_CPU_TABLES(dc_background_kernels);

struct DcBackground {
  DcBackgroundModes modes;
  size_t pixels;
  double age; /* seconds of stream time that were learnt */
  const DcBackgroundKernels *kernels;
};

size_t
dc_background_kernels_usable(const DcBackgroundKernels *tables[DC_CPU_LEVELS])
{
  const size_t count = dc_cpu_levels();
  for (size_t i = 0; i < count; i++)
    tables[i] = levels[i];
  return count;
}

const DcBackgroundKernels *
dc_background_kernels(void)
{
  return levels[dc_cpu_levels() - 1];
}

DcBackground *
dc_background_new(size_t pixels)
{
  DcBackground *background = DC_NEW(DcBackground, 1);
  if (!background)
    return NULL;
  background->pixels = pixels;
  background->kernels = dc_background_kernels();
  DcBackgroundModes *modes = &background->modes;
  float **arrays[] = {&modes->mean, &modes->variance, &modes->other_mean, &modes->other_variance,
                      &modes->share};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
    if (!(*arrays[i] = DC_NEW(float, pixels))) {
      dc_background_free(background);
      return NULL;
    }
  return background;
}

void
dc_background_free(DcBackground *background)
{
  if (!background)
    return;
  const DcBackgroundModes *modes = &background->modes;
  dc_free(modes->mean);
  dc_free(modes->variance);
  dc_free(modes->other_mean);
  dc_free(modes->other_variance);
  dc_free(modes->share);
  dc_free(background);
}

void
dc_background_restart(DcBackground *background, const uint8_t *luma)
{
  const DcBackgroundModes *modes = &background->modes;
  for (size_t i = 0; i < background->pixels; i++) {
    modes->mean[i] = modes->other_mean[i] = luma[i];
    modes->variance[i] = modes->other_variance[i] = DC_BACKGROUND_VARIANCE_NEW;
    modes->share[i] = 1;
  }
  background->age = 0;
}

/* The average of all frames as long as that is faster than forgetting. The first step after a
 * restart has no frame before it but the one that it started from. */
static double
rate_of(const DcBackground *background, double seconds, double learning_rate)
{
  double average = background->age > 0 ? seconds / (background->age + seconds) : 0.5;
  double forgetting = -expm1(seconds * log1p(-fmin(learning_rate, 1 - 1e-9)));
  return learning_rate > 0 ? fmax(average, forgetting) : background->age > 1 ? 0 : average;
}

void
dc_background_run(DcBackground *background, const uint8_t *luma, double gain, double seconds,
                  double learning_rate, double threshold, uint8_t *deviation, uint8_t *expected)
{
  DcBackgroundStep step = {.gain = (float)gain,
                           .rate = (float)rate_of(background, seconds, learning_rate),
                           .threshold = (float)(threshold * threshold)};
  DcBackgroundRow all = {background->modes, luma, deviation, expected, background->pixels};
  background->kernels->step(&all, &step);
  background->age += seconds;
}

void
dc_background_adopt(DcBackground *background, const uint8_t *luma, const uint8_t *mask,
                    size_t stride, size_t x, size_t y, size_t width, size_t height)
{
  const DcBackgroundModes *modes = &background->modes;
  for (size_t row = y; row < y + height; row++)
    for (size_t i = row * stride + x; i < row * stride + x + width; i++)
      if (mask[i]) {
        modes->mean[i] = luma[i];
        modes->variance[i] = DC_BACKGROUND_VARIANCE_NEW;
        modes->share[i] = 1;
      }
}

const float *
dc_background_means(const DcBackground *background)
{
  return background->modes.mean;
}
