/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_RUNTIME_H
#define DC_ONNX_RUNTIME_H

#include "base/status.h"
#include "nn/network.h"

#include <stddef.h>

/* A network that ONNX Runtime's library runs instead of ours (nn/plan.h). The library is loaded
 * when the first one is made, so that programs start without it. One thread per runtime. */
typedef struct DcOnnxRuntime DcOnnxRuntime;

/* Hands `network` over as an ONNX file in memory, for runs of up to `max_batch` samples by
 * `threads`
 * >= 1 threads, the caller's included; it need not live on. DC_ERROR_UNSUPPORTED when this build or
 * this machine has no ONNX Runtime, when the library is too old, or when a layer has no counterpart
 * in ONNX; DC_ERROR_ARGUMENT, DC_ERROR_MEMORY, and DC_ERROR_FORMAT with the library's own words.
 * Free with dc_onnx_runtime_free(). */
DcStatus dc_onnx_runtime_new(const DcNetwork *network, size_t max_batch, size_t threads,
                             DcOnnxRuntime **runtime, DcError *error);
void dc_onnx_runtime_free(DcOnnxRuntime *runtime); /* NULL is ignored */

/* As dc_plan_run(): `batch` samples (1 .. max_batch), channels last, to batch x output shape. The
 * library allocates for each run. DC_ERROR_ARGUMENT, DC_ERROR_MEMORY. */
DcStatus dc_onnx_runtime_run(DcOnnxRuntime *runtime, const float *input, size_t batch,
                             float *output);

#endif
