/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/motion.h"

#include "allocations.h"
#include "scenes.h"
#include "test.h"

/* What find-motion makes of scenes whose boxes are known. */

#define INTERVAL 0.04

static DcMotionSettings
usual_settings(void)
{
  return (DcMotionSettings){.learning_rate = 0.05,
                            .threshold = 5,
                            .shadow = true,
                            .max_regions = 64,
                            .min_frames = 3,
                            .bridge = 1};
}

static DcMotionResult result;

static void
show(DcMotion *motion, const Scene *scene, const DcMotionSettings *settings)
{
  const DcImage image = scene_image(scene);
  assert_int_equal(dc_motion_run(motion, &image, INTERVAL, settings, &result), DC_OK);
  for (size_t i = 0; i < result.count; i++) {
    const DcMotionRegion *region = &result.regions[i];
    assert_true(region->id > 0 && region->confidence >= 0 && region->confidence <= 1);
    assert_true(region->box.x >= 0 && region->box.width > 0 &&
                region->box.x + region->box.width <= scene->width);
    assert_true(region->box.y >= 0 && region->box.height > 0 &&
                region->box.y + region->box.height <= scene->height);
    assert_true(i == 0 || region->area <= region[-1].area);
  }
}

/* The empty scene for `frames`. */
static void
learn(DcMotion *motion, Scene *scene, const DcMotionSettings *settings, int frames)
{
  for (int i = 0; i < frames; i++) {
    scene_background(scene, 0);
    scene_noise(scene, 2);
    show(motion, scene, settings);
    assert_int_equal(result.count, 0);
  }
}

static double
overlap(const DcRect *a, int x, int y, int width, int height)
{
  const double w = fmin(a->x + a->width, x + width) - fmax(a->x, x);
  const double h = fmin(a->y + a->height, y + height) - fmax(a->y, y);
  if (w <= 0 || h <= 0)
    return 0;
  return w * h / ((double)a->width * a->height + (double)width * height - w * h);
}

/* The region that lies on the box; the test fails when there is none. */
static const DcMotionRegion *
region_at(int x, int y, int width, int height)
{
  for (size_t i = 0; i < result.count; i++)
    if (overlap(&result.regions[i].box, x, y, width, height) >= 0.6)
      return &result.regions[i];
  print_error("no region at %d,%d %dx%d among %zu\n", x, y, width, height, result.count);
  fail();
  return NULL;
}

static void
test_a_box_is_found_where_it_is(void **state)
{
  (void)state;
  static const int sizes[][2] = {{320, 240}, {641, 479}, {1920, 1080}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    const int width = sizes[s][0], height = sizes[s][1], side = height / 6;
    DcMotionSettings settings = usual_settings();
    DcMotion *motion = dc_motion_new();
    Scene scene = scene_new(width, height);
    uint32_t id = 0;
    learn(motion, &scene, &settings, 20);
    for (int i = 0; i < 40; i++) {
      const int x = width / 8 + i * width / 100;
      scene_background(&scene, 0);
      scene_box(&scene, x, height / 3, side / 2, side, 20);
      scene_noise(&scene, 2);
      show(motion, &scene, &settings);
      if (i < 3)
        continue;
      assert_int_equal(result.count, 1);
      const DcMotionRegion *region = region_at(x, height / 3, side / 2, side);
      assert_true(id == 0 || region->id == id);
      id = region->id;
    }
    /* Within a fifth: a quarter of an object's own length passes in a frame or two. */
    assert_near(result.regions[0].speed_x, width / 100.0 / INTERVAL, width / 500.0 / INTERVAL);
    assert_true(result.regions[0].confidence > 0.5);
    scene_free(&scene);
    dc_motion_free(motion);
  }
}

static void
test_frame_rate_does_not_matter_to_learning(void **state)
{
  (void)state;
  /* A thing that stops is background after the same time at 25 and at 5 frames a second. */
  static const double intervals[] = {0.04, 0.2};
  double absorbed[2];
  for (int run = 0; run < 2; run++) {
    DcMotionSettings settings = usual_settings();
    DcMotion *motion = dc_motion_new();
    Scene scene = scene_new(160, 120);
    double seconds = 0;
    for (int i = 0; seconds < 60; i++, seconds += intervals[run]) {
      scene_background(&scene, 0);
      if (seconds >= 20)
        scene_box(&scene, 60, 40, 30, 40, 20);
      scene_noise(&scene, 2);
      const DcImage image = scene_image(&scene);
      assert_int_equal(dc_motion_run(motion, &image, intervals[run], &settings, &result), DC_OK);
      if (seconds >= 20.8)
        assert_true(result.count <= 1);
      if (seconds >= 21 && result.count == 0)
        break;
    }
    absorbed[run] = seconds - 20;
    scene_free(&scene);
    dc_motion_free(motion);
  }
  /* The share 0.4 of what is renewed by 0.05 a second: log(0.6) / log(0.95) = 9.96 seconds; the
   * mask frays, and the outline of the box at rest smears, within a second of it. */
  assert_near(absorbed[0], 9.96, 1.2);
  assert_near(absorbed[1], absorbed[0], 1.2);
}

static void
test_shadows_are_not_regions(void **state)
{
  (void)state;
  size_t regions[2] = {0};
  for (int shadow = 0; shadow < 2; shadow++) {
    DcMotionSettings settings = usual_settings();
    settings.shadow = shadow;
    DcMotion *motion = dc_motion_new();
    Scene scene = scene_new(320, 240);
    learn(motion, &scene, &settings, 20);
    for (int i = 0; i < 25; i++) {
      scene_background(&scene, 0);
      scene_light(&scene, 40 + 3 * i, 80, 60, 40, 0.7);
      scene_noise(&scene, 2);
      show(motion, &scene, &settings);
      regions[shadow] += result.count;
    }
    scene_free(&scene);
    dc_motion_free(motion);
  }
  assert_true(regions[0] >= 20);
  assert_int_equal(regions[1], 0);
}

static void
test_ids_survive_an_occlusion_and_are_never_reused(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  uint32_t before = 0, after = 0, last = 0;
  learn(motion, &scene, &settings, 20);
  for (int i = 0; i < 80; i++) {
    scene_background(&scene, 0);
    scene_box(&scene, 3 * i, 100, 24, 40, 20);
    for (int y = 80; y < 160; y++) /* a pillar of the background stands in front */
      for (int x = 110; x < 160; x++)
        scene.pixels[y * 320 + x] =
            (uint8_t)((x / 16 + y / 16) & 1 ? 150 : 110) + (uint8_t)(x * 20 / 320);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    if (i == 25)
      before = region_at(75, 100, 24, 40)->id;
    if (i == 70)
      after = region_at(210, 100, 24, 40)->id;
  }
  assert_int_equal(before, after);
  for (int i = 0; i < 60; i++) {
    scene_background(&scene, 0);
    if (i >= 40)
      scene_box(&scene, 50 + 2 * i, 40, 24, 40, 20);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    for (size_t r = 0; r < result.count; r++)
      last = result.regions[r].id;
  }
  assert_true(last > after);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_two_that_meet_keep_their_ids(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  uint32_t left = 0, right = 0;
  learn(motion, &scene, &settings, 20);
  for (int i = 0; i < 60; i++) {
    scene_background(&scene, 0);
    scene_box(&scene, 40 + 4 * i, 100, 24, 48, 20);
    scene_box(&scene, 260 - 4 * i, 108, 24, 48, 230);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    if (i == 10) {
      left = region_at(40 + 4 * i, 100, 24, 48)->id;
      right = region_at(260 - 4 * i, 108, 24, 48)->id;
    }
  }
  assert_int_not_equal(left, right);
  assert_int_equal(region_at(40 + 4 * 59, 100, 24, 48)->id, left);
  assert_int_equal(region_at(260 - 4 * 59, 108, 24, 48)->id, right);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_who_leaves_the_frame_ends(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  learn(motion, &scene, &settings, 20);
  for (int i = 0; i < 60; i++) {
    scene_background(&scene, 0);
    scene_box(&scene, 200 + 4 * i, 100, 30, 40, 20);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    if (i > 35)
      assert_int_equal(result.count, 0);
  }
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_another_scene_is_learnt_without_regions(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  int changes = 0;
  learn(motion, &scene, &settings, 30);
  for (int i = 0; i < 60; i++) {
    scene_background(&scene, 1);
    if (i > 30)
      scene_box(&scene, 3 * i, 100, 30, 40, 120);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    assert_int_equal(result.scene_changed, i == 0);
    changes += result.scene_changed;
    assert_true(result.count <= (i > 30));
  }
  assert_int_equal(changes, 1);
  region_at(3 * 59, 100, 30, 40);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_a_camera_that_is_carried_about_makes_no_regions(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  learn(motion, &scene, &settings, 30);
  for (int i = 0; i < 30; i++) {
    for (int y = 0; y < 240; y++)
      for (int x = 0; x < 320; x++)
        scene.pixels[y * 320 + x] = (uint8_t)((((x + 23 * i) / 31 + (y + 17 * i) / 29) * 67) & 255);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    assert_int_equal(result.count, 0);
  }
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_a_camera_that_is_off_is_told_and_comes_back(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  learn(motion, &scene, &settings, 30);
  for (int i = 0; i < 50; i++) {
    memset(scene.pixels, 16, 320 * 240);
    show(motion, &scene, &settings);
    assert_int_equal(result.state, DC_SCENE_FLAT);
    assert_int_equal(result.count, 0);
    assert_false(result.scene_changed);
  }
  learn(motion, &scene, &settings, 30); /* no regions: the background is still known */
  assert_int_equal(result.state, DC_SCENE_USUAL);
  assert_false(result.scene_changed);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_a_frozen_picture_keeps_its_regions_and_is_told(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  learn(motion, &scene, &settings, 30);
  for (int i = 0; i < 10; i++) {
    scene_background(&scene, 0);
    scene_box(&scene, 100 + 2 * i, 100, 30, 40, 20);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
  }
  const uint32_t id = region_at(118, 100, 30, 40)->id;
  for (int i = 0; i < 250; i++) {
    show(motion, &scene, &settings);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.regions[0].id, id);
    assert_int_equal(result.state, i * INTERVAL < 4.9 ? DC_SCENE_USUAL : result.state);
  }
  assert_int_equal(result.state, DC_SCENE_FROZEN);
  scene_background(&scene, 0);
  scene_noise(&scene, 2);
  show(motion, &scene, &settings);
  assert_int_equal(result.state, DC_SCENE_USUAL);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_flicker_is_not_motion(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  learn(motion, &scene, &settings, 30);
  for (int i = 0; i < 100; i++) {
    scene_background(&scene, 0);
    if (i >= 50)
      scene_box(&scene, i, 100, 30, 40, 20);
    scene_light(&scene, 0, 0, 320, 240, 1 + 0.25 * sin(i * 1.3));
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    assert_false(result.scene_changed);
    if (i < 50)
      assert_int_equal(result.count, 0);
    else if (i > 55)
      region_at(i, 100, 30, 40);
  }
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_specks_are_not_motion(void **state)
{
  (void)state;
  static const double shares[] = {0.02, 0.1};
  for (size_t s = 0; s < 2; s++) {
    DcMotionSettings settings = usual_settings();
    DcMotion *motion = dc_motion_new();
    Scene scene = scene_new(320, 240);
    learn(motion, &scene, &settings, 30);
    for (int i = 0; i < 50; i++) {
      scene_background(&scene, 0);
      scene_noise(&scene, 2);
      scene_specks(&scene, shares[s]);
      show(motion, &scene, &settings);
      assert_int_equal(result.count, 0);
    }
    scene_free(&scene);
    dc_motion_free(motion);
  }
}

static void
test_many_regions_are_bounded_to_the_largest(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  settings.max_regions = 20;
  settings.min_area = 40;
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(640, 480);
  learn(motion, &scene, &settings, 80);
  for (int i = 0; i < 20; i++) {
    scene_background(&scene, 0);
    for (int row = 0; row < 15; row++)
      for (int column = 0; column < 20; column++)
        scene_box(&scene, column * 32 + (i & 7), row * 32, row == 7 ? 16 : 10, row == 7 ? 16 : 10,
                  20);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
  }
  assert_int_equal(result.count, 20);
  assert_true(result.surplus > 200);
  for (size_t i = 0; i < result.count; i++)
    assert_in_range(result.regions[i].box.y, 7 * 32 - 6, 7 * 32 + 6);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_noise_of_the_whole_frame_is_bounded_in_time_and_memory(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  settings.min_area = 1;
  settings.max_regions = DC_MOTION_REGIONS_MAX;
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  learn(motion, &scene, &settings, 5);
  const size_t before = allocations;
  for (int i = 0; i < 20; i++) {
    scene_background(&scene, 0);
    scene_specks(&scene, 0.35);
    show(motion, &scene, &settings);
    assert_true(result.count <= DC_MOTION_REGIONS_MAX);
  }
  assert_int_equal(allocations, before); /* and nothing was allocated */
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_what_has_gone_leaves_no_ghost(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  int ghost_frames = 0;
  for (int i = 0; i < 200; i++) { /* it was there from the first frame on */
    for (int y = 0; y < 240; y++)
      memset(scene.pixels + y * 320, 140, 320);
    scene_light(&scene, 0, 0, 320, 240, 1);
    if (i < 100)
      scene_box(&scene, 120, 80, 40, 60, 30);
    scene_noise(&scene, 2);
    show(motion, &scene, &settings);
    ghost_frames += i >= 100 && result.count > 0;
  }
  assert_true(ghost_frames <= 5);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_an_interruption_ends_regions_but_not_the_background(void **state)
{
  (void)state;
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  Scene scene = scene_new(320, 240);
  uint32_t before = 0;
  learn(motion, &scene, &settings, 80);
  for (int i = 0; i < 20; i++) {
    scene_background(&scene, 0);
    scene_box(&scene, 100 + i, 100, 30, 40, 20);
    scene_noise(&scene, 2);
    if (i == 10) {
      before = region_at(109, 100, 30, 40)->id;
      dc_motion_interrupt(motion);
    }
    show(motion, &scene, &settings);
    if (i >= 10 && i < 12)
      assert_int_equal(result.count, 0);
  }
  assert_true(region_at(119, 100, 30, 40)->id > before);
  scene_free(&scene);
  dc_motion_free(motion);
}

static void
test_sizes_may_change_and_be_odd(void **state)
{
  (void)state;
  static const int sizes[][2] = {{1, 1}, {2, 1},     {1, 500},    {3, 3},
                                 {7, 5}, {640, 480}, {4096, 2160}};
  DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    Scene scene = scene_new(sizes[s][0], sizes[s][1]);
    for (int i = 0; i < 3; i++) {
      scene_background(&scene, i & 1);
      scene_noise(&scene, 2);
      show(motion, &scene, &settings);
    }
    scene_free(&scene);
  }
  dc_motion_free(motion);
}

static void
test_refuses_what_it_cannot_read(void **state)
{
  (void)state;
  uint8_t pixels[3 * 64] = {0};
  const DcMotionSettings settings = usual_settings();
  DcMotion *motion = dc_motion_new();
  DcImage image = {
      .format = DC_PIXELS_RGB, .width = 8, .height = 8, .planes = {pixels}, .strides = {24}};
  assert_int_equal(dc_motion_run(motion, &image, 0.04, &settings, &result), DC_ERROR_ARGUMENT);
  image.format = DC_PIXELS_GRAY8;
  image.width = 0;
  assert_int_equal(dc_motion_run(motion, &image, 0.04, &settings, &result), DC_ERROR_ARGUMENT);
  image.width = 1 << 20;
  image.height = 1 << 20; /* beyond what blocks of DC_SHRINK_MAX make small */
  assert_int_equal(dc_motion_run(motion, &image, 0.04, &settings, &result), DC_ERROR_ARGUMENT);
  image.width = image.height = 8;
  image.strides[0] = 8;
  assert_int_equal(dc_motion_run(motion, &image, NAN, &settings, &result), DC_OK);
  assert_int_equal(dc_motion_run(motion, &image, -1, &settings, &result), DC_OK);
  dc_motion_free(motion);
}

static void
test_without_memory_it_says_so_and_lives(void **state)
{
  (void)state;
  const DcMotionSettings settings = usual_settings();
  Scene scene = scene_new(64, 48);
  scene_background(&scene, 0);
  const DcImage image = scene_image(&scene);
  int failures = 0;
  for (size_t n = 0;; n++) {
    allocations = 0;
    fail_at = n;
    DcMotion *motion = dc_motion_new();
    const DcStatus status =
        motion ? dc_motion_run(motion, &image, 0.04, &settings, &result) : DC_ERROR_MEMORY;
    fail_at = SIZE_MAX;
    if (status == DC_OK) {
      dc_motion_free(motion);
      break;
    }
    assert_int_equal(status, DC_ERROR_MEMORY);
    if (motion) /* the next frame finds the memory that this one lacked */
      assert_int_equal(dc_motion_run(motion, &image, 0.04, &settings, &result), DC_OK);
    dc_motion_free(motion);
    failures++;
  }
  assert_true(failures > 10);
  scene_free(&scene);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_box_is_found_where_it_is),
      cmocka_unit_test(test_frame_rate_does_not_matter_to_learning),
      cmocka_unit_test(test_shadows_are_not_regions),
      cmocka_unit_test(test_ids_survive_an_occlusion_and_are_never_reused),
      cmocka_unit_test(test_two_that_meet_keep_their_ids),
      cmocka_unit_test(test_who_leaves_the_frame_ends),
      cmocka_unit_test(test_another_scene_is_learnt_without_regions),
      cmocka_unit_test(test_a_camera_that_is_carried_about_makes_no_regions),
      cmocka_unit_test(test_a_camera_that_is_off_is_told_and_comes_back),
      cmocka_unit_test(test_a_frozen_picture_keeps_its_regions_and_is_told),
      cmocka_unit_test(test_flicker_is_not_motion),
      cmocka_unit_test(test_specks_are_not_motion),
      cmocka_unit_test(test_many_regions_are_bounded_to_the_largest),
      cmocka_unit_test(test_noise_of_the_whole_frame_is_bounded_in_time_and_memory),
      cmocka_unit_test(test_what_has_gone_leaves_no_ghost),
      cmocka_unit_test(test_an_interruption_ends_regions_but_not_the_background),
      cmocka_unit_test(test_sizes_may_change_and_be_odd),
      cmocka_unit_test(test_refuses_what_it_cannot_read),
      cmocka_unit_test(test_without_memory_it_says_so_and_lives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
