/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_MATCHING_H
#define DC_CLUSTER_MATCHING_H

#include "base/arena.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define DC_UNMATCHED UINT32_MAX
#define DC_GAIN_MAX  1e100

/* One-to-one matching of rows to columns that maximises the sum of `gain` (rows x cols, row-major),
 * in O(n^2 m) for n the smaller and m the larger extent. min(rows, cols) pairs are made, those of
 * negative gain too: match[row] is a column, or DC_UNMATCHED where there are more rows than
 * columns. Among equally good matchings the choice is fixed but arbitrary. DC_ERROR_NOT_FINITE for
 * NaN or a gain beyond
 * +-DC_GAIN_MAX, DC_ERROR_MEMORY; `match` is then untouched. Allocates. */
DcStatus dc_match(const double *gain, size_t rows, size_t cols, uint32_t *match);

/* The bytes of scratch that dc_match_in() takes for matrices of up to rows x cols. */
size_t dc_match_scratch(size_t rows, size_t cols);

/* dc_match() with its scratch in `arena`, given back at the end: nothing is allocated. */
DcStatus dc_match_in(DcArena *arena, const double *gain, size_t rows, size_t cols, uint32_t *match);

#endif
