/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/utf8.h"

#include <stdint.h>

/* Bytes of the character at `text`; 0 at the end or where there is none. */
static size_t
character_size(const unsigned char *text)
{
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* else it had fewer bytes */
  unsigned char first = text[0];
  if (first < 0x80)
    return first != 0;
  size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc0 || first >= 0xf8)
    return 0;
  uint32_t point = first & (0x7fu >> size);
  for (size_t i = 1; i < size; i++) {
    if ((text[i] & 0xc0) != 0x80)
      return 0;
    point = point << 6 | (text[i] & 0x3fu);
  }
  int surrogate = point >= 0xd800 && point < 0xe000;
  return point >= least[size] && point <= 0x10ffff && !surrogate ? size : 0;
}

size_t
dc_utf8_prefix(const char *text, size_t most)
{
  size_t at = 0;
  for (;;) {
    size_t size = character_size((const unsigned char *)text + at);
    if (size == 0 || size > most - at)
      return at;
    at += size;
  }
}
