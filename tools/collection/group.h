/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_GROUP_H
#define DC_TOOLS_COLLECTION_GROUP_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* Adds an empty group with the first free name ("Group 3") and an identity of its own. */
gint64 dc_group_new(DcCollection *collection);

G_END_DECLS

#endif
