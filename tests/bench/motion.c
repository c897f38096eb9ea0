/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include "base/random.h"
#include "motion/motion.h"

/* Finding motion in one thread, beside reading the luma once (memcpy). The frames have texture,
 * sensor noise and 16 boxes that move, and are made beforehand. */

enum { FRAMES = 48, BOXES = 16 };

typedef struct {
  int width, height;
  uint8_t *frames[FRAMES], *copy;
  DcMotion *motion;
  DcMotionSettings settings;
  DcMotionResult result;
  int next;
} Work;

static void
draw(Work *work, int number, DcRandom *random)
{
  uint8_t *frame = work->frames[number];
  const int side = work->height / 12;
  for (int y = 0; y < work->height; y++)
    for (int x = 0; x < work->width; x++)
      frame[y * work->width + x] =
          (uint8_t)(90 + ((x / 16 + y / 16) & 1) * 40 + dc_random_below(random, 7));
  for (int box = 0; box < BOXES; box++) {
    const int step = (box & 1 ? number : FRAMES - number) * work->width / 400;
    const int left = work->width / 16 + (box % 4) * work->width / 4 + step;
    const int top = work->height / 10 + (box / 4) * work->height / 4;
    for (int y = top; y < top + side && y < work->height; y++)
      for (int x = left; x < left + side / 2 && x < work->width; x++)
        frame[y * work->width + x] = (uint8_t)(20 + 12 * box);
  }
}

static void
run_motion(void *data)
{
  Work *work = data;
  const DcImage image = {.format = DC_PIXELS_GRAY8,
                         .width = work->width,
                         .height = work->height,
                         .planes = {work->frames[work->next]},
                         .strides = {work->width}};
  work->next = (work->next + 1) % FRAMES;
  if (dc_motion_run(work->motion, &image, 1.0 / 60, &work->settings, &work->result) != 0)
    exit(1);
}

static void
run_copy(void *data)
{
  Work *work = data;
  memcpy(work->copy, work->frames[work->next], (size_t)work->width * (size_t)work->height);
}

static void
bench(int width, int height)
{
  Work work = {.width = width, .height = height, .motion = dc_motion_new()};
  work.settings = (DcMotionSettings){.learning_rate = 0.05,
                                     .threshold = 5,
                                     .shadow = true,
                                     .max_regions = 64,
                                     .min_frames = 3,
                                     .bridge = 1};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  const size_t pixels = (size_t)width * (size_t)height;
  work.copy = malloc(pixels);
  for (int i = 0; i < FRAMES; i++) {
    work.frames[i] = malloc(pixels);
    if (!work.frames[i] || !work.copy || !work.motion)
      exit(1);
    draw(&work, i, &random);
  }
  for (int i = 0; i < 10 * FRAMES; i++)
    run_motion(&work);
  const BenchResult result = bench_against(run_motion, run_copy, &work, 3);
  char parameters[96];
  snprintf(parameters, sizeof parameters, "\"size\": \"%dx%d\", \"regions\": %zu", width, height,
           work.result.count);
  bench_print("find-motion", parameters, 1 / result.seconds, "frames/s");
  bench_print("find-motion / memcpy of the luma", parameters, result.ratio, "");
  for (int i = 0; i < FRAMES; i++)
    free(work.frames[i]);
  free(work.copy);
  dc_motion_free(work.motion);
}

int
main(void)
{
  bench(320, 240);
  bench(640, 480);
  bench(1280, 720);
  bench(1920, 1080);
  return 0;
}
