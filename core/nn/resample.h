/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_RESAMPLE_H
#define DC_NN_RESAMPLE_H

/* Where one output of a RESAMPLE layer lies along an axis of its input: between two pixels, or on
 * the first of them where `share` is 0. */
typedef struct {
  int first, second;
  float share; /* of the second, 0 .. 1 */
} DcResampleTap;

/* The tap at `place` of an axis of `length` pixels; what lies outside is brought to the border, and
 * what is no number to the first pixel: a place may come from a file. */
static inline DcResampleTap
dc_resample_tap(float place, int length)
{
  const int last = length - 1;
  if (!(place > 0))
    return (DcResampleTap){0, 0, 0};
  if (place >= (float)last)
    return (DcResampleTap){last, last, 0};
  const int first = (int)place;
  return (DcResampleTap){first, first + 1, place - (float)first};
}

#endif
