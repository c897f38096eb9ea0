/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/autoencoder.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/fit.h"
#include "nn/initialise.h"
#include "tensor/matrix.h"

#define CONVOLUTIONS 3

/* The convolutions of the encoder; the decoder has their adjoints in reverse. */
static const struct {
  int kernel, channels;
} convolutions[CONVOLUTIONS] = {{5, 32}, {5, 64}, {3, 128}};

/* Sequences of the random numbers that a seed stands for. */
enum { SEQUENCE_WEIGHTS, SEQUENCE_ORDER };

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
build_encoder(DcNetwork *encoder, int width, DcError *error)
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
build_decoder(DcNetwork *decoder, const DcNetwork *encoder, DcError *error)
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
initialise(DcAutoencoder *autoencoder, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, SEQUENCE_WEIGHTS);
  for (size_t i = 0; i < CONVOLUTIONS; i++)
    dc_initialise_uniform(autoencoder->encoder, i, 0.05f, &random);
  dc_initialise_glorot(autoencoder->encoder, CONVOLUTIONS, &random);
  for (size_t i = 0; i < dc_network_layer_count(autoencoder->decoder); i++)
    dc_initialise_glorot(autoencoder->decoder, i, &random);
}

DcStatus
dc_autoencoder_init(DcAutoencoder *autoencoder, DcShape image, int width, uint64_t seed,
                    DcError *error)
{
  autoencoder->encoder = dc_network_new(image);
  autoencoder->decoder = dc_network_new((DcShape){1, 1, width});
  DcStatus status = DC_OK;
  if (!autoencoder->encoder || !autoencoder->decoder)
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for an autoencoder");
  if (!status)
    status = build_encoder(autoencoder->encoder, width, error);
  if (!status)
    status = build_decoder(autoencoder->decoder, autoencoder->encoder, error);
  if (status)
    dc_autoencoder_clear(autoencoder);
  else
    initialise(autoencoder, seed);
  return status;
}

void
dc_autoencoder_clear(DcAutoencoder *autoencoder)
{
  dc_network_free(autoencoder->encoder);
  dc_network_free(autoencoder->decoder);
  *autoencoder = (DcAutoencoder){0};
}

/* --- training --- */

typedef struct {
  const DcAutoencoderTraining *training;
  const float *samples;
  uint32_t *order;
  size_t count;
  DcFit *fit;
  DcRandom random;
  DcError *error;
} Course;

static bool
goes_on(const DcAutoencoderTraining *training, const DcTrainingProgress *progress)
{
  return !training->progress || training->progress(progress, training->data);
}

/* One pass over all samples in a new order; the last batch may be short. */
static DcStatus
run_epoch(Course *course, int epoch, double *loss)
{
  const DcAutoencoderTraining *training = course->training;
  DcTrainingProgress progress = {.epoch = epoch,
                                 .epochs = training->epochs,
                                 .steps = (course->count - 1) / training->batch + 1};
  double sum = 0;
  dc_random_shuffle(&course->random, course->order, course->count);
  for (size_t first = 0; first < course->count;) {
    const size_t left = course->count - first;
    const size_t batch = left < training->batch ? left : training->batch;
    double step_loss;
    DcStatus status = dc_fit_step(course->fit, course->samples, course->samples,
                                  course->order + first, batch, &step_loss);
    progress.step++;
    if (status)
      return dc_error_set(course->error, status,
                          "training diverged in step %zu of epoch %d: lower the learning rate (%g)",
                          progress.step, epoch, training->learning_rate);
    first += batch;
    sum += step_loss * (double)batch;
    progress.loss = *loss = sum / (double)first;
    if (!goes_on(training, &progress))
      return dc_error_set(course->error, DC_ERROR_CANCELLED,
                          "training stopped on request in epoch %d of %d", epoch, training->epochs);
  }
  return DC_OK;
}

static DcStatus
check_training(const float *samples, size_t count, size_t size,
               const DcAutoencoderTraining *training, DcError *error)
{
  if (!count || count > UINT32_MAX)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "training on %zu samples; 1 to 2^32 - 1 can",
                        count);
  if (training->epochs < 1 || training->batch < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "training of %d epochs in batches of %zu; both must be at least 1",
                        training->epochs, training->batch);
  const DcMatrix rows = dc_matrix(samples, count, size);
  if (!dc_matrix_is_finite(&rows))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a training sample contains NaN or infinity: remove it");
  return DC_OK;
}

static DcStatus
run_course(Course *course, double *loss)
{
  for (size_t i = 0; i < course->count; i++)
    course->order[i] = (uint32_t)i;
  for (int epoch = 1; epoch <= course->training->epochs; epoch++) {
    DcStatus status = run_epoch(course, epoch, loss);
    if (status)
      return status;
  }
  return DC_OK;
}

DcStatus
dc_autoencoder_train(DcAutoencoder *autoencoder, const float *samples, size_t count,
                     const DcAutoencoderTraining *training, double *loss, DcError *error)
{
  const size_t size = dc_shape_size(dc_network_input(autoencoder->encoder));
  DcStatus status = check_training(samples, count, size, training, error);
  if (status)
    return status;
  DcNetwork *const networks[] = {autoencoder->encoder, autoencoder->decoder};
  const DcFitOptions options = {.networks = networks,
                                .network_count = 2,
                                .loss = dc_loss_mean_squared_error,
                                .optimiser = dc_optimiser_adam(training->learning_rate),
                                .threads = training->threads};
  Course course = {.training = training, .samples = samples, .count = count, .error = error};
  double last = 0;
  dc_random_seed(&course.random, training->seed, SEQUENCE_ORDER);
  status = dc_fit_new(&options, &course.fit, error);
  course.order = DC_NEW(uint32_t, count);
  if (!status && !course.order)
    status = dc_error_set(error, DC_ERROR_MEMORY, "no memory for the order of %zu samples", count);
  if (!status)
    status = run_course(&course, &last);
  if (loss)
    *loss = last;
  dc_free(course.order);
  dc_fit_free(course.fit);
  return status;
}
