/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/transport_fit.h"
#include "stream/adapter_private.h"
#include "stream/method_transport.h"
#include "stream/open_world.h"

#include <math.h>
#include <string.h>

/* When and from what transport tracking describes its source. */

/* DC_TRANSPORT_SAMPLES_PER_CLUSTER where the clusters are groups of our own: those need fewer. */
#define SAMPLES_PER_OWN_GROUP 25
/* The source is described again with four times the sample, of our own groups with twice, until it
 * has seen this many. */
#define SOURCE_GROWTH           4
#define SOURCE_GROWTH_OF_GROUPS 2
#define LARGEST_SOURCE          4096
/* More samples tell groups far better apart while they are few, so groups are made again with each
 * description of up to as many for each of them; then they keep their members for good. Only where
 * the stream shows all of them in their shares: where kinds are away, the others would be cut up. */
#define SAMPLES_PER_LAST_GROUPING 150
#define CALM_FOR_GROUPS           0.9
/* As long as the clusters lie within half a spread of the source, what is remembered is of one
 * domain. */
#define SAME_DOMAIN 0.5
/* What a burst of one class leaves in memory is no sample of the source: it is described only while
 * the stream is as calm as this, and looked at again so many embeddings later. */
#define CALM_ENOUGH 0.75
#define CALM_PAUSE  256
/* Where the stream has left the source, or bursts, what is remembered can be read through the map:
 * when its mix is that of the source to this degree, from the members that are as sure as this. */
#define MEMORY_CALM 0.85
#define SURE        0.8

#define NOBODY UINT32_MAX

static size_t
smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

static size_t
first_sample(const DcAdapter *adapter)
{
  size_t needed = DC_TRANSPORT_SAMPLES_PER_CLUSTER * adapter->clusters.count;
  if (needed < adapter->config.warm_up)
    needed = adapter->config.warm_up;
  return smaller(needed, adapter->config.window);
}

void
dc_transport_method_forget_source(DcAdapter *adapter)
{
  DcTransportMethod *transport = adapter->state;
  dc_transport_method_drop(transport);
  transport->pending.count = 0;
  transport->own_groups = 0;
  transport->described = 0;
  size_t remembered = adapter->clusters.memory ? dc_memory_count(adapter->clusters.memory) : 0;
  size_t needed = first_sample(adapter);
  transport->source_due = adapter->accepted + (needed > remembered ? needed - remembered : 0);
}

/* ---- the memory as it is ---- */

/* The members of all strata, one after the other. NULL when memory is short. */
static float *
gather_memory(const DcAdapter *adapter, DcMatrix *sample)
{
  const DcMemory *memory = adapter->clusters.memory;
  size_t count = dc_memory_count(memory), filled = 0;
  float *rows = DC_NEW(float, count * adapter->dim);
  if (!rows)
    return NULL;
  for (size_t k = 0; k < adapter->clusters.count; k++) {
    DcMatrix stratum = dc_memory_stratum(memory, k);
    DcMatrix target = dc_matrix(rows + filled * adapter->dim, stratum.rows, adapter->dim);
    dc_matrix_copy(&stratum, &target);
    filled += stratum.rows;
  }
  *sample = dc_matrix(rows, count, adapter->dim);
  return rows;
}

/* When to look again: with four times the sample, or twice the stream after one that told nothing.
 */
static void
plan_next_source(DcAdapter *adapter, size_t used, bool described)
{
  DcTransportMethod *transport = adapter->state;
  size_t growth = transport->own_groups ? SOURCE_GROWTH_OF_GROUPS : SOURCE_GROWTH;
  if (described)
    transport->described = used;
  if (!described)
    transport->source_due = 2 * adapter->accepted + 1;
  else if (growth * used <= smaller(LARGEST_SOURCE, adapter->config.window))
    transport->source_due = adapter->accepted + (growth - 1) * used;
  else
    transport->source_due = UINT64_MAX;
}

/* The clusters of a sample as readers see them now. NULL when memory is short. */
static uint32_t *
label_sample(const DcTransportTracker *tracker, const DcMatrix *sample)
{
  uint32_t *labels = DC_NEW(uint32_t, sample->rows);
  DcTransportScorer *scorer = dc_transport_tracker_scorer(tracker);
  DcTransportWork work;
  bool well = labels && scorer;
  size_t clusters = dc_transport_tracker_source(tracker)->clusters;
  if (well && (well = dc_transport_work_init(&work, dc_transport_tracker_source(tracker)))) {
    for (size_t row = 0; row < sample->rows; row += DC_TRANSPORT_CHUNK) {
      DcMatrix part = dc_matrix_rows(sample, row, smaller(sample->rows - row, DC_TRANSPORT_CHUNK));
      dc_transport_scorer_read(scorer, &part, &work);
      for (size_t i = 0; i < part.rows; i++)
        labels[row + i] = (uint32_t)dc_transport_largest(work.posterior + i * clusters, clusters);
    }
    dc_transport_work_clear(&work);
  }
  dc_transport_scorer_free(scorer);
  if (well)
    return labels;
  dc_free(labels);
  return NULL;
}

/* A cluster that a person named or holds is what that person saw in it. */
static bool
is_taken(const DcAdapter *adapter)
{
  for (size_t k = 0; k < adapter->clusters.count; k++) {
    const DcClusterInfo *info = &adapter->clusters.infos[k];
    if (info->named || info->pinned || info->ignored)
      return true;
  }
  return false;
}

/* Whether groups of our own may still change their members. */
static bool
may_group_again(const DcAdapter *adapter, size_t samples)
{
  DcTransportTracker *tracker = dc_transport_method(adapter)->tracker;
  return samples <= SAMPLES_PER_LAST_GROUPING * adapter->clusters.count &&
         dc_transport_tracker_stats(tracker).calm >= CALM_FOR_GROUPS &&
         !dc_open_world_is_active(adapter) && !is_taken(adapter);
}

/* The source model of a sample. Clusters that the warm-up made are grouped once more, by more
 * than centroids can tell, each under the number of that which it shares most members with; given
 * ones keep the cells of their centroids. */
static DcStatus
fit_source(DcAdapter *adapter, const DcMatrix *sample, DcTransportSource **source, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  DcMatrix centroids =
      dc_matrix(adapter->clusters.centroids, adapter->clusters.count, adapter->dim);
  uint32_t *labels = NULL;
  if (transport->own_groups && transport->tracker) {
    labels = label_sample(transport->tracker, sample);
    if (!labels)
      return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to describe the source");
  }
  DcTransportFitOptions fit = dc_transport_fit_options();
  fit.seed = adapter->config.seed;
  fit.regroup = transport->own_groups && (!labels || may_group_again(adapter, sample->rows));
  fit.cells = labels;
  DcStatus status = dc_transport_fit(sample, &centroids, &fit, source, error);
  dc_free(labels);
  return status;
}

static DcStatus
describe(DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  DcTransportSource *source = NULL;
  DcStatus status = fit_source(adapter, sample, &source, error);
  if (status == DC_ERROR_MEMORY)
    return status;
  if (status == DC_OK) {
    status = dc_transport_method_track(adapter, source, error);
    dc_transport_source_unref(source);
    if (status != DC_OK)
      return status;
    plan_next_source(adapter, sample->rows, true);
  } else {
    plan_next_source(adapter, sample->rows, false);
  }
  return DC_OK;
}

/* ---- the memory, read through the map ---- */

/* What is remembered as the source would have shown it, in its mix of clusters. */
typedef struct {
  DcMatrix rows; /* room for all that is remembered and a row for each cluster */
  uint32_t *cells;
  size_t *counts; /* sure members of each cluster */
  size_t sure;    /* their sum */
} Restored;

static void
clear_restored(Restored *restored)
{
  dc_free(restored->rows.data);
  dc_free(restored->cells);
  dc_free(restored->counts);
}

static bool
reserve_restored(const DcAdapter *adapter, size_t remembered, Restored *restored)
{
  size_t clusters = adapter->clusters.count, room = remembered + clusters;
  *restored = (Restored){
      .rows = dc_matrix(DC_NEW(float, room * adapter->dim), 0, adapter->dim),
      .cells = DC_NEW(uint32_t, room),
      .counts = DC_NEW(size_t, clusters),
  };
  if (restored->rows.data && restored->cells && restored->counts)
    return true;
  clear_restored(restored);
  return false;
}

/* Moves a row from where it lies in the stream, `stream` in the basis, to `restored` less the
 * offset of its cluster. What lies outside of the basis stays. */
static void
move_back(const DcTransportSource *s, const double *stream, const double *restored,
          const double *offset, float *row)
{
  for (size_t j = 0; j < s->input_dim; j++) {
    double step = 0;
    for (size_t i = 0; i < s->dim; i++)
      step += s->basis[j * s->dim + i] * (restored[i] - offset[i] - stream[i]);
    row[j] = (float)((double)row[j] + step);
  }
}

/* Moves the rows back by `map`; `cells` receives the cluster of each, NOBODY where that is not
 * sure. */
static void
read_back(const DcTransportSource *s, const DcTransportMap *map, DcTransportWork *work,
          const DcMatrix *rows, uint32_t *cells)
{
  for (size_t row = 0; row < rows->rows; row += DC_TRANSPORT_CHUNK) {
    DcMatrix part = dc_matrix_rows(rows, row, smaller(rows->rows - row, DC_TRANSPORT_CHUNK));
    dc_transport_project(s, &part, work);
    dc_transport_score(s, map, work->stream, part.rows, work);
    for (size_t i = 0; i < part.rows; i++) {
      const double *posterior = work->posterior + i * s->clusters;
      size_t k = dc_transport_largest(posterior, s->clusters);
      cells[row + i] = posterior[k] >= SURE ? (uint32_t)k : NOBODY;
      move_back(s, work->stream + i * s->dim, work->restored + i * s->dim, map->offset + k * s->dim,
                dc_matrix_row(&part, i));
    }
  }
}

/* 1 where the shares of `counts`, whose sum is `total`, are those of the source. */
static double
likeness(const DcTransportSource *s, const size_t *counts, size_t total)
{
  double apart = 0;
  for (size_t k = 0; k < s->clusters && total; k++)
    apart += fabs((double)counts[k] / (double)total - s->occupancy[k]) / 2;
  return total ? 1 - apart : 0;
}

/* Takes the sure rows in the mix of the source; where a cluster has fewer than that asks for, some
 * count twice. */
static void
take_in_mix(const DcTransportSource *s, const DcMatrix *rows, const uint32_t *cells,
            Restored *restored)
{
  for (size_t k = 0; k < s->clusters; k++) {
    size_t wanted =
        restored->counts[k] ? (size_t)lround(s->occupancy[k] * (double)restored->sure) : 0;
    for (size_t i = 0, taken = 0; taken < wanted; i = (i + 1) % rows->rows) {
      if (cells[i] != k)
        continue;
      DcMatrix room = dc_matrix(restored->rows.data, restored->rows.rows + 1, rows->cols);
      memcpy(dc_matrix_row(&room, restored->rows.rows), dc_matrix_row(rows, i),
             rows->cols * sizeof(float));
      restored->cells[restored->rows.rows++] = (uint32_t)k;
      taken++;
    }
  }
}

/* Fills `restored`, or leaves it without rows where the memory is no sample of the source. */
static DcStatus
restore_memory(const DcAdapter *adapter, const DcMatrix *rows, Restored *restored)
{
  const DcTransportMethod *transport = dc_transport_method(adapter);
  const DcTransportSource *s = dc_transport_tracker_source(transport->tracker);
  size_t selected = dc_transport_tracker_stats(transport->tracker).selected;
  uint32_t *cells = DC_NEW(uint32_t, rows->rows);
  DcTransportWork work = {0};
  bool well = cells && dc_transport_work_init(&work, s);
  if (well) {
    read_back(s, dc_transport_tracker_expert(transport->tracker, selected, NULL), &work, rows,
              cells);
    for (size_t i = 0; i < rows->rows; i++)
      if (cells[i] != NOBODY) {
        restored->counts[cells[i]]++;
        restored->sure++;
      }
    if (restored->sure >= SOURCE_GROWTH_OF_GROUPS * transport->described &&
        likeness(s, restored->counts, restored->sure) >= MEMORY_CALM)
      take_in_mix(s, rows, cells, restored);
    dc_transport_work_clear(&work);
  }
  dc_free(cells);
  return well ? DC_OK : DC_ERROR_MEMORY;
}

/* Describes the same clusters again, in the same directions; all maps go on. */
static DcStatus
describe_restored(DcAdapter *adapter, Restored *restored, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  DcMatrix centroids =
      dc_matrix(adapter->clusters.centroids, adapter->clusters.count, adapter->dim);
  DcTransportFitOptions fit = dc_transport_fit_options();
  fit.seed = adapter->config.seed;
  fit.cells = restored->cells;
  fit.like = dc_transport_tracker_source(transport->tracker);
  DcTransportSource *source = NULL;
  DcTransportTracker *made = NULL;
  DcStatus status = dc_transport_fit(&restored->rows, &centroids, &fit, &source, error);
  if (status != DC_OK)
    return status;
  dc_background_finish(&transport->search);
  status = dc_transport_tracker_continue(transport->tracker, source, &made, error);
  dc_transport_source_unref(source);
  if (status != DC_OK)
    return status;
  dc_transport_method_drop(transport);
  transport->tracker = made;
  plan_next_source(adapter, restored->rows.rows, true);
  return DC_OK;
}

/* Whether there is enough in the memory, of all clusters, to look closer. */
static bool
memory_may_do(const DcAdapter *adapter)
{
  const DcTransportMethod *transport = dc_transport_method(adapter);
  size_t total = dc_memory_count(adapter->clusters.memory);
  const DcTransportSource *s = dc_transport_tracker_source(transport->tracker);
  double apart = 0;
  for (size_t k = 0; k < s->clusters && total; k++) {
    size_t count = dc_memory_stratum(adapter->clusters.memory, k).rows;
    apart += fabs((double)count / (double)total - s->occupancy[k]) / 2;
  }
  return transport->own_groups && transport->described &&
         total >= SOURCE_GROWTH_OF_GROUPS * transport->described && 1 - apart >= CALM_ENOUGH;
}

/* While it bursts or has left the source the memory, which is kept for each cluster, can still be a
 * sample of it: read through the map. A small source follows a drift badly. */
static DcStatus
describe_through_map(DcAdapter *adapter, DcError *error)
{
  DcMatrix remembered;
  Restored restored;
  if (!memory_may_do(adapter))
    return DC_OK;
  float *rows = gather_memory(adapter, &remembered);
  DcStatus status = DC_ERROR_MEMORY;
  if (rows && reserve_restored(adapter, remembered.rows, &restored)) {
    status = restore_memory(adapter, &remembered, &restored);
    if (status == DC_OK && restored.rows.rows)
      status = describe_restored(adapter, &restored, error);
    clear_restored(&restored);
  }
  dc_free(rows);
  if (status == DC_ERROR_MEMORY)
    return dc_error_set(error, status, "not enough memory to describe the source");
  return DC_OK; /* a sample that tells nothing leaves things as they are */
}

/* ---- when ---- */

/* Whether what is remembered is no sample of the source now; looks again later. */
static bool
postpone(DcAdapter *adapter)
{
  DcTransportMethod *transport = adapter->state;
  if (!transport->tracker)
    return false;
  DcTransportStats stats = dc_transport_tracker_stats(transport->tracker);
  if (stats.displacement > SAME_DOMAIN) /* by the next time, it may have come back */
    transport->source_due = adapter->accepted + adapter->config.window;
  else if (stats.calm < CALM_ENOUGH)
    transport->source_due = adapter->accepted + CALM_PAUSE;
  else
    return false;
  return true;
}

DcStatus
dc_transport_method_describe_when_due(DcAdapter *adapter, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  if (adapter->accepted < transport->source_due)
    return DC_OK;
  if (postpone(adapter))
    return describe_through_map(adapter, error);
  DcMatrix remembered;
  float *rows = gather_memory(adapter, &remembered);
  if (!rows)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to describe the source");
  DcStatus status = describe(adapter, &remembered, error);
  dc_free(rows);
  return status;
}

DcStatus
dc_transport_method_begin(DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  size_t needed = smaller(SAMPLES_PER_OWN_GROUP * adapter->clusters.count, adapter->config.window);
  transport->own_groups = 1;
  transport->source_due = adapter->accepted + (needed > sample->rows ? needed - sample->rows : 0);
  return adapter->accepted < transport->source_due ? DC_OK : describe(adapter, sample, error);
}
