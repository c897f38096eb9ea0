/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_TDCM_FILE_H
#define DC_STORE_TDCM_FILE_H

#include "cluster/tdcm.h"
#include "store/safetensors.h"

#include <glib.h>
#include <json-glib/json-glib.h>

/* An attention module inside a safetensors file: its switches as JSON in the metadata, its numbers
 * as tensors. See docs/formats/model.md. */

/* The switches, without the numbers. Release with json_object_unref(). */
JsonObject *dc_tdcm_describe(const DcTdcmModule *module);

/* Appends the tensors of `module` to `tensors` (of DcTensor); they point into the module. */
void dc_tdcm_list_tensors(const DcTdcmModule *module, GArray *tensors);

/* The module that `description` tells of, of dimension `dim`, with the numbers of `file`, which are
 * not checked yet. `name` appears in messages. Free with dc_tdcm_free(). */
DcStatus dc_tdcm_from_file(JsonObject *description, const DcTensorFile *file, size_t dim,
                           const char *name, DcTdcmModule **module, DcError *error);

/* Whether a module may be kept for embeddings of `dim` numbers. */
DcStatus dc_tdcm_check_for_file(const DcTdcmModule *module, size_t dim, const char *name,
                                DcError *error);

#endif
