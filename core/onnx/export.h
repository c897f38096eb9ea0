/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_EXPORT_H
#define DC_ONNX_EXPORT_H

#include "base/status.h"
#include "nn/network.h"

#include <stddef.h>

/* Writes `network` (without BATCH_NORM) as the bytes of an ONNX file of opset 13: input "input",
 * float N x channels x height x width (N x n of a network over vectors), output "embedding", N x d,
 * N open. Networks that come from dc_onnx_import() included. DC_ERROR_UNSUPPORTED names the layer
 * that has no counterpart, DC_ERROR_MEMORY. Free `*bytes` with dc_free(). */
DcStatus dc_onnx_export(const DcNetwork *network, unsigned char **bytes, size_t *size,
                        DcError *error);

#endif
