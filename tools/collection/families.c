/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/families.h"

#include <string.h>

typedef struct {
  gsize count, dim;
  double *means;   /* count x dim, of the groups merged so far */
  double *sizes;   /* 0: merged into another */
  guint32 *family; /* of each group: the one that it was merged into */
} Merging;

/* What merging a and b adds to the summed squared distances. */
static double
cost(const Merging *merging, gsize a, gsize b)
{
  const double *left = merging->means + a * merging->dim,
               *right = merging->means + b * merging->dim;
  double square = 0;
  for (gsize j = 0; j < merging->dim; j++)
    square += (left[j] - right[j]) * (left[j] - right[j]);
  return merging->sizes[a] * merging->sizes[b] / (merging->sizes[a] + merging->sizes[b]) * square;
}

/* Merges b into a. */
static void
merge(Merging *merging, gsize a, gsize b)
{
  double *left = merging->means + a * merging->dim, *right = merging->means + b * merging->dim;
  double share = merging->sizes[b] / (merging->sizes[a] + merging->sizes[b]);
  for (gsize j = 0; j < merging->dim; j++)
    left[j] += share * (right[j] - left[j]);
  merging->sizes[a] += merging->sizes[b];
  merging->sizes[b] = 0;
  for (gsize i = 0; i < merging->count; i++)
    if (merging->family[i] == b)
      merging->family[i] = (guint32)a;
}

static void
merge_cheapest(Merging *merging)
{
  double least = -1;
  gsize best_a = 0, best_b = 0;
  for (gsize a = 0; a < merging->count; a++)
    for (gsize b = a + 1; merging->sizes[a] > 0 && b < merging->count; b++) {
      double added = merging->sizes[b] > 0 ? cost(merging, a, b) : -1;
      if (added >= 0 && (least < 0 || added < least)) {
        least = added;
        best_a = a;
        best_b = b;
      }
    }
  merge(merging, best_a, best_b);
}

/* From the group that each was merged into to numbers without gaps. */
static void
number_families(const Merging *merging, guint32 *families)
{
  g_autofree guint32 *number = g_new(guint32, merging->count);
  guint32 next = 0;
  for (gsize i = 0; i < merging->count; i++) {
    if (merging->family[i] == i)
      number[i] = next++;
    families[i] = number[merging->family[i]];
  }
}

void
dc_families(const DcMatrix *centroids, const double *sizes, guint count, guint32 *families)
{
  gsize groups = centroids->rows;
  g_autofree double *means = g_new(double, MAX(1, groups * centroids->cols));
  g_autofree double *weights = g_new(double, MAX(1, groups));
  Merging merging = {groups, centroids->cols, means, weights, g_new(guint32, MAX(1, groups))};
  for (gsize i = 0; i < groups; i++) {
    for (gsize j = 0; j < centroids->cols; j++)
      means[i * centroids->cols + j] = (double)dc_matrix_row(centroids, i)[j];
    weights[i] = MAX(sizes[i], 1); /* an empty group lies somewhere too */
    merging.family[i] = (guint32)i;
  }
  for (gsize left = groups; left > MAX(count, 1); left--)
    merge_cheapest(&merging);
  number_families(&merging, families);
  g_free(merging.family);
}
