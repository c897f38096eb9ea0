/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/codes.h"

#include "base/memory.h"
#include "cluster/consensus.h"
#include "cluster/kmeans.h"
#include "nn/encode.h"

#include <string.h>

DcStatus
dc_learner_encode(const DcLearner *learner, const DcNetwork *encoder, float **codes, DcError *error)
{
  const DcDataset *data = &learner->data;
  const size_t width = dc_shape_size(dc_network_output(encoder));
  *codes = DC_NEW(float, data->count *width);
  if (!*codes)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu embeddings of %zu numbers",
                        data->count, width);
  DcStatus status = dc_encode(encoder, data->values, data->count, learner->threads, *codes, error);
  if (status) {
    dc_free(*codes);
    *codes = NULL;
  }
  return status;
}

DcStatus
dc_learned_make_room(const DcLearner *learner, size_t width, DcLearned *learned, DcError *error)
{
  learned->clusters = learner->clusters;
  learned->width = width;
  learned->centroids = DC_NEW(float, learned->clusters *width);
  learned->labels = DC_NEW(uint32_t, learner->data.count);
  if (learned->centroids && learned->labels)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the clusters of %zu samples",
                      learner->data.count);
}

DcStatus
dc_learner_cluster(const DcLearner *learner, const DcNetwork *encoder, uint32_t restarts,
                   DcRandom *random, DcLearned *learned, DcError *error)
{
  float *codes;
  DcStatus status = dc_learner_encode(learner, encoder, &codes, error);
  if (status)
    return status;
  const size_t width = dc_shape_size(dc_network_output(encoder));
  status = dc_learned_make_room(learner, width, learned, error);
  if (!status) {
    const DcMatrix samples = dc_matrix(codes, learner->data.count, width);
    const DcMatrix centroids = dc_matrix(learned->centroids, learned->clusters, width);
    DcKmeansOptions options = dc_kmeans_options(learner->clusters);
    options.restarts = restarts;
    options.candidates = dc_kmeans_greedy(options.clusters);
    options.threads = (uint32_t)learner->threads;
    DcKmeansResult result;
    status =
        dc_kmeans(&samples, NULL, &options, random, &centroids, learned->labels, &result, error);
  }
  dc_free(codes);
  return status;
}

/* The means of the groups; one without members keeps its centroid. */
static DcStatus
take_means(const DcMatrix *codes, const uint32_t *groups, const DcMatrix *centroids, DcError *error)
{
  const size_t clusters = centroids->rows, width = codes->cols;
  double *sums = DC_NEW(double, clusters *width);
  size_t *counts = DC_NEW(size_t, clusters);
  if (sums && counts) {
    for (size_t i = 0; i < codes->rows; i++) {
      counts[groups[i]]++;
      for (size_t j = 0; j < width; j++)
        sums[groups[i] * width + j] += (double)dc_matrix_row(codes, i)[j];
    }
    for (size_t k = 0; k < clusters; k++)
      for (size_t j = 0; counts[k] && j < width; j++)
        dc_matrix_row(centroids, k)[j] = (float)(sums[k * width + j] / (double)counts[k]);
  }
  const bool well = sums && counts;
  dc_free(sums);
  dc_free(counts);
  return well ? DC_OK : dc_error_set(error, DC_ERROR_MEMORY, "no memory for the means of groups");
}

bool
dc_learner_can_group(const DcLearner *learner)
{
  return learner->data.count >= (size_t)DC_CONSENSUS_SAMPLES_PER_CLUSTER * learner->clusters;
}

DcStatus
dc_learner_group(const DcLearner *learner, const DcMatrix *codes, uint32_t *labels,
                 const DcMatrix *centroids, DcError *error)
{
  DcStatus status = dc_consensus(codes, learner->clusters, learner->seed, labels, error);
  return status ? status : take_means(codes, labels, centroids, error);
}

DcStatus
dc_learner_regroup(const DcLearner *learner, const DcNetwork *encoder, DcLearned *learned,
                   DcError *error)
{
  if (!dc_learner_can_group(learner))
    return DC_OK;
  float *values;
  DcStatus status = dc_learner_encode(learner, encoder, &values, error);
  if (status)
    return status;
  const DcMatrix codes = dc_matrix(values, learner->data.count, learned->width);
  const DcMatrix centroids = dc_matrix(learned->centroids, learned->clusters, learned->width);
  status = dc_learner_group(learner, &codes, learned->labels, &centroids, error);
  learned->grouped = status == DC_OK;
  dc_free(values);
  return status;
}

DcStatus
dc_learned_copy_networks(const DcNetwork *encoder, const DcNetwork *decoder, DcLearned *learned,
                         DcError *error)
{
  learned->encoder = dc_network_copy(encoder);
  learned->decoder = decoder ? dc_network_copy(decoder) : NULL;
  if (learned->encoder && (learned->decoder || !decoder))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MEMORY, "no memory to copy the networks");
}

DcStatus
dc_learned_take(const DcLearner *learner, const uint32_t *labels, const float *centroids,
                size_t width, DcLearned *learned, DcError *error)
{
  DcStatus status = dc_learned_make_room(learner, width, learned, error);
  if (status)
    return status;
  memcpy(learned->centroids, centroids, learned->clusters * width * sizeof *centroids);
  memcpy(learned->labels, labels, learner->data.count * sizeof *labels);
  return DC_OK;
}

DcStatus
dc_learner_check_labels(const DcLearner *learner, const uint32_t *labels, DcError *error)
{
  for (size_t i = 0; i < learner->data.count; i++) {
    if (labels[i] >= learner->clusters)
      return dc_error_set(error, DC_ERROR_FORMAT, "sample %zu is in cluster %u of %u", i, labels[i],
                          learner->clusters);
  }
  return DC_OK;
}
