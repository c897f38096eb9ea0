/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_SEPARATION_H
#define DC_STREAM_SEPARATION_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the embeddings still tell the clusters apart: the mean margin by which they are assigned
 * (posterior of the best cluster less that of the second), recently and at the start. It needs no
 * labels, and falls when clusters run into each other, whatever the encoder and the method. */
typedef struct {
  double reference; /* mean margin of the first embeddings */
  double recent;    /* of the newest ones */
  uint64_t seen;    /* margins in the reference; it is complete with DC_SEPARATION_REFERENCE */
  bool lost;        /* recent fell below 0.85 of the reference, and has not risen to 0.92 of it */
} DcSeparation;

#define DC_SEPARATION_REFERENCE 1024 /* embeddings */

/* The margin of one more embedding. */
void dc_separation_note(DcSeparation *separation, double margin);

/* Looks whether it is lost. */
void dc_separation_judge(DcSeparation *separation);

/* The clusters are read in another way from now on: margins before say nothing of those to come. */
void dc_separation_restart(DcSeparation *separation);

#endif
