/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_REFERENCE_H
#define DC_NN_REFERENCE_H

#include "base/status.h"
#include "nn/network.h"

/* dc_network_run_reference() (nn/plan.h) without rounding to float on the way in and out.
 * Allocates.
 */
DcStatus dc_network_run_double(const DcNetwork *network, const double *input, size_t batch,
                               double *output);

/* The same as dc_trainer_forward() has it, with the statistics of the batch in BATCH_NORM: what
 * finite differences of a network are taken of. Allocates. */
DcStatus dc_network_train_double(const DcNetwork *network, const double *input, size_t batch,
                                 double *output);

#endif
