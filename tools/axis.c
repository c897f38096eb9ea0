/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "axis.h"

#include <math.h>

/* Ends and ticks are sums of steps: this share of a step is rounding. */
#define ROUNDING 1e-6

/* Numbers of more digits than this before or after the point are written with an exponent. */
#define MOST_DIGITS 5

/* The smallest of 1, 2, 5 times a power of ten that is not below `step`. */
static double
round_step(double step)
{
  double power = pow(10, floor(log10(step)));
  double digit = step / power;
  return power * (digit <= 1 + ROUNDING ? 1 : digit <= 2 + ROUNDING ? 2 : digit <= 5 ? 5 : 10);
}

DcAxis
dc_axis_linear(double least, double most, guint ticks, gboolean round)
{
  /* What is less than this apart cannot be told apart by its labels either. */
  double smallest = MAX(fabs(least), fabs(most)) * ROUNDING;
  if (!(most - least > smallest)) {
    double half = smallest > 0 ? MAX(fabs(least), fabs(most)) / 10 : 0.5;
    least -= half;
    most += half;
  }
  double step = round_step((most - least) / (ticks - 1));
  if (round) {
    /* Rounding both ends may take up to two steps more than there were. */
    if (ceil(most / step - ROUNDING) - floor(least / step + ROUNDING) > ticks - 1)
      step = round_step(step * 1.5);
    least = step * floor(least / step + ROUNDING);
    most = step * ceil(most / step - ROUNDING);
  }
  return (DcAxis){.least = least, .most = most, .step = step};
}

DcAxis
dc_axis_logarithmic(double least, double most, guint ticks)
{
  double from = floor(log10(least) + ROUNDING), to = ceil(log10(most) - ROUNDING);
  to = MAX(to, from + 1);
  double step = MAX(ceil((to - from) / (ticks - 1)), 1);
  return (DcAxis){.least = pow(10, from), .most = pow(10, to), .step = step, .logarithmic = TRUE};
}

double
dc_axis_place(const DcAxis *axis, double value)
{
  if (axis->logarithmic)
    return log(value / axis->least) / log(axis->most / axis->least);
  return (value - axis->least) / (axis->most - axis->least);
}

gboolean
dc_axis_tick(const DcAxis *axis, guint index, double *value)
{
  if (axis->logarithmic) {
    *value = pow(10, round(log10(axis->least)) + index * axis->step);
    return *value <= axis->most * (1 + ROUNDING);
  }
  double first = ceil(axis->least / axis->step - ROUNDING);
  *value = (first + index) * axis->step;
  return *value <= axis->most + axis->step * ROUNDING;
}

char *
dc_axis_label(const DcAxis *axis, double tick)
{
  if (tick == 0)
    return g_strdup("0");
  double magnitude = axis->logarithmic ? tick : axis->step;
  double largest = axis->logarithmic ? tick : MAX(fabs(axis->least), fabs(axis->most));
  int decimals = MAX(0, (int)-floor(log10(magnitude) + ROUNDING));
  if (decimals <= MOST_DIGITS && largest < pow(10, MOST_DIGITS + 1))
    return g_strdup_printf("%.*f", decimals, tick);
  return g_strdup_printf("%.*g", MOST_DIGITS, tick);
}
