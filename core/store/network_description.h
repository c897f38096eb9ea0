/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_NETWORK_DESCRIPTION_H
#define DC_STORE_NETWORK_DESCRIPTION_H

#include "base/status.h"
#include "nn/network.h"

#include <json-glib/json-glib.h>

/* The layers of a network, without their numbers, as JSON: docs/formats/model.md. */

/* The input and the layers. Release with json_object_unref(). */
JsonObject *dc_network_describe(const DcNetwork *network);

/* The same out of a file; `name` appears in messages. `layers` belong to `description`. */
DcStatus dc_network_description_read(JsonObject *description, const char *name, DcShape *input,
                                     JsonArray **layers, DcError *error);

/* Fills `layer`, which is zero, with what layer `index` says, `where` in messages. Whether that
 * fits a network is for dc_network_fit() to say. */
DcStatus dc_network_description_read_layer(JsonArray *layers, size_t index, const char *where,
                                           DcLayer *layer, DcError *error);

#endif
