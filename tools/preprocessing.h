/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PREPROCESSING_H
#define DC_TOOLS_PREPROCESSING_H

#include "image/patch.h"

#include <glib.h>

G_BEGIN_DECLS

/* How pictures are prepared, for people. */

/* Prints two lines: what becomes of their shape, and of their pixels. */
void dc_preprocessing_print(const DcPatchSpec *spec);

/* The options of `driftcluster import` that ask for it. Free with g_free(). */
char *dc_preprocessing_options(const DcPatchSpec *spec);

G_END_DECLS

#endif
