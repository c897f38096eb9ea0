/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_CURVES_H
#define DC_TOOLS_CURVES_H

#include "learn/learner.h"

#include <glib.h>

G_BEGIN_DECLS

/* A number that was watched over the epochs of a stage. */
typedef struct {
  char *stage;             /* "autoencoder" */
  char *name;              /* "loss" */
  GArray *epochs, *values; /* of double, equally many; a value may be NaN: unknown there */
} DcCurve;

/* The curves of a course of learning, in the order in which they began. */
typedef struct {
  GPtrArray *list; /* of DcCurve */
} DcCurves;

void dc_curves_init(DcCurves *curves);
void dc_curves_clear(DcCurves *curves);

/* Adds a point to the curve of that stage and name, which begins with it if there is none. */
void dc_curves_add(DcCurves *curves, const char *stage, const char *name, double epoch,
                   double value);

/* Adds the loss and those figures that are known of every epoch of a course so far. */
void dc_curves_add_course(DcCurves *curves, const DcLearner *learner);

/* Curve number `index`, or NULL behind the last. */
const DcCurve *dc_curves_get(const DcCurves *curves, guint index);

/* The last value of a curve that is known, or NaN. */
double dc_curve_last(const DcCurve *curve);

G_END_DECLS

#endif
