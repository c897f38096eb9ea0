/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_PLAN_H
#define DC_NN_PLAN_H

#include "base/status.h"
#include "nn/network.h"

/* Everything one thread needs to run a network forward (BATCH_NORM by its running statistics):
 * packed weights where packing pays, and scratch, planned once so that a run never allocates. */
typedef struct DcPlan DcPlan;

/* Plans runs of up to `max_batch` samples. The network must outlive the plan and not change while
 * the plan lives. Free with dc_plan_free(). */
DcStatus dc_plan_new(const DcNetwork *network, size_t max_batch, DcPlan **plan, DcError *error);
void dc_plan_free(DcPlan *plan);

/* Bytes of the one block in which a run keeps activations and scratch. */
size_t dc_plan_memory(const DcPlan *plan);

/* Runs `batch` samples (1 .. max_batch): input is batch x input shape, output batch x output shape,
 * dense. The result of a sample does not depend on what else is in the batch beyond rounding.
 * Allocates nothing. */
DcStatus dc_plan_run(DcPlan *plan, const float *input, size_t batch, float *output);

/* The same by plain loops in double, layer by layer: the oracle of the tests. Allocates. */
DcStatus dc_network_run_reference(const DcNetwork *network, const float *input, size_t batch,
                                  float *output);

#endif
