/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/arena_chain.h"

#include "base/arena.h"
#include "base/checked.h"
#include "base/memory.h"

/* Of an arena for small pieces; a larger one has an arena of its own size. */
#define USUAL_CAPACITY ((size_t)1 << 16)

/* Stands at the start of its own arena's block. */
typedef struct DcArenaLink {
  DcArena arena;
  struct DcArenaLink *next;
} Link;

static Link *
new_link(size_t capacity)
{
  DcArena arena;
  if (!dc_arena_init(&arena, capacity))
    return NULL;
  Link *link = dc_arena_take(&arena, 1, sizeof *link);
  link->arena = arena;
  link->next = NULL;
  return link;
}

/* Behind the first link when it is full at once, so that what is left in the first is still used.
 */
static void
insert(DcArenaChain *chain, Link *link)
{
  Link **place = &chain->first;
  if (chain->first && link->arena.capacity > USUAL_CAPACITY)
    place = &chain->first->next;
  link->next = *place;
  *place = link;
}

void *
dc_arena_chain_take(DcArenaChain *chain, size_t count, size_t size)
{
  void *piece = chain->first ? dc_arena_take(&chain->first->arena, count, size) : NULL;
  if (piece)
    return piece;
  size_t capacity;
  if (!dc_checked_mul(count, size, &capacity) ||
      !dc_checked_add(capacity, sizeof(Link) + 2 * DC_ALIGNMENT, &capacity))
    return NULL;
  Link *link = new_link(capacity > USUAL_CAPACITY ? capacity : USUAL_CAPACITY);
  if (!link)
    return NULL;
  insert(chain, link);
  return dc_arena_take(&link->arena, count, size);
}

void
dc_arena_chain_clear(DcArenaChain *chain)
{
  for (Link *link = chain->first, *next; link; link = next) {
    next = link->next;
    DcArena arena = link->arena; /* the link goes with its arena */
    dc_arena_clear(&arena);
  }
  *chain = (DcArenaChain){0};
}
