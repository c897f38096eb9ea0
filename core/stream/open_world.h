/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_OPEN_WORLD_H
#define DC_STREAM_OPEN_WORLD_H

#include "stream/adapter.h"
#include "stream/unknowns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which clusters there are is revised while the stream goes on: births from groups of unknowns,
 * splits of clusters that hold two kinds, merges of clusters that are one, retirements of those
 * that were not seen for long. Whether two sets of embeddings are one is said by the valley of
 * density between them (cluster/valley.h). docs/methods/open-world.md tells rules and figures.
 *
 * At most one change is made with each adaptation, and one birth or split in dc_open_world_pace()
 * embeddings: identities do not explode in number. */

/* The false-alarm rate at which an embedding is unknown, where the configuration sets none. */
#define DC_OPEN_WORLD_RATE 0.01
/* Unknowns that wait at most. */
#define DC_OPEN_WORLD_UNKNOWNS 256
/* Retired clusters that are remembered, by their place. */
#define DC_OPEN_WORLD_RETIRED 16
/* Births and splits that are counted as undone at most. */
#define DC_OPEN_WORLD_MOST_UNDONE 8
/* A retirement and the birth that it made room for. */
#define DC_OPEN_WORLD_CHANGES 2

/* A cluster that is no more, but may come back. */
typedef struct {
  char uuid[DC_UUID_SIZE];
  char label[DC_LABEL_SIZE];
} DcRetired;

/* Of one adapter; places in the stream count embeddings received while the clusters are revised. */
typedef struct {
  bool chosen; /* the number of clusters was chosen in a warm-up */
  uint64_t received;
  uint64_t last_growth; /* place of the last birth or split */
  uint64_t cursor;      /* the cluster that is looked at next */
  uint64_t undone;      /* births and splits that did not last, less those that did */
  uint64_t birth_votes; /* times in a row that a group of unknowns could have been born */
  uint64_t births, merges, splits, retirements;
  DcUnknowns unknowns;
  DcRetired retired[DC_OPEN_WORLD_RETIRED]; /* oldest first */
  float *retired_places;                    /* DC_OPEN_WORLD_RETIRED x d: their centroids */
  size_t retired_count;
  DcClusterChange changes[DC_OPEN_WORLD_CHANGES]; /* of the last revision */
  size_t change_count;
} DcOpenWorld;

/* Room for what `adapter` may have to keep. False when memory is short. */
bool dc_open_world_reserve(DcAdapter *adapter);
void dc_open_world_clear(DcOpenWorld *world);

/* Whether the clusters of `adapter` are revised. */
bool dc_open_world_is_active(const DcAdapter *adapter);

/* The false-alarm rate at which embeddings are unknown; 0: while nothing is revised. */
double dc_open_world_rate(const DcAdapter *adapter);

/* Embeddings from one birth or split to the next, at least. */
uint64_t dc_open_world_pace(const DcAdapter *adapter);

/* Receives an embedding in the place of dc_clusters_receive(): `row` as it came, and `aligned` as
 * the clusters see it. Returns whether the method may learn from it now: not from a burst of
 * unknowns, which may be a cluster that is yet to be born. Allocates nothing. */
bool dc_open_world_receive(DcAdapter *adapter, const float *row, const float *aligned,
                           uint64_t time, const DcAssignment *assignment);

/* Looks at unknowns and clusters, once an adaptation, and makes the change that is called for;
 * world->changes tells it. With `adapt` false unknowns are judged again, and nothing changes. */
DcStatus dc_open_world_revise(DcAdapter *adapter, bool adapt, DcError *error);

#endif
