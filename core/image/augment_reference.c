/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/augment.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* The same steps as augment.c, each as its definition reads. */

typedef struct {
  ptrdiff_t height, width, channels;
  double *values;
} Picture;

/* Beyond the border the outermost pixels go on. */
static double
pixel_at(const Picture *picture, ptrdiff_t x, ptrdiff_t y, ptrdiff_t channel)
{
  x = x < 0 ? 0 : x >= picture->width ? picture->width - 1 : x;
  y = y < 0 ? 0 : y >= picture->height ? picture->height - 1 : y;
  return picture->values[(y * picture->width + x) * picture->channels + channel];
}

static double
clip(double value)
{
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

static double
interpolate(const Picture *picture, double x, double y, ptrdiff_t channel)
{
  const ptrdiff_t left = (ptrdiff_t)floor(x), top = (ptrdiff_t)floor(y);
  const double across = x - floor(x), down = y - floor(y);
  return (1 - across) * (1 - down) * pixel_at(picture, left, top, channel) +
         across * (1 - down) * pixel_at(picture, left + 1, top, channel) +
         (1 - across) * down * pixel_at(picture, left, top + 1, channel) +
         across * down * pixel_at(picture, left + 1, top + 1, channel);
}

static void
resample(const double map[6], const Picture *from, Picture *to)
{
  for (ptrdiff_t y = 0; y < to->height; y++)
    for (ptrdiff_t x = 0; x < to->width; x++)
      for (ptrdiff_t c = 0; c < to->channels; c++)
        to->values[(y * to->width + x) * to->channels + c] =
            interpolate(from, map[0] * (double)x + map[1] * (double)y + map[2],
                        map[3] * (double)x + map[4] * (double)y + map[5], c);
}

static double
luma(const double *pixel, ptrdiff_t channels)
{
  return channels == 1 ? pixel[0] : 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

static double
mean_luma(const Picture *picture)
{
  const ptrdiff_t pixels = picture->height * picture->width;
  double sum = 0;
  for (ptrdiff_t i = 0; i < pixels; i++)
    sum += luma(picture->values + i * picture->channels, picture->channels);
  return sum / (double)pixels;
}

/* Smith 1978, "Color Gamut Transform Pairs": from RGB to hue (in sixths), saturation and value, and
 * back. */
static void
turn_hue(double *pixel, double turn)
{
  const double r = pixel[0], g = pixel[1], b = pixel[2];
  const double value = fmax(r, fmax(g, b)), chroma = value - fmin(r, fmin(g, b));
  if (chroma == 0)
    return;
  double hue = value == r   ? (g - b) / chroma
               : value == g ? 2 + (b - r) / chroma
                            : 4 + (r - g) / chroma;
  hue = fmod(hue + 6 * turn + 12, 6);
  const double saturation = chroma / value, part = hue - floor(hue);
  const double p = value * (1 - saturation), q = value * (1 - saturation * part);
  const double t = value * (1 - saturation * (1 - part));
  const double colours[6][3] = {{value, t, p}, {q, value, p}, {p, value, t},
                                {p, q, value}, {t, p, value}, {value, p, q}};
  memcpy(pixel, colours[(int)hue % 6], sizeof colours[0]);
}

/* v <- amount v + (1 - amount) other, clipped. */
static void
blend(double *pixel, ptrdiff_t channels, double amount, double other)
{
  for (ptrdiff_t c = 0; c < channels; c++)
    pixel[c] = clip(amount * pixel[c] + (1 - amount) * other);
}

static void
jitter_pixel(const DcJitter *jitter, ptrdiff_t channels, double mean, double *pixel)
{
  switch (jitter->kind) {
  case DC_JITTER_BRIGHTNESS:
    blend(pixel, channels, jitter->amount, 0);
    break;
  case DC_JITTER_CONTRAST:
    blend(pixel, channels, jitter->amount, mean);
    break;
  case DC_JITTER_SATURATION:
    blend(pixel, channels, jitter->amount, luma(pixel, channels));
    break;
  case DC_JITTER_HUE:
    turn_hue(pixel, jitter->amount);
    break;
  }
}

static void
jitter_picture(const DcJitter *jitter, Picture *picture)
{
  const double mean = mean_luma(picture);
  for (ptrdiff_t i = 0; i < picture->height * picture->width; i++)
    jitter_pixel(jitter, picture->channels, mean, picture->values + i * picture->channels);
}

/* The weighted mean over the square of `radius` about one pixel. */
static double
blurred_pixel(const Picture *picture, double sigma, ptrdiff_t x, ptrdiff_t y, ptrdiff_t channel)
{
  const ptrdiff_t radius = (ptrdiff_t)ceil(3 * sigma);
  double sum = 0, weights = 0;
  for (ptrdiff_t j = -radius; j <= radius; j++) {
    for (ptrdiff_t i = -radius; i <= radius; i++) {
      const double weight = exp(-(double)(i * i + j * j) / (2 * sigma * sigma));
      sum += weight * pixel_at(picture, x + i, y + j, channel);
      weights += weight;
    }
  }
  return sum / weights;
}

static void
blur(double sigma, const Picture *from, Picture *to)
{
  for (ptrdiff_t y = 0; y < to->height; y++)
    for (ptrdiff_t x = 0; x < to->width; x++)
      for (ptrdiff_t c = 0; c < to->channels; c++)
        to->values[(y * to->width + x) * to->channels + c] =
            sigma > 0 ? blurred_pixel(from, sigma, x, y, c) : pixel_at(from, x, y, c);
}

static void
change(const DcAugmentDraw *draw, Picture *picture, Picture *spare)
{
  const DcJitter to_grey = {DC_JITTER_SATURATION, 0};
  resample(draw->map, picture, spare);
  for (size_t i = 0; i < draw->jitter_count; i++)
    jitter_picture(&draw->jitter[i], spare);
  if (draw->grey)
    jitter_picture(&to_grey, spare);
  blur(draw->sigma, spare, picture);
}

DcStatus
dc_augment_reference(const DcAugmentDraw *draw, const DcAugmentShape *shape, const float *patch,
                     float *result)
{
  const size_t count = shape->height * shape->width * shape->channels;
  double *values = DC_NEW(double, 2 * count);
  if (!values)
    return DC_ERROR_MEMORY;
  Picture picture = {(ptrdiff_t)shape->height, (ptrdiff_t)shape->width, (ptrdiff_t)shape->channels,
                     values};
  Picture spare = picture;
  spare.values += count;
  for (size_t i = 0; i < count; i++)
    values[i] = patch[i];
  change(draw, &picture, &spare);
  for (size_t i = 0; i < count; i++)
    result[i] = (float)(draw->solarise && values[i] >= 0.5 ? 1 - values[i] : values[i]);
  dc_free(values);
  return DC_OK;
}
