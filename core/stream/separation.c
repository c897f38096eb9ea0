/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/separation.h"

/* Memory of the recent margin, in embeddings. */
#define RECENT 2048.0
#define LOST   0.85
#define FOUND  0.92

void
dc_separation_note(DcSeparation *separation, double margin)
{
  if (separation->seen < DC_SEPARATION_REFERENCE) {
    separation->seen++;
    separation->reference += (margin - separation->reference) / (double)separation->seen;
    separation->recent = separation->reference;
    return;
  }
  separation->recent += (margin - separation->recent) / RECENT;
}

void
dc_separation_judge(DcSeparation *separation)
{
  double share = separation->lost ? FOUND : LOST;
  separation->lost = separation->recent < share * separation->reference;
}

void
dc_separation_restart(DcSeparation *separation)
{
  *separation = (DcSeparation){0};
}
