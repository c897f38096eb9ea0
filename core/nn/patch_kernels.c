/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops of nn/patch.h for one instruction set: the build compiles this file once for each,
 * with DC_KERNEL_TABLE and DC_KERNEL_NAME telling which. */
#include "base/memory.h"
#include "nn/vectors.h"

#if defined(__AVX512F__)
#define TILE 14 /* pixels whose sums stay in registers: 14 x 2 sums + 2 weights + 1 input of 32 */
#else
#define TILE 6 /* 6 x 2 sums + 2 weights + 1 input of 16 */
#endif
#define PANEL     (2 * LANES)
#define MOST_DOTS 4
#define LINE      (DC_ALIGNMENT / sizeof(float)) /* of the cache */

/* The first `count` (below LANES) lanes, in pieces of constant size, which are instructions and not
 * calls. */
INLINE void
store_part(float *to, Vector vector, size_t count)
{
  float lanes[LANES];
  size_t at = 0;
  store(lanes, vector);
#define PIECE(n)                                                                                   \
  if (n < LANES && count & n) {                                                                    \
    memcpy(to + at, lanes + at, n * sizeof *to);                                                   \
    at += n;                                                                                       \
  }
  PIECE(8)
  PIECE(4)
  PIECE(2)
  PIECE(1)
#undef PIECE
}

/* The even split: piece i of `total` things in `pieces` starts here. */
INLINE size_t
split(size_t total, size_t pieces, size_t i)
{
  return total * i / pieces;
}

/* What is left of `channels` after the vectors of a pixel that lie whole inside. */
INLINE void
write_pixel(const DcPatchProduct *job, float *to, Vector *sums, size_t channels,
            const size_t vectors)
{
  UNROLL
  for (size_t v = 0; v < vectors; v++) {
    const Vector value = job->limits.used ? limit(sums[v], job->limits) : sums[v];
    if (channels >= (v + 1) * LANES)
      store(to + v * LANES, value);
    else
      store_part(to + v * LANES, value, channels - v * LANES);
  }
}

/* What a tile fetches on the way, a line for every row of its weights: those of the next panel,
 * which would come late when they are needed. */
typedef struct {
  const float *line;
  size_t step; /* floats; 0: nothing new */
} Ahead;

/* Where the pixels of a tile are read. With a pointer to each, those of a large tile do not fit
 * into the registers beside the rest; pixels that lie `pitch` floats apart, which nearly all do,
 * need one pointer for GROUP of them, which moves through a run where the others are indexed. With
 * two sums for each pixel there is time enough to fetch its pointer. */
#define GROUP  5
#define GROUPS ((TILE + GROUP - 1) / GROUP)

typedef struct {
  const float *pixel[TILE];   /* when they lie anyhow */
  const float *group[GROUPS]; /* else */
  size_t pitch;
} Places;

INLINE int
evenly_spaced(const uint32_t *offsets, const size_t count)
{
  uint32_t uneven = 0;
  UNROLL
  for (size_t p = 2; p < count; p++)
    uneven |= (offsets[p] - offsets[p - 1]) ^ (offsets[1] - offsets[0]);
  return !uneven;
}

INLINE void
find_places(const DcPatchProduct *job, size_t first, Places *places, const size_t count,
            const int even)
{
  const uint32_t *offsets = job->input_offsets + first;
  if (even) {
    places->pitch = count > 1 ? (size_t)(offsets[1] - offsets[0]) : 0;
    UNROLL
    for (size_t g = 0; g * GROUP < count; g++)
      places->group[g] = job->input + offsets[g * GROUP];
    return;
  }
  UNROLL
  for (size_t p = 0; p < count; p++)
    places->pixel[p] = job->input + offsets[p];
}

INLINE float
read_place(const Places *places, size_t p, size_t k, const int even)
{
  return even ? places->group[p / GROUP][p % GROUP * places->pitch] : places->pixel[p][k];
}

INLINE void
move_places(Places *places, ptrdiff_t floats, const size_t count, const int even)
{
  if (even) {
    UNROLL
    for (size_t g = 0; g * GROUP < count; g++)
      places->group[g] += floats;
    return;
  }
  UNROLL
  for (size_t p = 0; p < count; p++)
    places->pixel[p] += floats;
}

/* `count` pixels from `first` on, for the panel of `vectors` vectors that starts at `channel`.
 * `count`, `vectors` and `even` are constants wherever this is inlined, so that all sums are
 * registers. */
INLINE void
product_tile(const DcPatchProduct *job, size_t first, size_t channel, Ahead ahead,
             const size_t count, const size_t vectors, const int even)
{
  const DcPatch *patch = &job->patch;
  const float *weight = job->weight + channel * dc_patch_floats(patch);
  const ptrdiff_t column_step =
      (ptrdiff_t)patch->column_stride - (even ? (ptrdiff_t)patch->run : 0);
  const ptrdiff_t row_step =
      (ptrdiff_t)patch->row_stride - (ptrdiff_t)(patch->columns * patch->column_stride);
  Places places;
  Vector sums[TILE][2];
  find_places(job, first, &places, count, even);
  UNROLL
  for (size_t p = 0; p < count; p++) {
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      sums[p][v] = load(job->bias + channel + v * LANES);
  }
  for (size_t row = 0; row < patch->rows; row++) {
    for (size_t column = 0; column < patch->columns; column++) {
      for (size_t k = 0; k < patch->run; k++, weight += vectors * LANES) {
        Vector weights[2];
        __builtin_prefetch(ahead.line, 0, 2);
        ahead.line += ahead.step;
        UNROLL
        for (size_t v = 0; v < vectors; v++)
          weights[v] = load(weight + v * LANES);
        UNROLL
        for (size_t p = 0; p < count; p++) {
          const float x = read_place(&places, p, k, even);
          UNROLL
          for (size_t v = 0; v < vectors; v++)
            sums[p][v] += x * weights[v];
        }
        if (even)
          move_places(&places, 1, count, even);
      }
      move_places(&places, column_step, count, even);
    }
    move_places(&places, row_step, count, even);
  }
  UNROLL
  for (size_t p = 0; p < count; p++)
    write_pixel(job, job->output + job->output_offsets[first + p] + channel, sums[p],
                job->channels - channel, vectors);
}

/* The call of `tile(..., n, ...)` for a `count` of 1 to TILE. */
#if TILE == 14
#define EACH_COUNT(CASE)                                                                           \
  CASE(1)                                                                                          \
  CASE(2)                                                                                          \
  CASE(3)                                                                                          \
  CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
#else
#define EACH_COUNT(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#endif

/* The first tiles of a panel share the next panel out among them. */
INLINE Ahead
look_ahead(const DcPatchProduct *job, size_t channel, size_t tile, const size_t vectors)
{
  const size_t rows = dc_patch_floats(&job->patch), width = vectors * LANES;
  const float *panel = job->weight + channel * rows;
  return tile < width / LINE ? (Ahead){panel + rows * (width + tile * LINE), LINE}
                             : (Ahead){panel, 0};
}

INLINE void
product_panel(const DcPatchProduct *job, size_t channel, const size_t vectors)
{
  const size_t tiles = (job->pixels + TILE - 1) / TILE;
  for (size_t tile = 0; tile < tiles; tile++) {
    const size_t first = split(job->pixels, tiles, tile);
    const Ahead ahead = look_ahead(job, channel, tile, vectors);
#define CASE(n)                                                                                    \
  case n:                                                                                          \
    if (vectors == 1 && evenly_spaced(job->input_offsets + first, n))                              \
      product_tile(job, first, channel, ahead, n, vectors, 1);                                     \
    else                                                                                           \
      product_tile(job, first, channel, ahead, n, vectors, 0);                                     \
    break;
    switch (split(job->pixels, tiles, tile + 1) - first) {
      EACH_COUNT(CASE)
    }
#undef CASE
  }
}

static void
product(const DcPatchProduct *job)
{
  for (size_t channel = 0; channel < job->channels; channel += PANEL) {
    if (job->channels - channel > LANES)
      product_panel(job, channel, 2);
    else
      product_panel(job, channel, 1);
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
    job->output[job->output_offsets[first + p] + channel] =
        job->limits.used ? limit_scalar(value, job->limits) : value;
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
add_row(float *to, const Vector *sums, size_t channels, const size_t vectors)
{
  UNROLL
  for (size_t v = 0; v < vectors; v++, to += LANES) {
    if (channels >= (v + 1) * LANES) {
      store(to, load(to) + sums[v]);
      continue;
    }
    float row[LANES];
    store(row, sums[v]);
    for (size_t i = 0; i < channels - v * LANES; i++)
      to[i] += row[i];
  }
}

/* Rows k .. k + count - 1 of the gradient, within one run. */
INLINE void
gradient_tile(const DcPatchGradient *job, size_t row, size_t k, size_t channel, const size_t count,
              const size_t vectors)
{
  const DcPatch *patch = &job->patch;
  const float *start = job->input + row * patch->row_stride + k;
  const float *delta = job->delta + channel * job->pixels;
  Vector sums[TILE][2];
  UNROLL
  for (size_t i = 0; i < count; i++) {
    UNROLL
    for (size_t v = 0; v < vectors; v++)
      sums[i][v] = (Vector){0};
  }
  for (size_t p = 0; p < job->pixels; p++, delta += vectors * LANES) {
    const float *pixel = start + job->input_offsets[p];
    UNROLL
    for (size_t i = 0; i < count; i++) {
      UNROLL
      for (size_t v = 0; v < vectors; v++)
        sums[i][v] += pixel[i] * load(delta + v * LANES);
    }
  }
  float *to = job->gradient + (row * patch->run + k) * job->channels + channel;
  UNROLL
  for (size_t i = 0; i < count; i++)
    add_row(to + i * job->channels, sums[i], job->channels - channel, vectors);
}

INLINE void
gradient_panel(const DcPatchGradient *job, size_t channel, const size_t vectors)
{
  const size_t tiles = (job->patch.run + TILE - 1) / TILE;
  for (size_t i = 0; i < job->patch.rows * tiles; i++) {
    const size_t row = i / tiles, tile = i % tiles, k = split(job->patch.run, tiles, tile);
#define CASE(n)                                                                                    \
  case n:                                                                                          \
    gradient_tile(job, row, k, channel, n, vectors);                                               \
    break;
    switch (split(job->patch.run, tiles, tile + 1) - k) {
      EACH_COUNT(CASE)
    }
#undef CASE
  }
}

static void
gradient(const DcPatchGradient *job)
{
  for (size_t channel = 0; channel < job->channels; channel += PANEL) {
    if (job->channels - channel > LANES)
      gradient_panel(job, channel, 2);
    else
      gradient_panel(job, channel, 1);
  }
}

/* --- windows: channels side by side, none meets another --- */

/* A NaN wins in MAXIMUM, which takes several instructions for each number. LARGEST takes two: it
 * may pass over a NaN, but then the sum of the numbers, which it takes too, is NaN as well. */
typedef enum { WEIGH, ADD, LARGEST, MAXIMUM } WindowKind;

#define WINDOW_TILE    6 /* pixels side by side: enough sums to hide the latency of an addition */
#define WINDOW_VECTORS 4 /* and vectors of channels, where a pixel is alone */

/* `count` pixels from `first` on, `vectors` vectors of channels from `channel` on: constants where
 * this is inlined, as `kind` is. LARGEST marks in `suspects` the lanes in which a sum was NaN. */
INLINE void
window_tile(const DcPatchWindow *job, size_t first, size_t channel, const size_t count,
            const size_t vectors, const WindowKind kind, Mask *suspects)
{
  const DcPatch *patch = &job->patch;
  const float *weight = kind == WEIGH ? job->weight + channel : NULL;
  const float *pixel[WINDOW_TILE];
  Vector result[WINDOW_TILE][WINDOW_VECTORS], sum[WINDOW_TILE][WINDOW_VECTORS];
  UNROLL
  for (size_t p = 0; p < count; p++) {
    pixel[p] = job->input + (first + p) * job->step + channel;
    UNROLL
    for (size_t v = 0; v < vectors; v++) {
      result[p][v] = kind == WEIGH ? load(job->bias + channel + v * LANES)
                     : kind == ADD ? (Vector){0}
                                   : load(pixel[p] + v * LANES);
      sum[p][v] = (Vector){0};
    }
  }
  for (size_t row = 0; row < patch->rows; row++) {
    for (size_t column = 0; column < patch->columns; column++) {
      const size_t at = row * patch->row_stride + column * patch->column_stride;
      UNROLL
      for (size_t v = 0; v < vectors; v++) {
        Vector weights = {0};
        if (kind == WEIGH)
          weights = load(weight + row * job->weight_row_stride + column * patch->run + v * LANES);
        UNROLL
        for (size_t p = 0; p < count; p++) {
          const Vector x = load(pixel[p] + at + v * LANES);
          if (kind == WEIGH)
            result[p][v] += x * weights;
          else if (kind == ADD)
            result[p][v] += x;
          else
            result[p][v] = larger_or_second(x, result[p][v]);
          if (kind == LARGEST)
            sum[p][v] += x;
        }
      }
    }
  }
  UNROLL
  for (size_t p = 0; p < count; p++) {
    float *to = job->output + (first + p) * job->output_step + channel;
    UNROLL
    for (size_t v = 0; v < vectors; v++) {
      Vector value = result[p][v];
      if (kind == WEIGH && job->limits.used)
        value = limit(value, job->limits);
      if (kind == ADD)
        value *= job->scale;
      if (kind == LARGEST)
        *suspects |= sum[p][v] != sum[p][v];
      store(to + v * LANES, value);
    }
  }
}

INLINE float
window_scalar(const DcPatchWindow *job, size_t pixel, size_t channel, const WindowKind kind)
{
  const DcPatch *patch = &job->patch;
  const float *input = job->input + pixel * job->step + channel;
  float result = kind == WEIGH ? job->bias[channel] : kind == ADD ? 0 : *input;
  for (size_t row = 0; row < patch->rows; row++) {
    for (size_t column = 0; column < patch->columns; column++) {
      const float x = input[row * patch->row_stride + column * patch->column_stride];
      if (kind == WEIGH)
        result += x * job->weight[row * job->weight_row_stride + column * patch->run + channel];
      else if (kind == ADD)
        result += x;
      else if (x > result || x != x)
        result = x;
    }
  }
  if (kind == ADD)
    return job->scale * result;
  return kind == WEIGH && job->limits.used ? limit_scalar(result, job->limits) : result;
}

/* Fewer channels than a vector has, or a NaN. */
INLINE void
window_by_scalars(const DcPatchWindow *job, const WindowKind kind)
{
  for (size_t pixel = 0; pixel < job->pixels; pixel++) {
    for (size_t channel = 0; channel < job->patch.run; channel++)
      job->output[pixel * job->output_step + channel] = window_scalar(job, pixel, channel, kind);
  }
}

/* The last vector reaches back to channels that are done already, rather than beyond the last. */
INLINE void
window_pixels(const DcPatchWindow *job, size_t first, const size_t count, const WindowKind kind,
              Mask *suspects)
{
  const size_t channels = job->patch.run;
  size_t channel = 0;
  if (count == 1) {
    for (; channel + WINDOW_VECTORS * LANES <= channels; channel += WINDOW_VECTORS * LANES)
      window_tile(job, first, channel, 1, WINDOW_VECTORS, kind, suspects);
  }
  for (; channel + LANES <= channels; channel += LANES)
    window_tile(job, first, channel, count, 1, kind, suspects);
  if (channel < channels)
    window_tile(job, first, channels - LANES, count, 1, kind, suspects);
}

INLINE void
window_by_vectors(const DcPatchWindow *job, const WindowKind kind, Mask *suspects)
{
  const size_t tiles = (job->pixels + WINDOW_TILE - 1) / WINDOW_TILE;
  for (size_t tile = 0; tile < tiles; tile++) {
    const size_t first = split(job->pixels, tiles, tile);
#define CASE(n)                                                                                    \
  case n:                                                                                          \
    window_pixels(job, first, n, kind, suspects);                                                  \
    break;
    switch (split(job->pixels, tiles, tile + 1) - first) {
      CASE(1)
      CASE(2)
      CASE(3)
      CASE(4)
      CASE(5)
      CASE(6)
    }
#undef CASE
  }
}

INLINE void
window(const DcPatchWindow *job, const WindowKind kind)
{
  if (job->patch.run < LANES)
    window_by_scalars(job, kind);
  else
    window_by_vectors(job, kind, NULL);
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
  Mask suspects = {0};
  int any = 0;
  if (job->patch.run < LANES) {
    window_by_scalars(job, MAXIMUM);
    return;
  }
  window_by_vectors(job, LARGEST, &suspects);
  for (size_t i = 0; i < LANES; i++)
    any |= suspects[i];
  if (any)
    window_by_scalars(job, MAXIMUM);
}

const DcPatchKernels DC_KERNEL_TABLE = {
    .name = DC_KERNEL_NAME,
    .panel = PANEL,
    .tile = TILE,
    .most_dots = MOST_DOTS,
    .product = product,
    .dot = dot,
    .gradient = gradient,
    .weigh = weigh,
    .add = add,
    .maximum = maximum,
};
