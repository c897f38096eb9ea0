/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_DIGEST_H
#define DC_STORE_DIGEST_H

#include "nn/network.h"

#include <glib.h>

/* What a digest is taken of, fed into a checksum in the byte order that docs/formats/model.md
 * fixes. */

/* A whole number as 8 bytes, floats as 4 each, both little-endian, and a text with its
 * terminator. */
void dc_digest_int(GChecksum *checksum, int64_t value);
void dc_digest_floats(GChecksum *checksum, const float *values, size_t count);
void dc_digest_text(GChecksum *checksum, const char *text);

/* Everything that decides what the network computes. */
void dc_digest_network(GChecksum *checksum, const DcNetwork *network);

#endif
