/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/kernels.h"

static const DcKernels *const levels[] = DC_CPU_TABLES(dc_kernels);

size_t
dc_kernels_usable(const DcKernels *tables[DC_CPU_LEVELS])
{
  const size_t count = dc_cpu_levels();
  for (size_t i = 0; i < count; i++)
    tables[i] = levels[i];
  return count;
}

const DcKernels *
dc_kernels(void)
{
  return levels[dc_cpu_levels() - 1];
}
