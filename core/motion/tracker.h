/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_TRACKER_H
#define DC_MOTION_TRACKER_H

#include "base/status.h"
#include "motion/components.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Follows blobs from frame to frame. Each track predicts its box at constant velocity (an
 * alpha-beta filter); boxes and blobs are paired so that the sum of overlap and closeness is
 * greatest. A blob that covers several tracks hides them, and they go on inside of it; a track
 * without a blob goes on unseen for a while. Numbers are never used twice. */

/* Tracks and blobs that one tracker takes. */
#define DC_TRACKS_MAX 512

typedef struct {
  uint32_t id;                /* from 1; 0 as long as it has been seen on too few frames */
  double x, y, width, height; /* its box, in pixels: the corner and the extent */
  double speed_x, speed_y;    /* pixels a second */
  double side;                /* root of the area of its box, the largest of late */
  double area;                /* moving pixels */
  double confidence;          /* 0 .. 1, see dc_tracker_step() */
  double unseen;              /* seconds since a blob showed it; 0: this frame does */
  double hidden;              /* seconds that it has shared a blob with others */
  uint32_t frames;            /* on which it was seen */
} DcTrack;

typedef struct {
  uint32_t min_frames; /* a track is numbered when it has been seen on so many */
  double bridge;       /* seconds that a numbered track outlives its last blob */
  int width, height;   /* of the frame: who leaves it has gone */
} DcTrackerRules;

typedef struct DcTracker DcTracker;

/* NULL when memory is short. */
DcTracker *dc_tracker_new(void);
void dc_tracker_free(DcTracker *tracker);

/* Ends all tracks. */
void dc_tracker_drop(DcTracker *tracker);

/* Takes the blobs of a frame, at most DC_TRACKS_MAX, `seconds` after the one before. The confidence
 * of a blob is 1 - threshold / deviation, of its mean deviation (weights are deviations in units of
 * DC_DEVIATION_ONE); that of a track is its moving average, in which a frame unseen is 0.
 * Nothing is allocated. */
void dc_tracker_step(DcTracker *tracker, const DcBlob *blobs, size_t count, double seconds,
                     const DcTrackerRules *rules);

/* The tracks, *`count` of them, until the next step; numbered or not, seen or not. */
const DcTrack *dc_tracker_tracks(const DcTracker *tracker, size_t *count);

#endif
