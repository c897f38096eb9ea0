/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/cluster_qr.h"

#include "base/memory.h"
#include "tensor/eigen.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Shares of the largest eigenvalue below this are rounding: there are fewer groups than asked for.
 */
#define LEAST_SHARE 1e-12

typedef struct {
  const double *vectors; /* groups x count */
  size_t groups, count;
  double *rest;   /* what no pivot explains yet: groups x count */
  double *pivots; /* the columns of the pivots, in rows: groups x groups */
  double *turn;   /* unitary factor of their transpose: groups x groups */
  double *gram, *basis, *scales;
} Reading;

static bool
reserve(Reading *r)
{
  size_t square = r->groups * r->groups;
  r->rest = DC_NEW(double, r->groups * r->count);
  r->pivots = DC_NEW(double, square);
  r->turn = DC_NEW(double, square);
  r->gram = DC_NEW(double, square);
  r->basis = DC_NEW(double, square);
  r->scales = DC_NEW(double, r->groups);
  return r->rest && r->pivots && r->turn && r->gram && r->basis && r->scales;
}

static void
clear(Reading *r)
{
  double *blocks[] = {r->rest, r->pivots, r->turn, r->gram, r->basis, r->scales};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
}

static double
column_product(const Reading *r, const double *matrix, size_t a, const double *column)
{
  double sum = 0;
  for (size_t k = 0; k < r->groups; k++)
    sum += matrix[k * r->count + a] * column[k];
  return sum;
}

/* The column with the longest rest. */
static size_t
longest_rest(const Reading *r)
{
  double longest = -1;
  size_t found = 0;
  for (size_t i = 0; i < r->count; i++) {
    double square = 0;
    for (size_t k = 0; k < r->groups; k++)
      square += r->rest[k * r->count + i] * r->rest[k * r->count + i];
    if (square > longest) {
      longest = square;
      found = i;
    }
  }
  return found;
}

/* Takes the direction of column `pivot` out of all rests. */
static void
explain(Reading *r, size_t pivot, double *direction)
{
  double length = 0;
  for (size_t k = 0; k < r->groups; k++) {
    direction[k] = r->rest[k * r->count + pivot];
    length += direction[k] * direction[k];
  }
  for (size_t k = 0; k < r->groups; k++)
    direction[k] /= length > 0 ? sqrt(length) : 1;
  for (size_t i = 0; i < r->count; i++) {
    double along = column_product(r, r->rest, i, direction);
    for (size_t k = 0; k < r->groups; k++)
      r->rest[k * r->count + i] -= along * direction[k];
  }
}

static void
find_pivots(Reading *r)
{
  memcpy(r->rest, r->vectors, r->groups * r->count * sizeof *r->rest);
  for (size_t j = 0; j < r->groups; j++) {
    size_t pivot = longest_rest(r);
    for (size_t k = 0; k < r->groups; k++)
      r->pivots[j * r->groups + k] = r->vectors[k * r->count + pivot];
    explain(r, pivot, r->scales);
  }
}

/* With P the pivots in rows: the unitary factor of P^T is P^T (P P^T)^-1/2. */
static DcStatus
find_turn(Reading *r)
{
  size_t n = r->groups;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      r->gram[i * n + j] = 0;
      for (size_t k = 0; k < n; k++)
        r->gram[i * n + j] += r->pivots[i * n + k] * r->pivots[j * n + k];
    }
  DcStatus status = dc_eigen_symmetric(r->gram, n, r->scales, r->basis);
  if (status != DC_OK)
    return status;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      r->gram[i * n + j] = 0;
      for (size_t k = 0; k < n; k++)
        if (r->scales[k] > LEAST_SHARE * r->scales[n - 1])
          r->gram[i * n + j] += r->basis[k * n + i] * r->basis[k * n + j] / sqrt(r->scales[k]);
    }
  for (size_t k = 0; k < n; k++)
    for (size_t j = 0; j < n; j++) {
      r->turn[j * n + k] = 0;
      for (size_t i = 0; i < n; i++)
        r->turn[j * n + k] += r->pivots[i * n + k] * r->gram[i * n + j];
    }
  return DC_OK;
}

static void
join(const Reading *r, uint32_t *group)
{
  for (size_t i = 0; i < r->count; i++) {
    double most = -1;
    for (size_t j = 0; j < r->groups; j++) {
      double along = fabs(column_product(r, r->vectors, i, r->turn + j * r->groups));
      if (along > most) {
        most = along;
        group[i] = (uint32_t)j;
      }
    }
  }
}

DcStatus
dc_cluster_qr(const double *vectors, size_t groups, size_t count, uint32_t *group)
{
  Reading r = {.vectors = vectors, .groups = groups, .count = count};
  DcStatus status = DC_ERROR_MEMORY;
  if (reserve(&r)) {
    find_pivots(&r);
    status = find_turn(&r);
  }
  if (status == DC_OK)
    join(&r, group);
  clear(&r);
  return status;
}
