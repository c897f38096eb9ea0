/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COURSE_H
#define DC_TOOLS_COURSE_H

#include "learn/learner.h"

#include <glib.h>

G_BEGIN_DECLS

/* A course of learning run for a person: with a progress bar, saved every few minutes and at
 * Ctrl-C beside the file that it is to become, and alone at that file. */
typedef struct {
  DcLearner *learner; /* not owned */
  const char *output; /* not owned */
  char *checkpoint;   /* OUTPUT.checkpoint */
  char *lock;         /* OUTPUT.lock */
  int lock_fd;
  char *data_digest;
  double seconds; /* that steps have taken in this process */
} DcCourse;

/* Takes the file to itself: fails when another course is to become it, or when its folder cannot be
 * written to, before hours are spent. End with dc_course_end(), also after a failure. */
gboolean dc_course_begin(DcCourse *course, DcLearner *learner, const char *output, GError **error);

/* Goes on from the checkpoint, which must be there. */
gboolean dc_course_resume(DcCourse *course, GError **error);

/* Runs to the end, or to Ctrl-C: `interrupted` is then set and the checkpoint written. After a
 * failure the last checkpoint is still there. From here to dc_course_end() a first Ctrl-C ends
 * nothing else, so that what was learnt can become a model. */
gboolean dc_course_run(DcCourse *course, gboolean *interrupted, GError **error);

/* Writes the checkpoint. */
gboolean dc_course_save(DcCourse *course, GError **error);

/* Gives the file free. With `complete`, what it needed on the way is removed. */
void dc_course_end(DcCourse *course, gboolean complete);

G_END_DECLS

#endif
