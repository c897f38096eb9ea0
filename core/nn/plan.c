/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/plan.h"

#include "base/memory.h"
#include "nn/layer.h"
#include "nn/placement.h"
#include "nn/plan_values.h"

#include <string.h>

/* Floats that go in and out of a layer in one go: a few images pass through layer after layer
 * before the next few start, so that activations stay in half of a second-level cache of 1 MiB. A
 * layer without a weight bears more, for the sake of those around it. */
#define CHUNK_FLOATS      ((size_t)128 * 1024)
#define WEIGHTLESS_FLOATS (4 * CHUNK_FLOATS)

/* Where a value lies: in one of the caller's two places or in the plan's arena. */
typedef enum { INPUT, OUTPUT, ARENA } Base;

typedef struct {
  Base base;
  size_t at;     /* floats from the start of the base */
  size_t size;   /* floats from one image to the next */
  size_t images; /* ARENA: so many; image i lies where image i + images did */
} Place;

/* A layer that does something, and the places of what it takes and makes. */
typedef struct {
  DcLayerRun run;
  size_t layer;
  Place input, second, output;
  size_t scratch; /* in the arena */
} Step;

/* Layers that `chunk` images pass through before the next. Where activations become small beside
 * the weights, more images at once pay: so a chunk of one segment is several of the one before. */
typedef struct {
  size_t first_layer, first_step, end_step, chunk;
} Segment;

struct DcPlan {
  DcShape input, output;
  size_t max_batch;
  Step *steps;
  size_t count;
  Segment *segments;
  size_t segment_count;
  bool gives_input; /* no layer does anything */
  float *arena;
  size_t arena_size;
};

static size_t
least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static size_t
most(size_t a, size_t b)
{
  return a > b ? a : b;
}

/* --- segments --- */

/* So many images that what goes in and out stays in the cache, or is no more than the weight, which
 * has to be fetched for every chunk. */
static size_t
wanted_chunk(const DcNetwork *network, size_t index, size_t max_batch)
{
  const DcLayer *layer = dc_network_layer_const(network, index);
  const size_t floats =
      dc_shape_size(dc_network_layer_input(network, index)) + dc_shape_size(layer->output);
  const size_t wanted = layer->weight_size ? CHUNK_FLOATS + layer->weight_size : WEIGHTLESS_FLOATS;
  return most(1, least(wanted / floats, max_batch));
}

/* Every layer from here on must do with the chunk: one that wants less holds back those before. */
static void
find_chunks(const DcNetwork *network, size_t max_batch, size_t *chunks)
{
  size_t chunk = max_batch;
  for (size_t i = dc_network_layer_count(network); i-- > 0;) {
    chunk = least(chunk, wanted_chunk(network, i, max_batch));
    chunks[i] = chunk;
  }
}

static void
add_segment(DcPlan *plan, size_t first_layer, size_t chunk)
{
  plan->segments[plan->segment_count++] = (Segment){.first_layer = first_layer, .chunk = chunk};
}

static void
cut_segments(DcPlan *plan, size_t layers, const size_t *chunks)
{
  add_segment(plan, 0, chunks[0]);
  for (size_t i = 1; i < layers; i++) {
    const size_t chunk = plan->segments[plan->segment_count - 1].chunk;
    if (chunks[i] >= 2 * chunk)
      add_segment(plan, i, chunks[i] / chunk * chunk);
  }
}

static DcStatus
plan_segments(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  const size_t layers = dc_network_layer_count(network);
  size_t *chunks = DC_NEW(size_t, layers);
  plan->segments = DC_NEW(Segment, layers);
  const bool complete = chunks && plan->segments;
  if (complete) {
    find_chunks(network, plan->max_batch, chunks);
    cut_segments(plan, layers, chunks);
  }
  dc_free(chunks);
  return complete ? DC_OK
                  : dc_error_set(error, DC_ERROR_MEMORY,
                                 "no memory to plan a network of %zu layers", layers);
}

/* The segment of a layer; the last for "after the last". */
static size_t
segment_of(const DcPlan *plan, size_t layer)
{
  size_t i = plan->segment_count - 1;
  while (plan->segments[i].first_layer > layer)
    i--;
  return i;
}

/* --- steps --- */

static DcStatus
plan_step(DcPlan *plan, const DcNetwork *network, const DcPlanValue *values, size_t layer,
          DcError *error)
{
  const DcLayerUse use = {.max_batch = plan->segments[segment_of(plan, layer)].chunk,
                          .output_stride = dc_plan_stride(network, values, layer + 1)};
  Step *step = &plan->steps[plan->count++];
  step->layer = layer;
  return dc_layer_run_init(&step->run, network, layer, &use, error);
}

static DcStatus
plan_steps(DcPlan *plan, const DcNetwork *network, const DcPlanValue *values, DcError *error)
{
  DcStatus status = DC_OK;
  for (size_t i = 0; i < dc_network_layer_count(network) && !status; i++) {
    if (!dc_plan_does_nothing(network, values, i))
      status = plan_step(plan, network, values, i, error);
  }
  return status;
}

static void
share_steps_out(DcPlan *plan)
{
  for (size_t i = 0; i < plan->segment_count; i++) {
    Segment *segment = &plan->segments[i];
    segment->first_step = i ? plan->segments[i - 1].end_step : 0;
    segment->end_step = segment->first_step;
    while (segment->end_step < plan->count &&
           segment_of(plan, plan->steps[segment->end_step].layer) == i)
      segment->end_step++;
  }
}

/* --- places --- */

/* While places are sought: a block for the memory of each value, then one for the scratch of each
 * step. */
typedef struct {
  const DcNetwork *network;
  DcPlanValue *values;
  size_t value_count;
  DcPlacedBlock *blocks;
  size_t *order;
} Layout;

static size_t
owner_of_output(const Layout *layout)
{
  return layout->values[layout->value_count - 1].owner;
}

static bool
lies_in_arena(const Layout *layout, size_t value)
{
  return value != 0 && layout->values[value].owner == value && value != owner_of_output(layout);
}

/* A value that leaves its segment must outlive what comes between: the segments before the one that
 * takes it run again and again until there are images enough. */
static void
describe_value(const DcPlan *plan, const Layout *layout, size_t value)
{
  const DcPlanValue *of = &layout->values[value];
  const size_t from = segment_of(plan, of->first), to = segment_of(plan, of->last);
  const size_t size = dc_shape_size(dc_network_value(layout->network, value));
  layout->blocks[value] = (DcPlacedBlock){.size = size * plan->segments[to].chunk,
                                          .first = from == to ? of->first : 0,
                                          .last = of->last};
}

static void
describe_blocks(const DcPlan *plan, const Layout *layout)
{
  for (size_t i = 0; i < layout->value_count; i++) {
    if (lies_in_arena(layout, i))
      describe_value(plan, layout, i);
  }
  for (size_t i = 0; i < plan->count; i++) {
    const Step *step = &plan->steps[i];
    layout->blocks[layout->value_count + i] =
        (DcPlacedBlock){.size = step->run.scratch, .first = step->layer, .last = step->layer};
  }
}

static Place
place_of(const DcPlan *plan, const Layout *layout, size_t value)
{
  const DcPlanValue *of = &layout->values[value];
  Place place = {.at = of->shift,
                 .size = dc_shape_size(dc_network_value(layout->network, of->owner))};
  if (of->owner == 0)
    return place;
  if (of->owner == owner_of_output(layout)) {
    place.base = OUTPUT;
    return place;
  }
  place.base = ARENA;
  place.at += layout->blocks[of->owner].at;
  place.images = plan->segments[segment_of(plan, layout->values[of->owner].last)].chunk;
  return place;
}

static void
place_step(DcPlan *plan, const Layout *layout, size_t index)
{
  Step *step = &plan->steps[index];
  const DcLayer *layer = step->run.layer;
  step->input = place_of(plan, layout, dc_layer_source(layer, step->layer));
  if (dc_layer_takes_two(layer->kind))
    step->second = place_of(plan, layout, dc_layer_second_source(layer, step->layer));
  step->output = place_of(plan, layout, step->layer + 1);
  step->scratch = layout->blocks[layout->value_count + index].at;
}

static void
place_everything(DcPlan *plan, const Layout *layout)
{
  describe_blocks(plan, layout);
  plan->arena_size =
      dc_place_blocks(layout->blocks, layout->value_count + plan->count, layout->order);
  for (size_t i = 0; i < plan->count; i++)
    place_step(plan, layout, i);
  plan->gives_input = owner_of_output(layout) == 0;
}

/* --- planning --- */

static DcStatus
plan_layout(DcPlan *plan, const Layout *layout, DcError *error)
{
  dc_plan_values(layout->network, layout->values);
  DcStatus status = plan_steps(plan, layout->network, layout->values, error);
  if (status)
    return status;
  share_steps_out(plan);
  place_everything(plan, layout);
  plan->arena = DC_NEW(float, plan->arena_size);
  if (!plan->arena)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the activations: %zu floats",
                        plan->arena_size);
  return DC_OK;
}

static DcStatus
fill_plan(DcPlan *plan, const DcNetwork *network, DcError *error)
{
  const size_t layers = dc_network_layer_count(network), blocks = 2 * layers + 1;
  DcStatus status = plan_segments(plan, network, error);
  if (status)
    return status;
  plan->steps = DC_NEW(Step, layers);
  const Layout layout = {.network = network,
                         .values = DC_NEW(DcPlanValue, layers + 1),
                         .value_count = layers + 1,
                         .blocks = DC_NEW(DcPlacedBlock, blocks),
                         .order = DC_NEW(size_t, blocks)};
  if (plan->steps && layout.values && layout.blocks && layout.order)
    status = plan_layout(plan, &layout, error);
  else
    status =
        dc_error_set(error, DC_ERROR_MEMORY, "no memory to plan a network of %zu layers", layers);
  dc_free(layout.values);
  dc_free(layout.blocks);
  dc_free(layout.order);
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
  dc_free(plan->segments);
  dc_free(plan->arena);
  dc_free(plan);
}

size_t
dc_plan_memory(const DcPlan *plan)
{
  return plan->arena_size * sizeof(float);
}

/* --- running --- */

/* The caller's two places. */
typedef struct {
  const float *input;
  float *output;
} Ends;

static float *
write_place(const DcPlan *plan, const Ends *ends, const Place *place, size_t image)
{
  float *base = place->base == OUTPUT ? ends->output : plan->arena;
  const size_t index = place->base == OUTPUT ? image : image % place->images;
  return base + place->at + index * place->size;
}

static const float *
read_place(const DcPlan *plan, const Ends *ends, const Place *place, size_t image)
{
  return place->base == INPUT ? ends->input + image * place->size
                              : write_place(plan, ends, place, image);
}

static void
run_step(const DcPlan *plan, const Ends *ends, const Step *step, size_t first, size_t count)
{
  const bool two = dc_layer_takes_two(step->run.layer->kind);
  const DcLayerForward job = {
      .input = read_place(plan, ends, &step->input, first),
      .second = two ? read_place(plan, ends, &step->second, first) : NULL,
      .batch = count,
      .output = write_place(plan, ends, &step->output, first),
      .scratch = plan->arena + step->scratch,
  };
  dc_layer_run_forward(&step->run, &job, NULL);
}

/* Brings images first .. first + count - 1 through the segments before `segment`, a chunk at a
 * time, and through this one together. */
static void
run_segment(const DcPlan *plan, const Ends *ends, size_t segment, size_t first, size_t count)
{
  if (segment > 0) {
    const size_t chunk = plan->segments[segment - 1].chunk;
    for (size_t i = 0; i < count; i += chunk)
      run_segment(plan, ends, segment - 1, first + i, least(chunk, count - i));
  }
  for (size_t i = plan->segments[segment].first_step; i < plan->segments[segment].end_step; i++)
    run_step(plan, ends, &plan->steps[i], first, count);
}

DcStatus
dc_plan_run(DcPlan *plan, const float *input, size_t batch, float *output)
{
  if (batch < 1 || batch > plan->max_batch)
    return DC_ERROR_ARGUMENT;
  const Ends ends = {input, output};
  const size_t last = plan->segment_count - 1, chunk = plan->segments[last].chunk;
  for (size_t first = 0; first < batch; first += chunk)
    run_segment(plan, &ends, last, first, least(chunk, batch - first));
  if (plan->gives_input)
    memcpy(output, input, batch * dc_shape_size(plan->input) * sizeof *output);
  return DC_OK;
}
