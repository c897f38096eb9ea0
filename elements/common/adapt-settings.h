/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ADAPT_SETTINGS_H
#define DC_ELEMENTS_ADAPT_SETTINGS_H

#include "common/foreign-reader.h"
#include "stream/adapter.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* What the user of adapt-centroids sets. */
typedef struct {
  DcAdapterConfig config;
  gboolean adapt;
  gchar *model_file;
  gchar *state_file;
  GstClockTime save_interval;
  gchar *state_id;
  gboolean async;
  gboolean post_messages;
  DcForeignSettings foreign;
} DcAdaptSettings;

/* Their properties, numbered from 1. */
enum {
  DC_ADAPT_CLUSTERS = 1,
  DC_ADAPT_MAX_CLUSTERS,
  DC_ADAPT_METHOD,
  DC_ADAPT_EFFORT,
  DC_ADAPT_ALIGN,
  DC_ADAPT_MODEL_FILE,
  DC_ADAPT_WINDOW,
  DC_ADAPT_INTERVAL,
  DC_ADAPT_WARM_UP,
  DC_ADAPT_ADAPTATION_RATE,
  DC_ADAPT_HALF_LIFE,
  DC_ADAPT_ADAPT,
  DC_ADAPT_STATE_FILE,
  DC_ADAPT_SAVE_INTERVAL,
  DC_ADAPT_STATE_ID,
  DC_ADAPT_ASYNC,
  DC_ADAPT_SEED,
  DC_ADAPT_COARSE_GROUPS,
  DC_ADAPT_REVISE,
  DC_ADAPT_NOVELTY_THRESHOLD,
  DC_ADAPT_RETIRE_AFTER,
  DC_ADAPT_POST_MESSAGES,
  DC_ADAPT_TENSOR_NAME,
  DC_ADAPT_TENSOR_REGION,
  DC_ADAPT_LAST
};

/* The enumeration of DcMethod, whose nicks are dc_method_name(). */
#define DC_TYPE_METHOD (dc_method_get_type())
GType dc_method_get_type(void);

/* The enumeration of DcEffort with nicks `full`, `simple`. */
#define DC_TYPE_EFFORT (dc_effort_get_type())
GType dc_effort_get_type(void);

/* The enumeration of DcRevise with nicks `auto`, `never`, `always`. */
#define DC_TYPE_REVISE (dc_revise_get_type())
GType dc_revise_get_type(void);

/* The enumeration of DcAlign with nicks `none`, `moments`. */
#define DC_TYPE_ALIGN (dc_align_get_type())
GType dc_align_get_type(void);

void dc_adapt_settings_init(DcAdaptSettings *settings);
void dc_adapt_settings_clear(DcAdaptSettings *settings);

/* Installs all of the properties. */
void dc_adapt_settings_install(GObjectClass *klass);

/* Write and read one; FALSE when `id` is none of them. The caller holds the lock that guards the
 * settings. */
gboolean dc_adapt_settings_set(DcAdaptSettings *settings, guint id, const GValue *value);
gboolean dc_adapt_settings_get(const DcAdaptSettings *settings, guint id, GValue *value);

G_END_DECLS

#endif
