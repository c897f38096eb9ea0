/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_DOMAINS_H
#define DC_TESTS_DOMAINS_H

#include "base/random.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Anisotropic domains in the plane, as docs/methods/tdcm.md describes them: four groups one above
 * the other, each far wider than high, that lie at places of their own in every domain; all of it
 * turned by the same angle, scaled and moved by numbers of its own. No Euclidean partition finds
 * the groups; the metric that does is the same in all domains. */
enum { DOMAIN_GROUPS = 4, DOMAIN_POINTS = 400, DOMAIN_DIM = 2 };

typedef struct {
  double width;  /* standard deviation of a group along its wide axis; it is 1 along the other */
  double places; /* group means lie within +-places along the wide axis */
  double turn;   /* degrees, counter-clockwise */
} DomainKind;

static const DomainKind wide_domain = {.width = 6, .places = 6, .turn = 30};

static inline double
uniform_between(DcRandom *random, double least, double most)
{
  return least + (most - least) * dc_random_uniform(random);
}

/* `values`: DOMAIN_POINTS x DOMAIN_DIM; `classes`: DOMAIN_POINTS. */
static inline void
draw_domain(DcRandom *random, const DomainKind *kind, float *values, uint32_t *classes)
{
  const double angle = kind->turn * 3.14159265358979323846 / 180;
  const double scale = uniform_between(random, 0.5, 2);
  const double x0 = 10 * dc_random_normal(random), y0 = 10 * dc_random_normal(random);
  double means[DOMAIN_GROUPS][DOMAIN_DIM];
  for (size_t k = 0; k < DOMAIN_GROUPS; k++) {
    means[k][0] = uniform_between(random, -kind->places, kind->places);
    means[k][1] = 4 * (double)k + uniform_between(random, -0.5, 0.5);
  }
  for (size_t i = 0; i < DOMAIN_POINTS; i++) {
    const uint32_t k = classes[i] = dc_random_below(random, DOMAIN_GROUPS);
    const double x = means[k][0] + kind->width * dc_random_normal(random);
    const double y = means[k][1] + dc_random_normal(random);
    values[2 * i] = (float)(x0 + scale * (cos(angle) * x - sin(angle) * y));
    values[2 * i + 1] = (float)(y0 + scale * (sin(angle) * x + cos(angle) * y));
  }
}

/* Ratio of the eigenvalues of a symmetric 2 x 2 matrix, and the direction of the larger one in
 * degrees, 0..180. */
static inline double
eigenvalue_ratio(const double *matrix, double *direction)
{
  const double half = (matrix[0] + matrix[3]) / 2, side = (matrix[0] - matrix[3]) / 2;
  const double radius = sqrt(side * side + matrix[1] * matrix[1]);
  const double angle = atan2(matrix[1], side) / 2 * 180 / 3.14159265358979323846;
  *direction = angle < 0 ? angle + 180 : angle;
  return (half + radius) / (half - radius);
}

#endif
