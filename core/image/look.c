/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/look.h"

#include <math.h>
#include <string.h>

#define RANGE      255.0
#define BLUR_REACH 3 /* standard deviations of a Gaussian that are summed */
#define RADIAN     0.017453292519943295

DcLook
dc_look_plain(void)
{
  return (DcLook){.contrast = 1, .gain = {1, 1, 1}};
}

double
dc_look_shade(double across, double down)
{
  return 0.5 + 0.3 * sin(5 * across + 2 * down) + 0.2 * cos(3 * across - 7 * down);
}

/* A picture of doubles. */
typedef struct {
  int width, height, channels;
  double *values;
} Field;

static size_t
count_values(const Field *field)
{
  return (size_t)field->width * (size_t)field->height * (size_t)field->channels;
}

static double *
value_at(const Field *field, int x, int y)
{
  return field->values + ((ptrdiff_t)y * field->width + x) * field->channels;
}

static bool
has_gain(const DcLook *look)
{
  return look->gain[0] != 1 || look->gain[1] != 1 || look->gain[2] != 1;
}

static void
light(const DcLook *look, const Field *field)
{
  for (int y = 0; y < field->height; y++)
    for (int x = 0; x < field->width; x++) {
      double *values = value_at(field, x, y);
      double shade = look->background * RANGE *
                     dc_look_shade((x + 0.5) / field->width, (y + 0.5) / field->height);
      for (int c = 0; c < field->channels; c++) {
        double value = values[c] > shade ? values[c] : shade;
        value = value * look->gain[c] * look->contrast + look->brightness * RANGE;
        values[c] = look->inverted ? RANGE - value : value;
      }
    }
}

/* One axis of a Gaussian blur; beyond the border the picture goes on as its outermost pixels. */
static void
blur_axis(const Field *source, const Field *target, double sigma, bool across)
{
  int reach = (int)ceil(BLUR_REACH * sigma), most = (across ? source->width : source->height) - 1;
  for (int y = 0; y < source->height; y++)
    for (int x = 0; x < source->width; x++) {
      double sum[3] = {0}, total = 0;
      for (int step = -reach; step <= reach; step++) {
        int place = (across ? x : y) + step;
        place = place < 0 ? 0 : place > most ? most : place;
        const double *values = across ? value_at(source, place, y) : value_at(source, x, place);
        double weight = exp(-0.5 * step * step / (sigma * sigma));
        for (int c = 0; c < source->channels; c++)
          sum[c] += weight * values[c];
        total += weight;
      }
      for (int c = 0; c < source->channels; c++)
        value_at(target, x, y)[c] = sum[c] / total;
    }
}

static double
value_or_black(const Field *field, int x, int y, int channel)
{
  bool inside = x >= 0 && y >= 0 && x < field->width && y < field->height;
  return inside ? value_at(field, x, y)[channel] : 0;
}

/* Bilinear, about the middle of the picture. */
static void
turn(const Field *source, const Field *target, double degrees)
{
  double cosine = cos(degrees * RADIAN), sine = sin(degrees * RADIAN);
  double centre_x = (source->width - 1) / 2.0, centre_y = (source->height - 1) / 2.0;
  for (int y = 0; y < source->height; y++)
    for (int x = 0; x < source->width; x++) {
      double across = x - centre_x, down = y - centre_y;
      double from_x = centre_x + cosine * across - sine * down;
      double from_y = centre_y + sine * across + cosine * down;
      int left = (int)floor(from_x), top = (int)floor(from_y);
      double right_share = from_x - left, low_share = from_y - top;
      for (int c = 0; c < source->channels; c++)
        value_at(target, x, y)[c] =
            (1 - low_share) * ((1 - right_share) * value_or_black(source, left, top, c) +
                               right_share * value_or_black(source, left + 1, top, c)) +
            low_share * ((1 - right_share) * value_or_black(source, left, top + 1, c) +
                         right_share * value_or_black(source, left + 1, top + 1, c));
    }
}

size_t
dc_look_scratch(int width, int height, int channels)
{
  return 2 * sizeof(double) * (size_t)width * (size_t)height * (size_t)channels;
}

static void
swap(Field *one, Field *other)
{
  Field kept = *one;
  *one = *other;
  *other = kept;
}

void
dc_look_apply(const DcLook *look, int width, int height, int channels, const uint8_t *source,
              void *scratch, DcRandom *random, uint8_t *target)
{
  Field now = {width, height, channels, scratch}, next = now;
  size_t count = count_values(&now);
  next.values += count;
  for (size_t i = 0; i < count; i++)
    now.values[i] = source[i];
  if (look->background > 0 || has_gain(look) || look->contrast != 1 || look->brightness != 0 ||
      look->inverted)
    light(look, &now);
  if (look->blur > 0) {
    double sigma = look->blur * (width < height ? width : height);
    blur_axis(&now, &next, sigma, true);
    blur_axis(&next, &now, sigma, false);
  }
  if (look->turn != 0) {
    turn(&now, &next, look->turn);
    swap(&now, &next);
  }
  for (size_t i = 0; i < count; i++) {
    double value = now.values[i];
    if (look->noise > 0)
      value += look->noise * RANGE * dc_random_normal(random);
    target[i] = (uint8_t)lrint(fmin(fmax(value, 0), RANGE));
  }
}

void
dc_look_apply_vector(const DcLook *look, const float *mean, double deviation, size_t length,
                     const float *source, DcRandom *random, float *target)
{
  double cosine = cos(look->turn * RADIAN), sine = sin(look->turn * RADIAN);
  double scale = look->inverted ? -look->contrast : look->contrast;
  for (size_t i = 0; i < length; i++) {
    size_t other = i ^ 1;
    double own = (double)source[i] - mean[i];
    double turned = own;
    if (other < length) {
      double partner = (double)source[other] - mean[other];
      turned = cosine * own + (i % 2 ? sine : -sine) * partner;
    }
    double value = mean[i] + scale * turned + look->brightness * deviation;
    if (look->noise > 0)
      value += look->noise * deviation * dc_random_normal(random);
    target[i] = (float)value;
  }
}
