/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ENCODER_H
#define DC_STREAM_ENCODER_H

#include "base/status.h"
#include "image/patch.h"
#include "nn/network.h"

#include <stdbool.h>
#include <stddef.h>

/* From regions of a picture to embeddings: the regions are read as patches and run through a
 * network in batches, or described by the built-in descriptor. One thread per encoder. */
typedef struct DcEncoder DcEncoder;

#define DC_ENCODER_MAX_BATCH 1024

/* Bytes that the patches and embeddings of one run may take: of large patches (224 x 224 x 3 is
 * 588 KiB) fewer are run at a time than `max_batch`, which costs nothing, since a network takes
 * images of that size one by one anyway. */
#define DC_ENCODER_BATCH_BYTES ((size_t)16 << 20)

/* Plans running `network` on patches of `spec`, up to `max_batch` (1..DC_ENCODER_MAX_BATCH) regions
 * at a time, fewer where they are large, and at least one. The network and the text `id`, the
 * identity of what it computes, must outlive the encoder. DC_ERROR_MISMATCH, with both shapes, when
 * the network does not take such patches or does not end in a vector. Free with dc_encoder_free().
 */
DcStatus dc_encoder_new(const DcPatchSpec *spec, const DcNetwork *network, const char *id,
                        size_t max_batch, DcEncoder **encoder, DcError *error);

/* The same, with the network run by ONNX Runtime on `threads` threads: the same embeddings but for
 * rounding, under the same identity. DC_ERROR_UNSUPPORTED where there is no ONNX Runtime; see
 * onnx/runtime.h. */
DcStatus dc_encoder_new_onnx_runtime(const DcPatchSpec *spec, const DcNetwork *network,
                                     const char *id, size_t max_batch, size_t threads,
                                     DcEncoder **encoder, DcError *error);

/* An encoder that needs no model: image/descriptor.h, under the identity DC_DESCRIPTOR_NAME. */
DcStatus dc_encoder_new_descriptor(DcEncoder **encoder, DcError *error);

void dc_encoder_free(DcEncoder *encoder); /* NULL is ignored */

size_t dc_encoder_dim(const DcEncoder *encoder); /* d, numbers in an embedding */
const char *dc_encoder_id(const DcEncoder *encoder);

/* Embeds `n` regions of `image` into `embeddings` (n x d, row-major). valid[i] is false, and row i
 * zero, for a region without a pixel inside the image and for an embedding that is not finite:
 * dc_encoder_not_finite() counts the latter. Allocates nothing after the largest region was seen,
 * unless ONNX Runtime does. */
DcStatus dc_encoder_run(DcEncoder *encoder, const DcImage *image, const DcRect *regions, size_t n,
                        float *embeddings, bool *valid);

/* How many embeddings of the last run were refused for NaN or infinity. */
size_t dc_encoder_not_finite(const DcEncoder *encoder);

#endif
