/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_ELEMENTWISE_H
#define DC_NN_ELEMENTWISE_H

#include "nn/network.h"
#include "nn/patch.h"
#include "tensor/cpu.h"

#include <stddef.h>

/* The loops of layers and activations that treat each number for itself, written once in plain C
 * (elementwise_kernels.c) and compiled for several levels of the CPU. A result may lie where its
 * first operand does. */

/* Rows of one operand met by rows of another, or all by the same. */
typedef struct {
  const float *a;
  const float *b;
  size_t rows, columns; /* of a, dense */
  size_t b_stride;      /* floats from one row of b to the next; 0: the same row */
  DcPatchLimits limits; /* of the result */
  float *result;        /* as a */
} DcElementwisePair;

typedef struct {
  const char *name; /* of the instruction set */
  void (*add)(const DcElementwisePair *job);
  void (*multiply)(const DcElementwisePair *job);
  void (*prelu)(const DcElementwisePair *job);                      /* a < 0 ? a * b : a */
  void (*affine)(const DcElementwisePair *job, const float *shift); /* a * b + shift, a row */
  /* values[i] = activation(values[i]) with the activation of `layer`; NaN stays NaN. */
  void (*activate)(const DcLayer *layer, float *values, size_t count);
} DcElementwiseKernels;

extern const DcElementwiseKernels dc_elementwise_kernels_baseline, dc_elementwise_kernels_avx2,
    dc_elementwise_kernels_avx512;

/* Stores the tables that this CPU can run, the slowest first; returns how many (>= 1). */
size_t dc_elementwise_kernels_usable(const DcElementwiseKernels *tables[DC_CPU_LEVELS]);

/* The fastest of them. */
const DcElementwiseKernels *dc_elementwise_kernels(void);

#endif
