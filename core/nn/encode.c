/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/encode.h"

#include "base/memory.h"
#include "base/workers.h"
#include "nn/plan.h"
#include "tensor/matrix.h"

/* Samples that a plan runs at once; the plan splits them further so that they stay in its cache. */
#define CHUNK ((size_t)256)

/* Samples whose outputs are held at once to find the largest of each; a multiple of CHUNK. */
#define LABEL_CHUNK (16 * CHUNK)

typedef struct {
  DcPlan **plans; /* one for each worker */
  size_t count;
  DcWorkers *workers;
  const float *samples;
  float *outputs;
  size_t sample_count, input_size, output_size;
} Job;

/* Worker i takes chunk i, i + count, ...: where a sample lies in its chunk does not depend on the
 * number of workers, and neither does its rounding. */
static void
run_share(void *data, size_t index)
{
  const Job *job = data;
  for (size_t first = index * CHUNK; first < job->sample_count; first += job->count * CHUNK) {
    const size_t left = job->sample_count - first;
    dc_plan_run(job->plans[index], job->samples + first * job->input_size,
                left < CHUNK ? left : CHUNK, job->outputs + first * job->output_size);
  }
}

static DcStatus
plan_all(Job *job, const DcNetwork *network, size_t threads, DcError *error)
{
  job->plans = DC_NEW(DcPlan *, threads);
  if (!job->plans)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to encode with %zu threads", threads);
  for (; job->count < threads; job->count++) {
    DcStatus status = dc_plan_new(network, CHUNK, &job->plans[job->count], error);
    if (status)
      return status;
  }
  return DC_OK;
}

static void
close_job(Job *job)
{
  dc_workers_free(job->workers);
  for (size_t i = 0; i < job->count; i++)
    dc_plan_free(job->plans[i]);
  dc_free(job->plans);
}

/* To be closed also on failure. */
static DcStatus
open_job(Job *job, const DcNetwork *network, size_t threads, DcError *error)
{
  *job = (Job){.input_size = dc_shape_size(dc_network_input(network)),
               .output_size = dc_shape_size(dc_network_output(network))};
  if (threads < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "encoding with 0 threads");
  DcStatus status = plan_all(job, network, threads, error);
  if (status)
    return status;
  job->workers = dc_workers_new(threads);
  return job->workers
             ? DC_OK
             : dc_error_set(error, DC_ERROR_MEMORY, "cannot start %zu threads to encode", threads);
}

static DcStatus
run_job(Job *job, const float *samples, size_t count, float *outputs, DcError *error)
{
  job->samples = samples;
  job->sample_count = count;
  job->outputs = outputs;
  dc_workers_run(job->workers, run_share, job);
  const DcMatrix results = dc_matrix(outputs, count, job->output_size);
  if (dc_matrix_is_finite(&results))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_NOT_FINITE,
                      "the network makes NaN or infinity of a sample: it has diverged");
}

DcStatus
dc_encode(const DcNetwork *network, const float *samples, size_t count, size_t threads,
          float *outputs, DcError *error)
{
  Job job;
  DcStatus status = open_job(&job, network, threads, error);
  if (!status)
    status = run_job(&job, samples, count, outputs, error);
  close_job(&job);
  return status;
}

static uint32_t
largest(const float *values, size_t count)
{
  uint32_t best = 0;
  for (size_t i = 1; i < count; i++)
    best = values[i] > values[best] ? (uint32_t)i : best;
  return best;
}

/* `outputs` has room for those of `room` samples. */
static DcStatus
label_all(Job *job, const float *samples, size_t count, float *outputs, size_t room,
          uint32_t *labels, DcError *error)
{
  DcStatus status = DC_OK;
  for (size_t first = 0; first < count && !status; first += room) {
    const size_t left = count - first, part = left < room ? left : room;
    status = run_job(job, samples + first * job->input_size, part, outputs, error);
    for (size_t i = 0; i < part && !status; i++)
      labels[first + i] = largest(outputs + i * job->output_size, job->output_size);
  }
  return status;
}

DcStatus
dc_encode_largest(const DcNetwork *network, const float *samples, size_t count, size_t threads,
                  uint32_t *labels, DcError *error)
{
  Job job;
  DcStatus status = open_job(&job, network, threads, error);
  const size_t room = count < LABEL_CHUNK ? count : LABEL_CHUNK;
  float *outputs = status ? NULL : DC_NEW(float, room *job.output_size);
  if (outputs)
    status = label_all(&job, samples, count, outputs, room, labels, error);
  else if (!status)
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu outputs of a network", room);
  dc_free(outputs);
  close_job(&job);
  return status;
}
