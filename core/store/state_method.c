/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/state_private.h"

#include <string.h>

/* What the method of an adapter knows, as the arrays that it names itself, and the clock of the
 * stream. */

/* --- from the adapter into a state --- */

void
dc_state_capture_method(DcState *state, const DcAdapter *adapter)
{
  static const DcTensorType types[] = {[DC_METHOD_FLOATS] = DC_TENSOR_F32,
                                       [DC_METHOD_DOUBLES] = DC_TENSOR_F64,
                                       [DC_METHOD_WHOLE] = DC_TENSOR_I64};
  dc_state_add_int(state, "transport.last_time", adapter->clock.last_time);
  dc_state_add_int(state, "transport.elapsed", adapter->clock.elapsed);
  dc_state_add_int(state, "transport.timed", adapter->clock.timed);
  if (!adapter->method->arrays)
    return;
  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
  size_t count = adapter->method->arrays(adapter, arrays);
  for (size_t i = 0; i < count; i++)
    dc_state_add_copy(state, arrays[i].name, types[arrays[i].type],
                      arrays[i].type == DC_METHOD_WHOLE ? 0 : 2, arrays[i].rows, arrays[i].cols,
                      arrays[i].data);
}

/* --- from a state into the adapter --- */

/* All tensors that can be a method's; returns how many. */
static size_t
list_arrays(const DcState *state, DcMethodArray arrays[DC_STATE_MAX_TENSORS])
{
  size_t count = 0;
  for (size_t i = 0; i < state->count; i++) {
    const DcTensor *tensor = &state->tensors[i];
    DcMethodArray *array = &arrays[count];
    *array = (DcMethodArray){.name = tensor->name, .data = tensor->data};
    if (tensor->type == DC_TENSOR_I64 && tensor->rank == 0) {
      array->type = DC_METHOD_WHOLE;
      array->rows = array->cols = 1;
    } else if ((tensor->type == DC_TENSOR_F32 || tensor->type == DC_TENSOR_F64) &&
               tensor->rank == 2) {
      array->type = tensor->type == DC_TENSOR_F32 ? DC_METHOD_FLOATS : DC_METHOD_DOUBLES;
      array->rows = tensor->shape[0];
      array->cols = tensor->shape[1];
    } else {
      continue;
    }
    count++;
  }
  return count;
}

static bool
take_whole(const DcMethodArray *arrays, size_t count, const char *name, uint64_t *value)
{
  const DcMethodArray *found = dc_method_array_find(arrays, count, name, DC_METHOD_WHOLE);
  if (found)
    *value = *(const uint64_t *)found->data;
  return found != NULL;
}

static void
restore_clock(const DcMethodArray *arrays, size_t count, DcStreamClock *clock)
{
  DcStreamClock found;
  if (take_whole(arrays, count, "transport.last_time", &found.last_time) &&
      take_whole(arrays, count, "transport.elapsed", &found.elapsed) &&
      take_whole(arrays, count, "transport.timed", &found.timed))
    *clock = found;
}

DcStatus
dc_state_restore_method(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcMethodArray arrays[DC_STATE_MAX_TENSORS];
  size_t count = list_arrays(state, arrays);
  restore_clock(arrays, count, &adapter->clock);
  return adapter->method->restore ? adapter->method->restore(adapter, arrays, count, error) : DC_OK;
}
