/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/placement.h"

#include "base/memory.h"
#include "base/random.h"
#include "test.h"

enum { MOST = 60, UNIT = DC_ALIGNMENT / sizeof(float) };

static bool
overlap(const DcPlacedBlock *a, const DcPlacedBlock *b)
{
  const bool together = a->first <= b->last && b->first <= a->last;
  return together && a->at < b->at + b->size && b->at < a->at + a->size;
}

static size_t
end_of(const DcPlacedBlock *blocks, size_t count)
{
  size_t end = 0;
  for (size_t i = 0; i < count; i++)
    end = blocks[i].at + blocks[i].size > end ? blocks[i].at + blocks[i].size : end;
  return end;
}

/* What is needed at the fullest step: no layout can do with less. */
static size_t
fullest(const DcPlacedBlock *blocks, size_t count, size_t steps)
{
  size_t most = 0;
  for (size_t step = 0; step < steps; step++) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
      sum += blocks[i].first <= step && step <= blocks[i].last ? blocks[i].size : 0;
    most = sum > most ? sum : most;
  }
  return most;
}

static void
blocks_of_one_step_do_not_overlap(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 40, 0);
  for (int turn = 0; turn < 500; turn++) {
    DcPlacedBlock blocks[MOST];
    size_t order[MOST];
    const size_t count = 1 + dc_random_below(&random, MOST);
    for (size_t i = 0; i < count; i++) {
      const size_t first = dc_random_below(&random, 30);
      blocks[i] = (DcPlacedBlock){.size = 1 + dc_random_below(&random, 200),
                                  .first = first,
                                  .last = first + dc_random_below(&random, 8)};
    }
    const size_t end = dc_place_blocks(blocks, count, order);
    assert_int_equal(end, end_of(blocks, count));
    assert_true(end >= fullest(blocks, count, 40));
    for (size_t i = 0; i < count; i++) {
      assert_int_equal(blocks[i].at % UNIT, 0);
      for (size_t j = 0; j < i; j++)
        assert_false(overlap(&blocks[i], &blocks[j]));
    }
  }
}

/* Each is needed while the next is made: two lie side by side, the others over them. */
static void
a_chain_needs_no_more_than_its_fullest_step(void **state)
{
  (void)state;
  static const size_t sizes[] = {64, 32, 96, 16, 48, 48, 128, 16};
  DcPlacedBlock blocks[8];
  size_t order[8];
  for (size_t i = 0; i < 8; i++)
    blocks[i] = (DcPlacedBlock){.size = sizes[i], .first = i, .last = i + 1};
  assert_int_equal(dc_place_blocks(blocks, 8, order), 48 + 128);
}

static void
blocks_of_all_steps_lie_side_by_side(void **state)
{
  (void)state;
  DcPlacedBlock blocks[5];
  size_t order[5];
  for (size_t i = 0; i < 5; i++)
    blocks[i] = (DcPlacedBlock){.size = 16 * (i + 1), .last = 3};
  assert_int_equal(dc_place_blocks(blocks, 5, order), 16 * 15);
}

static void
nothing_needs_nothing(void **state)
{
  (void)state;
  size_t order[2];
  assert_int_equal(dc_place_blocks(NULL, 0, order), 0);
  DcPlacedBlock empty[2] = {{.last = 5}, {.last = 5}};
  assert_int_equal(dc_place_blocks(empty, 2, order), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_of_one_step_do_not_overlap),
      cmocka_unit_test(a_chain_needs_no_more_than_its_fullest_step),
      cmocka_unit_test(blocks_of_all_steps_lie_side_by_side),
      cmocka_unit_test(nothing_needs_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
