/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_REPORT_CASE_H
#define DC_TESTS_REPORT_CASE_H

#include "scratch.h"

#include "report.h"
#include "store/png.h"

/* A small course of learning whose report can be foretold. */

#define CASE_SAMPLES  12
#define CASE_CLUSTERS 3
#define CASE_SIDE     8 /* a patch is drawn five times as large */
#define CASE_WIDTH    2

/* Clusters of 6, 4 and 2 samples around three corners, in the order of the samples. */
static const guint32 case_clusters[CASE_SAMPLES] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2};
/* One of the first cluster is of class 8: ACC and purity 11/12. */
static const guint32 case_labels[CASE_SAMPLES] = {7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 9, 9};
static const float case_centroids[CASE_CLUSTERS * CASE_WIDTH] = {0, 0, 4, 0, 0, 3};

typedef struct {
  float embeddings[CASE_SAMPLES * CASE_WIDTH];
  float samples[CASE_SAMPLES * CASE_SIDE * CASE_SIDE * 3];
  DcPatchSpec spec;
  DcCurves curves;
  DcReport report;
} ReportCase;

/* Sample i lies i hundredths beside its centroid, and is a patch of one colour, (10 + i, 200, 60),
 * which nothing else in a picture has. */
static inline void
case_init(ReportCase *what)
{
  *what = (ReportCase){.spec = dc_patch_spec(CASE_SIDE, CASE_SIDE, DC_CHANNELS_RGB)};
  const float mean[3] = {0.5f, 0.25f, 0}, deviation[3] = {0.25f, 0.5f, 1};
  memcpy(what->spec.mean, mean, sizeof mean);
  memcpy(what->spec.deviation, deviation, sizeof deviation);
  for (int i = 0; i < CASE_SAMPLES; i++) {
    const float colour[3] = {(float)(10 + i) / 255, 200 / 255.0f, 60 / 255.0f};
    for (int j = 0; j < CASE_SIDE * CASE_SIDE * 3; j++)
      what->samples[i * CASE_SIDE * CASE_SIDE * 3 + j] =
          (colour[j % 3] - mean[j % 3]) / deviation[j % 3];
    for (int j = 0; j < CASE_WIDTH; j++)
      what->embeddings[i * CASE_WIDTH + j] =
          case_centroids[case_clusters[i] * CASE_WIDTH + (guint32)j] + 0.01f * (float)i;
  }
  dc_curves_init(&what->curves);
  dc_curves_add(&what->curves, "autoencoder", "loss", 1, 0.5);
  dc_curves_add(&what->curves, "autoencoder", "loss", 2, 0.25);
  dc_curves_add(&what->curves, "clusters", "changed", 1, 0.125);
  dc_curves_add(&what->curves, "clusters", "changed", 2, NAN);
  what->report = (DcReport){
      .method = "dekm",
      .clustering = {.embeddings = dc_matrix(what->embeddings, CASE_SAMPLES, CASE_WIDTH),
                     .centroids = dc_matrix(case_centroids, CASE_CLUSTERS, CASE_WIDTH),
                     .clusters = case_clusters},
      .labels = case_labels,
      .spec = &what->spec,
      .samples = what->samples,
      .curves = &what->curves,
      .seed = 5,
      .threads = 2,
      .seconds = 1.5,
  };
}

static inline void
case_clear(ReportCase *what)
{
  dc_curves_clear(&what->curves);
}

static inline void
case_write(const ReportCase *what, const char *folder)
{
  GError *error = NULL;
  if (!dc_report_write(folder, &what->report, &error))
    fail_msg("%s", error->message);
}

/* How many pixels of a picture have exactly this colour. */
static inline size_t
count_pixels(const char *path, int red, int green, int blue)
{
  DcPicture picture;
  DcError error = {0};
  if (dc_png_read(path, &picture, &error) != DC_OK)
    fail_msg("%s", error.message);
  assert_int_equal(picture.channels, 3);
  size_t count = 0, pixels = (size_t)picture.width * (size_t)picture.height;
  for (size_t i = 0; i < pixels; i++)
    count += picture.pixels[3 * i] == red && picture.pixels[3 * i + 1] == green &&
             picture.pixels[3 * i + 2] == blue;
  dc_picture_clear(&picture);
  return count;
}

#endif
