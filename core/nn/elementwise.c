/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/elementwise.h"

size_t
dc_elementwise_kernels_usable(const DcElementwiseKernels *tables[DC_ELEMENTWISE_LEVELS])
{
  size_t count = 0;
  tables[count++] = &dc_elementwise_kernels_baseline;
#ifdef DC_HAVE_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    tables[count++] = &dc_elementwise_kernels_avx2;
#endif
#ifdef DC_HAVE_AVX512
  if (count > 1 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    tables[count++] = &dc_elementwise_kernels_avx512;
#endif
  return count;
}

const DcElementwiseKernels *
dc_elementwise_kernels(void)
{
  const DcElementwiseKernels *tables[DC_ELEMENTWISE_LEVELS];
  return tables[dc_elementwise_kernels_usable(tables) - 1];
}
