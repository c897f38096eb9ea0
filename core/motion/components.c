/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/components.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Set pixels of row y, first .. end - 1. */
typedef struct {
  int y, first, end;
  uint32_t parent; /* a run of the same component, never a later one; a root is its own */
} Run;

struct DcComponentFinder {
  int width, height;
  Run *runs;
  DcBlob *found; /* at the index of its root */
};

static size_t
max_runs(int width, int height)
{
  return (size_t)(width / 2 + 1) * (size_t)height;
}

DcComponentFinder *
dc_component_finder_new(int width, int height)
{
  DcComponentFinder *finder = DC_NEW(DcComponentFinder, 1);
  if (!finder)
    return NULL;
  finder->width = width;
  finder->height = height;
  finder->runs = DC_NEW(Run, max_runs(width, height));
  finder->found = DC_NEW(DcBlob, max_runs(width, height));
  if (finder->runs && finder->found)
    return finder;
  dc_component_finder_free(finder);
  return NULL;
}

void
dc_component_finder_free(DcComponentFinder *finder)
{
  if (!finder)
    return;
  dc_free(finder->runs);
  dc_free(finder->found);
  dc_free(finder);
}

static uint32_t
root_of(Run *runs, uint32_t run)
{
  while (runs[run].parent != run) {
    runs[run].parent = runs[runs[run].parent].parent;
    run = runs[run].parent;
  }
  return run;
}

static void
join(Run *runs, uint32_t a, uint32_t b)
{
  a = root_of(runs, a);
  b = root_of(runs, b);
  if (a < b)
    runs[b].parent = a;
  else
    runs[a].parent = b;
}

static int
next_change(const uint8_t *row, int from, int width, uint8_t value)
{
  const uint8_t *hit = memchr(row + from, value, (size_t)(width - from));
  return hit ? (int)(hit - row) : width;
}

/* Appends the runs of a row; returns the index after the last. */
static uint32_t
list_runs(Run *runs, uint32_t next, int y, const uint8_t *row, int width)
{
  for (int x = next_change(row, 0, width, 255); x < width;) {
    const int end = next_change(row, x, width, 0);
    runs[next] = (Run){y, x, end, next};
    next++;
    x = end < width ? next_change(row, end, width, 255) : width;
  }
  return next;
}

/* Joins the runs of two neighbouring rows that touch, corners included. */
static void
join_rows(Run *runs, uint32_t above, uint32_t row, uint32_t end)
{
  const uint32_t above_end = row;
  while (above < above_end && row < end) {
    if (runs[above].first <= runs[row].end && runs[row].first <= runs[above].end)
      join(runs, above, row);
    if (runs[above].end < runs[row].end)
      above++;
    else
      row++;
  }
}

static uint64_t
sum_of(const uint8_t *bytes, int count)
{
  uint64_t sum = 0;
  for (int i = 0; i < count; i++)
    sum += bytes[i];
  return sum;
}

static void
add_run(DcBlob *component, const Run *run, int width, const uint8_t *weights)
{
  DcRect *box = &component->box;
  const int y = run->y, length = run->end - run->first;
  if (component->area == 0)
    *box = (DcRect){run->first, y, length, 1};
  const int left = run->first < box->x ? run->first : box->x;
  const int right = run->end > box->x + box->width ? run->end : box->x + box->width;
  box->x = left;
  box->width = right - left;
  box->height = y + 1 - box->y;
  component->area += (uint32_t)length;
  component->weight += sum_of(weights + (size_t)y * (size_t)width + (size_t)run->first, length);
}

static int
by_size(const void *left, const void *right)
{
  const DcBlob *a = left, *b = right;
  if (a->area != b->area)
    return a->area < b->area ? 1 : -1;
  if (a->box.y != b->box.y)
    return a->box.y < b->box.y ? -1 : 1;
  return (a->box.x > b->box.x) - (a->box.x < b->box.x);
}

/* Lists and joins all runs of the mask; returns how many there are. */
static uint32_t
label(DcComponentFinder *finder, const uint8_t *mask)
{
  uint32_t above = 0, next = 0;
  for (int y = 0; y < finder->height; y++) {
    const uint32_t row = next;
    next = list_runs(finder->runs, row, y, mask + (size_t)y * (size_t)finder->width, finder->width);
    join_rows(finder->runs, above, row, next);
    above = row;
  }
  return next;
}

/* Adds each run to the component at its root. */
static void
add_up(DcComponentFinder *finder, uint32_t n_runs, const uint8_t *weights)
{
  for (uint32_t run = 0; run < n_runs; run++)
    finder->found[run] = (DcBlob){.area = 0};
  for (uint32_t run = 0; run < n_runs; run++)
    add_run(&finder->found[root_of(finder->runs, run)], &finder->runs[run], finder->width, weights);
}

/* Moves the components of at least `min_area` to the front. */
static size_t
keep_large(DcBlob *found, uint32_t n_runs, uint32_t min_area)
{
  size_t kept = 0;
  for (uint32_t run = 0; run < n_runs; run++)
    if (found[run].area > 0 && found[run].area >= min_area)
      found[kept++] = found[run];
  return kept;
}

size_t
dc_component_finder_run(DcComponentFinder *finder, const uint8_t *mask, const uint8_t *weights,
                        uint32_t min_area, DcBlob *components, size_t max, size_t *total)
{
  const uint32_t n_runs = label(finder, mask);
  add_up(finder, n_runs, weights);
  *total = keep_large(finder->found, n_runs, min_area);
  qsort(finder->found, *total, sizeof *finder->found, by_size);
  const size_t count = *total < max ? *total : max;
  if (count > 0)
    memcpy(components, finder->found, count * sizeof *components);
  return count;
}
