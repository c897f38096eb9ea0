/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_MATCHING_H
#define DC_CLUSTER_MATCHING_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DC_UNMATCHED UINT32_MAX

/* One-to-one matching of rows to columns that maximises the sum of `gain` (rows x cols, row-major,
 * finite), by the Hungarian method in O(n^2 m). min(rows, cols) pairs are made: match[row] is a column,
 * or DC_UNMATCHED where there are more rows than columns. Allocates. */
DcStatus dc_match(const double *gain, size_t rows, size_t cols, uint32_t *match);

#endif
