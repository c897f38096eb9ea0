/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inputs.h"

#include "command.h"
#include "decode.h"
#include "store/idx.h"
#include "store/image_folder.h"
#include "store/png.h"
#include "vectors.h"

#include <stdio.h>
#include <string.h>

/* A visit under way. */
typedef struct {
  DcInputVisit picture;
  DcInputVectorVisit vector;
  gpointer user_data;
  DcInputCount count;
  gsize input;            /* index of the one under way */
  const DcLabels *labels; /* given for all inputs together, or NULL */
  GHashTable *classes;    /* name -> number, of the folders so far */
  gboolean ended;         /* the visitor has had enough */
  gboolean failed;        /* it was not the input that failed */
} Walk;

/* Replaces the label of the next sample by the one given for it. */
static gboolean
take_given_label(Walk *walk, guint32 *label, GError **error)
{
  if (!walk->labels)
    return TRUE;
  if (walk->count.samples < walk->labels->count) {
    *label = walk->labels->values[walk->count.samples];
    return TRUE;
  }
  walk->failed = TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "there are only %zu labels, and more samples than that; one label for each is needed",
              walk->labels->count);
  return FALSE;
}

/* After a call of the visitor, which answered `well`: counts, or says that it wants no more. */
static gboolean
settle(Walk *walk, gboolean well, GError *failure, GError **error)
{
  if (well) {
    walk->count.samples++;
    return TRUE;
  }
  walk->ended = failure == NULL;
  walk->failed = failure != NULL;
  if (failure)
    g_propagate_error(error, failure);
  return FALSE;
}

static gboolean
visit_picture(Walk *walk, const DcImage *image, guint32 label, const char *origin, GError **error)
{
  if (!take_given_label(walk, &label, error))
    return FALSE;
  DcInputPicture picture = {image, label, origin, walk->input};
  GError *failure = NULL;
  gboolean well = walk->picture(&picture, walk->user_data, &failure);
  return settle(walk, well, failure, error);
}

static gboolean
visit_vector(Walk *walk, const float *values, gsize length, guint32 label, const char *origin,
             GError **error)
{
  if (!take_given_label(walk, &label, error))
    return FALSE;
  DcInputVector vector = {values, length, label, origin, walk->input};
  GError *failure = NULL;
  gboolean well = walk->vector(&vector, walk->user_data, &failure);
  return settle(walk, well, failure, error);
}

/* The labels beside a file of `count` samples; TRUE also when there are none (labels->values is
 * NULL then), or when others are given. */
static gboolean
read_labels_beside(const Walk *walk, const char *path, gsize count, DcLabels *labels,
                   GError **error)
{
  *labels = (DcLabels){0};
  g_autofree char *beside = walk->labels ? NULL : dc_labels_beside(path);
  if (!beside)
    return TRUE;
  if (!dc_labels_read(beside, labels, error))
    return FALSE;
  if (labels->count == count)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
              "%s: it holds %zu labels for the %zu samples in %s; one for each is needed", beside,
              labels->count, count, path);
  dc_labels_clear(labels);
  return FALSE;
}

/* --- vectors --- */

static gboolean
visit_rows(Walk *walk, DcVectorFile *file, const char *path, GError **error)
{
  DcLabels labels;
  gsize count = dc_vector_file_count(file);
  gboolean well = read_labels_beside(walk, path, count, &labels, error);
  for (gsize i = 0; well && i < count; i++) {
    const float *values = dc_vector_file_next(file, error);
    well = values && visit_vector(walk, values, dc_vector_file_length(file),
                                  labels.values ? labels.values[i] : DC_NO_LABEL, path, error);
  }
  dc_labels_clear(&labels);
  return well;
}

static gboolean
visit_vectors(Walk *walk, const char *path, GError **error)
{
  if (!walk->vector) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
                "%s: it holds vectors, and only pictures can be used here", path);
    return FALSE;
  }
  DcVectorFile *file = dc_vector_file_open(path, error);
  gboolean well = file && visit_rows(walk, file, path, error);
  dc_vector_file_free(file);
  return well;
}

/* --- IDX files of pictures --- */

static gboolean
check_idx_pictures(const char *path, gsize rank, const gsize shape[4], GError **error)
{
  gboolean grey = rank == 3, colour = rank == 4 && shape[3] == 3;
  if ((grey || colour) && shape[1] && shape[2] && shape[1] <= 65535 && shape[2] <= 65535)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT,
              "%s: it holds no pictures; N x height x width or N x height x width x 3 is needed",
              path);
  return FALSE;
}

/* Visits the `count` pictures that `reader` gives; each is read into `pixels`, the `size` bytes
 * that `image` shows. */
static gboolean
visit_idx_pictures(Walk *walk, DcIdxReader *reader, const DcImage *image, guint8 *pixels,
                   gsize size, gsize count, const char *path, GError **error)
{
  DcLabels labels;
  DcError core_error;
  gboolean well = read_labels_beside(walk, path, count, &labels, error);
  for (gsize i = 0; well && i < count; i++) {
    if (dc_idx_next(reader, pixels, size, &core_error) != DC_OK)
      well = dc_tools_take_error(&core_error, error);
    else
      well =
          visit_picture(walk, image, labels.values ? labels.values[i] : DC_NO_LABEL, path, error);
  }
  dc_labels_clear(&labels);
  return well;
}

static gboolean
visit_idx(Walk *walk, const char *path, GError **error)
{
  DcIdxReader *reader;
  gsize rank, shape[4];
  DcError core_error;
  if (dc_idx_open(path, &reader, &rank, shape, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = check_idx_pictures(path, rank, shape, error);
  if (well) {
    gsize row = shape[2] * (rank == 4 ? 3 : 1);
    g_autofree guint8 *pixels = g_malloc(shape[1] * row);
    DcImage image = {
        .format = rank == 4 ? DC_PIXELS_RGB : DC_PIXELS_GRAY8,
        .width = (int)shape[2],
        .height = (int)shape[1],
        .planes = {pixels},
        .strides = {(ptrdiff_t)row},
    };
    well = visit_idx_pictures(walk, reader, &image, pixels, shape[1] * row, shape[0], path, error);
  }
  dc_idx_close(reader);
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
  gsize before = walk->count.samples;
  gboolean readable = TRUE, well;
  if (g_str_has_suffix(path, ".png") || g_str_has_suffix(path, ".PNG")) {
    well = visit_png(walk, path, label, &readable, &failure);
  } else {
    Decoding decoding = {walk, label, path, TRUE};
    dc_decode(path, visit_decoded, &decoding, NULL, &failure);
    readable = walk->count.samples > before || walk->ended || walk->failed;
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

/* The numbers of the classes of a folder. A name has the same one in all folders of a visit; new
 * names get the next ones. */
static guint32 *
number_classes(Walk *walk, const DcImageFolder *folder)
{
  guint32 *numbers = g_new(guint32, folder->n_classes);
  for (gsize i = 0; i < folder->n_classes; i++) {
    const char *name = folder->class_names[i];
    if (!g_hash_table_contains(walk->classes, name))
      g_hash_table_insert(walk->classes, g_strdup(name),
                          GUINT_TO_POINTER(g_hash_table_size(walk->classes)));
    numbers[i] = GPOINTER_TO_UINT(g_hash_table_lookup(walk->classes, name));
  }
  return numbers;
}

static gboolean
visit_folder(Walk *walk, const char *path, GError **error)
{
  DcImageFolder folder;
  DcError core_error;
  if (dc_image_folder_list(path, &folder, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  g_autofree guint32 *numbers = number_classes(walk, &folder);
  gsize before = walk->count.samples;
  gboolean well = TRUE;
  for (gsize i = 0; well && i < folder.count; i++) {
    guint32 class = folder.classes[i];
    well = visit_file(walk, folder.paths[i], class == DC_NO_CLASS ? DC_NO_LABEL : numbers[class],
                      error);
  }
  if (well && walk->count.samples == before) {
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
  if (!strstr(input, "://") && !g_file_test(input, G_FILE_TEST_EXISTS)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FOUND, "%s: there is no such file or folder",
                input);
    return FALSE;
  }
  if (dc_vector_file_is(input))
    return visit_vectors(walk, input, error);
  if (dc_is_idx(input))
    return visit_idx(walk, input, error);
  Decoding decoding = {walk, DC_NO_LABEL, input, FALSE};
  return dc_decode(input, visit_decoded, &decoding, NULL, error) && !walk->ended;
}

/* The same, where an input without any sample is an error. */
static gboolean
visit_something(Walk *walk, const char *input, GError **error)
{
  gsize before = walk->count.samples;
  if (!visit_input(walk, input, error))
    return FALSE;
  if (walk->count.samples > before)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT, "%s: there is nothing in it", input);
  return FALSE;
}

gboolean
dc_inputs_visit_all(const char *const *inputs, const char *labels, DcInputVisit picture,
                    DcInputVectorVisit vector, gpointer user_data, DcInputCount *count,
                    GError **error)
{
  DcLabels given = {0};
  if (labels && !dc_labels_read(labels, &given, error))
    return FALSE;
  Walk walk = {.picture = picture,
               .vector = vector,
               .user_data = user_data,
               .labels = labels ? &given : NULL,
               .classes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  gboolean well = TRUE;
  for (; well && inputs[walk.input]; walk.input++)
    well = visit_something(&walk, inputs[walk.input], error);
  if (well && labels && given.count != walk.count.samples) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "%s: %zu labels for %zu samples; one for each is needed", labels, given.count,
                walk.count.samples);
    well = FALSE;
  }
  g_hash_table_unref(walk.classes);
  dc_labels_clear(&given);
  if (count)
    *count = walk.count;
  return well || walk.ended;
}

gboolean
dc_inputs_visit(const char *const *inputs, const char *labels, DcInputVisit visit,
                gpointer user_data, DcInputCount *count, GError **error)
{
  return dc_inputs_visit_all(inputs, labels, visit, NULL, user_data, count, error);
}

/* --- labels before a visit --- */

static gboolean
refuse_unlabelled(const char *path, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FOUND,
              "%s: it has no label; give --labels FILE, or pictures in a subfolder for each label",
              path);
  return FALSE;
}

static gboolean
check_folder_labels(const char *path, GError **error)
{
  DcImageFolder folder;
  DcError core_error;
  if (dc_image_folder_list(path, &folder, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = TRUE;
  for (gsize i = 0; well && i < folder.count; i++)
    well = folder.classes[i] != DC_NO_CLASS || refuse_unlabelled(folder.paths[i], error);
  dc_image_folder_clear(&folder);
  return well;
}

static gboolean
check_input_labels(const char *input, GError **error)
{
  if (g_file_test(input, G_FILE_TEST_IS_DIR))
    return check_folder_labels(input, error);
  if (!strstr(input, "://") && !g_file_test(input, G_FILE_TEST_EXISTS))
    return TRUE;
  g_autofree char *beside = dc_labels_beside(input);
  return beside || refuse_unlabelled(input, error);
}

gboolean
dc_inputs_check_labels(const char *const *inputs, GError **error)
{
  gboolean well = TRUE;
  for (gsize i = 0; well && inputs[i]; i++)
    well = check_input_labels(inputs[i], error);
  return well;
}
