/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/picture.h"

#include "base/memory.h"
#include "command.h"
#include "decode.h"
#include "picture-header.h"
#include "store/shrink.h"

#define LARGE_PIXELS ((guint64)16 << 20) /* pictures beyond are decoded one at a time */

/* What is made of a decoded image of any size. */
typedef struct {
  DcPicture *picture;
  int *width, *height;
} Loading;

/* An opaque copy of an image with alpha, on white. */
static guint8 *
flatten(const DcImage *image)
{
  guint8 *pixels = DC_NEW(guint8, (gsize)image->width * (gsize)image->height * 3);
  guint8 *out = pixels;
  for (int y = 0; pixels && y < image->height; y++) {
    const guint8 *in = image->planes[0] + y * image->strides[0];
    for (int x = 0; x < image->width; x++, in += 4)
      for (int c = 0; c < 3; c++)
        *out++ = (guint8)((in[c] * in[3] + 255 * (255 - in[3]) + 127) / 255);
  }
  return pixels;
}

/* The same picture as RGB. */
static DcStatus
grey_to_rgb(DcPicture *picture)
{
  gsize count = (gsize)picture->width * (gsize)picture->height;
  guint8 *pixels = DC_NEW(guint8, count * 3);
  if (!pixels)
    return DC_ERROR_MEMORY;
  for (gsize i = 0; i < 3 * count; i++)
    pixels[i] = picture->pixels[i / 3];
  dc_free(picture->pixels);
  picture->pixels = pixels;
  picture->channels = 3;
  return DC_OK;
}

static DcStatus
reduce(const DcImage *image, DcPicture *picture)
{
  if (image->format != DC_PIXELS_RGBA) {
    DcStatus status = dc_shrink(image, NULL, DC_PICTURE_MOST_SIDE, picture);
    return status == DC_OK && picture->channels == 1 ? grey_to_rgb(picture) : status;
  }
  guint8 *opaque = flatten(image);
  DcImage flat = {
      .format = DC_PIXELS_RGB,
      .width = image->width,
      .height = image->height,
      .planes = {opaque},
      .strides = {(ptrdiff_t)image->width * 3},
  };
  DcStatus status =
      opaque ? dc_shrink(&flat, NULL, DC_PICTURE_MOST_SIDE, picture) : DC_ERROR_MEMORY;
  dc_free(opaque);
  return status;
}

/* The first frame is all that is wanted. */
static gboolean
take_frame(const DcImage *frame, gpointer user_data, GError **error)
{
  Loading *loading = user_data;
  *loading->width = frame->width;
  *loading->height = frame->height;
  DcStatus status = reduce(frame, loading->picture);
  if (status != DC_OK)
    g_set_error(error, DC_TOOLS_ERROR, -(int)status, "it cannot be made smaller: %s",
                dc_status_text(status));
  return FALSE;
}

static gboolean
load_png(const char *path, Loading *loading, GError **error)
{
  static const DcPixelFormat formats[] = {
      [1] = DC_PIXELS_GRAY8, [3] = DC_PIXELS_RGB, [4] = DC_PIXELS_RGBA};
  DcPicture whole;
  DcError core_error;
  if (dc_png_read(path, &whole, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  DcImage image = {
      .format = formats[whole.channels],
      .width = whole.width,
      .height = whole.height,
      .planes = {whole.pixels},
      .strides = {(ptrdiff_t)whole.width * whole.channels},
  };
  g_autoptr(GError) failure = NULL;
  take_frame(&image, loading, &failure);
  dc_picture_clear(&whole);
  if (failure)
    g_propagate_error(error, g_steal_pointer(&failure));
  return loading->picture->pixels != NULL;
}

static gboolean
load(const char *path, const DcPictureHeader *header, Loading *loading, GError **error)
{
  if (header->png)
    return load_png(path, loading, error);
  if (!dc_decode(path, take_frame, loading, NULL, error)) {
    dc_picture_clear(loading->picture); /* a defect behind a whole frame */
    return FALSE;
  }
  if (loading->picture->pixels)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT, "%s: there is no picture in it", path);
  return FALSE;
}

gboolean
dc_picture_load(const char *path, DcPicture *picture, int *width, int *height, GError **error)
{
  static GMutex large;
  *picture = (DcPicture){0};
  DcPictureHeader header;
  if (!dc_picture_header_read(path, &header)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
                "%s: it does not begin like a JPEG, PNG, GIF, WebP, BMP or TIFF file, or cannot be "
                "read",
                path);
    return FALSE;
  }
  Loading loading = {picture, width, height};
  gboolean alone = (guint64)header.width * header.height > LARGE_PIXELS;
  if (alone)
    g_mutex_lock(&large);
  gboolean well = load(path, &header, &loading, error);
  if (alone)
    g_mutex_unlock(&large);
  return well;
}
