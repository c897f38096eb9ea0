/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L
#include "nn/loader.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

/* Which batch. */
typedef struct {
  uint64_t epoch;
  size_t step;
} Place;

/* Room for a batch, and which one it holds or will hold. */
typedef struct {
  Place place;
  uint32_t *rows;
  float *values;
  DcBatch batch;
} Slot;

struct DcLoader {
  DcLoaderOptions options;
  size_t steps;
  Slot slots[2]; /* the caller's and the spare one take turns */
  size_t spare;

  uint32_t *order; /* of the epoch of the last batch made; the thread's alone */
  DcRandom random; /* where its sequence stands; the thread's alone */
  uint64_t
      shuffles; /* that made `order`: one more than its epoch, 0 for none; the thread's alone */

  pthread_t thread;
  bool started;
  pthread_mutex_t lock;
  pthread_cond_t asked, made;
  /* Under the lock. While `making`, the spare slot is the thread's; else it is the caller's. */
  bool making, quit;
  bool spare_made; /* the spare slot holds the batch of its place */
};

/* The orders of the epochs follow from each other: an earlier one is found from the start. */
static void
order_epoch(DcLoader *loader, uint64_t epoch)
{
  const DcLoaderOptions *options = &loader->options;
  if (!options->shuffle)
    return;
  if (loader->shuffles > epoch + 1)
    loader->shuffles = 0;
  if (loader->shuffles == 0) {
    dc_random_seed(&loader->random, options->seed, options->sequence);
    for (size_t i = 0; i < options->count; i++)
      loader->order[i] = (uint32_t)i;
  }
  for (; loader->shuffles < epoch + 1; loader->shuffles++)
    dc_random_shuffle(&loader->random, loader->order, options->count);
}

static void
fill_views(const DcLoader *loader, const Slot *slot, size_t index)
{
  const DcLoaderOptions *options = &loader->options;
  const uint32_t row = slot->rows[index];
  const float *sample = options->samples + row * options->size;
  for (size_t view = 0; view < options->views; view++) {
    float *values = slot->values + (view * slot->batch.count + index) * options->size;
    if (options->prepare)
      options->prepare(options->prepare_data, sample, row, slot->place.epoch, view, values);
    else
      memcpy(values, sample, options->size * sizeof(float));
  }
}

static void
fill(DcLoader *loader, Slot *slot)
{
  const DcLoaderOptions *options = &loader->options;
  const size_t first = slot->place.step * options->batch;
  const size_t left = options->count - first;
  const size_t count = left < options->batch ? left : options->batch;
  order_epoch(loader, slot->place.epoch);
  slot->batch = (DcBatch){.rows = slot->rows, .count = count, .values = slot->values};
  memcpy(slot->rows, loader->order + first, count * sizeof *slot->rows);
  for (size_t i = 0; i < count; i++)
    fill_views(loader, slot, i);
}

static void *
run_thread(void *argument)
{
  DcLoader *loader = argument;
  pthread_mutex_lock(&loader->lock);
  while (!loader->quit) {
    if (!loader->making) {
      pthread_cond_wait(&loader->asked, &loader->lock);
      continue;
    }
    Slot *slot = &loader->slots[loader->spare];
    pthread_mutex_unlock(&loader->lock);
    fill(loader, slot);
    pthread_mutex_lock(&loader->lock);
    loader->making = false;
    loader->spare_made = true;
    pthread_cond_signal(&loader->made);
  }
  pthread_mutex_unlock(&loader->lock);
  return NULL;
}

static DcStatus
check_options(const DcLoaderOptions *options, DcError *error)
{
  if (!options->samples || !options->size)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a loader of samples without values");
  if (!options->count || options->count > UINT32_MAX)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a loader of %zu samples; it takes 1 to %" PRIu32,
                        options->count, UINT32_MAX);
  if (!options->batch)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a loader of batches of 0 samples");
  if (!options->views)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a loader of 0 views of each sample");
  if (options->views > 1 && !options->prepare)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a loader of %zu views of each sample, with nothing that prepares them",
                        options->views);
  return DC_OK;
}

static bool
make_slots(DcLoader *loader)
{
  const DcLoaderOptions *options = &loader->options;
  size_t floats;
  if (!dc_checked_mul(options->batch, options->size, &floats) ||
      !dc_checked_mul(floats, options->views, &floats))
    return false;
  for (size_t i = 0; i < 2; i++) {
    loader->slots[i].rows = DC_NEW(uint32_t, options->batch);
    loader->slots[i].values = DC_NEW(float, floats);
    if (!loader->slots[i].rows || !loader->slots[i].values)
      return false;
  }
  return true;
}

static bool
make_order(DcLoader *loader)
{
  loader->order = DC_NEW(uint32_t, loader->options.count);
  for (size_t i = 0; loader->order && i < loader->options.count; i++)
    loader->order[i] = (uint32_t)i;
  return loader->order;
}

static bool
start_thread(DcLoader *loader)
{
  loader->started = !pthread_create(&loader->thread, NULL, run_thread, loader);
  return loader->started;
}

DcStatus
dc_loader_new(const DcLoaderOptions *options, DcLoader **loader, DcError *error)
{
  *loader = NULL;
  DcStatus status = check_options(options, error);
  if (status)
    return status;
  DcLoader *made = DC_NEW(DcLoader, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a loader");
  made->options = *options;
  if (made->options.batch > options->count)
    made->options.batch = options->count;
  made->steps = (options->count - 1) / made->options.batch + 1;
  pthread_mutex_init(&made->lock, NULL);
  pthread_cond_init(&made->asked, NULL);
  pthread_cond_init(&made->made, NULL);
  if (!make_slots(made) || !make_order(made))
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for two batches of %zu samples",
                          made->options.batch);
  else if (!start_thread(made))
    status = dc_error_set(error, DC_ERROR_MEMORY, "no thread could be started to load batches");
  if (status) {
    dc_loader_free(made);
    return status;
  }
  *loader = made;
  return DC_OK;
}

static void
stop_thread(DcLoader *loader)
{
  pthread_mutex_lock(&loader->lock);
  loader->quit = true;
  pthread_cond_signal(&loader->asked);
  pthread_mutex_unlock(&loader->lock);
  pthread_join(loader->thread, NULL);
}

void
dc_loader_free(DcLoader *loader)
{
  if (!loader)
    return;
  if (loader->started)
    stop_thread(loader);
  pthread_cond_destroy(&loader->made);
  pthread_cond_destroy(&loader->asked);
  pthread_mutex_destroy(&loader->lock);
  for (size_t i = 0; i < 2; i++) {
    dc_free(loader->slots[i].rows);
    dc_free(loader->slots[i].values);
  }
  dc_free(loader->order);
  dc_free(loader);
}

size_t
dc_loader_steps(const DcLoader *loader)
{
  return loader->steps;
}

/* The three below are called with the lock held. */

static void
wait_until_made(DcLoader *loader)
{
  while (loader->making)
    pthread_cond_wait(&loader->made, &loader->lock);
}

static void
ask_for(DcLoader *loader, Place place)
{
  loader->slots[loader->spare].place = place;
  loader->spare_made = false;
  loader->making = true;
  pthread_cond_signal(&loader->asked);
}

static bool
spare_holds(const DcLoader *loader, Place place)
{
  const Place *held = &loader->slots[loader->spare].place;
  return loader->spare_made && held->epoch == place.epoch && held->step == place.step;
}

static Place
following(const DcLoader *loader, Place place)
{
  const bool last = place.step + 1 == loader->steps;
  return last ? (Place){place.epoch + 1, 0} : (Place){place.epoch, place.step + 1};
}

const DcBatch *
dc_loader_batch(DcLoader *loader, uint64_t epoch, size_t step)
{
  const Place place = {epoch, step};
  pthread_mutex_lock(&loader->lock);
  wait_until_made(loader);
  if (!spare_holds(loader, place)) {
    ask_for(loader, place);
    wait_until_made(loader);
  }
  const Slot *slot = &loader->slots[loader->spare];
  loader->spare = 1 - loader->spare;
  ask_for(loader, following(loader, place));
  pthread_mutex_unlock(&loader->lock);
  return &slot->batch;
}
