/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_newton.h"

#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

/* Posterior mass below which a cluster has no members to speak of. */
#define LEAST_MASS 1e-6

size_t
dc_transport_evidence_size(const DcTransportSource *s)
{
  return s->clusters + s->prototypes + s->clusters * s->dim + s->dim * s->dim + s->dim;
}

void
dc_transport_evidence_place(const DcTransportSource *s, double *block,
                            DcTransportEvidence *evidence)
{
  evidence->mass = block;
  evidence->prototype_mass = evidence->mass + s->clusters;
  evidence->place = evidence->prototype_mass + s->prototypes;
  evidence->product = evidence->place + s->clusters * s->dim;
  evidence->pull = evidence->product + s->dim * s->dim;
  dc_transport_evidence_clear(s, evidence);
}

void
dc_transport_evidence_clear(const DcTransportSource *s, DcTransportEvidence *evidence)
{
  /* The arrays lie side by side, `mass` first. */
  memset(evidence->mass, 0, dc_transport_evidence_size(s) * sizeof(double));
  evidence->likelihood = 0;
  evidence->rows = 0;
}

void
dc_transport_evidence_weigh(const DcTransportSource *s, const DcTransportWork *work, size_t rows,
                            DcTransportEvidence *evidence)
{
  dc_linear_add_columns(work->posterior, rows, s->clusters, evidence->mass);
  for (size_t i = 0; i < rows; i++)
    evidence->likelihood += dc_transport_bounded(s, work->likelihood[i]);
  evidence->rows += rows;
}

void
dc_transport_evidence_add(const DcTransportSource *s, const DcTransportMap *map,
                          DcTransportWork *work, size_t rows, DcTransportEvidence *evidence)
{
  size_t d = s->dim;
  dc_transport_evidence_weigh(s, work, rows, evidence);
  dc_linear_multiply(work->weight, map->prototype, rows, s->prototypes, d, work->pull);
  for (size_t i = 0; i < rows * d; i++)
    work->pull[i] -= work->restored[i];
  dc_linear_add_columns(work->weight, rows, s->prototypes, evidence->prototype_mass);
  dc_linear_add_columns(work->pull, rows, d, evidence->pull);
  dc_linear_add_products(work->posterior, work->restored, s->clusters, rows, d, evidence->place);
  dc_linear_add_products(work->pull, work->restored, d, rows, d, evidence->product);
}

void
dc_transport_moments(const DcTransportSource *s, const DcTransportEvidence *evidence,
                     double *moment, double *gradient)
{
  size_t d = s->dim;
  double count = (double)evidence->rows;
  /* psi = (A q - x) Wi with a symmetric Wi, which therefore may be applied to the sums. */
  dc_linear_multiply(s->precision, evidence->product, d, d, d, moment);
  dc_linear_multiply(evidence->pull, s->precision, 1, d, d, gradient);
  for (size_t i = 0; i < d * d; i++)
    moment[i] = moment[i] / count - s->moment[i];
  for (size_t i = 0; i < d; i++)
    gradient[i] = gradient[i] / count - s->gradient[i];
}

void
dc_transport_newton(const DcTransportSource *s, const double *moment, const double *gradient,
                    double rho, double *matrix, double *shift)
{
  size_t d = s->dim;
  const double *f = s->curvature, *lam = s->variance;
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) {
      double forth = f[i] * lam[j] + rho, back = f[j] * lam[i] + rho;
      matrix[i * d + j] = -(back * moment[i * d + j] - moment[j * d + i]) / (forth * back - 1);
    }
    shift[i] = -gradient[i] / (f[i] + rho / lam[i]);
  }
}

void
dc_transport_map_step(const DcTransportSource *s, const double *matrix, const double *shift,
                      double *square, DcTransportMap *map)
{
  size_t d = s->dim;
  dc_linear_multiply(matrix, map->matrix, d, d, d, square);
  for (size_t i = 0; i < d * d; i++)
    map->matrix[i] -= square[i];
  dc_linear_multiply(matrix, map->shift, d, d, 1, square);
  for (size_t i = 0; i < d; i++)
    map->shift[i] -= square[i] + shift[i];
}

void
dc_transport_residuals(const DcTransportSource *s, const DcTransportMap *map,
                       const DcTransportEvidence *evidence, double *residual)
{
  size_t d = s->dim;
  memcpy(residual, evidence->place, s->clusters * d * sizeof *residual);
  for (size_t k = 0; k < s->clusters; k++) {
    double *row = residual + k * d;
    for (size_t m = s->first[k]; m < s->first[k + 1]; m++)
      for (size_t i = 0; i < d; i++)
        row[i] -= evidence->prototype_mass[m] * map->prototype[m * d + i];
    double mass = fmax(evidence->mass[k], LEAST_MASS);
    for (size_t i = 0; i < d; i++)
      row[i] = row[i] / mass - s->residual[k * d + i];
  }
}
