/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The step of motion/background.h as its formulas read, in double precision. */
#include "motion/background.h"

#include <math.h>
#include <stdbool.h>

typedef struct {
  double mean, variance;
} Mode;

static bool
is_of(const Mode *mode, double x, const DcBackgroundStep *step)
{
  double d = x - step->gain * mode->mean;
  return d * d < step->threshold * mode->variance;
}

static void
learn(Mode *mode, double x, double rate, const DcBackgroundStep *step)
{
  double d = x - step->gain * mode->mean;
  mode->mean += rate * (x - mode->mean);
  mode->variance += rate * (d * d - mode->variance);
  mode->variance =
      fmin(fmax(mode->variance, DC_BACKGROUND_VARIANCE_MIN), DC_BACKGROUND_VARIANCE_MAX);
}

static double
deviation_of(const Mode *mode, double x, const DcBackgroundStep *step)
{
  double far = fabs(x - step->gain * mode->mean) / sqrt(step->threshold * mode->variance);
  return fmin(fmax(DC_DEVIATION_ONE * far, 1), 255);
}

/* Returns the new share of the first mode. */
static double
learn_pixel(Mode *first, Mode *second, double share, double x, const DcBackgroundStep *step)
{
  const double rate = step->rate;
  if (is_of(first, x, step)) {
    share += rate * (1 - share);
    learn(first, x, fmin(1, rate / share), step);
  } else if (is_of(second, x, step)) {
    share -= rate * share;
    learn(second, x, rate < 1 - share ? rate / (1 - share) : 1, step);
  } else {
    share = 1 - rate;
    *second = (Mode){x, DC_BACKGROUND_VARIANCE_NEW};
  }
  if (share >= 0.5)
    return share;
  Mode old = *first;
  *first = *second;
  *second = old;
  return 1 - share;
}

void
dc_background_step_reference(const DcBackgroundRow *row, const DcBackgroundStep *step)
{
  const DcBackgroundModes *modes = &row->modes;
  for (size_t i = 0; i < row->count; i++) {
    const double x = row->luma[i], share = modes->share[i];
    Mode first = {modes->mean[i], modes->variance[i]};
    Mode second = {modes->other_mean[i], modes->other_variance[i]};
    bool known =
        is_of(&first, x, step) || (share <= 1 - DC_BACKGROUND_SHARE && is_of(&second, x, step));
    row->deviation[i] = known ? 0 : (uint8_t)lrint(deviation_of(&first, x, step));
    row->expected[i] = (uint8_t)lrint(fmin(step->gain * first.mean, 255));
    modes->share[i] = (float)learn_pixel(&first, &second, share, x, step);
    modes->mean[i] = (float)first.mean;
    modes->variance[i] = (float)first.variance;
    modes->other_mean[i] = (float)second.mean;
    modes->other_variance[i] = (float)second.variance;
  }
}
