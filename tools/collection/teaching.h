/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_TEACHING_H
#define DC_TOOLS_COLLECTION_TEACHING_H

#include "collection/candidate.h"

G_BEGIN_DECLS

/* From the built-in descriptor to an encoder that was learnt from the collection itself: a course
 * in the background (lesson.h), a judgement (candidate.h), and the exchange if the learnt one is
 * better. What it comes to is kept: the next run goes on, or knows the verdict. */
typedef struct DcTeaching DcTeaching;

typedef enum {
  DC_TEACHING_UNDER_WAY,
  DC_TEACHING_TAKEN, /* the encoder was exchanged: groups are to be found anew */
  DC_TEACHING_ENDED  /* and nothing changed; what and why was said */
} DcTeachingState;

/* `epochs`: passes over the pictures. */
DcTeaching *dc_teaching_new(DcCollection *collection, guint epochs);
void dc_teaching_free(DcTeaching *teaching); /* NULL is ignored; the course is saved */

/* Does what is to be done now: short while the course is under way; the embedding afterwards calls
 * `tick`. FALSE when the collection cannot be read or written; a course that fails is said, and
 * ends. What a person is to know is printed and kept as the text "learning" of the collection. */
gboolean dc_teaching_step(DcTeaching *teaching, DcCandidateTick tick, gpointer user_data,
                          DcTeachingState *state, GError **error);

G_END_DECLS

#endif
