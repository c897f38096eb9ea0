/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "points.h"

#include "base/random.h"
#include "command.h"
#include "common/palette.h"
#include "store/png.h"

#include <math.h>
#include <string.h>

#define PI        3.14159265358979324
#define GROUPS    4 /* of Gaussians */
#define HALF_SIDE 3 /* of the square that round Gaussians stand on */
#define LONG_AXIS 6 /* standard deviation of anisotropic groups, in units of the noise */
#define TURN      (PI / 6)
#define WANDERING 10  /* standard deviation of where a domain lies */
#define SIDE      640 /* pixels of a picture */
#define BORDER    16
#define RADIUS    2 /* of a dot */

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

/* --- a picture of them --- */

/* What of the plane a picture shows. */
typedef struct {
  double left, top, pixels_per_unit;
} Frame;

static Frame
frame_around(const float *values, gsize count)
{
  double least[2] = {values[0], values[1]}, most[2] = {values[0], values[1]};
  for (gsize i = 0; i < count; i++)
    for (int axis = 0; axis < 2; axis++) {
      least[axis] = MIN(least[axis], values[2 * i + axis]);
      most[axis] = MAX(most[axis], values[2 * i + axis]);
    }
  double extent = MAX(most[0] - least[0], most[1] - least[1]);
  double scale = extent > 0 ? (SIDE - 1 - 2 * BORDER) / extent : 1;
  double margin = (SIDE - 1) / 2.0 / scale; /* the middle of the points is that of the picture */
  return (Frame){(least[0] + most[0]) / 2 - margin, (least[1] + most[1]) / 2 + margin, scale};
}

static void
draw_dot(guint8 *pixels, const Frame *frame, const float *point, DcColour colour)
{
  int x = (int)lrint((point[0] - frame->left) * frame->pixels_per_unit);
  int y = (int)lrint((frame->top - point[1]) * frame->pixels_per_unit);
  for (int dy = -RADIUS; dy <= RADIUS; dy++)
    for (int dx = -RADIUS; dx <= RADIUS; dx++) {
      guint8 *pixel = pixels + 3 * ((y + dy) * SIDE + x + dx);
      if (dx * dx + dy * dy > RADIUS * RADIUS)
        continue;
      pixel[0] = colour.red;
      pixel[1] = colour.green;
      pixel[2] = colour.blue;
    }
}

gboolean
dc_points_picture(const char *path, const float *values, const guint32 *labels, gsize count,
                  GError **error)
{
  g_autofree guint8 *pixels = g_malloc(3 * SIDE * SIDE);
  memset(pixels, 255, 3 * SIDE * SIDE);
  Frame frame = frame_around(values, count);
  for (gsize i = 0; i < count; i++)
    draw_dot(pixels, &frame, values + 2 * i, dc_palette_colour(labels[i]));
  DcPicture picture = {SIDE, SIDE, 3, pixels};
  DcError core_error;
  if (dc_png_write(path, &picture, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}
