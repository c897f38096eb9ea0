/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_GRAPH_PRIVATE_H
#define DC_ONNX_GRAPH_PRIVATE_H

#include "base/arena_chain.h"
#include "onnx/graph.h"

/* A graph with the memory of all that belongs to it. */
typedef struct {
  DcOnnxGraph graph; /* first: the one is found by the other */
  DcArenaChain memory;
} DcOnnxGraphOwner;

#endif
