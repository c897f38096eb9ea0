/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_PLACEMENT_H
#define DC_NN_PLACEMENT_H

#include <stddef.h>

/* Where blocks lie in one piece of memory, when it is known beforehand from which step to which
 * each of them is needed. */
typedef struct {
  size_t size;        /* 0: lies anywhere */
  size_t first, last; /* steps, both included */
  size_t at;          /* found by dc_place_blocks() */
} DcPlacedBlock;

/* Places blocks so that none overlaps another that is needed at the same step: the largest first,
 * each as far down as it fits. Sizes and places count floats; every place is a multiple of
 * DC_ALIGNMENT. Uses `order` (count) as scratch. Returns how large the memory must be. */
size_t dc_place_blocks(DcPlacedBlock *blocks, size_t count, size_t *order);

#endif
