/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shrink.h"

#include "base/memory.h"
#include "image/patch.h"

#include <glib.h>
#include <math.h>

static DcPatchSpec
spec_for(const DcImage *image, int side)
{
  double scale = MIN(1.0, (double)side / MAX(image->width, image->height));
  return dc_patch_spec((int)MAX(1, lrint(image->width * scale)),
                       (int)MAX(1, lrint(image->height * scale)),
                       image->format == DC_PIXELS_GRAY8 ? DC_CHANNELS_GRAY : DC_CHANNELS_RGB);
}

static DcStatus
read_pixels(const DcImage *image, const DcPatchSpec *spec, guint8 *pixels)
{
  DcPatchReader *reader = dc_patch_reader_new(spec);
  gsize size = dc_patch_size(spec);
  g_autofree float *values = g_try_new(float, size);
  DcRect all = {0, 0, image->width, image->height};
  DcStatus status = reader && values ? dc_patch_read(reader, image, &all, values) : DC_ERROR_MEMORY;
  dc_patch_reader_free(reader);
  if (status == DC_OK)
    for (gsize i = 0; i < size; i++)
      pixels[i] = (guint8)lrintf(255 * CLAMP(values[i], 0, 1));
  return status;
}

DcStatus
dc_shrink(const DcImage *image, int side, DcPicture *picture)
{
  *picture = (DcPicture){0};
  if (image->width < 1 || image->height < 1)
    return DC_ERROR_ARGUMENT;
  DcPatchSpec spec = spec_for(image, side);
  *picture = (DcPicture){spec.width, spec.height, dc_patch_channels(&spec),
                         DC_NEW(guint8, dc_patch_size(&spec))};
  DcStatus status = picture->pixels ? read_pixels(image, &spec, picture->pixels) : DC_ERROR_MEMORY;
  if (status != DC_OK)
    dc_picture_clear(picture);
  return status;
}
