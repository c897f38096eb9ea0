/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/scores.h"

#include "base/memory.h"
#include "cluster/matching.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How many samples are in cluster i and of class j, with the sums over rows and columns. */
typedef struct {
  double *cells; /* clusters x classes */
  double *cluster_sizes, *class_sizes;
  size_t clusters, classes;
  double samples;
} Contingency;

/* ---- counting ---- */

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

static void
contingency_clear(Contingency *table)
{
  dc_free(table->cells);
  dc_free(table->cluster_sizes);
  dc_free(table->class_sizes);
}

static DcStatus
contingency_alloc(Contingency *table)
{
  if (table->clusters > DC_SCORES_MAX_CELLS / table->classes)
    return DC_ERROR_UNSUPPORTED;
  table->cells = DC_NEW(double, table->clusters * table->classes);
  table->cluster_sizes = DC_NEW(double, table->clusters);
  table->class_sizes = DC_NEW(double, table->classes);
  if (table->cells && table->cluster_sizes && table->class_sizes)
    return DC_OK;
  contingency_clear(table);
  return DC_ERROR_MEMORY;
}

static void
count(Contingency *table, const uint32_t *clusters, const uint32_t *classes, size_t n,
      const uint32_t *distinct_clusters, const uint32_t *distinct_classes)
{
  table->samples = (double)n;
  for (size_t i = 0; i < n; i++) {
    size_t cluster = index_of(clusters[i], distinct_clusters, table->clusters);
    size_t class = index_of(classes[i], distinct_classes, table->classes);
    table->cells[cluster * table->classes + class]++;
    table->cluster_sizes[cluster]++;
    table->class_sizes[class]++;
  }
}

static DcStatus
contingency_init(Contingency *table, const uint32_t *clusters, const uint32_t *classes, size_t n)
{
  uint32_t *distinct_clusters = DC_NEW(uint32_t, n), *distinct_classes = DC_NEW(uint32_t, n);
  DcStatus status = DC_ERROR_MEMORY;
  *table = (Contingency){0};
  if (distinct_clusters && distinct_classes) {
    table->clusters = find_distinct(clusters, n, distinct_clusters);
    table->classes = find_distinct(classes, n, distinct_classes);
    status = contingency_alloc(table);
  }
  if (status == DC_OK)
    count(table, clusters, classes, n, distinct_clusters, distinct_classes);
  dc_free(distinct_clusters);
  dc_free(distinct_classes);
  return status;
}

/* ---- the scores ---- */

static DcStatus
accuracy(const Contingency *table, double *acc)
{
  uint32_t *match = DC_NEW(uint32_t, table->clusters);
  if (!match)
    return DC_ERROR_MEMORY;
  DcStatus status = dc_match(table->cells, table->clusters, table->classes, match);
  double correct = 0;
  for (size_t i = 0; i < table->clusters && status == DC_OK; i++)
    if (match[i] != DC_UNMATCHED)
      correct += table->cells[i * table->classes + match[i]];
  dc_free(match);
  *acc = correct / table->samples;
  return status;
}

static double
entropy(const double *sizes, size_t n, double samples)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum -= sizes[i] / samples * log(sizes[i] / samples);
  return sum;
}

static double
mutual_information(const Contingency *table)
{
  double sum = 0;
  for (size_t i = 0; i < table->clusters; i++)
    for (size_t j = 0; j < table->classes; j++) {
      double cell = table->cells[i * table->classes + j];
      if (cell > 0)
        sum += cell / table->samples *
               log(cell * table->samples / (table->cluster_sizes[i] * table->class_sizes[j]));
    }
  return sum;
}

static double
normalised_mutual_information(const Contingency *table)
{
  if (table->clusters == 1 && table->classes == 1)
    return 1;
  double mean = (entropy(table->cluster_sizes, table->clusters, table->samples) +
                 entropy(table->class_sizes, table->classes, table->samples)) /
                2;
  return fmin(fmax(mutual_information(table) / mean, 0), 1);
}

static double
pairs(const double *sizes, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += sizes[i] * (sizes[i] - 1) / 2;
  return sum;
}

/* Hubert and Arabie (1985), equation 5. */
static double
adjusted_rand_index(const Contingency *table)
{
  double together = pairs(table->cells, table->clusters * table->classes);
  double in_clusters = pairs(table->cluster_sizes, table->clusters);
  double in_classes = pairs(table->class_sizes, table->classes);
  double all = pairs(&table->samples, 1);
  /* Both partitions put all samples together, or both all apart: they agree. */
  if (in_clusters == in_classes && (in_clusters == 0 || in_clusters == all))
    return 1;
  double expected = in_clusters / all * in_classes;
  return (together - expected) / ((in_clusters + in_classes) / 2 - expected);
}

static double
purity(const Contingency *table)
{
  double sum = 0;
  for (size_t i = 0; i < table->clusters; i++) {
    double majority = 0;
    for (size_t j = 0; j < table->classes; j++)
      majority = fmax(majority, table->cells[i * table->classes + j]);
    sum += majority;
  }
  return sum / table->samples;
}

DcStatus
dc_scores(const uint32_t *clusters, const uint32_t *classes, size_t n, DcScores *scores)
{
  if (n == 0)
    return DC_ERROR_ARGUMENT;
  Contingency table;
  DcStatus status = contingency_init(&table, clusters, classes, n);
  if (status != DC_OK)
    return status;
  double acc;
  status = accuracy(&table, &acc);
  if (status == DC_OK)
    *scores = (DcScores){.acc = acc,
                         .nmi = normalised_mutual_information(&table),
                         .ari = adjusted_rand_index(&table),
                         .purity = purity(&table),
                         .clusters = table.clusters,
                         .classes = table.classes,
                         .samples = n};
  contingency_clear(&table);
  return status;
}
