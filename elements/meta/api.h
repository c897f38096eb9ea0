/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIFTCLUSTER_API_H
#define DRIFTCLUSTER_API_H

#include <gst/gst.h>

/* Marks what the library exports; everything else is hidden. */
#define DRIFTCLUSTER_API extern __attribute__((visibility("default")))

/**
 * DRIFTCLUSTER_MAX_REGIONS:
 *
 * Regions that one buffer can carry. It bounds the time a hostile detector can take from a
 * pipeline.
 *
 * Since: 0.1
 */
#define DRIFTCLUSTER_MAX_REGIONS 4096

#endif
