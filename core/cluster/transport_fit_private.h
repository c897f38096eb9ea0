/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_FIT_PRIVATE_H
#define DC_CLUSTER_TRANSPORT_FIT_PRIVATE_H

#include "cluster/transport_fit.h"

/* Between the files that make a source model:
 *   transport_fit         what is asked for, the directions, the order of the work
 *   transport_cells       which sample is of which cluster, and prototypes in these cells
 *   transport_statistics  what the model knows of its sample */

/* What is known while a model is made; every piece outlives the call that made it. */
typedef struct {
  const DcMatrix *samples;
  const DcMatrix *centroids;
  const DcTransportFitOptions *options;
  DcError *error;

  size_t dim;
  double *mean;      /* input_dim */
  double *basis;     /* input_dim x dim */
  double *rows;      /* x: samples x dim */
  double *prototype; /* prototypes x dim */
  double *share;     /* prototypes */
  double *size;      /* clusters */
  uint32_t *cell;    /* cluster of each sample */
  float *means;      /* of the cells, where those are not the nearest centroids' */
  DcMatrix averages; /* a view of them */
  size_t prototypes;
  DcTransportSource *source;
} DcTransportFit;

/* Sets fit->error. */
DcStatus dc_transport_fit_no_memory(const DcTransportFit *fit);

/* DC_ERROR_SHAPE or DC_ERROR_NOT_FINITE, which name `what`, unless all rows are `cols` numbers. */
DcStatus dc_transport_fit_check(const DcMatrix *matrix, const char *what, size_t cols,
                                DcError *error);

/* `target` (rows x dim) = rows of `matrix` in the basis. */
DcStatus dc_transport_fit_project(const DcTransportFit *fit, const DcMatrix *matrix,
                                  double *target);

/* Fills fit->cell, once fit->rows is there; where cells are given or looked for, fit->centroids
 * become their means. */
DcStatus dc_transport_fit_find_cells(DcTransportFit *fit);

/* Prototypes inside the cells, or given ones (as of dc_transport_fit_prototypes()). */
DcStatus dc_transport_fit_find_prototypes(DcTransportFit *fit);
DcStatus dc_transport_fit_take_prototypes(DcTransportFit *fit, const DcMatrix *prototypes,
                                          const uint32_t *owner, const double *share);

/* fit->source from all that. */
DcStatus dc_transport_fit_describe(DcTransportFit *fit);

#endif
