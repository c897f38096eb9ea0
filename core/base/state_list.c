/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/state_list.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static bool
make_room(DcStateList *list)
{
  if (list->count < list->capacity)
    return true;
  const size_t capacity = list->capacity ? 2 * list->capacity : 16;
  DcStateArray *arrays = DC_NEW(DcStateArray, capacity);
  if (!arrays)
    return false;
  if (list->count)
    memcpy(arrays, list->arrays, list->count * sizeof *arrays);
  dc_free(list->arrays);
  list->arrays = arrays;
  list->capacity = capacity;
  return true;
}

void
dc_state_list_add(DcStateList *list, const char *prefix, const char *name, DcStateType type,
                  void *data, size_t count)
{
  if (!count)
    return;
  if (!make_room(list)) {
    list->failed = true;
    return;
  }
  DcStateArray *array = &list->arrays[list->count];
  *array = (DcStateArray){.type = type, .data = data, .count = count};
  const int length = snprintf(array->name, sizeof array->name, "%s%s%s", prefix ? prefix : "",
                              prefix ? "." : "", name);
  if (length < 0 || (size_t)length >= sizeof array->name)
    list->failed = true;
  else
    list->count++;
}

void
dc_state_list_clear(DcStateList *list)
{
  dc_free(list->arrays);
  *list = (DcStateList){0};
}

size_t
dc_state_type_size(DcStateType type)
{
  switch (type) {
  case DC_STATE_FLOATS:
    return sizeof(float);
  case DC_STATE_DOUBLES:
    return sizeof(double);
  case DC_STATE_BYTES:
    break;
  }
  return 1;
}
