/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_BASIS_H
#define DC_CLUSTER_TRANSPORT_BASIS_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stddef.h>

/* `centred` (rows x cols) = the rows of `matrix` minus `mean`. */
void dc_transport_centre(const DcMatrix *matrix, const double *mean, double *centred);

/* Principal directions of `samples` (n x D, n >= 2): their mean (D) and, as the columns of `basis`
 * (D x *dim), at most `wanted` orthonormal directions of largest variance, each with its largest
 * entry positive. Directions of less than a millionth of the largest variance are left out; *dim is
 * 0 when the samples are all equal. `basis` has room for D x wanted. Allocates; DC_ERROR_MEMORY. */
DcStatus dc_transport_basis(const DcMatrix *samples, size_t wanted, double *mean, double *basis,
                            size_t *dim);

#endif
