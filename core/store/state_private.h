/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_STATE_PRIVATE_H
#define DC_STORE_STATE_PRIVATE_H

#include "store/safetensors.h"
#include "store/state_file.h"
#include "stream/adapter_private.h"

/* A state between the adapter and the file: the named tensors of docs/formats/state.md. */

#define DC_STATE_MAX_TENSORS     96
#define DC_STATE_UUID_LENGTH     (DC_UUID_SIZE - 1)
#define DC_STATE_SURVIVAL_LENGTH (sizeof(DcSurvival) / sizeof(float))

/* The numbers of a revision, and how many a history of a cluster has: state_open_world.c. */
enum {
  DC_STATE_CHOSEN,
  DC_STATE_RECEIVED,
  DC_STATE_LAST_GROWTH,
  DC_STATE_CURSOR,
  DC_STATE_UNDONE,
  DC_STATE_BIRTH_VOTES,
  DC_STATE_BIRTHS,
  DC_STATE_MERGES,
  DC_STATE_SPLITS,
  DC_STATE_RETIREMENTS,
  DC_STATE_REVISION_LENGTH
};
#define DC_STATE_HISTORY_LENGTH 5

/* Version 1 told neither of pins nor of groups or unknowns, and tabulated survivals otherwise. */
#define DC_STATE_VERSION 2

struct DcState {
  int version; /* of the file that it was read from, or DC_STATE_VERSION */
  char encoder[DC_ENCODER_NAME_SIZE];
  DcTensor tensors[DC_STATE_MAX_TENSORS];
  size_t count;
  bool short_of_memory; /* while it is captured */
  DcTensorFile *file; /* owns the tensors of a state that was read; NULL: they are of dc_alloc() */
};

/* The tensor of that name, or NULL. */
const DcTensor *dc_state_find(const DcState *state, const char *name);

/* The rows and columns of a tensor; a vector has one column, and one that is missing no row. */
size_t dc_state_rows(const DcState *state, const char *name);
size_t dc_state_cols(const DcState *state, const char *name);

/* Adds a tensor of rank 0 to 2 and returns its zeroed memory; NULL, and nothing is added from then
 * on, when memory is short. */
void *dc_state_add(DcState *state, const char *name, DcTensorType type, size_t rank, size_t rows,
                   size_t cols);

/* Adds a tensor of rank 0 to 2 with a copy of `source`. After a shortage of memory nothing is added
 * any more. */
void dc_state_add_copy(DcState *state, const char *name, DcTensorType type, size_t rank,
                       size_t rows, size_t cols, const void *source);
void dc_state_add_int(DcState *state, const char *name, uint64_t value);

/* What persons did to clusters, and their groups: state_identity.c. Restoring needs the clusters of
 * `adapter` in place. */
void dc_state_capture_identity(DcState *state, const DcAdapter *adapter);
DcStatus dc_state_restore_identity(const DcState *state, DcAdapter *adapter, DcError *error);

/* How the number of clusters is revised: state_open_world.c. Restoring needs the clusters of
 * `adapter` in place. */
void dc_state_capture_open_world(DcState *state, const DcAdapter *adapter);
void dc_state_restore_open_world(const DcState *state, DcAdapter *adapter);

/* What the method knows, in a state: state_method.c. Restoring needs the clusters of `adapter` in
 * place; a state of another method has it start anew. */
void dc_state_capture_method(DcState *state, const DcAdapter *adapter);
DcStatus dc_state_restore_method(const DcState *state, DcAdapter *adapter, DcError *error);

#endif
