/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vectors.h"

#include "base/checked.h"
#include "command.h"
#include "store/idx.h"
#include "store/npy.h"

#include <math.h>
#include <string.h>

#define MOST_NUMBERS ((gsize)1 << 26) /* in a vector; what a network takes at most */

struct DcVectorFile {
  char *path;
  DcIdxReader *idx; /* NULL: a .npy file */
  DcNpyReader npy;
  DcNpyType type;
  gsize count, length, next;
  gpointer numbers; /* length, as in the file */
  float *vector;    /* length */
};

static gboolean
is_npy(const char *path)
{
  return g_str_has_suffix(path, ".npy");
}

gboolean
dc_is_idx(const char *path)
{
  g_autofree char *name = g_path_get_basename(path);
  return strstr(name, "-idx") != NULL || strstr(name, ".idx") != NULL;
}

gboolean
dc_vector_file_is(const char *path)
{
  if (is_npy(path))
    return TRUE;
  if (!dc_is_idx(path))
    return FALSE;
  g_autofree char *name = g_path_get_basename(path);
  if (strstr(name, "points") || strstr(name, "vectors"))
    return TRUE;
  DcIdxReader *reader;
  gsize rank = 0, shape[4];
  if (dc_idx_open(path, &reader, &rank, shape, NULL) == DC_OK)
    dc_idx_close(reader);
  return rank == 2;
}

static gboolean
open_npy(DcVectorFile *file, GError **error)
{
  DcError core_error;
  if (dc_npy_open(&file->npy, file->path, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (file->npy.rank != 2) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "%s: it has one dimension; vectors have two, with a row for each", file->path);
    return FALSE;
  }
  file->type = file->npy.type;
  file->count = file->npy.shape[0];
  file->length = file->npy.shape[1];
  return TRUE;
}

static gboolean
open_idx(DcVectorFile *file, GError **error)
{
  DcError core_error;
  gsize rank, shape[4];
  if (dc_idx_open(file->path, &file->idx, &rank, shape, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (rank < 2) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "%s: it has one dimension; vectors have at least two, the first counts them",
                file->path);
    return FALSE;
  }
  file->type = DC_NPY_U8;
  file->count = shape[0];
  file->length = 1;
  for (gsize i = 1; i < rank; i++)
    if (!dc_checked_mul(file->length, shape[i], &file->length))
      file->length = G_MAXSIZE;
  return TRUE;
}

/* Room for one vector. The length is only a claim until that much has been read. */
static gboolean
make_room(DcVectorFile *file, GError **error)
{
  if (file->length == 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE, "%s: its vectors have no numbers",
                file->path);
    return FALSE;
  }
  if (file->length > MOST_NUMBERS) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_UNSUPPORTED,
                "%s: vectors of %zu numbers; at most %zu can be used", file->path, file->length,
                MOST_NUMBERS);
    return FALSE;
  }
  file->numbers = g_try_malloc_n(file->length, dc_npy_type_size(file->type));
  file->vector = g_try_new(float, file->length);
  if (file->numbers && file->vector)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "%s: no memory for a vector of %zu numbers",
              file->path, file->length);
  return FALSE;
}

DcVectorFile *
dc_vector_file_open(const char *path, GError **error)
{
  DcVectorFile *file = g_new0(DcVectorFile, 1);
  file->path = g_strdup(path);
  gboolean well = is_npy(path) ? open_npy(file, error) : open_idx(file, error);
  if (well && make_room(file, error))
    return file;
  dc_vector_file_free(file);
  return NULL;
}

void
dc_vector_file_free(DcVectorFile *file)
{
  if (!file)
    return;
  dc_idx_close(file->idx);
  dc_npy_close(&file->npy);
  g_free(file->numbers);
  g_free(file->vector);
  g_free(file->path);
  g_free(file);
}

gsize
dc_vector_file_count(const DcVectorFile *file)
{
  return file->count;
}

gsize
dc_vector_file_length(const DcVectorFile *file)
{
  return file->length;
}

static float
number_at(const DcVectorFile *file, gsize i)
{
  switch (file->type) {
  case DC_NPY_F32:
    return ((const float *)file->numbers)[i];
  case DC_NPY_F64:
    return (float)((const double *)file->numbers)[i];
  case DC_NPY_U8:
    return ((const guint8 *)file->numbers)[i];
  case DC_NPY_U32:
    return (float)((const guint32 *)file->numbers)[i];
  case DC_NPY_I64:
    return (float)((const gint64 *)file->numbers)[i];
  }
  g_assert_not_reached();
}

const float *
dc_vector_file_next(DcVectorFile *file, GError **error)
{
  DcError core_error;
  DcStatus status = file->idx ? dc_idx_next(file->idx, file->numbers, file->length, &core_error)
                              : dc_npy_next(&file->npy, file->numbers, file->length, &core_error);
  if (status != DC_OK) {
    dc_tools_take_error(&core_error, error);
    return NULL;
  }
  for (gsize i = 0; i < file->length; i++) {
    file->vector[i] = number_at(file, i);
    if (!isfinite(file->vector[i])) {
      g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FINITE,
                  "%s: number %zu of row %zu is NaN, infinite or too large; leave such rows out",
                  file->path, i, file->next);
      return NULL;
    }
  }
  file->next++;
  return file->vector;
}
