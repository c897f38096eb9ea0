/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/tdcm_file.h"

#include "cluster/mixture.h"
#include "store/json.h"

#include <string.h>

#define ROOT        "attention.root"
#define SHIFT       "attention.shift"
#define WEIGHTS     "attention.source.weights"
#define MEANS       "attention.source.means"
#define COVARIANCES "attention.source.covariances"

static const char *const score_names[] = {
    [DC_TDCM_QUADRATIC] = "quadratic",
    [DC_TDCM_BILINEAR] = "bilinear",
    [DC_TDCM_NONLINEAR] = "nonlinear",
};
static const char *const share_names[] = {"equal", "free"};

JsonObject *
dc_tdcm_describe(const DcTdcmModule *module)
{
  JsonObject *object = json_object_new();
  json_object_set_string_member(object, "score", score_names[module->score]);
  json_object_set_string_member(object, "shares", share_names[module->shares]);
  json_object_set_int_member(object, "blocks", module->blocks);
  json_object_set_int_member(object, "seeds", module->seeds);
  /* What reading makes of it, so that a model read and written again has the same bytes. */
  json_object_set_double_member(object, "epsilon", (double)(float)module->epsilon);
  if (module->source)
    json_object_set_int_member(object, "source_clusters", (gint64)module->source->clusters);
  return object;
}

static void
append_doubles(GArray *tensors, const char *name, const double *values, size_t rank,
               const size_t *shape)
{
  DcTensor tensor = {.name = name, .type = DC_TENSOR_F64, .rank = rank, .data = values};
  size_t count = 1;
  for (size_t i = 0; i < rank; i++)
    count *= tensor.shape[i] = shape[i];
  tensor.bytes = count * sizeof *values;
  g_array_append_val(tensors, tensor);
}

void
dc_tdcm_list_tensors(const DcTdcmModule *module, GArray *tensors)
{
  const DcMixture *source = module->source;
  const size_t square[] = {module->dim, module->dim};
  append_doubles(tensors, ROOT, module->root, 2, square);
  if (module->shift)
    append_doubles(tensors, SHIFT, module->shift, 1, square);
  if (!source)
    return;
  const size_t shape[] = {source->clusters, source->dim, source->dim};
  append_doubles(tensors, WEIGHTS, source->weights, 1, shape);
  append_doubles(tensors, MEANS, source->means, 2, shape);
  append_doubles(tensors, COVARIANCES, source->covariances, 3, shape);
}

/* ---- reading ---- */

typedef struct {
  int score, shares;
  int64_t blocks, seeds;
  int64_t source_clusters; /* 0: no source */
  float epsilon;
} Switches;

static DcStatus
read_switches(JsonObject *object, const char *where, Switches *switches, DcError *error)
{
  DcStatus status = dc_json_choice(object, "score", score_names, G_N_ELEMENTS(score_names), where,
                                   &switches->score, error);
  if (!status)
    status = dc_json_choice(object, "shares", share_names, G_N_ELEMENTS(share_names), where,
                            &switches->shares, error);
  if (!status)
    status = dc_json_int(object, "blocks", 0, DC_TDCM_MOST_BLOCKS, where, &switches->blocks, error);
  if (!status)
    status = dc_json_int(object, "seeds", 1, DC_TDCM_MOST_SEEDS, where, &switches->seeds, error);
  if (!status)
    status = dc_json_float(object, "epsilon", where, &switches->epsilon, error);
  switches->source_clusters = 0;
  if (!status && json_object_has_member(object, "source_clusters"))
    status = dc_json_int(object, "source_clusters", 1, DC_TDCM_MOST_SOURCES, where,
                         &switches->source_clusters, error);
  return status;
}

typedef struct {
  const DcTensor *root, *shift;                  /* NULL: none needed */
  const DcTensor *weights, *means, *covariances; /* of the source, or NULL */
} Numbers;

static DcStatus
find_source(const DcTensorFile *file, const Switches *switches, size_t dim, Numbers *numbers,
            DcError *error)
{
  const size_t shape[] = {(size_t)switches->source_clusters, dim, dim};
  DcStatus status =
      dc_tensor_file_need(file, WEIGHTS, DC_TENSOR_F64, 1, shape, &numbers->weights, error);
  if (!status)
    status = dc_tensor_file_need(file, MEANS, DC_TENSOR_F64, 2, shape, &numbers->means, error);
  if (!status)
    status = dc_tensor_file_need(file, COVARIANCES, DC_TENSOR_F64, 3, shape, &numbers->covariances,
                                 error);
  return status;
}

static DcStatus
find_numbers(const DcTensorFile *file, const Switches *switches, size_t dim, Numbers *numbers,
             DcError *error)
{
  const size_t shape[] = {dim, dim};
  *numbers = (Numbers){0};
  DcStatus status = dc_tensor_file_need(file, ROOT, DC_TENSOR_F64, 2, shape, &numbers->root, error);
  if (!status && switches->score == DC_TDCM_NONLINEAR)
    status = dc_tensor_file_need(file, SHIFT, DC_TENSOR_F64, 1, shape, &numbers->shift, error);
  return status || !switches->source_clusters ? status
                                              : find_source(file, switches, dim, numbers, error);
}

static DcMixture *
make_source(const Switches *switches, const Numbers *numbers, size_t dim)
{
  DcMixture *source = dc_mixture_new(DC_COVARIANCE_FULL, (size_t)switches->source_clusters, dim);
  if (!source)
    return NULL;
  memcpy(source->weights, numbers->weights->data, numbers->weights->bytes);
  memcpy(source->means, numbers->means->data, numbers->means->bytes);
  memcpy(source->covariances, numbers->covariances->data, numbers->covariances->bytes);
  return source;
}

static DcTdcmModule *
make_module(const Switches *switches, const Numbers *numbers, size_t dim)
{
  DcTdcmModule *module = dc_tdcm_new(dim, (DcTdcmScore)switches->score);
  if (!module)
    return NULL;
  module->shares = switches->shares;
  module->blocks = (uint32_t)switches->blocks;
  module->seeds = (uint32_t)switches->seeds;
  module->epsilon = switches->epsilon;
  memcpy(module->root, numbers->root->data, numbers->root->bytes);
  if (numbers->shift)
    memcpy(module->shift, numbers->shift->data, numbers->shift->bytes);
  if (!switches->source_clusters)
    return module;
  module->source = make_source(switches, numbers, dim);
  if (module->source)
    return module;
  dc_tdcm_free(module);
  return NULL;
}

DcStatus
dc_tdcm_from_file(JsonObject *description, const DcTensorFile *file, size_t dim, const char *name,
                  DcTdcmModule **module, DcError *error)
{
  *module = NULL;
  g_autofree char *where = g_strconcat(name, ": attention", NULL);
  Switches switches;
  Numbers numbers;
  DcStatus status = read_switches(description, where, &switches, error);
  if (!status && dim > DC_TDCM_MOST_DIM)
    status = dc_error_set(error, DC_ERROR_SHAPE,
                          "%s: embeddings of %zu numbers; attention takes at most %d", where, dim,
                          DC_TDCM_MOST_DIM);
  if (!status)
    status = find_numbers(file, &switches, dim, &numbers, error);
  if (status)
    return status;
  *module = make_module(&switches, &numbers, dim);
  return *module ? DC_OK : dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory", where);
}

DcStatus
dc_tdcm_check_for_file(const DcTdcmModule *module, size_t dim, const char *name, DcError *error)
{
  DcError found = {0};
  DcStatus status = dc_tdcm_check(module, &found);
  if (status)
    return dc_error_set(error, status, "%s: %s", name, found.message);
  if (module->dim != dim)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%s: attention over %zu numbers, but the embeddings have %zu", name,
                        module->dim, dim);
  return DC_OK;
}
