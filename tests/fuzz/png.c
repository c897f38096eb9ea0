/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "store/png.h"

#include <zlib.h>

static void
check_read(const uint8_t *bytes, size_t size)
{
  DcPicture picture;
  DcError error = {.status = DC_OK};
  FuzzFile file = fuzz_file_open(bytes, size);
  DcStatus status = dc_png_read(file.path, &picture, &error);
  fuzz_file_close(&file);
  if (status != DC_OK) {
    fuzz_promise_error(status, &error);
    fuzz_promise(picture.pixels == NULL);
    return;
  }
  fuzz_promise(picture.width > 0 && picture.height > 0);
  fuzz_promise((uint64_t)picture.width * (uint64_t)picture.height <= DC_PNG_MAX_PIXELS);
  fuzz_promise(picture.channels == 1 || picture.channels == 3 || picture.channels == 4);
  /* All pixels are there, which the address sanitizer sees. */
  size_t count = (size_t)picture.width * (size_t)picture.height * (size_t)picture.channels;
  unsigned sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += picture.pixels[i];
  fuzz_promise(sum <= 255 * count);
  dc_picture_clear(&picture);
}

static uint32_t
number_at(const uint8_t *bytes)
{
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Makes the checksums right again, so that damage gets past them. */
static void
repair(uint8_t *bytes, size_t size)
{
  size_t at = 8;
  while (at + 12 <= size) {
    size_t length = number_at(bytes + at);
    if (length > size - at - 12)
      return;
    uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, (unsigned)length + 4);
    for (size_t i = 0; i < 4; i++)
      bytes[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
    at += length + 12;
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  check_read(bytes, size);
  uint8_t *repaired = malloc(size + 1);
  fuzz_promise(repaired != NULL);
  if (size)
    memcpy(repaired, bytes, size);
  repair(repaired, size);
  check_read(repaired, size);
  free(repaired);
  return 0;
}

int
fuzz_write_seed(size_t index, const char *path)
{
  static const int channels[] = {1, 3, 4};
  uint8_t pixels[9 * 7 * 4];
  if (index >= 3)
    return 0;
  for (size_t i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t)(i * i);
  DcPicture picture = {9, 7, channels[index], pixels};
  fuzz_promise(dc_png_write(path, &picture, NULL) == DC_OK);
  return 1;
}
