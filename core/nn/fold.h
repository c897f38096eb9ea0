/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_FOLD_H
#define DC_NN_FOLD_H

#include "base/status.h"
#include "nn/network.h"

/* Makes from a network that was trained the one to use: the same map as a DcPlan of `network` has
 * it, without BATCH_NORM. Each is folded into the CONV2D, DEPTHWISE_CONV2D or DENSE before it when
 * that has no activation and feeds nothing else, and else becomes an AFFINE layer. The outputs
 * agree up to rounding: the scales are computed in double, each folded weight is rounded to float
 * once. DC_ERROR_NOT_FINITE when a running variance or another number of a BATCH_NORM cannot be
 * used, DC_ERROR_MEMORY. Free `*folded` with dc_network_free(). */
DcStatus dc_network_fold(const DcNetwork *network, DcNetwork **folded, DcError *error);

#endif
