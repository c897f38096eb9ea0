/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-plan.h"

#include "command.h"
#include "drift-methods.h"
#include "drift-results.h"

#include <stdio.h>

/* ---- what there is ---- */

static gsize
count_methods(void)
{
  gsize count = 0;
  while (dc_drift_method_name(count))
    count++;
  return count;
}

static char *
list_stream_names(void)
{
  gsize count;
  const DcDriftKind *kinds = dc_drift_kinds(&count);
  GString *names = g_string_new(NULL);
  for (gsize i = 0; i < count; i++)
    g_string_append_printf(names, "%s%s", i ? ", " : "", kinds[i].name);
  return g_string_free(names, FALSE);
}

static char *
list_method_names(void)
{
  GString *names = g_string_new(DC_DRIFT_FORGETTING);
  for (gsize i = 0; dc_drift_method_name(i); i++)
    g_string_append_printf(names, ", %s", dc_drift_method_name(i));
  return g_string_free(names, FALSE);
}

void
dc_drift_plan_print_choices(void)
{
  gsize count;
  const DcDriftKind *kinds = dc_drift_kinds(&count);
  printf("Streams:\n");
  for (gsize i = 0; i < count; i++)
    printf("  %-22s %s%s\n", kinds[i].name, kinds[i].summary,
           kinds[i].need == DC_DRIFT_COLOUR     ? " (pictures in colour)"
           : kinds[i].need == DC_DRIFT_PICTURES ? " (pictures)"
           : kinds[i].domains                   ? " (two inputs or more)"
                                                : "");
  printf("\nMethods:\n  %-22s peer: streaming k-means, its half-life chosen on the other streams\n",
         DC_DRIFT_FORGETTING);
  for (gsize i = 0; dc_drift_method_name(i); i++)
    printf("  %-22s %s\n", dc_drift_method_name(i),
           dc_drift_method_is_peer(i) ? "peer" : "method of adapt-centroids");
}

/* ---- what is wanted ---- */

/* Those that the input allows come later, when it is known. */
static gboolean
plan_streams(DcDriftPlan *plan, const char *const *names, GError **error)
{
  gsize count = names ? g_strv_length((char **)names) : 0;
  plan->kinds = g_new0(const DcDriftKind *, count + 1);
  for (gsize i = 0; i < count; i++) {
    const DcDriftKind *kind = dc_drift_kind(names[i]);
    if (!kind) {
      g_autofree char *there_are = list_stream_names();
      g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                  "there is no stream \"%s\"; there are: %s", names[i], there_are);
      return FALSE;
    }
    plan->kinds[plan->kind_count++] = kind;
  }
  return TRUE;
}

/* All methods but `none`, which is the peer `frozen`, and the peers with one chosen half-life. */
static void
plan_usual_methods(DcDriftPlan *plan)
{
  for (gsize i = 0; i < plan->method_count; i++)
    plan->methods[i] =
        dc_drift_method_half_life(i) == 0 && !g_str_equal(dc_drift_method_name(i), "none");
  plan->forgetting = TRUE;
}

static gboolean
plan_method(DcDriftPlan *plan, const char *name, GError **error)
{
  gsize method;
  if (g_str_equal(name, DC_DRIFT_FORGETTING)) {
    plan->forgetting = TRUE;
  } else if (dc_drift_method_find(name, &method)) {
    plan->methods[method] = TRUE;
  } else {
    g_autofree char *there_are = list_method_names();
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                "there is no method \"%s\"; there are: %s", name, there_are);
    return FALSE;
  }
  return TRUE;
}

static gboolean
plan_methods(DcDriftPlan *plan, const char *const *names, GError **error)
{
  plan->method_count = count_methods();
  plan->methods = g_new0(gboolean, plan->method_count);
  if (!names)
    plan_usual_methods(plan);
  for (gsize i = 0; names && names[i]; i++)
    if (!plan_method(plan, names[i], error))
      return FALSE;
  return TRUE;
}

gboolean
dc_drift_plan_init(DcDriftPlan *plan, const char *const *streams, const char *const *methods,
                   GError **error)
{
  *plan = (DcDriftPlan){0};
  if (plan_streams(plan, streams, error) && plan_methods(plan, methods, error))
    return TRUE;
  dc_drift_plan_clear(plan);
  return FALSE;
}

void
dc_drift_plan_clear(DcDriftPlan *plan)
{
  g_free(plan->kinds);
  g_free(plan->methods);
}

gboolean
dc_drift_plan_settle(DcDriftPlan *plan, const DcDriftData *data, GError **error)
{
  for (gsize i = 0; i < plan->kind_count; i++)
    if (!dc_drift_data_allows(data, plan->kinds[i], error))
      return FALSE;
  if (plan->kind_count > 0)
    return TRUE;
  gsize count;
  const DcDriftKind *kinds = dc_drift_kinds(&count);
  plan->kinds = g_renew(const DcDriftKind *, plan->kinds, count);
  for (gsize i = 0; i < count; i++)
    if (dc_drift_data_allows(data, &kinds[i], NULL))
      plan->kinds[plan->kind_count++] = &kinds[i];
  return TRUE;
}

gboolean
dc_drift_plan_runs(const DcDriftPlan *plan, gsize method)
{
  return plan->methods[method] || (plan->forgetting && dc_drift_method_half_life(method) > 0);
}
