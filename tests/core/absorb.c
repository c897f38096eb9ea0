/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "stream/absorb.h"

#include "base/random.h"
#include "store/state_file.h"
#include "stream/adapter_private.h"
#include "stream/identity.h"

/* Streams of three groups in four dimensions. */
enum { DIM = 4, GROUPS = 3 };

/* Group `group` lies at 4 on axis `group`, and all of them at `shift` on the last axis. */
static void
draw(uint64_t index, size_t group, float shift, float *row)
{
  DcRandom random;
  dc_random_seed(&random, index, 7);
  for (size_t j = 0; j < DIM; j++)
    row[j] = (j == group ? 4.0f : 0) + (j == DIM - 1 ? shift : 0) +
             0.3f * (float)dc_random_normal(&random);
}

static DcAdapter *
make(const char *encoder, uint64_t seed, size_t embeddings, float shift)
{
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = GROUPS;
  config.window = 180;
  config.warm_up = 60;
  config.interval = 30;
  config.seed = seed;
  DcAdapter *adapter;
  assert_int_equal(dc_adapter_new(&config, DIM, encoder, &adapter, NULL), DC_OK);
  for (uint64_t i = 0; i < embeddings; i++) {
    float row[DIM];
    draw(1000 * seed + i, i % GROUPS, shift, row);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(adapter, &matrix, i, &result), DC_OK);
    if (dc_adapter_is_due(adapter))
      assert_int_equal(dc_adapter_adapt(adapter, true, NULL), DC_OK);
  }
  return adapter;
}

/* The same with room for twice as much, as the command has it. */
static DcAdapter *
reopen(const DcAdapter *adapter, size_t times)
{
  DcState *state = dc_state_capture(adapter);
  DcAdapter *opened;
  DcError error;
  if (dc_state_open(state, times, &opened, &error) != DC_OK)
    fail_msg("%s", error.message);
  dc_state_free(state);
  return opened;
}

static DcAbsorbed
absorb(DcAdapter *adapter, const DcAdapter *other)
{
  DcAbsorbed absorbed;
  DcError error;
  if (dc_adapter_absorb(adapter, other, &absorbed, &error) != DC_OK)
    fail_msg("%s", error.message);
  return absorbed;
}

static const DcClusterInfo *
info(const DcAdapter *adapter, size_t k)
{
  return &adapter->clusters.infos[k];
}

static void
the_same_groups_are_matched(void **state)
{
  (void)state;
  DcAdapter *a = make("test", 1, 200, 0), *b = make("test", 2, 200, 0.1f);
  DcAdapter *both = reopen(a, 2), *other = reopen(b, 1);
  DcClusterInfo before[GROUPS];
  memcpy(before, both->clusters.infos, sizeof before);
  assert_int_equal(dc_adapter_rename(other, 1, "dogs", NULL), DC_OK);
  DcAbsorbed absorbed = absorb(both, other);
  assert_int_equal(absorbed.matched, GROUPS);
  assert_int_equal(absorbed.added, 0);
  assert_int_equal(both->clusters.count, GROUPS);
  double mass = 0;
  size_t named = 0;
  for (size_t k = 0; k < GROUPS; k++) {
    assert_string_equal(info(both, k)->uuid, before[k].uuid);
    named += strcmp(info(both, k)->label, "dogs") == 0;
    mass += info(both, k)->mass;
  }
  assert_int_equal(named, 1);
  assert_near(mass, 400, 1e-6);
  assert_int_equal(dc_adapter_stats(both).remembered,
                   dc_adapter_stats(a).remembered + dc_adapter_stats(b).remembered);
  assert_int_equal(dc_adapter_stats(both).accepted, 400);
  for (DcAdapter **one = (DcAdapter *[]){a, b, both, other, NULL}; *one; one++)
    dc_adapter_free(*one);
}

/* Also with the same seed, by which clusters of different streams have equal uuids. */
static void
other_groups_are_added_under_names_of_their_own(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 2; seed++) {
    DcAdapter *a = make("test", 1, 200, 0), *b = make("test", seed, 200, 9);
    DcAdapter *both = reopen(a, 2), *other = reopen(b, 1);
    assert_int_equal(dc_adapter_pin(other, 2, true, NULL), DC_OK);
    DcAbsorbed absorbed = absorb(both, other);
    assert_int_equal(absorbed.matched, 0);
    assert_int_equal(absorbed.added, GROUPS);
    assert_int_equal(both->clusters.count, 2 * GROUPS);
    for (size_t k = 0; k < 2 * GROUPS; k++)
      for (size_t j = 0; j < k; j++) {
        assert_string_not_equal(info(both, k)->uuid, info(both, j)->uuid);
        assert_string_not_equal(info(both, k)->label, info(both, j)->label);
      }
    for (size_t k = 0; k < GROUPS; k++) {
      assert_string_equal(info(both, k)->uuid, info(a, k)->uuid);
      if (seed != 1)
        assert_string_equal(info(both, GROUPS + k)->uuid, info(b, k)->uuid);
    }
    assert_true(info(both, GROUPS + 2)->pinned);
    for (DcAdapter **one = (DcAdapter *[]){a, b, both, other, NULL}; *one; one++)
      dc_adapter_free(*one);
  }
}

/* Two saves of one stream are one, however far it drifted between them. */
static void
one_stream_is_matched_across_a_drift(void **state)
{
  (void)state;
  DcAdapter *early = make("test", 3, 90, 0), *late = reopen(early, 1);
  for (size_t i = 0; i < GROUPS * DIM; i++)
    late->clusters.centroids[i] += 5;
  DcAdapter *both = reopen(early, 2);
  assert_int_equal(absorb(both, late).matched, GROUPS);
  dc_adapter_free(early);
  dc_adapter_free(late);
  dc_adapter_free(both);
}

static void
merged_states_are_the_same_each_time_and_can_be_read(void **state)
{
  (void)state;
  DcAdapter *a = make("test", 1, 200, 0), *b = make("test", 2, 200, 9);
  for (size_t round = 0; round < 2; round++) {
    DcAdapter *both = reopen(a, 2);
    absorb(both, b);
    DcState *saved = dc_state_capture(both);
    assert_int_equal(dc_state_write(saved, round ? "second" : "first", NULL), DC_OK);
    dc_state_free(saved);
    dc_adapter_free(both);
  }
  assert_equal_files("first", "second");
  DcState *read;
  assert_int_equal(dc_state_read("first", &read, NULL), DC_OK);
  assert_string_equal(dc_state_encoder(read), "test");
  assert_int_equal(dc_state_dim(read), DIM);
  DcAdapter *running = make("test", 4, 200, 0); /* and a stream goes on with it */
  assert_int_equal(dc_state_restore(read, running, NULL), DC_OK);
  assert_int_equal(running->clusters.count, 2 * GROUPS);
  dc_state_free(read);
  dc_adapter_free(running);
  dc_adapter_free(a);
  dc_adapter_free(b);
}

static void
what_does_not_belong_together_is_refused(void **state)
{
  (void)state;
  DcAdapter *a = make("one", 1, 200, 0), *b = make("two", 1, 200, 0),
            *young = make("one", 1, 20, 0);
  DcAbsorbed absorbed;
  DcError error;
  assert_int_equal(dc_adapter_absorb(a, b, &absorbed, &error), DC_ERROR_MISMATCH);
  assert_non_null(strstr(error.message, "\"one\""));
  assert_non_null(strstr(error.message, "\"two\""));
  assert_int_equal(dc_adapter_absorb(a, young, &absorbed, &error), DC_ERROR_NOT_READY);
  assert_int_equal(dc_adapter_absorb(young, a, &absorbed, &error), DC_ERROR_NOT_READY);
  assert_int_equal(a->clusters.count, GROUPS);
  dc_adapter_free(a);
  dc_adapter_free(b);
  dc_adapter_free(young);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_groups_are_matched),
      cmocka_unit_test(other_groups_are_added_under_names_of_their_own),
      cmocka_unit_test(one_stream_is_matched_across_a_drift),
      cmocka_unit_test(merged_states_are_the_same_each_time_and_can_be_read),
      cmocka_unit_test(what_does_not_belong_together_is_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
