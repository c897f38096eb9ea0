/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_OPEN_WORLD_PRIVATE_H
#define DC_STREAM_OPEN_WORLD_PRIVATE_H

#include "stream/adapter_private.h"
#include "stream/open_world.h"

/* Between the files of the open world:
 *   open_world        receiving, unknowns, the order of a revision
 *   open_world_grow   births, and splits of clusters that hold two kinds
 *   open_world_shrink merges and retirements */

/* Members without which nothing is said about a cluster. */
#define DC_OPEN_WORLD_LEAST 16
/* dc_valley_bound() is where a warm-up draws the line between one and two, once. A stream asks
 * again and again, and would cross it by chance. So sets become two clusters when their valley is
 * at most this share of the bound; */
#define DC_OPEN_WORLD_DEEP 0.75
/* and two clusters become one when there is no valley at all, as between the halves of a cluster
 * that was cut (about 1, less what few points take from it). Between, all stays as it is. */
#define DC_OPEN_WORLD_NONE 0.95

/* A birth or split whose cluster is merged within so many windows was none: each one doubles the
 * pause before the next, up to DC_OPEN_WORLD_MOST_UNDONE times; each that lasted halves it. */
#define DC_OPEN_WORLD_YOUTH 4

/* The most clusters that there may be. */
size_t dc_open_world_limit(const DcAdapterConfig *config);

/* A person keeps it: it is not merged into another, split or retired but on command. */
bool dc_open_world_is_kept(const DcClusterInfo *info);

/* Root mean squared distance of members from their centroid, over all clusters. */
double dc_open_world_spread(const DcClusters *clusters);

void dc_open_world_tell(DcAdapter *adapter, DcChangeKind kind, const DcClusterInfo *cluster,
                        const DcClusterInfo *other);

/* Notes a birth or split. */
void dc_open_world_note_growth(DcAdapter *adapter);

/* ---- growing ---- */

/* Has a group of unknowns born, if there is one. */
DcStatus dc_open_world_bear(DcAdapter *adapter, DcError *error);

/* Splits cluster `k` when it held two kinds in two looks in a row. */
DcStatus dc_open_world_part(DcAdapter *adapter, size_t k, DcError *error);

/* ---- shrinking ---- */

/* Merges cluster `k` into a larger neighbour when it was one with it in several looks in a row. */
DcStatus dc_open_world_join(DcAdapter *adapter, size_t k, DcError *error);

/* Retires a cluster that was out of sight for longer than the configuration allows. */
DcStatus dc_open_world_expire(DcAdapter *adapter, DcError *error);

/* Sees to room for one more cluster, by a retirement if need be; `room` tells whether there is. */
DcStatus dc_open_world_make_room(DcAdapter *adapter, bool *room, DcError *error);

/* Gives the last cluster the identity of a retired one that was where it is, if there is one. */
void dc_open_world_recall(DcAdapter *adapter);

#endif
