/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_ARENA_CHAIN_H
#define DC_BASE_ARENA_CHAIN_H

#include <stddef.h>

/* Arenas one after another (base/arena.h), for many pieces that live as long as each other and that
 * nobody can count beforehand. A chain of zeros is empty. Not thread-safe. */
typedef struct {
  struct DcArenaLink *first; /* the one that small pieces are taken from */
} DcArenaChain;

/* `count` elements of `size` bytes, aligned to DC_ALIGNMENT, NOT zeroed; with a count of 0 a
 * pointer that is not to be used. NULL when the product overflows or memory is short. */
void *dc_arena_chain_take(DcArenaChain *chain, size_t count, size_t size);

/* Frees all that was taken. */
void dc_arena_chain_clear(DcArenaChain *chain);

#endif
