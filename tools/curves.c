/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "curves.h"

#include <math.h>

static void
free_curve(gpointer data)
{
  DcCurve *curve = data;
  g_free(curve->stage);
  g_free(curve->name);
  g_array_unref(curve->epochs);
  g_array_unref(curve->values);
  g_free(curve);
}

void
dc_curves_init(DcCurves *curves)
{
  *curves = (DcCurves){.list = g_ptr_array_new_with_free_func(free_curve)};
}

void
dc_curves_clear(DcCurves *curves)
{
  g_clear_pointer(&curves->list, g_ptr_array_unref);
}

static DcCurve *
find_curve(const DcCurves *curves, const char *stage, const char *name)
{
  for (guint i = 0; i < curves->list->len; i++) {
    DcCurve *curve = g_ptr_array_index(curves->list, i);
    if (g_str_equal(curve->stage, stage) && g_str_equal(curve->name, name))
      return curve;
  }
  return NULL;
}

static DcCurve *
begin_curve(const char *stage, const char *name)
{
  DcCurve *curve = g_new(DcCurve, 1);
  curve->stage = g_strdup(stage);
  curve->name = g_strdup(name);
  curve->epochs = g_array_new(FALSE, FALSE, sizeof(double));
  curve->values = g_array_new(FALSE, FALSE, sizeof(double));
  return curve;
}

void
dc_curves_add(DcCurves *curves, const char *stage, const char *name, double epoch, double value)
{
  DcCurve *curve = find_curve(curves, stage, name);
  if (!curve) {
    curve = begin_curve(stage, name);
    g_ptr_array_add(curves->list, curve);
  }
  g_array_append_val(curve->epochs, epoch);
  g_array_append_val(curve->values, value);
}

static void
add_point(DcCurves *curves, const DcLearnerClass *class, const DcLearnPoint *point)
{
  const char *stage = class->stages[(gsize)point->stage];
  dc_curves_add(curves, stage, "loss", point->epoch, point->loss);
  for (gsize i = 0; class->figures[i]; i++) {
    if (!isnan(point->figures[i]))
      dc_curves_add(curves, stage, class->figures[i], point->epoch, point->figures[i]);
  }
}

void
dc_curves_add_course(DcCurves *curves, const DcLearner *learner)
{
  for (gsize i = 0; i < learner->curve_count; i++)
    add_point(curves, learner->class, &learner->curve[i]);
}

const DcCurve *
dc_curves_get(const DcCurves *curves, guint index)
{
  return index < curves->list->len ? g_ptr_array_index(curves->list, index) : NULL;
}

double
dc_curve_last(const DcCurve *curve)
{
  for (guint i = curve->values->len; i-- > 0;)
    if (isfinite(g_array_index(curve->values, double, i)))
      return g_array_index(curve->values, double, i);
  return NAN;
}
