/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_PAGE_RESOURCES_H
#define DC_TOOLS_COLLECTION_PAGE_RESOURCES_H

#include <glib.h>

G_BEGIN_DECLS

/* The files that the page consists of, as names below OUTPUT; NULL-terminated. */
extern const char *const dc_page_resources[];

/* What is in one of them; it is part of the program. */
GBytes *dc_page_resource(const char *name);

G_END_DECLS

#endif
