/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/scores.h"

#include "base/memory.h"
#include "cluster/matching.h"
#include "eval/contingency.h"

#include <math.h>

static DcStatus
accuracy(const DcContingency *table, double *acc)
{
  uint32_t *match = DC_NEW(uint32_t, table->clusters);
  if (!match)
    return DC_ERROR_MEMORY;
  DcStatus status = dc_contingency_match(table, match);
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
mutual_information(const DcContingency *table)
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
normalised_mutual_information(const DcContingency *table)
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
adjusted_rand_index(const DcContingency *table)
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
purity(const DcContingency *table)
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
  DcContingency table;
  DcStatus status = dc_contingency_init(&table, clusters, classes, n);
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
  dc_contingency_clear(&table);
  return status;
}
