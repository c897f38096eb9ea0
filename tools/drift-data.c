/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-data.h"

#include "base/random.h"
#include "command.h"

#define SOURCE_SHARE 4 /* of the first input: one in so many */

/* Pictures keep their range, 0..1 after the patch is read; normalising is the encoder's. */
static gboolean
spec_for_model(const DcDriftDataOptions *options, DcPatchSpec *spec)
{
  const DcModel *model = options->model;
  if (model && !model->vectors) {
    *spec = model->preprocessing;
    *spec = (DcPatchSpec){.width = spec->width,
                          .height = spec->height,
                          .channels = spec->channels == DC_CHANNELS_GRAY ? DC_CHANNELS_GRAY
                                                                         : DC_CHANNELS_RGB,
                          .fit = spec->fit,
                          .resize = spec->resize,
                          .deviation = {1, 1, 1},
                          .fill = spec->fill};
    return TRUE;
  }
  if (options->side) {
    *spec = dc_patch_spec((int)options->side, (int)options->side, DC_CHANNELS_RGB);
    return TRUE;
  }
  return FALSE;
}

static gboolean
refuse(GError **error, const char *message)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT, message);
  return FALSE;
}

static void
note_inputs(DcDriftData *data)
{
  const DcSamples *samples = &data->samples;
  data->inputs = g_new(guint32, samples->count);
  data->input_count = samples->ends->len;
  for (gsize i = 0, input = 0; i < samples->count; i++) {
    while (i >= g_array_index(samples->ends, gsize, input))
      input++;
    data->inputs[i] = (guint32)input;
  }
}

static gsize
count_classes(const DcSamples *samples)
{
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (gsize i = 0; i < samples->count; i++)
    g_hash_table_add(seen, GUINT_TO_POINTER(samples->labels[i]));
  return g_hash_table_size(seen);
}

static gboolean
check_labels(DcDriftData *data, GError **error)
{
  if (!data->samples.labelled)
    return refuse(error, "not every sample has a label, and without labels nothing can be scored; "
                         "see --labels");
  data->classes = count_classes(&data->samples);
  if (data->classes < 2)
    return refuse(error, "all samples have the same label: there is nothing to tell apart");
  return TRUE;
}

gboolean
dc_drift_data_read(DcDriftData *data, const char *const *inputs, const DcDriftDataOptions *options,
                   GError **error)
{
  DcPatchSpec spec;
  DcSamplesOptions reading = {.labels = options->labels, .scale = 1};
  if (spec_for_model(options, &spec))
    reading.spec = &spec;
  *data = (DcDriftData){0};
  if (!dc_samples_read(&data->samples, inputs, &reading, error))
    return FALSE;
  note_inputs(data);
  if (check_labels(data, error))
    return TRUE;
  dc_drift_data_clear(data);
  return FALSE;
}

void
dc_drift_data_clear(DcDriftData *data)
{
  dc_samples_clear(&data->samples);
  g_clear_pointer(&data->inputs, g_free);
}

gboolean
dc_drift_data_allows(const DcDriftData *data, const DcDriftKind *kind, GError **error)
{
  const char *needed = NULL;
  gboolean vectors = data->samples.length > 0;
  if (kind->need != DC_DRIFT_ANY && vectors)
    needed = "pictures, and the input is vectors";
  else if (kind->need == DC_DRIFT_COLOUR && dc_patch_channels(&data->samples.spec) != 3)
    needed = "pictures in colour, and these are grey";
  else if (kind->domains && data->input_count < 2)
    needed = "at least two inputs to go between";
  if (!needed)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT, "the stream \"%s\" needs %s", kind->name,
              needed);
  return FALSE;
}

/* ---- source and stream ---- */

/* Those of the first input that are to be the source, before all others. */
static void
bring_source_forward(DcDriftSplit *split, const DcDriftData *data)
{
  gsize found = 0;
  for (gsize i = 0; i < split->count && found < split->source; i++) {
    guint32 sample = split->order[i];
    if (data->inputs[sample] != 0)
      continue;
    for (gsize j = i; j > found; j--)
      split->order[j] = split->order[j - 1];
    split->order[found++] = sample;
  }
}

gboolean
dc_drift_split_init(DcDriftSplit *split, const DcDriftData *data, gboolean shuffle, guint64 seed,
                    gsize least, gsize most, GError **error)
{
  gsize first = g_array_index(data->samples.ends, gsize, 0);
  *split = (DcDriftSplit){.count = data->samples.count,
                          .source = CLAMP(first / SOURCE_SHARE, least, most)};
  if (split->source + DC_DRIFT_SHORTEST > first) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_ARGUMENT,
                "the first input has %zu samples, and a source of %zu with a stream of at least %d "
                "after it are needed; give more samples, or a shorter --warm-up",
                first, split->source, DC_DRIFT_SHORTEST);
    return FALSE;
  }
  split->order = g_new(guint32, split->count);
  for (gsize i = 0; i < split->count; i++)
    split->order[i] = (guint32)i;
  DcRandom random;
  dc_random_seed(&random, seed, 1);
  if (shuffle)
    dc_random_shuffle(&random, split->order, split->count);
  bring_source_forward(split, data);
  return TRUE;
}

void
dc_drift_split_clear(DcDriftSplit *split)
{
  g_clear_pointer(&split->order, g_free);
}
