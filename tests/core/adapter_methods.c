/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What holds of every method of adapting, whatever comes. */
#include "allocations.h"
#include "methods.h"

#include <string.h>

typedef void (*Feed)(DcAdapter *adapter, size_t i, float *row, uint64_t *time);

static void
one_image(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  for (size_t j = 0; j < DIM; j++)
    row[j] = 0.5f + 0.1f * (float)j;
  *time = i;
}

static void
nothing_but_zeros(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  memset(row, 0, DIM * sizeof *row);
  *time = i;
}

/* Fewer than there are clusters. */
static void
two_points(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  one_image(adapter, i, row, time);
  row[0] = i % 3 ? 1 : -1;
}

static void
groups_at(size_t i, double offset, float *row)
{
  DcRandom random;
  dc_random_seed(&random, i, 8);
  draw(&random, dc_random_below(&random, GROUPS), offset, row);
}

/* Another domain with every frame. */
static void
alternation(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  groups_at(i, 0, row);
  for (size_t j = 0; j < DIM && i % 2; j++)
    row[j] = 4 - row[j];
  *time = i * 40000000;
}

static void
clocks_that_jump(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  static const uint64_t times[] = {UINT64_MAX - 1, 5, DC_TIME_UNKNOWN, 0, 1u << 30};
  (void)adapter;
  groups_at(i, 0, row);
  *time = times[i % 5];
}

/* Nothing for days, again and again. */
static void
days_between(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  const uint64_t day = 86400000000000u;
  (void)adapter;
  groups_at(i, i / 100 * 0.5, row);
  *time = i * 40000000 + i / 100 * 3 * day;
}

static void
far_outliers(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  groups_at(i, 0, row);
  for (size_t j = 0; j < DIM && i % 7 == 6; j++)
    row[j] *= 1e17f;
  *time = i;
}

/* One class alone, for long. */
static void
one_class(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  DcRandom random;
  (void)adapter;
  dc_random_seed(&random, i, 8);
  draw(&random, i < 100 ? i % GROUPS : 2, 0, row);
  *time = i * 1000000;
}

static void
nothing_breaks_a_method(void **state)
{
  (void)state;
  const struct {
    Feed feed;
    double bound; /* of the numbers of a centroid */
  } feeds[] = {{one_image, 1.5},      {nothing_but_zeros, 0}, {two_points, 1.5},
               {alternation, 8},      {clocks_that_jump, 8},  {days_between, 20},
               {far_outliers, 1e19f}, {one_class, 8}};
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number);
    for (size_t f = 0; f < sizeof feeds / sizeof *feeds; f++) {
      DcAdapterConfig config = config_of(&how);
      config.half_life = 500000000;
      DcAdapter *adapter = make(&config);
      for (size_t i = 0; i < 1500; i++) {
        float row[DIM];
        uint64_t time;
        feeds[f].feed(adapter, i, row, &time);
        push(adapter, row, time);
      }
      assert_sane(adapter, GROUPS, feeds[f].bound);
      dc_adapter_free(adapter);
    }
    dc_tdcm_free(how.module);
  }
}

/* An image for ever is one cluster, not thirty-two. */
static void
clusters_do_not_multiply(void **state)
{
  (void)state;
  for (int number = 0; number < DC_METHOD_COUNT; number++) {
    Way how = way(number);
    DcAdapterConfig config = config_of(&how);
    config.clusters = 0;
    DcAdapter *adapter = make(&config);
    for (size_t i = 0; i < 600; i++) {
      float row[DIM];
      uint64_t time;
      one_image(adapter, i, row, &time);
      push(adapter, row, time);
    }
    assert_sane(adapter, 1, 1.5);
    dc_adapter_free(adapter);
  }
}

static void
receiving_allocates_nothing(void **state)
{
  (void)state;
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number);
    DcAdapterConfig config = config_of(&how);
    config.interval = 100000;
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 70);
    DcError error;
    assert_int_equal(dc_adapter_adapt(adapter, true, &error), DC_OK);
    run(adapter, 70, 80); /* the scratch of assigning grows once */
    size_t before = allocations;
    for (size_t i = 0; i < 500; i++)
      run(adapter, 100 + i, 101 + i);
    assert_int_equal(allocations, before);
    dc_adapter_free(adapter);
    dc_tdcm_free(how.module);
  }
}

/* The change of method is whole or not made at all. */
static void
a_method_without_memory_is_refused(void **state)
{
  (void)state;
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number), other = {.method = DC_METHOD_NONE, .module = how.module};
    DcAdapterConfig config = config_of(&other);
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 100);
    DcAdapterConfig wanted = config;
    wanted.method = how.method;
    bool refused = true;
    for (size_t at = 0; refused; at++) {
      DcError error;
      fail_at = allocations + at;
      DcStatus status = dc_adapter_configure(adapter, &wanted, &error);
      fail_at = SIZE_MAX;
      refused = status != DC_OK;
      assert_true(!refused || status == DC_ERROR_MEMORY);
      run(adapter, 100 + 40 * at, 140 + 40 * at);
      assert_sane(adapter, GROUPS, 8);
    }
    assert_int_equal(adapter->config.method, how.method);
    dc_adapter_free(adapter);
    dc_tdcm_free(how.module);
  }
}

static void
a_module_of_another_dimension_is_refused(void **state)
{
  (void)state;
  DcTdcmModule *module = dc_tdcm_new(DIM + 1, DC_TDCM_QUADRATIC);
  Way how = {DC_METHOD_ATTENTION, module};
  DcAdapterConfig config = config_of(&how);
  DcAdapter *adapter;
  DcError error;
  assert_int_equal(dc_adapter_new(&config, DIM, "methods", &adapter, &error), DC_ERROR_SHAPE);
  assert_null(adapter);
  assert_non_null(strstr(error.message, "7 numbers"));
  config.module = NULL;
  adapter = make(&config);
  config.module = module; /* and it cannot change */
  assert_int_equal(dc_adapter_configure(adapter, &config, &error), DC_ERROR_ARGUMENT);
  dc_adapter_free(adapter);
  dc_tdcm_free(module);
}

/* --- out of sight --- */

/* One class fills the stream: nothing else moves. Transport moves all of them, with the scene. */
static void
a_cluster_out_of_sight_stays(void **state)
{
  (void)state;
  const DcMethod methods[] = {DC_METHOD_ATTENTION, DC_METHOD_K_MEANS, DC_METHOD_MIXTURE,
                              DC_METHOD_SECU};
  for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
    Way how = {.method = methods[m]};
    DcAdapterConfig config = config_of(&how);
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 512);
    float before[GROUPS * DIM];
    memcpy(before, adapter->clusters.centroids, sizeof before);
    float row[DIM] = {0};
    row[1] = 3;
    size_t seen = assign(adapter, row).cluster;
    for (size_t i = 0; i < 640; i++) {
      DcRandom random;
      dc_random_seed(&random, i, 77);
      draw(&random, 1, 0.8, row);
      push(adapter, row, (512 + i) * 1000000);
    }
    for (size_t k = 0; k < GROUPS; k++) {
      const float *now = adapter->clusters.centroids + k * DIM;
      double moved = 0;
      for (size_t j = 0; j < DIM; j++)
        moved += fabs((double)now[j] - before[k * DIM + j]);
      if (k == seen)
        assert_true(moved > 0.2);
      else
        assert_true(moved == 0);
    }
    dc_adapter_free(adapter);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_breaks_a_method),
      cmocka_unit_test(clusters_do_not_multiply),
      cmocka_unit_test(receiving_allocates_nothing),
      cmocka_unit_test(a_method_without_memory_is_refused),
      cmocka_unit_test(a_module_of_another_dimension_is_refused),
      cmocka_unit_test(a_cluster_out_of_sight_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
