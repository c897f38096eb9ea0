/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "store/state_private.h"

#include <string.h>

/* What persons did to clusters, when these were last seen, and their groups. */

/* --- from the adapter into a state --- */

static void
capture_pins(DcState *state, const DcClusters *clusters)
{
  size_t n = clusters->count, dim = clusters->dim, count = 0;
  uint8_t *pinned = dc_state_add(state, "pinned", DC_TENSOR_U8, 1, n, 1);
  uint8_t *ignored = dc_state_add(state, "ignored", DC_TENSOR_U8, 1, n, 1);
  for (size_t k = 0; k < n && !state->short_of_memory; k++) {
    pinned[k] = clusters->infos[k].pinned;
    ignored[k] = clusters->infos[k].ignored;
    count += pinned[k];
  }
  float *pins = dc_state_add(state, "pins", DC_TENSOR_F32, 2, count, dim);
  for (size_t k = 0; k < n && !state->short_of_memory; k++)
    if (clusters->infos[k].pinned) {
      memcpy(pins, clusters->pins + k * dim, dim * sizeof *pins);
      pins += dim;
    }
  dc_state_add_copy(state, "reach", DC_TENSOR_F32, 1, n, 1, clusters->reach);
}

static void
capture_groups(DcState *state, const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t n = clusters->count;
  if (!adapter->hierarchy.places)
    return;
  char *uuids = dc_state_add(state, "group_uuids", DC_TENSOR_U8, 2, n, DC_STATE_UUID_LENGTH);
  char *labels = dc_state_add(state, "group_labels", DC_TENSOR_U8, 2, n, DC_LABEL_SIZE);
  for (size_t k = 0; k < n && !state->short_of_memory; k++) {
    memcpy(uuids + k * DC_STATE_UUID_LENGTH, clusters->infos[k].group_uuid, DC_STATE_UUID_LENGTH);
    memcpy(labels + k * DC_LABEL_SIZE, clusters->infos[k].group_label, DC_LABEL_SIZE);
  }
  dc_state_add_copy(state, "group_places", DC_TENSOR_F32, 2, n, clusters->dim,
                    adapter->hierarchy.places);
  dc_state_add_int(state, "next_group", adapter->hierarchy.next_number);
}

void
dc_state_capture_identity(DcState *state, const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  dc_state_add_int(state, "next_number", adapter->next_number);
  dc_state_add_copy(state, "seen", DC_TENSOR_I64, 1, clusters->count, 1, clusters->seen);
  capture_pins(state, clusters);
  capture_groups(state, adapter);
}

/* --- from a state into the adapter --- */

static void
restore_pins(const DcState *state, DcClusters *clusters)
{
  const uint8_t *pinned = dc_state_find(state, "pinned")->data;
  const uint8_t *ignored = dc_state_find(state, "ignored")->data;
  const float *pins = dc_state_find(state, "pins")->data;
  memcpy(clusters->reach, dc_state_find(state, "reach")->data, clusters->count * sizeof(float));
  for (size_t k = 0; k < clusters->count; k++) {
    clusters->infos[k].pinned = pinned[k];
    clusters->infos[k].ignored = ignored[k];
    if (pinned[k]) {
      memcpy(clusters->pins + k * clusters->dim, pins, clusters->dim * sizeof *pins);
      pins += clusters->dim;
    }
  }
}

static DcStatus
restore_groups(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  size_t numbers = clusters->count * clusters->dim;
  if (!dc_state_find(state, "group_uuids"))
    return DC_OK;
  float *places = DC_NEW(float, numbers);
  if (!places)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for groups of clusters");
  memcpy(places, dc_state_find(state, "group_places")->data, numbers * sizeof *places);
  adapter->hierarchy.places = places;
  adapter->hierarchy.clusters = clusters->count;
  memcpy(&adapter->hierarchy.next_number, dc_state_find(state, "next_group")->data,
         sizeof adapter->hierarchy.next_number);
  const char *uuids = dc_state_find(state, "group_uuids")->data;
  const char *labels = dc_state_find(state, "group_labels")->data;
  for (size_t k = 0; k < clusters->count; k++) {
    memcpy(clusters->infos[k].group_uuid, uuids + k * DC_STATE_UUID_LENGTH, DC_STATE_UUID_LENGTH);
    memcpy(clusters->infos[k].group_label, labels + k * DC_LABEL_SIZE, DC_LABEL_SIZE);
  }
  return DC_OK;
}

DcStatus
dc_state_restore_identity(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  adapter->next_number = clusters->count;
  if (state->version < 2)
    return DC_OK;
  memcpy(&adapter->next_number, dc_state_find(state, "next_number")->data,
         sizeof adapter->next_number);
  memcpy(clusters->seen, dc_state_find(state, "seen")->data,
         clusters->count * sizeof *clusters->seen);
  restore_pins(state, clusters);
  return restore_groups(state, adapter, error);
}
