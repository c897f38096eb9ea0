/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/tdcm_joint.h"

#include "base/memory.h"
#include "base/workers.h"
#include "nn/loss.h"
#include "nn/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ENCODER, DECODER, NETWORKS };
static const char *const names[NETWORKS] = {"encoder", "decoder"};

/* What one thread has: its share of the batch stays with it from the way forward to the way back.
 */
typedef struct {
  DcTrainer *trainers[NETWORKS];
  float *input;        /* share x sample size */
  float *output_delta; /* share x sample size: gradient of the reconstruction */
  float *code_delta;   /* share x width: gradient of the codes */
  const float *codes;  /* share x width: what the encoder made */
  double reconstruction;
} Worker;

/* The step under way. */
typedef struct {
  const float *samples;
  const uint32_t *rows;
  size_t count;
} Job;

struct DcTdcmJoint {
  DcTdcmJointOptions options;
  DcNetwork *networks[NETWORKS];
  size_t sample_size, width;
  DcOptimiser *optimisers[NETWORKS];
  DcParameters *pieces[NETWORKS];
  size_t piece_counts[NETWORKS];
  double *code_gradient; /* batch x width */
  DcWorkers *threads;
  Worker *workers;
  Job job;
};

/* --- starting --- */

static DcStatus
plan_network(DcTdcmJoint *joint, size_t index, DcNetwork *network, DcError *error)
{
  const DcOptimiserOptions adam = dc_optimiser_adam(joint->options.learning_rate);
  joint->networks[index] = network;
  joint->piece_counts[index] = 2 * dc_network_layer_count(network);
  joint->pieces[index] = DC_NEW(DcParameters, joint->piece_counts[index]);
  if (!joint->pieces[index])
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train an autoencoder");
  return dc_optimiser_new(&adam, dc_network_parameters(network), &joint->optimisers[index], error);
}

static DcStatus
plan_worker(const DcTdcmJoint *joint, Worker *worker, DcError *error)
{
  const size_t share = (joint->options.batch - 1) / joint->options.threads + 1;
  for (size_t i = 0; i < NETWORKS; i++) {
    DcStatus status =
        dc_trainer_new(joint->networks[i], share, i == DECODER, &worker->trainers[i], error);
    if (status)
      return status;
  }
  worker->input = dc_alloc(share, joint->sample_size * sizeof(float));
  worker->output_delta = dc_alloc(share, joint->sample_size * sizeof(float));
  worker->code_delta = dc_alloc(share, joint->width * sizeof(float));
  if (worker->input && worker->output_delta && worker->code_delta)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MEMORY, "no memory for batches of %zu samples",
                      joint->options.batch);
}

static DcStatus
plan(DcTdcmJoint *joint, DcError *error)
{
  const size_t threads = joint->options.threads;
  joint->code_gradient = dc_alloc(joint->options.batch, joint->width * sizeof(double));
  joint->workers = DC_NEW(Worker, threads);
  joint->threads = dc_workers_new(threads);
  if (!joint->code_gradient || !joint->workers || !joint->threads)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu training threads", threads);
  DcStatus status = plan_network(joint, ENCODER, joint->options.autoencoder->encoder, error);
  if (!status)
    status = plan_network(joint, DECODER, joint->options.autoencoder->decoder, error);
  for (size_t i = 0; i < threads && !status; i++)
    status = plan_worker(joint, &joint->workers[i], error);
  return status;
}

DcStatus
dc_tdcm_joint_new(const DcTdcmJointOptions *options, DcTdcmJoint **joint, DcError *error)
{
  *joint = NULL;
  DcTdcmJoint *made = DC_NEW(DcTdcmJoint, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train an autoencoder");
  made->options = *options;
  made->sample_size = dc_shape_size(dc_network_input(options->autoencoder->encoder));
  made->width = dc_shape_size(dc_network_output(options->autoencoder->encoder));
  DcStatus status = plan(made, error);
  if (status)
    dc_tdcm_joint_free(made);
  else
    *joint = made;
  return status;
}

void
dc_tdcm_joint_free(DcTdcmJoint *joint)
{
  if (!joint)
    return;
  dc_workers_free(joint->threads);
  for (size_t i = 0; joint->workers && i < joint->options.threads; i++) {
    Worker *worker = &joint->workers[i];
    dc_trainer_free(worker->trainers[ENCODER]);
    dc_trainer_free(worker->trainers[DECODER]);
    dc_free(worker->input);
    dc_free(worker->output_delta);
    dc_free(worker->code_delta);
  }
  dc_free(joint->workers);
  for (size_t i = 0; i < NETWORKS; i++) {
    dc_optimiser_free(joint->optimisers[i]);
    dc_free(joint->pieces[i]);
  }
  dc_free(joint->code_gradient);
  dc_free(joint);
}

/* --- a step --- */

static size_t
first_of(const DcTdcmJoint *joint, size_t worker)
{
  return dc_workers_share(joint->job.count, joint->options.threads, worker);
}

/* A worker's share to codes, which go to the pass. */
static void
encode_share(void *data, size_t index)
{
  const DcTdcmJoint *joint = data;
  const size_t first = first_of(joint, index), count = first_of(joint, index + 1) - first;
  const size_t size = joint->sample_size, width = joint->width;
  Worker *worker = &joint->workers[index];
  if (count == 0)
    return;
  for (size_t i = 0; i < count; i++)
    memcpy(worker->input + i * size, joint->job.samples + joint->job.rows[first + i] * size,
           size * sizeof(float));
  worker->codes = dc_trainer_forward(worker->trainers[ENCODER], worker->input, count);
  double *codes = dc_tdcm_pass_samples(joint->options.pass) + first * width;
  for (size_t i = 0; i < count * width; i++)
    codes[i] = worker->codes[i];
}

/* A worker's share to what the decoder makes of its codes, and back through both networks. */
static void
learn_share(void *data, size_t index)
{
  const DcTdcmJoint *joint = data;
  const size_t first = first_of(joint, index), count = first_of(joint, index + 1) - first;
  const size_t width = joint->width;
  Worker *worker = &joint->workers[index];
  worker->reconstruction = 0;
  for (size_t i = 0; i < NETWORKS; i++)
    dc_trainer_clear_gradient(worker->trainers[i]);
  if (count == 0)
    return;
  const float *output = dc_trainer_forward(worker->trainers[DECODER], worker->codes, count);
  worker->reconstruction =
      dc_loss_mean_squared_error(output, worker->input, count, joint->sample_size,
                                 joint->options.reconstruction / (double)joint->job.count,
                                 worker->output_delta, NULL);
  const float *from_decoder = dc_trainer_backward(worker->trainers[DECODER], worker->output_delta);
  const double *from_module = joint->code_gradient + first * width;
  for (size_t i = 0; i < count * width; i++)
    worker->code_delta[i] = (float)(from_decoder[i] + from_module[i]);
  dc_trainer_backward(worker->trainers[ENCODER], worker->code_delta);
}

/* Sums the gradients in the order of the workers, so that the result is that of their number. */
static void
step_network(DcTdcmJoint *joint, size_t index)
{
  const size_t parameters = dc_network_parameters(joint->networks[index]);
  float *sum = dc_trainer_gradient(joint->workers[0].trainers[index]);
  for (size_t other = 1; other < joint->options.threads; other++) {
    const float *gradient = dc_trainer_gradient(joint->workers[other].trainers[index]);
    for (size_t i = 0; i < parameters; i++)
      sum[i] += gradient[i];
  }
  const size_t pieces =
      dc_network_pieces(joint->networks[index], joint->pieces[index], joint->piece_counts[index]);
  dc_optimiser_step(joint->optimisers[index], joint->pieces[index], pieces, sum);
}

DcTdcmLoss
dc_tdcm_joint_step(DcTdcmJoint *joint, const float *samples, const uint32_t *rows, size_t count,
                   uint32_t starts, DcRandom *random, double *gradient)
{
  DcTdcmPass *pass = joint->options.pass;
  joint->job = (Job){samples, rows, count};
  dc_workers_run(joint->threads, encode_share, joint);
  dc_tdcm_pass_take(pass, count, true);
  DcTdcmLoss loss = dc_tdcm_pass_search(pass, starts, random);
  dc_tdcm_pass_backward(pass, gradient, joint->code_gradient);
  dc_workers_run(joint->threads, learn_share, joint);
  for (size_t i = 0; i < joint->options.threads; i++)
    loss.loss += joint->workers[i].reconstruction;
  if (isfinite(loss.loss)) {
    step_network(joint, ENCODER);
    step_network(joint, DECODER);
  }
  return loss;
}

void
dc_tdcm_joint_list_state(DcTdcmJoint *joint, const char *prefix, DcStateList *list)
{
  for (size_t i = 0; i < NETWORKS; i++) {
    char name[DC_STATE_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", prefix, names[i]);
    dc_optimiser_list_state(joint->optimisers[i], name, list);
  }
}
