/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_LESSON_H
#define DC_TOOLS_COLLECTION_LESSON_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* A course of learning in the background: `driftcluster train` as a child process at a low
 * priority, on thumbnails of the collection, which it keeps in OUTPUT/learning. Whatever becomes of
 * the child, the collection is not touched. It ends, saved, when this process does. */
typedef struct DcLesson DcLesson;

typedef enum {
  DC_LESSON_UNDER_WAY,
  DC_LESSON_LEARNT,      /* the model is there */
  DC_LESSON_INTERRUPTED, /* saved: dc_lesson_start() goes on */
  DC_LESSON_FAILED       /* dc_lesson_note() says why; the next start begins anew */
} DcLessonState;

/* Fewer pictures than this teach nothing that lasts. */
#define DC_LESSON_LEAST_PICTURES 200

/* A quarter of the pictures, by their random number, is not learnt from: the model is judged by
 * them. */
#define DC_LESSON_IS_LEARNT_FROM(draw) (((draw)&3) != 3)

/* At most so many pictures, of the first in random order, are learnt from or judged by. */
#define DC_LESSON_MOST_PICTURES 8192

/* Where the model of a collection is, or will be; free it. */
char *dc_lesson_model(const DcCollection *collection);

/* Removes the model and what is saved of the course. */
void dc_lesson_remove(const DcCollection *collection);

/* Starts a course of so many passes for `clusters` groups, or goes on with such a one that was
 * interrupted. */
DcLesson *dc_lesson_start(DcCollection *collection, guint32 clusters, guint epochs, GError **error);

/* How it stands now; never waits. */
DcLessonState dc_lesson_poll(DcLesson *lesson);

/* The last line that the child said: how far it is, or why it failed. Free it. */
char *dc_lesson_note(const DcLesson *lesson);

/* Ends the child, which saves where it is, and waits for it. NULL is ignored. */
void dc_lesson_free(DcLesson *lesson);

G_END_DECLS

#endif
