/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/clustering_fit.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/workers.h"
#include "nn/trainer.h"

#include <math.h>
#include <stdio.h>

/* Numbers that are summed over the threads and stepped before the next ones are read: as many as
 * stay in the cache with what belongs to them. */
#define BLOCK 4096

enum { ENCODER, DECODER, ASSIGNER, CENTROID_LAYER, NETWORKS };

/* What is stepped of one network. */
typedef struct {
  DcNetwork *network;   /* NULL: there is none */
  size_t size;          /* parameters */
  DcParameters *pieces; /* of the step under way */
  size_t piece_count;
  DcOptimiser *optimiser;
  float *gradient; /* of all: the first worker's, or the module's own */
  double *sum;     /* of the parameters added to the mean */
} Part;

/* What one thread has. */
typedef struct {
  DcTrainer *encoder, *decoder;
  float *delta; /* gradient for its share of the outputs */
  double reconstruction;
} Worker;

/* The step under way. */
typedef struct {
  const float *samples;
  size_t count;
  float output_scale; /* of the squared errors in the loss */
} Job;

struct DcClusteringFit {
  DcClusteringFitOptions options;
  DcClusteringModule *module;
  Part parts[NETWORKS];
  float *module_gradient[2];    /* of the assigner, of the centroid layer */
  size_t input_size, width;     /* of a sample, of a code */
  float *codes, *code_gradient; /* max_batch x width; NULL without an autoencoder */
  uint64_t added;               /* to the mean */
  DcWorkers *threads;
  Worker *workers;
  size_t worker_count;
  Job job;
};

static bool
is_joint(const DcClusteringFit *fit)
{
  return fit->options.autoencoder.encoder;
}

/* --- starting --- */

static DcStatus
check_layer(const DcNetwork *network, size_t inputs, size_t outputs, const char *name,
            DcError *error)
{
  const bool fits = dc_network_layer_count(network) == 1 &&
                    dc_network_layer_const(network, 0)->kind == DC_LAYER_DENSE &&
                    dc_shape_size(dc_network_input(network)) == inputs &&
                    dc_shape_size(dc_network_output(network)) == outputs;
  return fits ? DC_OK
              : dc_error_set(error, DC_ERROR_SHAPE, "the %s is not one dense layer from %zu to %zu",
                             name, inputs, outputs);
}

static DcStatus
check_autoencoder(const DcClusteringFitOptions *options, DcError *error)
{
  const DcAutoencoder *both = &options->autoencoder;
  const size_t width = options->module.width;
  if (dc_shape_size(dc_network_output(both->encoder)) != width ||
      dc_shape_size(dc_network_input(both->decoder)) != width ||
      dc_shape_size(dc_network_output(both->decoder)) !=
          dc_shape_size(dc_network_input(both->encoder)))
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "the autoencoder does not go through a code of %zu numbers and back",
                        width);
  return DC_OK;
}

static DcStatus
check_options(const DcClusteringFitOptions *options, DcError *error)
{
  const DcClusteringOptions *module = &options->module;
  if (!options->threads)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "training with 0 threads");
  if (!(options->beta >= 0 && isfinite(options->beta)))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "beta is %g; it must be 0 or more",
                        options->beta);
  DcStatus status =
      check_layer(options->assigner, module->width, module->clusters, "assigner", error);
  if (!status)
    status = check_layer(options->centroid_layer, module->clusters, module->width,
                         "decoder of clusters", error);
  if (!status && options->autoencoder.encoder)
    status = check_autoencoder(options, error);
  return status;
}

static DcStatus
plan_part(const DcClusteringFit *fit, Part *part, DcNetwork *network, DcError *error)
{
  part->network = network;
  part->size = dc_network_parameters(network);
  part->piece_count = 2 * dc_network_layer_count(network);
  part->pieces = DC_NEW(DcParameters, part->piece_count);
  part->sum = DC_NEW(double, part->size);
  if (!part->pieces || !part->sum)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train %zu parameters", part->size);
  return dc_optimiser_new(&fit->options.optimiser, part->size, &part->optimiser, error);
}

static DcStatus
plan_parts(DcClusteringFit *fit, DcError *error)
{
  const DcClusteringFitOptions *options = &fit->options;
  DcNetwork *const networks[NETWORKS] = {
      [ENCODER] = options->autoencoder.encoder,
      [DECODER] = options->autoencoder.decoder,
      [ASSIGNER] = options->assigner,
      [CENTROID_LAYER] = options->centroid_layer,
  };
  for (size_t i = 0; i < NETWORKS; i++) {
    DcStatus status = networks[i] ? plan_part(fit, &fit->parts[i], networks[i], error) : DC_OK;
    if (status)
      return status;
  }
  for (size_t i = 0; i < 2; i++) {
    Part *part = &fit->parts[ASSIGNER + i];
    part->gradient = fit->module_gradient[i] = DC_NEW(float, part->size);
    if (!part->gradient)
      return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train %zu parameters", part->size);
  }
  return DC_OK;
}

/* The largest share of a batch that a worker can have. */
static size_t
largest_share(const DcClusteringFit *fit)
{
  return (fit->options.module.max_batch - 1) / fit->options.threads + 1;
}

static DcStatus
plan_worker(const DcClusteringFit *fit, Worker *worker, DcError *error)
{
  const size_t share = largest_share(fit);
  const DcAutoencoder *both = &fit->options.autoencoder;
  DcStatus status = dc_trainer_new(both->encoder, share, false, &worker->encoder, error);
  if (!status)
    status = dc_trainer_new(both->decoder, share, true, &worker->decoder, error);
  if (status)
    return status;
  size_t floats;
  worker->delta = dc_checked_mul(share, fit->input_size, &floats) ? DC_NEW(float, floats) : NULL;
  return worker->delta
             ? DC_OK
             : dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu training samples", share);
}

static DcStatus
plan_codes(DcClusteringFit *fit, DcError *error)
{
  size_t floats;
  if (dc_checked_mul(fit->options.module.max_batch, fit->width, &floats)) {
    fit->codes = DC_NEW(float, floats);
    fit->code_gradient = DC_NEW(float, floats);
  }
  if (fit->codes && fit->code_gradient)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu codes",
                      fit->options.module.max_batch);
}

/* The module alone is too small to be shared. */
static DcStatus
plan_workers(DcClusteringFit *fit, DcError *error)
{
  const size_t threads = is_joint(fit) ? fit->options.threads : 1;
  fit->threads = dc_workers_new(threads);
  fit->workers = DC_NEW(Worker, threads);
  if (!fit->threads || !fit->workers)
    return dc_error_set(error, DC_ERROR_MEMORY, "cannot start %zu training threads", threads);
  if (!is_joint(fit))
    return DC_OK;
  while (fit->worker_count < threads) {
    DcStatus status = plan_worker(fit, &fit->workers[fit->worker_count++], error);
    if (status)
      return status;
  }
  fit->parts[ENCODER].gradient = dc_trainer_gradient(fit->workers[0].encoder);
  fit->parts[DECODER].gradient = dc_trainer_gradient(fit->workers[0].decoder);
  return plan_codes(fit, error);
}

static DcStatus
plan(DcClusteringFit *fit, DcError *error)
{
  fit->width = fit->options.module.width;
  fit->input_size = is_joint(fit)
                        ? dc_shape_size(dc_network_input(fit->options.autoencoder.encoder))
                        : fit->width;
  DcStatus status = dc_clustering_module_new(&fit->options.module, &fit->module, error);
  if (!status)
    status = plan_parts(fit, error);
  if (!status)
    status = plan_workers(fit, error);
  return status;
}

DcStatus
dc_clustering_fit_new(const DcClusteringFitOptions *options, DcClusteringFit **fit, DcError *error)
{
  *fit = NULL;
  DcStatus status = check_options(options, error);
  if (status)
    return status;
  DcClusteringFit *made = DC_NEW(DcClusteringFit, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train");
  made->options = *options;
  status = plan(made, error);
  if (status) {
    dc_clustering_fit_free(made);
    return status;
  }
  *fit = made;
  return DC_OK;
}

void
dc_clustering_fit_free(DcClusteringFit *fit)
{
  if (!fit)
    return;
  dc_workers_free(fit->threads);
  for (size_t i = 0; i < fit->worker_count; i++) {
    dc_trainer_free(fit->workers[i].encoder);
    dc_trainer_free(fit->workers[i].decoder);
    dc_free(fit->workers[i].delta);
  }
  dc_free(fit->workers);
  for (size_t i = 0; i < NETWORKS; i++) {
    dc_optimiser_free(fit->parts[i].optimiser);
    dc_free(fit->parts[i].pieces);
    dc_free(fit->parts[i].sum);
  }
  dc_free(fit->module_gradient[0]);
  dc_free(fit->module_gradient[1]);
  dc_free(fit->codes);
  dc_free(fit->code_gradient);
  dc_clustering_module_free(fit->module);
  dc_free(fit);
}

/* --- the step, in its order --- */

/* Worker's samples of the batch: first, and how many. */
static size_t
share_of(const DcClusteringFit *fit, size_t worker, size_t *count)
{
  const size_t first = dc_workers_share(fit->job.count, fit->worker_count, worker);
  *count = dc_workers_share(fit->job.count, fit->worker_count, worker + 1) - first;
  return first;
}

static void
encode_share(void *data, size_t index)
{
  const DcClusteringFit *fit = data;
  size_t count;
  const size_t first = share_of(fit, index, &count);
  if (!count)
    return;
  const float *codes = dc_trainer_forward(fit->workers[index].encoder,
                                          fit->job.samples + first * fit->input_size, count);
  for (size_t i = 0; i < count * fit->width; i++)
    fit->codes[first * fit->width + i] = codes[i];
}

static DcClusteringWeights
as_weights(float *v, float *w, const DcClusteringOptions *module)
{
  const size_t products = module->width * module->clusters;
  return (DcClusteringWeights){v, v + products, w, w + products};
}

static void
run_module(DcClusteringFit *fit, DcClusteringTerms *terms)
{
  const DcMatrix batch =
      dc_matrix(is_joint(fit) ? fit->codes : fit->job.samples, fit->job.count, fit->width);
  const DcMatrix batch_gradient = dc_matrix(fit->code_gradient, fit->job.count, fit->width);
  const DcClusteringWeights weights =
      dc_clustering_fit_weights(fit->options.assigner, fit->options.centroid_layer);
  const DcClusteringWeights gradient =
      as_weights(fit->module_gradient[0], fit->module_gradient[1], &fit->options.module);
  dc_clustering_module_run(fit->module, &weights, &batch, terms, &gradient,
                           is_joint(fit) ? &batch_gradient : NULL);
}

/* The sum of the squared errors; their gradient, times `scale`, to `delta`. */
static double
compare(const float *output, const float *target, size_t count, float scale, float *delta)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    const float error = output[i] - target[i];
    sum += (double)error * error;
    delta[i] = 2 * scale * error;
  }
  return sum;
}

static void
decode_and_return_share(void *data, size_t index)
{
  const DcClusteringFit *fit = data;
  Worker *worker = &fit->workers[index];
  size_t count;
  const size_t first = share_of(fit, index, &count);
  dc_trainer_clear_gradient(worker->encoder);
  dc_trainer_clear_gradient(worker->decoder);
  worker->reconstruction = 0;
  if (!count)
    return;
  const float *output = dc_trainer_forward(worker->decoder, fit->codes + first * fit->width, count);
  worker->reconstruction = compare(output, fit->job.samples + first * fit->input_size,
                                   count * fit->input_size, fit->job.output_scale, worker->delta);
  const float *back = dc_trainer_backward(worker->decoder, worker->delta);
  float *code_gradient = fit->code_gradient + first * fit->width;
  for (size_t i = 0; i < count * fit->width; i++)
    code_gradient[i] += back[i];
  dc_trainer_backward(worker->encoder, code_gradient);
}

static const float *
gradient_of(const Worker *worker, size_t part)
{
  return dc_trainer_gradient(part == ENCODER ? worker->encoder : worker->decoder);
}

/* Sums first .. end - 1 of the gradients of all workers into that of the first. */
static void
sum_gradients(const DcClusteringFit *fit, size_t part, size_t first, size_t end)
{
  float *sum = fit->parts[part].gradient;
  for (size_t other = 1; other < fit->worker_count; other++) {
    const float *gradient = gradient_of(&fit->workers[other], part);
    for (size_t i = first; i < end; i++)
      sum[i] += gradient[i];
  }
}

static void
update_share(void *data, size_t index)
{
  const DcClusteringFit *fit = data;
  const size_t workers = dc_workers_count(fit->threads);
  for (size_t i = 0; i < NETWORKS; i++) {
    const Part *part = &fit->parts[i];
    const size_t last = dc_workers_share(part->size, workers, index + 1);
    for (size_t first = dc_workers_share(part->size, workers, index); first < last;
         first += BLOCK) {
      const size_t end = last - first < BLOCK ? last : first + BLOCK;
      if (i == ENCODER || i == DECODER)
        sum_gradients(fit, i, first, end);
      dc_optimiser_step_range(part->optimiser, part->pieces, part->piece_count, part->gradient,
                              first, end);
    }
  }
}

static void
find_pieces(DcClusteringFit *fit)
{
  for (size_t i = 0; i < NETWORKS; i++) {
    Part *part = &fit->parts[i];
    if (part->network)
      dc_network_pieces(part->network, part->pieces, part->piece_count);
  }
}

static void
update(DcClusteringFit *fit)
{
  find_pieces(fit);
  for (size_t i = 0; i < NETWORKS; i++) {
    if (fit->parts[i].network)
      dc_optimiser_begin(fit->parts[i].optimiser);
  }
  dc_workers_run(fit->threads, update_share, fit);
}

DcStatus
dc_clustering_fit_step(DcClusteringFit *fit, const float *samples, size_t count,
                       DcClusteringLosses *losses)
{
  const DcClusteringFitOptions *options = &fit->options;
  if (!count || count > options->module.max_batch)
    return DC_ERROR_ARGUMENT;
  const double scale = options->module.normalised
                           ? options->beta / (double)(count * fit->input_size)
                           : options->beta;
  fit->job = (Job){samples, count, (float)scale};
  *losses = (DcClusteringLosses){0};
  if (is_joint(fit))
    dc_workers_run(fit->threads, encode_share, fit);
  run_module(fit, &losses->module);
  if (is_joint(fit))
    dc_workers_run(fit->threads, decode_and_return_share, fit);
  for (size_t i = 0; i < fit->worker_count; i++)
    losses->reconstruction += fit->workers[i].reconstruction;
  losses->total = losses->module.total + scale * losses->reconstruction;
  if (!isfinite(losses->total))
    return DC_ERROR_NOT_FINITE;
  update(fit);
  return DC_OK;
}

/* --- the mean --- */

void
dc_clustering_fit_add_to_mean(DcClusteringFit *fit)
{
  find_pieces(fit);
  fit->added++;
  for (size_t i = 0; i < NETWORKS; i++) {
    const Part *part = &fit->parts[i];
    double *sum = part->sum;
    for (size_t j = 0; j < part->piece_count; j++) {
      for (size_t k = 0; k < part->pieces[j].count; k++)
        *sum++ += part->pieces[j].values[k];
    }
  }
}

void
dc_clustering_fit_take_mean(DcClusteringFit *fit)
{
  find_pieces(fit);
  for (size_t i = 0; i < NETWORKS; i++) {
    const Part *part = &fit->parts[i];
    double *sum = part->sum;
    for (size_t j = 0; j < part->piece_count; j++) {
      for (size_t k = 0; k < part->pieces[j].count; k++, sum++) {
        part->pieces[j].values[k] = (float)(*sum / (double)fit->added);
        *sum = 0;
      }
    }
  }
  fit->added = 0;
}

/* --- state --- */

void
dc_clustering_fit_list_state(DcClusteringFit *fit, const char *prefix, DcStateList *list)
{
  static const char *const names[NETWORKS] = {"encoder", "decoder", "assigner", "centroids"};
  dc_state_list_add_object(list, prefix, "added", &fit->added);
  for (size_t i = 0; i < NETWORKS; i++) {
    Part *part = &fit->parts[i];
    if (!part->network)
      continue;
    char name[DC_STATE_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", prefix, names[i]);
    dc_optimiser_list_state(part->optimiser, name, list);
    dc_state_list_add(list, name, "sum", DC_STATE_DOUBLES, part->sum, part->size);
  }
}

DcClusteringWeights
dc_clustering_fit_weights(DcNetwork *assigner, DcNetwork *centroid_layer)
{
  const DcLayer *v = dc_network_layer(assigner, 0), *w = dc_network_layer(centroid_layer, 0);
  return (DcClusteringWeights){v->weight, v->bias, w->weight, w->bias};
}
