/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_EVAL_DRIFT_STREAM_H
#define DC_EVAL_DRIFT_STREAM_H

#include "base/status.h"
#include "image/look.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Streams under drift made of labelled samples: what comes when, and how it looks. Each kind is
 * described in docs/drift.md. Equal samples and seed give equal streams. */

typedef enum {
  DC_DRIFT_ANY,      /* of pictures or vectors */
  DC_DRIFT_PICTURES, /* cannot be made in vectors */
  DC_DRIFT_COLOUR    /* needs pictures in colour */
} DcDriftNeed;

typedef struct {
  const char *name;
  const char *summary; /* one line, for people */
  DcDriftNeed need;
  bool domains; /* goes from input to input, and needs at least two of them */
} DcDriftKind;

/* All kinds there are; `count` receives how many. */
const DcDriftKind *dc_drift_kinds(size_t *count);

/* The kind of that name, or NULL. */
const DcDriftKind *dc_drift_kind(const char *name);

/* The samples that a stream is made of. */
typedef struct {
  const uint32_t *samples; /* count: numbers of samples, in the order in which they are used */
  size_t count;
  const uint32_t *labels; /* of every sample, by its number */
  const uint32_t *inputs; /* the same: which input it is from, 0, 1, ...; NULL: all from one */
} DcDriftPool;

#define DC_DRIFT_MAX_JUMPS 8

typedef struct {
  size_t length;
  uint32_t *samples;               /* length: which sample comes */
  DcLook *looks;                   /* length: how it looks */
  size_t jump[DC_DRIFT_MAX_JUMPS]; /* places at which the look changes at once, ascending */
  size_t jumps;
} DcDriftStream;

/* Lays out a stream of `kind` of at most `length` of the samples, each used once. DC_ERROR_ARGUMENT
 * for fewer than DC_DRIFT_SHORTEST samples, for one class where a kind needs several, or one input
 * where it needs several; DC_ERROR_MEMORY. Clear with dc_drift_stream_clear(). */
#define DC_DRIFT_SHORTEST 12
DcStatus dc_drift_stream_init(DcDriftStream *stream, const DcDriftKind *kind,
                              const DcDriftPool *pool, size_t length, uint64_t seed,
                              DcError *error);
void dc_drift_stream_clear(DcDriftStream *stream);

#endif
