/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_EMBED_PROPERTIES_H
#define GST_EMBED_PROPERTIES_H

#include "embed-model.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* The properties of `embed`: their numbers, standard values and descriptions. */

enum {
  PROP_0,
  PROP_MODEL_FILE,
  PROP_BACKEND,
  PROP_INFERENCE_REGION,
  PROP_TILES,
  PROP_OBJECT_CLASS,
  PROP_INFERENCE_INTERVAL,
  PROP_BATCH_SIZE,
  PROP_THREADS,
  PROP_MAX_REGIONS,
  PROP_MIN_REGION_SIZE,
  PROP_MIN_CONFIDENCE,
  PROP_REEMBED_INTERVAL,
  PROP_REEMBED_GROWTH,
  PROP_MAX_TRACKS,
  PROP_SHED_LATE,
  PROP_STATS,
};

#define DEFAULT_BACKEND            GST_EMBED_BACKEND_AUTO
#define DEFAULT_INFERENCE_REGION   DC_INFERENCE_REGION_FULL_FRAME
#define DEFAULT_TILES_COLUMNS      4
#define DEFAULT_TILES_ROWS         3
#define DEFAULT_TILES              "4x3"
#define DEFAULT_INFERENCE_INTERVAL 1
#define DEFAULT_BATCH_SIZE         32
#define DEFAULT_THREADS            1
#define MAX_THREADS                64
#define DEFAULT_MAX_REGIONS        256
#define DEFAULT_MIN_REGION_SIZE    1
#define DEFAULT_MIN_CONFIDENCE     0.0
#define DEFAULT_REEMBED_INTERVAL   0
#define DEFAULT_REEMBED_GROWTH     0.2
#define DEFAULT_MAX_TRACKS         1024
#define MAX_TRACKS                 65536
#define DEFAULT_SHED_LATE          TRUE

/* Installs all of them. */
void gst_embed_install_properties(GObjectClass *klass);

G_END_DECLS

#endif
