/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_LOADER_H
#define DC_NN_LOADER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mini-batches of samples, gathered (from memory, or from disk where the samples are a mapped file)
 * and prepared by a thread of its own, one batch ahead of who trains on them. What a batch holds is
 * a function of the options, the epoch and the number of the batch alone, so that a course of
 * training can be taken up anywhere. */
typedef struct DcLoader DcLoader;

/* Writes a prepared copy of `sample` to `prepared`: `row` is its number among all samples, `view`
 * 0 .. views - 1. Called in the loader's thread; what is random in it must be drawn from (seed,
 * epoch, row, view) and nothing else. */
typedef void (*DcLoaderPrepare)(void *data, const float *sample, uint32_t row, uint64_t epoch,
                                size_t view, float *prepared);

typedef struct {
  const float *samples; /* count x size, dense; must outlive the loader */
  size_t count, size;   /* >= 1 each; count < 2^32 */
  size_t batch;         /* samples in a batch, >= 1; the last of an epoch may have fewer */
  bool shuffle;         /* every epoch in an order of its own; else always 0, 1, 2 ... */
  uint64_t seed; /* of the orders: sequence `sequence` of this seed shuffles 0 .. count - 1 once
                    for epoch 0, what that gave once more for epoch 1, and so on */
  uint64_t sequence;
  size_t views;            /* prepared copies of each sample, >= 1; 1 without `prepare` */
  DcLoaderPrepare prepare; /* NULL: the samples as they are */
  void *prepare_data;
} DcLoaderOptions;

typedef struct {
  const uint32_t *rows; /* count: which samples they are */
  size_t count;
  const float *values; /* views x count x size: first the first view of each, then the second ... */
} DcBatch;

/* DC_ERROR_ARGUMENT, DC_ERROR_MEMORY (also when no thread can be started). Free with
 * dc_loader_free(). */
DcStatus dc_loader_new(const DcLoaderOptions *options, DcLoader **loader, DcError *error);
void dc_loader_free(DcLoader *loader);

/* Batches in an epoch. */
size_t dc_loader_steps(const DcLoader *loader);

/* Batch `step` (below dc_loader_steps()) of `epoch`, valid until the next call. Waits for it; when
 * it follows the one before, or is the first of the following epoch, it is or will soon be there,
 * and the loader goes on to the next one. Any other is made on demand. */
const DcBatch *dc_loader_batch(DcLoader *loader, uint64_t epoch, size_t step);

#endif
