/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_PLAN_VALUES_H
#define DC_NN_PLAN_VALUES_H

#include "nn/network.h"

#include <stdbool.h>
#include <stddef.h>

/* Which values of a network share memory, and for how long they need it. */

typedef struct {
  size_t owner;       /* the value in whose memory it lies, or itself */
  size_t shift;       /* floats from the start of that memory to its first number */
  size_t first, last; /* of an owner: the layers that first write to its memory and last read it;
                         the number of layers is "after the last" */
} DcPlanValue;

/* Fills `values`, of which there is one more than layers: where a reshape does nothing, where a
 * layer can write into a concatenation or over its own input. */
void dc_plan_values(const DcNetwork *network, DcPlanValue *values);

/* True for a layer whose output is there without its doing anything. */
bool dc_plan_does_nothing(const DcNetwork *network, const DcPlanValue *values, size_t layer);

/* Floats from one pixel of `value` to the next. */
size_t dc_plan_stride(const DcNetwork *network, const DcPlanValue *values, size_t value);

#endif
