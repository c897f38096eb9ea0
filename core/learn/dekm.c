/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dekm: Deep Embedded K-Means (Guo, Lin, Ye 2021). An autoencoder is trained and its decoder left
 * behind; then rounds follow: k-means of all embeddings, and some steps in which the encoder pulls
 * the worst direction within the clusters together and holds all others where they are. Not in the
 * paper: clusters that are groups which need not be round (`grouping`) in place of k-means'. */
#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/matching.h"
#include "cluster/scatter.h"
#include "learn/codes.h"
#include "learn/learner.h"
#include "learn/reconstruction.h"
#include "nn/encode.h"
#include "nn/fit.h"

#include <math.h>
#include <string.h>

/* Sequences of the random numbers of a seed; 0 and 1 are first weights and the autoencoder's order.
 */
enum { SEQUENCE_CLUSTERS = 2, SEQUENCE_ORDER };

enum { STAGE_AUTOENCODER, STAGE_CLUSTERS };
enum { FIGURE_CHANGED, FIGURE_WITHIN, FIGURE_WORST };

enum {
  NETWORK,
  WIDTH,
  PRETRAIN_EPOCHS,
  BATCH,
  LEARNING_RATE,
  INTERVAL,
  MOST_STEPS,
  STOP,
  PATIENCE,
  FIRST_RESTARTS,
  RESTARTS,
  GROUPING
};

static const DcLearnSetting settings[] = {
    [NETWORK] = DC_AUTOENCODER_SETTING,
    [WIDTH] = {"width", "numbers in an embedding; the authors use 10 for every data set", 10, 1,
               4096, true, NULL},
    [PRETRAIN_EPOCHS] = {"pretrain-epochs",
                         "passes of the autoencoder; 0 with --start-from (authors: 200)", 200, 0,
                         1e6, true, NULL},
    [BATCH] = {"batch", "samples in a step (authors: 256)", 256, 1, 1e6, true, NULL},
    [LEARNING_RATE] = {"learning-rate", "of Adam, in both stages (authors: 0.001)", 1e-3, 1e-9, 1,
                       false, NULL},
    [INTERVAL] = {"interval",
                  "steps between two k-means; 0: the authors' 40 for convolutions, 10 "
                  "for dense networks",
                  0, 0, 1e6, true, NULL},
    [MOST_STEPS] = {"steps", "most steps after the autoencoder, in whole rounds (authors: 14000)",
                    14000, 1, 1e9, true, NULL},
    [STOP] = {"stop", "share of changed labels at which to stop (authors: 0.005)", 0.005, 0, 1,
              false, NULL},
    [PATIENCE] = {"patience", "rounds in a row that must change so little", 1, 1, 1e6, true, NULL},
    [FIRST_RESTARTS] = {"first-restarts", "starts of the first k-means (authors: 100)", 100, 1, 1e6,
                        true, NULL},
    [RESTARTS] = {"restarts",
                  "starts of later ones; 0: the authors' twice the iterations of the "
                  "winner before",
                  0, 0, 1e6, true, NULL},
    [GROUPING] = DC_GROUPING_SETTING,
};

/* What is small and changes. */
typedef struct {
  DcRandom random;     /* of k-means */
  uint64_t cursor;     /* place in the order where the next batch begins */
  uint32_t iterations; /* of Lloyd, in the winner of the last k-means; 0: there was none */
  uint32_t calm;       /* rounds in a row that changed little */
  uint32_t ready;      /* the targets of this round are made */
} Course;

typedef struct {
  DcLearner learner;
  DcAutoencoder autoencoder;
  DcReconstruction *reconstruction;
  DcFit *fit; /* of the encoder alone */
  size_t width;
  float *targets;              /* N x d; the embeddings, until the targets are made of them */
  float *centroids;            /* K x d, of the last k-means */
  uint32_t *labels, *previous; /* N: of the last k-means, and of the one before */
  uint32_t *order;             /* N: in which the samples are gone through, the same in each pass */
  double *scatter, *direction; /* d x d, d */
  double batch_size;           /* of the step under way, for the loss */
  Course course;
} Dekm;

/* --- starting --- */

/* The loss of the greedy step is a sum over the batch, in the authors' program; a fit takes the
 * mean. */
static double
sum_of_errors(const float *output, const float *target, size_t samples, size_t size, double scale,
              float *gradient, void *data)
{
  const double *batch_size = data;
  return dc_loss_mean_squared_error(output, target, samples, size, scale * *batch_size, gradient,
                                    NULL);
}

static DcStatus
start_fit(Dekm *dekm, DcError *error)
{
  DcNetwork *const networks[] = {dekm->autoencoder.encoder};
  const DcFitOptions options = {.networks = networks,
                                .network_count = 1,
                                .loss = sum_of_errors,
                                .loss_data = &dekm->batch_size,
                                .optimiser =
                                    dc_optimiser_adam(dekm->learner.settings[LEARNING_RATE]),
                                .threads = dekm->learner.threads};
  return dc_fit_new(&options, &dekm->fit, error);
}

static DcStatus
start_arrays(Dekm *dekm, DcError *error)
{
  const size_t count = dekm->learner.data.count, width = dekm->width;
  dekm->targets = DC_NEW(float, count *width);
  dekm->centroids = DC_NEW(float, dekm->learner.clusters *width);
  dekm->labels = DC_NEW(uint32_t, count);
  dekm->previous = DC_NEW(uint32_t, count);
  dekm->order = DC_NEW(uint32_t, count);
  dekm->scatter = DC_NEW(double, width *width);
  dekm->direction = DC_NEW(double, width);
  if (!dekm->targets || !dekm->centroids || !dekm->labels || !dekm->previous || !dekm->order ||
      !dekm->scatter || !dekm->direction)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu embeddings of %zu numbers",
                        count, width);
  DcRandom random;
  dc_random_seed(&random, dekm->learner.seed, SEQUENCE_ORDER);
  for (size_t i = 0; i < count; i++)
    dekm->order[i] = (uint32_t)i;
  dc_random_shuffle(&random, dekm->order, count);
  return DC_OK;
}

static bool
is_convolutional(const Dekm *dekm)
{
  return dc_network_layer_const(dekm->autoencoder.encoder, 0)->kind == DC_LAYER_CONV2D;
}

/* Steps between two k-means. */
static double
interval_of(const Dekm *dekm)
{
  const double given = dekm->learner.settings[INTERVAL];
  return given > 0 ? given : is_convolutional(dekm) ? 40 : 10;
}

static int64_t
rounds_of(const Dekm *dekm)
{
  return (int64_t)ceil(dekm->learner.settings[MOST_STEPS] / interval_of(dekm));
}

static void
begin_clusters(Dekm *dekm)
{
  dc_learner_begin_stage(&dekm->learner, STAGE_CLUSTERS, rounds_of(dekm),
                         (uint64_t)interval_of(dekm));
}

static DcStatus
start(DcLearner *learner, DcError *error)
{
  Dekm *dekm = (Dekm *)learner;
  dekm->width = (size_t)learner->settings[WIDTH];
  DcStatus status = dc_reconstruction_autoencoder(learner, (size_t)learner->settings[NETWORK],
                                                  (int)dekm->width, &dekm->autoencoder, error);
  const DcReconstructionOptions options = {.autoencoder = &dekm->autoencoder,
                                           .epochs = (int64_t)learner->settings[PRETRAIN_EPOCHS],
                                           .batch = (size_t)learner->settings[BATCH],
                                           .optimiser =
                                               dc_optimiser_adam(learner->settings[LEARNING_RATE])};
  if (!status)
    status = dc_reconstruction_new(learner, &options, &dekm->reconstruction, error);
  if (!status)
    status = start_fit(dekm, error);
  if (!status)
    status = start_arrays(dekm, error);
  if (status)
    return status;
  dc_random_seed(&dekm->course.random, learner->seed, SEQUENCE_CLUSTERS);
  dc_reconstruction_begin(dekm->reconstruction, learner);
  if (learner->at.epochs == 0)
    begin_clusters(dekm);
  return DC_OK;
}

/* --- a round --- */

static DcStatus
run_kmeans(Dekm *dekm, const DcMatrix *codes, const DcMatrix *centroids, DcError *error)
{
  const double *values = dekm->learner.settings;
  Course *course = &dekm->course;
  DcKmeansOptions options = dc_kmeans_options(dekm->learner.clusters);
  options.candidates = dc_kmeans_greedy(options.clusters); /* the authors' is scikit-learn's */
  options.threads = (uint32_t)dekm->learner.threads;
  if (!course->iterations)
    options.restarts = (uint32_t)values[FIRST_RESTARTS];
  else
    options.restarts = values[RESTARTS] > 0 ? (uint32_t)values[RESTARTS] : 2 * course->iterations;
  DcKmeansResult result;
  DcStatus status =
      dc_kmeans(codes, NULL, &options, &course->random, centroids, dekm->labels, &result, error);
  if (!status)
    course->iterations = result.iterations;
  return status;
}

/* gain[new * K + old] = samples that have these two labels. */
static void
count_pairs(const Dekm *dekm, double *gain)
{
  const size_t clusters = dekm->learner.clusters;
  for (size_t i = 0; i < dekm->learner.data.count; i++)
    gain[dekm->labels[i] * clusters + dekm->previous[i]]++;
}

static void
rename_clusters(Dekm *dekm, const uint32_t *match, float *moved)
{
  const size_t clusters = dekm->learner.clusters, width = dekm->width;
  for (size_t i = 0; i < dekm->learner.data.count; i++)
    dekm->labels[i] = match[dekm->labels[i]];
  for (size_t k = 0; k < clusters; k++)
    memcpy(moved + match[k] * width, dekm->centroids + k * width, width * sizeof *moved);
  memcpy(dekm->centroids, moved, clusters * width * sizeof *moved);
}

/* Gives the new clusters the numbers of the old ones that they share the most samples with, so that
 * a cluster keeps its number and changed labels can be counted. */
static DcStatus
align_labels(Dekm *dekm, DcError *error)
{
  const size_t clusters = dekm->learner.clusters;
  double *gain = DC_NEW(double, clusters *clusters);
  uint32_t *match = DC_NEW(uint32_t, clusters);
  float *moved = DC_NEW(float, clusters * dekm->width);
  DcStatus status = DC_ERROR_MEMORY;
  if (gain && match && moved) {
    count_pairs(dekm, gain);
    status = dc_match(gain, clusters, clusters, match);
  }
  if (status)
    dc_error_set(error, status, "no memory to match %zu clusters", clusters);
  else
    rename_clusters(dekm, match, moved);
  dc_free(gain);
  dc_free(match);
  dc_free(moved);
  return status;
}

static double
changed_share(const Dekm *dekm)
{
  size_t changed = 0;
  for (size_t i = 0; i < dekm->learner.data.count; i++)
    changed += dekm->labels[i] != dekm->previous[i];
  return (double)changed / (double)dekm->learner.data.count;
}

static bool
are_groups(const Dekm *dekm)
{
  return dekm->learner.settings[GROUPING] == DC_GROUPING_CONSENSUS &&
         dc_learner_can_group(&dekm->learner);
}

/* Groups follow a first k-means, whose centroid one that stays empty keeps. */
static DcStatus
find_clusters(Dekm *dekm, const DcMatrix *codes, DcError *error)
{
  const DcMatrix centroids = dc_matrix(dekm->centroids, dekm->learner.clusters, dekm->width);
  const bool groups = are_groups(dekm);
  DcStatus status = DC_OK;
  if (!groups || !dekm->course.iterations)
    status = run_kmeans(dekm, codes, &centroids, error);
  if (!status && groups)
    status = dc_learner_group(&dekm->learner, codes, dekm->labels, &centroids, error);
  return status;
}

/* Clusters the embeddings of all samples, which are left in `targets`. */
static DcStatus
cluster_all(Dekm *dekm, DcError *error)
{
  const DcDataset *data = &dekm->learner.data;
  Course *course = &dekm->course;
  const bool first = course->iterations == 0;
  DcMatrix codes = dc_matrix(dekm->targets, data->count, dekm->width);
  memcpy(dekm->previous, dekm->labels, data->count * sizeof *dekm->labels);
  DcStatus status = dc_encode(dekm->autoencoder.encoder, data->values, data->count,
                              dekm->learner.threads, dekm->targets, error);
  if (!status)
    status = find_clusters(dekm, &codes, error);
  if (!status && !first)
    status = align_labels(dekm, error);
  if (status)
    return status;
  const double changed = first ? 1 : changed_share(dekm);
  dekm->learner.at.figures[FIGURE_CHANGED] = changed;
  course->calm = changed <= dekm->learner.settings[STOP] ? course->calm + 1 : 0;
  return DC_OK;
}

static double
trace(const double *matrix, size_t dim)
{
  double sum = 0;
  for (size_t i = 0; i < dim; i++)
    sum += matrix[i * dim + i];
  return sum;
}

/* Makes the targets of the round out of the embeddings. Clusters that are points have no worst
 * direction: there is nothing left to learn, and `tight` says so. */
static DcStatus
make_targets(Dekm *dekm, bool *tight, DcError *error)
{
  const size_t width = dekm->width;
  DcMatrix codes = dc_matrix(dekm->targets, dekm->learner.data.count, width);
  DcMatrix centroids = dc_matrix(dekm->centroids, dekm->learner.clusters, width);
  double total = 0, worst = 0;
  DcStatus status = dc_within_scatter(&codes, &centroids, dekm->labels, dekm->scatter);
  if (!status)
    status = dc_total_scatter(&codes, &total);
  if (!status)
    status = dc_worst_direction(dekm->scatter, width, dekm->direction, &worst);
  if (status)
    return dc_error_set(error, status, "the scatter within the clusters cannot be analysed: %s",
                        status == DC_ERROR_NOT_FINITE
                            ? "learning has diverged, lower the learning rate"
                            : dc_status_text(status));
  const double within = trace(dekm->scatter, width);
  *tight = worst <= 1e-12 * total;
  dekm->learner.at.figures[FIGURE_WITHIN] = total > 0 ? within / total : 0;
  dekm->learner.at.figures[FIGURE_WORST] = within > 0 ? worst / within : 0;
  dc_greedy_targets(&codes, &centroids, dekm->labels, dekm->direction, &codes);
  return DC_OK;
}

static DcStatus
begin_round(Dekm *dekm, DcError *error)
{
  DcLearnPosition *at = &dekm->learner.at;
  DcStatus status = cluster_all(dekm, error);
  if (status)
    return status;
  bool tight = false;
  at->done = at->epoch == at->epochs || dekm->course.calm >= dekm->learner.settings[PATIENCE];
  if (!at->done)
    status = make_targets(dekm, &tight, error);
  at->done = at->done || tight;
  dekm->course.ready = 1;
  return status;
}

/* --- a step --- */

/* The next samples of the order; the batch at its end may be short, and never is empty. */
static DcStatus
run_greedy_step(Dekm *dekm, DcError *error)
{
  DcLearner *learner = &dekm->learner;
  const size_t left = learner->data.count - (size_t)dekm->course.cursor;
  const size_t most = (size_t)learner->settings[BATCH], batch = left < most ? left : most;
  double loss;
  dekm->batch_size = (double)batch;
  DcStatus status = dc_fit_step(dekm->fit, learner->data.values, dekm->targets,
                                dekm->order + dekm->course.cursor, batch, &loss);
  if (status)
    return dc_error_set(
        error, status, "learning diverged in step %llu of round %lld: lower the learning rate (%g)",
        (unsigned long long)learner->at.step + 1, (long long)learner->at.epoch + 1,
        learner->settings[LEARNING_RATE]);
  dekm->course.cursor = batch < left ? dekm->course.cursor + batch : 0;
  dc_learner_count_step(learner, loss / (double)batch, batch);
  return DC_OK;
}

static DcStatus
step_clusters(Dekm *dekm, DcError *error)
{
  if (!dekm->course.ready)
    return begin_round(dekm, error);
  DcStatus status = run_greedy_step(dekm, error);
  dekm->course.ready = dekm->learner.at.step != 0;
  return status;
}

/* A step of the autoencoder counts twice: it has a decoder too. */
static double
share_of_course(const Dekm *dekm)
{
  const DcLearner *learner = &dekm->learner;
  const DcLearnPosition *at = &learner->at;
  const double batches = ceil((double)learner->data.count / learner->settings[BATCH]);
  const double first = 2 * learner->settings[PRETRAIN_EPOCHS] * batches;
  const double second = learner->settings[MOST_STEPS];
  const double stage = dc_learner_stage_share(learner);
  return at->done                         ? 1
         : at->stage == STAGE_AUTOENCODER ? first * stage / (first + second)
                                          : (first + second * stage) / (first + second);
}

static DcStatus
step(DcLearner *learner, DcError *error)
{
  Dekm *dekm = (Dekm *)learner;
  DcStatus status;
  if (learner->at.stage == STAGE_AUTOENCODER) {
    status = dc_reconstruction_step(dekm->reconstruction, learner, error);
    if (learner->at.epoch == learner->at.epochs)
      begin_clusters(dekm);
  } else {
    status = step_clusters(dekm, error);
  }
  learner->at.share = share_of_course(dekm);
  return status;
}

/* --- state and result --- */

static void
list_state(DcLearner *learner, DcStateList *list)
{
  Dekm *dekm = (Dekm *)learner;
  const size_t count = learner->data.count;
  dc_network_list_state(dekm->autoencoder.encoder, "encoder", list);
  dc_network_list_state(dekm->autoencoder.decoder, "decoder", list);
  dc_reconstruction_list_state(dekm->reconstruction, "autoencoder", list);
  dc_fit_list_state(dekm->fit, "greedy", list);
  dc_state_list_add(list, NULL, "targets", DC_STATE_FLOATS, dekm->targets, count * dekm->width);
  dc_state_list_add(list, NULL, "centroids", DC_STATE_FLOATS, dekm->centroids,
                    learner->clusters * dekm->width);
  dc_state_list_add(list, NULL, "labels", DC_STATE_BYTES, dekm->labels,
                    count * sizeof *dekm->labels);
  dc_state_list_add_object(list, NULL, "course", &dekm->course);
}

/* After the last round there is one more k-means. */
static bool
awaits_last_clusters(const Dekm *dekm)
{
  const DcLearnPosition *at = &dekm->learner.at;
  return at->epoch == rounds_of(dekm) && at->epochs == at->epoch && !dekm->course.ready;
}

static DcStatus
check_position(const Dekm *dekm, DcError *error)
{
  const DcLearner *learner = &dekm->learner;
  if (learner->at.stage == STAGE_AUTOENCODER)
    return dc_reconstruction_check(dekm->reconstruction, learner, error);
  return awaits_last_clusters(dekm)
             ? DC_OK
             : dc_learner_check_stage(learner, rounds_of(dekm), (uint64_t)interval_of(dekm), error);
}

static DcStatus
check_course(const Dekm *dekm, DcError *error)
{
  const Course *course = &dekm->course;
  if (course->cursor >= dekm->learner.data.count)
    return dc_error_set(error, DC_ERROR_FORMAT, "its next batch begins at sample %llu of %zu",
                        (unsigned long long)course->cursor, dekm->learner.data.count);
  const uint32_t most = dc_kmeans_options(1).max_iterations;
  if (course->iterations > most)
    return dc_error_set(error, DC_ERROR_FORMAT, "its last k-means took %u rounds; %u are the most",
                        course->iterations, most);
  if (!dc_random_is_sound(&course->random))
    return dc_error_set(error, DC_ERROR_FORMAT, "its random numbers cannot go on");
  return DC_OK;
}

static DcStatus
check(const DcLearner *learner, DcError *error)
{
  const Dekm *dekm = (const Dekm *)learner;
  DcStatus status = check_position(dekm, error);
  if (!status)
    status = check_course(dekm, error);
  if (status)
    return status;
  return dc_learner_check_labels(learner, dekm->labels, error);
}

static DcStatus
finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  Dekm *dekm = (Dekm *)learner;
  /* Within a round the clusters are older than the encoder. */
  DcStatus status = learner->at.done ? DC_OK : cluster_all(dekm, error);
  dekm->course.ready = 0;
  if (!status)
    status = dc_learned_copy_networks(dekm->autoencoder.encoder, NULL, learned, error);
  if (!status)
    status = dc_learned_take(learner, dekm->labels, dekm->centroids, dekm->width, learned, error);
  learned->grouped = !status && are_groups(dekm);
  return status;
}

static void
clear(DcLearner *learner)
{
  Dekm *dekm = (Dekm *)learner;
  dc_reconstruction_free(dekm->reconstruction);
  dc_fit_free(dekm->fit);
  dc_autoencoder_clear(&dekm->autoencoder);
  dc_free(dekm->targets);
  dc_free(dekm->centroids);
  dc_free(dekm->labels);
  dc_free(dekm->previous);
  dc_free(dekm->order);
  dc_free(dekm->scatter);
  dc_free(dekm->direction);
}

const DcLearnerClass dc_learner_dekm = {
    .name = "dekm",
    .summary = "Deep Embedded K-Means (Guo, Lin, Ye 2021)",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .stages = (const char *const[]){"autoencoder", "clusters", NULL},
    .figures = (const char *const[]){"changed labels", "scatter within clusters",
                                     "share of the worst direction", NULL},
    .pictures = true,
    .vectors = true,
    .size = sizeof(Dekm),
    .start = start,
    .step = step,
    .list_state = list_state,
    .check = check,
    .finish = finish,
    .clear = clear,
};
