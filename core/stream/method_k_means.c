/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/method.h"

/* One step of Lloyd over the memory. */

static DcStatus
move(DcAdapter *adapter, DcError *error)
{
  return dc_adapter_follow(adapter, dc_propose_k_means, error);
}

const DcAdaptMethod dc_method_k_means = {.name = "k-means", .move = move};
