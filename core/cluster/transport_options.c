/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_tracker_private.h"

#include <math.h>

DcTransportOptions
dc_transport_options(void)
{
  return (DcTransportOptions){
      .experts = 4,
      .batch = 64,
      .rate = {0, 0.03, 0.1, 0.25},
      .velocity = {0, 0, 0.02, 0.02},
      .remembered = DC_TRANSPORT_MAX_REMEMBERED,
      .window = 1024,
      .restarts = true,
      .adaptation_rate = 1,
      .private_memory = 150,
  };
}

DcTransportOptions
dc_transport_options_simple(void)
{
  return (DcTransportOptions){.experts = 2,
                              .batch = 64,
                              .rate = {0, 0.1},
                              .restarts = true,
                              .adaptation_rate = 1,
                              .private_memory = 150};
}

double
dc_transport_private_memory(double half_life, size_t clusters)
{
  return half_life / ((double)clusters * 0.693147180559945309);
}

DcStatus
dc_transport_pace_check(double adaptation_rate, double private_memory, DcError *error)
{
  if (!(adaptation_rate >= 0 && adaptation_rate <= 1))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "adaptation rate %g is not in 0 to 1",
                        adaptation_rate);
  if (!(private_memory > 0 && private_memory < INFINITY))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "private memory of %g own samples is not above 0",
                        private_memory);
  return DC_OK;
}

DcStatus
dc_transport_options_check(const DcTransportOptions *options, DcError *error)
{
  if (options->experts < 2 || options->experts > DC_TRANSPORT_MAX_EXPERTS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%u experts, the anchor included, are not 2 to %d", options->experts,
                        DC_TRANSPORT_MAX_EXPERTS);
  if (!options->batch)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "rates stated for batches of 0 embeddings");
  for (size_t e = 1; e < options->experts; e++)
    if (!(options->rate[e] >= 0 && options->rate[e] <= 1 && options->velocity[e] >= 0 &&
          options->velocity[e] <= 0.1))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "rate %g and velocity %g of expert %zu are not in 0 to 1 and 0 to 0.1",
                          options->rate[e], options->velocity[e], e);
  if (options->remembered > DC_TRANSPORT_MAX_REMEMBERED)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%u remembered domains are more than %d",
                        options->remembered, DC_TRANSPORT_MAX_REMEMBERED);
  if (options->window == 1 || options->window > 1u << 20 || options->search_delay > options->window)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a window of %zu embeddings used after %zu: 0, or 2 to %u, and used no "
                        "later than after another window",
                        options->window, options->search_delay, 1u << 20);
  return dc_transport_pace_check(options->adaptation_rate, options->private_memory, error);
}
