/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_MODELS_H
#define DC_TESTS_MODELS_H

#include "scratch.h" /* says which POSIX it needs: before all others */

#include "base/memory.h"
#include "cluster/mixture.h"
#include "cluster/tdcm.h"
#include "networks.h"
#include "store/model_file.h"

#include <glib.h>

/* Models with every kind of layer that holds numbers, and some that do not, for the tests of model
 * files. */

enum { SIDE = 8, DIM = 5, CLUSTERS = 3, LENGTH = 6 };

static inline DcNetwork *
small_encoder(DcRandom *random)
{
  const int one[4] = {1, 1, 1, 1}, none[4] = {0};
  DcNetwork *network = dc_network_new((DcShape){SIDE, SIDE, 3});
  DcLayer conv = window_layer(DC_LAYER_CONV2D, 3, 3, 1, one, 4);
  conv.activation = DC_ACTIVATION_LEAKY_RELU;
  conv.slope = 0.3f;
  add_random(network, conv, random);
  add_random(network, window_layer(DC_LAYER_MAX_POOL, 2, 2, 2, none, 0), random);
  add_random(network, window_layer(DC_LAYER_DEPTHWISE_CONV2D, 3, 2, 1, one, 0), random);
  add_random(network, (DcLayer){.kind = DC_LAYER_AFFINE, .activation = DC_ACTIVATION_GELU}, random);
  add_random(network, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = DIM}}, random);
  add_random(network, (DcLayer){.kind = DC_LAYER_L2_NORMALISE}, random);
  return network;
}

static inline DcNetwork *
small_decoder(DcRandom *random)
{
  DcNetwork *network = dc_network_new((DcShape){1, 1, DIM});
  add_random(network, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = 32}}, random);
  add_random(network, (DcLayer){.kind = DC_LAYER_RESHAPE, .output = {4, 4, 2}}, random);
  DcLayer layer = window_layer(DC_LAYER_TRANSPOSED_CONV2D, 2, 2, 2, (int[4]){0}, 3);
  layer.output = (DcShape){SIDE, SIDE, 3};
  add_random(network, layer, random);
  return network;
}

static inline DcTdcmModule *
small_attention(DcRandom *random)
{
  DcTdcmModule *module = dc_tdcm_new(DIM, DC_TDCM_NONLINEAR);
  module->shares = true;
  module->blocks = 6;
  module->seeds = 3;
  module->epsilon = 1e-5;
  for (size_t k = 0; k < DIM; k++) {
    module->shift[k] = dc_random_normal(random);
    for (size_t l = 0; l <= k; l++)
      module->root[k * DIM + l] = k == l ? 0.3 + (double)k : dc_random_normal(random);
  }
  return module;
}

/* With a metric for each of two clusters. */
static inline DcTdcmModule *
sourced_attention(void)
{
  DcTdcmModule *module = dc_tdcm_new(DIM, DC_TDCM_QUADRATIC);
  module->source = dc_mixture_new(DC_COVARIANCE_FULL, 2, DIM);
  for (size_t j = 0; j < 2; j++) {
    module->source->weights[j] = j ? 0.75 : 0.25;
    for (size_t k = 0; k < DIM; k++) {
      module->source->means[j * DIM + k] = (double)(j + k);
      module->source->covariances[(j * DIM + k) * DIM + k] = 0.5;
    }
  }
  return module;
}

static inline DcModel *
small_model(void)
{
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcModel *model = dc_model_new();
  model->preprocessing = dc_patch_spec(SIDE, SIDE, DC_CHANNELS_BGR);
  model->preprocessing.fit = DC_FIT_LETTERBOX;
  model->preprocessing.resize = DC_RESIZE_BILINEAR;
  model->preprocessing.fill = 200;
  for (int c = 0; c < 3; c++) {
    model->preprocessing.mean[c] = 0.1f * (float)(c + 1);
    model->preprocessing.deviation[c] = 1 / (float)(c + 3);
  }
  model->encoder = small_encoder(&random);
  model->decoder = small_decoder(&random);
  model->attention = small_attention(&random);
  model->dim = DIM;
  model->clusters = CLUSTERS;
  model->centroids = DC_NEW(float, CLUSTERS *DIM);
  model->spread = DC_NEW(float, CLUSTERS);
  fill_uniform(&random, model->centroids, CLUSTERS * DIM, 2);
  for (int k = 0; k < CLUSTERS; k++)
    model->spread[k] = (float)k;
  model->method = g_strdup("dekm");
  model->provenance = g_strdup("{\"data\":\"gr\xc3\xbc\xc3\x9f\",\"epochs\":[1,2.5]}");
  return model;
}

/* The same with an encoder that branches. */
static inline DcModel *
branching_model(void)
{
  const int one[4] = {1, 1, 1, 1}, none[4] = {0};
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcModel *model = small_model();
  dc_network_free(model->encoder);
  DcNetwork *network = model->encoder = dc_network_new((DcShape){SIDE, SIDE, 3});
  add_random(network, window_layer(DC_LAYER_CONV2D, 3, 3, 1, one, 4), &random);
  add_random(network, window_layer(DC_LAYER_CONV2D, 3, 3, 1, one, 4), &random);
  add_random(network, (DcLayer){.kind = DC_LAYER_ADD, .with = 1}, &random);
  add_random(network, window_layer(DC_LAYER_MAX_POOL, 2, 2, 2, none, 0), &random);
  add_random(network, (DcLayer){.kind = DC_LAYER_DENSE, .back = 1, .output = {.channels = DIM}},
             &random);
  return model;
}

/* The same with an encoder that was learnt elsewhere. */
static inline DcModel *
imported_model(void)
{
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcModel *model = small_model();
  dc_network_free(model->encoder);
  dc_network_free(model->decoder);
  model->encoder = imported_network(&random);
  model->decoder =
      single_layer((DcShape){1, 1, DIM},
                   (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = 9 * 8 * 3}}, &random);
  model->preprocessing = dc_patch_spec(8, 9, DC_CHANNELS_RGB);
  return model;
}

static inline void
write_model(DcModel *model, const char *path)
{
  DcError error = {0};
  if (dc_model_write(model, path, &error))
    fail_msg("%s", error.message);
}

static inline DcModel *
read_model(const char *path)
{
  DcModel *model;
  DcError error = {0};
  if (dc_model_read(path, &model, &error))
    fail_msg("%s", error.message);
  return model;
}

/* A model that takes vectors instead of pictures. */
static inline DcModel *
vector_model(void)
{
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcModel *model = dc_model_new();
  DcLayer inner = {.kind = DC_LAYER_DENSE, .output = {1, 1, DIM}};
  DcLayer outer = {.kind = DC_LAYER_DENSE, .output = {1, 1, LENGTH}};
  model->vectors = true;
  model->encoder = dc_network_new((DcShape){1, 1, LENGTH});
  model->decoder = dc_network_new((DcShape){1, 1, DIM});
  add_random(model->encoder, (DcLayer){.kind = DC_LAYER_AFFINE}, &random);
  add_random(model->encoder, inner, &random);
  add_random(model->decoder, outer, &random);
  model->dim = DIM;
  return model;
}

#endif
