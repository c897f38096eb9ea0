/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_TRANSPORT_DATA_H
#define DC_TESTS_TRANSPORT_DATA_H

#include "base/memory.h"
#include "base/random.h"
#include "cluster/transport_fit.h"
#include "cluster/transport_tracker.h"
#include "test.h"

#include <math.h>
#include <string.h>

/* The synthetic world of section 8 of the method: six clusters in eight dimensions with skewed
 * noise, shared by the tests and the benchmark of transport tracking. */
enum { WORLD_CLUSTERS = 6, WORLD_DIM = 8 };

typedef struct {
  float centre[WORLD_CLUSTERS * WORLD_DIM];
  float
      noise[WORLD_DIM]; /* standard deviation along each dimension, with the sign of its skewness */
} World;

static inline World
world_new(uint64_t seed)
{
  World world;
  DcRandom random;
  dc_random_seed(&random, seed, 1);
  for (size_t i = 0; i < WORLD_CLUSTERS * WORLD_DIM; i++)
    world.centre[i] = (float)(5 * dc_random_normal(&random));
  for (size_t i = 0; i < WORLD_DIM; i++) {
    /* The first two dimensions are the leading plane. */
    float width = i == 0 ? 2.0f : i == 1 ? 1.6f : 1.0f;
    world.noise[i] = dc_random_bits(&random) & 1 ? width : -width;
    for (size_t k = 0; k < WORLD_CLUSTERS && i < 2; k++)
      world.centre[k * WORLD_DIM + i] *= 1.5f;
  }
  return world;
}

/* One sample of cluster `cluster`: its centre and centred exponential noise. */
static inline void
world_draw(const World *world, DcRandom *random, size_t cluster, float *sample)
{
  for (size_t i = 0; i < WORLD_DIM; i++) {
    double skewed = -log(1 - dc_random_uniform(random)) - 1;
    sample[i] = world->centre[cluster * WORLD_DIM + i] + (float)(world->noise[i] * skewed);
  }
}

/* Embeddings with the cluster that each came from. */
typedef struct {
  DcMatrix rows;
  uint32_t *truth;
} Stream;

static inline Stream
stream_alloc(size_t count, size_t dim)
{
  Stream stream = {dc_matrix(DC_NEW(float, count *dim), count, dim), DC_NEW(uint32_t, count)};
  return stream;
}

static inline void
stream_free(Stream *stream)
{
  dc_free(stream->rows.data);
  dc_free(stream->truth);
}

/* `count` samples; each run of `burst` of them is of one cluster drawn at random (1: shuffled). */
static inline Stream
world_stream(const World *world, uint64_t seed, size_t count, size_t burst)
{
  Stream stream = stream_alloc(count, WORLD_DIM);
  DcRandom random;
  dc_random_seed(&random, seed, 2);
  uint32_t cluster = 0;
  for (size_t n = 0; n < count; n++) {
    if (n % burst == 0)
      cluster = dc_random_below(&random, WORLD_CLUSTERS);
    stream.truth[n] = cluster;
    world_draw(world, &random, cluster, dc_matrix_row(&stream.rows, n));
  }
  return stream;
}

/* Turns a sample in the leading plane. */
static inline void
turn(float *sample, double degrees)
{
  double angle = degrees * 3.14159265358979324 / 180, x = sample[0], y = sample[1];
  sample[0] = (float)(cos(angle) * x - sin(angle) * y);
  sample[1] = (float)(sin(angle) * x + cos(angle) * y);
}

/* The source model of 6 000 samples of the world, with its true centres as start centroids. */
static inline DcTransportSource *
world_source(const World *world, uint64_t seed)
{
  Stream sample = world_stream(world, seed, 6000, 1);
  DcMatrix centroids = dc_matrix(world->centre, WORLD_CLUSTERS, WORLD_DIM);
  DcTransportFitOptions options = dc_transport_fit_options();
  DcTransportSource *source = NULL;
  DcError error;
  if (dc_transport_fit(&sample.rows, &centroids, &options, &source, &error))
    fail_msg("%s", error.message);
  stream_free(&sample);
  return source;
}

static inline DcTransportTracker *
tracker_of(DcTransportSource *source, const DcTransportOptions *options)
{
  DcTransportTracker *tracker = NULL;
  DcError error;
  if (dc_transport_tracker_new(source, options, &tracker, &error))
    fail_msg("%s", error.message);
  return tracker;
}

/* Steps over rows first .. last - 1 in batches of 64. */
static inline void
track(DcTransportTracker *tracker, const Stream *stream, size_t first, size_t last,
      uint32_t *labels)
{
  for (size_t row = first; row < last; row += 64) {
    DcMatrix batch = dc_matrix_rows(&stream->rows, row, last - row < 64 ? last - row : 64);
    assert_int_equal(dc_transport_tracker_step(tracker, &batch, labels ? labels + row : NULL),
                     DC_OK);
  }
}

/* Share of right labels among first .. last - 1. */
static inline double
share_right(const Stream *stream, const uint32_t *labels, size_t first, size_t last)
{
  size_t right = 0;
  for (size_t n = first; n < last; n++)
    right += labels[n] == stream->truth[n];
  return (double)right / (double)(last - first);
}

/* Copies of the arrays of a tracker's state, which a test can keep, change and compare. */
typedef struct {
  DcTransportArray array[DC_TRANSPORT_TRACKER_ARRAYS];
  double *data[DC_TRANSPORT_TRACKER_ARRAYS];
  size_t count;
} State;

static inline State
state_of(DcTransportTracker *tracker)
{
  State state = {.count = 0};
  state.count = dc_transport_tracker_arrays(tracker, state.array);
  for (size_t i = 0; i < state.count; i++) {
    size_t numbers = state.array[i].rows * state.array[i].cols;
    state.data[i] = DC_NEW(double, numbers);
    memcpy(state.data[i], state.array[i].data, numbers * sizeof(double));
    state.array[i].data = state.data[i];
  }
  return state;
}

static inline void
state_free(State *state)
{
  for (size_t i = 0; i < state->count; i++)
    dc_free(state->data[i]);
}

/* The numbers of an array that the test may change. */
static inline double *
state_numbers(State *state, const char *name)
{
  for (size_t i = 0; i < state->count; i++)
    if (!strcmp(state->array[i].name, name))
      return state->data[i];
  fail_msg("no array %s", name);
  return NULL;
}

/* The scratch of a search that is not under way means nothing. */
static inline bool
is_scratch(const char *name)
{
  return !strncmp(name, "transport.search.", 17);
}

static inline void
assert_same_state(const State *a, const State *b)
{
  assert_int_equal(a->count, b->count);
  for (size_t i = 0; i < a->count; i++)
    if (!is_scratch(a->array[i].name) &&
        memcmp(a->data[i], b->data[i], a->array[i].rows * a->array[i].cols * sizeof(double)))
      fail_msg("%s differs", a->array[i].name);
}

/* Embeddings of 100 numbers, of which 8 vary: a product of the world with a random matrix. */
static inline Stream
wide_stream(const World *world, uint64_t seed, size_t count, double noise)
{
  Stream narrow = world_stream(world, seed, count, 1), wide = stream_alloc(count, 100);
  DcRandom random;
  dc_random_seed(&random, 77, 7);
  float mix[WORLD_DIM * 100];
  for (size_t i = 0; i < WORLD_DIM * 100; i++)
    mix[i] = (float)dc_random_normal(&random);
  for (size_t n = 0; n < count; n++) {
    wide.truth[n] = narrow.truth[n];
    for (size_t j = 0; j < 100; j++) {
      double sum = noise * dc_random_normal(&random);
      for (size_t i = 0; i < WORLD_DIM; i++)
        sum += (double)dc_matrix_row(&narrow.rows, n)[i] * mix[i * 100 + j];
      dc_matrix_row(&wide.rows, n)[j] = (float)sum;
    }
  }
  stream_free(&narrow);
  return wide;
}

static inline DcMatrix
true_centroids(const Stream *stream)
{
  size_t dim = stream->rows.cols;
  DcMatrix centroids = dc_matrix(DC_NEW(float, WORLD_CLUSTERS *dim), WORLD_CLUSTERS, dim);
  size_t count[WORLD_CLUSTERS] = {0};
  for (size_t n = 0; n < stream->rows.rows; n++)
    count[stream->truth[n]]++;
  for (size_t n = 0; n < stream->rows.rows; n++)
    for (size_t j = 0; j < dim; j++)
      dc_matrix_row(&centroids, stream->truth[n])[j] +=
          dc_matrix_row(&stream->rows, n)[j] / (float)count[stream->truth[n]];
  return centroids;
}

#endif
