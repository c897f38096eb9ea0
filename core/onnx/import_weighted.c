/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operators with learnt weights: Conv, ConvTranspose, Gemm, MatMul, BatchNormalization. */
#include "base/memory.h"
#include "onnx/import_windows.h"
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <math.h>
#include <string.h>

/* --- Conv --- */

/* outputs x inputs of a group x height x width, as ONNX has it, to height x width x inputs x
 * outputs. */
static void
permute_kernel(const float *from, const int64_t shape[4], float *to)
{
  const size_t outputs = (size_t)shape[0], inputs = (size_t)shape[1];
  const size_t taps = (size_t)shape[2] * (size_t)shape[3];
  for (size_t o = 0; o < outputs; o++) {
    for (size_t i = 0; i < inputs; i++) {
      for (size_t tap = 0; tap < taps; tap++)
        to[(tap * inputs + i) * outputs + o] = *from++;
    }
  }
}

/* A padding that reaches around the whole kernel leaves windows that see nothing: the engine has
 * none, so that the zeros must become part of the image. */
static bool
sees_nothing(const DcOnnxWindows *windows)
{
  for (int side = 0; side < 4; side++) {
    if (windows->padding[side] > (windows->kernel[side / 2] - 1) * windows->dilation[side / 2])
      return true;
  }
  return false;
}

static DcStatus
check_groups(DcOnnxImporter *importer, const DcOnnxTensor *weight, DcShape image, int64_t groups)
{
  if (groups >= 1 && groups <= image.channels && weight->shape[0] % groups == 0 &&
      weight->shape[0] >= 1 && weight->shape[1] * groups == image.channels)
    return DC_OK;
  return dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                        "a weight of %lld x %lld channels in %lld groups does not fit an input of "
                        "%d channels",
                        (long long)weight->shape[0], (long long)weight->shape[1], (long long)groups,
                        image.channels);
}

static DcStatus
add_convolution(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *input,
                const DcOnnxTensor *weight, const float *bias, int64_t groups)
{
  DcOnnxEntry image = *input;
  DcOnnxWindows windows;
  const DcShape shape = dc_network_value(importer->network, image.number);
  DcStatus status = dc_onnx_read_windows(importer, node, shape, weight->shape + 2, &windows);
  if (!status && sees_nothing(&windows))
    status = dc_onnx_pad_apart(importer, &image, &windows);
  if (status)
    return status;
  const bool depthwise = groups > 1 && groups == shape.channels && weight->shape[0] == groups;
  DcLayer layer = {.kind = depthwise ? DC_LAYER_DEPTHWISE_CONV2D : DC_LAYER_CONV2D,
                   .groups = depthwise ? 0 : (int)groups,
                   .output.channels = (int)weight->shape[0]};
  dc_onnx_set_windows(&windows, &layer);
  size_t number;
  status = dc_onnx_add(importer, layer, image.number, image.number, &number);
  if (status)
    return status;
  DcLayer *added = dc_onnx_last_layer(importer);
  permute_kernel(weight->floats, weight->shape, added->weight);
  if (bias)
    memcpy(added->bias, bias, added->bias_size * sizeof *bias);
  dc_onnx_bind(importer, node, 0, number, dc_onnx_view_of_map(added->output));
  return DC_OK;
}

/* What Conv and ConvTranspose take. */
typedef struct {
  DcOnnxEntry *input; /* a map */
  const DcOnnxTensor *weight, *bias;
  int64_t groups;
} Convolution;

static DcStatus
read_convolution(DcOnnxImporter *importer, const DcOnnxNode *node, Convolution *convolution)
{
  DcStatus status = dc_onnx_flow(importer, node, 0, &convolution->input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "weight", &convolution->weight);
  if (!status)
    status = dc_onnx_constant(importer, node, 2, false, "bias", &convolution->bias);
  if (!status)
    status = dc_onnx_operands_int(node, "group", 1, importer->where, &convolution->groups,
                                  importer->error);
  if (status)
    return status;
  const DcOnnxTensor *weight = convolution->weight;
  if (!weight->floats || weight->rank != 4 || weight->count == 0)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "only convolutions of images, with a weight of 4 axes, are read");
  return dc_onnx_take_map(importer, convolution->input);
}

static DcStatus
import_conv(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  Convolution of;
  const float *biases = NULL;
  DcStatus status = read_convolution(importer, node, &of);
  if (!status)
    status = check_groups(importer, of.weight,
                          dc_network_value(importer->network, of.input->number), of.groups);
  if (!status && of.bias)
    status =
        dc_onnx_constant_floats(importer, of.bias, "bias", (size_t)of.weight->shape[0], &biases);
  return status ? status : add_convolution(importer, node, of.input, of.weight, biases, of.groups);
}

/* --- ConvTranspose --- */

static DcStatus
check_transposed(DcOnnxImporter *importer, const DcOnnxNode *node, const Convolution *of)
{
  const DcOnnxAttribute *automatic = dc_onnx_attribute(node, "auto_pad");
  const DcShape image = dc_network_value(importer->network, of->input->number);
  if (of->groups != 1)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it has %lld groups; only transposed convolutions of one are read",
                          (long long)of->groups);
  if (dc_onnx_attribute(node, "output_shape") ||
      (automatic && automatic->kind == DC_ONNX_TEXT && strncmp(automatic->text, "SAME", 4) == 0))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "its output must be told by pads and output_padding, not by output_shape "
                          "or auto_pad");
  if (of->weight->shape[0] != image.channels)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                          "a weight for %lld channels meets an input of %d",
                          (long long)of->weight->shape[0], image.channels);
  return DC_OK;
}

/* Pixels along an axis: as many as the windows reach, without what the padding cuts off. */
static DcStatus
transposed_size(DcOnnxImporter *importer, const DcOnnxWindows *windows, int axis, int length,
                int64_t more, int *size)
{
  const int64_t made = (int64_t)windows->stride[axis] * (length - 1) + windows->kernel[axis] +
                       more - windows->padding[2 * axis] - windows->padding[2 * axis + 1];
  if (windows->dilation[axis] != 1)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "a transposed convolution with dilation is not read");
  if (more < 0 || more >= windows->stride[axis] || made < 1 || made > INT32_MAX)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                          "its pads and its output_padding of %lld do not fit a stride of %d",
                          (long long)more, windows->stride[axis]);
  *size = (int)made;
  return DC_OK;
}

static DcStatus
describe_transposed(DcOnnxImporter *importer, const DcOnnxNode *node, const Convolution *of,
                    DcLayer *layer)
{
  const DcShape image = dc_network_value(importer->network, of->input->number);
  DcOnnxWindows windows;
  int64_t more[2];
  DcStatus status = dc_onnx_read_windows(importer, node, image, of->weight->shape + 2, &windows);
  if (!status)
    status =
        dc_onnx_operands_ints(node, "output_padding", 2, 0, importer->where, more, importer->error);
  *layer =
      (DcLayer){.kind = DC_LAYER_TRANSPOSED_CONV2D, .output.channels = (int)of->weight->shape[1]};
  if (!status)
    status = transposed_size(importer, &windows, 0, image.height, more[0], &layer->output.height);
  if (!status)
    status = transposed_size(importer, &windows, 1, image.width, more[1], &layer->output.width);
  if (!status)
    dc_onnx_set_windows(&windows, layer);
  return status;
}

/* ONNX has its weight as inputs x outputs x height x width, the network as height x width x outputs
 * x inputs. */
static DcStatus
import_transposed(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  Convolution of;
  DcLayer layer;
  const float *biases = NULL;
  size_t number;
  DcStatus status = read_convolution(importer, node, &of);
  if (!status)
    status = check_transposed(importer, node, &of);
  if (!status && of.bias)
    status =
        dc_onnx_constant_floats(importer, of.bias, "bias", (size_t)of.weight->shape[1], &biases);
  if (!status)
    status = describe_transposed(importer, node, &of, &layer);
  if (!status)
    status = dc_onnx_add(importer, layer, of.input->number, of.input->number, &number);
  if (status)
    return status;
  const DcLayer *added = dc_onnx_last_layer(importer);
  permute_kernel(of.weight->floats, of.weight->shape, added->weight);
  if (biases)
    memcpy(added->bias, biases, added->bias_size * sizeof *biases);
  dc_onnx_bind(importer, node, 0, number, dc_onnx_view_of_map(added->output));
  return DC_OK;
}

/* --- Gemm, MatMul --- */

/* Copies a matrix to inputs x outputs, times `scale`. */
static void
copy_matrix(const DcOnnxTensor *from, bool transposed, float scale, float *to)
{
  const size_t rows = (size_t)from->shape[0], columns = (size_t)from->shape[1];
  for (size_t row = 0; row < rows; row++) {
    for (size_t column = 0; column < columns; column++)
      to[transposed ? column * rows + row : row * columns + column] =
          scale * from->floats[row * columns + column];
  }
}

/* The product of each row (the last axis) of `input` with a constant matrix; binds output 0. */
static DcStatus
add_product(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *input,
            const DcOnnxTensor *matrix, bool transposed, float scale)
{
  if (!matrix->floats || matrix->rank != 2 || matrix->count == 0 || input->view.rank < 1)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "only the product of vectors with a constant matrix is read");
  DcStatus status = dc_onnx_take_rows(importer, input);
  if (status)
    return status;
  const DcShape rows = dc_network_value(importer->network, input->number);
  const int64_t inputs = matrix->shape[transposed], outputs = matrix->shape[!transposed];
  if (inputs != rows.channels)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                          "a matrix for vectors of %lld numbers meets vectors of %d",
                          (long long)inputs, rows.channels);
  DcLayer layer = {.kind = rows.width == 1 ? DC_LAYER_DENSE : DC_LAYER_CONV2D,
                   .output.channels = (int)outputs};
  if (layer.kind == DC_LAYER_CONV2D)
    layer.kernel_height = layer.kernel_width = layer.stride = 1;
  size_t number;
  status = dc_onnx_add(importer, layer, input->number, input->number, &number);
  if (status)
    return status;
  copy_matrix(matrix, transposed, scale, dc_onnx_last_layer(importer)->weight);
  int64_t size[DC_ONNX_MOST_AXES];
  memcpy(size, input->view.size, sizeof size);
  size[input->view.rank - 1] = outputs;
  dc_onnx_bind(importer, node, 0, number, dc_onnx_view_dense(input->view.rank, size));
  return DC_OK;
}

static DcStatus
import_matmul(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *matrix;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "second matrix", &matrix);
  return status ? status : add_product(importer, node, input, matrix, false, 1);
}

/* The bias of a layer that was just added, times `scale`. */
static DcStatus
set_bias(DcOnnxImporter *importer, const DcOnnxTensor *bias, float scale)
{
  DcLayer *layer = dc_onnx_last_layer(importer);
  const float *numbers;
  DcStatus status = dc_onnx_constant_floats(importer, bias, "bias", layer->bias_size, &numbers);
  for (size_t i = 0; i < layer->bias_size && !status; i++)
    layer->bias[i] = scale * numbers[i];
  return status;
}

static DcStatus
import_gemm(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *matrix, *bias;
  int64_t transpose_input, transpose_matrix;
  float alpha, beta;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "second matrix", &matrix);
  if (!status)
    status = dc_onnx_constant(importer, node, 2, false, "third matrix", &bias);
  if (!status)
    status =
        dc_onnx_operands_int(node, "transA", 0, importer->where, &transpose_input, importer->error);
  if (!status)
    status = dc_onnx_operands_int(node, "transB", 0, importer->where, &transpose_matrix,
                                  importer->error);
  if (!status)
    status = dc_onnx_operands_float(node, "alpha", 1, importer->where, &alpha, importer->error);
  if (!status)
    status = dc_onnx_operands_float(node, "beta", 1, importer->where, &beta, importer->error);
  if (!status && (transpose_input || input->view.rank != 1))
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "its first input must be one vector for each picture");
  if (!status)
    status = add_product(importer, node, input, matrix, transpose_matrix != 0, alpha);
  if (!status && bias)
    status = set_bias(importer, bias, beta);
  return status;
}

/* --- BatchNormalization --- */

static DcStatus
find_statistics(DcOnnxImporter *importer, const DcOnnxNode *node, size_t channels,
                const float *numbers[4])
{
  static const char *const names[] = {"scale", "bias", "mean", "variance"};
  for (size_t i = 0; i < 4; i++) {
    const DcOnnxTensor *tensor;
    DcStatus status = dc_onnx_constant(importer, node, i + 1, true, names[i], &tensor);
    if (!status)
      status = dc_onnx_constant_floats(importer, tensor, names[i], channels, &numbers[i]);
    if (status)
      return status;
  }
  return DC_OK;
}

/* Brings the input into the form in which what is normalised is the channels. */
static DcStatus
take_normalised(DcOnnxImporter *importer, DcOnnxEntry *input)
{
  if (input->view.rank == 3)
    return dc_onnx_take_map(importer, input);
  if (input->view.rank == 1)
    return dc_onnx_take_rows(importer, input);
  return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it must be over images or vectors");
}

static DcStatus
normalise(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *input, float epsilon)
{
  const size_t channels = (size_t)dc_network_value(importer->network, input->number).channels;
  const float *numbers[4];
  DcStatus status = find_statistics(importer, node, channels, numbers);
  if (status)
    return status;
  double *scale = DC_NEW(double, 2 * channels);
  if (!scale)
    return dc_onnx_refuse(importer, DC_ERROR_MEMORY, "no memory for its statistics");
  double *shift = scale + channels;
  for (size_t i = 0; i < channels; i++) {
    scale[i] = numbers[0][i] / sqrt((double)numbers[3][i] + (double)epsilon);
    shift[i] = numbers[1][i] - numbers[2][i] * scale[i];
  }
  status = dc_onnx_scale_channels(importer, node, input, scale, shift);
  dc_free(scale);
  return status;
}

static DcStatus
import_batch_norm(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  float epsilon;
  int64_t training;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status =
        dc_onnx_operands_float(node, "epsilon", 1e-5f, importer->where, &epsilon, importer->error);
  if (!status)
    status =
        dc_onnx_operands_int(node, "training_mode", 0, importer->where, &training, importer->error);
  if (!status && training)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "it is in training mode; export the network for inference");
  if (!status)
    status = take_normalised(importer, input);
  return status ? status : normalise(importer, node, input, epsilon);
}

DcOnnxOperator
dc_onnx_find_weighted(const char *op)
{
  if (!strcmp(op, "Conv"))
    return import_conv;
  if (!strcmp(op, "ConvTranspose"))
    return import_transposed;
  if (!strcmp(op, "Gemm"))
    return import_gemm;
  if (!strcmp(op, "MatMul"))
    return import_matmul;
  return strcmp(op, "BatchNormalization") ? NULL : import_batch_norm;
}
