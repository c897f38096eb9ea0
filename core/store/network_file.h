/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_NETWORK_FILE_H
#define DC_STORE_NETWORK_FILE_H

#include "base/status.h"
#include "nn/network.h"
#include "store/safetensors.h"

#include <glib.h>
#include <json-glib/json-glib.h>

/* A network inside a safetensors file: its layers as JSON in the metadata (see
 * store/network_description.h), its numbers as tensors "PREFIX.N.weight" and "PREFIX.N.bias", N the
 * index of the layer. See docs/formats/model.md. */

/* Appends the tensors of `network` to `tensors` (of DcTensor). They point into the network; their
 * names are kept in `names`. */
void dc_network_list_tensors(const DcNetwork *network, const char *prefix, GArray *tensors,
                             GStringChunk *names);

/* Builds the network that `description` tells of, with the numbers of `file`. `name` appears in
 * messages. Nothing is allocated that the file does not hold the numbers for. */
DcStatus dc_network_from_file(JsonObject *description, const DcTensorFile *file, const char *prefix,
                              const char *name, DcNetwork **network, DcError *error);

/* DC_ERROR_NOT_FINITE when a weight or bias is not a finite number; names the tensor.
 * DC_ERROR_UNSUPPORTED for a network with a BATCH_NORM: a file holds what dc_network_fold()
 * (nn/fold.h) makes of it. */
DcStatus dc_network_check_numbers(const DcNetwork *network, const char *prefix, const char *name,
                                  DcError *error);

#endif
