/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_BENCH_H
#define DC_TESTS_BENCH_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* clock_gettime(); include this before any system header */
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What benchmark programs share: a clock, medians of interleaved repetitions, and the one form of
 * output, a JSON object per line. Two things are compared by running them in turn in the same
 * process, since a shared machine changes its speed from one second to the next. */

enum { BENCH_RUNS_MIN = 9, BENCH_RUNS_MAX = 2001 };

/* Work to be timed, on `data`. */
typedef void (*BenchWork)(void *data);

typedef struct {
  double seconds;  /* of the work, median */
  double baseline; /* of what it is compared with, median */
  double ratio;    /* median of the ratios of neighbouring runs */
  int repetitions;
} BenchResult;

/* Seconds of a clock that only moves forward. */
static inline double
bench_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds that this thread computed: what others do on a shared machine counts less. */
static inline double
bench_processor_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline double
bench_seconds(BenchWork work, void *data)
{
  double start = bench_now();
  work(data);
  return bench_now() - start;
}

static inline int
bench_compare_numbers(const void *left, const void *right)
{
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Sorts `values`. */
static inline double
bench_median(double *values, int count)
{
  qsort(values, (size_t)count, sizeof *values, bench_compare_numbers);
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Times `work` and `baseline` in turn for about `budget` seconds, after one run of each to warm up.
 */
static inline BenchResult
bench_against(BenchWork work, BenchWork baseline, void *data, double budget)
{
  static double times[BENCH_RUNS_MAX], others[BENCH_RUNS_MAX], ratios[BENCH_RUNS_MAX];
  double end = bench_now() + budget;
  int runs = 0;
  work(data);
  baseline(data);
  while (runs < BENCH_RUNS_MIN || (runs < BENCH_RUNS_MAX && bench_now() < end)) {
    times[runs] = bench_seconds(work, data);
    others[runs] = bench_seconds(baseline, data);
    ratios[runs] = times[runs] / others[runs];
    runs++;
  }
  return (BenchResult){.seconds = bench_median(times, runs),
                       .baseline = bench_median(others, runs),
                       .ratio = bench_median(ratios, runs),
                       .repetitions = runs};
}

/* One line {"name": ..., "parameters": {...}, "value": ..., "unit": ...}; `parameters` is the
 * inside of that JSON object. */
static inline void
bench_print(const char *name, const char *parameters, double value, const char *unit)
{
  printf("{\"name\": \"%s\", \"parameters\": {%s}, \"value\": %.6g, \"unit\": \"%s\"}\n", name,
         parameters, value, unit);
  fflush(stdout);
}

#endif
