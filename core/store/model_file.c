/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/model_file.h"

#include "base/memory.h"
#include "image/recipe.h"
#include "onnx/graph.h"
#include "store/digest.h"
#include "store/json.h"
#include "store/network_description.h"
#include "store/network_file.h"
#include "store/onnx_model.h"
#include "store/safetensors.h"
#include "store/source_file.h"
#include "store/tdcm_file.h"
#include "tensor/matrix.h"

#include <math.h>
#include <string.h>

#define FORMAT         "driftcluster-model"
#define FORMAT_VERSION "1"
#define MAX_CLUSTERS   65536
#define INPUT_VECTORS  "vectors" /* value of the metadata `input`; pictures have none */

DcModel *
dc_model_new(void)
{
  return DC_NEW(DcModel, 1);
}

void
dc_model_free(DcModel *model)
{
  if (!model)
    return;
  dc_network_free(model->encoder);
  dc_network_free(model->decoder);
  dc_network_free(model->assigner);
  dc_tdcm_free(model->attention);
  dc_transport_source_unref(model->source);
  dc_free(model->centroids);
  dc_free(model->spread);
  g_free(model->method);
  g_free(model->provenance);
  dc_free(model);
}

/* --- preprocessing --- */

static void
add_floats(JsonObject *object, const char *key, const float *values, int count)
{
  JsonArray *array = json_array_new();
  for (int i = 0; i < count; i++)
    json_array_add_double_element(array, values[i]);
  json_object_set_array_member(object, key, array);
}

static JsonObject *
describe_preprocessing(const DcPatchSpec *spec)
{
  JsonObject *object = json_object_new();
  json_object_set_int_member(object, "width", spec->width);
  json_object_set_int_member(object, "height", spec->height);
  json_object_set_string_member(object, "channels", dc_channels_names[spec->channels]);
  json_object_set_string_member(object, "fit", dc_fit_names[spec->fit]);
  json_object_set_string_member(object, "resize", dc_resize_names[spec->resize]);
  add_floats(object, "mean", spec->mean, dc_patch_channels(spec));
  add_floats(object, "deviation", spec->deviation, dc_patch_channels(spec));
  json_object_set_int_member(object, "fill", spec->fill);
  return object;
}

static DcStatus
read_floats(JsonObject *object, const char *key, int count, const char *where, float *values,
            DcError *error)
{
  JsonArray *array;
  DcStatus status = dc_json_array(object, key, where, &array, error);
  for (int i = 0; i < count && !status; i++)
    status = dc_json_element_float(array, (size_t)i, where, &values[i], error);
  return status;
}

static DcStatus
read_preprocessing(JsonObject *object, const char *where, DcPatchSpec *spec, DcError *error)
{
  int64_t width, height, fill;
  int channels = 0, fit = 0, resize = 0;
  DcStatus status = dc_json_int(object, "width", 1, INT32_MAX, where, &width, error);
  if (!status)
    status = dc_json_int(object, "height", 1, INT32_MAX, where, &height, error);
  if (!status)
    status = dc_json_choice(object, "channels", dc_channels_names, DC_CHANNELS_NAMES, where,
                            &channels, error);
  if (!status)
    status = dc_json_choice(object, "fit", dc_fit_names, DC_FIT_NAMES, where, &fit, error);
  if (!status)
    status =
        dc_json_choice(object, "resize", dc_resize_names, DC_RESIZE_NAMES, where, &resize, error);
  if (!status)
    status = dc_json_int(object, "fill", 0, 255, where, &fill, error);
  if (status)
    return status;
  *spec = dc_patch_spec((int)width, (int)height, (DcChannels)channels);
  spec->fit = (DcFit)fit;
  spec->resize = (DcResize)resize;
  spec->fill = (uint8_t)fill;
  status = read_floats(object, "mean", dc_patch_channels(spec), where, spec->mean, error);
  if (!status)
    status =
        read_floats(object, "deviation", dc_patch_channels(spec), where, spec->deviation, error);
  return status;
}

/* --- identity --- */

static void
digest_preprocessing(GChecksum *checksum, const DcPatchSpec *spec)
{
  dc_digest_int(checksum, spec->width);
  dc_digest_int(checksum, spec->height);
  dc_digest_text(checksum, dc_channels_names[spec->channels]);
  dc_digest_text(checksum, dc_fit_names[spec->fit]);
  dc_digest_text(checksum, dc_resize_names[spec->resize]);
  dc_digest_floats(checksum, spec->mean, (size_t)dc_patch_channels(spec));
  dc_digest_floats(checksum, spec->deviation, (size_t)dc_patch_channels(spec));
  dc_digest_int(checksum, spec->fill);
}

void
dc_model_identify(DcModel *model)
{
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  if (model->vectors)
    dc_digest_text(checksum, INPUT_VECTORS);
  else
    digest_preprocessing(checksum, &model->preprocessing);
  dc_digest_network(checksum, model->encoder);
  g_snprintf(model->encoder_id, sizeof model->encoder_id, "sha256:%s",
             g_checksum_get_string(checksum));
}

/* --- checking --- */

static DcStatus
check_vector_input(const DcModel *model, const char *name, DcError *error)
{
  DcShape input = dc_network_input(model->encoder);
  if (input.height == 1 && input.width == 1)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_SHAPE,
                      "%s: the encoder takes %dx%dx%d, but the file says that it takes vectors",
                      name, input.height, input.width, input.channels);
}

static DcStatus
check_picture_input(const DcModel *model, const char *name, DcError *error)
{
  DcShape input = dc_network_input(model->encoder);
  const DcPatchSpec *spec = &model->preprocessing;
  DcStatus status = dc_patch_spec_check(spec, error);
  if (status)
    return status;
  if (input.height == spec->height && input.width == spec->width &&
      input.channels == dc_patch_channels(spec))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_SHAPE,
                      "%s: the encoder takes %dx%dx%d, but the preprocessing makes %dx%dx%d", name,
                      input.height, input.width, input.channels, spec->height, spec->width,
                      dc_patch_channels(spec));
}

static DcStatus
check_encoder(const DcModel *model, const char *name, DcError *error)
{
  DcShape output = dc_network_output(model->encoder);
  DcStatus status = model->vectors ? check_vector_input(model, name, error)
                                   : check_picture_input(model, name, error);
  if (status)
    return status;
  if (output.height != 1 || output.width != 1 || (size_t)output.channels != model->dim)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%s: the encoder makes %dx%dx%d; a vector of %zu numbers is needed", name,
                        output.height, output.width, output.channels, model->dim);
  return dc_network_check_numbers(model->encoder, "encoder", name, error);
}

static DcStatus
check_decoder(const DcModel *model, const char *name, DcError *error)
{
  if (!model->decoder)
    return DC_OK;
  size_t input = dc_shape_size(dc_network_input(model->decoder));
  size_t output = dc_shape_size(dc_network_output(model->decoder));
  size_t needed = dc_shape_size(dc_network_input(model->encoder));
  if (input != model->dim || output != needed)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%s: the decoder makes %zu numbers from %zu; %zu from %zu are needed", name,
                        output, input, needed, model->dim);
  return dc_network_check_numbers(model->decoder, "decoder", name, error);
}

static DcStatus
check_assigner(const DcModel *model, const char *name, DcError *error)
{
  if (!model->assigner)
    return DC_OK;
  size_t input = dc_shape_size(dc_network_input(model->assigner));
  size_t output = dc_shape_size(dc_network_output(model->assigner));
  if (input != model->dim || output != model->clusters)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%s: the assigner makes %zu scores from %zu numbers; %zu from %zu are "
                        "needed",
                        name, output, input, model->clusters, model->dim);
  return dc_network_check_numbers(model->assigner, "assigner", name, error);
}

static DcStatus
check_clusters(const DcModel *model, const char *name, DcError *error)
{
  if (model->clusters > MAX_CLUSTERS || (model->clusters > 0) != (model->centroids != NULL) ||
      (model->spread && !model->centroids))
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%s: centroids, spread and a number of clusters of %zu do not fit", name,
                        model->clusters);
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
  if (!dc_matrix_is_finite(&centroids))
    return dc_error_set(error, DC_ERROR_NOT_FINITE, "%s: a centroid holds NaN or infinity", name);
  for (size_t k = 0; k < model->clusters && model->spread; k++)
    if (!isfinite(model->spread[k]) || model->spread[k] < 0)
      return dc_error_set(error, DC_ERROR_NOT_FINITE, "%s: the spread of cluster %zu is %g", name,
                          k, (double)model->spread[k]);
  return DC_OK;
}

static DcStatus
check_attention(const DcModel *model, const char *name, DcError *error)
{
  return model->attention ? dc_tdcm_check_for_file(model->attention, model->dim, name, error)
                          : DC_OK;
}

static DcStatus
check_source(const DcModel *model, const char *name, DcError *error)
{
  return model->source
             ? dc_source_check_for_file(model->source, model->clusters, model->dim, name, error)
             : DC_OK;
}

static DcStatus
check_provenance(const char *text, const char *name, DcError *error)
{
  if (!text)
    return DC_OK;
  g_autofree char *where = g_strconcat(name, ": provenance", NULL);
  JsonObject *object;
  DcStatus status = dc_json_parse(text, strlen(text), where, &object, error);
  if (!status)
    json_object_unref(object);
  return status;
}

DcStatus
dc_model_check(const DcModel *model, const char *name, DcError *error)
{
  DcStatus status = check_encoder(model, name, error);
  if (!status)
    status = check_decoder(model, name, error);
  if (!status)
    status = check_clusters(model, name, error);
  if (!status)
    status = check_assigner(model, name, error);
  if (!status)
    status = check_attention(model, name, error);
  if (!status)
    status = check_source(model, name, error);
  if (!status)
    status = check_provenance(model->provenance, name, error);
  return status;
}

/* --- reading --- */

static DcStatus
need_metadata(const DcTensorFile *file, const char *key, const char *name, const char **value,
              DcError *error)
{
  *value = dc_tensor_file_metadata(file, key);
  if (*value)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: not a model of driftcluster: no \"%s\"", name,
                      key);
}

static DcStatus
parse_metadata(const DcTensorFile *file, const char *key, const char *name, JsonObject **object,
               DcError *error)
{
  *object = NULL;
  const char *text;
  DcStatus status = need_metadata(file, key, name, &text, error);
  if (status)
    return status;
  g_autofree char *where = g_strdup_printf("%s: %s", name, key);
  return dc_json_parse(text, strlen(text), where, object, error);
}

static DcStatus
read_network(const DcTensorFile *file, const char *key, const char *name, DcNetwork **network,
             DcError *error)
{
  g_autoptr(JsonObject) description = NULL;
  DcStatus status = parse_metadata(file, key, name, &description, error);
  if (!status)
    status = dc_network_from_file(description, file, key, name, network, error);
  return status;
}

static DcStatus
copy_floats(const DcTensor *tensor, const char *name, float **copy, DcError *error)
{
  *copy = DC_NEW(float, tensor->bytes / sizeof(float));
  if (!*copy)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for \"%s\"", name, tensor->name);
  memcpy(*copy, tensor->data, tensor->bytes);
  return DC_OK;
}

static DcStatus
read_clusters(const DcTensorFile *file, const char *name, DcModel *model, DcError *error)
{
  if (!dc_tensor_file_find(file, "centroids"))
    return DC_OK;
  const DcTensor *centroids, *spread;
  DcStatus status = dc_tensor_file_need(file, "centroids", DC_TENSOR_F32, 2,
                                        (size_t[]){0, model->dim}, &centroids, error);
  if (!status && centroids->shape[0] == 0)
    status = dc_error_set(error, DC_ERROR_FORMAT, "%s: \"centroids\" has no rows", name);
  if (!status)
    status = copy_floats(centroids, name, &model->centroids, error);
  if (status)
    return status;
  model->clusters = centroids->shape[0];
  if (!dc_tensor_file_find(file, "spread"))
    return DC_OK;
  status = dc_tensor_file_need(file, "spread", DC_TENSOR_F32, 1, &model->clusters, &spread, error);
  return status ? status : copy_floats(spread, name, &model->spread, error);
}

static DcStatus
read_attention(const DcTensorFile *file, const char *name, DcModel *model, DcError *error)
{
  if (!dc_tensor_file_metadata(file, "attention"))
    return DC_OK;
  g_autoptr(JsonObject) description = NULL;
  DcStatus status = parse_metadata(file, "attention", name, &description, error);
  return status ? status
                : dc_tdcm_from_file(description, file, model->dim, name, &model->attention, error);
}

static DcStatus
verify_identity(const DcTensorFile *file, const char *name, DcModel *model, DcError *error)
{
  dc_model_identify(model);
  const char *stated = dc_tensor_file_metadata(file, "encoder_id");
  if (stated && strcmp(stated, model->encoder_id) != 0)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: its encoder_id is %.72s, but its encoder is %s: the file was changed "
                        "by hand or is damaged",
                        name, stated, model->encoder_id);
  return DC_OK;
}

static DcStatus
read_preprocessing_of(const DcTensorFile *file, const char *name, DcPatchSpec *spec, DcError *error)
{
  g_autoptr(JsonObject) object = NULL;
  g_autofree char *where = g_strconcat(name, ": preprocessing", NULL);
  DcStatus status = parse_metadata(file, "preprocessing", name, &object, error);
  return status ? status : read_preprocessing(object, where, spec, error);
}

static DcStatus
read_input(const DcTensorFile *file, const char *name, DcModel *model, DcError *error)
{
  const char *input = dc_tensor_file_metadata(file, "input");
  if (!input)
    return read_preprocessing_of(file, name, &model->preprocessing, error);
  model->vectors = strcmp(input, INPUT_VECTORS) == 0;
  if (model->vectors)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                      "%s: the input \"%.40s\" is not known to this build", name, input);
}

static DcStatus
fill_model(const DcTensorFile *file, const char *name, DcModel *model, DcError *error)
{
  DcStatus status = dc_tensor_file_expect(file, FORMAT, FORMAT_VERSION, error);
  if (!status)
    status = read_input(file, name, model, error);
  if (!status)
    status = read_network(file, "encoder", name, &model->encoder, error);
  if (status)
    return status;
  model->dim = dc_shape_size(dc_network_output(model->encoder));
  if (dc_tensor_file_metadata(file, "decoder"))
    status = read_network(file, "decoder", name, &model->decoder, error);
  if (!status && dc_tensor_file_metadata(file, "assigner"))
    status = read_network(file, "assigner", name, &model->assigner, error);
  if (!status)
    status = read_clusters(file, name, model, error);
  if (!status)
    status = read_attention(file, name, model, error);
  if (!status)
    status = dc_source_from_file(file, model->clusters, model->dim, name, &model->source, error);
  if (status)
    return status;
  model->method = g_strdup(dc_tensor_file_metadata(file, "method"));
  model->provenance = g_strdup(dc_tensor_file_metadata(file, "provenance"));
  status = dc_model_check(model, name, error);
  return status ? status : verify_identity(file, name, model, error);
}

DcStatus
dc_model_read(const char *path, DcModel **model, DcError *error)
{
  *model = NULL;
  if (dc_onnx_is_named(path))
    return dc_model_import(path, NULL, model, NULL, error);
  DcTensorFile *file;
  DcStatus status = dc_tensor_file_read(path, &file, error);
  if (status)
    return status;
  DcModel *made = dc_model_new();
  status = made ? fill_model(file, path, made, error)
                : dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory", path);
  dc_tensor_file_free(file);
  if (status)
    dc_model_free(made);
  else
    *model = made;
  return status;
}

/* --- writing --- */

static void
append_floats(GArray *tensors, const char *name, const float *values, size_t rank, size_t rows,
              size_t cols)
{
  DcTensor tensor = {.name = name,
                     .type = DC_TENSOR_F32,
                     .rank = rank,
                     .shape = {rows, cols},
                     .data = values,
                     .bytes = rows * cols * sizeof *values};
  g_array_append_val(tensors, tensor);
}

static GArray *
list_tensors(const DcModel *model, GStringChunk *names)
{
  GArray *tensors = g_array_new(FALSE, FALSE, sizeof(DcTensor));
  dc_network_list_tensors(model->encoder, "encoder", tensors, names);
  if (model->decoder)
    dc_network_list_tensors(model->decoder, "decoder", tensors, names);
  if (model->assigner)
    dc_network_list_tensors(model->assigner, "assigner", tensors, names);
  if (model->centroids)
    append_floats(tensors, "centroids", model->centroids, 2, model->clusters, model->dim);
  if (model->spread)
    append_floats(tensors, "spread", model->spread, 1, model->clusters, 1);
  if (model->attention)
    dc_tdcm_list_tensors(model->attention, tensors);
  if (model->source)
    dc_source_list_tensors(model->source, tensors);
  return tensors;
}

/* Takes `value`, unless it is NULL. */
static void
add_pair(GPtrArray *metadata, const char *key, char *value)
{
  if (!value)
    return;
  g_ptr_array_add(metadata, g_strdup(key));
  g_ptr_array_add(metadata, value);
}

static char *
text_of(JsonObject *object)
{
  char *text = dc_json_text(object);
  json_object_unref(object);
  return text;
}

static GPtrArray *
list_metadata(const DcModel *model, const GArray *tensors)
{
  GPtrArray *metadata = g_ptr_array_new_with_free_func(g_free);
  add_pair(metadata, "format", g_strdup(FORMAT));
  add_pair(metadata, "format_version", g_strdup(FORMAT_VERSION));
  if (model->vectors)
    add_pair(metadata, "input", g_strdup(INPUT_VECTORS));
  else
    add_pair(metadata, "preprocessing", text_of(describe_preprocessing(&model->preprocessing)));
  add_pair(metadata, "encoder", text_of(dc_network_describe(model->encoder)));
  if (model->decoder)
    add_pair(metadata, "decoder", text_of(dc_network_describe(model->decoder)));
  if (model->assigner)
    add_pair(metadata, "assigner", text_of(dc_network_describe(model->assigner)));
  if (model->attention)
    add_pair(metadata, "attention", text_of(dc_tdcm_describe(model->attention)));
  add_pair(metadata, "encoder_id", g_strdup(model->encoder_id));
  add_pair(metadata, "method", g_strdup(model->method));
  add_pair(metadata, "provenance", g_strdup(model->provenance));
  add_pair(metadata, "checksum",
           dc_tensors_checksum((const DcTensor *)tensors->data, tensors->len));
  return metadata;
}

DcStatus
dc_model_write(DcModel *model, const char *path, DcError *error)
{
  DcStatus status = dc_model_check(model, path, error);
  if (status)
    return status;
  dc_model_identify(model);
  g_autoptr(GStringChunk) names = g_string_chunk_new(1024);
  g_autoptr(GArray) tensors = list_tensors(model, names);
  g_autoptr(GPtrArray) metadata = list_metadata(model, tensors);
  return dc_tensor_file_write(path, (const DcTensor *)tensors->data, tensors->len,
                              (const char *const *)metadata->pdata, metadata->len / 2, 0, error);
}
