/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster inspect: what a model, state or ONNX file holds. */
#include "cluster/tdcm.h"
#include "cluster/transport_source.h"
#include "command.h"
#include "onnx-graph.h"
#include "onnx/graph.h"
#include "preprocessing.h"
#include "store/model_file.h"
#include "store/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};

static const char summary[] =
    "Prints what a model or state file of driftcluster holds: for a model its layers, their\n"
    "shapes and cost, and how pictures are prepared; for any safetensors file its metadata and\n"
    "tensors; for an ONNX file (NET.onnx) what its graph takes and gives, values that it could\n"
    "end with (--output-node of import), and the model that is made of it unasked.";

static void
print_shape(DcShape shape)
{
  char text[48];
  snprintf(text, sizeof text, "%d x %d x %d", shape.height, shape.width, shape.channels);
  printf("%-18s", text);
}

/* Value 0 is the network's input, value n what layer n - 1 makes. */
static void
print_value(const char *word, size_t value)
{
  if (value)
    printf("  %s layer %zu", word, value - 1);
  else
    printf("  %s the input", word);
}

/* What a layer takes, where that is not the layer before it alone. */
static void
print_sources(const DcLayer *layer, size_t index)
{
  if (layer->back > 0)
    print_value("of", dc_layer_source(layer, index));
  if (dc_layer_takes_two(layer->kind))
    print_value("with", dc_layer_second_source(layer, index));
}

/* Where taps or channels are left out. */
static void
print_thinning(const DcLayer *layer)
{
  if (dc_layer_dilation(layer) > 1)
    printf("  dilation %d", layer->dilation);
  if (dc_layer_groups(layer) > 1)
    printf("  %d groups", layer->groups);
}

static void
print_network(const char *title, const DcNetwork *network)
{
  printf("\n%s: %zu parameters, %" PRIu64 " multiply-adds a sample\n", title,
         dc_network_parameters(network), dc_network_multiply_adds(network));
  printf("  %-3s %-18s %-12s %-18s %10s\n", "", "layer", "activation", "output", "parameters");
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    printf("  %-3zu %-18s %-12s ", i, dc_layer_kind_name(layer->kind),
           dc_activation_name(layer->activation));
    print_shape(layer->output);
    printf(" %10zu", layer->weight_size + layer->bias_size);
    print_sources(layer, i);
    print_thinning(layer);
    printf("\n");
  }
}

static void
print_model(const char *path, const DcModel *model)
{
  printf("model         %s\nencoder       %s\nmethod        %s\nembedding     %zu numbers\n", path,
         model->encoder_id, model->method ? model->method : "unknown", model->dim);
  printf("clusters      %zu\n", model->clusters);
  if (model->vectors)
    printf("vectors       of %d numbers, taken as they are\n",
           dc_network_input(model->encoder).channels);
  else
    dc_preprocessing_print(&model->preprocessing);
  if (model->assigner)
    printf("assigned by   the largest of %zu scores that a network makes of an embedding\n",
           model->clusters);
  if (model->attention)
    printf("attention     %" PRIu32 " blocks over standardised embeddings, best of %" PRIu32
           " starts (tdcm)\n",
           model->attention->blocks, model->attention->seeds);
  if (model->source)
    printf("source        %zu prototypes in %zu directions, for transport tracking\n",
           model->source->prototypes, model->source->dim);
  if (model->provenance)
    printf("provenance    %s\n", model->provenance);
  print_network("encoder", model->encoder);
  if (model->decoder)
    print_network("decoder", model->decoder);
  if (model->assigner)
    print_network("assigner", model->assigner);
}

static gboolean
inspect_model(const char *path, GError **error)
{
  DcModel *model;
  DcError core_error;
  if (dc_model_read(path, &model, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  print_model(path, model);
  dc_model_free(model);
  return TRUE;
}

/* The model is the one that a `model-file` of this name gives. */
static gboolean
inspect_onnx(const char *path, GError **error)
{
  DcModel *model;
  DcImportReport report;
  DcError core_error;
  if (!dc_onnx_graph_print(path, error))
    return FALSE;
  if (dc_model_import(path, NULL, &model, &report, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  printf("\nwhat is made of it, and the options of import that change it\n");
  dc_import_report_print(&report);
  printf("\n");
  print_model(path, model);
  dc_import_report_clear(&report);
  dc_model_free(model);
  return TRUE;
}

static void
print_tensors(const char *path, const DcTensorFile *file)
{
  static const char *const types[] = {"float32", "float64", "int64", "uint8"};
  static const char *const keys[] = {"format", "format_version", "encoder", "method"};
  printf("file          %s\n", path);
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
    const char *value = dc_tensor_file_metadata(file, keys[i]);
    if (value)
      printf("%-13s %s\n", keys[i], value);
  }
  printf("\ntensors\n");
  for (size_t i = 0; i < dc_tensor_file_count(file); i++) {
    const DcTensor *tensor = dc_tensor_file_at(file, i);
    printf("  %-28s %-8s", tensor->name, types[tensor->type]);
    for (size_t axis = 0; axis < tensor->rank; axis++)
      printf("%s%zu", axis ? " x " : " ", tensor->shape[axis]);
    printf("\n");
  }
}

static gboolean
inspect(const char *path, GError **error)
{
  if (dc_onnx_is_named(path))
    return inspect_onnx(path, error);
  DcTensorFile *file;
  DcError core_error;
  if (dc_tensor_file_read(path, &file, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  const char *format = dc_tensor_file_metadata(file, "format");
  gboolean is_model = format && strcmp(format, "driftcluster-model") == 0;
  if (!is_model)
    print_tensors(path, file);
  dc_tensor_file_free(file);
  return is_model ? inspect_model(path, error) : TRUE;
}

int
dc_command_inspect(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "FILE", summary, entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(name, "one model, state or ONNX file is needed");
  g_autoptr(GError) error = NULL;
  if (!inspect(argv[1], &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
