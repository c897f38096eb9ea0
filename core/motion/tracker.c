/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/tracker.h"

#include "base/memory.h"
#include "motion/background.h"
#include "motion/pairing.h"

#include <math.h>
#include <string.h>

/* Of the alpha-beta filter: how far position, velocity and extent follow what is seen. */
#define FOLLOW_PLACE  0.7
#define FOLLOW_SPEED  0.25
#define FOLLOW_EXTENT 0.4

/* Moving average of the confidence. */
#define FOLLOW_CONFIDENCE 0.2

/* Areas of a box and a blob that can be the same thing differ at most by this factor. */
#define SAME_AREA 5.0

/* A centre may lie this far from where it was expected, in roots of the box's area; a
 * track without a known speed gets more. */
#define NEAR     0.7
#define NEAR_NEW 1.4

/* How much of its side a track remembers from frame to frame: behind a tree it shrinks first. */
#define REMEMBER_SIDE 0.98

/* Out of sight, the place grows uncertain: each second adds this many times the reach. */
#define UNCERTAIN 2.0

/* A blob hides a track when it covers this share of its box and is this much larger than it. */
#define COVERED 0.6
#define LARGER  1.2

/* Hidden ones end after this many seconds: by then their place is a guess. */
#define HIDDEN_MAX 5.0

struct DcTracker {
  DcTrack tracks[DC_TRACKS_MAX];
  size_t count;
  uint32_t last_id;
  uint32_t blob_of[DC_TRACKS_MAX]; /* the blob of each track, own or shared */
  uint32_t owners[DC_TRACKS_MAX];  /* tracks of each blob */
  DcPairing *pairing;
};

DcTracker *
dc_tracker_new(void)
{
  DcTracker *tracker = DC_NEW(DcTracker, 1);
  if (!tracker)
    return NULL;
  tracker->pairing = dc_pairing_new(DC_TRACKS_MAX);
  if (tracker->pairing)
    return tracker;
  dc_free(tracker);
  return NULL;
}

void
dc_tracker_free(DcTracker *tracker)
{
  if (!tracker)
    return;
  dc_pairing_free(tracker->pairing);
  dc_free(tracker);
}

void
dc_tracker_drop(DcTracker *tracker)
{
  tracker->count = 0;
}

const DcTrack *
dc_tracker_tracks(const DcTracker *tracker, size_t *count)
{
  *count = tracker->count;
  return tracker->tracks;
}

/* --- pairing --- */

/* Pixels that a track's box and a blob's share. */
static double
shared_area(const DcTrack *track, const DcRect *box)
{
  const double width = fmin(track->x + track->width, box->x + box->width) - fmax(track->x, box->x);
  const double height =
      fmin(track->y + track->height, box->y + box->height) - fmax(track->y, box->y);
  return width > 0 && height > 0 ? width * height : 0;
}

static double
area_of(const DcTrack *track)
{
  return track->width * track->height;
}

/* Overlap (intersection over union) and closeness, each 0 .. 1; 0 for what cannot be. */
static double
gain_of(const DcTrack *track, const DcBlob *blob)
{
  const double own = area_of(track);
  const double other = (double)blob->box.width * blob->box.height;
  if (own > SAME_AREA * other || other > SAME_AREA * own)
    return 0;
  const double dx = track->x + track->width / 2 - (blob->box.x + blob->box.width / 2.0);
  const double dy = track->y + track->height / 2 - (blob->box.y + blob->box.height / 2.0);
  const double reach = (track->frames > 1 ? NEAR : NEAR_NEW) * fmax(track->side, sqrt(other)) *
                       (1 + UNCERTAIN * track->unseen);
  const double closeness = fmax(0, 1 - sqrt(dx * dx + dy * dy) / reach);
  const double shared = shared_area(track, &blob->box);
  const double overlap = shared / (own + other - shared);
  /* Who has been seen for long comes before who has just turned up. */
  const double trust = 0.05 * fmin(track->frames, 10) / 10;
  return overlap + closeness > 0 ? overlap + closeness + trust : 0;
}

static void
pair(DcTracker *tracker, const DcBlob *blobs, size_t count)
{
  double *gains = dc_pairing_gains(tracker->pairing);
  for (size_t t = 0; t < tracker->count; t++)
    for (size_t b = 0; b < count; b++)
      gains[t * count + b] = gain_of(&tracker->tracks[t], &blobs[b]);
  dc_pairing_run(tracker->pairing, tracker->count, count, tracker->blob_of);
}

/* --- several tracks in one blob --- */

static double
largest_owner(const DcTracker *tracker, uint32_t blob)
{
  double largest = 0;
  for (size_t t = 0; t < tracker->count; t++)
    if (tracker->blob_of[t] == blob)
      largest = fmax(largest, area_of(&tracker->tracks[t]));
  return largest;
}

/* The blob that hides `track`, or DC_UNPAIRED. */
static uint32_t
hiding_blob(const DcTracker *tracker, const DcTrack *track, const DcBlob *blobs, size_t count)
{
  for (uint32_t b = 0; b < count; b++) {
    const DcRect *box = &blobs[b].box;
    if (shared_area(track, box) < COVERED * area_of(track))
      continue;
    const double own = fmax(area_of(track), largest_owner(tracker, b));
    if ((double)box->width * box->height >= LARGER * own)
      return b;
  }
  return DC_UNPAIRED;
}

static void
find_hidden(DcTracker *tracker, const DcBlob *blobs, size_t count)
{
  memset(tracker->owners, 0, count * sizeof *tracker->owners);
  for (size_t t = 0; t < tracker->count; t++)
    if (tracker->blob_of[t] != DC_UNPAIRED)
      tracker->owners[tracker->blob_of[t]]++;
  for (size_t t = 0; t < tracker->count; t++) {
    const DcTrack *track = &tracker->tracks[t];
    if (tracker->blob_of[t] != DC_UNPAIRED || track->id == 0 || track->hidden >= HIDDEN_MAX)
      continue;
    tracker->blob_of[t] = hiding_blob(tracker, track, blobs, count);
    if (tracker->blob_of[t] != DC_UNPAIRED)
      tracker->owners[tracker->blob_of[t]]++;
  }
}

/* How far a span should move to stay within another one, and to touch those of its ends at
 * which it is the outermost of the group. */
static double
shift_within(double start, double length, double first, double last, double outer_start,
             double outer_end)
{
  double shift = 0;
  int ends = 0;
  if (start <= outer_start) {
    shift += first - start;
    ends++;
  }
  if (start + length >= outer_end) {
    shift += last - (start + length);
    ends++;
  }
  if (ends > 0)
    return shift / ends;
  if (start < first)
    return first - start;
  return start + length > last ? last - (start + length) : 0;
}

/* --- tracks --- */

static double
confidence_of(const DcBlob *blob)
{
  const double deviation = (double)blob->weight / ((double)blob->area * DC_DEVIATION_ONE);
  return deviation > 1 ? 1 - 1 / deviation : 0;
}

static void
see(DcTrack *track, const DcBlob *blob)
{
  track->unseen = 0;
  track->frames++;
  track->confidence += FOLLOW_CONFIDENCE * (confidence_of(blob) - track->confidence);
}

/* Where a thing is cut by what stands in front of it, or by the frame, one edge stops and the other
 * one goes on as expected. */
static double
edge_that_goes_on(double near_edge, double far_edge)
{
  return fabs(near_edge) < fabs(far_edge) ? near_edge : far_edge;
}

static void
follow_speed(DcTrack *track, const DcRect *box, double seconds)
{
  if (seconds <= 0)
    return;
  const double left = box->x - track->x, top = box->y - track->y;
  const double dx = edge_that_goes_on(left, left + box->width - track->width);
  const double dy = edge_that_goes_on(top, top + box->height - track->height);
  /* After the first step all that is known of the speed is that step. */
  const double share = track->frames == 1 ? 1 : FOLLOW_SPEED;
  track->speed_x += share * dx / seconds;
  track->speed_y += share * dy / seconds;
}

static void
follow_box(DcTrack *track, const DcRect *box)
{
  const double dx = box->x + box->width / 2.0 - (track->x + track->width / 2);
  const double dy = box->y + box->height / 2.0 - (track->y + track->height / 2);
  const double wider = FOLLOW_EXTENT * (box->width - track->width);
  const double higher = FOLLOW_EXTENT * (box->height - track->height);
  track->x += FOLLOW_PLACE * dx - wider / 2;
  track->y += FOLLOW_PLACE * dy - higher / 2;
  track->width += wider;
  track->height += higher;
  track->side = fmax(REMEMBER_SIDE * track->side, sqrt(area_of(track)));
}

static void
follow(DcTrack *track, const DcBlob *blob, double seconds)
{
  follow_speed(track, &blob->box, seconds);
  follow_box(track, &blob->box);
  track->area += FOLLOW_EXTENT * (blob->area - track->area);
  track->hidden = 0;
  see(track, blob);
}

typedef struct {
  double left, top, right, bottom;
} Edges;

static Edges
edges_of_group(const DcTracker *tracker, uint32_t blob)
{
  Edges edges = {INFINITY, INFINITY, -INFINITY, -INFINITY};
  for (size_t t = 0; t < tracker->count; t++) {
    const DcTrack *track = &tracker->tracks[t];
    if (tracker->blob_of[t] != blob)
      continue;
    edges.left = fmin(edges.left, track->x);
    edges.top = fmin(edges.top, track->y);
    edges.right = fmax(edges.right, track->x + track->width);
    edges.bottom = fmax(edges.bottom, track->y + track->height);
  }
  return edges;
}

/* Moves those that share `blob` with it: outermost ones are seen at its edges. */
static void
follow_hidden(DcTracker *tracker, uint32_t index, const DcBlob *blob, double seconds)
{
  const DcRect *box = &blob->box;
  const Edges group = edges_of_group(tracker, index);
  for (size_t t = 0; t < tracker->count; t++) {
    DcTrack *track = &tracker->tracks[t];
    if (tracker->blob_of[t] != index)
      continue;
    const double dx =
        shift_within(track->x, track->width, box->x, box->x + box->width, group.left, group.right);
    const double dy = shift_within(track->y, track->height, box->y, box->y + box->height, group.top,
                                   group.bottom);
    track->x += FOLLOW_PLACE * dx;
    track->y += FOLLOW_PLACE * dy;
    track->hidden += seconds;
    see(track, blob);
  }
}

static void
predict(DcTracker *tracker, double seconds)
{
  for (size_t t = 0; t < tracker->count; t++) {
    tracker->tracks[t].x += tracker->tracks[t].speed_x * seconds;
    tracker->tracks[t].y += tracker->tracks[t].speed_y * seconds;
  }
}

static void
update_seen(DcTracker *tracker, const DcBlob *blobs, size_t count, double seconds)
{
  for (size_t t = 0; t < tracker->count; t++) {
    const uint32_t blob = tracker->blob_of[t];
    if (blob != DC_UNPAIRED && tracker->owners[blob] == 1)
      follow(&tracker->tracks[t], &blobs[blob], seconds);
  }
  for (uint32_t b = 0; b < count; b++)
    if (tracker->owners[b] > 1)
      follow_hidden(tracker, b, &blobs[b], seconds);
}

static bool
has_left(const DcTrack *track, const DcTrackerRules *rules)
{
  const double x = track->x + track->width / 2, y = track->y + track->height / 2;
  return x < 0 || y < 0 || x > rules->width || y > rules->height;
}

/* Lets the unseen wait, and ends those who have waited for too long. */
static void
update_unseen(DcTracker *tracker, double seconds, const DcTrackerRules *rules)
{
  size_t kept = 0;
  for (size_t t = 0; t < tracker->count; t++) {
    DcTrack *track = &tracker->tracks[t];
    if (tracker->blob_of[t] == DC_UNPAIRED) {
      track->unseen += seconds > 0 ? seconds : rules->bridge;
      track->confidence -= FOLLOW_CONFIDENCE * track->confidence;
      if (track->id == 0 || track->unseen > rules->bridge || has_left(track, rules))
        continue;
    } else if (track->id == 0 && track->frames >= rules->min_frames) {
      track->id = ++tracker->last_id;
    }
    tracker->tracks[kept++] = *track;
  }
  tracker->count = kept;
}

static void
begin(DcTracker *tracker, const DcBlob *blob, const DcTrackerRules *rules)
{
  if (tracker->count == DC_TRACKS_MAX)
    return;
  DcTrack *track = &tracker->tracks[tracker->count++];
  *track = (DcTrack){.x = blob->box.x,
                     .y = blob->box.y,
                     .width = blob->box.width,
                     .height = blob->box.height,
                     .side = sqrt((double)blob->box.width * blob->box.height),
                     .area = blob->area,
                     .confidence = confidence_of(blob),
                     .frames = 1};
  if (rules->min_frames <= 1)
    track->id = ++tracker->last_id;
}

void
dc_tracker_step(DcTracker *tracker, const DcBlob *blobs, size_t count, double seconds,
                const DcTrackerRules *rules)
{
  predict(tracker, seconds);
  pair(tracker, blobs, count);
  find_hidden(tracker, blobs, count);
  update_seen(tracker, blobs, count, seconds);
  update_unseen(tracker, seconds, rules);
  for (size_t b = 0; b < count; b++)
    if (tracker->owners[b] == 0)
      begin(tracker, &blobs[b], rules);
}
