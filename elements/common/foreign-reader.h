/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_FOREIGN_READER_H
#define DC_ELEMENTS_FOREIGN_READER_H

#include "common/foreign-embeddings.h"

G_BEGIN_DECLS

/* What the elements that take embeddings made elsewhere share: the properties `tensor-name` and
 * `tensor-region`, and reading in a stream. Lives in the element; but for the settings, which the
 * object lock guards, of the streaming thread. */
typedef struct {
  const gchar *tensor_name; /* interned; NULL: unset */
  DcInferenceRegion tensor_region;
} DcForeignSettings;

typedef struct {
  DcForeignRules rules;
  gint width, height; /* 0: not known */
  gboolean warned;
} DcForeignReader;

void dc_foreign_settings_init(DcForeignSettings *settings);
void dc_foreign_settings_install(GObjectClass *klass, guint name_id, guint region_id);
void dc_foreign_settings_set_name(DcForeignSettings *settings, const GValue *value);
void dc_foreign_settings_set_region(DcForeignSettings *settings, const GValue *value);

/* At the start of the element, and for each new caps. */
void dc_foreign_reader_start(DcForeignReader *reader, const DcForeignSettings *settings);
void dc_foreign_reader_set_caps(DcForeignReader *reader, GstCaps *caps);

/* Reads what `buffer` brings; clear `*found` in the end. FALSE after a failure, of which an error
 * of `element` has told. Tensors that hold no embeddings are told of in a warning, once. */
gboolean dc_foreign_reader_read(DcForeignReader *reader, GstElement *element, GstBuffer *buffer,
                                DcForeignEmbeddings *found);

G_END_DECLS

#endif
