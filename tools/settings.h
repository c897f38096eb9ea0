/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_SETTINGS_H
#define DC_TOOLS_SETTINGS_H

#include "learn/learner.h"

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/* The settings of a method of learning as text. What is wrong with one is a DC_TOOLS_USAGE. */

/* The standard values of the settings of `class`. */
void dc_settings_fill(const DcLearnerClass *class, double values[DC_LEARN_MOST_SETTINGS]);

/* Sets one to `text`, a number or one of its words. Fails, and lists what there is, when the class
 * has no such setting or the text is no value of it; ranges are left to dc_settings_check(). */
gboolean dc_settings_set(const DcLearnerClass *class, double values[DC_LEARN_MOST_SETTINGS],
                         const char *name, const char *text, GError **error);

/* The same from "NAME=VALUE". */
gboolean dc_settings_assign(const DcLearnerClass *class, double values[DC_LEARN_MOST_SETTINGS],
                            const char *assignment, GError **error);

/* Fails, and names the setting, when one is out of its range. */
gboolean dc_settings_check(const DcLearnerClass *class, const double values[DC_LEARN_MOST_SETTINGS],
                           GError **error);

/* A line for each setting of each method: name, standard value, what it is. */
void dc_settings_list(const DcLearnerClass *class, FILE *stream);

G_END_DECLS

#endif
