/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx_imports.h"

static float numbers[4096];

/* --- layouts --- */

static void
flattening_keeps_the_order_of_onnx(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  start_unary(&test, "Identity");
  flatten(&test);
  assert_int_equal(check_values(&test, planes, SIZE), 1);
}

static void
channels_last_pictures_need_no_copy(void **state)
{
  (void)state;
  TestGraph test;
  DcOnnxImportReport report;
  DcNetwork *network;
  graph_start(&test, (const int64_t[]){1, HEIGHT, WIDTH, CHANNELS}, "z");
  NODE(&test, "Transpose", "y", "x");
  INTS(&test, "perm", 0, 3, 1, 2);
  NODE(&test, "GlobalAveragePool", "z", "y");
  assert_int_equal(dc_onnx_import(&test.graph, &(DcOnnxImportOptions){0}, &network, &report, NULL),
                   DC_OK);
  assert_true(report.channels_last);
  assert_string_equal(report.input, "x");
  assert_string_equal(report.output, "z");
  assert_int_equal(dc_network_layer_count(network), 1);
  dc_network_free(network);
}

/* Reshape, Transpose, Reshape as ShuffleNet has them: one copy, with 6 channels in 2 groups. */
static void
shuffling_channels_is_one_layer(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[2 * CHANNELS];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  NODE(&test, "Concat", "double", "x", "x");
  graph_int(&test, "axis", 1);
  LIST(&test, "groups", 1, 2, CHANNELS, HEIGHT, WIDTH);
  LIST(&test, "back", -1, 2 * CHANNELS, HEIGHT, WIDTH);
  NODE(&test, "Reshape", "apart", "double", "groups");
  NODE(&test, "Transpose", "mixed", "apart");
  INTS(&test, "perm", 0, 2, 1, 3, 4);
  NODE(&test, "Reshape", "y", "mixed", "back");
  NODE(&test, "GlobalAveragePool", "z", "y");
  for (size_t c = 0; c < CHANNELS; c++) {
    double sum = 0;
    for (size_t p = 0; p < PIXELS; p++)
      sum += planes[c * PIXELS + p];
    expected[2 * c] = expected[2 * c + 1] = (float)(sum / PIXELS);
  }
  /* a copy for the second part, the join, the shuffle, the mean */
  assert_int_equal(check_values(&test, expected, 2 * CHANNELS), 4);
}

static void
shapes_that_are_computed_fold_away(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, (const int64_t[]){-1, CHANNELS, HEIGHT, WIDTH}, "z");
  LIST(&test, "zero", 0);
  LIST(&test, "rest", -1);
  NODE(&test, "Shape", "shape", "x");
  NODE(&test, "Gather", "batch", "shape", "zero");
  NODE(&test, "Concat", "wanted", "batch", "rest");
  graph_int(&test, "axis", 0);
  NODE(&test, "Reshape", "z", "x", "wanted");
  assert_int_equal(check_values(&test, planes, SIZE), 1);
}

/* A part of the shape may end, and begin, beyond it. */
static void
shapes_end_where_they_end(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, (const int64_t[]){-1, CHANNELS, HEIGHT, WIDTH}, "z");
  LIST(&test, "rest", -1);
  NODE(&test, "Shape", "nothing", "x");
  graph_int(&test, "start", 7);
  NODE(&test, "Shape", "batch", "x");
  graph_int(&test, "start", -100);
  graph_int(&test, "end", -3);
  NODE(&test, "Concat", "wanted", "batch", "nothing", "rest");
  graph_int(&test, "axis", 0);
  NODE(&test, "Reshape", "z", "x", "wanted");
  assert_int_equal(check_values(&test, planes, SIZE), 1);
}

static void
infinite_bounds_are_none(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  graph_scalar(&test, "low", 0.25f);
  graph_scalar(&test, "high", INFINITY);
  NODE(&test, "Clip", "y", "x", "low", "high");
  flatten(&test);
  for (size_t i = 0; i < SIZE; i++)
    planes[i] = fmaxf(planes[i], 0.25f);
  check_values(&test, planes, SIZE);
}

static void
slices_and_splits_take_their_part(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  LIST(&test, "starts", 1);
  LIST(&test, "ends", INT64_MAX);
  LIST(&test, "axes", 1);
  NODE(&test, "Slice", "y", "x", "starts", "ends", "axes");
  flatten(&test);
  check_values(&test, planes + PIXELS, 2 * PIXELS);

  graph_start(&test, picture_shape, "z");
  LIST(&test, "parts", 2, 1);
  NODE(&test, "Split", "rest", "x", "parts");
  graph_output(&test, "y");
  graph_int(&test, "axis", 1);
  flatten(&test);
  check_values(&test, planes + 2 * PIXELS, PIXELS);
}

/* --- weights --- */

/* By the definition of ONNX, planes to planes, of kernel 3 x 3, padding top 1, left 1, stride 2. */
static void
convolve(const float *planes, const float *weight, const float *bias, size_t outputs, float *result)
{
  enum { OUT_HEIGHT = 2, OUT_WIDTH = 2 };
  for (size_t o = 0; o < outputs; o++) {
    for (int y = 0; y < OUT_HEIGHT; y++) {
      for (int x = 0; x < OUT_WIDTH; x++) {
        double sum = bias[o];
        for (int tap = 0; tap < 9 * CHANNELS; tap++) {
          const int c = tap / 9, row = 2 * y + tap / 3 % 3 - 1, column = 2 * x + tap % 3 - 1;
          if (row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH)
            sum += (double)planes[c * PIXELS + row * WIDTH + column] * weight[o * 27 + (size_t)tap];
        }
        result[(o * OUT_HEIGHT + (size_t)y) * OUT_WIDTH + (size_t)x] = (float)sum;
      }
    }
  }
}

static void
add_convolution(TestGraph *test, const char *input, const char *output)
{
  TENSOR(test, "weight", numbers, 2, CHANNELS, 3, 3);
  TENSOR(test, "bias", numbers + 60, 2);
  NODE(test, "Conv", output, input, "weight", "bias");
  INTS(test, "strides", 2, 2);
  INTS(test, "pads", 1, 1, 0, 0);
}

static void
convolutions_permute_their_weights(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[8];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  add_convolution(&test, "x", "y");
  flatten(&test);
  convolve(planes, numbers, numbers + 60, 2, expected);
  check_values(&test, expected, 8);
}

static void
batch_norms_and_activations_become_part_of_a_convolution(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[8];
  static const float variance[] = {0.5f, 2};
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  add_convolution(&test, "x", "c");
  TENSOR(&test, "scale", numbers + 70, 2);
  TENSOR(&test, "shift", numbers + 80, 2);
  TENSOR(&test, "mean", numbers + 90, 2);
  TENSOR(&test, "variance", variance, 2);
  NODE(&test, "BatchNormalization", "b", "c", "scale", "shift", "mean");
  test.names[1][4] = "variance"; /* a fifth input; the output moves on */
  test.names[1][5] = "b";
  test.nodes[1].input_count = 5;
  test.nodes[1].outputs = &test.names[1][5];
  NODE(&test, "Relu", "y", "b");
  flatten(&test);
  convolve(planes, numbers, numbers + 60, 2, expected);
  for (size_t i = 0; i < 8; i++) {
    const size_t c = i / 4;
    const double norm = (expected[i] - numbers[90 + c]) / sqrt(variance[c] + 1e-5);
    expected[i] = (float)fmax(norm * numbers[70 + c] + numbers[80 + c], 0);
  }
  assert_int_equal(check_values(&test, expected, 8), 2); /* convolution, flattening */
}

/* What goes into the activation goes elsewhere too: the convolution must keep its own result. */
static void
an_activation_leaves_a_value_that_others_read(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[8];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  add_convolution(&test, "x", "c");
  NODE(&test, "Relu", "r", "c");
  NODE(&test, "Identity", "same", "c");
  NODE(&test, "Sub", "y", "r", "same");
  flatten(&test);
  convolve(planes, numbers, numbers + 60, 2, expected);
  for (size_t i = 0; i < 8; i++)
    expected[i] = (float)(fmax(expected[i], 0) - expected[i]);
  check_values(&test, expected, 8);
}

static void
products_take_flattened_maps_in_the_order_of_onnx(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[2];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  TENSOR(&test, "matrix", numbers, 2, SIZE);
  TENSOR(&test, "bias", numbers + 500, 2);
  NODE(&test, "Flatten", "y", "x");
  NODE(&test, "Gemm", "z", "y", "matrix", "bias");
  graph_int(&test, "transB", 1);
  graph_float(&test, "alpha", 0.25f);
  graph_float(&test, "beta", 3);
  for (size_t o = 0; o < 2; o++) {
    double sum = 0;
    for (size_t i = 0; i < SIZE; i++)
      sum += (double)planes[i] * numbers[o * SIZE + i];
    expected[o] = (float)(0.25 * sum + 3 * numbers[500 + o]);
  }
  check_values(&test, expected, 2);
}

/* --- arithmetic --- */

static void
constants_meet_channels_pixels_and_all(void **state)
{
  (void)state;
  static const int64_t shapes[][4] = {
      {1, CHANNELS, 1, 1}, {1, 1, HEIGHT, WIDTH}, {1, CHANNELS, HEIGHT, WIDTH}, {1, 1, 1, 1}};
  for (size_t k = 0; k < 4; k++) {
    TestGraph test;
    float planes[SIZE], pixels[SIZE];
    make_picture(planes, pixels);
    graph_start(&test, picture_shape, "z");
    graph_tensor(&test, "constant", 4, shapes[k], numbers + 10);
    NODE(&test, "Sub", "y", "constant", "x");
    flatten(&test);
    for (size_t i = 0; i < SIZE; i++) {
      const size_t channel = i / PIXELS, pixel = i % PIXELS;
      const size_t index = k == 0 ? channel : k == 1 ? pixel : k == 2 ? i : 0;
      planes[i] = numbers[10 + index] - planes[i];
    }
    check_values(&test, planes, SIZE);
  }
}

/* Squeeze and excitation: a number for each channel, as an image of one pixel. */
static void
gates_multiply_channels(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  NODE(&test, "GlobalAveragePool", "mean", "x");
  NODE(&test, "HardSigmoid", "gate", "mean");
  NODE(&test, "Mul", "y", "gate", "x");
  flatten(&test);
  for (size_t c = 0; c < CHANNELS; c++) {
    double sum = 0;
    for (size_t p = 0; p < PIXELS; p++)
      sum += planes[c * PIXELS + p];
    const double gate = fmin(fmax(0.2 * sum / PIXELS + 0.5, 0), 1);
    for (size_t p = 0; p < PIXELS; p++)
      planes[c * PIXELS + p] *= (float)gate;
  }
  check_values(&test, planes, SIZE);
}

/* x * 0.5 * (1 + erf(x / 1.4142)) and its like, in the orders that exporters use. */
static void
spelled_out_activations_are_recognised(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[SIZE];
  make_picture(planes, pixels);
  for (int form = 0; form < 4; form++) {
    graph_start(&test, picture_shape, "z");
    graph_scalar(&test, "half", 0.5f);
    graph_scalar(&test, "one", 1);
    graph_scalar(&test, "root", 1.4142135f);
    graph_scalar(&test, "three", 3);
    graph_scalar(&test, "six", 6);
    for (size_t i = 0; i < SIZE; i++) {
      const double x = planes[i];
      expected[i] = (float)(form < 2    ? x / 2 * (1 + erf(x / sqrt(2)))
                            : form == 2 ? x / (1 + exp(-x))
                                        : x * fmin(fmax(x + 3, 0), 6) / 6);
    }
    if (form < 2) {
      NODE(&test, "Div", "a", "x", "root");
      NODE(&test, "Erf", "b", "a");
      NODE(&test, "Add", "c", "b", "one");
      NODE(&test, "Mul", "d", form ? "half" : "x", form ? "x" : "c");
      NODE(&test, "Mul", "y", "d", form ? "c" : "half");
    } else if (form == 2) {
      NODE(&test, "Sigmoid", "a", "x");
      NODE(&test, "Mul", "y", "a", "x");
    } else {
      NODE(&test, "Add", "a", "x", "three");
      NODE(&test, "Clip", "b", "a", "", "six");
      test.names[1][1] = "zero";
      graph_scalar(&test, "zero", 0);
      NODE(&test, "Mul", "c", "x", "b");
      NODE(&test, "Div", "y", "c", "six");
    }
    flatten(&test);
    /* the activation and the flattening; with Erf alone nothing else could have been made of it */
    assert_int_equal(check_values(&test, expected, SIZE), 2);
  }
}

static void
layer_norm_over_channels_is_recognised(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  graph_scalar(&test, "two", 2);
  graph_scalar(&test, "epsilon", 1e-3f);
  NODE(&test, "ReduceMean", "mean", "x");
  INTS(&test, "axes", 1);
  NODE(&test, "Sub", "rest", "x", "mean");
  NODE(&test, "Pow", "square", "rest", "two");
  NODE(&test, "ReduceMean", "variance", "square");
  INTS(&test, "axes", 1);
  NODE(&test, "Add", "safe", "variance", "epsilon");
  NODE(&test, "Sqrt", "deviation", "safe");
  NODE(&test, "Div", "y", "rest", "deviation");
  flatten(&test);
  for (size_t p = 0; p < PIXELS; p++) {
    double mean = 0, variance = 0;
    for (size_t c = 0; c < CHANNELS; c++)
      mean += planes[c * PIXELS + p] / CHANNELS;
    for (size_t c = 0; c < CHANNELS; c++)
      variance += pow(planes[c * PIXELS + p] - mean, 2) / CHANNELS;
    for (size_t c = 0; c < CHANNELS; c++)
      planes[c * PIXELS + p] = (float)((planes[c * PIXELS + p] - mean) / sqrt(variance + 1e-3));
  }
  check_values(&test, planes, SIZE);
}

static void
vectors_are_brought_to_unit_length(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  graph_start(&test, picture_shape, "z");
  graph_scalar(&test, "least", 1e-12f);
  NODE(&test, "Flatten", "y", "x");
  NODE(&test, "ReduceL2", "length", "y");
  INTS(&test, "axes", -1);
  NODE(&test, "Clip", "safe", "length", "least");
  NODE(&test, "Shape", "shape", "y");
  NODE(&test, "Expand", "all", "safe", "shape");
  NODE(&test, "Div", "z", "y", "all");
  double square = 0;
  for (size_t i = 0; i < SIZE; i++)
    square += (double)planes[i] * planes[i];
  for (size_t i = 0; i < SIZE; i++)
    planes[i] = (float)(planes[i] / sqrt(square));
  check_values(&test, planes, SIZE);
}

/* --- pools --- */

static void
pools_round_up_and_count_padding_as_asked(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE], expected[CHANNELS * 6];
  make_picture(planes, pixels);
  for (int form = 0; form < 2; form++) {
    start_unary(&test, form ? "AveragePool" : "MaxPool");
    INTS(&test, "kernel_shape", 2, 2);
    INTS(&test, "strides", 2, 2);
    if (form)
      INTS(&test, "pads", 0, 0, 0, 1);
    graph_int(&test, form ? "count_include_pad" : "ceil_mode", 1);
    flatten(&test);
    for (size_t i = 0; i < CHANNELS * 6; i++) {
      const size_t c = i / 6, y = i / 3 % 2, x = i % 3;
      double most = -INFINITY, sum = 0;
      for (size_t tap = 0; tap < 4; tap++) {
        const size_t row = 2 * y + tap / 2, column = 2 * x + tap % 2;
        if (column >= WIDTH)
          continue;
        most = fmax(most, planes[c * PIXELS + row * WIDTH + column]);
        sum += planes[c * PIXELS + row * WIDTH + column];
      }
      expected[i] = (float)(form ? sum / 4 : most);
    }
    check_values(&test, expected, CHANNELS * 6);
  }
}

/* --- the chosen output --- */

static void
classifiers_are_cut_before_their_last_weights(void **state)
{
  (void)state;
  TestGraph test;
  DcNetwork *network;
  DcOnnxImportReport report;
  graph_start(&test, picture_shape, "logits");
  TENSOR(&test, "matrix", numbers, CHANNELS, 7);
  NODE(&test, "GlobalAveragePool", "mean", "x");
  NODE(&test, "Flatten", "vector", "mean");
  NODE(&test, "MatMul", "logits", "vector", "matrix");
  const DcOnnxImportOptions options = {.normalise = true};
  assert_int_equal(dc_onnx_import(&test.graph, &options, &network, &report, NULL), DC_OK);
  assert_string_equal(report.output, "vector");
  assert_non_null(strstr(report.reason, "classifier"));
  assert_int_equal(dc_network_output(network).channels, CHANNELS);
  float planes[SIZE], pixels[SIZE], output[CHANNELS];
  make_picture(planes, pixels);
  run(network, pixels, output);
  double square = 0;
  for (size_t i = 0; i < CHANNELS; i++)
    square += (double)output[i] * output[i];
  assert_near(square, 1, TOLERANCE);
  dc_network_free(network);

  test.output.name = test.names[2][4] = "person"; /* neither the name nor the number is a class's */
  assert_int_equal(dc_onnx_import(&test.graph, &(DcOnnxImportOptions){0}, &network, &report, NULL),
                   DC_OK);
  assert_string_equal(report.output, "person");
  assert_int_equal(dc_network_output(network).channels, 7);
  dc_network_free(network);
}

/* --- failures --- */

static void
unknown_operators_are_named(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "NonMaxSuppression");
  test.nodes[0].name = "detections";
  flatten(&test);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "node \"detections\" (NonMaxSuppression)");
  test.nodes[0].op = "Relu";
  test.nodes[0].domain = "org.example";
  check_refused(&test, DC_ERROR_UNSUPPORTED, "(org.example.Relu)");
}

/* An operator that is not known does no harm where nothing needs it. */
static void
what_is_not_needed_is_not_imported(void **state)
{
  (void)state;
  TestGraph test;
  float planes[SIZE], pixels[SIZE];
  make_picture(planes, pixels);
  start_unary(&test, "Identity");
  NODE(&test, "NonMaxSuppression", "boxes", "y");
  flatten(&test);
  check_values(&test, planes, SIZE);
}

static void
outputs_that_are_not_there_are_refused_with_those_that_are(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "Relu");
  flatten(&test);
  const DcOnnxImportOptions options = {.output = "embedding"};
  DcNetwork *network;
  DcError error;
  assert_int_equal(dc_onnx_import(&test.graph, &options, &network, NULL, &error),
                   DC_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, "\"embedding\""));
  assert_non_null(strstr(error.message, "\"z\""));
}

static void
inputs_that_are_no_pictures_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "Relu");
  test.graph.outputs = &(DcOnnxValue){.name = "y"};
  test.output.name = "y";
  test.input.shape[1] = 4;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "4 channels");
  test.input.shape[1] = 3;
  test.input.shape[2] = 5000;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "height 5000");
  test.input.rank = 3;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "has 3 axes");
  test.input.is_float = false;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "whole numbers");
  test.graph.input_count = 0;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "does not depend on an input");
}

static void
sizes_that_the_graph_fixes_cannot_be_chosen(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "GlobalAveragePool");
  test.output.name = "y";
  DcOnnxImportOptions options = {.height = 8};
  DcNetwork *network;
  DcError error;
  assert_int_equal(dc_onnx_import(&test.graph, &options, &network, NULL, &error), DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "height 4, not 8"));
  test.input.shape[2] = test.input.shape[3] = -1;
  assert_int_equal(dc_onnx_import(&test.graph, &options, &network, NULL, &error), DC_OK);
  assert_int_equal(dc_network_input(network).height, 8);
  assert_int_equal(dc_network_input(network).width, 224);
  dc_network_free(network);
}

static void
convolutions_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "y");
  TENSOR(&test, "weight", numbers, 2, CHANNELS, 3, 3);
  NODE(&test, "Conv", "y", "x", "weight");
  INTS(&test, "strides", 1, 1, 1);
  check_refused(&test, DC_ERROR_FORMAT, "\"strides\"");
  test.nodes[0].attribute_count = 0;
  INTS(&test, "kernel_shape", 5, 5);
  check_refused(&test, DC_ERROR_FORMAT, "not that of its weight");
  test.nodes[0].attribute_count = 0;
  graph_int(&test, "group", 2);
  check_refused(&test, DC_ERROR_FORMAT, "does not fit an input of 3 channels");
  test.nodes[0].attribute_count = 0;
  INTS(&test, "pads", -1, 0, 0, 0);
  check_refused(&test, DC_ERROR_UNSUPPORTED, "padding of -1");
  test.nodes[0].attribute_count = 0;
  INTS(&test, "dilations", 3, 3);
  check_refused(&test, DC_ERROR_SHAPE, "layer 0 (conv2d)");
  test.names[0][1] = "x";
  check_refused(&test, DC_ERROR_UNSUPPORTED, "weight must be constant");
}

static void
shapes_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "y");
  LIST(&test, "shape", 1, 7, -1);
  NODE(&test, "Reshape", "y", "x", "shape");
  check_refused(&test, DC_ERROR_FORMAT, "60 numbers");
  graph_start(&test, picture_shape, "y");
  LIST(&test, "shape", 2, SIZE / 2);
  NODE(&test, "Reshape", "y", "x", "shape");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "between the pictures of a batch");
  graph_start(&test, picture_shape, "y");
  NODE(&test, "Transpose", "y", "x");
  INTS(&test, "perm", 0, 1, 1, 2);
  check_refused(&test, DC_ERROR_FORMAT, "no order of 4 axes");
  graph_start(&test, picture_shape, "y");
  TENSOR(&test, "constant", numbers, 1, CHANNELS + 1, 1, 1);
  NODE(&test, "Add", "y", "x", "constant");
  check_refused(&test, DC_ERROR_FORMAT, "3 and 4 long");
}

static void
numbers_that_are_not_finite_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "y");
  graph_scalar(&test, "zero", 0);
  NODE(&test, "Div", "y", "x", "zero");
  check_refused(&test, DC_ERROR_NOT_FINITE, "not finite");
}

/* Also where the activation joins the layer before it. */
static void
activations_whose_numbers_are_not_finite_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "LeakyRelu");
  graph_float(&test, "alpha", NAN);
  flatten(&test);
  check_refused(&test, DC_ERROR_NOT_FINITE, "(LeakyRelu): one of its numbers");
  graph_start(&test, picture_shape, "z");
  graph_scalar(&test, "half", 0.5f);
  NODE(&test, "Mul", "y", "x", "half");
  NODE(&test, "LeakyRelu", "a", "y");
  graph_float(&test, "alpha", NAN);
  NODE(&test, "Flatten", "z", "a");
  check_refused(&test, DC_ERROR_NOT_FINITE, "(LeakyRelu): one of its numbers");
}

/* x / |x| of an input that is left out. */
static void
meanings_of_nothing_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "z");
  NODE(&test, "ReduceL2", "length", "");
  INTS(&test, "axes", -1);
  NODE(&test, "Div", "unit", "", "length");
  NODE(&test, "Add", "z", "unit", "x");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "does not depend on the picture");
}

static void
negative_sizes_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "y");
  graph_scalar(&test, "one", 1);
  LIST(&test, "sizes", -1, INT64_MIN);
  NODE(&test, "Expand", "constant", "one", "sizes");
  NODE(&test, "Add", "y", "x", "constant");
  check_refused(&test, DC_ERROR_FORMAT, "must not be negative");
}

/* A few bytes of a file must not ask for gigabytes. */
static void
constants_that_grow_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "y");
  LIST(&test, "huge", INT64_C(1) << 20, INT64_C(1) << 20);
  NODE(&test, "ConstantOfShape", "constant", "huge");
  NODE(&test, "Add", "y", "x", "constant");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "more than 2^27 numbers");
}

static void
images_that_grow_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "Pad");
  INTS(&test, "pads", 0, 0, 60000, 60000, 0, 0, 60000, 60000);
  test.output.name = "y";
  check_refused(&test, DC_ERROR_SHAPE, "layer 0 (pad)");
  start_unary(&test, "Pad");
  INTS(&test, "pads", 0, 0, 5000, 5000, 0, 0, 0, 0);
  test.output.name = "y";
  check_refused(&test, DC_ERROR_UNSUPPORTED, "numbers of one picture");
}

/* Sums and products of what a file says must stay numbers. */
static void
sizes_out_of_all_proportion_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  start_unary(&test, "GlobalAveragePool");
  test.output.name = "y";
  test.input.shape[0] = INT64_C(1) << 62;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "at once");
  start_unary(&test, "MaxPool");
  test.output.name = "y";
  INTS(&test, "kernel_shape", 65536, 65536);
  INTS(&test, "dilations", 65536, 65536);
  INTS(&test, "strides", 65536, 65536);
  graph_text(&test, "auto_pad", "SAME_LOWER");
  check_refused(&test, DC_ERROR_UNSUPPORTED, "reaches beyond");
}

static void
several_pictures_are_refused(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, picture_shape, "y");
  NODE(&test, "Add", "y", "x", "second");
  const DcOnnxValue inputs[] = {test.input, {.name = "second", .is_float = true}};
  test.graph.inputs = inputs;
  test.graph.input_count = 2;
  check_refused(&test, DC_ERROR_UNSUPPORTED, "\"x\" and \"second\"");
}

int
main(void)
{
  fill_numbers(numbers, sizeof numbers / sizeof *numbers);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flattening_keeps_the_order_of_onnx),
      cmocka_unit_test(channels_last_pictures_need_no_copy),
      cmocka_unit_test(shuffling_channels_is_one_layer),
      cmocka_unit_test(shapes_that_are_computed_fold_away),
      cmocka_unit_test(shapes_end_where_they_end),
      cmocka_unit_test(infinite_bounds_are_none),
      cmocka_unit_test(slices_and_splits_take_their_part),
      cmocka_unit_test(convolutions_permute_their_weights),
      cmocka_unit_test(batch_norms_and_activations_become_part_of_a_convolution),
      cmocka_unit_test(an_activation_leaves_a_value_that_others_read),
      cmocka_unit_test(products_take_flattened_maps_in_the_order_of_onnx),
      cmocka_unit_test(constants_meet_channels_pixels_and_all),
      cmocka_unit_test(gates_multiply_channels),
      cmocka_unit_test(spelled_out_activations_are_recognised),
      cmocka_unit_test(layer_norm_over_channels_is_recognised),
      cmocka_unit_test(vectors_are_brought_to_unit_length),
      cmocka_unit_test(pools_round_up_and_count_padding_as_asked),
      cmocka_unit_test(classifiers_are_cut_before_their_last_weights),
      cmocka_unit_test(unknown_operators_are_named),
      cmocka_unit_test(what_is_not_needed_is_not_imported),
      cmocka_unit_test(outputs_that_are_not_there_are_refused_with_those_that_are),
      cmocka_unit_test(inputs_that_are_no_pictures_are_refused),
      cmocka_unit_test(sizes_that_the_graph_fixes_cannot_be_chosen),
      cmocka_unit_test(convolutions_that_do_not_fit_are_refused),
      cmocka_unit_test(shapes_that_do_not_fit_are_refused),
      cmocka_unit_test(numbers_that_are_not_finite_are_refused),
      cmocka_unit_test(activations_whose_numbers_are_not_finite_are_refused),
      cmocka_unit_test(meanings_of_nothing_are_refused),
      cmocka_unit_test(negative_sizes_are_refused),
      cmocka_unit_test(constants_that_grow_are_refused),
      cmocka_unit_test(images_that_grow_are_refused),
      cmocka_unit_test(sizes_out_of_all_proportion_are_refused),
      cmocka_unit_test(several_pictures_are_refused),
  };
  return cmocka_run_group_tests_name("onnx_import", tests, NULL, NULL);
}
