/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_POINTS_H
#define DC_TOOLS_POINTS_H

#include <glib.h>

G_BEGIN_DECLS

/* Labelled points in the plane, to try methods on. Labels are drawn uniformly, coordinates in
 * single precision. */
typedef enum {
  DC_POINTS_MOONS,      /* 2: two interleaved half circles of radius 1, as scikit-learn has them */
  DC_POINTS_RINGS,      /* 2: concentric circles of radius 1/2 and 1 */
  DC_POINTS_GAUSSIANS,  /* 4: at the corners of a square of side 6 */
  DC_POINTS_ANISOTROPIC /* 4: stretched Gaussians, of which every domain is another affine view */
} DcPointsShape;

typedef struct {
  DcPointsShape shape;
  gsize count;
  double noise; /* standard deviation: of what is added to both coordinates or, for the anisotropic
                   domains, across the long axis; < 0: 0.05 for moons and rings, 1 for the others */
  guint64 seed;
  guint64
      domain; /* which domain the seed gives: the groups of one and its view are drawn from it */
} DcPointsOptions;

/* The shape of that name ("moons"); FALSE when there is none. */
gboolean dc_points_shape(const char *name, DcPointsShape *shape);

/* Draws options->count points: `values` (count x 2) and `labels` (count). Equal options give equal
 * points.
 *
 * An anisotropic domain has the mean (U(-6, 6), 4 k + U(-1/2, 1/2)) for group k, around it normal
 * numbers whose standard deviations are 6 and 1 times the noise; all are turned by 30 degrees,
 * scaled by U(1/2, 2) and moved by N(0, 100 I). Clusters of k-means cut these groups; a metric that
 * is learnt on several domains does not. */
void dc_points_draw(const DcPointsOptions *options, float *values, guint32 *labels);

/* Writes a square PNG with a dot for each of `count` >= 1 points in the colour of its label, both
 * axes at the same scale. */
gboolean dc_points_picture(const char *path, const float *values, const guint32 *labels,
                           gsize count, GError **error);

G_END_DECLS

#endif
