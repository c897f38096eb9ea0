/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_STATE_PRIVATE_H
#define DC_STORE_STATE_PRIVATE_H

#include "store/safetensors.h"
#include "store/state_file.h"
#include "stream/adapter_private.h"

/* A state between the adapter and the file: the named tensors of docs/formats/state.md. */

#define DC_STATE_MAX_TENSORS     80
#define DC_STATE_UUID_LENGTH     (DC_UUID_SIZE - 1)
#define DC_STATE_SURVIVAL_LENGTH (sizeof(DcSurvival) / sizeof(float))

struct DcState {
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

/* Adds a tensor of rank 0 to 2 with a copy of `source`. After a shortage of memory nothing is added
 * any more. */
void dc_state_add_copy(DcState *state, const char *name, DcTensorType type, size_t rank,
                       size_t rows, size_t cols, const void *source);
void dc_state_add_int(DcState *state, const char *name, uint64_t value);

/* What the method knows, in a state: state_method.c. Restoring needs the clusters of `adapter` in
 * place; a state of another method has it start anew. */
void dc_state_capture_method(DcState *state, const DcAdapter *adapter);
DcStatus dc_state_restore_method(const DcState *state, DcAdapter *adapter, DcError *error);

#endif
