/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/learner.h"

#include "base/memory.h"
#include "cluster/tdcm.h"
#include "tensor/matrix.h"

#include <math.h>
#include <string.h>

static const DcLearnerClass *const classes[] = {&dc_learner_ae,
                                                &dc_learner_dekm,
                                                &dc_learner_cm,
                                                &dc_learner_ae_cm,
                                                &dc_learner_secu,
                                                &dc_learner_tdcm,
                                                NULL};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const DcLearnerClass *const *
dc_learner_classes(size_t *count)
{
  *count = COUNT(classes) - 1;
  return classes;
}

const DcLearnerClass *
dc_learner_class(const char *name)
{
  for (size_t i = 0; classes[i]; i++) {
    if (strcmp(classes[i]->name, name) == 0)
      return classes[i];
  }
  return NULL;
}

size_t
dc_learner_setting(const DcLearnerClass *class, const char *name)
{
  for (size_t i = 0; i < class->setting_count; i++) {
    if (strcmp(class->settings[i].name, name) == 0)
      return i;
  }
  return SIZE_MAX;
}

const char *
dc_learner_setting_word(const DcLearnerClass *class, size_t index, double value)
{
  const char *const *choices = class->settings[index].choices;
  return choices ? choices[(size_t)value] : NULL;
}

void
dc_learned_clear(DcLearned *learned)
{
  dc_network_free(learned->encoder);
  dc_network_free(learned->decoder);
  dc_network_free(learned->assigner);
  dc_tdcm_free(learned->attention);
  dc_free(learned->centroids);
  dc_free(learned->labels);
  *learned = (DcLearned){0};
}

/* --- starting --- */

static double
largest_choice(const DcLearnSetting *setting)
{
  size_t count = 0;
  while (setting->choices[count])
    count++;
  return (double)count - 1;
}

static DcStatus
check_setting(const DcLearnerClass *class, const DcLearnSetting *setting, double value,
              DcError *error)
{
  const double least = setting->choices ? 0 : setting->least;
  const double most = setting->choices ? largest_choice(setting) : setting->most;
  const bool whole = setting->whole || setting->choices;
  if (value >= least && value <= most && (!whole || value == floor(value)))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_ARGUMENT, "%s: %s is %g; it must be %s%g to %g", class->name,
                      setting->name, value, whole ? "a whole number, " : "", least, most);
}

DcStatus
dc_learner_check_settings(const DcLearnerClass *class, const double *values, DcError *error)
{
  DcStatus status = DC_OK;
  for (size_t i = 0; !status && i < class->setting_count; i++)
    status = check_setting(class, &class->settings[i], values[i], error);
  return status;
}

static DcStatus
check_data(const DcLearnerClass *class, const DcDataset *data, const DcLearnerOptions *options,
           DcError *error)
{
  const bool vectors = dc_dataset_is_vectors(data);
  if (vectors ? !class->vectors : !class->pictures)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%s does not learn from %s", class->name,
                        vectors ? "plain vectors" : "pictures");
  if (options->clusters < 1 || data->count < options->clusters)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%zu samples are too few for %u clusters; one for each is the least",
                        data->count, options->clusters);
  if (data->count > UINT32_MAX)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%zu samples; at most 2^32 - 1 can be learnt from", data->count);
  if (options->threads < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "learning with 0 threads");
  const DcMatrix rows = dc_matrix(data->values, data->count, dc_shape_size(data->shape));
  if (!dc_matrix_is_finite(&rows))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a training sample contains NaN or infinity: remove it");
  return DC_OK;
}

static DcStatus
fill(DcLearner *learner, const DcLearnerOptions *options, DcError *error)
{
  const DcLearnerClass *class = learner->class;
  for (size_t i = 0; i < class->setting_count; i++)
    learner->settings[i] = options->settings ? options->settings[i] : class->settings[i].standard;
  DcStatus status = dc_learner_check_settings(class, learner->settings, error);
  if (status)
    return status;
  learner->clusters = options->clusters;
  learner->seed = options->seed;
  learner->threads = options->threads;
  learner->first_encoder = options->first_encoder;
  learner->first_decoder = options->first_decoder;
  for (size_t i = 0; i < DC_LEARN_MOST_FIGURES; i++)
    learner->at.figures[i] = NAN;
  return class->start(learner, error);
}

DcStatus
dc_learner_new(const DcLearnerClass *class, const DcDataset *data, const DcLearnerOptions *options,
               DcLearner **learner, DcError *error)
{
  *learner = NULL;
  DcStatus status = check_data(class, data, options, error);
  if (status)
    return status;
  DcLearner *made = dc_alloc(1, class->size);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to learn");
  made->class = class;
  made->data = *data;
  status = fill(made, options, error);
  if (status) {
    dc_learner_free(made);
    return status;
  }
  *learner = made;
  return DC_OK;
}

void
dc_learner_free(DcLearner *learner)
{
  if (!learner)
    return;
  learner->class->clear(learner);
  dc_free(learner->curve);
  dc_free(learner);
}

/* --- going on --- */

DcStatus
dc_learner_step(DcLearner *learner, DcError *error)
{
  return learner->at.done ? DC_OK : learner->class->step(learner, error);
}

static bool
make_room(DcLearner *learner)
{
  if (learner->curve_count < learner->curve_capacity)
    return true;
  const size_t capacity = learner->curve_capacity ? 2 * learner->curve_capacity : 64;
  DcLearnPoint *curve = DC_NEW(DcLearnPoint, capacity);
  if (!curve)
    return false;
  if (learner->curve_count)
    memcpy(curve, learner->curve, learner->curve_count * sizeof *curve);
  dc_free(learner->curve);
  learner->curve = curve;
  learner->curve_capacity = capacity;
  return true;
}

bool
dc_learner_add_point(DcLearner *learner, const DcLearnPoint *point)
{
  if (!make_room(learner))
    return false;
  learner->curve[learner->curve_count++] = *point;
  return true;
}

void
dc_learner_average_figure(DcLearner *learner, size_t figure, double value, size_t samples)
{
  double *mean = &learner->at.figures[figure];
  const double weight = learner->at.step == 0 ? 0 : learner->at.weight;
  *mean =
      weight > 0 ? *mean + (value - *mean) * (double)samples / (weight + (double)samples) : value;
}

void
dc_learner_count_step(DcLearner *learner, double loss, size_t samples)
{
  DcLearnPosition *at = &learner->at;
  if (at->step == 0)
    at->loss = at->weight = 0;
  at->weight += (double)samples;
  at->loss += (loss - at->loss) * (double)samples / at->weight;
  if (++at->step < at->steps)
    return;
  at->step = 0;
  at->epoch++;
  DcLearnPoint point = {.stage = at->stage, .epoch = (double)at->epoch, .loss = at->loss};
  memcpy(point.figures, at->figures, sizeof point.figures);
  dc_learner_add_point(learner, &point);
}

void
dc_learner_list_state(DcLearner *learner, DcStateList *list)
{
  dc_state_list_add_object(list, NULL, "position", &learner->at);
  learner->class->list_state(learner, list);
}

DcStatus
dc_learner_check_stage(const DcLearner *learner, int64_t epochs, uint64_t steps, DcError *error)
{
  const DcLearnPosition *at = &learner->at;
  if (at->epochs == epochs && at->steps == steps && (at->epoch < epochs || at->done))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_FORMAT,
                      "it stands at epoch %lld of %lld, step %llu of %llu, where these settings "
                      "have %lld and %llu",
                      (long long)at->epoch, (long long)at->epochs, (unsigned long long)at->step,
                      (unsigned long long)at->steps, (long long)epochs, (unsigned long long)steps);
}

static bool
has_stage(const DcLearnerClass *class, double stage)
{
  for (size_t i = 0; class->stages[i]; i++) {
    if (stage == (double)i)
      return true;
  }
  return false;
}

static bool
position_is_sound(const DcLearnerClass *class, const DcLearnPosition *at)
{
  return has_stage(class, at->stage) && at->epoch >= 0 && at->epoch <= at->epochs &&
         at->step < at->steps && at->done <= 1;
}

DcStatus
dc_learner_restored(DcLearner *learner, DcError *error)
{
  const DcLearnerClass *class = learner->class;
  if (!position_is_sound(class, &learner->at))
    return dc_error_set(error, DC_ERROR_FORMAT, "it stands at a step that %s does not have",
                        class->name);
  for (size_t i = 0; i < learner->curve_count; i++) {
    if (!has_stage(class, learner->curve[i].stage))
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "point %zu of its curve is of a stage that %s does not have", i,
                          class->name);
  }
  return class->check(learner, error);
}

DcStatus
dc_learner_finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  *learned = (DcLearned){0};
  DcStatus status = learner->class->finish(learner, learned, error);
  if (status)
    dc_learned_clear(learned);
  return status;
}
