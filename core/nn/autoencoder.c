/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/autoencoder.h"

#include "base/random.h"
#include "nn/initialise.h"

#define CONVOLUTIONS 3

/* The convolutions of the encoder; the decoder has their adjoints in reverse. */
static const struct {
  int kernel, channels;
} convolutions[CONVOLUTIONS] = {{5, 32}, {5, 64}, {3, 128}};

/* The hidden layers of the dense encoder; the decoder has them in reverse. */
#define HIDDEN 3
static const int hidden_widths[HIDDEN] = {500, 500, 2000};

/* The sequence of the random numbers of a seed that first weights are drawn from. */
#define SEQUENCE_WEIGHTS 0

/* TensorFlow's SAME for stride 2: ceil(length / 2) outputs, the odd zero at the end. */
static void
pad_same(int length, int kernel, int *before, int *after)
{
  const int outputs = length / 2 + length % 2;
  const int total = (outputs - 1) * 2 + kernel - length;
  *before = total > 0 ? total / 2 : 0;
  *after = total > 0 ? total - total / 2 : 0;
}

static DcLayer
convolution(DcShape image, DcShape input, size_t index)
{
  const int kernel = convolutions[index].kernel;
  const bool last = index == CONVOLUTIONS - 1;
  DcLayer layer = {.kind = DC_LAYER_CONV2D,
                   .activation = DC_ACTIVATION_RELU,
                   .kernel_height = kernel,
                   .kernel_width = kernel,
                   .stride = 2,
                   .output = {.channels = convolutions[index].channels}};
  if (!last || image.height % 8 == 0 || input.height < kernel)
    pad_same(input.height, kernel, &layer.padding[0], &layer.padding[1]);
  if (!last || image.width % 8 == 0 || input.width < kernel)
    pad_same(input.width, kernel, &layer.padding[2], &layer.padding[3]);
  return layer;
}

static DcStatus
build_convolutional_encoder(DcNetwork *encoder, int width, DcError *error)
{
  for (size_t i = 0; i < CONVOLUTIONS; i++) {
    const DcLayer layer = convolution(dc_network_input(encoder), dc_network_output(encoder), i);
    DcStatus status = dc_network_add(encoder, &layer, error);
    if (status)
      return status;
  }
  const DcLayer code = {.kind = DC_LAYER_DENSE, .output = {.channels = width}};
  return dc_network_add(encoder, &code, error);
}

static DcStatus
build_convolutional_decoder(DcNetwork *decoder, const DcNetwork *encoder, DcError *error)
{
  const DcShape top = dc_network_layer_const(encoder, CONVOLUTIONS - 1)->output;
  const DcLayer dense = {.kind = DC_LAYER_DENSE,
                         .activation = DC_ACTIVATION_RELU,
                         .output = {.channels = (int)dc_shape_size(top)}};
  const DcLayer reshape = {.kind = DC_LAYER_RESHAPE, .output = top};
  DcStatus status = dc_network_add(decoder, &dense, error);
  if (!status)
    status = dc_network_add(decoder, &reshape, error);
  for (size_t i = CONVOLUTIONS; !status && i-- > 0;) {
    DcLayer layer = *dc_network_layer_const(encoder, i);
    layer.kind = DC_LAYER_TRANSPOSED_CONV2D;
    layer.activation = i ? DC_ACTIVATION_RELU : DC_ACTIVATION_NONE;
    layer.output = dc_network_layer_input(encoder, i);
    status = dc_network_add(decoder, &layer, error);
  }
  return status;
}

static void
initialise_convolutional(DcAutoencoder *autoencoder, DcRandom *random)
{
  for (size_t i = 0; i < CONVOLUTIONS; i++)
    dc_initialise_uniform(autoencoder->encoder, i, 0.05f, random);
  dc_initialise_glorot(autoencoder->encoder, CONVOLUTIONS, random);
  for (size_t i = 0; i < dc_network_layer_count(autoencoder->decoder); i++)
    dc_initialise_glorot(autoencoder->decoder, i, random);
}

static DcStatus
build_convolutional(DcAutoencoder *autoencoder, int width, DcError *error)
{
  DcStatus status = build_convolutional_encoder(autoencoder->encoder, width, error);
  return status ? status
                : build_convolutional_decoder(autoencoder->decoder, autoencoder->encoder, error);
}

/* --- dense --- */

static DcStatus
add_dense(DcNetwork *network, DcActivation activation, int width, DcError *error)
{
  const DcLayer layer = {.kind = DC_LAYER_DENSE,
                         .activation = activation,
                         .slope = activation == DC_ACTIVATION_LEAKY_RELU ? 0.2f : 0,
                         .output = {.channels = width}};
  return dc_network_add(network, &layer, error);
}

static DcStatus
build_dense(DcAutoencoder *autoencoder, DcActivation activation, DcShape sample, int width,
            DcError *error)
{
  DcNetwork *encoder = autoencoder->encoder, *decoder = autoencoder->decoder;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < HIDDEN && !status; i++)
    status = add_dense(encoder, activation, hidden_widths[i], error);
  if (!status)
    status = add_dense(encoder, DC_ACTIVATION_NONE, width, error);
  for (size_t i = HIDDEN; i-- > 0 && !status;)
    status = add_dense(decoder, activation, hidden_widths[i], error);
  if (!status)
    status = add_dense(decoder, DC_ACTIVATION_NONE, (int)dc_shape_size(sample), error);
  const DcLayer reshape = {.kind = DC_LAYER_RESHAPE, .output = sample};
  return status ? status : dc_network_add(decoder, &reshape, error);
}

static void
initialise_dense(DcNetwork *network, DcAutoencoderKind kind, DcRandom *random)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    if (kind == DC_AUTOENCODER_DENSE) {
      dc_initialise_uniform(network, i, 0.05f, random);
    } else {
      dc_initialise_glorot(network, i, random);
      dc_initialise_truncated_biases(network, i, random);
    }
  }
}

/* --- both --- */

static DcStatus
build(DcAutoencoder *autoencoder, DcAutoencoderKind kind, DcShape sample, int width, DcError *error)
{
  switch (kind) {
  case DC_AUTOENCODER_CONVOLUTIONAL:
    return build_convolutional(autoencoder, width, error);
  case DC_AUTOENCODER_DENSE:
    return build_dense(autoencoder, DC_ACTIVATION_RELU, sample, width, error);
  case DC_AUTOENCODER_DENSE_LEAKY:
    return build_dense(autoencoder, DC_ACTIVATION_LEAKY_RELU, sample, width, error);
  }
  return dc_error_set(error, DC_ERROR_ARGUMENT, "unknown kind of autoencoder %d", (int)kind);
}

static void
initialise(DcAutoencoder *autoencoder, DcAutoencoderKind kind, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, SEQUENCE_WEIGHTS);
  if (kind == DC_AUTOENCODER_CONVOLUTIONAL) {
    initialise_convolutional(autoencoder, &random);
  } else {
    initialise_dense(autoencoder->encoder, kind, &random);
    initialise_dense(autoencoder->decoder, kind, &random);
  }
}

DcStatus
dc_autoencoder_init(DcAutoencoder *autoencoder, DcAutoencoderKind kind, DcShape sample, int width,
                    uint64_t seed, DcError *error)
{
  autoencoder->encoder = dc_network_new(sample);
  autoencoder->decoder = dc_network_new((DcShape){1, 1, width});
  DcStatus status = DC_OK;
  if (!autoencoder->encoder || !autoencoder->decoder)
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for an autoencoder");
  if (!status)
    status = build(autoencoder, kind, sample, width, error);
  if (status)
    dc_autoencoder_clear(autoencoder);
  else
    initialise(autoencoder, kind, seed);
  return status;
}

/* W z + b -> (W z + b - mean) scale */
static void
move_outputs(DcLayer *layer, const double *mean, double scale)
{
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = (float)(layer->weight[i] * scale);
  for (size_t j = 0; j < layer->bias_size; j++)
    layer->bias[j] = (float)((layer->bias[j] - mean[j]) * scale);
}

/* W z + b of z = z' / scale + mean */
static void
move_inputs(DcLayer *layer, size_t width, const double *mean, double scale)
{
  const size_t outputs = layer->bias_size;
  for (size_t i = 0; i < outputs; i++) {
    double bias = layer->bias[i];
    for (size_t j = 0; j < width; j++)
      bias += mean[j] * layer->weight[j * outputs + i];
    layer->bias[i] = (float)bias;
  }
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = (float)(layer->weight[i] / scale);
}

void
dc_autoencoder_move_code(DcAutoencoder *autoencoder, const double *mean, double scale)
{
  const size_t width = dc_shape_size(dc_network_output(autoencoder->encoder));
  const size_t last = dc_network_layer_count(autoencoder->encoder) - 1;
  move_outputs(dc_network_layer(autoencoder->encoder, last), mean, scale);
  move_inputs(dc_network_layer(autoencoder->decoder, 0), width, mean, scale);
}

void
dc_autoencoder_clear(DcAutoencoder *autoencoder)
{
  dc_network_free(autoencoder->encoder);
  dc_network_free(autoencoder->decoder);
  *autoencoder = (DcAutoencoder){0};
}
