/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/contingency.h"

#include "base/memory.h"
#include "cluster/matching.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const void *left, const void *right)
{
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

/* The distinct values of `values` in ascending order, in `distinct` (n); returns how many. */
static size_t
find_distinct(const uint32_t *values, size_t n, uint32_t *distinct)
{
  size_t count = 0;
  memcpy(distinct, values, n * sizeof *values);
  qsort(distinct, n, sizeof *distinct, compare);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || distinct[i] != distinct[count - 1])
      distinct[count++] = distinct[i];
  return count;
}

static size_t
index_of(uint32_t value, const uint32_t *distinct, size_t count)
{
  const uint32_t *found = bsearch(&value, distinct, count, sizeof value, compare);
  return (size_t)(found - distinct);
}

static DcStatus
alloc_counts(DcContingency *table)
{
  if (table->clusters > DC_CONTINGENCY_MAX_CELLS / table->classes)
    return DC_ERROR_UNSUPPORTED;
  table->cells = DC_NEW(double, table->clusters * table->classes);
  table->cluster_sizes = DC_NEW(double, table->clusters);
  table->class_sizes = DC_NEW(double, table->classes);
  return table->cells && table->cluster_sizes && table->class_sizes ? DC_OK : DC_ERROR_MEMORY;
}

static void
count(DcContingency *table, const uint32_t *clusters, const uint32_t *classes, size_t n)
{
  table->samples = (double)n;
  for (size_t i = 0; i < n; i++) {
    size_t cluster = index_of(clusters[i], table->cluster_numbers, table->clusters);
    size_t class = index_of(classes[i], table->class_numbers, table->classes);
    table->cells[cluster * table->classes + class]++;
    table->cluster_sizes[cluster]++;
    table->class_sizes[class]++;
  }
}

DcStatus
dc_contingency_init(DcContingency *table, const uint32_t *clusters, const uint32_t *classes,
                    size_t n)
{
  *table = (DcContingency){0};
  if (n == 0)
    return DC_ERROR_ARGUMENT;
  table->cluster_numbers = DC_NEW(uint32_t, n);
  table->class_numbers = DC_NEW(uint32_t, n);
  DcStatus status = DC_ERROR_MEMORY;
  if (table->cluster_numbers && table->class_numbers) {
    table->clusters = find_distinct(clusters, n, table->cluster_numbers);
    table->classes = find_distinct(classes, n, table->class_numbers);
    status = alloc_counts(table);
  }
  if (status == DC_OK)
    count(table, clusters, classes, n);
  else
    dc_contingency_clear(table);
  return status;
}

void
dc_contingency_clear(DcContingency *table)
{
  dc_free(table->cluster_numbers);
  dc_free(table->class_numbers);
  dc_free(table->cells);
  dc_free(table->cluster_sizes);
  dc_free(table->class_sizes);
  *table = (DcContingency){0};
}

DcStatus
dc_contingency_match(const DcContingency *table, uint32_t *match)
{
  return dc_match(table->cells, table->clusters, table->classes, match);
}
