/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_ENCODE_H
#define DC_NN_ENCODE_H

#include "base/status.h"
#include "nn/network.h"

/* Runs `network` over `count` samples (dense, the shape of its input), shared by `threads` >= 1
 * threads, and writes its outputs to `outputs` (count x output size, dense). The result is the same
 * for any number of threads. DC_ERROR_NOT_FINITE when an output is not a number; DC_ERROR_ARGUMENT,
 * DC_ERROR_MEMORY. Allocates. */
DcStatus dc_encode(const DcNetwork *network, const float *samples, size_t count, size_t threads,
                   float *outputs, DcError *error);

/* The same, but writes to `labels` (one for each sample) the index of the largest output, the
 * smallest one of equals. Holds the outputs of a few thousand samples at a time. */
DcStatus dc_encode_largest(const DcNetwork *network, const float *samples, size_t count,
                           size_t threads, uint32_t *labels, DcError *error);

#endif
