/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "base/memory.h"
#include "store/npy.h"

#include <stdbool.h>

/* Writes a file of version `major` with this description and data. */
static void
make_file(const char *path, int major, const char *description, const void *data, size_t size)
{
  unsigned char bytes[8192] = "\x93NUMPY";
  size_t length = strlen(description), at = 8;
  bytes[6] = (unsigned char)major;
  for (size_t i = 0; i < (major == 1 ? 2u : 4u); i++)
    bytes[at++] = (unsigned char)(length >> (8 * i));
  assert_true(at + length + size <= sizeof bytes);
  memcpy(bytes + at, description, length);
  if (size)
    memcpy(bytes + at + length, data, size);
  scratch_write(path, bytes, at + length + size);
}

static void
assert_refused(const char *path, DcStatus expected)
{
  DcNpy array;
  DcError error = {.status = DC_OK};
  DcStatus status = dc_npy_read(path, &array, &error);
  if (status != expected)
    fail_msg("%s: status %d (%s) instead of %d", path, status, error.message, expected);
  assert_int_equal(error.status, expected);
  assert_non_null(strstr(error.message, path));
  assert_null(array.data);
  assert_int_equal(dc_npy_read(path, &array, NULL), expected);
}

static void
assert_description_refused(const char *description, DcStatus expected)
{
  static const float numbers[6] = {0};
  make_file("description.npy", 1, description, numbers, sizeof numbers);
  DcNpy array;
  DcStatus status = dc_npy_read("description.npy", &array, NULL);
  if (status != expected)
    fail_msg("%s: status %d instead of %d", description, status, expected);
  assert_null(array.data);
}

/* What numpy.save() of NumPy 1.24 wrote, without the spaces that fill up to 128 bytes. */
static void
files_are_those_of_numpy(void **state)
{
  (void)state;
  float floats[6] = {1, 2, 3, 4, 5, 6};
  uint32_t labels[3] = {7, 8, 9};
  const struct {
    DcNpy array;
    const char *start;
    size_t bytes;
  } cases[] = {{{DC_NPY_F32, 2, {2, 3}, floats},
                "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                sizeof floats},
               {{DC_NPY_U32, 1, {3, 1}, labels},
                "\x93NUMPY\x01\x00v\x00{'descr': '<u4', 'fortran_order': False, 'shape': (3,), }",
                sizeof labels},
               {{DC_NPY_I64, 2, {0, 7}, NULL},
                "\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (0, 7), }",
                0}};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(dc_npy_write("numpy.npy", &cases[i].array, NULL), DC_OK);
    size_t size;
    unsigned char *bytes = scratch_read("numpy.npy", &size);
    assert_int_equal(size, 128 + cases[i].bytes);
    size_t start = 10 + strlen(cases[i].start + 10);
    assert_memory_equal(bytes, cases[i].start, start);
    for (size_t at = start; at < 127; at++)
      assert_int_equal(bytes[at], ' ');
    assert_int_equal(bytes[127], '\n');
    assert_memory_equal(bytes + 128, cases[i].array.data, cases[i].bytes);
    free(bytes);
  }
}

static void
every_type_is_read_as_written(void **state)
{
  (void)state;
  union {
    uint8_t bytes[6 * 8];
    double aligned;
  } data;
  for (size_t i = 0; i < sizeof data.bytes; i++)
    data.bytes[i] = (uint8_t)(i * 41 % 64); /* numbers, whatever the type */
  for (DcNpyType type = DC_NPY_F32; type <= DC_NPY_I64; type++)
    for (size_t rank = 1; rank <= 2; rank++) {
      DcNpy array = {type, rank, {rank == 1 ? 6 : 2, rank == 1 ? 1 : 3}, data.bytes}, read;
      assert_int_equal(dc_npy_write("types.npy", &array, NULL), DC_OK);
      assert_int_equal(dc_npy_read("types.npy", &read, NULL), DC_OK);
      assert_int_equal(read.type, type);
      assert_int_equal(read.rank, rank);
      assert_memory_equal(read.shape, array.shape, sizeof array.shape);
      assert_memory_equal(read.data, data.bytes, 6 * dc_npy_type_size(type));
      assert_int_equal((uintptr_t)read.data % DC_ALIGNMENT, 0);
      dc_npy_clear(&read);
      assert_null(read.data);
    }
}

/* NumPy writes one form; others of the same meaning are valid too, in all versions of the format.
 */
static void
other_forms_of_the_header_are_read(void **state)
{
  (void)state;
  static const char *const forms[] = {
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
      "{\"shape\":(2,3,),\"fortran_order\":False,\"descr\":\"<f4\"}",
      "  { 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 2 , 3 ) }\n",
  };
  static const float numbers[6] = {1, -2, 3.5f, 4, 5, 6};
  for (int major = 1; major <= 3; major++)
    for (size_t i = 0; i < 3; i++) {
      make_file("form.npy", major, forms[i], numbers, sizeof numbers);
      DcNpy array;
      assert_int_equal(dc_npy_read("form.npy", &array, NULL), DC_OK);
      assert_int_equal(array.shape[0], 2);
      assert_int_equal(array.shape[1], 3);
      assert_memory_equal(array.data, numbers, sizeof numbers);
      dc_npy_clear(&array);
    }
}

static void
no_rows_are_a_valid_array(void **state)
{
  (void)state;
  DcNpy empty = {DC_NPY_F32, 2, {0, 64}, NULL}, read;
  assert_int_equal(dc_npy_write("empty.npy", &empty, NULL), DC_OK);
  assert_int_equal(dc_npy_read("empty.npy", &read, NULL), DC_OK);
  assert_int_equal(read.shape[0], 0);
  assert_int_equal(read.shape[1], 64);
  dc_npy_clear(&read);
}

static void
truncated_at_every_byte_is_refused(void **state)
{
  (void)state;
  float numbers[4] = {1, 2, 3, 4};
  DcNpy array = {DC_NPY_F32, 2, {2, 2}, numbers};
  assert_int_equal(dc_npy_write("cut.npy", &array, NULL), DC_OK);
  size_t size;
  unsigned char *bytes = scratch_read("cut.npy", &size);
  for (size_t kept = 0; kept < size; kept++) {
    scratch_write("cut.npy", bytes, kept);
    assert_refused("cut.npy", DC_ERROR_FORMAT);
  }
  free(bytes);
}

static void
bytes_beyond_the_data_are_refused(void **state)
{
  (void)state;
  static const float numbers[7] = {0};
  make_file("longer.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", numbers,
            sizeof numbers);
  assert_refused("longer.npy", DC_ERROR_FORMAT);
}

static void
foreign_files_and_versions_are_refused(void **state)
{
  (void)state;
  scratch_write("zip.npy", "PK\x03\x04 is how .npz files begin", 26);
  assert_refused("zip.npy", DC_ERROR_FORMAT);
  scratch_write("text.npy", "1,2,3\n4,5,6\n", 12);
  assert_refused("text.npy", DC_ERROR_FORMAT);
  scratch_write("version.npy", "\x93NUMPY\x04\x00v\x00{'descr'", 18);
  assert_refused("version.npy", DC_ERROR_VERSION);
  scratch_write("version.npy", "\x93NUMPY\x01\x01v\x00{'descr'", 18);
  assert_refused("version.npy", DC_ERROR_VERSION);
}

static void
damaged_descriptions_are_refused(void **state)
{
  (void)state;
  static const char *const damaged[] = {
      "",
      "{",
      "{}",
      "('descr', '<f4')",
      "{'descr': '<f4', 'fortran_order': False}",
      "{'descr': '<f4', 'shape': (2, 3)}",
      "{'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} more",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
      "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr' '<f4', 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<\n4', 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<\377f4', 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': <f4, 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<f4 but with far too long a name', 'fortran_order': False, 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': 6}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0x3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}",
  };
  for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++)
    assert_description_refused(damaged[i], DC_ERROR_FORMAT);
}

static void
a_zero_byte_in_the_header_is_refused(void **state)
{
  (void)state;
  static const float numbers[6] = {0};
  make_file("zero.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  ", numbers,
            sizeof numbers);
  size_t size;
  unsigned char *bytes = scratch_read("zero.npy", &size);
  bytes[size - sizeof numbers - 1] = 0;
  scratch_write("zero.npy", bytes, size);
  assert_refused("zero.npy", DC_ERROR_FORMAT);
  free(bytes);
}

static void
huge_sizes_are_refused(void **state)
{
  (void)state;
  static const char *const huge[] = {
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 128)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616, 1)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999999, 1)}"};
  for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++)
    assert_description_refused(huge[i], DC_ERROR_FORMAT);
  scratch_write("header.npy", "\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'", 20);
  assert_refused("header.npy", DC_ERROR_FORMAT);
}

static void
other_types_orders_and_ranks_are_named(void **state)
{
  (void)state;
  static const char *const types[] = {">f4", "<f2", "<i4", "|b1", "|O", "<U5", "=f4", "float32"};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    char description[128];
    snprintf(description, sizeof description,
             "{'descr': '%s', 'fortran_order': False, 'shape': (2, 3)}", types[i]);
    make_file("type.npy", 1, description, NULL, 0);
    DcNpy array;
    DcError error;
    assert_int_equal(dc_npy_read("type.npy", &array, &error), DC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, types[i]));
  }
  assert_description_refused("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}",
                             DC_ERROR_UNSUPPORTED);
  assert_description_refused("{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
                             DC_ERROR_UNSUPPORTED);
  assert_description_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3)}",
                             DC_ERROR_UNSUPPORTED);
}

static void
what_is_no_file_is_refused(void **state)
{
  (void)state;
  assert_refused("absent.npy", DC_ERROR_NOT_FOUND);
  assert_int_equal(mkdir("folder.npy", 0755), 0);
  assert_refused("folder.npy", DC_ERROR_IO);
  if (access("/proc/self/mem", R_OK) == 0)
    assert_refused("/proc/self/mem", DC_ERROR_IO);
}

static void
files_are_read_piece_by_piece(void **state)
{
  (void)state;
  const double numbers[6] = {1, 2, 3, 4, 5, 6};
  DcNpy array = {DC_NPY_F64, 2, {3, 2}, (void *)numbers};
  assert_int_equal(dc_npy_write("pieces.npy", &array, NULL), DC_OK);
  DcNpyReader reader;
  assert_int_equal(dc_npy_open(&reader, "pieces.npy", NULL), DC_OK);
  assert_int_equal(reader.type, DC_NPY_F64);
  assert_int_equal(reader.rank, 2);
  assert_int_equal(reader.shape[0], 3);
  assert_int_equal(reader.shape[1], 2);
  double read[6] = {0};
  assert_int_equal(dc_npy_next(&reader, read, 1, NULL), DC_OK);
  assert_int_equal(dc_npy_next(&reader, read + 1, 0, NULL), DC_OK);
  assert_int_equal(dc_npy_next(&reader, read + 1, 5, NULL), DC_OK);
  assert_memory_equal(read, numbers, sizeof numbers);
  assert_int_equal(dc_npy_next(&reader, read, 1, NULL), DC_ERROR_FORMAT);
  dc_npy_close(&reader);
  assert_null(reader.stream);
  dc_npy_close(&reader);
}

static void
what_cannot_be_read_is_not_opened(void **state)
{
  (void)state;
  static const char *const names[] = {"absent.npy", "foreign.npy"};
  const DcStatus refusals[] = {DC_ERROR_NOT_FOUND, DC_ERROR_FORMAT};
  scratch_write("foreign.npy", "this is no array", 16);
  for (size_t i = 0; i < 2; i++) {
    DcNpyReader reader;
    DcError error;
    assert_int_equal(dc_npy_open(&reader, names[i], &error), refusals[i]);
    assert_non_null(strstr(error.message, names[i]));
    assert_null(reader.stream);
    dc_npy_close(&reader);
  }
}

static void
impossible_arrays_are_not_written(void **state)
{
  (void)state;
  float number = 1;
  const DcNpy wrong[] = {{(DcNpyType)9, 1, {1, 1}, &number},
                         {DC_NPY_F32, 0, {1, 1}, &number},
                         {DC_NPY_F32, 3, {1, 1}, &number},
                         {DC_NPY_F32, 1, {1, 2}, &number},
                         {DC_NPY_F32, 2, {SIZE_MAX, 2}, &number},
                         {DC_NPY_F64, 1, {SIZE_MAX / 2, 1}, &number},
                         {DC_NPY_F32, 1, {1, 1}, NULL}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_equal(dc_npy_write("wrong.npy", &wrong[i], NULL), DC_ERROR_ARGUMENT);
  assert_false(scratch_exists("wrong.npy"));
}

static void
failed_writing_is_reported(void **state)
{
  (void)state;
  float numbers[2] = {1, 2};
  DcNpy array = {DC_NPY_F32, 1, {2, 1}, numbers};
  DcError error;
  assert_int_equal(dc_npy_write("no/folder.npy", &array, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, "no/folder.npy"));
  if (access("/dev/full", W_OK) == 0)
    assert_int_equal(dc_npy_write("/dev/full", &array, NULL), DC_ERROR_IO);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_are_those_of_numpy),
      cmocka_unit_test(every_type_is_read_as_written),
      cmocka_unit_test(other_forms_of_the_header_are_read),
      cmocka_unit_test(no_rows_are_a_valid_array),
      cmocka_unit_test(truncated_at_every_byte_is_refused),
      cmocka_unit_test(bytes_beyond_the_data_are_refused),
      cmocka_unit_test(foreign_files_and_versions_are_refused),
      cmocka_unit_test(damaged_descriptions_are_refused),
      cmocka_unit_test(a_zero_byte_in_the_header_is_refused),
      cmocka_unit_test(huge_sizes_are_refused),
      cmocka_unit_test(other_types_orders_and_ranks_are_named),
      cmocka_unit_test(what_is_no_file_is_refused),
      cmocka_unit_test(files_are_read_piece_by_piece),
      cmocka_unit_test(what_cannot_be_read_is_not_opened),
      cmocka_unit_test(impossible_arrays_are_not_written),
      cmocka_unit_test(failed_writing_is_reported),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
