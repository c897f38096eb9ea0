/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx_files.h"

#include <float.h>

/* The numbers of ONNX files: each type, in each of the places that a file may keep it. */

static const int64_t one[] = {1}, three[] = {3};

/* --- whole numbers --- */

typedef struct {
  int type;
  uint32_t field; /* that a list of the type is in */
  size_t size;    /* of one number in raw_data */
  int64_t numbers[3];
} Whole;

static const Whole whole_types[] = {
    {ONNX_UINT8, 5, 1, {0, 7, 255}},
    {ONNX_INT8, 5, 1, {-128, -1, 127}},
    {ONNX_UINT16, 5, 2, {0, 300, 65535}},
    {ONNX_INT16, 5, 2, {-32768, -2, 32767}},
    {ONNX_INT32, 5, 4, {INT32_MIN, -3, INT32_MAX}},
    {ONNX_INT64, 7, 8, {INT64_MIN, -4, INT64_MAX}},
    {ONNX_BOOL, 5, 1, {0, 1, 1}},
    {ONNX_UINT32, 11, 4, {0, 5, UINT32_MAX}},
    {ONNX_UINT64, 11, 8, {0, 6, INT64_MAX}},
};
#define WHOLE_TYPES (sizeof whole_types / sizeof *whole_types)

static Bytes
whole_in_raw_data(const Whole *type)
{
  unsigned char raw[3 * 8];
  for (size_t i = 0; i < 3; i++)
    memcpy(raw + i * type->size, &type->numbers[i], type->size);
  return onnx_raw_tensor("t", type->type, three, 1, raw, 3 * type->size);
}

static Bytes
whole_in_a_list(const Whole *type)
{
  Bytes tensor = onnx_tensor("t", type->type, three, 1);
  put_packed(&tensor, type->field, type->numbers, 3);
  return tensor;
}

static Bytes
whole_in_a_list_that_is_not_packed(const Whole *type)
{
  Bytes tensor = onnx_tensor("t", type->type, three, 1);
  for (size_t i = 0; i < 3; i++)
    put_int(&tensor, type->field, type->numbers[i]);
  return tensor;
}

static void
assert_whole(Bytes tensor, const Whole *type)
{
  DcOnnxGraph *graph = parse_good(model_with_tensor(tensor));
  assert_int_equal(graph->tensor_count, 1);
  const DcOnnxTensor *read = &graph->tensors[0];
  assert_string_equal(read->name, "t");
  assert_int_equal(read->rank, 1);
  assert_int_equal(read->shape[0], 3);
  assert_int_equal(read->count, 3);
  assert_null(read->floats);
  for (size_t i = 0; i < 3; i++)
    if (read->whole[i] != type->numbers[i])
      fail_msg("type %d: %lld", type->type, (long long)read->whole[i]);
  dc_onnx_graph_free(graph);
}

static void
whole_numbers_of_every_type_are_read(void **state)
{
  (void)state;
  for (size_t i = 0; i < WHOLE_TYPES; i++) {
    assert_whole(whole_in_raw_data(&whole_types[i]), &whole_types[i]);
    assert_whole(whole_in_a_list(&whole_types[i]), &whole_types[i]);
    assert_whole(whole_in_a_list_that_is_not_packed(&whole_types[i]), &whole_types[i]);
  }
}

static void
refuse_listed(int type, uint32_t field, int64_t number, DcStatus status)
{
  Bytes tensor = onnx_tensor("t", type, one, 1);
  put_packed(&tensor, field, &number, 1);
  assert_refused(model_with_tensor(tensor), status, "\"t\" has a number");
}

static void
numbers_beyond_their_type_are_refused(void **state)
{
  (void)state;
  refuse_listed(ONNX_UINT8, 5, 256, DC_ERROR_FORMAT);
  refuse_listed(ONNX_UINT8, 5, -1, DC_ERROR_FORMAT);
  refuse_listed(ONNX_INT8, 5, 128, DC_ERROR_FORMAT);
  refuse_listed(ONNX_INT8, 5, -129, DC_ERROR_FORMAT);
  refuse_listed(ONNX_INT16, 5, 32768, DC_ERROR_FORMAT);
  refuse_listed(ONNX_BOOL, 5, 2, DC_ERROR_FORMAT);
  refuse_listed(ONNX_UINT32, 11, (int64_t)1 << 32, DC_ERROR_FORMAT);
  refuse_listed(ONNX_UINT64, 11, -1, DC_ERROR_UNSUPPORTED); /* 2^64 - 1 */
  refuse_listed(ONNX_FLOAT16, 5, 65536, DC_ERROR_FORMAT);
  refuse_listed(ONNX_BFLOAT16, 5, -1, DC_ERROR_FORMAT);
  assert_refused(model_with_tensor(onnx_raw_tensor("t", ONNX_BOOL, one, 1, "\2", 1)),
                 DC_ERROR_FORMAT, "\"t\" has a number");
  static const uint64_t large = (uint64_t)1 << 63;
  assert_refused(model_with_tensor(onnx_raw_tensor("t", ONNX_UINT64, one, 1, &large, sizeof large)),
                 DC_ERROR_UNSUPPORTED, "\"t\" has a number");
}

/* --- floats --- */

static void
assert_floats(Bytes model, const float *expected, size_t count)
{
  DcOnnxGraph *graph = parse_good(model);
  const DcOnnxTensor *read = &graph->tensors[0];
  assert_int_equal(read->count, count);
  assert_null(read->whole);
  assert_memory_equal(read->floats, expected, count * sizeof *expected);
  dc_onnx_graph_free(graph);
}

static void
floats_and_doubles_are_read_from_each_place(void **state)
{
  (void)state;
  static const float floats[] = {-0.0f, 1.5f, -FLT_MAX};
  static const double doubles[] = {-0.0, 1.5, -(double)FLT_MAX};
  assert_floats(model_with_tensor(
                    onnx_raw_tensor("t", ONNX_FLOAT, three, 1, floats, sizeof floats)),
                floats, 3);
  assert_floats(model_with_tensor(
                    onnx_raw_tensor("t", ONNX_DOUBLE, three, 1, doubles, sizeof doubles)),
                floats, 3);
  Bytes listed = onnx_tensor("t", ONNX_FLOAT, three, 1);
  put_block(&listed, 4, floats, sizeof floats);
  assert_floats(model_with_tensor(listed), floats, 3);
  listed = onnx_tensor("t", ONNX_DOUBLE, three, 1);
  put_block(&listed, 10, doubles, sizeof doubles);
  assert_floats(model_with_tensor(listed), floats, 3);
  Bytes single = onnx_tensor("t", ONNX_FLOAT, three, 1); /* not packed */
  for (size_t i = 0; i < 3; i++)
    put_float(&single, 4, floats[i]);
  assert_floats(model_with_tensor(single), floats, 3);
}

/* What IEEE 754 says of binary16, by way of powers of two. */
static double
half_by_definition(uint32_t bits)
{
  const int exponent = (int)(bits >> 10 & 0x1f);
  const double fraction = bits & 0x3ff;
  const double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/* All of them, as an attribute, where infinity and NaN may stand. */
static void
every_half_is_converted_exactly(void **state)
{
  (void)state;
  enum { COUNT = 1 << 16 };
  static const int64_t shape[] = {COUNT};
  uint16_t *halves = malloc(COUNT * sizeof *halves);
  assert_non_null(halves);
  for (uint32_t i = 0; i < COUNT; i++)
    halves[i] = (uint16_t)i;
  DcOnnxGraph *graph = parse_good(model_with_constant(
      onnx_raw_tensor("", ONNX_FLOAT16, shape, 1, halves, COUNT * sizeof *halves)));
  free(halves);
  const float *floats = dc_onnx_attribute(&graph->nodes[1], "value")->tensor->floats;
  for (uint32_t i = 0; i < COUNT; i++) {
    const bool is_last = (i >> 10 & 0x1f) == 0x1f; /* infinity or NaN */
    if (!!signbit(floats[i]) != (i >= 0x8000))
      fail_msg("the sign of half %x", (unsigned)i);
    if (is_last ? (i & 0x3ff ? !isnan(floats[i]) : !isinf(floats[i]))
                : (double)floats[i] != half_by_definition(i))
      fail_msg("half %x became %g", (unsigned)i, (double)floats[i]);
  }
  dc_onnx_graph_free(graph);
}

static void
halves_of_both_kinds_are_read_from_lists_too(void **state)
{
  (void)state;
  static const int64_t halves[] = {0x0001, 0x3c00, 0xfbff}, brains[] = {0x0001, 0x3f80, 0xc2f7};
  static const float of_halves[] = {0x1p-24f, 1, -65504}, of_brains[] = {0x1p-133f, 1, -123.5f};
  Bytes tensor = onnx_tensor("t", ONNX_FLOAT16, three, 1);
  put_packed(&tensor, 5, halves, 3);
  assert_floats(model_with_tensor(tensor), of_halves, 3);
  tensor = onnx_tensor("t", ONNX_BFLOAT16, three, 1);
  put_packed(&tensor, 5, brains, 3);
  assert_floats(model_with_tensor(tensor), of_brains, 3);
}

static void
initialisers_must_be_finite(void **state)
{
  (void)state;
  static const float nan_last[] = {1, 2, NAN}, infinite[] = {1, -INFINITY, 2};
  static const double large[] = {1, 2, 1e39}, infinite_double[] = {1, INFINITY, 2};
  static const uint16_t half[] = {0, 0x7c00, 0}, brain[] = {0, 0, 0x7fc0};
  const struct {
    int type;
    const void *data;
    size_t size;
    const char *part;
  } cases[] = {
      {ONNX_FLOAT, nan_last, sizeof nan_last, "number 2 of initialiser \"w\" is not a number"},
      {ONNX_FLOAT, infinite, sizeof infinite, "number 1 of initialiser \"w\" is infinite"},
      {ONNX_DOUBLE, large, sizeof large, "\"w\" has a DOUBLE that is too large"},
      {ONNX_DOUBLE, infinite_double, sizeof infinite_double, "number 1 of initialiser \"w\""},
      {ONNX_FLOAT16, half, sizeof half, "number 1 of initialiser \"w\" is infinite"},
      {ONNX_BFLOAT16, brain, sizeof brain, "number 2 of initialiser \"w\" is not a number"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_refused(model_with_tensor(
                       onnx_raw_tensor("w", cases[i].type, three, 1, cases[i].data, cases[i].size)),
                   DC_ERROR_NOT_FINITE, cases[i].part);
}

/* The bound of a Clip may be infinite; but what becomes so only here is an error there too. */
static void
attributes_may_be_infinite(void **state)
{
  (void)state;
  static const double infinite = -INFINITY, large = 1e300;
  DcOnnxGraph *graph = parse_good(
      model_with_constant(onnx_raw_tensor("", ONNX_DOUBLE, NULL, 0, &infinite, sizeof infinite)));
  const DcOnnxTensor *tensor = dc_onnx_attribute(&graph->nodes[1], "value")->tensor;
  assert_true(isinf(tensor->floats[0]) && tensor->floats[0] < 0);
  dc_onnx_graph_free(graph);
  assert_refused(model_with_constant(
                     onnx_raw_tensor("", ONNX_DOUBLE, NULL, 0, &large, sizeof large)),
                 DC_ERROR_NOT_FINITE, "DOUBLE");
}

/* --- shapes --- */

static void
scalars_and_empty_tensors_have_their_numbers(void **state)
{
  (void)state;
  static const float number = 4;
  static const int64_t empty[] = {3, 0, 2};
  DcOnnxGraph *graph = parse_good(
      model_with_tensor(onnx_raw_tensor("t", ONNX_FLOAT, NULL, 0, &number, sizeof number)));
  assert_int_equal(graph->tensors[0].rank, 0);
  assert_int_equal(graph->tensors[0].count, 1);
  assert_true(graph->tensors[0].floats[0] == number);
  dc_onnx_graph_free(graph);
  for (int type = ONNX_FLOAT; type <= ONNX_INT64; type += ONNX_INT64 - ONNX_FLOAT) {
    graph = parse_good(model_with_tensor(onnx_tensor("t", type, empty, 3)));
    assert_int_equal(graph->tensors[0].rank, 3);
    assert_int_equal(graph->tensors[0].shape[2], 2);
    assert_int_equal(graph->tensors[0].count, 0);
    assert_int_equal(graph->tensors[0].floats != NULL, type == ONNX_FLOAT);
    assert_int_equal(graph->tensors[0].whole != NULL, type == ONNX_INT64);
    dc_onnx_graph_free(graph);
  }
}

static void
shapes_that_cannot_be_are_refused(void **state)
{
  (void)state;
  static const int64_t negative[] = {-1}, terabyte[] = {(int64_t)1 << 40},
                       wraps[] = {(int64_t)1 << 32, (int64_t)1 << 32},
                       wraps_to_four[] = {((int64_t)1 << 62) + 1, 4}, nine[9] = {0},
                       most[] = {INT64_MAX, INT64_MAX, INT64_MAX};
  static const float number = 1;
  const struct {
    const int64_t *shape;
    size_t rank;
    DcStatus status;
    const char *part;
  } cases[] = {
      {negative, 1, DC_ERROR_FORMAT, "\"t\" has an axis of negative size"},
      {terabyte, 1, DC_ERROR_FORMAT, "\"t\" has 4 bytes where its shape asks for 1099511627776"},
      {wraps, 2, DC_ERROR_FORMAT, "\"t\" has a shape beyond all bounds"},
      {wraps_to_four, 2, DC_ERROR_FORMAT, "\"t\" has a shape beyond all bounds"},
      {most, 3, DC_ERROR_FORMAT, "\"t\" has a shape beyond all bounds"},
      {most, 1, DC_ERROR_FORMAT, "\"t\" has 4 bytes"}, /* times 4 bytes it would overflow */
      {nine, 9, DC_ERROR_UNSUPPORTED, "\"t\" has more than 8 axes"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_refused(model_with_tensor(onnx_raw_tensor("t", ONNX_FLOAT, cases[i].shape, cases[i].rank,
                                                     &number, sizeof number)),
                   cases[i].status, cases[i].part);
}

/* --- places --- */

static void
data_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  static const float floats[4] = {0};
  static const int64_t whole[4] = {0};
  for (size_t size = 0; size <= sizeof floats; size++)
    if (size != 3 * sizeof *floats)
      assert_refused(model_with_tensor(onnx_raw_tensor("t", ONNX_FLOAT, three, 1, floats, size)),
                     DC_ERROR_FORMAT, "where its shape asks for 3 numbers of type FLOAT");
  for (size_t count = 0; count <= 4; count++) {
    if (count == 3)
      continue;
    Bytes tensor = onnx_tensor("t", ONNX_INT64, three, 1);
    put_packed(&tensor, 7, whole, count);
    assert_refused(model_with_tensor(tensor), DC_ERROR_FORMAT,
                   "where its shape asks for 3 numbers of type INT64");
  }
  Bytes elsewhere = onnx_tensor("t", ONNX_INT64, three, 1);
  put_packed(&elsewhere, 5, whole, 3);
  assert_refused(model_with_tensor(elsewhere), DC_ERROR_FORMAT, "\"t\" has 0 numbers");
  Bytes both_lists = onnx_tensor("t", ONNX_INT64, three, 1);
  put_packed(&both_lists, 7, whole, 3);
  put_packed(&both_lists, 5, whole, 3);
  assert_refused(model_with_tensor(both_lists), DC_ERROR_FORMAT, "\"t\" has 3 numbers");
  Bytes twice = onnx_raw_tensor("t", ONNX_FLOAT, three, 1, floats, 3 * sizeof *floats);
  put_block(&twice, 4, floats, 3 * sizeof *floats);
  assert_refused(model_with_tensor(twice), DC_ERROR_FORMAT, "\"t\" has its numbers twice");
}

static void
types_that_are_no_numbers_of_ours_are_refused(void **state)
{
  (void)state;
  static const int types[] = {0,  ONNX_STRING, ONNX_COMPLEX64, ONNX_COMPLEX128, 17,
                              22, -1,          INT32_MAX};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    assert_refused(model_with_tensor(onnx_tensor("t", types[i], one, 1)), DC_ERROR_UNSUPPORTED,
                   "\"t\" is of data type");
}

static void
data_elsewhere_are_refused(void **state)
{
  (void)state;
  Bytes by_location = onnx_tensor("t", ONNX_FLOAT, one, 1);
  put_int(&by_location, 14, 1);
  assert_refused(model_with_tensor(by_location), DC_ERROR_UNSUPPORTED,
                 "\"t\" has its numbers in another file: write the network as one file");
  Bytes by_entry = onnx_tensor("t", ONNX_FLOAT, one, 1), entry = {0};
  put_text(&entry, 1, "location");
  put_text(&entry, 2, "weights.bin");
  put_message(&by_entry, 13, entry);
  assert_refused(model_with_tensor(by_entry), DC_ERROR_UNSUPPORTED, "in another file");
  Bytes segment = onnx_tensor("t", ONNX_FLOAT, one, 1);
  put_message(&segment, 3, (Bytes){0});
  assert_refused(model_with_tensor(segment), DC_ERROR_UNSUPPORTED, "segments");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_numbers_of_every_type_are_read),
      cmocka_unit_test(numbers_beyond_their_type_are_refused),
      cmocka_unit_test(floats_and_doubles_are_read_from_each_place),
      cmocka_unit_test(every_half_is_converted_exactly),
      cmocka_unit_test(halves_of_both_kinds_are_read_from_lists_too),
      cmocka_unit_test(initialisers_must_be_finite),
      cmocka_unit_test(attributes_may_be_infinite),
      cmocka_unit_test(scalars_and_empty_tensors_have_their_numbers),
      cmocka_unit_test(shapes_that_cannot_be_are_refused),
      cmocka_unit_test(data_that_do_not_fit_are_refused),
      cmocka_unit_test(types_that_are_no_numbers_of_ours_are_refused),
      cmocka_unit_test(data_elsewhere_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
