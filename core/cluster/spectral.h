/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SPECTRAL_H
#define DC_CLUSTER_SPECTRAL_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Spectral clustering of points on the graph of their nearest neighbours: affinities
 * exp(-d_ij^2 / (s_i s_j)) to the `neighbours` nearest points of each, s the distance of the
 * seventh (Zelnik-Manor and Perona 2004, local scaling), joined where either is near to the other;
 * the leading eigenvectors of D^-1/2 A D^-1/2, divided by the roots of the degrees (Shi and Malik
 * 2000); groups by dc_cluster_qr. What it finds hangs together, of whatever shape it is.
 *
 * `square` (count x count, symmetric) holds the squared distances; `group` (count) receives numbers
 * below `groups`. DC_ERROR_ARGUMENT for no groups, no neighbours, or no more points than either;
 * DC_ERROR_NOT_FINITE, DC_ERROR_MEMORY. Takes 2 count^2 doubles and O(count^3) time. Allocates; any
 * thread. */
DcStatus dc_spectral(const double *square, size_t count, size_t neighbours, size_t groups,
                     uint32_t *group);

#endif
