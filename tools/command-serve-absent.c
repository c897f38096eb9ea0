/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <stdio.h>

int
dc_command_serve(int argc, char **argv)
{
  static const GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "OUTPUT", "Needs a build with libsoup 3.", entries))
    return DC_EXIT_USAGE;
  fprintf(stderr,
          "driftcluster %s: this build has no web server; install libsoup-3.0-dev and build "
          "again with -Dserve=enabled\n",
          name);
  return DC_EXIT_FAILURE;
}
