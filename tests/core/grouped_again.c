/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups of our own that change their members with a larger sample, and when they may not. The
 * embeddings are noise, of which every sample is grouped otherwise: who keeps its groups shows it,
 * and who makes them again too. */
#include "test.h"

#include "base/random.h"
#include "stream/adapter.h"
#include "stream/identity.h"

enum { DIM = 6, CLUSTERS = 4, WARM_UP = 256, SECOND = 512, LAST = 1024, PROBES = 1000 };

/* Share of probes that keep their label with the same groups: what describing them by twice the
 * sample moves is their edges. And what chance alone leaves of four even groups is a quarter. */
#define KEPT   0.8
#define CHANGE 0.7

typedef struct {
  DcAdapter *adapter;
  DcRandom random;
  float probes[PROBES * DIM];
  uint32_t labels[PROBES];
} Run;

static void
begin(Run *run)
{
  DcAdapterConfig config = dc_adapter_config();
  DcError error;
  config.clusters = CLUSTERS;
  config.seed = 3;
  dc_random_seed(&run->random, 5, 0);
  for (size_t i = 0; i < PROBES * DIM; i++)
    run->probes[i] = (float)dc_random_normal(&run->random);
  if (dc_adapter_new(&config, DIM, "noise", &run->adapter, &error))
    fail_msg("%s", error.message);
}

/* Pushes normal numbers until `last` are accepted; `side` (1 or -1) has the first one of each be of
 * that sign, 0 takes them as they come. */
static void
run_to(Run *run, uint64_t last, int side)
{
  while (dc_adapter_stats(run->adapter).accepted < last) {
    float row[DIM];
    for (size_t i = 0; i < DIM; i++)
      row[i] = (float)dc_random_normal(&run->random);
    if (side)
      row[0] = (float)side * fabsf(row[0]);
    DcMatrix one = dc_matrix(row, 1, DIM);
    DcPushResult result;
    assert_int_equal(dc_adapter_push(run->adapter, &one, 0, &result), DC_OK);
    if (dc_adapter_is_due(run->adapter))
      assert_int_equal(dc_adapter_adapt(run->adapter, true, NULL), DC_OK);
  }
}

/* Labels the probes; the share of them that has the label of the time before. */
static double
relabel(Run *run)
{
  DcAssigner *assigner = dc_assigner_new();
  DcSnapshot *snapshot = dc_adapter_snapshot(run->adapter);
  size_t kept = 0;
  for (size_t i = 0; i < PROBES; i++) {
    DcMatrix one = dc_matrix(run->probes + i * DIM, 1, DIM);
    DcAssignment assignment;
    assert_int_equal(dc_snapshot_assign(snapshot, assigner, &one, 0, &assignment), DC_OK);
    kept += assignment.cluster == run->labels[i];
    run->labels[i] = assignment.cluster;
  }
  dc_snapshot_unref(snapshot);
  dc_assigner_free(assigner);
  return (double)kept / PROBES;
}

static void
groups_are_made_again_with_more(void **state)
{
  (void)state;
  Run run;
  begin(&run);
  run_to(&run, SECOND - 1, 0);
  relabel(&run);
  run_to(&run, SECOND, 0);
  assert_true(relabel(&run) < CHANGE);
  dc_adapter_free(run.adapter);
}

/* 1024 are more than 150 for each of four. */
static void
groups_of_many_stay(void **state)
{
  (void)state;
  Run run;
  begin(&run);
  run_to(&run, LAST - 1, 0);
  relabel(&run);
  run_to(&run, LAST, 0);
  assert_true(relabel(&run) > KEPT);
  dc_adapter_free(run.adapter);
}

/* What a person did to one of the clusters before the second sample was full. */
static void
assert_groups_stay(DcStatus (*touch)(DcAdapter *adapter))
{
  Run run;
  begin(&run);
  run_to(&run, SECOND - 1, 0);
  relabel(&run);
  assert_int_equal(touch(run.adapter), DC_OK);
  run_to(&run, SECOND, 0);
  assert_true(relabel(&run) > KEPT);
  dc_adapter_free(run.adapter);
}

static DcStatus
name_one(DcAdapter *adapter)
{
  return dc_adapter_rename(adapter, 1, "mine", NULL);
}

static DcStatus
pin_one(DcAdapter *adapter)
{
  return dc_adapter_pin(adapter, 1, true, NULL);
}

static DcStatus
ignore_one(DcAdapter *adapter)
{
  return dc_adapter_ignore(adapter, 1, true, NULL);
}

static void
groups_that_a_person_named_stay(void **state)
{
  (void)state;
  assert_groups_stay(name_one);
}

static void
groups_that_a_person_pinned_stay(void **state)
{
  (void)state;
  assert_groups_stay(pin_one);
}

static void
groups_that_a_person_set_aside_stay(void **state)
{
  (void)state;
  assert_groups_stay(ignore_one);
}

/* Half of the space shows nothing any more: its groups must not be cut out of the other half. */
static void
groups_stay_while_kinds_are_away(void **state)
{
  (void)state;
  Run run;
  begin(&run);
  run_to(&run, WARM_UP, 0);
  run_to(&run, SECOND - 1, 1);
  relabel(&run);
  run_to(&run, SECOND, 1);
  assert_true(relabel(&run) > KEPT);
  dc_adapter_free(run.adapter);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_are_made_again_with_more),
      cmocka_unit_test(groups_of_many_stay),
      cmocka_unit_test(groups_that_a_person_named_stay),
      cmocka_unit_test(groups_that_a_person_pinned_stay),
      cmocka_unit_test(groups_that_a_person_set_aside_stay),
      cmocka_unit_test(groups_stay_while_kinds_are_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
