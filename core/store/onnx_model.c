/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/onnx_model.h"

#include "image/recipe.h"
#include "onnx/graph.h"
#include "onnx/import.h"
#include "store/file.h"
#include "store/json.h"

#include <math.h>
#include <string.h>

const char *const dc_import_choice_names[DC_IMPORT_CHOICES] = {
    [DC_IMPORT_OUTPUT_NODE] = "output-node",
    [DC_IMPORT_SIZE] = "size",
    [DC_IMPORT_FIT] = "fit",
    [DC_IMPORT_CHANNELS] = "channels",
    [DC_IMPORT_PREPROCESS] = "preprocess",
};

#define ASKED "as asked"

/* An import under way. */
typedef struct {
  const char *path;
  const DcModelImportOptions *options;
  const DcOnnxGraph *graph;
  DcOnnxImportReport found;
  DcShape input; /* of the network */
  DcImportReport *report;
  DcError *error;
} Import;

static void
choose(Import *import, DcImportChoiceKind kind, const char *value, const char *reason)
{
  import->report->choices[kind] = (DcImportChoice){g_utf8_make_valid(value, -1), reason};
}

/* --- size --- */

static const DcOnnxValue *
find_input(const Import *import)
{
  const DcOnnxValue *inputs = import->graph->inputs;
  while (strcmp(inputs->name, import->found.input) != 0)
    inputs++;
  return inputs;
}

/* True when the file tells height and width of its pictures. */
static bool
has_size(const Import *import)
{
  const DcOnnxValue *input = find_input(import);
  const size_t height = import->found.channels_last ? 1 : 2; /* its axis */
  return input->known_shape && input->shape[height] > 0 && input->shape[height + 1] > 0;
}

static void
choose_size(Import *import)
{
  const DcShape input = import->input;
  g_autofree char *size = g_strdup_printf("%dx%d", input.width, input.height);
  choose(import, DC_IMPORT_SIZE, size,
         has_size(import)             ? "the file says so"
         : import->options->width > 0 ? ASKED
                                      : "the file leaves it open, and this is usual");
}

/* --- fit --- */

/* The index of `name` in `names`, or an error that lists them. */
static DcStatus
find_name(Import *import, DcImportChoiceKind kind, const char *name, const char *const *names,
          size_t count, int *index)
{
  g_autoptr(GString) known = g_string_new(NULL);
  for (size_t i = 0; i < count; i++) {
    if (!names[i])
      continue;
    *index = (int)i;
    if (strcmp(names[i], name) == 0)
      return DC_OK;
    g_string_append_printf(known, "%s%s", known->len ? ", " : "", names[i]);
  }
  return dc_error_set(import->error, DC_ERROR_ARGUMENT, "%s cannot be \"%.40s\"; it is one of %s",
                      dc_import_choice_names[kind], name, known->str);
}

/* A photograph loses least by a crop when the patch is square, while a patch of another shape is
 * that of the things that the network was learnt on, boxes of persons for instance. */
static DcStatus
choose_fit(Import *import, DcFit *fit)
{
  const bool square = import->input.width == import->input.height;
  const char *reason = square ? "the pictures are square" : "the pictures are not square";
  int chosen = square ? DC_FIT_CROP : DC_FIT_STRETCH;
  if (import->options->fit) {
    reason = ASKED;
    DcStatus status =
        find_name(import, DC_IMPORT_FIT, import->options->fit, dc_fit_names, DC_FIT_NAMES, &chosen);
    if (status)
      return status;
  }
  *fit = (DcFit)chosen;
  choose(import, DC_IMPORT_FIT, dc_fit_names[chosen], reason);
  return DC_OK;
}

/* --- preprocessing --- */

/* What pixels are normalised by: a recipe, or numbers of the channels in the network's order. */
typedef struct {
  const DcRecipe *recipe; /* NULL: the numbers */
  float mean[3], deviation[3];
} Normalisation;

/* "0.5,0.4,0.3" for each of `count` channels, or "0.5" for all of them. */
static bool
parse_numbers(const char *text, int count, float values[3])
{
  g_auto(GStrv) words = g_strsplit(text, ",", -1);
  const guint given = g_strv_length(words);
  if (given != 1 && given != (guint)count)
    return false;
  for (int c = 0; c < count; c++) {
    const char *word = words[given == 1 ? 0 : c];
    char *end;
    values[c] = (float)g_ascii_strtod(word, &end);
    if (end == word || *end || !isfinite(values[c]))
      return false;
  }
  return true;
}

static char *
list_recipes(void)
{
  GString *names = g_string_new(NULL);
  size_t count;
  const DcRecipe *recipes = dc_recipes(&count);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf(names, "%s, ", recipes[i].name);
  return g_string_free(names, FALSE);
}

static DcStatus
parse_normalisation(Import *import, const char *text, Normalisation *normalisation)
{
  const int channels = import->input.channels;
  normalisation->recipe = dc_recipe_find(text);
  if (normalisation->recipe)
    return DC_OK;
  g_auto(GStrv) parts = g_strsplit(text, "/", -1);
  if (g_strv_length(parts) == 2 && parse_numbers(parts[0], channels, normalisation->mean) &&
      parse_numbers(parts[1], channels, normalisation->deviation)) {
    bool positive = true;
    for (int c = 0; c < channels; c++)
      positive = positive && normalisation->deviation[c] > 0;
    if (positive)
      return DC_OK;
  }
  g_autofree char *names = list_recipes();
  return dc_error_set(import->error, DC_ERROR_ARGUMENT,
                      "%s cannot be \"%.80s\"; it is one of %sor MEAN/DEVIATION of pixels as 0..1, "
                      "each one number or %d with commas between, deviations above 0, as in "
                      "0.5/0.25",
                      dc_import_choice_names[DC_IMPORT_PREPROCESS], text, names, channels);
}

static bool
mentions(const char *text, const char *word)
{
  g_autofree char *small = g_ascii_strdown(text, -1);
  return strstr(small, word) != NULL;
}

static const char *
guess_recipe(const Import *import, const char **reason)
{
  const char *producer = import->graph->producer, *input = import->found.input;
  if (import->input.channels == 1) {
    *reason = "usual for one channel; a guess";
    return "unit";
  }
  if (mentions(producer, "caffe")) {
    *reason = "the producer of the file is Caffe";
    return "caffe";
  }
  /* MXNet has the name from Caffe, but not the numbers. */
  if ((strcmp(input, "data") == 0 || strcmp(input, "data_0") == 0) &&
      !mentions(producer, "mxnet")) {
    *reason = "the input is named as in networks that come from Caffe; a guess";
    return "caffe";
  }
  *reason = "usual; a guess";
  return "imagenet";
}

static DcStatus
choose_normalisation(Import *import, Normalisation *normalisation)
{
  const char *reason = ASKED, *text = import->options->preprocess;
  if (!text)
    text = guess_recipe(import, &reason);
  DcStatus status = parse_normalisation(import, text, normalisation);
  if (!status)
    choose(import, DC_IMPORT_PREPROCESS, text, reason);
  return status;
}

static DcStatus
choose_channels(Import *import, const Normalisation *normalisation, DcChannels *channels)
{
  const int count = import->input.channels;
  const char *reason = "the network takes one channel";
  int chosen = DC_CHANNELS_GRAY;
  if (count == 3) {
    reason = normalisation->recipe ? "that is what preprocess says" : "usual; a guess";
    chosen = normalisation->recipe ? (int)normalisation->recipe->order : DC_CHANNELS_RGB;
  }
  if (import->options->channels) {
    reason = ASKED;
    DcStatus status = find_name(import, DC_IMPORT_CHANNELS, import->options->channels,
                                dc_channels_names, DC_CHANNELS_NAMES, &chosen);
    if (status)
      return status;
  }
  if ((chosen == DC_CHANNELS_GRAY) != (count == 1))
    return dc_error_set(import->error, DC_ERROR_MISMATCH,
                        "%s: its network takes %d channels, which are not \"%s\"", import->path,
                        count, dc_channels_names[chosen]);
  *channels = (DcChannels)chosen;
  choose(import, DC_IMPORT_CHANNELS, dc_channels_names[chosen], reason);
  return DC_OK;
}

static DcStatus
choose_preprocessing(Import *import, DcPatchSpec *spec)
{
  Normalisation normalisation = {0};
  DcChannels channels = DC_CHANNELS_RGB;
  DcFit fit = DC_FIT_STRETCH;
  choose_size(import);
  DcStatus status = choose_fit(import, &fit);
  if (!status)
    status = choose_normalisation(import, &normalisation);
  if (!status)
    status = choose_channels(import, &normalisation, &channels);
  if (status)
    return status;
  *spec = dc_patch_spec(import->input.width, import->input.height, channels);
  spec->fit = fit;
  if (normalisation.recipe) {
    dc_recipe_apply(normalisation.recipe, spec);
  } else {
    memcpy(spec->mean, normalisation.mean, sizeof spec->mean);
    memcpy(spec->deviation, normalisation.deviation, sizeof spec->deviation);
  }
  return DC_OK;
}

static DcStatus
refuse_preprocessing_of_vectors(const Import *import)
{
  const DcModelImportOptions *options = import->options;
  if (!options->preprocess && !options->fit && !options->channels && !options->width)
    return DC_OK;
  return dc_error_set(import->error, DC_ERROR_MISMATCH,
                      "%s: its network takes vectors of %d numbers as they are; size, fit, "
                      "channels and preprocess are for pictures",
                      import->path, import->input.channels);
}

/* --- where it comes from --- */

static DcStatus
hash_file(const char *path, char **sha256, DcError *error)
{
  FILE *stream;
  uint64_t left;
  DcStatus status = dc_file_open(path, &stream, &left, error);
  if (status)
    return status;
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  guchar bytes[1 << 16];
  while (left > 0 && !status) {
    const size_t size = left < sizeof bytes ? (size_t)left : sizeof bytes;
    status = dc_file_read(stream, path, bytes, size, error);
    if (!status)
      g_checksum_update(checksum, bytes, (gssize)size);
    left -= size;
  }
  fclose(stream);
  if (!status)
    *sha256 = g_strdup(g_checksum_get_string(checksum));
  return status;
}

static DcStatus
tell_origin(Import *import)
{
  DcImportReport *report = import->report;
  g_autofree char *name = g_path_get_basename(import->path);
  report->source = g_utf8_make_valid(name, -1);
  report->opset = import->graph->opset;
  report->producer = g_utf8_make_valid(import->graph->producer, -1);
  report->input = g_utf8_make_valid(import->found.input, -1);
  choose(import, DC_IMPORT_OUTPUT_NODE, import->found.output,
         import->options->output ? ASKED : import->found.reason);
  return hash_file(import->path, &report->sha256, import->error);
}

static char *
describe(const DcImportReport *report)
{
  JsonObject *object = json_object_new(), *chosen = json_object_new(), *why = json_object_new();
  json_object_set_string_member(object, "source", report->source);
  json_object_set_string_member(object, "sha256", report->sha256);
  json_object_set_int_member(object, "opset", report->opset);
  json_object_set_string_member(object, "producer", report->producer);
  json_object_set_string_member(object, "input", report->input);
  for (int i = 0; i < DC_IMPORT_CHOICES; i++) {
    if (!report->choices[i].value)
      continue;
    json_object_set_string_member(chosen, dc_import_choice_names[i], report->choices[i].value);
    json_object_set_string_member(why, dc_import_choice_names[i], report->choices[i].reason);
  }
  json_object_set_object_member(object, "chosen", chosen);
  json_object_set_object_member(object, "why", why);
  char *text = dc_json_text(object);
  json_object_unref(object);
  return text;
}

void
dc_import_report_clear(DcImportReport *report)
{
  g_free(report->source);
  g_free(report->sha256);
  g_free(report->producer);
  g_free(report->input);
  for (int i = 0; i < DC_IMPORT_CHOICES; i++)
    g_free(report->choices[i].value);
  *report = (DcImportReport){0};
}

/* --- all of it --- */

/* A graph does not know what file it is from: its errors are told with the name of that. */
static DcStatus
import_network(Import *import, DcNetwork **network)
{
  const DcModelImportOptions *options = import->options;
  const DcOnnxImportOptions how = {
      .output = options->output,
      .height = options->height,
      .width = options->width,
      .normalise = options->normalise,
  };
  DcError error;
  DcStatus status = dc_onnx_import(import->graph, &how, network, &import->found, &error);
  if (status)
    dc_error_set(import->error, status, "%s: %s", import->path, error.message);
  return status;
}

static DcStatus
fill_model(Import *import, DcModel *model)
{
  DcStatus status = import_network(import, &model->encoder);
  if (status)
    return status;
  import->input = dc_network_input(model->encoder);
  model->dim = dc_shape_size(dc_network_output(model->encoder));
  model->vectors = find_input(import)->rank == 2;
  status = model->vectors ? refuse_preprocessing_of_vectors(import)
                          : choose_preprocessing(import, &model->preprocessing);
  if (!status)
    status = tell_origin(import);
  if (status)
    return status;
  model->method = g_strdup("import");
  model->provenance = describe(import->report);
  dc_model_identify(model);
  return dc_model_check(model, import->path, import->error);
}

static DcStatus
import_graph(Import *import, DcModel **model)
{
  DcModel *made = dc_model_new();
  if (!made)
    return dc_error_set(import->error, DC_ERROR_MEMORY, "%s: no memory", import->path);
  DcStatus status = fill_model(import, made);
  if (status)
    dc_model_free(made);
  else
    *model = made;
  return status;
}

DcStatus
dc_model_import(const char *path, const DcModelImportOptions *options, DcModel **model,
                DcImportReport *report, DcError *error)
{
  static const DcModelImportOptions guess_all;
  DcImportReport told = {0};
  *model = NULL;
  DcOnnxGraph *graph;
  DcStatus status = dc_onnx_graph_read(path, &graph, error);
  if (status)
    return status;
  Import import = {.path = path,
                   .options = options ? options : &guess_all,
                   .graph = graph,
                   .report = &told,
                   .error = error};
  status = import_graph(&import, model);
  dc_onnx_graph_free(graph);
  if (status || !report)
    dc_import_report_clear(&told);
  else
    *report = told;
  return status;
}
