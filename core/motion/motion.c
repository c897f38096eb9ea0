/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/motion.h"

#include "base/memory.h"
#include "motion/background.h"
#include "motion/components.h"
#include "motion/gain.h"
#include "motion/morphology.h"
#include "motion/parts.h"
#include "motion/shadow.h"
#include "motion/shrink.h"
#include "motion/still.h"
#include "motion/tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SECONDS  1.0
#define AREA_DEFAULT (1.0 / 2000) /* of the frame */

/* Parts smaller than a region may still be parts of one. */
#define PART_OF_AREA 0.25

/* Gaps that are closed, and those over which parts are joined, as shares of the longer side. */
#define CLOSE_X 0.003
#define CLOSE_Y 0.006
#define REACH   0.012

struct DcMotion {
  int frame_width, frame_height;
  int factor, width, height; /* of the picture that is worked on */
  bool started;              /* there is a background */

  uint8_t *luma, *previous, *deviation, *expected, *mask, *scratch;
  uint32_t *sums;
  DcBackground *background;
  DcShadow *shadow;
  DcComponentFinder *finder;
  DcBlob blobs[DC_TRACKS_MAX];

  DcScene scene;
  DcTracker *tracker;
};

DcMotion *
dc_motion_new(void)
{
  DcMotion *motion = DC_NEW(DcMotion, 1);
  if (!motion)
    return NULL;
  motion->tracker = dc_tracker_new();
  if (motion->tracker)
    return motion;
  dc_free(motion);
  return NULL;
}

static void
free_pictures(DcMotion *motion)
{
  dc_free(motion->luma);
  dc_free(motion->previous);
  dc_free(motion->deviation);
  dc_free(motion->expected);
  dc_free(motion->mask);
  dc_free(motion->scratch);
  dc_free(motion->sums);
  dc_background_free(motion->background);
  dc_shadow_free(motion->shadow);
  dc_component_finder_free(motion->finder);
  motion->luma = motion->previous = motion->deviation = motion->expected = motion->mask =
      motion->scratch = NULL;
  motion->sums = NULL;
  motion->background = NULL;
  motion->shadow = NULL;
  motion->finder = NULL;
  motion->frame_width = motion->frame_height = 0;
}

void
dc_motion_free(DcMotion *motion)
{
  if (!motion)
    return;
  free_pictures(motion);
  dc_tracker_free(motion->tracker);
  dc_free(motion);
}

void
dc_motion_interrupt(DcMotion *motion)
{
  dc_tracker_drop(motion->tracker);
}

/* --- sizes --- */

/* The least factor that makes the picture small enough. */
static int
choose_factor(int width, int height)
{
  int factor = 1;
  while (factor < DC_SHRINK_MAX && (int64_t)(width / factor) * (height / factor) > DC_MOTION_PIXELS)
    factor++;
  return factor;
}

static DcStatus
make_pictures(DcMotion *motion, int width, int height)
{
  const size_t pixels = (size_t)width * (size_t)height;
  uint8_t **planes[] = {&motion->luma,     &motion->previous, &motion->deviation,
                        &motion->expected, &motion->mask,     &motion->scratch};
  for (size_t i = 0; i < sizeof planes / sizeof planes[0]; i++)
    if (!(*planes[i] = DC_NEW(uint8_t, pixels)))
      return DC_ERROR_MEMORY;
  motion->sums = DC_NEW(uint32_t, (size_t)width * (size_t)motion->factor);
  motion->background = dc_background_new(pixels);
  motion->shadow = dc_shadow_new(width, height);
  motion->finder = dc_component_finder_new(width, height);
  return motion->sums && motion->background && motion->shadow && motion->finder ? DC_OK
                                                                                : DC_ERROR_MEMORY;
}

static DcStatus
take_size(DcMotion *motion, const DcImage *image)
{
  if (image->width == motion->frame_width && image->height == motion->frame_height)
    return DC_OK;
  free_pictures(motion);
  dc_tracker_drop(motion->tracker);
  motion->started = false;
  motion->factor = choose_factor(image->width, image->height);
  motion->width = image->width / motion->factor;
  motion->height = image->height / motion->factor;
  if (motion->width < 1 || motion->height < 1 ||
      (int64_t)motion->width * motion->height > DC_MOTION_PIXELS)
    return DC_ERROR_ARGUMENT;
  if (make_pictures(motion, motion->width, motion->height) != DC_OK) {
    free_pictures(motion);
    return DC_ERROR_MEMORY;
  }
  motion->frame_width = image->width;
  motion->frame_height = image->height;
  return DC_OK;
}

/* --- a frame --- */

static void
restart(DcMotion *motion)
{
  dc_background_restart(motion->background, motion->luma);
  dc_tracker_drop(motion->tracker);
}

static size_t
count_moving(const uint8_t *deviation, size_t pixels)
{
  size_t count = 0;
  for (size_t i = 0; i < pixels; i++)
    count += deviation[i] != 0;
  return count;
}

/* Returns whether this is still the same scene. */
static bool
compare(DcMotion *motion, double seconds, const DcMotionSettings *settings, double *changed)
{
  const size_t pixels = (size_t)motion->width * (size_t)motion->height;
  const double gain =
      dc_gain(motion->luma, dc_background_means(motion->background), motion->width, motion->height);
  dc_background_run(motion->background, motion->luma, gain, seconds, settings->learning_rate,
                    settings->threshold, motion->deviation, motion->expected);
  *changed = (double)count_moving(motion->deviation, pixels) / (double)pixels;
  return !dc_scene_compared(&motion->scene, *changed, seconds);
}

static void
make_mask(DcMotion *motion, bool shadow)
{
  const int width = motion->width, height = motion->height;
  const size_t pixels = (size_t)width * (size_t)height;
  const double side = width > height ? width : height;
  if (shadow)
    dc_shadow_remove(motion->shadow, motion->luma, motion->expected, motion->deviation);
  for (size_t i = 0; i < pixels; i++)
    motion->mask[i] = motion->deviation[i] ? 255 : 0;
  dc_mask_majority(motion->mask, width, height, motion->scratch);
  dc_mask_close(motion->mask, width, height, (int)ceil(CLOSE_X * side), (int)ceil(CLOSE_Y * side),
                motion->scratch);
}

/* Moving pixels of the small picture that a region has at least. */
static double
least_area(const DcMotion *motion, const DcMotionSettings *settings)
{
  const double area = settings->min_area > 0
                          ? settings->min_area
                          : AREA_DEFAULT * motion->frame_width * motion->frame_height;
  return fmax(1, area / (motion->factor * motion->factor));
}

static void
adopt(DcMotion *motion, const DcRect *box)
{
  dc_background_adopt(motion->background, motion->luma, motion->mask, (size_t)motion->width,
                      (size_t)box->x, (size_t)box->y, (size_t)box->width, (size_t)box->height);
}

/* Keeps the blobs where something moves; what ghosts show is background from now on. */
static size_t
drop_still(DcMotion *motion, size_t count)
{
  const DcStillPlanes planes = {motion->luma, motion->previous, motion->expected, motion->deviation,
                                motion->mask, motion->width,    motion->height};
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (dc_blob_is_ghost(&planes, &motion->blobs[i]))
      adopt(motion, &motion->blobs[i].box);
    else if (!dc_blob_is_shifted(&planes, &motion->blobs[i]))
      motion->blobs[kept++] = motion->blobs[i];
  return kept;
}

static size_t
find_blobs(DcMotion *motion, const DcMotionSettings *settings)
{
  const double least = least_area(motion, settings);
  const int side = motion->width > motion->height ? motion->width : motion->height;
  size_t total, kept = 0;
  size_t count = dc_component_finder_run(motion->finder, motion->mask, motion->deviation,
                                         (uint32_t)ceil(PART_OF_AREA * least), motion->blobs,
                                         DC_TRACKS_MAX, &total);
  count = drop_still(motion, count);
  count = dc_parts_join(motion->blobs, count, (int)ceil(REACH * side));
  for (size_t i = 0; i < count; i++)
    if (motion->blobs[i].area >= least)
      motion->blobs[kept++] = motion->blobs[i];
  return kept;
}

/* --- regions --- */

/* An edge of the small picture in pixels of the frame; its last one is the frame's. */
static int
scale_edge(double edge, int factor, int small, int whole)
{
  const long pixels = lrint(edge * factor);
  if (edge >= small || pixels > whole)
    return whole;
  return pixels > 0 ? (int)pixels : 0;
}

static bool
region_of(const DcMotion *motion, const DcTrack *track, DcMotionRegion *region)
{
  const int factor = motion->factor;
  const int left = scale_edge(track->x, factor, motion->width, motion->frame_width);
  const int top = scale_edge(track->y, factor, motion->height, motion->frame_height);
  const int right = scale_edge(track->x + track->width, factor, motion->width, motion->frame_width);
  const int bottom =
      scale_edge(track->y + track->height, factor, motion->height, motion->frame_height);
  *region = (DcMotionRegion){.id = track->id,
                             .box = {left, top, right - left, bottom - top},
                             .area = track->area * factor * factor,
                             .confidence = track->confidence,
                             .speed_x = track->speed_x * factor,
                             .speed_y = track->speed_y * factor};
  return right > left && bottom > top;
}

static int
by_area(const void *left, const void *right)
{
  const DcMotionRegion *a = left, *b = right;
  if (a->area != b->area)
    return a->area < b->area ? 1 : -1;
  return (a->id > b->id) - (a->id < b->id);
}

static void
list_regions(const DcMotion *motion, uint32_t max_regions, DcMotionResult *result)
{
  DcMotionRegion all[DC_TRACKS_MAX];
  size_t count, found = 0;
  const DcTrack *tracks = dc_tracker_tracks(motion->tracker, &count);
  for (size_t t = 0; t < count; t++)
    if (tracks[t].id > 0 && tracks[t].unseen <= 0 && region_of(motion, &tracks[t], &all[found]))
      found++;
  qsort(all, found, sizeof all[0], by_area);
  result->count = found < max_regions ? found : max_regions;
  result->surplus = found - result->count;
  memcpy(result->regions, all, result->count * sizeof all[0]);
}

static void
follow_blobs(DcMotion *motion, size_t count, double seconds, const DcMotionSettings *settings)
{
  const DcTrackerRules rules = {.min_frames = settings->min_frames,
                                .bridge = settings->bridge,
                                .width = motion->width,
                                .height = motion->height};
  dc_tracker_step(motion->tracker, motion->blobs, count, seconds, &rules);
}

static void
look(DcMotion *motion, double seconds, const DcMotionSettings *settings, DcMotionResult *result)
{
  if (!compare(motion, seconds, settings, &result->changed)) {
    restart(motion);
    result->scene_changed = true;
    return;
  }
  if (motion->scene.state == DC_SCENE_SETTLING)
    return;
  make_mask(motion, settings->shadow);
  follow_blobs(motion, find_blobs(motion, settings), seconds, settings);
  list_regions(motion, settings->max_regions, result);
}

/* The luma of `image`, shrunk; the one before is kept. */
static void
take_luma(DcMotion *motion, const DcImage *image)
{
  uint8_t *oldest = motion->previous;
  motion->previous = motion->luma;
  motion->luma = oldest;
  dc_motion_shrink(image->planes[0], image->strides[0], motion->factor, motion->width,
                   motion->height, motion->sums, motion->luma);
}

static bool
has_luma(const DcImage *image)
{
  return image->width > 0 && image->height > 0 &&
         (image->format == DC_PIXELS_GRAY8 || image->format == DC_PIXELS_I420 ||
          image->format == DC_PIXELS_NV12);
}

DcStatus
dc_motion_run(DcMotion *motion, const DcImage *image, double seconds,
              const DcMotionSettings *settings, DcMotionResult *result)
{
  result->count = result->surplus = 0;
  result->scene_changed = false;
  result->changed = 0;
  result->state = motion->scene.state;
  if (!has_luma(image))
    return DC_ERROR_ARGUMENT;
  const DcStatus status = take_size(motion, image);
  if (status != DC_OK)
    return status;
  take_luma(motion, image);
  seconds = seconds > 0 ? fmin(seconds, MAX_SECONDS) : 0;
  if (!motion->started) {
    dc_scene_start(&motion->scene);
    restart(motion);
    motion->started = true;
  }
  switch (dc_scene_see(&motion->scene, motion->luma, (size_t)motion->width * (size_t)motion->height,
                       seconds)) {
  case DC_SCENE_COMPARE:
    look(motion, seconds, settings, result);
    break;
  case DC_SCENE_REPEAT:
    list_regions(motion, settings->max_regions, result);
    break;
  case DC_SCENE_SKIP:
    follow_blobs(motion, 0, seconds, settings);
    break;
  }
  result->state = motion->scene.state;
  return DC_OK;
}
