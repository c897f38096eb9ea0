/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_regroup.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/transport_linear.h"
#include "cluster/transport_tracker_private.h"

#include <math.h>
#include <string.h>

/* A newborn cluster has a prototype for so many members, at most MOST_NEWBORN. */
#define MEMBERS_PER_PROTOTYPE 16
#define MOST_NEWBORN          4
#define NEWBORN               UINT32_MAX /* the prototype was none of the source's */

/* A prototype on its way. */
typedef struct {
  uint32_t owner; /* from now on */
  uint32_t from;  /* prototype of the source, or NEWBORN */
  double share;
} Handover;

typedef struct {
  DcTransportTracker *tracker;
  const DcTransportRegrouping *plan;
  const DcTransportSource *old;
  const DcTransportMap *map; /* the selected one */
  DcTransportSource *made;

  double *target;  /* new centroids as the map reads them: clusters x dim */
  double *members; /* of the newborn, the same way: n x dim */
  double *placed;  /* prototypes that are none of the source's: (clusters + MOST_NEWBORN) x dim */
  size_t n_placed;
  Handover *handover;
  size_t n_handover;
  double *weight; /* share of the old cluster j that new cluster k takes: old x 2 */
  double *offset; /* of all slots: slots x clusters x dim */
  double *occupancy;
  DcArena memory;
} Job;

static size_t
rows_of(const DcMatrix *matrix)
{
  return matrix ? matrix->rows : 0;
}

static double
squared_distance(const double *a, const double *b, size_t dim)
{
  double sum = 0;
  for (size_t i = 0; i < dim; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

static bool
is_split(const Job *job, size_t k)
{
  return job->plan->heirs[k][0] != job->plan->heirs[k][1];
}

/* ---- memory ---- */

static DcStatus
reserve(Job *job, DcError *error)
{
  size_t d = job->old->dim, k = job->plan->clusters;
  const DcLinearPiece pieces[] = {
      {&job->target, k * d},
      {&job->members, rows_of(job->plan->newborn) * d},
      {&job->placed, (k + MOST_NEWBORN) * d},
      {&job->weight, job->old->clusters * 2},
      {&job->offset, job->tracker->slots * k * d},
      {&job->occupancy, k},
  };
  job->handover = DC_NEW(Handover, job->old->prototypes + k + MOST_NEWBORN);
  if (!job->handover || !dc_linear_allocate(&job->memory, pieces, sizeof pieces / sizeof *pieces))
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to regroup %zu clusters", k);
  return DC_OK;
}

static void
clear_job(Job *job)
{
  dc_free(job->handover);
  dc_arena_clear(&job->memory);
  dc_transport_source_unref(job->made);
}

/* ---- places as the selected map reads them ---- */

/* x = B (z - mu) U + a. */
static void
read_row(const Job *job, const float *row, double *place)
{
  const DcTransportSource *s = job->old;
  double stream[DC_TRANSPORT_MAX_DIM] = {0};
  for (size_t j = 0; j < s->input_dim; j++)
    for (size_t i = 0; i < s->dim; i++)
      stream[i] += ((double)row[j] - s->mean[j]) * s->basis[j * s->dim + i];
  dc_linear_multiply_transposed(stream, job->map->matrix, 1, s->dim, s->dim, place);
  for (size_t i = 0; i < s->dim; i++)
    place[i] += job->map->shift[i];
}

static void
read_places(Job *job)
{
  size_t d = job->old->dim, n = job->old->input_dim;
  for (size_t k = 0; k < job->plan->clusters; k++)
    read_row(job, job->plan->centroids + k * n, job->target + k * d);
  for (size_t i = 0; i < rows_of(job->plan->newborn); i++)
    read_row(job, dc_matrix_row(job->plan->newborn, i), job->members + i * d);
}

/* ---- who gets which prototype ---- */

static void
hand_over(Job *job, uint32_t owner, uint32_t from, double share)
{
  job->handover[job->n_handover++] = (Handover){owner, from, share};
}

static void
hand_over_cluster(Job *job, size_t k)
{
  const DcTransportSource *s = job->old;
  const uint32_t *heirs = job->plan->heirs[k];
  double taken[2] = {0}, total = 0;
  if (heirs[0] == DC_TRANSPORT_NO_HEIR)
    return;
  for (uint32_t m = s->first[k]; m < s->first[k + 1]; m++) {
    const double *place = job->map->prototype + m * s->dim;
    size_t side =
        is_split(job, k) && squared_distance(place, job->target + heirs[1] * s->dim, s->dim) <
                                squared_distance(place, job->target + heirs[0] * s->dim, s->dim);
    hand_over(job, heirs[side], m, s->share[m]);
    taken[side] += s->share[m];
    total += s->share[m];
  }
  for (size_t side = 0; side < 2; side++)
    job->weight[2 * k + side] = total > 0 ? taken[side] / total : side == 0;
}

/* A prototype that the source does not have. */
static void
place(Job *job, uint32_t owner, const double *at, double share)
{
  size_t d = job->old->dim;
  memcpy(job->placed + job->n_placed * d, at, d * sizeof *at);
  hand_over(job, owner, NEWBORN, share);
  job->n_placed++;
}

/* A cluster that got no prototype has one at its centroid. */
static void
see_to_every_cluster(Job *job)
{
  for (uint32_t k = 0; k < job->plan->clusters; k++) {
    bool found = false;
    for (size_t i = 0; i < job->n_handover && !found; i++)
      found = job->handover[i].owner == k;
    if (!found)
      place(job, k, job->target + k * job->old->dim, 1 / (double)job->old->prototypes);
  }
}

static DcStatus
place_newborn(Job *job, DcError *error)
{
  size_t d = job->old->dim, n = rows_of(job->plan->newborn);
  if (n == 0)
    return DC_OK;
  size_t wanted = n / MEMBERS_PER_PROTOTYPE;
  wanted = wanted < 1 ? 1 : wanted > MOST_NEWBORN ? MOST_NEWBORN : wanted;
  float *rows = DC_NEW(float, n *d);
  float places[MOST_NEWBORN * DC_TRANSPORT_MAX_DIM];
  if (!rows)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a newborn cluster");
  for (size_t i = 0; i < n * d; i++)
    rows[i] = (float)job->members[i];
  DcRandom random;
  dc_random_seed(&random, job->plan->seed, job->plan->clusters);
  DcMatrix members = dc_matrix(rows, n, d), centres = dc_matrix(places, wanted, d);
  DcKmeansOptions options = dc_kmeans_options((uint32_t)wanted);
  DcKmeansResult result;
  DcStatus status = dc_kmeans(&members, NULL, &options, &random, &centres, NULL, &result, error);
  /* Of a mix of as many clusters as there are now. */
  double share = 1 / ((double)job->plan->clusters * (double)wanted);
  for (size_t m = 0; m < wanted && status == DC_OK; m++) {
    double at[DC_TRANSPORT_MAX_DIM];
    for (size_t i = 0; i < d; i++)
      at[i] = (double)places[m * d + i];
    place(job, (uint32_t)(job->plan->clusters - 1), at, share);
  }
  dc_free(rows);
  return status;
}

/* ---- offsets and shares of the new clusters ---- */

/* Adds to new cluster `k` the share `weight` of old cluster `from`. */
static void
add_offsets(Job *job, size_t from, size_t k, double weight)
{
  const DcTransportTracker *t = job->tracker;
  size_t d = job->old->dim, old = job->old->clusters, clusters = job->plan->clusters;
  for (size_t slot = 0; slot < t->slots; slot++)
    for (size_t i = 0; i < d; i++)
      job->offset[(slot * clusters + k) * d + i] +=
          weight * t->offsets[(slot * old + from) * d + i];
}

/* How much of new cluster `k` comes from each old one, by what they held of the source; the number
 * of those. */
static size_t
weigh_parents(const Job *job, size_t k, double *total)
{
  size_t parents = 0;
  *total = 0;
  for (size_t j = 0; j < job->old->clusters; j++)
    for (size_t side = 0; side < 2; side++)
      if (job->plan->heirs[j][side] == k && (side == 0 || is_split(job, j))) {
        *total += job->weight[2 * j + side] * job->old->occupancy[j];
        parents++;
      }
  return parents;
}

static void
find_offsets(Job *job)
{
  for (size_t k = 0; k < job->plan->clusters; k++) {
    double total;
    size_t parents = weigh_parents(job, k, &total);
    for (size_t j = 0; j < job->old->clusters; j++)
      for (size_t side = 0; side < 2; side++) {
        if (job->plan->heirs[j][side] != k || (side == 1 && !is_split(job, j)))
          continue;
        double own = job->weight[2 * j + side] * job->old->occupancy[j];
        double weight = parents == 1 ? 1 : total > 0 ? own / total : 1 / (double)parents;
        add_offsets(job, j, k, weight);
      }
  }
}

/* Shares of a mix in which the newborn, if there is one, has as much as the mean cluster. */
static void
hand_down_shares(const Job *job, const double *old, double *made)
{
  double newborn = job->plan->newborn ? 1 / (double)job->plan->clusters : 0;
  memset(made, 0, job->plan->clusters * sizeof *made);
  for (size_t j = 0; j < job->old->clusters; j++)
    for (size_t side = 0; side < 2; side++)
      if (job->plan->heirs[j][side] != DC_TRANSPORT_NO_HEIR)
        made[job->plan->heirs[j][side]] += (1 - newborn) * job->weight[2 * j + side] * old[j];
  if (newborn > 0)
    made[job->plan->clusters - 1] = newborn;
  double sum = 0;
  for (size_t k = 0; k < job->plan->clusters; k++)
    sum += made[k];
  for (size_t k = 0; k < job->plan->clusters && sum > 0; k++)
    made[k] /= sum;
}

/* ---- the source ---- */

/* The one old cluster that new cluster `k` is, unchanged; or SIZE_MAX. */
static size_t
same_as(const Job *job, size_t k)
{
  double total;
  if (weigh_parents(job, k, &total) != 1)
    return SIZE_MAX;
  for (size_t j = 0; j < job->old->clusters; j++)
    if (job->plan->heirs[j][0] == k && !is_split(job, j))
      return j;
  return SIZE_MAX;
}

static const double *
offset_of(const Job *job, size_t k)
{
  size_t selected = job->tracker->counter[SELECTED];
  return job->offset + (selected * job->plan->clusters + k) * job->old->dim;
}

/* What of the centroid lies outside of the basis. */
static void
find_rest(const Job *job, size_t k)
{
  const DcTransportSource *s = job->old;
  const float *centroid = job->plan->centroids + k * s->input_dim;
  double *rest = job->made->rest + k * s->input_dim;
  double inside[DC_TRANSPORT_MAX_DIM] = {0};
  if (s->dim == s->input_dim)
    return;
  for (size_t j = 0; j < s->input_dim; j++) {
    rest[j] = (double)centroid[j] - s->mean[j];
    for (size_t i = 0; i < s->dim; i++)
      inside[i] += rest[j] * s->basis[j * s->dim + i];
  }
  for (size_t j = 0; j < s->input_dim; j++)
    for (size_t i = 0; i < s->dim; i++)
      rest[j] -= s->basis[j * s->dim + i] * inside[i];
}

static void
fill_cluster(const Job *job, size_t k)
{
  const DcTransportSource *s = job->old;
  DcTransportSource *made = job->made;
  size_t same = same_as(job, k), d = s->dim, n = s->input_dim;
  if (same == SIZE_MAX) {
    for (size_t i = 0; i < d; i++)
      made->centroid[k * d + i] = job->target[k * d + i] - offset_of(job, k)[i];
    find_rest(job, k);
    return; /* its prototypes are where its members are: no residual */
  }
  memcpy(made->centroid + k * d, s->centroid + same * d, d * sizeof(double));
  memcpy(made->residual + k * d, s->residual + same * d, d * sizeof(double));
  memcpy(made->rest + k * n, s->rest + same * n, n * sizeof(double));
}

/* Where the prototype lies in the source: as it did, unless its cluster has another offset now. */
static void
fill_prototype(const Job *job, const Handover *handover, const double *placed, size_t m)
{
  size_t d = job->old->dim, k = handover->owner;
  double *target = job->made->prototype + m * d;
  if (handover->from == NEWBORN) {
    for (size_t i = 0; i < d; i++)
      target[i] = placed[i] - offset_of(job, k)[i];
  } else if (same_as(job, k) != SIZE_MAX) {
    memcpy(target, job->old->prototype + handover->from * d, d * sizeof *target);
  } else {
    for (size_t i = 0; i < d; i++)
      target[i] = job->map->prototype[handover->from * d + i] - offset_of(job, k)[i];
  }
}

static void
fill_prototypes(const Job *job)
{
  size_t m = 0;
  double sum = 0;
  for (uint32_t k = 0; k < job->plan->clusters; k++) {
    const double *placed = job->placed;
    for (size_t i = 0; i < job->n_handover; i++) {
      const Handover *handover = &job->handover[i];
      if (handover->owner == k) {
        fill_prototype(job, handover, placed, m);
        job->made->share[m++] = handover->share;
        job->made->size[k]++;
        sum += handover->share;
      }
      placed += handover->from == NEWBORN ? job->old->dim : 0;
    }
  }
  for (size_t i = 0; i < m && sum > 0; i++)
    job->made->share[i] /= sum;
}

static void
copy_statistics(const Job *job)
{
  const DcTransportSource *s = job->old;
  DcTransportSource *made = job->made;
  size_t d = s->dim, n = s->input_dim;
  memcpy(made->mean, s->mean, n * sizeof(double));
  memcpy(made->basis, s->basis, n * d * sizeof(double));
  memcpy(made->variance, s->variance, d * sizeof(double));
  memcpy(made->precision, s->precision, d * d * sizeof(double));
  memcpy(made->curvature, s->curvature, d * sizeof(double));
  memcpy(made->skewness, s->skewness, d * sizeof(double));
  memcpy(made->figure, s->figure, DC_TRANSPORT_FIGURES * sizeof(double));
  hand_down_shares(job, s->occupancy, made->occupancy);
}

/* ---- the moments of a mix that has the newborn ---- */

/* Moments of the newborn alone, read by the new source. */
static DcStatus
measure_newborn(const Job *job, double *moment, double *gradient, DcError *error)
{
  const DcTransportSource *s = job->made;
  size_t count = rows_of(job->plan->newborn);
  DcTransportWork work;
  DcTransportEvidence evidence;
  DcArena memory;
  double *block;
  const DcLinearPiece piece = {&block, dc_transport_evidence_size(s)};
  bool reserved = dc_transport_work_init(&work, s);
  if (reserved && !dc_linear_allocate(&memory, &piece, 1)) {
    dc_transport_work_clear(&work);
    reserved = false;
  }
  if (!reserved)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a newborn cluster");
  dc_transport_evidence_place(s, block, &evidence);
  for (size_t row = 0; row < count; row += DC_TRANSPORT_CHUNK) {
    size_t rows = count - row < DC_TRANSPORT_CHUNK ? count - row : DC_TRANSPORT_CHUNK;
    dc_transport_score(s, &s->anchor, job->members + row * s->dim, rows, &work);
    dc_transport_evidence_add(s, &s->anchor, &work, rows, &evidence);
  }
  /* The moments of the new source are still 0: these are the plain means. */
  dc_transport_moments(s, &evidence, moment, gradient);
  dc_arena_clear(&memory);
  dc_transport_work_clear(&work);
  return DC_OK;
}

/* Variance of the mix: that of the old source, and of the newborn about the old mean, which is 0.
 */
static void
widen(const Job *job, double share)
{
  DcTransportSource *made = job->made;
  size_t d = made->dim, count = rows_of(job->plan->newborn);
  for (size_t i = 0; i < d; i++) {
    double mean = 0, square = 0;
    for (size_t n = 0; n < count; n++) {
      double x = job->members[n * d + i];
      mean += x / (double)count;
      square += x * x / (double)count;
    }
    made->variance[i] =
        (1 - share) * made->variance[i] + share * square - share * share * mean * mean;
    made->curvature[i] = fmax(made->curvature[i], 1 / made->variance[i]);
  }
}

static DcStatus
find_moments(const Job *job, DcError *error)
{
  DcTransportSource *made = job->made;
  size_t d = made->dim;
  double moment[DC_TRANSPORT_MAX_DIM * DC_TRANSPORT_MAX_DIM], gradient[DC_TRANSPORT_MAX_DIM];
  double share = job->plan->newborn ? 1 / (double)job->plan->clusters : 0;
  DcStatus status = share > 0 ? measure_newborn(job, moment, gradient, error) : DC_OK;
  if (status != DC_OK)
    return status;
  for (size_t i = 0; i < d * d; i++)
    made->moment[i] =
        job->old->moment[i] + (share > 0 ? share * (moment[i] - job->old->moment[i]) : 0);
  for (size_t i = 0; i < d; i++)
    made->gradient[i] =
        job->old->gradient[i] + (share > 0 ? share * (gradient[i] - job->old->gradient[i]) : 0);
  if (share > 0)
    widen(job, share);
  return DC_OK;
}

static DcStatus
make_source(Job *job, DcError *error)
{
  const DcTransportSource *s = job->old;
  job->made = dc_transport_source_alloc(s->input_dim, s->dim, job->plan->clusters, job->n_handover);
  if (!job->made)
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "no memory for a source of %zu clusters with %zu prototypes",
                        job->plan->clusters, job->n_handover);
  copy_statistics(job);
  fill_prototypes(job);
  for (size_t k = 0; k < job->plan->clusters; k++)
    fill_cluster(job, k);
  DcStatus status = dc_transport_source_complete(job->made, error);
  return status == DC_OK ? find_moments(job, error) : status;
}

/* ---- the tracker ---- */

/* The state of the old tracker, with what belongs to clusters exchanged. */
static size_t
list_state(const Job *job, DcTransportArray arrays[DC_TRANSPORT_TRACKER_ARRAYS])
{
  size_t count = dc_transport_tracker_arrays(job->tracker, arrays);
  for (size_t i = 0; i < count; i++)
    if (strcmp(arrays[i].name, "transport.offset") == 0)
      arrays[i] = (DcTransportArray){arrays[i].name, job->offset,
                                     job->tracker->slots * job->plan->clusters, job->old->dim};
    else if (strcmp(arrays[i].name, "transport.occupancy") == 0)
      arrays[i] = (DcTransportArray){arrays[i].name, job->occupancy, 1, job->plan->clusters};
  return count;
}

static DcStatus
make_tracker(const Job *job, DcTransportTracker **made, DcError *error)
{
  DcTransportArray arrays[DC_TRANSPORT_TRACKER_ARRAYS];
  size_t count = list_state(job, arrays);
  DcStatus status = dc_transport_tracker_new(job->made, &job->tracker->options, made, error);
  if (status != DC_OK)
    return status;
  status = dc_transport_tracker_restore(*made, arrays, count, error);
  if (status != DC_OK) {
    dc_transport_tracker_free(*made);
    *made = NULL;
  }
  return status;
}

static DcStatus
run(Job *job, DcTransportTracker **made, DcError *error)
{
  DcStatus status = reserve(job, error);
  if (status != DC_OK)
    return status;
  read_places(job);
  for (size_t k = 0; k < job->old->clusters; k++)
    hand_over_cluster(job, k);
  status = place_newborn(job, error);
  if (status != DC_OK)
    return status;
  see_to_every_cluster(job);
  find_offsets(job);
  hand_down_shares(job, job->tracker->occupancy, job->occupancy);
  status = make_source(job, error);
  return status == DC_OK ? make_tracker(job, made, error) : status;
}

DcStatus
dc_transport_tracker_regroup(DcTransportTracker *tracker, const DcTransportRegrouping *regrouping,
                             DcTransportTracker **made, DcError *error)
{
  Job job = {.tracker = tracker,
             .plan = regrouping,
             .old = tracker->source,
             .map = &tracker->maps[tracker->counter[SELECTED]]};
  *made = NULL;
  DcStatus status = run(&job, made, error);
  clear_job(&job);
  return status;
}
