/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/foreign-reader.h"

#include "common/error.h"
#include "common/props.h"

#define DEFAULT_TENSOR_REGION DC_TENSOR_REGION_FULL_FRAME

/* Those of DcInferenceRegion that tensors can belong to. */
enum {
  DC_TENSOR_REGION_FULL_FRAME = DC_INFERENCE_REGION_FULL_FRAME,
  DC_TENSOR_REGION_ROI_LIST = DC_INFERENCE_REGION_ROI_LIST
};

#define DC_TYPE_TENSOR_REGION (dc_tensor_region_get_type())

static GType
dc_tensor_region_get_type(void)
{
  static const GEnumValue values[] = {
      {DC_TENSOR_REGION_FULL_FRAME, "A tensor holds one embedding, of the frame", "full-frame"},
      {DC_TENSOR_REGION_ROI_LIST,
       "A tensor holds an embedding for each region of interest or detection, in their order",
       "roi-list"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("DcTensorRegion", values));
  return type;
}

void
dc_foreign_settings_init(DcForeignSettings *settings)
{
  *settings = (DcForeignSettings){.tensor_region = (DcInferenceRegion)DEFAULT_TENSOR_REGION};
}

void
dc_foreign_settings_install(GObjectClass *klass, guint name_id, guint region_id)
{
  g_object_class_install_property(
      klass, name_id,
      g_param_spec_string("tensor-name", "Tensor name",
                          "Where there is no embed: the name of the tensor, made by another "
                          "element, whose numbers are the embeddings; unset: the only one that can "
                          "be",
                          NULL, DC_PARAM_READY));
  g_object_class_install_property(
      klass, region_id,
      g_param_spec_enum("tensor-region", "Tensor region",
                        "Where there is no embed: what the tensors of a buffer belong to",
                        DC_TYPE_TENSOR_REGION, DEFAULT_TENSOR_REGION, DC_PARAM_READY));
  gst_type_mark_as_plugin_api(DC_TYPE_TENSOR_REGION, 0);
}

void
dc_foreign_settings_set_name(DcForeignSettings *settings, const GValue *value)
{
  const gchar *name = g_value_get_string(value);
  settings->tensor_name = name && *name ? g_intern_string(name) : NULL;
}

void
dc_foreign_settings_set_region(DcForeignSettings *settings, const GValue *value)
{
  settings->tensor_region = (DcInferenceRegion)g_value_get_enum(value);
}

void
dc_foreign_reader_start(DcForeignReader *reader, const DcForeignSettings *settings)
{
  *reader = (DcForeignReader){.rules = {.tensor = settings->tensor_name,
                                        .where = settings->tensor_region,
                                        .analytics = dc_analytics_bridge_find()}};
}

void
dc_foreign_reader_set_caps(DcForeignReader *reader, GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  if (!gst_structure_get_int(structure, "width", &reader->width) ||
      !gst_structure_get_int(structure, "height", &reader->height))
    reader->width = reader->height = 0;
}

gboolean
dc_foreign_reader_read(DcForeignReader *reader, GstElement *element, GstBuffer *buffer,
                       DcForeignEmbeddings *found)
{
  *found = (DcForeignEmbeddings){0};
  if (reader->width < 1 || reader->height < 1)
    return TRUE;
  DcError error;
  DcStatus status = dc_foreign_embeddings_read(&reader->rules, buffer, reader->width,
                                               reader->height, found, &error);
  if (status == DC_ERROR_UNSUPPORTED && !reader->warned) {
    DC_ELEMENT_WARNING(element, &error);
    reader->warned = TRUE;
  } else if (status != DC_OK && status != DC_ERROR_UNSUPPORTED) {
    DC_ELEMENT_ERROR(element, &error);
    return FALSE;
  }
  return TRUE;
}
