/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "samples.h"

#include "command.h"

#define LARGEST_CHOSEN_SIDE 32

typedef struct {
  DcSamples *samples;
  DcPatchReader *reader; /* made at the first picture */
  gboolean choose_spec;
} Reading;

DcPatchSpec
dc_samples_spec_for(const DcImage *image)
{
  gboolean small = image->width <= LARGEST_CHOSEN_SIDE && image->height <= LARGEST_CHOSEN_SIDE;
  return dc_patch_spec(small ? image->width : LARGEST_CHOSEN_SIDE,
                       small ? image->height : LARGEST_CHOSEN_SIDE,
                       image->format == DC_PIXELS_GRAY8 ? DC_CHANNELS_GRAY : DC_CHANNELS_RGB);
}

static gboolean
read_picture(const DcInputPicture *picture, gpointer user_data, GError **error)
{
  Reading *reading = user_data;
  DcSamples *samples = reading->samples;
  if (!reading->reader) {
    if (reading->choose_spec)
      samples->spec = dc_samples_spec_for(picture->image);
    reading->reader = dc_patch_reader_new(&samples->spec);
  }
  gsize size = dc_patch_size(&samples->spec), used = samples->values->len;
  if (used > G_MAXUINT - size) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY,
                "%s: more than the %zu pictures before it cannot be held in memory",
                picture->origin, samples->count);
    return FALSE;
  }
  g_array_set_size(samples->values, (guint)(used + size));
  float *values = &g_array_index(samples->values, float, used);
  DcRect all = {0, 0, picture->image->width, picture->image->height};
  DcStatus status = reading->reader ? dc_patch_read(reading->reader, picture->image, &all, values)
                                    : DC_ERROR_MEMORY;
  if (status != DC_OK) {
    g_set_error(error, DC_TOOLS_ERROR, -(int)status, "%s: %s", picture->origin,
                dc_status_text(status));
    return FALSE;
  }
  g_array_append_val(samples->labels, picture->label);
  samples->labelled = samples->labelled && picture->label != DC_NO_LABEL;
  samples->count++;
  return TRUE;
}

gboolean
dc_samples_read(DcSamples *samples, const char *const *inputs, const char *labels,
                const DcPatchSpec *spec, GError **error)
{
  *samples = (DcSamples){
      .values = g_array_new(FALSE, FALSE, sizeof(float)),
      .labels = g_array_new(FALSE, FALSE, sizeof(guint32)),
      .labelled = TRUE,
  };
  Reading reading = {.samples = samples, .choose_spec = spec == NULL};
  if (spec)
    samples->spec = *spec;
  gboolean well = dc_inputs_visit(inputs, labels, read_picture, &reading, NULL, error);
  dc_patch_reader_free(reading.reader);
  if (!well)
    dc_samples_clear(samples);
  return well;
}

void
dc_samples_clear(DcSamples *samples)
{
  g_clear_pointer(&samples->values, g_array_unref);
  g_clear_pointer(&samples->labels, g_array_unref);
  samples->count = 0;
}
