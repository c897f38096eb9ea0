/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inputs.h"

#include "command.h"
#include "decode.h"
#include "store/idx.h"
#include "store/image_folder.h"
#include "store/png.h"

#include <stdio.h>
#include <string.h>

/* A visit under way. */
typedef struct {
  DcInputVisit visit;
  gpointer user_data;
  DcInputCount count;
  const DcIdx *labels; /* given for all inputs together, or NULL */
  gboolean ended;      /* the visitor has had enough */
} Walk;

static gboolean
visit_picture(Walk *walk, const DcImage *image, guint32 label, const char *origin, GError **error)
{
  if (walk->labels) {
    if (walk->count.pictures >= walk->labels->shape[0]) {
      g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                  "there are only %" G_GSIZE_FORMAT
                  " labels, and more pictures than that; one label "
                  "for each picture is needed",
                  walk->labels->shape[0]);
      return FALSE;
    }
    label = walk->labels->data[walk->count.pictures];
  }
  GError *failure = NULL;
  DcInputPicture picture = {image, label, origin};
  if (walk->visit(&picture, walk->user_data, &failure)) {
    walk->count.pictures++;
    return TRUE;
  }
  walk->ended = failure == NULL;
  if (failure)
    g_propagate_error(error, failure);
  return FALSE;
}

/* --- IDX files --- */

static gboolean
is_idx(const char *path)
{
  g_autofree char *name = g_path_get_basename(path);
  return strstr(name, "-idx") != NULL || strstr(name, ".idx") != NULL;
}

/* The labels beside a file of pictures; TRUE also when there are none (labels->data is NULL then).
 */
static gboolean
read_labels_beside(const char *path, gsize pictures, DcIdx *labels, GError **error)
{
  *labels = (DcIdx){0};
  g_autoptr(GRegex) kind = g_regex_new("(images|points)-idx[34]", 0, 0, NULL);
  g_autofree char *folder = g_path_get_dirname(path);
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *renamed = g_regex_replace(kind, name, -1, 0, "labels-idx1", 0, NULL);
  g_autofree char *beside = g_build_filename(folder, renamed, NULL);
  if (strcmp(name, renamed) == 0 || !g_file_test(beside, G_FILE_TEST_EXISTS))
    return TRUE;
  DcError core_error;
  if (dc_idx_read(beside, labels, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (labels->rank == 1 && labels->shape[0] == pictures)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "%s: it does not hold one label for each of the %" G_GSIZE_FORMAT " pictures in %s",
              beside, pictures, path);
  dc_idx_clear(labels);
  return FALSE;
}

static gboolean
check_idx_pictures(const char *path, const DcIdx *idx, GError **error)
{
  gboolean grey = idx->rank == 3, colour = idx->rank == 4 && idx->shape[3] == 3;
  if ((grey || colour) && idx->shape[0] && idx->shape[1] && idx->shape[2] &&
      idx->shape[1] <= 65535 && idx->shape[2] <= 65535)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
              "%s: it holds no pictures; N x height x width or N x height x width x 3 is needed",
              path);
  return FALSE;
}

static gboolean
visit_idx(Walk *walk, const char *path, GError **error)
{
  DcIdx pictures, labels = {0};
  DcError core_error;
  if (dc_idx_read(path, &pictures, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = check_idx_pictures(path, &pictures, error) &&
                  read_labels_beside(path, pictures.shape[0], &labels, error);
  gsize channels = pictures.rank == 4 ? 3 : 1;
  for (gsize i = 0; well && i < pictures.shape[0]; i++) {
    gsize row = pictures.shape[2] * channels;
    DcImage image = {
        .format = channels == 3 ? DC_PIXELS_RGB : DC_PIXELS_GRAY8,
        .width = (int)pictures.shape[2],
        .height = (int)pictures.shape[1],
        .planes = {pictures.data + i * pictures.shape[1] * row},
        .strides = {(ptrdiff_t)row},
    };
    guint32 label = labels.data ? labels.data[i] : DC_NO_LABEL;
    well = visit_picture(walk, &image, label, path, error);
  }
  dc_idx_clear(&labels);
  dc_idx_clear(&pictures);
  return well;
}

/* --- whatever GStreamer decodes --- */

typedef struct {
  Walk *walk;
  guint32 label;
  const char *origin;
  gboolean first_only; /* an animated picture counts as its first frame */
} Decoding;

static gboolean
visit_decoded(const DcImage *frame, gpointer user_data, GError **error)
{
  Decoding *decoding = user_data;
  return visit_picture(decoding->walk, frame, decoding->label, decoding->origin, error) &&
         !decoding->first_only;
}

/* --- folders --- */

static gboolean
visit_png(Walk *walk, const char *path, guint32 label, gboolean *readable, GError **error)
{
  DcPicture picture;
  DcError core_error;
  *readable = dc_png_read(path, &picture, &core_error) == DC_OK;
  if (!*readable)
    return dc_tools_take_error(&core_error, error);
  static const DcPixelFormat formats[] = {
      [1] = DC_PIXELS_GRAY8, [3] = DC_PIXELS_RGB, [4] = DC_PIXELS_RGBA};
  DcImage image = {
      .format = formats[picture.channels],
      .width = picture.width,
      .height = picture.height,
      .planes = {picture.pixels},
      .strides = {(ptrdiff_t)picture.width * picture.channels},
  };
  gboolean well = visit_picture(walk, &image, label, path, error);
  dc_picture_clear(&picture);
  return well;
}

/* Visits one picture file; one that cannot be decoded is named and left out. */
static gboolean
visit_file(Walk *walk, const char *path, guint32 label, GError **error)
{
  GError *failure = NULL;
  gsize before = walk->count.pictures;
  gboolean readable = TRUE, well;
  if (g_str_has_suffix(path, ".png") || g_str_has_suffix(path, ".PNG")) {
    well = visit_png(walk, path, label, &readable, &failure);
  } else {
    Decoding decoding = {walk, label, path, TRUE};
    dc_decode(path, visit_decoded, &decoding, NULL, &failure);
    readable = walk->count.pictures > before || walk->ended;
    well = readable && !walk->ended && !failure;
  }
  if (readable && failure)
    g_propagate_error(error, failure);
  if (!readable) {
    fprintf(stderr, "left out: %s\n", failure ? failure->message : path);
    g_clear_error(&failure);
    walk->count.unreadable++;
    return TRUE;
  }
  return well;
}

static gboolean
visit_folder(Walk *walk, const char *path, GError **error)
{
  DcImageFolder folder;
  DcError core_error;
  if (dc_image_folder_list(path, &folder, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gsize before = walk->count.pictures;
  gboolean well = TRUE;
  for (gsize i = 0; well && i < folder.count; i++)
    well = visit_file(walk, folder.paths[i],
                      folder.classes[i] == DC_NO_CLASS ? DC_NO_LABEL : folder.classes[i], error);
  if (well && walk->count.pictures == before) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
                "%s: not one of its %" G_GSIZE_FORMAT " pictures can be decoded", path,
                folder.count);
    well = FALSE;
  }
  dc_image_folder_clear(&folder);
  return well;
}

static gboolean
visit_input(Walk *walk, const char *input, GError **error)
{
  if (g_file_test(input, G_FILE_TEST_IS_DIR))
    return visit_folder(walk, input, error);
  if (is_idx(input))
    return visit_idx(walk, input, error);
  if (!strstr(input, "://") && !g_file_test(input, G_FILE_TEST_EXISTS)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FOUND, "%s: there is no such file or folder",
                input);
    return FALSE;
  }
  Decoding decoding = {walk, DC_NO_LABEL, input, FALSE};
  return dc_decode(input, visit_decoded, &decoding, NULL, error) && !walk->ended;
}

gboolean
dc_inputs_visit(const char *const *inputs, const char *labels, DcInputVisit visit,
                gpointer user_data, DcInputCount *count, GError **error)
{
  DcIdx given = {0};
  DcError core_error;
  if (labels && dc_idx_read(labels, &given, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (labels && given.rank != 1) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "%s: labels have one dimension, this file has %" G_GSIZE_FORMAT, labels,
                given.rank);
    dc_idx_clear(&given);
    return FALSE;
  }
  Walk walk = {visit, user_data, {0}, labels ? &given : NULL, FALSE};
  gboolean well = TRUE;
  for (gsize i = 0; well && inputs[i]; i++)
    well = visit_input(&walk, inputs[i], error);
  if (well && labels && given.shape[0] != walk.count.pictures) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "%s: %" G_GSIZE_FORMAT " labels for %" G_GSIZE_FORMAT
                " pictures; one for each is needed",
                labels, given.shape[0], walk.count.pictures);
    well = FALSE;
  }
  dc_idx_clear(&given);
  if (count)
    *count = walk.count;
  return well || walk.ended;
}
