/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/teaching.h"

#include "collection/lesson.h"
#include "command.h"
#include "image/descriptor.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define LOOK_PERIOD G_USEC_PER_SEC /* at what the course says */
#define MARGIN      0.05           /* of stability: less is chance */
#define GROWTH      2              /* a verdict holds until there are so many times the pictures */

struct DcTeaching {
  DcCollection *collection;
  DcLesson *lesson; /* NULL: none is under way */
  guint epochs;
  gint64 looked; /* monotonic */
  char *told;    /* in this run */
};

DcTeaching *
dc_teaching_new(DcCollection *collection, guint epochs)
{
  DcTeaching *teaching = g_new0(DcTeaching, 1);
  teaching->collection = collection;
  teaching->epochs = epochs;
  return teaching;
}

void
dc_teaching_free(DcTeaching *teaching)
{
  if (!teaching)
    return;
  dc_lesson_free(teaching->lesson);
  g_free(teaching->told);
  g_free(teaching);
}

/* Prints what is new to say, and keeps it for the page. */
static void tell(DcTeaching *teaching, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
tell(DcTeaching *teaching, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  if (g_strcmp0(teaching->told, text) == 0)
    return;
  fprintf(stderr, "%s\n", text);
  dc_collection_set_text(teaching->collection, "learning", text);
  g_free(teaching->told);
  teaching->told = g_steal_pointer(&text);
}

static gint64
count_pictures(DcTeaching *teaching)
{
  return dc_collection_count(teaching->collection, DC_PICTURE_EMBEDDED);
}

/* As many as there are groups; not so many that halves of the pictures are too small for them. */
static guint32
count_groups(DcTeaching *teaching)
{
  DcDatabase *database = teaching->collection->database;
  gint64 groups = dc_query_number(database, dc_query(database, "SELECT count(*) FROM groups"), 0);
  return (guint32)CLAMP(groups, 2, count_pictures(teaching) / 8);
}

/* --- whether there is anything to do --- */

static gboolean
is_seen_by_descriptor(DcTeaching *teaching)
{
  g_autofree char *encoder = dc_collection_text(teaching->collection, "encoder");
  return g_strcmp0(encoder, DC_DESCRIPTOR_NAME) == 0;
}

static gboolean
is_outgrown(DcTeaching *teaching)
{
  return count_pictures(teaching) >= GROWTH * dc_collection_number(teaching->collection, "judged");
}

static gboolean
has_anything_to_do(DcTeaching *teaching)
{
  if (!is_seen_by_descriptor(teaching)) {
    g_autofree char *model = dc_collection_text(teaching->collection, "model");
    tell(teaching, "Nothing to learn: the pictures are seen by %s already",
         model ? model : "a network");
    return FALSE;
  }
  if (count_pictures(teaching) < DC_LESSON_LEAST_PICTURES) {
    tell(teaching, "Too few pictures to learn from: %" G_GINT64_FORMAT ", and %d are needed",
         count_pictures(teaching), DC_LESSON_LEAST_PICTURES);
    return FALSE;
  }
  if (!is_outgrown(teaching)) {
    g_autofree char *known = dc_collection_text(teaching->collection, "learning");
    fprintf(stderr, "%s\n", known ? known : "");
    return FALSE;
  }
  return TRUE;
}

/* --- the course --- */

static gboolean
start(DcTeaching *teaching, DcTeachingState *state, GError **error)
{
  if (!has_anything_to_do(teaching)) {
    *state = DC_TEACHING_ENDED;
    return dc_database_check(teaching->collection->database, error);
  }
  teaching->lesson =
      dc_lesson_start(teaching->collection, count_groups(teaching), teaching->epochs, error);
  if (teaching->lesson)
    tell(teaching,
         "Learning from the pictures in the background; the groups can be used meanwhile");
  return teaching->lesson != NULL;
}

static void
show_progress(DcTeaching *teaching)
{
  if (g_get_monotonic_time() - teaching->looked < LOOK_PERIOD)
    return;
  teaching->looked = g_get_monotonic_time();
  g_autofree char *note = dc_lesson_note(teaching->lesson);
  if (g_str_has_prefix(note, "learning: "))
    tell(teaching, "L%s", note + 1);
}

/* --- the verdict --- */

static gboolean
take(DcTeaching *teaching, const DcModel *model, const char *path, DcCandidateTick tick,
     gpointer user_data, DcTeachingState *state, GError **error)
{
  g_autofree char *verdict = g_strdup(teaching->told);
  tell(teaching, "The learnt encoder sees the pictures");
  if (!dc_candidate_embed(teaching->collection, model, G_MAXINT64, tick, user_data, error) ||
      !dc_candidate_take(teaching->collection, model, path, error))
    return FALSE;
  *state = DC_TEACHING_TAKEN;
  dc_collection_set_text(teaching->collection, "learning", verdict); /* what lasts is why */
  return dc_database_check(teaching->collection->database, error);
}

/* Asks both encoders; a model that makes nothing of the pictures is worse. */
static gboolean
judge(DcTeaching *teaching, const DcModel *model, DcCandidateTick tick, gpointer user_data,
      gboolean *better, GError **error)
{
  double present, candidate;
  tell(teaching, "Comparing the learnt encoder with the built-in descriptor");
  dc_candidate_begin(teaching->collection, model);
  if (!dc_candidate_embed(teaching->collection, model, DC_LESSON_MOST_PICTURES, tick, user_data,
                          error) ||
      !dc_candidate_judge(teaching->collection, count_groups(teaching), &present, &candidate,
                          error))
    return FALSE;
  *better = candidate > present + MARGIN;
  dc_collection_set_number(teaching->collection, "judged", count_pictures(teaching));
  tell(teaching,
       "%s: stability of the groups beyond chance %.2f by the learnt encoder, %.2f by the "
       "descriptor",
       *better ? "The learnt encoder is better" : "The built-in descriptor stays", candidate,
       present);
  return dc_database_check(teaching->collection->database, error);
}

static gboolean
consider(DcTeaching *teaching, DcCandidateTick tick, gpointer user_data, DcTeachingState *state,
         GError **error)
{
  g_autofree char *path = dc_lesson_model(teaching->collection);
  DcModel *model;
  DcError core_error;
  *state = DC_TEACHING_ENDED;
  if (dc_model_read(path, &model, &core_error) != DC_OK) {
    tell(teaching, "The learnt encoder cannot be read, and is removed: %s", core_error.message);
    g_unlink(path);
    return TRUE;
  }
  gboolean better = FALSE;
  gboolean well = judge(teaching, model, tick, user_data, &better, error) &&
                  (!better || take(teaching, model, path, tick, user_data, state, error));
  dc_model_free(model);
  return well;
}

static gboolean
follow(DcTeaching *teaching, DcTeachingState *state)
{
  g_autofree char *note = NULL;
  switch (dc_lesson_poll(teaching->lesson)) {
  case DC_LESSON_UNDER_WAY:
    show_progress(teaching);
    return FALSE;
  case DC_LESSON_LEARNT:
    return TRUE;
  case DC_LESSON_INTERRUPTED:
    *state = DC_TEACHING_ENDED;
    return FALSE;
  case DC_LESSON_FAILED:
    note = dc_lesson_note(teaching->lesson);
    tell(teaching, "Learning failed, and the groups stay as they are: %s", note);
    *state = DC_TEACHING_ENDED;
  }
  return FALSE;
}

/* A model from an earlier run that was not judged yet, or was and the collection has outgrown it.
 */
static gboolean
has_model(DcTeaching *teaching)
{
  g_autofree char *path = dc_lesson_model(teaching->collection);
  gboolean judged = dc_collection_number(teaching->collection, "judged") > 0;
  if (judged && is_outgrown(teaching) && is_seen_by_descriptor(teaching))
    g_unlink(path);
  return !judged && is_seen_by_descriptor(teaching) &&
         count_pictures(teaching) >= DC_LESSON_LEAST_PICTURES &&
         g_file_test(path, G_FILE_TEST_EXISTS);
}

gboolean
dc_teaching_step(DcTeaching *teaching, DcCandidateTick tick, gpointer user_data,
                 DcTeachingState *state, GError **error)
{
  *state = DC_TEACHING_UNDER_WAY;
  if (!teaching->lesson && !has_model(teaching))
    return start(teaching, state, error);
  if (teaching->lesson && !follow(teaching, state))
    return dc_database_check(teaching->collection->database, error);
  g_clear_pointer(&teaching->lesson, dc_lesson_free);
  return consider(teaching, tick, user_data, state, error);
}
