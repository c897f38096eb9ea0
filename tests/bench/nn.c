/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The neural engine on the encoder of DEKM for 28 x 28 images (3.34 million multiply-adds): forward
 * beside the matrix products alone that im2col would leave of it, on one thread; and a training
 * step of the whole autoencoder. Then residual networks with batch normalisation, both ways. */

#include "bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/autoencoder.h"
#include "nn/fit.h"
#include "nn/patch.h"
#include "nn/plan.h"
#include "nn/residual_network.h"
#include "nn/trainer.h"
#include "tensor/blas.h"

#include <cblas.h>

enum { MOST_BATCH = 256, PRODUCTS = 4, PIXELS = 28 * 28, CODE = 10 };

static void
give_up(const char *why)
{
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static float *
random_floats(size_t count)
{
  DcRandom random;
  dc_random_seed(&random, count, 0);
  float *floats = DC_NEW(float, count);
  if (!floats)
    give_up("no memory");
  for (size_t i = 0; i < count; i++)
    floats[i] = (float)dc_random_uniform(&random);
  return floats;
}

/* --- forward --- */

/* rows (of one image) x inner times inner x cols. */
static const struct {
  size_t rows, inner, cols;
} products[PRODUCTS] = {{14 * 14, 25, 32}, {7 * 7, 800, 64}, {3 * 3, 576, 128}, {1, 1152, 10}};

typedef struct {
  DcPlan *plan;
  size_t batch;
  float *images, *codes;
  float *left[PRODUCTS], *right[PRODUCTS], *result[PRODUCTS];
} Forward;

static void
run_plan(void *data)
{
  Forward *forward = data;
  if (dc_plan_run(forward->plan, forward->images, forward->batch, forward->codes))
    give_up("the plan does not run");
}

static void
run_products(void *data)
{
  Forward *forward = data;
  for (size_t i = 0; i < PRODUCTS; i++) {
    const DcMatrix a =
        dc_matrix(forward->left[i], forward->batch * products[i].rows, products[i].inner);
    const DcMatrix b = dc_matrix(forward->right[i], products[i].inner, products[i].cols);
    const DcMatrix c = dc_matrix(forward->result[i], a.rows, products[i].cols);
    dc_gemm(DC_PLAIN, DC_PLAIN, 1, &a, &b, 0, &c);
  }
}

static void
bench_forward(const DcNetwork *encoder)
{
  static const size_t batches[] = {1, 8, 64};
  Forward forward = {.images = random_floats((size_t)MOST_BATCH * PIXELS),
                     .codes = random_floats((size_t)MOST_BATCH * CODE)};
  if (dc_plan_new(encoder, MOST_BATCH, &forward.plan, NULL))
    give_up("no plan");
  for (size_t i = 0; i < PRODUCTS; i++) {
    forward.left[i] = random_floats(MOST_BATCH * products[i].rows * products[i].inner);
    forward.right[i] = random_floats(products[i].inner * products[i].cols);
    forward.result[i] = random_floats(MOST_BATCH * products[i].rows * products[i].cols);
  }
  for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
    forward.batch = batches[i];
    const BenchResult result = bench_against(run_plan, run_products, &forward, 1.5);
    char parameters[200];
    snprintf(parameters, sizeof parameters, "\"batch\": %zu, \"kernels\": \"%s\", \"blas\": \"%s\"",
             forward.batch, dc_patch_kernels()->name, openblas_get_corename());
    bench_print("nn-forward", parameters, (double)forward.batch / result.seconds, "images/s");
    bench_print("nn-forward-of-products", parameters, 1 / result.ratio,
                "speed of the matrix products alone");
  }
  for (size_t i = 0; i < PRODUCTS; i++) {
    dc_free(forward.left[i]);
    dc_free(forward.right[i]);
    dc_free(forward.result[i]);
  }
  dc_plan_free(forward.plan);
  dc_free(forward.images);
  dc_free(forward.codes);
}

/* --- training --- */

typedef struct {
  DcFit *fit[2]; /* with one thread and with two */
  float *images;
  uint32_t rows[MOST_BATCH];
} Training;

static void
run_step(const Training *training, size_t which)
{
  double loss;
  if (dc_fit_step(training->fit[which], training->images, training->images, training->rows,
                  MOST_BATCH, &loss))
    give_up("the training step fails");
}

static void
run_one_thread(void *data)
{
  run_step(data, 0);
}

static void
run_two_threads(void *data)
{
  run_step(data, 1);
}

static void
bench_training(const DcAutoencoder *autoencoder)
{
  DcNetwork *const networks[] = {autoencoder->encoder, autoencoder->decoder};
  Training training = {.images = random_floats((size_t)MOST_BATCH * PIXELS)};
  for (size_t i = 0; i < 2; i++) {
    const DcFitOptions options = {.networks = networks,
                                  .network_count = 2,
                                  .loss = dc_loss_mean_squared_error,
                                  .optimiser = dc_optimiser_adam(1e-3),
                                  .threads = i + 1};
    if (dc_fit_new(&options, &training.fit[i], NULL))
      give_up("no memory to train");
  }
  for (size_t i = 0; i < MOST_BATCH; i++)
    training.rows[i] = (uint32_t)i;
  const BenchResult result = bench_against(run_one_thread, run_two_threads, &training, 4);
  bench_print("nn-training-step", "\"batch\": 256, \"threads\": 1", 1e3 * result.seconds, "ms");
  bench_print("nn-training-step", "\"batch\": 256, \"threads\": 2", 1e3 * result.baseline, "ms");
  dc_fit_free(training.fit[0]);
  dc_fit_free(training.fit[1]);
  dc_free(training.images);
}

/* --- residual networks --- */

enum { RESIDUAL_BATCH = 128, RESIDUAL_SIDE = 32, RESIDUAL_CHANNELS = 3 };

typedef struct {
  DcTrainer *trainer;
  float *images, *delta;
} BothWays;

static void
run_there(void *data)
{
  BothWays *both = data;
  dc_trainer_forward(both->trainer, both->images, RESIDUAL_BATCH);
}

static void
run_back(void *data)
{
  BothWays *both = data;
  dc_trainer_backward(both->trainer, both->delta);
}

static void
bench_residual(int stages)
{
  const DcResidualOptions options = {.width = 16, .blocks = 1, .stages = stages};
  const DcShape image = {RESIDUAL_SIDE, RESIDUAL_SIDE, RESIDUAL_CHANNELS};
  DcNetwork *network;
  BothWays both = {.images = random_floats(RESIDUAL_BATCH * dc_shape_size(image))};
  if (dc_residual_network_init(&network, image, &options, 1, NULL) ||
      dc_trainer_new(network, RESIDUAL_BATCH, false, &both.trainer, NULL))
    give_up("no residual network");
  both.delta = random_floats(RESIDUAL_BATCH * dc_shape_size(dc_network_output(network)));
  run_there(&both); /* the way back needs one */
  const BenchResult result = bench_against(run_there, run_back, &both, 4);
  char parameters[200];
  snprintf(parameters, sizeof parameters,
           "\"batch\": 128, \"threads\": 1, \"width\": 16, \"blocks\": 1, \"stages\": %d, "
           "\"multiply_adds\": %zu",
           stages, (size_t)dc_network_multiply_adds(network));
  bench_print("nn-residual-forward", parameters, 1e3 * result.seconds, "ms");
  bench_print("nn-residual-backward", parameters, 1e3 * result.baseline, "ms");
  dc_trainer_free(both.trainer);
  dc_network_free(network);
  dc_free(both.images);
  dc_free(both.delta);
}

int
main(void)
{
  DcAutoencoder autoencoder;
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  if (dc_autoencoder_init(&autoencoder, DC_AUTOENCODER_CONVOLUTIONAL, (DcShape){28, 28, 1}, CODE, 1,
                          NULL))
    give_up("no autoencoder");
  bench_forward(autoencoder.encoder);
  bench_training(&autoencoder);
  bench_residual(3);
  bench_residual(4);
  dc_autoencoder_clear(&autoencoder);
  return 0;
}
