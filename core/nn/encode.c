/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/encode.h"

#include "base/memory.h"
#include "base/workers.h"
#include "nn/plan.h"
#include "tensor/matrix.h"

/* Samples that a plan runs at once; the plan splits them further so that they stay in its cache. */
#define CHUNK ((size_t)256)

typedef struct {
  DcPlan **plans; /* one for each worker */
  size_t count;
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

DcStatus
dc_encode(const DcNetwork *network, const float *samples, size_t count, size_t threads,
          float *outputs, DcError *error)
{
  if (threads < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "encoding with 0 threads");
  Job job = {.samples = samples,
             .outputs = outputs,
             .sample_count = count,
             .input_size = dc_shape_size(dc_network_input(network)),
             .output_size = dc_shape_size(dc_network_output(network))};
  DcStatus status = plan_all(&job, network, threads, error);
  DcWorkers *workers = status ? NULL : dc_workers_new(threads);
  if (workers)
    dc_workers_run(workers, run_share, &job);
  else if (!status)
    status = dc_error_set(error, DC_ERROR_MEMORY, "cannot start %zu threads to encode", threads);
  dc_workers_free(workers);
  for (size_t i = 0; i < job.count; i++)
    dc_plan_free(job.plans[i]);
  dc_free(job.plans);
  const DcMatrix results = dc_matrix(outputs, count, job.output_size);
  if (!status && !dc_matrix_is_finite(&results))
    status = dc_error_set(error, DC_ERROR_NOT_FINITE,
                          "the network makes NaN or infinity of a sample: it has diverged");
  return status;
}
