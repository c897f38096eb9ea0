/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs an adapter over files, for programs in other languages:
 *   adapter_run FOLDER DIM CLUSTERS [method=transport] [warm-up=256] [interval=64] [window=4096]
 *               [rate=1] [effort=simple] [align=moments] [given] [late] [model=FILE]
 * FOLDER holds raw float32 rows of DIM numbers: stream.f32 and, for `given`, centroids.f32 to start
 * from in place of a warm-up. Writes labels.u32: each embedding is assigned by the newest snapshot
 * before it is pushed, or with `late` after it, as behind an adapt-centroids; those of the warm-up
 * get UINT32_MAX. `model` starts from a model as that element does. Prints one JSON line of
 * figures. */
#include "raw_files.h"

#include "store/model_file.h"
#include "stream/adapter.h"

#include <string.h>

static DcMethod
find_method(const char *name)
{
  for (int method = 0; method < DC_METHOD_COUNT; method++)
    if (!strcmp(dc_method_name((DcMethod)method), name))
      return (DcMethod)method;
  fail(name, "unknown method");
  return DC_METHOD_NONE;
}

static void
read_setting(const char *text, DcAdapterConfig *config)
{
  const char *value = strchr(text, '=');
  double number = value ? atof(value + 1) : 0;
  if (!strncmp(text, "method=", 7))
    config->method = find_method(value + 1);
  else if (!strncmp(text, "warm-up=", 8))
    config->warm_up = (size_t)number;
  else if (!strncmp(text, "interval=", 9))
    config->interval = (size_t)number;
  else if (!strncmp(text, "window=", 7))
    config->window = (size_t)number;
  else if (!strcmp(text, "effort=simple"))
    config->effort = DC_EFFORT_SIMPLE;
  else if (!strcmp(text, "align=moments"))
    config->align = DC_ALIGN_MOMENTS;
  else if (!strncmp(text, "rate=", 5))
    config->adaptation_rate = number;
  else if (strcmp(text, "given") && strcmp(text, "late") && strncmp(text, "model=", 6))
    fail(text, "unknown setting");
}

static void
check(DcStatus status, const DcError *error)
{
  if (status)
    fail("adapter", error->message);
}

static uint32_t
label_of(DcAdapter *adapter, DcAssigner *assigner, const DcMatrix *row)
{
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssignment assignment = {.cluster = UINT32_MAX};
  if (snapshot)
    dc_snapshot_assign(snapshot, assigner, row, 0, &assignment);
  dc_snapshot_unref(snapshot);
  return assignment.cluster;
}

/* Of how many times separation was lost. */
static unsigned separations_lost;

static void
run(DcAdapter *adapter, const DcMatrix *stream, bool late, uint32_t *labels)
{
  DcError error;
  DcPushResult result;
  DcAssigner *assigner = dc_assigner_new();
  for (size_t row = 0; row < stream->rows; row++) {
    DcMatrix one = dc_matrix_rows(stream, row, 1);
    labels[row] = label_of(adapter, assigner, &one);
    check(dc_adapter_push(adapter, &one, row, &result), &error);
    if (dc_adapter_is_due(adapter)) {
      bool lost = dc_adapter_stats(adapter).separation_lost;
      check(dc_adapter_adapt(adapter, true, &error), &error);
      separations_lost += !lost && dc_adapter_stats(adapter).separation_lost;
    }
    if (late)
      labels[row] = label_of(adapter, assigner, &one);
  }
  dc_assigner_free(assigner);
}

/* The last argument that begins with `name`, behind it; NULL: there is none. */
static const char *
find_argument(int argc, char **argv, const char *name)
{
  for (int i = argc - 1; i >= 4; i--)
    if (!strncmp(argv[i], name, strlen(name)))
      return argv[i] + strlen(name);
  return NULL;
}

static DcModel *
read_model(const char *path, DcAdapterConfig *config)
{
  DcModel *model = NULL;
  DcError error;
  if (!path)
    return NULL;
  check(dc_model_read(path, &model, &error), &error);
  config->module = model->attention;
  config->source = model->source;
  return model;
}

/* Starts from a model or given centroids, if there are any. */
static void
start(DcAdapter *adapter, const DcModel *model, const DcMatrix *given)
{
  DcError error;
  if (model) {
    DcMatrix centroids = dc_matrix(model->centroids, model->clusters, model->dim);
    check(dc_adapter_start(adapter, &centroids, model->spread, NULL, &error), &error);
  } else if (given) {
    check(dc_adapter_start(adapter, given, NULL, NULL, &error), &error);
  }
}

static void
print_stats(const DcAdapterStats *stats)
{
  printf("{\"clusters\": %zu, \"transported\": %s, \"expert\": %zu, \"domains\": %zu, "
         "\"calm\": %.3f, \"displacement\": %.3f, \"jumps\": %llu, \"margin\": %.3f, "
         "\"margin_reference\": %.3f, \"fit\": %.3f, \"separation_lost\": %s, \"losses\": %u}\n",
         stats->clusters, stats->transported ? "true" : "false", stats->expert, stats->domains,
         stats->calm, stats->displacement, (unsigned long long)stats->jumps, stats->margin,
         stats->margin_reference, stats->fit, stats->separation_lost ? "true" : "false",
         separations_lost);
}

int
main(int argc, char **argv)
{
  if (argc < 4 || atoi(argv[2]) < 1 || atoi(argv[3]) < 0)
    fail("usage", "adapter_run FOLDER DIM CLUSTERS [setting...]");
  size_t dim = (size_t)atoi(argv[2]);
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = (uint32_t)atoi(argv[3]);
  for (int i = 4; i < argc; i++)
    read_setting(argv[i], &config);
  bool given = find_argument(argc, argv, "given") != NULL;
  Content content = read_file(argv[1], "stream.f32"), first = read_file(argv[1], "centroids.f32");
  if (!content.data || (given && !first.data))
    fail(argv[1], "stream.f32 or centroids.f32 is missing");
  DcMatrix stream = rows_of(&content, dim), centroids = rows_of(&first, dim);
  uint32_t *labels = DC_NEW(uint32_t, stream.rows);
  DcModel *model = read_model(find_argument(argc, argv, "model="), &config);
  DcAdapter *adapter = NULL;
  DcError error;
  check(dc_adapter_new(&config, dim, "raw", &adapter, &error), &error);
  start(adapter, model, given ? &centroids : NULL);
  run(adapter, &stream, find_argument(argc, argv, "late") != NULL, labels);
  write_labels(argv[1], labels, stream.rows);
  DcAdapterStats stats = dc_adapter_stats(adapter);
  print_stats(&stats);
  dc_adapter_free(adapter);
  dc_model_free(model);
  dc_free(labels);
  dc_free(first.data);
  dc_free(content.data);
  return 0;
}
