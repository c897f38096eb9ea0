/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIFTCLUSTER_H
#define DRIFTCLUSTER_H

/* The metadata that the elements of driftcluster hang on buffers, for programs that read or write
 * it: see docs/metadata.md. */
#include "api.h"
#include "embedding-meta.h"
#include "results-meta.h"

#endif
