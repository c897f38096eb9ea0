/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "command.h"
#include "samples.h"
#include "store/idx.h"
#include "store/npy.h"
#include "store/png.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>

/* Reads inputs, given as a list of names that ends in NULL. */
#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static DcSamples
read_samples(const char *const *inputs, const DcSamplesOptions *options)
{
  DcSamples samples;
  GError *error = NULL;
  if (!dc_samples_read(&samples, inputs, options, &error))
    fail_msg("%s", error->message);
  return samples;
}

/* The message must say every one of `words` (a list that ends in NULL). */
static void
assert_refused(const char *const *inputs, const char *labels, DcStatus expected,
               const char *const *words)
{
  DcSamples samples;
  GError *error = NULL;
  assert_false(dc_samples_read(&samples, inputs, &(DcSamplesOptions){.labels = labels}, &error));
  assert_non_null(error);
  if (!g_error_matches(error, DC_TOOLS_ERROR, -(int)expected))
    fail_msg("code %d instead of %d: %s", error->code, -(int)expected, error->message);
  for (; *words; words++)
    if (!strstr(error->message, *words))
      fail_msg("\"%s\" is not in: %s", *words, error->message);
  g_error_free(error);
}

static void
write_npy(const char *path, DcNpyType type, gsize rows, gsize cols, const void *data)
{
  DcNpy array = {type, cols ? 2 : 1, {rows, cols ? cols : 1}, (void *)data};
  assert_int_equal(dc_npy_write(path, &array, NULL), DC_OK);
}

static void
write_idx(const char *path, gsize rank, const gsize *shape, const guint8 *data)
{
  assert_int_equal(dc_idx_write(path, shape, rank, data, NULL), DC_OK);
}

static void
write_png(const char *path, int width, int height, int channels, const guint8 *pixels)
{
  DcPicture picture = {width, height, channels, (guint8 *)pixels};
  assert_int_equal(dc_png_write(path, &picture, NULL), DC_OK);
}

/* That the samples are the numbers of their files, divided by the scale. */
static void
assert_values(const DcSamples *samples, const float *numbers)
{
  for (gsize i = 0; i < samples->count * samples->size; i++)
    assert_true(samples->values[i] == (float)(numbers[i] / samples->scale));
}

/* ---- vectors ---- */

static void
every_type_of_number_is_read(void **state)
{
  (void)state;
  const float f32[] = {0, 1, 2, 3, 4, 250}, *expected = f32;
  const double f64[] = {0, 1, 2, 3, 4, 250};
  const guint8 u8[] = {0, 1, 2, 3, 4, 250};
  const guint32 u32[] = {0, 1, 2, 3, 4, 250};
  const gint64 i64[] = {0, 1, 2, 3, 4, 250};
  const void *const arrays[] = {[DC_NPY_F32] = f32,
                                [DC_NPY_F64] = f64,
                                [DC_NPY_U8] = u8,
                                [DC_NPY_U32] = u32,
                                [DC_NPY_I64] = i64};
  for (int type = DC_NPY_F32; type <= DC_NPY_I64; type++) {
    write_npy("types.npy", (DcNpyType)type, 3, 2, arrays[type]);
    DcSamples samples = read_samples(INPUTS("types.npy"), &(DcSamplesOptions){0});
    assert_int_equal(samples.count, 3);
    assert_int_equal(samples.length, 2);
    assert_int_equal(samples.size, 2);
    assert_false(samples.labelled);
    assert_values(&samples, expected);
    assert_true(samples.scale == 250);
    dc_samples_clear(&samples);
  }
}

static void
idx_files_of_points_and_of_two_dimensions_are_vectors(void **state)
{
  (void)state;
  const guint8 data[] = {0, 100, 7, 9, 3, 4, 5, 6};
  const float expected[] = {0, 100, 7, 9, 3, 4, 5, 6};
  write_idx("a-points-idx3-ubyte.gz", 3, (gsize[]){2, 2, 2}, data);
  write_idx("a-labels-idx1-ubyte.gz", 1, (gsize[]){2}, (guint8[]){5, 3});
  write_idx("b-idx2-ubyte", 2, (gsize[]){2, 4}, data);
  write_idx("c-vectors-idx2-ubyte", 2, (gsize[]){2, 4}, data);
  static const char *const names[] = {"a-points-idx3-ubyte.gz", "b-idx2-ubyte",
                                      "c-vectors-idx2-ubyte"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    DcSamples samples = read_samples(INPUTS(names[i]), &(DcSamplesOptions){0});
    assert_int_equal(samples.count, 2);
    assert_int_equal(samples.length, 4);
    assert_values(&samples, expected);
    assert_int_equal(samples.labelled, i == 0);
    if (i == 0)
      assert_true(samples.labels[0] == 5 && samples.labels[1] == 3);
    dc_samples_clear(&samples);
  }
}

static void
inputs_are_domains_with_their_labels_beside_them(void **state)
{
  (void)state;
  const float x[] = {-8, 1, 2, 3, 0, 5};
  write_npy("first.npy", DC_NPY_F32, 1, 2, x);
  write_npy("first-labels.npy", DC_NPY_I64, 1, 0, (gint64[]){70000});
  write_npy("second.npy", DC_NPY_F32, 2, 2, x + 2);
  write_npy("second_labels.npy", DC_NPY_U8, 2, 0, (guint8[]){1, 2});
  DcSamples samples = read_samples(INPUTS("first.npy", "second.npy"), &(DcSamplesOptions){0});
  assert_int_equal(samples.count, 3);
  assert_int_equal(samples.ends->len, 2);
  assert_int_equal(g_array_index(samples.ends, gsize, 0), 1);
  assert_int_equal(g_array_index(samples.ends, gsize, 1), 3);
  assert_true(samples.labelled);
  assert_true(samples.labels[0] == 70000 && samples.labels[1] == 1 && samples.labels[2] == 2);
  assert_true(samples.scale == 8);
  dc_samples_clear(&samples);

  /* given labels and a given scale come before what lies beside and what is found */
  write_npy("given.npy", DC_NPY_U32, 3, 0, (guint32[]){9, 8, 7});
  DcSamplesOptions options = {.labels = "given.npy", .scale = 2.5};
  samples = read_samples(INPUTS("first.npy", "second.npy"), &options);
  assert_true(samples.labels[0] == 9 && samples.labels[2] == 7);
  assert_true(samples.scale == 2.5);
  dc_samples_clear(&samples);
}

static void
vectors_of_zeros_have_the_scale_one(void **state)
{
  (void)state;
  write_npy("zeros.npy", DC_NPY_F32, 2, 2, (float[4]){0});
  DcSamples samples = read_samples(INPUTS("zeros.npy"), &(DcSamplesOptions){0});
  assert_true(samples.scale == 1);
  dc_samples_clear(&samples);
}

static void
vectors_that_cannot_be_used_are_refused(void **state)
{
  (void)state;
  const float numbers[] = {1, 2, NAN, 4};
  const double large[] = {1, 1e300};
  write_npy("flat.npy", DC_NPY_F32, 2, 0, numbers);
  assert_refused(INPUTS("flat.npy"), NULL, DC_ERROR_SHAPE, INPUTS("flat.npy", "one dimension"));
  write_npy("nan.npy", DC_NPY_F32, 2, 2, numbers);
  assert_refused(INPUTS("nan.npy"), NULL, DC_ERROR_NOT_FINITE, INPUTS("nan.npy", "row 1"));
  write_npy("large.npy", DC_NPY_F64, 1, 2, large);
  assert_refused(INPUTS("large.npy"), NULL, DC_ERROR_NOT_FINITE, INPUTS("number 1", "row 0"));
  write_npy("none.npy", DC_NPY_F32, 0, 2, NULL);
  assert_refused(INPUTS("none.npy"), NULL, DC_ERROR_FORMAT, INPUTS("none.npy", "nothing"));
  write_npy("wide.npy", DC_NPY_F32, 0, ((gsize)1 << 26) + 1, NULL);
  assert_refused(INPUTS("wide.npy"), NULL, DC_ERROR_UNSUPPORTED, INPUTS("wide.npy", "at most"));
  write_idx("thin-points-idx2-ubyte", 2, (gsize[]){2, 0}, NULL);
  assert_refused(INPUTS("thin-points-idx2-ubyte"), NULL, DC_ERROR_SHAPE, INPUTS("no numbers"));
  write_idx("flat-points-idx1-ubyte", 1, (gsize[]){2}, (guint8[]){1, 2});
  assert_refused(INPUTS("flat-points-idx1-ubyte"), NULL, DC_ERROR_SHAPE, INPUTS("one dimension"));
  scratch_write("cut-points-idx2-ubyte", "\0\0\10\2\0\0\0\2\0\0\0\2\1\2\3", 15);
  assert_refused(INPUTS("cut-points-idx2-ubyte"), NULL, DC_ERROR_FORMAT, INPUTS("ends early"));
  assert_refused(INPUTS("absent.npy"), NULL, DC_ERROR_NOT_FOUND, INPUTS("absent.npy"));
}

static void
what_does_not_go_together_is_refused(void **state)
{
  (void)state;
  write_npy("two.npy", DC_NPY_F32, 1, 2, (float[]){1, 2});
  write_npy("three.npy", DC_NPY_F32, 1, 3, (float[]){1, 2, 3});
  write_png("dot.png", 1, 1, 1, (guint8[]){7});
  write_idx("dots-images-idx3-ubyte", 3, (gsize[]){1, 1, 1}, (guint8[]){7});
  assert_refused(INPUTS("two.npy", "three.npy"), NULL, DC_ERROR_SHAPE,
                 INPUTS("three.npy", "3 numbers", "have 2"));
  assert_refused(INPUTS("two.npy", "dots-images-idx3-ubyte"), NULL, DC_ERROR_MISMATCH,
                 INPUTS("dots-images", "pictures and vectors"));
  assert_refused(INPUTS("dots-images-idx3-ubyte", "two.npy"), NULL, DC_ERROR_MISMATCH,
                 INPUTS("two.npy", "pictures and vectors"));
}

/* ---- labels ---- */

static void
labels_that_cannot_be_used_are_refused(void **state)
{
  (void)state;
  write_npy("x.npy", DC_NPY_F32, 2, 1, (float[]){1, 2});
  write_npy("short.npy", DC_NPY_U8, 1, 0, (guint8[]){1});
  write_npy("long.npy", DC_NPY_U8, 3, 0, (guint8[]){1, 2, 3});
  write_npy("float.npy", DC_NPY_F32, 2, 0, (float[]){1, 2});
  write_npy("negative.npy", DC_NPY_I64, 2, 0, (gint64[]){1, -1});
  write_npy("huge.npy", DC_NPY_I64, 2, 0, (gint64[]){1, G_MAXUINT32});
  write_npy("table.npy", DC_NPY_U8, 1, 2, (guint8[]){1, 2});
  write_idx("table-idx2-ubyte", 2, (gsize[]){1, 2}, (guint8[]){1, 2});
  assert_refused(INPUTS("x.npy"), "short.npy", DC_ERROR_SHAPE, INPUTS("only 1 labels"));
  assert_refused(INPUTS("x.npy"), "long.npy", DC_ERROR_SHAPE,
                 INPUTS("long.npy", "3 labels", "2 samples"));
  assert_refused(INPUTS("x.npy"), "float.npy", DC_ERROR_FORMAT, INPUTS("float.npy", "whole"));
  assert_refused(INPUTS("x.npy"), "negative.npy", DC_ERROR_FORMAT, INPUTS("number 1"));
  assert_refused(INPUTS("x.npy"), "huge.npy", DC_ERROR_FORMAT, INPUTS("number 1"));
  assert_refused(INPUTS("x.npy"), "table.npy", DC_ERROR_SHAPE, INPUTS("one dimension"));
  assert_refused(INPUTS("x.npy"), "table-idx2-ubyte", DC_ERROR_SHAPE, INPUTS("one dimension"));
  assert_refused(INPUTS("x.npy"), "absent", DC_ERROR_NOT_FOUND, INPUTS("absent"));
  write_npy("y.npy", DC_NPY_F32, 2, 1, (float[]){1, 2});
  write_npy("y-labels.npy", DC_NPY_U8, 3, 0, (guint8[]){1, 2, 3});
  assert_refused(INPUTS("y.npy"), NULL, DC_ERROR_SHAPE, INPUTS("y-labels.npy", "3 labels", "2"));
}

/* ---- pictures ---- */

static void
pictures_of_all_sizes_and_colours_become_alike(void **state)
{
  (void)state;
  g_mkdir("mixed", 0755);
  write_png("mixed/a.png", 2, 2, 1, (guint8[]){0, 51, 102, 255});
  write_png("mixed/b.png", 1, 1, 3, (guint8[]){102, 102, 102});
  write_png("mixed/c.png", 4, 2, 4, (guint8[32]){[3] = 255, [7] = 255});
  DcSamples samples = read_samples(INPUTS("mixed"), &(DcSamplesOptions){0});
  assert_int_equal(samples.count, 3);
  assert_int_equal(samples.length, 0);
  assert_int_equal(samples.size, 4);
  assert_int_equal(samples.spec.channels, DC_CHANNELS_GRAY);
  assert_true(samples.scale == 1);
  assert_int_equal(samples.ends->len, 1);
  const float levels[] = {0, 0.2f, 0.4f, 1};
  for (gsize i = 0; i < 4; i++) {
    assert_near(samples.values[i], levels[i], 1e-6); /* rounding of a division by 255 */
    /* the weights of red, green and blue are rounded to 8 bits or better */
    assert_near(samples.values[4 + i], 0.4, 0.005);
  }
  dc_samples_clear(&samples);
}

static void
folders_without_pictures_are_refused(void **state)
{
  (void)state;
  g_mkdir("empty", 0755);
  assert_refused(INPUTS("empty"), NULL, DC_ERROR_NOT_FOUND, INPUTS("empty"));
  write_idx("none-images-idx3-ubyte", 3, (gsize[]){0, 2, 2}, NULL);
  assert_refused(INPUTS("none-images-idx3-ubyte"), NULL, DC_ERROR_FORMAT,
                 INPUTS("none-images", "nothing"));
  write_idx("flat-images-idx3-ubyte", 3, (gsize[]){2, 2, 0}, NULL);
  assert_refused(INPUTS("flat-images-idx3-ubyte"), NULL, DC_ERROR_FORMAT, INPUTS("no pictures"));
}

/* ---- more than memory may hold ---- */

enum { MANY = 5000, WIDE = 7 };

static void
write_many(void)
{
  g_autofree float *values = g_new(float, MANY *WIDE);
  g_autofree guint32 *labels = g_new(guint32, MANY);
  for (gsize i = 0; i < MANY * WIDE; i++)
    values[i] = (float)i;
  for (guint32 i = 0; i < MANY; i++)
    labels[i] = 3 * i;
  write_npy("many.npy", DC_NPY_F32, MANY, WIDE, values);
  write_npy("many-labels.npy", DC_NPY_U32, MANY, 0, labels);
}

static gsize
files_in(const char *folder)
{
  gsize count = 0;
  GDir *dir = g_dir_open(folder, 0, NULL);
  assert_non_null(dir);
  while (g_dir_read_name(dir))
    count++;
  g_dir_close(dir);
  return count;
}

static void
many_samples_lie_in_a_file_without_a_name(void **state)
{
  (void)state;
  write_many();
  g_mkdir("temporary", 0755);
  g_setenv("TMPDIR", "temporary", TRUE);
  /* bytes: one, one that values end on, one that they do not, and all of them */
  static const gsize limits[] = {1, WIDE * sizeof(float), 1000, MANY * WIDE * sizeof(float)};
  for (gsize l = 0; l < G_N_ELEMENTS(limits); l++) {
    DcSamples samples =
        read_samples(INPUTS("many.npy"), &(DcSamplesOptions){.most_memory = limits[l]});
    assert_int_equal(samples.count, MANY);
    assert_true((samples.values_store.mapped != NULL) == (l < 3));
    assert_true(samples.values_store.capacity <= limits[l]);
    for (gsize i = 0; i < MANY * WIDE; i++)
      assert_true(samples.values[i] == (float)((double)i / samples.scale));
    for (guint32 i = 0; i < MANY; i++)
      assert_true(samples.labels[i] == 3 * i);
    assert_int_equal(files_in("temporary"), 0);
    dc_samples_clear(&samples);
  }
  g_unsetenv("TMPDIR");
}

/* Reads what must go to a temporary file in `folder`, which fails; the message must say where, how
 * much and what to do. */
static void
assert_disk_refused(const char *folder, const char *written)
{
  g_setenv("TMPDIR", folder, TRUE);
  DcSamples samples;
  GError *error = NULL;
  gboolean well = dc_samples_read(&samples, INPUTS("many.npy"),
                                  &(DcSamplesOptions){.most_memory = 4096}, &error);
  g_unsetenv("TMPDIR");
  assert_false(well);
  assert_true(g_error_matches(error, DC_TOOLS_ERROR, -DC_ERROR_IO));
  assert_true(g_str_has_prefix(error->message, folder));
  assert_non_null(strstr(error->message, written));
  assert_non_null(strstr(error->message, "TMPDIR"));
  g_error_free(error);
}

static void
a_full_disk_is_reported(void **state)
{
  (void)state;
  write_many();
  g_mkdir("full", 0755);
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = {64 << 10, before.rlim_max};
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_disk_refused("full", "0.1 MiB"); /* the 64 KiB that there was room for */
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  assert_int_equal(files_in("full"), 0);
}

static void
a_folder_that_cannot_be_written_to_is_reported(void **state)
{
  (void)state;
  write_many();
  assert_disk_refused("there/is/no/such/folder", "0.0 MiB");
  scratch_write("file", "", 0);
  assert_disk_refused("file", "0.0 MiB");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_of_number_is_read),
      cmocka_unit_test(idx_files_of_points_and_of_two_dimensions_are_vectors),
      cmocka_unit_test(inputs_are_domains_with_their_labels_beside_them),
      cmocka_unit_test(vectors_of_zeros_have_the_scale_one),
      cmocka_unit_test(vectors_that_cannot_be_used_are_refused),
      cmocka_unit_test(what_does_not_go_together_is_refused),
      cmocka_unit_test(labels_that_cannot_be_used_are_refused),
      cmocka_unit_test(pictures_of_all_sizes_and_colours_become_alike),
      cmocka_unit_test(folders_without_pictures_are_refused),
      cmocka_unit_test(many_samples_lie_in_a_file_without_a_name),
      cmocka_unit_test(a_full_disk_is_reported),
      cmocka_unit_test(a_folder_that_cannot_be_written_to_is_reported),
  };
  return cmocka_run_group_tests_name("samples", tests, scratch_enter, scratch_leave);
}
