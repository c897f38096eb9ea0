/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/cpu.h"

size_t
dc_cpu_levels(void)
{
  size_t count = 1;
#ifdef DC_HAVE_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    count = 2;
#endif
#ifdef DC_HAVE_AVX512
  if (count == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    count = 3;
#endif
  return count;
}
