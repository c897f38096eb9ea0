/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_SHARED_STATE_H
#define DC_ELEMENTS_SHARED_STATE_H

#include "stream/snapshot.h"

#include <glib.h>

G_BEGIN_DECLS

/* Snapshots shared across branches and pipelines of one process under a name (property `state-id`):
 * one writer, many readers. Every function may be called from any thread. One mutex guards the
 * table and is never held while anything else is called; it comes before any object lock. */
typedef struct DcSharedState DcSharedState;

/* The state named `id`, made when it does not exist. Release with dc_shared_state_unref(). */
DcSharedState *dc_shared_state_get(const gchar *id);
void dc_shared_state_unref(DcSharedState *state); /* NULL is ignored */
const gchar *dc_shared_state_id(const DcSharedState *state);

/* Makes `owner` the only writer; FALSE when there is another one. */
gboolean dc_shared_state_claim(DcSharedState *state, gpointer owner);
void dc_shared_state_release(DcSharedState *state, gpointer owner);

/* TRUE when there is a writer, or there was one since the state was made. */
gboolean dc_shared_state_was_claimed(DcSharedState *state);

/* Publishes `snapshot` (a reference is taken; NULL: there are no clusters any more). It stays for
 * the readers when its writer is gone. */
void dc_shared_state_publish(DcSharedState *state, DcSnapshot *snapshot);

/* The newest snapshot with a reference for the caller, or NULL. */
DcSnapshot *dc_shared_state_snapshot(DcSharedState *state);

G_END_DECLS

#endif
