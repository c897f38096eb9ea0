/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/unknowns.h"

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/rows.h"

#include <string.h>

#define MOST_ROUNDS 10
/* Members of a cluster lie within so many of its spreads, squared: 9 in 10 in the plane, all but
 * stragglers in more dimensions. */
#define SQUARED_REACH 2.25

/* ---- what waits ---- */

bool
dc_unknowns_reserve(DcUnknowns *unknowns, size_t capacity, size_t dim)
{
  size_t numbers;
  *unknowns = (DcUnknowns){.capacity = capacity, .dim = dim};
  if (!dc_checked_mul(capacity, dim, &numbers))
    return false;
  unknowns->rows = DC_NEW(float, numbers);
  unknowns->times = DC_NEW(uint64_t, capacity);
  unknowns->places = DC_NEW(uint64_t, capacity);
  return unknowns->rows && unknowns->times && unknowns->places;
}

void
dc_unknowns_clear(DcUnknowns *unknowns)
{
  dc_free(unknowns->rows);
  dc_free(unknowns->times);
  dc_free(unknowns->places);
  *unknowns = (DcUnknowns){0};
}

void
dc_unknowns_add(DcUnknowns *unknowns, const float *row, uint64_t time, uint64_t place)
{
  size_t at = unknowns->count++;
  memcpy(unknowns->rows + at * unknowns->dim, row, unknowns->dim * sizeof *row);
  unknowns->times[at] = time;
  unknowns->places[at] = place;
}

void
dc_unknowns_remove(DcUnknowns *unknowns, const uint8_t *gone)
{
  size_t dim = unknowns->dim, kept = 0;
  for (size_t i = 0; i < unknowns->count; i++) {
    if (gone[i])
      continue;
    memmove(unknowns->rows + kept * dim, unknowns->rows + i * dim, dim * sizeof(float));
    unknowns->times[kept] = unknowns->times[i];
    unknowns->places[kept++] = unknowns->places[i];
  }
  unknowns->count = kept;
}

/* ---- a dense group among them ---- */

/* Marks the rows within `squared` of `centre`; returns how many there are. */
static size_t
mark_near(const DcMatrix *rows, const float *centre, double squared, float *distances,
          uint8_t *member)
{
  DcMatrix place = dc_matrix((float *)centre, 1, rows->cols);
  size_t count = 0;
  dc_squared_distances(rows, &place, NULL, distances);
  for (size_t i = 0; i < rows->rows; i++) {
    member[i] = (double)distances[i] <= squared;
    count += member[i];
  }
  return count;
}

static void
find_mean(const DcMatrix *rows, const DcDenseGroup *group)
{
  for (size_t j = 0; j < rows->cols; j++) {
    double sum = 0;
    for (size_t i = 0; i < rows->rows; i++)
      sum += group->member[i] ? (double)dc_matrix_row(rows, i)[j] : 0;
    group->centre[j] = (float)(sum / (double)group->count);
  }
}

/* The row with the most neighbours, and these as the group. */
static void
begin_group(const DcMatrix *rows, double squared, float *distances, DcDenseGroup *group)
{
  size_t densest = 0, most = 0;
  for (size_t i = 0; i < rows->rows; i++) {
    size_t near = mark_near(rows, dc_matrix_row(rows, i), squared, distances, group->member);
    if (near > most) {
      most = near;
      densest = i;
    }
  }
  group->count = mark_near(rows, dc_matrix_row(rows, densest), squared, distances, group->member);
}

DcStatus
dc_find_dense_group(const DcMatrix *rows, double spread, DcDenseGroup *group, DcError *error)
{
  group->count = 0;
  if (rows->rows == 0)
    return DC_OK;
  float *distances = DC_NEW(float, rows->rows);
  if (!distances)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to look at %zu unknowns",
                        rows->rows);
  begin_group(rows, 2 * spread * spread, distances, group);
  find_mean(rows, group);
  size_t before = 0;
  for (size_t round = 0; round < MOST_ROUNDS && group->count && group->count != before; round++) {
    before = group->count;
    group->count =
        mark_near(rows, group->centre, SQUARED_REACH * spread * spread, distances, group->member);
    if (group->count)
      find_mean(rows, group);
  }
  dc_free(distances);
  return DC_OK;
}
