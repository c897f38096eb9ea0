/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/spectral.h"

#include "base/memory.h"
#include "cluster/cluster_qr.h"
#include "tensor/eigen.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define SCALING_NEIGHBOUR 7

typedef struct {
  size_t count, neighbours;
  const double *square; /* distances: count x count */
  double *affinity;     /* count x count */
  size_t *neighbour;    /* of each point, nearest first: count x neighbours */
  double *scale;        /* of each point */
  double *degree;       /* of each point */
  double *value, *vector;
} Graph;

static bool
reserve(Graph *graph, size_t groups)
{
  size_t square = graph->count * graph->count;
  graph->affinity = DC_NEW(double, square);
  graph->neighbour = DC_NEW(size_t, graph->count * graph->neighbours);
  graph->scale = DC_NEW(double, graph->count);
  graph->degree = DC_NEW(double, graph->count);
  graph->value = DC_NEW(double, groups);
  graph->vector = DC_NEW(double, groups * graph->count);
  return graph->affinity && graph->neighbour && graph->scale && graph->degree && graph->value &&
         graph->vector;
}

static void
clear(Graph *graph)
{
  void *blocks[] = {graph->affinity, graph->neighbour, graph->scale,
                    graph->degree,   graph->value,     graph->vector};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
}

/* The nearest other points of point i by insertion, ties the smallest index, and its scale. */
static void
find_neighbours(Graph *graph, size_t i)
{
  const double *square = graph->square + i * graph->count;
  size_t *neighbour = graph->neighbour + i * graph->neighbours, found = 0;
  for (size_t j = 0; j < graph->count; j++) {
    if (j == i || (found == graph->neighbours && square[j] >= square[neighbour[found - 1]]))
      continue;
    size_t place = found < graph->neighbours ? found++ : found - 1;
    for (; place > 0 && square[neighbour[place - 1]] > square[j]; place--)
      neighbour[place] = neighbour[place - 1];
    neighbour[place] = j;
  }
  size_t scaling = found < SCALING_NEIGHBOUR ? found : SCALING_NEIGHBOUR;
  graph->scale[i] = sqrt(square[neighbour[scaling - 1]]);
}

/* Points that repeat have a scale of 0: near one another and far from all else. */
static double
affinity_of(const Graph *graph, size_t i, size_t j)
{
  double square = graph->square[i * graph->count + j], scale = graph->scale[i] * graph->scale[j];
  if (square <= 0)
    return 1;
  return scale == 0 ? 0 : exp(-square / scale); /* NaN stays */
}

static void
join_neighbours(Graph *graph)
{
  for (size_t i = 0; i < graph->count; i++)
    for (size_t n = 0; n < graph->neighbours; n++) {
      size_t j = graph->neighbour[i * graph->neighbours + n];
      graph->affinity[i * graph->count + j] = graph->affinity[j * graph->count + i] =
          affinity_of(graph, i, j);
    }
}

/* A -> D^-1/2 A D^-1/2; a point that nothing is near to has degree 0 and stays alone. */
static void
normalise(Graph *graph)
{
  for (size_t i = 0; i < graph->count; i++) {
    graph->degree[i] = 0;
    for (size_t j = 0; j < graph->count; j++)
      graph->degree[i] += graph->affinity[i * graph->count + j];
    if (graph->degree[i] <= 0)
      graph->degree[i] = 1;
  }
  for (size_t i = 0; i < graph->count; i++)
    for (size_t j = 0; j < graph->count; j++)
      graph->affinity[i * graph->count + j] /= sqrt(graph->degree[i] * graph->degree[j]);
}

static DcStatus
read_groups(Graph *graph, size_t groups, uint32_t *group)
{
  DcStatus status =
      dc_eigen_leading(graph->affinity, graph->count, groups, graph->value, graph->vector);
  if (status != DC_OK)
    return status;
  for (size_t k = 0; k < groups; k++)
    for (size_t i = 0; i < graph->count; i++)
      graph->vector[k * graph->count + i] /= sqrt(graph->degree[i]);
  return dc_cluster_qr(graph->vector, groups, graph->count, group);
}

DcStatus
dc_spectral(const double *square, size_t count, size_t neighbours, size_t groups, uint32_t *group)
{
  if (!groups || !neighbours || count <= groups || count <= neighbours)
    return DC_ERROR_ARGUMENT;
  Graph graph = {.count = count, .neighbours = neighbours, .square = square};
  DcStatus status = DC_ERROR_MEMORY;
  if (reserve(&graph, groups)) {
    for (size_t i = 0; i < count; i++)
      find_neighbours(&graph, i);
    join_neighbours(&graph);
    normalise(&graph);
    status = read_groups(&graph, groups, group);
  }
  clear(&graph);
  return status;
}
