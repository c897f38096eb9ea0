/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/encoder.h"

#include "base/checked.h"
#include "base/memory.h"
#include "image/descriptor.h"
#include "nn/plan.h"
#include "onnx/runtime.h"
#include "tensor/matrix.h"

#include <string.h>

struct DcEncoder {
  const char *id;
  size_t dim;
  size_t not_finite;

  DcDescriptor *descriptor; /* NULL: a network */

  DcPatchReader *reader;
  DcPlan *plan;           /* the network, NULL: runtime has it */
  DcOnnxRuntime *runtime; /* likewise */
  size_t patch_size;
  size_t max_batch;
  float *patches; /* max_batch x patch_size */
  float *outputs; /* max_batch x dim */
  size_t *rows;   /* max_batch: the region of each patch in the batch */
};

static DcStatus
check_shapes(const DcPatchSpec *spec, const DcNetwork *network, DcError *error)
{
  DcShape input = dc_network_input(network), output = dc_network_output(network);
  int channels = dc_patch_channels(spec);
  if (input.height != spec->height || input.width != spec->width || input.channels != channels)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "the preprocessing makes patches of %d x %d x %d (height, width, channels) "
                        "but the encoder takes %d x %d x %d: use the preprocessing that the "
                        "encoder was trained with",
                        spec->height, spec->width, channels, input.height, input.width,
                        input.channels);
  if (output.height != 1 || output.width != 1)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "the encoder ends in a map of %d x %d x %d (height, width, channels), but "
                        "an embedding is a vector: end it with a dense, pooling or reshape layer",
                        output.height, output.width, output.channels);
  return DC_OK;
}

static bool
allocate(DcEncoder *encoder, const DcPatchSpec *spec)
{
  size_t patch_floats, output_floats;
  if (!dc_checked_mul(encoder->max_batch, encoder->patch_size, &patch_floats) ||
      !dc_checked_mul(encoder->max_batch, encoder->dim, &output_floats))
    return false;
  encoder->reader = dc_patch_reader_new(spec);
  encoder->patches = DC_NEW(float, patch_floats);
  encoder->outputs = DC_NEW(float, output_floats);
  encoder->rows = DC_NEW(size_t, encoder->max_batch);
  return encoder->reader && encoder->patches && encoder->outputs && encoder->rows;
}

static void
bound_batch(DcEncoder *encoder)
{
  const size_t bytes = (encoder->patch_size + encoder->dim) * sizeof(float);
  const size_t most = bytes < DC_ENCODER_BATCH_BYTES ? DC_ENCODER_BATCH_BYTES / bytes : 1;
  if (encoder->max_batch > most)
    encoder->max_batch = most;
}

static DcStatus
make_room(DcEncoder *encoder, const DcPatchSpec *spec, const DcNetwork *network, DcError *error)
{
  encoder->patch_size = dc_patch_size(spec);
  encoder->dim = dc_shape_size(dc_network_output(network));
  bound_batch(encoder);
  if (!allocate(encoder, spec))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "no memory to embed %zu regions at a time: use a smaller batch",
                        encoder->max_batch);
  return DC_OK;
}

/* All of an encoder but who runs its network. */
static DcStatus
prepare(const DcPatchSpec *spec, const DcNetwork *network, const char *id, size_t max_batch,
        DcEncoder **encoder, DcError *error)
{
  if (max_batch < 1 || max_batch > DC_ENCODER_MAX_BATCH)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a batch of %zu regions is outside 1 .. %d",
                        max_batch, DC_ENCODER_MAX_BATCH);
  DcStatus status = dc_patch_spec_check(spec, error);
  if (status == DC_OK)
    status = check_shapes(spec, network, error);
  if (status != DC_OK)
    return status;

  *encoder = DC_NEW(DcEncoder, 1);
  if (!*encoder)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for an encoder");
  (*encoder)->id = id;
  (*encoder)->max_batch = max_batch;
  return make_room(*encoder, spec, network, error);
}

/* Gives `*encoder` to the caller, or nothing after a failure. */
static DcStatus
conclude(DcStatus status, DcEncoder **encoder)
{
  if (status != DC_OK) {
    dc_encoder_free(*encoder);
    *encoder = NULL;
  }
  return status;
}

DcStatus
dc_encoder_new(const DcPatchSpec *spec, const DcNetwork *network, const char *id, size_t max_batch,
               DcEncoder **encoder, DcError *error)
{
  *encoder = NULL;
  DcStatus status = prepare(spec, network, id, max_batch, encoder, error);
  if (status == DC_OK)
    status = dc_plan_new(network, (*encoder)->max_batch, &(*encoder)->plan, error);
  return conclude(status, encoder);
}

DcStatus
dc_encoder_new_onnx_runtime(const DcPatchSpec *spec, const DcNetwork *network, const char *id,
                            size_t max_batch, size_t threads, DcEncoder **encoder, DcError *error)
{
  *encoder = NULL;
  DcStatus status = prepare(spec, network, id, max_batch, encoder, error);
  if (status == DC_OK)
    status =
        dc_onnx_runtime_new(network, (*encoder)->max_batch, threads, &(*encoder)->runtime, error);
  return conclude(status, encoder);
}

DcStatus
dc_encoder_new_descriptor(DcEncoder **encoder, DcError *error)
{
  *encoder = NULL;
  DcEncoder *made = DC_NEW(DcEncoder, 1);
  if (made)
    made->descriptor = dc_descriptor_new();
  if (!made || !made->descriptor) {
    dc_encoder_free(made);
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for the built-in descriptor");
  }
  made->id = DC_DESCRIPTOR_NAME;
  made->dim = (size_t)dc_descriptor_size();
  *encoder = made;
  return DC_OK;
}

void
dc_encoder_free(DcEncoder *encoder)
{
  if (!encoder)
    return;
  if (encoder->descriptor)
    dc_descriptor_free(encoder->descriptor);
  if (encoder->reader)
    dc_patch_reader_free(encoder->reader);
  if (encoder->plan)
    dc_plan_free(encoder->plan);
  dc_onnx_runtime_free(encoder->runtime);
  dc_free(encoder->patches);
  dc_free(encoder->outputs);
  dc_free(encoder->rows);
  dc_free(encoder);
}

size_t
dc_encoder_dim(const DcEncoder *encoder)
{
  return encoder->dim;
}

const char *
dc_encoder_id(const DcEncoder *encoder)
{
  return encoder->id;
}

size_t
dc_encoder_not_finite(const DcEncoder *encoder)
{
  return encoder->not_finite;
}

/* NaN and infinity stop here. */
static bool
accept_embedding(DcEncoder *encoder, float *embedding)
{
  DcMatrix row = dc_matrix(embedding, 1, encoder->dim);
  if (dc_matrix_is_finite(&row))
    return true;
  memset(embedding, 0, encoder->dim * sizeof *embedding);
  encoder->not_finite++;
  return false;
}

static DcStatus
describe_regions(DcEncoder *encoder, const DcImage *image, const DcRect *regions, size_t n,
                 float *embeddings, bool *valid)
{
  for (size_t i = 0; i < n; i++) {
    float *embedding = embeddings + i * encoder->dim;
    DcStatus status = dc_descriptor_run(encoder->descriptor, image, &regions[i], embedding);
    if (status == DC_OK)
      valid[i] = accept_embedding(encoder, embedding);
    else if (status != DC_ERROR_ARGUMENT) /* that is a region without a pixel */
      return status;
  }
  return DC_OK;
}

/* Runs the `count` patches that are read and puts the results to the regions they belong to. */
static DcStatus
run_batch(DcEncoder *encoder, size_t count, float *embeddings, bool *valid)
{
  if (count == 0)
    return DC_OK;
  DcStatus status =
      encoder->runtime
          ? dc_onnx_runtime_run(encoder->runtime, encoder->patches, count, encoder->outputs)
          : dc_plan_run(encoder->plan, encoder->patches, count, encoder->outputs);
  if (status != DC_OK)
    return status;
  for (size_t i = 0; i < count; i++) {
    float *embedding = embeddings + encoder->rows[i] * encoder->dim;
    memcpy(embedding, encoder->outputs + i * encoder->dim, encoder->dim * sizeof *embedding);
    valid[encoder->rows[i]] = accept_embedding(encoder, embedding);
  }
  return DC_OK;
}

static DcStatus
run_network(DcEncoder *encoder, const DcImage *image, const DcRect *regions, size_t n,
            float *embeddings, bool *valid)
{
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    float *patch = encoder->patches + count * encoder->patch_size;
    DcStatus status = dc_patch_read(encoder->reader, image, &regions[i], patch);
    if (status == DC_ERROR_ARGUMENT) /* a region without a pixel */
      continue;
    if (status != DC_OK)
      return status;
    encoder->rows[count++] = i;
    if (count < encoder->max_batch)
      continue;
    status = run_batch(encoder, count, embeddings, valid);
    if (status != DC_OK)
      return status;
    count = 0;
  }
  return run_batch(encoder, count, embeddings, valid);
}

DcStatus
dc_encoder_run(DcEncoder *encoder, const DcImage *image, const DcRect *regions, size_t n,
               float *embeddings, bool *valid)
{
  memset(embeddings, 0, n * encoder->dim * sizeof *embeddings);
  memset(valid, 0, n * sizeof *valid);
  encoder->not_finite = 0;
  return encoder->descriptor ? describe_regions(encoder, image, regions, n, embeddings, valid)
                             : run_network(encoder, image, regions, n, embeddings, valid);
}
