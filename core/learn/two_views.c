/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/two_views.h"

#include "base/memory.h"
#include "base/workers.h"
#include "nn/optimiser.h"
#include "nn/trainer.h"

/* How far running statistics move with a view, as in PyTorch. */
#define STATISTICS_MOMENTUM 0.1

enum { VIEWS = 2 };

struct DcTwoViews {
  DcNetwork *network;
  DcTrainer *trainers[VIEWS];
  DcOptimiser *optimiser;
  DcWorkers *workers;
  DcParameters *pieces;                    /* of the network; those that are learnt are the last */
  size_t piece_count, fixed, fixed_pieces; /* `fixed`: floats that are not learnt */
  /* Of a pass: */
  const float *values;
  size_t count;
  const float **outputs;
  const float *const *gradients;
};

static void
count_fixed(DcTwoViews *views, size_t layers)
{
  for (size_t i = 0; i < layers; i++) {
    const DcLayer *layer = dc_network_layer_const(views->network, i);
    views->fixed += layer->weight_size + layer->bias_size;
  }
  views->fixed_pieces = 2 * layers;
}

static DcStatus
fill(DcTwoViews *views, const DcTwoViewsOptions *options, DcError *error)
{
  views->network = options->network;
  count_fixed(views, options->fixed);
  for (size_t v = 0; v < VIEWS; v++) {
    DcStatus status =
        dc_trainer_new(views->network, options->most, false, &views->trainers[v], error);
    if (status)
      return status;
  }
  views->piece_count = dc_network_pieces(views->network, NULL, 0);
  views->pieces = DC_NEW(DcParameters, views->piece_count);
  views->workers = dc_workers_new(options->threads < VIEWS ? options->threads : VIEWS);
  if (!views->pieces || !views->workers)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory or threads to train on two views");
  /* Every step brings its own rate. */
  DcOptimiserOptions optimiser = dc_optimiser_sgd(1, options->momentum);
  optimiser.weight_decay = options->weight_decay;
  return dc_optimiser_new(&optimiser, dc_network_parameters(views->network) - views->fixed,
                          &views->optimiser, error);
}

DcStatus
dc_two_views_new(const DcTwoViewsOptions *options, DcTwoViews **views, DcError *error)
{
  *views = NULL;
  DcTwoViews *made = DC_NEW(DcTwoViews, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train on two views");
  DcStatus status = fill(made, options, error);
  if (status) {
    dc_two_views_free(made);
    return status;
  }
  *views = made;
  return DC_OK;
}

void
dc_two_views_free(DcTwoViews *views)
{
  if (!views)
    return;
  for (size_t v = 0; v < VIEWS; v++)
    dc_trainer_free(views->trainers[v]);
  dc_optimiser_free(views->optimiser);
  dc_workers_free(views->workers);
  dc_free(views->pieces);
  dc_free(views);
}

static void
forward(void *data, size_t worker)
{
  DcTwoViews *views = data;
  const size_t size = dc_shape_size(dc_network_input(views->network));
  for (size_t v = worker; v < VIEWS; v += dc_workers_count(views->workers))
    views->outputs[v] = dc_trainer_forward(views->trainers[v],
                                           views->values + v * views->count * size, views->count);
}

void
dc_two_views_forward(DcTwoViews *views, const float *values, size_t count, const float *outputs[2])
{
  views->values = values;
  views->count = count;
  views->outputs = outputs;
  dc_workers_run(views->workers, forward, views);
  for (size_t v = 0; v < VIEWS; v++)
    dc_trainer_update_statistics(views->trainers[v], views->network, STATISTICS_MOMENTUM);
}

static void
backward(void *data, size_t worker)
{
  DcTwoViews *views = data;
  for (size_t v = worker; v < VIEWS; v += dc_workers_count(views->workers)) {
    dc_trainer_clear_gradient(views->trainers[v]);
    dc_trainer_backward(views->trainers[v], views->gradients[v]);
  }
}

void
dc_two_views_step(DcTwoViews *views, const float *const gradients[2], double rate)
{
  views->gradients = gradients;
  dc_workers_run(views->workers, backward, views);
  float *sum = dc_trainer_gradient(views->trainers[0]);
  const float *second = dc_trainer_gradient(views->trainers[1]);
  const size_t parameters = dc_network_parameters(views->network);
  for (size_t i = views->fixed; i < parameters; i++)
    sum[i] += second[i];
  dc_network_pieces(views->network, views->pieces, views->piece_count);
  dc_optimiser_set_rate(views->optimiser, rate);
  dc_optimiser_step(views->optimiser, views->pieces + views->fixed_pieces,
                    views->piece_count - views->fixed_pieces, sum + views->fixed);
}

void
dc_two_views_list_state(DcTwoViews *views, const char *prefix, DcStateList *list)
{
  dc_optimiser_list_state(views->optimiser, prefix, list);
}
