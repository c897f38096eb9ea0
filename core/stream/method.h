/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_METHOD_H
#define DC_STREAM_METHOD_H

#include "base/status.h"
#include "stream/adapter.h"
#include "stream/snapshot_builder.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How one method of adapting plugs into an adapter: a constant table for each method, and what it
 * knows of one stream in adapter->state. The adapter keeps the clusters, their memory and their
 * identity, and decides when to adapt; the method says where the centroids go. A new method is one
 * file with such a table, an entry of DcMethod and a line in dc_adapt_method(). */

/* One array of a method's state: a matrix, or a single whole number (1 x 1 of DC_METHOD_WHOLE).
 * Names are unique within a state file. */
typedef enum { DC_METHOD_FLOATS, DC_METHOD_DOUBLES, DC_METHOD_WHOLE } DcMethodType;

typedef struct {
  const char *name;
  DcMethodType type;
  size_t rows, cols;
  const void *data; /* float, double or uint64_t */
} DcMethodArray;

#define DC_METHOD_MAX_ARRAYS 48

/* The entry of that name and type, or NULL. */
const DcMethodArray *dc_method_array_find(const DcMethodArray *arrays, size_t count,
                                          const char *name, DcMethodType type);

/* Copies the one row of `array` onto `target` (float or double, as the array is), which must have
 * `count` numbers, all in low..high and finite. DC_ERROR_FORMAT. */
DcStatus dc_method_read_row(const DcMethodArray *array, size_t count, double low, double high,
                            void *target, DcError *error);

/* In regroup(): a cluster that was none before. */
#define DC_NEW_CLUSTER SIZE_MAX

/* Every entry but `name` and `move` may be NULL: there is nothing to do then. */
typedef struct DcAdaptMethod {
  const char *name;

  /* Makes adapter->state, which is NULL; there may be no clusters yet. False when memory is short.
   */
  bool (*open)(DcAdapter *adapter);
  void (*close)(void *state); /* NULL is ignored */

  /* Room for what adapter->config asks for now. False when memory is short. */
  bool (*reserve)(DcAdapter *adapter);

  /* The clusters were placed anew: what was learnt is void. */
  DcStatus (*restart)(DcAdapter *adapter, DcError *error);

  /* There are other clusters than before, some of which go on: cluster k was number from[k] until
   * now, or is new (DC_NEW_CLUSTER). */
  DcStatus (*regroup)(DcAdapter *adapter, const size_t *from, DcError *error);

  /* The warm-up ended with `sample`, of which the clusters were made. */
  DcStatus (*warmed_up)(DcAdapter *adapter, const DcMatrix *sample, DcError *error);

  /* Embeddings that were assigned to clusters and remembered. Allocates nothing. */
  void (*receive)(DcAdapter *adapter, const DcMatrix *rows);

  /* Moves adapter->clusters.centroids, once every interval. */
  DcStatus (*move)(DcAdapter *adapter, DcError *error);

  /* Called in the place of move() while the clusters are frozen. */
  void (*skip)(DcAdapter *adapter);

  /* Adds to a snapshot how it labels, where the nearest centroid is not what the method means.
   * False when memory is short. */
  bool (*read)(const DcAdapter *adapter, DcSnapshotParts *parts);

  void (*describe)(const DcAdapter *adapter, DcAdapterStats *stats);

  /* Views of all that the method knows, valid until it is called again; returns how many. */
  size_t (*arrays)(const DcAdapter *adapter, DcMethodArray arrays[DC_METHOD_MAX_ARRAYS]);

  /* Continues from such arrays, among which are others, with the clusters in place; starts anew
   * where those of this method are missing. */
  DcStatus (*restore)(DcAdapter *adapter, const DcMethodArray *arrays, size_t count,
                      DcError *error);
} DcAdaptMethod;

const DcAdaptMethod *dc_adapt_method(DcMethod method);

extern const DcAdaptMethod dc_method_transport, dc_method_attention, dc_method_k_means,
    dc_method_none, dc_method_mixture, dc_method_secu;

/* Embeddings in a half-life of the configuration, as fast as they come; `otherwise` without a
 * half-life or while that is not known. At least 1. */
double dc_adapter_half_life(const DcAdapter *adapter, double otherwise);

/* Embeddings that a method which learns from the newest ones should have room for. */
size_t dc_adapter_pending_capacity(const DcAdapter *adapter);

/* ---- for methods that look for the centroids in the memory ---- */

/* Writes where the centroids should be to adapter->clusters.proposal. DC_ERROR_NOT_FINITE when no
 * finite place is found. */
typedef DcStatus (*DcProposer)(DcAdapter *adapter);

/* Moves the centroids towards what `propose` says, each by the evidence that it received and by
 * what is more than chance (docs/methods/adapting.md, section "The step"). */
DcStatus dc_adapter_follow(DcAdapter *adapter, DcProposer propose, DcError *error);

/* The proposals of TDCM's update and of one step of Lloyd over the memory. */
DcStatus dc_propose_attention(DcAdapter *adapter);
DcStatus dc_propose_k_means(DcAdapter *adapter);

#endif
