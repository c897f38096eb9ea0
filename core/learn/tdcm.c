/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tdcm: the Transferable Deep Clustering Model (Zhang and Zhao 2023) in our reading of it, see
 * docs/methods/tdcm.md. An autoencoder is trained, unless samples are taken as they are; then the
 * attention module on the codes, each step on samples of one domain; then, if wanted, both
 * together. */
#include "base/memory.h"
#include "cluster/tdcm_pass.h"
#include "cluster/tdcm_source.h"
#include "learn/codes.h"
#include "learn/learner.h"
#include "learn/reconstruction.h"
#include "learn/tdcm_domains.h"
#include "learn/tdcm_joint.h"
#include "nn/encode.h"
#include "nn/schedule.h"

#include <math.h>
#include <string.h>

/* Sequences of the random numbers of a seed; 0 and 1 are first weights and the autoencoder's order.
 */
enum { SEQUENCE_STEPS = 2, SEQUENCE_USE, SEQUENCE_SOURCE };

enum { STAGE_AUTOENCODER, STAGE_MODULE, STAGE_JOINT };
enum { FIGURE_CRITERION, FIGURE_BALANCE };

enum {
  NETWORK,
  WIDTH,
  PRETRAIN_EPOCHS,
  PRETRAIN_BATCH,
  ENCODER_RATE,
  STEPS,
  BATCH,
  LEARNING_RATE,
  SCORE,
  SHARES,
  METRICS,
  CRITERION,
  BALANCE,
  BLOCKS,
  SEEDS,
  SEEDS_AT_USE,
  JOINT_STEPS,
  RECONSTRUCTION
};

enum { NETWORK_AUTO, NETWORK_IDENTITY };
enum { METRICS_OWN, METRICS_SHARED };

/* Steps of a round, which is what an epoch of the module is: domains are drawn, so that there is no
 * pass over all samples. */
#define ROUND 50

/* Vectors of up to so many numbers are clustered as they are, unless the user chooses a network. */
#define NARROW 64

/* Starts for the clusters of the source, where time is no matter, for each one at use. */
#define SOURCE_STARTS 2

static const DcLearnSetting settings[] = {
    [NETWORK] = {"network",
                 "autoencoder; identity takes samples as they are; auto: identity for vectors of "
                 "up to 64 numbers, else conv for pictures and dense for vectors",
                 NETWORK_AUTO, 0, 0, true,
                 (const char *const[]){"auto", "identity", "conv", "dense", "dense-leaky", NULL}},
    [WIDTH] = {"width", "numbers in an embedding, where there is an autoencoder", 10, 1, 4096, true,
               NULL},
    [PRETRAIN_EPOCHS] = {"pretrain-epochs", "passes of the autoencoder; 0 with --start-from", 50, 0,
                         1e6, true, NULL},
    [PRETRAIN_BATCH] = {"pretrain-batch", "samples in a step of the autoencoder", 256, 1, 1e6, true,
                        NULL},
    [ENCODER_RATE] = {"encoder-rate",
                      "of Adam for the autoencoder; a tenth of it where it is trained together "
                      "with the module",
                      1e-3, 1e-9, 1, false, NULL},
    [STEPS] = {"steps", "of the module, in rounds of 50", 1500, 1, 1e9, true, NULL},
    [BATCH] = {"batch", "samples of one domain in a step of the module; many against the clusters",
               1024, 1, 65536, true, NULL},
    [LEARNING_RATE] = {"learning-rate",
                       "of Adam for the module; a tenth of it after 70 % of the steps, and "
                       "together with the encoder",
                       2e-2, 1e-9, 1, false, NULL},
    [SCORE] = {"score", "similarity of samples and centroids", DC_TDCM_QUADRATIC, 0, 0, true,
               (const char *const[]){"quadratic", "bilinear", "nonlinear", NULL}},
    [SHARES] = {"shares", "whether clusters may differ in size, as the weights of a mixture do", 0,
                0, 0, true, (const char *const[]){"equal", "free", NULL}},
    [METRICS] =
        {"metrics",
         "whether each cluster gets a metric of its own in the end (quadratic scores only), "
         "or all share one",
         METRICS_OWN, 0, 0, true, (const char *const[]){"own", "shared", NULL}},
    [CRITERION] = {"criterion", "what is made small", DC_TDCM_LIKELIHOOD, 0, 0, true,
                   (const char *const[]){"likelihood", "compactness", NULL}},
    [BALANCE] = {"balance", "weight of clusters of equal size in the loss (beta)", 0.5, 0, 1e6,
                 false, NULL},
    [BLOCKS] = {"blocks", "updates of the centroids, one after the other", 4, 0,
                DC_TDCM_MOST_BLOCKS, true, NULL},
    [SEEDS] = {"seeds", "starts in each step, of which the best is learnt from", 4, 1,
               DC_TDCM_MOST_SEEDS, true, NULL},
    [SEEDS_AT_USE] = {"seeds-at-use", "starts when the module is applied", 10, 1,
                      DC_TDCM_MOST_SEEDS, true, NULL},
    [JOINT_STEPS] = {"joint-steps", "of module and autoencoder together, in rounds of 50", 0, 0,
                     1e9, true, NULL},
    [RECONSTRUCTION] = {"reconstruction", "weight of the autoencoder's error in these steps", 1, 0,
                        1e6, false, NULL},
};

typedef struct {
  DcLearner learner;
  DcNetwork *identity; /* in place of an autoencoder; NULL: there is one */
  DcAutoencoder autoencoder;
  DcReconstruction *reconstruction;
  DcTdcmJoint *joint; /* NULL unless there are joint steps */
  size_t width;       /* d */
  float *codes;       /* N x d, of all samples, while the encoder stays as it is */
  uint64_t codes_of;  /* revision of the encoder that made them */
  bool have_codes;
  DcTdcmModule *module;
  DcTdcmPass *pass;
  DcOptimiser *optimiser;
  float *parameters;      /* of the module: they are what is trained */
  float *gradient;        /* of the parameters */
  double *exact_gradient; /* the same, as the pass gives it */
  uint32_t *order;        /* N: within each domain its samples, in any order */
  DcRandom random;        /* of domains, batches and starts */
} Tdcm;

/* --- domains --- */

typedef struct {
  size_t first, count;
} Domain;

static Domain
domain_of(const DcDataset *data, size_t index)
{
  const size_t first = index ? data->domain_ends[index - 1] : 0;
  return (Domain){first, data->domain_ends[index] - first};
}

static DcStatus
check_domains(const DcLearner *learner, size_t *largest, DcError *error)
{
  *largest = 0;
  for (size_t i = 0; i < learner->data.domains; i++) {
    const Domain domain = domain_of(&learner->data, i);
    if (domain.count < learner->clusters)
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "tdcm: domain %zu has %zu samples, too few for %u clusters", i + 1,
                          domain.count, learner->clusters);
    *largest = domain.count > *largest ? domain.count : *largest;
  }
  return DC_OK;
}

/* Makes a random choice of `batch` samples the first of the domain's part of the order: the
 * beginning of a shuffle, which is uniform whatever the order was. */
static const uint32_t *
draw_batch(Tdcm *tdcm, const Domain *domain, size_t batch)
{
  uint32_t *order = tdcm->order + domain->first;
  for (size_t i = 0; i < batch && batch < domain->count; i++) {
    const size_t other = i + dc_random_below(&tdcm->random, (uint32_t)(domain->count - i));
    const uint32_t row = order[i];
    order[i] = order[other];
    order[other] = row;
  }
  return order;
}

/* --- starting --- */

/* Samples as they are: a reshaping, where they are pictures, and a factor of 1 for each number. */
static DcStatus
make_identity(const DcLearner *learner, DcNetwork **identity, DcError *error)
{
  const size_t size = dc_shape_size(learner->data.shape);
  if (learner->first_encoder)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "tdcm: the network is identity, which has no weights to start from");
  if (size > DC_TDCM_MOST_DIM)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "tdcm: samples of %zu numbers are too wide to be taken as they are, %d is "
                        "the most: choose another network",
                        size, DC_TDCM_MOST_DIM);
  *identity = dc_network_new(learner->data.shape);
  if (!*identity)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a network");
  const DcLayer reshape = {.kind = DC_LAYER_RESHAPE, .output = {1, 1, (int)size}};
  const DcLayer affine = {.kind = DC_LAYER_AFFINE};
  DcStatus status = DC_OK;
  if (!dc_dataset_is_vectors(&learner->data))
    status = dc_network_add(*identity, &reshape, error);
  if (!status)
    status = dc_network_add(*identity, &affine, error);
  if (status)
    return status;
  DcLayer *layer = dc_network_layer(*identity, dc_network_layer_count(*identity) - 1);
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = 1;
  return DC_OK;
}

static bool
wants_identity(const DcLearner *learner)
{
  const int network = (int)learner->settings[NETWORK];
  return network == NETWORK_IDENTITY ||
         (network == NETWORK_AUTO && !learner->first_encoder &&
          dc_dataset_is_vectors(&learner->data) && dc_shape_size(learner->data.shape) <= NARROW);
}

static DcStatus
start_autoencoder(Tdcm *tdcm, DcError *error)
{
  DcLearner *learner = &tdcm->learner;
  const double *values = learner->settings;
  /* Without identity the words are those of DC_AUTOENCODER_SETTING. */
  const size_t network = (size_t)values[NETWORK], choice = network ? network - 1 : 0;
  DcStatus status =
      dc_reconstruction_autoencoder(learner, choice, (int)values[WIDTH], &tdcm->autoencoder, error);
  if (status)
    return status;
  const DcReconstructionOptions options = {.autoencoder = &tdcm->autoencoder,
                                           .epochs = (int64_t)values[PRETRAIN_EPOCHS],
                                           .batch = (size_t)values[PRETRAIN_BATCH],
                                           .optimiser = dc_optimiser_adam(values[ENCODER_RATE])};
  return dc_reconstruction_new(learner, &options, &tdcm->reconstruction, error);
}

static DcStatus
start_encoder(Tdcm *tdcm, DcError *error)
{
  DcLearner *learner = &tdcm->learner;
  DcStatus status;
  if (wants_identity(learner)) {
    status = make_identity(learner, &tdcm->identity, error);
    if (!status && learner->settings[JOINT_STEPS] > 0)
      status = dc_error_set(error, DC_ERROR_ARGUMENT,
                            "tdcm: joint-steps without an autoencoder: choose a network other than "
                            "identity");
    tdcm->width = dc_shape_size(learner->data.shape);
  } else {
    status = start_autoencoder(tdcm, error);
    tdcm->width = (size_t)learner->settings[WIDTH];
  }
  return status;
}

static size_t
batch_size(const DcLearner *learner, size_t samples)
{
  const size_t most = (size_t)learner->settings[BATCH];
  return samples < most ? samples : most;
}

static bool
start_module(Tdcm *tdcm, size_t largest_domain)
{
  const DcLearner *learner = &tdcm->learner;
  const double *values = learner->settings;
  tdcm->module = dc_tdcm_new(tdcm->width, (DcTdcmScore)values[SCORE]);
  if (!tdcm->module)
    return false;
  tdcm->module->shares = values[SHARES] > 0;
  tdcm->module->blocks = (uint32_t)values[BLOCKS];
  tdcm->module->seeds = (uint32_t)values[SEEDS_AT_USE];
  const DcTdcmObjective objective = {.criterion = (DcTdcmCriterion)values[CRITERION],
                                     .balance = values[BALANCE]};
  const size_t count = dc_tdcm_parameter_count(tdcm->module);
  tdcm->pass = dc_tdcm_pass_new(tdcm->module, &objective, batch_size(learner, largest_domain),
                                learner->clusters);
  tdcm->parameters = DC_NEW(float, count);
  tdcm->gradient = DC_NEW(float, count);
  tdcm->exact_gradient = DC_NEW(double, count);
  if (!tdcm->pass || !tdcm->parameters || !tdcm->gradient || !tdcm->exact_gradient)
    return false;
  dc_tdcm_get_parameters(tdcm->module, tdcm->parameters);
  return true;
}

static bool
start_arrays(Tdcm *tdcm)
{
  const size_t count = tdcm->learner.data.count;
  tdcm->codes = dc_alloc(count, tdcm->width * sizeof(float));
  tdcm->order = DC_NEW(uint32_t, count);
  for (size_t i = 0; tdcm->order && i < count; i++)
    tdcm->order[i] = (uint32_t)i;
  return tdcm->codes && tdcm->order;
}

static DcStatus
start_optimiser(Tdcm *tdcm, DcError *error)
{
  DcOptimiserOptions options = dc_optimiser_adam(tdcm->learner.settings[LEARNING_RATE]);
  options.epsilon = 1e-8;
  return dc_optimiser_new(&options, dc_tdcm_parameter_count(tdcm->module), &tdcm->optimiser, error);
}

static DcStatus
start_joint(Tdcm *tdcm, size_t largest_domain, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  if (learner->settings[JOINT_STEPS] == 0)
    return DC_OK;
  const DcTdcmJointOptions options = {.autoencoder = &tdcm->autoencoder,
                                      .pass = tdcm->pass,
                                      .batch = batch_size(learner, largest_domain),
                                      .reconstruction = learner->settings[RECONSTRUCTION],
                                      .learning_rate = learner->settings[ENCODER_RATE] / 10,
                                      .threads = learner->threads};
  return dc_tdcm_joint_new(&options, &tdcm->joint, error);
}

/* --- stages --- */

static int64_t
rounds(double steps)
{
  return (int64_t)ceil(steps / ROUND);
}

static void
begin_rounds(DcLearner *learner, uint32_t stage, double steps)
{
  dc_learner_begin_stage(learner, stage, rounds(steps), ROUND);
}

/* With a trainable encoder the likelihood has no bound: clusters shrink to points. A cluster is not
 * to be narrower than 0.07 of the overall spread. */
static void
bound_narrowness(Tdcm *tdcm)
{
  const float most = logf(10);
  for (size_t k = 0; k < tdcm->width; k++) {
    float *rho = tdcm->parameters + dc_tdcm_diagonal(k);
    *rho = *rho > most ? most : *rho;
  }
}

/* Up to here the codes were given, and clusters might be as narrow as these are. */
static void
begin_joint(Tdcm *tdcm)
{
  begin_rounds(&tdcm->learner, STAGE_JOINT, tdcm->learner.settings[JOINT_STEPS]);
  bound_narrowness(tdcm);
}

/* Goes on to the next stage that has anything to do, when this one has ended. */
static void
end_stage(Tdcm *tdcm)
{
  DcLearner *learner = &tdcm->learner;
  DcLearnPosition *at = &learner->at;
  if (at->epoch == at->epochs && at->stage == STAGE_AUTOENCODER)
    begin_rounds(learner, STAGE_MODULE, learner->settings[STEPS]);
  else if (at->epoch == at->epochs && at->stage == STAGE_MODULE && tdcm->joint)
    begin_joint(tdcm);
  else
    at->done = at->epoch == at->epochs;
}

static DcStatus
start(DcLearner *learner, DcError *error)
{
  Tdcm *tdcm = (Tdcm *)learner;
  size_t largest;
  DcStatus status = check_domains(learner, &largest, error);
  if (!status)
    status = start_encoder(tdcm, error);
  if (status)
    return status;
  if (!start_module(tdcm, largest) || !start_arrays(tdcm))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "no memory for an attention module over %zu samples of %zu numbers",
                        learner->data.count, tdcm->width);
  status = start_optimiser(tdcm, error);
  if (!status)
    status = start_joint(tdcm, largest, error);
  if (status)
    return status;
  dc_random_seed(&tdcm->random, learner->seed, SEQUENCE_STEPS);
  if (tdcm->reconstruction)
    dc_reconstruction_begin(tdcm->reconstruction, learner);
  end_stage(tdcm); /* an autoencoder without epochs, or none */
  return DC_OK;
}

/* --- steps --- */

static DcNetwork *
encoder_of(const Tdcm *tdcm)
{
  return tdcm->identity ? tdcm->identity : tdcm->autoencoder.encoder;
}

/* The codes, made anew when the encoder may have changed (a restored one has). */
static DcStatus
need_codes(Tdcm *tdcm, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  const uint64_t revision = dc_network_revision(encoder_of(tdcm));
  if (tdcm->have_codes && tdcm->codes_of == revision)
    return DC_OK;
  tdcm->have_codes = false;
  DcStatus status = dc_encode(encoder_of(tdcm), learner->data.values, learner->data.count,
                              learner->threads, tdcm->codes, error);
  tdcm->have_codes = !status;
  tdcm->codes_of = revision;
  return status;
}

/* In joint steps, which follow, that of the end. */
static double
rate_of_module(const DcLearner *learner)
{
  const double *values = learner->settings;
  const DcLearnPosition *at = &learner->at;
  const uint64_t steps = (uint64_t)rounds(values[STEPS]) * ROUND;
  const DcSchedule schedule = dc_schedule_tdcm(values[LEARNING_RATE], steps);
  const uint64_t done = (uint64_t)at->epoch * ROUND + at->step;
  return dc_schedule_rate(&schedule, at->stage == STAGE_JOINT ? steps : done);
}

/* A cluster with hardly any samples makes large gradients: their norm is bounded by 10. */
static void
step_module(Tdcm *tdcm)
{
  const size_t count = dc_tdcm_parameter_count(tdcm->module);
  double square = 0;
  for (size_t i = 0; i < count; i++)
    square += tdcm->exact_gradient[i] * tdcm->exact_gradient[i];
  const double factor = square > 100 ? 10 / sqrt(square) : 1;
  for (size_t i = 0; i < count; i++)
    tdcm->gradient[i] = (float)(factor * tdcm->exact_gradient[i]);
  dc_optimiser_set_rate(tdcm->optimiser, rate_of_module(&tdcm->learner));
  dc_optimiser_step(tdcm->optimiser, &(DcParameters){tdcm->parameters, count}, 1, tdcm->gradient);
}

static DcTdcmLoss
learn_from_codes(Tdcm *tdcm, const uint32_t *rows, size_t count)
{
  double *samples = dc_tdcm_pass_samples(tdcm->pass);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < tdcm->width; k++)
      samples[i * tdcm->width + k] = tdcm->codes[rows[i] * tdcm->width + k];
  dc_tdcm_pass_take(tdcm->pass, count, true);
  const DcTdcmLoss loss =
      dc_tdcm_pass_search(tdcm->pass, (uint32_t)tdcm->learner.settings[SEEDS], &tdcm->random);
  dc_tdcm_pass_backward(tdcm->pass, tdcm->exact_gradient, NULL);
  return loss;
}

static DcStatus
diverged(const DcLearner *learner, DcError *error)
{
  return dc_error_set(error, DC_ERROR_NOT_FINITE,
                      "learning diverged in step %llu of round %lld: lower the learning rate (%g)",
                      (unsigned long long)learner->at.step + 1, (long long)learner->at.epoch + 1,
                      learner->settings[LEARNING_RATE]);
}

static DcStatus
run_round_step(Tdcm *tdcm, DcError *error)
{
  DcLearner *learner = &tdcm->learner;
  const bool joint = learner->at.stage == STAGE_JOINT;
  DcStatus status = joint ? DC_OK : need_codes(tdcm, error);
  if (status)
    return status;
  const uint32_t index = dc_random_below(&tdcm->random, (uint32_t)learner->data.domains);
  const Domain domain = domain_of(&learner->data, index);
  const size_t count = batch_size(learner, domain.count);
  const uint32_t *rows = draw_batch(tdcm, &domain, count);
  dc_tdcm_set_parameters(tdcm->module, tdcm->parameters);
  DcTdcmLoss loss;
  if (joint)
    loss =
        dc_tdcm_joint_step(tdcm->joint, learner->data.values, rows, count,
                           (uint32_t)learner->settings[SEEDS], &tdcm->random, tdcm->exact_gradient);
  else
    loss = learn_from_codes(tdcm, rows, count);
  if (!isfinite(loss.loss))
    return diverged(learner, error);
  step_module(tdcm);
  if (joint)
    bound_narrowness(tdcm);
  dc_learner_average_figure(learner, FIGURE_CRITERION, loss.criterion, count);
  dc_learner_average_figure(learner, FIGURE_BALANCE, loss.balance, count);
  dc_learner_count_step(learner, loss.loss, count);
  return DC_OK;
}

/* Stages weighed by the samples that they see; with the autoencoder a sample costs about ten times
 * as much. */
static double
share_of_course(const Tdcm *tdcm)
{
  const DcLearner *learner = &tdcm->learner;
  const double *values = learner->settings;
  const double weights[] = {tdcm->reconstruction
                                ? 10 * values[PRETRAIN_EPOCHS] * (double)learner->data.count
                                : 0,
                            (double)rounds(values[STEPS]) * ROUND * values[BATCH],
                            10 * (double)rounds(values[JOINT_STEPS]) * ROUND * values[BATCH]};
  double before = 0, total = 0;
  for (uint32_t i = 0; i < 3; i++) {
    before += i < learner->at.stage ? weights[i] : 0;
    total += weights[i];
  }
  return (before + weights[learner->at.stage] * dc_learner_stage_share(learner)) / total;
}

static DcStatus
step(DcLearner *learner, DcError *error)
{
  Tdcm *tdcm = (Tdcm *)learner;
  DcStatus status = learner->at.stage == STAGE_AUTOENCODER
                        ? dc_reconstruction_step(tdcm->reconstruction, learner, error)
                        : run_round_step(tdcm, error);
  if (!status)
    end_stage(tdcm);
  learner->at.share = share_of_course(tdcm);
  return status;
}

/* --- state --- */

static void
list_state(DcLearner *learner, DcStateList *list)
{
  Tdcm *tdcm = (Tdcm *)learner;
  if (tdcm->reconstruction) {
    dc_network_list_state(tdcm->autoencoder.encoder, "encoder", list);
    dc_network_list_state(tdcm->autoencoder.decoder, "decoder", list);
    dc_reconstruction_list_state(tdcm->reconstruction, "autoencoder", list);
  }
  if (tdcm->joint)
    dc_tdcm_joint_list_state(tdcm->joint, "joint", list);
  dc_state_list_add(list, "module", "parameters", DC_STATE_FLOATS, tdcm->parameters,
                    dc_tdcm_parameter_count(tdcm->module));
  dc_optimiser_list_state(tdcm->optimiser, "module", list);
  dc_state_list_add(list, NULL, "order", DC_STATE_BYTES, tdcm->order,
                    learner->data.count * sizeof *tdcm->order);
  dc_state_list_add_object(list, NULL, "random", &tdcm->random);
}

static bool
order_is_valid(const Tdcm *tdcm)
{
  const DcDataset *data = &tdcm->learner.data;
  for (size_t i = 0; i < data->domains; i++) {
    const Domain domain = domain_of(data, i);
    for (size_t j = 0; j < domain.count; j++)
      if (tdcm->order[domain.first + j] - domain.first >= domain.count)
        return false;
  }
  return true;
}

static DcStatus
check_position(const Tdcm *tdcm, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  const uint32_t stage = learner->at.stage;
  if ((stage == STAGE_AUTOENCODER && !tdcm->reconstruction) ||
      (stage == STAGE_JOINT && !tdcm->joint))
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "it stands in a stage that these settings do not have");
  if (stage == STAGE_AUTOENCODER)
    return dc_reconstruction_check(tdcm->reconstruction, learner, error);
  const double steps = learner->settings[stage == STAGE_JOINT ? JOINT_STEPS : STEPS];
  return dc_learner_check_stage(learner, rounds(steps), ROUND, error);
}

static DcStatus
check(const DcLearner *learner, DcError *error)
{
  const Tdcm *tdcm = (const Tdcm *)learner;
  DcStatus status = check_position(tdcm, error);
  if (status)
    return status;
  if (!dc_random_is_sound(&tdcm->random))
    return dc_error_set(error, DC_ERROR_FORMAT, "its random numbers cannot go on");
  if (!order_is_valid(tdcm))
    return dc_error_set(error, DC_ERROR_FORMAT, "it mixes samples of different domains");
  const DcMatrix parameters = dc_matrix(tdcm->parameters, 1, dc_tdcm_parameter_count(tdcm->module));
  if (!dc_matrix_is_finite(&parameters))
    return dc_error_set(error, DC_ERROR_FORMAT, "its attention module holds NaN or infinity");
  return DC_OK;
}

/* --- result --- */

/* Metrics of the clusters of the first domain, whose centroids are the model's. */
static DcStatus
learn_source(Tdcm *tdcm, DcRandom *random, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  if ((int)learner->settings[METRICS] != METRICS_OWN || tdcm->module->score != DC_TDCM_QUADRATIC ||
      learner->clusters > DC_TDCM_MOST_SOURCES)
    return DC_OK;
  const Domain domain = domain_of(&learner->data, 0);
  const DcMatrix codes = dc_matrix(tdcm->codes, domain.count, tdcm->width);
  return dc_tdcm_learn_source(tdcm->module, &codes, learner->clusters,
                              SOURCE_STARTS * tdcm->module->seeds, random, error);
}

/* Labels by applying the module to each domain; centroids are those of the first. */
static DcStatus
cluster_domains(const Tdcm *tdcm, DcLearned *learned, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  const DcTdcmDomains domains = {.module = tdcm->module,
                                 .codes = tdcm->codes,
                                 .ends = learner->data.domain_ends,
                                 .count = learner->data.domains,
                                 .clusters = learner->clusters,
                                 .threads = learner->threads};
  DcRandom random;
  dc_random_seed(&random, learner->seed, SEQUENCE_USE);
  return dc_tdcm_cluster_domains(&domains, &random, learned->centroids, learned->labels, error);
}

static DcStatus
finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  Tdcm *tdcm = (Tdcm *)learner;
  DcStatus status = need_codes(tdcm, error);
  if (!status)
    status = dc_learned_copy_networks(encoder_of(tdcm), tdcm->autoencoder.decoder, learned, error);
  if (status)
    return status;
  DcRandom random;
  dc_random_seed(&random, learner->seed, SEQUENCE_SOURCE);
  dc_tdcm_set_parameters(tdcm->module, tdcm->parameters);
  status = learn_source(tdcm, &random, error);
  if (status)
    return status;
  learned->attention = dc_tdcm_copy(tdcm->module);
  if (!learned->attention)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the attention module");
  status = dc_learned_make_room(learner, tdcm->width, learned, error);
  return status ? status : cluster_domains(tdcm, learned, error);
}

static void
clear(DcLearner *learner)
{
  Tdcm *tdcm = (Tdcm *)learner;
  dc_tdcm_joint_free(tdcm->joint);
  dc_reconstruction_free(tdcm->reconstruction);
  dc_autoencoder_clear(&tdcm->autoencoder);
  dc_network_free(tdcm->identity);
  dc_tdcm_pass_free(tdcm->pass);
  dc_tdcm_free(tdcm->module);
  dc_optimiser_free(tdcm->optimiser);
  dc_free(tdcm->codes);
  dc_free(tdcm->parameters);
  dc_free(tdcm->gradient);
  dc_free(tdcm->exact_gradient);
  dc_free(tdcm->order);
}

const DcLearnerClass dc_learner_tdcm = {
    .name = "tdcm",
    .summary = "Transferable Deep Clustering Model (Zhang, Zhao 2023), in our reading of it",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .stages = (const char *const[]){"autoencoder", "module", "joint", NULL},
    .figures = (const char *const[]){"criterion", "balance", NULL},
    .pictures = true,
    .vectors = true,
    .size = sizeof(Tdcm),
    .start = start,
    .step = step,
    .list_state = list_state,
    .check = check,
    .finish = finish,
    .clear = clear,
};
