/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "points.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

#define PI        3.14159265358979324
#define GROUPS    4 /* of Gaussians */
#define HALF_SIDE 3 /* of the square that round Gaussians stand on */
#define LONG_AXIS 6 /* standard deviation of anisotropic groups, in units of the noise */
#define TURN      (PI / 6)
#define WANDERING 10 /* standard deviation of where a domain lies */

static const struct {
  const char *name;
  guint groups;
  double noise;
} shapes[] = {
    [DC_POINTS_MOONS] = {"moons", 2, 0.05},
    [DC_POINTS_RINGS] = {"rings", 2, 0.05},
    [DC_POINTS_GAUSSIANS] = {"gaussians", GROUPS, 1},
    [DC_POINTS_ANISOTROPIC] = {"anisotropic", GROUPS, 1},
};

/* What makes one anisotropic domain. */
typedef struct {
  double means[GROUPS][2];
  double scale;
  double place[2];
} Domain;

gboolean
dc_points_shape(const char *name, DcPointsShape *shape)
{
  for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++)
    if (strcmp(shapes[i].name, name) == 0) {
      *shape = (DcPointsShape)i;
      return TRUE;
    }
  return FALSE;
}

static double
uniform(DcRandom *random, double least, double most)
{
  return least + (most - least) * dc_random_uniform(random);
}

static Domain
draw_domain(DcRandom *random)
{
  Domain domain;
  for (int k = 0; k < GROUPS; k++) {
    domain.means[k][0] = uniform(random, -6, 6);
    domain.means[k][1] = 4 * k + uniform(random, -0.5, 0.5);
  }
  domain.scale = uniform(random, 0.5, 2);
  for (int axis = 0; axis < 2; axis++)
    domain.place[axis] = WANDERING * dc_random_normal(random);
  return domain;
}

static void
draw_moon(guint32 label, DcRandom *random, double point[2])
{
  double angle = uniform(random, 0, PI);
  point[0] = label == 0 ? cos(angle) : 1 - cos(angle);
  point[1] = label == 0 ? sin(angle) : 0.5 - sin(angle);
}

static void
draw_ring(guint32 label, DcRandom *random, double point[2])
{
  double angle = uniform(random, 0, 2 * PI), radius = label == 0 ? 0.5 : 1;
  point[0] = radius * cos(angle);
  point[1] = radius * sin(angle);
}

static void
draw_corner(guint32 label, double point[2])
{
  point[0] = label % 2 ? HALF_SIDE : -HALF_SIDE;
  point[1] = label / 2 ? HALF_SIDE : -HALF_SIDE;
}

static void
add_noise(double noise, DcRandom *random, double point[2])
{
  for (int axis = 0; axis < 2; axis++)
    point[axis] += noise * dc_random_normal(random);
}

static void
draw_anisotropic(const Domain *domain, guint32 label, double noise, DcRandom *random,
                 double point[2])
{
  double x = domain->means[label][0] + LONG_AXIS * noise * dc_random_normal(random);
  double y = domain->means[label][1] + noise * dc_random_normal(random);
  point[0] = domain->scale * (cos(TURN) * x - sin(TURN) * y) + domain->place[0];
  point[1] = domain->scale * (sin(TURN) * x + cos(TURN) * y) + domain->place[1];
}

static void
draw_point(const DcPointsOptions *options, const Domain *domain, guint32 label, DcRandom *random,
           double point[2])
{
  double noise = options->noise < 0 ? shapes[options->shape].noise : options->noise;
  switch (options->shape) {
  case DC_POINTS_MOONS:
    draw_moon(label, random, point);
    break;
  case DC_POINTS_RINGS:
    draw_ring(label, random, point);
    break;
  case DC_POINTS_GAUSSIANS:
    draw_corner(label, point);
    break;
  case DC_POINTS_ANISOTROPIC:
    draw_anisotropic(domain, label, noise, random, point);
    return; /* its noise is part of its shape */
  }
  add_noise(noise, random, point);
}

void
dc_points_draw(const DcPointsOptions *options, float *values, guint32 *labels)
{
  DcRandom random;
  dc_random_seed(&random, options->seed, options->domain);
  Domain domain = draw_domain(&random);
  for (gsize i = 0; i < options->count; i++) {
    double point[2] = {0};
    labels[i] = dc_random_below(&random, shapes[options->shape].groups);
    draw_point(options, &domain, labels[i], &random, point);
    values[2 * i] = (float)point[0];
    values[2 * i + 1] = (float)point[1];
  }
}
