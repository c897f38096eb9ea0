/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/random.h"
#include "motion/components.h"
#include "motion/morphology.h"
#include "motion/pairing.h"
#include "motion/parts.h"
#include "motion/shrink.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Masks, blobs and pairs against what is plainly written down. */

enum { MAX_SIDE = 40 };

static void
random_mask(uint8_t *mask, int width, int height, double share, DcRandom *random)
{
  for (int i = 0; i < width * height; i++)
    mask[i] = dc_random_uniform(random) < share ? 255 : 0;
}

static bool
is_set(const uint8_t *mask, int width, int height, int x, int y, bool outside)
{
  return x < 0 || y < 0 || x >= width || y >= height ? outside : mask[y * width + x] != 0;
}

static int
count_around(const uint8_t *mask, int width, int height, int x, int y, int rx, int ry, bool outside)
{
  int count = 0;
  for (int v = -ry; v <= ry; v++)
    for (int u = -rx; u <= rx; u++)
      count += is_set(mask, width, height, x + u, y + v, outside);
  return count;
}

static void
test_morphology_is_what_its_words_say(void **state)
{
  (void)state;
  static const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 3}, {33, 17}, {40, 40}};
  uint8_t mask[MAX_SIDE * MAX_SIDE], work[MAX_SIDE * MAX_SIDE], scratch[MAX_SIDE * MAX_SIDE];
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (int rx = 0; rx <= 3; rx++)
      for (int ry = 0; ry <= 3; ry++) {
        const int w = sizes[s][0], h = sizes[s][1], all = (2 * rx + 1) * (2 * ry + 1);
        random_mask(mask, w, h, 0.3 + 0.1 * rx, &random);
        memcpy(work, mask, sizeof mask);
        dc_mask_dilate(work, w, h, rx, ry, scratch);
        for (int y = 0; y < h; y++)
          for (int x = 0; x < w; x++)
            assert_int_equal(work[y * w + x] != 0,
                             count_around(mask, w, h, x, y, rx, ry, false) > 0);
        memcpy(work, mask, sizeof mask);
        dc_mask_erode(work, w, h, rx, ry, scratch);
        for (int y = 0; y < h; y++)
          for (int x = 0; x < w; x++)
            assert_int_equal(work[y * w + x] != 0,
                             count_around(mask, w, h, x, y, rx, ry, true) == all);
        memcpy(work, mask, sizeof mask);
        dc_mask_majority(work, w, h, scratch);
        for (int y = 0; y < h; y++)
          for (int x = 0; x < w; x++)
            assert_int_equal(work[y * w + x],
                             count_around(mask, w, h, x, y, 1, 1, false) >= 5 ? 255 : 0);
      }
}

static void
test_closing_fills_gaps_and_adds_nothing_else(void **state)
{
  (void)state;
  uint8_t mask[20 * 10] = {0}, scratch[20 * 10];
  for (int y = 3; y < 7; y++)
    for (int x = 4; x < 16; x++)
      mask[y * 20 + x] = x == 9 || x == 10 ? 0 : 255;
  dc_mask_close(mask, 20, 10, 1, 1, scratch);
  for (int y = 0; y < 10; y++)
    for (int x = 0; x < 20; x++)
      assert_int_equal(mask[y * 20 + x], y >= 3 && y < 7 && x >= 4 && x < 16 ? 255 : 0);
}

/* Fills the 8-connected component of (x, y) with 0 and adds it up. */
static void
take_component(uint8_t *mask, int w, int h, int x, int y, DcBlob *blob)
{
  if (!is_set(mask, w, h, x, y, false))
    return;
  mask[y * w + x] = 0;
  DcRect *box = &blob->box;
  if (blob->area == 0)
    *box = (DcRect){x, y, 1, 1};
  const int right = x + 1 > box->x + box->width ? x + 1 : box->x + box->width;
  const int bottom = y + 1 > box->y + box->height ? y + 1 : box->y + box->height;
  box->x = x < box->x ? x : box->x;
  box->y = y < box->y ? y : box->y;
  box->width = right - box->x;
  box->height = bottom - box->y;
  blob->area++;
  for (int v = -1; v <= 1; v++)
    for (int u = -1; u <= 1; u++)
      take_component(mask, w, h, x + u, y + v, blob);
}

static bool
same_blob(const DcBlob *a, const DcBlob *b)
{
  return a->area == b->area && a->weight == b->weight && !memcmp(&a->box, &b->box, sizeof a->box);
}

static void
test_components_are_those_of_a_flood_fill(void **state)
{
  (void)state;
  uint8_t mask[MAX_SIDE * MAX_SIDE], work[MAX_SIDE * MAX_SIDE], ones[MAX_SIDE * MAX_SIDE];
  DcBlob blobs[MAX_SIDE * MAX_SIDE];
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  memset(ones, 1, sizeof ones);
  for (int run = 0; run < 200; run++) {
    const int w = 1 + (int)dc_random_below(&random, MAX_SIDE);
    const int h = 1 + (int)dc_random_below(&random, MAX_SIDE);
    random_mask(mask, w, h, (run % 10) / 9.0, &random);
    DcComponentFinder *finder = dc_component_finder_new(w, h);
    size_t total;
    const size_t count =
        dc_component_finder_run(finder, mask, ones, 0, blobs, MAX_SIDE * MAX_SIDE, &total);
    assert_int_equal(count, total);
    memcpy(work, mask, sizeof mask);
    size_t found = 0;
    for (int y = 0; y < h; y++)
      for (int x = 0; x < w; x++) {
        DcBlob blob = {.area = 0};
        take_component(work, w, h, x, y, &blob);
        if (blob.area == 0)
          continue;
        blob.weight = blob.area;
        size_t i = 0;
        while (i < count && !same_blob(&blobs[i], &blob))
          i++;
        assert_true(i < count);
        found++;
      }
    assert_int_equal(found, count);
    for (size_t i = 1; i < count; i++)
      assert_true(blobs[i].area <= blobs[i - 1].area);
    if (count > 1) {
      const size_t some =
          dc_component_finder_run(finder, mask, ones, blobs[1].area, blobs, 1, &total);
      assert_int_equal(some, 1);
      assert_true(total >= 2);
    }
    dc_component_finder_free(finder);
  }
}

static DcBlob
blob_of(int x, int y, int width, int height)
{
  return (DcBlob){{x, y, width, height}, (uint32_t)(width * height), 0};
}

static void
test_parts_are_joined_and_neighbours_are_not(void **state)
{
  (void)state;
  DcBlob body[] = {blob_of(12, 0, 8, 8), blob_of(10, 12, 12, 20), blob_of(11, 35, 10, 20)};
  assert_int_equal(dc_parts_join(body, 3, 5), 1);
  assert_int_equal(body[0].box.y, 0);
  assert_int_equal(body[0].box.height, 55);
  assert_int_equal(body[0].area, 64 + 240 + 200);

  DcBlob pair[] = {blob_of(0, 0, 12, 40), blob_of(15, 0, 12, 40)};
  assert_int_equal(dc_parts_join(pair, 2, 5), 2);
  DcBlob far[] = {blob_of(0, 0, 12, 20), blob_of(0, 26, 12, 20)};
  assert_int_equal(dc_parts_join(far, 2, 5), 2);
  DcBlob hand[] = {blob_of(0, 0, 12, 40), blob_of(15, 20, 4, 4)};
  assert_int_equal(dc_parts_join(hand, 2, 5), 1);
  assert_int_equal(dc_parts_join(NULL, 0, 5), 0);
}

static double
best_sum(const double *gains, size_t rows, size_t cols, size_t row, unsigned taken)
{
  if (row == rows)
    return 0;
  double best = best_sum(gains, rows, cols, row + 1, taken);
  for (size_t col = 0; col < cols; col++)
    if (!(taken & (1u << col)) && gains[row * cols + col] > 0)
      best = fmax(best, gains[row * cols + col] +
                            best_sum(gains, rows, cols, row + 1, taken | 1u << col));
  return best;
}

static void
test_pairs_are_the_best_that_can_be(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcPairing *pairing = dc_pairing_new(8);
  double *gains = dc_pairing_gains(pairing);
  for (int run = 0; run < 500; run++) {
    const size_t rows = dc_random_below(&random, 6), cols = dc_random_below(&random, 6);
    uint32_t column_of[8];
    for (size_t i = 0; i < rows * cols; i++)
      gains[i] = dc_random_below(&random, 3) ? 0 : 0.1 + dc_random_uniform(&random);
    dc_pairing_run(pairing, rows, cols, column_of);
    double sum = 0;
    unsigned taken = 0;
    for (size_t row = 0; row < rows; row++) {
      if (column_of[row] == DC_UNPAIRED)
        continue;
      assert_true(column_of[row] < cols && !(taken & 1u << column_of[row]));
      assert_true(gains[row * cols + column_of[row]] > 0);
      taken |= 1u << column_of[row];
      sum += gains[row * cols + column_of[row]];
    }
    assert_near(sum, best_sum(gains, rows, cols, 0, 0), 1e-12); /* sums in another order */
  }
  dc_pairing_free(pairing);
}

static void
test_shrinking_averages_blocks(void **state)
{
  (void)state;
  enum { STRIDE = 70 };
  uint8_t from[STRIDE * 70], to[70 * 70];
  uint32_t sums[70];
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  for (size_t i = 0; i < sizeof from; i++)
    from[i] = (uint8_t)dc_random_bits(&random);
  for (int factor = 1; factor <= 6; factor++) {
    const int w = 64 / factor, h = 60 / factor;
    dc_motion_shrink(from, STRIDE, factor, w, h, sums, to);
    for (int y = 0; y < h; y++)
      for (int x = 0; x < w; x++) {
        int sum = 0;
        for (int v = 0; v < factor; v++)
          for (int u = 0; u < factor; u++)
            sum += from[(y * factor + v) * STRIDE + x * factor + u];
        assert_int_equal(to[y * w + x], (sum + factor * factor / 2) / (factor * factor));
      }
  }
  /* From the bottom up, as the stride says. */
  dc_motion_shrink(from + 59 * STRIDE, -STRIDE, 2, 10, 10, sums, to);
  assert_int_equal(to[0], (from[59 * STRIDE] + from[59 * STRIDE + 1] + from[58 * STRIDE] +
                           from[58 * STRIDE + 1] + 2) /
                              4);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_morphology_is_what_its_words_say),
      cmocka_unit_test(test_closing_fills_gaps_and_adds_nothing_else),
      cmocka_unit_test(test_components_are_those_of_a_flood_fill),
      cmocka_unit_test(test_parts_are_joined_and_neighbours_are_not),
      cmocka_unit_test(test_pairs_are_the_best_that_can_be),
      cmocka_unit_test(test_shrinking_averages_blocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
