/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/pairing.h"

#include "base/memory.h"
#include "cluster/matching.h"

#include <string.h>

struct DcPairing {
  size_t max;
  double *gains, *rivals;     /* of all; of those that dc_match() sees */
  uint32_t *choices, *offers; /* how many columns each row can have, and the other way round */
  uint32_t *rows, *cols;      /* which those of `rivals` are */
  uint32_t *match;
  DcArena scratch;
};

DcPairing *
dc_pairing_new(size_t max)
{
  DcPairing *pairing = DC_NEW(DcPairing, 1);
  if (!pairing)
    return NULL;
  pairing->max = max;
  pairing->gains = DC_NEW(double, max *max);
  pairing->rivals = DC_NEW(double, max *max);
  uint32_t **lists[] = {&pairing->choices, &pairing->offers, &pairing->rows, &pairing->cols,
                        &pairing->match};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    *lists[i] = DC_NEW(uint32_t, max);
  if (pairing->gains && pairing->rivals && pairing->choices && pairing->offers && pairing->rows &&
      pairing->cols && pairing->match &&
      dc_arena_init(&pairing->scratch, dc_match_scratch(max, max)))
    return pairing;
  dc_pairing_free(pairing);
  return NULL;
}

void
dc_pairing_free(DcPairing *pairing)
{
  if (!pairing)
    return;
  dc_free(pairing->gains);
  dc_free(pairing->rivals);
  dc_free(pairing->choices);
  dc_free(pairing->offers);
  dc_free(pairing->rows);
  dc_free(pairing->cols);
  dc_free(pairing->match);
  dc_arena_clear(&pairing->scratch);
  dc_free(pairing);
}

double *
dc_pairing_gains(DcPairing *pairing)
{
  return pairing->gains;
}

static void
count_choices(DcPairing *pairing, size_t rows, size_t cols)
{
  memset(pairing->choices, 0, rows * sizeof *pairing->choices);
  memset(pairing->offers, 0, cols * sizeof *pairing->offers);
  for (size_t row = 0; row < rows; row++)
    for (size_t col = 0; col < cols; col++)
      if (pairing->gains[row * cols + col] > 0) {
        pairing->choices[row]++;
        pairing->offers[col]++;
      }
}

static size_t
only_choice(const double *gains, size_t cols)
{
  size_t col = 0;
  while (col + 1 < cols && gains[col] <= 0)
    col++;
  return col;
}

/* Makes the pairs that nobody disputes, and takes them out of the counts. */
static void
pair_at_once(DcPairing *pairing, size_t rows, size_t cols, uint32_t *column_of)
{
  for (size_t row = 0; row < rows; row++) {
    column_of[row] = DC_UNPAIRED;
    if (pairing->choices[row] != 1)
      continue;
    const size_t col = only_choice(pairing->gains + row * cols, cols);
    if (pairing->offers[col] == 1) {
      column_of[row] = (uint32_t)col;
      pairing->choices[row] = pairing->offers[col] = 0;
    }
  }
}

static size_t
list_rivals(const uint32_t *counts, size_t count, uint32_t *list)
{
  size_t listed = 0;
  for (size_t i = 0; i < count; i++)
    if (counts[i] > 0)
      list[listed++] = (uint32_t)i;
  return listed;
}

void
dc_pairing_run(DcPairing *pairing, size_t rows, size_t cols, uint32_t *column_of)
{
  count_choices(pairing, rows, cols);
  pair_at_once(pairing, rows, cols, column_of);
  const size_t n_rows = list_rivals(pairing->choices, rows, pairing->rows);
  const size_t n_cols = list_rivals(pairing->offers, cols, pairing->cols);
  if (n_rows == 0)
    return;
  for (size_t i = 0; i < n_rows; i++)
    for (size_t j = 0; j < n_cols; j++)
      pairing->rivals[i * n_cols + j] = pairing->gains[pairing->rows[i] * cols + pairing->cols[j]];
  if (dc_match_in(&pairing->scratch, pairing->rivals, n_rows, n_cols, pairing->match) != DC_OK)
    return; /* gains are finite and the scratch is large enough */
  for (size_t i = 0; i < n_rows; i++) {
    const uint32_t j = pairing->match[i];
    if (j != DC_UNMATCHED && pairing->rivals[i * n_cols + j] > 0)
      column_of[pairing->rows[i]] = pairing->cols[j];
  }
}
