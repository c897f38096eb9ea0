/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/memory.h"

#include "base/checked.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

struct DcMemory {
  size_t clusters, dim, capacity;
  size_t held;
  size_t *counts; /* per cluster */
  size_t *heads;  /* per cluster: the slot that is written next */
  float *rows;
  uint64_t *times;
  float *weights;
};

DcMemory *
dc_memory_new(size_t clusters, size_t dim, size_t window)
{
  DcMemory *memory = DC_NEW(DcMemory, 1);
  if (!memory)
    return NULL;
  size_t slots, numbers;
  memory->clusters = clusters;
  memory->dim = dim;
  memory->capacity = window / clusters ? window / clusters : 1;
  if (dc_checked_mul(clusters, memory->capacity, &slots) && dc_checked_mul(slots, dim, &numbers)) {
    memory->counts = DC_NEW(size_t, clusters);
    memory->heads = DC_NEW(size_t, clusters);
    memory->rows = DC_NEW(float, numbers);
    memory->times = DC_NEW(uint64_t, slots);
    memory->weights = DC_NEW(float, slots);
  }
  if (!memory->counts || !memory->heads || !memory->rows || !memory->times || !memory->weights) {
    dc_memory_free(memory);
    return NULL;
  }
  return memory;
}

void
dc_memory_free(DcMemory *memory)
{
  if (!memory)
    return;
  dc_free(memory->counts);
  dc_free(memory->heads);
  dc_free(memory->rows);
  dc_free(memory->times);
  dc_free(memory->weights);
  dc_free(memory);
}

void
dc_memory_push(DcMemory *memory, size_t cluster, const float *row, uint64_t time)
{
  size_t slot = cluster * memory->capacity + memory->heads[cluster];
  memcpy(memory->rows + slot * memory->dim, row, memory->dim * sizeof *row);
  memory->times[slot] = time;
  memory->heads[cluster] = (memory->heads[cluster] + 1) % memory->capacity;
  if (memory->counts[cluster] < memory->capacity) {
    memory->counts[cluster]++;
    memory->held++;
  }
}

size_t
dc_memory_count(const DcMemory *memory)
{
  return memory->held;
}

size_t
dc_memory_capacity(const DcMemory *memory)
{
  return memory->capacity;
}

DcMatrix
dc_memory_stratum(const DcMemory *memory, size_t cluster)
{
  return dc_matrix(memory->rows + cluster * memory->capacity * memory->dim, memory->counts[cluster],
                   memory->dim);
}

DcMatrix
dc_memory_rows(const DcMemory *memory)
{
  return dc_matrix(memory->rows, memory->clusters * memory->capacity, memory->dim);
}

static uint64_t
newest_time(const uint64_t *times, size_t count)
{
  uint64_t newest = 0;
  for (size_t i = 0; i < count; i++)
    if (times[i] != DC_TIME_UNKNOWN && times[i] > newest)
      newest = times[i];
  return newest;
}

const float *
dc_memory_weights(DcMemory *memory, uint64_t half_life)
{
  for (size_t k = 0; k < memory->clusters; k++) {
    const uint64_t *times = memory->times + k * memory->capacity;
    float *weights = memory->weights + k * memory->capacity;
    uint64_t newest = half_life ? newest_time(times, memory->counts[k]) : 0;
    for (size_t i = 0; i < memory->counts[k]; i++) {
      bool ages = half_life && times[i] != DC_TIME_UNKNOWN;
      weights[i] = ages ? exp2f(-(float)(newest - times[i]) / (float)half_life) : 1;
    }
  }
  return memory->weights;
}

void
dc_memory_begin_at(DcMemory *memory, size_t cluster, size_t slot)
{
  memory->heads[cluster] = slot % memory->capacity;
}

size_t
dc_memory_head(const DcMemory *memory, size_t cluster)
{
  return memory->heads[cluster];
}

const float *
dc_memory_at(const DcMemory *memory, size_t cluster, size_t index, uint64_t *time)
{
  size_t count = memory->counts[cluster], capacity = memory->capacity;
  size_t oldest = (memory->heads[cluster] + capacity - count) % capacity;
  size_t slot = cluster * capacity + (oldest + index) % capacity;
  *time = memory->times[slot];
  return memory->rows + slot * memory->dim;
}
