/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "store/safetensors.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t
files_in_folder(const char *path)
{
  GDir *dir = g_dir_open(path, 0, NULL);
  size_t count = 0;
  while (g_dir_read_name(dir))
    count++;
  g_dir_close(dir);
  return count;
}

/* Length, header text and data as they stand in a file. */
static GByteArray *
file_of(const char *header, const void *data, size_t size)
{
  GByteArray *bytes = g_byte_array_new();
  uint64_t length = strlen(header);
  g_byte_array_append(bytes, (const guint8 *)&length, 8);
  g_byte_array_append(bytes, (const guint8 *)header, (guint)length);
  g_byte_array_append(bytes, data, (guint)size);
  return bytes;
}

static DcStatus
parse_header(const char *header, size_t data_size, DcError *error)
{
  g_autofree guint8 *data = g_malloc0(data_size + 1);
  g_autoptr(GByteArray) bytes = file_of(header, data, data_size);
  DcTensorFile *file;
  DcStatus status = dc_tensor_file_parse(bytes->data, bytes->len, "test.safetensors", &file, error);
  assert_true((status == DC_OK) == (file != NULL));
  dc_tensor_file_free(file);
  return status;
}

/* A header that must be refused with `status` and a message that has `part` in it. */
static void
assert_refused(const char *header, size_t data_size, DcStatus status, const char *part)
{
  DcError error = {0};
  DcStatus got = parse_header(header, data_size, &error);
  if (got != status || !strstr(error.message, part))
    fail_msg("%s\ngave %d \"%s\", not %d \"...%s...\"", header, got, error.message, status, part);
  assert_non_null(strstr(error.message, "test.safetensors"));
}

static const float floats[6] = {1, -2.5f, 3, 4, 5, 6e-20f};
static const double doubles[2] = {1e300, -1};
static const int64_t integers[1] = {INT64_MIN};
static const uint8_t bytes3[3] = {0, 128, 255};
static const char *const metadata[] = {"format", "test", "quote\"\n", "gr\xc3\xbc\xc3\x9f\\e"};

static size_t
some_tensors(DcTensor tensors[5])
{
  tensors[0] = (DcTensor){"bytes", DC_TENSOR_U8, 1, {3}, bytes3, 3};
  tensors[1] = (DcTensor){"floats", DC_TENSOR_F32, 2, {2, 3}, floats, sizeof floats};
  tensors[2] = (DcTensor){"none", DC_TENSOR_F32, 2, {0, 7}, NULL, 0};
  tensors[3] = (DcTensor){"doubles", DC_TENSOR_F64, 1, {2}, doubles, sizeof doubles};
  tensors[4] = (DcTensor){"scalar", DC_TENSOR_I64, 0, {0}, integers, sizeof integers};
  return 5;
}

static void
write_some(const char *path, int keep_previous)
{
  DcTensor tensors[5];
  DcError error = {0};
  DcStatus status = dc_tensor_file_write(path, tensors, some_tensors(tensors), metadata, 2,
                                         keep_previous, &error);
  if (status)
    fail_msg("%s", error.message);
}

static void
what_was_written_is_read(void **state)
{
  (void)state;
  const char *path = "round";
  write_some(path, 0);
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  DcTensor tensors[5];
  size_t n = some_tensors(tensors);
  assert_int_equal(dc_tensor_file_count(file), n);
  for (size_t i = 0; i < n; i++) {
    const DcTensor *tensor = dc_tensor_file_find(file, tensors[i].name);
    assert_non_null(tensor);
    assert_int_equal(tensor->type, tensors[i].type);
    assert_int_equal(tensor->rank, tensors[i].rank);
    assert_memory_equal(tensor->shape, tensors[i].shape, tensors[i].rank * sizeof(size_t));
    assert_int_equal(tensor->bytes, tensors[i].bytes);
    assert_int_equal((uintptr_t)tensor->data % 8, 0);
    if (tensor->bytes)
      assert_memory_equal(tensor->data, tensors[i].data, tensor->bytes);
  }
  assert_string_equal(dc_tensor_file_metadata(file, "format"), "test");
  assert_string_equal(dc_tensor_file_metadata(file, "quote\"\n"), "gr\xc3\xbc\xc3\x9f\\e");
  assert_null(dc_tensor_file_metadata(file, "absent"));
  assert_null(dc_tensor_file_find(file, "absent"));
  assert_null(dc_tensor_file_find(file, "__metadata__"));
  dc_tensor_file_free(file);
}

static void
bytes_are_those_of_the_format(void **state)
{
  (void)state;
  const char *path = "exact";
  g_autofree char *got = NULL;
  const DcTensor tensors[] = {{"b", DC_TENSOR_U8, 1, {3}, bytes3, 3},
                              {"a", DC_TENSOR_F32, 1, {2}, floats, 8}};
  const char *const pair[] = {"k", "v"};
  assert_int_equal(dc_tensor_file_write(path, tensors, 2, pair, 1, 0, NULL), DC_OK);
  const char header[] = "{\"__metadata__\":{\"k\":\"v\"},"
                        "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]}}";
  gsize size;
  assert_true(g_file_get_contents(path, &got, &size, NULL));
  uint64_t length;
  memcpy(&length, got, 8);
  assert_int_equal(length % 8, 0);
  assert_in_range(length, strlen(header), strlen(header) + 7);
  assert_memory_equal(got + 8, header, strlen(header));
  for (size_t i = strlen(header); i < length; i++)
    assert_int_equal(got[8 + i], ' ');
  assert_int_equal(size, 8 + length + 11);
  assert_memory_equal(got + 8 + length, floats, 8);
  assert_memory_equal(got + 16 + length, bytes3, 3);
}

static void
foreign_layout_is_read(void **state)
{
  (void)state;
  /* Data order other than the names', odd start, spaces: as other writers do. */
  const char header[] = " { \"z\" : {\"data_offsets\":[0,3], \"dtype\":\"U8\",\"shape\":[3]} ,\n"
                        "\"a\":{\"shape\":[1,1],\"dtype\":\"F32\",\"data_offsets\":[3,7]}}   ";
  uint8_t data[7] = {1, 2, 3};
  memcpy(data + 3, floats + 1, 4);
  g_autoptr(GByteArray) bytes = file_of(header, data, sizeof data);
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_parse(bytes->data, bytes->len, "x", &file, NULL), DC_OK);
  const DcTensor *tensor = dc_tensor_file_find(file, "a");
  assert_int_equal((uintptr_t)tensor->data % 4, 0);
  assert_true(*(const float *)tensor->data == -2.5f);
  assert_string_equal(dc_tensor_file_at(file, 1)->name, "z");
  assert_memory_equal(dc_tensor_file_at(file, 1)->data, "\1\2\3", 3);
  dc_tensor_file_free(file);
}

static void
need_names_what_is_there(void **state)
{
  (void)state;
  const char *path = "need";
  write_some(path, 0);
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  const DcTensor *tensor;
  DcError error;
  assert_int_equal(dc_tensor_file_need(file, "floats", DC_TENSOR_F32, 2, (size_t[]){0, 3}, &tensor,
                                       &error),
                   DC_OK);
  assert_int_equal(tensor->shape[0], 2);
  assert_int_equal(dc_tensor_file_need(file, "floats", DC_TENSOR_F32, 2, (size_t[]){0, 4}, &tensor,
                                       &error),
                   DC_ERROR_SHAPE);
  assert_null(tensor);
  assert_non_null(strstr(error.message, "need: tensor \"floats\" is F32 [2, 3]; F32 [any, 4]"));
  assert_int_equal(dc_tensor_file_need(file, "floats", DC_TENSOR_F32, 1, (size_t[]){6}, &tensor,
                                       &error),
                   DC_ERROR_SHAPE);
  assert_int_equal(dc_tensor_file_need(file, "bytes", DC_TENSOR_F32, 1, (size_t[]){3}, &tensor,
                                       &error),
                   DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "is U8 [3]; F32 [3]"));
  assert_int_equal(dc_tensor_file_need(file, "gone", DC_TENSOR_F32, 1, (size_t[]){3}, &tensor,
                                       &error),
                   DC_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, "no tensor \"gone\""));
  dc_tensor_file_free(file);
}

#define F32(shape, begin, end)                                                                     \
  "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void
hostile_headers_are_refused(void **state)
{
  (void)state;
  const struct {
    const char *header;
    size_t data;
    DcStatus status;
    const char *part;
  } cases[] = {
      {"", 0, DC_ERROR_FORMAT, "not an object"},
      {"[]", 0, DC_ERROR_FORMAT, "not an object"},
      {"{", 0, DC_ERROR_FORMAT, "JSON"},
      {"{\"a\":" F32("[1]", "0", "4") "} x", 4, DC_ERROR_FORMAT, "JSON"},
      {"/* */{\"a\":" F32("[1]", "0", "4") "}", 4, DC_ERROR_FORMAT, "JSON"},
      {"{\"a\":" F32("[01]", "0", "4") "}", 4, DC_ERROR_FORMAT, "JSON"},
      {"{\"a\":" F32("[0x1]", "0", "4") "}", 4, DC_ERROR_FORMAT, "JSON"},
      {"{\"a\":\"\xff\"}", 0, DC_ERROR_FORMAT, "UTF-8"},
      {"{\"a\":3}", 0, DC_ERROR_FORMAT, "\"a\""},
      {"{\"a\":{}}", 0, DC_ERROR_FORMAT, "dtype"},
      {"{\"a\":{\"dtype\":3}}", 0, DC_ERROR_FORMAT, "dtype"},
      {"{\"a\":{\"dtype\":\"F32\"}}", 0, DC_ERROR_FORMAT, "shape"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, DC_ERROR_FORMAT, "data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, DC_ERROR_FORMAT,
       "two numbers"},
      {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, DC_ERROR_UNSUPPORTED,
       "\"BF16\"; this build reads F32"},
      {"{\"a\":" F32("[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, DC_ERROR_UNSUPPORTED, "rank 9"},
      {"{\"a\":" F32("[-1]", "0", "4") "}", 4, DC_ERROR_FORMAT, "whole number"},
      {"{\"a\":" F32("[1.0]", "0", "4") "}", 4, DC_ERROR_FORMAT, "whole number"},
      {"{\"a\":" F32("[\"1\"]", "0", "4") "}", 4, DC_ERROR_FORMAT, "whole number"},
      {"{\"a\":" F32("[1]", "-4", "0") "}", 4, DC_ERROR_FORMAT, "whole number"},
      {"{\"a\":" F32("[1]", "4", "0") "}", 4, DC_ERROR_FORMAT, "whole number"},
      {"{\"a\":" F32("[2]", "0", "4") "}", 4, DC_ERROR_FORMAT, "do not give the 4 bytes"},
      /* 2^62 * 4 wraps to 0; 2^33 * 2^31 * 4 as well. */
      {"{\"a\":" F32("[4611686018427387904]", "0", "0") "}", 0, DC_ERROR_FORMAT, ""},
      {"{\"a\":" F32("[8589934592,2147483648]", "0", "0") "}", 0, DC_ERROR_FORMAT, "do not give"},
      {"{\"a\":" F32("[1]", "0", "4") "}", 3, DC_ERROR_FORMAT, "ends 1 bytes past the data"},
      {"{\"a\":" F32("[1]", "0", "4") "}", 5, DC_ERROR_FORMAT, "belong to no tensor"},
      {"{\"a\":" F32("[1]", "4", "8") "}", 8, DC_ERROR_FORMAT, "leaves a gap"},
      {"{\"a\":" F32("[2]", "0", "8") ",\"b\":" F32("[1]", "4", "8") "}", 8, DC_ERROR_FORMAT,
       "overlaps"},
      {"{\"a\":" F32("[1]", "0", "4") ",\"b\":" F32("[1]", "0", "4") "}", 4, DC_ERROR_FORMAT,
       "overlaps"},
      {"{\"a\":" F32("[1]", "0", "4") ",\"b\":" F32("[1]", "8", "12") "}", 12, DC_ERROR_FORMAT,
       "leaves a gap"},
      {"{\"a\":" F32("[0]", "0", "0") ",\"a\":" F32("[1]", "0", "4") "}", 4, DC_ERROR_FORMAT,
       "a key twice"},
      {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
       DC_ERROR_FORMAT, "a key twice"},
      {"{\"\":" F32("[1]", "0", "4") "}", 4, DC_ERROR_FORMAT, "name of a tensor"},
      {"{\"a\\nb\":" F32("[1]", "0", "4") "}", 4, DC_ERROR_FORMAT, "name of a tensor"},
      {"{\"__metadata__\":3}", 0, DC_ERROR_FORMAT, "__metadata__"},
      {"{\"__metadata__\":{\"a\":3}}", 0, DC_ERROR_FORMAT, "\"a\""},
      {"{\"a\":" F32("[1000000000000000000000]", "0", "4") "}", 4, DC_ERROR_FORMAT, "beyond"},
  };
  assert_int_equal(parse_header("{\"a\":" F32("[1]", "0", "4") "}", 4, NULL), DC_OK);
  assert_int_equal(parse_header("{}", 0, NULL), DC_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_refused(cases[i].header, cases[i].data, cases[i].status, cases[i].part);
}

static void
deep_nesting_is_refused_without_recursion(void **state)
{
  (void)state;
  g_autoptr(GString) header = g_string_new("{\"a\":");
  for (int i = 0; i < 1000000; i++)
    g_string_append_c(header, '[');
  assert_refused(header->str, 0, DC_ERROR_FORMAT, "nesting");
}

/* What it is, and what is wanted, is told of files that people mistake for one. */
static void
foreign_files_are_named(void **state)
{
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *kind;
  } files[] = {
      {"\x89PNG\r\n\x1a\n and so on", 18, "it is a PNG picture"},
      {"\xff\xd8\xff\xe0 and so on", 14, "it is a JPEG picture"},
      {"RIFF\x10\0\0\0WEBPVP8 ", 16, "it is a WebP picture"},
      {"\x93NUMPY\x01\0v\0{", 11, "it is a NumPy array"},
      {"\x1c\0\0\0TFL3\0\0", 10, "it is a TensorFlow Lite model"},
      {"PK\x03\x04\x14\0\0\0\0\0", 10, "it is a zip archive"},
      {"this is no model", 16, "it has a header of more than"},
      {"none", 4, "it is shorter than"},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    DcTensorFile *file;
    DcError error;
    assert_int_equal(dc_tensor_file_parse(files[i].bytes, files[i].size, "net.tflite", &file,
                                          &error),
                     DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, files[i].kind));
    assert_non_null(strstr(error.message, "driftcluster train"));
  }
}

static void
header_length_is_bounded(void **state)
{
  (void)state;
  const uint64_t lengths[] = {3, (uint64_t)16 << 20, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    uint8_t bytes[10];
    memcpy(bytes, &lengths[i], 8);
    memcpy(bytes + 8, "{}", 2);
    DcTensorFile *file;
    assert_int_equal(dc_tensor_file_parse(bytes, sizeof bytes, "x", &file, NULL), DC_ERROR_FORMAT);
    assert_null(file);
  }
}

/* A header within the bound on bytes, of more values than are parsed. */
static void
values_in_a_header_are_bounded(void **state)
{
  (void)state;
  g_autoptr(GString) header = g_string_new("{\"a\":[0");
  for (int i = 0; i < 300000; i++)
    g_string_append(header, ",0");
  g_string_append(header, "]}");
  DcError error;
  assert_int_equal(parse_header(header->str, 0, &error), DC_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "length beyond what is read"));
}

static void
every_truncation_is_refused(void **state)
{
  (void)state;
  const char *path = "cut";
  g_autofree char *whole = NULL;
  write_some(path, 0);
  gsize size;
  assert_true(g_file_get_contents(path, &whole, &size, NULL));
  for (size_t n = 0; n < size; n++) {
    /* A block of just this size, so that reading past it is seen by valgrind and ASan. */
    g_autofree char *part = g_memdup2(whole, n);
    DcTensorFile *file;
    assert_int_equal(dc_tensor_file_parse(part, n, "cut", &file, NULL), DC_ERROR_FORMAT);
  }
  assert_int_equal(truncate(path, (off_t)size - 1), 0);
  DcTensorFile *file;
  DcError error;
  assert_int_equal(dc_tensor_file_read(path, &file, &error), DC_ERROR_FORMAT);
  assert_non_null(strstr(error.message, path));
}

static void
unreadable_paths_say_why(void **state)
{
  (void)state;
  DcTensorFile *file;
  DcError error;
  const char *missing = "missing";
  assert_int_equal(dc_tensor_file_read(missing, &file, &error), DC_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, missing));
  assert_int_equal(dc_tensor_file_read(".", &file, &error), DC_ERROR_IO);
  const char *pipe = "pipe";
  assert_int_equal(mkfifo(pipe, 0600), 0);
  assert_int_equal(dc_tensor_file_read(pipe, &file, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, "regular file"));
  const char *huge = "huge";
  assert_true(g_file_set_contents(huge, "", 0, NULL));
  if (truncate(huge, (off_t)3 << 30) == 0) /* no blocks: costs nothing */
    assert_int_equal(dc_tensor_file_read(huge, &file, &error), DC_ERROR_UNSUPPORTED);
}

static void
what_cannot_be_written_is_refused(void **state)
{
  (void)state;
  const char *path = "never";
  const DcTensor good = {"a", DC_TENSOR_F32, 1, {2}, floats, 8};
  DcTensor bad[] = {good, good, good, good, good, good};
  bad[0].name = "";
  bad[1].name = "__metadata__";
  bad[2].bytes = 4;
  bad[3].rank = DC_TENSOR_MAX_RANK + 1;
  bad[4].shape[0] = SIZE_MAX / 2;
  bad[5].name = "\xff";
  for (size_t i = 0; i < 6; i++)
    assert_true(dc_tensor_file_write(path, &bad[i], 1, NULL, 0, 0, NULL) < 0);
  const DcTensor twice[] = {good, good};
  assert_int_equal(dc_tensor_file_write(path, twice, 2, NULL, 0, 0, NULL), DC_ERROR_ARGUMENT);
  const char *const latin[] = {"key", "\xe4"};
  assert_int_equal(dc_tensor_file_write(path, &good, 1, latin, 1, 0, NULL), DC_ERROR_ARGUMENT);
  assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void
one_generation_is_kept(void **state)
{
  (void)state;
  const char *path = "kept", *previous = "kept.previous";
  for (int generation = 0; generation < 4; generation++) {
    const float value = (float)generation;
    const DcTensor tensor = {"a", DC_TENSOR_F32, 0, {0}, &value, 4};
    assert_int_equal(dc_tensor_file_write(path, &tensor, 1, NULL, 0, 1, NULL), DC_OK);
    const char *const names[] = {path, previous};
    for (int i = 0; i < 2 && i <= generation; i++) {
      DcTensorFile *file;
      assert_int_equal(dc_tensor_file_read(names[i], &file, NULL), DC_OK);
      assert_true(*(const float *)dc_tensor_file_at(file, 0)->data == value - (float)i);
      dc_tensor_file_free(file);
    }
  }
}

static gboolean
is_link(const char *path)
{
  return g_file_test(path, G_FILE_TEST_IS_SYMLINK);
}

/* Through one link to another folder and one beside it, first to nothing, then to a file. */
static void
links_are_followed(void **state)
{
  (void)state;
  assert_int_equal(g_mkdir("elsewhere", 0700), 0);
  assert_int_equal(symlink("elsewhere/first", "link"), 0);
  assert_int_equal(symlink("real", "elsewhere/first"), 0);
  for (int generation = 0; generation < 2; generation++) {
    const float value = (float)generation;
    const DcTensor tensor = {"a", DC_TENSOR_F32, 0, {0}, &value, 4};
    assert_int_equal(dc_tensor_file_write("link", &tensor, 1, NULL, 0, 1, NULL), DC_OK);
    assert_true(is_link("link") && is_link("elsewhere/first") && !is_link("elsewhere/real"));
    DcTensorFile *file;
    assert_int_equal(dc_tensor_file_read("elsewhere/real", &file, NULL), DC_OK);
    assert_true(*(const float *)dc_tensor_file_at(file, 0)->data == value);
    dc_tensor_file_free(file);
  }
  assert_true(g_file_test("elsewhere/real.previous", G_FILE_TEST_IS_REGULAR));
  assert_int_equal(files_in_folder("elsewhere"), 3);
}

static void
links_in_a_circle_are_an_error(void **state)
{
  (void)state;
  assert_int_equal(symlink("there", "here"), 0);
  assert_int_equal(symlink("here", "there"), 0);
  const DcTensor tensor = {"a", DC_TENSOR_F32, 1, {2}, floats, 8};
  DcError error;
  assert_int_equal(dc_tensor_file_write("here", &tensor, 1, NULL, 0, 1, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, "here"));
  assert_true(is_link("here") && is_link("there"));
}

static void
permissions_stay(void **state)
{
  (void)state;
  write_some("private", 0);
  assert_int_equal(g_chmod("private", 0600), 0);
  write_some("private", 0);
  GStatBuf info;
  assert_int_equal(g_stat("private", &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
}

static void
a_missing_folder_is_an_error(void **state)
{
  (void)state;
  const char *file = "plain";
  write_some(file, 0);
  g_autofree char *below_file = g_build_filename(file, "x", NULL);
  g_autofree char *below_nothing = g_build_filename("no", "x", NULL);
  const DcTensor tensor = {"a", DC_TENSOR_F32, 1, {2}, floats, 8};
  DcError error;
  assert_int_equal(dc_tensor_file_write(below_file, &tensor, 1, NULL, 0, 1, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, below_file));
  assert_int_equal(dc_tensor_file_write(below_nothing, &tensor, 1, NULL, 0, 1, &error),
                   DC_ERROR_IO);
  assert_int_equal(dc_tensor_file_write(".", &tensor, 1, NULL, 0, 1, &error), DC_ERROR_IO);
}

/* Writes more than fits, into `path` that exists; the old file must stay and nothing be left. */
static void
assert_old_file_survives(const char *path, const char *in_folder)
{
  g_autofree char *before = NULL, *after = NULL;
  gsize size_before, size_after;
  assert_true(g_file_get_contents(path, &before, &size_before, NULL));
  size_t files = files_in_folder(in_folder);
  size_t size = 4 << 20;
  g_autofree uint8_t *large = g_malloc0(size);
  const DcTensor tensor = {"large", DC_TENSOR_U8, 1, {size}, large, size};
  DcError error;
  assert_int_equal(dc_tensor_file_write(path, &tensor, 1, NULL, 0, 1, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, path));
  assert_true(strstr(error.message, g_strerror(EFBIG)) ||
              strstr(error.message, g_strerror(ENOSPC)));
  assert_true(g_file_get_contents(path, &after, &size_after, NULL));
  assert_int_equal(size_before, size_after);
  assert_memory_equal(before, after, size_before);
  assert_int_equal(files_in_folder(in_folder), files);
}

static void
a_file_size_limit_leaves_the_old_file(void **state)
{
  (void)state;
  const char *path = "limited";
  write_some(path, 0);
  struct rlimit old, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = old;
  small.rlim_cur = 1 << 20;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_old_file_survives(path, ".");
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, SIG_DFL);
}

static void
a_full_disk_leaves_the_old_file(void **state)
{
  (void)state;
  const char *disk = "disk";
  assert_int_equal(g_mkdir(disk, 0700), 0);
  if (mount("none", disk, "tmpfs", 0, "size=1m") != 0) {
    g_rmdir(disk);
    print_message("cannot mount a small disk: %s\n", g_strerror(errno));
    skip();
  }
  g_autofree char *path = g_build_filename(disk, "state", NULL);
  write_some(path, 0);
  assert_old_file_survives(path, disk);
  assert_int_equal(umount(disk), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_written_is_read),
      cmocka_unit_test(bytes_are_those_of_the_format),
      cmocka_unit_test(foreign_layout_is_read),
      cmocka_unit_test(need_names_what_is_there),
      cmocka_unit_test(hostile_headers_are_refused),
      cmocka_unit_test(deep_nesting_is_refused_without_recursion),
      cmocka_unit_test(header_length_is_bounded),
      cmocka_unit_test(values_in_a_header_are_bounded),
      cmocka_unit_test(foreign_files_are_named),
      cmocka_unit_test(every_truncation_is_refused),
      cmocka_unit_test(unreadable_paths_say_why),
      cmocka_unit_test(what_cannot_be_written_is_refused),
      cmocka_unit_test(one_generation_is_kept),
      cmocka_unit_test(links_are_followed),
      cmocka_unit_test(links_in_a_circle_are_an_error),
      cmocka_unit_test(permissions_stay),
      cmocka_unit_test(a_missing_folder_is_an_error),
      cmocka_unit_test(a_file_size_limit_leaves_the_old_file),
      cmocka_unit_test(a_full_disk_leaves_the_old_file),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
