/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_PEERS_PEAK_H
#define DC_TESTS_PEERS_PEAK_H

#include <stdio.h>

/* The most memory that this process ever had, in KiB, as Linux tells it; 0 where nobody does. */
static inline long
peak_memory(void)
{
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long peak = 0;
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "VmHWM: %ld", &peak) == 1)
      break;
  }
  if (file)
    fclose(file);
  return peak;
}

#endif
