/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_STATE_SAVER_H
#define DC_ELEMENTS_STATE_SAVER_H

#include "store/state_file.h"

#include <glib.h>

G_BEGIN_DECLS

/* Writes states to files on a thread of its own, which lives only while there is something to
 * write. At most one state waits for each file: a newer one takes its place. Any thread may call.
 */
typedef struct DcStateSaver DcStateSaver;

/* What became of a state: `error.status` is DC_OK when it is on disk. */
typedef struct {
  gchar *path;
  guint64 change; /* the last one in the state */
  guint waiters;  /* callers that are told, too */
  DcError error;
} DcSaveOutcome;

/* Told of each outcome, on the saver's thread, with no lock held. */
typedef void (*DcStateSaved)(const DcSaveOutcome *outcome, gpointer user_data);

DcStateSaver *dc_state_saver_new(DcStateSaved saved, gpointer user_data);

/* Waits until everything is written. */
void dc_state_saver_free(DcStateSaver *saver);

/* Has `state` (transfer full), which holds all up to `change`, written to `path` and returns at
 * once. */
void dc_state_saver_save(DcStateSaver *saver, DcState *state, guint64 change, const gchar *path);

/* The same, waiting until this state or a newer one is on disk, or an error is known. */
DcStatus dc_state_saver_save_and_wait(DcStateSaver *saver, DcState *state, guint64 change,
                                      const gchar *path, DcError *error);

/* Returns when nothing is left to write. */
void dc_state_saver_drain(DcStateSaver *saver);

G_END_DECLS

#endif
