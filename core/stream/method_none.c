/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/method.h"

/* Centroids that stay where the warm-up or the model put them. */

static DcStatus
stay(DcAdapter *adapter, DcError *error)
{
  (void)adapter;
  (void)error;
  return DC_OK;
}

const DcAdaptMethod dc_method_none = {.name = "none", .move = stay};
