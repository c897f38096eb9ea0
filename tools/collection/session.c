/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/session.h"

#include "collection/grouping.h"
#include "collection/indexer.h"
#include "collection/lesson.h"
#include "collection/neighbours.h"
#include "collection/page.h"
#include "collection/teaching.h"
#include "command.h"
#include "interrupt.h"
#include "progress.h"

#include <string.h>

#define FIRST_GROUPING 48 /* pictures that the first groups are found in; then at twice as many */
#define GROWTH         2  /* groups are found anew in a collection that has grown by this factor */
#define LEAST_STRANGE  8  /* outliers that may be a kind of their own */
#define PUBLISH_PERIOD G_USEC_PER_SEC
#define STANDARD_SEED  1

struct DcSession {
  DcCollection *collection;
  DcModel *model; /* NULL: the built-in descriptor */
  DcIndexer *indexer;
  DcGrouping *grouping;
  DcPage *page;
  guint threads;
  guint learn;          /* passes over the pictures to learn from; 0: nothing is to be learnt */
  DcTeaching *teaching; /* NULL: not begun */
  guint groups;         /* wanted; 0: chosen by the number of pictures */
  gboolean regroup;
  gint64 foreign_changes; /* as last seen */
  gint64 published;       /* when */
  DcProgress progress;
  double done, total;
};

/* --- starting --- */

/* The model that was used last time; NULL: the built-in descriptor. */
static char *
known_model(DcSession *session)
{
  g_autofree char *known = dc_collection_text(session->collection, "model");
  return known && *known ? g_steal_pointer(&known) : NULL;
}

/* What sees the pictures. Changes nothing in the collection. */
static gboolean
open_encoder(DcSession *session, const char *model, GError **error)
{
  DcError core_error;
  if (model && dc_model_read(model, &session->model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  session->indexer = dc_indexer_new(session->collection, session->model, session->threads, error);
  return session->indexer != NULL;
}

/* Embeddings of different encoders cannot be compared. */
static gboolean
check_encoder(DcSession *session, GError **error)
{
  DcCollection *collection = session->collection;
  const char *encoder = dc_indexer_encoder(session->indexer);
  g_autofree char *known = dc_collection_text(collection, "encoder");
  if (known && strcmp(known, encoder) != 0 &&
      dc_collection_count(collection, DC_PICTURE_EMBEDDED) > 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
                "%s was made with the encoder %s, and this one is %s; give the same --model, "
                "another OUTPUT, or --fresh to begin anew",
                collection->output, known, encoder);
    return FALSE;
  }
  dc_collection_set_text(collection, "encoder", encoder);
  dc_collection_set_number(collection, "dim", (gint64)dc_indexer_dim(session->indexer));
  return TRUE;
}

static void
set_title(DcSession *session, const DcSessionOptions *options)
{
  g_autofree char *known = dc_collection_text(session->collection, "title");
  g_autofree char *name = g_path_get_basename(session->collection->folder);
  g_autofree char *shown = g_filename_display_name(name);
  if (options->title || !known)
    dc_collection_set_text(session->collection, "title", options->title ? options->title : shown);
}

/* And what was learnt from the pictures, unless it is `model`, by which they are to be seen. */
static gboolean
forget_everything(DcSession *session, const char *model, GError **error)
{
  DcDatabase *database = session->collection->database;
  g_autofree char *learnt = dc_lesson_model(session->collection);
  dc_database_begin(database);
  dc_database_run(database,
                  "DELETE FROM pictures; DELETE FROM embeddings; DELETE FROM groups; "
                  "DELETE FROM prototypes; DELETE FROM candidates; DELETE FROM meta WHERE key IN "
                  "('model', 'encoder', 'run', 'title', 'grouped', 'settled', 'outliers', 'seed', "
                  "'groups', 'judged', 'learning', 'lesson', 'candidate')");
  if (!dc_database_commit(database, error))
    return FALSE;
  if (g_strcmp0(model, learnt) != 0)
    dc_lesson_remove(session->collection);
  return TRUE;
}

/* A collection keeps the seed that it began with. */
static void
set_seed(DcSession *session, const DcSessionOptions *options)
{
  g_autofree char *known = dc_collection_text(session->collection, "seed");
  if (options->seed != DC_SESSION_SEED_AS_BEFORE)
    dc_collection_set_number(session->collection, "seed", options->seed);
  else if (!known)
    dc_collection_set_number(session->collection, "seed", STANDARD_SEED);
}

/* And the number of groups that was wanted last. */
static void
set_groups(DcSession *session, const DcSessionOptions *options)
{
  if (options->groups != DC_SESSION_GROUPS_AS_BEFORE)
    dc_collection_set_number(session->collection, "groups", options->groups);
  session->groups = (guint)dc_collection_number(session->collection, "groups");
}

/* The encoder is that of the collection, and there are groups of what it makes of pictures. */
static gboolean
take_encoder(DcSession *session, GError **error)
{
  if (!check_encoder(session, error))
    return FALSE;
  session->grouping = dc_grouping_new(session->collection, dc_indexer_dim(session->indexer),
                                      dc_indexer_encoder(session->indexer));
  return TRUE;
}

static void
end_encoder(DcSession *session)
{
  g_clear_pointer(&session->grouping, dc_grouping_free);
  g_clear_pointer(&session->indexer, dc_indexer_free);
  g_clear_pointer(&session->model, dc_model_free);
}

static gboolean
start(DcSession *session, const DcSessionOptions *options, GError **error)
{
  DcCollection *collection = session->collection;
  g_autofree char *model = options->model   ? g_canonicalize_filename(options->model, NULL)
                           : options->fresh ? NULL
                                            : known_model(session);
  if (!open_encoder(session, model, error) ||
      (options->check && !options->check(collection, error)))
    return FALSE;
  /* Only now: what cannot be done must cost nothing. */
  if ((options->fresh && !forget_everything(session, model, error)) ||
      !take_encoder(session, error))
    return FALSE;
  if (model)
    dc_collection_set_text(collection, "model", model);
  set_seed(session, options);
  set_groups(session, options);
  set_title(session, options);
  session->page = dc_page_new(collection);
  dc_collection_set_number(collection, "run", dc_collection_number(collection, "run") + 1);
  return dc_database_check(collection->database, error) && dc_page_install(session->page, error) &&
         dc_grouping_load(session->grouping, error);
}

DcSession *
dc_session_new(const DcSessionOptions *options, GError **error)
{
  DcSession *session = g_new0(DcSession, 1);
  session->regroup = options->regroup;
  session->threads = options->threads;
  session->learn = options->learn;
  session->collection = dc_collection_create(options->folder, options->output, error);
  if (session->collection && start(session, options, error))
    return session;
  dc_session_free(session);
  return NULL;
}

void
dc_session_free(DcSession *session)
{
  if (!session)
    return;
  dc_teaching_free(session->teaching);
  dc_page_free(session->page);
  end_encoder(session);
  dc_collection_close(session->collection);
  g_free(session);
}

DcCollection *
dc_session_collection(DcSession *session)
{
  return session->collection;
}

/* --- what is done again and again --- */

/* Takes over what a person has edited in another process. */
gboolean
dc_session_heed_edits(DcSession *session, GError **error)
{
  gint64 changes = dc_collection_foreign_changes(session->collection);
  if (changes == session->foreign_changes)
    return dc_database_check(session->collection->database, error);
  session->foreign_changes = changes;
  return dc_grouping_load(session->grouping, error);
}

static gboolean
publish(DcSession *session, GError **error)
{
  session->published = g_get_monotonic_time();
  return dc_page_publish(session->page, error);
}

static gint64
count(DcSession *session, const char *sql)
{
  DcDatabase *database = session->collection->database;
  return dc_query_number(database, dc_query(database, sql), 0);
}

static gint64
count_outliers(DcSession *session)
{
  return count(session, "SELECT count(*) FROM pictures WHERE novel = 1");
}

/* Finds groups in what there is. */
static gboolean
find_groups(DcSession *session, GError **error)
{
  gint64 pictures = dc_collection_count(session->collection, DC_PICTURE_EMBEDDED);
  if (!dc_grouping_find(session->grouping, session->groups, error))
    return FALSE;
  dc_collection_set_number(session->collection, "grouped", pictures);
  dc_collection_set_number(session->collection, "outliers", count_outliers(session));
  return dc_database_check(session->collection->database, error);
}

/* Whether half as many outliers as a group has pictures came since the groups were found: such as
 * these were not there then. The first time all come in random order, and there is no need. */
static gboolean
has_strange_pictures(DcSession *session, gint64 pictures)
{
  gint64 groups = count(session, "SELECT count(*) FROM groups");
  gint64 strange = count_outliers(session) - dc_collection_number(session->collection, "outliers");
  return groups > 0 && dc_collection_number(session->collection, "settled") &&
         strange >= MAX(LEAST_STRANGE, pictures / groups / 2);
}

/* Whether the groups were found in a small part of what there is by now, or in something else. */
static gboolean
is_outgrown(DcSession *session)
{
  gint64 pictures = dc_collection_count(session->collection, DC_PICTURE_EMBEDDED);
  return pictures > 0 &&
         (pictures >= GROWTH * dc_collection_number(session->collection, "grouped") ||
          has_strange_pictures(session, pictures));
}

/* While pictures are looked at: the groups get better as more of them are known. What is found
 * depends on how many pictures there are, not on the time; what is shown waits for its time. */
static gboolean
group_and_publish(DcSession *session, GError **error)
{
  gint64 pictures = dc_collection_count(session->collection, DC_PICTURE_EMBEDDED);
  if (pictures >= FIRST_GROUPING && is_outgrown(session))
    return find_groups(session, error) && publish(session, error);
  return dc_grouping_place_new(session->grouping, TRUE, error) &&
         (g_get_monotonic_time() - session->published < PUBLISH_PERIOD || publish(session, error));
}

static gboolean
tick(gsize looked_at, gpointer user_data, GError **error)
{
  DcSession *session = user_data;
  session->done += (double)looked_at;
  dc_progress_count(&session->progress, (double)looked_at, "pictures");
  dc_progress_show(&session->progress, session->done, session->total, NULL);
  return !dc_interrupted() && dc_session_heed_edits(session, error) &&
         group_and_publish(session, error);
}

/* --- a run --- */

gboolean
dc_session_set_status(DcSession *session, const char *status, GError **error)
{
  dc_collection_set_text(session->collection, "status", status ? status : "done");
  return publish(session, error);
}

gboolean
dc_session_begin_watch(DcSession *session, GError **error)
{
  if (dc_collection_number(session->collection, "run") == 1)
    dc_collection_set_number(session->collection, "run", 2);
  return dc_session_set_status(session, "watching", error);
}

/* Where it was interrupted, the pictures that were looked at are grouped too. */
static gboolean
settle(DcSession *session, gboolean anew, GError **error)
{
  gsize dim = dc_indexer_dim(session->indexer);
  return dc_session_heed_edits(session, error) &&
         (anew || is_outgrown(session) ? find_groups(session, error)
                                       : dc_grouping_place_new(session->grouping, TRUE, error)) &&
         dc_neighbours_update(session->collection, dim, error);
}

static gboolean
index_pictures(DcSession *session, GError **error)
{
  session->total = (double)dc_collection_count(session->collection, DC_PICTURE_WAITING);
  session->done = 0;
  if (session->total == 0)
    return TRUE;
  dc_progress_start(&session->progress, "Looking at pictures");
  gboolean well = dc_indexer_run(session->indexer, tick, session, error);
  dc_progress_end(&session->progress, NULL);
  return well || (error && !*error);
}

gboolean
dc_session_run(DcSession *session, GError **error)
{
  static const DcScanVisitor telling = {.refused = dc_scan_tell_refused};
  gboolean anew = session->regroup || dc_collection_number(session->collection, "settled") == 0;
  session->foreign_changes = dc_collection_foreign_changes(session->collection);
  if (!dc_collection_rescan(session->collection, "", &telling, NULL, error) ||
      !dc_session_set_status(session, "looking", error) || !index_pictures(session, error))
    return FALSE;
  if (!settle(session, anew, error))
    return FALSE;
  if (!dc_interrupted())
    dc_collection_set_number(session->collection, "settled", 1);
  return dc_database_check(session->collection->database, error);
}

static gboolean
quiet_tick(gsize looked_at, gpointer user_data, GError **error)
{
  (void)looked_at;
  DcSession *session = user_data;
  return !dc_interrupted() && dc_session_heed_edits(session, error) &&
         group_and_publish(session, error);
}

gboolean
dc_session_catch_up(DcSession *session, GError **error)
{
  g_autoptr(GError) failure = NULL;
  if (!dc_indexer_run(session->indexer, quiet_tick, session, &failure) && failure) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  return settle(session, FALSE, error) && publish(session, error);
}

/* --- learning --- */

/* The encoder was exchanged: pictures keep their groups as far as these are found again. */
static gboolean
see_anew(DcSession *session, GError **error)
{
  end_encoder(session);
  g_autofree char *model = known_model(session);
  return open_encoder(session, model, error) && take_encoder(session, error) &&
         dc_grouping_load(session->grouping, error) && find_groups(session, error) &&
         dc_session_catch_up(session, error);
}

static gboolean
tick_of_teaching(gpointer user_data, GError **error)
{
  return !dc_interrupted() && dc_session_heed_edits(user_data, error);
}

static gboolean
publish_what_is_told(DcSession *session, GError **error)
{
  return g_get_monotonic_time() - session->published < PUBLISH_PERIOD || publish(session, error);
}

gboolean
dc_session_teach(DcSession *session, GError **error)
{
  g_autoptr(GError) failure = NULL;
  DcTeachingState state;
  if (!session->learn || dc_interrupted())
    return TRUE;
  if (!session->teaching)
    session->teaching = dc_teaching_new(session->collection, session->learn);
  if (!dc_teaching_step(session->teaching, tick_of_teaching, session, &state, &failure)) {
    if (failure)
      g_propagate_error(error, g_steal_pointer(&failure));
    return dc_interrupted();
  }
  if (state == DC_TEACHING_UNDER_WAY)
    return publish_what_is_told(session, error);
  session->learn = 0;
  g_clear_pointer(&session->teaching, dc_teaching_free);
  return (state == DC_TEACHING_ENDED || see_anew(session, error)) && publish(session, error);
}

gboolean
dc_session_is_learning(const DcSession *session)
{
  return session->learn > 0;
}
