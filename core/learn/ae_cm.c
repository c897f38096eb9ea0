/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ae-cm: an autoencoder and the clustering module on its code, learnt together (Boubekki,
 * Kampffmeyer, Brefeld, Jenssen 2021); centroids are held orthonormal, so that the code cannot
 * shrink. From random weights, or after an autoencoder, k-means and the module have been trained
 * one after the other. */
#include "base/memory.h"
#include "learn/clustering_stage.h"
#include "learn/learner.h"
#include "learn/reconstruction.h"
#include "nn/encode.h"
#include "tensor/rows.h"

#include <float.h>
#include <math.h>

#define RESTARTS 20 /* of k-means on the code, as the authors have it */

/* Sequences of the random numbers of a seed; 0 and 1 are first weights of the autoencoder and the
 * order in which it sees the samples. */
enum { SEQUENCE_CENTROIDS = 2, SEQUENCE_MODULE, SEQUENCE_MODULE_ORDER, SEQUENCE_JOINT_ORDER };

enum { STAGE_AUTOENCODER, STAGE_START, STAGE_MODULE, STAGE_JOINT, STAGE_AVERAGING, STAGES };
enum { START_RANDOM, START_PRETRAINED };
enum { ORTHONORMALITY_ABSOLUTE, ORTHONORMALITY_SQUARED };
enum { FORM_SUMMED, FORM_NORMALISED };
enum { CODE_AS_IS, CODE_UNIT };
enum { ASSIGNER_INVERSE, ASSIGNER_MIXTURE };

enum {
  NETWORK,
  WIDTH,
  EPOCHS,
  BATCH,
  ALPHA,
  BETA,
  LAMBDA,
  LEARNING_RATE,
  EPSILON,
  WEIGHT_DECAY,
  START,
  ORTHONORMALITY,
  FORM,
  PRETRAIN_EPOCHS,
  PRETRAIN_BATCH,
  PRETRAIN_RATE,
  PRETRAIN_MOMENTUM,
  MODULE_EPOCHS,
  CODE,
  ASSIGNER
};

static const DcLearnSetting settings[] = {
    [NETWORK] = {"network", "autoencoder (authors: dense-leaky); auto takes conv where it can", 3,
                 0, 0, true, (const char *const[]){"auto", "conv", "dense", "dense-leaky", NULL}},
    [WIDTH] = {"width",
               "numbers in an embedding, at least the number of clusters (authors: MNIST 10)", 10,
               1, 4096, true, NULL},
    [EPOCHS] = {"epochs", "joint passes over the samples; one more averages (authors: 1000)", 1000,
                0, 1e6, true, NULL},
    [BATCH] = {"batch", "samples in a step; the larger, the weaker the prior (authors: MNIST 500)",
               500, 1, 1e6, true, NULL},
    [ALPHA] = {"alpha",
               "concentration of the Dirichlet prior: above 1 clusters of equal size are rewarded "
               "(authors: MNIST 230)",
               230, 1e-6, 1e9, false, NULL},
    [BETA] = {"beta", "weight of the autoencoder's error (authors: MNIST 5)", 5, 0, 1e9, false,
              NULL},
    [LAMBDA] = {"lambda", "weight of the centroids' orthonormality (authors: 1)", 1, 0, 1e9, false,
                NULL},
    [LEARNING_RATE] = {"learning-rate", "of Adam (authors: 0.001)", 1e-3, 1e-30, 1, false, NULL},
    [EPSILON] = {"epsilon", "of Adam, outside its bias correction (authors: 0.001)", 1e-3, 1e-12, 1,
                 false, NULL},
    [WEIGHT_DECAY] = {"weight-decay",
                      "of Adam, decoupled (authors: 0; 0.01 with the normalised form)", 0, 0, 1,
                      false, NULL},
    [START] = {"start", "random weights, or autoencoder, k-means and module trained before", 0, 0,
               0, true, (const char *const[]){"random", "pretrained", NULL}},
    [ORTHONORMALITY] = {"orthonormality",
                        "penalty on U U^T - I: absolute values, or squares (authors: absolute; "
                        "squared with the normalised form)",
                        0, 0, 0, true, (const char *const[]){"absolute", "squared", NULL}},
    [FORM] = {"form",
              "sums over the batch, or the authors' later form with means and no biases in the "
              "module (its batch 256, alpha 1.1, beta 100, lambda 0.1)",
              0, 0, 0, true, (const char *const[]){"summed", "normalised", NULL}},
    [PRETRAIN_EPOCHS] = {"pretrain-epochs",
                         "passes of the autoencoder alone, with start=pretrained (authors: 100)",
                         100, 0, 1e6, true, NULL},
    [PRETRAIN_BATCH] = {"pretrain-batch", "samples in a step of it (authors: 256)", 256, 1, 1e6,
                        true, NULL},
    [PRETRAIN_RATE] = {"pretrain-rate",
                       "of its gradient descent, for errors summed over the batch (authors: 0.01, "
                       "0.001 for CIFAR10 and PENDIGIT, 1 for 20NEWS)",
                       1e-2, 1e-12, 10, false, NULL},
    [PRETRAIN_MOMENTUM] = {"pretrain-momentum", "of it (authors: 0.9, FMNIST 0)", 0.9, 0, 0.999999,
                           false, NULL},
    [MODULE_EPOCHS] = {"module-epochs",
                       "passes of the module on the frozen code, with start=pretrained (authors: "
                       "100)",
                       100, 0, 1e6, true, NULL},
    [CODE] = {"code",
              "after pretraining: as-is (authors), or unit, moved and scaled so that the "
              "centroids of k-means have mean square length 1, as orthonormal ones have",
              0, 0, 0, true, (const char *const[]){"as-is", "unit", NULL}},
    [ASSIGNER] = {"assigner",
                  "how assignments begin after pretraining: by the inverse of the centroids "
                  "(authors), or as in a mixture of the width of the clusters",
                  0, 0, 0, true, (const char *const[]){"inverse", "mixture", NULL}},
};

typedef struct {
  DcLearner learner;
  DcCourseStage stages[STAGES];
  DcAutoencoder autoencoder;
  DcClusteringLayers layers;
  DcClusteringStage *joint;
  /* With start=pretrained only. */
  DcReconstruction *reconstruction;
  float *codes; /* N x width, of the frozen encoder */
  DcClusteringStage *module;
} AeCm;

static bool
is_pretrained(const AeCm *ae_cm)
{
  return ae_cm->learner.settings[START] == START_PRETRAINED;
}

static size_t
width_of(const AeCm *ae_cm)
{
  return (size_t)ae_cm->learner.settings[WIDTH];
}

/* --- the stages --- */

/* What a stage takes is its passes through the networks, of which the module has next to none. */
static void
plan_stages(AeCm *ae_cm)
{
  const DcLearner *learner = &ae_cm->learner;
  const double *set = learner->settings;
  const bool pretrained = is_pretrained(ae_cm);
  const uint64_t steps = dc_course_steps(learner, set[BATCH]);
  const double first = pretrained ? set[PRETRAIN_EPOCHS] : 0;
  const double module = pretrained ? set[MODULE_EPOCHS] : 0;
  DcCourseStage *stages = ae_cm->stages;
  stages[STAGE_AUTOENCODER] =
      (DcCourseStage){(int64_t)first, dc_course_steps(learner, set[PRETRAIN_BATCH]), first};
  stages[STAGE_START] = (DcCourseStage){pretrained, 1, pretrained};
  stages[STAGE_MODULE] = (DcCourseStage){(int64_t)module, steps, module / 50};
  stages[STAGE_JOINT] = (DcCourseStage){(int64_t)set[EPOCHS], steps, set[EPOCHS]};
  stages[STAGE_AVERAGING] = (DcCourseStage){1, steps, 1};
}

/* Root mean square distance of the centroids from `mean`, or 1 where that is no more than rounding:
 * then all embeddings are one, of any size. */
static double
length_of_centroids(const DcMatrix *centroids, const double *mean)
{
  double sum = 0, offset = 0;
  for (size_t k = 0; k < centroids->rows; k++)
    for (size_t j = 0; j < centroids->cols; j++) {
      const double difference = dc_matrix_row(centroids, k)[j] - mean[j];
      sum += difference * difference;
    }
  for (size_t j = 0; j < centroids->cols; j++)
    offset += mean[j] * mean[j];
  const double length = sqrt(sum / (double)centroids->rows);
  return length > FLT_EPSILON * sqrt(offset) ? length : 1;
}

/* Moves the code about its mean, and scales it so that the centroids' mean square length is 1. The
 * joint loss weighs distances in the code against a prior, an error of the picture and the
 * centroids' being orthonormal; weights that are right for vectors of length 1 mean nothing for a
 * code of another size. Codes, centroids and variance follow the autoencoder. */
static DcStatus
make_code_unit(AeCm *ae_cm, const DcMatrix *codes, const DcMatrix *centroids, double *variance,
               DcError *error)
{
  double *mean = DC_NEW(double, codes->cols);
  if (!mean)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the mean of the embeddings");
  dc_column_moments(codes, NULL, mean, NULL);
  const double length = length_of_centroids(centroids, mean);
  dc_autoencoder_move_code(&ae_cm->autoencoder, mean, 1 / length);
  dc_standardise_rows(codes, mean, length, codes);
  dc_standardise_rows(centroids, mean, length, centroids);
  *variance /= length * length;
  dc_free(mean);
  return DC_OK;
}

/* The layers from k-means' centroids and variance of the code within clusters. */
static DcStatus
start_layers(AeCm *ae_cm, const DcMatrix *codes, const DcMatrix *centroids, double variance,
             DcError *error)
{
  const double *set = ae_cm->learner.settings;
  DcStatus status = DC_OK;
  if (set[CODE] == CODE_UNIT)
    status = make_code_unit(ae_cm, codes, centroids, &variance, error);
  if (status)
    return status;
  return set[ASSIGNER] == ASSIGNER_MIXTURE
             ? dc_clustering_layers_start_as_mixture(&ae_cm->layers, centroids, variance, error)
             : dc_clustering_layers_start(&ae_cm->layers, centroids, error);
}

/* k-means on the code, from which the module starts. */
static DcStatus
start_module(AeCm *ae_cm, DcError *error)
{
  DcLearner *learner = &ae_cm->learner;
  const DcDataset *data = &learner->data;
  DcStatus status = dc_encode(ae_cm->autoencoder.encoder, data->values, data->count,
                              learner->threads, ae_cm->codes, error);
  if (status)
    return status;
  const DcMatrix codes = dc_matrix(ae_cm->codes, data->count, width_of(ae_cm));
  DcKmeansOptions options = dc_kmeans_options(learner->clusters);
  options.restarts = RESTARTS;
  options.threads = (uint32_t)learner->threads;
  DcMatrix centroids;
  status = dc_clustering_first_centroids(learner, &codes, &options, SEQUENCE_CENTROIDS, &centroids,
                                         error);
  if (!status) /* the loss of that step is the mean squared distance, over all dimensions */
    status =
        start_layers(ae_cm, &codes, &centroids, learner->at.loss / (double)width_of(ae_cm), error);
  dc_free(centroids.data);
  return status;
}

static DcStatus
run_stage(AeCm *ae_cm, DcError *error)
{
  DcLearner *learner = &ae_cm->learner;
  switch (learner->at.stage) {
  case STAGE_AUTOENCODER:
    return dc_reconstruction_step(ae_cm->reconstruction, learner, error);
  case STAGE_START:
    return start_module(ae_cm, error);
  case STAGE_MODULE:
    return dc_clustering_stage_step(ae_cm->module, learner, 0, error);
  case STAGE_JOINT:
    return dc_clustering_stage_step(ae_cm->joint, learner, 0, error);
  default:
    return dc_clustering_stage_average(ae_cm->joint, learner, ae_cm->stages[STAGE_JOINT].epochs,
                                       error);
  }
}

static DcStatus
step(DcLearner *learner, DcError *error)
{
  AeCm *ae_cm = (AeCm *)learner;
  DcStatus status = run_stage(ae_cm, error);
  if (!status)
    dc_course_go_on(learner, ae_cm->stages, STAGES);
  return status;
}

/* --- starting --- */

static DcStatus
start_networks(AeCm *ae_cm, DcError *error)
{
  const double *set = ae_cm->learner.settings;
  DcRandom random;
  dc_random_seed(&random, ae_cm->learner.seed, SEQUENCE_MODULE);
  DcStatus status =
      dc_clustering_layers_init(&ae_cm->layers, width_of(ae_cm), ae_cm->learner.clusters,
                                set[FORM] == FORM_SUMMED, &random, error);
  if (!status)
    status = dc_reconstruction_autoencoder(&ae_cm->learner, (size_t)set[NETWORK], (int)set[WIDTH],
                                           &ae_cm->autoencoder, error);
  return status;
}

/* What the module on the frozen code and the joint training have in common. */
static DcClusteringStageOptions
module_options(const AeCm *ae_cm)
{
  const double *set = ae_cm->learner.settings;
  DcClusteringStageOptions options = {
      .fit = {.assigner = ae_cm->layers.assigner,
              .centroid_layer = ae_cm->layers.centroid_layer,
              .module = {.clusters = ae_cm->learner.clusters,
                         .width = width_of(ae_cm),
                         .alpha = set[ALPHA],
                         .biases = set[FORM] == FORM_SUMMED},
              .optimiser = dc_optimiser_adam(set[LEARNING_RATE])},
      .batch = (size_t)set[BATCH],
  };
  options.fit.optimiser.epsilon = set[EPSILON];
  options.fit.optimiser.weight_decay = set[WEIGHT_DECAY];
  return options;
}

static DcStatus
start_joint(AeCm *ae_cm, DcError *error)
{
  const DcLearner *learner = &ae_cm->learner;
  const double *set = learner->settings;
  DcClusteringStageOptions options = module_options(ae_cm);
  options.fit.autoencoder = ae_cm->autoencoder;
  options.fit.module.loss = set[ORTHONORMALITY] == ORTHONORMALITY_SQUARED ? DC_CLUSTERING_SQUARED
                                                                          : DC_CLUSTERING_ABSOLUTE;
  options.fit.module.lambda = set[LAMBDA];
  options.fit.module.normalised = set[FORM] == FORM_NORMALISED;
  options.fit.beta = set[BETA];
  options.samples = learner->data.values;
  options.size = dc_shape_size(learner->data.shape);
  options.sequence = SEQUENCE_JOINT_ORDER;
  return dc_clustering_stage_new(learner, &options, &ae_cm->joint, error);
}

/* The authors' loss is a sum over the batch, that of the stage a mean: the rate makes up for it. A
 * last, smaller batch then counts as a full one. */
static DcStatus
start_reconstruction(AeCm *ae_cm, DcError *error)
{
  const DcLearner *learner = &ae_cm->learner;
  const double *set = learner->settings;
  const double batch = set[PRETRAIN_BATCH], count = (double)learner->data.count;
  const DcReconstructionOptions options = {
      .autoencoder = &ae_cm->autoencoder,
      .epochs = (int64_t)set[PRETRAIN_EPOCHS],
      .batch = (size_t)batch,
      .optimiser = dc_optimiser_sgd(set[PRETRAIN_RATE] * (batch < count ? batch : count),
                                    set[PRETRAIN_MOMENTUM]),
  };
  return dc_reconstruction_new(learner, &options, &ae_cm->reconstruction, error);
}

static DcStatus
start_pretraining(AeCm *ae_cm, DcError *error)
{
  const DcLearner *learner = &ae_cm->learner;
  const size_t width = width_of(ae_cm);
  ae_cm->codes = DC_NEW(float, learner->data.count *width);
  if (!ae_cm->codes)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu embeddings of %zu numbers",
                        learner->data.count, width);
  DcClusteringStageOptions options = module_options(ae_cm);
  options.fit.module.loss = DC_CLUSTERING_ALONE;
  options.samples = ae_cm->codes;
  options.size = width;
  options.sequence = SEQUENCE_MODULE_ORDER;
  DcStatus status = dc_clustering_stage_new(learner, &options, &ae_cm->module, error);
  return status ? status : start_reconstruction(ae_cm, error);
}

static DcStatus
start(DcLearner *learner, DcError *error)
{
  AeCm *ae_cm = (AeCm *)learner;
  DcStatus status = start_networks(ae_cm, error);
  if (!status)
    status = start_joint(ae_cm, error);
  if (!status && is_pretrained(ae_cm))
    status = start_pretraining(ae_cm, error);
  if (status)
    return status;
  plan_stages(ae_cm);
  dc_course_enter(learner, ae_cm->stages, STAGE_AUTOENCODER);
  return DC_OK;
}

/* --- the rest --- */

static void
list_state(DcLearner *learner, DcStateList *list)
{
  AeCm *ae_cm = (AeCm *)learner;
  dc_network_list_state(ae_cm->autoencoder.encoder, "encoder", list);
  dc_network_list_state(ae_cm->autoencoder.decoder, "decoder", list);
  dc_clustering_layers_list_state(&ae_cm->layers, list);
  dc_clustering_stage_list_state(ae_cm->joint, "joint", list);
  if (!is_pretrained(ae_cm))
    return;
  dc_reconstruction_list_state(ae_cm->reconstruction, "autoencoder", list);
  dc_clustering_stage_list_state(ae_cm->module, "module", list);
  dc_state_list_add(list, NULL, "codes", DC_STATE_FLOATS, ae_cm->codes,
                    learner->data.count * width_of(ae_cm));
}

static DcStatus
check(const DcLearner *learner, DcError *error)
{
  const AeCm *ae_cm = (const AeCm *)learner;
  const DcCourseStage *stage = &ae_cm->stages[learner->at.stage];
  return dc_learner_check_stage(learner, stage->epochs, stage->steps, error);
}

static DcStatus
finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  const AeCm *ae_cm = (const AeCm *)learner;
  return dc_clustering_learned(learner, &ae_cm->autoencoder, &ae_cm->layers, learned, error);
}

static void
clear(DcLearner *learner)
{
  AeCm *ae_cm = (AeCm *)learner;
  dc_clustering_stage_free(ae_cm->module);
  dc_reconstruction_free(ae_cm->reconstruction);
  dc_clustering_stage_free(ae_cm->joint);
  dc_free(ae_cm->codes);
  dc_clustering_layers_clear(&ae_cm->layers);
  dc_autoencoder_clear(&ae_cm->autoencoder);
}

const DcLearnerClass dc_learner_ae_cm = {
    .name = "ae-cm",
    .summary = "autoencoder and clustering module learnt together (Boubekki et al. 2021)",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .stages = (const char *const[]){"autoencoder", "start", "module", "joint", "averaging", NULL},
    .figures = (const char *const[]){"code-error", "sparsity", "merging", "prior", "orthonormality",
                                     "reconstruction", NULL},
    .pictures = true,
    .vectors = true,
    .size = sizeof(AeCm),
    .start = start,
    .step = step,
    .list_state = list_state,
    .check = check,
    .finish = finish,
    .clear = clear,
};
