/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/families.h"

#include "cluster/scc.h"
#include "command.h"

#include <string.h>

gboolean
dc_families(const DcMatrix *centroids, guint wanted, guint32 *families, guint *count,
            GError **error)
{
  DcError core_error;
  DcScc scc;
  *count = 0;
  if (centroids->rows == 0)
    return TRUE;
  if (dc_scc(centroids, &scc, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gsize level = dc_scc_level(&scc, wanted);
  memcpy(families, scc.group + level * scc.points, scc.points * sizeof *families);
  *count = (guint)scc.groups[level];
  dc_scc_clear(&scc);
  return TRUE;
}
