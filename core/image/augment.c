/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/augment.h"

#include <math.h>
#include <string.h>

#define PI         3.14159265358979323846
#define MOST_SIDE  4096
#define MOST_SIGMA 10

/* The kernel of a blur reaches to three sigma: cut off at two, its deviation would be 0.88 sigma
 * instead of 0.99. */
#define MOST_RADIUS (3 * MOST_SIGMA)

DcAugmentation
dc_augmentation_secu(size_t view, double smallest_crop)
{
  return (DcAugmentation){.crop = smallest_crop,
                          .flip = 0.5,
                          .jitter = 0.8,
                          .brightness = 0.4,
                          .contrast = 0.4,
                          .saturation = 0.2,
                          .hue = 0.1,
                          .grey = 0.2,
                          .blur = view == 0 ? 1.0 : 0.1,
                          .least_sigma = 0.1,
                          .most_sigma = 2,
                          .solarise = view == 0 ? 0 : 0.2};
}

static DcStatus
check_shape(const DcAugmentShape *shape, DcError *error)
{
  if (shape->channels != 1 && shape->channels != 3)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "patches of %zu channels cannot be augmented; they need 1 or 3",
                        shape->channels);
  if (shape->height < 1 || shape->height > MOST_SIDE || shape->width < 1 ||
      shape->width > MOST_SIDE)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "patches of %zu x %zu pixels cannot be augmented; sides are 1 to %d",
                        shape->width, shape->height, MOST_SIDE);
  return DC_OK;
}

DcStatus
dc_augmentation_check(const DcAugmentation *augmentation, const DcAugmentShape *shape,
                      DcError *error)
{
  /* A factor beyond this only clips what a smaller one has clipped; infinity would give NaN. */
  const double most_strength = 100;
  const struct {
    const char *name;
    double value, most;
  } fields[] = {
      {"shift", augmentation->shift, 1},
      {"rotation", augmentation->rotation, 180},
      {"scale", augmentation->scale, nextafter(1, 0)},
      {"crop", augmentation->crop, 1},
      {"flip", augmentation->flip, 1},
      {"jitter", augmentation->jitter, 1},
      {"brightness", augmentation->brightness, most_strength},
      {"contrast", augmentation->contrast, most_strength},
      {"saturation", augmentation->saturation, most_strength},
      {"hue", augmentation->hue, 0.5},
      {"grey", augmentation->grey, 1},
      {"blur", augmentation->blur, 1},
      {"most_sigma", augmentation->most_sigma, MOST_SIGMA},
      {"least_sigma", augmentation->least_sigma, augmentation->most_sigma},
      {"solarise", augmentation->solarise, 1},
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    /* The negation also catches NaN. */
    if (!(fields[i].value >= 0 && fields[i].value <= fields[i].most))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "the augmentation's %s is %g; it must be 0 to %g", fields[i].name,
                          fields[i].value, fields[i].most);
  }
  return check_shape(shape, error);
}

/* --- Drawing ---------------------------------------------------------------------------------- */

static double
draw_between(DcRandom *random, double low, double high)
{
  /* Rounding may not carry it past the end. */
  return fmin(low + (high - low) * dc_random_uniform(random), high);
}

static bool
draw_chance(DcRandom *random, double probability)
{
  return dc_random_uniform(random) < probability;
}

typedef struct {
  double x, y, width, height; /* whole pixels */
} Crop;

/* Where no aspect drawn fits: the largest centred part whose aspect is allowed. */
static Crop
central_crop(double width, double height)
{
  Crop crop = {.width = width, .height = height};
  if (3 * width > 4 * height)
    crop.width = round(height * 4 / 3);
  else if (4 * width < 3 * height)
    crop.height = round(width * 4 / 3);
  crop.x = floor((width - crop.width) / 2);
  crop.y = floor((height - crop.height) / 2);
  return crop;
}

static Crop
draw_crop(double smallest, double width, double height, DcRandom *random)
{
  if (smallest == 0)
    return (Crop){.width = width, .height = height};
  for (int attempt = 0; attempt < 10; attempt++) {
    const double area = width * height * draw_between(random, smallest, 1);
    const double aspect = exp(draw_between(random, log(3. / 4), log(4. / 3)));
    Crop crop = {.width = round(sqrt(area * aspect)), .height = round(sqrt(area / aspect))};
    if (crop.width < 1 || crop.width > width || crop.height < 1 || crop.height > height)
      continue;
    crop.x = dc_random_below(random, (uint32_t)(width - crop.width) + 1);
    crop.y = dc_random_below(random, (uint32_t)(height - crop.height) + 1);
    return crop;
  }
  return central_crop(width, height);
}

/* From a pixel of the patch back to the picture: first into the crop, then against shift, rotation
 * and scale. With nothing to do, every number in this is exact, and so is the copy. */
static void
draw_map(const DcAugmentation *augmentation, const DcAugmentShape *shape, DcRandom *random,
         double map[6])
{
  const double width = (double)shape->width, height = (double)shape->height;
  const double right = width * draw_between(random, -augmentation->shift, augmentation->shift);
  const double down = height * draw_between(random, -augmentation->shift, augmentation->shift);
  const double angle =
      PI / 180 * draw_between(random, -augmentation->rotation, augmentation->rotation);
  const double factor = draw_between(random, 1 - augmentation->scale, 1 + augmentation->scale);
  const Crop crop = draw_crop(augmentation->crop, width, height, random);
  const bool flip = draw_chance(random, augmentation->flip);

  const double across = (flip ? -1 : 1) * crop.width / width, along = crop.height / height;
  const double left = crop.x + (flip ? crop.width : 0), top = crop.y;
  const double cosine = cos(angle) / factor, sine = sin(angle) / factor;
  /* Of the centre of pixel (0, 0), from the centre of what is turned. */
  const double x = across / 2 + left - width / 2 - right;
  const double y = along / 2 + top - height / 2 - down;
  map[0] = cosine * across;
  map[1] = sine * along;
  map[2] = cosine * x + sine * y + width / 2 - 0.5;
  map[3] = -sine * across;
  map[4] = cosine * along;
  map[5] = -sine * x + cosine * y + height / 2 - 0.5;
}

static double
draw_amount(DcJitterKind kind, double strength, DcRandom *random)
{
  if (kind == DC_JITTER_HUE)
    return draw_between(random, -strength, strength);
  return draw_between(random, strength < 1 ? 1 - strength : 0, 1 + strength);
}

static void
draw_jitter(const DcAugmentation *augmentation, size_t channels, DcRandom *random,
            DcAugmentDraw *draw)
{
  const double strengths[DC_JITTER_KINDS] = {
      [DC_JITTER_BRIGHTNESS] = augmentation->brightness,
      [DC_JITTER_CONTRAST] = augmentation->contrast,
      [DC_JITTER_SATURATION] = channels == 3 ? augmentation->saturation : 0,
      [DC_JITTER_HUE] = channels == 3 ? augmentation->hue : 0,
  };
  draw->jitter_count = 0;
  if (!draw_chance(random, augmentation->jitter))
    return;
  uint32_t order[DC_JITTER_KINDS] = {0, 1, 2, 3};
  dc_random_shuffle(random, order, DC_JITTER_KINDS);
  for (size_t i = 0; i < DC_JITTER_KINDS; i++) {
    const DcJitterKind kind = (DcJitterKind)order[i];
    if (strengths[kind] > 0)
      draw->jitter[draw->jitter_count++] =
          (DcJitter){kind, draw_amount(kind, strengths[kind], random)};
  }
}

void
dc_augment_draw(const DcAugmentation *augmentation, const DcAugmentShape *shape, DcRandom *random,
                DcAugmentDraw *draw)
{
  *draw = (DcAugmentDraw){0};
  draw_map(augmentation, shape, random, draw->map);
  draw_jitter(augmentation, shape->channels, random, draw);
  draw->grey = draw_chance(random, augmentation->grey) && shape->channels == 3;
  if (draw_chance(random, augmentation->blur))
    draw->sigma = draw_between(random, augmentation->least_sigma, augmentation->most_sigma);
  draw->solarise = draw_chance(random, augmentation->solarise);
}

/* --- Resampling ------------------------------------------------------------------------------- */

/* A place on one axis: between the pixels `low` and `high`, `share` of the way. */
typedef struct {
  size_t low, high;
  float share;
} Place;

static inline Place
place_on(double position, size_t side)
{
  const double last = (double)(side - 1);
  const double inside = position < 0 ? 0 : position > last ? last : position;
  const size_t low = (size_t)inside;
  return (Place){low, low + 1 < side ? low + 1 : low, (float)(inside - (double)low)};
}

static inline float
mix(float a, float b, float share)
{
  return a + share * (b - a);
}

/* `channels` is constant where this is called, so that the loop over it goes away. */
static inline void
resample_row(const double map[6], const DcAugmentShape *shape, size_t channels, size_t y,
             const float *patch, float *row)
{
  const double start_x = map[1] * (double)y + map[2], start_y = map[4] * (double)y + map[5];
  const size_t stride = shape->width * channels;
  for (size_t x = 0; x < shape->width; x++) {
    const Place across = place_on(map[0] * (double)x + start_x, shape->width);
    const Place down = place_on(map[3] * (double)x + start_y, shape->height);
    const float *upper = patch + down.low * stride, *lower = patch + down.high * stride;
    for (size_t c = 0; c < channels; c++) {
      const size_t left = across.low * channels + c, right = across.high * channels + c;
      row[x * channels + c] = mix(mix(upper[left], upper[right], across.share),
                                  mix(lower[left], lower[right], across.share), down.share);
    }
  }
}

static void
resample(const double map[6], const DcAugmentShape *shape, const float *patch, float *result)
{
  for (size_t y = 0; y < shape->height; y++) {
    float *row = result + y * shape->width * shape->channels;
    if (shape->channels == 3)
      resample_row(map, shape, 3, y, patch, row);
    else
      resample_row(map, shape, 1, y, patch, row);
  }
}

/* --- Colours ---------------------------------------------------------------------------------- */

/* NaN compares as neither and stays. */
static inline float
clip(float value)
{
  return value < 0.f ? 0.f : value > 1.f ? 1.f : value;
}

/* BT.601, as a picture is made grey everywhere in torchvision. */
static inline float
luma(const float *pixel)
{
  return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

static double
mean_luma(const float *values, size_t pixels, size_t channels)
{
  double sum = 0;
  for (size_t i = 0; i < pixels; i++)
    sum += channels == 3 ? luma(values + 3 * i) : values[i];
  return sum / (double)pixels;
}

/* values <- factor values + offset: brightness, and contrast. */
static void
stretch(float *values, size_t count, float factor, float offset)
{
  for (size_t i = 0; i < count; i++)
    values[i] = clip(factor * values[i] + offset);
}

/* Saturation, and with factor 0 grey. */
static void
saturate(float *values, size_t pixels, float factor)
{
  for (size_t i = 0; i < pixels; i++) {
    float *pixel = values + 3 * i;
    const float offset = (1 - factor) * luma(pixel);
    for (size_t c = 0; c < 3; c++)
      pixel[c] = clip(factor * pixel[c] + offset);
  }
}

/* A channel of a colour of hue 0 .. 6, by the form of HSV without cases: what is taken off the
 * largest channel is `chroma` times a trapezium of the hue, which each channel sees from a place of
 * its own (`from` is 5, 3, 1 for red, green, blue). */
static inline float
channel_of_hue(float from, float hue, float largest, float chroma)
{
  float k = from + hue;
  k = k >= 6 ? k - 6 : k;
  const float falling = 4 - k;
  const float slope = k < falling ? k : falling;
  return largest - chroma * clip(slope);
}

/* `turn` is in sixths of a full turn, -3 .. 3. */
static inline void
turn_hue_of_pixel(float *pixel, float turn)
{
  const float r = pixel[0], g = pixel[1], b = pixel[2];
  const float most_gb = g > b ? g : b, least_gb = g < b ? g : b;
  const float largest = r > most_gb ? r : most_gb, smallest = r < least_gb ? r : least_gb;
  const float chroma = largest - smallest;
  /* A grey pixel has no hue to turn. Where one channel is NaN, so is the hue, or the pixel stays as
   * it is. */
  if (!(chroma > 0))
    return;
  float hue = largest == r   ? (g - b) / chroma
              : largest == g ? 2 + (b - r) / chroma
                             : 4 + (r - g) / chroma;
  hue += turn; /* from -1 .. 5 to -4 .. 8 */
  hue = hue < 0 ? hue + 6 : hue >= 6 ? hue - 6 : hue;
  pixel[0] = channel_of_hue(5, hue, largest, chroma);
  pixel[1] = channel_of_hue(3, hue, largest, chroma);
  pixel[2] = channel_of_hue(1, hue, largest, chroma);
}

static void
turn_hue(float *values, size_t pixels, float turn)
{
  for (size_t i = 0; i < pixels; i++)
    turn_hue_of_pixel(values + 3 * i, 6 * turn);
}

static void
apply_jitter(const DcJitter *jitter, const DcAugmentShape *shape, float *values)
{
  const size_t pixels = shape->height * shape->width, count = pixels * shape->channels;
  const float amount = (float)jitter->amount;
  switch (jitter->kind) {
  case DC_JITTER_BRIGHTNESS:
    stretch(values, count, amount, 0);
    break;
  case DC_JITTER_CONTRAST:
    stretch(values, count, amount,
            (float)((1 - jitter->amount) * mean_luma(values, pixels, shape->channels)));
    break;
  case DC_JITTER_SATURATION:
    saturate(values, pixels, amount);
    break;
  case DC_JITTER_HUE:
    turn_hue(values, pixels, amount);
    break;
  }
}

static void
solarise(float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    values[i] = values[i] >= 0.5f ? 1 - values[i] : values[i];
}

/* --- Blur ------------------------------------------------------------------------------------- */

/* Half of a symmetric kernel: weights[k] is that of both neighbours k away. */
typedef struct {
  size_t radius;
  float weights[MOST_RADIUS + 1];
} Kernel;

static Kernel
gaussian(double sigma)
{
  Kernel kernel = {.radius = (size_t)ceil(3 * sigma)};
  double weights[MOST_RADIUS + 1], sum = 0;
  for (size_t k = 0; k <= kernel.radius; k++) {
    const double distance = (double)k / sigma;
    weights[k] = exp(-distance * distance / 2);
    sum += k ? 2 * weights[k] : weights[k];
  }
  for (size_t k = 0; k <= kernel.radius; k++)
    kernel.weights[k] = (float)(weights[k] / sum);
  return kernel;
}

/* sum += weight * (a + b), for `count` numbers. */
static inline void
add_pair(float *sum, const float *a, const float *b, float weight, size_t count)
{
  for (size_t i = 0; i < count; i++)
    sum[i] += weight * (a[i] + b[i]);
}

static inline void
scale_into(float *sum, const float *values, float weight, size_t count)
{
  for (size_t i = 0; i < count; i++)
    sum[i] = weight * values[i];
}

/* The row with its outermost pixels repeated `radius` times on either side. */
static void
pad_row(const float *row, size_t width, size_t channels, size_t radius, float *padded)
{
  memcpy(padded + radius * channels, row, width * channels * sizeof(float));
  for (size_t i = 0; i < radius * channels; i++) {
    padded[i] = row[i % channels];
    padded[(radius + width) * channels + i] = row[(width - 1) * channels + i % channels];
  }
}

static void
blur_rows(const Kernel *kernel, const DcAugmentShape *shape, const float *values, float *padded,
          float *result)
{
  const size_t channels = shape->channels, stride = shape->width * channels;
  for (size_t y = 0; y < shape->height; y++) {
    float *sum = result + y * stride;
    const float *middle = padded + kernel->radius * channels;
    pad_row(values + y * stride, shape->width, channels, kernel->radius, padded);
    scale_into(sum, middle, kernel->weights[0], stride);
    for (size_t k = 1; k <= kernel->radius; k++)
      add_pair(sum, middle - k * channels, middle + k * channels, kernel->weights[k], stride);
  }
}

static void
blur_columns(const Kernel *kernel, const DcAugmentShape *shape, const float *values, float *result)
{
  const size_t stride = shape->width * shape->channels, last = shape->height - 1;
  for (size_t y = 0; y <= last; y++) {
    float *sum = result + y * stride;
    scale_into(sum, values + y * stride, kernel->weights[0], stride);
    for (size_t k = 1; k <= kernel->radius; k++) {
      const size_t above = y > k ? y - k : 0, below = last - y > k ? y + k : last;
      add_pair(sum, values + above * stride, values + below * stride, kernel->weights[k], stride);
    }
    /* The weights sum to 1 only up to rounding. */
    stretch(sum, stride, 1, 0);
  }
}

static void
blur(double sigma, const DcAugmentShape *shape, float *values, float *scratch)
{
  const Kernel kernel = gaussian(sigma);
  float *padded = scratch + shape->height * shape->width * shape->channels;
  blur_rows(&kernel, shape, values, padded, scratch);
  blur_columns(&kernel, shape, scratch, values);
}

/* --- All of it -------------------------------------------------------------------------------- */

size_t
dc_augment_scratch(const DcAugmentShape *shape)
{
  return (shape->height * shape->width + shape->width + 2 * MOST_RADIUS) * shape->channels;
}

void
dc_augment_apply(const DcAugmentDraw *draw, const DcAugmentShape *shape, const float *patch,
                 float *result, float *scratch)
{
  const size_t pixels = shape->height * shape->width;
  resample(draw->map, shape, patch, result);
  for (size_t i = 0; i < draw->jitter_count; i++)
    apply_jitter(&draw->jitter[i], shape, result);
  if (draw->grey)
    saturate(result, pixels, 0);
  if (draw->sigma > 0)
    blur(draw->sigma, shape, result, scratch);
  if (draw->solarise)
    solarise(result, pixels * shape->channels);
}

void
dc_augment(const DcAugmentation *augmentation, const DcAugmentShape *shape, const float *patch,
           DcRandom *random, float *result, float *scratch)
{
  DcAugmentDraw draw;
  dc_augment_draw(augmentation, shape, random, &draw);
  dc_augment_apply(&draw, shape, patch, result, scratch);
}
