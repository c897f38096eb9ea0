/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/patch.h"

#include "base/memory.h"
#include "base/random.h"
#include "test.h"

#include <string.h>

/* A job in every size that the tiles and panels of any level split differently. */
typedef struct {
  DcPatch patch;
  size_t pixels, channels, taps;
  float *input, *weight, *bias, *packed, *delta, *actual, *gradient;
  uint32_t *inputs, *outputs;
} Case;

#define MOST_TAPS ((size_t)4 * 40)

static float *
uniform(DcRandom *random, size_t count)
{
  float *values = DC_NEW(float, count);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(2 * dc_random_uniform(random) - 1);
  return values;
}

static Case
make_case(DcRandom *random, const DcPatchKernels *kernels, size_t rows, size_t run, size_t pixels,
          size_t channels)
{
  Case c = {.patch = {rows, 1, run, run + 3, 0},
            .pixels = pixels,
            .channels = channels,
            .taps = rows * run};
  const size_t size = 2 * pixels + rows * (run + 3);
  c.input = uniform(random, size);
  c.weight = uniform(random, c.taps * channels);
  c.bias = DC_NEW(float, dc_patch_panels_size(kernels, 1, channels));
  c.packed = DC_NEW(float, dc_patch_panels_size(kernels, c.taps, channels));
  c.delta = DC_NEW(float, dc_patch_panels_size(kernels, pixels, channels));
  c.actual = DC_NEW(float, pixels *channels + 1);
  c.gradient = uniform(random, c.taps * channels);
  c.inputs = DC_NEW(uint32_t, pixels);
  c.outputs = DC_NEW(uint32_t, pixels);
  for (size_t i = 0; i < channels; i++)
    c.bias[i] = (float)dc_random_uniform(random);
  for (size_t i = 0; i < pixels; i++) {
    c.inputs[i] = (uint32_t)(2 * i);
    c.outputs[i] = (uint32_t)((pixels - 1 - i) * channels); /* any order will do */
  }
  return c;
}

static void
free_case(Case *c)
{
  void *blocks[] = {c->input,  c->weight,   c->bias,   c->packed, c->delta,
                    c->actual, c->gradient, c->inputs, c->outputs};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
}

static void
to_panels(const DcPatchKernels *kernels, const float *from, size_t rows, size_t channels, float *to)
{
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < channels; j++) {
      const size_t first = j / kernels->panel * kernels->panel;
      const size_t panel = dc_patch_panel(kernels, channels - first);
      to[first * rows + i * panel + j - first] = from[i * channels + j];
    }
  }
}

static double
tap(const Case *c, size_t pixel, size_t k)
{
  const DcPatch *patch = &c->patch;
  return c->input[c->inputs[pixel] + k / patch->run * patch->row_stride + k % patch->run];
}

/* Sums of up to 160 products of numbers below 1, rounded once each: 160 * 160 * 2^-24 at worst, and
 * in practice the square root of it. */
#define TOLERANCE 5e-5

static void
check_product(const Case *c, DcPatchLimits limits)
{
  for (size_t pixel = 0; pixel < c->pixels; pixel++) {
    for (size_t channel = 0; channel < c->channels; channel++) {
      double sum = c->bias[channel];
      for (size_t k = 0; k < c->taps; k++)
        sum += tap(c, pixel, k) * c->weight[k * c->channels + channel];
      if (limits.used)
        sum = fmin(fmax(sum, limits.low), limits.high);
      assert_near(c->actual[c->outputs[pixel] + channel], sum, TOLERANCE);
    }
  }
  assert_true(c->actual[c->pixels * c->channels] == -77); /* nothing beyond the last channel */
}

static void
run_products(const DcPatchKernels *kernels, Case *c, DcPatchLimits limits)
{
  DcPatchProduct job = {.patch = c->patch,
                        .input = c->input,
                        .input_offsets = c->inputs,
                        .weight = c->packed,
                        .bias = c->bias,
                        .output = c->actual,
                        .output_offsets = c->outputs,
                        .pixels = c->pixels,
                        .channels = c->channels,
                        .limits = limits};
  to_panels(kernels, c->weight, c->taps, c->channels, c->packed);
  c->actual[c->pixels * c->channels] = -77;
  kernels->product(&job);
  check_product(c, limits);
  memset(c->actual, 0, c->pixels * c->channels * sizeof *c->actual);
  for (size_t k = 0; k < c->taps; k++) {
    for (size_t channel = 0; channel < c->channels; channel++)
      c->packed[channel * c->taps + k] = c->weight[k * c->channels + channel];
  }
  kernels->dot(&job);
  check_product(c, limits);
}

static void
run_gradient(const DcPatchKernels *kernels, Case *c)
{
  double *expected = DC_NEW(double, c->taps * c->channels);
  for (size_t k = 0; k < c->taps; k++) {
    for (size_t channel = 0; channel < c->channels; channel++) {
      double sum = c->gradient[k * c->channels + channel]; /* the kernel adds to what is there */
      for (size_t pixel = 0; pixel < c->pixels; pixel++)
        sum += tap(c, pixel, k) * c->actual[pixel * c->channels + channel];
      expected[k * c->channels + channel] = sum;
    }
  }
  to_panels(kernels, c->actual, c->pixels, c->channels, c->delta);
  const DcPatchGradient job = {.patch = c->patch,
                               .input = c->input,
                               .input_offsets = c->inputs,
                               .delta = c->delta,
                               .gradient = c->gradient,
                               .pixels = c->pixels,
                               .channels = c->channels};
  kernels->gradient(&job);
  for (size_t i = 0; i < c->taps * c->channels; i++)
    assert_near(c->gradient[i], expected[i], TOLERANCE * (double)c->pixels);
  dc_free(expected);
}

static void
every_level_gives_the_sums_of_the_definition(void **state)
{
  (void)state;
  static const size_t runs[] = {1, 5, 13, 29, 40};
  static const size_t channel_counts[] = {1, 3, 8, 10, 16, 17, 24, 31, 32, 33, 40, 64, 70};
  const DcPatchKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_patch_kernels_usable(tables);
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (size_t level = 0; level < levels; level++) {
    for (size_t pixels = 1; pixels <= 29; pixels++) {
      for (size_t i = 0; i < 13; i++) {
        const size_t rows = pixels % 5, run = runs[(pixels + i) % 5];
        Case c = make_case(&random, tables[level], rows, run, pixels, channel_counts[i]);
        assert_true(c.taps <= MOST_TAPS);
        run_products(tables[level], &c, (DcPatchLimits){0});
        run_gradient(tables[level], &c);
        run_products(tables[level], &c, (DcPatchLimits){true, -0.2f, 0.3f});
        free_case(&c);
      }
    }
  }
}

/* Three rows of four pixels out of an image of five columns. */
enum { WINDOW_ROWS = 3, WINDOW_COLUMNS = 4, IMAGE_COLUMNS = 5, KERNEL_COLUMNS = 6 };

static DcPatchWindow
window_of(const float *image, const float *weight, const float *bias, size_t channels,
          float *output)
{
  return (DcPatchWindow){.patch = {WINDOW_ROWS, WINDOW_COLUMNS, channels, IMAGE_COLUMNS * channels,
                                   channels},
                         .pixels = 1,
                         .scale = 0.5f,
                         .input = image,
                         .weight = weight,
                         .weight_row_stride = KERNEL_COLUMNS * channels,
                         .bias = bias,
                         .output = output};
}

static void
check_windows(const DcPatchKernels *kernels, size_t channels, DcRandom *random)
{
  float *image = uniform(random, WINDOW_ROWS * IMAGE_COLUMNS * channels);
  float *weight = uniform(random, WINDOW_ROWS * KERNEL_COLUMNS * channels);
  float *bias = uniform(random, channels), *output[3];
  void (*const windows[])(const DcPatchWindow *) = {kernels->weigh, kernels->add, kernels->maximum};
  for (size_t i = 0; i < 3; i++) {
    output[i] = DC_NEW(float, channels + 1);
    output[i][channels] = -77;
    const DcPatchWindow job = window_of(image, weight, bias, channels, output[i]);
    windows[i](&job);
    assert_true(output[i][channels] == -77);
  }
  for (size_t c = 0; c < channels; c++) {
    double weighed = bias[c], sum = 0, most = -INFINITY;
    for (size_t row = 0; row < WINDOW_ROWS; row++) {
      for (size_t column = 0; column < WINDOW_COLUMNS; column++) {
        const double x = image[(row * IMAGE_COLUMNS + column) * channels + c];
        weighed += x * weight[(row * KERNEL_COLUMNS + column) * channels + c];
        sum += x;
        most = x > most ? x : most;
      }
    }
    /* Twelve terms below 1, rounded once each. */
    assert_near(output[0][c], weighed, 2e-6);
    assert_near(output[1][c], sum / 2, 2e-6);
    assert_near(output[2][c], most, 0);
  }
  for (size_t i = 0; i < 3; i++)
    dc_free(output[i]);
  dc_free(image);
  dc_free(weight);
  dc_free(bias);
}

static void
every_level_gives_the_windows_of_the_definition(void **state)
{
  (void)state;
  const DcPatchKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_patch_kernels_usable(tables);
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  for (size_t level = 0; level < levels; level++) {
    for (size_t channels = 1; channels < 150; channels++)
      check_windows(tables[level], channels, &random);
  }
}

static void
a_nan_wins_every_maximum(void **state)
{
  (void)state;
  enum { CHANNELS = 67, FLOATS = WINDOW_ROWS * IMAGE_COLUMNS * CHANNELS };
  const DcPatchKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_patch_kernels_usable(tables);
  for (size_t level = 0; level < levels; level++) {
    for (size_t row = 0; row < WINDOW_ROWS; row++) {
      float image[FLOATS] = {0}, output[CHANNELS];
      for (size_t c = 0; c < CHANNELS; c += 2)
        image[(row * IMAGE_COLUMNS + row) * CHANNELS + c] = NAN;
      const DcPatchWindow job = window_of(image, NULL, NULL, CHANNELS, output);
      tables[level]->maximum(&job);
      for (size_t c = 0; c < CHANNELS; c++)
        assert_true(c % 2 ? output[c] == 0 : isnan(output[c]));
    }
  }
}

/* The rule of the core: a NaN never vanishes on the way. */
static void
every_level_lets_nan_through_the_relu(void **state)
{
  (void)state;
  const DcPatchKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_patch_kernels_usable(tables);
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (size_t level = 0; level < levels; level++) {
    Case c = make_case(&random, tables[level], 1, 3, 2, 2);
    c.bias[0] = -1000;
    c.weight[1] = NAN; /* of channel 1 */
    DcPatchProduct job = {.patch = c.patch,
                          .input = c.input,
                          .input_offsets = c.inputs,
                          .weight = c.packed,
                          .bias = c.bias,
                          .output = c.actual,
                          .output_offsets = c.outputs,
                          .pixels = 2,
                          .channels = 2,
                          .limits = {true, 0, INFINITY}};
    to_panels(tables[level], c.weight, 3, 2, c.packed);
    tables[level]->product(&job);
    assert_true(c.actual[0] == 0 && isnan(c.actual[1]));
    free_case(&c);
  }
}

static void
the_fastest_level_is_the_last_usable(void **state)
{
  (void)state;
  const DcPatchKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_patch_kernels_usable(tables);
  assert_in_range(levels, 1, DC_CPU_LEVELS);
  assert_string_equal(tables[0]->name, "baseline");
  assert_ptr_equal(dc_patch_kernels(), tables[levels - 1]);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_level_gives_the_sums_of_the_definition),
      cmocka_unit_test(every_level_gives_the_windows_of_the_definition),
      cmocka_unit_test(a_nan_wins_every_maximum),
      cmocka_unit_test(every_level_lets_nan_through_the_relu),
      cmocka_unit_test(the_fastest_level_is_the_last_usable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
