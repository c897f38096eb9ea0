/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Encoder drift: whether embeddings still tell the clusters apart, and keeping their moments. */
#include "saved.h"

#include "base/memory.h"
#include "base/random.h"
#include "stream/adapter_private.h"

enum { DIM = 6, GROUPS = 3 };

/* --- separation --- */

static void
a_fallen_margin_is_a_loss_until_it_has_risen_again(void **state)
{
  (void)state;
  DcSeparation separation = {0};
  for (size_t i = 0; i < DC_SEPARATION_REFERENCE; i++)
    dc_separation_note(&separation, i % 2 ? 0.9 : 0.7);
  assert_near(separation.reference, 0.8, 1e-9);
  dc_separation_judge(&separation);
  assert_false(separation.lost);
  for (size_t i = 0; i < 10000; i++) {
    dc_separation_note(&separation, 0.7); /* 0.875 of the reference */
    dc_separation_judge(&separation);
    assert_false(separation.lost);
  }
  for (size_t i = 0; i < 10000; i++)
    dc_separation_note(&separation, 0.66);
  dc_separation_judge(&separation);
  assert_true(separation.lost);
  for (size_t i = 0; i < 10000; i++)
    dc_separation_note(&separation, 0.72); /* above 0.85, but not above 0.92 of it */
  dc_separation_judge(&separation);
  assert_true(separation.lost);
  for (size_t i = 0; i < 10000; i++)
    dc_separation_note(&separation, 0.75);
  dc_separation_judge(&separation);
  assert_false(separation.lost);
  assert_near(separation.reference, 0.8, 1e-9); /* which is kept */
  dc_separation_restart(&separation);
  assert_int_equal(separation.seen, 0);
}

static void
nothing_is_lost_before_there_is_a_reference(void **state)
{
  (void)state;
  DcSeparation separation = {0};
  for (size_t i = 0; i < DC_SEPARATION_REFERENCE; i++) {
    dc_separation_note(&separation, i < 500 ? 1 : 0);
    dc_separation_judge(&separation);
    assert_false(separation.lost);
  }
}

/* --- alignment --- */

/* Row `index` of three groups, their numbers drifted by a gain and an offset of their own, `share`
 * of the way. */
static void
draw(size_t index, double share, float *row)
{
  static const double gain[DIM] = {2, 0.5, 1.5, 1, 3, 0.8}, offset[DIM] = {1, -2, 0, 4, -1, 2};
  DcRandom random;
  dc_random_seed(&random, index, 4);
  for (size_t j = 0; j < DIM; j++) {
    double number = (j == index % GROUPS ? 3 : 0.5) + 0.4 * dc_random_normal(&random);
    row[j] = (float)(number * (1 + share * (gain[j] - 1)) + share * offset[j]);
  }
}

/* What drifted to the end comes back to where it was, to a sampling error of the moments. */
static void
moments_are_kept(void **state)
{
  (void)state;
  DcAlignment *alignment = dc_alignment_new(DIM);
  float row[DIM], plain[DIM];
  DcMatrix one = dc_matrix(row, 1, DIM);
  for (size_t i = 0; i < 600; i++) {
    draw(i, 0, row);
    dc_alignment_receive(alignment, &one);
    if (i % 60 == 59)
      dc_alignment_update(alignment, 600, 500, 1);
    if (i % 60 == 59)
      for (size_t j = 0; j < DIM; j++) {
        assert_near(alignment->gain[j], 1, 1e-6);
        assert_near(alignment->offset[j], 0, 1e-5); /* while the reference grows, nothing moves */
      }
  }
  for (size_t i = 600; i < 9600; i++) {
    draw(i, fmin((double)(i - 600) / 3000, 1), row);
    dc_alignment_receive(alignment, &one);
    if (i % 60 == 59)
      dc_alignment_update(alignment, 600, 500, 1);
  }
  for (size_t i = 10000; i < 10050; i++) {
    draw(i, 1, row);
    draw(i, 0, plain);
    dc_alignment_apply(alignment, &one, &one);
    for (size_t j = 0; j < DIM; j++) /* a deviation of 1.2 known from about 700 members: 5 s.e. */
      assert_near(row[j], plain[j], 0.35);
  }
  dc_alignment_free(alignment);
}

static void
what_is_not_trusted_moves_nothing(void **state)
{
  (void)state;
  DcAlignment *alignment = dc_alignment_new(DIM);
  const double mean[DIM] = {1, 2, 3, 4, 5, 6}, variance[DIM] = {1, 1, 1, 1, 1, 0};
  dc_alignment_refer(alignment, mean, variance);
  float row[DIM] = {9, 9, 9, 9, 9, 9};
  DcMatrix one = dc_matrix(row, 1, DIM);
  for (size_t i = 0; i < 100; i++) {
    dc_alignment_receive(alignment, &one);
    dc_alignment_update(alignment, 600, 500, 0);
  }
  for (size_t j = 0; j < DIM; j++)
    assert_near(alignment->running[j], mean[j], 0);
  /* And gains stay within bounds whatever comes: here equal numbers for ever, then a huge one. */
  for (size_t i = 0; i < 20000; i++) {
    dc_alignment_receive(alignment, &one);
    dc_alignment_update(alignment, 600, 500, 1);
    row[0] = i == 15000 ? 1e18f : 9;
  }
  for (size_t j = 0; j < DIM; j++) {
    assert_true(alignment->gain[j] >= 0.25f && alignment->gain[j] <= 4);
    assert_true(isfinite(alignment->offset[j]));
  }
  assert_true(alignment->gain[5] == 1); /* a number that told nothing is left alone */
  dc_alignment_free(alignment);
}

/* --- in an adapter --- */

static DcAdapter *
make(DcMethod method, DcAlign align)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = method;
  config.align = align;
  config.clusters = GROUPS;
  config.window = 300;
  config.warm_up = 150;
  config.interval = 30;
  DcAdapter *adapter;
  DcError error = {0};
  if (dc_adapter_new(&config, DIM, "drifting", &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

static uint32_t
label(DcAdapter *adapter, size_t index, double share)
{
  float row[DIM];
  draw(index, share, row);
  DcMatrix one = dc_matrix(row, 1, DIM);
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssigner *assigner = dc_assigner_new();
  DcAssignment found;
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &one, 0, &found), DC_OK);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
  return found.cluster;
}

static void
run(DcAdapter *adapter, size_t first, size_t end, double drift)
{
  for (size_t i = first; i < end; i++) {
    float row[DIM];
    draw(i, drift * fmin(fmax(((double)i - 1000) / 8000, 0), 1), row);
    DcMatrix one = dc_matrix(row, 1, DIM);
    DcPushResult result;
    DcError error = {0};
    assert_int_equal(dc_adapter_push(adapter, &one, i * 1000, &result), DC_OK);
    if (dc_adapter_is_due(adapter) && dc_adapter_adapt(adapter, true, &error))
      fail_msg("%s", error.message);
  }
}

/* Frozen centroids lose the clusters as the encoder drifts, and say so; aligned ones do not. */
static void
an_aligned_adapter_keeps_its_clusters(void **state)
{
  (void)state;
  for (int align = 0; align < 2; align++) {
    DcAdapter *adapter = make(DC_METHOD_NONE, align ? DC_ALIGN_MOMENTS : DC_ALIGN_NONE);
    run(adapter, 0, 1000, 0);
    uint32_t name[GROUPS];
    for (size_t group = 0; group < GROUPS; group++)
      name[group] = label(adapter, 99000 + group, 0);
    run(adapter, 1000, 24000, 1);
    size_t right = 0;
    for (size_t i = 99000; i < 99300; i++)
      right += label(adapter, i, 1) == name[i % GROUPS];
    DcAdapterStats stats = dc_adapter_stats(adapter);
    assert_true(align ? right > 285 : right < 250); /* with moments of about 700 members */
    assert_int_equal(stats.separation_lost, !align);
    /* Who knows nothing of alignment sees the centroids where the stream is. */
    DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
    DcMatrix centroids = dc_snapshot_centroids(snapshot);
    for (size_t j = 0; j < DIM && align; j++) {
      double mean = 0, expected = 0;
      for (size_t k = 0; k < GROUPS; k++)
        mean += dc_matrix_row(&centroids, k)[j] / GROUPS;
      for (size_t i = 99000; i < 99300; i++) {
        float row[DIM];
        draw(i, 1, row);
        expected += row[j] / 300;
      }
      assert_near(mean, expected, 0.6); /* 3 numbers in which a group differs by up to 9 */
    }
    dc_snapshot_unref(snapshot);
    dc_adapter_free(adapter);
  }
}

static void
alignment_survives_a_restart(void **state)
{
  (void)state;
  const size_t moments[] = {100, 160, 2345}; /* in the warm-up, in the reference, drifted */
  for (size_t m = 0; m < 3; m++) {
    DcAdapter *whole = make(DC_METHOD_ATTENTION, DC_ALIGN_MOMENTS);
    DcAdapter *second = make(DC_METHOD_ATTENTION, DC_ALIGN_MOMENTS);
    run(whole, 0, moments[m], 1);
    save(whole, "middle");
    load_well(second, "middle");
    run(whole, moments[m], 4000, 1);
    run(second, moments[m], 4000, 1);
    save(whole, "whole");
    save(second, "parts");
    assert_equal_files("whole", "parts");
    dc_adapter_free(whole);
    dc_adapter_free(second);
  }
}

/* One made with alignment goes on without, and the other way round. */
static void
alignment_may_come_and_go(void **state)
{
  (void)state;
  for (int align = 0; align < 2; align++) {
    DcAdapter *one = make(DC_METHOD_TRANSPORT, align ? DC_ALIGN_NONE : DC_ALIGN_MOMENTS);
    DcAdapter *two = make(DC_METHOD_TRANSPORT, align ? DC_ALIGN_MOMENTS : DC_ALIGN_NONE);
    run(one, 0, 1500, 0);
    save(one, "state");
    load_well(two, "state");
    run(two, 1500, 3000, 0);
    assert_true(dc_adapter_stats(two).transported);
    dc_adapter_free(one);
    dc_adapter_free(two);
  }
}

static void
damaged_moments_are_refused(void **state)
{
  (void)state;
  const double numbers[2 * DIM] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
  const uint64_t count = 5;
  const struct {
    size_t array, at;
    double number;
    size_t rows, cols;
  } cases[] = {{0, 1, NAN, 2, DIM},      {0, 7, -1, 2, DIM}, {1, 0, INFINITY, 2, DIM},
               {2, 8, -0.5, 2, DIM},     {1, 0, 0, 1, DIM},  {0, 0, 0, 2, DIM - 1},
               {2, 11, INFINITY, 2, DIM}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    double copies[3][2 * DIM];
    for (size_t i = 0; i < 3; i++)
      memcpy(copies[i], numbers, sizeof numbers);
    copies[cases[c].array][cases[c].at] = cases[c].number;
    DcMethodArray arrays[] = {
        {"align.reference", DC_METHOD_DOUBLES, 2, DIM, copies[0]},
        {"align.running", DC_METHOD_DOUBLES, 2, DIM, copies[1]},
        {"align.sums", DC_METHOD_DOUBLES, 2, DIM, copies[2]},
        {"align.pending", DC_METHOD_WHOLE, 1, 1, &count},
        {"align.seen", DC_METHOD_WHOLE, 1, 1, &count},
    };
    arrays[cases[c].array].rows = cases[c].rows;
    arrays[cases[c].array].cols = cases[c].cols;
    DcAlignment *alignment = dc_alignment_new(DIM);
    DcError error = {0};
    assert_int_equal(dc_alignment_restore(alignment, arrays, 5, &error), DC_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "align."));
    assert_int_equal(dc_alignment_restore(alignment, arrays, 4, &error), DC_OK); /* not all there */
    dc_alignment_free(alignment);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_fallen_margin_is_a_loss_until_it_has_risen_again),
      cmocka_unit_test(nothing_is_lost_before_there_is_a_reference),
      cmocka_unit_test(moments_are_kept),
      cmocka_unit_test(what_is_not_trusted_moves_nothing),
      cmocka_unit_test(an_aligned_adapter_keeps_its_clusters),
      cmocka_unit_test(alignment_survives_a_restart),
      cmocka_unit_test(alignment_may_come_and_go),
      cmocka_unit_test(damaged_moments_are_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
