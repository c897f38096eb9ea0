/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The open world in state files: restarts, and files that are damaged. */
#include "open_streams.h"

#include "store/state_private.h"

/* Stopped while a group waits to be born, between retirements and births: the end is the same byte
 * for byte. */
static void
a_restart_goes_on_with_the_same_bytes(void **state)
{
  (void)state;
  for (size_t m = 0; m < METHODS; m++) {
    Stream stream[2];
    DcAdapterConfig config = open_config(methods[m], 12);
    config.max_clusters = GROUPS;
    for (size_t i = 0; i < 2; i++) {
      begin(&stream[i], &config);
      for (size_t part = 0; part < 9; part++) {
        if (part < 2)
          run(&stream[i], 2, 617);
        else
          run_with(&stream[i], 3, 85);
        if (i == 1) {
          save(stream[i].adapter, "middle");
          dc_adapter_free(stream[i].adapter);
          stream[i].adapter = reopen(&config, "middle");
        }
      }
    }
    assert_true(stream[0].births > 0 && stream[0].retired > 0);
    save(stream[0].adapter, "one");
    save(stream[1].adapter, "other");
    assert_equal_files("one", "other");
    end(&stream[0]);
    end(&stream[1]);
  }
}

/* Saved while revised, read by an adapter that revises nothing: it goes on with the clusters. */
static void
a_state_is_read_where_nothing_is_revised(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 12);
  begin(&stream, &config);
  run(&stream, GROUPS + 1, 1000);
  save(stream.adapter, "state");
  config.revise = DC_REVISE_NEVER;
  DcAdapter *adapter = reopen(&config, "state");
  assert_int_equal(dc_adapter_stats(adapter).clusters, GROUPS + 1);
  assert_int_equal(dc_adapter_stats(adapter).births, 1);
  assert_int_equal(dc_adapter_stats(adapter).unknowns, 0);
  dc_adapter_free(adapter);
  end(&stream);
}

/* Writes a state with one number of one tensor spoilt; it is refused by the name of that tensor. */
static void
assert_spoilt_refused(const DcAdapter *adapter, const char *name, size_t index, double number)
{
  DcError error;
  DcState *state = dc_state_capture(adapter), *read = NULL;
  const DcTensor *tensor = dc_state_find(state, name);
  assert_non_null(tensor);
  if (tensor->type == DC_TENSOR_F64)
    ((double *)tensor->data)[index] = number;
  else if (tensor->type == DC_TENSOR_F32)
    ((float *)tensor->data)[index] = (float)number;
  else if (tensor->type == DC_TENSOR_I64)
    ((int64_t *)tensor->data)[index] = (int64_t)number;
  else
    ((uint8_t *)tensor->data)[index] = (uint8_t)number;
  must(dc_state_write(state, "spoilt", &error), &error);
  dc_state_free(state);
  DcStatus status = dc_state_read("spoilt", &read, &error);
  assert_null(read);
  if ((status != DC_ERROR_FORMAT && status != DC_ERROR_NOT_FINITE) || !strstr(error.message, name))
    fail_msg("%s[%zu] = %g: %s", name, index, number, dc_status_text(status));
}

/* Renames one tensor, so that it is missing. */
static void
assert_needed(const DcAdapter *adapter, const char *name)
{
  DcError error;
  DcState *state = dc_state_capture(adapter), *read = NULL;
  ((DcTensor *)dc_state_find(state, name))->name = "something else";
  must(dc_state_write(state, "spoilt", &error), &error);
  dc_state_free(state);
  assert_int_equal(dc_state_read("spoilt", &read, &error), DC_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, name));
}

static void
damaged_states_are_refused(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 9);
  config.retire_after = 2000 * 1000;
  begin(&stream, &config);
  run(&stream, GROUPS - 1, 2400); /* one is retired */
  assert_int_equal(stream.retired, 1);
  const DcAdapter *adapter = stream.adapter;
  assert_true(dc_adapter_stats(adapter).unknowns > 0);
  assert_spoilt_refused(adapter, "revision", DC_STATE_CHOSEN, -1);
  assert_spoilt_refused(adapter, "revision", DC_STATE_RECEIVED, NAN);
  assert_spoilt_refused(adapter, "revision", DC_STATE_BIRTHS, 1e300);
  assert_spoilt_refused(adapter, "revision", DC_STATE_UNDONE, DC_OPEN_WORLD_MOST_UNDONE + 1);
  assert_spoilt_refused(adapter, "history", 1, -5);
  assert_spoilt_refused(adapter, "unknowns.rows", 0, NAN);
  assert_spoilt_refused(adapter, "unknowns.rows", 3, 3e38);
  assert_spoilt_refused(adapter, "unknowns.places", 0, 1e12); /* of the future */
  assert_spoilt_refused(adapter, "unknowns.places", 0, -1);
  assert_spoilt_refused(adapter, "retired_uuids", 0, 'a' + 20);
  assert_spoilt_refused(adapter, "retired_labels", 0, 0);
  assert_spoilt_refused(adapter, "retired_places", 0, INFINITY);
  static const char *const names[] = {"history",         "unknowns.rows", "unknowns.times",
                                      "unknowns.places", "retired_uuids", "retired_labels",
                                      "retired_places"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_needed(adapter, names[i]);
  end(&stream);
}

/* What was chosen stays so through a run in which it was not to be revised. */
static void
a_chosen_number_is_revised_again_after_a_pause(void **state)
{
  (void)state;
  Stream stream;
  DcAdapterConfig config = open_config(DC_METHOD_ATTENTION, 12);
  begin(&stream, &config);
  save(stream.adapter, "state");
  config.revise = DC_REVISE_NEVER;
  DcAdapter *paused = reopen(&config, "state");
  assert_false(dc_open_world_is_active(paused));
  save(paused, "state");
  dc_adapter_free(paused);
  config.revise = DC_REVISE_AUTO;
  dc_adapter_free(stream.adapter);
  stream.adapter = reopen(&config, "state");
  run(&stream, GROUPS + 1, 800);
  assert_int_equal(stream.births, 1);
  end(&stream);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restart_goes_on_with_the_same_bytes),
      cmocka_unit_test(damaged_states_are_refused),
      cmocka_unit_test(a_chosen_number_is_revised_again_after_a_pause),
      cmocka_unit_test(a_state_is_read_where_nothing_is_revised),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
