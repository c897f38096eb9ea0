/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_ALLOCATIONS_H
#define DC_TESTS_ALLOCATIONS_H

#include <stddef.h>
#include <stdint.h>

/* Counting and failing allocations: a program that includes this (once), linked with the arguments
 * that tests/core/meson.build keeps for it, sends the allocations of the core here. */

static size_t allocations;
static size_t largest_allocation; /* bytes of a block of the core */
static size_t fail_at = SIZE_MAX; /* the allocation of this number fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *
__wrap_malloc(size_t size)
{
  allocations++;
  return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
  allocations++;
  return __real_calloc(count, size);
}

void *
__wrap_realloc(void *block, size_t size)
{
  allocations++;
  return __real_realloc(block, size);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size)
{
  largest_allocation = size > largest_allocation ? size : largest_allocation;
  return allocations++ == fail_at ? NULL : __real_aligned_alloc(alignment, size);
}

#endif
