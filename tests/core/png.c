/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "store/png.h"

#include <stdbool.h>
#include <zlib.h>

/* A PNG file put together chunk by chunk, to make kinds that dc_png_write() does not. */
typedef struct {
  uint8_t bytes[4096];
  size_t size;
} Png;

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4 };

static void
put_number(uint8_t *bytes, uint32_t number)
{
  for (int i = 0; i < 4; i++)
    bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

static void
add_chunk(Png *png, const char *type, const void *data, size_t size)
{
  uint8_t *chunk = png->bytes + png->size;
  assert_true(png->size + size + 12 <= sizeof png->bytes);
  put_number(chunk, (uint32_t)size);
  memcpy(chunk + 4, type, 4);
  if (size)
    memcpy(chunk + 8, data, size);
  put_number(chunk + 8 + size, (uint32_t)crc32(0, chunk + 4, (unsigned)size + 4));
  png->size += size + 12;
}

static void
begin(Png *png, uint32_t width, uint32_t height, uint8_t depth, uint8_t colour_type,
      bool interlaced)
{
  uint8_t header[13] = {[8] = depth, [9] = colour_type, [12] = interlaced};
  put_number(header, width);
  put_number(header + 4, height);
  memcpy(png->bytes, "\x89PNG\r\n\x1a\n", 8);
  png->size = 8;
  add_chunk(png, "IHDR", header, sizeof header);
}

/* Adds the rows, each with its filter byte, and ends and writes the file. */
static void
finish(Png *png, const char *path, const uint8_t *rows, size_t size)
{
  uint8_t packed[2048];
  uLongf packed_size = sizeof packed;
  assert_int_equal(compress(packed, &packed_size, rows, size), Z_OK);
  add_chunk(png, "IDAT", packed, packed_size);
  add_chunk(png, "IEND", NULL, 0);
  scratch_write(path, png->bytes, png->size);
}

static void
assert_pixels(const char *path, int width, int height, int channels, const uint8_t *pixels)
{
  DcPicture picture;
  DcError error = {.message = ""};
  if (dc_png_read(path, &picture, &error) != DC_OK)
    fail_msg("%s", error.message);
  assert_int_equal(picture.width, width);
  assert_int_equal(picture.height, height);
  assert_int_equal(picture.channels, channels);
  assert_memory_equal(picture.pixels, pixels, (size_t)(width * height * channels));
  dc_picture_clear(&picture);
  assert_null(picture.pixels);
}

static void
assert_refused(const char *path, DcStatus expected)
{
  DcPicture picture;
  DcError error = {.status = DC_OK};
  DcStatus status = dc_png_read(path, &picture, &error);
  if (status != expected)
    fail_msg("%s: status %d (%s) instead of %d", path, status, error.message, expected);
  assert_int_equal(error.status, expected);
  assert_non_null(strstr(error.message, path));
  assert_null(picture.pixels);
  assert_int_equal(dc_png_read(path, &picture, NULL), expected);
}

static void
what_is_written_is_read(void **state)
{
  (void)state;
  uint8_t pixels[7 * 5 * 4];
  for (size_t i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t)(i * 37);
  static const int channels[] = {1, 3, 4};
  for (size_t i = 0; i < 3; i++) {
    DcPicture picture = {.width = 7, .height = 5, .channels = channels[i], .pixels = pixels};
    assert_int_equal(dc_png_write("round.png", &picture, NULL), DC_OK);
    assert_pixels("round.png", 7, 5, channels[i], pixels);
  }
}

static void
palette_becomes_rgb(void **state)
{
  (void)state;
  static const uint8_t palette[] = {1, 2, 3, 40, 50, 60, 255, 254, 253};
  Png png;
  begin(&png, 4, 1, 2, PALETTE, false);
  add_chunk(&png, "PLTE", palette, sizeof palette);
  finish(&png, "palette.png", (const uint8_t[]){0, 0x61}, 2); /* 1 2 0 1, two bits each */
  assert_pixels("palette.png", 4, 1, 3,
                (const uint8_t[]){40, 50, 60, 255, 254, 253, 1, 2, 3, 40, 50, 60});
}

static void
transparent_palette_becomes_rgba(void **state)
{
  (void)state;
  static const uint8_t palette[] = {1, 2, 3, 40, 50, 60};
  Png png;
  begin(&png, 2, 1, 8, PALETTE, false);
  add_chunk(&png, "PLTE", palette, sizeof palette);
  add_chunk(&png, "tRNS", (const uint8_t[]){7}, 1);
  finish(&png, "transparent.png", (const uint8_t[]){0, 1, 0}, 3);
  assert_pixels("transparent.png", 2, 1, 4, (const uint8_t[]){40, 50, 60, 255, 1, 2, 3, 7});
}

static void
few_grey_bits_are_spread_over_the_range(void **state)
{
  (void)state;
  Png png;
  begin(&png, 4, 1, 2, GREY, false);
  finish(&png, "grey2.png", (const uint8_t[]){0, 0x1b}, 2); /* 0 1 2 3 */
  assert_pixels("grey2.png", 4, 1, 1, (const uint8_t[]){0, 85, 170, 255});
}

static void
sixteen_bits_are_rounded_to_eight(void **state)
{
  (void)state;
  Png png;
  begin(&png, 3, 1, 16, GREY, false);
  finish(&png, "grey16.png", (const uint8_t[]){0, 0x12, 0xff, 0x80, 0xff, 0xff, 0xff}, 7);
  /* v / 257, rounded: 0x12ff = 18.92 * 257, 0x80ff = 128.49 * 257. */
  assert_pixels("grey16.png", 3, 1, 1, (const uint8_t[]){19, 128, 255});
}

static void
grey_with_alpha_becomes_rgba(void **state)
{
  (void)state;
  Png png;
  begin(&png, 2, 1, 8, GREY_ALPHA, false);
  finish(&png, "grey-alpha.png", (const uint8_t[]){0, 10, 20, 30, 40}, 5);
  assert_pixels("grey-alpha.png", 2, 1, 4, (const uint8_t[]){10, 10, 10, 20, 30, 30, 30, 40});
}

static void
interlaced_is_put_in_order(void **state)
{
  (void)state;
  static const int start_x[] = {0, 4, 0, 2, 0, 1, 0}, step_x[] = {8, 8, 4, 4, 2, 2, 1};
  static const int start_y[] = {0, 0, 4, 0, 2, 0, 1}, step_y[] = {8, 8, 8, 4, 4, 2, 2};
  enum { WIDTH = 11, HEIGHT = 9 };
  uint8_t pixels[WIDTH * HEIGHT], rows[200];
  size_t size = 0;
  for (size_t i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t)(i * 5);
  for (int pass = 0; pass < 7; pass++)
    for (int y = start_y[pass]; y < HEIGHT; y += step_y[pass]) {
      rows[size++] = 0;
      for (int x = start_x[pass]; x < WIDTH; x += step_x[pass])
        rows[size++] = pixels[y * WIDTH + x];
    }
  Png png;
  begin(&png, WIDTH, HEIGHT, 8, GREY, true);
  finish(&png, "interlaced.png", rows, size);
  assert_pixels("interlaced.png", WIDTH, HEIGHT, 1, pixels);
}

/* A small file, and the size of it. */
static uint8_t *
small_file(size_t *size)
{
  uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  DcPicture picture = {.width = 2, .height = 2, .channels = 3, .pixels = pixels};
  assert_int_equal(dc_png_write("small.png", &picture, NULL), DC_OK);
  return scratch_read("small.png", size);
}

static void
truncated_at_every_byte_is_refused(void **state)
{
  (void)state;
  size_t size;
  uint8_t *bytes = small_file(&size);
  for (size_t kept = 0; kept < size; kept++) {
    scratch_write("cut.png", bytes, kept);
    assert_refused("cut.png", DC_ERROR_FORMAT);
  }
  free(bytes);
}

static void
assert_told(const char *name, const char *text)
{
  DcPicture picture;
  DcError error;
  assert_int_equal(dc_png_read(name, &picture, &error), DC_ERROR_FORMAT);
  assert_non_null(strstr(error.message, text));
}

/* One that has no signature is no picture that was cut off. */
static void
file_of_a_few_bytes_is_no_picture(void **state)
{
  (void)state;
  scratch_write("few.png", "\x89PNG\r\n", 6);
  assert_told("few.png", "is not a PNG file: 6 bytes");
  scratch_write("none.png", "", 0);
  assert_told("none.png", "is not a PNG file: 0 bytes");
  scratch_write("cut.png", "\x89PNG\r\n\x1a\nIHDR", 12);
  assert_told("cut.png", "ends early");
}

static void
any_damaged_byte_is_refused(void **state)
{
  (void)state;
  size_t size;
  uint8_t *bytes = small_file(&size);
  for (size_t at = 0; at < size; at++) {
    bytes[at] ^= 0x10;
    scratch_write("damaged.png", bytes, size);
    assert_refused("damaged.png", DC_ERROR_FORMAT);
    bytes[at] ^= 0x10;
  }
  free(bytes);
}

static void
foreign_files_are_refused(void **state)
{
  (void)state;
  scratch_write("jpeg.png", "\xff\xd8\xff\xe0 and so on", 14);
  assert_refused("jpeg.png", DC_ERROR_FORMAT);
  scratch_write("text.png", "this is no picture", 18);
  assert_refused("text.png", DC_ERROR_FORMAT);
}

static void
huge_sizes_are_refused_before_decoding(void **state)
{
  (void)state;
  Png png;
  begin(&png, 60000, 60000, 8, RGB, false);
  finish(&png, "huge.png", (const uint8_t[]){0}, 1);
  assert_refused("huge.png", DC_ERROR_UNSUPPORTED);
  begin(&png, 0x7fffffff, 1, 8, GREY, false);
  finish(&png, "wide.png", (const uint8_t[]){0}, 1);
  assert_refused("wide.png", DC_ERROR_FORMAT);
}

/* Within the limit, but more than so short a file can hold. */
static void
claimed_but_absent_pixels_are_refused(void **state)
{
  (void)state;
  Png png;
  begin(&png, 8000, 8000, 8, RGB, false);
  finish(&png, "claim.png", (const uint8_t[]){0}, 1);
  assert_told("claim.png", "8000 x 8000");
}

/* The most that deflate can do is not taken for a lie. */
static void
well_packed_pixels_are_read(void **state)
{
  (void)state;
  DcPicture picture = {3000, 2000, 1, calloc(3000, 2000)}, read;
  assert_non_null(picture.pixels);
  assert_int_equal(dc_png_write("black.png", &picture, NULL), DC_OK);
  assert_int_equal(dc_png_read("black.png", &read, NULL), DC_OK);
  assert_memory_equal(read.pixels, picture.pixels, 3000 * 2000);
  dc_picture_clear(&read);
  free(picture.pixels);
}

static void
impossible_headers_are_refused(void **state)
{
  (void)state;
  Png png;
  begin(&png, 0, 3, 8, GREY, false);
  finish(&png, "empty.png", (const uint8_t[]){0}, 1);
  assert_refused("empty.png", DC_ERROR_FORMAT);
  begin(&png, 3, 3, 7, GREY, false);
  finish(&png, "depth.png", (const uint8_t[]){0}, 1);
  assert_refused("depth.png", DC_ERROR_FORMAT);
  begin(&png, 1, 1, 8, PALETTE, false);
  finish(&png, "no-palette.png", (const uint8_t[]){0, 0}, 2);
  assert_refused("no-palette.png", DC_ERROR_FORMAT);
}

static void
too_few_pixels_are_refused(void **state)
{
  (void)state;
  Png png;
  begin(&png, 2, 2, 8, GREY, false);
  finish(&png, "short.png", (const uint8_t[]){0, 1, 2}, 3); /* one of two rows */
  assert_refused("short.png", DC_ERROR_FORMAT);
}

static void
what_is_no_file_is_refused(void **state)
{
  (void)state;
  assert_refused("absent.png", DC_ERROR_NOT_FOUND);
  assert_int_equal(mkdir("folder.png", 0755), 0);
  assert_refused("folder.png", DC_ERROR_IO);
  assert_int_equal(mkfifo("pipe.png", 0644), 0);
  assert_refused("pipe.png", DC_ERROR_IO);
}

static void
a_failing_disk_is_told_from_a_damaged_file(void **state)
{
  (void)state;
  if (access("/proc/self/mem", R_OK) != 0)
    skip();
  assert_refused("/proc/self/mem", DC_ERROR_IO); /* opens, but page 0 cannot be read */
}

static void
unreadable_file_is_refused(void **state)
{
  (void)state;
  size_t size;
  free(small_file(&size));
  assert_int_equal(chmod("small.png", 0), 0);
  scratch_become_nobody();
  assert_refused("small.png", DC_ERROR_IO);
  scratch_become_oneself();
}

static void
impossible_pictures_are_not_written(void **state)
{
  (void)state;
  uint8_t pixels[4] = {0};
  const DcPicture wrong[] = {
      {0, 1, 1, pixels}, {1, -1, 1, pixels}, {1, 1, 2, pixels}, {1, 1, 5, pixels}, {1, 1, 1, NULL}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_equal(dc_png_write("wrong.png", &wrong[i], NULL), DC_ERROR_ARGUMENT);
  assert_false(scratch_exists("wrong.png"));
}

static void
writing_nowhere_is_reported(void **state)
{
  (void)state;
  uint8_t pixel = 9;
  DcPicture picture = {1, 1, 1, &pixel};
  DcError error;
  assert_int_equal(dc_png_write("no/such/folder.png", &picture, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, "no/such/folder.png"));
  assert_int_equal(mkdir("occupied.png", 0755), 0);
  assert_int_equal(dc_png_write("occupied.png", &picture, NULL), DC_ERROR_IO);
  if (access("/dev/full", W_OK) == 0) {
    assert_int_equal(dc_png_write("/dev/full", &picture, NULL), DC_ERROR_IO);
    assert_true(scratch_exists("/dev/full"));
  }
}

static void
failed_writing_leaves_the_old_file_and_nothing_else(void **state)
{
  (void)state;
  uint8_t pixel = 9;
  DcPicture picture = {1, 1, 1, &pixel};
  assert_int_equal(mkdir("locked", 0777), 0);
  assert_int_equal(dc_png_write("locked/kept.png", &picture, NULL), DC_OK);
  assert_int_equal(chmod("locked", 0555), 0);
  pixel = 10;
  scratch_become_nobody();
  DcStatus status = dc_png_write("locked/kept.png", &picture, NULL);
  scratch_become_oneself();
  assert_int_equal(status, DC_ERROR_IO);
  assert_pixels("locked/kept.png", 1, 1, 1, (const uint8_t[]){9});
  assert_int_equal(chmod("locked", 0755), 0);
  assert_int_equal(unlink("locked/kept.png"), 0);
  assert_int_equal(rmdir("locked"), 0); /* fails when a temporary file is left */
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(palette_becomes_rgb),
      cmocka_unit_test(transparent_palette_becomes_rgba),
      cmocka_unit_test(few_grey_bits_are_spread_over_the_range),
      cmocka_unit_test(sixteen_bits_are_rounded_to_eight),
      cmocka_unit_test(grey_with_alpha_becomes_rgba),
      cmocka_unit_test(interlaced_is_put_in_order),
      cmocka_unit_test(truncated_at_every_byte_is_refused),
      cmocka_unit_test(file_of_a_few_bytes_is_no_picture),
      cmocka_unit_test(any_damaged_byte_is_refused),
      cmocka_unit_test(foreign_files_are_refused),
      cmocka_unit_test(huge_sizes_are_refused_before_decoding),
      cmocka_unit_test(claimed_but_absent_pixels_are_refused),
      cmocka_unit_test(well_packed_pixels_are_read),
      cmocka_unit_test(impossible_headers_are_refused),
      cmocka_unit_test(too_few_pixels_are_refused),
      cmocka_unit_test(what_is_no_file_is_refused),
      cmocka_unit_test(a_failing_disk_is_told_from_a_damaged_file),
      cmocka_unit_test(unreadable_file_is_refused),
      cmocka_unit_test(impossible_pictures_are_not_written),
      cmocka_unit_test(writing_nowhere_is_reported),
      cmocka_unit_test(failed_writing_leaves_the_old_file_and_nothing_else),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
