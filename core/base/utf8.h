/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_UTF8_H
#define DC_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the longest beginning of `text` that is valid UTF-8 (RFC 3629), at most `most` bytes
 * long and ends with a whole character: equal to strlen(text) for valid text that fits. */
size_t dc_utf8_prefix(const char *text, size_t most);

#endif
