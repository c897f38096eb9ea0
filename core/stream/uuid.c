/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/uuid.h"

#include <inttypes.h>
#include <stdio.h>

void
dc_uuid_make(DcRandom *random, char text[DC_UUID_SIZE])
{
  uint32_t words[4];
  for (size_t i = 0; i < 4; i++)
    words[i] = dc_random_bits(random);
  uint32_t version = 0x4000u | (words[1] & 0x0fffu);
  uint32_t variant = 0x8000u | ((words[2] >> 16) & 0x3fffu);
  snprintf(text, DC_UUID_SIZE,
           "%08" PRIx32 "-%04" PRIx32 "-%04" PRIx32 "-%04" PRIx32 "-%04" PRIx32 "%08" PRIx32,
           words[0], words[1] >> 16, version, variant, words[2] & 0xffffu, words[3]);
}
