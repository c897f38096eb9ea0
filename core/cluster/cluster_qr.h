/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CLUSTER_QR_H
#define DC_CLUSTER_CLUSTER_QR_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Reads groups off leading eigenvectors (Damle, Minden and Ying 2019, "Simple, direct and efficient
 * multi-way spectral clustering", algorithm 1): a pivoted QR factorisation of the vectors finds a
 * point of each group, the unitary factor of these points' columns turns the vectors until each
 * lies along one group, and a point joins the group along which it lies. No start, no chance, and
 * any basis of the same space gives the same groups.
 *
 * `vectors` (groups x count) holds the eigenvectors in its rows; `group` (count) receives numbers
 * below `groups`, ties the smallest. DC_ERROR_MEMORY, DC_ERROR_NOT_FINITE. Allocates; any thread.
 */
DcStatus dc_cluster_qr(const double *vectors, size_t groups, size_t count, uint32_t *group);

#endif
