/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include "base/random.h"
#include "image/descriptor.h"
#include "image/patch.h"
#include "store/shrink.h"

#include <stdbool.h>

/* Reading regions of frames, and describing them. Each figure is the median time of one region; the
 * regions of one run lie all over the frame, so that they are not all in the cache. */

enum { REGIONS = 64 };

typedef struct {
  DcImage image;
  DcRect regions[REGIONS];
  DcPatchReader *reader; /* or NULL, for a descriptor */
  DcDescriptor *descriptor;
  float *values;
} Work;

static void
run_regions(void *data)
{
  Work *work = data;
  for (int i = 0; i < REGIONS; i++) {
    if (work->reader)
      dc_patch_read(work->reader, &work->image, &work->regions[i], work->values);
    else
      dc_descriptor_run(work->descriptor, &work->image, &work->regions[i], work->values);
  }
}

/* A frame of noise; every format here fits in four bytes a pixel. */
static DcImage
make_image(DcPixelFormat format, int width, int height, DcRandom *random)
{
  size_t size = (size_t)width * (size_t)height;
  uint8_t *bytes = malloc(4 * size);
  if (!bytes)
    exit(1);
  for (size_t i = 0; i < 4 * size; i++)
    bytes[i] = (uint8_t)dc_random_bits(random);
  DcImage image = {.format = format,
                   .width = width,
                   .height = height,
                   .planes = {bytes, bytes + size, bytes + size + size / 4}};
  bool is_planar = format == DC_PIXELS_I420 || format == DC_PIXELS_NV12;
  image.strides[0] = format == DC_PIXELS_RGB ? 3 * width : is_planar ? width : 4 * width;
  image.strides[1] = format == DC_PIXELS_NV12 ? width : width / 2;
  image.strides[2] = width / 2;
  return image;
}

static void
place_regions(Work *work, int width, int height, DcRandom *random)
{
  for (int i = 0; i < REGIONS; i++)
    work->regions[i] =
        (DcRect){(int)dc_random_below(random, (uint32_t)(work->image.width - width + 1)),
                 (int)dc_random_below(random, (uint32_t)(work->image.height - height + 1)), width,
                 height};
}

static void
bench(const char *name, const char *format, Work *work, int width, int height, int side)
{
  enum { RUNS = 101 };
  double times[RUNS];
  run_regions(work);
  for (int i = 0; i < RUNS; i++)
    times[i] = bench_seconds(run_regions, work) / REGIONS;
  char parameters[128];
  snprintf(parameters, sizeof parameters,
           "\"format\": \"%s\", \"region\": \"%dx%d\", \"patch\": \"%dx%d\"", format, width, height,
           side, side);
  bench_print(name, parameters, 1e6 * bench_median(times, RUNS), "us");
}

/* --- Exemplars of gallery-sink --- */

typedef struct {
  DcImage image;
  DcRect region;
} Cut;

static void
run_cut(void *data)
{
  Cut *cut = data;
  DcPicture picture;
  if (dc_shrink(&cut->image, &cut->region, 256, &picture) != DC_OK)
    exit(1);
  dc_picture_clear(&picture);
}

static void
bench_cut(const char *format, DcPixelFormat pixels, int width, int height, DcRandom *random)
{
  enum { RUNS = 51 };
  double times[RUNS];
  Cut cut = {make_image(pixels, 1920, 1080, random), {0, 0, width, height}};
  run_cut(&cut);
  for (int i = 0; i < RUNS; i++)
    times[i] = bench_seconds(run_cut, &cut);
  char parameters[128];
  snprintf(parameters, sizeof parameters,
           "\"format\": \"%s\", \"frame\": \"1920x1080\", \"region\": \"%dx%d\"", format, width,
           height);
  bench_print("exemplar", parameters, 1e3 * bench_median(times, RUNS), "ms");
  free((void *)cut.image.planes[0]);
}

int
main(void)
{
  static const struct {
    const char *name;
    DcPixelFormat format;
  } formats[] = {{"I420", DC_PIXELS_I420},
                 {"NV12", DC_PIXELS_NV12},
                 {"RGB", DC_PIXELS_RGB},
                 {"BGRx", DC_PIXELS_BGRX}};
  static const int regions[][3] = {{64, 64, 32}, {48, 128, 64}, {640, 480, 64}, {640, 480, 224}};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++)
    for (size_t r = 0; r < sizeof regions / sizeof regions[0]; r++) {
      int width = regions[r][0], height = regions[r][1], side = regions[r][2];
      DcPatchSpec spec = dc_patch_spec(side, side, DC_CHANNELS_RGB);
      Work work = {.image = make_image(formats[f].format, 640, 480, &random),
                   .reader = dc_patch_reader_new(&spec),
                   .descriptor = dc_descriptor_new(),
                   .values = malloc(dc_patch_size(&spec) * sizeof(float))};
      if (!work.reader || !work.descriptor || !work.values)
        return 1;
      place_regions(&work, width, height, &random);
      bench("patch-read", formats[f].name, &work, width, height, side);
      dc_patch_reader_free(work.reader);
      work.reader = NULL;
      if (side < 224) /* which the descriptor does not ask for */
        bench("descriptor", formats[f].name, &work, width, height, 32);
      dc_descriptor_free(work.descriptor);
      free(work.values);
      free((void *)work.image.planes[0]);
    }
  for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
    bench_cut(formats[f].name, formats[f].format, 1920, 1080, &random);
    bench_cut(formats[f].name, formats[f].format, 200, 400, &random);
  }
  return 0;
}
