/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/residual_network.h"

#include "base/random.h"
#include "nn/initialise.h"

/* Beyond these no memory suffices, and numbers stay far from overflow. */
#define MOST_CHANNELS (1 << 16)
#define MOST_STAGES   16
#define MOST_BLOCKS   256

/* A network under construction. The first error stays, and nothing is added after it. */
typedef struct {
  DcNetwork *network;
  DcRandom random;
  DcStatus status;
  DcError *error;
} Builder;

static Builder
start(DcShape input, uint64_t seed, DcError *error)
{
  Builder builder = {.network = dc_network_new(input), .error = error};
  dc_random_seed(&builder.random, seed, 0);
  if (!builder.network)
    builder.status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for a network");
  return builder;
}

static DcStatus
finish(Builder *builder, DcNetwork **network)
{
  if (builder->status) {
    dc_network_free(builder->network);
    builder->network = NULL;
  }
  *network = builder->network;
  return builder->status;
}

static void
add(Builder *builder, DcLayer layer)
{
  if (!builder->status)
    builder->status = dc_network_add(builder->network, &layer, builder->error);
}

static void
add_norm(Builder *builder, DcActivation activation)
{
  add(builder, (DcLayer){.kind = DC_LAYER_BATCH_NORM, .activation = activation});
}

/* A convolution that keeps height and width but for its stride, and its BATCH_NORM. */
static void
add_conv(Builder *builder, int kernel, int stride, int channels, int back, DcActivation activation)
{
  const int padding = kernel / 2;
  add(builder, (DcLayer){.kind = DC_LAYER_CONV2D,
                         .back = back,
                         .kernel_height = kernel,
                         .kernel_width = kernel,
                         .stride = stride,
                         .padding = {padding, padding, padding, padding},
                         .output = {.channels = channels}});
  if (!builder->status)
    dc_initialise_kaiming(builder->network, dc_network_layer_count(builder->network) - 1,
                          &builder->random);
  add_norm(builder, activation);
}

static void
add_block(Builder *builder, int stride, int channels)
{
  /* The layers of f, and of the way of x beside it when that has any. */
  enum { F = 4, SHORTCUT = 2 };
  add_conv(builder, 3, stride, channels, 0, DC_ACTIVATION_RELU);
  add_conv(builder, 3, 1, channels, 0, DC_ACTIVATION_NONE);
  const bool shortcut = stride != 1;
  if (shortcut)
    add_conv(builder, 1, stride, channels, F, DC_ACTIVATION_NONE);
  add(builder, (DcLayer){.kind = DC_LAYER_ADD,
                         .activation = DC_ACTIVATION_RELU,
                         .with = shortcut ? SHORTCUT : F});
}

static void
add_dense(Builder *builder, int output)
{
  add(builder, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = output}});
  if (!builder->status)
    dc_initialise_fan_in(builder->network, dc_network_layer_count(builder->network) - 1,
                         &builder->random);
}

static DcStatus
check_options(const DcResidualOptions *options, DcError *error)
{
  if (options->stages < 1 || options->stages > MOST_STAGES || options->blocks < 1 ||
      options->blocks > MOST_BLOCKS || options->width < 1 ||
      options->width > MOST_CHANNELS >> (options->stages - 1))
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "a residual network of %d stages of %d blocks, %d channels wide; stages can "
        "be 1 to %d, blocks 1 to %d, and the last stage can have %d channels",
        options->stages, options->blocks, options->width, MOST_STAGES, MOST_BLOCKS, MOST_CHANNELS);
  return DC_OK;
}

DcStatus
dc_residual_network_init(DcNetwork **network, DcShape image, const DcResidualOptions *options,
                         uint64_t seed, DcError *error)
{
  *network = NULL;
  DcStatus status = check_options(options, error);
  if (status)
    return status;
  Builder builder = start(image, seed, error);
  add_conv(&builder, 3, 1, options->width, 0, DC_ACTIVATION_RELU);
  for (int stage = 0; stage < options->stages; stage++) {
    for (int block = 0; block < options->blocks; block++)
      add_block(&builder, stage && !block ? 2 : 1, options->width << stage);
  }
  add(&builder, (DcLayer){.kind = DC_LAYER_GLOBAL_AVERAGE_POOL});
  return finish(&builder, network);
}

DcStatus
dc_projector_init(DcNetwork **network, int width, int output, uint64_t seed, DcError *error)
{
  *network = NULL;
  if (width < 1 || width > MOST_CHANNELS || output < 1 || output > MOST_CHANNELS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a projector from %d to %d numbers; both can be 1 to %d", width, output,
                        MOST_CHANNELS);
  Builder builder = start((DcShape){1, 1, width}, seed, error);
  add_dense(&builder, width);
  add_norm(&builder, DC_ACTIVATION_RELU);
  add_dense(&builder, output);
  add(&builder, (DcLayer){.kind = DC_LAYER_L2_NORMALISE});
  return finish(&builder, network);
}
