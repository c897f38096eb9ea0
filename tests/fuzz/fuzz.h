/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_FUZZ_H
#define DC_TESTS_FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create(); a file that includes this first needs no other */
#endif

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A fuzzed reader is one file with these two functions. replay.c is a main() for them that damages
 * the seeds in ways that depend on a number only; with clang the same file links against
 * -fsanitize=fuzzer instead. */

/* Reads `data`, of which nothing is known. Must not crash, leak or take long. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes a good file of kind `index` to `path`; false when there is no such kind. */
int fuzz_write_seed(size_t index, const char *path);

/* A file in memory that can be opened by name. */
typedef struct {
  int descriptor;
  char path[32];
} FuzzFile;

static inline FuzzFile
fuzz_file_open(const uint8_t *data, size_t size)
{
  FuzzFile file = {.descriptor = memfd_create("fuzz", MFD_CLOEXEC)};
  snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
  if (file.descriptor < 0 || write(file.descriptor, data, size) != (ssize_t)size)
    abort();
  return file;
}

static inline void
fuzz_file_close(const FuzzFile *file)
{
  close(file->descriptor);
}

/* A promise of a reader that must hold whatever it reads. */
static inline void
fuzz_promise(bool holds)
{
  if (!holds)
    abort();
}

/* What every reader promises of the errors it describes. */
static inline void
fuzz_promise_error(DcStatus status, const DcError *error)
{
  fuzz_promise(error->status == status);
  fuzz_promise(memchr(error->message, 0, sizeof error->message) != NULL);
  fuzz_promise(error->message[0] != 0 && strchr(error->message, '\n') == NULL);
}

#endif
