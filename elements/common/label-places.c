/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/label-places.h"

/* What a pixel of a label costs on a text, on a box, on its own box, and besides where the box has
 * its head. */
#define ON_TEXT    8
#define ON_BOX     2
#define ON_OWN_BOX 1
#define ON_HEAD    4

/* The sides of a box, in the order in which they are tried. */
typedef enum {
  ABOVE_LEFT,
  ABOVE_RIGHT,
  ABOVE_CENTRE,
  BELOW_LEFT,
  BELOW_RIGHT,
  BELOW_CENTRE,
  AT_RIGHT,
  AT_LEFT,
  INSIDE_BELOW,
  INSIDE_ABOVE,
  SIDES
} Side;

/* Sides of things on earlier frames that are remembered. Two things that share an entry lose no
 * more than a preference. */
#define HABITS 256

typedef struct {
  GstVideoRectangle area;
  gboolean is_box;
} Obstacle;

struct DcLabelPlaces {
  gint width, height;    /* of the frame */
  GArray *obstacles;     /* Obstacle, boxes first */
  GArray *near;          /* of guint: obstacles that a label of the box can meet at all */
  guint8 habits[HABITS]; /* Side */
};

DcLabelPlaces *
dc_label_places_new(void)
{
  DcLabelPlaces *places = g_new0(DcLabelPlaces, 1);

  places->obstacles = g_array_new(FALSE, FALSE, sizeof(Obstacle));
  places->near = g_array_new(FALSE, FALSE, sizeof(guint));
  return places;
}

void
dc_label_places_free(DcLabelPlaces *places)
{
  if (!places)
    return;
  g_array_unref(places->obstacles);
  g_array_unref(places->near);
  g_free(places);
}

void
dc_label_places_begin(DcLabelPlaces *places, gint width, gint height)
{
  places->width = width;
  places->height = height;
  g_array_set_size(places->obstacles, 0);
}

static void
add_obstacle(DcLabelPlaces *places, const GstVideoRectangle *area, gboolean is_box)
{
  const Obstacle obstacle = {*area, is_box};

  g_array_append_val(places->obstacles, obstacle);
}

guint
dc_label_places_add_box(DcLabelPlaces *places, const GstVideoRectangle *box)
{
  add_obstacle(places, box, TRUE);
  return places->obstacles->len - 1;
}

void
dc_label_places_take(DcLabelPlaces *places, const GstVideoRectangle *area)
{
  add_obstacle(places, area, FALSE);
}

static const Obstacle *
obstacle_at(const DcLabelPlaces *places, guint index)
{
  return &g_array_index(places->obstacles, Obstacle, index);
}

/* Pixels that two areas share. */
static gint64
shared(const GstVideoRectangle *a, const GstVideoRectangle *b)
{
  gint width = MIN(a->x + a->w, b->x + b->w) - MAX(a->x, b->x);
  gint height = MIN(a->y + a->h, b->y + b->h) - MAX(a->y, b->y);

  return width > 0 && height > 0 ? (gint64)width * height : 0;
}

static gint64
cost_of_obstacle(const Obstacle *obstacle, gboolean is_own, const GstVideoRectangle *place)
{
  gint64 pixels = shared(&obstacle->area, place);
  GstVideoRectangle head = obstacle->area;

  if (!pixels || !obstacle->is_box)
    return ON_TEXT * pixels;
  head.h = (head.h + 2) / 3;
  return (is_own ? ON_OWN_BOX : ON_BOX) * pixels + ON_HEAD * shared(&head, place);
}

/* What the label covers at `place`; more than `most` need not be told exactly. */
static gint64
cost_of(const DcLabelPlaces *places, guint own, const GstVideoRectangle *place, gint64 most)
{
  gint64 cost = 0;

  for (guint i = 0; i < places->near->len && cost <= most; i++) {
    guint index = g_array_index(places->near, guint, i);

    cost += cost_of_obstacle(obstacle_at(places, index), index == own, place);
  }
  return cost;
}

/* Lists what lies within reach of a label around the box. */
static void
gather_near(DcLabelPlaces *places, const GstVideoRectangle *box, gint width, gint height)
{
  const GstVideoRectangle reach = {box->x - width, box->y - height, box->w + 2 * width,
                                   box->h + 2 * height};

  g_array_set_size(places->near, 0);
  for (guint i = 0; i < places->obstacles->len; i++)
    if (shared(&obstacle_at(places, i)->area, &reach))
      g_array_append_val(places->near, i);
}

/* The place of a label at that side; FALSE when it is not whole on the frame. In the box it is
 * pushed onto the frame. */
static gboolean
place_at(const DcLabelPlaces *places, const GstVideoRectangle *box, Side side,
         GstVideoRectangle *place)
{
  gint slack = box->w - place->w, most_x = places->width - place->w;
  gint most_y = places->height - place->h;

  place->x = box->x;
  place->y = box->y;
  if (side == ABOVE_RIGHT || side == BELOW_RIGHT)
    place->x += slack;
  else if (side == ABOVE_CENTRE || side == BELOW_CENTRE)
    place->x += slack / 2;
  if (side <= ABOVE_CENTRE)
    place->y -= place->h;
  else if (side <= BELOW_CENTRE)
    place->y += box->h;
  else if (side == INSIDE_BELOW)
    place->y += box->h - place->h;

  if (side == AT_RIGHT || side == AT_LEFT) {
    place->x += side == AT_RIGHT ? box->w : -place->w;
    place->y = MIN(place->y, most_y);
    return place->x >= 0 && place->x <= most_x;
  }
  place->x = CLAMP(place->x, 0, MAX(most_x, 0));
  if (side < AT_RIGHT)
    return place->y >= 0 && place->y <= most_y;
  place->y = CLAMP(place->y, 0, MAX(most_y, 0));
  return TRUE;
}

gboolean
dc_label_places_find(DcLabelPlaces *places, guint box, guint64 key, gint width, gint height,
                     GstVideoRectangle *place)
{
  const GstVideoRectangle area = obstacle_at(places, box)->area;
  guint8 *habit = &places->habits[(key ^ key >> 8) % HABITS];
  gint64 least = G_MAXINT64;

  gather_near(places, &area, width, height);
  /* The side of the last frames first, which is among the others once more. */
  for (gint i = -1; i < (gint)SIDES && least > 0; i++) {
    Side side = i < 0 ? (Side)*habit : (Side)i;
    GstVideoRectangle trial = {.w = width, .h = height};
    gint64 cost;

    if (!place_at(places, &area, side, &trial))
      continue;
    cost = cost_of(places, box, &trial, least);
    if (i < 0 && cost)
      continue;
    if (cost < least) {
      least = cost;
      *place = trial;
      if (!cost)
        *habit = (guint8)side;
    }
  }
  return !least;
}
