/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_search.h"

#include "base/memory.h"
#include "cluster/transport_linear.h"
#include "cluster/transport_newton.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

/* Figures of section 3.7 and table 4 of the method. */
#define ITERATIONS      12
#define RATE            0.5
#define DAMPING         0.3
#define LARGEST_ENTRY   0.3
#define LEAST_BREADTH   0.6 /* of the source's effective number of clusters */
#define LARGEST_CHANGE  0.2 /* of the shares between the halves of the window */
#define MARGIN          0.3 /* nats per embedding */
#define SURE_SKEWNESS   0.01
#define LEAST_STRETCH   0.5
#define LARGEST_STRETCH 2.0

enum { CURRENT, IDENTITY, OPTIMAL, NEAREST_AXES, SKEWED_AXES, INVERTED, STARTS };

typedef enum { IDLE, BEGUN, RUNNING, DONE } Phase;

struct DcTransportSearch {
  DcTransportSource *source;
  size_t window;
  double *stream; /* window x dim */
  double *matrix; /* of the map to beat */
  double *shift;
  double *found_matrix;
  double *found_shift;
  bool found;

  /* Scratch of a run. */
  DcTransportMap trial; /* the prototypes of the anchor behind a matrix of its own */
  double *mean;         /* dim */
  double *covariance;   /* dim x dim */
  double *axes;         /* dim x dim, one in a row */
  double *variance;     /* along the axes: dim */
  double *skewness;     /* along the axes: dim */
  double *square, *other, *values, *eigen;
  double *step_matrix, *step_shift, *moment, *gradient;
  double *whole_block, *half_block;
  DcTransportEvidence whole, half;
  DcTransportWork work;
  DcArena memory;

  pthread_mutex_t mutex; /* guards `phase` only */
  pthread_cond_t done;
  Phase phase;
};

static bool
place_arrays(DcTransportSearch *search)
{
  const DcTransportSource *s = search->source;
  size_t d = s->dim, evidence = dc_transport_evidence_size(s);
  const DcLinearPiece pieces[] = {
      {&search->stream, search->window * d},
      {&search->matrix, d * d},
      {&search->shift, d},
      {&search->found_matrix, d * d},
      {&search->found_shift, d},
      {&search->trial.matrix, d * d},
      {&search->trial.shift, d},
      {&search->mean, d},
      {&search->covariance, d * d},
      {&search->axes, d * d},
      {&search->variance, d},
      {&search->skewness, d},
      {&search->square, d * d},
      {&search->other, d * d},
      {&search->values, d},
      {&search->eigen, dc_linear_eigen_scratch(d)},
      {&search->step_matrix, d * d},
      {&search->step_shift, d},
      {&search->moment, d * d},
      {&search->gradient, d},
      {&search->whole_block, evidence},
      {&search->half_block, evidence},
  };
  return dc_linear_allocate(&search->memory, pieces, sizeof pieces / sizeof *pieces) &&
         dc_transport_work_init(&search->work, s);
}

DcTransportSearch *
dc_transport_search_new(DcTransportSource *source, size_t window)
{
  DcTransportSearch *search = DC_NEW(DcTransportSearch, 1);
  if (!search)
    return NULL;
  pthread_mutex_init(&search->mutex, NULL);
  pthread_cond_init(&search->done, NULL);
  search->source = dc_transport_source_ref(source);
  search->window = window;
  search->trial = source->anchor;
  if (!place_arrays(search)) {
    dc_transport_search_free(search);
    return NULL;
  }
  dc_transport_evidence_place(source, search->whole_block, &search->whole);
  dc_transport_evidence_place(source, search->half_block, &search->half);
  return search;
}

void
dc_transport_search_free(DcTransportSearch *search)
{
  if (!search)
    return;
  pthread_cond_destroy(&search->done);
  pthread_mutex_destroy(&search->mutex);
  dc_transport_work_clear(&search->work);
  dc_arena_clear(&search->memory);
  dc_transport_source_unref(search->source);
  dc_free(search);
}

double *
dc_transport_search_begin(DcTransportSearch *search, const double *matrix, const double *shift)
{
  size_t d = search->source->dim;
  memcpy(search->matrix, matrix, d * d * sizeof *matrix);
  memcpy(search->shift, shift, d * sizeof *shift);
  search->found = false;
  pthread_mutex_lock(&search->mutex);
  search->phase = BEGUN;
  pthread_mutex_unlock(&search->mutex);
  return search->stream;
}

/* ---- what the window looks like ---- */

static void
find_mean_and_covariance(DcTransportSearch *search)
{
  size_t d = search->source->dim, count = search->window;
  memset(search->mean, 0, d * sizeof(double));
  memset(search->covariance, 0, d * d * sizeof(double));
  for (size_t n = 0; n < count; n++)
    for (size_t i = 0; i < d; i++)
      search->mean[i] += search->stream[n * d + i] / (double)count;
  for (size_t n = 0; n < count; n++) {
    const double *z = search->stream + n * d;
    for (size_t i = 0; i < d; i++) {
      double centred = z[i] - search->mean[i];
      for (size_t j = 0; j <= i; j++)
        search->covariance[i * d + j] += centred * (z[j] - search->mean[j]) / (double)count;
    }
  }
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++)
      search->covariance[j * d + i] = search->covariance[i * d + j];
}

/* Third standardised moment of the window along each principal axis. */
static void
find_skewness(DcTransportSearch *search)
{
  size_t d = search->source->dim;
  memset(search->skewness, 0, d * sizeof(double));
  for (size_t n = 0; n < search->window; n++)
    for (size_t j = 0; j < d; j++) {
      double along = 0;
      for (size_t i = 0; i < d; i++)
        along += (search->stream[n * d + i] - search->mean[i]) * search->axes[j * d + i];
      search->skewness[j] += along * along * along / (double)search->window;
    }
  for (size_t j = 0; j < d; j++)
    search->skewness[j] /= pow(fmax(search->variance[j], 1e-9), 1.5);
}

static bool
describe_window(DcTransportSearch *search)
{
  size_t d = search->source->dim;
  find_mean_and_covariance(search);
  if (!dc_linear_eigen(search->covariance, d, search->variance, search->axes, search->eigen))
    return false;
  find_skewness(search);
  return true;
}

/* ---- start maps ---- */

/* a = -B mean: the mean of the window comes to the mean of the source. */
static void
align_means(DcTransportSearch *search)
{
  size_t d = search->source->dim;
  for (size_t i = 0; i < d; i++) {
    search->trial.shift[i] = 0;
    for (size_t j = 0; j < d; j++)
      search->trial.shift[i] -= search->trial.matrix[i * d + j] * search->mean[j];
  }
}

/* The map of optimal transport between Gaussians: h (h C h)^-1/2 h with h = diag(sqrt lam). */
static bool
start_from_optimal_transport(DcTransportSearch *search)
{
  const DcTransportSource *s = search->source;
  size_t d = s->dim;
  double unbiased = (double)search->window / (double)(search->window - 1);
  double *root = search->square, *scaled = search->other;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      root[i * d + j] = sqrt(s->variance[i]) *
                        (search->covariance[i * d + j] * unbiased + (i == j ? 1e-3 : 0)) *
                        sqrt(s->variance[j]);
  if (!dc_linear_eigen(root, d, search->values, root, search->eigen))
    return false;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      scaled[i * d + j] = root[i * d + j] / sqrt(fmax(search->values[i], 1e-12));
  memset(search->trial.matrix, 0, d * d * sizeof(double));
  dc_linear_add_products(scaled, root, d, d, d, search->trial.matrix);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      search->trial.matrix[i * d + j] *= sqrt(s->variance[i]) * sqrt(s->variance[j]);
  align_means(search);
  return true;
}

static double
sign(double number)
{
  return number < 0 ? -1 : 1;
}

/* Principal axes of the window onto those of the source, in order of variance. An axis has no sign
 * of its own: it is taken nearest to the identity, or where it can be told from the skewness. */
static void
start_from_axes(DcTransportSearch *search, bool by_skewness)
{
  const DcTransportSource *s = search->source;
  size_t d = s->dim;
  for (size_t i = 0; i < d; i++) {
    double variance = fmax(search->variance[i], fmax(1e-3 * search->variance[0], 1e-300));
    double stretch = fmin(fmax(sqrt(s->variance[i] / variance), LEAST_STRETCH), LARGEST_STRETCH);
    double agreement = s->skewness[i] * search->skewness[i];
    bool told = by_skewness && fabs(agreement) >= SURE_SKEWNESS;
    stretch *= sign(told ? agreement : search->axes[i * d + i]);
    for (size_t j = 0; j < d; j++)
      search->trial.matrix[i * d + j] = stretch * search->axes[i * d + j];
  }
  align_means(search);
}

static void
start_from(DcTransportSearch *search, double diagonal)
{
  size_t d = search->source->dim;
  for (size_t i = 0; i < d * d; i++)
    search->trial.matrix[i] = i % (d + 1) ? 0 : diagonal;
  memset(search->trial.shift, 0, d * sizeof(double));
}

static bool
start(DcTransportSearch *search, int which)
{
  size_t d = search->source->dim;
  switch (which) {
  case CURRENT:
    memcpy(search->trial.matrix, search->matrix, d * d * sizeof(double));
    memcpy(search->trial.shift, search->shift, d * sizeof(double));
    return true;
  case IDENTITY:
    start_from(search, 1);
    return true;
  case OPTIMAL:
    return start_from_optimal_transport(search);
  case INVERTED:
    start_from(search, -1);
    align_means(search);
    return true;
  default:
    start_from_axes(search, which == SKEWED_AXES);
    return true;
  }
}

/* ---- refinement ---- */

/* Scores rows first .. last - 1 of the window with the trial; with `learn` all evidence, else what
 * tells how good the map is. */
static void
weigh(DcTransportSearch *search, size_t first, size_t last, bool learn,
      DcTransportEvidence *evidence)
{
  const DcTransportSource *s = search->source;
  dc_transport_evidence_clear(s, evidence);
  for (size_t row = first; row < last; row += DC_TRANSPORT_CHUNK) {
    size_t rows = last - row < DC_TRANSPORT_CHUNK ? last - row : DC_TRANSPORT_CHUNK;
    dc_transport_score(s, &search->trial, search->stream + row * s->dim, rows, &search->work);
    if (learn)
      dc_transport_evidence_add(s, &search->trial, &search->work, rows, evidence);
    else
      dc_transport_evidence_weigh(s, &search->work, rows, evidence);
  }
}

static void
bound_entries(double *matrix, size_t count)
{
  double largest = 0;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, fabs(matrix[i]));
  for (size_t i = 0; largest > LARGEST_ENTRY && i < count; i++)
    matrix[i] *= LARGEST_ENTRY / largest;
}

static void
refine(DcTransportSearch *search)
{
  const DcTransportSource *s = search->source;
  size_t d = s->dim;
  search->trial.log_det = 0; /* plays no part in a step */
  for (int i = 0; i < ITERATIONS; i++) {
    weigh(search, 0, search->window, true, &search->whole);
    dc_transport_moments(s, &search->whole, search->moment, search->gradient);
    dc_transport_newton(s, search->moment, search->gradient, DAMPING, search->step_matrix,
                        search->step_shift);
    for (size_t j = 0; j < d * d; j++)
      search->step_matrix[j] *= RATE;
    for (size_t j = 0; j < d; j++)
      search->step_shift[j] *= RATE;
    bound_entries(search->step_matrix, d * d);
    dc_transport_map_step(s, search->step_matrix, search->step_shift, search->square,
                          &search->trial);
  }
}

/* ---- judgement ---- */

static double
entropy(const double *shares, size_t count, double total)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum -= shares[i] / total * log(shares[i] / total + 1e-12);
  return sum;
}

/* Total variation between the shares of two pieces of evidence. */
static double
change(const DcTransportSource *s, const DcTransportEvidence *a, const DcTransportEvidence *b)
{
  double sum = 0;
  for (size_t k = 0; k < s->clusters; k++)
    sum += fabs(a->mass[k] / (double)a->rows - b->mass[k] / (double)b->rows);
  return sum / 2;
}

typedef struct {
  double likelihood; /* mean over the window; -infinity for a map that is none */
  bool admissible;
} Verdict;

/* Admissible is a map under which all of the source's clusters are seen, in the same shares in both
 * halves of the window: a burst never looks like that, whatever the map. */
static Verdict
judge(DcTransportSearch *search)
{
  const DcTransportSource *s = search->source;
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  if (!dc_transport_map_measure(s, &search->trial, search->square, pivot))
    return (Verdict){-INFINITY, false};
  weigh(search, 0, search->window / 2, false, &search->half);
  weigh(search, search->window / 2, search->window, false, &search->whole);
  bool steady = change(s, &search->half, &search->whole) < LARGEST_CHANGE;
  for (size_t k = 0; k < s->clusters; k++)
    search->whole.mass[k] += search->half.mass[k];
  double count = (double)search->window;
  double breadth =
      exp(entropy(search->whole.mass, s->clusters, count) - entropy(s->occupancy, s->clusters, 1));
  return (Verdict){(search->whole.likelihood + search->half.likelihood) / count,
                   steady && breadth > LEAST_BREADTH};
}

static void
keep_trial(DcTransportSearch *search)
{
  size_t d = search->source->dim;
  memcpy(search->found_matrix, search->trial.matrix, d * d * sizeof(double));
  memcpy(search->found_shift, search->trial.shift, d * sizeof(double));
}

static void
compute(DcTransportSearch *search)
{
  if (!describe_window(search))
    return;
  start(search, CURRENT);
  double to_beat = judge(search).likelihood, best = -INFINITY;
  for (int which = 0; which < STARTS; which++) {
    if (!start(search, which))
      continue;
    refine(search);
    Verdict verdict = judge(search);
    if (which == CURRENT)
      to_beat = fmax(to_beat, verdict.likelihood);
    if (verdict.admissible && verdict.likelihood > best) {
      best = verdict.likelihood;
      keep_trial(search);
    }
  }
  search->found = best > to_beat + MARGIN;
}

/* ---- threads ---- */

static bool
claim(DcTransportSearch *search)
{
  pthread_mutex_lock(&search->mutex);
  bool mine = search->phase == BEGUN;
  if (mine)
    search->phase = RUNNING;
  while (search->phase == RUNNING && !mine)
    pthread_cond_wait(&search->done, &search->mutex);
  pthread_mutex_unlock(&search->mutex);
  return mine;
}

void
dc_transport_search_run(DcTransportSearch *search)
{
  if (!claim(search))
    return;
  compute(search);
  pthread_mutex_lock(&search->mutex);
  search->phase = DONE;
  pthread_cond_broadcast(&search->done);
  pthread_mutex_unlock(&search->mutex);
}

bool
dc_transport_search_result(const DcTransportSearch *search, const double **matrix,
                           const double **shift)
{
  *matrix = search->found_matrix;
  *shift = search->found_shift;
  return search->found;
}

void
dc_transport_search_given(const DcTransportSearch *search, const double **window,
                          const double **matrix, const double **shift)
{
  *window = search->stream;
  *matrix = search->matrix;
  *shift = search->shift;
}
