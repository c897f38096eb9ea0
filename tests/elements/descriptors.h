/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_DESCRIPTORS_H
#define DC_TESTS_DESCRIPTORS_H

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Leaves the process without descriptors to open; those that are open stay. Returns the limit that
 * was, for setrlimit(). */
static inline struct rlimit
descriptors_end(void)
{
  struct rlimit before, now;
  int next = open("/dev/null", O_RDONLY); /* the lowest that is free */
  close(next);
  getrlimit(RLIMIT_NOFILE, &before);
  now = before;
  now.rlim_cur = (rlim_t)next;
  setrlimit(RLIMIT_NOFILE, &now);
  return before;
}

#endif
