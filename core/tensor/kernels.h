/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_KERNELS_H
#define DC_TENSOR_KERNELS_H

#include "tensor/cpu.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* The loops beside BLAS that dominate the core, written once in plain C (kernels.c) and compiled
 * for several levels of the CPU. Sums along a row run in a fixed number of lanes, so that levels
 * differ only in whether a product is rounded before it is added. Callers use the functions of
 * matrix.h, softmax.h and rows.h, which document them. */
typedef struct {
  const char *name;
  void (*softmax_rows)(const DcMatrix *scores, float *log_sums);
  void (*softmax_columns)(const DcMatrix *scores, const float *totals, double *row_sums);
  double (*softmax_columns_double)(double *scores, size_t rows, size_t cols);
  void (*largest_in_columns)(const DcMatrix *scores, uint32_t *rows);
  void (*centre_rows)(const DcMatrix *source, const float *centre, const DcMatrix *target);
  void (*squared_norms)(const DcMatrix *matrix, float *norms);
  void (*squared_distances)(const DcMatrix *a, const DcMatrix *b, const uint32_t *rows,
                            float *distances);
  bool (*is_finite)(const DcMatrix *matrix);
  void (*asinh_rows)(const DcMatrix *matrix, const float *shift);
  void (*standardise_rows)(const DcMatrix *source, const double *means, double scale,
                           const DcMatrix *target);
  void (*add_rows)(const DcMatrix *matrix, const float *weights, double *sums);
  void (*add_squares)(const DcMatrix *matrix, const float *weights, const double *means,
                      double *sums);
  void (*multiply_each)(const double *a, const double *b, size_t count, double *products);
  size_t (*count_nonzero)(const DcMatrix *matrix);
  void (*add_sparse_product)(const DcMatrix *a, const DcMatrix *b, const DcMatrix *c);
} DcKernels;

extern const DcKernels dc_kernels_baseline, dc_kernels_avx2, dc_kernels_avx512;

/* Stores the tables that this CPU can run, the slowest first; returns how many (>= 1). */
size_t dc_kernels_usable(const DcKernels *tables[DC_CPU_LEVELS]);

/* The fastest of them. */
const DcKernels *dc_kernels(void);

#endif
