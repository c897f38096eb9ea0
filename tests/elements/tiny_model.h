/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_TINY_MODEL_H
#define DC_TESTS_TINY_MODEL_H

#include "store/model_file.h"

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>

/* A folder for the files of one test; tiny_model_folder_free() removes it with what is in it. */
static inline gchar *
tiny_model_folder_new(void)
{
  gchar *folder = g_dir_make_tmp("driftcluster-XXXXXX", NULL);
  fail_unless(folder != NULL);
  return folder;
}

static inline void
tiny_model_folder_free(gchar *folder)
{
  GDir *dir = g_dir_open(folder, 0, NULL);
  const gchar *name;
  while ((name = g_dir_read_name(dir))) {
    g_autofree gchar *path = g_build_filename(folder, name, NULL);
    g_remove(path);
  }
  g_dir_close(dir);
  g_rmdir(folder);
  g_free(folder);
}

/* Writes a model whose embeddings are computed by hand: with l and r the mean grey, 0..1, of the
 * left and right half of a region, e = weight * (l + r) gives the embedding (e, 1 - e). A weight of
 * 0.5 makes e the mean grey. Returns the path. */
static inline gchar *
tiny_model_write(const gchar *folder, const gchar *name, gfloat weight)
{
  DcModel *model = dc_model_new();
  model->preprocessing = dc_patch_spec(2, 1, DC_CHANNELS_GRAY);
  model->dim = 2;
  model->encoder = dc_network_new((DcShape){1, 2, 1});
  DcLayer dense = {.kind = DC_LAYER_DENSE, .output = {1, 1, 2}};
  DcError error = {0};
  fail_unless(dc_network_add(model->encoder, &dense, &error) == DC_OK, "%s", error.message);
  DcLayer *layer = dc_network_layer(model->encoder, 0);
  for (gsize input = 0; input < 2; input++) { /* weight: in x out */
    layer->weight[2 * input] = weight;
    layer->weight[2 * input + 1] = -weight;
  }
  layer->bias[1] = 1;
  gchar *path = g_build_filename(folder, name, NULL);
  fail_unless(dc_model_write(model, path, &error) == DC_OK, "%s", error.message);
  dc_model_free(model);
  return path;
}

#endif
