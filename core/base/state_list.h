/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_STATE_LIST_H
#define DC_BASE_STATE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A list of the arrays that make up the state of something that runs for long. Who has such a state
 * lists where it lies; who saves it copies the arrays out, and who restores it copies them back in,
 * into something just started that lists the same. The order of listing does not matter, the names
 * must differ. */

typedef enum { DC_STATE_FLOATS, DC_STATE_DOUBLES, DC_STATE_BYTES } DcStateType;

#define DC_STATE_NAME_SIZE 64

typedef struct {
  char name[DC_STATE_NAME_SIZE];
  DcStateType type;
  void *data;   /* not owned; changed by who restores */
  size_t count; /* elements of `type` */
} DcStateArray;

typedef struct {
  DcStateArray *arrays;
  size_t count, capacity;
  bool failed; /* memory was short or a name too long: the list is not whole */
} DcStateList;

/* Adds an array called "PREFIX.NAME", or NAME when `prefix` is NULL. An array of 0 elements is left
 * out. */
void dc_state_list_add(DcStateList *list, const char *prefix, const char *name, DcStateType type,
                       void *data, size_t count);

/* Adds one object (a counter, a random generator) as its bytes. */
#define dc_state_list_add_object(list, prefix, name, object)                                       \
  dc_state_list_add((list), (prefix), (name), DC_STATE_BYTES, (object), sizeof *(object))

void dc_state_list_clear(DcStateList *list);

/* Bytes of one element. */
size_t dc_state_type_size(DcStateType type);

#endif
