/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/tdcm_domains.h"

#include "base/memory.h"
#include "cluster/matching.h"

#include <string.h>

/* The numbers of clusters in different domains have nothing to do with each other, since each is
 * clustered by itself: those of later domains are matched to the first one's. */
typedef struct {
  float *centroids;          /* K x d, of a domain */
  double *reference, *moved; /* K x d: centroids of the first domain, and of another */
  double *gain;              /* K x K */
  uint32_t *match;           /* K */
} Matching;

static bool
matching_init(Matching *matching, size_t clusters, size_t width)
{
  matching->centroids = DC_NEW(float, clusters *width);
  matching->reference = DC_NEW(double, clusters *width);
  matching->moved = DC_NEW(double, clusters *width);
  matching->gain = DC_NEW(double, clusters *clusters);
  matching->match = DC_NEW(uint32_t, clusters);
  return matching->centroids && matching->reference && matching->moved && matching->gain &&
         matching->match;
}

static void
matching_clear(Matching *matching)
{
  dc_free(matching->centroids);
  dc_free(matching->reference);
  dc_free(matching->moved);
  dc_free(matching->gain);
  dc_free(matching->match);
}

/* Centroids relative to their mean and in units of their domain's scale: so they can be compared
 * between domains. */
static void
standardise(const float *centroids, size_t clusters, size_t width, double scale, double *moved)
{
  for (size_t k = 0; k < width; k++) {
    double mean = 0;
    for (size_t j = 0; j < clusters; j++)
      mean += centroids[j * width + k] / (double)clusters;
    for (size_t j = 0; j < clusters; j++)
      moved[j * width + k] = (centroids[j * width + k] - mean) / scale;
  }
}

/* |a - b|^2 in the metric of the module. */
static double
squared_distance(const DcTdcmModule *module, const double *a, const double *b)
{
  const size_t d = module->dim;
  double sum = 0;
  for (size_t l = 0; l < d; l++) {
    double feature = 0;
    for (size_t k = l; k < d; k++)
      feature += (a[k] - b[k]) * module->root[k * d + l];
    sum += feature * feature;
  }
  return sum;
}

static DcStatus
match_clusters(const DcTdcmDomains *domains, Matching *matching, double scale, DcError *error)
{
  const size_t clusters = domains->clusters, width = domains->module->dim;
  standardise(matching->centroids, clusters, width, scale, matching->moved);
  for (size_t i = 0; i < clusters; i++)
    for (size_t j = 0; j < clusters; j++)
      matching->gain[i * clusters + j] =
          -squared_distance(domains->module, matching->moved + i * width,
                            matching->reference + j * width);
  DcStatus status = dc_match(matching->gain, clusters, clusters, matching->match);
  return status ? dc_error_set(error, status, "the clusters of two domains cannot be matched: %s",
                               dc_status_text(status))
                : DC_OK;
}

static DcStatus
cluster_domain(const DcTdcmDomains *domains, size_t index, Matching *matching, DcRandom *random,
               float *first_centroids, uint32_t *labels, DcError *error)
{
  const size_t clusters = domains->clusters, width = domains->module->dim;
  const size_t first = index ? domains->ends[index - 1] : 0, count = domains->ends[index] - first;
  const DcMatrix codes = dc_matrix((float *)domains->codes + first * width, count, width);
  const DcMatrix centroids = dc_matrix(matching->centroids, clusters, width);
  DcTdcmFit fit;
  DcStatus status = dc_tdcm_apply(domains->module, &codes, random, domains->threads, &centroids,
                                  labels + first, &fit, error);
  if (status)
    return status;
  if (index == 0) {
    memcpy(first_centroids, matching->centroids, clusters * width * sizeof(float));
    standardise(matching->centroids, clusters, width, fit.scale, matching->reference);
    return DC_OK;
  }
  status = match_clusters(domains, matching, fit.scale, error);
  for (size_t i = first; i < first + count && !status; i++)
    labels[i] = matching->match[labels[i]];
  return status;
}

DcStatus
dc_tdcm_cluster_domains(const DcTdcmDomains *domains, DcRandom *random, float *centroids,
                        uint32_t *labels, DcError *error)
{
  Matching matching = {0};
  DcStatus status = DC_OK;
  if (!matching_init(&matching, domains->clusters, domains->module->dim))
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu clusters", domains->clusters);
  for (size_t i = 0; i < domains->count && !status; i++)
    status = cluster_domain(domains, i, &matching, random, centroids, labels, error);
  matching_clear(&matching);
  return status;
}
