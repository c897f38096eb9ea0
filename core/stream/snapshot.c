/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/snapshot.h"

#include "base/memory.h"
#include "cluster/affinity.h"
#include "stream/snapshot_builder.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

struct DcSnapshot {
  atomic_size_t references;
  uint64_t
      serial; /* of all snapshots of the process; tells a reader whether its tables are current */
  uint64_t version;
  float temperature;
  size_t clusters, dim;
  char *encoder;
  float *centroids;
  DcClusterInfo *infos;
  DcSurvival *survival;
  DcTransportScorer *scorer; /* or NULL */
  DcReading *reading;        /* or NULL */
};

static atomic_uint_fast64_t next_serial = 1;

static void
destroy(DcSnapshot *snapshot)
{
  dc_free(snapshot->encoder);
  dc_free(snapshot->centroids);
  dc_free(snapshot->infos);
  dc_free(snapshot->survival);
  dc_transport_scorer_free(snapshot->scorer);
  dc_reading_free(snapshot->reading);
  dc_free(snapshot);
}

DcSnapshot *
dc_snapshot_new(const DcSnapshotParts *parts)
{
  DcSnapshot *snapshot = DC_NEW(DcSnapshot, 1);
  if (!snapshot) {
    dc_transport_scorer_free(parts->scorer);
    dc_reading_free(parts->reading);
    return NULL;
  }
  snapshot->scorer = parts->scorer;
  snapshot->reading = parts->reading;
  size_t clusters = parts->centroids.rows, dim = parts->centroids.cols;
  atomic_init(&snapshot->references, 1);
  snapshot->serial = atomic_fetch_add(&next_serial, 1);
  snapshot->version = parts->version;
  snapshot->temperature = parts->temperature;
  snapshot->clusters = clusters;
  snapshot->dim = dim;
  snapshot->encoder = DC_NEW(char, strlen(parts->encoder) + 1);
  snapshot->centroids = DC_NEW(float, clusters *dim);
  snapshot->infos = DC_NEW(DcClusterInfo, clusters);
  snapshot->survival = DC_NEW(DcSurvival, clusters);
  if (!snapshot->encoder || !snapshot->centroids || !snapshot->infos || !snapshot->survival) {
    destroy(snapshot);
    return NULL;
  }
  strcpy(snapshot->encoder, parts->encoder);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  dc_matrix_copy(&parts->centroids, &centroids);
  memcpy(snapshot->infos, parts->infos, clusters * sizeof *parts->infos);
  memcpy(snapshot->survival, parts->survival, clusters * sizeof *parts->survival);
  return snapshot;
}

DcSnapshot *
dc_snapshot_ref(DcSnapshot *snapshot)
{
  /* A reference is made from one that is held: nothing has to be ordered. */
  atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
  return snapshot;
}

void
dc_snapshot_unref(DcSnapshot *snapshot)
{
  /* Release: this thread's reads are done. Acquire: so are those of all others, before freeing. */
  if (snapshot && atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
    destroy(snapshot);
}

uint64_t
dc_snapshot_version(const DcSnapshot *snapshot)
{
  return snapshot->version;
}

size_t
dc_snapshot_clusters(const DcSnapshot *snapshot)
{
  return snapshot->clusters;
}

size_t
dc_snapshot_dim(const DcSnapshot *snapshot)
{
  return snapshot->dim;
}

const char *
dc_snapshot_encoder(const DcSnapshot *snapshot)
{
  return snapshot->encoder;
}

DcMatrix
dc_snapshot_centroids(const DcSnapshot *snapshot)
{
  return dc_matrix(snapshot->centroids, snapshot->clusters, snapshot->dim);
}

const DcClusterInfo *
dc_snapshot_cluster(const DcSnapshot *snapshot, size_t cluster)
{
  return &snapshot->infos[cluster];
}

/* --- assigning --- */

struct DcAssigner {
  uint64_t serial; /* of the snapshot that the affinity is aimed at; 0: none */
  size_t clusters, dim;
  float *memory;
  DcAffinity affinity;
  float *features; /* of a chunk, for snapshots with a reading; made when the first is read */
  uint32_t *best;  /* per sample of a chunk */
  float *distances;
  DcTransportWork transport; /* scratch for snapshots with a scorer */
};

DcAssigner *
dc_assigner_new(void)
{
  return DC_NEW(DcAssigner, 1);
}

static void
clear_assigner(DcAssigner *assigner)
{
  dc_free(assigner->memory);
  dc_free(assigner->features);
  dc_free(assigner->best);
  dc_free(assigner->distances);
  dc_transport_work_clear(&assigner->transport);
  *assigner = (DcAssigner){0};
}

void
dc_assigner_free(DcAssigner *assigner)
{
  if (assigner)
    clear_assigner(assigner);
  dc_free(assigner);
}

/* Lays the scratch out anew for another number of clusters or dimensions. */
static DcStatus
fit_assigner(DcAssigner *assigner, size_t clusters, size_t dim)
{
  if (assigner->clusters == clusters && assigner->dim == dim)
    return DC_OK;
  clear_assigner(assigner);
  size_t size = dc_affinity_size(clusters, dim);
  assigner->memory = size ? DC_NEW(float, size) : NULL;
  if (!assigner->memory)
    return DC_ERROR_MEMORY;
  assigner->affinity = dc_affinity_place(assigner->memory, clusters, dim);
  assigner->best = DC_NEW(uint32_t, dc_affinity_chunk(&assigner->affinity));
  assigner->distances = DC_NEW(float, dc_affinity_chunk(&assigner->affinity));
  if (!assigner->best || !assigner->distances) {
    clear_assigner(assigner);
    return DC_ERROR_MEMORY;
  }
  assigner->clusters = clusters;
  assigner->dim = dim;
  return DC_OK;
}

static void
aim_affinity(DcAffinity *affinity, const DcSnapshot *snapshot)
{
  const DcReading *reading = snapshot->reading;
  DcMatrix keys = dc_snapshot_centroids(snapshot);
  DcAffinityMetric metric = {.scale = 1 / snapshot->temperature};
  if (reading) {
    keys = dc_matrix(reading->keys, reading->clusters, reading->dim);
    metric = (DcAffinityMetric){reading->metric, reading->scale, reading->bias};
  }
  dc_affinity_aim(affinity, &keys, &metric);
}

/* Prepares for the snapshot that is read next. */
static DcStatus
aim_assigner(DcAssigner *assigner, const DcSnapshot *snapshot)
{
  if (snapshot->scorer)
    return dc_transport_work_fit(&assigner->transport, dc_transport_scorer_source(snapshot->scorer))
               ? DC_OK
               : DC_ERROR_MEMORY;
  if (snapshot->reading && !assigner->features)
    assigner->features = DC_NEW(float, dc_affinity_chunk(&assigner->affinity) * assigner->dim);
  if (snapshot->reading && !assigner->features)
    return DC_ERROR_MEMORY;
  if (assigner->serial == snapshot->serial)
    return DC_OK;
  aim_affinity(&assigner->affinity, snapshot);
  assigner->serial = snapshot->serial;
  return DC_OK;
}

/* The most probable cluster of sample `column` besides `best`. */
static uint32_t
second_best(const DcMatrix *posterior, size_t column, uint32_t best)
{
  uint32_t second = best == 0 && posterior->rows > 1 ? 1 : 0;
  for (uint32_t k = second + 1; k < posterior->rows; k++)
    if (k != best && dc_matrix_row(posterior, k)[column] > dc_matrix_row(posterior, second)[column])
      second = k;
  return posterior->rows > 1 ? second : best;
}

static DcAssignment
describe(const DcSnapshot *snapshot, const DcMatrix *posterior, size_t column, uint32_t best,
         float squared_distance, double novelty)
{
  uint32_t second = second_best(posterior, column, best);
  float confidence = dc_matrix_row(posterior, best)[column];
  float distance = sqrtf(squared_distance);
  /* So far out that single precision overflows: no cluster is its own. */
  if (!isfinite(confidence) || !isfinite(distance))
    return (
        DcAssignment){.cluster = best, .second = best, .distance = FLT_MAX, .novel = novelty > 0};
  return (DcAssignment){
      .cluster = best,
      .second = second,
      .confidence = confidence,
      .margin = confidence - (second == best ? 0 : dc_matrix_row(posterior, second)[column]),
      .distance = distance,
      .novel = novelty > 0 && dc_survival_at(&snapshot->survival[best], distance) < novelty,
  };
}

/* The posteriors of a chunk by distance to the centroids, or to the keys of a reading, clusters x
 * samples; fills `best`. */
static DcMatrix
posterior_by_distance(const DcSnapshot *snapshot, DcAssigner *assigner, const DcMatrix *embeddings)
{
  DcMatrix read = *embeddings;
  if (snapshot->reading) {
    read = dc_matrix(assigner->features, embeddings->rows, embeddings->cols);
    dc_reading_features(snapshot->reading, embeddings, &read);
  }
  DcMatrix scores = dc_affinity_score(&assigner->affinity, &read);
  dc_largest_in_columns(&scores, assigner->best);
  dc_softmax_columns(&scores, NULL, NULL);
  return scores;
}

/* The same by the prototypes of transport tracking, read through its map. */
static DcMatrix
posterior_by_scorer(const DcSnapshot *snapshot, DcAssigner *assigner, const DcMatrix *embeddings)
{
  DcMatrix posterior = assigner->affinity.scores;
  posterior.cols = embeddings->rows;
  for (size_t first = 0; first < embeddings->rows; first += DC_TRANSPORT_CHUNK) {
    size_t left = embeddings->rows - first;
    DcMatrix rows =
        dc_matrix_rows(embeddings, first, left < DC_TRANSPORT_CHUNK ? left : DC_TRANSPORT_CHUNK);
    dc_transport_scorer_read(snapshot->scorer, &rows, &assigner->transport);
    for (size_t i = 0; i < rows.rows; i++) {
      const double *found = assigner->transport.posterior + i * snapshot->clusters;
      assigner->best[first + i] = (uint32_t)dc_transport_largest(found, snapshot->clusters);
      for (size_t k = 0; k < snapshot->clusters; k++)
        dc_matrix_row(&posterior, k)[first + i] = (float)found[k];
    }
  }
  return posterior;
}

static void
assign_chunk(const DcSnapshot *snapshot, DcAssigner *assigner, const DcMatrix *embeddings,
             double novelty, DcAssignment *assignments)
{
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  DcMatrix posterior = snapshot->scorer ? posterior_by_scorer(snapshot, assigner, embeddings)
                                        : posterior_by_distance(snapshot, assigner, embeddings);
  dc_squared_distances(embeddings, &centroids, assigner->best, assigner->distances);
  for (size_t i = 0; i < embeddings->rows; i++)
    assignments[i] =
        describe(snapshot, &posterior, i, assigner->best[i], assigner->distances[i], novelty);
}

DcStatus
dc_snapshot_assign(const DcSnapshot *snapshot, DcAssigner *assigner, const DcMatrix *embeddings,
                   double novelty, DcAssignment *assignments)
{
  if (embeddings->cols != snapshot->dim)
    return DC_ERROR_SHAPE;
  if (!(novelty >= 0 && novelty <= 1))
    return DC_ERROR_ARGUMENT;
  if (!dc_matrix_is_finite(embeddings))
    return DC_ERROR_NOT_FINITE;
  DcStatus status = fit_assigner(assigner, snapshot->clusters, snapshot->dim);
  if (status == DC_OK)
    status = aim_assigner(assigner, snapshot);
  if (status != DC_OK)
    return status;
  size_t chunk = dc_affinity_chunk(&assigner->affinity);
  for (size_t first = 0; first < embeddings->rows; first += chunk) {
    size_t left = embeddings->rows - first;
    DcMatrix rows = dc_matrix_rows(embeddings, first, left < chunk ? left : chunk);
    assign_chunk(snapshot, assigner, &rows, novelty, assignments + first);
  }
  return DC_OK;
}
