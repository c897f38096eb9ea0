/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ONNX files in a build without protobuf-c. */

#include "onnx/export.h"
#include "onnx/graph.h"

#define WITHOUT                                                                                    \
  "built without ONNX support: install protobuf-c-compiler, libprotobuf-c-dev and libonnx-dev "    \
  "and "                                                                                           \
  "build again"

DcStatus
dc_onnx_graph_parse(const void *bytes, size_t size, const char *name, DcOnnxGraph **graph,
                    DcError *error)
{
  (void)bytes;
  (void)size;
  *graph = NULL;
  return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: this program was " WITHOUT, name);
}

DcStatus
dc_onnx_graph_read(const char *path, DcOnnxGraph **graph, DcError *error)
{
  return dc_onnx_graph_parse(NULL, 0, path, graph, error);
}

DcStatus
dc_onnx_export(const DcNetwork *network, unsigned char **bytes, size_t *size, DcError *error)
{
  (void)network;
  *bytes = NULL;
  *size = 0;
  return dc_error_set(error, DC_ERROR_UNSUPPORTED, "cannot write ONNX: this program was " WITHOUT);
}
