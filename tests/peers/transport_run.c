/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs transport tracking over files, for programs in other languages:
 *   transport_run FOLDER DIM [batch=64] [stated=64] [delay=0] [rate=1] [directions=0]
 *                       [prototypes=0] [shrinkage=0.5] [simple] [restarts=1]
 * FOLDER holds raw little-endian float32 rows of DIM numbers: source.f32, centroids.f32, stream.f32
 * and, unless the prototypes shall be fitted here, prototypes.f32 with owner.u32 and share.f64.
 * Rates and memories are `stated` for batches of that size. Writes labels.u32, one number per row
 * of the stream, and prints one JSON line of figures. */
#include "raw_files.h"

#include "cluster/transport_fit.h"
#include "cluster/transport_tracker.h"

#include <string.h>
#include <time.h>

typedef struct {
  size_t batch;
  DcTransportFitOptions fit;
  DcTransportOptions track;
} Settings;

static void
read_setting(const char *text, Settings *settings)
{
  double number = strchr(text, '=') ? atof(strchr(text, '=') + 1) : 0;
  if (!strncmp(text, "batch=", 6))
    settings->batch = (size_t)number;
  else if (!strncmp(text, "stated=", 7))
    settings->track.batch = (uint32_t)number;
  else if (!strncmp(text, "delay=", 6))
    settings->track.search_delay = (size_t)number;
  else if (!strncmp(text, "rate=", 5))
    settings->track.adaptation_rate = number;
  else if (!strncmp(text, "directions=", 11))
    settings->fit.directions = (size_t)number;
  else if (!strncmp(text, "prototypes=", 11))
    settings->fit.prototypes = (uint32_t)number;
  else if (!strncmp(text, "shrinkage=", 10))
    settings->fit.shrinkage = number;
  else if (!strncmp(text, "restarts=", 9))
    settings->track.restarts = number != 0;
  else if (!strcmp(text, "simple"))
    settings->track = dc_transport_options_simple();
  else
    fail(text, "unknown setting");
}

static DcTransportSource *
make_source(const char *folder, size_t dim, const DcTransportFitOptions *options)
{
  Content samples = read_file(folder, "source.f32"), centroids = read_file(folder, "centroids.f32");
  Content prototypes = read_file(folder, "prototypes.f32"), owner = read_file(folder, "owner.u32");
  Content share = read_file(folder, "share.f64");
  if (!samples.data || !centroids.data)
    fail(folder, "source.f32 or centroids.f32 is missing");
  DcMatrix source_rows = rows_of(&samples, dim), centroid_rows = rows_of(&centroids, dim);
  DcTransportSource *source = NULL;
  DcError error;
  DcStatus status;
  if (prototypes.data && owner.data && share.data) {
    DcMatrix places = rows_of(&prototypes, dim);
    status = dc_transport_fit_prototypes(&source_rows, &centroid_rows, &places, owner.data,
                                         share.data, options, &source, &error);
  } else {
    status = dc_transport_fit(&source_rows, &centroid_rows, options, &source, &error);
  }
  if (status)
    fail(folder, error.message);
  void *blocks[] = {samples.data, centroids.data, prototypes.data, owner.data, share.data};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
  return source;
}

static double
seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void
run(DcTransportTracker *tracker, const DcMatrix *stream, size_t batch, uint32_t *labels)
{
  double start = seconds();
  for (size_t row = 0; row < stream->rows; row += batch) {
    size_t left = stream->rows - row;
    DcMatrix part = dc_matrix_rows(stream, row, left < batch ? left : batch);
    if (dc_transport_tracker_step(tracker, &part, labels + row))
      fail("stream.f32", "a batch was refused");
  }
  double micros = 1e6 * (seconds() - start) / (double)stream->rows;
  DcTransportStats stats = dc_transport_tracker_stats(tracker);
  printf("{\"embeddings\": %zu, \"microseconds\": %.2f, \"selected\": %zu, \"remembered\": %zu, "
         "\"searches\": %llu, \"jumps\": %llu, \"restored\": %llu, \"displacement\": %.4f}\n",
         stream->rows, micros, stats.selected, stats.remembered, (unsigned long long)stats.searches,
         (unsigned long long)stats.jumps, (unsigned long long)stats.restored, stats.displacement);
}

int
main(int argc, char **argv)
{
  if (argc < 3 || atoi(argv[2]) < 1)
    fail("usage", "transport_run FOLDER DIM [setting...]");
  Settings settings = {64, dc_transport_fit_options(), dc_transport_options()};
  for (int i = 3; i < argc; i++)
    read_setting(argv[i], &settings);
  size_t dim = (size_t)atoi(argv[2]);
  Content content = read_file(argv[1], "stream.f32");
  if (!content.data || !settings.batch)
    fail(argv[1], "stream.f32 is missing, or batch is 0");
  DcMatrix stream = rows_of(&content, dim);
  uint32_t *labels = DC_NEW(uint32_t, stream.rows);
  DcTransportSource *source = make_source(argv[1], dim, &settings.fit);
  DcTransportTracker *tracker = NULL;
  DcError error;
  if (!labels || dc_transport_tracker_new(source, &settings.track, &tracker, &error))
    fail("tracker", error.message);
  run(tracker, &stream, settings.batch, labels);
  write_labels(argv[1], labels, stream.rows);
  dc_transport_tracker_free(tracker);
  dc_transport_source_unref(source);
  dc_free(labels);
  dc_free(content.data);
  return 0;
}
