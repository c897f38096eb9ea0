/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fits a mixture of Gaussians to samples in files, for programs in other languages:
 *   mixture_run FOLDER DIM CLUSTERS spherical|tied|full ITERATIONS
 * FOLDER holds raw little-endian float32 rows of DIM numbers: samples.f32 and start.f32, the
 * centroids to start from. Writes labels.u32 and prints one JSON line of figures. */
#include "raw_files.h"

#include "cluster/mixture.h"

#include <string.h>
#include <time.h>

static DcCovariance
covariance_named(const char *name)
{
  static const char *const names[] = {"spherical", "tied", "full"};
  for (int kind = 0; kind < 3; kind++)
    if (!strcmp(name, names[kind]))
      return (DcCovariance)kind;
  fail(name, "is no covariance");
  return DC_COVARIANCE_FULL;
}

static double
seconds(void)
{
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int
main(int argc, char **argv)
{
  if (argc != 6)
    fail(argv[0], "FOLDER DIM CLUSTERS COVARIANCE ITERATIONS");
  size_t dim = (size_t)atoi(argv[2]);
  Content samples = read_file(argv[1], "samples.f32"), start = read_file(argv[1], "start.f32");
  if (!samples.data || !start.data)
    fail(argv[1], "samples.f32 or start.f32 is missing");
  DcMatrix rows = rows_of(&samples, dim), centroids = rows_of(&start, dim);
  DcMixtureOptions options = dc_mixture_options((uint32_t)atoi(argv[3]), covariance_named(argv[4]));
  options.max_iterations = (uint32_t)atoi(argv[5]);
  options.tolerance = 0;
  uint32_t *labels = DC_NEW(uint32_t, rows.rows);
  DcMixture *mixture;
  DcMixtureResult result;
  DcError error;
  double begin = seconds();
  if (dc_mixture_fit(&rows, &options, NULL, &centroids, &mixture, labels, &result, &error) != DC_OK)
    fail(argv[1], error.message);
  printf("{\"log_likelihood\": %.17g, \"seconds\": %.4f}\n", result.log_likelihood,
         seconds() - begin);
  write_labels(argv[1], labels, rows.rows);
  dc_mixture_free(mixture);
  dc_free(labels);
  dc_free(samples.data);
  dc_free(start.data);
  return 0;
}
