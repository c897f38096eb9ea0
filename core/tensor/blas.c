/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* setenv() */

#include "tensor/blas.h"

#include <cblas.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* CBLAS wants a leading dimension of at least 1 even for an empty matrix. */
static blasint
leading(const DcMatrix *matrix)
{
  return matrix->stride > 0 ? (blasint)matrix->stride : 1;
}

static CBLAS_TRANSPOSE
operation(DcTranspose transpose)
{
  return transpose == DC_TRANSPOSED ? CblasTrans : CblasNoTrans;
}

void
dc_gemm(DcTranspose transpose_a, DcTranspose transpose_b, float alpha, const DcMatrix *a,
        const DcMatrix *b, float beta, const DcMatrix *c)
{
  size_t inner = transpose_a == DC_TRANSPOSED ? a->rows : a->cols;
  if (c->rows == 0 || c->cols == 0)
    return;
  cblas_sgemm(CblasRowMajor, operation(transpose_a), operation(transpose_b), (blasint)c->rows,
              (blasint)c->cols, (blasint)inner, alpha, a->data, leading(a), b->data, leading(b),
              beta, c->data, leading(c));
}

static void
scale(float factor, float *vector, size_t count)
{
  for (size_t i = 0; i < count; i++)
    vector[i] = factor == 0 ? 0 : factor * vector[i];
}

void
dc_gemv(DcTranspose transpose, float alpha, const DcMatrix *a, const float *x, float beta, float *y)
{
  /* BLAS returns at once, without applying beta, when the inner extent is 0. */
  if (a->rows == 0 || a->cols == 0)
    scale(beta, y, transpose == DC_TRANSPOSED ? a->cols : a->rows);
  else
    cblas_sgemv(CblasRowMajor, operation(transpose), (blasint)a->rows, (blasint)a->cols, alpha,
                a->data, leading(a), x, 1, beta, y, 1);
}

static void
mirror_upper_triangle(const DcMatrix *c)
{
  for (size_t i = 0; i < c->rows; i++)
    for (size_t j = i + 1; j < c->cols; j++)
      dc_matrix_row(c, j)[i] = dc_matrix_row(c, i)[j];
}

void
dc_syrk(DcTranspose transpose, float alpha, const DcMatrix *a, float beta, const DcMatrix *c)
{
  size_t inner = transpose == DC_TRANSPOSED ? a->rows : a->cols;
  if (c->rows == 0)
    return;
  cblas_ssyrk(CblasRowMajor, CblasUpper, operation(transpose), (blasint)c->rows, (blasint)inner,
              alpha, a->data, leading(a), beta, c->data, leading(c));
  mirror_upper_triangle(c);
}

static double
element(DcTranspose transpose, const DcMatrix *matrix, size_t row, size_t col)
{
  return transpose == DC_TRANSPOSED ? dc_matrix_row(matrix, col)[row]
                                    : dc_matrix_row(matrix, row)[col];
}

void
dc_gemm_reference(DcTranspose transpose_a, DcTranspose transpose_b, float alpha, const DcMatrix *a,
                  const DcMatrix *b, float beta, const DcMatrix *c)
{
  size_t inner = transpose_a == DC_TRANSPOSED ? a->rows : a->cols;
  for (size_t i = 0; i < c->rows; i++)
    for (size_t j = 0; j < c->cols; j++) {
      float *target = dc_matrix_row(c, i) + j;
      double sum = beta == 0 ? 0 : (double)beta * *target;
      for (size_t k = 0; k < inner; k++)
        sum += alpha * element(transpose_a, a, i, k) * element(transpose_b, b, k, j);
      *target = (float)sum;
    }
}

void
dc_blas_set_threads(int threads)
{
  openblas_set_num_threads(threads < 1 ? 1 : threads);
}

int
dc_blas_threads(void)
{
  return openblas_get_num_threads();
}

/* ---- choice of kernels ---- */

#ifdef DC_HAVE_OPENBLAS_CHOICE

/* Exported by OpenBLAS where it was built with kernels for several CPUs; the second forgets the
 * choice and the first makes it anew. Weak, as the library at run time need not be the one of the
 * build. */
void gotoblas_dynamic_init(void) __attribute__((weak));
void gotoblas_dynamic_quit(void) __attribute__((weak));

static bool
is_without_avx(const char *kernels)
{
  static const char *const names[] = {"Prescott", "Core2", "Nehalem", "Barcelona"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(kernels, names[i]) == 0)
      return true;
  return false;
}

static const char *
kernels_for_this_cpu(void)
{
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return "Haswell";
  return NULL;
}

static void
choose_again(void)
{
  static const char variable[] = "OPENBLAS_CORETYPE";
  const char *kernels = kernels_for_this_cpu();
  if (!kernels || !gotoblas_dynamic_init || !gotoblas_dynamic_quit || getenv(variable) ||
      setenv(variable, kernels, 1) != 0)
    return;
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv(variable);
}

const char *
dc_blas_choose_kernels(void)
{
  if (is_without_avx(openblas_get_corename()))
    choose_again();
  return openblas_get_corename();
}

#else

const char *
dc_blas_choose_kernels(void)
{
  return openblas_get_corename();
}

#endif
