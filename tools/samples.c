/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "samples.h"

#include "command.h"

#include <math.h>

#define LARGEST_CHOSEN_SIDE 32

typedef struct {
  DcSamples *samples;
  const DcSamplesOptions *options;
  DcPatchReader *reader; /* made at the first picture */
  float *patch;          /* of one picture */
  float largest;         /* absolute value in the vectors */
  gsize input;           /* the one under way */
} Reading;

/* The recipe that suits a picture: grey stays grey; its own size up to 32 x 32, and 32 x 32 above
 * that. */
static DcPatchSpec
spec_for(const DcImage *image)
{
  gboolean small = image->width <= LARGEST_CHOSEN_SIDE && image->height <= LARGEST_CHOSEN_SIDE;
  return dc_patch_spec(small ? image->width : LARGEST_CHOSEN_SIDE,
                       small ? image->height : LARGEST_CHOSEN_SIDE,
                       image->format == DC_PIXELS_GRAY8 ? DC_CHANNELS_GRAY : DC_CHANNELS_RGB);
}

static gboolean
refuse_mixture(const char *origin, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
              "%s: pictures and vectors cannot be used together; give inputs of one kind", origin);
  return FALSE;
}

/* Appends a sample of samples->size numbers. */
static gboolean
append(Reading *reading, const float *values, guint32 label, gsize input, GError **error)
{
  DcSamples *samples = reading->samples;
  if (input != reading->input) {
    g_array_append_val(samples->ends, samples->count);
    reading->input = input;
  }
  if (!dc_spill_append(&samples->values_store, values, samples->size * sizeof *values, error) ||
      !dc_spill_append(&samples->labels_store, &label, sizeof label, error))
    return FALSE;
  samples->labelled = samples->labelled && label != DC_NO_LABEL;
  samples->count++;
  return TRUE;
}

static gboolean
begin_pictures(Reading *reading, const DcImage *image, GError **error)
{
  DcSamples *samples = reading->samples;
  const DcPatchSpec *spec = reading->options->spec;
  samples->spec = spec ? *spec : spec_for(image);
  samples->size = dc_patch_size(&samples->spec);
  reading->reader = dc_patch_reader_new(&samples->spec);
  reading->patch = g_try_new(float, samples->size);
  if (reading->reader && reading->patch)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory for a picture");
  return FALSE;
}

static gboolean
read_picture(const DcInputPicture *picture, gpointer user_data, GError **error)
{
  Reading *reading = user_data;
  if (reading->samples->length > 0)
    return refuse_mixture(picture->origin, error);
  if (!reading->reader && !begin_pictures(reading, picture->image, error))
    return FALSE;
  DcRect all = {0, 0, picture->image->width, picture->image->height};
  DcStatus status = dc_patch_read(reading->reader, picture->image, &all, reading->patch);
  if (status == DC_OK)
    return append(reading, reading->patch, picture->label, picture->input, error);
  g_set_error(error, DC_TOOLS_ERROR, -(int)status, "%s: %s", picture->origin,
              dc_status_text(status));
  return FALSE;
}

static gboolean
read_vector(const DcInputVector *vector, gpointer user_data, GError **error)
{
  Reading *reading = user_data;
  DcSamples *samples = reading->samples;
  if (reading->reader)
    return refuse_mixture(vector->origin, error);
  if (samples->count == 0)
    samples->size = samples->length = vector->length;
  if (vector->length != samples->length) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "%s: vectors of %zu numbers, and those before have %zu; all must have the same",
                vector->origin, vector->length, samples->length);
    return FALSE;
  }
  for (gsize i = 0; i < vector->length; i++)
    reading->largest = MAX(reading->largest, fabsf(vector->values[i]));
  return append(reading, vector->values, vector->label, vector->input, error);
}

static double
find_scale(const Reading *reading)
{
  if (reading->samples->length == 0)
    return 1;
  if (reading->options->scale > 0)
    return reading->options->scale;
  return reading->largest > 0 ? reading->largest : 1; /* nothing but zeros */
}

static void
divide(float *values, gsize count, double scale)
{
  for (gsize i = 0; i < count; i++)
    values[i] = (float)(values[i] / scale);
}

static gboolean
finish(Reading *reading, GError **error)
{
  DcSamples *samples = reading->samples;
  gpointer values, labels;
  if (!dc_spill_finish(&samples->values_store, &values, error) ||
      !dc_spill_finish(&samples->labels_store, &labels, error))
    return FALSE;
  samples->values = values;
  samples->labels = labels;
  samples->scale = find_scale(reading);
  if (samples->scale != 1)
    divide(values, samples->count * samples->size, samples->scale);
  g_array_append_val(samples->ends, samples->count);
  return TRUE;
}

gboolean
dc_samples_read(DcSamples *samples, const char *const *inputs, const DcSamplesOptions *options,
                GError **error)
{
  *samples = (DcSamples){.labelled = TRUE, .ends = g_array_new(FALSE, FALSE, sizeof(gsize))};
  gsize most = options->most_memory ? options->most_memory : DC_SPILL_MOST_MEMORY;
  dc_spill_init(&samples->values_store, most);
  dc_spill_init(&samples->labels_store, most);
  Reading reading = {.samples = samples, .options = options};
  gboolean well = dc_inputs_visit_all(inputs, options->labels, read_picture, read_vector, &reading,
                                      NULL, error) &&
                  finish(&reading, error);
  dc_patch_reader_free(reading.reader);
  g_free(reading.patch);
  if (!well)
    dc_samples_clear(samples);
  return well;
}

DcShape
dc_samples_shape(const DcSamples *samples)
{
  if (samples->length > 0)
    return (DcShape){1, 1, (int)samples->length};
  return (DcShape){samples->spec.height, samples->spec.width, dc_patch_channels(&samples->spec)};
}

void
dc_samples_clear(DcSamples *samples)
{
  dc_spill_clear(&samples->values_store);
  dc_spill_clear(&samples->labels_store);
  g_clear_pointer(&samples->ends, g_array_unref);
  samples->values = NULL;
  samples->labels = NULL;
  samples->count = 0;
}
