/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_CPU_H
#define DC_TENSOR_CPU_H

#include <stddef.h>

/* Loops that dominate are compiled once for each level of the CPU, from the slowest on; each set of
 * them is a table of functions, NAME_baseline, NAME_avx2 and NAME_avx512, as far as the build has
 * the level. */
#define DC_CPU_LEVELS 3

/* How many levels the build has and this CPU can run, 1 .. DC_CPU_LEVELS. Any thread. */
size_t dc_cpu_levels(void);

/* The initialiser of an array of pointers to the tables of `name`. */
#if defined(DC_HAVE_AVX512)
#define DC_CPU_TABLES(name)                                                                        \
  {                                                                                                \
    &name##_baseline, &name##_avx2, &name##_avx512                                                 \
  }
#elif defined(DC_HAVE_AVX2)
#define DC_CPU_TABLES(name)                                                                        \
  {                                                                                                \
    &name##_baseline, &name##_avx2                                                                 \
  }
#else
#define DC_CPU_TABLES(name)                                                                        \
  {                                                                                                \
    &name##_baseline                                                                               \
  }
#endif

#endif
