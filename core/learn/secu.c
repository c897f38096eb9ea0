/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* secu: SeCu, stable cluster discrimination (Qian, ICCV 2023). One stage from first weights on: a
 * residual network with a projector sees two augmented views of each picture and learns, together
 * with the centres of several heads, to put both into the same clusters. Plain vectors are features
 * that are given: there only the centres and the labels are learnt, from one view. */
#include "cluster/secu.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "image/augment.h"
#include "learn/codes.h"
#include "learn/learner.h"
#include "learn/two_views.h"
#include "nn/fold.h"
#include "nn/loader.h"
#include "nn/residual_network.h"
#include "nn/schedule.h"
#include "tensor/rows.h"

#include <math.h>

#define MOMENTUM 0.9

/* Features that are given are seeded from that many samples for each centre of the largest head. */
#define SEEDS_PER_CENTRE 10

/* Sequences of the random numbers of a seed; 0 is that of the first weights. */
enum { SEQUENCE_ORDER = 1, SEQUENCE_CENTRES, SEQUENCE_SEEDS, SEQUENCE_VIEWS };

enum {
  EPOCHS,
  BATCH,
  HEADS,
  CONSTRAINT,
  GAMMA,
  ETA,
  ENTROPY_WEIGHT,
  TAU,
  CENTRE_TEMPERATURE,
  VIEW_TEMPERATURE,
  ENCODER_RATE,
  CENTRE_RATE,
  WARM_UP,
  WEIGHT_DECAY,
  SMALLEST_AREA,
  FLIP,
  WIDTH,
  STAGES,
  BLOCKS,
  PROJECTION
};

static const char *const constraints[] = {"size", "entropy", NULL};

static const DcLearnSetting settings[] = {
    [EPOCHS] = {"epochs", "passes over the samples (paper: 400 for CIFAR-10)", 400, 1, 1e6, true,
                NULL},
    [BATCH] = {"batch", "samples in a step (paper: 128)", 128, 2, 65536, true, NULL},
    [HEADS] = {"heads",
               "heads of K, 2K, 3K ... clusters; the first one's are the result (paper: 10)", 10, 1,
               100, true, NULL},
    [CONSTRAINT] = {"constraint",
                    "what keeps clusters from dying: a least size, or the entropy of the sizes", 0,
                    0, 0, false, constraints},
    [GAMMA] = {"gamma",
               "size: least share of the samples in a cluster, in units of 1/K; 0.3 to 0.4 where "
               "groups differ much (paper: 0.9)",
               0.9, 0, 1, false, NULL},
    [ETA] =
        {"eta",
         "size: rate of the duals (paper: 0.1); 0: 0.01 K / gamma, by which an empty cluster of "
         "any head gains alike",
         0.1, 0, 1000, false, NULL},
    [ENTROPY_WEIGHT] = {"entropy-weight",
                        "entropy: its weight for each sample, in cosine units (paper: 0.12)", 0.12,
                        0, 1000, false, NULL},
    [TAU] = {"tau", "share of the stored label in the target of a view (paper: 0.2)", 0.2, 0, 1,
             false, NULL},
    [CENTRE_TEMPERATURE] = {"centre-temperature",
                            "of the loss of the centres (paper: 0.05; STL-10: 1)", 0.05, 1e-3, 1e3,
                            false, NULL},
    [VIEW_TEMPERATURE] = {"view-temperature", "of the loss of the encoder (paper: 0.05)", 0.05,
                          1e-3, 1e3, false, NULL},
    [ENCODER_RATE] = {"encoder-rate", "learning rate of the encoder (paper: 0.2)", 0.2, 1e-9, 100,
                      false, NULL},
    [CENTRE_RATE] = {"centre-rate", "learning rate of the centres (paper: 1.2 for CIFAR-10)", 1.2,
                     1e-9, 100, false, NULL},
    [WARM_UP] = {"warm-up",
                 "epochs until the full encoder rate, after the first, in which the encoder rests "
                 "(paper: 10)",
                 10, 0, 1e6, true, NULL},
    [WEIGHT_DECAY] = {"weight-decay", "of encoder and centres (paper: 1e-4)", 1e-4, 0, 1, false,
                      NULL},
    [SMALLEST_AREA] = {"smallest-area",
                       "smallest crop of a view, as a share of the picture (paper: 0.3)", 0.3, 0.01,
                       1, false, NULL},
    [FLIP] = {"flip", "probability of mirroring a view; 0 where left and right matter (paper: 0.5)",
              0.5, 0, 1, false, NULL},
    [WIDTH] = {"width", "channels of the first stage; each stage doubles them (paper: 64)", 16, 1,
               1024, true, NULL},
    [STAGES] = {"stages", "of the encoder, each but the first halves the picture (paper: 4)", 3, 1,
                6, true, NULL},
    [BLOCKS] = {"blocks", "residual blocks in a stage (paper: 2)", 1, 1, 50, true, NULL},
    [PROJECTION] = {"projection", "numbers in an embedding of a picture (paper: 128)", 128, 1, 4096,
                    true, NULL},
};

enum { FIGURE_CENTRE_LOSS, FIGURE_VIEW_LOSS, FIGURE_SMALLEST, FIGURE_LARGEST, FIGURE_CHANGED };

/* What the loader's thread makes views with. */
typedef struct {
  uint64_t seed;
  DcAugmentShape shape;
  DcAugmentation views[2];
  float *scratch;
  size_t size; /* numbers in a vector; 0: pictures */
} Preparation;

typedef struct {
  DcLearner learner;
  size_t dim;
  DcNetwork *network;  /* picture -> unit vector; or vector -> unit vector */
  DcTwoViews *encoder; /* NULL: features are given */
  DcSchedule schedule;
  DcSecu *heads;
  DcLoader *loader;
  Preparation preparation;
  float *gradients[2]; /* with respect to the embeddings of a view */
} Secu;

/* --- the samples of a step --- */

/* A bijection of 64 bits that makes neighbouring numbers unlike each other: the finaliser of
 * SplitMix64 (Steele, Lea and Flood 2014). Sequences of DcRandom that are numbered one by one begin
 * too much alike to be used for neighbouring samples. */
static uint64_t
mix(uint64_t x)
{
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static void
make_view(void *data, const float *sample, uint32_t row, uint64_t epoch, size_t view,
          float *prepared)
{
  Preparation *preparation = data;
  DcRandom random;
  const uint64_t place = mix(mix(mix(preparation->seed) + epoch) + 2 * (uint64_t)row + view);
  dc_random_seed(&random, place, SEQUENCE_VIEWS);
  dc_augment(&preparation->views[view], &preparation->shape, sample, &random, prepared,
             preparation->scratch);
}

static void
make_unit_vector(void *data, const float *sample, uint32_t row, uint64_t epoch, size_t view,
                 float *prepared)
{
  (void)row;
  (void)epoch;
  (void)view;
  const Preparation *preparation = data;
  const DcMatrix given = dc_matrix(sample, 1, preparation->size);
  const DcMatrix unit = dc_matrix(prepared, 1, preparation->size);
  dc_matrix_copy(&given, &unit);
  dc_normalise_rows(&unit);
}

static DcStatus
prepare_pictures(Secu *secu, DcError *error)
{
  const DcLearner *learner = &secu->learner;
  Preparation *preparation = &secu->preparation;
  const DcShape shape = learner->data.shape;
  preparation->shape =
      (DcAugmentShape){(size_t)shape.height, (size_t)shape.width, (size_t)shape.channels};
  for (size_t view = 0; view < 2; view++) {
    DcAugmentation *augmentation = &preparation->views[view];
    *augmentation = dc_augmentation_secu(view, learner->settings[SMALLEST_AREA]);
    augmentation->flip = learner->settings[FLIP];
    if (shape.channels == 1)
      augmentation->saturation = augmentation->hue = augmentation->grey = 0;
    DcStatus status = dc_augmentation_check(augmentation, &preparation->shape, error);
    if (status)
      return status;
  }
  preparation->scratch = DC_NEW(float, dc_augment_scratch(&preparation->shape));
  return preparation->scratch
             ? DC_OK
             : dc_error_set(error, DC_ERROR_MEMORY, "no memory to augment pictures");
}

static DcStatus
start_loader(Secu *secu, DcError *error)
{
  const DcLearner *learner = &secu->learner;
  const bool vectors = dc_dataset_is_vectors(&learner->data);
  secu->preparation.seed = learner->seed;
  secu->preparation.size = vectors ? secu->dim : 0;
  DcStatus status = vectors ? DC_OK : prepare_pictures(secu, error);
  if (status)
    return status;
  const DcLoaderOptions options = {.samples = learner->data.values,
                                   .count = learner->data.count,
                                   .size = dc_shape_size(learner->data.shape),
                                   .batch = (size_t)learner->settings[BATCH],
                                   .shuffle = true,
                                   .seed = learner->seed,
                                   .sequence = SEQUENCE_ORDER,
                                   .views = vectors ? 1 : 2,
                                   .prepare = vectors ? make_unit_vector : make_view,
                                   .prepare_data = &secu->preparation};
  return dc_loader_new(&options, &secu->loader, error);
}

/* --- the encoder --- */

/* Per channel: x -> (x - mean) / deviation over all pixels of all samples; a channel that is the
 * same everywhere is only moved to 0. */
static DcStatus
add_normalisation(DcNetwork *network, const DcDataset *data, DcError *error)
{
  const DcLayer affine = {.kind = DC_LAYER_AFFINE};
  DcStatus status = dc_network_add(network, &affine, error);
  if (status)
    return status;
  const size_t channels = (size_t)data->shape.channels;
  const DcMatrix pixels =
      dc_matrix(data->values, data->count * dc_shape_size(data->shape) / channels, channels);
  double *means = DC_NEW(double, 2 * channels), *variances = means + channels;
  if (!means)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to normalise pictures");
  dc_column_moments(&pixels, NULL, means, variances);
  DcLayer *layer = dc_network_layer(network, 0);
  for (size_t c = 0; c < channels; c++) {
    const double scale = variances[c] > 0 ? 1 / sqrt(variances[c]) : 1;
    layer->weight[c] = (float)scale;
    layer->bias[c] = (float)(-means[c] * scale);
  }
  dc_free(means);
  return DC_OK;
}

static DcStatus
make_network(Secu *secu, DcError *error)
{
  const DcDataset *data = &secu->learner.data;
  const double *values = secu->learner.settings;
  secu->network = dc_network_new(data->shape);
  if (!secu->network)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for an encoder");
  if (dc_dataset_is_vectors(data)) {
    const DcLayer unit = {.kind = DC_LAYER_L2_NORMALISE};
    return dc_network_add(secu->network, &unit, error);
  }
  const DcResidualOptions options = {.width = (int)values[WIDTH],
                                     .stages = (int)values[STAGES],
                                     .blocks = (int)values[BLOCKS]};
  const uint64_t seed = secu->learner.seed;
  DcNetwork *backbone = NULL, *projector = NULL;
  DcStatus status = add_normalisation(secu->network, data, error);
  if (!status)
    status = dc_residual_network_init(&backbone, data->shape, &options, seed, error);
  if (!status)
    status = dc_projector_init(&projector, dc_network_output(backbone).channels,
                               (int)values[PROJECTION], ~seed, error);
  if (!status)
    status = dc_network_append(secu->network, backbone, 0, error);
  if (!status)
    status = dc_network_append(secu->network, projector, 0, error);
  dc_network_free(backbone);
  dc_network_free(projector);
  return status;
}

static DcStatus
start_encoder(Secu *secu, size_t batch, DcError *error)
{
  const DcLearner *learner = &secu->learner;
  const double *values = learner->settings;
  if (dc_dataset_is_vectors(&learner->data))
    return DC_OK;
  for (size_t v = 0; v < 2; v++) {
    secu->gradients[v] = DC_NEW(float, batch * secu->dim);
    if (!secu->gradients[v])
      return dc_error_set(error, DC_ERROR_MEMORY, "no memory for batches of %zu samples", batch);
  }
  const DcTwoViewsOptions options = {.network = secu->network,
                                     .fixed = 1, /* the normalisation */
                                     .most = batch,
                                     .threads = learner->threads,
                                     .momentum = MOMENTUM,
                                     .weight_decay = values[WEIGHT_DECAY]};
  return dc_two_views_new(&options, &secu->encoder, error);
}

static void
start_schedule(Secu *secu)
{
  const double *values = secu->learner.settings;
  const uint64_t steps = dc_loader_steps(secu->loader);
  secu->schedule = dc_schedule_secu(values[ENCODER_RATE], (uint64_t)values[EPOCHS], steps);
  secu->schedule.warm_up = (uint64_t)values[WARM_UP] * steps;
}

/* --- the heads --- */

/* The unit vectors of `count` random samples, from dc_alloc(). */
static DcStatus
draw_seeds(const Secu *secu, DcRandom *random, size_t count, float **seeds, DcError *error)
{
  const DcDataset *data = &secu->learner.data;
  uint32_t *order = DC_NEW(uint32_t, data->count);
  *seeds = DC_NEW(float, count * secu->dim);
  if (!order || !*seeds) {
    dc_free(order);
    dc_free(*seeds);
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu samples", data->count);
  }
  for (size_t i = 0; i < data->count; i++)
    order[i] = (uint32_t)i;
  dc_random_shuffle(random, order, data->count);
  const DcMatrix samples = dc_matrix(data->values, data->count, secu->dim);
  const DcMatrix drawn = dc_matrix(*seeds, count, secu->dim);
  for (size_t i = 0; i < count; i++) {
    const DcMatrix from = dc_matrix_rows(&samples, order[i], 1), to = dc_matrix_rows(&drawn, i, 1);
    dc_matrix_copy(&from, &to);
  }
  dc_normalise_rows(&drawn);
  dc_free(order);
  return DC_OK;
}

static DcStatus
seed_heads(Secu *secu, DcError *error)
{
  const DcLearner *learner = &secu->learner;
  const size_t centres = (size_t)learner->clusters * (size_t)learner->settings[HEADS];
  const size_t most = SEEDS_PER_CENTRE * centres;
  const size_t count = most < learner->data.count ? most : learner->data.count;
  DcRandom random;
  dc_random_seed(&random, learner->seed, SEQUENCE_SEEDS);
  float *seeds;
  DcStatus status = draw_seeds(secu, &random, count, &seeds, error);
  if (status)
    return status;
  const DcMatrix samples = dc_matrix(seeds, count, secu->dim);
  status = dc_secu_seed(secu->heads, &samples, &random);
  if (status)
    dc_error_set(error, status, "no memory to seed clusters from %zu samples", count);
  dc_free(seeds);
  return status;
}

static DcStatus
start_heads(Secu *secu, size_t batch, DcError *error)
{
  const DcLearner *learner = &secu->learner;
  const double *values = learner->settings;
  const DcSecuOptions options = {.clusters = learner->clusters,
                                 .heads = (uint32_t)values[HEADS],
                                 .dim = secu->dim,
                                 .samples = learner->data.count,
                                 .most = batch,
                                 .constraint = {.kind = values[CONSTRAINT] > 0 ? DC_SECU_ENTROPY
                                                                               : DC_SECU_SIZE,
                                                .share = values[GAMMA],
                                                .rate = values[ETA],
                                                .weight = values[ENTROPY_WEIGHT]},
                                 .centre_temperature = values[CENTRE_TEMPERATURE],
                                 .view_temperature = values[VIEW_TEMPERATURE],
                                 .one_hot = values[TAU],
                                 .rate = values[CENTRE_RATE],
                                 .momentum = MOMENTUM,
                                 .weight_decay = values[WEIGHT_DECAY]};
  DcStatus status = dc_secu_new(&options, &secu->heads, error);
  if (status || dc_dataset_is_vectors(&learner->data))
    return status ? status : seed_heads(secu, error);
  DcRandom random;
  dc_random_seed(&random, learner->seed, SEQUENCE_CENTRES);
  dc_secu_draw(secu->heads, &random);
  return DC_OK;
}

/* --- the course --- */

static DcStatus
start(DcLearner *learner, DcError *error)
{
  Secu *secu = (Secu *)learner;
  if (learner->first_encoder)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "secu starts from no autoencoder");
  const size_t setting = (size_t)learner->settings[BATCH];
  const size_t batch = setting < learner->data.count ? setting : learner->data.count;
  DcStatus status = make_network(secu, error);
  if (status)
    return status;
  secu->dim = dc_shape_size(dc_network_output(secu->network));
  status = start_encoder(secu, batch, error);
  if (!status)
    status = start_heads(secu, batch, error);
  if (!status)
    status = start_loader(secu, error);
  if (status)
    return status;
  start_schedule(secu);
  dc_learner_begin_stage(learner, 0, (int64_t)learner->settings[EPOCHS],
                         dc_loader_steps(secu->loader));
  return DC_OK;
}

/* The smallest and largest share of the labelled samples in a cluster of the first head: 0 and 1
 * tell of a collapse. */
static void
measure_clusters(Secu *secu)
{
  const DcSecuHead *head = dc_secu_head(secu->heads, 0);
  int64_t least = INT64_MAX, most = 0, sum = 0;
  for (size_t k = 0; k < head->clusters; k++) {
    const int64_t count = head->counts[k];
    sum += count;
    least = count < least ? count : least;
    most = count > most ? count : most;
  }
  double *figures = secu->learner.at.figures;
  figures[FIGURE_SMALLEST] = (double)least / (double)sum;
  figures[FIGURE_LARGEST] = (double)most / (double)sum;
}

static void
take_note(Secu *secu, const DcSecuStep *made, size_t samples)
{
  DcLearner *learner = &secu->learner;
  const double count = (double)samples;
  dc_learner_average_figure(learner, FIGURE_CENTRE_LOSS, made->centre_loss, samples);
  if (secu->encoder)
    dc_learner_average_figure(learner, FIGURE_VIEW_LOSS, made->view_loss, samples);
  dc_learner_average_figure(learner, FIGURE_CHANGED, (double)made->changed / count, samples);
  measure_clusters(secu);
  dc_learner_count_step(learner, made->centre_loss + made->view_loss, samples);
  DcLearnPosition *at = &learner->at;
  at->share = dc_learner_stage_share(learner);
  at->done = at->epoch == at->epochs;
}

static DcStatus
step(DcLearner *learner, DcError *error)
{
  Secu *secu = (Secu *)learner;
  const DcLearnPosition *at = &learner->at;
  const DcBatch *batch = dc_loader_batch(secu->loader, (uint64_t)at->epoch, (size_t)at->step);
  const float *outputs[2] = {batch->values, NULL};
  if (secu->encoder)
    dc_two_views_forward(secu->encoder, batch->values, batch->count, outputs);
  if (at->step == 0)
    dc_secu_begin_epoch(secu->heads);
  const DcSecuBatch embedded = {batch->rows, batch->count, outputs[0], outputs[1]};
  DcSecuStep made;
  DcStatus status =
      dc_secu_step(secu->heads, &embedded, secu->gradients[0], secu->gradients[1], &made);
  if (status)
    return dc_error_set(error, status,
                        "training diverged in step %llu of epoch %lld: lower encoder-rate (%g)",
                        (unsigned long long)at->step + 1, (long long)at->epoch + 1,
                        learner->settings[ENCODER_RATE]);
  if (secu->encoder) {
    const float *const gradients[2] = {secu->gradients[0], secu->gradients[1]};
    const uint64_t done = (uint64_t)at->epoch * at->steps + at->step;
    dc_two_views_step(secu->encoder, gradients, dc_schedule_rate(&secu->schedule, done));
  }
  take_note(secu, &made, batch->count);
  return DC_OK;
}

static void
list_state(DcLearner *learner, DcStateList *list)
{
  Secu *secu = (Secu *)learner;
  dc_network_list_state(secu->network, "network", list);
  if (secu->encoder)
    dc_two_views_list_state(secu->encoder, "optimiser", list);
  dc_secu_list_state(secu->heads, "heads", list);
}

static DcStatus
check(const DcLearner *learner, DcError *error)
{
  const Secu *secu = (const Secu *)learner;
  DcStatus status = dc_learner_check_stage(learner, (int64_t)learner->settings[EPOCHS],
                                           dc_loader_steps(secu->loader), error);
  return status ? status : dc_secu_restored(secu->heads, error);
}

/* Labels by the nearest centre, which among unit vectors is that of the largest cosine. */
static DcStatus
label_codes(const Secu *secu, const float *codes, uint32_t *labels, DcError *error)
{
  const DcMatrix centres = dc_secu_centres(secu->heads, 0);
  const DcMatrix samples = dc_matrix(codes, secu->learner.data.count, secu->dim);
  float *scratch = DC_NEW(float, dc_nearest_scratch(centres.rows, centres.cols));
  if (!scratch)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to label %zu samples", samples.rows);
  dc_nearest(&samples, &centres, scratch, labels, NULL);
  dc_free(scratch);
  return DC_OK;
}

static DcStatus
take_labels(const Secu *secu, DcLearned *learned, DcError *error)
{
  const DcLearner *learner = &secu->learner;
  float *codes = NULL;
  uint32_t *labels = DC_NEW(uint32_t, learner->data.count);
  DcStatus status = labels ? dc_learner_encode(learner, learned->encoder, &codes, error)
                           : dc_error_set(error, DC_ERROR_MEMORY, "no memory for labels");
  if (!status)
    status = label_codes(secu, codes, labels, error);
  if (!status)
    status = dc_learned_take(learner, labels, dc_secu_centres(secu->heads, 0).data, secu->dim,
                             learned, error);
  dc_free(codes);
  dc_free(labels);
  return status;
}

static DcStatus
finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  const Secu *secu = (const Secu *)learner;
  DcStatus status = dc_network_fold(secu->network, &learned->encoder, error);
  return status ? status : take_labels(secu, learned, error);
}

static void
clear(DcLearner *learner)
{
  Secu *secu = (Secu *)learner;
  dc_loader_free(secu->loader); /* first: its thread works on what is freed below */
  dc_two_views_free(secu->encoder);
  dc_secu_free(secu->heads);
  dc_network_free(secu->network);
  dc_free(secu->preparation.scratch);
  for (size_t v = 0; v < 2; v++)
    dc_free(secu->gradients[v]);
}

const DcLearnerClass dc_learner_secu = {
    .name = "secu",
    .summary = "stable cluster discrimination: encoder and clusters at once, from two augmented "
               "views (Qian 2023)",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .stages = (const char *const[]){"discrimination", NULL},
    .figures = (const char *const[]){"centre-loss", "view-loss", "smallest-share", "largest-share",
                                     "changed", NULL},
    .pictures = true,
    .vectors = true,
    .size = sizeof(Secu),
    .start = start,
    .step = step,
    .list_state = list_state,
    .check = check,
    .finish = finish,
    .clear = clear,
};
