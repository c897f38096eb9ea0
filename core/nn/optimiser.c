/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/optimiser.h"

#include "base/memory.h"

#include <math.h>

struct DcOptimiser {
  DcOptimiserOptions options;
  size_t count;
  uint64_t steps;
  float *first;  /* ADAM: mean of the gradient; SGD: velocity */
  float *second; /* ADAM: mean of its square */
};

DcOptimiserOptions
dc_optimiser_adam(double learning_rate)
{
  return (DcOptimiserOptions){.kind = DC_OPTIMISER_ADAM,
                              .learning_rate = learning_rate,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .epsilon = 1e-7};
}

DcOptimiserOptions
dc_optimiser_sgd(double learning_rate, double momentum)
{
  return (DcOptimiserOptions){.kind = DC_OPTIMISER_SGD,
                              .learning_rate = learning_rate,
                              .momentum = momentum};
}

static bool
is_fraction(double x)
{
  return x >= 0 && x < 1;
}

static const char *
find_fault(const DcOptimiserOptions *options)
{
  if (!(options->learning_rate > 0 && isfinite(options->learning_rate)))
    return "the learning rate must be above 0";
  if (!(options->weight_decay >= 0 && isfinite(options->weight_decay)))
    return "the weight decay must be 0 or more";
  if (options->kind == DC_OPTIMISER_SGD)
    return is_fraction(options->momentum) ? NULL : "the momentum must be 0 or more and below 1";
  if (!is_fraction(options->beta1) || !is_fraction(options->beta2))
    return "beta1 and beta2 must be 0 or more and below 1";
  return options->epsilon > 0 ? NULL : "epsilon must be above 0";
}

DcStatus
dc_optimiser_new(const DcOptimiserOptions *options, size_t count, DcOptimiser **optimiser,
                 DcError *error)
{
  *optimiser = NULL;
  const char *fault = find_fault(options);
  if (fault)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "optimiser: %s", fault);
  DcOptimiser *made = DC_NEW(DcOptimiser, 1);
  if (made) {
    made->options = *options;
    made->count = count;
    made->first = DC_NEW(float, count);
    made->second = options->kind == DC_OPTIMISER_ADAM ? DC_NEW(float, count) : NULL;
  }
  if (!made || !made->first || (options->kind == DC_OPTIMISER_ADAM && !made->second)) {
    dc_optimiser_free(made);
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to optimise %zu parameters", count);
  }
  *optimiser = made;
  return DC_OK;
}

void
dc_optimiser_free(DcOptimiser *optimiser)
{
  if (!optimiser)
    return;
  dc_free(optimiser->first);
  dc_free(optimiser->second);
  dc_free(optimiser);
}

void
dc_optimiser_set_rate(DcOptimiser *optimiser, double learning_rate)
{
  optimiser->options.learning_rate = learning_rate;
}

/* A part of one piece, with what belongs to it. */
typedef struct {
  float *values;
  const float *gradient;
  float *first, *second;
  size_t count;
} Part;

static void
adam(const DcOptimiser *optimiser, const Part *part)
{
  const DcOptimiserOptions *o = &optimiser->options;
  const double t = (double)optimiser->steps;
  const float rate =
      (float)(o->learning_rate * sqrt(1 - pow(o->beta2, t)) / (1 - pow(o->beta1, t)));
  const float keep = (float)(1 - o->learning_rate * o->weight_decay);
  const float beta1 = (float)o->beta1, new1 = (float)(1 - o->beta1);
  const float beta2 = (float)o->beta2, new2 = (float)(1 - o->beta2);
  const float epsilon = (float)o->epsilon;
  const float *gradient = part->gradient;
  float *restrict values = part->values;
  float *restrict first = part->first, *restrict second = part->second;
  for (size_t i = 0; i < part->count; i++) {
    first[i] = beta1 * first[i] + new1 * gradient[i];
    second[i] = beta2 * second[i] + new2 * gradient[i] * gradient[i];
    values[i] = keep * values[i] - rate * first[i] / (sqrtf(second[i]) + epsilon);
  }
}

static void
sgd(const DcOptimiser *optimiser, const Part *part)
{
  const float rate = (float)optimiser->options.learning_rate;
  const float momentum = (float)optimiser->options.momentum;
  const float decay = (float)optimiser->options.weight_decay;
  const float *gradient = part->gradient;
  float *restrict values = part->values, *restrict velocity = part->first;
  for (size_t i = 0; i < part->count; i++) {
    velocity[i] = momentum * velocity[i] + gradient[i] + decay * values[i];
    values[i] -= rate * velocity[i];
  }
}

/* What of `piece`, whose numbers are offset .. in the whole, lies in first .. end - 1. */
static Part
cut(const DcOptimiser *optimiser, const DcParameters *piece, size_t offset, const float *gradient,
    size_t first, size_t end)
{
  const size_t piece_end = offset + piece->count;
  const size_t from = first > offset ? first : offset, to = end < piece_end ? end : piece_end;
  if (from >= to)
    return (Part){0};
  return (Part){.values = piece->values + (from - offset),
                .gradient = gradient + from,
                .first = optimiser->first + from,
                .second = optimiser->second ? optimiser->second + from : NULL,
                .count = to - from};
}

void
dc_optimiser_begin(DcOptimiser *optimiser)
{
  optimiser->steps++;
}

void
dc_optimiser_step_range(const DcOptimiser *optimiser, const DcParameters *pieces,
                        size_t piece_count, const float *gradient, size_t first, size_t end)
{
  size_t offset = 0;
  for (size_t i = 0; i < piece_count; i++) {
    const Part part = cut(optimiser, &pieces[i], offset, gradient, first, end);
    if (part.count && optimiser->options.kind == DC_OPTIMISER_ADAM)
      adam(optimiser, &part);
    else if (part.count)
      sgd(optimiser, &part);
    offset += pieces[i].count;
  }
}

void
dc_optimiser_step(DcOptimiser *optimiser, const DcParameters *pieces, size_t piece_count,
                  const float *gradient)
{
  dc_optimiser_begin(optimiser);
  dc_optimiser_step_range(optimiser, pieces, piece_count, gradient, 0, optimiser->count);
}

void
dc_optimiser_list_state(DcOptimiser *optimiser, const char *prefix, DcStateList *list)
{
  dc_state_list_add_object(list, prefix, "steps", &optimiser->steps);
  dc_state_list_add(list, prefix, "first", DC_STATE_FLOATS, optimiser->first, optimiser->count);
  if (optimiser->second)
    dc_state_list_add(list, prefix, "second", DC_STATE_FLOATS, optimiser->second, optimiser->count);
}
