/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/tdcm_training.h"

#include "base/memory.h"
#include "cluster/transport_linear.h"
#include "nn/optimiser.h"

#include <math.h>

/* A cluster with hardly any samples makes large gradients: so much of their norm counts. */
#define LARGEST_GRADIENT 10.0

struct DcTdcmTraining {
  DcTdcmModule *module;
  size_t count; /* of parameters */
  DcTdcmPass *pass;
  DcOptimiser *optimiser;
  float *parameters;      /* of the module: they are what is trained */
  float *gradient;        /* of the parameters */
  double *exact_gradient; /* the same, as the pass gives it */
};

static bool
allocate(DcTdcmTraining *training, const DcTdcmTrainingOptions *options)
{
  training->pass =
      dc_tdcm_pass_new(options->module, &options->objective, options->batch, options->clusters);
  training->parameters = DC_NEW(float, training->count);
  training->gradient = DC_NEW(float, training->count);
  training->exact_gradient = DC_NEW(double, training->count);
  return training->pass && training->parameters && training->gradient && training->exact_gradient;
}

static DcStatus
fill(DcTdcmTraining *training, const DcTdcmTrainingOptions *options, DcError *error)
{
  training->module = options->module;
  training->count = dc_tdcm_parameter_count(options->module);
  if (!allocate(training, options))
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "no memory for an attention module over %zu samples of %zu numbers",
                        options->batch, options->module->dim);
  dc_tdcm_get_parameters(training->module, training->parameters);
  DcOptimiserOptions adam = dc_optimiser_adam(options->learning_rate);
  adam.epsilon = 1e-8;
  return dc_optimiser_new(&adam, training->count, &training->optimiser, error);
}

DcStatus
dc_tdcm_training_new(const DcTdcmTrainingOptions *options, DcTdcmTraining **training,
                     DcError *error)
{
  *training = NULL;
  DcTdcmTraining *made = DC_NEW(DcTdcmTraining, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train an attention module");
  DcStatus status = fill(made, options, error);
  if (status)
    dc_tdcm_training_free(made);
  else
    *training = made;
  return status;
}

void
dc_tdcm_training_free(DcTdcmTraining *training)
{
  if (!training)
    return;
  dc_tdcm_pass_free(training->pass);
  dc_optimiser_free(training->optimiser);
  dc_free(training->parameters);
  dc_free(training->gradient);
  dc_free(training->exact_gradient);
  dc_free(training);
}

DcTdcmPass *
dc_tdcm_training_pass(const DcTdcmTraining *training)
{
  return training->pass;
}

double *
dc_tdcm_training_gradient(const DcTdcmTraining *training)
{
  return training->exact_gradient;
}

void
dc_tdcm_training_set_module(DcTdcmTraining *training)
{
  dc_tdcm_set_parameters(training->module, training->parameters);
}

DcTdcmLoss
dc_tdcm_training_find_loss(DcTdcmTraining *training, const float *codes, const uint32_t *rows,
                           size_t count, uint32_t starts, DcRandom *random)
{
  const size_t width = training->module->dim;
  double *samples = dc_tdcm_pass_samples(training->pass);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < width; k++)
      samples[i * width + k] = codes[rows[i] * width + k];
  dc_tdcm_pass_take(training->pass, count, true);
  const DcTdcmLoss loss = dc_tdcm_pass_search(training->pass, starts, random);
  dc_tdcm_pass_backward(training->pass, training->exact_gradient, NULL);
  return loss;
}

void
dc_tdcm_training_step(DcTdcmTraining *training, double rate)
{
  const size_t count = training->count;
  const double norm = dc_linear_norm(training->exact_gradient, count);
  const double factor = norm > LARGEST_GRADIENT ? LARGEST_GRADIENT / norm : 1;
  for (size_t i = 0; i < count; i++)
    training->gradient[i] = (float)(factor * training->exact_gradient[i]);
  dc_optimiser_set_rate(training->optimiser, rate);
  dc_optimiser_step(training->optimiser, &(DcParameters){training->parameters, count}, 1,
                    training->gradient);
}

void
dc_tdcm_training_bound_narrowness(DcTdcmTraining *training)
{
  const float most = logf(10);
  for (size_t k = 0; k < training->module->dim; k++) {
    float *rho = training->parameters + dc_tdcm_diagonal(k);
    *rho = *rho > most ? most : *rho;
  }
}

void
dc_tdcm_training_list_state(const DcTdcmTraining *training, const char *prefix, DcStateList *list)
{
  dc_state_list_add(list, prefix, "parameters", DC_STATE_FLOATS, training->parameters,
                    training->count);
  dc_optimiser_list_state(training->optimiser, prefix, list);
}

bool
dc_tdcm_training_is_finite(const DcTdcmTraining *training)
{
  const DcMatrix parameters = dc_matrix(training->parameters, 1, training->count);
  return dc_matrix_is_finite(&parameters);
}
