/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/shrink.h"

#include "pictures.h"

#include <limits.h>

enum { WIDTH = 20, HEIGHT = 12 };

static Picture
grey_picture(void)
{
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  return random_picture(DC_PIXELS_GRAY8, WIDTH, HEIGHT, BOTTOM_UP, &random);
}

static int
pixel_of(const Picture *picture, int x, int y)
{
  return picture->image.planes[0][y * picture->image.strides[0] + x];
}

/* `region` gives the pixels from (x, y) on, width x height of them, as they are. */
static void
assert_cut(const Picture *picture, DcRect region, int x, int y, int width, int height)
{
  DcPicture cut;
  assert_int_equal(dc_shrink(&picture->image, &region, 256, &cut), DC_OK);
  assert_int_equal(cut.width, width);
  assert_int_equal(cut.height, height);
  assert_int_equal(cut.channels, 1);
  for (int row = 0; row < height; row++)
    for (int column = 0; column < width; column++)
      assert_int_equal(cut.pixels[row * width + column], pixel_of(picture, x + column, y + row));
  dc_picture_clear(&cut);
}

static void
what_is_small_is_cut_as_it_is(void **state)
{
  (void)state;
  Picture picture = grey_picture();
  assert_cut(&picture, (DcRect){3, 2, 7, 5}, 3, 2, 7, 5);
  assert_cut(&picture, (DcRect){19, 11, 1, 1}, 19, 11, 1, 1);
  assert_cut(&picture, (DcRect){0, 0, WIDTH, HEIGHT}, 0, 0, WIDTH, HEIGHT);
  picture_clear(&picture);
}

static void
what_lies_outside_is_left_out(void **state)
{
  (void)state;
  Picture picture = grey_picture();
  assert_cut(&picture, (DcRect){-4, -2, 7, 5}, 0, 0, 3, 3);
  assert_cut(&picture, (DcRect){15, 9, 100, 100}, 15, 9, 5, 3);
  assert_cut(&picture, (DcRect){-100, 5, 300, 1}, 0, 5, WIDTH, 1);
  assert_cut(&picture, (DcRect){2, 1, INT_MAX, INT_MAX}, 2, 1, WIDTH - 2, HEIGHT - 1);
  picture_clear(&picture);
}

static void
sides_keep_their_ratio(void **state)
{
  static const int cases[][5] = {
      /* region, side, picture */
      {20, 12, 10, 10, 6}, {20, 12, 5, 5, 3}, {20, 1, 4, 4, 1}, {3, 12, 4, 1, 4}, {1, 1, 1, 1, 1},
  };
  (void)state;
  Picture picture = grey_picture();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    DcPicture small;
    DcRect region = {0, 0, cases[i][0], cases[i][1]};
    assert_int_equal(dc_shrink(&picture.image, &region, cases[i][2], &small), DC_OK);
    assert_int_equal(small.width, cases[i][3]);
    assert_int_equal(small.height, cases[i][4]);
    dc_picture_clear(&small);
  }
  picture_clear(&picture);
}

static void
pixels_are_means(void **state)
{
  (void)state;
  Picture picture = grey_picture();
  DcPicture small;
  assert_int_equal(dc_shrink(&picture.image, NULL, WIDTH / 2, &small), DC_OK);
  for (int y = 0; y < HEIGHT / 2; y++)
    for (int x = 0; x < WIDTH / 2; x++) {
      int sum = pixel_of(&picture, 2 * x, 2 * y) + pixel_of(&picture, 2 * x + 1, 2 * y) +
                pixel_of(&picture, 2 * x, 2 * y + 1) + pixel_of(&picture, 2 * x + 1, 2 * y + 1);
      /* Rounded to the nearest, with ties either way. */
      assert_true(abs(4 * small.pixels[y * WIDTH / 2 + x] - sum) <= 2);
    }
  dc_picture_clear(&small);
  picture_clear(&picture);
}

static void
colours_have_three_channels(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (int i = DC_PIXELS_RGB; i < DC_PIXELS_COUNT; i++) {
    Picture picture = random_picture((DcPixelFormat)i, 8, 6, TIGHT, &random);
    DcPicture small;
    assert_int_equal(dc_shrink(&picture.image, NULL, 4, &small), DC_OK);
    assert_int_equal(small.channels, 3);
    assert_int_equal(small.width, 4);
    dc_picture_clear(&small);
    picture_clear(&picture);
  }
}

static void
regions_without_a_pixel_are_refused(void **state)
{
  static const DcRect regions[] = {
      {WIDTH, 0, 5, 5}, {0, HEIGHT, 5, 5},  {-5, 0, 5, 5},
      {0, -5, 5, 5},    {2, 2, 0, 5},       {2, 2, 5, 0},
      {2, 2, -3, 5},    {INT_MIN, 0, 5, 5}, {INT_MAX, INT_MAX, INT_MAX, INT_MAX},
  };
  (void)state;
  Picture picture = grey_picture();
  for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
    DcPicture small = {1, 1, 1, (uint8_t *)1};
    assert_int_equal(dc_shrink(&picture.image, &regions[i], 8, &small), DC_ERROR_ARGUMENT);
    assert_null(small.pixels);
  }
  picture_clear(&picture);
}

static void
images_without_pixels_are_refused(void **state)
{
  static const DcImage images[] = {
      {0},
      {.format = DC_PIXELS_GRAY8, .width = 4, .height = 4},
      {.format = DC_PIXELS_COUNT, .width = 4, .height = 4},
      {.format = DC_PIXELS_GRAY8, .width = -4, .height = 4},
  };
  (void)state;
  for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
    DcPicture small;
    assert_int_equal(dc_shrink(&images[i], NULL, 8, &small), DC_ERROR_ARGUMENT);
    assert_null(small.pixels);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_small_is_cut_as_it_is),
      cmocka_unit_test(what_lies_outside_is_left_out),
      cmocka_unit_test(sides_keep_their_ratio),
      cmocka_unit_test(pixels_are_means),
      cmocka_unit_test(colours_have_three_channels),
      cmocka_unit_test(regions_without_a_pixel_are_refused),
      cmocka_unit_test(images_without_pixels_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
