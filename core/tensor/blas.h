/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_BLAS_H
#define DC_TENSOR_BLAS_H

#include "tensor/matrix.h"

/* Matrix products through CBLAS, with the shapes taken from the views.
 *
 * Shapes must fit as documented and each extent must stay below 2^31: that is the caller's duty and
 * is not checked. Outputs must not overlap inputs. Empty matrices are allowed; with beta = 0 the
 * output is written without being read. Any thread; no lock of the caller may be held across them,
 * as they can take long. */

typedef enum { DC_PLAIN, DC_TRANSPOSED } DcTranspose;

/* C = alpha op(A) op(B) + beta C, where op(A) is rows(C) x k and op(B) is k x cols(C). */
void dc_gemm(DcTranspose transpose_a, DcTranspose transpose_b, float alpha, const DcMatrix *a,
             const DcMatrix *b, float beta, const DcMatrix *c);

/* y = alpha op(A) x + beta y. */
void dc_gemv(DcTranspose transpose, float alpha, const DcMatrix *a, const float *x, float beta,
             float *y);

/* C = alpha op(A) op(A)^T + beta C for a symmetric C, of which both triangles are written. */
void dc_syrk(DcTranspose transpose, float alpha, const DcMatrix *a, float beta, const DcMatrix *c);

/* The definition of dc_gemm by plain loops in double; for tests. */
void dc_gemm_reference(DcTranspose transpose_a, DcTranspose transpose_b, float alpha,
                       const DcMatrix *a, const DcMatrix *b, float beta, const DcMatrix *c);

/* How many threads one product may use. The setting is process-wide, also for other users of
 * OpenBLAS in the process; set it before work starts. 1 is right wherever several streaming threads
 * multiply at once, since each of them would otherwise start threads of its own. */
void dc_blas_set_threads(int threads);
int dc_blas_threads(void);

/* Makes OpenBLAS use the vector instructions that the CPU has, and returns the name of its kernels.
 *
 * OpenBLAS chooses by lists of CPUs. Versions before 0.3.25 (Debian 12 has 0.3.21) run an Intel CPU
 * that is newer than their list with kernels of 2004, at a fifth of its speed (OpenBLAS issue
 * 4267). Where that happened, and the user has not chosen by OPENBLAS_CORETYPE, this chooses again;
 * everywhere else it changes nothing. It sets and removes that variable on the way: call it once,
 * when the process starts or the plugin is loaded, before any product and before other threads use
 * BLAS or getenv(). */
const char *dc_blas_choose_kernels(void);

#endif
