/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_ARENA_H
#define DC_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* A block of memory handed out from front to back, for scratch that is planned once and then
 * used without allocating: measure the need, reserve it, and take pieces at every run.
 * Not thread-safe: one arena per thread of work. */
typedef struct {
  unsigned char *block;
  size_t capacity; /* bytes */
  size_t used;     /* bytes handed out, a multiple of DC_ALIGNMENT */
} DcArena;

/* Reserves `capacity` bytes (rounded up). False when memory is short; the arena is then empty. */
bool dc_arena_init(DcArena *arena, size_t capacity);

/* Frees the block; an arena of zeros is accepted. */
void dc_arena_clear(DcArena *arena);

/* `count` elements of `size` bytes, aligned to DC_ALIGNMENT, NOT zeroed; NULL when they do not fit.
 * Valid until the arena is rewound past it. */
void *dc_arena_take(DcArena *arena, size_t count, size_t size);

/* Gives back all that was taken since `used` had the value `mark` (0: everything). */
void dc_arena_rewind(DcArena *arena, size_t mark);

#endif
