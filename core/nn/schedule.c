/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/schedule.h"

#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

DcSchedule
dc_schedule_tdcm(double rate, uint64_t steps)
{
  return (DcSchedule){.kind = DC_SCHEDULE_DECAY,
                      .rate = rate,
                      .steps = steps,
                      .decay_share = 0.7,
                      .decay_divisor = 10};
}

DcSchedule
dc_schedule_secu(double rate, uint64_t epochs, uint64_t steps_per_epoch)
{
  return (DcSchedule){.kind = DC_SCHEDULE_COSINE,
                      .rate = rate,
                      .steps = epochs * steps_per_epoch,
                      .idle = steps_per_epoch,
                      .warm_up = 10 * steps_per_epoch};
}

static double
decay_rate(const DcSchedule *schedule, uint64_t step)
{
  const bool full = (double)step < schedule->decay_share * (double)schedule->steps;
  return full ? schedule->rate : schedule->rate / schedule->decay_divisor;
}

static double
cosine_rate(const DcSchedule *schedule, uint64_t step)
{
  if (step < schedule->idle)
    return 0;
  const uint64_t awake = step - schedule->idle;
  if (awake < schedule->warm_up)
    return schedule->rate * (double)(awake ? awake : 1) / (double)schedule->warm_up;
  if (step >= schedule->steps)
    return 0;
  const uint64_t falling = schedule->steps - schedule->idle - schedule->warm_up;
  const double share = (double)(awake - schedule->warm_up) / (double)falling;
  return schedule->rate * (1 + cos(PI * share)) / 2;
}

double
dc_schedule_rate(const DcSchedule *schedule, uint64_t step)
{
  return schedule->kind == DC_SCHEDULE_DECAY ? decay_rate(schedule, step)
                                             : cosine_rate(schedule, step);
}
