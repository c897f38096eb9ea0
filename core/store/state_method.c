/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/state_private.h"

#include <string.h>

/* What the method of an adapter knows, as the arrays that it names itself, and the clock of the
 * stream. */

/* --- from the adapter into a state --- */

static void
add_arrays(DcState *state, const DcMethodArray *arrays, size_t count)
{
  static const DcTensorType types[] = {[DC_METHOD_FLOATS] = DC_TENSOR_F32,
                                       [DC_METHOD_DOUBLES] = DC_TENSOR_F64,
                                       [DC_METHOD_WHOLE] = DC_TENSOR_I64};
  for (size_t i = 0; i < count; i++)
    dc_state_add_copy(state, arrays[i].name, types[arrays[i].type],
                      arrays[i].type == DC_METHOD_WHOLE ? 0 : 2, arrays[i].rows, arrays[i].cols,
                      arrays[i].data);
}

void
dc_state_capture_method(DcState *state, const DcAdapter *adapter)
{
  dc_state_add_int(state, "transport.last_time", adapter->clock.last_time);
  dc_state_add_int(state, "transport.elapsed", adapter->clock.elapsed);
  dc_state_add_int(state, "transport.timed", adapter->clock.timed);
  dc_state_add_copy(state, "separation", DC_TENSOR_F64, 1, 4, 1,
                    (double[]){adapter->separation.reference, adapter->separation.recent,
                               (double)adapter->separation.seen, adapter->separation.lost});
  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
  if (adapter->alignment) {
    dc_alignment_arrays(adapter->alignment, arrays);
    add_arrays(state, arrays, DC_ALIGNMENT_ARRAYS);
  }
  if (adapter->method->arrays)
    add_arrays(state, arrays, adapter->method->arrays(adapter, arrays));
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

/* Of a file that has it, with numbers that are some: else the reference is taken anew. */
static void
restore_separation(const DcState *state, DcAdapter *adapter)
{
  const DcTensor *tensor = dc_state_find(state, "separation");
  if (!tensor || tensor->type != DC_TENSOR_F64 || tensor->rank != 1 || tensor->shape[0] != 4)
    return;
  const double *numbers = tensor->data;
  for (size_t i = 0; i < 2; i++)
    if (!(numbers[i] >= 0 && numbers[i] <= 1.001))
      return;
  if (!(numbers[2] >= 0 && numbers[2] <= DC_SEPARATION_REFERENCE))
    return;
  adapter->separation = (DcSeparation){.reference = numbers[0],
                                       .recent = numbers[1],
                                       .seen = (uint64_t)numbers[2],
                                       .lost = numbers[3] > 0};
  adapter->by_prototypes = dc_state_find(state, "transport.source.basis") != NULL;
}

DcStatus
dc_state_restore_method(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcMethodArray arrays[DC_STATE_MAX_TENSORS];
  size_t count = list_arrays(state, arrays);
  restore_clock(arrays, count, &adapter->clock);
  restore_separation(state, adapter);
  if (adapter->alignment) {
    DcStatus status = dc_alignment_restore(adapter->alignment, arrays, count, error);
    if (status)
      return status;
  }
  return adapter->method->restore ? adapter->method->restore(adapter, arrays, count, error) : DC_OK;
}
