/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_NETWORK_FILE_H
#define DC_STORE_NETWORK_FILE_H

#include "base/status.h"
#include "nn/network.h"
#include "store/safetensors.h"

#include <glib.h>
#include <json-glib/json-glib.h>

/* A network inside a safetensors file: its layers as JSON in the metadata, its numbers as tensors
 * "PREFIX.N.weight" and "PREFIX.N.bias", N the index of the layer. See docs/formats/model.md. */

/* The input and the layers, without the numbers. Release with json_object_unref(). */
JsonObject *dc_network_describe(const DcNetwork *network);

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

/* Feeds everything that decides what the network computes into `checksum`, in the byte order that
 * docs/formats/model.md fixes. */
void dc_network_digest(const DcNetwork *network, GChecksum *checksum);

/* The pieces of such a digest: a whole number as 8 bytes, a float as 4, both little-endian, and a
 * text with its terminator. */
void dc_digest_int(GChecksum *checksum, int64_t value);
void dc_digest_floats(GChecksum *checksum, const float *values, size_t count);
void dc_digest_text(GChecksum *checksum, const char *text);

#endif
