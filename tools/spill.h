/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_SPILL_H
#define DC_TOOLS_SPILL_H

#include <glib.h>

G_BEGIN_DECLS

#define DC_SPILL_MOST_MEMORY ((gsize)1 << 30) /* bytes, unless somebody says otherwise */

/* A block of bytes that grows at its end: in memory up to a limit, and beyond it in a temporary
 * file that has no name (nothing is left behind, however the program ends) and is mapped into
 * memory when it is complete. The file lies in the folder that the environment variable TMPDIR
 * names, or in /var/tmp, which unlike /tmp is never in memory itself. */
typedef struct {
  gsize most_memory; /* bytes */
  gsize size;        /* bytes appended so far */
  guint8 *memory;    /* all of them or, once there is a file, those not written yet */
  gsize used, capacity;
  int descriptor; /* of the file; -1: none */
  char *folder;
  gpointer mapped;
} DcSpill;

void dc_spill_init(DcSpill *spill, gsize most_memory);

/* Fails, and says where and how much, when memory or disk are full. */
gboolean dc_spill_append(DcSpill *spill, gconstpointer bytes, gsize size, GError **error);

/* Nothing more will be appended: `*data` is all of it, aligned for any number, to be read and
 * changed until dc_spill_clear(). */
gboolean dc_spill_finish(DcSpill *spill, gpointer *data, GError **error);

/* Also for a spill of zeros that was never begun. */
void dc_spill_clear(DcSpill *spill);

G_END_DECLS

#endif
