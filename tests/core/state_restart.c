/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* States of streams on which a person has worked: pins, names, merges, groups. */
#include "saved.h"

#include "base/random.h"
#include "store/safetensors.h"
#include "stream/identity.h"

#include <math.h>

enum { DIM = 5, GROUPS = 6, WARM_UP = 120, INTERVAL = 16 };

static DcAdapter *
make(uint32_t max_clusters)
{
  DcAdapterConfig config = dc_adapter_config();
  DcAdapter *adapter;
  DcError error = {0};
  config.clusters = max_clusters < GROUPS ? max_clusters : GROUPS;
  config.max_clusters = max_clusters;
  config.coarse_groups = 2;
  config.window = 180;
  config.interval = INTERVAL;
  config.warm_up = WARM_UP;
  config.half_life = 40;
  config.seed = 3;
  if (dc_adapter_new(&config, DIM, "test encoder", &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

/* Embedding `index` of a stream of two threes of groups that drift. */
static void
draw(size_t index, float *row)
{
  DcRandom random;
  dc_random_seed(&random, index, 9);
  const size_t group = dc_random_below(&random, GROUPS);
  for (size_t j = 0; j < DIM; j++)
    row[j] = (j == group % 3 ? 4.0f : 0.0f) + (j == 4 && group >= 3 ? 20.0f : 0.0f) +
             0.002f * (float)index + 0.4f * (float)dc_random_normal(&random);
}

static void
push(DcAdapter *adapter, size_t index, uint64_t time)
{
  float row[DIM];
  draw(index, row);
  const DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcPushResult result;
  assert_int_equal(dc_adapter_push(adapter, &matrix, time, &result), DC_OK);
  if (dc_adapter_is_due(adapter))
    assert_int_equal(dc_adapter_adapt(adapter, true, NULL), DC_OK);
}

static void
run(DcAdapter *adapter, size_t first, size_t end)
{
  for (size_t i = first; i < end; i++)
    push(adapter, i, i);
}

static DcAdapter *
restarted(const char *path)
{
  DcAdapter *adapter = make(GROUPS);
  DcError error = {0};
  if (load(adapter, path, &error))
    fail_msg("%s", error.message);
  return adapter;
}

/* What a person may do, all of it. */
static void
work_on(DcAdapter *adapter)
{
  assert_int_equal(dc_adapter_rename(adapter, 2, "gr\xc3\xbc\xc3\x9f", NULL), DC_OK);
  assert_int_equal(dc_adapter_pin(adapter, 0, true, NULL), DC_OK);
  assert_int_equal(dc_adapter_pin(adapter, 3, true, NULL), DC_OK);
  assert_int_equal(dc_adapter_pin(adapter, 3, false, NULL), DC_OK);
  assert_int_equal(dc_adapter_ignore(adapter, 1, true, NULL), DC_OK);
  assert_int_equal(dc_adapter_merge(adapter, 4, 5, NULL), DC_OK);
  assert_int_equal(dc_adapter_split(adapter, 4, NULL), DC_OK);
}

/* ---- going on ---- */

static void
assert_work_is_there(DcAdapter *adapter)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  assert_int_equal(dc_snapshot_clusters(snapshot), GROUPS);
  for (size_t k = 0; k < GROUPS; k++) {
    const DcClusterInfo *info = dc_snapshot_cluster(snapshot, k);
    assert_int_equal(info->pinned, k == 0);
    assert_int_equal(info->ignored, k == 1);
    assert_int_equal(info->named, k == 2);
    assert_int_equal(strcmp(info->label, "gr\xc3\xbc\xc3\x9f") == 0, k == 2);
    assert_int_equal(strlen(info->group_uuid), strlen(info->uuid));
    assert_true(info->group_label[0]);
  }
  dc_snapshot_unref(snapshot);
}

/* At whatever moment after the work, and with more work after the restart. */
static void
a_restart_keeps_the_work_of_a_person(void **state)
{
  (void)state;
  static const size_t moments[] = {0, 1, 15, 16, 17, 90, 200};
  for (size_t m = 0; m < sizeof moments / sizeof *moments; m++) {
    const size_t at = 200 + moments[m];
    DcAdapter *one = make(GROUPS);
    run(one, 0, 200);
    work_on(one);
    run(one, 200, at);
    save(one, "moment");
    DcAdapter *two = restarted("moment");
    save(two, "again");
    assert_equal_files("moment", "again");
    assert_work_is_there(two);
    DcAdapter *both[] = {one, two};
    for (size_t i = 0; i < 2; i++) {
      run(both[i], at, at + 100);
      assert_int_equal(dc_adapter_pin(both[i], 5, true, NULL), DC_OK);
      assert_int_equal(dc_adapter_ignore(both[i], 1, false, NULL), DC_OK);
      assert_int_equal(dc_adapter_merge(both[i], 0, 3, NULL), DC_OK);
      run(both[i], at + 100, at + 200);
      save(both[i], i ? "second" : "first");
    }
    assert_equal_files("first", "second");
    dc_adapter_free(one);
    dc_adapter_free(two);
  }
}

/* ---- clocks ---- */

/* Back to the start in the middle, by a day, to the end of time, and a year without a detection. */
static void
a_restart_bears_any_clock(void **state)
{
  (void)state;
  static const uint64_t day = UINT64_C(86400000000000);
  const uint64_t starts[] = {0, 10 * day, 9 * day, 375 * day, 0, INT64_MAX, UINT64_MAX - 200, 0, 3};
  DcAdapter *one = make(GROUPS);
  size_t index = 0;
  for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
    for (size_t i = 0; i < 150; i++, index++)
      push(one, index, starts[s] + i);
    save(one, "odd times");
    DcAdapter *two = restarted("odd times");
    save(two, "again");
    assert_equal_files("odd times", "again");
    DcSnapshot *snapshot = dc_adapter_snapshot(two);
    const DcMatrix centroids = dc_snapshot_centroids(snapshot);
    assert_int_equal(centroids.rows, GROUPS); /* identities do not explode */
    assert_true(dc_matrix_is_finite(&centroids));
    dc_snapshot_unref(snapshot);
    dc_adapter_free(one);
    one = two; /* goes on from the file */
  }
  dc_adapter_free(one);
}

/* ---- refusing ---- */

typedef struct {
  const char *name;
  bool (*spoil)(DcTensor *tensor); /* false: has nothing of that kind */
} Spoiling;

static bool
put_nan(DcTensor *tensor)
{
  if (tensor->bytes && tensor->type == DC_TENSOR_F32)
    *(float *)tensor->data = NAN;
  else if (tensor->bytes && tensor->type == DC_TENSOR_F64)
    *(double *)tensor->data = NAN;
  else
    return false;
  return true;
}

static bool
put_infinity_last(DcTensor *tensor)
{
  if (tensor->bytes && tensor->type == DC_TENSOR_F32)
    ((float *)tensor->data)[tensor->bytes / sizeof(float) - 1] = INFINITY;
  else if (tensor->bytes && tensor->type == DC_TENSOR_F64)
    ((double *)tensor->data)[tensor->bytes / sizeof(double) - 1] = -INFINITY;
  else
    return false;
  return true;
}

/* Times, the state of a random generator, and when to describe the source (never: the largest
 * number) may be any number. */
static bool
put_negative_count(DcTensor *tensor)
{
  static const char *const any[] = {"times", "last_time", "random", "source_due"};
  if (tensor->type != DC_TENSOR_I64 || !tensor->bytes)
    return false;
  for (size_t i = 0; i < sizeof any / sizeof *any; i++)
    if (strstr(tensor->name, any[i]))
      return false;
  *(int64_t *)tensor->data = -1;
  return true;
}

static bool
put_count_beyond_all(DcTensor *tensor)
{
  if (!put_negative_count(tensor))
    return false;
  *(int64_t *)tensor->data = INT64_MAX;
  return true;
}

static bool
put_odd_byte(DcTensor *tensor)
{
  if (tensor->type != DC_TENSOR_U8 || !tensor->bytes)
    return false;
  *(uint8_t *)tensor->data = 0xff;
  return true;
}

static bool
drop_row(DcTensor *tensor)
{
  if (tensor->rank == 0 || !tensor->shape[0])
    return false;
  tensor->bytes -= tensor->bytes / tensor->shape[0];
  tensor->shape[0]--;
  return true;
}

static bool
flatten(DcTensor *tensor)
{
  if (tensor->rank != 2)
    return false;
  tensor->rank = 1;
  tensor->shape[0] *= tensor->shape[1];
  return true;
}

static const Spoiling spoilings[] = {
    {"NaN", put_nan},
    {"infinity", put_infinity_last},
    {"a negative count", put_negative_count},
    {"a count beyond all", put_count_beyond_all},
    {"an odd byte", put_odd_byte},
    {"a row less", drop_row},
    {"one dimension", flatten},
};

/* Writes `spoilt` like the state `path`, without a checksum, with tensor `index` spoilt. False when
 * that tensor has nothing to spoil in that way. */
static bool
write_spoilt(const char *path, size_t index, const Spoiling *spoiling, const char **name)
{
  DcTensorFile *file;
  DcTensor tensors[100];
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  const size_t count = dc_tensor_file_count(file);
  assert_in_range(count, 1, 100);
  for (size_t i = 0; i < count; i++)
    tensors[i] = *dc_tensor_file_at(file, i);
  static char spoilt_name[128]; /* outlives the file */
  snprintf(spoilt_name, sizeof spoilt_name, "%s", tensors[index].name);
  *name = spoilt_name;
  const bool spoilt = spoiling->spoil(&tensors[index]);
  const char *const metadata[] = {"format",  "driftcluster-state", "format_version", "2",
                                  "encoder", "test encoder"};
  if (spoilt)
    assert_int_equal(dc_tensor_file_write("spoilt", tensors, count, metadata, 3, 0, NULL), DC_OK);
  dc_tensor_file_free(file);
  return spoilt;
}

static size_t
tensors_of(const char *path)
{
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  const size_t count = dc_tensor_file_count(file);
  dc_tensor_file_free(file);
  return count;
}

/* Embeddings that wait are as many as there are, and without a basis there is no map: transport
 * tracking then learns its source anew. */
static bool
starts_anew(const char *name, const Spoiling *spoiling)
{
  return (spoiling->spoil == drop_row || spoiling->spoil == flatten) &&
         (strcmp(name, "transport.pending") == 0 ||
          (strcmp(name, "transport.source.basis") == 0 && spoiling->spoil == flatten));
}

static void
assert_goes_on(const char *path)
{
  DcAdapter *adapter = restarted(path);
  run(adapter, 900, 1100);
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  const DcMatrix centroids = dc_snapshot_centroids(snapshot);
  assert_true(dc_matrix_is_finite(&centroids));
  dc_snapshot_unref(snapshot);
  dc_adapter_free(adapter);
}

/* Whatever number of whatever tensor: it is refused with a message, and the stream stays as it is.
 * The statistics of separation alone are taken anew, see the next test. */
static void
a_hostile_value_anywhere_is_refused(void **state)
{
  (void)state;
  DcAdapter *adapter = make(GROUPS);
  run(adapter, 0, 200);
  work_on(adapter);
  run(adapter, 200, 900); /* transport tracking has taken over */
  save(adapter, "good");
  const size_t count = tensors_of("good");
  size_t tried = 0;
  for (size_t s = 0; s < sizeof spoilings / sizeof *spoilings; s++)
    for (size_t i = 0; i < count; i++) {
      const char *name;
      DcError error = {0};
      if (!write_spoilt("good", i, &spoilings[s], &name))
        continue;
      if (strcmp(name, "separation") == 0)
        continue;
      if (starts_anew(name, &spoilings[s])) {
        assert_goes_on("spoilt");
        continue;
      }
      if (!load(adapter, "spoilt", &error))
        fail_msg("%s in \"%s\" was taken", spoilings[s].name, name);
      if (!error.message[0])
        fail_msg("%s in \"%s\" was refused without a word", spoilings[s].name, name);
      tried++;
    }
  assert_true(tried > 100);
  save(adapter, "still good");
  assert_equal_files("good", "still good");
  dc_adapter_free(adapter);
}

static void
hostile_separation_is_measured_anew(void **state)
{
  (void)state;
  DcAdapter *adapter = make(GROUPS);
  run(adapter, 0, 900);
  save(adapter, "good");
  const size_t count = tensors_of("good");
  size_t tried = 0;
  for (size_t s = 0; s < sizeof spoilings / sizeof *spoilings; s++)
    for (size_t i = 0; i < count; i++) {
      const char *name;
      if (!write_spoilt("good", i, &spoilings[s], &name) || strcmp(name, "separation") != 0)
        continue;
      DcAdapter *other = restarted("spoilt");
      run(other, 900, 1200);
      const DcAdapterStats stats = dc_adapter_stats(other);
      assert_true(stats.margin >= 0 && stats.margin <= 1);
      assert_true(stats.margin_reference >= 0 && stats.margin_reference <= 1);
      dc_adapter_free(other);
      tried++;
    }
  assert_int_equal(tried, 3); /* NaN, infinity, a row less */
  dc_adapter_free(adapter);
}

/* A version 1, which knew nothing of pins and groups, is read; the tensors of version 2 have to be
 * as they were then. */
static void
an_older_version_is_read_as_what_it_was(void **state)
{
  (void)state;
  DcAdapter *adapter = make(GROUPS);
  run(adapter, 0, 200);
  save(adapter, "good");
  DcTensorFile *file;
  DcTensor tensors[100];
  assert_int_equal(dc_tensor_file_read("good", &file, NULL), DC_OK);
  const size_t count = dc_tensor_file_count(file);
  for (size_t i = 0; i < count; i++) {
    tensors[i] = *dc_tensor_file_at(file, i);
    if (strcmp(tensors[i].name, "survival") == 0) { /* 36 numbers a cluster then */
      static float survival[GROUPS * 36];
      tensors[i].shape[1] = 36;
      tensors[i].data = survival;
      tensors[i].bytes = sizeof survival;
    }
  }
  const char *metadata[] = {"format",  "driftcluster-state", "format_version", "1",
                            "encoder", "test encoder"};
  assert_int_equal(dc_tensor_file_write("older", tensors, count, metadata, 3, 0, NULL), DC_OK);
  DcAdapter *two = restarted("older");
  run(two, 200, 500);
  assert_int_equal(dc_adapter_stats(two).clusters, GROUPS);
  dc_adapter_free(two);
  static const char *const versions[] = {"2", "0", "3", "1.0", ""};
  for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
    DcError error = {0};
    metadata[3] = versions[v];
    assert_int_equal(dc_tensor_file_write("odd", tensors, count, metadata, 3, 0, NULL), DC_OK);
    assert_int_equal(load(adapter, "odd", &error), v ? DC_ERROR_VERSION : DC_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "odd"));
  }
  dc_tensor_file_free(file);
  save(adapter, "after");
  assert_equal_files("good", "after");
  dc_adapter_free(adapter);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restart_keeps_the_work_of_a_person),
      cmocka_unit_test(a_restart_bears_any_clock),
      cmocka_unit_test(an_older_version_is_read_as_what_it_was),
      cmocka_unit_test(a_hostile_value_anywhere_is_refused),
      cmocka_unit_test(hostile_separation_is_measured_anew),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
