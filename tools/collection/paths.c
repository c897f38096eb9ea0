/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* realpath() */
#include "collection/paths.h"

#include <stdlib.h>
#include <string.h>

gboolean
dc_path_is_within(const char *path, const char *folder)
{
  gsize length = strlen(folder);
  return strncmp(path, folder, length) == 0 &&
         (path[length] == '\0' || path[length] == '/' || g_str_has_suffix(folder, "/"));
}

char *
dc_path_resolve(const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  char *real = realpath(absolute, NULL);
  if (real || strcmp(absolute, "/") == 0)
    return real ? real : g_steal_pointer(&absolute);
  g_autofree char *parent = g_path_get_dirname(absolute);
  g_autofree char *name = g_path_get_basename(absolute);
  g_autofree char *above = dc_path_resolve(parent);
  return g_build_filename(above, name, NULL);
}
