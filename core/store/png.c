/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/png.h"

#include "base/memory.h"
#include "store/file.h"

#include <png.h>

#include <setjmp.h>

/* A byte of deflated data unpacks to at most this many: 258 of them take two bits. What claims more
 * is refused before memory is taken for it. */
#define MOST_DEFLATED 1032

/* libpng reports errors by longjmp(). Whatever a jump could lose lies in this structure, which
 * belongs to a function that no jump passes. */
typedef struct {
  const char *path;
  FILE *stream;
  uint64_t size; /* of the file that is read */
  DcError *error;
  DcStatus status; /* what the jump is about */
  png_structp png;
  png_infop info;
} Codec;

static void
give_up(Codec *codec, png_structp png, DcStatus status)
{
  codec->status = status;
  png_longjmp(png, 1);
}

static void
on_error(png_structp png, png_const_charp message)
{
  Codec *codec = png_get_error_ptr(png);
  give_up(codec, png,
          dc_error_set(codec->error, DC_ERROR_FORMAT, "%s: not a valid PNG file: %s", codec->path,
                       message));
}

/* Warnings are about what does not change the pixels. */
static void
on_warning(png_structp png, png_const_charp message)
{
  (void)png;
  (void)message;
}

static void
read_bytes(png_structp png, png_bytep bytes, size_t size)
{
  Codec *codec = png_get_io_ptr(png);
  DcStatus status = dc_file_read(codec->stream, codec->path, bytes, size, codec->error);
  if (status != DC_OK)
    give_up(codec, png, status);
}

/* A failure stays in the stream, where dc_file_commit() finds it. */
static void
write_bytes(png_structp png, png_bytep bytes, size_t size)
{
  Codec *codec = png_get_io_ptr(png);
  fwrite(bytes, 1, size, codec->stream);
}

static void
flush_nothing(png_structp png)
{
  (void)png;
}

/* Asks libpng for 8 bits in 1, 3 or 4 channels, and checks the size before anything is decoded. */
static void
read_header(Codec *codec, DcPicture *picture)
{
  png_structp png = codec->png;
  png_infop info = codec->info;
  png_read_info(png, info);
  uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  if (width * height > DC_PNG_MAX_PIXELS)
    give_up(codec, png,
            dc_error_set(codec->error, DC_ERROR_UNSUPPORTED,
                         "%s: %llu x %llu pixels are more than the %u that are read; scale it down",
                         codec->path, (unsigned long long)width, (unsigned long long)height,
                         DC_PNG_MAX_PIXELS));

  if (height * png_get_rowbytes(png, info) / MOST_DEFLATED > codec->size)
    give_up(codec, png,
            dc_error_set(codec->error, DC_ERROR_FORMAT,
                         "%s: too short for %llu x %llu pixels; it is truncated or damaged",
                         codec->path, (unsigned long long)width, (unsigned long long)height));

  png_set_expand(png); /* palettes to RGB, transparent colours to alpha, fewer bits to 8 */
  png_set_scale_16(png);
  int transparent = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) ||
                    png_get_valid(png, info, PNG_INFO_tRNS);
  if (transparent)
    png_set_gray_to_rgb(png); /* there is no picture of grey and alpha */
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  picture->width = (int)width;
  picture->height = (int)height;
  picture->channels = png_get_channels(png, info);
}

static DcStatus
decode(Codec *codec, DcPicture *picture)
{
  if (setjmp(png_jmpbuf(codec->png)))
    return codec->status;
  read_header(codec, picture);
  size_t row_size = (size_t)picture->width * (size_t)picture->channels;
  picture->pixels = dc_alloc((size_t)picture->height, row_size);
  if (!picture->pixels)
    return dc_error_set(codec->error, DC_ERROR_MEMORY, "%s: no memory for %d x %d pixels",
                        codec->path, picture->width, picture->height);
  int passes = png_get_interlace_type(codec->png, codec->info) == PNG_INTERLACE_ADAM7
                   ? PNG_INTERLACE_ADAM7_PASSES
                   : 1;
  for (int pass = 0; pass < passes; pass++)
    for (int y = 0; y < picture->height; y++)
      png_read_row(codec->png, picture->pixels + (size_t)y * row_size, NULL);
  png_read_end(codec->png, NULL); /* finds a file cut off after its last row */
  return DC_OK;
}

static DcStatus
encode(Codec *codec, const DcPicture *picture)
{
  static const int colour_types[] = {
      [1] = PNG_COLOR_TYPE_GRAY, [3] = PNG_COLOR_TYPE_RGB, [4] = PNG_COLOR_TYPE_RGB_ALPHA};
  if (setjmp(png_jmpbuf(codec->png)))
    return codec->status;
  png_set_IHDR(codec->png, codec->info, (png_uint_32)picture->width, (png_uint_32)picture->height,
               8, colour_types[picture->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(codec->png, codec->info);
  size_t row_size = (size_t)picture->width * (size_t)picture->channels;
  for (int y = 0; y < picture->height; y++)
    png_write_row(codec->png, picture->pixels + (size_t)y * row_size);
  png_write_end(codec->png, NULL);
  return DC_OK;
}

static DcStatus
read_stream(Codec *codec, DcPicture *picture)
{
  png_byte signature[8];
  DcStatus status =
      dc_file_read(codec->stream, codec->path, signature, sizeof signature, codec->error);
  if (status == DC_ERROR_FORMAT) /* it ends in its signature */
    return dc_error_set(codec->error, status,
                        "%s: is not a PNG file: %llu bytes are too few for a picture", codec->path,
                        (unsigned long long)codec->size);
  if (status != DC_OK)
    return status;
  if (png_sig_cmp(signature, 0, sizeof signature) != 0)
    return dc_error_set(codec->error, DC_ERROR_FORMAT, "%s: is not a PNG file", codec->path);
  codec->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, codec, on_error, on_warning);
  codec->info = codec->png ? png_create_info_struct(codec->png) : NULL;
  if (codec->info) {
    png_set_read_fn(codec->png, codec, read_bytes);
    png_set_sig_bytes(codec->png, sizeof signature);
    /* Some versions forgive a wrong checksum at the end of the file. */
    png_set_crc_action(codec->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    status = decode(codec, picture);
  } else {
    status = dc_error_set(codec->error, DC_ERROR_MEMORY, "%s: no memory to decode it", codec->path);
  }
  png_destroy_read_struct(&codec->png, &codec->info, NULL);
  return status;
}

static DcStatus
write_stream(Codec *codec, const DcPicture *picture)
{
  DcStatus status;
  codec->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, codec, on_error, on_warning);
  codec->info = codec->png ? png_create_info_struct(codec->png) : NULL;
  if (codec->info) {
    png_set_write_fn(codec->png, codec, write_bytes, flush_nothing);
    status = encode(codec, picture);
  } else {
    status = dc_error_set(codec->error, DC_ERROR_MEMORY, "%s: no memory to encode it", codec->path);
  }
  png_destroy_write_struct(&codec->png, &codec->info);
  return status;
}

DcStatus
dc_png_read(const char *path, DcPicture *picture, DcError *error)
{
  *picture = (DcPicture){0};
  Codec codec = {.path = path, .error = error};
  DcStatus status = dc_file_open(path, &codec.stream, &codec.size, error);
  if (status != DC_OK)
    return status;
  status = read_stream(&codec, picture);
  fclose(codec.stream);
  if (status != DC_OK)
    dc_picture_clear(picture);
  return status;
}

DcStatus
dc_png_write(const char *path, const DcPicture *picture, DcError *error)
{
  int channels = picture->channels;
  if (picture->width < 1 || picture->height < 1 || !picture->pixels ||
      (channels != 1 && channels != 3 && channels != 4))
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%s: cannot write a picture of %d x %d pixels in %d channels", path,
                        picture->width, picture->height, channels);
  DcFileWriter writer;
  DcStatus status = dc_file_create(&writer, path, error);
  if (status != DC_OK)
    return status;
  Codec codec = {.path = path, .stream = writer.stream, .error = error};
  status = write_stream(&codec, picture);
  if (status != DC_OK) {
    dc_file_discard(&writer);
    return status;
  }
  return dc_file_commit(&writer, error);
}

void
dc_picture_clear(DcPicture *picture)
{
  dc_free(picture->pixels);
  *picture = (DcPicture){0};
}
