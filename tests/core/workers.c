/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/workers.h"

#include "test.h"

#define MOST 7

typedef struct {
  size_t calls[MOST]; /* one writer each */
  size_t total;       /* written by worker 0 before, read by all */
  size_t seen[MOST];
} Tally;

static void
count_call(void *data, size_t worker)
{
  Tally *tally = data;
  tally->calls[worker]++;
  tally->seen[worker] = tally->total;
}

static void
every_worker_is_called_once_a_turn(void **state)
{
  (void)state;
  for (size_t count = 1; count <= MOST; count += 2) {
    DcWorkers *workers = dc_workers_new(count);
    assert_non_null(workers);
    assert_int_equal(dc_workers_count(workers), count);
    Tally tally = {0};
    for (size_t turn = 1; turn <= 500; turn++) {
      tally.total = turn;
      dc_workers_run(workers, count_call, &tally);
      for (size_t i = 0; i < MOST; i++) {
        assert_int_equal(tally.calls[i], i < count ? turn : 0);
        assert_int_equal(tally.seen[i], i < count ? turn : 0);
      }
    }
    dc_workers_free(workers);
  }
}

static void
workers_that_never_worked_end(void **state)
{
  (void)state;
  for (int i = 0; i < 20; i++)
    dc_workers_free(dc_workers_new(MOST));
  dc_workers_free(NULL);
}

static void
shares_cover_everything_evenly(void **state)
{
  (void)state;
  for (size_t total = 0; total < 30; total++) {
    for (size_t count = 1; count <= MOST; count++) {
      assert_int_equal(dc_workers_share(total, count, 0), 0);
      assert_int_equal(dc_workers_share(total, count, count), total);
      for (size_t i = 0; i < count; i++) {
        const size_t share =
            dc_workers_share(total, count, i + 1) - dc_workers_share(total, count, i);
        assert_in_range(share, total / count, total / count + 1);
      }
    }
  }
  /* No overflow where total * worker would. */
  assert_int_equal(dc_workers_share(SIZE_MAX, 2, 2), SIZE_MAX);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_worker_is_called_once_a_turn),
      cmocka_unit_test(workers_that_never_worked_end),
      cmocka_unit_test(shares_cover_everything_evenly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
