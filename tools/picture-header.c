/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture-header.h"

#include <stdio.h>
#include <string.h>

#define START_SIZE 32 /* bytes that tell formats apart, and most sizes */
#define MOST_SEGMENTS                                                                              \
  4096                  /* of a JPEG file before its size; profiles and thumbnails take hundreds */
#define MOST_TAGS 4096  /* of the first directory of a TIFF file */
#define EXIF_MOST 65536 /* a segment is no longer */

/* --- numbers --- */

static guint32
big16(const guint8 *bytes)
{
  return (guint32)bytes[0] << 8 | bytes[1];
}

static guint32
big32(const guint8 *bytes)
{
  return big16(bytes) << 16 | big16(bytes + 2);
}

static guint32
little16(const guint8 *bytes)
{
  return (guint32)bytes[1] << 8 | bytes[0];
}

static guint32
little24(const guint8 *bytes)
{
  return little16(bytes) | (guint32)bytes[2] << 16;
}

static guint32
little32(const guint8 *bytes)
{
  return little16(bytes) | little16(bytes + 2) << 16;
}

/* TIFF, and EXIF with it, has numbers of either order. */
typedef struct {
  gboolean big;
} ByteOrder;

static guint32
ordered16(ByteOrder order, const guint8 *bytes)
{
  return order.big ? big16(bytes) : little16(bytes);
}

static guint32
ordered32(ByteOrder order, const guint8 *bytes)
{
  return order.big ? big32(bytes) : little32(bytes);
}

/* FALSE when this is not how TIFF begins. */
static gboolean
read_byte_order(const guint8 *bytes, ByteOrder *order)
{
  order->big = memcmp(bytes, "MM\0*", 4) == 0;
  return order->big || memcmp(bytes, "II*\0", 4) == 0;
}

static gboolean
read_at(FILE *stream, long offset, guint8 *bytes, gsize size)
{
  return fseek(stream, offset, SEEK_SET) == 0 && fread(bytes, 1, size, stream) == size;
}

/* --- JPEG --- */

/* The value of tag 0x0112 in the first directory of EXIF data (TIFF within JPEG); 1 when there is
 * none that makes sense. */
static int
exif_orientation(const guint8 *exif, gsize size)
{
  ByteOrder order;
  if (size < 8 || !read_byte_order(exif, &order))
    return 1;
  gsize at = ordered32(order, exif + 4);
  if (at > size - 2)
    return 1;
  gsize count = ordered16(order, exif + at);
  at += 2;
  for (gsize i = 0; i < count && at + 12 <= size; i++, at += 12) {
    if (ordered16(order, exif + at) != 0x0112)
      continue;
    guint32 value = ordered16(order, exif + at + 8);
    return value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

static gboolean
is_start_of_frame(int marker)
{
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* The next marker, whatever stands before it; EOF at the end. */
static int
next_marker(FILE *stream)
{
  int byte = fgetc(stream);
  while (byte != EOF && byte != 0xff)
    byte = fgetc(stream);
  while (byte == 0xff)
    byte = fgetc(stream);
  return byte;
}

static void
read_exif(FILE *stream, gsize size, DcPictureHeader *header)
{
  g_autofree guint8 *exif = g_malloc(size);
  if (size > 6 && size <= EXIF_MOST && fread(exif, 1, size, stream) == size &&
      memcmp(exif, "Exif\0\0", 6) == 0)
    header->orientation = exif_orientation(exif + 6, size - 6);
}

static gboolean
read_jpeg(FILE *stream, DcPictureHeader *header)
{
  guint8 bytes[5];
  if (fseek(stream, 2, SEEK_SET) != 0)
    return FALSE;
  for (int i = 0; i < MOST_SEGMENTS; i++) {
    int marker = next_marker(stream);
    if (marker == EOF || marker == 0xd9 || marker == 0xda) /* end, or pixels before their size */
      return FALSE;
    if (marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8))
      continue; /* these have no length */
    long start = ftell(stream);
    if (start < 0 || fread(bytes, 1, 2, stream) != 2 || big16(bytes) < 2)
      return FALSE;
    gsize size = big16(bytes) - 2;
    if (is_start_of_frame(marker)) {
      if (fread(bytes, 1, 5, stream) != 5)
        return FALSE;
      header->height = big16(bytes + 1);
      header->width = big16(bytes + 3);
      return TRUE;
    }
    if (marker == 0xe1)
      read_exif(stream, size, header);
    if (fseek(stream, start + 2 + (long)size, SEEK_SET) != 0)
      return FALSE;
  }
  return FALSE;
}

/* --- the others --- */

static gboolean
read_webp(const guint8 *start, DcPictureHeader *header)
{
  const guint8 *chunk = start + 12, *data = start + 20;
  if (memcmp(chunk, "VP8X", 4) == 0) {
    header->width = little24(data + 4) + 1;
    header->height = little24(data + 7) + 1;
    return TRUE;
  }
  if (memcmp(chunk, "VP8L", 4) == 0 && data[0] == 0x2f) {
    guint32 bits = little32(data + 1);
    header->width = (bits & 0x3fff) + 1;
    header->height = (bits >> 14 & 0x3fff) + 1;
    return TRUE;
  }
  if (memcmp(chunk, "VP8 ", 4) == 0 && memcmp(data + 3, "\x9d\x01\x2a", 3) == 0) {
    header->width = little16(data + 6) & 0x3fff;
    header->height = little16(data + 8) & 0x3fff;
    return TRUE;
  }
  return FALSE;
}

static gboolean
read_bmp(const guint8 *start, DcPictureHeader *header)
{
  if (little32(start + 14) == 12) { /* the header of OS/2 */
    header->width = little16(start + 18);
    header->height = little16(start + 20);
    return TRUE;
  }
  guint32 height = little32(start + 22);
  header->width = little32(start + 18);
  header->height = height >> 31 ? 0 - height : height; /* negative: from top to bottom */
  return TRUE;
}

/* Reads the first directory: a file may have several pictures, of which the first is shown. */
static gboolean
read_tiff(FILE *stream, const guint8 *start, DcPictureHeader *header)
{
  ByteOrder order;
  guint8 bytes[12];
  read_byte_order(start, &order);
  if (!read_at(stream, (long)ordered32(order, start + 4), bytes, 2))
    return FALSE;
  guint32 count = MIN(ordered16(order, bytes), MOST_TAGS);
  for (guint32 i = 0; i < count && fread(bytes, 1, 12, stream) == 12; i++) {
    guint32 tag = ordered16(order, bytes);
    guint32 value = ordered16(order, bytes + 2) == 3 ? ordered16(order, bytes + 8)
                                                     : ordered32(order, bytes + 8);
    if (tag == 256)
      header->width = value;
    else if (tag == 257)
      header->height = value;
  }
  return header->width > 0 && header->height > 0;
}

static gboolean
read_header(FILE *stream, DcPictureHeader *header)
{
  ByteOrder order;
  guint8 start[START_SIZE] = {0};
  gsize size = fread(start, 1, sizeof start, stream);
  if (size < 10)
    return FALSE;
  if (start[0] == 0xff && start[1] == 0xd8)
    return read_jpeg(stream, header);
  if (memcmp(start, "GIF87a", 6) == 0 || memcmp(start, "GIF89a", 6) == 0) {
    header->width = little16(start + 6);
    header->height = little16(start + 8);
    return TRUE;
  }
  if (read_byte_order(start, &order))
    return read_tiff(stream, start, header);
  if (size < START_SIZE - 2)
    return FALSE;
  if (memcmp(start, "\x89PNG\r\n\x1a\n", 8) == 0 && memcmp(start + 12, "IHDR", 4) == 0) {
    header->width = big32(start + 16);
    header->height = big32(start + 20);
    header->png = TRUE;
    return TRUE;
  }
  if (memcmp(start, "RIFF", 4) == 0 && memcmp(start + 8, "WEBP", 4) == 0)
    return read_webp(start, header);
  return memcmp(start, "BM", 2) == 0 && read_bmp(start, header);
}

gboolean
dc_picture_header_read(const char *path, DcPictureHeader *header)
{
  *header = (DcPictureHeader){.orientation = 1};
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) /* a pipe would be waited for */
    return FALSE;
  FILE *stream = fopen(path, "rb");
  if (!stream)
    return FALSE;
  gboolean known = read_header(stream, header) && header->width > 0 && header->height > 0;
  fclose(stream);
  return known;
}
