/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/tdcm_file.h"

#include "store/json.h"

#include <string.h>

#define ROOT  "attention.root"
#define SHIFT "attention.shift"

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
  return object;
}

static void
append_doubles(GArray *tensors, const char *name, const double *values, size_t rank, size_t dim)
{
  const size_t count = rank == 2 ? dim * dim : dim;
  const DcTensor tensor = {.name = name,
                           .type = DC_TENSOR_F64,
                           .rank = rank,
                           .shape = {dim, dim},
                           .data = values,
                           .bytes = count * sizeof *values};
  g_array_append_val(tensors, tensor);
}

void
dc_tdcm_list_tensors(const DcTdcmModule *module, GArray *tensors)
{
  append_doubles(tensors, ROOT, module->root, 2, module->dim);
  if (module->shift)
    append_doubles(tensors, SHIFT, module->shift, 1, module->dim);
}

/* ---- reading ---- */

typedef struct {
  int score, shares;
  int64_t blocks, seeds;
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
  return status;
}

typedef struct {
  const DcTensor *root, *shift; /* NULL: none needed */
} Numbers;

static DcStatus
find_numbers(const DcTensorFile *file, const Switches *switches, size_t dim, Numbers *numbers,
             DcError *error)
{
  const size_t shape[] = {dim, dim};
  *numbers = (Numbers){0};
  DcStatus status = dc_tensor_file_need(file, ROOT, DC_TENSOR_F64, 2, shape, &numbers->root, error);
  if (!status && switches->score == DC_TDCM_NONLINEAR)
    status = dc_tensor_file_need(file, SHIFT, DC_TENSOR_F64, 1, shape, &numbers->shift, error);
  return status;
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
  return module;
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
