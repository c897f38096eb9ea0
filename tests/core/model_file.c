/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models.h"

#include "store/safetensors.h"

static void
assert_same_network(const DcNetwork *a, const DcNetwork *b)
{
  assert_int_equal(dc_network_layer_count(a), dc_network_layer_count(b));
  DcShape input_a = dc_network_input(a), input_b = dc_network_input(b);
  assert_memory_equal(&input_a, &input_b, sizeof input_a);
  for (size_t i = 0; i < dc_network_layer_count(a); i++) {
    const DcLayer *x = dc_network_layer_const(a, i), *y = dc_network_layer_const(b, i);
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->back, y->back);
    assert_int_equal(x->with, y->with);
    assert_int_equal(x->activation, y->activation);
    assert_true(x->slope == y->slope && x->shift == y->shift);
    assert_true(x->low == y->low && x->high == y->high && x->epsilon == y->epsilon);
    assert_int_equal(x->kernel_height, y->kernel_height);
    assert_int_equal(x->kernel_width, y->kernel_width);
    assert_int_equal(x->stride, y->stride);
    assert_int_equal(x->dilation, y->dilation);
    assert_int_equal(x->groups, y->groups);
    assert_memory_equal(&x->order, &y->order, sizeof x->order);
    assert_memory_equal(x->padding, y->padding, sizeof x->padding);
    assert_memory_equal(&x->output, &y->output, sizeof x->output);
    assert_int_equal(x->weight_size, y->weight_size);
    if (x->weight_size)
      assert_memory_equal(x->weight, y->weight, x->weight_size * sizeof(float));
    if (x->bias_size)
      assert_memory_equal(x->bias, y->bias, x->bias_size * sizeof(float));
  }
}

static void
assert_same_source(const DcMixture *a, const DcMixture *b)
{
  const size_t k = a->clusters, d = a->dim;
  assert_int_equal(k, b->clusters);
  assert_memory_equal(a->weights, b->weights, k * sizeof(double));
  assert_memory_equal(a->means, b->means, k * d * sizeof(double));
  assert_memory_equal(a->covariances, b->covariances, k * d * d * sizeof(double));
}

static void
assert_same_attention(const DcTdcmModule *a, const DcTdcmModule *b)
{
  assert_int_equal(a->dim, b->dim);
  assert_int_equal(a->score, b->score);
  assert_int_equal(a->shares, b->shares);
  assert_int_equal(a->blocks, b->blocks);
  assert_int_equal(a->seeds, b->seeds);
  assert_near(a->epsilon, b->epsilon, 1e-7 * b->epsilon); /* it is kept in single precision */
  assert_memory_equal(a->root, b->root, a->dim * a->dim * sizeof(double));
  assert_int_equal(a->shift != NULL, b->shift != NULL);
  if (a->shift)
    assert_memory_equal(a->shift, b->shift, a->dim * sizeof(double));
  assert_int_equal(a->source != NULL, b->source != NULL);
  if (a->source)
    assert_same_source(a->source, b->source);
}

static void
a_model_comes_back_whole(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "whole");
  DcModel *copy = read_model("whole");
  assert_memory_equal(&copy->preprocessing, &model->preprocessing, sizeof(DcPatchSpec));
  assert_same_network(copy->encoder, model->encoder);
  assert_same_network(copy->decoder, model->decoder);
  assert_same_attention(copy->attention, model->attention);
  assert_int_equal(copy->dim, DIM);
  assert_int_equal(copy->clusters, CLUSTERS);
  assert_memory_equal(copy->centroids, model->centroids, CLUSTERS * DIM * sizeof(float));
  assert_memory_equal(copy->spread, model->spread, CLUSTERS * sizeof(float));
  assert_string_equal(copy->method, "dekm");
  assert_string_equal(copy->provenance, model->provenance);
  assert_string_equal(copy->encoder_id, model->encoder_id);
  assert_int_equal(strlen(copy->encoder_id), DC_ENCODER_ID_SIZE - 1);
  dc_model_free(copy);
  dc_model_free(model);
}

static void
attention_may_have_no_shift(void **state)
{
  (void)state;
  DcModel *model = small_model();
  dc_tdcm_free(model->attention);
  model->attention = dc_tdcm_new(DIM, DC_TDCM_BILINEAR);
  write_model(model, "linear");
  DcModel *copy = read_model("linear");
  assert_same_attention(copy->attention, model->attention);
  dc_model_free(copy);
  dc_model_free(model);
}

static void
attention_may_know_the_clusters_of_the_source(void **state)
{
  (void)state;
  DcModel *model = small_model();
  dc_tdcm_free(model->attention);
  model->attention = sourced_attention();
  write_model(model, "source");
  DcModel *copy = read_model("source");
  assert_same_attention(copy->attention, model->attention);
  dc_model_free(copy);
  dc_model_free(model);
}

static void
a_model_may_be_an_encoder_alone(void **state)
{
  (void)state;
  DcModel *model = small_model();
  dc_network_free(model->decoder);
  dc_tdcm_free(model->attention);
  dc_free(model->centroids);
  dc_free(model->spread);
  g_clear_pointer(&model->method, g_free);
  g_clear_pointer(&model->provenance, g_free);
  model->decoder = NULL;
  model->attention = NULL;
  model->centroids = model->spread = NULL;
  model->clusters = 0;
  write_model(model, "alone");
  DcModel *copy = read_model("alone");
  assert_null(copy->decoder);
  assert_null(copy->attention);
  assert_null(copy->centroids);
  assert_null(copy->spread);
  assert_null(copy->method);
  assert_null(copy->provenance);
  dc_model_free(copy);
  dc_model_free(model);
}

static void
a_model_may_branch(void **state)
{
  (void)state;
  DcModel *model = branching_model();
  write_model(model, "branches");
  DcModel *copy = read_model("branches");
  assert_same_network(copy->encoder, model->encoder);
  assert_string_equal(copy->encoder_id, model->encoder_id);
  dc_model_free(copy);
  dc_model_free(model);
}

static void
a_model_may_be_of_layers_learnt_elsewhere(void **state)
{
  (void)state;
  DcModel *model = imported_model();
  write_model(model, "imported");
  DcModel *copy = read_model("imported");
  assert_same_network(copy->encoder, model->encoder);
  assert_string_equal(copy->encoder_id, model->encoder_id);
  dc_model_free(copy);
  dc_model_free(model);
}

static void
equal_models_are_equal_bytes(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "first");
  DcModel *copy = read_model("first");
  write_model(copy, "second");
  assert_equal_files("first", "second");
  dc_model_free(copy);
  dc_model_free(model);
}

/* The identity must change with everything that changes embeddings, and with nothing else. */
static void
identity_is_that_of_the_embeddings(void **state)
{
  (void)state;
  DcModel *model = small_model();
  char seen[8][DC_ENCODER_ID_SIZE];
  size_t n = 0;
#define SEE_CHANGE(change)                                                                         \
  do {                                                                                             \
    change;                                                                                        \
    dc_model_identify(model);                                                                      \
    for (size_t i = 0; i < n; i++)                                                                 \
      assert_string_not_equal(seen[i], model->encoder_id);                                         \
    strcpy(seen[n++], model->encoder_id);                                                          \
  } while (0)
  SEE_CHANGE((void)0);
  SEE_CHANGE(dc_network_layer(model->encoder, 0)->weight[7] += 1e-6f);
  SEE_CHANGE(dc_network_layer(model->encoder, 4)->bias[0] += 1e-6f);
  SEE_CHANGE(dc_network_layer(model->encoder, 3)->activation = DC_ACTIVATION_RELU);
  SEE_CHANGE(dc_network_layer(model->encoder, 0)->slope = 0.2f);
  SEE_CHANGE(model->preprocessing.mean[2] += 1e-6f);
  SEE_CHANGE(model->preprocessing.fill = 1);
  SEE_CHANGE(model->preprocessing.resize = DC_RESIZE_AREA);
  dc_network_layer(model->decoder, 0)->bias[0]++;
  model->centroids[0]++;
  model->attention->root[0]++;
  dc_model_identify(model);
  assert_string_equal(model->encoder_id, seen[n - 1]);
  dc_model_free(model);
}

/* Embeddings and states that are in use name their encoder by it. */
static void
identity_of_a_chain_is_what_it_was_before_there_were_branches(void **state)
{
  (void)state;
  DcModel *model = small_model();
  dc_model_identify(model);
  assert_string_equal(model->encoder_id,
                      "sha256:fc6f96bf391d070dfb2a38dea09d8c0192f64da8761c1d48cfe56893ebafec0d");
  dc_model_free(model);
}

static void
identity_tells_branches_apart(void **state)
{
  (void)state;
  DcModel *model = branching_model();
  char seen[3][DC_ENCODER_ID_SIZE];
  for (int i = 0; i < 3; i++) {
    dc_network_layer(model->encoder, 2)->with = i == 1 ? 2 : 1;
    dc_network_layer(model->encoder, 1)->back = i == 2 ? 1 : 0;
    dc_model_identify(model);
    memcpy(seen[i], model->encoder_id, sizeof seen[i]);
  }
  assert_string_not_equal(seen[0], seen[1]);
  assert_string_not_equal(seen[0], seen[2]);
  assert_string_not_equal(seen[1], seen[2]);
  dc_model_free(model);
}

/* A branching model of before there were the layers of imported_network(). */
static void
branches_keep_their_identity(void **state)
{
  (void)state;
  DcModel *model = branching_model();
  dc_model_identify(model);
  assert_string_equal(model->encoder_id,
                      "sha256:1f4c600f7889612c9c4ad5c0ca590df6137be8596cb7877c65455fbd97ec73fe");
  dc_model_free(model);
}

static void
identity_tells_layers_learnt_elsewhere_apart(void **state)
{
  (void)state;
  DcModel *model = imported_model();
  DcNetwork *network = model->encoder;
  dc_model_identify(model);
  char first[DC_ENCODER_ID_SIZE];
  strcpy(first, model->encoder_id);
  int *const ints[] = {&dc_network_layer(network, 0)->padding[1],
                       &dc_network_layer(network, 1)->dilation,
                       &dc_network_layer(network, 1)->groups,
                       &dc_network_layer(network, 3)->with,
                       &dc_network_layer(network, 6)->back,
                       &dc_network_layer(network, 8)->with,
                       &dc_network_layer(network, 11)->order.axes,
                       &dc_network_layer(network, 11)->order.size[2],
                       &dc_network_layer(network, 11)->order.stride[1],
                       &dc_network_layer(network, 11)->order.offset,
                       &dc_network_layer(network, 1)->dilation_across,
                       &dc_network_layer(network, 16)->stride_across,
                       &dc_network_layer(network, 18)->response.size};
  for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
    ++*ints[i];
    dc_model_identify(model);
    assert_string_not_equal(model->encoder_id, first);
    --*ints[i];
  }
  float *const floats[] = {&dc_network_layer(network, 3)->low,
                           &dc_network_layer(network, 3)->high,
                           &dc_network_layer(network, 8)->slope,
                           &dc_network_layer(network, 8)->shift,
                           &dc_network_layer(network, 10)->epsilon,
                           &dc_network_layer(network, 9)->weight[3],
                           &dc_network_layer(network, 17)->epsilon,
                           &dc_network_layer(network, 15)->weight[2],
                           &dc_network_layer(network, 18)->response.scale,
                           &dc_network_layer(network, 18)->response.bias,
                           &dc_network_layer(network, 18)->response.power};
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
    const float before = *floats[i];
    *floats[i] += 0.25f;
    dc_model_identify(model);
    assert_string_not_equal(model->encoder_id, first);
    *floats[i] = before;
  }
  dc_model_identify(model);
  assert_string_equal(model->encoder_id, first);
  /* One said in another way. */
  dc_network_layer(network, 2)->groups = dc_network_layer(network, 5)->dilation = 1;
  dc_network_layer(network, 2)->stride_across = 1;
  dc_network_layer(network, 2)->dilation_across = 0;
  dc_model_identify(model);
  assert_string_equal(model->encoder_id, first);
  dc_model_free(model);
}

static void
a_model_may_take_vectors(void **state)
{
  (void)state;
  DcModel *model = vector_model();
  write_model(model, "vectors");
  DcModel *copy = read_model("vectors");
  assert_true(copy->vectors);
  assert_same_network(copy->encoder, model->encoder);
  assert_same_network(copy->decoder, model->decoder);
  assert_string_equal(copy->encoder_id, model->encoder_id);
  copy->preprocessing.width = 7; /* which it has none of, so that it cannot matter */
  dc_model_identify(copy);
  assert_string_equal(copy->encoder_id, model->encoder_id);
  DcTensorFile *file;
  assert_int_equal(dc_tensor_file_read("vectors", &file, NULL), DC_OK);
  assert_string_equal(dc_tensor_file_metadata(file, "input"), "vectors");
  assert_null(dc_tensor_file_metadata(file, "preprocessing"));
  dc_tensor_file_free(file);
  dc_model_free(copy);
  dc_model_free(model);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_model_comes_back_whole),
      cmocka_unit_test(attention_may_have_no_shift),
      cmocka_unit_test(attention_may_know_the_clusters_of_the_source),
      cmocka_unit_test(a_model_may_be_an_encoder_alone),
      cmocka_unit_test(a_model_may_branch),
      cmocka_unit_test(a_model_may_be_of_layers_learnt_elsewhere),
      cmocka_unit_test(equal_models_are_equal_bytes),
      cmocka_unit_test(identity_is_that_of_the_embeddings),
      cmocka_unit_test(identity_of_a_chain_is_what_it_was_before_there_were_branches),
      cmocka_unit_test(identity_tells_branches_apart),
      cmocka_unit_test(branches_keep_their_identity),
      cmocka_unit_test(identity_tells_layers_learnt_elsewhere_apart),
      cmocka_unit_test(a_model_may_take_vectors),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
