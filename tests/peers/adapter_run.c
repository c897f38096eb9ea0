/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs an adapter over files, for programs in other languages:
 *   adapter_run FOLDER DIM CLUSTERS [method=transport] [warm-up=256] [interval=64] [window=4096]
 *               [rate=1] [given]
 * FOLDER holds raw float32 rows of DIM numbers: stream.f32 and, for `given`, centroids.f32 to start
 * from in place of a warm-up. Writes labels.u32: each embedding is assigned by the newest snapshot
 * before it is pushed; those of the warm-up get UINT32_MAX. Prints one JSON line of figures. */
#include "raw_files.h"

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
  else if (!strncmp(text, "rate=", 5))
    config->adaptation_rate = number;
  else if (strcmp(text, "given"))
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

static void
run(DcAdapter *adapter, const DcMatrix *stream, uint32_t *labels)
{
  DcError error;
  DcPushResult result;
  DcAssigner *assigner = dc_assigner_new();
  for (size_t row = 0; row < stream->rows; row++) {
    DcMatrix one = dc_matrix_rows(stream, row, 1);
    labels[row] = label_of(adapter, assigner, &one);
    check(dc_adapter_push(adapter, &one, row, &result), &error);
    if (dc_adapter_is_due(adapter))
      check(dc_adapter_adapt(adapter, true, &error), &error);
  }
  dc_assigner_free(assigner);
}

int
main(int argc, char **argv)
{
  if (argc < 4 || atoi(argv[2]) < 1 || atoi(argv[3]) < 0)
    fail("usage", "adapter_run FOLDER DIM CLUSTERS [setting...]");
  size_t dim = (size_t)atoi(argv[2]);
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = (uint32_t)atoi(argv[3]);
  int given = 0;
  for (int i = 4; i < argc; i++) {
    read_setting(argv[i], &config);
    given |= !strcmp(argv[i], "given");
  }
  Content content = read_file(argv[1], "stream.f32"), start = read_file(argv[1], "centroids.f32");
  if (!content.data || (given && !start.data))
    fail(argv[1], "stream.f32 or centroids.f32 is missing");
  DcMatrix stream = rows_of(&content, dim), centroids = rows_of(&start, dim);
  uint32_t *labels = DC_NEW(uint32_t, stream.rows);
  DcAdapter *adapter = NULL;
  DcError error;
  check(dc_adapter_new(&config, dim, "raw", &adapter, &error), &error);
  if (given)
    check(dc_adapter_start(adapter, &centroids, NULL, NULL, &error), &error);
  run(adapter, &stream, labels);
  write_labels(argv[1], labels, stream.rows);
  DcAdapterStats stats = dc_adapter_stats(adapter);
  printf("{\"clusters\": %zu, \"transported\": %s, \"expert\": %zu, \"domains\": %zu, "
         "\"calm\": %.3f, \"displacement\": %.3f, \"jumps\": %llu}\n",
         stats.clusters, stats.transported ? "true" : "false", stats.expert, stats.domains,
         stats.calm, stats.displacement, (unsigned long long)stats.jumps);
  dc_adapter_free(adapter);
  dc_free(labels);
  dc_free(start.data);
  dc_free(content.data);
  return 0;
}
