/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_WARD_H
#define DC_CLUSTER_WARD_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Merges weighted points into `groups` groups by Ward's criterion: again and again the two whose
 * merging adds least to the sum of squared distances to the means (Ward 1963; distances between
 * groups are updated as Lance and Williams 1967 do). `square` (count x count, symmetric) holds the
 * squared Euclidean distances, `weights` (count, > 0) how much each point counts. `group` (count)
 * receives numbers 0 .. groups - 1, in the order of each group's first point; with no more points
 * than groups each is its own. Ties: the smallest indices. DC_ERROR_MEMORY; takes count^2 doubles
 * and typically O(count^2) time. Any thread. */
DcStatus dc_ward(const double *square, const double *weights, size_t count, size_t groups,
                 uint32_t *group);

#endif
