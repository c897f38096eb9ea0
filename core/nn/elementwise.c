/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/elementwise.h"

static const DcElementwiseKernels *const levels[] = DC_CPU_TABLES(dc_elementwise_kernels);

size_t
dc_elementwise_kernels_usable(const DcElementwiseKernels *tables[DC_CPU_LEVELS])
{
  const size_t count = dc_cpu_levels();
  for (size_t i = 0; i < count; i++)
    tables[i] = levels[i];
  return count;
}

const DcElementwiseKernels *
dc_elementwise_kernels(void)
{
  return levels[dc_cpu_levels() - 1];
}
