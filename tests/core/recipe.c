/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/recipe.h"

#include "test.h"

#include <string.h>

static DcPatchSpec
spec_of(const char *name, DcChannels channels)
{
  const DcRecipe *recipe = dc_recipe_find(name);
  assert_non_null(recipe);
  DcPatchSpec spec = dc_patch_spec(4, 2, channels);
  dc_recipe_apply(recipe, &spec);
  assert_int_equal(dc_patch_spec_check(&spec, NULL), DC_OK);
  return spec;
}

/* What the network sees of a pixel, channel by channel, when it is asked for by `name`. */
static void
assert_pixel(const char *name, DcChannels channels, const uint8_t *pixel, const double *expected)
{
  const DcPatchSpec spec = spec_of(name, channels);
  const DcImage image = {
      .width = 1, .height = 1, .format = DC_PIXELS_RGB, .planes = {pixel}, .strides = {3}};
  const DcRect all = {0, 0, 1, 1};
  float patch[4 * 2 * 3];
  DcPatchReader *reader = dc_patch_reader_new(&spec);
  assert_int_equal(dc_patch_read(reader, &image, &all, patch), DC_OK);
  dc_patch_reader_free(reader);
  /* 255 steps of single precision, rounded a few times. */
  for (int c = 0; c < dc_patch_channels(&spec); c++)
    assert_near(patch[c], expected[c], 1e-4);
}

static void
pixels_become_what_the_networks_were_learnt_on(void **state)
{
  (void)state;
  const uint8_t pixel[3] = {255, 51, 0};
  assert_pixel("imagenet", DC_CHANNELS_RGB, pixel,
               (double[]){(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, -0.406 / 0.225});
  assert_pixel("caffe", DC_CHANNELS_BGR, pixel, (double[]){-104, 51 - 117, 255 - 123});
  assert_pixel("unit", DC_CHANNELS_RGB, pixel, (double[]){1, 0.2, 0});
  assert_pixel("raw", DC_CHANNELS_RGB, pixel, (double[]){255, 51, 0});
}

static void
numbers_follow_the_order_of_the_channels(void **state)
{
  (void)state;
  const uint8_t pixel[3] = {255, 51, 0};
  assert_pixel("caffe", DC_CHANNELS_RGB, pixel, (double[]){255 - 123, 51 - 117, -104});
  assert_pixel("imagenet", DC_CHANNELS_BGR, pixel,
               (double[]){-0.406 / 0.225, (0.2 - 0.456) / 0.224, (1 - 0.485) / 0.229});
  const uint8_t gray[3] = {51, 51, 51};
  assert_pixel("imagenet", DC_CHANNELS_GRAY, gray,
               (double[]){(0.2 - (0.485 + 0.456 + 0.406) / 3) / ((0.229 + 0.224 + 0.225) / 3)});
}

static void
a_recipe_is_told_by_its_numbers(void **state)
{
  (void)state;
  const DcChannels orders[] = {DC_CHANNELS_GRAY, DC_CHANNELS_RGB, DC_CHANNELS_BGR};
  size_t count;
  const DcRecipe *recipes = dc_recipes(&count);
  assert_true(count >= 4);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < 3; k++) {
      const DcPatchSpec spec = spec_of(recipes[i].name, orders[k]);
      assert_ptr_equal(dc_recipe_of(&spec), &recipes[i]);
    }
}

static void
other_numbers_are_no_recipe(void **state)
{
  (void)state;
  DcPatchSpec spec = spec_of("caffe", DC_CHANNELS_BGR);
  spec.channels = DC_CHANNELS_RGB; /* the numbers stay those of BGR */
  assert_null(dc_recipe_of(&spec));
  spec = spec_of("imagenet", DC_CHANNELS_RGB);
  spec.mean[2] += 0.001f;
  assert_null(dc_recipe_of(&spec));
  spec = spec_of("unit", DC_CHANNELS_GRAY);
  spec.deviation[0] = 2;
  assert_null(dc_recipe_of(&spec));
}

static void
other_names_are_no_recipe(void **state)
{
  (void)state;
  const char *const names[] = {"", "Imagenet", "imagenet ", "caffe2", "0.5/0.5"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_null(dc_recipe_find(names[i]));
}

static void
every_enumerator_has_a_name_of_its_own(void **state)
{
  (void)state;
  assert_string_equal(dc_channels_names[DC_CHANNELS_GRAY], "gray");
  assert_string_equal(dc_channels_names[DC_CHANNELS_RGB], "rgb");
  assert_string_equal(dc_channels_names[DC_CHANNELS_BGR], "bgr");
  assert_null(dc_channels_names[0]);
  assert_string_equal(dc_fit_names[DC_FIT_STRETCH], "stretch");
  assert_string_equal(dc_fit_names[DC_FIT_LETTERBOX], "letterbox");
  assert_string_equal(dc_fit_names[DC_FIT_CROP], "crop");
  assert_string_equal(dc_resize_names[DC_RESIZE_BILINEAR], "bilinear");
  assert_string_equal(dc_resize_names[DC_RESIZE_AREA], "area");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pixels_become_what_the_networks_were_learnt_on),
      cmocka_unit_test(numbers_follow_the_order_of_the_channels),
      cmocka_unit_test(a_recipe_is_told_by_its_numbers),
      cmocka_unit_test(other_numbers_are_no_recipe),
      cmocka_unit_test(other_names_are_no_recipe),
      cmocka_unit_test(every_enumerator_has_a_name_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
