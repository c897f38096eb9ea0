/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_FORWARD_H
#define DC_TESTS_FORWARD_H

#include "base/memory.h"
#include "networks.h"
#include "nn/plan.h"

/* Runs of a plan beside the reference. */

/* Sums of up to 2112 products, scaled so that the results are of the order of 1: rounding errors of
 * 2^-24 each grow like the square root of their number, to 3e-6. */
#define FORWARD_TOLERANCE 1e-5

static inline float *
random_samples(const DcNetwork *network, size_t batch, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, 1);
  const size_t count = batch * dc_shape_size(dc_network_input(network));
  float *samples = DC_NEW(float, count);
  assert_non_null(samples);
  fill_uniform(&random, samples, count, 1);
  return samples;
}

static inline DcPlan *
plan_of(const DcNetwork *network, size_t max_batch)
{
  DcPlan *plan;
  DcError error = {0};
  if (dc_plan_new(network, max_batch, &plan, &error))
    fail_msg("%s", error.message);
  return plan;
}

static inline void
run_is_near_reference(DcPlan *plan, const DcNetwork *network, size_t batch, double tolerance)
{
  const size_t count = batch * dc_shape_size(dc_network_output(network));
  float *input = random_samples(network, batch, batch);
  float *expected = DC_NEW(float, count), *actual = DC_NEW(float, count + 1);
  actual[count] = -77;
  assert_int_equal(dc_network_run_reference(network, input, batch, expected), DC_OK);
  assert_int_equal(dc_plan_run(plan, input, batch, actual), DC_OK);
  for (size_t i = 0; i < count; i++) {
    if (!(fabs((double)actual[i] - expected[i]) <= tolerance))
      fail_msg("layer %s %s, batch %zu, output %zu: %g is not %g",
               dc_layer_kind_name(dc_network_layer_const(network, 0)->kind),
               dc_activation_name(dc_network_layer_const(network, 0)->activation), batch, i,
               (double)actual[i], (double)expected[i]);
  }
  assert_true(actual[count] == -77);
  dc_free(input);
  dc_free(expected);
  dc_free(actual);
}

static inline void
run_is_reference(DcPlan *plan, const DcNetwork *network, size_t batch)
{
  run_is_near_reference(plan, network, batch, FORWARD_TOLERANCE);
}

#endif
