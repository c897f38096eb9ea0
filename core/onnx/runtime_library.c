/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/runtime_library.h"

#include <dlfcn.h>
#include <pthread.h>

/* Functions are only added to the interface. All that is used here is in that of 1.14; asking for
 * no more lets a build with newer headers run with an older library. */
#define API_VERSION 14

static struct {
  pthread_once_t once;
  DcRuntimeLibrary library; /* without an api: it could not be loaded */
  DcError error;
} loaded = {.once = PTHREAD_ONCE_INIT};

/* Debian names the library after its minor version, its makers after the major one. */
static void *
open_library(void)
{
  static const char *const names[] = {DC_RUNTIME_SONAME, "libonnxruntime.so.1",
                                      "libonnxruntime.so"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

static const OrtApi *
find_api(void)
{
  void *library = open_library();
  if (!library) {
    dc_error_set(&loaded.error, DC_ERROR_UNSUPPORTED,
                 "ONNX Runtime cannot be loaded (%s): install it (Debian: libonnxruntime1.21), or "
                 "use the back end core",
                 dlerror());
    return NULL;
  }
  /* Through an object pointer, since C has no conversion of one to a function. */
  const OrtApiBase *(*get_base)(void) = NULL;
  *(void **)&get_base = dlsym(library, "OrtGetApiBase");
  const OrtApi *api = get_base ? get_base()->GetApi(API_VERSION) : NULL;
  if (!api)
    dc_error_set(&loaded.error, DC_ERROR_UNSUPPORTED,
                 "ONNX Runtime %s is too old: 1.%d or later is needed, or the back end core",
                 get_base ? get_base()->GetVersionString() : "without a version", API_VERSION);
  return api;
}

static void
start(void)
{
  const OrtApi *api = find_api();
  if (!api)
    return;
  DcRuntimeLibrary *library = &loaded.library;
  /* What goes wrong comes back as a status; the core says nothing by itself. */
  OrtStatus *status = api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "driftcluster", &library->env);
  if (!status)
    status = api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &library->cpu);
  if (!status) {
    library->api = api;
    return;
  }
  dc_error_set(&loaded.error, DC_ERROR_UNSUPPORTED, "ONNX Runtime does not start: %s",
               api->GetErrorMessage(status));
  api->ReleaseStatus(status);
}

const DcRuntimeLibrary *
dc_runtime_library(DcError *error)
{
  pthread_once(&loaded.once, start);
  if (loaded.library.api)
    return &loaded.library;
  if (error)
    *error = loaded.error;
  return NULL;
}
