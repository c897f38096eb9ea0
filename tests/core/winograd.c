/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/winograd.h"

#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "test.h"

#include <float.h>
#include <string.h>

/* One convolution by every way. */
typedef struct {
  DcConvolutionShape shape;
  size_t images, in, out; /* floats of all images; `out` with what lies between the pixels */
  float *large, *weight, *bias, *small;
  double *expected;
} Case;

static float *
uniform(DcRandom *random, size_t count, double range)
{
  float *values = DC_NEW(float, count);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(range * (2 * dc_random_uniform(random) - 1));
  return values;
}

static DcConvolutionShape
shape_of(DcShape large, int channels, int top, int left, int bottom, int right)
{
  return (DcConvolutionShape){.large = large,
                              .small = {large.height + top + bottom - 2,
                                        large.width + left + right - 2, channels},
                              .kernel_height = 3,
                              .kernel_width = 3,
                              .top = top,
                              .left = left,
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .groups = 1,
                              .small_stride = (size_t)channels};
}

/* The definition, in double. */
static double
sum_reference(const Case *c, size_t image, int row, int column, size_t channel)
{
  const DcShape large = c->shape.large;
  const size_t in = (size_t)large.channels, out = (size_t)c->shape.small.channels;
  double sum = c->bias[channel];
  for (int tap = 0; tap < 9; tap++) {
    const int y = row + tap / 3 - c->shape.top, x = column + tap % 3 - c->shape.left;
    if (y < 0 || y >= large.height || x < 0 || x >= large.width)
      continue;
    const size_t pixel =
        (image * (size_t)large.height + (size_t)y) * (size_t)large.width + (size_t)x;
    for (size_t k = 0; k < in; k++)
      sum += (double)c->large[pixel * in + k] * c->weight[((size_t)tap * in + k) * out + channel];
  }
  return sum;
}

static Case
make_case(DcConvolutionShape shape, size_t images, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, 3);
  const size_t pixels = (size_t)shape.small.height * (size_t)shape.small.width * images;
  const size_t in = (size_t)shape.large.channels, out = (size_t)shape.small.channels;
  Case c = {.shape = shape,
            .images = images,
            .in = images * dc_shape_size(shape.large),
            .out = pixels * shape.small_stride};
  c.large = uniform(&random, c.in, 1);
  c.weight = uniform(&random, 9 * in * out, 2 / sqrt(9.0 * (double)in));
  c.bias = uniform(&random, out, 0.5);
  c.small = DC_NEW(float, c.out);
  c.expected = DC_NEW(double, pixels *out);
  const size_t width = (size_t)shape.small.width, size = (size_t)shape.small.height * width;
  for (size_t i = 0; i < pixels * out; i++) {
    const size_t pixel = i / out % size;
    c.expected[i] =
        sum_reference(&c, i / out / size, (int)(pixel / width), (int)(pixel % width), i % out);
  }
  return c;
}

static void
free_case(Case *c)
{
  dc_free(c->large);
  dc_free(c->weight);
  dc_free(c->bias);
  dc_free(c->small);
  dc_free(c->expected);
}

static void
run_winograd(const Case *c, DcPatchLimits limits)
{
  DcWinograd *winograd;
  assert_int_equal(dc_winograd_new(&c->shape, c->images, &winograd), DC_OK);
  dc_winograd_pack(winograd, c->weight, c->bias);
  const size_t floats = dc_winograd_scratch(winograd);
  float *scratch = DC_NEW(float, floats + 1);
  scratch[floats] = -77;
  dc_winograd_apply(winograd, c->large, c->images, limits, c->small, scratch);
  assert_true(scratch[floats] == -77);
  dc_free(scratch);
  dc_winograd_free(winograd);
}

static void
run_direct(const Case *c)
{
  DcConvolution *convolution;
  assert_int_equal(dc_convolution_new(&c->shape, DC_CONVOLUTION_APPLY, c->images, &convolution),
                   DC_OK);
  dc_convolution_pack(convolution, c->weight, c->bias, NULL);
  float *scratch = DC_NEW(float, dc_convolution_scratch(convolution) + 1);
  dc_convolution_apply(convolution, c->large, c->images, (DcPatchLimits){0}, c->small, scratch);
  dc_free(scratch);
  dc_convolution_free(convolution);
}

static double
largest_error(const Case *c)
{
  const size_t out = (size_t)c->shape.small.channels;
  double largest = 0;
  for (size_t i = 0; i < c->out / c->shape.small_stride * out; i++)
    largest =
        fmax(largest, fabs(c->small[i / out * c->shape.small_stride + i % out] - c->expected[i]));
  return largest;
}

/* Results of the order of 1 of up to 9 x 70 products; rounding errors as in forward.h. */
#define TOLERANCE 1e-5

/* Odd and even sides, every padding, channels on both sides of what vectors and panels hold, and
 * more images than a block has tiles for. */
static void
convolutions_are_their_definition(void **state)
{
  (void)state;
  static const int sides[][2] = {{8, 9}, {7, 8}, {12, 5}, {13, 13}};
  static const int channels[][2] = {{16, 16}, {17, 33}, {48, 20}, {70, 64}};
  size_t turn = 0;
  for (size_t s = 0; s < 4; s++) {
    for (size_t k = 0; k < 4; k++) {
      for (int padding = 0; padding < 3; padding++, turn++) {
        const DcShape large = {sides[s][0], sides[s][1], channels[k][0]};
        const int other = (padding + 1) % 3;
        Case c = make_case(shape_of(large, channels[k][1], padding, other, other, padding),
                           1 + turn % 3 * 4, turn);
        run_winograd(&c, (DcPatchLimits){0});
        if (!(largest_error(&c) < TOLERANCE))
          fail_msg("%dx%dx%d -> %d, padding %d: %g", large.height, large.width, large.channels,
                   channels[k][1], padding, largest_error(&c));
        free_case(&c);
      }
    }
  }
}

/* The pixels of a concatenation: what lies between them stays. */
static void
pixels_may_be_apart(void **state)
{
  (void)state;
  DcConvolutionShape shape = shape_of((DcShape){9, 8, 20}, 18, 1, 1, 1, 1);
  shape.small_stride = 18 + 5;
  Case c = make_case(shape, 2, 40);
  for (size_t i = 0; i < c.out; i++)
    c.small[i] = -5;
  run_winograd(&c, (DcPatchLimits){0});
  assert_true(largest_error(&c) < TOLERANCE);
  for (size_t i = 0; i < c.out; i++)
    assert_true(i % 23 < 18 || c.small[i] == -5);
  free_case(&c);
}

static void
results_stay_within_limits(void **state)
{
  (void)state;
  Case c = make_case(shape_of((DcShape){8, 8, 16}, 16, 1, 1, 1, 1), 1, 41);
  run_winograd(&c, (DcPatchLimits){.used = true, .low = -0.25f, .high = 0.5f});
  size_t cut = 0;
  for (size_t i = 0; i < c.out; i++) {
    const double wanted = fmin(fmax(c.expected[i], -0.25), 0.5);
    cut += wanted != c.expected[i];
    assert_near(c.small[i], wanted, TOLERANCE);
  }
  assert_in_range(cut, 10, c.out - 10);
  free_case(&c);
}

/* The bound that the header states; twice leaves room for chance. */
static void
errors_are_those_of_the_direct_sum(void **state)
{
  (void)state;
  static const int channels[] = {16, 64, 256};
  for (size_t i = 0; i < 3; i++) {
    Case c = make_case(shape_of((DcShape){12, 12, channels[i]}, 64, 1, 1, 1, 1), 1, 50 + i);
    run_winograd(&c, (DcPatchLimits){0});
    const double winograd = largest_error(&c);
    run_direct(&c);
    const double direct = largest_error(&c);
    assert_true(direct > 0);
    if (winograd > 2 * direct)
      fail_msg("%d channels: %g, the direct sum %g", channels[i], winograd, direct);
    free_case(&c);
  }
}

/* A sample's numbers do not depend on those beside it in a batch, to the last bit. */
static void
images_do_not_see_each_other(void **state)
{
  (void)state;
  Case c = make_case(shape_of((DcShape){9, 11, 24}, 40, 1, 1, 1, 1), 5, 60), one = c;
  const size_t in = c.in / 5, out = c.out / 5;
  run_winograd(&c, (DcPatchLimits){0});
  one.images = 1;
  one.small = DC_NEW(float, out);
  for (size_t i = 0; i < 5; i++) {
    one.large = c.large + i * in;
    run_winograd(&one, (DcPatchLimits){0});
    assert_memory_equal(one.small, c.small + i * out, out * sizeof *one.small);
  }
  dc_free(one.small);
  free_case(&c);
}

/* NaN behind an activation too, which may well make 0 of minus infinity. */
static void
what_is_not_finite_is_seen(void **state)
{
  (void)state;
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 3; i++) {
    Case c = make_case(shape_of((DcShape){9, 9, 16}, 16, 1, 1, 1, 1), 1, 70);
    c.large[(4 * 9 + 4) * 16 + 3] = bad[i];
    run_winograd(&c, (DcPatchLimits){.used = i == 0, .low = 0, .high = FLT_MAX});
    for (int row = 3; row <= 5; row++) {
      for (int column = 3; column <= 5; column++)
        assert_false(isfinite(c.small[(row * 9 + column) * 16]));
    }
    assert_true(isfinite(c.small[0])); /* far away */
    free_case(&c);
  }
}

/* --- kernels --- */

static const double b[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
static const double a[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

/* Number (row, column) of M d M' for 4 x 4 numbers d. */
static double
transform_reference(const double m[][4], const float *d, size_t step, size_t row, size_t column)
{
  double sum = 0;
  for (size_t y = 0; y < 4; y++) {
    for (size_t x = 0; x < 4; x++)
      sum += m[row][y] * m[column][x] * d[(4 * y + x) * step];
  }
  return sum;
}

enum { MOST_CHANNELS = 40 };

static void
check_input(const DcWinogradKernels *kernels, const float *numbers, size_t channels)
{
  float made[16 * MOST_CHANNELS + 1];
  DcWinogradInput tile = {.channels = channels, .to = made, .step = channels};
  for (size_t i = 0; i < 16; i++)
    tile.pixels[i] = numbers + i * channels;
  made[16 * channels] = -77;
  kernels->input(&tile);
  for (size_t i = 0; i < 16 * channels; i++)
    assert_near(made[i],
                transform_reference(b, numbers + i % channels, channels, i / channels / 4,
                                    i / channels % 4),
                1e-6); /* three additions of numbers below 1 */
  assert_true(made[16 * channels] == -77);
}

static void
check_output(const DcWinogradKernels *kernels, const float *numbers, size_t channels)
{
  float made[4][MOST_CHANNELS + 1];
  DcWinogradOutput tile = {
      .from = numbers, .step = channels, .bias = numbers + 7, .channels = channels};
  for (size_t i = 0; i < 4; i++) {
    tile.pixels[i] = made[i];
    made[i][channels] = -77;
  }
  kernels->output(&tile);
  for (size_t i = 0; i < 4; i++) {
    for (size_t c = 0; c < channels; c++)
      assert_near(made[i][c],
                  transform_reference(a, numbers + c, channels, i / 2, i % 2) + numbers[7 + c],
                  2e-6); /* nine additions of numbers below 1 */
    assert_true(made[i][channels] == -77);
  }
}

static void
kernels_of_all_levels_are_their_matrices(void **state)
{
  (void)state;
  const DcWinogradKernels *tables[DC_CPU_LEVELS];
  const size_t count = dc_winograd_kernels_usable(tables);
  DcRandom random;
  dc_random_seed(&random, 80, 0);
  float *numbers = uniform(&random, 16 * MOST_CHANNELS, 1);
  assert_in_range(count, 1, DC_CPU_LEVELS);
  for (size_t i = 0; i < count; i++) {
    for (size_t channels = 16; channels <= MOST_CHANNELS; channels++) {
      check_input(tables[i], numbers, channels);
      check_output(tables[i], numbers, channels);
    }
  }
  dc_free(numbers);
}

/* --- what it is not for --- */

static void
other_convolutions_do_not_suit(void **state)
{
  (void)state;
  const DcConvolutionShape good = shape_of((DcShape){8, 8, 16}, 16, 1, 1, 1, 1);
  assert_true(dc_winograd_suits(&good));
  DcConvolutionShape other[10];
  for (size_t i = 0; i < 10; i++)
    other[i] = good;
  other[0].kernel_height = 5;
  other[1].kernel_width = 1;
  other[2].stride.down = 2;
  other[3].stride.across = 2;
  other[4].dilation.down = 2;
  other[5].dilation.across = 2;
  other[6].groups = 2;
  other[7].large.channels = 15;
  other[8].small.channels = 15;
  other[9].small = (DcShape){1, 64, 16}; /* half of every tile in vain */
  for (size_t i = 0; i < 10; i++)
    assert_false(dc_winograd_suits(&other[i]));
}

static void
failed_allocations_leave_nothing(void **state)
{
  (void)state;
  const DcConvolutionShape shape = shape_of((DcShape){8, 8, 16}, 16, 1, 1, 1, 1);
  DcWinograd *winograd = NULL;
  size_t failures = 0;
  for (;; failures++) {
    fail_at = allocations + failures;
    const DcStatus status = dc_winograd_new(&shape, 2, &winograd);
    fail_at = SIZE_MAX;
    if (!status)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_null(winograd);
  }
  assert_int_equal(failures, 6);
  dc_winograd_free(winograd);
  dc_winograd_free(NULL);
}

static void
a_run_allocates_nothing(void **state)
{
  (void)state;
  Case c = make_case(shape_of((DcShape){9, 9, 16}, 16, 1, 1, 1, 1), 2, 90);
  DcWinograd *winograd;
  assert_int_equal(dc_winograd_new(&c.shape, 2, &winograd), DC_OK);
  float *scratch = DC_NEW(float, dc_winograd_scratch(winograd));
  const size_t before = allocations;
  dc_winograd_pack(winograd, c.weight, c.bias);
  dc_winograd_apply(winograd, c.large, 2, (DcPatchLimits){0}, c.small, scratch);
  assert_int_equal(allocations, before);
  assert_true(largest_error(&c) < TOLERANCE);
  dc_free(scratch);
  dc_winograd_free(winograd);
  free_case(&c);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions_are_their_definition),
      cmocka_unit_test(pixels_may_be_apart),
      cmocka_unit_test(results_stay_within_limits),
      cmocka_unit_test(errors_are_those_of_the_direct_sum),
      cmocka_unit_test(images_do_not_see_each_other),
      cmocka_unit_test(what_is_not_finite_is_seen),
      cmocka_unit_test(kernels_of_all_levels_are_their_matrices),
      cmocka_unit_test(other_convolutions_do_not_suit),
      cmocka_unit_test(failed_allocations_leave_nothing),
      cmocka_unit_test(a_run_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
