/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_FOLDER_H
#define DC_TESTS_FOLDER_H

#include <glib.h>
#include <glib/gstdio.h>

/* A folder for the files of one test: folder_enter() and folder_leave() are a checked fixture. */
static gchar *folder;

static inline void
folder_enter(void)
{
  folder = g_dir_make_tmp("driftcluster-XXXXXX", NULL);
}

static inline void
folder_leave(void)
{
  const gchar *name;
  GDir *files = g_dir_open(folder, 0, NULL);
  while ((name = g_dir_read_name(files))) {
    g_autofree gchar *path = g_build_filename(folder, name, NULL);
    g_remove(path);
  }
  g_dir_close(files);
  g_rmdir(folder);
  g_clear_pointer(&folder, g_free);
}

#endif
