/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "store/safetensors.h"
#include "store/state_private.h"
#include "tensor/rows.h"

#include <float.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#define FORMAT       "driftcluster-state"
#define VERSION_TEXT G_STRINGIFY(DC_STATE_VERSION)
#define MAX_CLUSTERS 65536
/* Numbers of a survival in version 1. */
#define SURVIVAL_1 36

const DcTensor *
dc_state_find(const DcState *state, const char *name)
{
  for (size_t i = 0; i < state->count; i++)
    if (strcmp(state->tensors[i].name, name) == 0)
      return &state->tensors[i];
  return NULL;
}

size_t
dc_state_rows(const DcState *state, const char *name)
{
  const DcTensor *tensor = dc_state_find(state, name);
  return tensor && tensor->rank > 0 ? tensor->shape[0] : 0;
}

size_t
dc_state_cols(const DcState *state, const char *name)
{
  const DcTensor *tensor = dc_state_find(state, name);
  return tensor && tensor->rank > 1 ? tensor->shape[1] : 1;
}

void
dc_state_free(DcState *state)
{
  if (!state)
    return;
  for (size_t i = 0; i < state->count && !state->file; i++)
    dc_free((void *)state->tensors[i].data);
  dc_tensor_file_free(state->file);
  dc_free(state);
}

DcStatus
dc_state_write(const DcState *state, const char *path, DcError *error)
{
  g_autofree char *checksum = dc_tensors_checksum(state->tensors, state->count);
  const char *const metadata[] = {"format",  FORMAT,         "format_version", VERSION_TEXT,
                                  "encoder", state->encoder, "checksum",       checksum};
  return dc_tensor_file_write(path, state->tensors, state->count, metadata,
                              G_N_ELEMENTS(metadata) / 2, 1, error);
}

/* --- what a state is made of --- */

/* Numbers of rows and columns that are those of the stream. */
typedef enum {
  ONE,
  CLUSTERS,
  PINNED,
  MEMBERS,
  SAMPLES,
  DIM,
  UUID,
  LABEL,
  SURVIVAL,
  REVISION,
  HISTORY,
  UNKNOWNS,
  RETIRED,
  EXTENT_COUNT
} Extent;

typedef struct {
  const char *name;
  DcTensorType type;
  size_t rank;
  Extent rows, cols;
  double least, most; /* of every number in it */
} Part;

#define ANY INFINITY /* of a type without infinities */
/* Counts beyond that cannot have come about, and would overflow when they go on. */
#define COUNT 4e18
/* Counts that are kept as doubles are whole up to here. */
#define DOUBLE_COUNT 9007199254740992.0
#define FINITE       (double)FLT_MAX

static const Part always[] = {
    {"version", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"accepted", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"rejected", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"adaptations", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"since_adaptation", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"random.state", DC_TENSOR_I64, 0, ONE, ONE, -ANY, ANY},
    {"random.increment", DC_TENSOR_I64, 0, ONE, ONE, -ANY, ANY},
};

static const Part warming_up[] = {
    {"sampled", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"sample.rows", DC_TENSOR_F32, 2, SAMPLES, DIM, -FINITE, FINITE},
    {"sample.times", DC_TENSOR_I64, 1, SAMPLES, ONE, -ANY, ANY},
};

static const Part clustered[] = {
    {"centroids", DC_TENSOR_F32, 2, CLUSTERS, DIM, -FINITE, FINITE},
    {"reference", DC_TENSOR_F32, 2, CLUSTERS, DIM, -FINITE, FINITE},
    {"uuids", DC_TENSOR_U8, 2, CLUSTERS, UUID, '-', 'f'},
    {"labels", DC_TENSOR_U8, 2, CLUSTERS, LABEL, 0, 255},
    {"named", DC_TENSOR_U8, 1, CLUSTERS, ONE, 0, 1},
    {"mass", DC_TENSOR_F64, 1, CLUSTERS, ONE, 0, COUNT},
    {"published_mass", DC_TENSOR_F64, 1, CLUSTERS, ONE, 0, COUNT},
    {"spread", DC_TENSOR_F32, 1, CLUSTERS, ONE, 0, FINITE},
    {"shift", DC_TENSOR_F32, 1, CLUSTERS, ONE, 0, FINITE},
    {"evidence", DC_TENSOR_F64, 1, CLUSTERS, ONE, 0, COUNT},
    {"shares", DC_TENSOR_F64, 1, CLUSTERS, ONE, 0, 2}, /* sums to 1, but for rounding */
    {"survival", DC_TENSOR_F32, 2, CLUSTERS, SURVIVAL, 0, FINITE},
    {"temperature", DC_TENSOR_F32, 0, ONE, ONE, (double)FLT_MIN, FINITE},
    {"memory.counts", DC_TENSOR_I64, 1, CLUSTERS, ONE, 0, COUNT},
    {"memory.heads", DC_TENSOR_I64, 1, CLUSTERS, ONE, 0, COUNT},
    {"memory.rows", DC_TENSOR_F32, 2, MEMBERS, DIM, -FINITE, FINITE},
    {"memory.times", DC_TENSOR_I64, 1, MEMBERS, ONE, -ANY, ANY},
};

static const Part identity[] = {
    {"next_number", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"pinned", DC_TENSOR_U8, 1, CLUSTERS, ONE, 0, 1},
    {"ignored", DC_TENSOR_U8, 1, CLUSTERS, ONE, 0, 1},
    {"pins", DC_TENSOR_F32, 2, PINNED, DIM, -FINITE, FINITE},
    {"reach", DC_TENSOR_F32, 1, CLUSTERS, ONE, 0, FINITE},
    {"seen", DC_TENSOR_I64, 1, CLUSTERS, ONE, 0, COUNT},
};

/* Checked where they are there: older states and other methods are without some. */
static const Part optional[] = {
    {"transport.elapsed", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"transport.timed", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
    {"transport.own_groups", DC_TENSOR_I64, 0, ONE, ONE, 0, 1},
    {"transport.described", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
};

static const Part groups[] = {
    {"group_uuids", DC_TENSOR_U8, 2, CLUSTERS, UUID, '-', 'f'},
    {"group_labels", DC_TENSOR_U8, 2, CLUSTERS, LABEL, 0, 255},
    {"group_places", DC_TENSOR_F32, 2, CLUSTERS, DIM, -FINITE, FINITE},
    {"next_group", DC_TENSOR_I64, 0, ONE, ONE, 0, COUNT},
};

static const Part open_world[] = {
    {"revision", DC_TENSOR_F64, 1, REVISION, ONE, 0, DOUBLE_COUNT},
    {"history", DC_TENSOR_I64, 2, CLUSTERS, HISTORY, 0, DOUBLE_COUNT},
    {"unknowns.rows", DC_TENSOR_F32, 2, UNKNOWNS, DIM, -FINITE, FINITE},
    {"unknowns.times", DC_TENSOR_I64, 1, UNKNOWNS, ONE, -ANY, ANY},
    {"unknowns.places", DC_TENSOR_I64, 1, UNKNOWNS, ONE, 0, DOUBLE_COUNT},
    {"retired_uuids", DC_TENSOR_U8, 2, RETIRED, UUID, '-', 'f'},
    {"retired_labels", DC_TENSOR_U8, 2, RETIRED, LABEL, 0, 255},
    {"retired_places", DC_TENSOR_F32, 2, RETIRED, DIM, -FINITE, FINITE},
};

/* --- checking --- */

typedef struct {
  const DcState *state;
  const char *name; /* of the file */
  DcError *error;
  size_t extents[EXTENT_COUNT];
} Check;

static DcStatus
refuse(const Check *check, const char *tensor, const char *what)
{
  return dc_error_set(check->error, DC_ERROR_FORMAT, "%s: tensor \"%s\" %s", check->name, tensor,
                      what);
}

static double
number_at(const DcTensor *tensor, size_t index)
{
  switch (tensor->type) {
  case DC_TENSOR_F32:
    return (double)((const float *)tensor->data)[index];
  case DC_TENSOR_F64:
    return ((const double *)tensor->data)[index];
  case DC_TENSOR_I64:
    return (double)((const int64_t *)tensor->data)[index];
  case DC_TENSOR_U8:
    return ((const uint8_t *)tensor->data)[index];
  }
  return NAN;
}

static DcStatus
check_part(const Check *check, const Part *part)
{
  const size_t shape[] = {check->extents[part->rows], check->extents[part->cols]};
  const DcTensor *tensor;
  DcStatus status = dc_tensor_file_need(check->state->file, part->name, part->type, part->rank,
                                        shape, &tensor, check->error);
  if (status)
    return status;
  for (size_t i = 0; i < part->rank; i++) /* to need a size of 0 is to need any */
    if (tensor->shape[i] != shape[i])
      return refuse(check, part->name, "has another size than the rest");
  size_t count = 1;
  for (size_t i = 0; i < part->rank; i++)
    count *= shape[i];
  for (size_t i = 0; i < count; i++) {
    double number = number_at(tensor, i);
    if (!(number >= part->least && number <= part->most))
      return dc_error_set(check->error, isfinite(number) ? DC_ERROR_FORMAT : DC_ERROR_NOT_FINITE,
                          "%s: tensor \"%s\" holds %g, which is not in %g..%g", check->name,
                          part->name, number, part->least, part->most);
  }
  return DC_OK;
}

static DcStatus
check_parts(const Check *check, const Part *parts, size_t count)
{
  DcStatus status = DC_OK;
  for (size_t i = 0; i < count && !status; i++)
    status = check_part(check, &parts[i]);
  return status;
}

/* What an adapter rejects never got into a memory. */
static DcStatus
check_lengths(const Check *check, const char *name)
{
  const DcTensor *tensor = dc_state_find(check->state, name);
  for (size_t i = 0; i < tensor->shape[0]; i++) {
    DcMatrix row =
        dc_matrix((const float *)tensor->data + i * tensor->shape[1], 1, tensor->shape[1]);
    float square;
    dc_squared_norms(&row, &square);
    if (!(square <= DC_MAX_SQUARED_LENGTH))
      return refuse(check, name, "has numbers that are too large to compute with");
  }
  return DC_OK;
}

static DcStatus
check_names(const Check *check, const char *uuids_name, const char *labels_name)
{
  size_t count = dc_state_rows(check->state, uuids_name);
  const char *uuids = dc_state_find(check->state, uuids_name)->data;
  const char *labels = dc_state_find(check->state, labels_name)->data;
  for (size_t k = 0; k < count; k++) {
    g_autofree char *uuid = g_strndup(uuids + k * DC_STATE_UUID_LENGTH, DC_STATE_UUID_LENGTH);
    if (!g_uuid_string_is_valid(uuid))
      return refuse(check, uuids_name, "holds something else than UUIDs");
    const char *label = labels + k * DC_LABEL_SIZE;
    if (!label[0] || !memchr(label, 0, DC_LABEL_SIZE) || !g_utf8_validate(label, -1, NULL))
      return refuse(check, labels_name, "holds something else than UTF-8 of 1 to 63 bytes");
  }
  return DC_OK;
}

static DcStatus
check_counts(const Check *check)
{
  const int64_t *counts = dc_state_find(check->state, "memory.counts")->data;
  uint64_t left = check->extents[MEMBERS];
  for (size_t k = 0; k < check->extents[CLUSTERS]; k++) {
    if ((uint64_t)counts[k] > left)
      return refuse(check, "memory.counts", "counts more than there are rows");
    left -= (uint64_t)counts[k];
  }
  return left ? refuse(check, "memory.rows", "has rows that belong to no cluster") : DC_OK;
}

static DcStatus
check_pins(const Check *check)
{
  const uint8_t *pinned = dc_state_find(check->state, "pinned")->data;
  size_t count = 0;
  for (size_t k = 0; k < check->extents[CLUSTERS]; k++)
    count += pinned[k];
  return count == check->extents[PINNED]
             ? check_lengths(check, "pins")
             : refuse(check, "pins", "has not one row for each pinned cluster");
}

static DcStatus
check_identity(const Check *check)
{
  DcStatus status = check_parts(check, identity, G_N_ELEMENTS(identity));
  if (!status)
    status = check_pins(check);
  if (status || !dc_state_find(check->state, "group_uuids"))
    return status;
  status = check_parts(check, groups, G_N_ELEMENTS(groups));
  return status ? status : check_names(check, "group_uuids", "group_labels");
}

static DcStatus
check_open_world(const Check *check)
{
  if (check->extents[UNKNOWNS] > DC_OPEN_WORLD_UNKNOWNS)
    return refuse(check, "unknowns.rows", "has more rows than wait at most");
  if (check->extents[RETIRED] > DC_OPEN_WORLD_RETIRED)
    return refuse(check, "retired_uuids", "has more rows than are remembered");
  DcStatus status = check_parts(check, open_world, G_N_ELEMENTS(open_world));
  if (!status)
    status = check_lengths(check, "unknowns.rows");
  if (!status)
    status = check_lengths(check, "retired_places");
  if (status)
    return status;
  const double *revision = dc_state_find(check->state, "revision")->data;
  const int64_t *places = dc_state_find(check->state, "unknowns.places")->data;
  if (revision[DC_STATE_UNDONE] > DC_OPEN_WORLD_MOST_UNDONE)
    return refuse(check, "revision", "counts more that was undone than is counted");
  for (size_t i = 0; i < check->extents[UNKNOWNS]; i++)
    if ((double)places[i] > revision[DC_STATE_RECEIVED])
      return refuse(check, "unknowns.places", "lie beyond what was received");
  return check_names(check, "retired_uuids", "retired_labels");
}

static DcStatus
check_clusters(const Check *check)
{
  if (check->extents[CLUSTERS] < 1 || check->extents[CLUSTERS] > MAX_CLUSTERS)
    return refuse(check, "centroids", "has no row, or more than 65536");
  DcStatus status = check_parts(check, clustered, G_N_ELEMENTS(clustered));
  if (!status)
    status = check_lengths(check, "centroids");
  if (!status)
    status = check_lengths(check, "memory.rows");
  if (!status)
    status = check_names(check, "uuids", "labels");
  if (!status)
    status = check_counts(check);
  if (!status && check->state->version >= 2)
    status = check_identity(check);
  if (!status && dc_state_find(check->state, "revision"))
    status = check_open_world(check);
  return status;
}

static DcStatus
check_warm_up(const Check *check)
{
  DcStatus status = check_parts(check, warming_up, G_N_ELEMENTS(warming_up));
  if (!status)
    status = check_lengths(check, "sample.rows");
  if (status)
    return status;
  const int64_t *sampled = dc_state_find(check->state, "sampled")->data;
  return (uint64_t)*sampled < check->extents[SAMPLES]
             ? refuse(check, "sampled", "is less than the rows that were kept")
             : DC_OK;
}

static DcStatus
check_state(Check *check)
{
  const DcState *state = check->state;
  bool has_clusters = dc_state_find(state, "centroids") != NULL;
  memcpy(check->extents,
         (size_t[EXTENT_COUNT]){
             [ONE] = 1,
             [CLUSTERS] = dc_state_rows(state, "centroids"),
             [MEMBERS] = dc_state_rows(state, "memory.rows"),
             [SAMPLES] = dc_state_rows(state, "sample.rows"),
             [DIM] = dc_state_cols(state, has_clusters ? "centroids" : "sample.rows"),
             [UUID] = DC_STATE_UUID_LENGTH,
             [LABEL] = DC_LABEL_SIZE,
             [SURVIVAL] = state->version >= 2 ? DC_STATE_SURVIVAL_LENGTH : SURVIVAL_1,
             [PINNED] = dc_state_rows(state, "pins"),
             [REVISION] = DC_STATE_REVISION_LENGTH,
             [HISTORY] = DC_STATE_HISTORY_LENGTH,
             [UNKNOWNS] = dc_state_rows(state, "unknowns.rows"),
             [RETIRED] = dc_state_rows(state, "retired_uuids"),
         },
         sizeof check->extents);
  if (check->extents[DIM] < 1)
    return refuse(check, has_clusters ? "centroids" : "sample.rows", "has no columns");
  DcStatus status = check_parts(check, always, G_N_ELEMENTS(always));
  for (size_t i = 0; i < G_N_ELEMENTS(optional) && !status; i++)
    if (dc_state_find(state, optional[i].name))
      status = check_part(check, &optional[i]);
  if (status)
    return status;
  const int64_t *increment = dc_state_find(state, "random.increment")->data;
  if (!(*increment & 1))
    return refuse(check, "random.increment", "is even");
  return has_clusters ? check_clusters(check) : check_warm_up(check);
}

/* --- reading --- */

/* Both versions are read; any other is refused by the name of this build's. */
static DcStatus
take_version(DcState *state, DcError *error)
{
  const char *stated = dc_tensor_file_metadata(state->file, "format_version");
  state->version = g_strcmp0(stated, "1") == 0 ? 1 : DC_STATE_VERSION;
  return dc_tensor_file_expect(state->file, FORMAT, state->version == 1 ? "1" : VERSION_TEXT,
                               error);
}

static DcStatus
take_encoder(DcState *state, const char *path, DcError *error)
{
  const char *encoder = dc_tensor_file_metadata(state->file, "encoder");
  if (!encoder || strlen(encoder) >= sizeof state->encoder)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: the name of the encoder is missing or longer than %zu bytes", path,
                        sizeof state->encoder - 1);
  strcpy(state->encoder, encoder);
  return DC_OK;
}

static DcStatus
take_tensors(DcState *state, const char *path, DcError *error)
{
  size_t count = dc_tensor_file_count(state->file);
  if (count > DC_STATE_MAX_TENSORS)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: %zu tensors; a state has at most %d", path,
                        count, DC_STATE_MAX_TENSORS);
  for (size_t i = 0; i < count; i++)
    state->tensors[i] = *dc_tensor_file_at(state->file, i);
  state->count = count;
  return DC_OK;
}

static DcStatus
fill_state(DcState *state, const char *path, DcError *error)
{
  DcStatus status = dc_tensor_file_read(path, &state->file, error);
  if (!status)
    status = take_version(state, error);
  if (!status)
    status = take_encoder(state, path, error);
  if (!status)
    status = take_tensors(state, path, error);
  Check check = {.state = state, .name = path, .error = error};
  return status ? status : check_state(&check);
}

DcStatus
dc_state_read(const char *path, DcState **state, DcError *error)
{
  *state = DC_NEW(DcState, 1);
  if (!*state)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to read it", path);
  DcStatus status = fill_state(*state, path, error);
  if (status) {
    dc_state_free(*state);
    *state = NULL;
  }
  return status;
}
