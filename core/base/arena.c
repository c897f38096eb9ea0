/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/arena.h"

#include "base/checked.h"
#include "base/memory.h"

bool
dc_arena_init(DcArena *arena, size_t capacity)
{
  *arena = (DcArena){0};
  if (!dc_checked_round_up(capacity, DC_ALIGNMENT, &capacity))
    return false;
  arena->block = dc_alloc(capacity, 1);
  if (!arena->block)
    return false;
  arena->capacity = capacity;
  return true;
}

void
dc_arena_clear(DcArena *arena)
{
  dc_free(arena->block);
  *arena = (DcArena){0};
}

void *
dc_arena_take(DcArena *arena, size_t count, size_t size)
{
  size_t bytes;
  if (!dc_checked_mul(count, size, &bytes) || !dc_checked_round_up(bytes, DC_ALIGNMENT, &bytes) ||
      bytes > arena->capacity - arena->used)
    return NULL;
  void *piece = arena->block + arena->used;
  arena->used += bytes;
  return piece;
}

void
dc_arena_rewind(DcArena *arena, size_t mark)
{
  if (mark < arena->used)
    arena->used = mark;
}
