/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "saved.h"

#include "base/random.h"
#include "store/safetensors.h"
#include "stream/identity.h"

#include <glib.h>
#include <math.h>

enum { DIM = 5, GROUPS = 3, WARM_UP = 50 };

static DcAdapterConfig
small_config(void)
{
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = GROUPS;
  config.window = 90;
  config.interval = 16;
  config.warm_up = WARM_UP;
  config.half_life = 40;
  config.seed = 3;
  return config;
}

static DcAdapter *
make(const DcAdapterConfig *config, size_t dim, const char *encoder)
{
  DcAdapter *adapter;
  DcError error = {0};
  if (dc_adapter_new(config, dim, encoder, &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

static DcAdapter *
make_small(void)
{
  DcAdapterConfig config = small_config();
  return make(&config, DIM, "test encoder");
}

/* Embedding `index` of a stream of three groups that drift. */
static void
draw(size_t index, float *row)
{
  DcRandom random;
  dc_random_seed(&random, index, 9);
  size_t group = dc_random_below(&random, GROUPS);
  for (size_t j = 0; j < DIM; j++)
    row[j] = (j == group ? 3.0f : 0.0f) + 0.002f * (float)index +
             0.4f * (float)dc_random_normal(&random);
}

static void
run(DcAdapter *adapter, size_t first, size_t end)
{
  for (size_t i = first; i < end; i++) {
    float row[DIM];
    draw(i, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(adapter, &matrix, i, &result), DC_OK);
    if (dc_adapter_is_due(adapter))
      assert_int_equal(dc_adapter_adapt(adapter, true, NULL), DC_OK);
  }
}

/* Everything that a snapshot lets see, novelty included. */
static void
assert_equal_snapshots(DcAdapter *a, DcAdapter *b)
{
  DcSnapshot *x = dc_adapter_snapshot(a), *y = dc_adapter_snapshot(b);
  assert_true((x == NULL) == (y == NULL));
  if (!x)
    return;
  size_t clusters = dc_snapshot_clusters(x);
  assert_int_equal(dc_snapshot_version(x), dc_snapshot_version(y));
  assert_int_equal(clusters, dc_snapshot_clusters(y));
  DcMatrix c = dc_snapshot_centroids(x), d = dc_snapshot_centroids(y);
  for (size_t k = 0; k < clusters; k++) {
    const DcClusterInfo *i = dc_snapshot_cluster(x, k), *j = dc_snapshot_cluster(y, k);
    assert_memory_equal(dc_matrix_row(&c, k), dc_matrix_row(&d, k), DIM * sizeof(float));
    assert_string_equal(i->uuid, j->uuid);
    assert_string_equal(i->label, j->label);
    assert_int_equal(i->named, j->named);
    assert_memory_equal(&i->mass, &j->mass, sizeof i->mass);
    assert_memory_equal(&i->spread, &j->spread, sizeof i->spread);
    assert_memory_equal(&i->shift, &j->shift, sizeof i->shift);
  }
  DcAssigner *assigner = dc_assigner_new();
  for (size_t n = 0; n < 40; n++) {
    float row[DIM];
    draw(1000 + n, row);
    row[0] *= (float)(1 + n % 3);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcAssignment p, q;
    assert_int_equal(dc_snapshot_assign(x, assigner, &matrix, 0.05, &p), DC_OK);
    assert_int_equal(dc_snapshot_assign(y, assigner, &matrix, 0.05, &q), DC_OK);
    assert_int_equal(p.cluster, q.cluster);
    assert_int_equal(p.novel, q.novel);
    assert_true(p.confidence == q.confidence && p.distance == q.distance);
  }
  dc_assigner_free(assigner);
  dc_snapshot_unref(x);
  dc_snapshot_unref(y);
}

static void
assert_equal_stats(const DcAdapter *a, const DcAdapter *b)
{
  DcAdapterStats x = dc_adapter_stats(a), y = dc_adapter_stats(b);
  assert_int_equal(x.accepted, y.accepted);
  assert_int_equal(x.rejected, y.rejected);
  assert_int_equal(x.adaptations, y.adaptations);
  assert_int_equal(x.clusters, y.clusters);
  assert_int_equal(x.remembered, y.remembered);
  assert_true(x.occupancy_entropy == y.occupancy_entropy && x.mean_shift == y.mean_shift);
}

/* Saved at any moment - within the warm-up, at its end, with rings half full, just filled, and
 * wrapped, between two adaptations - the stream goes on as if nothing had happened, bit by bit. */
static void
a_restart_continues_exactly(void **state)
{
  (void)state;
  const size_t moments[] = {0, 1, 30, 49, 50, 51, 66, 100, 140, 141, 233, 300};
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    DcAdapter *one = make_small(), *two = make_small();
    run(one, 0, moments[i]);
    if (moments[i] == 233)
      assert_int_equal(dc_adapter_rename(one, 1, "gr\xc3\xbc\xc3\x9f", NULL), DC_OK);
    save(one, "moment");
    load_well(two, "moment");
    assert_equal_stats(one, two);
    assert_equal_snapshots(one, two);
    for (size_t at = moments[i]; at < moments[i] + 200; at += 40) {
      run(one, at, at + 40);
      run(two, at, at + 40);
      assert_equal_stats(one, two);
      assert_equal_snapshots(one, two);
    }
    save(one, "first");
    save(two, "second");
    assert_equal_files("first", "second");
    dc_adapter_free(one);
    dc_adapter_free(two);
  }
}

/* More rows than the warm-up has room for: the newest wait in a ring that has wrapped. */
static void
a_long_warm_up_continues_exactly(void **state)
{
  (void)state;
  DcAdapter *one = make_small(), *two = make_small();
  for (size_t i = 0; i < WARM_UP + 17; i++) {
    float row[DIM];
    draw(i, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(one, &matrix, i, &result), DC_OK);
  }
  save(one, "waiting");
  load_well(two, "waiting");
  run(one, WARM_UP + 17, 200);
  run(two, WARM_UP + 17, 200);
  assert_equal_snapshots(one, two);
  dc_adapter_free(one);
  dc_adapter_free(two);
}

static void
a_capture_does_not_change_any_more(void **state)
{
  (void)state;
  DcAdapter *one = make_small(), *two = make_small();
  run(one, 0, 120);
  DcState *captured = dc_state_capture(one);
  run(one, 120, 260);
  assert_int_equal(dc_state_restore(captured, two, NULL), DC_OK);
  run(two, 120, 260);
  assert_equal_snapshots(one, two);
  dc_state_free(captured);
  dc_adapter_free(one);
  dc_adapter_free(two);
}

static void
another_window_keeps_what_it_has_room_for(void **state)
{
  (void)state;
  DcAdapter *one = make_small();
  run(one, 0, 300);
  save(one, "window");
  const size_t windows[] = {30, 3, 900};
  for (size_t i = 0; i < 3; i++) {
    DcAdapterConfig config = small_config();
    config.window = windows[i];
    DcAdapter *two = make(&config, DIM, "test encoder");
    load_well(two, "window");
    assert_int_equal(dc_adapter_stats(two).remembered, windows[i] < 90 ? windows[i] : 90);
    assert_equal_snapshots(one, two);
    run(two, 300, 400);
    dc_adapter_free(two);
  }
  dc_adapter_free(one);
}

static void
the_clusters_are_those_of_the_state(void **state)
{
  (void)state;
  DcAdapter *one = make_small();
  run(one, 0, 100);
  save(one, "clusters");
  DcAdapterConfig config = small_config();
  config.clusters = 7;
  DcAdapter *two = make(&config, DIM, "test encoder");
  run(two, 0, 300);
  load_well(two, "clusters");
  assert_int_equal(dc_adapter_stats(two).clusters, GROUPS);
  /* Readers have seen later versions of this adapter: it must not count backwards. */
  DcSnapshot *snapshot = dc_adapter_snapshot(two);
  assert_true(dc_snapshot_version(snapshot) > 16);
  dc_snapshot_unref(snapshot);
  run(two, 300, 400);
  dc_adapter_free(one);
  dc_adapter_free(two);
}

static void
assert_load_changes_nothing(DcAdapter *adapter, const char *path, DcStatus wanted,
                            const char *const parts[3])
{
  DcError error = {0};
  save(adapter, "before");
  DcStatus status = load(adapter, path, &error);
  if (status != wanted)
    fail_msg("%d \"%s\", not %d", status, error.message, wanted);
  for (size_t i = 0; i < 3 && parts[i]; i++)
    if (!strstr(error.message, parts[i]))
      fail_msg("\"%s\" has no \"%s\"", error.message, parts[i]);
  save(adapter, "after");
  assert_equal_files("before", "after");
}

static void
a_state_of_another_encoder_is_refused(void **state)
{
  (void)state;
  DcAdapter *one = make_small();
  run(one, 0, 120);
  save(one, "state");
  DcAdapterConfig config = small_config();
  DcAdapter *other = make(&config, DIM, "another encoder");
  run(other, 0, 70);
  assert_load_changes_nothing(other, "state", DC_ERROR_MISMATCH,
                              (const char *const[3]){"\"test encoder\"", "\"another encoder\""});
  dc_adapter_free(other);
  other = make(&config, DIM + 1, "test encoder");
  assert_load_changes_nothing(other, "state", DC_ERROR_MISMATCH,
                              (const char *const[3]){"(5 numbers)", "(6 numbers)"});
  dc_adapter_free(other);
  dc_adapter_free(one);
}

static void
truncated_states_are_refused(void **state)
{
  (void)state;
  DcAdapter *adapter = make_small();
  run(adapter, 0, 120);
  save(adapter, "whole");
  size_t size;
  unsigned char *bytes = scratch_read("whole", &size);
  for (size_t n = 0; n < size; n += 61) {
    scratch_write("part", bytes, n);
    DcState *part;
    assert_int_equal(dc_state_read("part", &part, NULL), DC_ERROR_FORMAT);
  }
  for (size_t n = size - 200; n < size; n += 7) { /* in the data: the checksum tells */
    bytes[n] ^= 0x10;
    scratch_write("part", bytes, size);
    DcState *part;
    assert_int_equal(dc_state_read("part", &part, NULL), DC_ERROR_FORMAT);
    bytes[n] ^= 0x10;
  }
  free(bytes);
  dc_adapter_free(adapter);
}

static void
other_files_are_refused(void **state)
{
  (void)state;
  DcAdapter *adapter = make_small();
  run(adapter, 0, 70);
  assert_load_changes_nothing(adapter, "absent", DC_ERROR_NOT_FOUND,
                              (const char *const[3]){"absent"});
  scratch_write("text", "no state", 8);
  assert_load_changes_nothing(adapter, "text", DC_ERROR_FORMAT, (const char *const[3]){"text"});
  const float number = 1;
  const DcTensor tensor = {"a", DC_TENSOR_F32, 0, {0}, &number, 4};
  const char *const model[] = {"format", "driftcluster-model", "format_version", "1"};
  assert_int_equal(dc_tensor_file_write("model", &tensor, 1, model, 2, 0, NULL), DC_OK);
  assert_load_changes_nothing(adapter, "model", DC_ERROR_FORMAT,
                              (const char *const[3]){"driftcluster-model", "driftcluster-state"});
  const char *const newer[] = {"format", "driftcluster-state", "format_version", "3"};
  assert_int_equal(dc_tensor_file_write("newer", &tensor, 1, newer, 2, 0, NULL), DC_OK);
  assert_load_changes_nothing(adapter, "newer", DC_ERROR_VERSION,
                              (const char *const[3]){"\"3\"", "\"2\""});
  dc_adapter_free(adapter);
}

/* --- hostile states: a good one with one tensor changed --- */

typedef void (*Spoil)(DcTensor *tensor);

static void
nan_first(DcTensor *tensor)
{
  if (tensor->type == DC_TENSOR_F32)
    *(float *)tensor->data = NAN;
  else
    *(double *)tensor->data = NAN;
}

static void
huge_first(DcTensor *tensor)
{
  *(float *)tensor->data = 3e38f;
}

static void
negative_first(DcTensor *tensor)
{
  if (tensor->type == DC_TENSOR_F32)
    *(float *)tensor->data = -1;
  else if (tensor->type == DC_TENSOR_F64)
    *(double *)tensor->data = -1;
  else
    *(int64_t *)tensor->data = -1;
}

static void
zero_first(DcTensor *tensor)
{
  memset((void *)tensor->data, 0, tensor->type == DC_TENSOR_I64 ? 8 : 4);
}

static void
large_first(DcTensor *tensor)
{
  *(int64_t *)tensor->data = INT64_MAX;
}

static void
one_more(DcTensor *tensor)
{
  ++*(int64_t *)tensor->data;
}

static void
one_less(DcTensor *tensor)
{
  --*(int64_t *)tensor->data;
}

static void
odd_letter(DcTensor *tensor)
{
  *(char *)tensor->data = '@';
}

static void
no_end(DcTensor *tensor)
{
  memset((void *)tensor->data, 'x', 64);
}

static void
latin(DcTensor *tensor)
{
  *(char *)tensor->data = (char)0xe4;
}

static void
one_row_less(DcTensor *tensor)
{
  tensor->bytes -= tensor->bytes / tensor->shape[0];
  tensor->shape[0]--;
}

static void
no_rows(DcTensor *tensor)
{
  tensor->bytes = tensor->shape[0] = 0;
}

static void
no_columns(DcTensor *tensor)
{
  tensor->bytes = tensor->shape[1] = 0;
}

static void
another_name(DcTensor *tensor)
{
  tensor->name = "something else";
}

static void
another_type(DcTensor *tensor)
{
  tensor->type = tensor->type == DC_TENSOR_F32 ? DC_TENSOR_U8 : DC_TENSOR_F64;
  if (tensor->type == DC_TENSOR_U8)
    tensor->bytes /= 4;
}

typedef struct {
  const char *name;
  Spoil spoil;
  DcStatus status;
} Hostile;

/* Writes `path` anew without a checksum, one tensor spoilt, and expects it to be refused. */
static void
assert_spoilt_refused(const char *path, const Hostile *hostile, DcAdapter *adapter)
{
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  DcTensor tensors[80];
  size_t count = dc_tensor_file_count(file);
  assert_in_range(count, 1, 80);
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    tensors[i] = *dc_tensor_file_at(file, i);
    if (strcmp(tensors[i].name, hostile->name) == 0) {
      hostile->spoil(&tensors[i]);
      found = true;
    }
  }
  assert_true(found);
  const char *const metadata[] = {"format",  "driftcluster-state", "format_version", "2",
                                  "encoder", "test encoder"};
  assert_int_equal(dc_tensor_file_write("spoilt", tensors, count, metadata, 3, 0, NULL), DC_OK);
  DcError error = {0};
  DcStatus status = load(adapter, "spoilt", &error);
  if (status != hostile->status || !strstr(error.message, "spoilt"))
    fail_msg("%s: %d \"%s\", not %d", hostile->name, status, error.message, hostile->status);
  dc_tensor_file_free(file);
}

static void
hostile_states_are_refused(void **state)
{
  (void)state;
  const Hostile cases[] = {
      {"centroids", nan_first, DC_ERROR_NOT_FINITE},
      {"centroids", huge_first, DC_ERROR_FORMAT},
      {"centroids", one_row_less, DC_ERROR_SHAPE},
      {"centroids", no_rows, DC_ERROR_FORMAT},
      {"centroids", no_columns, DC_ERROR_FORMAT},
      {"centroids", another_type, DC_ERROR_SHAPE},
      {"centroids", another_name, DC_ERROR_NOT_FOUND},
      {"reference", nan_first, DC_ERROR_NOT_FINITE},
      {"reference", one_row_less, DC_ERROR_SHAPE},
      {"memory.rows", nan_first, DC_ERROR_NOT_FINITE},
      {"memory.rows", huge_first, DC_ERROR_FORMAT},
      {"memory.rows", one_row_less, DC_ERROR_SHAPE},
      {"memory.rows", no_rows, DC_ERROR_FORMAT},
      {"memory.times", one_row_less, DC_ERROR_SHAPE},
      {"memory.counts", negative_first, DC_ERROR_FORMAT},
      {"memory.counts", large_first, DC_ERROR_FORMAT},
      {"memory.counts", one_more, DC_ERROR_FORMAT},
      {"memory.counts", one_less, DC_ERROR_FORMAT},
      {"memory.heads", negative_first, DC_ERROR_FORMAT},
      {"uuids", odd_letter, DC_ERROR_FORMAT},
      {"labels", no_end, DC_ERROR_FORMAT},
      {"labels", zero_first, DC_ERROR_FORMAT},
      {"labels", latin, DC_ERROR_FORMAT},
      {"labels", one_row_less, DC_ERROR_SHAPE},
      {"named", odd_letter, DC_ERROR_FORMAT},
      {"mass", negative_first, DC_ERROR_FORMAT},
      {"mass", nan_first, DC_ERROR_NOT_FINITE},
      {"spread", negative_first, DC_ERROR_FORMAT},
      {"spread", nan_first, DC_ERROR_NOT_FINITE},
      {"shift", nan_first, DC_ERROR_NOT_FINITE},
      {"evidence", negative_first, DC_ERROR_FORMAT},
      {"shares", nan_first, DC_ERROR_NOT_FINITE},
      {"survival", nan_first, DC_ERROR_NOT_FINITE},
      {"survival", negative_first, DC_ERROR_FORMAT},
      {"temperature", zero_first, DC_ERROR_FORMAT},
      {"temperature", nan_first, DC_ERROR_NOT_FINITE},
      {"random.increment", one_more, DC_ERROR_FORMAT},
      {"version", negative_first, DC_ERROR_FORMAT},
      {"version", large_first, DC_ERROR_FORMAT},
      {"accepted", another_type, DC_ERROR_SHAPE},
      {"rejected", another_name, DC_ERROR_NOT_FOUND},
  };
  const Hostile warm_up_cases[] = {
      {"sampled", one_less, DC_ERROR_FORMAT},
      {"sampled", large_first, DC_ERROR_FORMAT},
      {"sample.rows", nan_first, DC_ERROR_NOT_FINITE},
      {"sample.rows", huge_first, DC_ERROR_FORMAT},
      {"sample.rows", no_columns, DC_ERROR_FORMAT},
      {"sample.times", one_row_less, DC_ERROR_SHAPE},
      {"sample.rows", another_name, DC_ERROR_NOT_FOUND},
  };
  DcAdapter *adapter = make_small();
  run(adapter, 0, 20);
  save(adapter, "warming");
  run(adapter, 20, 130);
  save(adapter, "running");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_spoilt_refused("running", &cases[i], adapter);
  for (size_t i = 0; i < sizeof warm_up_cases / sizeof *warm_up_cases; i++)
    assert_spoilt_refused("warming", &warm_up_cases[i], adapter);
  dc_adapter_free(adapter);
}

/* What transport tracking keeps is checked where it is put to use: the adapter stays as it is. */
static void
hostile_maps_are_refused(void **state)
{
  (void)state;
  const struct {
    const char *name;
    Spoil spoil;
    DcStatus status;
  } cases[] = {
      {"transport.source.mean", nan_first, DC_ERROR_FORMAT},
      {"transport.source.share", negative_first, DC_ERROR_FORMAT},
      {"transport.source.basis", one_row_less, DC_ERROR_FORMAT},
      {"transport.source.size", no_rows, DC_ERROR_FORMAT},
      {"transport.source.precision", another_name, DC_ERROR_FORMAT},
      {"transport.matrix", nan_first, DC_ERROR_FORMAT},
      {"transport.matrix", one_row_less, DC_ERROR_FORMAT},
      {"transport.counter", negative_first, DC_ERROR_FORMAT},
      {"transport.window", another_name, DC_ERROR_FORMAT},
      {"transport.pending", nan_first, DC_ERROR_NOT_FINITE},
      {"transport.pending", no_columns, DC_ERROR_FORMAT},
  };
  DcAdapter *adapter = make_small();
  run(adapter, 0, 130);
  save(adapter, "mapped");
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    DcTensorFile *file;
    assert_int_equal(dc_tensor_file_read("mapped", &file, NULL), DC_OK);
    DcTensor tensors[80];
    size_t count = dc_tensor_file_count(file);
    assert_in_range(count, 1, 80);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
      tensors[i] = *dc_tensor_file_at(file, i);
      if (strcmp(tensors[i].name, cases[c].name) == 0) {
        cases[c].spoil(&tensors[i]);
        found = true;
      }
    }
    assert_true(found);
    const char *const metadata[] = {"format",  "driftcluster-state", "format_version", "2",
                                    "encoder", "test encoder"};
    assert_int_equal(dc_tensor_file_write("spoilt", tensors, count, metadata, 3, 0, NULL), DC_OK);
    assert_load_changes_nothing(adapter, "spoilt", cases[c].status,
                                (const char *const[3]){"transport"});
    dc_tensor_file_free(file);
  }
  dc_adapter_free(adapter);
}

/* The maps go with their method; another one starts from the centroids alone. */
static void
maps_are_for_transport_tracking_only(void **state)
{
  (void)state;
  DcAdapter *one = make_small();
  run(one, 0, 130);
  assert_true(dc_adapter_stats(one).transported);
  save(one, "mapped");
  DcAdapterConfig config = small_config();
  config.method = DC_METHOD_ATTENTION;
  DcAdapter *two = make(&config, DIM, "test encoder");
  load_well(two, "mapped");
  assert_false(dc_adapter_stats(two).transported);
  run(two, 130, 300);
  save(two, "plain");
  DcAdapter *three = make_small(); /* and back: the source is described anew */
  load_well(three, "plain");
  assert_false(dc_adapter_stats(three).transported);
  run(three, 300, 332);
  assert_true(dc_adapter_stats(three).transported);
  dc_adapter_free(one);
  dc_adapter_free(two);
  dc_adapter_free(three);
}

static void
a_missing_encoder_is_refused(void **state)
{
  (void)state;
  char name[200] = {0};
  memset(name, 'n', sizeof name - 1);
  const float number = 1;
  const DcTensor tensor = {"a", DC_TENSOR_F32, 0, {0}, &number, 4};
  const char *const metadata[] = {"format", "driftcluster-state", "format_version", "2", "encoder",
                                  name};
  for (size_t pairs = 2; pairs <= 3; pairs++) {
    assert_int_equal(dc_tensor_file_write("nameless", &tensor, 1, metadata, pairs, 0, NULL), DC_OK);
    DcState *loaded;
    DcError error;
    assert_int_equal(dc_state_read("nameless", &loaded, &error), DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "encoder"));
  }
}

static void
the_state_before_is_kept(void **state)
{
  (void)state;
  DcAdapter *adapter = make_small();
  run(adapter, 0, 60);
  save(adapter, "kept");
  run(adapter, 60, 120);
  save(adapter, "kept");
  DcAdapter *one = make_small(), *two = make_small();
  load_well(one, "kept");
  load_well(two, "kept.previous");
  assert_int_equal(dc_adapter_stats(one).accepted, 120);
  assert_int_equal(dc_adapter_stats(two).accepted, 60);
  DcState *captured = dc_state_capture(adapter);
  DcError error;
  assert_int_equal(dc_state_write(captured, "no-folder/state", &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, "no-folder/state"));
  dc_state_free(captured);
  dc_adapter_free(one);
  dc_adapter_free(two);
  dc_adapter_free(adapter);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restart_continues_exactly),
      cmocka_unit_test(a_long_warm_up_continues_exactly),
      cmocka_unit_test(a_capture_does_not_change_any_more),
      cmocka_unit_test(another_window_keeps_what_it_has_room_for),
      cmocka_unit_test(the_clusters_are_those_of_the_state),
      cmocka_unit_test(the_state_before_is_kept),
      cmocka_unit_test(a_state_of_another_encoder_is_refused),
      cmocka_unit_test(truncated_states_are_refused),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(hostile_states_are_refused),
      cmocka_unit_test(hostile_maps_are_refused),
      cmocka_unit_test(maps_are_for_transport_tracking_only),
      cmocka_unit_test(a_missing_encoder_is_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
