/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tdcm: the Transferable Deep Clustering Model (Zhang and Zhao 2023) in our reading of it, see
 * docs/methods/tdcm.md. An autoencoder is trained, unless samples are taken as they are; then the
 * attention module on the codes, each step on samples of one domain; then, if wanted, both
 * together. */
#include "base/memory.h"
#include "cluster/tdcm_source.h"
#include "learn/codes.h"
#include "learn/learner.h"
#include "learn/tdcm_batches.h"
#include "learn/tdcm_domains.h"
#include "learn/tdcm_encoder.h"
#include "learn/tdcm_joint.h"
#include "learn/tdcm_training.h"
#include "nn/schedule.h"

#include <math.h>

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

enum { METRICS_OWN, METRICS_SHARED };

/* Steps of a round, which is what an epoch of the module is: domains are drawn, so that there is no
 * pass over all samples. */
#define ROUND 50

/* Starts for the clusters of the source, where time is no matter, for each one at use. */
#define SOURCE_STARTS 2

static const DcLearnSetting settings[] = {
    [NETWORK] = DC_TDCM_NETWORK_SETTING,
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
  DcTdcmEncoder encoder;
  DcTdcmJoint *joint; /* NULL unless there are joint steps */
  DcTdcmModule *module;
  DcTdcmTraining *training;
  DcTdcmBatches batches;
  DcRandom random; /* of domains, batches and starts */
} Tdcm;

/* --- starting --- */

static DcStatus
start_encoder(Tdcm *tdcm, DcError *error)
{
  const double *values = tdcm->learner.settings;
  const DcTdcmEncoderOptions options = {.network = (int)values[NETWORK],
                                        .width = (int)values[WIDTH],
                                        .epochs = (int64_t)values[PRETRAIN_EPOCHS],
                                        .batch = (size_t)values[PRETRAIN_BATCH],
                                        .learning_rate = values[ENCODER_RATE]};
  DcStatus status = dc_tdcm_encoder_init(&tdcm->encoder, &tdcm->learner, &options, error);
  if (!status && tdcm->encoder.identity && values[JOINT_STEPS] > 0)
    status = dc_error_set(error, DC_ERROR_ARGUMENT,
                          "tdcm: joint-steps without an autoencoder: choose a network other than "
                          "identity");
  return status;
}

static DcStatus
start_batches(Tdcm *tdcm, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  return dc_tdcm_batches_init(&tdcm->batches, &learner->data, (size_t)learner->settings[BATCH],
                              learner->clusters, error);
}

static bool
start_module(Tdcm *tdcm)
{
  const double *values = tdcm->learner.settings;
  tdcm->module = dc_tdcm_new(tdcm->encoder.width, (DcTdcmScore)values[SCORE]);
  if (!tdcm->module)
    return false;
  tdcm->module->shares = values[SHARES] > 0;
  tdcm->module->blocks = (uint32_t)values[BLOCKS];
  tdcm->module->seeds = (uint32_t)values[SEEDS_AT_USE];
  return true;
}

static DcStatus
start_training(Tdcm *tdcm, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  const double *values = learner->settings;
  if (!start_module(tdcm))
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for an attention module of %zu numbers",
                        tdcm->encoder.width);
  const DcTdcmTrainingOptions options = {
      .module = tdcm->module,
      .objective = {.criterion = (DcTdcmCriterion)values[CRITERION], .balance = values[BALANCE]},
      .batch = dc_tdcm_batches_largest(&tdcm->batches),
      .clusters = learner->clusters,
      .learning_rate = values[LEARNING_RATE]};
  return dc_tdcm_training_new(&options, &tdcm->training, error);
}

static DcStatus
start_joint(Tdcm *tdcm, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  if (learner->settings[JOINT_STEPS] == 0)
    return DC_OK;
  const DcTdcmJointOptions options = {.autoencoder = &tdcm->encoder.autoencoder,
                                      .pass = dc_tdcm_training_pass(tdcm->training),
                                      .batch = dc_tdcm_batches_largest(&tdcm->batches),
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

/* Up to here the codes were given, and clusters might be as narrow as these are. */
static void
begin_joint(Tdcm *tdcm)
{
  begin_rounds(&tdcm->learner, STAGE_JOINT, tdcm->learner.settings[JOINT_STEPS]);
  dc_tdcm_training_bound_narrowness(tdcm->training);
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
  DcStatus status = start_batches(tdcm, error);
  if (!status)
    status = start_encoder(tdcm, error);
  if (!status)
    status = start_training(tdcm, error);
  if (!status)
    status = start_joint(tdcm, error);
  if (status)
    return status;
  dc_random_seed(&tdcm->random, learner->seed, SEQUENCE_STEPS);
  if (tdcm->encoder.reconstruction)
    dc_reconstruction_begin(tdcm->encoder.reconstruction, learner);
  end_stage(tdcm); /* an autoencoder without epochs, or none */
  return DC_OK;
}

/* --- steps --- */

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
  DcStatus status = joint ? DC_OK : dc_tdcm_encoder_need_codes(&tdcm->encoder, learner, error);
  if (status)
    return status;
  size_t count;
  const uint32_t *rows = dc_tdcm_batches_draw(&tdcm->batches, &tdcm->random, &count);
  const uint32_t starts = (uint32_t)learner->settings[SEEDS];
  dc_tdcm_training_set_module(tdcm->training);
  const DcTdcmLoss loss =
      joint ? dc_tdcm_joint_step(tdcm->joint, learner->data.values, rows, count, starts,
                                 &tdcm->random, dc_tdcm_training_gradient(tdcm->training))
            : dc_tdcm_training_find_loss(tdcm->training, tdcm->encoder.codes, rows, count, starts,
                                         &tdcm->random);
  if (!isfinite(loss.loss))
    return diverged(learner, error);
  dc_tdcm_training_step(tdcm->training, rate_of_module(learner));
  if (joint)
    dc_tdcm_training_bound_narrowness(tdcm->training);
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
  const double weights[] = {tdcm->encoder.reconstruction
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
                        ? dc_reconstruction_step(tdcm->encoder.reconstruction, learner, error)
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
  dc_tdcm_encoder_list_state(&tdcm->encoder, list);
  if (tdcm->joint)
    dc_tdcm_joint_list_state(tdcm->joint, "joint", list);
  dc_tdcm_training_list_state(tdcm->training, "module", list);
  dc_tdcm_batches_list_state(&tdcm->batches, list);
  dc_state_list_add_object(list, NULL, "random", &tdcm->random);
}

static DcStatus
check_position(const Tdcm *tdcm, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  const uint32_t stage = learner->at.stage;
  if ((stage == STAGE_AUTOENCODER && !tdcm->encoder.reconstruction) ||
      (stage == STAGE_JOINT && !tdcm->joint))
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "it stands in a stage that these settings do not have");
  if (stage == STAGE_AUTOENCODER)
    return dc_reconstruction_check(tdcm->encoder.reconstruction, learner, error);
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
  if (!dc_tdcm_batches_are_sound(&tdcm->batches))
    return dc_error_set(error, DC_ERROR_FORMAT, "it mixes samples of different domains");
  if (!dc_tdcm_training_is_finite(tdcm->training))
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
  const DcMatrix codes =
      dc_matrix(tdcm->encoder.codes, learner->data.domain_ends[0], tdcm->encoder.width);
  return dc_tdcm_learn_source(tdcm->module, &codes, learner->clusters,
                              SOURCE_STARTS * tdcm->module->seeds, random, error);
}

/* Labels by applying the module to each domain; centroids are those of the first. */
static DcStatus
cluster_domains(const Tdcm *tdcm, DcLearned *learned, DcError *error)
{
  const DcLearner *learner = &tdcm->learner;
  const DcTdcmDomains domains = {.module = tdcm->module,
                                 .codes = tdcm->encoder.codes,
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
  DcStatus status = dc_tdcm_encoder_need_codes(&tdcm->encoder, learner, error);
  if (!status)
    status = dc_learned_copy_networks(dc_tdcm_encoder_network(&tdcm->encoder),
                                      tdcm->encoder.autoencoder.decoder, learned, error);
  if (status)
    return status;
  DcRandom random;
  dc_random_seed(&random, learner->seed, SEQUENCE_SOURCE);
  dc_tdcm_training_set_module(tdcm->training);
  status = learn_source(tdcm, &random, error);
  if (status)
    return status;
  learned->attention = dc_tdcm_copy(tdcm->module);
  if (!learned->attention)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the attention module");
  status = dc_learned_make_room(learner, tdcm->encoder.width, learned, error);
  return status ? status : cluster_domains(tdcm, learned, error);
}

static void
clear(DcLearner *learner)
{
  Tdcm *tdcm = (Tdcm *)learner;
  dc_tdcm_joint_free(tdcm->joint);
  dc_tdcm_training_free(tdcm->training);
  dc_tdcm_free(tdcm->module);
  dc_tdcm_batches_clear(&tdcm->batches);
  dc_tdcm_encoder_clear(&tdcm->encoder);
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
