/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/plan.h"

#include "base/memory.h"
#include "nn/layer.h"

#include <string.h>

/* Floats that go in and out of the widest layer in one go: a few images pass through the whole
 * network before the next few start, so that activations never leave the second-level cache. */
#define CHUNK_FLOATS ((size_t)256 * 1024)

struct DcPlan {
  DcShape input, output;
  size_t max_batch, chunk;
  DcLayerRun *steps; /* the layers that do something */
  size_t count;
  float *activations[2]; /* what step i writes lies in activations[i % 2], the last in the output */
  float *scratch;
};

static size_t
most(size_t a, size_t b)
{
  return a > b ? a : b;
}

/* A reshape of numbers that lie one after the other is no work. */
static bool
does_nothing(const DcLayer *layer)
{
  return layer->kind == DC_LAYER_RESHAPE && layer->activation == DC_ACTIVATION_NONE;
}

static size_t
find_chunk(const DcNetwork *network, size_t max_batch)
{
  size_t widest = 1;
  for (size_t i = 0; i < dc_network_layer_count(network); i++)
    widest = most(widest, dc_shape_size(dc_network_layer_input(network, i)) +
                              dc_shape_size(dc_network_layer_const(network, i)->output));
  const size_t chunk = most(1, CHUNK_FLOATS / widest);
  return chunk < max_batch ? chunk : max_batch;
}

static DcStatus
plan_steps(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    if (does_nothing(dc_network_layer_const(network, i)))
      continue;
    DcLayerRun *step = &plan->steps[plan->count++];
    DcStatus status = dc_layer_run_init(step, network, i, plan->chunk, false, error);
    if (status)
      return status;
  }
  return DC_OK;
}

static bool
allocate_buffers(DcPlan *plan)
{
  size_t widest[2] = {0, 0}, scratch = 0;
  for (size_t i = 0; i < plan->count; i++) {
    scratch = most(scratch, plan->steps[i].scratch);
    if (i + 1 < plan->count)
      widest[i % 2] = most(widest[i % 2], dc_shape_size(plan->steps[i].layer->output));
  }
  for (size_t i = 0; i < 2; i++)
    plan->activations[i] = DC_NEW(float, widest[i] * plan->chunk);
  plan->scratch = DC_NEW(float, scratch);
  return plan->activations[0] && plan->activations[1] && plan->scratch;
}

static DcStatus
fill_plan(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  plan->steps = DC_NEW(DcLayerRun, dc_network_layer_count(network));
  if (!plan->steps)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to plan a network of %zu layers",
                        dc_network_layer_count(network));
  DcStatus status = plan_steps(plan, network, error);
  if (!status && !allocate_buffers(plan))
    status = dc_error_set(error, DC_ERROR_MEMORY,
                          "no memory for the activations of %zu samples at once", plan->chunk);
  return status;
}

DcStatus
dc_plan_new(const DcNetwork *network, size_t max_batch, DcPlan **plan, DcError *error)
{
  *plan = NULL;
  if (!max_batch)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a plan for runs of 0 samples");
  if (!dc_network_layer_count(network))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a plan for a network without layers");
  DcPlan *made = DC_NEW(DcPlan, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a plan");
  made->input = dc_network_input(network);
  made->output = dc_network_output(network);
  made->max_batch = max_batch;
  made->chunk = find_chunk(network, max_batch);
  DcStatus status = fill_plan(made, network, error);
  if (status) {
    dc_plan_free(made);
    return status;
  }
  *plan = made;
  return DC_OK;
}

void
dc_plan_free(DcPlan *plan)
{
  if (!plan)
    return;
  for (size_t i = 0; i < plan->count; i++)
    dc_layer_run_clear(&plan->steps[i]);
  dc_free(plan->steps);
  dc_free(plan->activations[0]);
  dc_free(plan->activations[1]);
  dc_free(plan->scratch);
  dc_free(plan);
}

static void
run_chunk(DcPlan *plan, const float *input, size_t batch, float *output)
{
  for (size_t i = 0; i < plan->count; i++) {
    float *to = i + 1 < plan->count ? plan->activations[i % 2] : output;
    dc_layer_run_forward(&plan->steps[i], input, batch, NULL, to, plan->scratch);
    input = to;
  }
  if (!plan->count)
    memcpy(output, input, batch * dc_shape_size(plan->input) * sizeof *output);
}

DcStatus
dc_plan_run(DcPlan *plan, const float *input, size_t batch, float *output)
{
  if (batch < 1 || batch > plan->max_batch)
    return DC_ERROR_ARGUMENT;
  const size_t in = dc_shape_size(plan->input), out = dc_shape_size(plan->output);
  for (size_t first = 0; first < batch; first += plan->chunk) {
    const size_t count = batch - first < plan->chunk ? batch - first : plan->chunk;
    run_chunk(plan, input + first * in, count, output + first * out);
  }
  return DC_OK;
}
