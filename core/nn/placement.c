/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/placement.h"

#include "base/memory.h"

#include <stdbool.h>

/* An insertion sort: blocks are few, and mostly in a good order already. */
static void
sort_by_size(const DcPlacedBlock *blocks, size_t count, size_t *order)
{
  for (size_t i = 0; i < count; i++) {
    size_t j = i;
    for (; j > 0 && blocks[order[j - 1]].size < blocks[i].size; j--)
      order[j] = order[j - 1];
    order[j] = i;
  }
}

static bool
meet(const DcPlacedBlock *a, const DcPlacedBlock *b)
{
  return a->first <= b->last && b->first <= a->last;
}

/* The lowest place for `block` beside those of `placed`, which are sorted by their places. */
static size_t
lowest_place(const DcPlacedBlock *blocks, const size_t *placed, size_t count,
             const DcPlacedBlock *block)
{
  const size_t alignment = DC_ALIGNMENT / sizeof(float);
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    const DcPlacedBlock *other = &blocks[placed[i]];
    if (!meet(block, other) || other->at + other->size <= at)
      continue;
    if (other->at >= at + block->size)
      break;
    at = (other->at + other->size + alignment - 1) / alignment * alignment;
  }
  return at;
}

/* Moves placed[count], which is new, to where its place belongs. */
static void
sort_in(const DcPlacedBlock *blocks, size_t *placed, size_t count)
{
  const size_t fresh = placed[count];
  size_t i = count;
  for (; i > 0 && blocks[placed[i - 1]].at > blocks[fresh].at; i--)
    placed[i] = placed[i - 1];
  placed[i] = fresh;
}

size_t
dc_place_blocks(DcPlacedBlock *blocks, size_t count, size_t *order)
{
  size_t end = 0;
  sort_by_size(blocks, count, order);
  for (size_t i = 0; i < count; i++) {
    DcPlacedBlock *block = &blocks[order[i]];
    block->at = lowest_place(blocks, order, i, block);
    end = block->at + block->size > end ? block->at + block->size : end;
    sort_in(blocks, order, i);
  }
  return end;
}
