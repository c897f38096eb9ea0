/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/source_file.h"

void
dc_source_list_tensors(const DcTransportSource *source, GArray *tensors)
{
  DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS];
  dc_transport_source_arrays(source, arrays);
  for (size_t i = 0; i < DC_TRANSPORT_SOURCE_ARRAYS; i++) {
    const DcTensor tensor = {.name = arrays[i].name,
                             .type = DC_TENSOR_F64,
                             .rank = 2,
                             .shape = {arrays[i].rows, arrays[i].cols},
                             .data = arrays[i].data,
                             .bytes = arrays[i].rows * arrays[i].cols * sizeof(double)};
    g_array_append_val(tensors, tensor);
  }
}

DcStatus
dc_source_check_for_file(const DcTransportSource *source, size_t clusters, size_t dim,
                         const char *name, DcError *error)
{
  if (source->clusters == clusters && source->input_dim == dim)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_SHAPE,
                      "%s: a source of %zu clusters of %zu numbers, but the model has %zu of %zu",
                      name, source->clusters, source->input_dim, clusters, dim);
}

/* All matrices of doubles. */
static GArray *
list_matrices(const DcTensorFile *file)
{
  GArray *arrays = g_array_new(FALSE, FALSE, sizeof(DcTransportArray));
  for (size_t i = 0; i < dc_tensor_file_count(file); i++) {
    const DcTensor *tensor = dc_tensor_file_at(file, i);
    const DcTransportArray array = {tensor->name, tensor->data, tensor->shape[0], tensor->shape[1]};
    if (tensor->type == DC_TENSOR_F64 && tensor->rank == 2)
      g_array_append_val(arrays, array);
  }
  return arrays;
}

DcStatus
dc_source_from_file(const DcTensorFile *file, size_t clusters, size_t dim, const char *name,
                    DcTransportSource **source, DcError *error)
{
  *source = NULL;
  if (!dc_tensor_file_find(file, "transport.source.basis"))
    return DC_OK;
  g_autoptr(GArray) arrays = list_matrices(file);
  DcTransportSource *made;
  DcError found = {0};
  DcStatus status = dc_transport_source_restore((const DcTransportArray *)arrays->data, arrays->len,
                                                &made, &found);
  if (status)
    return dc_error_set(error, status, "%s: %s", name, found.message);
  status = dc_source_check_for_file(made, clusters, dim, name, error);
  if (status)
    dc_transport_source_unref(made);
  else
    *source = made;
  return status;
}
