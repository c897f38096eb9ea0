/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_SCENE_H
#define DC_MOTION_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a camera gives, as far as it decides whether to look for motion. */
typedef enum {
  DC_SCENE_USUAL,
  DC_SCENE_SETTLING, /* another scene, or the first frames: the background is being learnt */
  DC_SCENE_FLAT,     /* all of one grey: covered, off, or no signal */
  DC_SCENE_FROZEN    /* the same picture again and again */
} DcSceneState;

typedef struct {
  DcSceneState state;
  double settled;    /* seconds still to go while settling */
  double changed;    /* share of the pixels that was moving on the last frame */
  double full;       /* seconds for which nearly all pixels have been moving */
  double still;      /* seconds for which the picture has not changed at all */
  uint64_t checksum; /* of the last picture */
} DcScene;

/* What is to be done with a frame. */
typedef enum {
  DC_SCENE_COMPARE, /* go on: compare it with the background */
  DC_SCENE_REPEAT,  /* it is the last one again: nothing to learn, regions stay */
  DC_SCENE_SKIP     /* no picture: leave everything as it is, no regions */
} DcSceneStep;

/* Before the first frame, and after a change of size. */
void dc_scene_start(DcScene *scene);

/* Looks at a picture of `pixels` bytes, `seconds` after the one before. */
DcSceneStep dc_scene_see(DcScene *scene, const uint8_t *luma, size_t pixels, double seconds);

/* Tells that the share `changed` of the picture moves. Returns true when that is another scene, so
 * that the background has to be learnt from this frame on. */
bool dc_scene_compared(DcScene *scene, double changed, double seconds);

#endif
