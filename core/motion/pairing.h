/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_PAIRING_H
#define DC_MOTION_PAIRING_H

#include <stddef.h>
#include <stdint.h>

/* One-to-one pairs of up to `max` rows and `max` columns of which only some can be. */
typedef struct DcPairing DcPairing;

#define DC_UNPAIRED UINT32_MAX

/* NULL when memory is short. */
DcPairing *dc_pairing_new(size_t max);
void dc_pairing_free(DcPairing *pairing);

/* The gains to be filled in, row-major, rows x cols: 0 where a pair cannot be, else positive. */
double *dc_pairing_gains(DcPairing *pairing);

/* Pairs rows with columns so that the sum of the gains is greatest; column_of[row] is
 * DC_UNPAIRED for who stays alone. Pairs without rivals are made at once, the others
 * by dc_match(). Nothing is allocated. */
void dc_pairing_run(DcPairing *pairing, size_t rows, size_t cols, uint32_t *column_of);

#endif
