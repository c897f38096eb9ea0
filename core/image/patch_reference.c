/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/fit.h"
#include "image/patch.h"
#include "image/pixels.h"

#include <math.h>

/* One axis at one output: the pixels first..last, of which each has a share in the output. */
typedef struct {
  double begin, end; /* area: what the output covers */
  double centre;     /* bilinear: where it samples */
  bool average;
  int first, last;
} Stretch;

static Stretch
stretch(const DcPatchSpec *spec, double start, double length, int outputs, int output)
{
  double scale = length / outputs;
  Stretch s = {.begin = start + output * scale,
               .end = start + (output + 1) * scale,
               .centre = start + (output + 0.5) * scale - 0.5,
               .average = spec->resize == DC_RESIZE_AREA && scale > 1};
  s.first = (int)floor(s.average ? s.begin : s.centre);
  s.last = (int)ceil(s.average ? s.end : s.centre);
  return s;
}

/* How much of the output comes from the square (or the sample) of `pixel`. */
static double
share(const Stretch *s, int pixel)
{
  if (s->average)
    return fmax(0, fmin(s->end, pixel + 1.0) - fmax(s->begin, pixel)) / (s->end - s->begin);
  return fmax(0, 1 - fabs(pixel - s->centre));
}

static int
clip(int value, int low, int high)
{
  return value < low ? low : value > high ? high : value;
}

/* The sample of a pixel given in pixels of the region: moved into the region, then into the image.
 */
static double
sample(const DcImage *image, const DcRect *region, const DcComponent *component, int x, int y)
{
  x = clip(region->x + clip(x, 0, region->width - 1), 0, image->width - 1);
  y = clip(region->y + clip(y, 0, region->height - 1), 0, image->height - 1);
  const uint8_t *row = image->planes[component->plane] +
                       (y >> component->shift_y) * image->strides[component->plane];
  return row[(x >> component->shift_x) * component->step + component->offset];
}

static double
resized(const DcImage *image, const DcRect *region, const DcComponent *component,
        const Stretch *across, const Stretch *down)
{
  double sum = 0;
  for (int y = down->first; y <= down->last; y++)
    for (int x = across->first; x <= across->last; x++)
      sum += share(across, x) * share(down, y) * sample(image, region, component, x, y);
  return sum;
}

/* Grey or red, green and blue of one output pixel, 0..1. */
static void
colour_at(const DcPatchSpec *spec, const DcImage *image, const DcRect *region,
          const Stretch *across, const Stretch *down, double *colour)
{
  const DcPixelLayout *layout = dc_pixel_layout(image->format);
  DcColourTransform transform =
      spec->channels == DC_CHANNELS_GRAY ? dc_luma_transform(image) : dc_colour_transform(image);
  double samples[3] = {0};
  for (int i = 0; i < layout->n_components; i++)
    samples[i] = resized(image, region, &layout->components[i], across, down);
  for (int c = 0; c < dc_patch_channels(spec); c++) {
    colour[c] = transform.offset[c];
    for (int i = 0; i < 3; i++)
      colour[c] += transform.weights[c][i] * samples[i];
    colour[c] = fmin(fmax(colour[c], 0), 1);
  }
}

static void
normalise(const DcPatchSpec *spec, const double *colour, float *values)
{
  int channels = dc_patch_channels(spec);
  for (int c = 0; c < channels; c++) {
    int from = spec->channels == DC_CHANNELS_BGR ? channels - 1 - c : c;
    values[c] = (float)((colour[from] - (double)spec->mean[c]) / (double)spec->deviation[c]);
  }
}

DcStatus
dc_patch_read_reference(const DcPatchSpec *spec, const DcImage *image, const DcRect *region,
                        float *patch)
{
  if (!dc_region_is_visible(image, region))
    return DC_ERROR_ARGUMENT;
  DcFitting fit = dc_fit(spec, region->width, region->height);
  for (int y = 0; y < spec->height; y++)
    for (int x = 0; x < spec->width; x++) {
      int column = x - fit.left, row = y - fit.top;
      double border = spec->fill / 255.0;
      double colour[3] = {border, border, border};
      if (column >= 0 && column < fit.columns && row >= 0 && row < fit.rows) {
        Stretch across = stretch(spec, fit.x, fit.width, fit.columns, column);
        Stretch down = stretch(spec, fit.y, fit.height, fit.rows, row);
        colour_at(spec, image, region, &across, &down, colour);
      }
      normalise(spec, colour,
                patch + ((size_t)y * (size_t)spec->width + (size_t)x) *
                            (size_t)dc_patch_channels(spec));
    }
  return DC_OK;
}
