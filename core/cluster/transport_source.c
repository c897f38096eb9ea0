/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_source.h"

#include "base/memory.h"
#include "cluster/transport_linear.h"
#include "cluster/transport_score.h"

#include <math.h>
#include <string.h>

/* No number that is learnt from is longer. */
#define LARGEST 1e19

const DcTransportArray *
dc_transport_array_find(const DcTransportArray *arrays, size_t count, const char *name,
                        DcError *error)
{
  for (size_t i = 0; i < count; i++) {
    if (strcmp(arrays[i].name, name) != 0)
      continue;
    if (dc_linear_is_finite(arrays[i].data, arrays[i].rows * arrays[i].cols))
      return &arrays[i];
    dc_error_set(error, DC_ERROR_FORMAT, "%s holds a number that is not finite", name);
    return NULL;
  }
  dc_error_set(error, DC_ERROR_FORMAT, "%s is missing from the state of transport tracking", name);
  return NULL;
}

DcStatus
dc_transport_array_read(const DcTransportArray *arrays, size_t count, const char *name, size_t rows,
                        size_t cols, double *target, DcError *error)
{
  const DcTransportArray *array = dc_transport_array_find(arrays, count, name, error);
  if (!array)
    return DC_ERROR_FORMAT;
  if (array->rows != rows || array->cols != cols)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s is %zu x %zu, needed is %zu x %zu", name,
                        array->rows, array->cols, rows, cols);
  memcpy(target, array->data, rows * cols * sizeof *target);
  return DC_OK;
}

static bool
is_within(size_t value, size_t most)
{
  return value >= 1 && value <= most;
}

static bool
sizes_are_sound(size_t input_dim, size_t dim, size_t clusters, size_t prototypes)
{
  return is_within(input_dim, DC_TRANSPORT_MAX_INPUT) &&
         is_within(dim, input_dim < DC_TRANSPORT_MAX_DIM ? input_dim : DC_TRANSPORT_MAX_DIM) &&
         is_within(clusters, DC_TRANSPORT_MAX_CLUSTERS) && prototypes >= clusters &&
         prototypes <= clusters * DC_TRANSPORT_MAX_PROTOTYPES;
}

static bool
place_arrays(DcTransportSource *s)
{
  size_t d = s->dim, k = s->clusters, m = s->prototypes;
  double *anchor;
  const DcLinearPiece pieces[] = {
      {&s->mean, s->input_dim},
      {&s->basis, s->input_dim * d},
      {&s->variance, d},
      {&s->prototype, m * d},
      {&s->share, m},
      {&s->size, k},
      {&s->centroid, k * d},
      {&s->rest, k * s->input_dim},
      {&s->precision, d * d},
      {&s->moment, d * d},
      {&s->gradient, d},
      {&s->curvature, d},
      {&s->residual, k * d},
      {&s->occupancy, k},
      {&s->skewness, d},
      {&s->figure, DC_TRANSPORT_FIGURES},
      {&anchor, dc_transport_map_size(s)},
  };
  if (!dc_linear_allocate(&s->memory, pieces, sizeof pieces / sizeof *pieces))
    return false;
  dc_transport_map_place(s, anchor, &s->anchor);
  return true;
}

DcTransportSource *
dc_transport_source_alloc(size_t input_dim, size_t dim, size_t clusters, size_t prototypes)
{
  if (!sizes_are_sound(input_dim, dim, clusters, prototypes))
    return NULL;
  DcTransportSource *source = DC_NEW(DcTransportSource, 1);
  if (!source)
    return NULL;
  atomic_init(&source->references, 1);
  source->input_dim = input_dim;
  source->dim = dim;
  source->clusters = clusters;
  source->prototypes = prototypes;
  source->first = DC_NEW(uint32_t, clusters + 1);
  if (source->first && place_arrays(source))
    return source;
  dc_transport_source_unref(source);
  return NULL;
}

DcStatus
dc_transport_source_complete(DcTransportSource *source, DcError *error)
{
  for (size_t k = 0; k < source->clusters; k++) {
    double size = source->size[k];
    if (!(size >= 1 && size <= DC_TRANSPORT_MAX_PROTOTYPES && size == floor(size)))
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "cluster %zu has %g prototypes; they must be 1 to %d", k, size,
                          DC_TRANSPORT_MAX_PROTOTYPES);
    source->first[k + 1] = source->first[k] + (uint32_t)size;
  }
  if (source->first[source->clusters] != source->prototypes)
    return dc_error_set(error, DC_ERROR_FORMAT, "%u prototypes by cluster, but %zu in all",
                        source->first[source->clusters], source->prototypes);
  dc_linear_set_identity(source->anchor.matrix, source->dim);
  dc_transport_map_derive(source, &source->anchor);
  return DC_OK;
}

DcTransportSource *
dc_transport_source_ref(DcTransportSource *source)
{
  atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
  return source;
}

void
dc_transport_source_unref(DcTransportSource *source)
{
  if (!source || atomic_fetch_sub_explicit(&source->references, 1, memory_order_acq_rel) != 1)
    return;
  dc_arena_clear(&source->memory);
  dc_free(source->first);
  dc_free(source);
}

void
dc_transport_source_arrays(const DcTransportSource *s,
                           DcTransportArray arrays[DC_TRANSPORT_SOURCE_ARRAYS])
{
  size_t n = s->input_dim, d = s->dim, k = s->clusters, m = s->prototypes;
  const DcTransportArray list[DC_TRANSPORT_SOURCE_ARRAYS] = {
      {"transport.source.mean", s->mean, 1, n},
      {"transport.source.basis", s->basis, n, d},
      {"transport.source.variance", s->variance, 1, d},
      {"transport.source.prototype", s->prototype, m, d},
      {"transport.source.share", s->share, 1, m},
      {"transport.source.size", s->size, 1, k},
      {"transport.source.centroid", s->centroid, k, d},
      {"transport.source.rest", s->rest, k, n},
      {"transport.source.precision", s->precision, d, d},
      {"transport.source.moment", s->moment, d, d},
      {"transport.source.gradient", s->gradient, 1, d},
      {"transport.source.curvature", s->curvature, 1, d},
      {"transport.source.residual", s->residual, k, d},
      {"transport.source.occupancy", s->occupancy, 1, k},
      {"transport.source.skewness", s->skewness, 1, d},
      {"transport.source.figure", s->figure, 1, DC_TRANSPORT_FIGURES},
  };
  memcpy(arrays, list, sizeof list);
}

/* The smallest of `count` numbers. */
static double
least(const double *numbers, size_t count)
{
  double found = INFINITY;
  for (size_t i = 0; i < count; i++)
    found = fmin(found, numbers[i]);
  return found;
}

/* Whose squares must be numbers in single precision, too. */
static DcStatus
check_lengths(const DcTransportSource *s, DcError *error)
{
  const size_t n = s->input_dim, d = s->dim, k = s->clusters;
  const struct {
    const char *name;
    const double *data;
    size_t count;
    double most;
  } places[] = {
      {"mean", s->mean, n, LARGEST},
      {"basis", s->basis, n * d, 2}, /* orthonormal: 1, and rounding */
      {"prototype", s->prototype, s->prototypes * d, LARGEST},
      {"centroid", s->centroid, k * d, LARGEST},
      {"rest", s->rest, k * n, LARGEST},
      {"residual", s->residual, k * d, LARGEST},
  };
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    for (size_t j = 0; j < places[i].count; j++)
      if (fabs(places[i].data[j]) > places[i].most)
        return dc_error_set(error, DC_ERROR_FORMAT,
                            "%s of the source of transport tracking has %g; at most %g can be used",
                            places[i].name, places[i].data[j], places[i].most);
  return DC_OK;
}

/* What later divides, or is taken the logarithm of. */
static DcStatus
check_ranges(const DcTransportSource *s, DcError *error)
{
  const struct {
    const char *name;
    const double *data;
    size_t count;
    bool may_be_zero;
  } ranges[] = {
      {"variance", s->variance, s->dim, false},
      {"curvature", s->curvature, s->dim, false},
      {"share", s->share, s->prototypes, true},
      {"occupancy", s->occupancy, s->clusters, true},
      {"rms", s->figure + DC_TRANSPORT_RMS, 1, false},
      {"likelihood deviation", s->figure + DC_TRANSPORT_DEVIATION, 1, true},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    double found = least(ranges[i].data, ranges[i].count);
    if (found < 0 || (found == 0 && !ranges[i].may_be_zero))
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "%s of the source of transport tracking is %g; it must be %s 0",
                          ranges[i].name, found, ranges[i].may_be_zero ? "at least" : "above");
  }
  return DC_OK;
}

static DcStatus
read_all(const DcTransportArray *arrays, size_t count, DcTransportSource *source, DcError *error)
{
  DcTransportArray wanted[DC_TRANSPORT_SOURCE_ARRAYS];
  dc_transport_source_arrays(source, wanted);
  for (size_t i = 0; i < DC_TRANSPORT_SOURCE_ARRAYS; i++) {
    /* The views of a model under construction are its own memory. */
    DcStatus status = dc_transport_array_read(arrays, count, wanted[i].name, wanted[i].rows,
                                              wanted[i].cols, (double *)wanted[i].data, error);
    if (status)
      return status;
  }
  DcStatus status = check_lengths(source, error);
  if (status == DC_OK)
    status = check_ranges(source, error);
  return status ? status : dc_transport_source_complete(source, error);
}

DcStatus
dc_transport_source_restore(const DcTransportArray *arrays, size_t count,
                            DcTransportSource **source, DcError *error)
{
  const DcTransportArray *basis =
      dc_transport_array_find(arrays, count, "transport.source.basis", error);
  const DcTransportArray *size =
      basis ? dc_transport_array_find(arrays, count, "transport.source.size", error) : NULL;
  const DcTransportArray *share =
      size ? dc_transport_array_find(arrays, count, "transport.source.share", error) : NULL;
  if (!share)
    return DC_ERROR_FORMAT;
  if (!sizes_are_sound(basis->rows, basis->cols, size->cols, share->cols))
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "transport.source of %zu numbers, %zu directions, %zu clusters and %zu "
                        "prototypes is out of range",
                        basis->rows, basis->cols, size->cols, share->cols);
  DcTransportSource *made =
      dc_transport_source_alloc(basis->rows, basis->cols, size->cols, share->cols);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the source of transport tracking");
  DcStatus status = read_all(arrays, count, made, error);
  if (status) {
    dc_transport_source_unref(made);
    return status;
  }
  *source = made;
  return DC_OK;
}
