/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "onnx/makers.h"
#include "onnx/reader.h"

typedef enum { NEW, OPEN, DONE } State;

/* A node whose makers are being looked at. */
typedef struct {
  size_t node;
  size_t next; /* of its inputs */
} Step;

/* A walk from each node back to what it is made of, depth first: a node is done after its makers.
 * The path from where it began is a list, not the calls of a function, since it may be long. */
typedef struct {
  const DcOnnxReader *reader;
  const DcOnnxGraph *graph;
  const DcOnnxMakers *makers;
  State *states; /* of the nodes */
  Step *path;
  size_t length;
  DcOnnxNode *ordered;
  size_t done;
} Walk;

static DcStatus
missing(const Walk *walk, const DcOnnxNode *node, const char *name)
{
  return dc_error_set(walk->reader->error, DC_ERROR_FORMAT,
                      "%s: node \"%.*s\" (%.*s) takes \"%.*s\", which nothing makes",
                      walk->reader->name, DC_ONNX_SHOWN(node->name), DC_ONNX_SHOWN(node->op),
                      DC_ONNX_SHOWN(name));
}

static DcStatus
cycle(const Walk *walk, const DcOnnxNode *node, const char *name)
{
  return dc_error_set(walk->reader->error, DC_ERROR_FORMAT,
                      "%s: a cycle: node \"%.*s\" (%.*s) takes \"%.*s\", which is made of what it "
                      "makes itself",
                      walk->reader->name, DC_ONNX_SHOWN(node->name), DC_ONNX_SHOWN(node->op),
                      DC_ONNX_SHOWN(name));
}

static void
enter(Walk *walk, size_t node)
{
  walk->states[node] = OPEN;
  walk->path[walk->length++] = (Step){.node = node};
}

static void
leave(Walk *walk)
{
  const size_t node = walk->path[--walk->length].node;
  walk->states[node] = DONE;
  walk->ordered[walk->done++] = walk->graph->nodes[node];
}

/* Looks at one input of the last node of the path. */
static DcStatus
follow(Walk *walk, const DcOnnxNode *node, const char *name)
{
  if (!*name)
    return DC_OK;
  const DcOnnxMaker *maker = dc_onnx_makers_find(walk->makers, name);
  if (!maker)
    return missing(walk, node, name);
  if (maker->origin != DC_ONNX_FROM_NODE || walk->states[maker->index] == DONE)
    return DC_OK;
  if (walk->states[maker->index] == OPEN)
    return cycle(walk, node, name);
  enter(walk, maker->index);
  return DC_OK;
}

static DcStatus
visit(Walk *walk, size_t first)
{
  DcStatus status = DC_OK;
  enter(walk, first);
  while (walk->length && !status) {
    Step *last = &walk->path[walk->length - 1];
    const DcOnnxNode *node = &walk->graph->nodes[last->node];
    if (last->next < node->input_count)
      status = follow(walk, node, node->inputs[last->next++]);
    else
      leave(walk);
  }
  return status;
}

static DcStatus
order_nodes(const DcOnnxReader *reader, const DcOnnxMakers *makers, DcOnnxGraph *graph)
{
  const size_t count = graph->node_count;
  Walk walk = {.reader = reader,
               .graph = graph,
               .makers = makers,
               .states = DC_NEW(State, count),
               .path = DC_NEW(Step, count),
               .ordered = dc_onnx_take(reader, count, sizeof *graph->nodes)};
  DcStatus status = DC_OK;
  if (!walk.states || !walk.path || !walk.ordered)
    status = dc_error_set(reader->error, DC_ERROR_MEMORY, "%s: no memory for %zu nodes",
                          reader->name, count);
  for (size_t i = 0; i < count && !status; i++)
    if (walk.states[i] == NEW)
      status = visit(&walk, i);
  dc_free(walk.states);
  dc_free(walk.path);
  if (!status)
    graph->nodes = walk.ordered;
  return status;
}

static DcStatus
check_outputs(const DcOnnxReader *reader, const DcOnnxMakers *makers, const DcOnnxGraph *graph)
{
  for (size_t i = 0; i < graph->output_count; i++)
    if (!dc_onnx_makers_find(makers, graph->outputs[i].name))
      return dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: nothing makes the output \"%.*s\"",
                          reader->name, DC_ONNX_SHOWN(graph->outputs[i].name));
  return DC_OK;
}

/* Before version 4 of the format each initialiser stood among the inputs too. */
static DcStatus
drop_initialised_inputs(const DcOnnxReader *reader, const DcOnnxMakers *makers, DcOnnxGraph *graph)
{
  DcOnnxValue *inputs = dc_onnx_take(reader, graph->input_count, sizeof *inputs);
  if (!inputs)
    return DC_ERROR_MEMORY;
  size_t kept = 0;
  for (size_t i = 0; i < graph->input_count; i++) {
    const DcOnnxMaker *maker = dc_onnx_makers_find(makers, graph->inputs[i].name);
    if (!maker)
      return dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: an input has no name", reader->name);
    if (maker->origin == DC_ONNX_FROM_INPUT)
      inputs[kept++] = graph->inputs[i];
  }
  graph->inputs = inputs;
  graph->input_count = kept;
  return DC_OK;
}

DcStatus
dc_onnx_connect(const DcOnnxReader *reader, DcOnnxGraph *graph)
{
  DcOnnxMakers makers;
  DcStatus status = dc_onnx_makers_list(reader, graph, &makers);
  if (!status)
    status = order_nodes(reader, &makers, graph);
  if (!status)
    status = check_outputs(reader, &makers, graph);
  if (!status)
    status = drop_initialised_inputs(reader, &makers, graph);
  dc_onnx_makers_clear(&makers);
  return status;
}
