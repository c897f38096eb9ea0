/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_score.h"

#include "base/memory.h"
#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

/* A pivot below this makes a map that squeezes the space flat, an entry above its inverse one that
 * blows it up; shifts are bounded in units of rms. */
#define LEAST_PIVOT   1e-6
#define LARGEST_ENTRY 1e6
#define LARGEST_SHIFT 1e12
/* Keeps the logarithm of the share of an empty prototype finite. */
#define LEAST_SHARE 1e-9
/* Standard deviations below the mean of the source at which the likelihood is clamped. */
#define LIKELIHOOD_REACH 20

size_t
dc_transport_map_size(const DcTransportSource *s)
{
  return s->dim * s->dim + s->dim + s->clusters * s->dim + 2 * s->prototypes * s->dim +
         s->prototypes;
}

void
dc_transport_map_place(const DcTransportSource *s, double *block, DcTransportMap *map)
{
  map->matrix = block;
  map->shift = map->matrix + s->dim * s->dim;
  map->offset = map->shift + s->dim;
  map->prototype = map->offset + s->clusters * s->dim;
  map->key = map->prototype + s->prototypes * s->dim;
  map->bias = map->key + s->prototypes * s->dim;
  map->log_det = 0;
}

static void
move_prototypes(const DcTransportSource *s, DcTransportMap *map)
{
  size_t d = s->dim;
  for (size_t k = 0; k < s->clusters; k++)
    for (size_t m = s->first[k]; m < s->first[k + 1]; m++)
      for (size_t i = 0; i < d; i++)
        map->prototype[m * d + i] = s->prototype[m * d + i] + map->offset[k * d + i];
}

void
dc_transport_map_derive(const DcTransportSource *s, DcTransportMap *map)
{
  size_t d = s->dim;
  move_prototypes(s, map);
  dc_linear_multiply(map->prototype, s->precision, s->prototypes, d, d, map->key);
  for (size_t m = 0; m < s->prototypes; m++)
    map->bias[m] = log(s->share[m] + LEAST_SHARE) -
                   0.5 * dc_linear_inner_product(map->key + m * d, map->prototype + m * d, d);
}

static bool
factor_matrix(const DcTransportSource *s, const DcTransportMap *map, double *square,
              uint32_t *pivot)
{
  memcpy(square, map->matrix, s->dim * s->dim * sizeof *square);
  return dc_linear_factor(square, s->dim, LEAST_PIVOT, pivot);
}

static bool
are_within(const double *numbers, size_t count, double most)
{
  for (size_t i = 0; i < count; i++)
    if (!(fabs(numbers[i]) <= most)) /* true of NaN as well */
      return false;
  return true;
}

bool
dc_transport_map_measure(const DcTransportSource *s, DcTransportMap *map, double *square,
                         uint32_t *pivot)
{
  double reach = LARGEST_SHIFT * s->figure[DC_TRANSPORT_RMS];
  if (!are_within(map->matrix, s->dim * s->dim, LARGEST_ENTRY) ||
      !are_within(map->shift, s->dim, reach) ||
      !are_within(map->offset, s->clusters * s->dim, reach) ||
      !factor_matrix(s, map, square, pivot))
    return false;
  map->log_det = dc_linear_log_det(square, s->dim);
  return true;
}

void
dc_transport_map_copy(const DcTransportSource *s, const DcTransportMap *from, DcTransportMap *to)
{
  size_t d = s->dim;
  memcpy(to->matrix, from->matrix, d * d * sizeof(double));
  memcpy(to->shift, from->shift, d * sizeof(double));
  memcpy(to->offset, from->offset, s->clusters * d * sizeof(double));
  memcpy(to->prototype, from->prototype, s->prototypes * d * sizeof(double));
  memcpy(to->key, from->key, s->prototypes * d * sizeof(double));
  memcpy(to->bias, from->bias, s->prototypes * sizeof(double));
  to->log_det = from->log_det;
}

bool
dc_transport_work_init(DcTransportWork *work, const DcTransportSource *s)
{
  *work = (DcTransportWork){
      .input_dim = s->input_dim,
      .dim = s->dim,
      .clusters = s->clusters,
      .prototypes = s->prototypes,
  };
  const DcLinearPiece pieces[] = {
      {&work->centred, DC_TRANSPORT_CHUNK * s->input_dim},
      {&work->stream, DC_TRANSPORT_CHUNK * s->dim},
      {&work->restored, DC_TRANSPORT_CHUNK * s->dim},
      {&work->weight, DC_TRANSPORT_CHUNK * s->prototypes},
      {&work->posterior, DC_TRANSPORT_CHUNK * s->clusters},
      {&work->likelihood, DC_TRANSPORT_CHUNK},
      {&work->pull, DC_TRANSPORT_CHUNK * s->dim},
      {&work->scaled, DC_TRANSPORT_CHUNK * s->dim},
  };
  return dc_linear_allocate(&work->memory, pieces, sizeof pieces / sizeof *pieces);
}

bool
dc_transport_work_fit(DcTransportWork *work, const DcTransportSource *s)
{
  if (work->input_dim == s->input_dim && work->dim == s->dim && work->clusters == s->clusters &&
      work->prototypes == s->prototypes)
    return true;
  dc_transport_work_clear(work);
  if (dc_transport_work_init(work, s))
    return true;
  *work = (DcTransportWork){0};
  return false;
}

void
dc_transport_work_clear(DcTransportWork *work)
{
  dc_arena_clear(&work->memory);
  *work = (DcTransportWork){0};
}

void
dc_transport_project(const DcTransportSource *s, const DcMatrix *embeddings, DcTransportWork *work)
{
  for (size_t i = 0; i < embeddings->rows; i++) {
    const float *row = dc_matrix_row(embeddings, i);
    double *centred = work->centred + i * s->input_dim;
    for (size_t j = 0; j < s->input_dim; j++)
      centred[j] = row[j] - s->mean[j];
  }
  dc_linear_multiply(work->centred, s->basis, embeddings->rows, s->input_dim, s->dim, work->stream);
}

/* What is smaller than exp() of this counts for nothing in a sum that is at least 1: all prototypes
 * of a cluster far away. To know that is cheaper than to compute it. */
#define LEAST_EXPONENT (-45.0)

/* Softmax of `count` scores in place; returns the logarithm of the sum of their exponentials. */
static double
softmax(double *scores, size_t count)
{
  double most = scores[0];
  for (size_t i = 1; i < count; i++)
    most = scores[i] > most ? scores[i] : most;
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    double below = scores[i] - most;
    scores[i] = below > LEAST_EXPONENT ? exp(below) : 0;
    sum += scores[i];
  }
  for (size_t i = 0; i < count; i++)
    scores[i] /= sum;
  return log(sum) + most;
}

static void
add_by_cluster(const DcTransportSource *s, const double *weight, double *posterior)
{
  for (size_t k = 0; k < s->clusters; k++) {
    posterior[k] = 0;
    for (size_t m = s->first[k]; m < s->first[k + 1]; m++)
      posterior[k] += weight[m];
  }
}

static void
restore(const DcTransportSource *s, const DcTransportMap *map, const double *stream, size_t rows,
        double *restored)
{
  dc_linear_multiply_transposed(stream, map->matrix, rows, s->dim, s->dim, restored);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < s->dim; j++)
      restored[i * s->dim + j] += map->shift[j];
}

void
dc_transport_score(const DcTransportSource *s, const DcTransportMap *map, const double *stream,
                   size_t rows, DcTransportWork *work)
{
  size_t d = s->dim, m = s->prototypes;
  restore(s, map, stream, rows, work->restored);
  dc_linear_multiply_transposed(work->restored, map->key, rows, d, m, work->weight);
  dc_linear_multiply(work->restored, s->precision, rows, d, d, work->scaled);
  for (size_t i = 0; i < rows; i++) {
    double *weight = work->weight + i * m;
    for (size_t j = 0; j < m; j++)
      weight[j] += map->bias[j];
    double evidence = softmax(weight, m);
    work->likelihood[i] =
        evidence - 0.5 * dc_linear_inner_product(work->restored + i * d, work->scaled + i * d, d) +
        map->log_det;
    add_by_cluster(s, weight, work->posterior + i * s->clusters);
  }
}

double
dc_transport_bounded(const DcTransportSource *s, double likelihood)
{
  double least =
      s->figure[DC_TRANSPORT_LIKELIHOOD] - LIKELIHOOD_REACH * s->figure[DC_TRANSPORT_DEVIATION];
  return likelihood > least ? likelihood : least;
}

size_t
dc_transport_largest(const double *numbers, size_t count)
{
  size_t best = 0;
  for (size_t i = 1; i < count; i++)
    if (numbers[i] > numbers[best])
      best = i;
  return best;
}

/* rows -> B^-1 (rows - a), `count` rows in place. */
static bool
carry_to_stream(const DcTransportSource *s, const DcTransportMap *map, double *rows, size_t count,
                double *square, uint32_t *pivot)
{
  if (!factor_matrix(s, map, square, pivot))
    return false;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < s->dim; j++)
      rows[i * s->dim + j] -= map->shift[j];
  dc_linear_solve(square, pivot, s->dim, rows, count);
  return true;
}

bool
dc_transport_locate(const DcTransportSource *s, const DcTransportMap *map, double *places,
                    double *square, uint32_t *pivot)
{
  memcpy(places, map->prototype, s->prototypes * s->dim * sizeof *places);
  return carry_to_stream(s, map, places, s->prototypes, square, pivot);
}

double
dc_transport_displacement(const DcTransportSource *s, const double *places, const double *others)
{
  double sum = 0;
  for (size_t m = 0; m < s->prototypes; m++) {
    double squared = 0;
    for (size_t i = 0; i < s->dim; i++) {
      double step = places[m * s->dim + i] - others[m * s->dim + i];
      squared += step * step;
    }
    sum += s->share[m] * squared;
  }
  return sqrt(sum) / s->figure[DC_TRANSPORT_RMS];
}

struct DcTransportScorer {
  DcTransportSource *source;
  DcTransportMap map;
  double *centroid; /* clusters x input_dim, in the space of the stream */
  double *step;     /* scratch: input_dim */
  DcArena memory;
};

static bool
find_centroids(DcTransportScorer *scorer, double *places, double *square, uint32_t *pivot)
{
  const DcTransportSource *s = scorer->source;
  for (size_t i = 0; i < s->clusters * s->dim; i++)
    places[i] = s->centroid[i] + scorer->map.offset[i];
  if (!carry_to_stream(s, &scorer->map, places, s->clusters, square, pivot))
    return false;
  dc_linear_multiply_transposed(places, s->basis, s->clusters, s->dim, s->input_dim,
                                scorer->centroid);
  for (size_t k = 0; k < s->clusters; k++)
    for (size_t i = 0; i < s->input_dim; i++)
      scorer->centroid[k * s->input_dim + i] += s->mean[i] + s->rest[k * s->input_dim + i];
  return true;
}

static bool
fill_scorer(DcTransportScorer *scorer, const DcTransportMap *map)
{
  const DcTransportSource *s = scorer->source;
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  double *block, *places, *square;
  const DcLinearPiece pieces[] = {
      {&block, dc_transport_map_size(s)}, {&scorer->centroid, s->clusters * s->input_dim},
      {&scorer->step, s->input_dim},      {&places, s->clusters * s->dim},
      {&square, s->dim * s->dim},
  };
  if (!dc_linear_allocate(&scorer->memory, pieces, sizeof pieces / sizeof *pieces))
    return false;
  dc_transport_map_place(s, block, &scorer->map);
  dc_transport_map_copy(s, map, &scorer->map);
  return find_centroids(scorer, places, square, pivot);
}

DcTransportScorer *
dc_transport_scorer_new(DcTransportSource *source, const DcTransportMap *map)
{
  DcTransportScorer *scorer = DC_NEW(DcTransportScorer, 1);
  if (!scorer)
    return NULL;
  scorer->source = dc_transport_source_ref(source);
  if (fill_scorer(scorer, map))
    return scorer;
  dc_transport_scorer_free(scorer);
  return NULL;
}

void
dc_transport_scorer_free(DcTransportScorer *scorer)
{
  if (!scorer)
    return;
  dc_transport_source_unref(scorer->source);
  dc_arena_clear(&scorer->memory);
  dc_free(scorer);
}

const DcTransportSource *
dc_transport_scorer_source(const DcTransportScorer *scorer)
{
  return scorer->source;
}

void
dc_transport_scorer_read(const DcTransportScorer *scorer, const DcMatrix *embeddings,
                         DcTransportWork *work)
{
  dc_transport_project(scorer->source, embeddings, work);
  dc_transport_score(scorer->source, &scorer->map, work->stream, embeddings->rows, work);
}

/* Moves offset and prototypes of `cluster` by `step` (input_dim numbers, of the stream). */
static void
shift_cluster(DcTransportScorer *scorer, size_t cluster, const double *step)
{
  const DcTransportSource *s = scorer->source;
  double inside[DC_TRANSPORT_MAX_DIM] = {0}, moved[DC_TRANSPORT_MAX_DIM];
  for (size_t j = 0; j < s->input_dim; j++)
    for (size_t i = 0; i < s->dim; i++)
      inside[i] += step[j] * s->basis[j * s->dim + i];
  dc_linear_multiply_transposed(inside, scorer->map.matrix, 1, s->dim, s->dim, moved);
  for (size_t i = 0; i < s->dim; i++)
    scorer->map.offset[cluster * s->dim + i] += moved[i];
  dc_transport_map_derive(s, &scorer->map);
}

void
dc_transport_scorer_hold(DcTransportScorer *scorer, size_t cluster, const float *place,
                         double reach)
{
  size_t dim = scorer->source->input_dim;
  double *centroid = scorer->centroid + cluster * dim, squared = 0;
  for (size_t i = 0; i < dim; i++)
    squared += (centroid[i] - (double)place[i]) * (centroid[i] - (double)place[i]);
  double distance = sqrt(squared);
  if (distance <= reach)
    return;
  double *step = scorer->step;
  for (size_t i = 0; i < dim; i++) {
    step[i] = (reach / distance - 1) * (centroid[i] - (double)place[i]);
    centroid[i] += step[i];
  }
  shift_cluster(scorer, cluster, step);
}

const double *
dc_transport_scorer_centroids(const DcTransportScorer *scorer)
{
  return scorer->centroid;
}
