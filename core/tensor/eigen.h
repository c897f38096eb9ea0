/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_EIGEN_H
#define DC_TENSOR_EIGEN_H

#include "base/status.h"

#include <stddef.h>

/* Eigenvalues and eigenvectors of a symmetric `matrix` (n x n, dense, of which one triangle is
 * read), by LAPACK's divide and conquer. `values` (n) are ascending; row i of `vectors` (n x n, may
 * be the same memory as `matrix`) is the eigenvector of value i: of unit length, its entry of
 * largest magnitude (the first of equals) positive. Vectors of equal eigenvalues are some
 * orthonormal basis.
 *
 * DC_ERROR_ARGUMENT for n = 0 or n > DC_EIGEN_MAX, DC_ERROR_NOT_FINITE for NaN or infinity,
 * DC_ERROR_MEMORY, DC_ERROR_UNSUPPORTED when the iteration does not converge; outputs are then
 * undefined. Allocates; any thread. */
#define DC_EIGEN_MAX 16384
DcStatus dc_eigen_symmetric(const double *matrix, size_t n, double *values, double *vectors);

/* The same without allocating, in dc_eigen_scratch(n) bytes that are aligned for doubles. */
size_t dc_eigen_scratch(size_t n);
DcStatus dc_eigen_symmetric_in(void *scratch, const double *matrix, size_t n, double *values,
                               double *vectors);

/* The `count` largest eigenvalues alone, descending, and their vectors (count x n), by LAPACK's
 * bisection and inverse iteration. Else as dc_eigen_symmetric; DC_ERROR_ARGUMENT also for a count
 * of 0 or more than n. */
DcStatus dc_eigen_leading(const double *matrix, size_t n, size_t count, double *values,
                          double *vectors);

/* dc_eigen_symmetric by cyclic Jacobi rotations, of which the upper triangle is read; for tests. */
DcStatus dc_eigen_symmetric_reference(const double *matrix, size_t n, double *values,
                                      double *vectors);

#endif
