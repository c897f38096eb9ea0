/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forward.h"

#include "nn/fold.h"
#include "onnx/export.h"
#include "onnx/import.h"
#include "onnx_layers.h"

/* Networks that are written as ONNX and imported again compute the same. */

enum { BATCH = 3 };

/* The sums are the same ones, of weights that may have been folded: as for a plan beside its
 * reference. */
static void
assert_same(const DcNetwork *network, const DcNetwork *again)
{
  const size_t out = dc_shape_size(dc_network_output(network)), count = BATCH * out;
  assert_int_equal(dc_shape_size(dc_network_output(again)), out);
  float *samples = random_samples(network, BATCH, 5);
  float *expected = DC_NEW(float, count), *actual = DC_NEW(float, count);
  assert_int_equal(dc_network_run_reference(network, samples, BATCH, expected), DC_OK);
  assert_int_equal(dc_network_run_reference(again, samples, BATCH, actual), DC_OK);
  for (size_t i = 0; i < count; i++)
    assert_near(actual[i], expected[i], FORWARD_TOLERANCE);
  dc_free(samples);
  dc_free(expected);
  dc_free(actual);
}

static DcNetwork *
there_and_back(const DcNetwork *network)
{
  unsigned char *bytes;
  size_t size;
  DcOnnxGraph *graph;
  DcNetwork *again;
  DcOnnxImportReport report;
  const DcOnnxImportOptions options = {.output = "embedding"};
  DcError error = {0};
  if (dc_onnx_export(network, &bytes, &size, &error) ||
      dc_onnx_graph_parse(bytes, size, "trip", &graph, &error) ||
      dc_onnx_import(graph, &options, &again, &report, &error))
    fail_msg("%s %s: %s", dc_layer_kind_name(dc_network_layer_const(network, 0)->kind),
             dc_activation_name(dc_network_layer_const(network, 0)->activation), error.message);
  assert_string_equal(report.input, "input");
  dc_free(bytes);
  dc_onnx_graph_free(graph);
  return again;
}

/* The same behind a layer that makes as many channels as it takes of those of a picture, which is
 * what can be imported. */
static DcNetwork *
of_picture(const DcNetwork *network)
{
  DcRandom random;
  dc_random_seed(&random, 6, 6);
  const DcShape input = dc_network_input(network);
  const bool is_vector = input.height == 1 && input.width == 1;
  const DcLayer conv = window_layer(DC_LAYER_CONV2D, 1, 1, 1, (int[4]){0, 0, 0, 0}, input.channels);
  const DcLayer dense = {.kind = DC_LAYER_DENSE, .output = {.channels = input.channels}};
  DcNetwork *whole = is_vector
                         ? single_layer((DcShape){2, 2, 3}, dense, &random)
                         : single_layer((DcShape){input.height, input.width, 3}, conv, &random);
  assert_int_equal(dc_network_append(whole, network, 0, NULL), DC_OK);
  return whole;
}

static void
check(const DcNetwork *network)
{
  DcNetwork *whole = of_picture(network), *folded;
  assert_int_equal(dc_network_fold(whole, &folded, NULL), DC_OK);
  DcNetwork *again = there_and_back(folded);
  assert_same(folded, again);
  dc_network_free(again);
  dc_network_free(folded);
  dc_network_free(whole);
}

static void
layers_of_all_sizes_come_back(void **state)
{
  (void)state;
  for_each_layer(check);
}

static void
every_kind_comes_back_with_every_activation(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 8, 8);
  for (size_t i = 0; i < ONNX_LAYER_COUNT; i++) {
    for (int activation = DC_ACTIVATION_NONE; activation <= DC_ACTIVATION_TANH; activation++) {
      DcLayer layer = onnx_layers[i].layer;
      layer.activation = (DcActivation)activation;
      layer.slope = 0.3f;
      layer.shift = 0.4f;
      layer.low = -0.4f;
      layer.high = 0.3f;
      DcNetwork *network = single_layer(onnx_layers[i].input, layer, &random);
      check(network);
      dc_network_free(network);
    }
  }
}

static void
networks_come_back(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 9, 9);
  DcNetwork *branching = branching_network(&random), *imported = imported_network(&random);
  check(branching);
  check(imported);
  dc_network_free(branching);
  dc_network_free(imported);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_of_all_sizes_come_back),
      cmocka_unit_test(every_kind_comes_back_with_every_activation),
      cmocka_unit_test(networks_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
