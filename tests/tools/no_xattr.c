/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded, files whose path holds the text in NO_XATTR take no extended attributes: as on a file
 * system that has none. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

int
setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
  const char *marked = getenv("NO_XATTR");
  if (marked && strstr(path, marked)) {
    errno = ENOTSUP;
    return -1;
  }
  int (*next)(const char *, const char *, const void *, size_t, int);
  *(void **)&next = dlsym(RTLD_NEXT, "setxattr");
  return next(path, name, value, size, flags);
}
