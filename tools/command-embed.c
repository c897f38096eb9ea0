/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster embed: the embeddings of pictures or vectors, for people who go on in Python. */
#include "command.h"
#include "embeddings.h"
#include "inputs.h"
#include "store/npy.h"

#include <stdio.h>

static char *option_model;
static char *option_output;
static char *option_labels;
static char *option_labels_output;

static const GOptionEntry entries[] = {
    {"model-file", 'm', 0, G_OPTION_ARG_FILENAME, &option_model,
     "model with the encoder (unset: the built-in descriptor)", "FILE"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output,
     "file for the embeddings, float32, one row per sample", "X.npy"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "IDX or .npy file with a label for each sample", "FILE"},
    {"labels-output", 0, 0, G_OPTION_ARG_FILENAME, &option_labels_output,
     "file for the labels, uint32", "Y.npy"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Writes what the encoder makes of each sample as a NumPy array. INPUT is pictures (a folder, "
    "an "
    "IDX\n"
    "file, a video or a URI) or, for a model of vectors, vectors: a .npy file with a row for each, "
    "or an\n"
    "IDX file of two dimensions or with \"points\" or \"vectors\" in its name. Labels are the "
    "subfolders of\n"
    "a folder, or lie beside an IDX file (\"labels-idx1\") or X.npy (X-labels.npy).";

static gboolean
write_arrays(const DcEmbeddings *embeddings, GError **error)
{
  DcNpy values = {
      .type = DC_NPY_F32,
      .rank = 2,
      .shape = {embeddings->count, embeddings->dim},
      .data = (void *)embeddings->values,
  };
  DcError core_error;
  if (dc_npy_write(option_output, &values, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (!option_labels_output)
    return TRUE;
  DcNpy labels = {
      .type = DC_NPY_U32,
      .rank = 1,
      .shape = {embeddings->count, 1},
      .data = (void *)embeddings->labels,
  };
  if (dc_npy_write(option_labels_output, &labels, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}

static gboolean
embed(const char *const *inputs, GError **error)
{
  DcModel *model = NULL;
  DcError core_error;
  if (option_labels_output && !option_labels && !dc_inputs_check_labels(inputs, error))
    return FALSE;
  if (option_model && dc_model_read(option_model, &model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  DcEmbeddings embeddings;
  gboolean well = dc_embeddings_read(&embeddings, model, inputs, option_labels, error);
  if (well) {
    well = write_arrays(&embeddings, error);
    if (well)
      printf("%zu embeddings of %zu numbers: %s\n", embeddings.count, embeddings.dim,
             option_output);
    dc_embeddings_clear(&embeddings);
  }
  dc_model_free(model);
  return well;
}

int
dc_command_embed(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  if (argc < 2)
    return dc_command_usage(name, "at least one folder, file or URI is needed");
  if (!option_output)
    return dc_command_usage(name, "--output X.npy is needed");
  g_autoptr(GError) error = NULL;
  if (!embed((const char *const *)argv + 1, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
