/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/loader.h"

#include "base/random.h"

#include "allocations.h"
#include "test.h"

#include <pthread.h>
#include <string.h>

#define COUNT  23
#define SIZE   3
#define BATCH  5
#define STEPS  5
#define EPOCHS 6
#define SEED   42
#define ORDERS 7 /* the sequence */

/* Starting a thread fails on demand; linked with the arguments that meson.build keeps for it. */
static bool refuse_threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                      void *argument)
{
  return refuse_threads ? 11 : __real_pthread_create(thread, attributes, run, argument);
}

/* Value j of sample i is 10 i + j, so that a value tells whose it is. */
static float samples[COUNT * SIZE];
/* The orders of the first epochs, made as the header says. */
static uint32_t orders[EPOCHS][COUNT];

static int
set_up(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT * SIZE; i++)
    samples[i] = (float)(10 * (i / SIZE) + i % SIZE);
  uint32_t order[COUNT];
  for (uint32_t i = 0; i < COUNT; i++)
    order[i] = i;
  DcRandom random;
  dc_random_seed(&random, SEED, ORDERS);
  for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
    dc_random_shuffle(&random, order, COUNT);
    memcpy(orders[epoch], order, sizeof order);
  }
  return 0;
}

static DcLoaderOptions
options(bool shuffle)
{
  return (DcLoaderOptions){.samples = samples,
                           .count = COUNT,
                           .size = SIZE,
                           .batch = BATCH,
                           .shuffle = shuffle,
                           .seed = SEED,
                           .sequence = ORDERS,
                           .views = 1};
}

static DcLoader *
new_loader(const DcLoaderOptions *wanted)
{
  DcLoader *loader;
  DcError error = {0};
  if (dc_loader_new(wanted, &loader, &error))
    fail_msg("%s", error.message);
  return loader;
}

/* Batch `step` of `epoch` holds the samples that `order` puts there, as they are. */
static void
assert_plain_batch(DcLoader *loader, uint64_t epoch, size_t step, const uint32_t *order)
{
  const DcBatch *batch = dc_loader_batch(loader, epoch, step);
  const size_t first = step * BATCH;
  assert_int_equal(batch->count, step + 1 == STEPS ? COUNT - first : BATCH);
  for (size_t i = 0; i < batch->count; i++) {
    assert_int_equal(batch->rows[i], order[first + i]);
    assert_memory_equal(batch->values + i * SIZE, samples + order[first + i] * SIZE,
                        SIZE * sizeof(float));
  }
}

static void
without_shuffling_the_order_is_that_of_the_samples(void **state)
{
  (void)state;
  const DcLoaderOptions plain = options(false);
  DcLoader *loader = new_loader(&plain);
  assert_int_equal(dc_loader_steps(loader), STEPS);
  uint32_t order[COUNT];
  for (uint32_t i = 0; i < COUNT; i++)
    order[i] = i;
  for (uint64_t epoch = 0; epoch < 3; epoch++)
    for (size_t step = 0; step < STEPS; step++)
      assert_plain_batch(loader, epoch, step, order);
  dc_loader_free(loader);
}

static void
each_epoch_shuffles_the_order_of_the_one_before(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  DcLoader *loader = new_loader(&shuffled);
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
    for (size_t step = 0; step < STEPS; step++)
      assert_plain_batch(loader, epoch, step, orders[epoch]);
  dc_loader_free(loader);
}

static void
any_batch_can_be_asked_for_at_any_time(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  DcLoader *loader = new_loader(&shuffled);
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  for (int i = 0; i < 2000; i++) {
    const uint64_t epoch = dc_random_below(&random, EPOCHS);
    const size_t step = dc_random_below(&random, STEPS);
    assert_plain_batch(loader, epoch, step, orders[epoch]);
    assert_plain_batch(loader, epoch, step, orders[epoch]); /* the same once more */
  }
  dc_loader_free(loader);
}

static void
a_new_loader_can_start_at_a_later_epoch(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  for (size_t step = 0; step < STEPS; step++) {
    DcLoader *loader = new_loader(&shuffled);
    assert_plain_batch(loader, EPOCHS - 1, step, orders[EPOCHS - 1]);
    dc_loader_free(loader);
  }
}

static void
seed_and_sequence_choose_the_order(void **state)
{
  (void)state;
  for (int which = 0; which < 2; which++) {
    DcLoaderOptions other = options(true);
    other.batch = COUNT;
    other.seed += which == 0;
    other.sequence += which == 1;
    DcLoader *loader = new_loader(&other);
    assert_memory_not_equal(dc_loader_batch(loader, 0, 0)->rows, orders[0], sizeof orders[0]);
    dc_loader_free(loader);
  }
}

/* A batch stays as it is while the thread makes the next one: until the next call. */
static void
a_batch_is_left_alone_until_the_next_call(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  DcLoader *loader = new_loader(&shuffled);
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
    for (size_t step = 0; step < STEPS; step++) {
      const DcBatch *batch = dc_loader_batch(loader, epoch, step);
      for (int turn = 0; turn < 200; turn++)
        for (size_t i = 0; i < batch->count * SIZE; i++)
          assert_true(batch->values[i] == (float)(10 * batch->rows[i / SIZE] + i % SIZE));
    }
  }
  dc_loader_free(loader);
}

typedef struct {
  uint64_t calls;
  bool foreign; /* called in another thread than the test's */
  pthread_t tester;
} Preparing;

/* Writes down what it was called with; the first value is the sample's own. */
static void
prepare(void *data, const float *sample, uint32_t row, uint64_t epoch, size_t view, float *prepared)
{
  Preparing *preparing = data;
  preparing->calls++;
  preparing->foreign = !pthread_equal(pthread_self(), preparing->tester);
  prepared[0] = sample[0];
  prepared[1] = (float)epoch;
  prepared[2] = (float)view + 10.f * (float)row;
}

static void
views_are_prepared_from_sample_row_epoch_and_view(void **state)
{
  (void)state;
  enum { VIEWS = 3 };
  Preparing preparing = {.tester = pthread_self()};
  DcLoaderOptions viewed = options(true);
  viewed.views = VIEWS;
  viewed.prepare = prepare;
  viewed.prepare_data = &preparing;
  DcLoader *loader = new_loader(&viewed);
  for (uint64_t epoch = 0; epoch < 3; epoch++) {
    for (size_t step = 0; step < STEPS; step++) {
      const DcBatch *batch = dc_loader_batch(loader, epoch, step);
      for (size_t i = 0; i < batch->count; i++) {
        const uint32_t row = orders[epoch][step * BATCH + i];
        assert_int_equal(batch->rows[i], row);
        for (size_t view = 0; view < VIEWS; view++) {
          const float *values = batch->values + (view * batch->count + i) * SIZE;
          const float expected[SIZE] = {samples[row * SIZE], (float)epoch,
                                        (float)view + 10.f * (float)row};
          assert_memory_equal(values, expected, sizeof expected);
        }
      }
    }
  }
  dc_loader_free(loader);
  /* Three epochs, and at most one batch ahead. */
  assert_in_range(preparing.calls, 3 * COUNT * VIEWS, (3 * COUNT + BATCH) * VIEWS);
  assert_true(preparing.foreign);
}

/* Lets a batch stand until it is let go on. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool begun, open;
} Gate;

static void
wait_at_gate(void *data, const float *sample, uint32_t row, uint64_t epoch, size_t view,
             float *prepared)
{
  (void)epoch, (void)view;
  memcpy(prepared, sample, SIZE * sizeof(float));
  Gate *gate = data;
  if (row != BATCH)
    return;
  pthread_mutex_lock(&gate->lock);
  gate->begun = true;
  pthread_cond_signal(&gate->changed);
  while (!gate->open)
    pthread_cond_wait(&gate->changed, &gate->lock);
  pthread_mutex_unlock(&gate->lock);
}

/* Batch 0 is handed out, and looked at, while batch 1 is being made; then the loader is freed in
 * the middle of that. */
static void
the_next_batch_is_made_while_one_is_used_and_may_be_abandoned(void **state)
{
  (void)state;
  Gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  DcLoaderOptions gated = options(false);
  gated.prepare = wait_at_gate;
  gated.prepare_data = &gate;
  DcLoader *loader = new_loader(&gated);
  const DcBatch *batch = dc_loader_batch(loader, 0, 0);
  pthread_mutex_lock(&gate.lock);
  while (!gate.begun)
    pthread_cond_wait(&gate.changed, &gate.lock);
  assert_memory_equal(batch->values, samples, BATCH * SIZE * sizeof(float));
  gate.open = true;
  pthread_cond_signal(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
  dc_loader_free(loader);
}

static void
a_loader_can_be_freed_at_any_time(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  for (size_t calls = 0; calls < 40; calls++) {
    DcLoader *loader = new_loader(&shuffled);
    for (size_t i = 0; i < calls % 8; i++)
      dc_loader_batch(loader, i / STEPS, i % STEPS);
    dc_loader_free(loader);
  }
  dc_loader_free(NULL);
}

static void
batches_larger_than_the_samples_hold_all_of_them(void **state)
{
  (void)state;
  DcLoaderOptions large = options(true);
  large.batch = SIZE_MAX;
  DcLoader *loader = new_loader(&large);
  assert_int_equal(dc_loader_steps(loader), 1);
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
    const DcBatch *batch = dc_loader_batch(loader, epoch, 0);
    assert_int_equal(batch->count, COUNT);
    assert_memory_equal(batch->rows, orders[epoch], sizeof orders[epoch]);
  }
  dc_loader_free(loader);
}

static void
one_sample_is_enough(void **state)
{
  (void)state;
  DcLoaderOptions single = options(true);
  single.count = 1;
  DcLoader *loader = new_loader(&single);
  for (uint64_t epoch = 0; epoch < 3; epoch++) {
    const DcBatch *batch = dc_loader_batch(loader, epoch, 0);
    assert_int_equal(batch->count, 1);
    assert_int_equal(batch->rows[0], 0);
    assert_memory_equal(batch->values, samples, SIZE * sizeof(float));
  }
  dc_loader_free(loader);
}

static void
batches_allocate_nothing(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  DcLoader *loader = new_loader(&shuffled);
  dc_loader_batch(loader, 0, 0);
  dc_loader_batch(loader, 0, 1); /* the thread has gone through one batch */
  const size_t before = allocations;
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
    for (size_t step = 0; step < STEPS; step++)
      dc_loader_batch(loader, epoch, step);
  assert_int_equal(allocations, before);
  dc_loader_free(loader);
}

static void
assert_refused(const DcLoaderOptions *wrong, DcStatus status, const char *words)
{
  DcLoader *loader = (DcLoader *)(void *)samples;
  DcError error = {0};
  assert_int_equal(dc_loader_new(wrong, &loader, &error), status);
  assert_null(loader);
  assert_int_equal(error.status, status);
  if (!strstr(error.message, words))
    fail_msg("\"%s\" does not say \"%s\"", error.message, words);
  assert_int_equal(dc_loader_new(wrong, &loader, NULL), status);
}

static void
options_out_of_range_are_refused(void **state)
{
  (void)state;
  DcLoaderOptions wrong = options(false);
  wrong.samples = NULL;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "without values");
  wrong = options(false);
  wrong.size = 0;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "without values");
  wrong = options(false);
  wrong.count = 0;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "0 samples");
  wrong = options(false);
  wrong.count = (size_t)UINT32_MAX + 1;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "4294967296 samples");
  wrong = options(false);
  wrong.batch = 0;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "batches of 0");
  wrong = options(false);
  wrong.views = 0;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "0 views");
  wrong = options(false);
  wrong.views = 2;
  assert_refused(&wrong, DC_ERROR_ARGUMENT, "2 views");
}

static void
sizes_that_do_not_fit_into_memory_are_refused(void **state)
{
  (void)state;
  DcLoaderOptions wrong = options(false);
  wrong.size = SIZE_MAX / 4;
  assert_refused(&wrong, DC_ERROR_MEMORY, "no memory");
  wrong = options(false);
  wrong.prepare = prepare;
  wrong.views = SIZE_MAX / BATCH;
  assert_refused(&wrong, DC_ERROR_MEMORY, "no memory");
}

static void
every_failed_allocation_is_reported(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  size_t failures = 0;
  for (;; failures++) {
    DcLoader *loader;
    DcError error = {0};
    allocations = 0;
    fail_at = failures;
    const DcStatus status = dc_loader_new(&shuffled, &loader, &error);
    fail_at = SIZE_MAX;
    if (!status) {
      dc_loader_free(loader);
      break;
    }
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_null(loader);
    assert_non_null(strstr(error.message, "memory"));
  }
  assert_int_equal(failures, 6); /* itself, rows and values twice, the order */
}

static void
a_thread_that_cannot_be_started_is_reported(void **state)
{
  (void)state;
  const DcLoaderOptions shuffled = options(true);
  refuse_threads = true;
  assert_refused(&shuffled, DC_ERROR_MEMORY, "thread");
  refuse_threads = false;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_shuffling_the_order_is_that_of_the_samples),
      cmocka_unit_test(each_epoch_shuffles_the_order_of_the_one_before),
      cmocka_unit_test(any_batch_can_be_asked_for_at_any_time),
      cmocka_unit_test(a_new_loader_can_start_at_a_later_epoch),
      cmocka_unit_test(seed_and_sequence_choose_the_order),
      cmocka_unit_test(a_batch_is_left_alone_until_the_next_call),
      cmocka_unit_test(views_are_prepared_from_sample_row_epoch_and_view),
      cmocka_unit_test(the_next_batch_is_made_while_one_is_used_and_may_be_abandoned),
      cmocka_unit_test(a_loader_can_be_freed_at_any_time),
      cmocka_unit_test(batches_larger_than_the_samples_hold_all_of_them),
      cmocka_unit_test(one_sample_is_enough),
      cmocka_unit_test(batches_allocate_nothing),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(sizes_that_do_not_fit_into_memory_are_refused),
      cmocka_unit_test(every_failed_allocation_is_reported),
      cmocka_unit_test(a_thread_that_cannot_be_started_is_reported),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
