/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_IDENTITY_H
#define DC_STREAM_IDENTITY_H

#include "stream/adapter.h"

/* What a person may do to the clusters of an adapter while it runs. Each makes a new snapshot.
 * Clusters are given by their index in the newest one; DC_ERROR_ARGUMENT when there is none of it.
 * On an error nothing has changed, but for a shortage of memory, of which the change may have
 * survived without its snapshot: that comes with the next embeddings. */

/* Gives cluster `cluster` a name (UTF-8, 1..63 bytes), which it keeps for ever. */
DcStatus dc_adapter_rename(DcAdapter *adapter, size_t cluster, const char *label, DcError *error);

/* Makes one cluster of two. `cluster` goes on, with its uuid, its pin and, unless only the other
 * one was named by a person, its label; its members, mass and prototypes are those of both. The
 * last clusters move up by one index. */
DcStatus dc_adapter_merge(DcAdapter *adapter, size_t cluster, size_t other, DcError *error);

/* Makes two clusters of one, by 2-means of its remembered embeddings. The part with more of them
 * goes on with uuid and label; the other is new and stands last. DC_ERROR_NOT_READY when fewer than
 * two different embeddings are remembered; DC_ERROR_ARGUMENT when there is no room for another. */
DcStatus dc_adapter_split(DcAdapter *adapter, size_t cluster, DcError *error);

/* Holds the centroid within DC_PIN_REACH spreads of where it is now, whatever the stream does; or
 * lets it go. A pinned cluster is never merged or retired but on command. */
DcStatus dc_adapter_pin(DcAdapter *adapter, size_t cluster, bool pinned, DcError *error);

/* Marks a cluster as of no interest; assigning goes on as before. */
DcStatus dc_adapter_ignore(DcAdapter *adapter, size_t cluster, bool ignored, DcError *error);

#endif
