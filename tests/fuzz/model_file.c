/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "base/memory.h"
#include "nn/plan.h"
#include "store/model_file.h"
#include "store/safetensors.h"

#include <stdbool.h>
#include <string.h>

/* A model that was accepted must run. */
static void
run(const DcModel *model)
{
  if (dc_network_multiply_adds(model->encoder) > 1000000)
    return;
  DcPlan *plan;
  if (dc_plan_new(model->encoder, 1, &plan, NULL) != DC_OK)
    return;
  float *patch = DC_NEW(float, dc_patch_size(&model->preprocessing));
  float *embedding = DC_NEW(float, model->dim);
  if (patch && embedding)
    dc_plan_run(plan, patch, 1, embedding);
  dc_free(patch);
  dc_free(embedding);
  dc_plan_free(plan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzFile file = fuzz_file_open(data, size);
  DcModel *model;
  if (dc_model_read(file.path, &model, NULL) == DC_OK) {
    run(model);
    dc_model_free(model);
  }
  fuzz_file_close(&file);
  return 0;
}

static const DcLayer layers[] = {
    {.kind = DC_LAYER_CONV2D,
     .activation = DC_ACTIVATION_LEAKY_RELU,
     .slope = 0.1f,
     .kernel_height = 3,
     .kernel_width = 3,
     .stride = 1,
     .padding = {1, 1, 1, 1},
     .output = {.channels = 2}},
    {.kind = DC_LAYER_AFFINE},
    {.kind = DC_LAYER_RESHAPE, .back = 1, .output = {6, 6, 2}},
    {.kind = DC_LAYER_ADD, .with = 2},
    {.kind = DC_LAYER_MAX_POOL, .kernel_height = 2, .kernel_width = 2, .stride = 2},
    {.kind = DC_LAYER_DENSE, .output = {.channels = 3}},
};

/* Of the kinds that only networks learnt elsewhere have. */
static const DcLayer imported[] = {
    {.kind = DC_LAYER_PAD, .padding = {1, 0, 0, 1}},
    {.kind = DC_LAYER_CONV2D,
     .activation = DC_ACTIVATION_CLIP,
     .high = 6,
     .kernel_height = 2,
     .kernel_width = 2,
     .stride = 1,
     .dilation = 2,
     .output = {.channels = 4}},
    {.kind = DC_LAYER_CONV2D,
     .activation = DC_ACTIVATION_HARD_SIGMOID,
     .slope = 0.2f,
     .shift = 0.5f,
     .kernel_height = 1,
     .kernel_width = 1,
     .stride = 1,
     .groups = 2,
     .output = {.channels = 2}},
    {.kind = DC_LAYER_PRELU},
    {.kind = DC_LAYER_CONCATENATE, .back = 2},
    {.kind = DC_LAYER_REARRANGE,
     .output = {5, 5, 6},
     .order = {.axes = 3, .size = {25, 3, 2}, .stride = {6, 1, 3}}},
    {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL, .activation = DC_ACTIVATION_SILU},
    {.kind = DC_LAYER_MULTIPLY, .back = 1},
    {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1e-5f},
    {.kind = DC_LAYER_SOFTMAX},
    {.kind = DC_LAYER_DENSE, .output = {.channels = 3}},
};

static bool
write_whole(const char *path, const DcLayer *of, size_t count)
{
  DcModel *model = dc_model_new();
  model->preprocessing = dc_patch_spec(6, 6, DC_CHANNELS_GRAY);
  model->encoder = dc_network_new((DcShape){6, 6, 1});
  for (size_t i = 0; i < count; i++)
    if (dc_network_add(model->encoder, &of[i], NULL) != DC_OK)
      abort();
  model->dim = 3;
  model->clusters = 2;
  model->centroids = DC_NEW(float, 6);
  model->spread = DC_NEW(float, 2);
  bool written = dc_model_write(model, path, NULL) == DC_OK;
  dc_model_free(model);
  return written;
}

/* Without checksum and identity, behind which damage would not be looked at any further. */
static bool
write_unguarded(const char *path, const DcLayer *of, size_t count)
{
  static const char *const keys[] = {"format", "format_version", "preprocessing", "encoder"};
  DcTensorFile *file;
  if (!write_whole(path, of, count) || dc_tensor_file_read(path, &file, NULL) != DC_OK)
    return false;
  DcTensor tensors[16];
  size_t tensor_count = dc_tensor_file_count(file);
  if (tensor_count > sizeof tensors / sizeof *tensors)
    abort();
  for (size_t i = 0; i < tensor_count; i++)
    tensors[i] = *dc_tensor_file_at(file, i);
  const char *metadata[8];
  for (size_t i = 0; i < 4; i++) {
    metadata[2 * i] = keys[i];
    metadata[2 * i + 1] = dc_tensor_file_metadata(file, keys[i]);
  }
  bool written = dc_tensor_file_write(path, tensors, tensor_count, metadata, 4, 0, NULL) == DC_OK;
  dc_tensor_file_free(file);
  return written;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

int
fuzz_write_seed(size_t index, const char *path)
{
  switch (index) {
  case 0:
    return write_unguarded(path, layers, COUNT(layers));
  case 1:
    return write_whole(path, layers, COUNT(layers));
  case 2:
    return write_unguarded(path, imported, COUNT(imported));
  default:
    return 0;
  }
}
