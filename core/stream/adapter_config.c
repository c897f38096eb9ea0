/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/adapter_private.h"

#define MAX_WINDOW ((size_t)1 << 26)

DcAdapterConfig
dc_adapter_config(void)
{
  return (DcAdapterConfig){
      .method = DC_METHOD_TRANSPORT,
      .clusters = 0,
      .max_clusters = 32,
      .window = 2048,
      .interval = 64,
      .warm_up = 256,
      .adaptation_rate = 1,
      .half_life = 0,
      .seed = 0,
  };
}

DcStatus
dc_adapter_config_check(const DcAdapterConfig *config, DcError *error)
{
  if (config->method < 0 || config->method >= DC_METHOD_COUNT)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "method %d does not exist", (int)config->method);
  if (config->effort != DC_EFFORT_FULL && config->effort != DC_EFFORT_SIMPLE)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "effort %d does not exist", (int)config->effort);
  if (config->align != DC_ALIGN_NONE && config->align != DC_ALIGN_MOMENTS)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "alignment %d does not exist",
                        (int)config->align);
  if (config->clusters > DC_MAX_CLUSTERS || config->max_clusters < 1 ||
      config->max_clusters > DC_MAX_CLUSTERS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "clusters (%u) must be at most %u and max-clusters (%u) in 1..%u",
                        config->clusters, DC_MAX_CLUSTERS, config->max_clusters, DC_MAX_CLUSTERS);
  size_t most = config->clusters ? config->clusters : config->max_clusters;
  if (config->window < most || config->window > MAX_WINDOW)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a window of %zu embeddings has no room for %zu clusters; it must lie in "
                        "%zu..%zu",
                        config->window, most, most, MAX_WINDOW);
  if (config->revise < DC_REVISE_AUTO || config->revise > DC_REVISE_ALWAYS)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "revision %d does not exist",
                        (int)config->revise);
  if (!(config->novelty >= 0 && config->novelty <= 1))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "the rate of novelty %g is not in 0..1",
                        config->novelty);
  if (config->coarse_groups > DC_MAX_CLUSTERS)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%u coarse groups are more than %u",
                        config->coarse_groups, DC_MAX_CLUSTERS);
  if (config->interval < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "the interval must be at least 1 embedding");
  if (config->warm_up < 1 || config->warm_up < config->clusters)
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "a warm-up of %zu embeddings is too short for %u clusters; make it at least "
        "as many, or take fewer clusters",
        config->warm_up, config->clusters);
  if (config->warm_up > MAX_WINDOW)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a warm-up of %zu embeddings is beyond %zu",
                        config->warm_up, MAX_WINDOW);
  if (!(config->adaptation_rate >= 0 && config->adaptation_rate <= 1))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "the adaptation rate %g is not in 0..1",
                        config->adaptation_rate);
  return DC_OK;
}
