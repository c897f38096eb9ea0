/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/plan.h"

#include "base/memory.h"
#include "nn/layer.h"

#include <string.h>

/* Floats that go in and out of the widest layer in one go: a few images pass through the whole
 * network before the next few start, so that activations never leave the second-level cache. */
#define CHUNK_FLOATS ((size_t)256 * 1024)

/* Where values lie: the caller's two places and, from OWN on, buffers of the plan. */
enum { INPUT, OUTPUT, OWN };

/* A layer that does something, and the places of what it takes and makes. */
typedef struct {
  DcLayerRun run;
  size_t input, second, output;
} Step;

typedef struct {
  float *floats;
  size_t size;       /* of the largest value that it holds, for one sample */
  size_t last_layer; /* that reads the value in it */
} Buffer;

struct DcPlan {
  DcShape input, output;
  size_t max_batch, chunk;
  Step *steps;
  size_t count;
  Buffer *buffers; /* place OWN + i is buffers[i] */
  size_t buffer_count;
  size_t result; /* the place of the last value: OUTPUT, or INPUT when no layer does anything */
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

/* --- where the values lie --- */

/* A value of the network, while its place is sought. */
typedef struct {
  size_t same_as;    /* the value that it is another name of, or itself */
  size_t last_layer; /* that reads it, by any of its names */
  size_t place;
} Value;

static size_t
name_of_source(const DcNetwork *network, const Value *values, size_t layer)
{
  return values[dc_layer_source(dc_network_layer_const(network, layer), layer)].same_as;
}

static size_t
name_of_second(const DcNetwork *network, const Value *values, size_t layer)
{
  return values[dc_layer_second_source(dc_network_layer_const(network, layer), layer)].same_as;
}

static void
follow_values(const DcNetwork *network, Value *values)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    const size_t source = name_of_source(network, values, i);
    values[i + 1].same_as = does_nothing(layer) ? source : i + 1;
    values[source].last_layer = i;
    if (dc_layer_takes_two(layer->kind))
      values[name_of_second(network, values, i)].last_layer = i;
  }
}

/* A buffer whose value no layer from `layer` on reads; the first that there is, so that a chain
 * goes to and fro between two. */
static size_t
free_buffer(DcPlan *plan, size_t layer)
{
  size_t i = 0;
  while (i < plan->buffer_count && plan->buffers[i].last_layer >= layer)
    i++;
  plan->buffer_count = most(plan->buffer_count, i + 1);
  return i;
}

/* The place for what `layer` makes. */
static size_t
find_place(DcPlan *plan, const DcNetwork *network, const Value *values, size_t layer)
{
  if (values[dc_network_layer_count(network)].same_as == layer + 1)
    return OUTPUT;
  const size_t i = free_buffer(plan, layer);
  Buffer *buffer = &plan->buffers[i];
  buffer->last_layer = most(values[layer + 1].last_layer, layer);
  buffer->size = most(buffer->size, dc_shape_size(dc_network_value(network, layer + 1)));
  return OWN + i;
}

static void
place_values(DcPlan *plan, const DcNetwork *network, Value *values)
{
  const size_t layers = dc_network_layer_count(network);
  Step *step = plan->steps;
  for (size_t i = 0; i < layers; i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    if (does_nothing(layer))
      continue;
    values[i + 1].place = find_place(plan, network, values, i);
    step->output = values[i + 1].place;
    step->input = values[name_of_source(network, values, i)].place;
    if (dc_layer_takes_two(layer->kind))
      step->second = values[name_of_second(network, values, i)].place;
    step++;
  }
  plan->result = values[values[layers].same_as].place;
}

static DcStatus
plan_places(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  const size_t layers = dc_network_layer_count(network);
  Value *values = DC_NEW(Value, layers + 1); /* value 0 is itself and lies in INPUT */
  plan->buffers = DC_NEW(Buffer, layers);
  if (!values || !plan->buffers) {
    dc_free(values);
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to plan a network of %zu layers",
                        layers);
  }
  follow_values(network, values);
  place_values(plan, network, values);
  dc_free(values);
  return DC_OK;
}

/* --- planning --- */

static DcStatus
plan_steps(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    if (does_nothing(dc_network_layer_const(network, i)))
      continue;
    Step *step = &plan->steps[plan->count++];
    DcStatus status = dc_layer_run_init(&step->run, network, i, &(DcLayerUse){.max_batch = plan->chunk}, error);
    if (status)
      return status;
  }
  return DC_OK;
}

static bool
allocate_buffers(DcPlan *plan)
{
  size_t scratch = 0;
  for (size_t i = 0; i < plan->count; i++)
    scratch = most(scratch, plan->steps[i].run.scratch);
  plan->scratch = DC_NEW(float, scratch);
  bool complete = plan->scratch != NULL;
  for (size_t i = 0; i < plan->buffer_count; i++) {
    plan->buffers[i].floats = DC_NEW(float, plan->buffers[i].size * plan->chunk);
    complete = complete && plan->buffers[i].floats;
  }
  return complete;
}

static DcStatus
fill_plan(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  plan->steps = DC_NEW(Step, dc_network_layer_count(network));
  if (!plan->steps)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to plan a network of %zu layers",
                        dc_network_layer_count(network));
  DcStatus status = plan_steps(plan, network, error);
  if (!status)
    status = plan_places(plan, network, error);
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
    dc_layer_run_clear(&plan->steps[i].run);
  dc_free(plan->steps);
  for (size_t i = 0; i < plan->buffer_count; i++)
    dc_free(plan->buffers[i].floats);
  dc_free(plan->buffers);
  dc_free(plan->scratch);
  dc_free(plan);
}

static const float *
read_place(const DcPlan *plan, size_t place, const float *input, const float *output)
{
  if (place < OWN)
    return place == INPUT ? input : output;
  return plan->buffers[place - OWN].floats;
}

static void
run_chunk(DcPlan *plan, const float *input, size_t batch, float *output)
{
  for (size_t i = 0; i < plan->count; i++) {
    const Step *step = &plan->steps[i];
    const DcLayerForward job = {
        .input = read_place(plan, step->input, input, output),
        .second = read_place(plan, step->second, input, output),
        .batch = batch,
        .output = step->output == OUTPUT ? output : plan->buffers[step->output - OWN].floats,
        .scratch = plan->scratch,
    };
    dc_layer_run_forward(&step->run, &job, NULL);
  }
  if (plan->result == INPUT)
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
