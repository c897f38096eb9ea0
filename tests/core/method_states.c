/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The states of the methods of adapting: saved, gone on from, damaged. */
#include "saved.h"

#include "methods.h"
#include "store/safetensors.h"

/* A restart in the middle of an interval changes no byte of the state at the end. */
static void
a_restart_goes_on_with_the_same_bytes(void **state)
{
  (void)state;
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number);
    DcAdapterConfig config = config_of(&how);
    config.half_life = 200000000;
    DcAdapter *whole = make(&config), *second = make(&config);
    DcError error = {0};
    run(whole, 0, 333);
    save(whole, "middle");
    if (load(second, "middle", &error))
      fail_msg("%s", error.message);
    save(second, "again");
    assert_equal_files("middle", "again");
    run(whole, 333, 900);
    run(second, 333, 900);
    save(whole, "whole");
    save(second, "parts");
    assert_equal_files("whole", "parts");
    dc_adapter_free(whole);
    dc_adapter_free(second);
    dc_tdcm_free(how.module);
  }
}

/* The state of any method can be gone on from with any other. */
static void
a_state_serves_every_method(void **state)
{
  (void)state;
  for (int from = 0; from < WAYS; from++) {
    Way made = way(from);
    DcAdapterConfig config = config_of(&made);
    DcAdapter *first = make(&config);
    run(first, 0, 400);
    save(first, "state");
    for (int to = 0; to < WAYS; to++) {
      Way how = way(to);
      DcAdapterConfig other = config_of(&how);
      DcAdapter *second = make(&other);
      DcError error = {0};
      if (load(second, "state", &error))
        fail_msg("%s", error.message);
      run(second, 400, 500);
      assert_sane(second, GROUPS, 8);
      dc_adapter_free(second);
      dc_tdcm_free(how.module);
    }
    dc_adapter_free(first);
    dc_tdcm_free(made.module);
  }
}

/* With another effort the source stays and the maps start anew. */
static void
a_state_serves_every_effort(void **state)
{
  (void)state;
  Way how = {.method = DC_METHOD_TRANSPORT};
  for (int effort = 0; effort < 2; effort++) {
    DcAdapterConfig config = config_of(&how);
    config.effort = effort ? DC_EFFORT_SIMPLE : DC_EFFORT_FULL;
    DcAdapter *first = make(&config);
    run(first, 0, 600);
    assert_true(dc_adapter_stats(first).transported);
    save(first, "state");
    config.effort = effort ? DC_EFFORT_FULL : DC_EFFORT_SIMPLE;
    DcAdapter *second = make(&config);
    DcError error = {0};
    if (load(second, "state", &error))
      fail_msg("%s", error.message);
    assert_true(dc_adapter_stats(second).transported);
    assert_int_equal(dc_adapter_stats(second).expert, 0);
    run(second, 600, 800);
    assert_sane(second, GROUPS, 8);
    dc_adapter_free(first);
    dc_adapter_free(second);
  }
}

typedef struct {
  int way;
  const char *name;
  size_t at;     /* number of the tensor */
  double number; /* that is put there */
  int fewer;     /* columns */
} Damage;

static void
damage(const char *path, const Damage *what)
{
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  DcTensor tensors[96];
  size_t count = dc_tensor_file_count(file);
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    tensors[i] = *dc_tensor_file_at(file, i);
    if (strcmp(tensors[i].name, what->name) != 0)
      continue;
    found = true;
    if (what->fewer) {
      tensors[i].shape[1]--;
      tensors[i].bytes = tensors[i].bytes / (tensors[i].shape[1] + 1) * tensors[i].shape[1];
    } else if (tensors[i].type == DC_TENSOR_F32) {
      ((float *)tensors[i].data)[what->at] = (float)what->number;
    } else {
      ((double *)tensors[i].data)[what->at] = what->number;
    }
  }
  assert_true(found);
  const char *const metadata[] = {"format", "driftcluster-state", "format_version", "2", "encoder",
                                  "methods"};
  assert_int_equal(dc_tensor_file_write("damaged", tensors, count, metadata, 3, 0, NULL), DC_OK);
  dc_tensor_file_free(file);
}

static void
damaged_states_are_refused(void **state)
{
  (void)state;
  const Damage cases[] = {
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 1, -1, 0},
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 0, NAN, 0},
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 0, INFINITY, 0},
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 0, 0, 1},
      {DC_METHOD_MIXTURE, "mixture.bias", 0, 0.5, 0},
      {DC_METHOD_MIXTURE, "mixture.bias", 0, -INFINITY, 0},
      {DC_METHOD_MIXTURE, "mixture.pending", 0, 0, 1},
      {DC_METHOD_MIXTURE, "mixture.pending", 2, NAN, 0},
      {DC_METHOD_SECU, "secu.centres", 3, 1.5, 0},
      {DC_METHOD_SECU, "secu.centres", 3, NAN, 0},
      {DC_METHOD_SECU, "secu.centres", 0, 0, 1},
      {DC_METHOD_SECU, "secu.lengths", 0, INFINITY, 0},
      {DC_METHOD_SECU, "secu.lengths", 0, 0, 1},
      {DC_METHOD_SECU, "secu.counts", 0, -2, 0},
      {DC_METHOD_SECU, "secu.pending", 0, INFINITY, 0},
      {DC_METHOD_COUNT, "attention.scale", 0, 0, 0},
      {DC_METHOD_COUNT, "attention.scale", 0, NAN, 0},
      {DC_METHOD_COUNT, "attention.means", 2, INFINITY, 0},
      {DC_METHOD_COUNT, "attention.mass", 1, -1, 0},
      {DC_METHOD_COUNT, "attention.mass", 0, 0, 1},
      {DC_METHOD_COUNT, "attention.total", 0, -1, 0},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    Way how = way(cases[c].way);
    DcAdapterConfig config = config_of(&how);
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 333);
    save(adapter, "sound");
    damage("sound", &cases[c]);
    DcError error = {0};
    DcStatus status = load(adapter, "damaged", &error);
    if ((status != DC_ERROR_FORMAT && status != DC_ERROR_NOT_FINITE) ||
        !strstr(error.message, cases[c].name))
      fail_msg("case %zu: status %d, \"%s\"", c, status, error.message);
    save(adapter, "after"); /* nothing was touched */
    assert_equal_files("sound", "after");
    dc_adapter_free(adapter);
    dc_tdcm_free(how.module);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restart_goes_on_with_the_same_bytes),
      cmocka_unit_test(a_state_serves_every_method),
      cmocka_unit_test(a_state_serves_every_effort),
      cmocka_unit_test(damaged_states_are_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
