/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/patch.h"

#include "base/memory.h"
#include "image/fit.h"
#include "image/pixels.h"
#include "image/resize.h"

#include <string.h>

/* How a patch is read: for each of its rows, the rows of each plane that have a share in it are
 * mixed into one row of floats, byte by byte whatever the bytes mean, which is where nearly all the
 * work lies and what vectorises best; then each component is picked out of it and mixed along the
 * row; then the components become colours. */

/* Where an output has fewer taps than others, what lies behind its samples is read, times zero: at
 * most 3 samples that are 4 bytes apart. */
enum { BEYOND = 12 };

/* Axes come in pairs: index 0 for components of full resolution, 1 for chroma. */
struct DcPatchReader {
  DcPatchSpec spec;
  DcAxis across[2], down[2];
  float *mixed; /* rows of one plane mixed into one */
  size_t mixed_capacity;
  float *components[3];   /* one row of the patch before conversion */
  float *colours[3];      /* and after it, by channel */
  float gain[3], bias[3]; /* normalised = gain * colour + bias */
};

/* What stays the same while one region is read. */
typedef struct {
  const DcImage *image;
  const DcPixelLayout *layout;
  DcFitting fit;
  int n_components; /* that the patch is made from */
  int left, top;    /* the visible part of the region, in pixels of the image */
  int right, bottom;
  size_t begin[3], size[3]; /* the bytes of a row of each plane that the region needs */
  float weights[3][3], offset[3];
} Reading;

DcPatchReader *
dc_patch_reader_new(const DcPatchSpec *spec)
{
  DcPatchReader *reader = DC_NEW(DcPatchReader, 1);
  if (!reader)
    return NULL;
  reader->spec = *spec;
  float *rows = DC_NEW(float, 6 * (size_t)spec->width);
  if (!rows) {
    dc_free(reader);
    return NULL;
  }
  for (size_t c = 0; c < 3; c++) {
    reader->components[c] = rows + c * (size_t)spec->width;
    reader->colours[c] = rows + (3 + c) * (size_t)spec->width;
  }
  for (int c = 0; c < dc_patch_channels(spec); c++) {
    reader->gain[c] = 1 / spec->deviation[c];
    reader->bias[c] = -spec->mean[c] / spec->deviation[c];
  }
  return reader;
}

void
dc_patch_reader_free(DcPatchReader *reader)
{
  if (!reader)
    return;
  for (int i = 0; i < 2; i++) {
    dc_axis_clear(&reader->across[i]);
    dc_axis_clear(&reader->down[i]);
  }
  dc_free(reader->components[0]); /* of one block with the rest */
  dc_free(reader->mixed);
  dc_free(reader);
}

/* The first and last pixel of a side of the region that lie in the image. */
static void
find_visible(int position, int side, int image_side, int *first, int *last)
{
  int64_t end = (int64_t)position + side;
  *first = position > 0 ? position : 0;
  *last = (int)(end < image_side ? end : image_side) - 1;
}

/* The byte of a row where the sample of the pixel in column x begins. */
static size_t
sample_byte(const DcComponent *component, int x)
{
  return (size_t)(x >> component->shift_x) * (size_t)component->step;
}

static void
find_bytes(Reading *reading)
{
  size_t end[3] = {0};
  for (int i = 0; i < reading->n_components; i++) {
    const DcComponent *component = &reading->layout->components[i];
    int plane = component->plane;
    size_t first = sample_byte(component, reading->left);
    size_t last = sample_byte(component, reading->right) + (size_t)component->offset;
    if (end[plane] == 0 || first < reading->begin[plane])
      reading->begin[plane] = first;
    if (last >= end[plane])
      end[plane] = last + 1;
    reading->size[plane] = end[plane] - reading->begin[plane];
  }
}

static Reading
begin_reading(const DcPatchSpec *spec, const DcImage *image, const DcRect *region)
{
  bool is_grey = spec->channels == DC_CHANNELS_GRAY;
  DcColourTransform transform = is_grey ? dc_luma_transform(image) : dc_colour_transform(image);
  const DcPixelLayout *layout = dc_pixel_layout(image->format);
  Reading reading = {.image = image,
                     .layout = layout,
                     .fit = dc_fit(spec, region->width, region->height),
                     .n_components = is_grey && layout->is_ycbcr ? 1 : layout->n_components};
  find_visible(region->x, region->width, image->width, &reading.left, &reading.right);
  find_visible(region->y, region->height, image->height, &reading.top, &reading.bottom);
  find_bytes(&reading);
  for (int c = 0; c < 3; c++) {
    int from = spec->channels == DC_CHANNELS_BGR ? 2 - c : c;
    for (int i = 0; i < 3; i++)
      reading.weights[c][i] = (float)transform.weights[from][i];
    reading.offset[c] = (float)transform.offset[from];
  }
  return reading;
}

static DcStatus
plan_axes(DcPatchReader *reader, const Reading *reading, const DcRect *region)
{
  const DcFitting *fit = &reading->fit;
  for (int i = 0; i < reading->n_components; i++) {
    const DcComponent *component = &reading->layout->components[i];
    int shift_x = component->shift_x, shift_y = component->shift_y;
    const DcAxisShape across = {.outputs = fit->columns,
                                .start = fit->x,
                                .length = fit->width,
                                .low = reading->left - region->x,
                                .high = reading->right - region->x,
                                .resize = reader->spec.resize,
                                .shift = shift_x,
                                .phase = shift_x & reading->left};
    const DcAxisShape down = {.outputs = fit->rows,
                              .start = fit->y,
                              .length = fit->height,
                              .low = reading->top - region->y,
                              .high = reading->bottom - region->y,
                              .resize = reader->spec.resize,
                              .shift = shift_y,
                              .phase = shift_y & reading->top};
    if (dc_axis_plan(&reader->across[shift_x], &across) != DC_OK ||
        dc_axis_plan(&reader->down[shift_y], &down) != DC_OK)
      return DC_ERROR_MEMORY;
  }
  return DC_OK;
}

static DcStatus
reserve_mixed(DcPatchReader *reader, const Reading *reading)
{
  for (int plane = 0; plane < reading->layout->planes; plane++) {
    size_t size = reading->size[plane] + BEYOND;
    if (size <= reader->mixed_capacity)
      continue;
    dc_free(reader->mixed);
    reader->mixed = DC_NEW(float, size);
    reader->mixed_capacity = reader->mixed ? size : 0;
    if (!reader->mixed)
      return DC_ERROR_MEMORY;
  }
  return DC_OK;
}

static void
set_rows(float *restrict mixed, const uint8_t *a, float weight_a, const uint8_t *b, float weight_b,
         size_t size)
{
  for (size_t i = 0; i < size; i++)
    mixed[i] = weight_a * (float)a[i] + weight_b * (float)b[i];
}

static void
add_rows(float *restrict mixed, const uint8_t *a, float weight_a, const uint8_t *b, float weight_b,
         size_t size)
{
  for (size_t i = 0; i < size; i++)
    mixed[i] += weight_a * (float)a[i] + weight_b * (float)b[i];
}

/* Mixes the rows of a plane that have a share in row `output` of the fitted part. */
static void
mix_rows(DcPatchReader *reader, const Reading *reading, int plane, int shift_y, int output)
{
  const DcAxis *down = &reader->down[shift_y];
  ptrdiff_t stride = reading->image->strides[plane];
  const uint8_t *rows = reading->image->planes[plane] +
                        ((reading->top >> shift_y) + down->firsts[output]) * stride +
                        reading->begin[plane];
  const float *weights = down->weights + (size_t)output * down->stride;
  int count = down->counts[output];
  for (int k = 0; k < count; k += 2) {
    bool is_pair = k + 1 < count;
    const uint8_t *a = rows + k * stride, *b = is_pair ? a + stride : a;
    float weight_b = is_pair ? weights[k + 1] : 0;
    (k == 0 ? set_rows : add_rows)(reader->mixed, a, weights[k], b, weight_b, reading->size[plane]);
  }
}

/* Mixes `taps` samples that lie `step` apart for each output. Inlined with constant taps. */
static inline void
mix_taps(const DcAxis *across, const float *samples, size_t step, float *restrict mixed,
         size_t taps)
{
  size_t outputs = (size_t)across->shape.outputs, stride = across->stride;
  for (size_t x = 0; x < outputs; x++) {
    const float *sample = samples + (size_t)across->firsts[x] * step;
    const float *weights = across->weights + x * stride;
    float sum = weights[0] * sample[0];
    for (size_t k = 1; k < taps; k++)
      sum += weights[k] * sample[k * step];
    mixed[x] = sum;
  }
}

/* The same for many samples, as many as each output has. */
static void
mix_many(const DcAxis *across, const float *samples, size_t step, float *restrict mixed)
{
  for (size_t x = 0; x < (size_t)across->shape.outputs; x++) {
    const float *sample = samples + (size_t)across->firsts[x] * step;
    const float *weights = across->weights + x * across->stride;
    size_t count = (size_t)across->counts[x], k = 0;
    float sums[4] = {0}; /* so that one addition need not wait for the other */
    for (; k + 4 <= count; k += 4)
      for (size_t i = 0; i < 4; i++)
        sums[i] += weights[k + i] * sample[(k + i) * step];
    for (; k < count; k++)
      sums[0] += weights[k] * sample[k * step];
    mixed[x] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
}

static void
mix_samples(const DcAxis *across, const float *samples, size_t step, float *mixed)
{
  switch (across->taps) {
  case 1:
    mix_taps(across, samples, step, mixed, 1);
    break;
  case 2:
    mix_taps(across, samples, step, mixed, 2);
    break;
  case 3:
    mix_taps(across, samples, step, mixed, 3);
    break;
  case 4:
    mix_taps(across, samples, step, mixed, 4);
    break;
  default:
    mix_many(across, samples, step, mixed);
  }
}

static void
mix_components(DcPatchReader *reader, const Reading *reading, int output)
{
  int mixed_plane = -1;
  for (int i = 0; i < reading->n_components; i++) {
    const DcComponent *component = &reading->layout->components[i];
    if (component->plane != mixed_plane)
      mix_rows(reader, reading, component->plane, component->shift_y, output);
    mixed_plane = component->plane;
    size_t first = sample_byte(component, reading->left) + (size_t)component->offset -
                   reading->begin[mixed_plane];
    mix_samples(&reader->across[component->shift_x], reader->mixed + first, (size_t)component->step,
                reader->components[i]);
  }
}

/* Converts and normalises the components of a row into channel c. */
static void
convert(DcPatchReader *reader, const Reading *reading, int c)
{
  const float *weights = reading->weights[c];
  const float *first = reader->components[0];
  /* Weights of components that the picture does not have are zero. */
  const float *second = reader->components[reading->n_components > 1 ? 1 : 0];
  const float *third = reader->components[reading->n_components > 1 ? 2 : 0];
  float offset = reading->offset[c], gain = reader->gain[c], bias = reader->bias[c];
  float *restrict colours = reader->colours[c];
  for (int x = 0; x < reading->fit.columns; x++) {
    float colour = weights[0] * first[x] + weights[1] * second[x] + weights[2] * third[x] + offset;
    colour = colour < 0 ? 0 : colour;
    colour = colour > 1 ? 1 : colour;
    colours[x] = gain * colour + bias;
  }
}

/* Writes a row of the fitted part, channels last. */
static void
write_row(DcPatchReader *reader, const Reading *reading, float *restrict values)
{
  int columns = reading->fit.columns, channels = dc_patch_channels(&reader->spec);
  for (int c = 0; c < channels; c++)
    convert(reader, reading, c);
  const float *first = reader->colours[0], *second = reader->colours[1],
              *third = reader->colours[2];
  if (channels == 1) {
    memcpy(values, first, (size_t)columns * sizeof *values);
    return;
  }
  for (int x = 0; x < columns; x++) {
    values[3 * x] = first[x];
    values[3 * x + 1] = second[x];
    values[3 * x + 2] = third[x];
  }
}

static void
write_border(const DcPatchReader *reader, float *values, size_t pixels)
{
  size_t channels = (size_t)dc_patch_channels(&reader->spec);
  float border = (float)reader->spec.fill / 255;
  for (size_t i = 0; i < pixels; i++)
    for (size_t c = 0; c < channels; c++)
      values[i * channels + c] = reader->gain[c] * border + reader->bias[c];
}

DcStatus
dc_patch_read(DcPatchReader *reader, const DcImage *image, const DcRect *region, float *patch)
{
  if (!dc_region_is_visible(image, region))
    return DC_ERROR_ARGUMENT;
  Reading reading = begin_reading(&reader->spec, image, region);
  if (plan_axes(reader, &reading, region) != DC_OK || reserve_mixed(reader, &reading) != DC_OK)
    return DC_ERROR_MEMORY;

  const DcFitting *fit = &reading.fit;
  size_t width = (size_t)reader->spec.width, height = (size_t)reader->spec.height;
  if (fit->columns < reader->spec.width || fit->rows < reader->spec.height)
    write_border(reader, patch, width * height);
  size_t channels = (size_t)dc_patch_channels(&reader->spec);
  for (int row = 0; row < fit->rows; row++) {
    size_t corner = (size_t)(fit->top + row) * width + (size_t)fit->left;
    mix_components(reader, &reading, row);
    write_row(reader, &reading, patch + corner * channels);
  }
  return DC_OK;
}
