/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_CLUSTERING_STAGE_H
#define DC_LEARN_CLUSTERING_STAGE_H

#include "base/random.h"
#include "cluster/clustering_fit.h"
#include "cluster/kmeans.h"
#include "learn/learner.h"

/* What cm and ae-cm have in common: the order of their stages; the start from k-means; epochs of
 * steps of the clustering module, alone or joined to an autoencoder, in shuffled mini-batches of
 * which the last may be short; the averaging epoch; and what is handed over in the end. */

/* A stage of a course. */
typedef struct {
  int64_t epochs; /* 0: it is left out */
  uint64_t steps; /* of an epoch */
  double cost;    /* what it takes of the whole course, in any unit */
} DcCourseStage;

/* The steps of an epoch in batches of `batch` samples, of which the last may be short. */
uint64_t dc_course_steps(const DcLearner *learner, double batch);

/* Goes to the first of `stages` from `stage` on that has epochs; the last one always has. */
void dc_course_enter(DcLearner *learner, const DcCourseStage *stages, uint32_t stage);

/* To be called after each step: brings the share of the course and its end up to date, and goes to
 * the next stage when this one has ended. */
void dc_course_go_on(DcLearner *learner, const DcCourseStage *stages, uint32_t count);

/* The two layers of a module, as cluster/clustering_fit.h describes them. */
typedef struct {
  DcNetwork *assigner, *centroid_layer;
} DcClusteringLayers;

/* With AE-CM's first weights: Glorot uniform, biases truncated normal (0 without `biases`). On
 * failure *layers is empty. */
DcStatus dc_clustering_layers_init(DcClusteringLayers *layers, size_t width, uint32_t clusters,
                                   bool biases, DcRandom *random, DcError *error);
/* Frees both; empty ones are accepted. */
void dc_clustering_layers_clear(DcClusteringLayers *layers);
void dc_clustering_layers_list_state(const DcClusteringLayers *layers, DcStateList *list);

/* The one step of a stage that finds the module's first centroids by k-means, counted in
 * learner->at; the loss is the mean squared distance. `samples` is N x p; `sequence`, of the
 * learner's seed: the draws of k-means. `centroids` becomes K x p, its numbers from dc_alloc(),
 * NULL on failure. */
DcStatus dc_clustering_first_centroids(DcLearner *learner, const DcMatrix *samples,
                                       const DcKmeansOptions *options, uint64_t sequence,
                                       DcMatrix *centroids, DcError *error);

/* Starts the module from centroids, as dc_clustering_start() describes. Allocates. */
DcStatus dc_clustering_layers_start(const DcClusteringLayers *layers, const DcMatrix *centroids,
                                    DcError *error);

/* Starts the module as a mixture, as dc_clustering_start_as_mixture() describes. */
DcStatus dc_clustering_layers_start_as_mixture(const DcClusteringLayers *layers,
                                               const DcMatrix *centroids, double variance,
                                               DcError *error);

/* What at.figures holds: means over the samples of this epoch so far, but for the prior and
 * orthonormality, which belong to a batch and are means over batches by their size. NaN: not part
 * of the loss. */
typedef enum {
  DC_CLUSTERING_FIGURE_RECONSTRUCTION, /* E1 */
  DC_CLUSTERING_FIGURE_SPARSITY,       /* E2, E2' */
  DC_CLUSTERING_FIGURE_MERGING,        /* E3 */
  DC_CLUSTERING_FIGURE_PRIOR,          /* E4 */
  DC_CLUSTERING_FIGURE_ORTHONORMALITY, /* EO */
  DC_CLUSTERING_FIGURE_AUTOENCODER     /* ER */
} DcClusteringFigure;

typedef struct DcClusteringStage DcClusteringStage;

typedef struct {
  DcClusteringFitOptions fit; /* its threads are those of the learner, its max_batch is set here */
  const float *samples; /* as many as the learner has; must outlive the stage, and stay as they
                           are from the first step on */
  size_t size;          /* of one */
  size_t batch;         /* samples in a step */
  uint64_t sequence;    /* of the learner's seed: the orders of the samples */
} DcClusteringStageOptions;

/* Free with dc_clustering_stage_free(). */
DcStatus dc_clustering_stage_new(const DcLearner *learner, const DcClusteringStageOptions *options,
                                 DcClusteringStage **stage, DcError *error);
void dc_clustering_stage_free(DcClusteringStage *stage);

/* The step that learner->at stands at, counted there; its loss is that of cluster/clustering_fit.h,
 * divided by the samples unless normalised. The order of the samples is that of epoch `earlier` +
 * at.epoch. DC_ERROR_NOT_FINITE when it diverges. */
DcStatus dc_clustering_stage_step(DcClusteringStage *stage, DcLearner *learner, int64_t earlier,
                                  DcError *error);

/* The same for a step of the averaging epoch: after the last one, all parameters are the mean of
 * those after each. */
DcStatus dc_clustering_stage_average(DcClusteringStage *stage, DcLearner *learner, int64_t earlier,
                                     DcError *error);

/* The optimiser and the sums for the mean; the networks' weights are their owner's to list. */
void dc_clustering_stage_list_state(DcClusteringStage *stage, const char *prefix,
                                    DcStateList *list);

/* Fills `learned`: copies of the networks, U as centroids, and as labels the largest assignment of
 * each sample. On failure it is partly filled. */
DcStatus dc_clustering_learned(const DcLearner *learner, const DcAutoencoder *autoencoder,
                               const DcClusteringLayers *layers, DcLearned *learned,
                               DcError *error);

#endif
