/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/reader.h"

#include "base/checked.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The field of a message that keeps numbers of a type where raw_data does not. */
typedef enum { FLOAT_DATA, DOUBLE_DATA, INT32_DATA, INT64_DATA, UINT64_DATA } List;

typedef struct {
  const char *name;
  List list;
  size_t size; /* bytes of one number in raw_data; 0: a type that is not read */
  bool is_float;
  int64_t least, most; /* of the numbers; of floats, of their bits */
} Type;

static const Type types[] = {
    [ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED] = {.name = "UNDEFINED"},
    [ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT] = {"FLOAT", FLOAT_DATA, 4, true, 0, UINT32_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__UINT8] = {"UINT8", INT32_DATA, 1, false, 0, UINT8_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__INT8] = {"INT8", INT32_DATA, 1, false, INT8_MIN, INT8_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__UINT16] = {"UINT16", INT32_DATA, 2, false, 0, UINT16_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__INT16] = {"INT16", INT32_DATA, 2, false, INT16_MIN, INT16_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__INT32] = {"INT32", INT32_DATA, 4, false, INT32_MIN, INT32_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__INT64] = {"INT64", INT64_DATA, 8, false, INT64_MIN, INT64_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__STRING] = {.name = "STRING"},
    [ONNX__TENSOR_PROTO__DATA_TYPE__BOOL] = {"BOOL", INT32_DATA, 1, false, 0, 1},
    [ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16] = {"FLOAT16", INT32_DATA, 2, true, 0, UINT16_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE] = {"DOUBLE", DOUBLE_DATA, 8, true, INT64_MIN,
                                               INT64_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__UINT32] = {"UINT32", UINT64_DATA, 4, false, 0, UINT32_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__UINT64] = {"UINT64", UINT64_DATA, 8, false, 0, INT64_MAX},
    [ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64] = {.name = "COMPLEX64"},
    [ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128] = {.name = "COMPLEX128"},
    [ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16] = {"BFLOAT16", INT32_DATA, 2, true, 0, UINT16_MAX},
};

/* A tensor of a file with its type. */
typedef struct {
  const DcOnnxReader *reader;
  const Onnx__TensorProto *proto;
  const Type *type;
  const char *name;
} Source;

static DcStatus
refuse(const Source *source, DcStatus status, const char *what)
{
  return dc_error_set(source->reader->error, status, "%s: tensor \"%.*s\" %s", source->reader->name,
                      DC_ONNX_SHOWN(source->name), what);
}

static DcStatus
find_type(Source *source)
{
  const int32_t number = source->proto->data_type;
  const bool known = number >= 0 && (size_t)number < sizeof types / sizeof *types;
  if (known && types[number].size) {
    source->type = &types[number];
    return DC_OK;
  }
  char what[160];
  snprintf(what, sizeof what,
           "is of data type %d (%s), which is not read: export the network with FLOAT weights",
           (int)number, known ? types[number].name : "8 or fewer bits, or newer than this program");
  return refuse(source, DC_ERROR_UNSUPPORTED, what);
}

static DcStatus
check_storage(const Source *source)
{
  const Onnx__TensorProto *proto = source->proto;
  if (proto->n_external_data || proto->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT)
    return refuse(source, DC_ERROR_UNSUPPORTED,
                  "has its numbers in another file: write the network as one file, with "
                  "onnx.save(onnx.load(\"FILE\"), \"ONE-FILE\") in Python");
  if (proto->segment)
    return refuse(source, DC_ERROR_UNSUPPORTED,
                  "is one of several segments: write the network with whole tensors");
  return DC_OK;
}

static DcStatus
read_shape(const Source *source, DcOnnxTensor *tensor)
{
  const Onnx__TensorProto *proto = source->proto;
  if (proto->n_dims > DC_ONNX_MOST_AXES)
    return refuse(source, DC_ERROR_UNSUPPORTED, "has more than 8 axes");
  tensor->rank = proto->n_dims;
  tensor->count = 1;
  size_t most = 1; /* the count without axes of size 0: of some of the axes it is never larger */
  for (size_t i = 0; i < tensor->rank; i++) {
    const int64_t size = proto->dims[i];
    if (size < 0)
      return refuse(source, DC_ERROR_FORMAT, "has an axis of negative size");
    tensor->shape[i] = size;
    if ((uint64_t)size > SIZE_MAX || !dc_checked_mul(most, size > 0 ? (size_t)size : 1, &most) ||
        most > INT64_MAX)
      return refuse(source, DC_ERROR_FORMAT, "has a shape beyond all bounds");
    tensor->count *= (size_t)size;
  }
  return DC_OK;
}

static size_t
listed_count(const Onnx__TensorProto *proto, List list)
{
  switch (list) {
  case FLOAT_DATA:
    return proto->n_float_data;
  case DOUBLE_DATA:
    return proto->n_double_data;
  case INT32_DATA:
    return proto->n_int32_data;
  case INT64_DATA:
    return proto->n_int64_data;
  case UINT64_DATA:
    return proto->n_uint64_data;
  }
  return 0;
}

static bool
is_raw(const Source *source)
{
  return source->proto->raw_data.len > 0;
}

/* The data must be as many numbers as the shape says, in the one place of the type. */
static DcStatus
check_data(const Source *source, size_t count)
{
  size_t listed = 0;
  for (List list = FLOAT_DATA; list <= UINT64_DATA; list++)
    listed += listed_count(source->proto, list);
  if (is_raw(source) && listed)
    return refuse(source, DC_ERROR_FORMAT, "has its numbers twice");
  const size_t unit = is_raw(source) ? source->type->size : 1;
  const size_t there = is_raw(source) ? source->proto->raw_data.len
                                      : listed_count(source->proto, source->type->list);
  size_t needed;
  if (dc_checked_mul(count, unit, &needed) && needed == there &&
      (is_raw(source) || listed == there))
    return DC_OK;
  char what[160];
  snprintf(what, sizeof what, "has %zu %s where its shape asks for %zu numbers of type %s", there,
           is_raw(source) ? "bytes" : "numbers", count, source->type->name);
  return refuse(source, DC_ERROR_FORMAT, what);
}

/* Number `i` of raw_data, which is little-endian as every machine that this is built for. */
static int64_t
raw_at(const Source *source, size_t i)
{
  const size_t size = source->type->size;
  uint64_t bits = 0;
  memcpy(&bits, source->proto->raw_data.data + i * size, size);
  if (source->type->least == 0)
    return (int64_t)bits;
  const uint64_t sign = (uint64_t)1 << (8 * size - 1);
  return (int64_t)((bits ^ sign) - sign);
}

static int64_t
listed_at(const Source *source, size_t i)
{
  const Onnx__TensorProto *proto = source->proto;
  int64_t wide = 0;
  switch (source->type->list) {
  case FLOAT_DATA: /* the bits, which are the low ones of a wider number */
    memcpy(&wide, &proto->float_data[i], sizeof *proto->float_data);
    return wide;
  case DOUBLE_DATA:
    memcpy(&wide, &proto->double_data[i], sizeof wide);
    return wide;
  case INT32_DATA:
    return proto->int32_data[i];
  case INT64_DATA:
    return proto->int64_data[i];
  case UINT64_DATA:
    return (int64_t)proto->uint64_data[i];
  }
  return wide;
}

/* A whole number, or the bits of a float; false where the type does not hold it. */
static bool
number_at(const Source *source, size_t i, int64_t *number)
{
  *number = is_raw(source) ? raw_at(source, i) : listed_at(source, i);
  return *number >= source->type->least && *number <= source->type->most;
}

static float
float_of_bits(uint32_t bits)
{
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* IEEE 754 binary16: sign, 5 bits of exponent with a bias of 15, 10 of fraction. */
static float
float_of_half(uint32_t half)
{
  const uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 0x1f,
                 fraction = half & 0x3ff;
  if (exponent == 0)
    return copysignf(0x1p-24f * (float)fraction, float_of_bits(sign | 0x3f800000));
  const uint32_t wider = exponent == 0x1f ? 0xff : exponent + (127 - 15);
  return float_of_bits(sign | wider << 23 | fraction << 13);
}

/* False for a finite number that is beyond what a float holds. */
static bool
float_of_double(int64_t bits, float *number)
{
  double wide;
  memcpy(&wide, &bits, sizeof wide);
  if (isfinite(wide) && fabs(wide) > (double)FLT_MAX)
    return false;
  *number = (float)wide;
  return true;
}

static bool
to_float(const Source *source, int64_t bits, float *number)
{
  switch (source->proto->data_type) {
  case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    return float_of_double(bits, number);
  case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    *number = float_of_half((uint32_t)bits);
    return true;
  case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16: /* the upper half of a float */
    *number = float_of_bits((uint32_t)bits << 16);
    return true;
  default:
    *number = float_of_bits((uint32_t)bits);
    return true;
  }
}

static DcStatus
read_floats(const Source *source, DcOnnxTensor *tensor)
{
  float *floats = dc_onnx_take(source->reader, tensor->count, sizeof *floats);
  if (!floats)
    return DC_ERROR_MEMORY;
  for (size_t i = 0; i < tensor->count; i++) {
    int64_t bits;
    if (!number_at(source, i, &bits))
      return refuse(source, DC_ERROR_FORMAT, "has a number of more bits than its type");
    if (!to_float(source, bits, &floats[i]))
      return refuse(source, DC_ERROR_NOT_FINITE,
                    "has a DOUBLE that is too large for 32 bits: look at how it was learnt");
  }
  tensor->floats = floats;
  return DC_OK;
}

static DcStatus
read_whole(const Source *source, DcOnnxTensor *tensor)
{
  int64_t *whole = dc_onnx_take(source->reader, tensor->count, sizeof *whole);
  if (!whole)
    return DC_ERROR_MEMORY;
  for (size_t i = 0; i < tensor->count; i++)
    if (!number_at(source, i, &whole[i]))
      return refuse(source,
                    source->proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT64
                        ? DC_ERROR_UNSUPPORTED
                        : DC_ERROR_FORMAT,
                    "has a number that is too large for its type or for 63 bits");
  tensor->whole = whole;
  return DC_OK;
}

static DcStatus
read_tensor(Source *source, DcOnnxTensor *tensor)
{
  *tensor = (DcOnnxTensor){0};
  DcStatus status =
      dc_onnx_copy_name(source->reader, source->proto->name, "a tensor", &tensor->name);
  if (status)
    return status;
  source->name = tensor->name;
  status = check_storage(source);
  if (!status)
    status = find_type(source);
  if (!status)
    status = read_shape(source, tensor);
  if (!status)
    status = check_data(source, tensor->count);
  if (!status)
    status = source->type->is_float ? read_floats(source, tensor) : read_whole(source, tensor);
  return status;
}

DcStatus
dc_onnx_read_tensor(const DcOnnxReader *reader, Onnx__TensorProto **proto, DcOnnxTensor *tensor)
{
  Source source = {.reader = reader, .proto = *proto};
  DcStatus status = read_tensor(&source, tensor);
  dc_onnx_release(&(*proto)->base);
  *proto = NULL;
  return status;
}
