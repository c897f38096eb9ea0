/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_FILE_KIND_H
#define DC_STORE_FILE_KIND_H

#include <stddef.h>

/* What the first bytes of a file say that it is, for messages: "a PNG picture"; NULL when they say
 * nothing that is known. */
const char *dc_file_kind(const void *bytes, size_t size);

#endif
