/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_MEMORY_H
#define DC_BASE_MEMORY_H

#include <stddef.h>

/* Every block starts on a cache line, which is also the widest vector register. */
#define DC_ALIGNMENT 64

/* `count` elements of `size` bytes, zeroed, aligned to DC_ALIGNMENT. NULL when the product
 * overflows or memory is short; a count of 0 gives a block that can be freed but not used. */
void *dc_alloc(size_t count, size_t size);

/* Frees a block of dc_alloc; NULL is ignored. */
void dc_free(void *block);

/* A zeroed array of `count` elements of `type`. */
#define DC_NEW(type, count) ((type *)dc_alloc((count), sizeof(type)))

#endif
