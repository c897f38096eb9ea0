/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/state-recovery.h"

#include "store/file.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#define ADVICE "move it away to start anew, or unset state-file"

/* Moves a file out of the way, unless that would overwrite another one. */
static gboolean
set_aside(const gchar *path, const gchar *aside, DcError *error)
{
  gint problem = g_file_test(aside, G_FILE_TEST_EXISTS) ? EEXIST
                 : g_rename(path, aside) != 0           ? errno
                                                        : 0;
  if (problem != 0)
    dc_error_set(error, DC_ERROR_IO,
                 "the state '%s' is damaged and cannot be moved to '%s' (%s): " ADVICE, path, aside,
                 g_strerror(problem));
  return problem == 0;
}

/* The earlier state is the state from now on, also of a run that has nothing to save. */
static gboolean
put_back(const gchar *previous, const gchar *path, DcError *error)
{
  g_autoptr(GFile) from = g_file_new_for_path(previous);
  g_autoptr(GFile) to = g_file_new_for_path(path);
  g_autoptr(GError) problem = NULL;
  if (g_file_copy(from, to, G_FILE_COPY_NONE, NULL, NULL, NULL, &problem))
    return TRUE;
  dc_error_set(error, DC_ERROR_IO, "the earlier state '%s' cannot be copied to '%s' (%s): " ADVICE,
               previous, path, problem->message);
  return FALSE;
}

static DcStatus
recover_previous(const gchar *path, const DcError *damage, DcState **state, DcError *warning,
                 DcError *error)
{
  g_autofree gchar *previous = g_strconcat(path, ".previous", NULL);
  g_autofree gchar *aside = g_strconcat(path, ".damaged", NULL);
  if (dc_state_read(previous, state, NULL) != DC_OK)
    return dc_error_set(error, damage->status, "%s; there is no earlier one to take: " ADVICE,
                        damage->message);
  if (!set_aside(path, aside, error) || !put_back(previous, path, error)) {
    g_clear_pointer(state, dc_state_free);
    return error->status;
  }
  dc_error_set(warning, damage->status,
               "%s; the earlier state '%s' is taken, and the damaged one kept as '%s'",
               damage->message, previous, aside);
  return DC_OK;
}

DcStatus
dc_state_recover(const gchar *path, DcState **state, DcError *warning, DcError *error)
{
  DcError problem;
  *state = NULL;
  warning->status = DC_OK;
  DcStatus status = dc_state_read(path, state, &problem);
  if (status == DC_OK || status == DC_ERROR_NOT_FOUND)
    return DC_OK;
  if (status == DC_ERROR_FORMAT) {
    /* The earlier one is where the file is, not where a link to it is. Not from g_malloc(). */
    char *file = dc_file_behind_links(path);
    if (!file)
      return dc_error_set(error, DC_ERROR_MEMORY, "%s: " ADVICE, problem.message);
    status = recover_previous(file, &problem, state, warning, error);
    free(file);
    return status;
  }
  return dc_error_set(error, status, "%s: " ADVICE, problem.message);
}
