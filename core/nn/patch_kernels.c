/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops of nn/patch.h for one instruction set: the build compiles this file once for each,
 * with DC_KERNEL_TABLE and DC_KERNEL_NAME telling which. Vectors are those of GCC and Clang
 * (attribute vector_size), which need no intrinsics and so serve every architecture. */
#include "nn/patch.h"

#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#define TILE  14 /* pixels whose sums stay in registers: 14 x 2 sums + 2 weights + 1 input of 32 */
#elif defined(__AVX__)
#define LANES 8
#define TILE  6 /* 6 x 2 sums + 2 weights + 1 input of 16 */
#else
#define LANES 4
#define TILE  6
#endif
#define PANEL     (2 * LANES)
#define MOST_DOTS 4
#define INLINE    static inline __attribute__((always_inline))

/* Before a loop of a constant number of turns: only unrolled do its arrays become registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

INLINE Vector
load(const float *from)
{
  Vector vector;
  memcpy(&vector, from, sizeof vector);
  return vector;
}

INLINE void
store(float *to, Vector vector)
{
  memcpy(to, &vector, sizeof vector);
}

/* NaN stays NaN: only what is below zero becomes zero. */
INLINE Vector
rectify(Vector x)
{
  return (Vector)((Mask)x & ~(x < 0));
}

/* The even split: piece i of `total` things in `pieces` starts here. */
INLINE size_t
split(size_t total, size_t pieces, size_t i)
{
  return total * i / pieces;
}

INLINE void
write_pixel(float *to, Vector low, Vector high, size_t channels, bool relu)
{
  if (relu) {
    low = rectify(low);
    high = rectify(high);
  }
  if (channels >= PANEL) {
    store(to, low);
    store(to + LANES, high);
    return;
  }
  float row[PANEL];
  store(row, low);
  store(row + LANES, high);
  memcpy(to, row, channels * sizeof(float));
}

/* `count` pixels from `first` on, for the panel of channels that starts at `channel`. `count` is a
 * constant wherever this is inlined, so that all sums are registers. */
INLINE void
product_tile(const DcPatchProduct *job, size_t first, size_t channel, const size_t count)
{
  const DcPatch *patch = &job->patch;
  const float *weight = job->weight + channel * dc_patch_floats(patch);
  const size_t row_step = patch->row_stride - patch->columns * patch->column_stride;
  const float *pixel[TILE];
  Vector low[TILE], high[TILE];
  UNROLL
  for (size_t p = 0; p < count; p++) {
    pixel[p] = job->input + job->input_offsets[first + p];
    low[p] = load(job->bias + channel);
    high[p] = load(job->bias + channel + LANES);
  }
  for (size_t row = 0; row < patch->rows; row++) {
    for (size_t column = 0; column < patch->columns; column++) {
      for (size_t k = 0; k < patch->run; k++, weight += PANEL) {
        const Vector weight_low = load(weight), weight_high = load(weight + LANES);
        UNROLL
        for (size_t p = 0; p < count; p++) {
          low[p] += pixel[p][k] * weight_low;
          high[p] += pixel[p][k] * weight_high;
        }
      }
      UNROLL
      for (size_t p = 0; p < count; p++)
        pixel[p] += patch->column_stride;
    }
    UNROLL
    for (size_t p = 0; p < count; p++)
      pixel[p] += row_step;
  }
  UNROLL
  for (size_t p = 0; p < count; p++)
    write_pixel(job->output + job->output_offsets[first + p] + channel, low[p], high[p],
                job->channels - channel, job->relu);
}

static void
product(const DcPatchProduct *job)
{
  const size_t tiles = (job->pixels + TILE - 1) / TILE;
  for (size_t channel = 0; channel < job->channels; channel += PANEL) {
    for (size_t tile = 0; tile < tiles; tile++) {
      const size_t first = split(job->pixels, tiles, tile);
      const size_t count = split(job->pixels, tiles, tile + 1) - first;
#define CASE(n)                                                                                    \
  case n:                                                                                          \
    product_tile(job, first, channel, n);                                                          \
    break
      switch (count) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
#if TILE == 14
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
#endif
      }
#undef CASE
    }
  }
}

#define DOT_TILE 4 /* pixels side by side: enough sums to hide the latency of an addition */

INLINE float
add_up(Vector vector)
{
  float lanes[LANES], sum = 0;
  store(lanes, vector);
  for (size_t i = 0; i < LANES; i++)
    sum += lanes[i];
  return sum;
}

INLINE void
dot_tile(const DcPatchProduct *job, size_t first, size_t channel, const size_t count)
{
  const DcPatch *patch = &job->patch;
  const float *weight = job->weight + channel * dc_patch_floats(patch);
  const float *pixel[DOT_TILE];
  Vector sum[DOT_TILE] = {0};
  float rest[DOT_TILE];
  for (size_t p = 0; p < count; p++) {
    pixel[p] = job->input + job->input_offsets[first + p];
    rest[p] = job->bias[channel];
  }
  for (size_t i = 0; i < patch->rows * patch->columns; i++, weight += patch->run) {
    const size_t run =
        i / patch->columns * patch->row_stride + i % patch->columns * patch->column_stride;
    size_t k = 0;
    for (; k + LANES <= patch->run; k += LANES) {
      UNROLL
      for (size_t p = 0; p < count; p++)
        sum[p] += load(pixel[p] + run + k) * load(weight + k);
    }
    for (; k < patch->run; k++) {
      for (size_t p = 0; p < count; p++)
        rest[p] += pixel[p][run + k] * weight[k];
    }
  }
  for (size_t p = 0; p < count; p++) {
    const float value = rest[p] + add_up(sum[p]);
    job->output[job->output_offsets[first + p] + channel] = job->relu && value < 0 ? 0 : value;
  }
}

static void
dot(const DcPatchProduct *job)
{
  for (size_t channel = 0; channel < job->channels; channel++) {
    size_t first = 0;
    for (; first + DOT_TILE <= job->pixels; first += DOT_TILE)
      dot_tile(job, first, channel, DOT_TILE);
    for (; first < job->pixels; first++)
      dot_tile(job, first, channel, 1);
  }
}

INLINE void
add_row(float *to, Vector low, Vector high, size_t channels)
{
  if (channels >= PANEL) {
    store(to, load(to) + low);
    store(to + LANES, load(to + LANES) + high);
    return;
  }
  float row[PANEL];
  store(row, low);
  store(row + LANES, high);
  for (size_t i = 0; i < channels; i++)
    to[i] += row[i];
}

/* Rows k .. k + count - 1 of the gradient, within one run. */
INLINE void
gradient_tile(const DcPatchGradient *job, size_t row, size_t k, size_t channel, const size_t count)
{
  const DcPatch *patch = &job->patch;
  const float *start = job->input + row * patch->row_stride + k;
  const float *delta = job->delta + channel * job->pixels;
  Vector low[TILE], high[TILE];
  UNROLL
  for (size_t i = 0; i < count; i++)
    low[i] = high[i] = (Vector){0};
  for (size_t p = 0; p < job->pixels; p++, delta += PANEL) {
    const float *pixel = start + job->input_offsets[p];
    const Vector delta_low = load(delta), delta_high = load(delta + LANES);
    UNROLL
    for (size_t i = 0; i < count; i++) {
      low[i] += pixel[i] * delta_low;
      high[i] += pixel[i] * delta_high;
    }
  }
  float *to = job->gradient + (row * patch->run + k) * job->channels + channel;
  UNROLL
  for (size_t i = 0; i < count; i++)
    add_row(to + i * job->channels, low[i], high[i], job->channels - channel);
}

static void
gradient(const DcPatchGradient *job)
{
  const size_t tiles = (job->patch.run + TILE - 1) / TILE;
  for (size_t channel = 0; channel < job->channels; channel += PANEL) {
    for (size_t i = 0; i < job->patch.rows * tiles; i++) {
      const size_t row = i / tiles, tile = i % tiles;
      const size_t k = split(job->patch.run, tiles, tile);
      const size_t count = split(job->patch.run, tiles, tile + 1) - k;
#define CASE(n)                                                                                    \
  case n:                                                                                          \
    gradient_tile(job, row, k, channel, n);                                                        \
    break
      switch (count) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
#if TILE == 14
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
#endif
      }
#undef CASE
    }
  }
}

/* --- windows: channels side by side, none meets another --- */

typedef enum { WEIGH, ADD, MAXIMUM } WindowKind;

#define WINDOW_VECTORS 4 /* enough sums to hide the latency of an addition */

INLINE Vector
larger(Vector so_far, Vector x)
{
  const Mask wins = (x > so_far) | (x != x);
  return (Vector)(((Mask)x & wins) | ((Mask)so_far & ~wins));
}

/* `count` vectors of channels from `channel` on. `count` and `kind` are constants where this is
 * inlined. */
INLINE void
window_vectors(const DcPatchWindow *job, size_t channel, const size_t count, const WindowKind kind)
{
  const float *row = job->input + channel;
  const float *weight_row = kind == WEIGH ? job->weight + channel : NULL;
  Vector result[WINDOW_VECTORS];
  UNROLL
  for (size_t v = 0; v < count; v++)
    result[v] = kind == WEIGH ? load(job->bias + channel + v * LANES)
                : kind == ADD ? (Vector){0}
                              : load(row + v * LANES);
  for (size_t i = 0; i < job->patch.rows; i++, row += job->patch.row_stride) {
    for (size_t j = 0; j < job->patch.columns; j++) {
      const float *pixel = row + j * job->patch.column_stride;
      UNROLL
      for (size_t v = 0; v < count; v++) {
        const Vector x = load(pixel + v * LANES);
        if (kind == WEIGH)
          result[v] += x * load(weight_row + j * job->patch.run + v * LANES);
        else if (kind == ADD)
          result[v] += x;
        else
          result[v] = larger(result[v], x);
      }
    }
    if (kind == WEIGH)
      weight_row += job->weight_row_stride;
  }
  UNROLL
  for (size_t v = 0; v < count; v++)
    store(job->output + channel + v * LANES, result[v]);
}

INLINE float
window_scalar(const DcPatchWindow *job, size_t channel, const WindowKind kind)
{
  float result = kind == WEIGH ? job->bias[channel] : kind == ADD ? 0 : job->input[channel];
  for (size_t i = 0; i < job->patch.rows; i++) {
    const float *row = job->input + i * job->patch.row_stride + channel;
    for (size_t j = 0; j < job->patch.columns; j++) {
      const float x = row[j * job->patch.column_stride];
      if (kind == WEIGH)
        result += x * job->weight[i * job->weight_row_stride + j * job->patch.run + channel];
      else if (kind == ADD)
        result += x;
      else if (x > result || x != x)
        result = x;
    }
  }
  return result;
}

INLINE void
window(const DcPatchWindow *job, const WindowKind kind)
{
  size_t channel = 0;
  for (; channel + WINDOW_VECTORS * LANES <= job->patch.run; channel += WINDOW_VECTORS * LANES)
    window_vectors(job, channel, WINDOW_VECTORS, kind);
  for (; channel + LANES <= job->patch.run; channel += LANES)
    window_vectors(job, channel, 1, kind);
  for (; channel < job->patch.run; channel++)
    job->output[channel] = window_scalar(job, channel, kind);
}

static void
weigh(const DcPatchWindow *job)
{
  window(job, WEIGH);
}

static void
add(const DcPatchWindow *job)
{
  window(job, ADD);
}

static void
maximum(const DcPatchWindow *job)
{
  window(job, MAXIMUM);
}

const DcPatchKernels DC_KERNEL_TABLE = {
    .name = DC_KERNEL_NAME,
    .panel = PANEL,
    .most_dots = MOST_DOTS,
    .product = product,
    .dot = dot,
    .gradient = gradient,
    .weigh = weigh,
    .add = add,
    .maximum = maximum,
};
