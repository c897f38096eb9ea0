/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_VALLEY_H
#define DC_CLUSTER_VALLEY_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stddef.h>

/* Whether two sets of points are two clusters or one that was cut: on the line from the mean of one
 * to that of the other, the density of both together (each weighing the same) either has a valley
 * or has none. Distances cannot tell: two halves of one Gaussian lie as far apart, in their own
 * spreads, as many a pair of clusters. */

/* The lowest density between the two peaks over that of the lower peak: 0 with a gap between them,
 * about 1 when they are one. The density is a Gaussian kernel estimate by Silverman's rule, at 17
 * places. Points of even place are projected onto the line between the means of those of odd place
 * and the other way round: with the same points for both, chance alone opens a gap in many
 * dimensions. 1 when the line has no direction, or a set fewer than DC_VALLEY_LEAST points. `a` and
 * `b` have as many columns and are finite. DC_ERROR_MEMORY. */
DcStatus dc_valley(const DcMatrix *a, const DcMatrix *b, double *valley, DcError *error);

#define DC_VALLEY_LEAST 4

/* From this valley on, two sets of which the smaller has `members` points are taken for one:
 * 3/4 (1 - 1 / sqrt(members)), less for few points, whose valley is mostly chance. Measured:
 * docs/methods/adapting.md, "The number of clusters". */
double dc_valley_bound(size_t members);

#endif
