/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/runtime.h"

/* What a build without ONNX Runtime's headers says. */

DcStatus
dc_onnx_runtime_new(const DcNetwork *network, size_t max_batch, size_t threads,
                    DcOnnxRuntime **runtime, DcError *error)
{
  (void)network;
  (void)max_batch;
  (void)threads;
  *runtime = NULL;
  return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                      "this driftcluster was built without ONNX Runtime: use the back end core, or "
                      "build with ONNX Runtime's headers (Debian 13: libonnxruntime-dev)");
}

void
dc_onnx_runtime_free(DcOnnxRuntime *runtime)
{
  (void)runtime;
}

DcStatus
dc_onnx_runtime_run(DcOnnxRuntime *runtime, const float *input, size_t batch, float *output)
{
  (void)runtime;
  (void)input;
  (void)batch;
  (void)output;
  return DC_ERROR_UNSUPPORTED;
}
