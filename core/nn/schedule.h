/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_SCHEDULE_H
#define DC_NN_SCHEDULE_H

#include <stdint.h>

/* How the learning rate changes over a course of training: pure functions of the step, so that a
 * course can be taken up anywhere. All counts are optimiser steps, from 0. */
typedef enum {
  DC_SCHEDULE_DECAY, /* `rate`, and from step decay_share * steps on `rate` / decay_divisor */
  DC_SCHEDULE_COSINE /* 0 for `idle` steps; then for `warm_up` steps in a straight line from 0
                        to `rate`; then down to 0 at `steps` on half a wave of a cosine
                        (Loshchilov and Hutter 2017, equation 5, one period) */
} DcScheduleKind;

typedef struct {
  DcScheduleKind kind;
  double rate;            /* the full one, > 0 */
  uint64_t steps;         /* of the whole course */
  double decay_share;     /* DECAY, 0 .. 1 */
  double decay_divisor;   /* DECAY, > 0 */
  uint64_t idle, warm_up; /* COSINE; together they may be all steps there are, or more */
} DcSchedule;

/* The rate of TDCM: a tenth of it for the last 30 % of the steps. */
DcSchedule dc_schedule_tdcm(double rate, uint64_t steps);

/* That of the encoder of SeCu (Qian 2023, in the code of the author): 0 in epoch 0, in which only
 * the centres learn, warm-up in epochs 1 to 10, then the cosine. */
DcSchedule dc_schedule_secu(double rate, uint64_t epochs, uint64_t steps_per_epoch);

/* The rate of step `step`, >= 0; past the end, that of the end. The first step of a warm-up takes
 * the rate of the second, as the code of SeCu does, so that no step but the idle ones is lost. */
double dc_schedule_rate(const DcSchedule *schedule, uint64_t step);

#endif
