/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allocations.h"
#include "pictures.h"

#include "image/descriptor.h"
#include "image/descriptor_definition.h"

#include <math.h>
#include <string.h>

enum {
  SIZE = DC_DESCRIPTOR_SIZE,
  CHROMA_START = DC_DESCRIPTOR_LUMA_BINS,
  GRADIENT_START = CHROMA_START + DC_DESCRIPTOR_CHROMA,
  CELLS = DC_DESCRIPTOR_CELLS,
  DIRECTIONS = DC_DESCRIPTOR_DIRECTIONS
};

static DcImage
grey_image(const uint8_t *pixels, int width, int height)
{
  return (DcImage){.format = DC_PIXELS_GRAY8,
                   .width = width,
                   .height = height,
                   .planes = {pixels},
                   .strides = {width}};
}

/* Describes the whole image, and checks what holds of every descriptor. */
static void
describe(const DcImage *image, float *values)
{
  DcDescriptor *descriptor = dc_descriptor_new();
  assert_non_null(descriptor);
  memset(values, 0xff, SIZE * sizeof *values);
  assert_int_equal(dc_descriptor_run(descriptor, image,
                                     &(DcRect){0, 0, image->width, image->height}, values),
                   DC_OK);
  double square = 0;
  for (int i = 0; i < SIZE; i++) {
    assert_true(values[i] >= 0); /* and no NaN */
    square += (double)values[i] * (double)values[i];
  }
  assert_true(fabs(square - 1) < 1e-6); /* 243 roundings of 6e-8 each at most */
  dc_descriptor_free(descriptor);
}

static double
similarity(const float *a, const float *b)
{
  double product = 0;
  for (int i = 0; i < SIZE; i++)
    product += (double)a[i] * (double)b[i];
  return product;
}

/* The squared length that gradients along direction k have in all cells. */
static double
direction_share(const float *values, int k)
{
  double share = 0;
  for (int i = GRADIENT_START + k; i < SIZE; i += DIRECTIONS)
    share += (double)values[i] * (double)values[i];
  return share;
}

static double
gradient_share(const float *values)
{
  double share = 0;
  for (int k = 0; k < DIRECTIONS; k++)
    share += direction_share(values, k);
  return share;
}

/* Numbers are roots of shares, which are what is computed; those agree to rounding in float of sums
 * over 1024 pixels. */
static void
compare(DcDescriptor *descriptor, const DcImage *image, const DcRect *region)
{
  float fast[SIZE], reference[SIZE];
  assert_int_equal(dc_descriptor_run(descriptor, image, region, fast), DC_OK);
  assert_int_equal(dc_descriptor_run_reference(image, region, reference), DC_OK);
  for (int i = 0; i < SIZE; i++) {
    double share = (double)fast[i] * (double)fast[i];
    double expected = (double)reference[i] * (double)reference[i];
    if (!(fabs(share - expected) < 3e-6))
      fail_msg("share %d is %g instead of %g", i, share, expected);
  }
}

static void
fast_description_equals_the_definition(void **state)
{
  (void)state;
  static const DcRect regions[] = {
      {0, 0, 75, 61}, {10, 8, 40, 44}, {-20, 30, 50, 50}, {5, 5, 3, 9}};
  DcRandom random;
  dc_random_seed(&random, 21, 0);
  DcDescriptor *descriptor = dc_descriptor_new();
  for (int format = 0; format < DC_PIXELS_COUNT; format++) {
    Picture picture = random_picture((DcPixelFormat)format, 75, 61, WIDE, &random);
    for (size_t i = 0; i < 4; i++)
      compare(descriptor, &picture.image, &regions[i]);
    picture_clear(&picture);
  }
  dc_descriptor_free(descriptor);
}

/* Smooth pictures, whose gradients point every way and are much alike from pixel to pixel. */
static void
smooth_pictures_equal_the_definition(void **state)
{
  (void)state;
  enum { SIDE = 50 };
  uint8_t pixels[SIDE * SIDE * 3];
  DcImage image = {.format = DC_PIXELS_RGB,
                   .width = SIDE,
                   .height = SIDE,
                   .planes = {pixels},
                   .strides = {3 * SIDE}};
  DcDescriptor *descriptor = dc_descriptor_new();
  for (int kind = 1; kind < 6; kind++) {
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
      double x = i / 3 % SIDE - 20.3, y = i / 3 / SIDE - 28.9;
      pixels[i] = (uint8_t)(127 + 120 * sin(0.02 * kind * hypot(x, y) + i % 3));
    }
    compare(descriptor, &image, &(DcRect){0, 0, SIDE, SIDE});
  }
  dc_descriptor_free(descriptor);
}

/* Numbers that a program in Python made from docs/methods/descriptor.md alone: states made with
 * this descriptor stay valid only as long as they are the same. */
static void
definition_is_frozen(void **state)
{
  (void)state;
  static const struct {
    int index;
    double value;
  } golden[] = {{0, 0.049993},   {5, 0.115996},   {11, 0.019739},  {30, 0},
                {52, 0.111473},  {56, 0.090517},  {93, 0},         {100, 0.009707},
                {130, 0.016758}, {171, 0.053278}, {200, 0.015030}, {242, 0.035685}};
  enum { SIDE = 32 };
  uint8_t pixels[SIDE * SIDE * 3];
  float values[SIZE];
  for (int i = 0; i < SIDE * SIDE * 3; i++) {
    int x = i / 3 % SIDE, y = i / 3 / SIDE, c = i % 3;
    pixels[i] = (uint8_t)(x * x / 4 + y * (7 + 3 * c) + x * y / 8);
  }
  DcImage image = {.format = DC_PIXELS_RGB,
                   .width = SIDE,
                   .height = SIDE,
                   .planes = {pixels},
                   .strides = {3 * SIDE}};
  describe(&image, values);
  double sum = 0;
  for (int i = 0; i < SIZE; i++)
    sum += (double)values[i];
  assert_true(fabs(sum - 10.701939) < 1e-3);
  /* Roots of tiny shares are precise to 1e-5. */
  for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++)
    assert_true(fabs((double)values[golden[i].index] - golden[i].value) < 5e-5);
}

static void
size_is_a_constant(void **state)
{
  (void)state;
  assert_int_equal(dc_descriptor_size(), 243);
}

/* By the definition: white is the last bin of luma and the middle one of chroma, with the shares
 * 0.1 and 0.15 made to 1. */
static void
one_colour_has_no_gradients(void **state)
{
  (void)state;
  uint8_t pixels[40 * 40];
  float values[SIZE];
  DcImage image = grey_image(pixels, 40, 40);
  memset(pixels, 255, sizeof pixels);
  describe(&image, values);
  for (int i = 0; i < SIZE; i++) {
    double expected = i == DC_DESCRIPTOR_LUMA_BINS - 1 ? sqrt(0.10 / 0.28)
                      : i == CHROMA_START + 4 * 9 + 4  ? sqrt(0.18 / 0.28)
                                                       : 0;
    /* Gradients of rounding: a mean over pixels of 1e-7, the root of its share. */
    assert_true(fabs((double)values[i] - expected) < 5e-3);
  }
  memset(pixels, 0, sizeof pixels);
  describe(&image, values);
  assert_true(fabs((double)values[0] - sqrt(0.10 / 0.28)) < 1e-6);
  assert_true(gradient_share(values) == 0);
}

static void
one_pixel_is_described(void **state)
{
  (void)state;
  uint8_t pixel = 100;
  DcImage image = grey_image(&pixel, 1, 1);
  float values[SIZE];
  describe(&image, values);
}

/* Gradients across vertical edges point along direction 0, across horizontal ones along 90 degrees,
 * which is direction 3 of 6; a slope of 30 degrees is direction 1. */
static void
directions_are_counted_from_the_right(void **state)
{
  (void)state;
  static const int directions[] = {0, 1, 2, 3, 4, 5};
  enum { SIDE = 32 };
  uint8_t pixels[SIDE * SIDE];
  float values[SIZE];
  DcImage image = grey_image(pixels, SIDE, SIDE);
  for (size_t i = 0; i < 6; i++) {
    double angle = directions[i] * 3.14159265358979 / 6;
    for (int at = 0; at < SIDE * SIDE; at++)
      pixels[at] =
          (uint8_t)(128 + 5 * (cos(angle) * (at % SIDE - 16) + sin(angle) * (at / SIDE - 16)));
    describe(&image, values);
    /* The rest comes from levels being whole numbers, and from repeated pixels at the border. */
    assert_true(direction_share(values, directions[i]) > 0.8 * gradient_share(values));
  }
}

static void
cells_are_rows_of_columns(void **state)
{
  (void)state;
  enum { SIDE = 32 };
  uint8_t pixels[SIDE * SIDE] = {0};
  float values[SIZE];
  DcImage image = grey_image(pixels, SIDE, SIDE);
  pixels[2 * SIDE + 29] = 255; /* in the last cell of the first row */
  describe(&image, values);
  for (int cell = 0; cell < CELLS * CELLS; cell++) {
    bool is_near = cell / CELLS <= 1 && cell % CELLS >= CELLS - 2;
    for (int k = 0; k < DIRECTIONS; k++)
      if (!is_near)
        assert_true(values[GRADIENT_START + cell * DIRECTIONS + k] == 0);
  }
  assert_true(values[GRADIENT_START + (CELLS - 1) * DIRECTIONS] > 0.1f);
}

static void
size_does_not_matter_and_neither_does_the_format(void **state)
{
  (void)state;
  enum { SIDE = 32, DOUBLE = 2 * SIDE };
  uint8_t small[SIDE * SIDE], large[DOUBLE * DOUBLE * 3];
  DcRandom random;
  dc_random_seed(&random, 22, 0);
  for (int i = 0; i < SIDE * SIDE; i++)
    small[i] = (uint8_t)dc_random_bits(&random);
  for (int i = 0; i < DOUBLE * DOUBLE * 3; i++)
    large[i] = small[i / 3 / DOUBLE / 2 * SIDE + i / 3 % DOUBLE / 2];
  DcImage grey = grey_image(small, SIDE, SIDE);
  DcImage rgb = {.format = DC_PIXELS_RGB,
                 .width = DOUBLE,
                 .height = DOUBLE,
                 .planes = {large},
                 .strides = {3 * DOUBLE}};
  float first[SIZE], second[SIZE];
  describe(&grey, first);
  describe(&rgb, second);
  assert_true(similarity(first, second) > 1 - 1e-6);
}

static void
contrast_hardly_changes_the_gradients(void **state)
{
  (void)state;
  enum { SIDE = 32 };
  uint8_t strong[SIDE * SIDE], weak[SIDE * SIDE];
  for (int i = 0; i < SIDE * SIDE; i++) {
    strong[i] = (uint8_t)(128 + 100 * sin(0.4 * (i % SIDE)) * cos(0.3 * (i / SIDE)));
    weak[i] = (uint8_t)(96 + strong[i] / 4);
  }
  DcImage strong_image = grey_image(strong, SIDE, SIDE), weak_image = grey_image(weak, SIDE, SIDE);
  float a[SIZE], b[SIZE];
  describe(&strong_image, a);
  describe(&weak_image, b);
  double product = 0;
  for (int i = GRADIENT_START; i < SIZE; i++)
    product += (double)a[i] * (double)b[i];
  /* The angle between the gradient parts; levels of the weak picture are whole numbers. */
  assert_true(product / sqrt(gradient_share(a) * gradient_share(b)) > 0.99);
}

/* Noise of one level on a plain wall must not look like something else than the wall. */
static void
noise_is_no_gradient(void **state)
{
  (void)state;
  enum { SIDE = 64 };
  uint8_t plain[SIDE * SIDE], noisy[SIDE * SIDE];
  DcRandom random;
  dc_random_seed(&random, 23, 0);
  for (int i = 0; i < SIDE * SIDE; i++) {
    plain[i] = 120;
    noisy[i] = (uint8_t)(119 + dc_random_below(&random, 3));
  }
  DcImage plain_image = grey_image(plain, SIDE, SIDE), noisy_image = grey_image(noisy, SIDE, SIDE);
  float a[SIZE], b[SIZE];
  describe(&plain_image, a);
  describe(&noisy_image, b);
  assert_true(similarity(a, b) > 0.75);
}

static void
running_allocates_nothing(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 24, 0);
  Picture picture = random_picture(DC_PIXELS_I420, 90, 80, TIGHT, &random);
  DcDescriptor *descriptor = dc_descriptor_new();
  float values[SIZE];
  assert_int_equal(dc_descriptor_run(descriptor, &picture.image, &(DcRect){0, 0, 90, 80}, values),
                   DC_OK);
  size_t before = allocations;
  for (int i = 0; i < 20; i++)
    assert_int_equal(dc_descriptor_run(descriptor, &picture.image, &(DcRect){i, i, 60 - i, 50 + i},
                                       values),
                     DC_OK);
  assert_int_equal(allocations, before);
  dc_descriptor_free(descriptor);
  picture_clear(&picture);
}

static void
assert_refused(const DcImage *image, DcRect region)
{
  DcDescriptor *descriptor = dc_descriptor_new();
  float values[SIZE] = {[0] = -3};
  assert_int_equal(dc_descriptor_run(descriptor, image, &region, values), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_descriptor_run_reference(image, &region, values), DC_ERROR_ARGUMENT);
  assert_true(values[0] == -3);
  dc_descriptor_free(descriptor);
}

static void
regions_without_pixels_are_refused(void **state)
{
  (void)state;
  static const uint8_t pixels[4] = {0};
  DcImage image = grey_image(pixels, 2, 2);
  assert_refused(&image, (DcRect){2, 0, 1, 1});
  assert_refused(&image, (DcRect){0, -3, 2, 3});
  assert_refused(&image, (DcRect){0, 0, 0, 2});
  assert_refused(&image, (DcRect){0, 0, 2, -2});
}

static void
images_without_pixels_are_refused(void **state)
{
  (void)state;
  static const uint8_t pixels[4] = {0};
  DcRect region = {0, 0, 1, 1};
  DcImage nothing = grey_image(NULL, 2, 2), flat = grey_image(pixels, 2, 0),
          unknown = grey_image(pixels, 2, 2);
  unknown.format = DC_PIXELS_COUNT;
  assert_refused(&nothing, region);
  assert_refused(&flat, region);
  assert_refused(&unknown, region);
}

static void
short_memory_is_reported_by_the_constructor(void **state)
{
  (void)state;
  DcDescriptor *descriptor = NULL;
  size_t failed = 0;
  while (!descriptor) {
    fail_at = allocations + failed;
    descriptor = dc_descriptor_new();
    failed += !descriptor;
  }
  fail_at = SIZE_MAX;
  assert_int_equal(failed, 3); /* itself, and the two of its patch reader */
  dc_descriptor_free(descriptor);
  dc_descriptor_free(NULL);
}

static void
short_memory_is_reported_and_survived(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 25, 0);
  Picture picture = random_picture(DC_PIXELS_RGB, 40, 40, TIGHT, &random);
  DcDescriptor *descriptor = dc_descriptor_new();
  DcRect whole = {0, 0, 40, 40};
  float values[SIZE];
  fail_at = allocations;
  assert_int_equal(dc_descriptor_run(descriptor, &picture.image, &whole, values), DC_ERROR_MEMORY);
  fail_at = SIZE_MAX;
  compare(descriptor, &picture.image, &whole);
  dc_descriptor_free(descriptor);
  picture_clear(&picture);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fast_description_equals_the_definition),
      cmocka_unit_test(smooth_pictures_equal_the_definition),
      cmocka_unit_test(definition_is_frozen),
      cmocka_unit_test(size_is_a_constant),
      cmocka_unit_test(one_colour_has_no_gradients),
      cmocka_unit_test(one_pixel_is_described),
      cmocka_unit_test(directions_are_counted_from_the_right),
      cmocka_unit_test(cells_are_rows_of_columns),
      cmocka_unit_test(size_does_not_matter_and_neither_does_the_format),
      cmocka_unit_test(contrast_hardly_changes_the_gradients),
      cmocka_unit_test(noise_is_no_gradient),
      cmocka_unit_test(running_allocates_nothing),
      cmocka_unit_test(regions_without_pixels_are_refused),
      cmocka_unit_test(images_without_pixels_are_refused),
      cmocka_unit_test(short_memory_is_reported_by_the_constructor),
      cmocka_unit_test(short_memory_is_reported_and_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
