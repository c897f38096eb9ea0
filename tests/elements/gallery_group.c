/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which pictures of a group a gallery keeps, against the plain definition. */
#include "common/gallery-group.h"

#include "base/random.h"

#include <gst/check/gstcheck.h>

#define FRAMES 20000
#define MOST   12

typedef struct {
  DcGalleryGroup *group;
  DcRandom random;
  GArray *offered; /* DcExemplar, all of them */
  guint admitted, left;
} Fixture;

static void
fixture_init(Fixture *fixture)
{
  const DriftclusterResult result = {.cluster = 1, .uuid = "u"};

  *fixture = (Fixture){.group = dc_gallery_group_new(&result, 0)};
  fixture->offered = g_array_new(FALSE, FALSE, sizeof(DcExemplar));
  dc_random_seed(&fixture->random, 3, 1);
}

static void
fixture_clear(Fixture *fixture)
{
  dc_gallery_group_free(fixture->group);
  g_array_unref(fixture->offered);
}

static void
count_left(const DcGalleryGroup *group, const DcExemplar *exemplar, gpointer user_data)
{
  (void)group, (void)exemplar;
  ++*(guint *)user_data;
}

static void
offer(Fixture *fixture, guint64 position, gint percent, gdouble distance, gboolean novel,
      guint most)
{
  const DcExemplar exemplar = {.number = fixture->offered->len + 1,
                               .position = position,
                               .percent = percent,
                               .distance = distance,
                               .novel = novel};

  g_array_append_val(fixture->offered, exemplar);
  if (dc_gallery_group_wants(fixture->group, &exemplar, most)) {
    dc_gallery_group_admit(fixture->group, &exemplar, most, count_left, &fixture->left);
    fixture->admitted++;
  }
}

static const DcExemplar *
kept(const Fixture *fixture, guint place)
{
  return &g_array_index(fixture->group->exemplars, DcExemplar, place);
}

/* Lower is better, as the header defines it. */
static gint
compare(const DcExemplar *one, const DcExemplar *other)
{
  if (one->novel != other->novel)
    return one->novel ? 1 : -1;
  if (one->percent != other->percent)
    return other->percent - one->percent;
  if (one->distance != other->distance)
    return one->distance < other->distance ? -1 : 1;
  return one->position < other->position ? -1 : one->position > other->position;
}

/* Each one is the best of all that were ever offered in its span, and there are no two of a span.
 */
static void
assert_best_of_spans(const Fixture *fixture)
{
  const DcGalleryGroup *group = fixture->group;

  for (guint i = 0; i < group->exemplars->len; i++) {
    const DcExemplar *here = kept(fixture, i);

    if (i > 0 && here->position >> group->span <= kept(fixture, i - 1)->position >> group->span)
      fail("%u is not in order", i);
    for (guint j = 0; j < fixture->offered->len; j++) {
      const DcExemplar *other = &g_array_index(fixture->offered, DcExemplar, j);

      if (other->position >> group->span == here->position >> group->span &&
          compare(other, here) < 0)
        fail("%u is worse than the one offered as %u", i, j);
    }
  }
  assert_equals_int(fixture->admitted - fixture->left, group->exemplars->len);
}

static void
offer_stream(Fixture *fixture, guint64 step)
{
  for (guint i = 0; i < FRAMES; i++)
    offer(fixture, i * step, (gint)dc_random_below(&fixture->random, 101),
          dc_random_uniform(&fixture->random), dc_random_below(&fixture->random, 10) == 0, MOST);
}

GST_START_TEST(the_best_of_each_span_is_kept)
{
  static const guint64 steps[] = {1, 40 * GST_MSECOND, 3600 * GST_SECOND};

  for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
    Fixture fixture;
    guint64 widest = 0;

    fixture_init(&fixture);
    offer_stream(&fixture, steps[i]);
    fail_unless(fixture.group->exemplars->len >= MOST / 2);
    fail_unless(fixture.group->exemplars->len <= MOST);
    assert_best_of_spans(&fixture);
    for (guint j = 1; j < fixture.group->exemplars->len; j++)
      widest = MAX(widest, kept(&fixture, j)->position - kept(&fixture, j - 1)->position);
    /* Neighbours are of neighbouring spans, of which there are at least MOST / 2. */
    fail_unless(widest <= 2 * FRAMES * steps[i] / (MOST / 2 - 1));
    fixture_clear(&fixture);
  }
}
GST_END_TEST

/* 2 MOST spans fill between two doublings, log2(FRAMES) times; in each, a new best comes as often
 * as the harmonic number says, at most log(FRAMES) + 1. */
GST_START_TEST(a_long_stream_changes_few_pictures)
{
  Fixture fixture;

  fixture_init(&fixture);
  offer_stream(&fixture, 1);
  fail_unless(fixture.admitted < MOST * 15 * 11 / 2, "%u", fixture.admitted);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(times_in_any_order_are_spread_too)
{
  Fixture fixture;

  fixture_init(&fixture);
  for (guint i = 0; i < FRAMES; i++)
    offer(&fixture, dc_random_below(&fixture.random, 1000000), 50,
          dc_random_uniform(&fixture.random), FALSE, MOST);
  fail_unless(fixture.group->exemplars->len >= MOST / 2);
  assert_best_of_spans(&fixture);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(one_may_be_the_most)
{
  Fixture fixture;

  fixture_init(&fixture);
  for (guint i = 0; i < 100; i++)
    offer(&fixture, i, i == 70 ? 90 : 50, 1, FALSE, 1);
  assert_equals_int(fixture.group->exemplars->len, 1);
  assert_equals_uint64(kept(&fixture, 0)->position, 70);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(worse_ones_of_the_same_span_are_refused)
{
  Fixture fixture;

  fixture_init(&fixture);
  offer(&fixture, 8, 60, 1.0, FALSE, 1);
  offer(&fixture, 9, 60, 1.0, FALSE, 1); /* as good, but later */
  offer(&fixture, 9, 60, 1.5, FALSE, 1); /* farther */
  offer(&fixture, 9, 59, 0.1, FALSE, 1); /* less sure */
  offer(&fixture, 9, 99, 0.1, TRUE, 1);  /* novel */
  assert_equals_int(fixture.admitted, 1);
  offer(&fixture, 9, 60, 0.9, FALSE, 1);
  offer(&fixture, 8, 61, 5.0, FALSE, 1);
  assert_equals_int(fixture.admitted, 3);
  fixture_clear(&fixture);
}
GST_END_TEST

/* There is no span that holds both, and one may be kept. */
GST_START_TEST(positions_at_both_ends_of_the_numbers_are_no_trouble)
{
  Fixture fixture;

  fixture_init(&fixture);
  offer(&fixture, 0, 60, 1, FALSE, 1);
  offer(&fixture, G_MAXUINT64, 99, 1, FALSE, 1);
  assert_equals_int(fixture.group->exemplars->len, 1);
  offer(&fixture, G_MAXUINT64, 99, 1, FALSE, 2);
  assert_equals_int(fixture.group->exemplars->len, 2);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(names_of_folders_are_safe)
{
  static const struct {
    const gchar *uuid, *folder;
  } cases[] = {
      {"0B1C2D3E-0000-4000-8000-00000000000f", "0b1c2d3e-0000-4000-8000-00000000000f"},
      {NULL, "cluster-7"},
      /* printf .. | sha256sum */
      {"..", "5ec1f7e700f37c3d0b2981d04855fc34b94aaa15457b05ca571817442d228f81"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    const DriftclusterResult result = {.cluster = 7, .uuid = cases[i].uuid};
    g_autoptr(DcGalleryGroup) group = dc_gallery_group_new(&result, 0);

    assert_equals_string(group->folder, cases[i].folder);
  }
}
GST_END_TEST

static Suite *
gallery_group_suite(void)
{
  Suite *suite = suite_create("gallery-group");
  TCase *cases = tcase_create("general");

  suite_add_tcase(suite, cases);
  tcase_add_test(cases, the_best_of_each_span_is_kept);
  tcase_add_test(cases, a_long_stream_changes_few_pictures);
  tcase_add_test(cases, times_in_any_order_are_spread_too);
  tcase_add_test(cases, one_may_be_the_most);
  tcase_add_test(cases, worse_ones_of_the_same_span_are_refused);
  tcase_add_test(cases, positions_at_both_ends_of_the_numbers_are_no_trouble);
  tcase_add_test(cases, names_of_folders_are_safe);
  return suite;
}

GST_CHECK_MAIN(gallery_group)
