/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/parts.h"

#include <stdbool.h>

/* Of two parts that stand one above the other, this share of the narrower is over the wider. */
#define ALIGNED 0.6

/* A part that is smaller than this share of its neighbour belongs to it, on whichever side. */
#define SMALL 0.25

static int
min(int a, int b)
{
  return a < b ? a : b;
}

static int
max(int a, int b)
{
  return a > b ? a : b;
}

/* Pixels that two spans share; negative: the gap between them. */
static int
common(int a, int a_length, int b, int b_length)
{
  return min(a + a_length, b + b_length) - max(a, b);
}

static bool
belong_together(const DcBlob *a, const DcBlob *b, int reach)
{
  const int beside = common(a->box.x, a->box.width, b->box.x, b->box.width);
  const int above = common(a->box.y, a->box.height, b->box.y, b->box.height);
  if (beside < -reach || above < -reach)
    return false;
  const bool stacked = beside >= ALIGNED * min(a->box.width, b->box.width);
  const bool small = a->area < SMALL * b->area || b->area < SMALL * a->area;
  return stacked || small;
}

static void
take_in(DcBlob *blob, const DcBlob *other)
{
  DcRect *box = &blob->box;
  const int right = max(box->x + box->width, other->box.x + other->box.width);
  const int bottom = max(box->y + box->height, other->box.y + other->box.height);
  box->x = min(box->x, other->box.x);
  box->y = min(box->y, other->box.y);
  box->width = right - box->x;
  box->height = bottom - box->y;
  blob->area += other->area;
  blob->weight += other->weight;
}

/* A blob that has grown may now be close to one that was passed over: look again from the start. */
size_t
dc_parts_join(DcBlob *blobs, size_t count, int reach)
{
  for (size_t i = 0; i < count; i++)
    for (size_t j = i + 1; j < count; j++)
      if (belong_together(&blobs[i], &blobs[j], reach)) {
        take_in(&blobs[i], &blobs[j]);
        blobs[j] = blobs[--count];
        j = i;
      }
  return count;
}
