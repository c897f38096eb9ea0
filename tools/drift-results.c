/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-results.h"

#include "command.h"

#include <math.h>
#include <string.h>

static void
clear_result(gpointer data)
{
  DcDriftResult *result = data;
  g_clear_pointer(&result->course, g_array_unref);
  g_clear_pointer(&result->cluster_course, g_array_unref);
  g_clear_pointer(&result->class_course, g_array_unref);
}

GArray *
dc_drift_results_new(void)
{
  GArray *results = g_array_new(FALSE, TRUE, sizeof(DcDriftResult));
  g_array_set_clear_func(results, clear_result);
  return results;
}

static const DcDriftResult *
result_at(const GArray *results, guint i)
{
  return &g_array_index(results, DcDriftResult, i);
}

/* How many classes came until the end of each window. */
static GArray *
count_classes(const guint32 *classes, gsize images)
{
  GArray *course = g_array_new(FALSE, FALSE, sizeof(guint));
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (gsize i = 0; i < images; i++) {
    g_hash_table_add(seen, GUINT_TO_POINTER(classes[i]));
    guint count = g_hash_table_size(seen);
    if ((i + 1) % DC_DRIFT_WINDOW == 0 || i + 1 == images)
      g_array_append_val(course, count);
  }
  return course;
}

gboolean
dc_drift_results_add(GArray *results, const DcDriftResult *known, const guint32 *clusters,
                     const guint32 *classes, const gsize *jump, gsize jumps, GError **error)
{
  DcDriftResult result = *known;
  result.course = g_array_new(FALSE, TRUE, sizeof(double));
  g_array_set_size(result.course, (guint)((known->images + DC_DRIFT_WINDOW - 1) / DC_DRIFT_WINDOW));
  DcStatus status = dc_drift_scores(clusters, classes, known->images, jump, jumps, &result.scores);
  if (status == DC_OK)
    status =
        dc_drift_course(clusters, classes, known->images, (double *)(gpointer)result.course->data);
  if (status == DC_OK) {
    if (result.cluster_course) {
      g_array_ref(result.cluster_course);
      result.class_course = count_classes(classes, known->images);
    }
    g_array_append_val(results, result);
    return TRUE;
  }
  g_array_unref(result.course);
  g_set_error(error, DC_TOOLS_ERROR, -(int)status, "the stream cannot be scored: %s",
              dc_status_text(status));
  return FALSE;
}

/* ---- the half-life of the forgetting peer ---- */

/* The mean accuracy of a half-life on all streams but one; NAN when there is no other. */
static double
mean_elsewhere(const GArray *results, gsize half_life, const char *stream)
{
  double sum = 0;
  guint count = 0;
  for (guint i = 0; i < results->len; i++) {
    const DcDriftResult *result = result_at(results, i);
    if (result->half_life != half_life || g_str_equal(result->stream, stream) ||
        g_str_equal(result->method, DC_DRIFT_FORGETTING))
      continue;
    sum += result->scores.acc;
    count++;
  }
  return count ? sum / count : NAN;
}

static gsize
best_elsewhere(const GArray *results, const char *stream)
{
  gsize best = DC_DRIFT_HALF_LIFE;
  double most = -1;
  for (guint i = 0; i < results->len; i++) {
    gsize half_life = result_at(results, i)->half_life;
    double mean = half_life ? mean_elsewhere(results, half_life, stream) : NAN;
    if (mean > most) {
      most = mean;
      best = half_life;
    }
  }
  return best;
}

void
dc_drift_results_choose_half_life(GArray *results)
{
  guint count = results->len;
  for (guint i = 0; i < count; i++) {
    DcDriftResult chosen = *result_at(results, i);
    if (!chosen.half_life || chosen.half_life != best_elsewhere(results, chosen.stream))
      continue;
    chosen.method = DC_DRIFT_FORGETTING;
    g_array_ref(chosen.course);
    g_array_append_val(results, chosen);
  }
}

/* ---- order ---- */

static guint
first_of_stream(const GArray *results, const char *stream)
{
  guint i = 0;
  while (i < results->len && !g_str_equal(result_at(results, i)->stream, stream))
    i++;
  return i;
}

void
dc_drift_results_sort(GArray *results)
{
  guint filled = 0;
  g_autofree DcDriftResult *sorted = g_new(DcDriftResult, results->len);
  for (guint i = 0; i < results->len; i++) {
    if (first_of_stream(results, result_at(results, i)->stream) != i)
      continue;
    for (guint j = i; j < results->len; j++)
      if (g_str_equal(result_at(results, j)->stream, result_at(results, i)->stream))
        sorted[filled++] = *result_at(results, j);
  }
  memcpy(results->data, sorted, filled * sizeof *sorted);
}

/* ---- printing ---- */

double
dc_drift_results_mean(const GArray *results, const char *method)
{
  double sum = 0;
  guint count = 0;
  for (guint i = 0; i < results->len; i++) {
    const DcDriftResult *result = result_at(results, i);
    if (g_str_equal(result->method, method)) {
      sum += result->scores.acc;
      count++;
    }
  }
  return count ? sum / count : NAN;
}

static void
append_course(GString *json, const char *name, const GArray *course)
{
  g_string_append_printf(json, ",\"%s\":[", name);
  for (guint i = 0; i < course->len; i++)
    g_string_append_printf(json, "%s%u", i ? "," : "", g_array_index(course, guint, i));
  g_string_append_c(json, ']');
}

static void
append_revisions(GString *json, const DcDriftResult *result)
{
  g_string_append_printf(json,
                         ",\"births\":%" G_GUINT64_FORMAT ",\"splits\":%" G_GUINT64_FORMAT
                         ",\"merges\":%" G_GUINT64_FORMAT ",\"retirements\":%" G_GUINT64_FORMAT,
                         result->births, result->splits, result->merges, result->retirements);
  append_course(json, "clusters_until", result->cluster_course);
  append_course(json, "classes_until", result->class_course);
}

void
dc_drift_result_append_json(const DcDriftResult *result, GString *json)
{
  const DcDriftScores *scores = &result->scores;
  g_string_append_printf(json,
                         "{\"stream\":\"%s\",\"method\":\"%s\",\"seed\":%" G_GUINT64_FORMAT
                         ",\"acc\":%.4f,\"window_acc\":%.4f,\"nmi\":%.4f,"
                         "\"switches_per_1000\":%.4f,\"clusters\":%zu,\"us_per_image\":%.3f,"
                         "\"used\":%zu,\"classes\":%zu,\"images\":%zu,\"dim\":%zu",
                         result->stream, result->method, result->seed, scores->acc,
                         scores->window_acc, scores->nmi, scores->switches_per_1000,
                         result->clusters, result->us_per_image, scores->clusters, scores->classes,
                         result->images, result->dim);
  if (isfinite(scores->recovery))
    g_string_append_printf(json, ",\"recovery_images\":%.1f", scores->recovery);
  if (result->half_life)
    g_string_append_printf(json, ",\"half_life\":%zu", result->half_life);
  if (result->cluster_course)
    append_revisions(json, result);
  g_string_append_c(json, '}');
}

void
dc_drift_result_print_json(const DcDriftResult *result, FILE *stream)
{
  g_autoptr(GString) json = g_string_new(NULL);
  dc_drift_result_append_json(result, json);
  fprintf(stream, "%s\n", json->str);
}

/* Means over the seeds of one stream and method. */
typedef struct {
  double acc, window_acc, nmi, switches, recovery, clusters, us;
  guint count;
} Means;

static Means
means_of(const GArray *results, const DcDriftResult *like)
{
  Means means = {0};
  for (guint i = 0; i < results->len; i++) {
    const DcDriftResult *result = result_at(results, i);
    if (!g_str_equal(result->stream, like->stream) || !g_str_equal(result->method, like->method))
      continue;
    means.acc += result->scores.acc;
    means.window_acc += result->scores.window_acc;
    means.nmi += result->scores.nmi;
    means.switches += result->scores.switches_per_1000;
    means.recovery += result->scores.recovery;
    means.clusters += (double)result->clusters;
    means.us += result->us_per_image;
    means.count++;
  }
  return means;
}

static gboolean
is_first_of_its_kind(const GArray *results, guint index)
{
  const DcDriftResult *result = result_at(results, index);
  for (guint i = 0; i < index; i++)
    if (g_str_equal(result_at(results, i)->stream, result->stream) &&
        g_str_equal(result_at(results, i)->method, result->method))
      return FALSE;
  return TRUE;
}

static void
print_means(const Means *means, const DcDriftResult *result, FILE *stream)
{
  double n = means->count;
  fprintf(stream, "%-20s %-15s %6.1f %7.1f %6.1f %9.2f %4.0f/%-4zu", result->stream, result->method,
          100 * means->acc / n, 100 * means->window_acc / n, 100 * means->nmi / n,
          means->switches / n, means->clusters / n, result->scores.classes);
  if (isfinite(means->recovery))
    fprintf(stream, " %8.0f", means->recovery / n);
  else
    fprintf(stream, " %8s", "-");
  fprintf(stream, " %9.1f\n", means->us / n);
}

static void
print_method_means(const GArray *results, FILE *stream)
{
  fprintf(stream, "\nmean of all streams\n");
  for (guint i = 0; i < results->len; i++) {
    const char *method = result_at(results, i)->method;
    gboolean seen = FALSE;
    for (guint j = 0; j < i; j++)
      seen |= g_str_equal(result_at(results, j)->method, method);
    if (!seen)
      fprintf(stream, "%-20s %-15s %6.1f\n", "", method,
              100 * dc_drift_results_mean(results, method));
  }
}

void
dc_drift_results_print(const GArray *results, FILE *stream)
{
  fprintf(stream, "%-20s %-15s %6s %7s %6s %9s %-9s %8s %9s\n", "stream", "method", "ACC", "window",
          "NMI", "switches", "clusters", "recovery", "us/image");
  for (guint i = 0; i < results->len; i++)
    if (is_first_of_its_kind(results, i)) {
      Means means = means_of(results, result_at(results, i));
      print_means(&means, result_at(results, i), stream);
    }
  print_method_means(results, stream);
}
