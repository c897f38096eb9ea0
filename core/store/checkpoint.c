/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/checkpoint.h"

#include "base/memory.h"
#include "store/digest.h"
#include "store/safetensors.h"

#include <glib.h>
#include <string.h>

#define FORMAT         "driftcluster-checkpoint"
#define FORMAT_VERSION "1"

#define POINT_NUMBERS (sizeof(DcLearnPoint) / sizeof(double))

void
dc_dataset_digest(const DcDataset *data, char digest[DC_DATASET_DIGEST_SIZE])
{
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  dc_digest_int(checksum, data->shape.height);
  dc_digest_int(checksum, data->shape.width);
  dc_digest_int(checksum, data->shape.channels);
  for (size_t i = 0; i < data->domains; i++)
    dc_digest_int(checksum, (int64_t)data->domain_ends[i]);
  dc_digest_floats(checksum, data->values, data->count * dc_shape_size(data->shape));
  g_snprintf(digest, DC_DATASET_DIGEST_SIZE, "sha256:%s", g_checksum_get_string(checksum));
}

/* --- what a course was started with --- */

/* Takes `value`. */
static void
add_pair(GPtrArray *pairs, char *key, char *value)
{
  g_ptr_array_add(pairs, key);
  g_ptr_array_add(pairs, value);
}

static char *
print_setting(const DcLearner *learner, size_t index)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  const double value = learner->settings[index];
  const char *word = dc_learner_setting_word(learner->class, index, value);
  return g_strdup(word ? word : g_ascii_dtostr(text, sizeof text, value));
}

/* Keys and values in turn. */
static GPtrArray *
describe(const DcLearner *learner, const char *data_digest)
{
  GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);
  add_pair(pairs, g_strdup("method"), g_strdup(learner->class->name));
  add_pair(pairs, g_strdup("clusters"), g_strdup_printf("%u", learner->clusters));
  add_pair(pairs, g_strdup("seed"), g_strdup_printf("%" G_GUINT64_FORMAT, learner->seed));
  add_pair(pairs, g_strdup("threads"), g_strdup_printf("%zu", learner->threads));
  for (size_t i = 0; i < learner->class->setting_count; i++)
    add_pair(pairs, g_strdup_printf("setting %s", learner->class->settings[i].name),
             print_setting(learner, i));
  add_pair(pairs, g_strdup("data"), g_strdup(data_digest));
  return pairs;
}

static DcStatus
compare(const DcTensorFile *file, const GPtrArray *pairs, const char *path, DcError *error)
{
  for (guint i = 0; i < pairs->len; i += 2) {
    const char *key = pairs->pdata[i], *now = pairs->pdata[i + 1];
    const char *then = dc_tensor_file_metadata(file, key);
    if (!then || strcmp(then, now) != 0)
      return dc_error_set(error, DC_ERROR_MISMATCH,
                          "%s: it was made with %s %.72s, this course has %.72s: take it up with "
                          "the options and data it was begun with, or remove it to begin anew",
                          path, key, then ? then : "unknown", now);
  }
  return DC_OK;
}

/* --- arrays --- */

static DcTensorType
tensor_type(DcStateType type)
{
  return type == DC_STATE_FLOATS    ? DC_TENSOR_F32
         : type == DC_STATE_DOUBLES ? DC_TENSOR_F64
                                    : DC_TENSOR_U8;
}

static DcTensor
tensor_of(const DcStateArray *array)
{
  return (DcTensor){.name = array->name,
                    .type = tensor_type(array->type),
                    .rank = 1,
                    .shape = {array->count},
                    .data = array->data,
                    .bytes = array->count * dc_state_type_size(array->type)};
}

static DcTensor
tensor_of_curve(const DcLearner *learner)
{
  return (DcTensor){.name = "curve",
                    .type = DC_TENSOR_F64,
                    .rank = 2,
                    .shape = {learner->curve_count, POINT_NUMBERS},
                    .data = learner->curve,
                    .bytes = learner->curve_count * sizeof(DcLearnPoint)};
}

static DcStatus
write_tensors(const DcLearner *learner, const DcStateList *list, GPtrArray *pairs, const char *path,
              DcError *error)
{
  g_autoptr(GArray) tensors = g_array_new(FALSE, FALSE, sizeof(DcTensor));
  for (size_t i = 0; i < list->count; i++) {
    const DcTensor tensor = tensor_of(&list->arrays[i]);
    g_array_append_val(tensors, tensor);
  }
  if (learner->curve_count) {
    const DcTensor tensor = tensor_of_curve(learner);
    g_array_append_val(tensors, tensor);
  }
  add_pair(pairs, g_strdup("format"), g_strdup(FORMAT));
  add_pair(pairs, g_strdup("format_version"), g_strdup(FORMAT_VERSION));
  add_pair(pairs, g_strdup("checksum"),
           dc_tensors_checksum((const DcTensor *)tensors->data, tensors->len));
  return dc_tensor_file_write(path, (const DcTensor *)tensors->data, tensors->len,
                              (const char *const *)pairs->pdata, pairs->len / 2, 0, error);
}

DcStatus
dc_checkpoint_write(DcLearner *learner, const char *data_digest, const char *path, DcError *error)
{
  DcStateList list = {0};
  dc_learner_list_state(learner, &list);
  g_autoptr(GPtrArray) pairs = describe(learner, data_digest);
  DcStatus status = list.failed ? dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory", path)
                                : write_tensors(learner, &list, pairs, path, error);
  dc_state_list_clear(&list);
  return status;
}

static DcStatus
restore_arrays(const DcStateList *list, const DcTensorFile *file, DcError *error)
{
  for (size_t i = 0; i < list->count; i++) {
    const DcTensor wanted = tensor_of(&list->arrays[i]), *found;
    DcStatus status =
        dc_tensor_file_need(file, wanted.name, wanted.type, 1, wanted.shape, &found, error);
    if (status)
      return status;
    memcpy(list->arrays[i].data, found->data, wanted.bytes);
  }
  return DC_OK;
}

static DcStatus
restore_curve(DcLearner *learner, const DcTensorFile *file, const char *path, DcError *error)
{
  const DcTensor *curve;
  if (!dc_tensor_file_find(file, "curve"))
    return DC_OK;
  DcStatus status = dc_tensor_file_need(file, "curve", DC_TENSOR_F64, 2,
                                        (size_t[]){0, POINT_NUMBERS}, &curve, error);
  if (status)
    return status;
  const DcLearnPoint *points = curve->data;
  for (size_t i = 0; i < curve->shape[0]; i++) {
    if (!dc_learner_add_point(learner, &points[i]))
      return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for its curve", path);
  }
  return DC_OK;
}

static DcStatus
restore(DcLearner *learner, const DcTensorFile *file, const char *path, DcError *error)
{
  DcStateList list = {0};
  dc_learner_list_state(learner, &list);
  DcStatus status = list.failed ? dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory", path)
                                : restore_arrays(&list, file, error);
  dc_state_list_clear(&list);
  if (!status)
    status = restore_curve(learner, file, path, error);
  DcError reason;
  if (!status && dc_learner_restored(learner, &reason))
    status = dc_error_set(error, reason.status, "%s: %s", path, reason.message);
  return status;
}

DcStatus
dc_checkpoint_read(DcLearner *learner, const char *data_digest, const char *path, DcError *error)
{
  DcTensorFile *file;
  DcStatus status = dc_tensor_file_read(path, &file, error);
  if (status)
    return status;
  g_autoptr(GPtrArray) pairs = describe(learner, data_digest);
  status = dc_tensor_file_expect(file, FORMAT, FORMAT_VERSION, error);
  if (!status)
    status = compare(file, pairs, path, error);
  if (!status)
    status = restore(learner, file, path, error);
  dc_tensor_file_free(file);
  return status;
}
