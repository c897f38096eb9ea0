/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/state_private.h"

#include <math.h>
#include <string.h>

/* How the number of clusters is revised: counts, histories of clusters, unknowns and the places of
 * retired clusters. All of it is of the version 2, and missing in files of before it was kept. */

/* Of one cluster. */
enum { BORN, SEEN, FRESH, ONE, TWO };
_Static_assert(TWO + 1 == DC_STATE_HISTORY_LENGTH, "docs/formats/state.md tells them");

/* --- from the adapter into a state --- */

static void
capture_histories(DcState *state, const DcClusters *clusters)
{
  int64_t *numbers =
      dc_state_add(state, "history", DC_TENSOR_I64, 2, clusters->count, DC_STATE_HISTORY_LENGTH);
  for (size_t k = 0; k < clusters->count && !state->short_of_memory; k++) {
    const DcClusterHistory *history = &clusters->history[k];
    int64_t *row = numbers + k * DC_STATE_HISTORY_LENGTH;
    row[BORN] = (int64_t)history->born;
    row[SEEN] = (int64_t)history->seen;
    row[FRESH] = (int64_t)history->fresh;
    row[ONE] = history->one;
    row[TWO] = history->two;
  }
}

static void
capture_retired(DcState *state, const DcOpenWorld *world, size_t dim)
{
  size_t n = world->retired_count;
  char *uuids = dc_state_add(state, "retired_uuids", DC_TENSOR_U8, 2, n, DC_STATE_UUID_LENGTH);
  char *labels = dc_state_add(state, "retired_labels", DC_TENSOR_U8, 2, n, DC_LABEL_SIZE);
  for (size_t i = 0; i < n && !state->short_of_memory; i++) {
    memcpy(uuids + i * DC_STATE_UUID_LENGTH, world->retired[i].uuid, DC_STATE_UUID_LENGTH);
    memcpy(labels + i * DC_LABEL_SIZE, world->retired[i].label, DC_LABEL_SIZE);
  }
  dc_state_add_copy(state, "retired_places", DC_TENSOR_F32, 2, n, dim, world->retired_places);
}

void
dc_state_capture_open_world(DcState *state, const DcAdapter *adapter)
{
  const DcOpenWorld *world = &adapter->open_world;
  const DcUnknowns *unknowns = &world->unknowns;
  if (!dc_open_world_is_active(adapter) && !world->chosen)
    return;
  const double numbers[DC_STATE_REVISION_LENGTH] = {
      [DC_STATE_CHOSEN] = world->chosen,
      [DC_STATE_RECEIVED] = (double)world->received,
      [DC_STATE_LAST_GROWTH] = (double)world->last_growth,
      [DC_STATE_CURSOR] = (double)world->cursor,
      [DC_STATE_UNDONE] = (double)world->undone,
      [DC_STATE_BIRTH_VOTES] = (double)world->birth_votes,
      [DC_STATE_BIRTHS] = (double)world->births,
      [DC_STATE_MERGES] = (double)world->merges,
      [DC_STATE_SPLITS] = (double)world->splits,
      [DC_STATE_RETIREMENTS] = (double)world->retirements,
  };
  dc_state_add_copy(state, "revision", DC_TENSOR_F64, 1, DC_STATE_REVISION_LENGTH, 1, numbers);
  capture_histories(state, &adapter->clusters);
  dc_state_add_copy(state, "unknowns.rows", DC_TENSOR_F32, 2, unknowns->count, adapter->dim,
                    unknowns->rows);
  dc_state_add_copy(state, "unknowns.times", DC_TENSOR_I64, 1, unknowns->count, 1, unknowns->times);
  dc_state_add_copy(state, "unknowns.places", DC_TENSOR_I64, 1, unknowns->count, 1,
                    unknowns->places);
  capture_retired(state, world, adapter->dim);
}

/* --- from a state into the adapter --- */

static const void *
data_of(const DcState *state, const char *name)
{
  return dc_state_find(state, name)->data;
}

static void
restore_histories(const DcState *state, DcClusters *clusters)
{
  const int64_t *numbers = data_of(state, "history");
  for (size_t k = 0; k < clusters->count; k++, numbers += DC_STATE_HISTORY_LENGTH)
    clusters->history[k] = (DcClusterHistory){.born = (uint64_t)numbers[BORN],
                                              .seen = (uint64_t)numbers[SEEN],
                                              .fresh = (uint64_t)numbers[FRESH],
                                              .one = (uint32_t)numbers[ONE],
                                              .two = (uint32_t)numbers[TWO]};
}

static void
restore_numbers(const DcState *state, DcOpenWorld *world)
{
  const double *numbers = data_of(state, "revision");
  world->chosen = numbers[DC_STATE_CHOSEN] > 0;
  world->received = (uint64_t)numbers[DC_STATE_RECEIVED];
  world->last_growth = (uint64_t)numbers[DC_STATE_LAST_GROWTH];
  world->cursor = (uint64_t)numbers[DC_STATE_CURSOR];
  world->undone = (uint64_t)numbers[DC_STATE_UNDONE];
  world->birth_votes = (uint64_t)numbers[DC_STATE_BIRTH_VOTES];
  world->births = (uint64_t)numbers[DC_STATE_BIRTHS];
  world->merges = (uint64_t)numbers[DC_STATE_MERGES];
  world->splits = (uint64_t)numbers[DC_STATE_SPLITS];
  world->retirements = (uint64_t)numbers[DC_STATE_RETIREMENTS];
}

static void
restore_unknowns(const DcState *state, DcUnknowns *unknowns)
{
  const float *rows = data_of(state, "unknowns.rows");
  const uint64_t *times = data_of(state, "unknowns.times");
  const uint64_t *places = data_of(state, "unknowns.places");
  for (size_t i = 0; i < dc_state_rows(state, "unknowns.rows"); i++)
    dc_unknowns_add(unknowns, rows + i * unknowns->dim, times[i], places[i]);
}

static void
restore_retired(const DcState *state, DcOpenWorld *world, size_t dim)
{
  const char *uuids = data_of(state, "retired_uuids"), *labels = data_of(state, "retired_labels");
  world->retired_count = dc_state_rows(state, "retired_uuids");
  for (size_t i = 0; i < world->retired_count; i++) {
    memcpy(world->retired[i].uuid, uuids + i * DC_STATE_UUID_LENGTH, DC_STATE_UUID_LENGTH);
    memcpy(world->retired[i].label, labels + i * DC_LABEL_SIZE, DC_LABEL_SIZE);
  }
  if (world->retired_count)
    memcpy(world->retired_places, data_of(state, "retired_places"),
           world->retired_count * dim * sizeof *world->retired_places);
}

void
dc_state_restore_open_world(const DcState *state, DcAdapter *adapter)
{
  DcOpenWorld *world = &adapter->open_world;
  if (!dc_state_find(state, "revision"))
    return;
  restore_numbers(state, world);
  restore_histories(state, &adapter->clusters);
  if (!dc_open_world_is_active(adapter)) /* it has no room for the rest */
    return;
  restore_unknowns(state, &world->unknowns);
  restore_retired(state, world, adapter->dim);
}
