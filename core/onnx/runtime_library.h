/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_RUNTIME_LIBRARY_H
#define DC_ONNX_RUNTIME_LIBRARY_H

#include "base/status.h"

#include <onnxruntime_c_api.h>

/* ONNX Runtime's library in this process. */
typedef struct {
  const OrtApi *api;
  OrtEnv *env;        /* one for the process, never given back: the library does not like to start
                         twice */
  OrtMemoryInfo *cpu; /* likewise */
} DcRuntimeLibrary;

/* Loads the library, the first time; NULL, with DC_ERROR_UNSUPPORTED and what is missing in
 * `error`, where that cannot be done. Any thread. */
const DcRuntimeLibrary *dc_runtime_library(DcError *error);

#endif
