/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

G_DEFINE_QUARK(driftcluster - tools, dc_tools_error)

gboolean
dc_tools_take_error(const DcError *core_error, GError **error)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -(int)core_error->status, core_error->message);
  return FALSE;
}

gboolean
dc_tools_make_folder(const char *folder, GError **error)
{
  if (g_mkdir_with_parents(folder, 0777) == 0)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: cannot make the folder: %s", folder,
              g_strerror(errno));
  return FALSE;
}

gboolean
dc_command_parse(int *argc, char ***argv, const char *parameters, const char *summary,
                 const GOptionEntry *entries)
{
  const char *command = (*argv)[0];
  g_autofree char *program = g_strdup_printf("driftcluster %s", command);
  g_set_prgname(program);
  g_autoptr(GOptionContext) context = g_option_context_new(parameters);
  g_option_context_set_summary(context, summary);
  g_option_context_add_main_entries(context, entries, NULL);
  g_autoptr(GError) error = NULL;
  if (g_option_context_parse(context, argc, argv, &error))
    return TRUE;
  dc_command_usage(command, "%s", error->message);
  return FALSE;
}

int
dc_command_usage(const char *command, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  fprintf(stderr, "driftcluster %s: %s\nTry `driftcluster %s --help`.\n", command, text, command);
  return DC_EXIT_USAGE;
}

int
dc_command_failed(const char *command, const GError *error)
{
  if (g_error_matches(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE))
    return dc_command_usage(command, "%s", error->message);
  fprintf(stderr, "driftcluster %s: %s\n", command, error->message);
  return g_error_matches(error, DC_TOOLS_ERROR, -DC_ERROR_CANCELLED) ? DC_EXIT_INTERRUPTED
                                                                     : DC_EXIT_FAILURE;
}
