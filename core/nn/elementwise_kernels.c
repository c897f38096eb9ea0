/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops of nn/elementwise.h for one instruction set: the build compiles this file once for
 * each, with DC_KERNEL_TABLE and DC_KERNEL_NAME telling which. */
#include "nn/elementwise.h"

#include "nn/activation_functions.h"

#define INLINE static inline __attribute__((always_inline))

/* Before a loop whose turns do not meet, though a result may lie where its operand does. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

INLINE float
clip(float x, float low, float high)
{
  x = x < low ? low : x;
  return x > high ? high : x; /* NaN stays NaN */
}

typedef enum { ADD, MULTIPLY, PRELU } PairKind;

INLINE float
pair(float a, float b, const PairKind kind)
{
  return kind == ADD ? a + b : kind == MULTIPLY ? a * b : a < 0 ? a * b : a;
}

/* `kind` is a constant where this is inlined. */
INLINE void
pair_rows(const DcElementwisePair *job, const PairKind kind)
{
  const float low = job->limits.low, high = job->limits.high;
  for (size_t row = 0; row < job->rows; row++) {
    const float *a = job->a + row * job->columns, *b = job->b + row * job->b_stride;
    float *result = job->result + row * job->columns;
    if (job->limits.used) {
      INDEPENDENT
      for (size_t i = 0; i < job->columns; i++)
        result[i] = clip(pair(a[i], b[i], kind), low, high);
    } else {
      INDEPENDENT
      for (size_t i = 0; i < job->columns; i++)
        result[i] = pair(a[i], b[i], kind);
    }
  }
}

static void
add(const DcElementwisePair *job)
{
  pair_rows(job, ADD);
}

static void
multiply(const DcElementwisePair *job)
{
  pair_rows(job, MULTIPLY);
}

static void
prelu(const DcElementwisePair *job)
{
  pair_rows(job, PRELU);
}

static void
affine(const DcElementwisePair *job, const float *shift)
{
  const bool bound = job->limits.used;
  const float low = bound ? job->limits.low : -INFINITY, high = bound ? job->limits.high : INFINITY;
  for (size_t row = 0; row < job->rows; row++) {
    const float *a = job->a + row * job->columns, *b = job->b + row * job->b_stride;
    float *result = job->result + row * job->columns;
    INDEPENDENT
    for (size_t i = 0; i < job->columns; i++)
      result[i] = clip(a[i] * b[i] + shift[i], low, high);
  }
}

INLINE float
gelu_tanh(float x)
{
  const float u = 0.79788456080286535588f * (x + 0.044715f * x * x * x);
  return x * dc_sigmoid(2 * u); /* 1 + tanh u = 2 / (1 + e^-2u), which cancels nothing */
}

/* values[i] = EXPRESSION of x. */
#define MAP(expression)                                                                            \
  INDEPENDENT                                                                                      \
  for (size_t i = 0; i < count; i++) {                                                             \
    const float x = values[i];                                                                     \
    values[i] = expression;                                                                        \
  }                                                                                                \
  break

static void
activate(const DcLayer *layer, float *values, size_t count)
{
  const float slope = layer->slope, shift = layer->shift, low = layer->low, high = layer->high;
  switch (layer->activation) {
  case DC_ACTIVATION_NONE:
    break;
  case DC_ACTIVATION_RELU:
    MAP(x < 0 ? 0 : x);
  case DC_ACTIVATION_LEAKY_RELU:
    MAP(x < 0 ? slope * x : x);
  case DC_ACTIVATION_GELU:
    MAP(x * dc_normal_cdf(x));
  case DC_ACTIVATION_GELU_TANH:
    MAP(gelu_tanh(x));
  case DC_ACTIVATION_CLIP:
    MAP(clip(x, low, high));
  case DC_ACTIVATION_SIGMOID:
    MAP(dc_sigmoid(x));
  case DC_ACTIVATION_HARD_SIGMOID:
    MAP(clip(slope * x + shift, 0, 1));
  case DC_ACTIVATION_HARD_SWISH:
    MAP(x * clip(x * (1.0f / 6) + 0.5f, 0, 1));
  case DC_ACTIVATION_SILU:
    MAP(x * dc_sigmoid(x));
  case DC_ACTIVATION_TANH:
    MAP(dc_tanh(x));
  }
}

const DcElementwiseKernels DC_KERNEL_TABLE = {
    .name = DC_KERNEL_NAME,
    .add = add,
    .multiply = multiply,
    .prelu = prelu,
    .affine = affine,
    .activate = activate,
};
