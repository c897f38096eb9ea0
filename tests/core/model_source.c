/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source of transport tracking in a model file, and an adapter that starts from it. */
#include "models.h"

#include "cluster/transport_fit.h"
#include "store/safetensors.h"
#include "stream/adapter.h"

enum { SAMPLES = 400 };

static float rows[SAMPLES * DIM];

/* Samples about the centroids of a small model. */
static DcMatrix
samples_of(const DcModel *model)
{
  DcRandom random;
  dc_random_seed(&random, 3, 3);
  for (size_t i = 0; i < SAMPLES; i++)
    for (size_t j = 0; j < DIM; j++)
      rows[i * DIM + j] =
          4 * model->centroids[i % CLUSTERS * DIM + j] + 0.3f * (float)dc_random_normal(&random);
  return dc_matrix(rows, SAMPLES, DIM);
}

static DcModel *
model_with_source(void)
{
  DcModel *model = small_model();
  for (size_t i = 0; i < CLUSTERS * DIM; i++)
    model->centroids[i] *= 4;
  DcModel *plain = small_model();
  DcMatrix samples = samples_of(plain), centroids = dc_matrix(model->centroids, CLUSTERS, DIM);
  dc_model_free(plain);
  DcTransportFitOptions options = dc_transport_fit_options();
  DcError error = {0};
  if (dc_transport_fit(&samples, &centroids, &options, &model->source, &error))
    fail_msg("%s", error.message);
  return model;
}

static void
a_source_comes_back_with_its_model(void **state)
{
  (void)state;
  DcModel *model = model_with_source();
  write_model(model, "with");
  DcModel *copy = read_model("with");
  DcTransportArray written[DC_TRANSPORT_SOURCE_ARRAYS], read[DC_TRANSPORT_SOURCE_ARRAYS];
  assert_non_null(copy->source);
  dc_transport_source_arrays(model->source, written);
  dc_transport_source_arrays(copy->source, read);
  for (size_t i = 0; i < DC_TRANSPORT_SOURCE_ARRAYS; i++) {
    assert_int_equal(written[i].rows, read[i].rows);
    assert_int_equal(written[i].cols, read[i].cols);
    assert_memory_equal(written[i].data, read[i].data,
                        read[i].rows * read[i].cols * sizeof(double));
  }
  /* The encoder is the same, whatever is known of its embeddings. */
  DcModel *plain = small_model();
  write_model(plain, "without");
  assert_string_equal(plain->encoder_id, copy->encoder_id);
  DcModel *older = read_model("without");
  assert_null(older->source);
  dc_model_free(older);
  dc_model_free(plain);
  dc_model_free(copy);
  dc_model_free(model);
}

static DcAdapter *
start_from(const DcModel *model, DcTransportSource *source)
{
  DcAdapterConfig config = dc_adapter_config();
  config.source = source;
  config.interval = 64;
  DcAdapter *adapter;
  DcError error = {0};
  if (dc_adapter_new(&config, DIM, "model", &adapter, &error))
    fail_msg("%s", error.message);
  DcMatrix centroids = dc_matrix(model->centroids, model->clusters, DIM);
  if (dc_adapter_start(adapter, &centroids, model->spread, NULL, &error))
    fail_msg("%s", error.message);
  return adapter;
}

/* Tracks from the first embedding on; after the stream has drifted away, the clusters still are
 * those of the model. */
static void
an_adapter_knows_its_source_from_the_start(void **state)
{
  (void)state;
  DcModel *model = model_with_source();
  DcAdapter *adapter = start_from(model, model->source);
  assert_true(dc_adapter_stats(adapter).transported);
  DcAdapter *without = start_from(model, NULL);
  assert_false(dc_adapter_stats(without).transported);
  DcAssigner *assigner = dc_assigner_new();
  DcError error;
  size_t right = 0, counted = 0;
  for (size_t i = 0; i < 4000; i++) {
    float row[DIM];
    for (size_t j = 0; j < DIM; j++) /* all move by 4, over 3 000 embeddings */
      row[j] = rows[i % SAMPLES * DIM + j] + 4 * fminf((float)i / 3000, 1);
    DcMatrix one = dc_matrix(row, 1, DIM);
    DcPushResult pushed;
    DcAssignment found;
    DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
    assert_int_equal(dc_snapshot_assign(snapshot, assigner, &one, 0, &found), DC_OK);
    dc_snapshot_unref(snapshot);
    counted += i >= 3000;
    right += i >= 3000 && found.cluster == i % SAMPLES % CLUSTERS;
    assert_int_equal(dc_adapter_push(adapter, &one, i, &pushed), DC_OK);
    if (dc_adapter_is_due(adapter))
      assert_int_equal(dc_adapter_adapt(adapter, true, &error), DC_OK);
  }
  assert_true((double)right / (double)counted > 0.99);
  assert_true(dc_adapter_stats(adapter).displacement > 1);
  dc_assigner_free(assigner);
  dc_adapter_free(without);
  dc_adapter_free(adapter);
  dc_model_free(model);
}

static void
a_source_of_another_size_is_refused(void **state)
{
  (void)state;
  DcModel *model = model_with_source();
  DcAdapterConfig config = dc_adapter_config();
  config.source = model->source;
  DcAdapter *adapter;
  DcError error = {0};
  assert_int_equal(dc_adapter_new(&config, DIM + 1, "model", &adapter, &error), DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "a source described from embeddings of 5 numbers"));
  DcMatrix fewer = dc_matrix(model->centroids, CLUSTERS - 1, DIM);
  DcMatrix samples = dc_matrix(rows, SAMPLES, DIM);
  DcTransportFitOptions options = dc_transport_fit_options();
  dc_transport_source_unref(model->source);
  model->source = NULL;
  assert_int_equal(dc_transport_fit(&samples, &fewer, &options, &model->source, &error), DC_OK);
  assert_int_equal(dc_model_write(model, "never", &error), DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "a source of 2 clusters of 5 numbers"));
  assert_false(scratch_exists("never"));
  dc_model_free(model);
}

/* One number, name or row of the file changed. */
static void
a_damaged_source_is_refused(void **state)
{
  (void)state;
  const struct {
    const char *name, *told, *renamed;
    double number;
    size_t rows;
  } cases[] = {
      {"transport.source.mean", "mean", NULL, NAN, 0},
      {"transport.source.mean", "mean of the source", NULL, 1e300, 0},
      {"transport.source.rest", "rest of the source", NULL, -1e20, 0},
      {"transport.source.centroid", "centroid of the source", NULL, 1e39, 0},
      {"transport.source.basis", "basis of the source", NULL, 3, 0},
      {"transport.source.precision", "precision", NULL, INFINITY, 0},
      {"transport.source.variance", "variance of the source", NULL, -1, 0},
      {"transport.source.share", "share", NULL, -1, 0},
      {"transport.source.size", "prototypes", NULL, 1e9, 0},
      {"transport.source.centroid", "transport.source.centroid", "transport.source.centre", 0, 0},
      {"transport.source.prototype", "transport.source", NULL, 0, 1},
  };
  DcModel *model = model_with_source();
  write_model(model, "good");
  dc_model_free(model);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    DcTensorFile *file;
    assert_int_equal(dc_tensor_file_read("good", &file, NULL), DC_OK);
    DcTensor tensors[64];
    size_t count = dc_tensor_file_count(file);
    assert_in_range(count, 1, 64);
    for (size_t i = 0; i < count; i++) {
      tensors[i] = *dc_tensor_file_at(file, i);
      if (strcmp(tensors[i].name, cases[c].name) != 0)
        continue;
      if (cases[c].renamed)
        tensors[i].name = cases[c].renamed;
      else if (cases[c].rows) {
        tensors[i].bytes -= tensors[i].bytes / tensors[i].shape[0];
        tensors[i].shape[0]--;
      } else
        *(double *)tensors[i].data = cases[c].number;
    }
    const char *const keys[] = {"format",  "format_version", "preprocessing",
                                "encoder", "decoder",        "attention"};
    const char *metadata[12];
    for (size_t i = 0; i < 6; i++) {
      metadata[2 * i] = keys[i];
      metadata[2 * i + 1] = dc_tensor_file_metadata(file, keys[i]);
    }
    assert_int_equal(dc_tensor_file_write("damaged", tensors, count, metadata, 6, 0, NULL), DC_OK);
    dc_tensor_file_free(file);
    DcModel *read;
    DcError error = {0};
    assert_int_equal(dc_model_read("damaged", &read, &error), DC_ERROR_FORMAT);
    assert_null(read);
    assert_non_null(strstr(error.message, "damaged: "));
    if (!strstr(error.message, cases[c].told))
      fail_msg("case %zu: %s", c, error.message);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_source_comes_back_with_its_model),
      cmocka_unit_test(an_adapter_knows_its_source_from_the_start),
      cmocka_unit_test(a_source_of_another_size_is_refused),
      cmocka_unit_test(a_damaged_source_is_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
