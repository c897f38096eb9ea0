/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_ONNX_GRAPH_H
#define DC_TOOLS_ONNX_GRAPH_H

#include "store/onnx_model.h"

#include <glib.h>

G_BEGIN_DECLS

/* An ONNX file, for people. */

/* Prints where a network came from and what was chosen for it, each choice behind the option that
 * makes another. */
void dc_import_report_print(const DcImportReport *report);

/* Prints what the graph in the file `path` takes and gives, and the last values that could be its
 * embedding. */
gboolean dc_onnx_graph_print(const char *path, GError **error);

G_END_DECLS

#endif
