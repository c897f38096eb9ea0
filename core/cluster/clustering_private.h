/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CLUSTERING_PRIVATE_H
#define DC_CLUSTER_CLUSTERING_PRIVATE_H

#include "cluster/clustering_module.h"

/* What the clustering module and its reference share. */

/* Writes the K alphas in ascending order. */
void dc_clustering_sort_alphas(const DcClusteringOptions *options, double *alphas);

/* Of E1 and E2 in the loss of so many samples. */
double dc_clustering_scale(const DcClusteringOptions *options, size_t samples);

/* E4 of `shares`, and into `pull` (K) its gradient for any assignment of one of `samples`; `alphas`
 * ascend, and `order` (K) holds the clusters in any order before, by ascending share after. */
double dc_clustering_prior(const double *alphas, const double *shares, size_t *order,
                           size_t clusters, size_t samples, double *pull);

#endif
