/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster export: the encoder of a model as an ONNX file. */
#include "base/memory.h"
#include "command.h"
#include "onnx/export.h"
#include "onnx/graph.h"
#include "preprocessing.h"
#include "store/file.h"
#include "store/model_file.h"

#include <stdio.h>

static char *option_output;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "ONNX file to write", "NET.onnx"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Writes the encoder of a model as an ONNX file (opset 13) for other programs: input "
    "\"input\",\n"
    "float32, N x channels x height x width (of vectors N x n), output \"embedding\", N x d.\n"
    "Such a file does not hold how pictures are prepared, nor clusters: the preprocessing is\n"
    "printed, with the command that makes a model of the file again.\n"
    "\n"
    "  driftcluster export model.safetensors --output encoder.onnx";

static gboolean
write_bytes(const unsigned char *bytes, gsize size, GError **error)
{
  DcFileWriter writer;
  DcError core_error;
  if (dc_file_create(&writer, option_output, &core_error) == DC_OK &&
      dc_file_append(&writer, bytes, size, &core_error) == DC_OK &&
      dc_file_commit(&writer, &core_error) == DC_OK)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

static void
print_pictures(const DcModel *model)
{
  g_autofree char *options = dc_preprocessing_options(&model->preprocessing);
  g_autofree char *file = g_shell_quote(option_output);
  printf("What the file does not tell:\n");
  dc_preprocessing_print(&model->preprocessing);
  printf("A model again: driftcluster import %s %s --output FILE\n", file, options);
}

static void
print_result(const DcModel *model)
{
  DcShape input = dc_network_input(model->encoder);
  if (model->vectors)
    printf("input         N x %d, float32\n", input.channels);
  else
    printf("input         N x %d x %d x %d (channels, height, width), float32\n", input.channels,
           input.height, input.width);
  printf("embedding     N x %zu: %s\n", model->dim, option_output);
  if (!model->vectors)
    print_pictures(model);
  if (model->clusters > 0)
    printf("Its %zu clusters stay in the model file.\n", model->clusters);
}

static gboolean
export_model(const DcModel *model, GError **error)
{
  unsigned char *bytes;
  size_t size;
  DcError core_error;
  if (dc_onnx_export(model->encoder, &bytes, &size, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = write_bytes(bytes, size, error);
  dc_free(bytes);
  if (well)
    print_result(model);
  return well;
}

static gboolean
read_and_export(const char *path, GError **error)
{
  DcModel *model;
  DcError core_error;
  if (dc_model_read(path, &model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = export_model(model, error);
  dc_model_free(model);
  return well;
}

int
dc_command_export(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "MODEL", summary, entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(name, "one model file is needed");
  if (!option_output)
    return dc_command_usage(name, "--output NET.onnx is needed");
  if (!dc_onnx_is_named(option_output))
    return dc_command_usage(name, "%s: the name of an ONNX file ends in .onnx", option_output);
  g_autoptr(GError) error = NULL;
  if (!read_and_export(argv[1], &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
