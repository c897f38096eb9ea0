/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_UUID_H
#define DC_STREAM_UUID_H

#include "base/random.h"
#include "stream/snapshot.h"

/* Writes a version 4 UUID (RFC 4122) drawn from `random`: equal seeds give equal identities, so
 * that a run can be repeated byte for byte; streams that must not share identities take different
 * seeds. */
void dc_uuid_make(DcRandom *random, char text[DC_UUID_SIZE]);

#endif
