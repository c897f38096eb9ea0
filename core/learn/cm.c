/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cm: the clustering module of AE-CM alone (Boubekki et al. 2021), on vectors or the pixels of
 * pictures: an isotropic mixture, close to k-means, that is learnt in mini-batches. */
#include "base/memory.h"
#include "learn/clustering_stage.h"
#include "learn/learner.h"

/* Sequences of the random numbers of a seed. */
enum { SEQUENCE_WEIGHTS, SEQUENCE_ORDER, SEQUENCE_CENTROIDS };

enum { STAGE_START, STAGE_CLUSTERS, STAGE_AVERAGING, STAGES };
enum { START_RANDOM, START_PRETRAINED };

enum { EPOCHS, BATCH, ALPHA, LEARNING_RATE, EPSILON, START };

static const DcLearnSetting settings[] = {
    [EPOCHS] = {"epochs", "passes over the samples; one more averages (authors: 150)", 150, 0, 1e6,
                true, NULL},
    [BATCH] = {"batch", "samples in a step; the larger, the weaker the prior (authors: MNIST 111)",
               111, 1, 1e6, true, NULL},
    [ALPHA] = {"alpha",
               "concentration of the Dirichlet prior: above 1 clusters of equal size are rewarded "
               "(authors: MNIST 177)",
               177, 1e-6, 1e9, false, NULL},
    [LEARNING_RATE] = {"learning-rate", "of Adam (authors: 0.001)", 1e-3, 1e-30, 1, false, NULL},
    [EPSILON] = {"epsilon", "of Adam, outside its bias correction (authors: 0.001)", 1e-3, 1e-12, 1,
                 false, NULL},
    [START] = {"start", "random weights, or a k-means++ start of one round", 0, 0, 0, true,
               (const char *const[]){"random", "pretrained", NULL}},
};

typedef struct {
  DcLearner learner;
  DcAutoencoder identity; /* the samples as vectors and back: what finish() hands over */
  DcClusteringLayers layers;
  DcClusteringStage *stage;
  DcCourseStage stages[STAGES];
} Cm;

static size_t
dimension(const Cm *cm)
{
  return dc_shape_size(cm->learner.data.shape);
}

/* --- the course --- */

static void
plan_stages(Cm *cm)
{
  const double *set = cm->learner.settings;
  const uint64_t steps = dc_course_steps(&cm->learner, set[BATCH]);
  cm->stages[STAGE_START] = (DcCourseStage){set[START] == START_PRETRAINED, 1, 0};
  cm->stages[STAGE_CLUSTERS] = (DcCourseStage){(int64_t)set[EPOCHS], steps, set[EPOCHS]};
  cm->stages[STAGE_AVERAGING] = (DcCourseStage){1, steps, 1};
}

/* "pre" of the authors: k-means++ and one round of Lloyd. */
static DcStatus
start_module(Cm *cm, DcError *error)
{
  const DcDataset *data = &cm->learner.data;
  const DcMatrix samples = dc_matrix(data->values, data->count, dimension(cm));
  DcKmeansOptions options = dc_kmeans_options(cm->learner.clusters);
  options.restarts = 1;
  options.max_iterations = 1;
  DcMatrix centroids;
  DcStatus status = dc_clustering_first_centroids(&cm->learner, &samples, &options,
                                                  SEQUENCE_CENTROIDS, &centroids, error);
  if (!status)
    status = dc_clustering_layers_start(&cm->layers, &centroids, error);
  dc_free(centroids.data);
  return status;
}

static DcStatus
run_stage(Cm *cm, DcError *error)
{
  switch (cm->learner.at.stage) {
  case STAGE_START:
    return start_module(cm, error);
  case STAGE_CLUSTERS:
    return dc_clustering_stage_step(cm->stage, &cm->learner, 0, error);
  default:
    return dc_clustering_stage_average(cm->stage, &cm->learner, cm->stages[STAGE_CLUSTERS].epochs,
                                       error);
  }
}

static DcStatus
step(DcLearner *learner, DcError *error)
{
  Cm *cm = (Cm *)learner;
  DcStatus status = run_stage(cm, error);
  if (!status)
    dc_course_go_on(learner, cm->stages, STAGES);
  return status;
}

/* --- starting --- */

static DcStatus
add_reshape(DcNetwork **network, DcShape input, DcShape output, DcError *error)
{
  const DcLayer layer = {.kind = DC_LAYER_RESHAPE, .output = output};
  *network = dc_network_new(input);
  if (!*network)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a network");
  return dc_network_add(*network, &layer, error);
}

static DcStatus
start_networks(Cm *cm, DcError *error)
{
  const DcShape sample = cm->learner.data.shape, vector = {1, 1, (int)dimension(cm)};
  DcRandom random;
  dc_random_seed(&random, cm->learner.seed, SEQUENCE_WEIGHTS);
  DcStatus status = dc_clustering_layers_init(&cm->layers, dimension(cm), cm->learner.clusters,
                                              true, &random, error);
  if (!status)
    status = add_reshape(&cm->identity.encoder, sample, vector, error);
  if (!status)
    status = add_reshape(&cm->identity.decoder, vector, sample, error);
  return status;
}

static DcStatus
start_stage(Cm *cm, DcError *error)
{
  const double *set = cm->learner.settings;
  DcClusteringStageOptions options = {
      .fit = {.assigner = cm->layers.assigner,
              .centroid_layer = cm->layers.centroid_layer,
              .module = {.clusters = cm->learner.clusters,
                         .width = dimension(cm),
                         .loss = DC_CLUSTERING_ALONE,
                         .alpha = set[ALPHA],
                         .biases = true},
              .optimiser = dc_optimiser_adam(set[LEARNING_RATE])},
      .samples = cm->learner.data.values,
      .size = dimension(cm),
      .batch = (size_t)set[BATCH],
      .sequence = SEQUENCE_ORDER,
  };
  options.fit.optimiser.epsilon = set[EPSILON];
  return dc_clustering_stage_new(&cm->learner, &options, &cm->stage, error);
}

static DcStatus
start(DcLearner *learner, DcError *error)
{
  Cm *cm = (Cm *)learner;
  if (learner->first_encoder)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "cm starts from no autoencoder");
  DcStatus status = start_networks(cm, error);
  if (!status)
    status = start_stage(cm, error);
  if (status)
    return status;
  plan_stages(cm);
  dc_course_enter(learner, cm->stages, STAGE_START);
  return DC_OK;
}

static void
list_state(DcLearner *learner, DcStateList *list)
{
  Cm *cm = (Cm *)learner;
  dc_clustering_layers_list_state(&cm->layers, list);
  dc_clustering_stage_list_state(cm->stage, "clusters", list);
}

static DcStatus
check(const DcLearner *learner, DcError *error)
{
  const Cm *cm = (const Cm *)learner;
  const DcCourseStage *stage = &cm->stages[learner->at.stage];
  return dc_learner_check_stage(learner, stage->epochs, stage->steps, error);
}

static DcStatus
finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  const Cm *cm = (const Cm *)learner;
  return dc_clustering_learned(learner, &cm->identity, &cm->layers, learned, error);
}

static void
clear(DcLearner *learner)
{
  Cm *cm = (Cm *)learner;
  dc_clustering_stage_free(cm->stage);
  dc_clustering_layers_clear(&cm->layers);
  dc_autoencoder_clear(&cm->identity);
}

const DcLearnerClass dc_learner_cm = {
    .name = "cm",
    .summary = "the clustering module of AE-CM alone (Boubekki et al. 2021)",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .stages = (const char *const[]){"start", "clusters", "averaging", NULL},
    .figures = (const char *const[]){"code-error", "sparsity", "merging", "prior", NULL},
    .pictures = true,
    .vectors = true,
    .size = sizeof(Cm),
    .start = start,
    .step = step,
    .list_state = list_state,
    .check = check,
    .finish = finish,
    .clear = clear,
};
