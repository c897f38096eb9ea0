/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operators of ONNX that few networks have, by their definitions. */
#include "onnx_imports.h"

#include <math.h>

static float numbers[4096];

static float
pixel_of(const float *planes, size_t c, int y, int x)
{
  return planes[c * PIXELS + (size_t)y * WIDTH + (size_t)x];
}

/* A graph of the node `op` from "x" and the constants that follow it to "y", flattened. */
#define START(test, op, ...)                                                                       \
  do {                                                                                             \
    graph_start((test), picture_shape, "z");                                                       \
    NODE((test), (op), "y", __VA_ARGS__);                                                          \
  } while (0)

/* --- windows that differ down and across --- */

/* Weight 2 x CHANNELS x 2 x 2, strides 1 x 2, dilations 2 x 1, one zero on the left. */
static void
convolutions_may_differ_by_axis(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[2 * 2 * 3];
  make_picture(planes, pixels);
  START(&test, "Conv", "x", "weight");
  TENSOR(&test, "weight", numbers, 2, CHANNELS, 2, 2);
  INTS(&test, "strides", 1, 2);
  INTS(&test, "dilations", 2, 1);
  INTS(&test, "pads", 0, 1, 0, 0);
  flatten(&test);
  for (size_t i = 0; i < 12; i++) {
    const size_t o = i / 6;
    const int y = (int)(i / 3 % 2), x = (int)(i % 3);
    double sum = 0;
    for (size_t tap = 0; tap < 4 * CHANNELS; tap++) {
      const int row = y + 2 * (int)(tap / 2 % 2), column = 2 * x - 1 + (int)(tap % 2);
      if (column >= 0)
        sum += (double)pixel_of(planes, tap / 4, row, column) * numbers[o * 4 * CHANNELS + tap];
    }
    expected[i] = (float)sum;
  }
  check_values(&test, expected, 12);
}

static void
pools_may_differ_by_axis(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[CHANNELS * 2 * 4];
  make_picture(planes, pixels);
  START(&test, "AveragePool", "x");
  INTS(&test, "kernel_shape", 3, 2);
  INTS(&test, "strides", 1, 1);
  flatten(&test);
  for (size_t i = 0; i < CHANNELS * 8; i++) {
    double sum = 0;
    for (int tap = 0; tap < 6; tap++)
      sum += pixel_of(planes, i / 8, (int)(i / 4 % 2) + tap / 2, (int)(i % 4) + tap % 2);
    expected[i] = (float)(sum / 6);
  }
  check_values(&test, expected, CHANNELS * 8);

  float most[CHANNELS * 4 * 2];
  START(&test, "MaxPool", "x");
  INTS(&test, "kernel_shape", 1, 2);
  INTS(&test, "strides", 1, 3);
  flatten(&test);
  for (size_t i = 0; i < CHANNELS * 8; i++) {
    const int y = (int)(i / 2 % 4), x = 3 * (int)(i % 2);
    most[i] = fmaxf(pixel_of(planes, i / 8, y, x), pixel_of(planes, i / 8, y, x + 1));
  }
  check_values(&test, most, CHANNELS * 8);
}

/* --- ConvTranspose --- */

/* Weight CHANNELS x 2 x 3 x 2, strides 2 x 1, one row cut off above and one column to the right,
 * one row that no window reaches. */
static void
start_transposed(TestGraph *test)
{
  START(test, "ConvTranspose", "x", "weight", "bias");
  TENSOR(test, "weight", numbers, CHANNELS, 2, 3, 2);
  TENSOR(test, "bias", numbers + 90, 2);
  INTS(test, "strides", 2, 1);
  INTS(test, "pads", 1, 0, 0, 1);
  INTS(test, "output_padding", 1, 0);
}

static void
transposed_convolutions_scatter(void **state)
{
  (void)state;
  enum { OUT_HEIGHT = 2 * (HEIGHT - 1) + 3 - 1 + 1, OUT_WIDTH = WIDTH - 1 + 2 - 1 };
  enum { OUT = 2 * OUT_HEIGHT * OUT_WIDTH };
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[OUT];
  make_picture(planes, pixels);
  start_transposed(&test);
  flatten(&test);
  for (size_t i = 0; i < OUT; i++)
    expected[i] = numbers[90 + i / (OUT / 2)];
  for (size_t i = 0; i < SIZE; i++) {
    const size_t c = i / PIXELS;
    for (size_t k = 0; k < 2 * 6; k++) {
      const int y = 2 * (int)(i / WIDTH % HEIGHT) + (int)(k / 2 % 3) - 1;
      const int x = (int)(i % WIDTH) + (int)(k % 2);
      if (y >= 0 && y < OUT_HEIGHT && x < OUT_WIDTH)
        expected[(k / 6 * OUT_HEIGHT + (size_t)y) * OUT_WIDTH + (size_t)x] +=
            planes[i] * numbers[c * 12 + k];
    }
  }
  check_values(&test, expected, OUT);
}

static void
transposed_convolutions_that_the_engine_has_not_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  start_transposed(&test);
  test.output.name = "y";
  graph_int(&test, "group", 3);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "(ConvTranspose): it has 3 groups");
  start_transposed(&test);
  test.output.name = "y";
  INTS(&test, "output_shape", 9, 9);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "not by output_shape");
  start_transposed(&test);
  test.output.name = "y";
  INTS(&test, "dilations", 2, 1);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "dilation");
  start_transposed(&test);
  test.output.name = "y";
  test.tensors[0].shape[0] = 1;
  test.tensors[0].shape[1] = 6;
  test.graph.tensor_count = 1;
  test.nodes[0].input_count = 2;
  check_refused(&test, DC_ERROR_FORMAT, "a weight for 1 channels");
  START(&test, "ConvTranspose", "x", "weight");
  test.output.name = "y";
  TENSOR(&test, "weight", numbers, CHANNELS, 2, 3, 2);
  INTS(&test, "output_padding", 0, 1);
  check_refused(&test, DC_ERROR_FORMAT, "output_padding of 1");
  START(&test, "ConvTranspose", "x", "weight");
  test.output.name = "y";
  TENSOR(&test, "weight", numbers, CHANNELS, 2, 3, 2);
  INTS(&test, "pads", 60000, 0, 60000, 0);
  check_refused(&test, DC_ERROR_FORMAT, "do not fit");
}

/* --- norms --- */

static void
responses_are_divided_by_those_around(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[SIZE];
  make_picture(planes, pixels);
  START(&test, "LRN", "x");
  graph_int(&test, "size", 2);
  graph_float(&test, "alpha", 0.6f);
  graph_float(&test, "beta", 0.5f);
  graph_float(&test, "bias", 2);
  flatten(&test);
  for (size_t i = 0; i < SIZE; i++) {
    const size_t next = i + PIXELS;
    const double sum =
        pow(planes[i], 2) + (next < SIZE ? pow(planes[next], 2) : 0); /* of c and c + 1 */
    expected[i] = (float)(planes[i] / pow(2 + 0.3 * sum, 0.5));
  }
  check_values(&test, expected, SIZE);
}

static void
instances_are_normalised_by_channel(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[SIZE];
  make_picture(planes, pixels);
  START(&test, "InstanceNormalization", "x", "scale", "bias");
  TENSOR(&test, "scale", numbers + 3, CHANNELS);
  TENSOR(&test, "bias", numbers + 9, CHANNELS);
  graph_float(&test, "epsilon", 1e-3f);
  flatten(&test);
  for (size_t c = 0; c < CHANNELS; c++) {
    const float *plane = planes + c * PIXELS;
    double mean = 0, variance = 0;
    for (size_t p = 0; p < PIXELS; p++)
      mean += plane[p] / (double)PIXELS;
    for (size_t p = 0; p < PIXELS; p++)
      variance += pow(plane[p] - mean, 2) / PIXELS;
    for (size_t p = 0; p < PIXELS; p++)
      expected[c * PIXELS + p] =
          (float)((plane[p] - mean) / sqrt(variance + 1e-3) * numbers[3 + c] + numbers[9 + c]);
  }
  check_values(&test, expected, SIZE);
}

static void
norms_without_sense_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  START(&test, "LRN", "x");
  test.output.name = "y";
  check_refused(&test, DC_ERROR_FORMAT, "size of 0 channels");
  graph_int(&test, "size", 3);
  graph_float(&test, "bias", 0);
  check_refused(&test, DC_ERROR_ARGUMENT, "its bias one above 0");
  START(&test, "InstanceNormalization", "x", "scale", "scale");
  test.output.name = "y";
  TENSOR(&test, "scale", numbers, CHANNELS + 1);
  check_refused(&test, DC_ERROR_FORMAT, "scale");
  START(&test, "InstanceNormalization", "x", "x", "x");
  test.output.name = "y";
  check_refused(&test, DC_ERROR_UNSUPPORTED, "scale must be constant");
}

/* --- Resize --- */

/* Resizes to 8 x 3: twice as high, 0.6 times as wide. */
enum { TALL = 2 * HEIGHT, NARROW = 3 };

static void
start_resize(TestGraph *test, const char *mode, const char *places, const char *rounding)
{
  START(test, "Resize", "x", "", "", "sizes");
  LIST(test, "sizes", 1, CHANNELS, TALL, NARROW);
  graph_text(test, "mode", mode);
  graph_text(test, "coordinate_transformation_mode", places);
  graph_text(test, "nearest_mode", rounding);
  flatten(test);
}

/* Where output `i` lies on an axis, as ONNX says it. */
static double
place(const char *places, int i, int before, int after)
{
  const double scale = (double)after / before;
  if (!strcmp(places, "asymmetric"))
    return i / scale;
  if (!strcmp(places, "align_corners"))
    return i * (before - 1.0) / (after - 1.0);
  return (i + 0.5) / scale - 0.5;
}

static double
inside(double place, int length)
{
  return fmin(fmax(place, 0), length - 1);
}

static double
at(const float *planes, size_t c, double y, double x)
{
  const int top = (int)y, left = (int)x;
  const int bottom = top + 1 < HEIGHT ? top + 1 : top, right = left + 1 < WIDTH ? left + 1 : left;
  const double down = y - top, across = x - left;
  return (1 - down) * (1 - across) * pixel_of(planes, c, top, left) +
         (1 - down) * across * pixel_of(planes, c, top, right) +
         down * (1 - across) * pixel_of(planes, c, bottom, left) +
         down * across * pixel_of(planes, c, bottom, right);
}

static void
images_are_resized_as_the_attributes_say(void **state)
{
  (void)state;
  static const char *const ways[][3] = {{"linear", "half_pixel", "floor"},
                                        {"linear", "align_corners", "floor"},
                                        {"linear", "asymmetric", "floor"},
                                        {"linear", "pytorch_half_pixel", "floor"},
                                        {"nearest", "asymmetric", "floor"},
                                        {"nearest", "asymmetric", "ceil"},
                                        {"nearest", "half_pixel", "round_prefer_floor"},
                                        {"nearest", "half_pixel", "round_prefer_ceil"}};
  float planes[SIZE], pixels[SIZE], expected[CHANNELS * TALL * NARROW];
  make_picture(planes, pixels);
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
    TestGraph test;
    start_resize(&test, ways[way][0], ways[way][1], ways[way][2]);
    for (size_t i = 0; i < CHANNELS * TALL * NARROW; i++) {
      double y = place(ways[way][1], (int)(i / NARROW % TALL), HEIGHT, TALL);
      double x = place(ways[way][1], (int)(i % NARROW), WIDTH, NARROW);
      if (ways[way][0][0] == 'n') {
        const char *rounding = ways[way][2];
        const bool up = !strcmp(rounding, "ceil"), half_up = !strcmp(rounding, "round_prefer_ceil");
        const double back = !strcmp(rounding, "round_prefer_floor") ? -0.5 : half_up ? 0.5 : 0;
        y = up || back < 0 ? ceil(y + back) : floor(y + back);
        x = up || back < 0 ? ceil(x + back) : floor(x + back);
      }
      expected[i] = (float)at(planes, i / (TALL * NARROW), inside(y, HEIGHT), inside(x, WIDTH));
    }
    check_values(&test, expected, CHANNELS * TALL * NARROW);
  }
}

/* As PyTorch wrote it before opset 11: scales by an input, floors of places without a shift. */
static void
upsampling_repeats_pixels(void **state)
{
  (void)state;
  static const float scales[] = {1, 1, 2, 3};
  float planes[SIZE], pixels[SIZE], expected[6 * SIZE];
  make_picture(planes, pixels);
  for (size_t i = 0; i < 6 * SIZE; i++)
    expected[i] = pixel_of(planes, i / (6 * PIXELS), (int)(i / (3 * WIDTH) % (2 * HEIGHT)) / 2,
                           (int)(i % (3 * WIDTH)) / 3);
  for (int form = 0; form < 3; form++) {
    TestGraph test;
    START(&test, form == 2 ? "Resize" : "Upsample", "x", form ? "scales" : NULL);
    test.graph.opset = form == 0 ? 7 : form == 1 ? 9 : 10;
    if (form)
      TENSOR(&test, "scales", scales, 4);
    else
      *graph_attribute(&test, "scales", DC_ONNX_FLOATS) =
          (DcOnnxAttribute){.name = "scales", .kind = DC_ONNX_FLOATS, .count = 4, .floats = scales};
    flatten(&test);
    const DcOnnxImportOptions options = {.output = "z"};
    DcNetwork *network = import(&test, &options);
    float output[6 * SIZE];
    assert_int_equal(dc_shape_size(dc_network_output(network)), 6 * SIZE);
    run(network, pixels, output);
    for (size_t i = 0; i < 6 * SIZE; i++)
      assert_true(output[i] == expected[i]);
    dc_network_free(network);
  }
}

static void
resizes_that_are_not_read_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  start_resize(&test, "cubic", "half_pixel", "floor");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "(Resize): its mode \"cubic\"");
  start_resize(&test, "new\nline", "half_pixel", "floor");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "its mode \"new?line\"");
  start_resize(&test, "linear", "tf_crop_and_resize", "floor");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "\"tf_crop_and_resize\"");
  start_resize(&test, "nearest", "half_pixel", "away");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "nearest_mode \"away\"");
  static const int64_t sizes[][4] = {
      {1, CHANNELS + 1, 8, 8}, {2, CHANNELS, 8, 8}, {1, CHANNELS, 0, 8}, {1, CHANNELS, 8, 70000}};
  for (size_t i = 0; i < 4; i++) {
    start_resize(&test, "linear", "half_pixel", "floor");
    test.tensors[0].whole = sizes[i];
    check_refused(&test, DC_ERROR_UNSUPPORTED, i < 2 ? "only height and width" : "a side of");
  }
  start_resize(&test, "linear", "half_pixel", "floor");
  test.tensors[0].count = test.tensors[0].shape[0] = 2;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "must have 4 sizes");
  START(&test, "Resize", "x");
  test.output.name = "y";
  check_refused(&test, DC_ERROR_FORMAT, "neither scales nor sizes");
  static const float hostile[][4] = {{1, 1, NAN, 2}, {1, 1, -1, 2}, {1, 1, 2, INFINITY}};
  for (size_t i = 0; i < 3; i++) {
    START(&test, "Resize", "x", "", "scales");
    test.output.name = "y";
    TENSOR(&test, "scales", hostile[i], 4);
    check_refused(&test, DC_ERROR_UNSUPPORTED, "a side of");
  }
}

/* --- Gather --- */

/* Takes `count` places along `axis` (of the ONNX shape). */
static void
check_gather(int64_t axis, const int64_t *places, size_t count)
{
  const size_t length = (size_t)picture_shape[axis], after = axis == 1   ? PIXELS
                                                             : axis == 2 ? WIDTH
                                                                         : 1;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[2 * SIZE];
  make_picture(planes, pixels);
  START(&test, "Gather", "x", "places");
  graph_list(&test, "places", places, count);
  graph_int(&test, "axis", axis);
  flatten(&test);
  size_t made = 0;
  for (size_t before = 0; before < SIZE / length / after; before++) {
    for (size_t i = 0; i < count; i++) {
      const size_t from = (size_t)(places[i] < 0 ? places[i] + (int64_t)length : places[i]);
      for (size_t j = 0; j < after; j++)
        expected[made++] = planes[(before * length + from) * after + j];
    }
  }
  check_values(&test, expected, made);
}

static void
places_are_gathered_along_any_axis(void **state)
{
  (void)state;
  static const int64_t even[] = {0, 2, 0, 2}, uneven[] = {2, 0, -1, 1, 1};
  for (int64_t axis = 1; axis <= 3; axis++) {
    check_gather(axis, even, 4);
    check_gather(axis, even, 2);
    check_gather(axis, uneven, 5);
  }
}

/* The axes of the list stand where the one axis was. */
static void
lists_of_several_axes_make_several(void **state)
{
  (void)state;
  static const int64_t places[] = {3, 0, 1, 1, 0, 4};
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  START(&test, "Gather", "x", "places");
  graph_list(&test, "places", places, 6);
  test.tensors[0].rank = 2;
  test.tensors[0].shape[0] = 2;
  test.tensors[0].shape[1] = 3;
  graph_int(&test, "axis", -1);
  NODE(&test, "Transpose", "turned", "y");
  INTS(&test, "perm", 0, 4, 3, 1, 2);
  NODE(&test, "Flatten", "z", "turned");
  float all[CHANNELS * HEIGHT * 6];
  size_t made = 0;
  for (size_t b = 0; b < 3; b++) {
    for (size_t a = 0; a < 2; a++) {
      for (size_t c = 0; c < CHANNELS; c++) {
        for (int y = 0; y < HEIGHT; y++)
          all[made++] = pixel_of(planes, c, y, (int)places[a * 3 + b]);
      }
    }
  }
  check_values(&test, all, made);
}

static void
places_that_are_not_there_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  START(&test, "Gather", "x", "places");
  test.output.name = "y";
  LIST(&test, "places", 0, 3);
  graph_int(&test, "axis", 1);
  check_refused(&test, DC_ERROR_FORMAT, "index 3 lies outside an axis of 3");
  START(&test, "Gather", "x", "places");
  test.output.name = "y";
  LIST(&test, "places", INT64_MIN, 0);
  graph_int(&test, "axis", 2);
  check_refused(&test, DC_ERROR_FORMAT, "lies outside an axis of 4");
  START(&test, "Gather", "x", "places");
  test.output.name = "y";
  LIST(&test, "places", 0);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "pictures out of a batch");
  START(&test, "Gather", "x", "places");
  test.output.name = "y";
  TENSOR(&test, "places", numbers, 2);
  graph_int(&test, "axis", 1);
  check_refused(&test, DC_ERROR_FORMAT, "whole numbers");
}

/* --- products of what is computed --- */

/* Attention over the pixels, and a product of an outer kind: a number of each channel meets one of
 * each column. */
static void
values_are_repeated_along_axes_of_length_one(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  TENSOR(&test, "weight", numbers + 5, 1, CHANNELS, 1, 1);
  NODE(&test, "Conv", "mask", "x", "weight");
  NODE(&test, "Mul", "y", "mask", "x");
  flatten(&test);
  for (size_t i = 0; i < SIZE; i++) {
    double mask = 0;
    for (size_t c = 0; c < CHANNELS; c++)
      mask += (double)planes[c * PIXELS + i % PIXELS] * numbers[5 + c];
    expected[i] = (float)(planes[i] * mask);
  }
  check_values(&test, expected, SIZE);

  float outer[CHANNELS * WIDTH];
  graph_start(&test, picture_shape, "z");
  NODE(&test, "GlobalAveragePool", "channels", "x");
  TENSOR(&test, "weight", numbers + 5, 1, CHANNELS, HEIGHT, 1);
  NODE(&test, "Conv", "columns", "x", "weight");
  NODE(&test, "Sub", "y", "channels", "columns");
  flatten(&test);
  for (size_t i = 0; i < CHANNELS * WIDTH; i++) {
    double mean = 0, column = 0;
    for (size_t p = 0; p < PIXELS; p++)
      mean += planes[i / WIDTH * PIXELS + p] / (double)PIXELS;
    for (size_t k = 0; k < CHANNELS * HEIGHT; k++)
      column += (double)pixel_of(planes, k / HEIGHT, (int)(k % HEIGHT), (int)(i % WIDTH)) *
                numbers[5 + k];
    outer[i] = (float)(mean - column);
  }
  check_values(&test, outer, CHANNELS * WIDTH);
}

static void
squares_are_products(void **state)
{
  (void)state;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  for (size_t i = 0; i < SIZE; i++)
    planes[i] *= planes[i];
  for (int form = 0; form < 2; form++) {
    TestGraph test;
    START(&test, form ? "Pow" : "Mul", "x", form ? "two" : "x");
    graph_scalar(&test, "two", 2);
    flatten(&test);
    check_values(&test, planes, SIZE);
  }
}

static void
pairs_that_do_not_meet_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  START(&test, "Pow", "x", "three");
  test.output.name = "y";
  graph_scalar(&test, "three", 3);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "a power of 3");
  START(&test, "Sub", "x", "x");
  test.output.name = "y";
  check_refused(&test, DC_ERROR_UNSUPPORTED, "of a value and itself");
  graph_start(&test, picture_shape, "y");
  NODE(&test, "Flatten", "flat", "x");
  NODE(&test, "Mul", "y", "x", "flat");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "4 and 2 axes");
  graph_start(&test, picture_shape, "y");
  NODE(&test, "MaxPool", "small", "x");
  INTS(&test, "kernel_shape", 2, 2);
  NODE(&test, "Mul", "y", "x", "small");
  check_refused(&test, DC_ERROR_FORMAT, "of length 1 in neither");
}

int
main(void)
{
  fill_numbers(numbers, sizeof numbers / sizeof *numbers);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions_may_differ_by_axis),
      cmocka_unit_test(pools_may_differ_by_axis),
      cmocka_unit_test(transposed_convolutions_scatter),
      cmocka_unit_test(transposed_convolutions_that_the_engine_has_not_are_refused),
      cmocka_unit_test(responses_are_divided_by_those_around),
      cmocka_unit_test(instances_are_normalised_by_channel),
      cmocka_unit_test(norms_without_sense_are_refused),
      cmocka_unit_test(images_are_resized_as_the_attributes_say),
      cmocka_unit_test(upsampling_repeats_pixels),
      cmocka_unit_test(resizes_that_are_not_read_are_refused),
      cmocka_unit_test(places_are_gathered_along_any_axis),
      cmocka_unit_test(lists_of_several_axes_make_several),
      cmocka_unit_test(places_that_are_not_there_are_refused),
      cmocka_unit_test(values_are_repeated_along_axes_of_length_one),
      cmocka_unit_test(squares_are_products),
      cmocka_unit_test(pairs_that_do_not_meet_are_refused),
  };
  return cmocka_run_group_tests_name("onnx_operators", tests, NULL, NULL);
}
