/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/patch.h"

static const DcPatchKernels *const levels[] = DC_CPU_TABLES(dc_patch_kernels);

size_t
dc_patch_kernels_usable(const DcPatchKernels *tables[DC_CPU_LEVELS])
{
  const size_t count = dc_cpu_levels();
  for (size_t i = 0; i < count; i++)
    tables[i] = levels[i];
  return count;
}

const DcPatchKernels *
dc_patch_kernels(void)
{
  return levels[dc_cpu_levels() - 1];
}
