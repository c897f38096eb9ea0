/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our half of the comparisons with PyTorch: builds the networks that a script describes and does
 * what it asks, so that both sides run in turn on the same numbers. Reads commands from standard
 * input, one a line, answers each with one line; numbers travel in files of raw float32.
 *
 *   network H W C
 *   layer KIND ACTIVATION SLOPE KH KW STRIDE TOP BOTTOM LEFT RIGHT H W C BACK WITH
 *                                     appends to the last
 *   weights FILE                      all networks' weights, biases and statistics, layer by layer
 *   forward BATCH IN OUT              through all networks
 *   gradients BATCH IN TARGET OUT     of the mean squared error: weights', then the input's; moves
 *                                     running statistics by a tenth
 *   time-forward BATCH RUNS           least seconds of a run of the first network, by a plan
 *   time-step BATCH THREADS RUNS      least seconds of a step of Adam that learns the input */

#include "../bench/bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/fit.h"
#include "nn/plan.h"
#include "nn/trainer.h"

#include <stdbool.h>
#include <stdint.h>

enum { MOST_NETWORKS = DC_FIT_MOST_NETWORKS, MOST_ARGUMENTS = 16 };

static DcNetwork *networks[MOST_NETWORKS];
static size_t network_count;

static void
give_up(const char *what, const char *why)
{
  fprintf(stderr, "nn_peer: %s: %s\n", what, why);
  exit(1);
}

static void
check(const char *what, DcStatus status, const DcError *error)
{
  if (status)
    give_up(what, error && error->message[0] ? error->message : dc_status_text(status));
}

static void *
checked(void *block)
{
  if (!block)
    give_up("memory", "short");
  return block;
}

static float *
read_floats(const char *path, size_t count)
{
  float *floats = checked(DC_NEW(float, count));
  FILE *file = fopen(path, "rb");
  if (!file || fread(floats, sizeof *floats, count, file) != count || fgetc(file) != EOF)
    give_up(path, "not a file of so many floats");
  fclose(file);
  return floats;
}

static void
append_floats(FILE *file, const char *path, const float *floats, size_t count)
{
  if (!file || fwrite(floats, sizeof *floats, count, file) != count)
    give_up(path, "cannot be written");
}

static size_t
input_size(void)
{
  return dc_shape_size(dc_network_input(networks[0]));
}

static size_t
output_size(void)
{
  return dc_shape_size(dc_network_output(networks[network_count - 1]));
}

/* --- commands --- */

static void
add_network(char **arguments)
{
  if (network_count == MOST_NETWORKS)
    give_up("network", "too many");
  networks[network_count++] = checked(
      dc_network_new((DcShape){atoi(arguments[0]), atoi(arguments[1]), atoi(arguments[2])}));
}

static void
add_layer(char **arguments)
{
  DcLayer layer = {.slope = strtof(arguments[2], NULL)};
  if (!dc_layer_kind_from_name(arguments[0], &layer.kind) ||
      !dc_activation_from_name(arguments[1], &layer.activation))
    give_up(arguments[0], "unknown kind or activation");
  int *numbers[] = {&layer.kernel_height,   &layer.kernel_width,  &layer.stride,
                    &layer.padding[0],      &layer.padding[1],    &layer.padding[2],
                    &layer.padding[3],      &layer.output.height, &layer.output.width,
                    &layer.output.channels, &layer.back,          &layer.with};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    *numbers[i] = atoi(arguments[3 + i]);
  DcError error = {0};
  check("layer", dc_network_add(networks[network_count - 1], &layer, &error), &error);
}

/* Everything that a network is made of, in the order of its layers. */
static DcStateList
list_numbers(void)
{
  DcStateList list = {0};
  for (size_t i = 0; i < network_count; i++)
    dc_network_list_state(networks[i], NULL, &list);
  if (list.failed)
    give_up("memory", "short");
  return list;
}

static void
read_weights(char **arguments)
{
  DcStateList list = list_numbers();
  size_t count = 0;
  for (size_t i = 0; i < list.count; i++)
    count += list.arrays[i].count;
  float *weights = read_floats(arguments[0], count), *next = weights;
  for (size_t i = 0; i < list.count; next += list.arrays[i++].count)
    memcpy(list.arrays[i].data, next, list.arrays[i].count * sizeof *next);
  dc_state_list_clear(&list);
  dc_free(weights);
}

static void
run_forward(char **arguments)
{
  const size_t batch = (size_t)atoi(arguments[0]);
  float *flow = read_floats(arguments[1], batch * input_size());
  for (size_t i = 0; i < network_count; i++) {
    float *output = checked(DC_NEW(float, batch *dc_shape_size(dc_network_output(networks[i]))));
    DcPlan *plan;
    DcError error = {0};
    check("plan", dc_plan_new(networks[i], batch, &plan, &error), &error);
    check("run", dc_plan_run(plan, flow, batch, output), NULL);
    dc_plan_free(plan);
    dc_free(flow);
    flow = output;
  }
  FILE *file = fopen(arguments[2], "wb");
  append_floats(file, arguments[2], flow, batch * output_size());
  fclose(file);
  dc_free(flow);
}

static void
run_gradients(char **arguments)
{
  const size_t batch = (size_t)atoi(arguments[0]);
  float *input = read_floats(arguments[1], batch * input_size());
  float *target = read_floats(arguments[2], batch * output_size());
  float *delta = checked(DC_NEW(float, batch *output_size()));
  DcTrainer *trainers[MOST_NETWORKS];
  const float *flow = input;
  for (size_t i = 0; i < network_count; i++) {
    DcError error = {0};
    check("trainer", dc_trainer_new(networks[i], batch, true, &trainers[i], &error), &error);
    flow = dc_trainer_forward(trainers[i], flow, batch);
  }
  const double loss = dc_loss_mean_squared_error(flow, target, batch, output_size(),
                                                 1 / (double)batch, delta, NULL);
  flow = delta;
  for (size_t i = network_count; i-- > 0;)
    flow = dc_trainer_backward(trainers[i], flow);
  FILE *file = fopen(arguments[3], "wb");
  for (size_t i = 0; i < network_count; i++)
    append_floats(file, arguments[3], dc_trainer_gradient(trainers[i]),
                  dc_network_parameters(networks[i]));
  append_floats(file, arguments[3], flow, batch * input_size());
  fclose(file);
  for (size_t i = 0; i < network_count; i++) {
    dc_trainer_update_statistics(trainers[i], networks[i], 0.1);
    dc_trainer_free(trainers[i]);
  }
  dc_free(input);
  dc_free(target);
  dc_free(delta);
  printf("%.9g ", loss);
}

static float *
random_images(size_t count)
{
  float *images = checked(DC_NEW(float, count));
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t i = 0; i < count; i++)
    images[i] = (float)dc_random_uniform(&random);
  return images;
}

typedef struct {
  DcPlan *plan;
  DcFit *fit;
  float *images, *output;
  uint32_t *rows;
  size_t batch;
} Timing;

static void
run_plan(void *data)
{
  Timing *timing = data;
  check("run", dc_plan_run(timing->plan, timing->images, timing->batch, timing->output), NULL);
}

static void
run_step(void *data)
{
  Timing *timing = data;
  double loss;
  check("step",
        dc_fit_step(timing->fit, timing->images, timing->images, timing->rows, timing->batch,
                    &loss),
        NULL);
}

/* The least of several: on a shared machine the one that nobody disturbed. */
static void
print_least(BenchWork work, Timing *timing, int runs)
{
  work(timing);
  double least = bench_seconds(work, timing);
  for (int i = 1; i < runs; i++) {
    const double seconds = bench_seconds(work, timing);
    least = seconds < least ? seconds : least;
  }
  printf("%.9g ", least);
}

static void
time_forward(char **arguments)
{
  Timing timing = {.batch = (size_t)atoi(arguments[0])};
  DcError error = {0};
  timing.images = random_images(timing.batch * input_size());
  timing.output =
      checked(DC_NEW(float, timing.batch *dc_shape_size(dc_network_output(networks[0]))));
  check("plan", dc_plan_new(networks[0], timing.batch, &timing.plan, &error), &error);
  print_least(run_plan, &timing, atoi(arguments[1]));
  dc_plan_free(timing.plan);
  dc_free(timing.images);
  dc_free(timing.output);
}

static void
time_step(char **arguments)
{
  Timing timing = {.batch = (size_t)atoi(arguments[0])};
  const DcFitOptions options = {.networks = networks,
                                .network_count = network_count,
                                .loss = dc_loss_mean_squared_error,
                                .optimiser = dc_optimiser_adam(1e-3),
                                .threads = (size_t)atoi(arguments[1])};
  DcError error = {0};
  timing.images = random_images(timing.batch * input_size());
  timing.rows = checked(DC_NEW(uint32_t, timing.batch));
  for (size_t i = 0; i < timing.batch; i++)
    timing.rows[i] = (uint32_t)i;
  check("fit", dc_fit_new(&options, &timing.fit, &error), &error);
  print_least(run_step, &timing, atoi(arguments[2]));
  dc_fit_free(timing.fit);
  dc_free(timing.images);
  dc_free(timing.rows);
}

static const struct {
  const char *name;
  int arguments;
  void (*run)(char **arguments);
} commands[] = {
    {"network", 3, add_network}, {"layer", 15, add_layer},        {"weights", 1, read_weights},
    {"forward", 3, run_forward}, {"gradients", 4, run_gradients}, {"time-forward", 2, time_forward},
    {"time-step", 3, time_step},
};

static void
obey(char *line)
{
  char *words[MOST_ARGUMENTS] = {0}, *rest = NULL;
  int count = 0;
  for (char *word = strtok_r(line, " \n", &rest); word && count < MOST_ARGUMENTS;
       word = strtok_r(NULL, " \n", &rest))
    words[count++] = word;
  for (size_t i = 0; count && i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(words[0], commands[i].name) || count - 1 != commands[i].arguments)
      continue;
    commands[i].run(words + 1);
    puts("ok");
    fflush(stdout);
    return;
  }
  give_up(count ? words[0] : "empty line", "no such command with so many arguments");
}

int
main(void)
{
  char line[4096];
  while (fgets(line, sizeof line, stdin))
    obey(line);
  for (size_t i = 0; i < network_count; i++)
    dc_network_free(networks[i]);
  return 0;
}
