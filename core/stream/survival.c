/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/survival.h"

#include <math.h>

#define STEPS_PER_SPREAD 8
#define TAIL_SHARE       0.1f

/* The first entry from which at most TAIL_SHARE of the members are left. */
static size_t
tail_entry(const DcSurvival *survival)
{
  size_t entry = 1;
  while (entry < DC_SURVIVAL_STEPS - 1 && survival->share[entry] > TAIL_SHARE)
    entry++;
  return entry;
}

void
dc_survival_measure(DcSurvival *survival, const float *distances, size_t n, float spread)
{
  *survival = (DcSurvival){0};
  if (n == 0 || !(spread > 0))
    return;
  survival->step = spread / STEPS_PER_SPREAD;

  size_t counts[DC_SURVIVAL_STEPS] = {0};
  double sums[DC_SURVIVAL_STEPS] = {0};
  for (size_t i = 0; i < n; i++) {
    float place = distances[i] / survival->step;
    size_t bin = place < DC_SURVIVAL_STEPS - 1 ? (size_t)place : DC_SURVIVAL_STEPS - 1;
    counts[bin]++;
    sums[bin] += distances[i];
  }
  size_t beyond = 0;
  for (size_t bin = DC_SURVIVAL_STEPS; bin-- > 0;) {
    beyond += counts[bin];
    survival->share[bin] = (float)beyond / (float)n;
  }

  size_t tail = tail_entry(survival), tail_count = 0;
  double tail_sum = 0;
  for (size_t bin = tail; bin < DC_SURVIVAL_STEPS; bin++) {
    tail_count += counts[bin];
    tail_sum += sums[bin];
  }
  survival->tail_start = (float)tail * survival->step;
  /* With no member out there, one that is just missing: half a member, half a step out. */
  survival->tail_share = tail_count ? survival->share[tail] : 0.5f / (float)n;
  double excess = tail_count ? tail_sum / (double)tail_count - survival->tail_start : 0;
  survival->tail_mean = fmaxf((float)excess, survival->step / 2);
}

float
dc_survival_at(const DcSurvival *survival, float distance)
{
  if (!(survival->step > 0))
    return 1;
  if (distance >= survival->tail_start)
    return survival->tail_share * expf((survival->tail_start - distance) / survival->tail_mean);
  float place = distance / survival->step;
  size_t entry = (size_t)place;
  float next = (float)(entry + 1) * survival->step < survival->tail_start
                   ? survival->share[entry + 1]
                   : survival->tail_share;
  return survival->share[entry] + (place - (float)entry) * (next - survival->share[entry]);
}
