/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/runtime.h"

#include "base/checked.h"
#include "base/memory.h"
#include "onnx/export.h"
#include "onnx/runtime_library.h"

#include <limits.h>

/* What dc_onnx_export() names them. */
#define INPUT_NAME  "input"
#define OUTPUT_NAME "embedding"

struct DcOnnxRuntime {
  const DcRuntimeLibrary *library;
  OrtSession *session;
  DcShape input;
  size_t input_size, output_size; /* floats of a sample */
  size_t max_batch;
  float *planes; /* max_batch x input_size, channels first; NULL: there is no other order */
};

/* Turns a failure of the library into one of ours, with its words. */
static DcStatus
check(const OrtApi *api, OrtStatus *status, const char *doing, DcError *error)
{
  if (!status)
    return DC_OK;
  dc_error_set(error, DC_ERROR_FORMAT, "ONNX Runtime cannot %s: %s", doing,
               api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  return DC_ERROR_FORMAT;
}

/* --- starting --- */

static DcStatus
set_options(const OrtApi *api, OrtSessionOptions *options, size_t threads, DcError *error)
{
  OrtStatus *status = api->SetIntraOpNumThreads(options, (int)threads);
  if (!status)
    status = api->SetSessionExecutionMode(options, ORT_SEQUENTIAL);
  if (!status)
    status = api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL);
  /* Threads that wait must not keep a core from the rest of the pipeline. */
  if (!status)
    status = api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0");
  return check(api, status, "be set up", error);
}

static DcStatus
open_session(DcOnnxRuntime *runtime, const unsigned char *bytes, size_t size, size_t threads,
             DcError *error)
{
  const OrtApi *api = runtime->library->api;
  OrtSessionOptions *options = NULL;
  DcStatus status = check(api, api->CreateSessionOptions(&options), "be set up", error);
  if (!status)
    status = set_options(api, options, threads, error);
  if (!status)
    status = check(api,
                   api->CreateSessionFromArray(runtime->library->env, bytes, size, options,
                                               &runtime->session),
                   "take the network", error);
  if (options)
    api->ReleaseSessionOptions(options);
  return status;
}

static DcStatus
hand_over(DcOnnxRuntime *runtime, const DcNetwork *network, size_t threads, DcError *error)
{
  unsigned char *bytes = NULL;
  size_t size;
  DcStatus status = dc_onnx_export(network, &bytes, &size, error);
  if (!status)
    status = open_session(runtime, bytes, size, threads, error);
  dc_free(bytes);
  return status;
}

static bool
needs_planes(DcShape shape)
{
  return shape.channels > 1 && (shape.height > 1 || shape.width > 1);
}

static DcStatus
allocate(DcOnnxRuntime *runtime, DcError *error)
{
  if (!needs_planes(runtime->input))
    return DC_OK;
  size_t floats;
  if (dc_checked_mul(runtime->max_batch, runtime->input_size, &floats))
    runtime->planes = DC_NEW(float, floats);
  return runtime->planes ? DC_OK
                         : dc_error_set(error, DC_ERROR_MEMORY,
                                        "no memory for a batch of %zu samples", runtime->max_batch);
}

DcStatus
dc_onnx_runtime_new(const DcNetwork *network, size_t max_batch, size_t threads,
                    DcOnnxRuntime **runtime, DcError *error)
{
  *runtime = NULL;
  if (max_batch < 1 || threads < 1 || threads > INT_MAX)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a batch of %zu samples by %zu threads",
                        max_batch, threads);
  const DcRuntimeLibrary *library = dc_runtime_library(error);
  if (!library)
    return DC_ERROR_UNSUPPORTED;
  DcOnnxRuntime *made = DC_NEW(DcOnnxRuntime, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to run a network by ONNX Runtime");
  *made = (DcOnnxRuntime){.library = library,
                          .input = dc_network_input(network),
                          .input_size = dc_shape_size(dc_network_input(network)),
                          .output_size = dc_shape_size(dc_network_output(network)),
                          .max_batch = max_batch};
  DcStatus status = allocate(made, error);
  if (!status)
    status = hand_over(made, network, threads, error);
  if (status)
    dc_onnx_runtime_free(made);
  else
    *runtime = made;
  return status;
}

void
dc_onnx_runtime_free(DcOnnxRuntime *runtime)
{
  if (!runtime)
    return;
  if (runtime->session)
    runtime->library->api->ReleaseSession(runtime->session);
  dc_free(runtime->planes);
  dc_free(runtime);
}

/* --- running --- */

/* Our pixels have their channels side by side, ONNX has a plane of each. */
static void
split_planes(const DcOnnxRuntime *runtime, const float *input, size_t batch)
{
  const size_t channels = (size_t)runtime->input.channels, pixels = runtime->input_size / channels;
  for (size_t sample = 0; sample < batch; sample++) {
    const float *from = input + sample * runtime->input_size;
    float *to = runtime->planes + sample * runtime->input_size;
    for (size_t channel = 0; channel < channels; channel++)
      for (size_t pixel = 0; pixel < pixels; pixel++)
        to[channel * pixels + pixel] = from[pixel * channels + channel];
  }
}

/* Numbers that are ours as a value of the library, which does not copy them. */
static OrtStatus *
borrow(const DcRuntimeLibrary *library, const float *numbers, size_t count, const int64_t *shape,
       size_t axes, OrtValue **value)
{
  return library->api->CreateTensorWithDataAsOrtValue(library->cpu, (void *)numbers,
                                                      count * sizeof *numbers, shape, axes,
                                                      ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, value);
}

DcStatus
dc_onnx_runtime_run(DcOnnxRuntime *runtime, const float *input, size_t batch, float *output)
{
  if (batch < 1 || batch > runtime->max_batch)
    return DC_ERROR_ARGUMENT;
  if (runtime->planes) {
    split_planes(runtime, input, batch);
    input = runtime->planes;
  }
  const OrtApi *api = runtime->library->api;
  const DcShape shape = runtime->input;
  const bool is_vector = shape.height == 1 && shape.width == 1;
  const int64_t image_axes[] = {(int64_t)batch, shape.channels, shape.height, shape.width};
  const int64_t vector_axes[] = {(int64_t)batch, (int64_t)runtime->output_size};
  const char *const input_name = INPUT_NAME, *const output_name = OUTPUT_NAME;
  OrtValue *taken = NULL, *given = NULL;
  OrtStatus *status = borrow(runtime->library, input, batch * runtime->input_size, image_axes,
                             is_vector ? 2 : 4, &taken);
  if (!status)
    status = borrow(runtime->library, output, batch * runtime->output_size, vector_axes, 2, &given);
  if (!status)
    status = api->Run(runtime->session, NULL, &input_name, (const OrtValue *const *)&taken, 1,
                      &output_name, 1, &given);
  if (taken)
    api->ReleaseValue(taken);
  if (given)
    api->ReleaseValue(given);
  if (!status)
    return DC_OK;
  /* A network that was taken runs, unless memory is short. */
  api->ReleaseStatus(status);
  return DC_ERROR_MEMORY;
}
