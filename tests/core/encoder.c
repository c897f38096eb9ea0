/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/encoder.h"

#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "image/descriptor.h"
#include "networks.h"
#include "nn/plan.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 24, HEIGHT = 18, DIM = 5, REGIONS = 7, FIRST_BAD = 2, SECOND_BAD = 4 };

/* Regions of several shapes; two have no pixel inside the picture. */
static const DcRect regions[REGIONS] = {
    {0, 0, WIDTH, HEIGHT}, {3, 2, 9, 7},  {WIDTH, 0, 4, 4}, {-2, -2, 8, 8},
    {5, 5, 0, 3},          {10, 4, 6, 6}, {17, 11, 30, 30},
};

static bool
is_bad(size_t region)
{
  return region == FIRST_BAD || region == SECOND_BAD;
}

static DcImage
random_image(uint8_t pixels[HEIGHT * WIDTH * 3])
{
  DcRandom random;
  dc_random_seed(&random, 11, 0);
  for (size_t i = 0; i < HEIGHT * WIDTH * 3; i++)
    pixels[i] = (uint8_t)dc_random_below(&random, 256);
  return (DcImage){.format = DC_PIXELS_RGB,
                   .width = WIDTH,
                   .height = HEIGHT,
                   .planes = {pixels},
                   .strides = {WIDTH * 3}};
}

static DcPatchSpec
small_spec(void)
{
  return dc_patch_spec(6, 4, DC_CHANNELS_RGB);
}

static DcNetwork *
dense_network(void)
{
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  return single_layer((DcShape){4, 6, 3}, (DcLayer){.kind = DC_LAYER_DENSE, .output = {1, 1, DIM}},
                      &random);
}

static DcEncoder *
encoder_of(const DcNetwork *network, size_t max_batch)
{
  DcPatchSpec spec = small_spec();
  DcEncoder *encoder;
  DcError error = {0};
  if (dc_encoder_new(&spec, network, "test-id", max_batch, &encoder, &error) != DC_OK)
    fail_msg("%s", error.message);
  return encoder;
}

/* The embedding of one region by the two references. */
static void
reference_embedding(const DcNetwork *network, const DcImage *image, const DcRect *region,
                    float embedding[DIM])
{
  float patch[4 * 6 * 3];
  DcPatchSpec spec = small_spec();
  assert_int_equal(dc_patch_read_reference(&spec, image, region, patch), DC_OK);
  assert_int_equal(dc_network_run_reference(network, patch, 1, embedding), DC_OK);
}

/* Whatever the size of the batches, and whatever falls out of them, each region gets its own. */
static void
each_region_gets_its_embedding(void **state)
{
  (void)state;
  uint8_t pixels[HEIGHT * WIDTH * 3];
  DcImage image = random_image(pixels);
  DcNetwork *network = dense_network();
  for (size_t max_batch = 1; max_batch <= REGIONS + 1; max_batch++) {
    DcEncoder *encoder = encoder_of(network, max_batch);
    assert_int_equal(dc_encoder_dim(encoder), DIM);
    assert_string_equal(dc_encoder_id(encoder), "test-id");
    float embeddings[REGIONS][DIM];
    bool valid[REGIONS];
    assert_int_equal(dc_encoder_run(encoder, &image, regions, REGIONS, embeddings[0], valid),
                     DC_OK);
    for (size_t i = 0; i < REGIONS; i++) {
      assert_int_equal(valid[i], !is_bad(i));
      float expected[DIM] = {0};
      if (!is_bad(i))
        reference_embedding(network, &image, &regions[i], expected);
      /* Sums of 72 products of numbers up to 1 in float against double. */
      for (size_t j = 0; j < DIM; j++)
        assert_float_equal(embeddings[i][j], expected[j], 1e-5);
    }
    assert_int_equal(dc_encoder_not_finite(encoder), 0);
    dc_encoder_free(encoder);
  }
  dc_network_free(network);
}

/* A network as large as those for photographs, which looks at one number of each patch. */
static DcNetwork *
large_network(const DcPatchSpec *spec)
{
  DcNetwork *network =
      dc_network_new((DcShape){spec->height, spec->width, dc_patch_channels(spec)});
  const DcLayer average = {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL};
  assert_int_equal(dc_network_add(network, &average, NULL), DC_OK);
  return network;
}

/* The largest batch of the largest patches is not what memory is asked for, and every region still
 * gets its embedding. */
static void
large_patches_do_not_add_up(void **state)
{
  (void)state;
  const DcPatchSpec specs[] = {dc_patch_spec(224, 224, DC_CHANNELS_RGB),
                               dc_patch_spec(1400, 1200, DC_CHANNELS_RGB)};
  uint8_t pixels[HEIGHT * WIDTH * 3];
  DcImage image = random_image(pixels);
  for (size_t s = 0; s < 2; s++) {
    const size_t patch = dc_patch_size(&specs[s]) * sizeof(float);
    DcNetwork *network = large_network(&specs[s]);
    DcEncoder *encoder, *single;
    largest_allocation = 0;
    assert_int_equal(dc_encoder_new(&specs[s], network, "id", DC_ENCODER_MAX_BATCH, &encoder, NULL),
                     DC_OK);
    assert_true(largest_allocation <= (s == 0 ? DC_ENCODER_BATCH_BYTES : patch + DC_ALIGNMENT));
    assert_int_equal(dc_encoder_new(&specs[s], network, "id", 1, &single, NULL), DC_OK);
    enum { COUNT = 40 };
    DcRect all[COUNT];
    float embeddings[COUNT][3], expected[3];
    bool valid[COUNT], is_valid;
    for (int i = 0; i < COUNT; i++)
      all[i] = (DcRect){i % WIDTH, i % HEIGHT, 2, 2};
    assert_int_equal(dc_encoder_run(encoder, &image, all, COUNT, embeddings[0], valid), DC_OK);
    for (int i = 0; i < COUNT; i += 13) {
      assert_int_equal(dc_encoder_run(single, &image, &all[i], 1, expected, &is_valid), DC_OK);
      assert_true(valid[i] && is_valid);
      /* The same sums, whatever else is in the batch. */
      assert_memory_equal(embeddings[i], expected, sizeof expected);
    }
    dc_encoder_free(encoder);
    dc_encoder_free(single);
    dc_network_free(network);
  }
}

static void
no_regions_are_no_work(void **state)
{
  (void)state;
  uint8_t pixels[HEIGHT * WIDTH * 3];
  DcImage image = random_image(pixels);
  DcNetwork *network = dense_network();
  DcEncoder *encoder = encoder_of(network, 2);
  float embedding[DIM];
  bool valid;
  assert_int_equal(dc_encoder_run(encoder, &image, regions, 0, embedding, &valid), DC_OK);
  assert_int_equal(dc_encoder_run(encoder, &image, &regions[FIRST_BAD], 1, embedding, &valid),
                   DC_OK);
  assert_false(valid);
  dc_encoder_free(encoder);
  dc_network_free(network);
}

/* A network that overflows where a patch is bright gives no number there, and the right ones
 * beside. */
static void
embeddings_that_are_not_finite_are_refused(void **state)
{
  (void)state;
  static uint8_t pixels[2 * 8 * 3];
  memset(pixels + 8 * 3, 255, 8 * 3);
  DcImage image = {
      .format = DC_PIXELS_RGB, .width = 8, .height = 2, .planes = {pixels}, .strides = {8 * 3}};
  DcNetwork *network = dense_network();
  DcLayer *layer = dc_network_layer(network, 0);
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = 3e38f;
  layer->bias[0] = 0.25f;
  DcEncoder *encoder = encoder_of(network, 3);
  const DcRect rows[3] = {{0, 0, 8, 1}, {0, 1, 8, 1}, {0, 0, 8, 1}};
  float embeddings[3][DIM];
  bool valid[3];
  assert_int_equal(dc_encoder_run(encoder, &image, rows, 3, embeddings[0], valid), DC_OK);
  assert_true(valid[0] && !valid[1] && valid[2]);
  assert_int_equal(dc_encoder_not_finite(encoder), 1);
  for (size_t j = 0; j < DIM; j++)
    assert_true(embeddings[1][j] == 0);
  assert_true(embeddings[2][0] == 0.25f);
  assert_int_equal(dc_encoder_run(encoder, &image, rows, 1, embeddings[0], valid), DC_OK);
  assert_int_equal(dc_encoder_not_finite(encoder), 0);
  dc_encoder_free(encoder);
  dc_network_free(network);
}

static void
assert_refused(const DcPatchSpec *spec, const DcNetwork *network, size_t max_batch,
               DcStatus expected, const char *word)
{
  DcEncoder *encoder = (DcEncoder *)spec; /* anything but NULL */
  DcError error = {0};
  assert_int_equal(dc_encoder_new(spec, network, "id", max_batch, &encoder, &error), expected);
  assert_null(encoder);
  assert_int_equal(error.status, expected);
  assert_non_null(strstr(error.message, word));
}

static void
parts_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  DcNetwork *network = dense_network();
  DcPatchSpec spec = small_spec();
  assert_refused(&spec, network, 0, DC_ERROR_ARGUMENT, "batch of 0");
  assert_refused(&spec, network, DC_ENCODER_MAX_BATCH + 1, DC_ERROR_ARGUMENT, "1024");
  DcPatchSpec transposed = dc_patch_spec(4, 6, DC_CHANNELS_RGB);
  assert_refused(&transposed, network, 1, DC_ERROR_MISMATCH, "6 x 4 x 3");
  DcPatchSpec gray = dc_patch_spec(6, 4, DC_CHANNELS_GRAY);
  assert_refused(&gray, network, 1, DC_ERROR_MISMATCH, "4 x 6 x 1");
  spec.deviation[1] = 0;
  assert_refused(&spec, network, 1, DC_ERROR_ARGUMENT, "deviation");
  dc_network_free(network);
}

static void
network_that_ends_in_a_map_is_refused(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  static const int no_padding[4] = {0};
  DcNetwork *network = single_layer((DcShape){4, 6, 3},
                                    window_layer(DC_LAYER_CONV2D, 3, 3, 1, no_padding, 2), &random);
  DcPatchSpec spec = small_spec();
  assert_refused(&spec, network, 1, DC_ERROR_MISMATCH, "2 x 4 x 2");
  dc_network_free(network);
}

static void
runs_do_not_allocate(void **state)
{
  (void)state;
  uint8_t pixels[HEIGHT * WIDTH * 3];
  DcImage image = random_image(pixels);
  DcNetwork *network = dense_network();
  DcEncoder *encoders[2] = {encoder_of(network, 3)};
  assert_int_equal(dc_encoder_new_descriptor(&encoders[1], NULL), DC_OK);
  for (size_t e = 0; e < 2; e++) {
    float *embeddings = calloc(REGIONS * dc_encoder_dim(encoders[e]), sizeof *embeddings);
    bool valid[REGIONS];
    for (int warm = 0; warm < 2; warm++) {
      size_t before = allocations;
      assert_int_equal(dc_encoder_run(encoders[e], &image, regions, REGIONS, embeddings, valid),
                       DC_OK);
      if (warm)
        assert_int_equal(allocations, before);
    }
    free(embeddings);
    dc_encoder_free(encoders[e]);
  }
  dc_network_free(network);
}

/* Whichever allocation fails, it is reported and nothing leaks (valgrind, LeakSanitizer). */
static void
short_memory_is_reported(void **state)
{
  (void)state;
  DcNetwork *network = dense_network();
  DcPatchSpec spec = small_spec();
  DcEncoder *encoder = NULL;
  size_t failures = 0;
  for (;; failures++) {
    assert_true(failures < 1000);
    fail_at = allocations + failures;
    DcStatus status = dc_encoder_new(&spec, network, "id", 2, &encoder, NULL);
    fail_at = SIZE_MAX;
    if (status == DC_OK)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_null(encoder);
  }
  assert_true(failures >= 5);
  dc_encoder_free(encoder);
  fail_at = allocations;
  assert_int_equal(dc_encoder_new_descriptor(&encoder, NULL), DC_ERROR_MEMORY);
  fail_at = SIZE_MAX;
  dc_network_free(network);
}

static void
descriptor_describes_the_same_regions(void **state)
{
  (void)state;
  uint8_t pixels[HEIGHT * WIDTH * 3];
  DcImage image = random_image(pixels);
  DcEncoder *encoder;
  assert_int_equal(dc_encoder_new_descriptor(&encoder, NULL), DC_OK);
  assert_string_equal(dc_encoder_id(encoder), DC_DESCRIPTOR_NAME);
  size_t dim = dc_encoder_dim(encoder);
  assert_int_equal(dim, dc_descriptor_size());
  float *embeddings = calloc((REGIONS + 1) * dim, sizeof *embeddings);
  float *expected = embeddings + REGIONS * dim;
  bool valid[REGIONS];
  assert_int_equal(dc_encoder_run(encoder, &image, regions, REGIONS, embeddings, valid), DC_OK);
  DcDescriptor *descriptor = dc_descriptor_new();
  for (size_t i = 0; i < REGIONS; i++) {
    assert_int_equal(valid[i], !is_bad(i));
    if (!is_bad(i))
      assert_int_equal(dc_descriptor_run(descriptor, &image, &regions[i], expected), DC_OK);
    else
      memset(expected, 0, dim * sizeof *expected);
    assert_memory_equal(embeddings + i * dim, expected, dim * sizeof *expected);
  }
  dc_descriptor_free(descriptor);
  free(embeddings);
  dc_encoder_free(encoder);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_region_gets_its_embedding),
      cmocka_unit_test(large_patches_do_not_add_up),
      cmocka_unit_test(no_regions_are_no_work),
      cmocka_unit_test(embeddings_that_are_not_finite_are_refused),
      cmocka_unit_test(parts_that_do_not_fit_are_refused),
      cmocka_unit_test(network_that_ends_in_a_map_is_refused),
      cmocka_unit_test(runs_do_not_allocate),
      cmocka_unit_test(short_memory_is_reported),
      cmocka_unit_test(descriptor_describes_the_same_regions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
