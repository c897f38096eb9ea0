/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/trainer.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/activation.h"
#include "nn/layer.h"

#include <string.h>

/* A layer and what its way back needs. */
typedef struct {
  DcLayerRun run;
  float *before; /* what went into the activation, where that is needed; else NULL */
  float *output;
  float *weight_gradient, *bias_gradient; /* in the trainer's gradient */
} Step;

struct DcTrainer {
  const DcNetwork *network;
  size_t max_batch;
  bool input_gradient;
  uint64_t revision; /* of the weights that the steps have packed */
  Step *steps;
  size_t count;
  float *gradient;
  float *deltas[2]; /* gradients between layers: step i's output gradient is in deltas[i % 2] */
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
  DcStatus status =
      dc_layer_run_init(&step->run, trainer->network, index, trainer->max_batch, true, error);
  if (status)
    return status;
  const DcLayer *layer = step->run.layer;
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

static void
place_gradients(DcTrainer *trainer)
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
  size_t widest = dc_shape_size(dc_network_input(trainer->network)), scratch = 0, floats;
  for (size_t i = 0; i < trainer->count; i++) {
    widest = most(widest, dc_shape_size(trainer->steps[i].run.layer->output));
    scratch = most(scratch, trainer->steps[i].run.scratch);
  }
  if (dc_checked_mul(widest, trainer->max_batch, &floats)) {
    trainer->deltas[0] = DC_NEW(float, floats);
    trainer->deltas[1] = DC_NEW(float, floats);
  }
  trainer->scratch = DC_NEW(float, scratch);
  trainer->gradient = DC_NEW(float, dc_network_parameters(trainer->network));
  if (!trainer->deltas[0] || !trainer->deltas[1] || !trainer->scratch || !trainer->gradient)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the gradients of %zu samples",
                        trainer->max_batch);
  place_gradients(trainer);
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
  dc_free(trainer->deltas[0]);
  dc_free(trainer->deltas[1]);
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

const float *
dc_trainer_forward(DcTrainer *trainer, const float *input, size_t batch)
{
  take_over_weights(trainer);
  trainer->input = input;
  trainer->batch = batch;
  for (size_t i = 0; i < trainer->count; i++) {
    const Step *step = &trainer->steps[i];
    dc_layer_run_forward(&step->run, input, batch, step->before, step->output, trainer->scratch);
    input = step->output;
  }
  return input;
}

static void
step_backward(DcTrainer *trainer, size_t index)
{
  const Step *step = &trainer->steps[index];
  const DcLayer *layer = step->run.layer;
  float *delta = trainer->deltas[index % 2];
  const bool wanted = index > 0 || trainer->input_gradient;
  dc_activation_backward(layer, step->before ? step->before : step->output,
                         trainer->batch * dc_shape_size(layer->output), delta);
  const DcLayerBackward job = {
      .input = index ? trainer->steps[index - 1].output : trainer->input,
      .output_gradient = delta,
      .batch = trainer->batch,
      .weight_gradient = step->weight_gradient,
      .bias_gradient = step->bias_gradient,
      .input_gradient = wanted ? trainer->deltas[(index + 1) % 2] : NULL,
      .scratch = trainer->scratch,
  };
  dc_layer_ops(layer->kind)->backward(&step->run, &job);
}

const float *
dc_trainer_backward(DcTrainer *trainer, const float *output_gradient)
{
  const size_t last = trainer->count - 1;
  memcpy(trainer->deltas[last % 2], output_gradient,
         trainer->batch * dc_shape_size(dc_network_output(trainer->network)) * sizeof(float));
  for (size_t i = trainer->count; i-- > 0;)
    step_backward(trainer, i);
  return trainer->input_gradient ? trainer->deltas[1] : NULL;
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
