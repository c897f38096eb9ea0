/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_linear.h"
#include "cluster/transport_tracker_private.h"

#include <math.h>
#include <string.h>

/* How a learner moves its map and the private offsets of the clusters by a batch that was read. */

/* Figures of section 3 and table 4 of the method. */
#define LOST           2.0  /* nats per embedding by which a learner is given up */
#define DAMPING        0.1  /* rho */
#define LARGEST_STEP   0.2  /* Frobenius norm of E */
#define VELOCITY_DECAY 0.99 /* per batch */
#define LEASH          1.5  /* largest private offset, in rms */

/* ---- starting again elsewhere ---- */

void
dc_transport_tracker_still(DcTransportTracker *t, size_t expert)
{
  size_t d = t->source->dim;
  memset(t->turns + expert * d * d, 0, d * d * sizeof(double));
  memset(t->drifts + expert * d, 0, d * sizeof(double));
}

void
dc_transport_tracker_put_to_anchor(DcTransportTracker *t, size_t expert)
{
  dc_transport_map_copy(t->source, &t->source->anchor, &t->maps[expert]);
  dc_transport_tracker_still(t, expert);
}

/* `expert` starts again where `from` is. */
static void
clone(DcTransportTracker *t, size_t expert, size_t from)
{
  size_t d = t->source->dim;
  dc_transport_map_copy(t->source, &t->maps[from], &t->maps[expert]);
  t->levels[expert] = t->levels[from] - DC_TRANSPORT_HYSTERESIS;
  if (from >= t->options.experts) {
    dc_transport_tracker_still(t, expert);
    return;
  }
  memcpy(t->turns + expert * d * d, t->turns + from * d * d, d * d * sizeof(double));
  memcpy(t->drifts + expert * d, t->drifts + from * d, d * sizeof(double));
}

/* ---- offsets ---- */

/* Moves the private offset of each cluster by the evidence that it received itself; calm holds them
 * back while a cluster's members are strays of the one that fills the stream. */
static void
learn_offsets(DcTransportTracker *t, size_t expert)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim;
  double *offset = t->maps[expert].offset, calmness = dc_transport_tracker_calm(t);
  double leash = LEASH * s->figure[DC_TRANSPORT_RMS];
  for (size_t k = 0; k < s->clusters; k++) {
    double own = 1 - exp(-t->evidence[expert].mass[k] / t->options.private_memory);
    double gain = t->options.adaptation_rate * calmness * calmness * own;
    for (size_t i = 0; i < d; i++)
      offset[k * d + i] += gain * t->residual[k * d + i];
    double length = dc_linear_norm(offset + k * d, d);
    for (size_t i = 0; length > leash && i < d; i++)
      offset[k * d + i] *= leash / length;
  }
}

/* ---- the map ---- */

static void
scale(double *numbers, size_t count, double factor)
{
  for (size_t i = 0; i < count; i++)
    numbers[i] *= factor;
}

/* The bounded step of the rate, without velocity. */
static void
find_step(DcTransportTracker *t, size_t expert, double batches)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim;
  dc_transport_moments(s, &t->evidence[expert], t->moment, t->gradient);
  dc_transport_newton(s, t->moment, t->gradient, DAMPING, t->step_matrix, t->step_shift);
  double rate = t->options.rate[expert] * t->options.adaptation_rate;
  rate = 1 - pow(1 - rate, batches);
  double length = rate * dc_linear_norm(t->step_matrix, d * d);
  double bound = length > LARGEST_STEP ? LARGEST_STEP / length : 1;
  scale(t->step_matrix, d * d, rate * bound);
  scale(t->step_shift, d, rate * bound);
}

/* velocity <- decay velocity + share step; the step gains the velocity of its `batches`. */
static void
add_velocity(double *velocity, double *step, size_t count, double share, double batches)
{
  double decay = pow(VELOCITY_DECAY, batches);
  for (size_t i = 0; i < count; i++) {
    velocity[i] = decay * velocity[i] + share * step[i];
    step[i] += batches * velocity[i];
  }
}

static void
learn_map(DcTransportTracker *t, size_t expert, double batches)
{
  size_t d = t->source->dim;
  double share = t->options.velocity[expert];
  find_step(t, expert, batches);
  if (share > 0) {
    add_velocity(t->turns + expert * d * d, t->step_matrix, d * d, share, batches);
    add_velocity(t->drifts + expert * d, t->step_shift, d, share, batches);
  }
  dc_transport_map_step(t->source, t->step_matrix, t->step_shift, t->square, &t->maps[expert]);
}

/* ---- both ---- */

void
dc_transport_tracker_learn(DcTransportTracker *t, size_t expert, double batches)
{
  /* Offsets and map learn from the same evidence, which was read before either moves. */
  dc_transport_residuals(t->source, &t->maps[expert], &t->evidence[expert], t->residual);
  learn_offsets(t, expert);
  learn_map(t, expert, batches);
  size_t best = t->counter[SELECTED];
  if (t->levels[expert] < t->levels[best] - LOST)
    clone(t, expert, best);
  if (!dc_transport_tracker_derive(t, expert)) {
    dc_transport_tracker_put_to_anchor(t, expert);
    t->levels[expert] = t->levels[DC_TRANSPORT_ANCHOR];
    t->counter[RESTORED]++;
  }
}
