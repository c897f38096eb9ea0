/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COMMAND_H
#define DC_TOOLS_COMMAND_H

#include "base/status.h"

#include <glib.h>

G_BEGIN_DECLS

/* What the program exits with. */
enum {
  DC_EXIT_OK = 0,
  DC_EXIT_FAILURE = 1,    /* the work could not be done: a file, data, a full disk */
  DC_EXIT_USAGE = 2,      /* the command line makes no sense */
  DC_EXIT_INTERRUPTED = 3 /* stopped by Ctrl-C; what was done is saved */
};

/* The domain of errors of the tools; the code is a DcStatus, negated, or DC_TOOLS_USAGE where it is
 * the command line that makes no sense. */
#define DC_TOOLS_ERROR (dc_tools_error_quark())
#define DC_TOOLS_USAGE 100
GQuark dc_tools_error_quark(void);

/* Turns a core error into a GError; always returns FALSE, so that it ends a function. */
gboolean dc_tools_take_error(const DcError *core_error, GError **error);

/* Makes a folder, with those that it is in; one that is there already is as good. */
gboolean dc_tools_make_folder(const char *folder, GError **error);

/* Reads the options of one command. `parameters` is what follows the options in the usage line
 * ("INPUT..."), `summary` teaches (it is shown by --help). On FALSE the complaint has been printed.
 */
gboolean dc_command_parse(int *argc, char ***argv, const char *parameters, const char *summary,
                          const GOptionEntry *entries);

/* Prints "driftcluster COMMAND: ..." on stderr and returns DC_EXIT_USAGE. */
int dc_command_usage(const char *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints the message of `error` the same way and returns DC_EXIT_FAILURE, DC_EXIT_USAGE when the
 * command line is to blame, or DC_EXIT_INTERRUPTED when the work was cancelled. */
int dc_command_failed(const char *command, const GError *error);

/* The commands: each gets its own name as argv[0] and returns an exit code. */
int dc_command_categorise(int argc, char **argv);
int dc_command_digits(int argc, char **argv);
int dc_command_drift(int argc, char **argv);
int dc_command_embed(int argc, char **argv);
int dc_command_evaluate(int argc, char **argv);
int dc_command_export(int argc, char **argv);
int dc_command_frames(int argc, char **argv);
int dc_command_import(int argc, char **argv);
int dc_command_inspect(int argc, char **argv);
int dc_command_points(int argc, char **argv);
int dc_command_score(int argc, char **argv);
int dc_command_serve(int argc, char **argv);
int dc_command_sheet(int argc, char **argv);
int dc_command_state(int argc, char **argv);
int dc_command_timeline(int argc, char **argv);
int dc_command_train(int argc, char **argv);

G_END_DECLS

#endif
