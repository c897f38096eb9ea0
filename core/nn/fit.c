/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/fit.h"

#include "base/memory.h"
#include "base/workers.h"
#include "nn/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Samples that go forward and back together: at least enough to fill the tiles of the kernels, and
 * few, so that the activations of the layers between stay in the second-level cache. But every such
 * chunk goes through all weights and their gradients too: where these are more than the activations
 * (dense networks), a chunk is larger in proportion. */
#define LEAST_CHUNK ((size_t)16)
#define MOST_CHUNK  ((size_t)256)

/* What one thread has. */
typedef struct {
  DcTrainer *trainers[DC_FIT_MOST_NETWORKS];
  float *input, *target, *delta; /* fit->chunk rows each */
  double loss;
} Worker;

/* The step under way. */
typedef struct {
  const float *samples, *targets;
  const uint32_t *rows;
  size_t batch;
} Job;

struct DcFit {
  DcFitOptions options;
  DcNetwork *networks[DC_FIT_MOST_NETWORKS];
  size_t count, input_size, output_size, chunk;
  DcOptimiser *optimisers[DC_FIT_MOST_NETWORKS];
  DcParameters *pieces; /* room for those of the network with the most layers */
  size_t most_pieces;
  DcWorkers *threads;
  Worker *workers;
  size_t worker_count;
  Job job;
};

static DcStatus
check_options(const DcFitOptions *options, DcError *error)
{
  if (options->network_count < 1 || options->network_count > DC_FIT_MOST_NETWORKS)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "training of %zu networks in a row; 1 to %d can",
                        options->network_count, DC_FIT_MOST_NETWORKS);
  if (options->threads < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "training with 0 threads");
  for (size_t i = 0, layer; i < options->network_count; i++) {
    if (dc_network_has_batch_norm(options->networks[i], &layer))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "network %zu, layer %zu: batch normalisation needs whole batches, but "
                          "these steps go a few samples at a time; use a trainer",
                          i, layer);
  }
  for (size_t i = 1; i < options->network_count; i++) {
    const size_t given = dc_shape_size(dc_network_output(options->networks[i - 1]));
    const size_t wanted = dc_shape_size(dc_network_input(options->networks[i]));
    if (given != wanted)
      return dc_error_set(error, DC_ERROR_SHAPE,
                          "network %zu gives %zu numbers a sample, network %zu takes %zu", i - 1,
                          given, i, wanted);
  }
  return DC_OK;
}

static size_t
choose_chunk(const DcFit *fit)
{
  size_t weights = 0, activations = 0;
  for (size_t i = 0; i < fit->count; i++) {
    const DcNetwork *network = fit->networks[i];
    weights += dc_network_parameters(network);
    for (size_t j = 0; j < dc_network_layer_count(network); j++)
      activations += dc_shape_size(dc_network_layer_const(network, j)->output);
  }
  const size_t ratio = weights / activations;
  return ratio < LEAST_CHUNK ? LEAST_CHUNK : ratio > MOST_CHUNK ? MOST_CHUNK : ratio;
}

static DcStatus
plan_worker(const DcFit *fit, Worker *worker, DcError *error)
{
  for (size_t i = 0; i < fit->count; i++) {
    DcStatus status =
        dc_trainer_new(fit->networks[i], fit->chunk, i > 0, &worker->trainers[i], error);
    if (status)
      return status;
  }
  worker->input = DC_NEW(float, fit->chunk * fit->input_size);
  worker->target = DC_NEW(float, fit->chunk * fit->output_size);
  worker->delta = DC_NEW(float, fit->chunk * fit->output_size);
  if (!worker->input || !worker->target || !worker->delta)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu training samples", fit->chunk);
  return DC_OK;
}

static DcStatus
plan_optimisers(DcFit *fit, DcError *error)
{
  for (size_t i = 0; i < fit->count; i++) {
    const size_t pieces = 2 * dc_network_layer_count(fit->networks[i]);
    fit->most_pieces = pieces > fit->most_pieces ? pieces : fit->most_pieces;
    DcStatus status =
        dc_optimiser_new(&fit->options.optimiser, dc_network_parameters(fit->networks[i]),
                         &fit->optimisers[i], error);
    if (status)
      return status;
  }
  fit->pieces = DC_NEW(DcParameters, fit->most_pieces);
  return fit->pieces ? DC_OK : dc_error_set(error, DC_ERROR_MEMORY, "no memory for an optimiser");
}

static DcStatus
plan_workers(DcFit *fit, DcError *error)
{
  const size_t threads = fit->options.threads;
  fit->threads = dc_workers_new(threads);
  fit->workers = DC_NEW(Worker, threads);
  if (!fit->threads || !fit->workers)
    return dc_error_set(error, DC_ERROR_MEMORY, "cannot start %zu training threads", threads);
  while (fit->worker_count < threads) {
    DcStatus status = plan_worker(fit, &fit->workers[fit->worker_count++], error);
    if (status)
      return status;
  }
  return DC_OK;
}

DcStatus
dc_fit_new(const DcFitOptions *options, DcFit **fit, DcError *error)
{
  *fit = NULL;
  DcStatus status = check_options(options, error);
  if (status)
    return status;
  DcFit *made = DC_NEW(DcFit, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train");
  made->options = *options;
  made->count = options->network_count;
  memcpy(made->networks, options->networks, made->count * sizeof *made->networks);
  made->input_size = dc_shape_size(dc_network_input(made->networks[0]));
  made->output_size = dc_shape_size(dc_network_output(made->networks[made->count - 1]));
  made->chunk = choose_chunk(made);
  status = plan_optimisers(made, error);
  if (!status)
    status = plan_workers(made, error);
  if (status) {
    dc_fit_free(made);
    return status;
  }
  *fit = made;
  return DC_OK;
}

void
dc_fit_free(DcFit *fit)
{
  if (!fit)
    return;
  dc_workers_free(fit->threads);
  for (size_t i = 0; i < fit->worker_count; i++) {
    Worker *worker = &fit->workers[i];
    for (size_t j = 0; j < fit->count; j++)
      dc_trainer_free(worker->trainers[j]);
    dc_free(worker->input);
    dc_free(worker->target);
    dc_free(worker->delta);
  }
  dc_free(fit->workers);
  for (size_t i = 0; i < fit->count; i++)
    dc_optimiser_free(fit->optimisers[i]);
  dc_free(fit->pieces);
  dc_free(fit);
}

static void
gather(const float *from, const uint32_t *rows, size_t count, size_t size, float *to)
{
  for (size_t i = 0; i < count; i++)
    memcpy(to + i * size, from + rows[i] * size, size * sizeof *to);
}

/* Forward and back for rows first .. first + count - 1 of the batch. */
static void
run_chunk(const DcFit *fit, Worker *worker, size_t first, size_t count)
{
  const Job *job = &fit->job;
  gather(job->samples, job->rows + first, count, fit->input_size, worker->input);
  gather(job->targets, job->rows + first, count, fit->output_size, worker->target);
  const float *flow = worker->input;
  for (size_t i = 0; i < fit->count; i++)
    flow = dc_trainer_forward(worker->trainers[i], flow, count);
  worker->loss += fit->options.loss(flow, worker->target, count, fit->output_size,
                                    1 / (double)job->batch, worker->delta, fit->options.loss_data);
  flow = worker->delta;
  for (size_t i = fit->count; i-- > 0;)
    flow = dc_trainer_backward(worker->trainers[i], flow);
}

static void
run_share(void *data, size_t index)
{
  const DcFit *fit = data;
  Worker *worker = &fit->workers[index];
  const size_t batch = fit->job.batch;
  const size_t end = dc_workers_share(batch, fit->worker_count, index + 1);
  worker->loss = 0;
  for (size_t i = 0; i < fit->count; i++)
    dc_trainer_clear_gradient(worker->trainers[i]);
  for (size_t first = dc_workers_share(batch, fit->worker_count, index); first < end;
       first += fit->chunk)
    run_chunk(fit, worker, first, end - first < fit->chunk ? end - first : fit->chunk);
}

/* Each worker sums its share of the gradients of all, in the order of the workers, into the first
 * one's. */
static void
sum_share(void *data, size_t index)
{
  const DcFit *fit = data;
  for (size_t i = 0; i < fit->count; i++) {
    const size_t size = dc_network_parameters(fit->networks[i]);
    const size_t first = dc_workers_share(size, fit->worker_count, index);
    const size_t end = dc_workers_share(size, fit->worker_count, index + 1);
    float *sum = dc_trainer_gradient(fit->workers[0].trainers[i]);
    for (size_t other = 1; other < fit->worker_count; other++) {
      const float *gradient = dc_trainer_gradient(fit->workers[other].trainers[i]);
      for (size_t j = first; j < end; j++)
        sum[j] += gradient[j];
    }
  }
}

DcStatus
dc_fit_step(DcFit *fit, const float *samples, const float *targets, const uint32_t *rows,
            size_t batch, double *loss)
{
  if (!batch)
    return DC_ERROR_ARGUMENT;
  fit->job = (Job){samples, targets, rows, batch};
  dc_workers_run(fit->threads, run_share, fit);
  *loss = 0;
  for (size_t i = 0; i < fit->worker_count; i++)
    *loss += fit->workers[i].loss;
  if (!isfinite(*loss))
    return DC_ERROR_NOT_FINITE;
  dc_workers_run(fit->threads, sum_share, fit);
  for (size_t i = 0; i < fit->count; i++) {
    const size_t pieces = dc_network_pieces(fit->networks[i], fit->pieces, fit->most_pieces);
    dc_optimiser_step(fit->optimisers[i], fit->pieces, pieces,
                      dc_trainer_gradient(fit->workers[0].trainers[i]));
  }
  return DC_OK;
}

void
dc_fit_list_state(DcFit *fit, const char *prefix, DcStateList *list)
{
  for (size_t i = 0; i < fit->count; i++) {
    char name[DC_STATE_NAME_SIZE]; /* what is cut off here is too long for the list as well */
    snprintf(name, sizeof name, "%s.%zu", prefix, i);
    dc_optimiser_list_state(fit->optimisers[i], name, list);
  }
}
