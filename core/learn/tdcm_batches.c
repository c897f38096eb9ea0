/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/tdcm_batches.h"

#include "base/memory.h"

typedef struct {
  size_t first, count;
} Domain;

static Domain
domain_of(const DcDataset *data, size_t index)
{
  const size_t first = index ? data->domain_ends[index - 1] : 0;
  return (Domain){first, data->domain_ends[index] - first};
}

static size_t
batch_size(const DcTdcmBatches *batches, const Domain *domain)
{
  return domain->count < batches->most ? domain->count : batches->most;
}

DcStatus
dc_tdcm_batches_init(DcTdcmBatches *batches, const DcDataset *data, size_t most, uint32_t clusters,
                     DcError *error)
{
  *batches = (DcTdcmBatches){.data = data, .most = most};
  for (size_t i = 0; i < data->domains; i++) {
    const Domain domain = domain_of(data, i);
    if (domain.count < clusters)
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "tdcm: domain %zu has %zu samples, too few for %u clusters", i + 1,
                          domain.count, clusters);
  }
  batches->order = DC_NEW(uint32_t, data->count);
  if (!batches->order)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the order of %zu samples",
                        data->count);
  for (size_t i = 0; i < data->count; i++)
    batches->order[i] = (uint32_t)i;
  return DC_OK;
}

void
dc_tdcm_batches_clear(DcTdcmBatches *batches)
{
  dc_free(batches->order);
}

size_t
dc_tdcm_batches_largest(const DcTdcmBatches *batches)
{
  size_t largest = 0;
  for (size_t i = 0; i < batches->data->domains; i++) {
    const Domain domain = domain_of(batches->data, i);
    const size_t size = batch_size(batches, &domain);
    largest = size > largest ? size : largest;
  }
  return largest;
}

/* Makes a random choice of `count` samples the first of the domain's part of the order: the
 * beginning of a shuffle, which is uniform whatever the order was. */
const uint32_t *
dc_tdcm_batches_draw(DcTdcmBatches *batches, DcRandom *random, size_t *count)
{
  const uint32_t index = dc_random_below(random, (uint32_t)batches->data->domains);
  const Domain domain = domain_of(batches->data, index);
  uint32_t *order = batches->order + domain.first;
  *count = batch_size(batches, &domain);
  for (size_t i = 0; i < *count && *count < domain.count; i++) {
    const size_t other = i + dc_random_below(random, (uint32_t)(domain.count - i));
    const uint32_t row = order[i];
    order[i] = order[other];
    order[other] = row;
  }
  return order;
}

void
dc_tdcm_batches_list_state(const DcTdcmBatches *batches, DcStateList *list)
{
  dc_state_list_add(list, NULL, "order", DC_STATE_BYTES, batches->order,
                    batches->data->count * sizeof *batches->order);
}

bool
dc_tdcm_batches_are_sound(const DcTdcmBatches *batches)
{
  for (size_t i = 0; i < batches->data->domains; i++) {
    const Domain domain = domain_of(batches->data, i);
    for (size_t j = 0; j < domain.count; j++)
      if (batches->order[domain.first + j] - domain.first >= domain.count)
        return false;
  }
  return true;
}
