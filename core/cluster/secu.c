/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/secu_losses.h"
#include "nn/optimiser.h"
#include "tensor/blas.h"

#include <math.h>
#include <string.h>

/* A centre is divided by its length, or by this when it has shrunk to nothing. */
#define LEAST_NORM 1e-12f

/* The centres of all heads stand one below the other, so that one product gives all similarities
 * of a view; a head's are a range of its columns. */
struct DcSecu {
  DcSecuOptions options;
  size_t total; /* centres of all heads */
  DcSecuHead *heads;
  uint32_t *labels; /* H x N: of the heads */
  int64_t *counts;  /* total, and so the next five */
  double *duals, *gains;
  float *free;    /* x d: what is learnt, of any length */
  float *centres; /* x d: of unit length */
  float *still;   /* x d: the centres at the start of the epoch */
  float *norms;   /* total: lengths of `free` */
  DcOptimiser *optimiser;
  /* Of a step: */
  double *sums;                           /* total x d */
  float *gradient;                        /* total x d */
  float *first, *second, *mean, *weights; /* B x total similarities; weights: 2 B x the largest K */
  float *hardness, *log_sums;             /* B, 2 B */
  uint32_t *fresh, *targets;              /* H x B labels: of this step, and those of L_x */
};

static size_t
head_size(const DcSecuOptions *options, uint32_t head)
{
  return (size_t)options->clusters * (head + 1);
}

/* Where the centres of a head begin. */
static size_t
head_start(const DcSecuOptions *options, uint32_t head)
{
  return (size_t)options->clusters * head * ((size_t)head + 1) / 2;
}

/* ---- making ---- */

static bool
is_at_least(double x, double least)
{
  return x >= least && x < INFINITY;
}

static bool
is_share(double x)
{
  return x >= 0 && x <= 1;
}

static const char *
find_fault(const DcSecuOptions *o)
{
  if (o->clusters < 1 || o->heads < 1 || o->dim < 1 || o->samples < 1 || o->most < 1)
    return "clusters, heads, numbers, samples and batch must be 1 or more";
  if (!is_share(o->constraint.share) || !is_share(o->one_hot))
    return "the least share of a cluster and that of the one-hot target must be 0 to 1";
  if (!is_at_least(o->constraint.rate, 0) || !is_at_least(o->constraint.weight, 0))
    return "the rate of the duals and the weight of the entropy must be 0 or more";
  if (!is_at_least(o->centre_temperature, 1e-6) || !is_at_least(o->view_temperature, 1e-6))
    return "temperatures must be above 0";
  return NULL;
}

/* False when a size does not fit in memory. */
static bool
allocate(DcSecu *secu)
{
  const DcSecuOptions *o = &secu->options;
  const size_t most_clusters = head_size(o, o->heads - 1);
  size_t numbers, labels, similarities, weights, fresh;
  if (!dc_checked_mul(secu->total, o->dim, &numbers) ||
      !dc_checked_mul(o->heads, o->samples, &labels) ||
      !dc_checked_mul(secu->total, o->most, &similarities) ||
      !dc_checked_mul(most_clusters, 2 * o->most, &weights) ||
      !dc_checked_mul(o->heads, o->most, &fresh))
    return false;
  secu->heads = DC_NEW(DcSecuHead, o->heads);
  secu->labels = DC_NEW(uint32_t, labels);
  secu->counts = DC_NEW(int64_t, secu->total);
  secu->duals = DC_NEW(double, secu->total);
  secu->gains = DC_NEW(double, 2 * most_clusters);
  secu->free = DC_NEW(float, numbers);
  secu->centres = DC_NEW(float, numbers);
  secu->still = DC_NEW(float, numbers);
  secu->norms = DC_NEW(float, secu->total);
  secu->sums = DC_NEW(double, numbers);
  secu->gradient = DC_NEW(float, numbers);
  secu->first = DC_NEW(float, similarities);
  secu->second = DC_NEW(float, similarities);
  secu->mean = DC_NEW(float, similarities);
  secu->weights = DC_NEW(float, weights);
  secu->hardness = DC_NEW(float, o->most);
  secu->log_sums = DC_NEW(float, 2 * o->most);
  secu->fresh = DC_NEW(uint32_t, fresh);
  secu->targets = DC_NEW(uint32_t, fresh);
  return secu->heads && secu->labels && secu->counts && secu->duals && secu->gains && secu->free &&
         secu->centres && secu->still && secu->norms && secu->sums && secu->gradient &&
         secu->first && secu->second && secu->mean && secu->weights && secu->hardness &&
         secu->log_sums && secu->fresh && secu->targets;
}

static void
place_heads(DcSecu *secu)
{
  const DcSecuOptions *o = &secu->options;
  for (uint32_t h = 0; h < o->heads; h++) {
    const size_t start = head_start(o, h), clusters = head_size(o, h);
    secu->heads[h] = (DcSecuHead){.clusters = clusters,
                                  .samples = o->samples,
                                  .labels = secu->labels + h * o->samples,
                                  .counts = secu->counts + start,
                                  .duals = secu->duals + start,
                                  .gains = secu->gains,
                                  .losses = secu->gains + clusters};
  }
  for (size_t i = 0; i < o->heads * o->samples; i++)
    secu->labels[i] = DC_SECU_UNLABELLED;
}

static DcStatus
fill(DcSecu *secu, DcError *error)
{
  const DcSecuOptions *o = &secu->options;
  secu->total = head_start(o, o->heads);
  if (!allocate(secu))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "no memory for SeCu with %u heads of %u and more clusters, %zu numbers and "
                        "%zu samples",
                        o->heads, o->clusters, o->dim, o->samples);
  place_heads(secu);
  DcOptimiserOptions optimiser = dc_optimiser_sgd(o->rate, o->momentum);
  optimiser.weight_decay = o->weight_decay;
  return dc_optimiser_new(&optimiser, secu->total * o->dim, &secu->optimiser, error);
}

DcStatus
dc_secu_new(const DcSecuOptions *options, DcSecu **secu, DcError *error)
{
  *secu = NULL;
  const char *fault = find_fault(options);
  if (fault)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "SeCu: %s", fault);
  DcSecu *made = DC_NEW(DcSecu, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for SeCu");
  made->options = *options;
  DcStatus status = fill(made, error);
  if (status) {
    dc_secu_free(made);
    return status;
  }
  *secu = made;
  return DC_OK;
}

void
dc_secu_free(DcSecu *secu)
{
  if (!secu)
    return;
  dc_optimiser_free(secu->optimiser);
  dc_free(secu->heads);
  dc_free(secu->labels);
  dc_free(secu->counts);
  dc_free(secu->duals);
  dc_free(secu->gains);
  dc_free(secu->free);
  dc_free(secu->centres);
  dc_free(secu->still);
  dc_free(secu->norms);
  dc_free(secu->sums);
  dc_free(secu->gradient);
  dc_free(secu->first);
  dc_free(secu->second);
  dc_free(secu->mean);
  dc_free(secu->weights);
  dc_free(secu->hardness);
  dc_free(secu->log_sums);
  dc_free(secu->fresh);
  dc_free(secu->targets);
  dc_free(secu);
}

/* ---- centres ---- */

/* Unit centres and their lengths from what is learnt. */
static void
normalise_centres(DcSecu *secu)
{
  const size_t dim = secu->options.dim;
  for (size_t k = 0; k < secu->total; k++) {
    const float *free = secu->free + k * dim;
    double square = 0;
    for (size_t j = 0; j < dim; j++)
      square += (double)free[j] * free[j];
    secu->norms[k] = fmaxf((float)sqrt(square), LEAST_NORM);
    for (size_t j = 0; j < dim; j++)
      secu->centres[k * dim + j] = free[j] / secu->norms[k];
  }
}

/* Takes over first centres: they are learnt from unit length on. */
static void
settle_first_centres(DcSecu *secu)
{
  const size_t size = secu->total * secu->options.dim * sizeof(float);
  normalise_centres(secu);
  memcpy(secu->free, secu->centres, size);
  memcpy(secu->still, secu->centres, size);
  normalise_centres(secu);
}

void
dc_secu_draw(DcSecu *secu, DcRandom *random)
{
  for (size_t i = 0; i < secu->total * secu->options.dim; i++)
    secu->free[i] = (float)dc_random_normal(random);
  settle_first_centres(secu);
}

DcStatus
dc_secu_seed(DcSecu *secu, const DcMatrix *samples, DcRandom *random)
{
  const DcSecuOptions *o = &secu->options;
  for (uint32_t h = 0; h < o->heads; h++) {
    const DcMatrix centres =
        dc_matrix(secu->free + head_start(o, h) * o->dim, head_size(o, h), o->dim);
    DcStatus status = dc_kmeans_seed(samples, NULL, random, &centres);
    if (status)
      return status;
  }
  settle_first_centres(secu);
  return DC_OK;
}

void
dc_secu_begin_epoch(DcSecu *secu)
{
  memcpy(secu->still, secu->centres, secu->total * secu->options.dim * sizeof(float));
}

/* ---- a step ---- */

/* What the parts of a step share; the second view has no data when there is one view only. */
typedef struct {
  const DcSecuBatch *batch;
  DcMatrix views[2];
  size_t view_count;
  float *gradients[2];
} Work;

static Work
start_work(const DcSecu *secu, const DcSecuBatch *batch, float *first_gradient,
           float *second_gradient)
{
  const size_t dim = secu->options.dim;
  return (Work){.batch = batch,
                .views = {dc_matrix(batch->first, batch->count, dim),
                          dc_matrix(batch->second, batch->count, dim)},
                .view_count = batch->second ? 2 : 1,
                .gradients = {first_gradient, second_gradient}};
}

/* The columns of head `head` in a B x total matrix. */
static DcMatrix
columns_of(const DcSecu *secu, uint32_t head, float *matrix, size_t count)
{
  return (DcMatrix){matrix + head_start(&secu->options, head), count,
                    head_size(&secu->options, head), secu->total};
}

/* The similarities of each view with `centres`, into `first` and `second`. */
static void
compare(DcSecu *secu, const Work *work, const float *centres)
{
  const DcMatrix all = dc_matrix(centres, secu->total, secu->options.dim);
  float *const results[2] = {secu->first, secu->second};
  for (size_t v = 0; v < work->view_count; v++) {
    const DcMatrix similarities = dc_matrix(results[v], work->batch->count, secu->total);
    dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &work->views[v], &all, 0, &similarities);
  }
}

static void
average_views(DcSecu *secu, const Work *work)
{
  const size_t size = work->batch->count * secu->total;
  if (work->view_count == 1) {
    memcpy(secu->mean, secu->first, size * sizeof(float));
    return;
  }
  for (size_t i = 0; i < size; i++)
    secu->mean[i] = 0.5f * (secu->first[i] + secu->second[i]);
}

/* The labels that the representation of a batch learns from: those of the epoch before; in the
 * first, those of this step. */
static void
choose_targets(const DcSecuHead *head, const DcSecuBatch *batch, const uint32_t *fresh,
               uint32_t *targets)
{
  for (size_t i = 0; i < batch->count; i++) {
    const uint32_t stored = head->labels[batch->rows[i]];
    targets[i] = stored == DC_SECU_UNLABELLED ? fresh[i] : stored;
  }
}

/* Labels the batch in head `h`; returns how many labels changed. */
static size_t
label(DcSecu *secu, const DcSecuBatch *batch, uint32_t h)
{
  const DcSecuConstraint *constraint = &secu->options.constraint;
  DcSecuHead *head = &secu->heads[h];
  uint32_t *fresh = secu->fresh + h * batch->count;
  const DcMatrix mean = columns_of(secu, h, secu->mean, batch->count);
  dc_secu_assign(constraint, head, &mean, batch->rows, fresh);
  choose_targets(head, batch, fresh, secu->targets + h * batch->count);
  return dc_secu_take_labels(constraint, head, batch->rows, batch->count, fresh);
}

/* Adds the positives of head `h` to the sums of its centres; returns its loss. */
static double
attract_centres(DcSecu *secu, const Work *work, uint32_t h)
{
  const size_t count = work->batch->count;
  const uint32_t *fresh = secu->fresh + h * count;
  float *const similarities[2] = {secu->first, secu->second};
  double loss = 0;
  for (size_t v = 0; v < work->view_count; v++) {
    const DcMatrix columns = columns_of(secu, h, similarities[v], count);
    loss += dc_secu_centre_loss(&columns, fresh, (float)secu->options.centre_temperature,
                                secu->hardness);
    dc_secu_add_positives(&work->views[v], fresh, secu->hardness,
                          secu->sums + head_start(&secu->options, h) * secu->options.dim);
  }
  return loss;
}

/* One over the terms of a mean over heads, views and samples. */
static double
share_of_a_term(const DcSecu *secu, const Work *work)
{
  return 1.0 /
         ((double)secu->options.heads * (double)work->view_count * (double)work->batch->count);
}

static void
move_centres(DcSecu *secu, const Work *work)
{
  const size_t dim = secu->options.dim;
  const double scale = -share_of_a_term(secu, work) / secu->options.centre_temperature;
  for (size_t k = 0; k < secu->total; k++)
    dc_secu_free_gradient(secu->sums + k * dim, scale, secu->centres + k * dim, secu->norms[k], dim,
                          secu->gradient + k * dim);
  const DcParameters piece = {secu->free, secu->total * dim};
  dc_optimiser_step(secu->optimiser, &piece, 1, secu->gradient);
  normalise_centres(secu);
}

/* Labels the batch and learns the centres from the labels. */
static void
learn_centres(DcSecu *secu, const Work *work, DcSecuStep *step)
{
  compare(secu, work, secu->centres);
  average_views(secu, work);
  memset(secu->sums, 0, secu->total * secu->options.dim * sizeof *secu->sums);
  double loss = 0;
  for (uint32_t h = 0; h < secu->options.heads; h++) {
    const size_t changed = label(secu, work->batch, h);
    if (h == 0)
      step->changed = changed;
    loss += attract_centres(secu, work, h);
  }
  step->centre_loss = loss * share_of_a_term(secu, work);
  move_centres(secu, work);
}

/* The loss of the representation and its gradients, from the centres of the start of the epoch. */
static void
direct_views(DcSecu *secu, const Work *work, DcSecuStep *step)
{
  const DcSecuOptions *o = &secu->options;
  const size_t count = work->batch->count;
  compare(secu, work, secu->still);
  double loss = 0;
  for (uint32_t h = 0; h < o->heads; h++) {
    const DcMatrix first = columns_of(secu, h, secu->first, count);
    const DcMatrix second = columns_of(secu, h, secu->second, count);
    const DcMatrix weights = dc_matrix(secu->weights, 2 * count, head_size(o, h));
    loss +=
        dc_secu_view_loss(&first, &second, secu->targets + h * count, (float)o->view_temperature,
                          (float)o->one_hot, &weights, secu->log_sums);
  }
  step->view_loss = loss * share_of_a_term(secu, work);
  const DcMatrix still = dc_matrix(secu->still, secu->total, o->dim);
  const float scale = (float)(share_of_a_term(secu, work) / o->view_temperature);
  float *const deviations[2] = {secu->first, secu->second};
  for (size_t v = 0; v < 2; v++) {
    const DcMatrix deviation = dc_matrix(deviations[v], count, secu->total);
    const DcMatrix gradient = dc_matrix(work->gradients[v], count, o->dim);
    dc_gemm(DC_PLAIN, DC_PLAIN, scale, &deviation, &still, 0, &gradient);
  }
}

DcStatus
dc_secu_step(DcSecu *secu, const DcSecuBatch *batch, float *first_gradient, float *second_gradient,
             DcSecuStep *step)
{
  const Work work = start_work(secu, batch, first_gradient, second_gradient);
  for (size_t v = 0; v < work.view_count; v++)
    if (!dc_matrix_is_finite(&work.views[v]))
      return DC_ERROR_NOT_FINITE;
  *step = (DcSecuStep){0};
  learn_centres(secu, &work, step);
  if (work.view_count == 2)
    direct_views(secu, &work, step);
  return DC_OK;
}

/* ---- what is there ---- */

DcMatrix
dc_secu_centres(const DcSecu *secu, uint32_t head)
{
  const DcSecuOptions *o = &secu->options;
  return dc_matrix(secu->centres + head_start(o, head) * o->dim, head_size(o, head), o->dim);
}

const DcSecuHead *
dc_secu_head(const DcSecu *secu, uint32_t head)
{
  return &secu->heads[head];
}

void
dc_secu_list_state(DcSecu *secu, const char *prefix, DcStateList *list)
{
  const DcSecuOptions *o = &secu->options;
  const size_t numbers = secu->total * o->dim;
  dc_state_list_add(list, prefix, "centres", DC_STATE_FLOATS, secu->free, numbers);
  dc_state_list_add(list, prefix, "epoch-centres", DC_STATE_FLOATS, secu->still, numbers);
  dc_state_list_add(list, prefix, "duals", DC_STATE_DOUBLES, secu->duals, secu->total);
  dc_state_list_add(list, prefix, "labels", DC_STATE_BYTES, secu->labels,
                    o->heads * o->samples * sizeof *secu->labels);
  dc_optimiser_list_state(secu->optimiser, prefix, list);
}

static bool
are_finite(const float *values, size_t rows, size_t cols)
{
  const DcMatrix matrix = dc_matrix(values, rows, cols);
  return dc_matrix_is_finite(&matrix);
}

static bool
has_its_labels(const DcSecuHead *head)
{
  for (size_t i = 0; i < head->samples; i++)
    if (head->labels[i] >= head->clusters && head->labels[i] != DC_SECU_UNLABELLED)
      return false;
  return true;
}

/* True when all are within what dc_secu_take_labels() can make. */
static bool
are_duals(const double *duals, size_t count)
{
  for (size_t k = 0; k < count; k++)
    if (!(fabs(duals[k]) <= DC_SECU_MOST_DUAL))
      return false;
  return true;
}

DcStatus
dc_secu_restored(DcSecu *secu, DcError *error)
{
  const DcSecuOptions *o = &secu->options;
  if (!are_finite(secu->free, secu->total, o->dim) ||
      !are_finite(secu->still, secu->total, o->dim) || !are_duals(secu->duals, secu->total))
    return dc_error_set(error, DC_ERROR_FORMAT, "a centre or a dual is not a number in its range");
  for (uint32_t h = 0; h < o->heads; h++)
    if (!has_its_labels(&secu->heads[h]))
      return dc_error_set(error, DC_ERROR_FORMAT, "a sample has a label above %zu in head %u",
                          secu->heads[h].clusters - 1, h);
  for (uint32_t h = 0; h < o->heads; h++)
    dc_secu_count_labels(&secu->heads[h]);
  normalise_centres(secu);
  return DC_OK;
}
