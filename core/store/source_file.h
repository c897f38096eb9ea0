/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_SOURCE_FILE_H
#define DC_STORE_SOURCE_FILE_H

#include "cluster/transport_source.h"
#include "store/safetensors.h"

#include <glib.h>

/* The source model of transport tracking inside a model file: see docs/formats/model.md. */

/* Appends its tensors to `tensors` (of DcTensor); they point into the source. */
void dc_source_list_tensors(const DcTransportSource *source, GArray *tensors);

/* The source in `file`, of `clusters` clusters of embeddings of `dim` numbers; NULL when there is
 * none. `name` begins messages. */
DcStatus dc_source_from_file(const DcTensorFile *file, size_t clusters, size_t dim,
                             const char *name, DcTransportSource **source, DcError *error);

/* Whether it belongs to `clusters` clusters of `dim` numbers. */
DcStatus dc_source_check_for_file(const DcTransportSource *source, size_t clusters, size_t dim,
                                  const char *name, DcError *error);

#endif
