/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs an ONNX file as it is by ONNX Runtime, on one thread and without anything of ours in
 * between:
 *
 *   runtime_run NET.onnx FOLDER OUTPUT CHANNELS HEIGHT WIDTH BATCH
 *
 * Reads FOLDER/input.f32, samples of height x width x channels as onnx_run does, BATCH at a time,
 * writes FOLDER/output.f32 and prints the most memory it had, in KiB. */

#include "onnx/runtime_library.h"

#include "base/memory.h"
#include "peak.h"
#include "raw_files.h"

static const OrtApi *api;

static void
check(OrtStatus *status, const char *doing)
{
  if (status)
    fail(doing, api->GetErrorMessage(status));
}

static OrtSession *
open_session(const OrtEnv *env, const char *path)
{
  OrtSessionOptions *options;
  OrtSession *session;
  check(api->CreateSessionOptions(&options), "options");
  check(api->SetIntraOpNumThreads(options, 1), "options");
  check(api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL), "options");
  check(api->CreateSession(env, path, options, &session), path);
  api->ReleaseSessionOptions(options);
  return session;
}

/* N x height x width x channels to N x channels x height x width. */
static float *
split_planes(const float *pixels, size_t images, size_t channels, size_t size)
{
  float *planes = DC_NEW(float, images *channels *size);
  if (!planes)
    fail("planes", "no memory");
  for (size_t i = 0; i < images * channels * size; i++) {
    const size_t image = i / (channels * size), c = i / size % channels, p = i % size;
    planes[i] = pixels[(image * size + p) * channels + c];
  }
  return planes;
}

/* Runs `planes`; returns how many numbers are given, and appends them to `file`. */
static void
run(OrtSession *session, const OrtMemoryInfo *cpu, const char *input, const char *output,
    float *planes, const int64_t shape[4], FILE *file)
{
  const size_t count = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
  OrtValue *taken = NULL, *given = NULL;
  OrtTensorTypeAndShapeInfo *info;
  size_t numbers;
  void *data;
  check(api->CreateTensorWithDataAsOrtValue(cpu, planes, count * sizeof *planes, shape, 4,
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &taken),
        "input");
  check(api->Run(session, NULL, &input, (const OrtValue *const *)&taken, 1, &output, 1, &given),
        "run");
  check(api->GetTensorTypeAndShape(given, &info), "output");
  check(api->GetTensorShapeElementCount(info, &numbers), "output");
  check(api->GetTensorMutableData(given, &data), "output");
  if (fwrite(data, sizeof(float), numbers, file) != numbers)
    fail("output.f32", "cannot be written");
  api->ReleaseTensorTypeAndShapeInfo(info);
  api->ReleaseValue(given);
  api->ReleaseValue(taken);
}

int
main(int argc, char **argv)
{
  if (argc != 8)
    fail("arguments", "NET.onnx FOLDER OUTPUT CHANNELS HEIGHT WIDTH BATCH");
  DcError error;
  const DcRuntimeLibrary *library = dc_runtime_library(&error);
  if (!library)
    fail("library", error.message);
  api = library->api;
  OrtSession *session = open_session(library->env, argv[1]);
  const int64_t channels = atol(argv[4]), height = atol(argv[5]), width = atol(argv[6]);
  const size_t batch = (size_t)atol(argv[7]), pixels = (size_t)(height * width);
  const Content content = read_file(argv[2], "input.f32");
  const size_t size = (size_t)channels * pixels, images = content.bytes / sizeof(float) / size;
  float *planes = split_planes(content.data, images, (size_t)channels, pixels);
  dc_free(content.data);
  OrtAllocator *allocator;
  char *input, path[4096];
  check(api->GetAllocatorWithDefaultOptions(&allocator), "allocator");
  check(api->SessionGetInputName(session, 0, allocator, &input), "input");
  snprintf(path, sizeof path, "%s/output.f32", argv[2]);
  FILE *file = fopen(path, "wb");
  if (!file)
    fail(path, "cannot be written");
  for (size_t first = 0; first < images; first += batch) {
    const int64_t count = (int64_t)(images - first < batch ? images - first : batch);
    run(session, library->cpu, input, argv[3], planes + first * size,
        (const int64_t[]){count, channels, height, width}, file);
  }
  if (fclose(file))
    fail(path, "cannot be written");
  printf("peak %ld KiB\n", peak_memory());
  dc_free(planes);
  return 0;
}
