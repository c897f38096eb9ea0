/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/scene.h"

#include <string.h>

/* Another scene changes most pixels from one frame to the next; what comes near the camera, a lorry
 * say, takes some frames for it, and goes again. */
#define CUT_SHARE  0.55
#define CUT_STEP   0.35
#define FULL_SHARE 0.70
#define FULL_TIME  1.0 /* seconds */

#define SETTLE_TIME 0.5 /* seconds without regions after a change */
#define FREEZE_TIME 5.0 /* seconds: encoders repeat a still picture for a while */

/* Standard deviation of a picture of nothing, in grey levels. */
#define FLAT 1.5

void
dc_scene_start(DcScene *scene)
{
  *scene = (DcScene){.state = DC_SCENE_SETTLING, .settled = SETTLE_TIME};
}

static uint64_t
checksum_of(const uint8_t *luma, size_t pixels)
{
  uint64_t sum = 0xcbf29ce484222325u; /* FNV-1a over words */
  for (size_t i = 0; i + sizeof(uint64_t) <= pixels; i += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, luma + i, sizeof word);
    sum = (sum ^ word) * 0x100000001b3u;
  }
  for (size_t i = pixels & ~(sizeof(uint64_t) - 1); i < pixels; i++)
    sum = (sum ^ luma[i]) * 0x100000001b3u;
  return sum;
}

static bool
is_flat(const uint8_t *luma, size_t pixels)
{
  const size_t stride = pixels / 4096 + 1;
  uint64_t sum = 0, squares = 0, count = 0;
  for (size_t i = 0; i < pixels; i += stride, count++) {
    sum += luma[i];
    squares += (uint64_t)luma[i] * luma[i];
  }
  const double mean = (double)sum / (double)count;
  return (double)squares / (double)count - mean * mean < FLAT * FLAT;
}

static void
settle(DcScene *scene)
{
  scene->state = DC_SCENE_SETTLING;
  scene->settled = SETTLE_TIME;
  scene->full = scene->changed = 0;
}

DcSceneStep
dc_scene_see(DcScene *scene, const uint8_t *luma, size_t pixels, double seconds)
{
  const uint64_t checksum = checksum_of(luma, pixels);
  const bool same = checksum == scene->checksum;
  scene->checksum = checksum;
  scene->still = same ? scene->still + seconds : 0;
  if (is_flat(luma, pixels)) {
    scene->state = DC_SCENE_FLAT;
    return DC_SCENE_SKIP;
  }
  if (scene->state == DC_SCENE_FLAT)
    settle(scene);
  else if (scene->state == DC_SCENE_FROZEN && !same)
    scene->state = DC_SCENE_USUAL;
  else if (scene->state == DC_SCENE_USUAL && scene->still >= FREEZE_TIME)
    scene->state = DC_SCENE_FROZEN;
  return same && scene->state != DC_SCENE_SETTLING ? DC_SCENE_REPEAT : DC_SCENE_COMPARE;
}

bool
dc_scene_compared(DcScene *scene, double changed, double seconds)
{
  const bool cut = changed >= CUT_SHARE && changed - scene->changed >= CUT_STEP;
  scene->full = changed >= FULL_SHARE ? scene->full + seconds : 0;
  scene->changed = changed;
  if (cut || scene->full >= FULL_TIME ||
      (scene->state == DC_SCENE_SETTLING && changed >= CUT_SHARE)) {
    settle(scene);
    return true;
  }
  if (scene->state == DC_SCENE_SETTLING) {
    scene->settled -= seconds;
    if (scene->settled <= 0)
      scene->state = DC_SCENE_USUAL;
  }
  return false;
}
