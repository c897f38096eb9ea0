/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/shared-state.h"

#include <pthread.h>

struct DcSharedState {
  gchar *id;
  guint references;
  gpointer owner; /* the only writer, or NULL */
  gboolean was_claimed;
  DcSnapshot *newest;
};

/* A lock of POSIX, not of GLib: ThreadSanitizer knows its order, also below a GLib that is not
 * instrumented. It guards the table and every field of every state. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *states; /* id -> DcSharedState, without a reference */

DcSharedState *
dc_shared_state_get(const gchar *id)
{
  pthread_mutex_lock(&lock);
  if (!states)
    states = g_hash_table_new(g_str_hash, g_str_equal);
  DcSharedState *state = g_hash_table_lookup(states, id);
  if (!state) {
    state = g_new0(DcSharedState, 1);
    state->id = g_strdup(id);
    g_hash_table_insert(states, state->id, state);
  }
  state->references++;
  pthread_mutex_unlock(&lock);
  return state;
}

void
dc_shared_state_unref(DcSharedState *state)
{
  if (!state)
    return;
  pthread_mutex_lock(&lock);
  gboolean last = --state->references == 0;
  if (last)
    g_hash_table_remove(states, state->id);
  if (g_hash_table_size(states) == 0)
    g_clear_pointer(&states, g_hash_table_unref);
  pthread_mutex_unlock(&lock);
  if (!last)
    return;
  dc_snapshot_unref(state->newest);
  g_free(state->id);
  g_free(state);
}

const gchar *
dc_shared_state_id(const DcSharedState *state)
{
  return state->id;
}

gboolean
dc_shared_state_claim(DcSharedState *state, gpointer owner)
{
  pthread_mutex_lock(&lock);
  if (!state->owner)
    state->owner = owner;
  gboolean claimed = state->owner == owner;
  state->was_claimed = TRUE;
  pthread_mutex_unlock(&lock);
  return claimed;
}

void
dc_shared_state_release(DcSharedState *state, gpointer owner)
{
  pthread_mutex_lock(&lock);
  if (state->owner == owner)
    state->owner = NULL;
  pthread_mutex_unlock(&lock);
}

gboolean
dc_shared_state_was_claimed(DcSharedState *state)
{
  pthread_mutex_lock(&lock);
  gboolean was_claimed = state->was_claimed;
  pthread_mutex_unlock(&lock);
  return was_claimed;
}

void
dc_shared_state_publish(DcSharedState *state, DcSnapshot *snapshot)
{
  DcSnapshot *newest = snapshot ? dc_snapshot_ref(snapshot) : NULL;
  pthread_mutex_lock(&lock);
  DcSnapshot *previous = state->newest;
  state->newest = newest;
  pthread_mutex_unlock(&lock);
  dc_snapshot_unref(previous);
}

DcSnapshot *
dc_shared_state_snapshot(DcSharedState *state)
{
  pthread_mutex_lock(&lock);
  DcSnapshot *snapshot = state->newest ? dc_snapshot_ref(state->newest) : NULL;
  pthread_mutex_unlock(&lock);
  return snapshot;
}
