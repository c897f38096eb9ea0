/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops of nn/winograd.h for one instruction set, as in patch_kernels.c. Channels are the
 * vector; the last vector reaches back to channels that are done already. */
#include "nn/vectors.h"
#include "nn/winograd.h"

/* B' of a column or row of four. */
INLINE void
transform_four(const Vector d[4], Vector t[4])
{
  t[0] = d[0] - d[2];
  t[1] = d[1] + d[2];
  t[2] = d[2] - d[1];
  t[3] = d[1] - d[3];
}

INLINE void
input_vector(const DcWinogradInput *tile, size_t channel)
{
  Vector columns[4][4]; /* [column][row], transformed down */
  UNROLL
  for (size_t x = 0; x < 4; x++) {
    Vector d[4];
    UNROLL
    for (size_t y = 0; y < 4; y++)
      d[y] = load(tile->pixels[4 * y + x] + channel);
    transform_four(d, columns[x]);
  }
  UNROLL
  for (size_t y = 0; y < 4; y++) {
    const Vector d[4] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y]};
    Vector t[4];
    transform_four(d, t);
    UNROLL
    for (size_t x = 0; x < 4; x++)
      store(tile->to + (4 * y + x) * tile->step + channel, t[x]);
  }
}

static void
input(const DcWinogradInput *tile)
{
  size_t channel = 0;
  for (; channel + LANES <= tile->channels; channel += LANES)
    input_vector(tile, channel);
  if (channel < tile->channels)
    input_vector(tile, tile->channels - LANES);
}

/* A' of four. */
INLINE void
transform_two(const Vector m[4], Vector t[2])
{
  t[0] = m[0] + m[1] + m[2];
  t[1] = m[1] - m[2] - m[3];
}

INLINE void
output_vector(const DcWinogradOutput *tile, size_t channel)
{
  const Vector bias = load(tile->bias + channel);
  Vector columns[4][2]; /* [column][row], transformed down */
  UNROLL
  for (size_t x = 0; x < 4; x++) {
    Vector m[4];
    UNROLL
    for (size_t y = 0; y < 4; y++)
      m[y] = load(tile->from + (4 * y + x) * tile->step + channel);
    transform_two(m, columns[x]);
  }
  UNROLL
  for (size_t y = 0; y < 2; y++) {
    const Vector m[4] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y]};
    Vector t[2];
    transform_two(m, t);
    UNROLL
    for (size_t x = 0; x < 2; x++) {
      const Vector value = t[x] + bias;
      store(tile->pixels[2 * y + x] + channel,
            tile->limits.used ? limit(value, tile->limits) : value);
    }
  }
}

static void
output(const DcWinogradOutput *tile)
{
  size_t channel = 0;
  for (; channel + LANES <= tile->channels; channel += LANES)
    output_vector(tile, channel);
  if (channel < tile->channels)
    output_vector(tile, tile->channels - LANES);
}

const DcWinogradKernels DC_KERNEL_TABLE = {.name = DC_KERNEL_NAME,
                                           .input = input,
                                           .output = output};
