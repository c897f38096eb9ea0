/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/shrink.h"

#include "base/memory.h"
#include "image/patch.h"
#include "image/pixels.h"

#include <math.h>

static int
larger(int a, int b)
{
  return a > b ? a : b;
}

/* Where a span from `start` of `length` ends, at `limit` at the latest. */
static int
end_of(int start, int length, int limit)
{
  int64_t end = (int64_t)start + length;
  return end < limit ? (int)end : limit;
}

/* The part of `region`, which has a pixel inside the image, that lies inside. */
static DcRect
inside(const DcImage *image, const DcRect *region)
{
  int left = larger(region->x, 0), top = larger(region->y, 0);
  return (DcRect){left, top, end_of(region->x, region->width, image->width) - left,
                  end_of(region->y, region->height, image->height) - top};
}

static DcPatchSpec
spec_for(const DcImage *image, const DcRect *region, int side)
{
  double scale = fmin(1, (double)side / larger(region->width, region->height));
  return dc_patch_spec(larger(1, (int)lrint(region->width * scale)),
                       larger(1, (int)lrint(region->height * scale)),
                       image->format == DC_PIXELS_GRAY8 ? DC_CHANNELS_GRAY : DC_CHANNELS_RGB);
}

static DcStatus
read_pixels(const DcImage *image, const DcRect *region, const DcPatchSpec *spec, uint8_t *pixels)
{
  DcPatchReader *reader = dc_patch_reader_new(spec);
  size_t size = dc_patch_size(spec);
  float *values = DC_NEW(float, size);
  DcStatus status =
      reader && values ? dc_patch_read(reader, image, region, values) : DC_ERROR_MEMORY;
  dc_patch_reader_free(reader);
  if (status == DC_OK)
    for (size_t i = 0; i < size; i++)
      pixels[i] = (uint8_t)lrintf(255 * fminf(1, fmaxf(0, values[i])));
  dc_free(values);
  return status;
}

DcStatus
dc_shrink(const DcImage *image, const DcRect *region, int side, DcPicture *picture)
{
  DcRect part = {0, 0, image->width, image->height};
  *picture = (DcPicture){0};
  if (!dc_region_is_visible(image, region ? region : &part))
    return DC_ERROR_ARGUMENT;
  if (region)
    part = inside(image, region);
  DcPatchSpec spec = spec_for(image, &part, side);
  *picture = (DcPicture){spec.width, spec.height, dc_patch_channels(&spec),
                         DC_NEW(uint8_t, dc_patch_size(&spec))};
  DcStatus status =
      picture->pixels ? read_pixels(image, &part, &spec, picture->pixels) : DC_ERROR_MEMORY;
  if (status != DC_OK)
    dc_picture_clear(picture);
  return status;
}
