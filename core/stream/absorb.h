/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ABSORB_H
#define DC_STREAM_ABSORB_H

#include "stream/adapter.h"

/* What one adapter knows, added to another one: two cameras become one vocabulary.
 *
 * Two clusters are the same when they have the same uuid and the same reference place, that is,
 * were saved from one stream; or else when their centroids lie within one spread (root mean square
 * of both) of each other and there is no valley of density between their remembered members
 * (cluster/valley.h). Pairs are made one to one, the nearest in all.
 * The same cluster goes on with the uuid of `adapter`, the members of both, and a name that a
 * person gave in either, first `adapter`. All other clusters of `other` are added with their uuids
 * and labels; a uuid that is taken (equal seeds draw equal ones), and a label that nobody gave and
 * that is taken, become new ones. */

typedef struct {
  size_t matched; /* clusters that were the same */
  size_t added;   /* clusters of `other` that were not there */
} DcAbsorbed;

/* `adapter` and `other` must have clusters (DC_ERROR_NOT_READY), the same encoder and dimension
 * (DC_ERROR_MISMATCH names both). `adapter` needs a window with room for what both remember in as
 * many clusters as both have. Deterministic. On an error `adapter` may have a part of `other`. */
DcStatus dc_adapter_absorb(DcAdapter *adapter, const DcAdapter *other, DcAbsorbed *absorbed,
                           DcError *error);

#endif
