/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CLUSTERING_FIT_H
#define DC_CLUSTER_CLUSTERING_FIT_H

#include "base/state_list.h"
#include "cluster/clustering_module.h"
#include "nn/autoencoder.h"
#include "nn/optimiser.h"

/* Training steps of the clustering module (cluster/clustering_module.h), alone or joined to the
 * autoencoder whose code it works on (AE-CM: Boubekki et al. 2021). The joint loss of a batch is
 *
 *   loss of the module for the code + beta sum_i |x_i - xhat_i|^2
 *
 * or, normalised, + beta times the mean over all numbers of (x - xhat)^2. The module couples the
 * samples of a batch: the encoder runs over all of it, then the module in the caller's thread, then
 * decoder and way back. Several threads take a share of the batch each; gradients are summed in
 * their order, so that the result is the same for the same number of threads. */
typedef struct DcClusteringFit DcClusteringFit;

typedef struct {
  DcAutoencoder autoencoder;    /* not owned; both NULL: the module alone, on given vectors */
  DcNetwork *assigner;          /* one dense layer p -> K: V, b; its activation is not run */
  DcNetwork *centroid_layer;    /* one dense layer K -> p: Wm, c */
  DcClusteringOptions module;   /* max_batch is that of the fit */
  double beta;                  /* >= 0 */
  DcOptimiserOptions optimiser; /* of all parameters */
  size_t threads;               /* >= 1 */
} DcClusteringFitOptions;

/* Of one batch, before its step. */
typedef struct {
  DcClusteringTerms module;
  double reconstruction; /* sum over the batch of |x - xhat|^2; 0 for the module alone */
  double total;          /* the joint loss */
} DcClusteringLosses;

/* The networks must outlive the fit and are only changed by it while it lives. DC_ERROR_SHAPE when
 * they do not fit each other or the module, DC_ERROR_ARGUMENT, DC_ERROR_MEMORY. Free with
 * dc_clustering_fit_free(). */
DcStatus dc_clustering_fit_new(const DcClusteringFitOptions *options, DcClusteringFit **fit,
                               DcError *error);
void dc_clustering_fit_free(DcClusteringFit *fit);

/* One optimiser step on `count` samples (1 .. max_batch), dense, of the shape of the encoder's
 * input. DC_ERROR_NOT_FINITE when the loss is not a number: nothing has changed then. Allocates
 * nothing. */
DcStatus dc_clustering_fit_step(DcClusteringFit *fit, const float *samples, size_t count,
                                DcClusteringLosses *losses);

/* Averaging of parameters: adds the present ones to a sum (in double), and sets all parameters to
 * the mean of those added, of which there must be some; the sum is then empty again. */
void dc_clustering_fit_add_to_mean(DcClusteringFit *fit);
void dc_clustering_fit_take_mean(DcClusteringFit *fit);

/* Lists what steps change beside the networks: the optimiser and the sum, under `prefix`. */
void dc_clustering_fit_list_state(DcClusteringFit *fit, const char *prefix, DcStateList *list);

/* The parameters of the module within the two networks: where a module can be started. Counts as a
 * change of them. */
DcClusteringWeights dc_clustering_fit_weights(DcNetwork *assigner, DcNetwork *centroid_layer);

#endif
