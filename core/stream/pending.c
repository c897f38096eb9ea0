/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/pending.h"

#include "base/checked.h"
#include "base/memory.h"
#include "stream/adapter_private.h"

#include <string.h>

bool
dc_pending_reserve(DcPending *pending, size_t capacity, size_t dim)
{
  pending->dim = dim;
  if (capacity <= pending->capacity)
    return true;
  size_t numbers;
  float *rows = dc_checked_mul(capacity, dim, &numbers) ? DC_NEW(float, numbers) : NULL;
  if (!rows)
    return false;
  if (pending->count)
    memcpy(rows, pending->rows, pending->count * dim * sizeof *rows);
  dc_free(pending->rows);
  pending->rows = rows;
  pending->capacity = capacity;
  return true;
}

void
dc_pending_clear(DcPending *pending)
{
  dc_free(pending->rows);
  *pending = (DcPending){0};
}

void
dc_pending_add(DcPending *pending, const DcMatrix *rows)
{
  size_t room = pending->capacity - pending->count;
  size_t taken = rows->rows < room ? rows->rows : room;
  DcMatrix source = dc_matrix_rows(rows, 0, taken);
  DcMatrix target = dc_pending_view(pending, pending->count, taken);
  dc_matrix_copy(&source, &target);
  pending->count += taken;
}

DcMatrix
dc_pending_view(const DcPending *pending, size_t first, size_t count)
{
  return dc_matrix(pending->rows + first * pending->dim, count, pending->dim);
}

void
dc_pending_drop(DcPending *pending, size_t count)
{
  pending->count -= count;
  memmove(pending->rows, pending->rows + count * pending->dim,
          pending->count * pending->dim * sizeof *pending->rows);
}

DcMethodArray
dc_pending_array(const DcPending *pending, const char *name)
{
  return (DcMethodArray){name, DC_METHOD_FLOATS, pending->count, pending->dim, pending->rows};
}

DcStatus
dc_pending_restore(DcPending *pending, const DcMethodArray *array, DcError *error)
{
  pending->count = 0;
  if (!array)
    return DC_OK;
  if (array->cols != pending->dim)
    return dc_error_set(error, DC_ERROR_FORMAT, "tensor \"%s\" does not hold rows of %zu numbers",
                        array->name, pending->dim);
  DcMatrix rows = dc_matrix(array->data, array->rows, array->cols);
  if (!dc_matrix_is_finite(&rows))
    return dc_error_set(error, DC_ERROR_NOT_FINITE, "tensor \"%s\" holds NaN or infinity",
                        array->name);
  dc_pending_add(pending, &rows);
  return DC_OK;
}

/* ---- methods that learn in batches ---- */

bool
dc_pending_method_reserve(DcAdapter *adapter)
{
  return dc_pending_reserve(adapter->state, dc_adapter_pending_capacity(adapter), adapter->dim);
}

void
dc_pending_method_receive(DcAdapter *adapter, const DcMatrix *rows)
{
  dc_pending_add(adapter->state, rows);
}

void
dc_pending_method_skip(DcAdapter *adapter)
{
  DcPending *pending = adapter->state;
  pending->count = 0;
}

DcStatus
dc_pending_method_learn(DcAdapter *adapter, DcBatchLearner learn, DcError *error)
{
  DcPending *pending = adapter->state;
  for (size_t row = 0; row < pending->count; row += DC_PENDING_BATCH) {
    size_t left = pending->count - row;
    DcMatrix batch =
        dc_pending_view(pending, row, left < DC_PENDING_BATCH ? left : DC_PENDING_BATCH);
    DcStatus status = learn(adapter, &batch);
    if (status != DC_OK)
      return dc_error_set(error, status, "a batch cannot be learnt from: %s",
                          dc_status_text(status));
  }
  pending->count = 0;
  return DC_OK;
}
