/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clustering.h"

gsize *
dc_clustering_sizes(const DcClustering *clustering)
{
  gsize *sizes = g_new0(gsize, clustering->centroids.rows);
  for (gsize i = 0; i < clustering->embeddings.rows; i++)
    sizes[clustering->clusters[i]]++;
  return sizes;
}

static gint
larger_first(gconstpointer a, gconstpointer b, gpointer user_data)
{
  guint32 left = *(const guint32 *)a, right = *(const guint32 *)b;
  const gsize *sizes = user_data;
  if (sizes[left] != sizes[right])
    return sizes[left] > sizes[right] ? -1 : 1;
  return left < right ? -1 : left > right;
}

GArray *
dc_clustering_by_size(const DcClustering *clustering, const gsize *sizes)
{
  GArray *order = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint32 k = 0; k < clustering->centroids.rows; k++)
    if (sizes[k])
      g_array_append_val(order, k);
  g_array_sort_with_data(order, larger_first, (gpointer)sizes);
  return order;
}
