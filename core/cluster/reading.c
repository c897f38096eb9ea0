/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/reading.h"

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/blas.h"
#include "tensor/rows.h"

DcReading *
dc_reading_new(DcReadingKind kind, size_t clusters, size_t dim, bool with_metric)
{
  size_t keys, square;
  DcReading *reading = dc_checked_mul(clusters, dim, &keys) && dc_checked_mul(dim, dim, &square)
                           ? DC_NEW(DcReading, 1)
                           : NULL;
  if (!reading)
    return NULL;
  bool mapped = kind == DC_READ_ASINH;
  reading->kind = kind;
  reading->clusters = clusters;
  reading->dim = dim;
  reading->keys = DC_NEW(float, keys);
  reading->bias = DC_NEW(float, clusters);
  reading->metric = with_metric ? DC_NEW(float, square) : NULL;
  reading->root = mapped ? DC_NEW(float, square) : NULL;
  reading->offset = mapped ? DC_NEW(float, dim) : NULL;
  if (reading->keys && reading->bias && (reading->metric || !with_metric) &&
      ((reading->root && reading->offset) || !mapped))
    return reading;
  dc_reading_free(reading);
  return NULL;
}

void
dc_reading_free(DcReading *reading)
{
  if (!reading)
    return;
  dc_free(reading->keys);
  dc_free(reading->bias);
  dc_free(reading->metric);
  dc_free(reading->root);
  dc_free(reading->offset);
  dc_free(reading);
}

void
dc_reading_features(const DcReading *reading, const DcMatrix *embeddings, const DcMatrix *features)
{
  switch (reading->kind) {
  case DC_READ_PLAIN:
    dc_matrix_copy(embeddings, features);
    break;
  case DC_READ_UNIT:
    dc_matrix_copy(embeddings, features);
    dc_normalise_rows(features);
    break;
  case DC_READ_ASINH: {
    DcMatrix root = dc_matrix(reading->root, reading->dim, reading->dim);
    dc_gemm(DC_PLAIN, DC_PLAIN, 1, embeddings, &root, 0, features);
    dc_asinh_rows(features, reading->offset);
    break;
  }
  }
}
