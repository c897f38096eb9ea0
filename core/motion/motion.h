/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_MOTION_H
#define DC_MOTION_MOTION_H

#include "base/status.h"
#include "image/image.h"
#include "motion/scene.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What moves before a fixed camera: regions with numbers that stay theirs from frame to frame.
 * Luma is shrunk to at most DC_MOTION_PIXELS, compared with a background that learns, cleaned of
 * shadows and specks, and cut into blobs, which are followed. */

#define DC_MOTION_PIXELS 450000

/* Regions of a frame at most. */
#define DC_MOTION_REGIONS_MAX 256

typedef struct {
  double learning_rate; /* share of the background that is renewed in a second, 0 .. 1 */
  double threshold;     /* standard deviations beyond which a pixel is not background, > 0 */
  bool shadow;          /* take cast shadows for background */
  double min_area;      /* moving pixels of a region at least; 0: 1/2000 of the frame */
  uint32_t max_regions; /* 1 .. DC_MOTION_REGIONS_MAX, the largest */
  uint32_t min_frames;  /* a region is told when it was seen on so many */
  double bridge;        /* seconds without sight after which a region has ended */
} DcMotionSettings;

typedef struct {
  uint32_t id;             /* from 1, never used twice */
  DcRect box;              /* pixels of the frame, inside of it */
  double area;             /* moving pixels */
  double confidence;       /* 0 .. 1 */
  double speed_x, speed_y; /* pixels a second */
} DcMotionRegion;

typedef struct {
  DcMotionRegion regions[DC_MOTION_REGIONS_MAX]; /* the largest first */
  size_t count;
  size_t surplus; /* regions beyond max_regions */
  DcSceneState state;
  bool scene_changed; /* this frame shows another scene */
  double changed;     /* share of the pixels that are not background */
} DcMotionResult;

typedef struct DcMotion DcMotion;

/* NULL when memory is short. One thread at a time. */
DcMotion *dc_motion_new(void);
void dc_motion_free(DcMotion *motion);

/* Ends all regions, because the next frame does not follow the last one. The background stays. */
void dc_motion_interrupt(DcMotion *motion);

/* Looks at a frame (GRAY8, I420 or NV12), `seconds` >= 0 of stream time after the one before;
 * gaps beyond a second count as one. A frame of another size starts anew, but for the
 * numbers. Allocates then, and never else. DC_ERROR_ARGUMENT for another format or no pixels,
 * DC_ERROR_MEMORY; nothing is learnt then. */
DcStatus dc_motion_run(DcMotion *motion, const DcImage *image, double seconds,
                       const DcMotionSettings *settings, DcMotionResult *result);

#endif
