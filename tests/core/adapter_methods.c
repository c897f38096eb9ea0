/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What holds of every method of adapting, whatever comes, and what each of them does beyond that:
 * attention with a trained module, mixture and secu beside their definitions. */
#include "scratch.h"

#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "cluster/mixture.h"
#include "cluster/secu_stream.h"
#include "cluster/tdcm.h"
#include "store/safetensors.h"
#include "store/state_file.h"
#include "stream/adapter_private.h"

enum { DIM = 6, GROUPS = 4, MODULES = DC_TDCM_SCORES };

/* A method, perhaps with a module. */
typedef struct {
  DcMethod method;
  DcTdcmModule *module;
} Way;

enum { WAYS = DC_METHOD_COUNT + MODULES };

static DcTdcmModule *
make_module(DcTdcmScore score)
{
  DcTdcmModule *module = dc_tdcm_new(DIM, score);
  assert_non_null(module);
  for (size_t i = 0; i < DIM; i++) {
    module->root[i * DIM + i] = 1 + 0.3 * (double)i;
    for (size_t j = 0; j < i; j++)
      module->root[i * DIM + j] = 0.1 * (double)(i + 2 * j);
    if (module->shift)
      module->shift[i] = 0.1 * (double)i;
  }
  module->shares = score == DC_TDCM_BILINEAR;
  return module;
}

static Way
way(int number)
{
  if (number < DC_METHOD_COUNT)
    return (Way){.method = (DcMethod)number};
  return (Way){DC_METHOD_ATTENTION, make_module((DcTdcmScore)(number - DC_METHOD_COUNT))};
}

static DcAdapterConfig
config_of(const Way *how)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = how->method;
  config.module = how->module;
  config.clusters = GROUPS;
  config.window = 256;
  config.interval = 32;
  config.warm_up = 64;
  config.seed = 5;
  return config;
}

static DcAdapter *
make(const DcAdapterConfig *config)
{
  DcAdapter *adapter;
  DcError error = {0};
  if (dc_adapter_new(config, DIM, "methods", &adapter, &error))
    fail_msg("%s", error.message);
  return adapter;
}

/* Group `group`, moved by `offset` along every axis. */
static void
draw(DcRandom *random, size_t group, double offset, float *row)
{
  for (size_t j = 0; j < DIM; j++)
    row[j] = (float)(offset + (j == group ? 3 : 0.2) +
                     (0.2 + 0.05 * (double)j) * dc_random_normal(random));
}

static void
push(DcAdapter *adapter, const float *row, uint64_t time)
{
  DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcPushResult result;
  DcError error = {0};
  assert_int_equal(dc_adapter_push(adapter, &matrix, time, &result), DC_OK);
  if (dc_adapter_is_due(adapter) && dc_adapter_adapt(adapter, true, &error))
    fail_msg("%s", error.message);
}

/* Embeddings `first` to `end` of a stream in which the groups take turns and drift. */
static void
run(DcAdapter *adapter, size_t first, size_t end)
{
  for (size_t i = first; i < end; i++) {
    DcRandom random;
    float row[DIM];
    dc_random_seed(&random, i, 3);
    draw(&random, i % GROUPS, 0.001 * (double)i, row);
    push(adapter, row, i * 1000000);
  }
}

static DcAssignment
assign(DcAdapter *adapter, const float *row)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssigner *assigner = dc_assigner_new();
  DcMatrix matrix = dc_matrix(row, 1, DIM);
  DcAssignment found;
  assert_int_equal(dc_snapshot_assign(snapshot, assigner, &matrix, 0.01, &found), DC_OK);
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
  return found;
}

/* Numbers are numbers, within `bound`, and memory holds what it may. */
static void
assert_sane(DcAdapter *adapter, size_t clusters, double bound)
{
  DcAdapterStats stats = dc_adapter_stats(adapter);
  assert_int_equal(stats.clusters, clusters);
  assert_in_range(stats.remembered, 0, adapter->config.window);
  assert_true(isfinite(stats.mean_shift) && isfinite(stats.occupancy_entropy) &&
              isfinite(stats.displacement) && isfinite(stats.calm));
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  for (size_t i = 0; i < clusters * DIM; i++)
    assert_true(fabsf(centroids.data[i]) <= bound);
  dc_snapshot_unref(snapshot);
  const float row[DIM] = {1, 1, 1, 1, 1, 1};
  DcAssignment found = assign(adapter, row);
  assert_true(found.cluster < clusters && found.second < clusters);
  assert_true(found.confidence >= 0 && found.confidence <= 1.0001f && isfinite(found.distance));
}

/* --- whatever comes --- */

typedef void (*Feed)(DcAdapter *adapter, size_t i, float *row, uint64_t *time);

static void
one_image(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  for (size_t j = 0; j < DIM; j++)
    row[j] = 0.5f + 0.1f * (float)j;
  *time = i;
}

static void
nothing_but_zeros(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  memset(row, 0, DIM * sizeof *row);
  *time = i;
}

/* Fewer than there are clusters. */
static void
two_points(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  one_image(adapter, i, row, time);
  row[0] = i % 3 ? 1 : -1;
}

static void
groups_at(size_t i, double offset, float *row)
{
  DcRandom random;
  dc_random_seed(&random, i, 8);
  draw(&random, dc_random_below(&random, GROUPS), offset, row);
}

/* Another domain with every frame. */
static void
alternation(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  groups_at(i, 0, row);
  for (size_t j = 0; j < DIM && i % 2; j++)
    row[j] = 4 - row[j];
  *time = i * 40000000;
}

static void
clocks_that_jump(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  static const uint64_t times[] = {UINT64_MAX - 1, 5, DC_TIME_UNKNOWN, 0, 1u << 30};
  (void)adapter;
  groups_at(i, 0, row);
  *time = times[i % 5];
}

/* Nothing for days, again and again. */
static void
days_between(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  const uint64_t day = 86400000000000u;
  (void)adapter;
  groups_at(i, i / 100 * 0.5, row);
  *time = i * 40000000 + i / 100 * 3 * day;
}

static void
far_outliers(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  (void)adapter;
  groups_at(i, 0, row);
  for (size_t j = 0; j < DIM && i % 7 == 6; j++)
    row[j] *= 1e17f;
  *time = i;
}

/* One class alone, for long. */
static void
one_class(DcAdapter *adapter, size_t i, float *row, uint64_t *time)
{
  DcRandom random;
  (void)adapter;
  dc_random_seed(&random, i, 8);
  draw(&random, i < 100 ? i % GROUPS : 2, 0, row);
  *time = i * 1000000;
}

static void
nothing_breaks_a_method(void **state)
{
  (void)state;
  const struct {
    Feed feed;
    double bound; /* of the numbers of a centroid */
  } feeds[] = {{one_image, 1.5},      {nothing_but_zeros, 0}, {two_points, 1.5},
               {alternation, 8},      {clocks_that_jump, 8},  {days_between, 20},
               {far_outliers, 1e19f}, {one_class, 8}};
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number);
    for (size_t f = 0; f < sizeof feeds / sizeof *feeds; f++) {
      DcAdapterConfig config = config_of(&how);
      config.half_life = 500000000;
      DcAdapter *adapter = make(&config);
      for (size_t i = 0; i < 1500; i++) {
        float row[DIM];
        uint64_t time;
        feeds[f].feed(adapter, i, row, &time);
        push(adapter, row, time);
      }
      assert_sane(adapter, GROUPS, feeds[f].bound);
      dc_adapter_free(adapter);
    }
    dc_tdcm_free(how.module);
  }
}

/* An image for ever is one cluster, not thirty-two. */
static void
clusters_do_not_multiply(void **state)
{
  (void)state;
  for (int number = 0; number < DC_METHOD_COUNT; number++) {
    Way how = way(number);
    DcAdapterConfig config = config_of(&how);
    config.clusters = 0;
    DcAdapter *adapter = make(&config);
    for (size_t i = 0; i < 600; i++) {
      float row[DIM];
      uint64_t time;
      one_image(adapter, i, row, &time);
      push(adapter, row, time);
    }
    assert_sane(adapter, 1, 1.5);
    dc_adapter_free(adapter);
  }
}

static void
receiving_allocates_nothing(void **state)
{
  (void)state;
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number);
    DcAdapterConfig config = config_of(&how);
    config.interval = 100000;
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 70);
    DcError error;
    assert_int_equal(dc_adapter_adapt(adapter, true, &error), DC_OK);
    run(adapter, 70, 80); /* the scratch of assigning grows once */
    size_t before = allocations;
    for (size_t i = 0; i < 500; i++)
      run(adapter, 100 + i, 101 + i);
    assert_int_equal(allocations, before);
    dc_adapter_free(adapter);
    dc_tdcm_free(how.module);
  }
}

/* The change of method is whole or not made at all. */
static void
a_method_without_memory_is_refused(void **state)
{
  (void)state;
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number), other = {.method = DC_METHOD_NONE, .module = how.module};
    DcAdapterConfig config = config_of(&other);
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 100);
    DcAdapterConfig wanted = config;
    wanted.method = how.method;
    bool refused = true;
    for (size_t at = 0; refused; at++) {
      DcError error;
      fail_at = allocations + at;
      DcStatus status = dc_adapter_configure(adapter, &wanted, &error);
      fail_at = SIZE_MAX;
      refused = status != DC_OK;
      assert_true(!refused || status == DC_ERROR_MEMORY);
      run(adapter, 100 + 40 * at, 140 + 40 * at);
      assert_sane(adapter, GROUPS, 8);
    }
    assert_int_equal(adapter->config.method, how.method);
    dc_adapter_free(adapter);
    dc_tdcm_free(how.module);
  }
}

static void
a_module_of_another_dimension_is_refused(void **state)
{
  (void)state;
  DcTdcmModule *module = dc_tdcm_new(DIM + 1, DC_TDCM_QUADRATIC);
  Way how = {DC_METHOD_ATTENTION, module};
  DcAdapterConfig config = config_of(&how);
  DcAdapter *adapter;
  DcError error;
  assert_int_equal(dc_adapter_new(&config, DIM, "methods", &adapter, &error), DC_ERROR_SHAPE);
  assert_null(adapter);
  assert_non_null(strstr(error.message, "7 numbers"));
  config.module = NULL;
  adapter = make(&config);
  config.module = module; /* and it cannot change */
  assert_int_equal(dc_adapter_configure(adapter, &config, &error), DC_ERROR_ARGUMENT);
  dc_adapter_free(adapter);
  dc_tdcm_free(module);
}

/* --- out of sight --- */

/* One class fills the stream: nothing else moves. Transport moves all of them, with the scene. */
static void
a_cluster_out_of_sight_stays(void **state)
{
  (void)state;
  const DcMethod methods[] = {DC_METHOD_ATTENTION, DC_METHOD_K_MEANS, DC_METHOD_MIXTURE,
                              DC_METHOD_SECU};
  for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
    Way how = {.method = methods[m]};
    DcAdapterConfig config = config_of(&how);
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 512);
    float before[GROUPS * DIM];
    memcpy(before, adapter->clusters.centroids, sizeof before);
    float row[DIM] = {0};
    row[1] = 3;
    size_t seen = assign(adapter, row).cluster;
    for (size_t i = 0; i < 640; i++) {
      DcRandom random;
      dc_random_seed(&random, i, 77);
      draw(&random, 1, 0.8, row);
      push(adapter, row, (512 + i) * 1000000);
    }
    for (size_t k = 0; k < GROUPS; k++) {
      const float *now = adapter->clusters.centroids + k * DIM;
      double moved = 0;
      for (size_t j = 0; j < DIM; j++)
        moved += fabs((double)now[j] - before[k * DIM + j]);
      if (k == seen)
        assert_true(moved > 0.2);
      else
        assert_true(moved == 0);
    }
    dc_adapter_free(adapter);
  }
}

/* --- states --- */

static void
save(const DcAdapter *adapter, const char *path)
{
  DcState *saved = dc_state_capture(adapter);
  DcError error = {0};
  assert_non_null(saved);
  if (dc_state_write(saved, path, &error))
    fail_msg("%s", error.message);
  dc_state_free(saved);
}

static DcStatus
load(DcAdapter *adapter, const char *path, DcError *error)
{
  DcState *found;
  DcStatus status = dc_state_read(path, &found, error);
  if (!status)
    status = dc_state_restore(found, adapter, error);
  dc_state_free(found);
  return status;
}

static void
assert_equal_files(const char *one, const char *other)
{
  size_t sizes[2];
  unsigned char *bytes[] = {scratch_read(one, &sizes[0]), scratch_read(other, &sizes[1])};
  assert_int_equal(sizes[0], sizes[1]);
  assert_memory_equal(bytes[0], bytes[1], sizes[0]);
  free(bytes[0]);
  free(bytes[1]);
}

/* A restart in the middle of an interval changes no byte of the state at the end. */
static void
a_restart_goes_on_with_the_same_bytes(void **state)
{
  (void)state;
  for (int number = 0; number < WAYS; number++) {
    Way how = way(number);
    DcAdapterConfig config = config_of(&how);
    config.half_life = 200000000;
    DcAdapter *whole = make(&config), *second = make(&config);
    DcError error = {0};
    run(whole, 0, 333);
    save(whole, "middle");
    if (load(second, "middle", &error))
      fail_msg("%s", error.message);
    save(second, "again");
    assert_equal_files("middle", "again");
    run(whole, 333, 900);
    run(second, 333, 900);
    save(whole, "whole");
    save(second, "parts");
    assert_equal_files("whole", "parts");
    dc_adapter_free(whole);
    dc_adapter_free(second);
    dc_tdcm_free(how.module);
  }
}

/* The state of any method can be gone on from with any other. */
static void
a_state_serves_every_method(void **state)
{
  (void)state;
  for (int from = 0; from < WAYS; from++) {
    Way made = way(from);
    DcAdapterConfig config = config_of(&made);
    DcAdapter *first = make(&config);
    run(first, 0, 400);
    save(first, "state");
    for (int to = 0; to < WAYS; to++) {
      Way how = way(to);
      DcAdapterConfig other = config_of(&how);
      DcAdapter *second = make(&other);
      DcError error = {0};
      if (load(second, "state", &error))
        fail_msg("%s", error.message);
      run(second, 400, 500);
      assert_sane(second, GROUPS, 8);
      dc_adapter_free(second);
      dc_tdcm_free(how.module);
    }
    dc_adapter_free(first);
    dc_tdcm_free(made.module);
  }
}

typedef struct {
  int way;
  const char *name;
  size_t at;     /* number of the tensor */
  double number; /* that is put there */
  int fewer;     /* columns */
} Damage;

static void
damage(const char *path, const Damage *what)
{
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read(path, &file, NULL), DC_OK);
  DcTensor tensors[80];
  size_t count = dc_tensor_file_count(file);
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    tensors[i] = *dc_tensor_file_at(file, i);
    if (strcmp(tensors[i].name, what->name) != 0)
      continue;
    found = true;
    if (what->fewer) {
      tensors[i].shape[1]--;
      tensors[i].bytes = tensors[i].bytes / (tensors[i].shape[1] + 1) * tensors[i].shape[1];
    } else if (tensors[i].type == DC_TENSOR_F32) {
      ((float *)tensors[i].data)[what->at] = (float)what->number;
    } else {
      ((double *)tensors[i].data)[what->at] = what->number;
    }
  }
  assert_true(found);
  const char *const metadata[] = {"format", "driftcluster-state", "format_version", "1", "encoder",
                                  "methods"};
  assert_int_equal(dc_tensor_file_write("damaged", tensors, count, metadata, 3, 0, NULL), DC_OK);
  dc_tensor_file_free(file);
}

static void
damaged_states_are_refused(void **state)
{
  (void)state;
  const Damage cases[] = {
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 1, -1, 0},
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 0, NAN, 0},
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 0, INFINITY, 0},
      {DC_METHOD_MIXTURE, "mixture.responsibilities", 0, 0, 1},
      {DC_METHOD_MIXTURE, "mixture.bias", 0, 0.5, 0},
      {DC_METHOD_MIXTURE, "mixture.bias", 0, -INFINITY, 0},
      {DC_METHOD_MIXTURE, "mixture.pending", 0, 0, 1},
      {DC_METHOD_MIXTURE, "mixture.pending", 2, NAN, 0},
      {DC_METHOD_SECU, "secu.centres", 3, 1.5, 0},
      {DC_METHOD_SECU, "secu.centres", 3, NAN, 0},
      {DC_METHOD_SECU, "secu.centres", 0, 0, 1},
      {DC_METHOD_SECU, "secu.lengths", 0, INFINITY, 0},
      {DC_METHOD_SECU, "secu.lengths", 0, 0, 1},
      {DC_METHOD_SECU, "secu.counts", 0, -2, 0},
      {DC_METHOD_SECU, "secu.pending", 0, INFINITY, 0},
      {DC_METHOD_COUNT, "attention.scale", 0, 0, 0},
      {DC_METHOD_COUNT, "attention.scale", 0, NAN, 0},
      {DC_METHOD_COUNT, "attention.means", 2, INFINITY, 0},
      {DC_METHOD_COUNT, "attention.mass", 1, -1, 0},
      {DC_METHOD_COUNT, "attention.mass", 0, 0, 1},
      {DC_METHOD_COUNT, "attention.total", 0, -1, 0},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    Way how = way(cases[c].way);
    DcAdapterConfig config = config_of(&how);
    DcAdapter *adapter = make(&config);
    run(adapter, 0, 333);
    save(adapter, "sound");
    damage("sound", &cases[c]);
    DcError error = {0};
    DcStatus status = load(adapter, "damaged", &error);
    assert_true(status == DC_ERROR_FORMAT || status == DC_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.message, cases[c].name));
    save(adapter, "after"); /* nothing was touched */
    assert_equal_files("sound", "after");
    dc_adapter_free(adapter);
    dc_tdcm_free(how.module);
  }
}

/* --- a half-life is stream time --- */

/* How far the responsibilities of mixture, or the counts of secu, still remember 600 embeddings
 * after 300 others, which took `step` ns each. */
static double
remembered(DcMethod method, uint64_t half_life, uint64_t step)
{
  Way how = {.method = method};
  DcAdapterConfig config = config_of(&how);
  config.half_life = half_life;
  DcAdapter *adapter = make(&config);
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  float row[DIM];
  for (size_t i = 0; i < 900; i++) {
    draw(&random, i < 64 ? i % GROUPS : i < 600 ? 0 : 1, 0, row);
    push(adapter, row, i * step);
  }
  memset(row, 0, sizeof row);
  row[0] = 3;
  size_t old = assign(adapter, row).cluster;
  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
  size_t count = adapter->method->arrays(adapter, arrays);
  const DcMethodArray *counts =
      dc_method_array_find(arrays, count,
                           method == DC_METHOD_SECU ? "secu.counts" : "mixture.responsibilities",
                           DC_METHOD_DOUBLES);
  double share = ((const double *)counts->data)[old];
  dc_adapter_free(adapter);
  return share;
}

static void
half_lives_count_stream_time(void **state)
{
  (void)state;
  const DcMethod methods[] = {DC_METHOD_MIXTURE, DC_METHOD_SECU};
  for (size_t m = 0; m < 2; m++) {
    /* 100 embeddings: three half-lives later an eighth of what was is left. */
    double fast = remembered(methods[m], 100 * 1000, 1000);
    double slow = remembered(methods[m], 100 * 40000000ull, 40000000);
    double longer = remembered(methods[m], 300 * 1000, 1000);
    assert_near(fast, 100 / log(2) / 8, 4); /* the sum of a geometric series, by batches of 32 */
    assert_near(slow, fast, 0.05);          /* the clock starts with the first embedding */
    assert_true(longer > 2 * fast);
  }
}

/* --- beside the definitions --- */

/* One full step of the mixture is the M step of EM with the weights that ran along. */
static void
mixture_is_a_step_of_em(void **state)
{
  (void)state;
  Way how = {.method = DC_METHOD_MIXTURE};
  DcAdapterConfig config = config_of(&how);
  DcAdapter *adapter = make(&config);
  run(adapter, 0, 333);
  run(adapter, 333, 352); /* an adaptation is due and made: 64 + 9 x 32 */
  DcClusters *clusters = &adapter->clusters;
  DcMixture *mixture = dc_mixture_new(DC_COVARIANCE_SPHERICAL, GROUPS, DIM);
  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
  size_t count = adapter->method->arrays(adapter, arrays);
  const float *bias = dc_method_array_find(arrays, count, "mixture.bias", DC_METHOD_FLOATS)->data;
  double sum = 0;
  for (size_t k = 0; k < GROUPS; k++) {
    mixture->weights[k] = exp(bias[k]);
    mixture->covariances[k] = clusters->temperature / 2;
    sum += mixture->weights[k];
  }
  assert_near(sum, 1, 1e-6); /* single precision */
  for (size_t i = 0; i < GROUPS * DIM; i++)
    mixture->means[i] = clusters->centroids[i];
  /* What a reader sees is the posterior of that mixture. */
  float points[20 * DIM];
  double responsibilities[20 * GROUPS], likelihood;
  DcRandom random;
  dc_random_seed(&random, 4, 4);
  for (size_t i = 0; i < 20; i++)
    draw(&random, i % GROUPS, 0.5, points + i * DIM);
  DcMatrix rows = dc_matrix(points, 20, DIM);
  assert_int_equal(dc_mixture_expect_reference(mixture, &rows, responsibilities, &likelihood),
                   DC_OK);
  for (size_t i = 0; i < 20; i++) {
    DcAssignment found = assign(adapter, points + i * DIM);
    assert_near(found.confidence, responsibilities[i * GROUPS + found.cluster], 1e-4);
  }
  /* And the proposal is its M step over the memory, the strata one after the other. */
  DcMatrix memory = dc_memory_rows(clusters->memory);
  const float *weights = dc_memory_weights(clusters->memory, 0);
  float kept[256 * DIM];
  size_t filled = 0;
  for (size_t i = 0; i < memory.rows; i++)
    if (weights[i] > 0)
      memcpy(kept + DIM * filled++, dc_matrix_row(&memory, i), DIM * sizeof(float));
  DcMatrix members = dc_matrix(kept, filled, DIM);
  double *all = DC_NEW(double, filled *GROUPS);
  assert_int_equal(dc_mixture_expect_reference(mixture, &members, all, &likelihood), DC_OK);
  dc_mixture_maximise_reference(&members, all, 0, mixture);
  DcError error;
  assert_int_equal(dc_adapter_adapt(adapter, true, &error), DC_OK); /* nothing pending: only this */
  for (size_t i = 0; i < GROUPS * DIM; i++)
    assert_near(clusters->proposal[i], mixture->means[i], 1e-4); /* weights in single precision */
  dc_free(all);
  dc_mixture_free(mixture);
  dc_adapter_free(adapter);
}

static void
secu_is_its_definition(void **state)
{
  (void)state;
  enum { K = 5, BATCH = 32 };
  const DcSecuStreamOptions options = {
      .temperature = 0.05, .weight = 0.05, .horizon = 20, .half_life = 300, .most = 0.4};
  DcRandom random;
  dc_random_seed(&random, 2, 2);
  float start[K * DIM], batch[BATCH * DIM];
  double centres[K * DIM], lengths[K], counts[K] = {0};
  for (size_t i = 0; i < K * DIM; i++)
    start[i] = (float)dc_random_normal(&random);
  DcSecuStream *stream = dc_secu_stream_new(K, DIM, BATCH);
  DcMatrix centroids = dc_matrix(start, K, DIM);
  dc_secu_stream_start(stream, &centroids);
  for (size_t k = 0; k < K; k++) {
    lengths[k] = stream->lengths[k];
    for (size_t j = 0; j < DIM; j++)
      centres[k * DIM + j] = stream->centres[k * DIM + j];
  }
  for (size_t turn = 0; turn < 50; turn++) {
    DcMatrix rows = dc_matrix(batch, turn % 3 ? BATCH : 7, DIM);
    for (size_t i = 0; i < rows.rows; i++)
      draw(&random, dc_random_below(&random, K), 0.01 * (double)turn, batch + i * DIM);
    assert_int_equal(dc_secu_stream_step(stream, &options, &rows), DC_OK);
    assert_true(dc_secu_stream_reference(&options, &rows, K, centres, lengths, counts));
    for (size_t i = 0; i < K * DIM; i++)
      assert_near(stream->centres[i], centres[i], 1e-4); /* single precision, 50 steps */
    for (size_t k = 0; k < K; k++) {
      assert_near(stream->lengths[k], lengths[k], 1e-3);
      assert_near(stream->counts[k], counts[k], 1e-9);
    }
  }
  dc_secu_stream_free(stream);
}

static void
secu_steps_are_bounded(void **state)
{
  (void)state;
  const DcSecuStreamOptions options = {
      .temperature = 0.05, .weight = 0.01, .horizon = 1, .half_life = 10, .most = 0.25};
  const float start[2 * DIM] = {1, 0, 0, 0, 0, 0, /**/ 0, 0, 1, 0, 0, 0};
  DcSecuStream *stream = dc_secu_stream_new(2, DIM, 64);
  DcMatrix centroids = dc_matrix(start, 2, DIM);
  dc_secu_stream_start(stream, &centroids);
  float rows[64 * DIM] = {0};
  for (size_t i = 0; i < 64; i++)
    rows[i * DIM + 1] = 1e15f; /* as far from both, so hard */
  DcMatrix batch = dc_matrix(rows, 64, DIM);
  assert_int_equal(dc_secu_stream_step(stream, &options, &batch), DC_OK);
  /* u = 3/4 of the old and 1/4 of the new direction, at right angles: cos = 3 / sqrt(10) */
  size_t moved = stream->counts[0] > 0 ? 0 : 1;
  assert_near(stream->centres[moved * DIM + 2 * moved], 3 / sqrt(10), 1e-6);
  assert_true(stream->centres[(1 - moved) * DIM + 2 * (1 - moved)] == 1);
  rows[5] = NAN;
  assert_int_equal(dc_secu_stream_step(stream, &options, &batch), DC_ERROR_NOT_FINITE);
  assert_int_equal(stream->counts[moved], 64);
  DcMatrix wide = dc_matrix(rows, 64, DIM - 1), empty = dc_matrix(rows, 0, DIM);
  assert_int_equal(dc_secu_stream_step(stream, &options, &wide), DC_ERROR_SHAPE);
  assert_int_equal(dc_secu_stream_step(stream, &options, &empty), DC_ERROR_SHAPE);
  assert_null(dc_secu_stream_new(0, DIM, 64));
  assert_null(dc_secu_stream_new(SIZE_MAX / 2, DIM, 64));
  dc_secu_stream_free(stream);
}

/* Features and scores of the definition, by plain loops. */
static double
score_of(const DcTdcmModule *module, const double *z, const double *c)
{
  double product = 0, square = 0;
  for (size_t j = 0; j < DIM; j++) {
    double y = module->shift ? module->shift[j] : 0, e = y;
    for (size_t i = 0; i < DIM; i++) {
      y += z[i] * module->root[i * DIM + j];
      e += c[i] * module->root[i * DIM + j];
    }
    if (module->score == DC_TDCM_NONLINEAR) {
      y = asinh(y);
      e = asinh(e);
    }
    product += y * e;
    square += e * e;
  }
  return module->score == DC_TDCM_BILINEAR ? product : 2 * product - square;
}

/* The centroids go one block on and embeddings are read by the learned score. */
static void
attention_uses_its_module(void **state)
{
  (void)state;
  for (int number = 0; number < MODULES; number++) {
    DcTdcmModule *module = make_module((DcTdcmScore)number);
    Way how = {DC_METHOD_ATTENTION, module}, plain = {.method = DC_METHOD_ATTENTION};
    DcAdapterConfig config = config_of(&how), analytic = config_of(&plain);
    DcAdapter *adapter = make(&config), *other = make(&analytic);
    run(adapter, 0, 352);
    run(other, 0, 352);
    assert_memory_not_equal(adapter->clusters.centroids, other->clusters.centroids,
                            GROUPS * DIM * sizeof(float));
    DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
    size_t count = adapter->method->arrays(adapter, arrays);
    assert_int_equal(count, 4);
    const double *means = arrays[0].data, *mass = arrays[1].data;
    double scale = *(const double *)arrays[2].data, total = *(const double *)arrays[3].data;
    DcRandom random;
    dc_random_seed(&random, 6, 6);
    for (size_t n = 0; n < 40; n++) {
      float row[DIM];
      double z[DIM], c[DIM], scores[GROUPS], largest = -INFINITY, sum = 0;
      draw(&random, n % GROUPS, n % 3 * 0.5, row);
      for (size_t k = 0; k < GROUPS; k++) {
        for (size_t j = 0; j < DIM; j++) {
          z[j] = (row[j] - means[j]) / scale;
          c[j] = (adapter->clusters.centroids[k * DIM + j] - means[j]) / scale;
        }
        scores[k] = score_of(module, z, c);
        if (module->shares)
          scores[k] +=
              log(GROUPS * (mass[k] + module->epsilon) / (total + GROUPS * module->epsilon));
        largest = fmax(largest, scores[k]);
      }
      for (size_t k = 0; k < GROUPS; k++)
        sum += exp(scores[k] - largest);
      DcAssignment found = assign(adapter, row);
      /* Scores of some tens in single precision. */
      assert_near(found.confidence, exp(scores[found.cluster] - largest) / sum, 1e-4);
      assert_near(scores[found.cluster], largest, 1e-3);
    }
    dc_adapter_free(adapter);
    dc_adapter_free(other);
    dc_tdcm_free(module);
  }
}

/* From the centroids that dc_tdcm_apply() found with one block less, the last one is left to do. */
static void
a_module_goes_on_where_it_was(void **state)
{
  (void)state;
  enum { N = 200 };
  static float rows[N * DIM];
  DcRandom random;
  dc_random_seed(&random, 9, 9);
  for (size_t i = 0; i < N; i++)
    draw(&random, i % GROUPS, 0, rows + i * DIM);
  DcMatrix samples = dc_matrix(rows, N, DIM);
  for (int number = 0; number < MODULES; number++) {
    DcTdcmModule *module = make_module((DcTdcmScore)number);
    module->seeds = 1;
    module->shares = false; /* else the last block knows what the one before it saw */
    float whole[GROUPS * DIM], part[GROUPS * DIM], more[GROUPS * DIM];
    DcMatrix to = dc_matrix(whole, GROUPS, DIM), half = dc_matrix(part, GROUPS, DIM);
    DcMatrix end = dc_matrix(more, GROUPS, DIM);
    double means[DIM], mass[GROUPS];
    DcTdcmDomain domain = {.means = means, .mass = mass};
    module->blocks = 3;
    dc_random_seed(&random, 1, 1);
    assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &to, NULL, NULL, NULL), DC_OK);
    module->blocks = 1;
    dc_random_seed(&random, 1, 1);
    assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &half, NULL, NULL, NULL), DC_OK);
    assert_int_equal(dc_tdcm_continue(module, 2, &samples, NULL, &half, &end, &domain, NULL),
                     DC_OK);
    for (size_t i = 0; i < GROUPS * DIM; i++)
      assert_near(more[i], whole[i], 1e-4); /* the centroids between were rounded */
    double sum = 0;
    for (size_t k = 0; k < GROUPS; k++)
      sum += mass[k];
    assert_near(sum, N, 1e-3);
    /* Samples of weight 0 are not there. */
    float weights[N];
    for (size_t i = 0; i < N; i++)
      weights[i] = i < N / 2;
    DcMatrix first = dc_matrix(rows, N / 2, DIM);
    assert_int_equal(dc_tdcm_continue(module, 1, &first, NULL, &half, &to, &domain, NULL), DC_OK);
    assert_int_equal(dc_tdcm_continue(module, 1, &samples, weights, &half, &end, &domain, NULL),
                     DC_OK);
    for (size_t i = 0; i < GROUPS * DIM; i++)
      assert_near(more[i], whole[i], 1e-5);
    rows[7] = NAN;
    DcError error;
    assert_int_equal(dc_tdcm_continue(module, 1, &samples, NULL, &half, &end, &domain, &error),
                     DC_ERROR_NOT_FINITE);
    rows[7] = 0.2f;
    DcMatrix narrow = {part, GROUPS, DIM - 1, DIM};
    assert_int_equal(dc_tdcm_continue(module, 1, &samples, NULL, &narrow, &end, &domain, &error),
                     DC_ERROR_SHAPE);
    dc_tdcm_free(module);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_breaks_a_method),
      cmocka_unit_test(clusters_do_not_multiply),
      cmocka_unit_test(receiving_allocates_nothing),
      cmocka_unit_test(a_method_without_memory_is_refused),
      cmocka_unit_test(a_module_of_another_dimension_is_refused),
      cmocka_unit_test(a_cluster_out_of_sight_stays),
      cmocka_unit_test(a_restart_goes_on_with_the_same_bytes),
      cmocka_unit_test(a_state_serves_every_method),
      cmocka_unit_test(damaged_states_are_refused),
      cmocka_unit_test(half_lives_count_stream_time),
      cmocka_unit_test(mixture_is_a_step_of_em),
      cmocka_unit_test(secu_is_its_definition),
      cmocka_unit_test(secu_steps_are_bounded),
      cmocka_unit_test(attention_uses_its_module),
      cmocka_unit_test(a_module_goes_on_where_it_was),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
