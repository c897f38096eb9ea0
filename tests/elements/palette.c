/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/palette.h"

#include <gst/check/gstcheck.h>

/* Contrast ratio of WCAG 2.1, 1 .. 21. */
static gdouble
contrast(DcColour a, DcColour b)
{
  gdouble first = dc_colour_luminance(a) + 0.05, second = dc_colour_luminance(b) + 0.05;

  return MAX(first, second) / MIN(first, second);
}

GST_START_TEST(luminance_is_that_of_the_standard)
{
  fail_unless(dc_colour_luminance((DcColour){0, 0, 0}) == 0.0);
  fail_unless(ABS(dc_colour_luminance((DcColour){255, 255, 255}) - 1.0) < 1e-12);
  /* #777777 on white: 4.48, the usual example of what just fails to reach 4.5. */
  fail_unless(ABS(contrast((DcColour){119, 119, 119}, (DcColour){255, 255, 255}) - 4.48) < 0.005);
}
GST_END_TEST

/* 4.5 is what the standard asks of text. Grey is the hardest background: all of them are tried. */
GST_START_TEST(text_is_readable_on_every_background)
{
  for (guint i = 0; i < DC_PALETTE_SIZE; i++)
    fail_unless(contrast(dc_palette_colour(i), dc_colour_for_text(dc_palette_colour(i))) >= 4.5);
  for (guint grey = 0; grey < 256; grey++) {
    DcColour background = {(guint8)grey, (guint8)grey, (guint8)grey};

    fail_unless(contrast(background, dc_colour_for_text(background)) >= 4.5, "grey %u", grey);
  }
}
GST_END_TEST

GST_START_TEST(colours_differ_and_repeat_after_the_last)
{
  for (guint i = 0; i < DC_PALETTE_SIZE; i++) {
    DcColour first = dc_palette_colour(i), again = dc_palette_colour(i + DC_PALETTE_SIZE);

    fail_unless(first.red == again.red && first.green == again.green && first.blue == again.blue);
    for (guint j = 0; j < i; j++) {
      DcColour other = dc_palette_colour(j);
      gint distance = ABS(first.red - other.red) + ABS(first.green - other.green) +
                      ABS(first.blue - other.blue);

      fail_unless(distance >= 48, "colours %u and %u", i, j);
    }
  }
}
GST_END_TEST

static Suite *
palette_suite(void)
{
  Suite *suite = suite_create("palette");
  TCase *cases = tcase_create("general");

  suite_add_tcase(suite, cases);
  tcase_add_test(cases, luminance_is_that_of_the_standard);
  tcase_add_test(cases, text_is_readable_on_every_background);
  tcase_add_test(cases, colours_differ_and_repeat_after_the_last);
  return suite;
}

GST_CHECK_MAIN(palette)
