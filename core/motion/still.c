/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/still.h"

#include <stddef.h>
#include <stdlib.h>

/* Mean contrast along an outline, in grey levels: below it there is no edge. */
#define EDGE_MIN 12.0

/* A ghost's outline has at most this share of the contrast that the background has there. */
#define GHOST 0.4

/* Mean change along an outline from frame to frame, in grey levels, that noise explains. */
#define STILL 3.0

enum { SHIFT = 2, ALIKE = 8 /* grey levels */ };
#define SHIFTED 0.8 /* of the pixels of a blob */

/* |dx| + |dy| of central differences, within the plane. */
static int
contrast(const uint8_t *plane, int width, int height, int x, int y)
{
  const size_t row = (size_t)y * (size_t)width;
  const int left = plane[row + (size_t)(x > 0 ? x - 1 : x)];
  const int right = plane[row + (size_t)(x + 1 < width ? x + 1 : x)];
  const int up = plane[(size_t)(y > 0 ? y - 1 : y) * (size_t)width + (size_t)x];
  const int down = plane[(size_t)(y + 1 < height ? y + 1 : y) * (size_t)width + (size_t)x];
  return abs(right - left) + abs(down - up);
}

static bool
is_outline(const DcStillPlanes *planes, int x, int y)
{
  const size_t w = (size_t)planes->width, i = (size_t)y * w + (size_t)x;
  /* Where the blob is cut by the frame there is no outline to look at. */
  if (x == 0 || y == 0 || x == planes->width - 1 || y == planes->height - 1 || !planes->mask[i])
    return false;
  return !planes->mask[i - 1] || !planes->mask[i + 1] || !planes->mask[i - w] ||
         !planes->mask[i + w];
}

static uint64_t
changes(const DcStillPlanes *planes, int x, int y)
{
  const size_t i = (size_t)y * (size_t)planes->width + (size_t)x;
  return (uint64_t)abs(planes->luma[i] - planes->previous[i]);
}

bool
dc_blob_is_ghost(const DcStillPlanes *planes, const DcBlob *blob)
{
  const DcRect *box = &blob->box;
  uint64_t now = 0, before = 0, change = 0, count = 0;
  for (int y = box->y; y < box->y + box->height; y++)
    for (int x = box->x; x < box->x + box->width; x++)
      if (is_outline(planes, x, y)) {
        now += (uint64_t)contrast(planes->luma, planes->width, planes->height, x, y);
        before += (uint64_t)contrast(planes->expected, planes->width, planes->height, x, y);
        change += changes(planes, x, y);
        count++;
      }
  return count > 0 && (double)change <= STILL * (double)count &&
         (double)before >= EDGE_MIN * (double)count && (double)now <= GHOST * (double)before;
}

static bool
is_beside(const DcStillPlanes *planes, int x, int y)
{
  const int luma = planes->luma[(size_t)y * (size_t)planes->width + (size_t)x];
  for (int v = y - SHIFT; v <= y + SHIFT; v++)
    for (int u = x - SHIFT; u <= x + SHIFT; u++)
      if (u >= 0 && v >= 0 && u < planes->width && v < planes->height &&
          abs(luma - planes->expected[(size_t)v * (size_t)planes->width + (size_t)u]) < ALIKE)
        return true;
  return false;
}

bool
dc_blob_is_shifted(const DcStillPlanes *planes, const DcBlob *blob)
{
  const DcRect *box = &blob->box;
  uint64_t beside = 0, count = 0;
  for (int y = box->y; y < box->y + box->height; y++)
    for (int x = box->x; x < box->x + box->width; x++) {
      const size_t i = (size_t)y * (size_t)planes->width + (size_t)x;
      if (!planes->mask[i] || !planes->deviation[i])
        continue;
      beside += is_beside(planes, x, y);
      count++;
    }
  return count > 0 && (double)beside >= SHIFTED * (double)count;
}
