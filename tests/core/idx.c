/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "store/idx.h"

#include <zlib.h>

static void
assert_refused(const char *path, DcStatus expected)
{
  DcIdx idx;
  DcError error = {.status = DC_OK};
  DcStatus status = dc_idx_read(path, &idx, &error);
  if (status != expected)
    fail_msg("%s: status %d (%s) instead of %d", path, status, error.message, expected);
  assert_int_equal(error.status, expected);
  assert_non_null(strstr(error.message, path));
  assert_null(idx.data);
  assert_int_equal(dc_idx_read(path, &idx, NULL), expected);
}

static const char *const NAMES[] = {"data-idx", "data-idx.gz"};

static void
every_rank_is_read_as_written(void **state)
{
  (void)state;
  uint8_t data[2 * 3 * 4 * 5];
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * 31);
  const size_t shape[] = {2, 3, 4, 5};
  size_t size = 1;
  for (size_t rank = 1; rank <= 4; rank++) {
    size *= shape[rank - 1];
    for (size_t i = 0; i < 2; i++) {
      assert_int_equal(dc_idx_write(NAMES[i], shape, rank, data, NULL), DC_OK);
      DcIdx idx;
      assert_int_equal(dc_idx_read(NAMES[i], &idx, NULL), DC_OK);
      assert_int_equal(idx.rank, rank);
      assert_memory_equal(idx.shape, shape, rank * sizeof shape[0]);
      assert_int_equal(idx.size, size);
      assert_memory_equal(idx.data, data, size);
      dc_idx_clear(&idx);
      assert_null(idx.data);
    }
  }
}

static void
bytes_are_those_of_the_format(void **state)
{
  (void)state;
  static const uint8_t expected[] = {0, 0, 8, 2, 0, 0, 1, 2, 0, 0, 0, 1};
  uint8_t data[0x102] = {5, 6};
  assert_int_equal(dc_idx_write("exact", (const size_t[]){0x102, 1}, 2, data, NULL), DC_OK);
  size_t size;
  uint8_t *bytes = scratch_read("exact", &size);
  assert_int_equal(size, sizeof expected + sizeof data);
  assert_memory_equal(bytes, expected, sizeof expected);
  assert_memory_equal(bytes + sizeof expected, data, sizeof data);
  free(bytes);
}

static void
compressed_only_where_the_name_says_so(void **state)
{
  (void)state;
  uint8_t data[10000] = {0};
  size_t size;
  assert_int_equal(dc_idx_write("zeros.gz", (const size_t[]){10000}, 1, data, NULL), DC_OK);
  uint8_t *bytes = scratch_read("zeros.gz", &size);
  assert_true(size < 100);
  assert_memory_equal(bytes, "\x1f\x8b", 2);
  free(bytes);
}

/* Past the first step of memory, so that growing is seen too. */
static void
many_bytes_are_read_whole(void **state)
{
  (void)state;
  size_t size = ((size_t)5 << 20) + 3;
  uint8_t *data = malloc(size);
  assert_non_null(data);
  for (size_t i = 0; i < size; i++)
    data[i] = (uint8_t)(i ^ (i >> 8) ^ (i >> 16));
  assert_int_equal(dc_idx_write("many", &size, 1, data, NULL), DC_OK);
  DcIdx idx;
  assert_int_equal(dc_idx_read("many", &idx, NULL), DC_OK);
  assert_int_equal(idx.size, size);
  assert_memory_equal(idx.data, data, size);
  dc_idx_clear(&idx);
  free(data);
}

static void
no_items_are_a_valid_file(void **state)
{
  (void)state;
  uint8_t none = 0;
  assert_int_equal(dc_idx_write("none", (const size_t[]){0, 28, 28}, 3, &none, NULL), DC_OK);
  DcIdx idx;
  assert_int_equal(dc_idx_read("none", &idx, NULL), DC_OK);
  assert_int_equal(idx.size, 0);
  assert_int_equal(idx.shape[1], 28);
  dc_idx_clear(&idx);
}

static void
truncated_at_every_byte_is_refused(void **state)
{
  (void)state;
  uint8_t data[] = {9, 8, 7, 6, 5, 4};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(dc_idx_write(NAMES[i], (const size_t[]){2, 3}, 2, data, NULL), DC_OK);
    size_t size;
    uint8_t *bytes = scratch_read(NAMES[i], &size);
    for (size_t kept = 0; kept < size; kept++) {
      scratch_write(NAMES[i], bytes, kept);
      assert_refused(NAMES[i], DC_ERROR_FORMAT);
    }
    free(bytes);
  }
}

/* Every byte from the compressed data to the end is covered by zlib's checks, but for the bits that
 * fill up the last byte of the compressed data, before 8 bytes of checksum and length. */
static void
damaged_gzip_data_are_refused(void **state)
{
  (void)state;
  enum { GZIP_HEADER = 10 };
  uint8_t data[300];
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * i);
  assert_int_equal(dc_idx_write("damaged.gz", (const size_t[]){300}, 1, data, NULL), DC_OK);
  size_t size;
  uint8_t *bytes = scratch_read("damaged.gz", &size);
  for (size_t at = GZIP_HEADER; at < size; at++) {
    if (at == size - 9)
      continue;
    bytes[at] ^= 0x5a;
    scratch_write("damaged.gz", bytes, size);
    DcIdx idx;
    assert_int_not_equal(dc_idx_read("damaged.gz", &idx, NULL), DC_OK);
    assert_null(idx.data);
    bytes[at] ^= 0x5a;
  }
  free(bytes);
}

static void
foreign_files_are_refused(void **state)
{
  (void)state;
  scratch_write("png", "\x89PNG\r\n\x1a\n and more", 17);
  assert_refused("png", DC_ERROR_FORMAT);
  scratch_write("zip", "PK\x03\x04 and more", 13);
  assert_refused("zip", DC_ERROR_FORMAT);
}

static void
other_types_and_ranks_are_named(void **state)
{
  (void)state;
  static const uint8_t floats[] = {0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0};
  static const uint8_t scalar[] = {0, 0, 8, 0, 7};
  static const uint8_t deep[4 + 4 * 5 + 1] = {0, 0, 8, 5, 0, 0, 0, 1, 0, 0, 0, 1,
                                              0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  scratch_write("floats", floats, sizeof floats);
  assert_refused("floats", DC_ERROR_UNSUPPORTED);
  scratch_write("scalar", scalar, sizeof scalar);
  assert_refused("scalar", DC_ERROR_UNSUPPORTED);
  scratch_write("deep", deep, sizeof deep);
  assert_refused("deep", DC_ERROR_UNSUPPORTED);
}

static void
huge_sizes_are_refused(void **state)
{
  (void)state;
  static const uint8_t three_gib[] = {0, 0, 8, 1, 0xc0, 0, 0, 0, 1, 2, 3};
  static const uint8_t overflow[] = {0,    0,    8,    4,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  scratch_write("three-gib", three_gib, sizeof three_gib);
  assert_refused("three-gib", DC_ERROR_UNSUPPORTED);
  scratch_write("overflow", overflow, sizeof overflow);
  assert_refused("overflow", DC_ERROR_UNSUPPORTED);
}

/* Within the limit, but a lie: refused at the end of the file, before 2 GiB are taken. */
static void
claimed_but_absent_data_are_refused(void **state)
{
  (void)state;
  static const uint8_t claim[] = {0, 0, 8, 1, 0x80, 0, 0, 0, 1, 2, 3};
  scratch_write("claim", claim, sizeof claim);
  assert_refused("claim", DC_ERROR_FORMAT);
}

static void
more_data_than_claimed_are_refused(void **state)
{
  (void)state;
  static const uint8_t longer[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3};
  scratch_write("longer", longer, sizeof longer);
  assert_refused("longer", DC_ERROR_FORMAT);
  gzFile gz = gzopen("longer.gz", "wb");
  assert_int_equal(gzwrite(gz, longer, sizeof longer), sizeof longer);
  assert_int_equal(gzclose(gz), Z_OK);
  assert_refused("longer.gz", DC_ERROR_FORMAT);
}

static void
what_is_no_file_is_refused(void **state)
{
  (void)state;
  assert_refused("absent", DC_ERROR_NOT_FOUND);
  assert_int_equal(mkdir("folder", 0755), 0);
  assert_refused("folder", DC_ERROR_IO);
  if (access("/proc/self/mem", R_OK) == 0)
    assert_refused("/proc/self/mem", DC_ERROR_IO);
}

static void
files_are_read_piece_by_piece(void **state)
{
  (void)state;
  const uint8_t data[6] = {1, 2, 3, 4, 5, 6};
  static const char *const names[] = {"pieces", "pieces.gz"};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(dc_idx_write(names[i], (size_t[]){3, 2}, 2, data, NULL), DC_OK);
    DcIdxReader *reader;
    size_t rank, shape[4];
    uint8_t read[6] = {0};
    assert_int_equal(dc_idx_open(names[i], &reader, &rank, shape, NULL), DC_OK);
    assert_int_equal(rank, 2);
    assert_int_equal(shape[0], 3);
    assert_int_equal(shape[1], 2);
    assert_int_equal(dc_idx_next(reader, read, 1, NULL), DC_OK);
    assert_int_equal(dc_idx_next(reader, read + 1, 0, NULL), DC_OK);
    assert_int_equal(dc_idx_next(reader, read + 1, 5, NULL), DC_OK);
    assert_memory_equal(read, data, sizeof data);
    dc_idx_close(reader);
  }
  dc_idx_close(NULL);
}

/* Damage shows in the piece that it is in, and what follows the data with the last piece. */
static void
damage_is_found_piece_by_piece(void **state)
{
  (void)state;
  static const uint8_t cut[] = {0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3};
  static const uint8_t longer[] = {0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4, 5};
  scratch_write("cut", cut, sizeof cut);
  scratch_write("longer", longer, sizeof longer);
  static const char *const names[] = {"cut", "longer"};
  for (size_t i = 0; i < 2; i++) {
    DcIdxReader *reader;
    size_t rank, shape[4];
    uint8_t read[4];
    DcError error;
    assert_int_equal(dc_idx_open(names[i], &reader, &rank, shape, NULL), DC_OK);
    assert_int_equal(dc_idx_next(reader, read, 2, NULL), DC_OK);
    assert_int_equal(dc_idx_next(reader, read, 2, &error), DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, names[i]));
    dc_idx_close(reader);
  }
  DcIdxReader *reader;
  size_t rank, shape[4];
  assert_int_equal(dc_idx_open("absent", &reader, &rank, shape, NULL), DC_ERROR_NOT_FOUND);
  assert_null(reader);
}

static void
impossible_shapes_are_not_written(void **state)
{
  (void)state;
  uint8_t data = 0;
  const size_t wide[] = {1, 1, 1, 1, 1}, large[] = {3u << 30},
               overflow[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX}, beyond[] = {(size_t)1 << 32, 0};
  assert_int_equal(dc_idx_write("wrong", wide, 0, &data, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_idx_write("wrong", wide, 5, &data, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_idx_write("wrong", large, 1, &data, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_idx_write("wrong", overflow, 3, &data, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_idx_write("wrong", beyond, 2, &data, NULL), DC_ERROR_ARGUMENT);
  assert_false(scratch_exists("wrong"));
}

static void
failed_writing_is_reported(void **state)
{
  (void)state;
  uint8_t data[100000];
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * 7919 >> 3);
  const size_t shape[] = {sizeof data};
  DcError error;
  assert_int_equal(dc_idx_write("no/folder", shape, 1, data, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, "no/folder"));
  if (access("/dev/full", W_OK) == 0)
    assert_int_equal(dc_idx_write("/dev/full", shape, 1, data, NULL), DC_ERROR_IO);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_rank_is_read_as_written),
      cmocka_unit_test(bytes_are_those_of_the_format),
      cmocka_unit_test(compressed_only_where_the_name_says_so),
      cmocka_unit_test(many_bytes_are_read_whole),
      cmocka_unit_test(no_items_are_a_valid_file),
      cmocka_unit_test(truncated_at_every_byte_is_refused),
      cmocka_unit_test(damaged_gzip_data_are_refused),
      cmocka_unit_test(foreign_files_are_refused),
      cmocka_unit_test(other_types_and_ranks_are_named),
      cmocka_unit_test(huge_sizes_are_refused),
      cmocka_unit_test(claimed_but_absent_data_are_refused),
      cmocka_unit_test(more_data_than_claimed_are_refused),
      cmocka_unit_test(what_is_no_file_is_refused),
      cmocka_unit_test(files_are_read_piece_by_piece),
      cmocka_unit_test(damage_is_found_piece_by_piece),
      cmocka_unit_test(impossible_shapes_are_not_written),
      cmocka_unit_test(failed_writing_is_reported),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
