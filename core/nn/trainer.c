/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/trainer.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/activation.h"
#include "nn/layer.h"

#include <string.h>

#define NONE SIZE_MAX

/* Where the gradient with respect to a value that a layer takes goes. */
typedef struct {
  size_t place; /* buffer; NONE: nobody wants it */
  bool more;    /* a later layer took the value too: added to what is there */
} Target;

/* A layer and what its way back needs. */
typedef struct {
  DcLayerRun run;
  float *before; /* what went into the activation, where that is needed; else NULL */
  float *output;
  float *weight_gradient, *bias_gradient; /* in the trainer's gradient */
  size_t source, second;                  /* the values that it takes */
  size_t output_gradient; /* buffer; NONE: the network's output does not depend on the layer's */
  Target input_target, second_target;
} Step;

/* Holds the gradient with respect to one value after the other. */
typedef struct {
  float *floats;
  size_t size; /* of the largest value, for one sample */
  bool taken;  /* while planning */
} Buffer;

struct DcTrainer {
  const DcNetwork *network;
  size_t max_batch;
  bool input_gradient;
  uint64_t revision; /* of the weights that the steps have packed */
  Step *steps;
  size_t count;
  float *gradient;
  Buffer *buffers; /* gradients between layers */
  size_t buffer_count;
  float *extra;       /* a gradient that is then added to one that is there; NULL: never needed */
  size_t first_place; /* buffer of the input's gradient; NONE: not wanted */
  float *scratch;
  const float *input; /* of the last forward pass */
  size_t batch;
};

static size_t
most(size_t a, size_t b)
{
  return a > b ? a : b;
}

static float *
new_activations(const DcTrainer *trainer, DcShape shape)
{
  size_t floats;
  return dc_checked_mul(dc_shape_size(shape), trainer->max_batch, &floats) ? DC_NEW(float, floats)
                                                                           : NULL;
}

static DcStatus
plan_step(DcTrainer *trainer, size_t index, DcError *error)
{
  Step *step = &trainer->steps[index];
  const DcLayerUse use = {.max_batch = trainer->max_batch, .training = true};
  DcStatus status = dc_layer_run_init(&step->run, trainer->network, index, &use, error);
  if (status)
    return status;
  const DcLayer *layer = step->run.layer;
  step->source = dc_layer_source(layer, index);
  step->second = dc_layer_takes_two(layer->kind) ? dc_layer_second_source(layer, index) : NONE;
  const bool keep_before = dc_activation_needs_input(layer);
  step->output = new_activations(trainer, layer->output);
  step->before = keep_before ? new_activations(trainer, layer->output) : NULL;
  if (!step->output || (keep_before && !step->before))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "layer %zu (%s): no memory to keep the activations of %zu samples", index,
                        dc_layer_kind_name(layer->kind), trainer->max_batch);
  return DC_OK;
}

static DcStatus
plan_steps(DcTrainer *trainer, DcError *error)
{
  const size_t count = dc_network_layer_count(trainer->network);
  trainer->steps = DC_NEW(Step, count);
  if (!trainer->steps)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train a network of %zu layers",
                        count);
  for (; trainer->count < count; trainer->count++) {
    DcStatus status = plan_step(trainer, trainer->count, error);
    if (status) {
      trainer->count++; /* what there is of it is freed with the others */
      return status;
    }
  }
  return DC_OK;
}

/* --- where the gradients between layers lie --- */

static size_t
take_buffer(DcTrainer *trainer, size_t size)
{
  size_t i = 0;
  while (i < trainer->buffer_count && trainer->buffers[i].taken)
    i++;
  trainer->buffer_count = most(trainer->buffer_count, i + 1);
  trainer->buffers[i].taken = true;
  trainer->buffers[i].size = most(trainer->buffers[i].size, size);
  return i;
}

/* The target of a gradient with respect to `value`, whose place so far is places[value]. */
static Target
find_target(DcTrainer *trainer, size_t *places, size_t value)
{
  if (value == 0 && !trainer->input_gradient)
    return (Target){.place = NONE};
  if (places[value] != NONE)
    return (Target){.place = places[value], .more = true};
  places[value] = take_buffer(trainer, dc_shape_size(dc_network_value(trainer->network, value)));
  return (Target){.place = places[value]};
}

/* The way back, on paper: every gradient gets a buffer when the last layer that took its value is
 * reached, and gives it back once the layer that made the value has seen it. So a chain goes to and
 * fro between two. */
static void
place_gradients(DcTrainer *trainer, size_t *places)
{
  for (size_t value = 0; value < trainer->count; value++)
    places[value] = NONE;
  places[trainer->count] = take_buffer(trainer, dc_shape_size(dc_network_output(trainer->network)));
  for (size_t i = trainer->count; i-- > 0;) {
    Step *step = &trainer->steps[i];
    step->output_gradient = places[i + 1];
    step->input_target = step->second_target = (Target){.place = NONE};
    if (step->output_gradient == NONE)
      continue;
    step->input_target = find_target(trainer, places, step->source);
    if (step->second != NONE)
      step->second_target = find_target(trainer, places, step->second);
    trainer->buffers[step->output_gradient].taken = false;
  }
  trainer->first_place = places[0];
}

static bool
new_gradients(const DcTrainer *trainer, size_t size, float **floats)
{
  size_t count;
  *floats = dc_checked_mul(size, trainer->max_batch, &count) ? DC_NEW(float, count) : NULL;
  return *floats != NULL;
}

static bool
allocate_buffers(DcTrainer *trainer)
{
  size_t extra = 0;
  for (size_t i = 0; i < trainer->count; i++) {
    const Step *step = &trainer->steps[i];
    if (step->input_target.more || step->second_target.more)
      extra = most(extra, dc_shape_size(step->run.input));
  }
  bool complete = !extra || new_gradients(trainer, extra, &trainer->extra);
  for (size_t i = 0; complete && i < trainer->buffer_count; i++)
    complete = new_gradients(trainer, trainer->buffers[i].size, &trainer->buffers[i].floats);
  return complete;
}

static bool
plan_buffers(DcTrainer *trainer)
{
  /* One for each value is more than can be taken at once. */
  trainer->buffers = DC_NEW(Buffer, trainer->count + 1);
  size_t *places = DC_NEW(size_t, trainer->count + 1);
  const bool complete = trainer->buffers && places;
  if (complete)
    place_gradients(trainer, places);
  dc_free(places);
  return complete && allocate_buffers(trainer);
}

/* --- planning --- */

static void
place_weight_gradients(DcTrainer *trainer)
{
  float *next = trainer->gradient;
  for (size_t i = 0; i < trainer->count; i++) {
    Step *step = &trainer->steps[i];
    step->weight_gradient = next;
    step->bias_gradient = next + step->run.layer->weight_size;
    next = step->bias_gradient + step->run.layer->bias_size;
  }
}

static DcStatus
plan_gradients(DcTrainer *trainer, DcError *error)
{
  size_t scratch = 0;
  for (size_t i = 0; i < trainer->count; i++)
    scratch = most(scratch, trainer->steps[i].run.scratch);
  trainer->scratch = DC_NEW(float, scratch);
  trainer->gradient = DC_NEW(float, dc_network_parameters(trainer->network));
  if (!trainer->scratch || !trainer->gradient || !plan_buffers(trainer))
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the gradients of %zu samples",
                        trainer->max_batch);
  place_weight_gradients(trainer);
  return DC_OK;
}

DcStatus
dc_trainer_new(const DcNetwork *network, size_t max_batch, bool input_gradient, DcTrainer **trainer,
               DcError *error)
{
  *trainer = NULL;
  if (!max_batch)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a trainer for batches of 0 samples");
  if (!dc_network_layer_count(network))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a trainer for a network without layers");
  DcTrainer *made = DC_NEW(DcTrainer, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a trainer");
  made->network = network;
  made->max_batch = max_batch;
  made->input_gradient = input_gradient;
  made->revision = dc_network_revision(network);
  DcStatus status = plan_steps(made, error);
  if (!status)
    status = plan_gradients(made, error);
  if (status) {
    dc_trainer_free(made);
    return status;
  }
  *trainer = made;
  return DC_OK;
}

void
dc_trainer_free(DcTrainer *trainer)
{
  if (!trainer)
    return;
  for (size_t i = 0; i < trainer->count; i++) {
    dc_layer_run_clear(&trainer->steps[i].run);
    dc_free(trainer->steps[i].before);
    dc_free(trainer->steps[i].output);
  }
  dc_free(trainer->steps);
  dc_free(trainer->gradient);
  for (size_t i = 0; i < trainer->buffer_count; i++)
    dc_free(trainer->buffers[i].floats);
  dc_free(trainer->buffers);
  dc_free(trainer->extra);
  dc_free(trainer->scratch);
  dc_free(trainer);
}

static void
take_over_weights(DcTrainer *trainer)
{
  const uint64_t revision = dc_network_revision(trainer->network);
  if (revision == trainer->revision)
    return;
  for (size_t i = 0; i < trainer->count; i++)
    dc_layer_run_pack(&trainer->steps[i].run);
  trainer->revision = revision;
}

/* Value `number` of the last pass. */
static const float *
value_of(const DcTrainer *trainer, size_t number)
{
  return number ? trainer->steps[number - 1].output : trainer->input;
}

const float *
dc_trainer_forward(DcTrainer *trainer, const float *input, size_t batch)
{
  take_over_weights(trainer);
  trainer->input = input;
  trainer->batch = batch;
  for (size_t i = 0; i < trainer->count; i++) {
    const Step *step = &trainer->steps[i];
    const DcLayerForward job = {
        .input = value_of(trainer, step->source),
        .second = step->second == NONE ? NULL : value_of(trainer, step->second),
        .batch = batch,
        .output = step->output,
        .scratch = trainer->scratch,
    };
    dc_layer_run_forward(&step->run, &job, step->before);
  }
  return value_of(trainer, trainer->count);
}

static void
add_to(float *restrict sum, const float *restrict values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    sum[i] += values[i];
}

/* Back through a layer, to one of the values that it takes. */
static void
go_back(const DcTrainer *trainer, const Step *step, DcLayerBackward *job, Target target)
{
  float *gradient = target.place == NONE ? NULL : trainer->buffers[target.place].floats;
  job->input_gradient = target.more ? trainer->extra : gradient;
  dc_layer_ops(step->run.layer->kind)->backward(&step->run, job);
  if (target.more)
    add_to(gradient, trainer->extra, trainer->batch * dc_shape_size(step->run.input));
}

static void
step_backward(DcTrainer *trainer, const Step *step)
{
  const DcLayer *layer = step->run.layer;
  float *delta = trainer->buffers[step->output_gradient].floats;
  dc_activation_backward(layer, step->before ? step->before : step->output,
                         trainer->batch * dc_shape_size(layer->output), delta);
  DcLayerBackward job = {
      .input = value_of(trainer, step->source),
      .output_gradient = delta,
      .batch = trainer->batch,
      .weight_gradient = step->weight_gradient,
      .bias_gradient = step->bias_gradient,
      .scratch = trainer->scratch,
  };
  go_back(trainer, step, &job, step->input_target);
  if (step->second != NONE)
    go_back(trainer, step, &job, step->second_target);
}

const float *
dc_trainer_backward(DcTrainer *trainer, const float *output_gradient)
{
  const Step *last = &trainer->steps[trainer->count - 1];
  memcpy(trainer->buffers[last->output_gradient].floats, output_gradient,
         trainer->batch * dc_shape_size(last->run.layer->output) * sizeof(float));
  for (size_t i = trainer->count; i-- > 0;) {
    if (trainer->steps[i].output_gradient != NONE)
      step_backward(trainer, &trainer->steps[i]);
  }
  return trainer->first_place == NONE ? NULL : trainer->buffers[trainer->first_place].floats;
}

void
dc_trainer_update_statistics(DcTrainer *trainer, DcNetwork *network, double momentum)
{
  for (size_t i = 0; i < trainer->count; i++) {
    const DcLayerRun *run = &trainer->steps[i].run;
    if (run->batch_norm)
      dc_batch_norm_update(run->batch_norm, momentum, dc_network_layer(network, i)->statistics);
  }
}

float *
dc_trainer_gradient(DcTrainer *trainer)
{
  return trainer->gradient;
}

void
dc_trainer_clear_gradient(DcTrainer *trainer)
{
  memset(trainer->gradient, 0, dc_network_parameters(trainer->network) * sizeof(float));
}

size_t
dc_network_pieces(DcNetwork *network, DcParameters *pieces, size_t capacity)
{
  size_t count = 0;
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer(network, i);
    const DcParameters both[] = {{layer->weight, layer->weight_size},
                                 {layer->bias, layer->bias_size}};
    for (size_t j = 0; j < 2; j++, count++) {
      if (count < capacity)
        pieces[count] = both[j];
    }
  }
  return count;
}
