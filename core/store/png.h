/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_PNG_H
#define DC_STORE_PNG_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* An 8-bit picture with dense rows: 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
typedef struct {
  int width, height, channels;
  uint8_t *pixels;
} DcPicture;

#define DC_PNG_MAX_PIXELS (64u << 20) /* a larger picture is refused before it is decoded */

/* Reads any PNG: palettes are expanded, 16 bits reduced to 8, grey stays grey. */
DcStatus dc_png_read(const char *path, DcPicture *picture, DcError *error);
DcStatus dc_png_write(const char *path, const DcPicture *picture, DcError *error);
void dc_picture_clear(DcPicture *picture);

#endif
