/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allocations.h"
#include "pictures.h"

#include "image/patch.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* Rounding to float of some fifty weights and samples of a sum, and gains of up to 2 from chroma,
 * stay below this: 1/400 of the step between two pixel values. */
#define TOLERANCE 1e-5

static void
assert_same(const DcPatchSpec *spec, const float *got, const float *expected)
{
  size_t channels = (size_t)dc_patch_channels(spec);
  for (size_t i = 0; i < dc_patch_size(spec); i++) {
    double difference = fabs((double)got[i] - (double)expected[i]);
    if (!(difference * fabs((double)spec->deviation[i % channels]) <= TOLERANCE))
      fail_msg("number %zu is %g instead of %g", i, (double)got[i], (double)expected[i]);
  }
}

static void
compare(DcPatchReader *reader, const DcPatchSpec *spec, const DcImage *image, const DcRect *region)
{
  size_t size = dc_patch_size(spec);
  float *fast = malloc(size * sizeof(float)), *reference = malloc(size * sizeof(float));
  assert_true(fast && reference);
  memset(fast, 0xff, size * sizeof(float)); /* NaN, which no comparison lets pass */
  assert_int_equal(dc_patch_read(reader, image, region, fast), DC_OK);
  assert_int_equal(dc_patch_read_reference(spec, image, region, reference), DC_OK);
  assert_same(spec, fast, reference);
  free(fast);
  free(reference);
}

/* Regions of a picture of 37 x 23: whole, inside at odd and even corners, one pixel, over each
 * border and all of them, narrow and flat. */
static const DcRect REGIONS[] = {{0, 0, 37, 23}, {3, 5, 20, 14},       {4, 6, 21, 13},
                                 {36, 22, 1, 1}, {-9, 3, 20, 10},      {30, -7, 20, 20},
                                 {5, 18, 9, 30}, {-40, -40, 150, 120}, {11, 0, 1, 23},
                                 {0, 9, 37, 1},  {7, 7, 5, 5}};
enum { N_REGIONS = sizeof REGIONS / sizeof REGIONS[0] };

static void
compare_regions(const DcPatchSpec *spec, DcPixelFormat format, DcRandom *random)
{
  DcPatchReader *reader = dc_patch_reader_new(spec);
  assert_non_null(reader);
  for (Stride kind = TIGHT; kind < STRIDES; kind++) {
    Picture picture = random_picture(format, 37, 23, kind, random);
    for (int full_range = 0; full_range < 2; full_range++)
      for (size_t i = 0; i < N_REGIONS; i++) {
        picture.image.full_range = full_range;
        picture.image.colour = i % 2 ? DC_COLOUR_BT601 : DC_COLOUR_BT709;
        compare(reader, spec, &picture.image, &REGIONS[i]);
      }
    picture_clear(&picture);
  }
  dc_patch_reader_free(reader);
}

static void
fast_reading_equals_the_definition(void **state)
{
  (void)state;
  static const int sides[][2] = {{8, 8}, {5, 11}, {40, 25}, {1, 1}};
  static const DcChannels channels[] = {DC_CHANNELS_GRAY, DC_CHANNELS_RGB, DC_CHANNELS_BGR};
  DcRandom random;
  dc_random_seed(&random, 11, 0);
  for (int format = 0; format < DC_PIXELS_COUNT; format++)
    for (int fit = DC_FIT_STRETCH; fit <= DC_FIT_CROP; fit++)
      for (int resize = DC_RESIZE_BILINEAR; resize <= DC_RESIZE_AREA; resize++)
        for (size_t i = 0; i < 4; i++) {
          DcPatchSpec spec = dc_patch_spec(sides[i][0], sides[i][1], channels[(i + fit) % 3]);
          spec.fit = (DcFit)fit;
          spec.resize = (DcResize)resize;
          spec.fill = 77;
          for (int c = 0; c < 3; c++) {
            spec.mean[c] = 0.3f + 0.1f * (float)c;
            spec.deviation[c] = c == 1 ? -0.5f : 0.25f;
          }
          compare_regions(&spec, (DcPixelFormat)format, &random);
        }
}

static void
every_channel_order_of_every_format_is_read(void **state)
{
  (void)state;
  static const DcChannels channels[] = {DC_CHANNELS_GRAY, DC_CHANNELS_RGB, DC_CHANNELS_BGR};
  DcRandom random;
  dc_random_seed(&random, 12, 0);
  for (int format = 0; format < DC_PIXELS_COUNT; format++)
    for (size_t i = 0; i < 3; i++) {
      DcPatchSpec spec = dc_patch_spec(9, 7, channels[i]);
      compare_regions(&spec, (DcPixelFormat)format, &random);
    }
}

/* Also the smallest pictures, whose chroma is rounded up. */
static void
tiny_pictures_are_read_whole(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 13, 0);
  DcPatchSpec spec = dc_patch_spec(6, 6, DC_CHANNELS_RGB);
  DcPatchReader *reader = dc_patch_reader_new(&spec);
  for (int format = 0; format < DC_PIXELS_COUNT; format++)
    for (int width = 1; width <= 4; width++)
      for (int height = 1; height <= 4; height++) {
        Picture picture = random_picture((DcPixelFormat)format, width, height, TIGHT, &random);
        compare(reader, &spec, &picture.image, &(DcRect){0, 0, width, height});
        compare(reader, &spec, &picture.image, &(DcRect){-1, -2, width + 3, height + 3});
        picture_clear(&picture);
      }
  dc_patch_reader_free(reader);
}

static void
a_large_frame_is_averaged_precisely(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 14, 0);
  DcPatchSpec spec = dc_patch_spec(3, 2, DC_CHANNELS_RGB);
  DcPatchReader *reader = dc_patch_reader_new(&spec);
  Picture picture = random_picture(DC_PIXELS_I420, 641, 479, WIDE, &random);
  compare(reader, &spec, &picture.image, &(DcRect){0, 0, 641, 479});
  picture_clear(&picture);
  dc_patch_reader_free(reader);
}

/* The rest of the values are worked out by hand. */

static DcImage
grey_image(const uint8_t *pixels, int width, int height)
{
  return (DcImage){.format = DC_PIXELS_GRAY8,
                   .width = width,
                   .height = height,
                   .planes = {pixels},
                   .strides = {width}};
}

/* Compares with `expected` in pixel values. */
static void
assert_patch(const DcPatchSpec *spec, const DcImage *image, DcRect region, const double *expected)
{
  float patch[64];
  DcPatchReader *reader = dc_patch_reader_new(spec);
  assert_int_equal(dc_patch_read(reader, image, &region, patch), DC_OK);
  for (size_t i = 0; i < dc_patch_size(spec); i++)
    if (!(fabs((double)patch[i] * 255 - expected[i]) < 255 * TOLERANCE))
      fail_msg("number %zu is %g instead of %g", i, (double)patch[i] * 255, expected[i]);
  dc_patch_reader_free(reader);
}

static void
equal_sizes_copy(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {0, 1, 2, 100, 200, 255};
  DcImage image = grey_image(pixels, 3, 2);
  for (int resize = DC_RESIZE_BILINEAR; resize <= DC_RESIZE_AREA; resize++) {
    DcPatchSpec spec = dc_patch_spec(3, 2, DC_CHANNELS_GRAY);
    spec.resize = (DcResize)resize;
    assert_patch(&spec, &image, (DcRect){0, 0, 3, 2}, (const double[]){0, 1, 2, 100, 200, 255});
  }
}

static void
area_is_the_mean_of_what_is_covered(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {10, 20, 60, 30, 40, 200};
  DcImage image = grey_image(pixels, 3, 2);
  DcPatchSpec spec = dc_patch_spec(2, 1, DC_CHANNELS_GRAY);
  /* Each output covers one and a half columns. */
  assert_patch(&spec, &image, (DcRect){0, 0, 3, 2},
               (const double[]){(10 + 30 + 0.5 * (20 + 40)) / 3, (60 + 200 + 0.5 * (20 + 40)) / 3});
}

static void
growing_interpolates_between_pixel_centres(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {0, 100};
  DcImage image = grey_image(pixels, 2, 1);
  DcPatchSpec spec = dc_patch_spec(4, 1, DC_CHANNELS_GRAY);
  assert_patch(&spec, &image, (DcRect){0, 0, 2, 1}, (const double[]){0, 25, 75, 100});
}

static void
bilinear_shrinking_does_not_smooth(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {9, 40, 80, 9, 9, 20, 100, 9};
  DcImage image = grey_image(pixels, 8, 1);
  DcPatchSpec spec = dc_patch_spec(2, 1, DC_CHANNELS_GRAY);
  spec.resize = DC_RESIZE_BILINEAR;
  assert_patch(&spec, &image, (DcRect){0, 0, 8, 1}, (const double[]){60, 60});
}

static void
letterbox_keeps_the_shape_and_fills_around(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {10, 20, 30, 40};
  DcImage image = grey_image(pixels, 4, 1);
  DcPatchSpec spec = dc_patch_spec(4, 4, DC_CHANNELS_GRAY);
  spec.fit = DC_FIT_LETTERBOX;
  spec.fill = 7;
  assert_patch(&spec, &image, (DcRect){0, 0, 4, 1},
               (const double[]){7, 7, 7, 7, 10, 20, 30, 40, 7, 7, 7, 7, 7, 7, 7, 7});
  DcImage upright = grey_image(pixels, 1, 4);
  spec.width = 3;
  assert_patch(&spec, &upright, (DcRect){0, 0, 1, 4},
               (const double[]){7, 10, 7, 7, 20, 7, 7, 30, 7, 7, 40, 7});
}

static void
letterbox_border_is_normalised(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {255, 255, 255, 255, 255, 255};
  DcImage image = {
      .format = DC_PIXELS_RGB, .width = 2, .height = 1, .planes = {pixels}, .strides = {6}};
  DcPatchSpec spec = dc_patch_spec(2, 2, DC_CHANNELS_RGB);
  spec.fit = DC_FIT_LETTERBOX;
  spec.fill = 51;
  for (int c = 0; c < 3; c++) {
    spec.mean[c] = 0.1f * (float)(c + 1);
    spec.deviation[c] = 0.5f;
  }
  /* (1 - mean) / 0.5 above, (0.2 - mean) / 0.5 below. */
  static const double expected[] = {1.8, 1.6, 1.4, 1.8, 1.6, 1.4, 0.2, 0, -0.2, 0.2, 0, -0.2};
  double pixel_values[12];
  for (int i = 0; i < 12; i++)
    pixel_values[i] = expected[i] * 255;
  assert_patch(&spec, &image, (DcRect){0, 0, 2, 1}, pixel_values);
}

static void
crop_takes_the_middle(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {1, 20, 30, 4, 5, 60, 70, 8};
  DcImage image = grey_image(pixels, 4, 2);
  DcPatchSpec spec = dc_patch_spec(2, 2, DC_CHANNELS_GRAY);
  spec.fit = DC_FIT_CROP;
  assert_patch(&spec, &image, (DcRect){0, 0, 4, 2}, (const double[]){20, 30, 60, 70});
}

static void
outside_reads_as_the_nearest_pixel(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {10, 20, 30, 40};
  DcImage image = grey_image(pixels, 2, 2);
  DcPatchSpec spec = dc_patch_spec(4, 4, DC_CHANNELS_GRAY);
  assert_patch(&spec, &image, (DcRect){-1, -1, 4, 4},
               (const double[]){10, 10, 20, 20, 10, 10, 20, 20, 30, 30, 40, 40, 30, 30, 40, 40});
}

static void
nothing_outside_the_region_is_read(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {255, 10, 20, 255};
  DcImage image = grey_image(pixels, 4, 1);
  DcPatchSpec spec = dc_patch_spec(4, 1, DC_CHANNELS_GRAY);
  assert_patch(&spec, &image, (DcRect){1, 0, 2, 1}, (const double[]){10, 12.5, 17.5, 20});
}

static void
grey_of_rgb_is_its_luma(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {200, 100, 50};
  DcImage image = {
      .format = DC_PIXELS_RGB, .width = 1, .height = 1, .planes = {pixels}, .strides = {3}};
  DcPatchSpec spec = dc_patch_spec(1, 1, DC_CHANNELS_GRAY);
  assert_patch(&spec, &image, (DcRect){0, 0, 1, 1},
               (const double[]){0.299 * 200 + 0.587 * 100 + 0.114 * 50});
  image.format = DC_PIXELS_BGR;
  assert_patch(&spec, &image, (DcRect){0, 0, 1, 1},
               (const double[]){0.299 * 50 + 0.587 * 100 + 0.114 * 200});
}

static void
channels_and_means_follow_the_order_of_the_patch(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {30, 20, 10, 255}; /* blue, green, red, alpha */
  DcImage image = {
      .format = DC_PIXELS_BGRA, .width = 1, .height = 1, .planes = {pixels}, .strides = {4}};
  DcPatchSpec spec = dc_patch_spec(1, 1, DC_CHANNELS_RGB);
  assert_patch(&spec, &image, (DcRect){0, 0, 1, 1}, (const double[]){10, 20, 30});
  spec.channels = DC_CHANNELS_BGR;
  spec.mean[0] = 5 / 255.0f;
  assert_patch(&spec, &image, (DcRect){0, 0, 1, 1}, (const double[]){25, 20, 10});
}

/* The samples of pure red in each matrix and range, rounded as cameras do. */
static void
yuv_red_is_red(void **state)
{
  (void)state;
  static const struct {
    DcColourMatrix colour;
    int full_range;
    uint8_t y, u, v;
  } reds[] = {{DC_COLOUR_BT601, 0, 81, 90, 240},
              {DC_COLOUR_BT709, 0, 63, 102, 240},
              {DC_COLOUR_BT601, 1, 76, 85, 255},
              {DC_COLOUR_BT709, 1, 54, 99, 255}};
  DcPatchSpec spec = dc_patch_spec(1, 1, DC_CHANNELS_RGB);
  DcPatchReader *reader = dc_patch_reader_new(&spec);
  for (size_t i = 0; i < 4; i++) {
    DcImage image = {.format = DC_PIXELS_I420,
                     .colour = reds[i].colour,
                     .full_range = reds[i].full_range,
                     .width = 1,
                     .height = 1,
                     .planes = {&reds[i].y, &reds[i].u, &reds[i].v},
                     .strides = {1, 1, 1}};
    float rgb[3];
    assert_int_equal(dc_patch_read(reader, &image, &(DcRect){0, 0, 1, 1}, rgb), DC_OK);
    /* Samples are rounded by at most a half, which the matrix at most doubles. */
    assert_true(fabs((double)rgb[0] * 255 - 255) < 1.5);
    assert_true((double)rgb[1] * 255 < 1.5 && (double)rgb[2] * 255 < 1.5);
  }
  dc_patch_reader_free(reader);
}

/* A colour within the gamut, by the equations as BT.601 and BT.709 print them. */
static void
yuv_is_converted_by_the_published_coefficients(void **state)
{
  (void)state;
  static const uint8_t y = 120, u = 143, v = 109;
  static const double coefficients[][4] = {{1.402, 0.344136, 0.714136, 1.772},
                                           {1.5748, 0.187324, 0.468124, 1.8556}};
  DcImage image = {.format = DC_PIXELS_I420,
                   .width = 1,
                   .height = 1,
                   .planes = {&y, &u, &v},
                   .strides = {1, 1, 1}};
  DcPatchSpec spec = dc_patch_spec(1, 1, DC_CHANNELS_RGB);
  for (int matrix = DC_COLOUR_BT601; matrix <= DC_COLOUR_BT709; matrix++)
    for (int full_range = 0; full_range < 2; full_range++) {
      const double *k = coefficients[matrix];
      double luma = full_range ? y : (y - 16) * 255 / 219.0;
      double chroma = full_range ? 1 : 255 / 224.0;
      double cb = chroma * (u - 128), cr = chroma * (v - 128);
      const double rgb[] = {luma + k[0] * cr, luma - k[1] * cb - k[2] * cr, luma + k[3] * cb};
      image.colour = (DcColourMatrix)matrix;
      image.full_range = full_range;
      assert_patch(&spec, &image, (DcRect){0, 0, 1, 1}, rgb);
    }
}

static void
grey_of_yuv_is_luma_in_full_range(void **state)
{
  (void)state;
  static const uint8_t luma[] = {16, 235, 0, 255, 126}, chroma[] = {0, 255, 7};
  DcImage image = {.format = DC_PIXELS_I420,
                   .width = 5,
                   .height = 1,
                   .planes = {luma, chroma, chroma},
                   .strides = {5, 3, 3}};
  DcPatchSpec spec = dc_patch_spec(5, 1, DC_CHANNELS_GRAY);
  assert_patch(&spec, &image, (DcRect){0, 0, 5, 1},
               (const double[]){0, 255, 0, 255, 110 * 255 / 219.0});
  image.full_range = 1;
  assert_patch(&spec, &image, (DcRect){0, 0, 5, 1}, (const double[]){16, 235, 0, 255, 126});
}

static void
sizes_follow_the_channels(void **state)
{
  (void)state;
  DcPatchSpec grey = dc_patch_spec(5, 3, DC_CHANNELS_GRAY),
              bgr = dc_patch_spec(5, 3, DC_CHANNELS_BGR);
  assert_int_equal(dc_patch_size(&grey), 15);
  assert_int_equal(dc_patch_size(&bgr), 45);
  assert_int_equal(dc_patch_spec_check(&grey, NULL), DC_OK);
}

static void
reading_allocates_only_for_larger_regions(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 15, 0);
  Picture picture = random_picture(DC_PIXELS_NV12, 200, 160, TIGHT, &random);
  DcPatchSpec spec = dc_patch_spec(16, 16, DC_CHANNELS_RGB);
  DcPatchReader *reader = dc_patch_reader_new(&spec);
  float patch[16 * 16 * 3];
  size_t before = allocations;
  assert_int_equal(dc_patch_read(reader, &picture.image, &(DcRect){0, 0, 200, 160}, patch), DC_OK);
  assert_true(allocations > before); /* or the counting does not count */
  before = allocations;
  for (int side = 1; side < 160; side++)
    assert_int_equal(dc_patch_read(reader, &picture.image,
                                   &(DcRect){-side / 3, side / 2, side, 160 - side}, patch),
                     DC_OK);
  assert_int_equal(allocations, before);
  dc_patch_reader_free(reader);
  picture_clear(&picture);
}

/* --- What must be refused. --- */

static void
assert_read_refused(const DcImage *image, DcRect region)
{
  DcPatchSpec spec = dc_patch_spec(2, 2, DC_CHANNELS_RGB);
  DcPatchReader *reader = dc_patch_reader_new(&spec);
  float patch[12] = {[0] = -3};
  assert_int_equal(dc_patch_read(reader, image, &region, patch), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_patch_read_reference(&spec, image, &region, patch), DC_ERROR_ARGUMENT);
  assert_true(patch[0] == -3);
  dc_patch_reader_free(reader);
}

static void
regions_beside_the_image_are_refused(void **state)
{
  (void)state;
  static const uint8_t pixels[4] = {0};
  DcImage image = grey_image(pixels, 2, 2);
  static const DcRect regions[] = {{2, 0, 5, 5},
                                   {0, 2, 5, 5},
                                   {-5, 0, 5, 5},
                                   {0, -5, 5, 5},
                                   {INT_MIN, 0, 9, 9},
                                   {0, INT_MIN, 9, INT_MAX},
                                   {INT_MAX, 0, INT_MAX, 1},
                                   {0, INT_MAX, 1, INT_MAX}};
  for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++)
    assert_read_refused(&image, regions[i]);
}

static void
regions_without_area_are_refused(void **state)
{
  (void)state;
  static const uint8_t pixels[4] = {0};
  DcImage image = grey_image(pixels, 2, 2);
  assert_read_refused(&image, (DcRect){0, 0, 0, 1});
  assert_read_refused(&image, (DcRect){0, 0, 1, 0});
  assert_read_refused(&image, (DcRect){1, 1, -1, -1});
  assert_read_refused(&image, (DcRect){1, 1, INT_MIN, 1});
}

static void
images_without_pixels_are_refused(void **state)
{
  (void)state;
  static const uint8_t pixels[4] = {0};
  DcRect region = {0, 0, 1, 1};
  DcImage narrow = grey_image(pixels, 0, 2), flat = grey_image(pixels, 2, -1),
          nothing = grey_image(NULL, 2, 2), half = grey_image(pixels, 2, 2),
          unknown = grey_image(pixels, 2, 2);
  half.format = DC_PIXELS_I420; /* without its chroma */
  unknown.format = DC_PIXELS_COUNT;
  assert_read_refused(&narrow, region);
  assert_read_refused(&flat, region);
  assert_read_refused(&nothing, region);
  assert_read_refused(&half, region);
  assert_read_refused(&unknown, region);
  unknown.format = (DcPixelFormat)-1;
  assert_read_refused(&unknown, region);
}

/* The largest region that can be written down still costs no more than what is visible of it. */
static void
monstrous_regions_are_read(void **state)
{
  (void)state;
  static const uint8_t pixels[] = {10, 20, 30, 40};
  DcImage image = grey_image(pixels, 2, 2);
  DcPatchSpec spec = dc_patch_spec(2, 2, DC_CHANNELS_GRAY);
  assert_patch(&spec, &image, (DcRect){-(1 << 30), -(1 << 30), INT_MAX, INT_MAX},
               (const double[]){10, 20, 30, 40});
  assert_patch(&spec, &image, (DcRect){1, 1, INT_MAX, INT_MAX}, (const double[]){40, 40, 40, 40});
}

static void
assert_spec_refused(DcPatchSpec spec)
{
  DcError error = {.status = DC_OK};
  assert_int_equal(dc_patch_spec_check(&spec, &error), DC_ERROR_ARGUMENT);
  assert_int_equal(error.status, DC_ERROR_ARGUMENT);
  assert_true(strlen(error.message) > 20);
}

static void
recipes_out_of_range_are_refused(void **state)
{
  (void)state;
  assert_spec_refused(dc_patch_spec(0, 5, DC_CHANNELS_RGB));
  assert_spec_refused(dc_patch_spec(5, -5, DC_CHANNELS_RGB));
  assert_spec_refused(dc_patch_spec(4097, 5, DC_CHANNELS_RGB));
  assert_spec_refused(dc_patch_spec(5, 4097, DC_CHANNELS_RGB));
  assert_spec_refused(dc_patch_spec(5, 5, (DcChannels)2));
  DcPatchSpec spec = dc_patch_spec(5, 5, DC_CHANNELS_RGB);
  spec.fit = (DcFit)3;
  assert_spec_refused(spec);
  spec = dc_patch_spec(5, 5, DC_CHANNELS_RGB);
  spec.resize = (DcResize)-1;
  assert_spec_refused(spec);
}

static void
recipes_that_make_nan_are_refused(void **state)
{
  (void)state;
  static const float wrong[] = {0, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 4; i++) {
    DcPatchSpec spec = dc_patch_spec(5, 5, DC_CHANNELS_RGB);
    spec.deviation[2] = wrong[i];
    assert_spec_refused(spec);
    spec = dc_patch_spec(5, 5, DC_CHANNELS_RGB);
    spec.mean[1] = wrong[i];
    if (i > 0)
      assert_spec_refused(spec);
  }
  DcPatchSpec grey = dc_patch_spec(5, 5, DC_CHANNELS_GRAY);
  grey.deviation[2] = 0; /* of a channel that there is not */
  assert_int_equal(dc_patch_spec_check(&grey, NULL), DC_OK);
}

/* Lets one allocation after the other fail, until a reader is made that way. */
static void
short_memory_is_reported_by_the_constructor(void **state)
{
  (void)state;
  DcPatchSpec spec = dc_patch_spec(4, 4, DC_CHANNELS_RGB);
  DcPatchReader *reader = NULL;
  size_t failed = 0;
  while (!reader) {
    fail_at = allocations + failed;
    reader = dc_patch_reader_new(&spec);
    failed += !reader;
  }
  fail_at = SIZE_MAX;
  assert_int_equal(failed, 2); /* itself and its rows */
  dc_patch_reader_free(reader);
  dc_patch_reader_free(NULL);
}

/* A reader that failed at any of its allocations reads once there is memory again. */
static void
short_memory_is_reported_and_survived(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 16, 0);
  Picture picture = random_picture(DC_PIXELS_YUY2, 31, 17, TIGHT, &random);
  DcPatchSpec spec = dc_patch_spec(4, 4, DC_CHANNELS_RGB);
  DcRect whole = {0, 0, 31, 17};
  float patch[48];
  DcStatus status = DC_ERROR_MEMORY;
  size_t failed = 0;
  while (status != DC_OK) {
    DcPatchReader *reader = dc_patch_reader_new(&spec);
    fail_at = allocations + failed;
    status = dc_patch_read(reader, &picture.image, &whole, patch);
    fail_at = SIZE_MAX;
    if (status != DC_OK) {
      assert_int_equal(status, DC_ERROR_MEMORY);
      failed++;
    }
    compare(reader, &spec, &picture.image, &whole);
    dc_patch_reader_free(reader);
  }
  assert_int_equal(failed, 10); /* two axes across, one down, and the mixed row */
  picture_clear(&picture);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fast_reading_equals_the_definition),
      cmocka_unit_test(every_channel_order_of_every_format_is_read),
      cmocka_unit_test(tiny_pictures_are_read_whole),
      cmocka_unit_test(a_large_frame_is_averaged_precisely),
      cmocka_unit_test(equal_sizes_copy),
      cmocka_unit_test(area_is_the_mean_of_what_is_covered),
      cmocka_unit_test(growing_interpolates_between_pixel_centres),
      cmocka_unit_test(bilinear_shrinking_does_not_smooth),
      cmocka_unit_test(letterbox_keeps_the_shape_and_fills_around),
      cmocka_unit_test(letterbox_border_is_normalised),
      cmocka_unit_test(crop_takes_the_middle),
      cmocka_unit_test(outside_reads_as_the_nearest_pixel),
      cmocka_unit_test(nothing_outside_the_region_is_read),
      cmocka_unit_test(grey_of_rgb_is_its_luma),
      cmocka_unit_test(channels_and_means_follow_the_order_of_the_patch),
      cmocka_unit_test(yuv_red_is_red),
      cmocka_unit_test(yuv_is_converted_by_the_published_coefficients),
      cmocka_unit_test(grey_of_yuv_is_luma_in_full_range),
      cmocka_unit_test(sizes_follow_the_channels),
      cmocka_unit_test(reading_allocates_only_for_larger_regions),
      cmocka_unit_test(regions_beside_the_image_are_refused),
      cmocka_unit_test(regions_without_area_are_refused),
      cmocka_unit_test(images_without_pixels_are_refused),
      cmocka_unit_test(monstrous_regions_are_read),
      cmocka_unit_test(recipes_out_of_range_are_refused),
      cmocka_unit_test(recipes_that_make_nan_are_refused),
      cmocka_unit_test(short_memory_is_reported_by_the_constructor),
      cmocka_unit_test(short_memory_is_reported_and_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
