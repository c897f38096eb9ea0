/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_SCRATCH_H
#define DC_TESTS_SCRATCH_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* mkdtemp(), nftw(); a file that includes this first needs no other */
#endif

#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder for the files that a test program makes, which is also where it runs, so that tests name
 * files without a folder. scratch_enter() and scratch_leave() are the setup and teardown of a
 * cmocka group. */

static inline int
scratch_enter(void **state)
{
  const char *parent = getenv("TMPDIR");
  char template[4096];
  snprintf(template, sizeof template, "%s/driftcluster-XXXXXX", parent ? parent : "/tmp");
  if (!mkdtemp(template) || chmod(template, 0755) != 0 || chdir(template) != 0)
    return -1;
  *state = strdup(template);
  return 0;
}

static inline int
scratch_remove(const char *path, const struct stat *info, int kind, struct FTW *where)
{
  (void)info;
  (void)kind;
  (void)where;
  return remove(path);
}

static inline int
scratch_leave(void **state)
{
  int left = chdir("/") == 0 && nftw(*state, scratch_remove, 16, FTW_DEPTH | FTW_PHYS) == 0;
  free(*state);
  return left ? 0 : -1;
}

static inline void
scratch_write(const char *path, const void *bytes, size_t size)
{
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  assert_int_equal(fwrite(bytes, 1, size, stream), size);
  assert_int_equal(fclose(stream), 0);
}

/* The bytes of a file, to be freed. */
static inline unsigned char *
scratch_read(const char *path, size_t *size)
{
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  assert_int_equal(fseek(stream, 0, SEEK_END), 0);
  *size = (size_t)ftell(stream);
  rewind(stream);
  unsigned char *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, stream), *size);
  fclose(stream);
  return bytes;
}

static inline void
assert_equal_files(const char *one, const char *other)
{
  size_t sizes[2];
  unsigned char *bytes[] = {scratch_read(one, &sizes[0]), scratch_read(other, &sizes[1])};
  assert_int_equal(sizes[0], sizes[1]);
  assert_memory_equal(bytes[0], bytes[1], sizes[0]);
  free(bytes[0]);
  free(bytes[1]);
}

static inline int
scratch_exists(const char *path)
{
  struct stat info;
  return lstat(path, &info) == 0;
}

/* Gives up the rights of root for a while, so that permissions count. */
static inline void
scratch_become_nobody(void)
{
  if (geteuid() == 0)
    assert_int_equal(seteuid(65534), 0);
}

static inline void
scratch_become_oneself(void)
{
  if (getuid() == 0)
    assert_int_equal(seteuid(0), 0);
}

#endif
