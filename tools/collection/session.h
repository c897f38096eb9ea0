/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_SESSION_H
#define DC_TOOLS_COLLECTION_SESSION_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* Categorising a collection from the first look to the last picture that comes: what
 * `driftcluster categorise` does. */
/* As many groups as last time, chosen or given. */
#define DC_SESSION_GROUPS_AS_BEFORE G_MININT
/* The seed of last time, or at first 1. */
#define DC_SESSION_SEED_AS_BEFORE G_MININT64

typedef struct {
  const char *folder, *output;
  const char *model; /* a model or ONNX file; NULL: the one of last time, else the descriptor */
  const char *title; /* of the page; NULL: that of last time, else the folder's name */
  gint groups;       /* 0: chosen by the number of pictures; DC_SESSION_GROUPS_AS_BEFORE */
  guint threads;
  gint64 seed;      /* of everything random, at least 0; DC_SESSION_SEED_AS_BEFORE */
  gboolean regroup; /* find groups anew, although there are some */
  guint learn; /* passes to learn an encoder from the pictures by, to take it if it is better; 0 */
  gboolean fresh; /* forget everything that is known of the pictures; edits too */
  /* Called once OUTPUT is there and before anything in it changes: FALSE, with `error` set, when
   * what is to be done with the groups cannot be done. NULL: there is nothing to check. */
  gboolean (*check)(DcCollection *collection, GError **error);
} DcSessionOptions;

typedef struct DcSession DcSession;

DcSession *dc_session_new(const DcSessionOptions *options, GError **error);
void dc_session_free(DcSession *session); /* NULL is ignored */

DcCollection *dc_session_collection(DcSession *session);

/* Looks at the folder and at every picture that is new, with a progress bar; finds groups, or
 * places what is new in those that there are; publishes the page on the way. Ctrl-C ends it early,
 * with all that was done stored. */
gboolean dc_session_run(DcSession *session, GError **error);

/* What follows when files may have changed: waiting pictures are looked at and placed, and the page
 * published. Cheap when there is nothing to do. */
gboolean dc_session_catch_up(DcSession *session, GError **error);

/* Everything that comes from now on is new on the page. */
gboolean dc_session_begin_watch(DcSession *session, GError **error);

/* Takes over what was edited by another process, if anything was. */
gboolean dc_session_heed_edits(DcSession *session, GError **error);

/* Does what is to be done now about learning, if that was asked for; see teaching.h. To be called
 * again and again while dc_session_is_learning(). */
gboolean dc_session_teach(DcSession *session, GError **error);
gboolean dc_session_is_learning(const DcSession *session);

/* Says on the page what is being done; NULL: nothing any more. */
gboolean dc_session_set_status(DcSession *session, const char *status, GError **error);

G_END_DECLS

#endif
