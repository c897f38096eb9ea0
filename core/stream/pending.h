/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_PENDING_H
#define DC_STREAM_PENDING_H

#include "base/status.h"
#include "stream/method.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* Embeddings that a method has received and not learnt from yet, oldest first. What comes faster
 * than it is learnt from is left out, so that memory is bounded. One of zeros is empty. */
typedef struct {
  float *rows; /* capacity x dim */
  size_t count, capacity, dim;
} DcPending;

/* Room for `capacity` embeddings of `dim` numbers at least. False when memory is short. */
bool dc_pending_reserve(DcPending *pending, size_t capacity, size_t dim);
void dc_pending_clear(DcPending *pending);

void dc_pending_add(DcPending *pending, const DcMatrix *rows);

/* `count` of them from number `first` on, as a view. */
DcMatrix dc_pending_view(const DcPending *pending, size_t first, size_t count);

/* Forgets the oldest `count`. */
void dc_pending_drop(DcPending *pending, size_t count);

/* As an array of a state, and back; of a longer one the oldest that there is room for. `array`
 * NULL: there is none, which is no error. */
DcMethodArray dc_pending_array(const DcPending *pending, const char *name);
DcStatus dc_pending_restore(DcPending *pending, const DcMethodArray *array, DcError *error);

/* ---- for methods that learn from the newest embeddings in batches, and whose adapter->state
 *      begins with a DcPending: entries of DcAdaptMethod, and the loop of `move` ---- */

#define DC_PENDING_BATCH 64

bool dc_pending_method_reserve(DcAdapter *adapter);
void dc_pending_method_receive(DcAdapter *adapter, const DcMatrix *rows);
void dc_pending_method_skip(DcAdapter *adapter);

/* Gives all that is pending to `learn`, at most DC_PENDING_BATCH at once, and forgets it. On an
 * error, which `error` tells, what is pending stays. */
typedef DcStatus (*DcBatchLearner)(DcAdapter *adapter, const DcMatrix *batch);
DcStatus dc_pending_method_learn(DcAdapter *adapter, DcBatchLearner learn, DcError *error);

#endif
