/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/clustering_stage.h"

#include "base/memory.h"
#include "learn/codes.h"
#include "nn/encode.h"
#include "nn/initialise.h"
#include "nn/loader.h"

#include <math.h>

/* --- the order of stages --- */

uint64_t
dc_course_steps(const DcLearner *learner, double batch)
{
  return (learner->data.count - 1) / (uint64_t)batch + 1;
}

void
dc_course_enter(DcLearner *learner, const DcCourseStage *stages, uint32_t stage)
{
  while (!stages[stage].epochs)
    stage++;
  dc_learner_begin_stage(learner, stage, stages[stage].epochs, stages[stage].steps);
}

static double
share_done(const DcLearner *learner, const DcCourseStage *stages, uint32_t count)
{
  double done = 0, all = 0;
  for (uint32_t stage = 0; stage < count; stage++) {
    all += stages[stage].cost;
    if (stage < learner->at.stage)
      done += stages[stage].cost;
    else if (stage == learner->at.stage)
      done += stages[stage].cost * dc_learner_stage_share(learner);
  }
  return done / all;
}

void
dc_course_go_on(DcLearner *learner, const DcCourseStage *stages, uint32_t count)
{
  DcLearnPosition *at = &learner->at;
  const bool ended = at->epoch == at->epochs;
  at->share = share_done(learner, stages, count);
  at->done = ended && at->stage == count - 1;
  if (ended && !at->done)
    dc_course_enter(learner, stages, at->stage + 1);
}

/* --- the layers --- */

static DcStatus
init_layer(DcNetwork **network, size_t inputs, size_t outputs, bool biases, DcRandom *random,
           DcError *error)
{
  const DcLayer layer = {.kind = DC_LAYER_DENSE, .output = {.channels = (int)outputs}};
  *network = dc_network_new((DcShape){1, 1, (int)inputs});
  if (!*network)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a clustering module");
  DcStatus status = dc_network_add(*network, &layer, error);
  if (status)
    return status;
  dc_initialise_glorot(*network, 0, random);
  if (biases)
    dc_initialise_truncated_biases(*network, 0, random);
  return DC_OK;
}

DcStatus
dc_clustering_layers_init(DcClusteringLayers *layers, size_t width, uint32_t clusters, bool biases,
                          DcRandom *random, DcError *error)
{
  *layers = (DcClusteringLayers){0};
  if (clusters > INT32_MAX)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%u clusters are too many", clusters);
  DcStatus status = init_layer(&layers->assigner, width, clusters, biases, random, error);
  if (!status)
    status = init_layer(&layers->centroid_layer, clusters, width, biases, random, error);
  if (status)
    dc_clustering_layers_clear(layers);
  return status;
}

void
dc_clustering_layers_clear(DcClusteringLayers *layers)
{
  dc_network_free(layers->assigner);
  dc_network_free(layers->centroid_layer);
  *layers = (DcClusteringLayers){0};
}

void
dc_clustering_layers_list_state(const DcClusteringLayers *layers, DcStateList *list)
{
  dc_network_list_state(layers->assigner, "assigner", list);
  dc_network_list_state(layers->centroid_layer, "centroids", list);
}

DcStatus
dc_clustering_first_centroids(DcLearner *learner, const DcMatrix *samples,
                              const DcKmeansOptions *options, uint64_t sequence,
                              DcMatrix *centroids, DcError *error)
{
  const size_t clusters = learner->clusters, width = samples->cols;
  *centroids = dc_matrix(DC_NEW(float, clusters *width), clusters, width);
  if (!centroids->data)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu centroids", clusters);
  DcKmeansResult result;
  DcRandom random;
  dc_random_seed(&random, learner->seed, sequence);
  DcStatus status = dc_kmeans(samples, NULL, options, &random, centroids, NULL, &result, error);
  if (!status) {
    dc_learner_count_step(learner, result.inertia / (double)samples->rows, samples->rows);
    return DC_OK;
  }
  dc_free(centroids->data);
  centroids->data = NULL;
  return status;
}

DcStatus
dc_clustering_layers_start(const DcClusteringLayers *layers, const DcMatrix *centroids,
                           DcError *error)
{
  const DcClusteringWeights weights =
      dc_clustering_fit_weights(layers->assigner, layers->centroid_layer);
  return dc_clustering_start(centroids, &weights, error);
}

DcStatus
dc_clustering_layers_start_as_mixture(const DcClusteringLayers *layers, const DcMatrix *centroids,
                                      double variance, DcError *error)
{
  const DcClusteringWeights weights =
      dc_clustering_fit_weights(layers->assigner, layers->centroid_layer);
  return dc_clustering_start_as_mixture(centroids, variance, &weights, error);
}

/* --- steps --- */

struct DcClusteringStage {
  DcClusteringFit *fit;
  DcLoader *loader;
  bool alone, normalised;
  double rate;
};

static DcStatus
plan(DcClusteringStage *stage, const DcLearner *learner, const DcClusteringStageOptions *options,
     DcError *error)
{
  const size_t count = learner->data.count;
  const DcLoaderOptions loader = {.samples = options->samples,
                                  .count = count,
                                  .size = options->size,
                                  .batch = options->batch,
                                  .shuffle = true,
                                  .seed = learner->seed,
                                  .sequence = options->sequence,
                                  .views = 1};
  DcClusteringFitOptions fit = options->fit;
  fit.threads = learner->threads;
  fit.module.max_batch = options->batch < count ? options->batch : count;
  stage->alone = fit.module.loss == DC_CLUSTERING_ALONE;
  stage->normalised = fit.module.normalised;
  stage->rate = fit.optimiser.learning_rate;
  DcStatus status = dc_clustering_fit_new(&fit, &stage->fit, error);
  return status ? status : dc_loader_new(&loader, &stage->loader, error);
}

DcStatus
dc_clustering_stage_new(const DcLearner *learner, const DcClusteringStageOptions *options,
                        DcClusteringStage **stage, DcError *error)
{
  *stage = NULL;
  DcClusteringStage *made = DC_NEW(DcClusteringStage, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train a clustering module");
  DcStatus status = plan(made, learner, options, error);
  if (status) {
    dc_clustering_stage_free(made);
    return status;
  }
  *stage = made;
  return DC_OK;
}

void
dc_clustering_stage_free(DcClusteringStage *stage)
{
  if (!stage)
    return;
  dc_loader_free(stage->loader);
  dc_clustering_fit_free(stage->fit);
  dc_free(stage);
}

/* Takes the losses of a step of `samples` samples into the epoch's means. */
static void
count_step(const DcClusteringStage *stage, DcLearner *learner, const DcClusteringLosses *losses,
           size_t samples)
{
  const double count = (double)samples;
  const double figures[] = {
      [DC_CLUSTERING_FIGURE_RECONSTRUCTION] = losses->module.reconstruction / count,
      [DC_CLUSTERING_FIGURE_SPARSITY] = losses->module.sparsity / count,
      [DC_CLUSTERING_FIGURE_MERGING] = stage->alone ? losses->module.merging / count : NAN,
      [DC_CLUSTERING_FIGURE_PRIOR] = losses->module.prior,
      [DC_CLUSTERING_FIGURE_ORTHONORMALITY] = stage->alone ? NAN : losses->module.orthonormality,
      [DC_CLUSTERING_FIGURE_AUTOENCODER] = stage->alone ? NAN : losses->reconstruction / count,
  };
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
    dc_learner_average_figure(learner, i, figures[i], samples);
  dc_learner_count_step(learner, stage->normalised ? losses->total : losses->total / count,
                        samples);
}

/* Runs the step that learner->at stands at; `count` receives its samples. */
static DcStatus
run_step(DcClusteringStage *stage, const DcLearner *learner, int64_t earlier,
         DcClusteringLosses *losses, size_t *count, DcError *error)
{
  const DcLearnPosition *at = &learner->at;
  const DcBatch *batch =
      dc_loader_batch(stage->loader, (uint64_t)(earlier + at->epoch), (size_t)at->step);
  *count = batch->count;
  DcStatus status = dc_clustering_fit_step(stage->fit, batch->values, batch->count, losses);
  if (status)
    return dc_error_set(
        error, status, "training diverged in step %llu of epoch %lld: lower the learning rate (%g)",
        (unsigned long long)at->step + 1, (long long)(earlier + at->epoch) + 1, stage->rate);
  return DC_OK;
}

DcStatus
dc_clustering_stage_step(DcClusteringStage *stage, DcLearner *learner, int64_t earlier,
                         DcError *error)
{
  DcClusteringLosses losses;
  size_t count;
  DcStatus status = run_step(stage, learner, earlier, &losses, &count, error);
  if (!status)
    count_step(stage, learner, &losses, count);
  return status;
}

DcStatus
dc_clustering_stage_average(DcClusteringStage *stage, DcLearner *learner, int64_t earlier,
                            DcError *error)
{
  DcClusteringLosses losses;
  size_t count;
  DcStatus status = run_step(stage, learner, earlier, &losses, &count, error);
  if (status)
    return status;
  dc_clustering_fit_add_to_mean(stage->fit);
  count_step(stage, learner, &losses, count);
  if (learner->at.epoch == learner->at.epochs)
    dc_clustering_fit_take_mean(stage->fit);
  return DC_OK;
}

void
dc_clustering_stage_list_state(DcClusteringStage *stage, const char *prefix, DcStateList *list)
{
  dc_clustering_fit_list_state(stage->fit, prefix, list);
}

/* --- what was learnt --- */

DcStatus
dc_clustering_learned(const DcLearner *learner, const DcAutoencoder *autoencoder,
                      const DcClusteringLayers *layers, DcLearned *learned, DcError *error)
{
  const size_t width = dc_shape_size(dc_network_output(autoencoder->encoder));
  DcStatus status =
      dc_learned_copy_networks(autoencoder->encoder, autoencoder->decoder, learned, error);
  if (status)
    return status;
  learned->assigner = dc_network_copy(layers->assigner);
  if (!learned->assigner)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to copy the networks");
  status = dc_learned_make_room(learner, width, learned, error);
  if (status)
    return status;
  const DcMatrix centroids = dc_matrix(learned->centroids, learned->clusters, width);
  const DcClusteringWeights weights =
      dc_clustering_fit_weights(layers->assigner, layers->centroid_layer);
  dc_clustering_centroids(&weights, &centroids);
  float *codes;
  status = dc_learner_encode(learner, autoencoder->encoder, &codes, error);
  if (!status)
    status = dc_encode_largest(layers->assigner, codes, learner->data.count, learner->threads,
                               learned->labels, error);
  dc_free(codes);
  return status;
}
