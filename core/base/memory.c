/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

void *
dc_alloc(size_t count, size_t size)
{
  size_t bytes;
  if (!dc_checked_mul(count, size, &bytes))
    return NULL;
  /* aligned_alloc wants a multiple of the alignment, and at least one line gives a unique block. */
  if (!dc_checked_round_up(bytes ? bytes : 1, DC_ALIGNMENT, &bytes))
    return NULL;
  void *block = aligned_alloc(DC_ALIGNMENT, bytes);
  if (block)
    memset(block, 0, bytes);
  return block;
}

void
dc_free(void *block)
{
  free(block);
}
