/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster import: a model file of a network out of an ONNX file. */
#include "command.h"
#include "onnx-graph.h"
#include "onnx/graph.h"
#include "store/onnx_model.h"

#include <inttypes.h>
#include <stdio.h>

static char *option_output;
static char *option_node;
static char *option_preprocess;
static char *option_size;
static char *option_fit;
static char *option_channels;
static gboolean option_normalise;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "model file to write", "FILE"},
    {"output-node", 0, 0, G_OPTION_ARG_STRING, &option_node,
     "value of the graph that is the embedding; see `driftcluster inspect NET.onnx`", "NAME"},
    {"preprocess", 0, 0, G_OPTION_ARG_STRING, &option_preprocess,
     "imagenet, caffe, unit, raw or MEAN/DEVIATION; see above", "HOW"},
    {"size", 0, 0, G_OPTION_ARG_STRING, &option_size,
     "width and height of the pictures, where the file leaves them open", "WxH"},
    {"fit", 0, 0, G_OPTION_ARG_STRING, &option_fit,
     "stretch, letterbox or crop pictures to that shape", "NAME"},
    {"channels", 0, 0, G_OPTION_ARG_STRING, &option_channels, "rgb, bgr or gray", "NAME"},
    {"normalise", 0, 0, G_OPTION_ARG_NONE, &option_normalise,
     "bring embeddings to unit length, for networks that are compared by angle", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Makes a model file of a network that was learnt elsewhere and exported to ONNX (float32,\n"
    "opset 7 to 17). The network is cut at its embedding: a vector behind which there are only\n"
    "the scores of a classifier. An ONNX file does not tell how pictures are prepared for it;\n"
    "that is guessed, and what was guessed is printed beside the option that changes it. A wrong\n"
    "guess gives embeddings that are worse, not an error: look it up where the network is from.\n"
    "\n"
    "  --preprocess imagenet   RGB as 0..1, minus .485 .456 .406, by .229 .224 .225\n"
    "               caffe      BGR as 0..255, minus 104 117 123\n"
    "               unit       RGB as 0..1\n"
    "               raw        RGB as 0..255\n"
    "               0.5/0.25   numbers of your own, (value / 255 - mean) / deviation: one for all\n"
    "                          channels or, with commas, one for each in the network's order\n"
    "\n"
    "embed and the other commands also take NET.onnx as it is, with everything guessed.\n"
    "\n"
    "  driftcluster inspect squeezenet.onnx\n"
    "  driftcluster import squeezenet.onnx --normalise --output squeezenet.safetensors\n"
    "  driftcluster embed --model-file squeezenet.safetensors pictures/ --output x.npy";

#define MOST_SIDE 4096

static gboolean
parse_side(const char *text, int *side)
{
  guint64 number;
  if (!g_ascii_string_to_unsigned(text, 10, 1, MOST_SIDE, &number, NULL))
    return FALSE;
  *side = (int)number;
  return TRUE;
}

static gboolean
parse_size(const char *text, DcModelImportOptions *options)
{
  g_auto(GStrv) sides = g_strsplit(text, "x", -1);
  return g_strv_length(sides) == 2 && parse_side(sides[0], &options->width) &&
         parse_side(sides[1], &options->height);
}

static void
print_model(const DcModel *model)
{
  printf("%zu numbers%s, %" PRIu64 " multiply-adds, %zu parameters: %s\n", model->dim,
         option_normalise ? " of unit length" : "", dc_network_multiply_adds(model->encoder),
         dc_network_parameters(model->encoder), option_output);
}

static gboolean
import(const char *path, const DcModelImportOptions *options, GError **error)
{
  DcModel *model;
  DcImportReport report;
  DcError core_error;
  DcStatus status = dc_model_import(path, options, &model, &report, &core_error);
  if (status == DC_ERROR_ARGUMENT) { /* an option */
    g_set_error_literal(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE, core_error.message);
    return FALSE;
  }
  if (status != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gboolean well = dc_model_write(model, option_output, &core_error) == DC_OK ||
                  dc_tools_take_error(&core_error, error);
  if (well) {
    dc_import_report_print(&report);
    print_model(model);
  }
  dc_import_report_clear(&report);
  dc_model_free(model);
  return well;
}

int
dc_command_import(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "NET.onnx", summary, entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(name, "one ONNX file is needed");
  if (!option_output)
    return dc_command_usage(name, "--output FILE is needed");
  if (dc_onnx_is_named(option_output))
    return dc_command_usage(name,
                            "%s: what is written is no ONNX file; choose a name that does not end "
                            "in .onnx, such as model.safetensors",
                            option_output);
  DcModelImportOptions options = {
      .output = option_node,
      .preprocess = option_preprocess,
      .fit = option_fit,
      .channels = option_channels,
      .normalise = option_normalise,
  };
  if (option_size && !parse_size(option_size, &options))
    return dc_command_usage(name, "--size takes WIDTHxHEIGHT, each 1..%d, as in 224x224",
                            MOST_SIDE);
  g_autoptr(GError) error = NULL;
  if (!import(argv[1], &options, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
