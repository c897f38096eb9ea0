/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/reader.h"

#include <stdbool.h>

static bool
is_float(int32_t type)
{
  return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
         type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
         type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ||
         type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
}

/* The tensor type of a value, or NULL: none is told, or it is a list, a map, ... */
static const Onnx__TypeProto__Tensor *
tensor_type(const Onnx__ValueInfoProto *proto)
{
  const Onnx__TypeProto *type = proto->type;
  return type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? type->tensor_type : NULL;
}

/* Writers that know no other way to leave an axis open put 0 or -1. */
static int64_t
axis_size(const Onnx__TensorShapeProto__Dimension *axis)
{
  const bool told = axis->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
  return told && axis->dim_value > 0 ? axis->dim_value : -1;
}

static DcStatus
read_value(const DcOnnxReader *reader, const Onnx__ValueInfoProto *proto, DcOnnxValue *value)
{
  *value = (DcOnnxValue){0};
  DcStatus status = dc_onnx_copy_name(reader, proto->name, "an input or output", &value->name);
  const Onnx__TypeProto__Tensor *type = tensor_type(proto);
  if (status || !type)
    return status;
  value->is_float = is_float(type->elem_type);
  if (!type->shape)
    return DC_OK;
  if (type->shape->n_dim > DC_ONNX_MOST_AXES)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED, "%s: \"%.*s\" has more than 8 axes",
                        reader->name, DC_ONNX_SHOWN(value->name));
  value->known_shape = true;
  value->rank = type->shape->n_dim;
  for (size_t i = 0; i < value->rank; i++)
    value->shape[i] = axis_size(type->shape->dim[i]);
  return DC_OK;
}

DcStatus
dc_onnx_read_values(const DcOnnxReader *reader, Onnx__ValueInfoProto *const *protos, size_t count,
                    const DcOnnxValue **values)
{
  DcOnnxValue *read = dc_onnx_take(reader, count, sizeof *read);
  if (!read)
    return DC_ERROR_MEMORY;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < count && !status; i++)
    status = read_value(reader, protos[i], &read[i]);
  *values = read;
  return status;
}
