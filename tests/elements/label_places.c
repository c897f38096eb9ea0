/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/label-places.h"

#include <gst/check/gstcheck.h>

#define WIDTH  320
#define HEIGHT 240

static gboolean
meet(const GstVideoRectangle *a, const GstVideoRectangle *b)
{
  return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

static DcLabelPlaces *
places_with(const GstVideoRectangle *boxes, guint n)
{
  DcLabelPlaces *places = dc_label_places_new();

  dc_label_places_begin(places, WIDTH, HEIGHT);
  for (guint i = 0; i < n; i++)
    assert_equals_int(dc_label_places_add_box(places, &boxes[i]), i);
  return places;
}

static void
assert_place(const GstVideoRectangle *place, gint x, gint y, gint w, gint h)
{
  fail_unless(place->x == x && place->y == y && place->w == w && place->h == h,
              "%d,%d %dx%d instead of %d,%d %dx%d", place->x, place->y, place->w, place->h, x, y, w,
              h);
}

/* The place of a label of 60 x 12 pixels at the first of `boxes`. */
static void
assert_first(const GstVideoRectangle *boxes, guint n, gboolean is_free, gint x, gint y)
{
  g_autoptr(DcLabelPlaces) places = places_with(boxes, n);
  GstVideoRectangle place;

  assert_equals_int(dc_label_places_find(places, 0, 1, 60, 12, &place), is_free);
  assert_place(&place, x, y, 60, 12);
}

GST_START_TEST(label_stands_above_where_there_is_room)
{
  const GstVideoRectangle box = {100, 100, 20, 50}, at_right_edge = {310, 100, 10, 50};

  assert_first(&box, 1, TRUE, 100, 88);
  assert_first(&at_right_edge, 1, TRUE, 260, 88); /* pushed onto the frame */
}
GST_END_TEST

GST_START_TEST(label_stands_below_or_beside_at_the_edge_of_the_frame)
{
  const GstVideoRectangle at_top = {100, 5, 20, 50}, as_high = {100, 0, 20, HEIGHT};
  const GstVideoRectangle high_at_right = {300, 0, 20, HEIGHT};

  assert_first(&at_top, 1, TRUE, 100, 55);
  assert_first(&as_high, 1, TRUE, 120, 0);
  assert_first(&high_at_right, 1, TRUE, 240, 0);
}
GST_END_TEST

/* Where it has to stand in its box, it leaves the head alone. */
GST_START_TEST(label_in_its_box_stands_at_the_lower_edge)
{
  const GstVideoRectangle whole = {0, 0, WIDTH, HEIGHT};

  assert_first(&whole, 1, FALSE, 0, HEIGHT - 12);
}
GST_END_TEST

GST_START_TEST(label_covers_no_head_behind_its_box)
{
  /* Somebody stands behind: the left end above is free of the other one, only at the right edge. */
  const GstVideoRectangle pair[] = {{100, 100, 20, 50}, {125, 80, 20, 50}};
  /* Somebody stands at either side. */
  const GstVideoRectangle three[] = {{100, 100, 20, 50}, {125, 80, 20, 50}, {70, 80, 20, 50}};

  assert_first(pair, 2, TRUE, 60, 88);
  assert_first(three, 3, TRUE, 100, 150);
}
GST_END_TEST

GST_START_TEST(label_keeps_clear_of_what_is_taken)
{
  const GstVideoRectangle box = {100, 100, 20, 50}, above = {40, 80, 140, 15};
  const GstVideoRectangle below = {40, 155, 140, 15};
  g_autoptr(DcLabelPlaces) places = places_with(&box, 1);
  GstVideoRectangle place;

  dc_label_places_take(places, &above);
  fail_unless(dc_label_places_find(places, 0, 1, 60, 12, &place));
  assert_place(&place, 100, 150, 60, 12);
  dc_label_places_take(places, &below);
  fail_unless(dc_label_places_find(places, 0, 1, 60, 12, &place));
  assert_place(&place, 120, 100, 60, 12);
}
GST_END_TEST

/* A text that covers a text makes both unreadable: rather a box is covered, and its lower part. */
GST_START_TEST(label_covers_a_box_rather_than_a_text)
{
  const GstVideoRectangle boxes[] = {{0, 100, WIDTH, 60}, {0, 160, WIDTH, 80}};
  const GstVideoRectangle text = {0, 60, WIDTH, 40};
  g_autoptr(DcLabelPlaces) places = places_with(boxes, 2);
  GstVideoRectangle place;

  dc_label_places_take(places, &text);
  fail_if(dc_label_places_find(places, 0, 1, 60, 12, &place));
  assert_place(&place, 0, 148, 60, 12);
}
GST_END_TEST

/* Else labels would jump whenever two things pass each other. */
GST_START_TEST(label_that_stands_free_stays_on_its_side)
{
  const GstVideoRectangle boxes[] = {{100, 100, 20, 50}, {60, 85, 120, 10}};
  const guint64 key = 7;
  g_autoptr(DcLabelPlaces) places = places_with(boxes, 2);
  GstVideoRectangle place;

  fail_unless(dc_label_places_find(places, 0, key, 60, 12, &place));
  assert_place(&place, 100, 150, 60, 12);
  dc_label_places_begin(places, WIDTH, HEIGHT);
  dc_label_places_add_box(places, &boxes[0]);
  fail_unless(dc_label_places_find(places, 0, key, 60, 12, &place));
  assert_place(&place, 100, 150, 60, 12);
  fail_unless(dc_label_places_find(places, 0, key + 1, 60, 12, &place)); /* another thing */
  assert_place(&place, 100, 88, 60, 12);
}
GST_END_TEST

GST_START_TEST(labels_of_any_size_are_on_the_frame)
{
  const GstVideoRectangle boxes[] = {{0, 0, 1, 1},
                                     {WIDTH - 1, HEIGHT - 1, 1, 1},
                                     {0, HEIGHT - 1, WIDTH, 1},
                                     {0, 0, WIDTH, HEIGHT}};
  const gint sizes[][2] = {{1, 1}, {WIDTH, 1}, {1, HEIGHT}, {WIDTH, HEIGHT}};

  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(DcLabelPlaces) places = places_with(boxes, G_N_ELEMENTS(boxes));

    for (guint box = 0; box < G_N_ELEMENTS(boxes); box++) {
      GstVideoRectangle place;

      dc_label_places_find(places, box, 1, sizes[i][0], sizes[i][1], &place);
      fail_unless(place.x >= 0 && place.y >= 0 && place.x + place.w <= WIDTH &&
                  place.y + place.h <= HEIGHT);
      assert_equals_int(place.w, sizes[i][0]);
      assert_equals_int(place.h, sizes[i][1]);
    }
  }
}
GST_END_TEST

/* Boxes, then labels placed so far. */
typedef struct {
  GstVideoRectangle areas[64];
  guint count;
} Crowd;

/* Whether a label of that place is on the frame and meets nothing. */
static gboolean
is_free(const Crowd *crowd, GstVideoRectangle place)
{
  if (place.x < 0 || place.y < 0 || place.x + place.w > WIDTH || place.y + place.h > HEIGHT)
    return FALSE;
  for (guint i = 0; i < crowd->count; i++)
    if (meet(&crowd->areas[i], &place))
      return FALSE;
  return TRUE;
}

/* Whether one of the places that people would try first is free. */
static gboolean
has_free_place(const Crowd *crowd, const GstVideoRectangle *box, gint w, gint h)
{
  const GstVideoRectangle trials[] = {
      {box->x, box->y - h, w, h},
      {box->x, box->y + box->h, w, h},
      {box->x + box->w - w, box->y - h, w, h},
      {box->x + box->w - w, box->y + box->h, w, h},
      {box->x + box->w, box->y, w, h},
      {box->x - w, box->y, w, h},
  };

  for (guint i = 0; i < G_N_ELEMENTS(trials); i++)
    if (is_free(crowd, trials[i]))
      return TRUE;
  return FALSE;
}

/* A frame of `n` random boxes, then their labels. All things share one habit, which must not spoil
 * anything. Returns how many stand free. */
static guint
place_crowd(DcLabelPlaces *places, GRand *random, guint n)
{
  Crowd crowd = {.count = n};
  guint count = 0;

  dc_label_places_begin(places, WIDTH, HEIGHT);
  for (guint i = 0; i < n; i++) {
    gint w = g_rand_int_range(random, 5, 50), h = g_rand_int_range(random, 5, 70);

    crowd.areas[i] = (GstVideoRectangle){g_rand_int_range(random, 0, WIDTH - w),
                                         g_rand_int_range(random, 0, HEIGHT - h), w, h};
    dc_label_places_add_box(places, &crowd.areas[i]);
  }
  for (guint i = 0; i < n; i++) {
    gint w = g_rand_int_range(random, 20, 80), h = 12;
    GstVideoRectangle place;
    gboolean told = dc_label_places_find(places, i, 5, w, h, &place);

    fail_unless(place.x >= 0 && place.y >= 0 && place.x + w <= WIDTH && place.y + h <= HEIGHT);
    assert_equals_int(told, is_free(&crowd, place));
    fail_unless(told || !has_free_place(&crowd, &crowd.areas[i], w, h));
    dc_label_places_take(places, &place);
    crowd.areas[crowd.count++] = place;
    count += told;
  }
  return count;
}

GST_START_TEST(label_covers_nothing_where_a_free_place_exists)
{
  g_autoptr(DcLabelPlaces) places = dc_label_places_new();
  GRand *random = g_rand_new_with_seed(1);
  guint few = 0, many = 0;

  for (guint frame = 0; frame < 200; frame++) {
    few += place_crowd(places, random, 8);
    many += place_crowd(places, random, 32);
  }
  /* Both cases were met, many times. */
  fail_unless(few > 200 * 6, "%u of %u", few, 200 * 8);
  fail_unless(many > 200 && many < 200 * 28, "%u of %u", many, 200 * 32);
  g_rand_free(random);
}
GST_END_TEST

static Suite *
label_places_suite(void)
{
  Suite *suite = suite_create("label-places");
  TCase *cases = tcase_create("general");

  suite_add_tcase(suite, cases);
  tcase_add_test(cases, label_stands_above_where_there_is_room);
  tcase_add_test(cases, label_stands_below_or_beside_at_the_edge_of_the_frame);
  tcase_add_test(cases, label_in_its_box_stands_at_the_lower_edge);
  tcase_add_test(cases, label_covers_no_head_behind_its_box);
  tcase_add_test(cases, label_keeps_clear_of_what_is_taken);
  tcase_add_test(cases, label_covers_a_box_rather_than_a_text);
  tcase_add_test(cases, label_that_stands_free_stays_on_its_side);
  tcase_add_test(cases, labels_of_any_size_are_on_the_frame);
  tcase_add_test(cases, label_covers_nothing_where_a_free_place_exists);
  return suite;
}

GST_CHECK_MAIN(label_places)
