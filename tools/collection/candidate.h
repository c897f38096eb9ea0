/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_CANDIDATE_H
#define DC_TOOLS_COLLECTION_CANDIDATE_H

#include "collection/collection.h"
#include "store/model_file.h"

G_BEGIN_DECLS

/* Another encoder beside the one in use: what it makes of the pictures is kept in a table of its
 * own until it is judged and taken, so that groups and page stay whole all the time, and an
 * interruption loses nothing. */

/* Forgets what an encoder other than `model` has made. */
void dc_candidate_begin(DcCollection *collection, const DcModel *model);

/* Called some times a second; FALSE ends early, without `error` when all is well. */
typedef gboolean (*DcCandidateTick)(gpointer user_data, GError **error);

/* Lets `model` embed the first `most` pictures in random order that it has not seen yet. One that
 * cannot be read any more is passed over. FALSE when it ended early or failed. */
gboolean dc_candidate_embed(DcCollection *collection, const DcModel *model, gint64 most,
                            DcCandidateTick tick, gpointer user_data, GError **error);

/* How stable groups are by the encoder in use and by the candidate, on the same pictures: those
 * that were not learnt from. See collection/stability.h. */
gboolean dc_candidate_judge(DcCollection *collection, guint32 clusters, double *present,
                            double *candidate, GError **error);

/* Exchanges the embeddings, in one transaction: pictures keep their groups, edited groups get
 * prototypes where their pictures lie now, others lose theirs and are to be found anew, under the
 * identities that share most pictures. Pictures that the candidate has not seen wait again. */
gboolean dc_candidate_take(DcCollection *collection, const DcModel *model, const char *path,
                           GError **error);

G_END_DECLS

#endif
