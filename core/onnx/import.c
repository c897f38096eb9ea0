/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/import.h"

#include "base/memory.h"
#include "onnx/constants.h"
#include "onnx/importer.h"
#include "onnx/output.h"
#include "onnx/recognise.h"

#include <stdio.h>
#include <string.h>

#define STANDARD_SIDE 224
#define MOST_SIDE     4096 /* what a patch may have */
#define MOST_BATCH    65536

typedef struct {
  DcOnnxImporter base;
  const DcOnnxImportOptions *options;
  DcOnnxImportReport *report;
  bool *needed; /* of each node */
  DcOnnxMeaning *meanings;
} Import;

static void
say_where(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  const char *name = *node->name ? node->name : node->output_count ? node->outputs[0] : "";
  snprintf(importer->where, sizeof importer->where, "node \"%.100s\" (%s%s%.60s)", name,
           node->domain, *node->domain ? "." : "", node->op);
}

/* --- constants --- */

/* The constants that the node takes; false when it takes something else, or nothing. */
static bool
find_constants(const DcOnnxImporter *importer, const DcOnnxNode *node,
               const DcOnnxTensor **constants)
{
  for (size_t i = 0; i < node->input_count; i++) {
    const DcOnnxEntry *entry =
        *node->inputs[i] ? dc_onnx_values_find(&importer->values, node->inputs[i]) : NULL;
    constants[i] = entry ? entry->constant : NULL;
    if (entry && !entry->constant)
      return false;
  }
  return node->input_count > 0 || !strcmp(node->op, "Constant");
}

/* Computes the node if it takes constants alone; `*folded` tells. */
static DcStatus
fold_node(DcOnnxImporter *importer, const DcOnnxNode *node, bool *folded, DcError *error)
{
  *folded = false;
  if (*node->domain || !node->output_count || !dc_onnx_constant_knows(node->op))
    return DC_OK;
  say_where(importer, node);
  const DcOnnxTensor **constants = DC_NEW(const DcOnnxTensor *, node->input_count + 1);
  if (!constants)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for its inputs", importer->where);
  DcOnnxEntry *made = dc_onnx_values_find(&importer->values, node->outputs[0]);
  DcStatus status = DC_OK;
  if (made && find_constants(importer, node, constants)) {
    status = dc_onnx_constant_run(node, constants, importer->where, &importer->constants,
                                  &made->constant, error);
    *folded = !status;
  }
  dc_free(constants);
  return status;
}

/* What cannot be computed may not be needed either: nothing is said before it is. But a constant
 * that only memory lacks would change what the nodes behind it mean. */
static DcStatus
fold_constants(DcOnnxImporter *importer)
{
  for (size_t i = 0; i < importer->graph->node_count; i++) {
    bool folded;
    DcError complaint;
    if (fold_node(importer, &importer->graph->nodes[i], &folded, &complaint) == DC_ERROR_MEMORY)
      return dc_error_set(importer->error, DC_ERROR_MEMORY, "%s", complaint.message);
  }
  return DC_OK;
}

/* --- what is needed --- */

static void
need(DcOnnxImporter *importer, const char *name)
{
  DcOnnxEntry *entry = *name ? dc_onnx_values_find(&importer->values, name) : NULL;
  if (!entry || entry->constant)
    return;
  entry->needed = true;
  entry->readers++;
}

static bool
is_needed(const DcOnnxImporter *importer, const DcOnnxNode *node)
{
  for (size_t i = 0; i < node->output_count; i++) {
    const DcOnnxEntry *entry = dc_onnx_values_find(&importer->values, node->outputs[i]);
    if (entry && entry->needed)
      return true;
  }
  return false;
}

/* Backwards from the output, so that what several nodes mean together is seen at the last of them
 * and the others are needed only where something else takes what they make. */
static void
find_needed(Import *import, const char *output)
{
  DcOnnxImporter *importer = &import->base;
  need(importer, output);
  for (size_t i = importer->graph->node_count; i-- > 0;) {
    const DcOnnxNode *node = &importer->graph->nodes[i];
    import->needed[i] = is_needed(importer, node);
    if (!import->needed[i])
      continue;
    import->meanings[i] = dc_onnx_recognise(importer->graph, &importer->values, i);
    if (import->meanings[i].kind != DC_ONNX_AS_IT_IS) {
      need(importer, import->meanings[i].input);
      continue;
    }
    for (size_t j = 0; j < node->input_count; j++)
      need(importer, node->inputs[j]);
  }
}

static DcStatus
list_outputs(const DcOnnxImporter *importer, const char *asked)
{
  char names[256] = "";
  size_t used = 0;
  for (size_t i = 0; i < importer->graph->output_count && used < sizeof names; i++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s\"%s\"", i ? ", " : "",
                             importer->graph->outputs[i].name);
  return dc_error_set(importer->error, DC_ERROR_NOT_FOUND,
                      "no node makes \"%.80s\"; the network's outputs are %s, and any other value "
                      "between its nodes may be named",
                      asked, names);
}

static DcStatus
choose_output(Import *import, const char **output)
{
  const DcOnnxImporter *importer = &import->base;
  const char *asked = import->options->output;
  if (asked) {
    const DcOnnxEntry *entry = dc_onnx_values_find(&importer->values, asked);
    if (!*asked || !entry || entry->maker == DC_ONNX_NO_NODE)
      return list_outputs(importer, asked);
    *output = entry->name;
    import->report->reason = "asked for";
    return DC_OK;
  }
  *output = dc_onnx_choose_output(importer->graph, &importer->values, &import->report->reason);
  return *output ? DC_OK
                 : dc_error_set(importer->error, DC_ERROR_FORMAT, "the network has no output");
}

/* --- the picture --- */

static DcStatus
find_picture(const DcOnnxImporter *importer, const DcOnnxValue **picture)
{
  *picture = NULL;
  for (size_t i = 0; i < importer->graph->input_count; i++) {
    const DcOnnxValue *input = &importer->graph->inputs[i];
    const DcOnnxEntry *entry = dc_onnx_values_find(&importer->values, input->name);
    if (!entry || !entry->needed)
      continue;
    if (*picture)
      return dc_error_set(importer->error, DC_ERROR_UNSUPPORTED,
                          "the network takes \"%.80s\" and \"%.80s\"; an encoder takes a picture "
                          "and nothing else: choose an output that needs one of them",
                          (*picture)->name, input->name);
    *picture = input;
  }
  if (!*picture)
    return dc_error_set(importer->error, DC_ERROR_UNSUPPORTED,
                        "the output does not depend on an input of the network");
  if (!(*picture)->is_float)
    return dc_error_set(importer->error, DC_ERROR_UNSUPPORTED,
                        "the input \"%.80s\" takes whole numbers; only pictures of floats are read",
                        (*picture)->name);
  if ((*picture)->known_shape && (*picture)->rank != 4 && (*picture)->rank != 2)
    return dc_error_set(importer->error, DC_ERROR_UNSUPPORTED,
                        "the input \"%.80s\" has %zu axes; a picture has 4: batch, channels, "
                        "height, width, and a vector 2",
                        (*picture)->name, (*picture)->rank);
  return DC_OK;
}

static bool
can_be_channels(int64_t size)
{
  return size == 1 || size == 3;
}

/* A side from the graph or, where that leaves it open, the options. */
static DcStatus
find_side(const Import *import, const char *what, int64_t told, int asked, int *side)
{
  if (told > 0 && asked > 0 && told != asked)
    return dc_error_set(import->base.error, DC_ERROR_SHAPE,
                        "the network takes pictures of %s %lld, not %d", what, (long long)told,
                        asked);
  const int64_t found = told > 0 ? told : asked > 0 ? asked : STANDARD_SIDE;
  if (found > MOST_SIDE)
    return dc_error_set(import->base.error, DC_ERROR_UNSUPPORTED,
                        "the network takes pictures of %s %lld; at most %d is read", what,
                        (long long)found, MOST_SIDE);
  *side = (int)found;
  return DC_OK;
}

/* The network begins with `input`, of `batch` samples (-1: left open). */
static DcStatus
begin_network(Import *import, const DcOnnxValue *input, DcShape shape, DcOnnxView view,
              int64_t batch)
{
  DcOnnxImporter *importer = &import->base;
  if (batch > MOST_BATCH)
    return dc_error_set(importer->error, DC_ERROR_UNSUPPORTED,
                        "the input \"%.80s\" takes %lld at once; at most %d are read", input->name,
                        (long long)batch, MOST_BATCH);
  importer->batch = batch > 0 ? batch : 1;
  importer->network = dc_network_new(shape);
  if (!importer->network)
    return dc_error_set(importer->error, DC_ERROR_MEMORY, "no memory for a network");
  DcOnnxEntry *entry = dc_onnx_values_find(&importer->values, input->name);
  entry->flows = true;
  entry->number = 0;
  entry->view = view;
  import->report->input = input->name;
  return DC_OK;
}

static DcStatus
take_vector(Import *import, const DcOnnxValue *vector)
{
  const int64_t length = vector->shape[1];
  if (length < 1 || length > (int64_t)DC_NETWORK_MOST_ACTIVATION)
    return dc_error_set(import->base.error, DC_ERROR_UNSUPPORTED,
                        "the input \"%.80s\" has two axes, as vectors have, and leaves their "
                        "length open or out of bounds",
                        vector->name);
  import->report->channels_last = false;
  return begin_network(import, vector, (DcShape){1, 1, (int)length}, dc_onnx_view_dense(1, &length),
                       vector->shape[0]);
}

static DcStatus
take_picture(Import *import, const DcOnnxValue *picture)
{
  DcOnnxImporter *importer = &import->base;
  const int64_t open[] = {-1, -1, -1, -1};
  const int64_t *told = picture->known_shape ? picture->shape : open;
  const bool last = !can_be_channels(told[1]) && told[1] != -1 && can_be_channels(told[3]);
  const int64_t channels = told[last ? 3 : 1];
  if (channels != -1 && !can_be_channels(channels))
    return dc_error_set(importer->error, DC_ERROR_UNSUPPORTED,
                        "the input \"%.80s\" has %lld channels; a picture has 1 or 3",
                        picture->name, (long long)channels);
  DcShape shape = {.channels = channels == 1 ? 1 : 3};
  DcStatus status =
      find_side(import, "height", told[last ? 1 : 2], import->options->height, &shape.height);
  if (!status)
    status = find_side(import, "width", told[last ? 2 : 3], import->options->width, &shape.width);
  if (status)
    return status;
  const DcOnnxView map = dc_onnx_view_of_map(shape);
  import->report->channels_last = last;
  return begin_network(import, picture, shape,
                       last ? dc_onnx_view_transpose(&map, (size_t[]){1, 2, 0}) : map, told[0]);
}

static DcStatus
take_input(Import *import, const DcOnnxValue *input)
{
  return input->known_shape && input->rank == 2 ? take_vector(import, input)
                                                : take_picture(import, input);
}

/* --- nodes --- */

static DcOnnxOperator
find_operator(const DcOnnxNode *node)
{
  /* Exporters put GELU here before ONNX had it. */
  const bool gelu = !strcmp(node->domain, "com.microsoft") && !strcmp(node->op, "Gelu");
  if (*node->domain && strcmp(node->domain, "ai.onnx") != 0 && !gelu)
    return NULL;
  DcOnnxOperator (*const families[])(const char *op) = {dc_onnx_find_weighted,  dc_onnx_find_pool,
                                                        dc_onnx_find_pointwise, dc_onnx_find_layout,
                                                        dc_onnx_find_norm,      dc_onnx_find_gather,
                                                        dc_onnx_find_resize};
  DcOnnxOperator found = NULL;
  for (size_t i = 0; i < sizeof families / sizeof *families && !found; i++)
    found = families[i](node->op);
  return found;
}

static DcStatus
import_meaning(Import *import, const DcOnnxNode *node, const DcOnnxMeaning *meaning)
{
  DcOnnxImporter *importer = &import->base;
  DcOnnxEntry *entry = dc_onnx_values_find(&importer->values, meaning->input);
  if (!entry || !entry->flows) /* an input may be left out: its name is "" then */
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "its input does not depend on the picture");
  const DcLayer activation = {.activation = meaning->activation};
  switch (meaning->kind) {
  case DC_ONNX_ACTIVATION:
    return dc_onnx_activate(importer, node, entry, &activation);
  case DC_ONNX_LAYER_NORM:
    return dc_onnx_import_layer_norm(importer, node, entry, meaning->axis, meaning->epsilon);
  default:
    return dc_onnx_import_unit_length(importer, node, entry, meaning->axis);
  }
}

static DcStatus
import_node(Import *import, size_t index)
{
  DcOnnxImporter *importer = &import->base;
  const DcOnnxNode *node = &importer->graph->nodes[index];
  bool folded;
  DcStatus status = fold_node(importer, node, &folded, importer->error);
  if (status || folded)
    return status;
  say_where(importer, node);
  if (import->meanings[index].kind != DC_ONNX_AS_IT_IS)
    return import_meaning(import, node, &import->meanings[index]);
  const DcOnnxOperator operator= find_operator(node);
  if (!operator|| !* node->outputs[0])
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "this operator is not known; docs/formats/onnx.md lists those that are");
  return operator(importer, node);
}

/* --- the end --- */

static bool
is_channels_of_pixels(const DcOnnxView *view)
{
  return view->rank == 3;
}

/* The mean over pixels or tokens, where there are several. */
static DcStatus
average_pixels(DcOnnxImporter *importer, DcOnnxEntry *output)
{
  DcStatus status = is_channels_of_pixels(&output->view) ? dc_onnx_take_map(importer, output)
                                                         : dc_onnx_take_rows(importer, output);
  if (status)
    return status;
  const DcShape shape = dc_network_value(importer->network, output->number);
  if (shape.height == 1 && shape.width == 1)
    return DC_OK;
  return dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_GLOBAL_AVERAGE_POOL}, output->number,
                     output->number, &output->number);
}

/* Makes `output` what the last layer makes. */
static DcStatus
finish(Import *import, DcOnnxEntry *output)
{
  DcOnnxImporter *importer = &import->base;
  snprintf(importer->where, sizeof importer->where, "output \"%.100s\"", output->name);
  if (!output->flows)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it does not depend on the picture");
  DcStatus status = average_pixels(importer, output);
  if (status)
    return status;
  const DcShape shape = dc_network_value(importer->network, output->number);
  const size_t last = dc_network_layer_count(importer->network);
  if (import->options->normalise)
    return dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_L2_NORMALISE}, output->number,
                       output->number, &output->number);
  if (output->number == last && last > 0)
    return DC_OK;
  return dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_RESHAPE, .output = shape}, output->number,
                     output->number, &output->number);
}

static DcStatus
import_graph(Import *import)
{
  DcOnnxImporter *importer = &import->base;
  const DcOnnxValue *picture;
  const char *output;
  DcStatus status = dc_onnx_values_init(&importer->values, importer->graph, importer->error);
  if (status)
    return status;
  status = fold_constants(importer);
  if (status)
    return status;
  status = choose_output(import, &output);
  if (status)
    return status;
  import->report->output = output;
  find_needed(import, output);
  status = find_picture(importer, &picture);
  if (!status)
    status = take_input(import, picture);
  for (size_t i = 0; i < importer->graph->node_count && !status; i++) {
    if (import->needed[i])
      status = import_node(import, i);
  }
  return status ? status : finish(import, dc_onnx_values_find(&importer->values, output));
}

DcStatus
dc_onnx_import(const DcOnnxGraph *graph, const DcOnnxImportOptions *options, DcNetwork **network,
               DcOnnxImportReport *report, DcError *error)
{
  DcError unwanted;
  DcOnnxImportReport unread;
  const size_t nodes = graph->node_count + 1;
  Import import = {.base = {.graph = graph,
                            .constants.left = DC_ONNX_MOST_CONSTANTS,
                            .error = error ? error : &unwanted},
                   .options = options,
                   .report = report ? report : &unread,
                   .needed = DC_NEW(bool, nodes),
                   .meanings = DC_NEW(DcOnnxMeaning, nodes)};
  *network = NULL;
  *import.report = (DcOnnxImportReport){0};
  DcStatus status =
      import.needed && import.meanings
          ? import_graph(&import)
          : dc_error_set(error, DC_ERROR_MEMORY, "no memory to import a network of %zu nodes",
                         graph->node_count);
  if (!status)
    *network = import.base.network;
  else
    dc_network_free(import.base.network);
  dc_onnx_values_clear(&import.base.values);
  dc_arena_chain_clear(&import.base.constants.chain);
  dc_free(import.base.joints);
  dc_free(import.needed);
  dc_free(import.meanings);
  return status;
}
