/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_STATE_FILE_H
#define DC_STORE_STATE_FILE_H

#include "base/status.h"
#include "stream/adapter.h"

/* State of an adapter in a safetensors file (docs/formats/state.md): centroids, identities, memory
 * and random numbers, so that a restart continues exactly. */

/* A copy of everything to be saved, taken quickly on the adapter's thread so that the file can be
 * written by another. Free with dc_state_free(). NULL when memory is short. */
typedef struct DcState DcState;
DcState *dc_state_capture(const DcAdapter *adapter);
void dc_state_free(DcState *state);

/* Writes atomically, keeping one earlier generation as `path`.previous. Any thread. */
DcStatus dc_state_write(const DcState *state, const char *path, DcError *error);

/* Reads and validates a state without touching any adapter. */
DcStatus dc_state_read(const char *path, DcState **state, DcError *error);

/* The encoder of the embeddings and how many numbers these have. */
const char *dc_state_encoder(const DcState *state);
size_t dc_state_dim(const DcState *state);

/* An adapter with room for all that is in the state and for as much again (`times` 2), or as it is
 * (`times` 1), by the method "none": for who looks at a state or changes it without a stream. What
 * a method knows is not in it. Free with dc_adapter_free(). */
DcStatus dc_state_open(const DcState *state, size_t times, DcAdapter **adapter, DcError *error);

/* Puts the state into `adapter`, whole or not at all. DC_ERROR_MISMATCH, with both names, when it
 * was made with another encoder or dimension. The number of clusters becomes that of the state; the
 * rest of the adapter's configuration stays, and a smaller window keeps the newest embeddings.
 * Snapshots go on from the version of the state, or from that of the adapter where this is newer.
 */
DcStatus dc_state_restore(const DcState *state, DcAdapter *adapter, DcError *error);

#endif
