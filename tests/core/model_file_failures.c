/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models.h"

#include "store/safetensors.h"

/* --- what must not be written --- */

typedef void (*Spoil)(DcModel *model);

static void
nan_weight(DcModel *model)
{
  dc_network_layer(model->encoder, 4)->weight[3] = NAN;
}

static void
infinite_decoder(DcModel *model)
{
  dc_network_layer(model->decoder, 0)->bias[1] = INFINITY;
}

static void
batch_norm(DcModel *model)
{
  assert_int_equal(dc_network_add(model->encoder, &(DcLayer){.kind = DC_LAYER_BATCH_NORM}, NULL),
                   DC_OK);
}

static void
nan_centroid(DcModel *model)
{
  model->centroids[4] = NAN;
}

static void
negative_spread(DcModel *model)
{
  model->spread[1] = -1;
}

static void
wrong_patch(DcModel *model)
{
  model->preprocessing.width++;
}

static void
zero_deviation(DcModel *model)
{
  model->preprocessing.deviation[1] = 0;
}

static void
wrong_dim(DcModel *model)
{
  model->dim--;
}

static void
missing_centroids(DcModel *model)
{
  dc_free(model->centroids);
  model->centroids = NULL;
}

static void
nan_attention(DcModel *model)
{
  model->attention->root[DIM] = NAN;
}

static void
negative_attention(DcModel *model)
{
  model->attention->root[DIM + 1] *= -1;
}

static void
narrow_attention(DcModel *model)
{
  dc_tdcm_free(model->attention);
  model->attention = dc_tdcm_new(DIM - 1, DC_TDCM_QUADRATIC);
}

static void
nan_source(DcModel *model)
{
  dc_tdcm_free(model->attention);
  model->attention = sourced_attention();
  model->attention->source->covariances[1] = NAN;
}

static void
broken_provenance(DcModel *model)
{
  strcpy(model->provenance, "{\"a\":");
}

static void
invalid_models_are_not_written(void **state)
{
  (void)state;
  const struct {
    Spoil spoil;
    DcStatus status;
    const char *part;
  } cases[] = {
      {nan_weight, DC_ERROR_NOT_FINITE, "encoder.4.weight"},
      {infinite_decoder, DC_ERROR_NOT_FINITE, "decoder.0.bias"},
      {batch_norm, DC_ERROR_UNSUPPORTED, "layer 6 of the encoder is a batch norm"},
      {nan_centroid, DC_ERROR_NOT_FINITE, "centroid"},
      {negative_spread, DC_ERROR_NOT_FINITE, "spread"},
      {wrong_patch, DC_ERROR_SHAPE, "8x8x3, but the preprocessing makes 8x9x3"},
      {zero_deviation, DC_ERROR_ARGUMENT, "deviation"},
      {wrong_dim, DC_ERROR_SHAPE, "vector of 4"},
      {missing_centroids, DC_ERROR_SHAPE, "clusters"},
      {nan_attention, DC_ERROR_NOT_FINITE, "never: the attention module holds NaN"},
      {nan_source, DC_ERROR_NOT_FINITE, "clusters that the attention knows"},
      {negative_attention, DC_ERROR_ARGUMENT, "entry 1 of the diagonal"},
      {narrow_attention, DC_ERROR_SHAPE, "attention over 4 numbers, but the embeddings have 5"},
      {broken_provenance, DC_ERROR_FORMAT, "provenance"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    DcModel *model = small_model();
    cases[i].spoil(model);
    DcError error = {0};
    DcStatus status = dc_model_write(model, "never", &error);
    if (status != cases[i].status || !strstr(error.message, cases[i].part))
      fail_msg("case %zu: %d \"%s\", not %d \"%s\"", i, status, error.message, cases[i].status,
               cases[i].part);
    assert_false(scratch_exists("never"));
    dc_model_free(model);
  }
}

/* --- what must not be read: a good file with one thing changed --- */

enum { MAX_PAIRS = 12, MAX_TENSORS = 32 };

typedef struct {
  DcTensorFile *file;
  const char *metadata[2 * MAX_PAIRS];
  size_t n_metadata;
  DcTensor tensors[MAX_TENSORS];
  size_t n_tensors;
} Draft;

static const char *const keys[] = {"format",     "format_version", "preprocessing", "encoder",
                                   "decoder",    "attention",      "encoder_id",    "method",
                                   "provenance", "checksum"};

static void
open_draft(Draft *draft, const char *path)
{
  *draft = (Draft){0};
  assert_int_equal(dc_tensor_file_read(path, &draft->file, NULL), DC_OK);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const char *value = dc_tensor_file_metadata(draft->file, keys[i]);
    assert_non_null(value);
    draft->metadata[2 * draft->n_metadata] = keys[i];
    draft->metadata[2 * draft->n_metadata++ + 1] = value;
  }
  draft->n_tensors = dc_tensor_file_count(draft->file);
  assert_in_range(draft->n_tensors, 1, MAX_TENSORS);
  for (size_t i = 0; i < draft->n_tensors; i++)
    draft->tensors[i] = *dc_tensor_file_at(draft->file, i);
}

/* Sets a key, or takes it away when `value` is NULL. */
static void
set_key(Draft *draft, const char *key, const char *value)
{
  for (size_t i = 0; i < draft->n_metadata; i++) {
    if (strcmp(draft->metadata[2 * i], key) != 0)
      continue;
    if (value) {
      draft->metadata[2 * i + 1] = value;
    } else {
      draft->n_metadata--;
      memmove(&draft->metadata[2 * i], &draft->metadata[2 * i + 2],
              2 * (draft->n_metadata - i) * sizeof *draft->metadata);
    }
    return;
  }
}

static DcTensor *
draft_tensor(Draft *draft, const char *name)
{
  for (size_t i = 0; i < draft->n_tensors; i++)
    if (strcmp(draft->tensors[i].name, name) == 0)
      return &draft->tensors[i];
  fail_msg("no tensor %s", name);
  return NULL;
}

static DcStatus
read_draft(Draft *draft, DcError *error)
{
  assert_int_equal(dc_tensor_file_write("draft", draft->tensors, draft->n_tensors, draft->metadata,
                                        draft->n_metadata, 0, NULL),
                   DC_OK);
  DcModel *model;
  DcStatus status = dc_model_read("draft", &model, error);
  assert_true((status == DC_OK) == (model != NULL));
  dc_model_free(model);
  return status;
}

static void
assert_draft_refused(Draft *draft, DcStatus wanted, const char *part)
{
  DcError error = {0};
  DcStatus status = read_draft(draft, &error);
  if (status != wanted || !strstr(error.message, part))
    fail_msg("%d \"%s\", not %d \"%s\"", status, error.message, wanted, part);
  dc_tensor_file_free(draft->file);
}

/* `text` with the first `from` in it replaced by `to`. */
static char *
changed(const char *text, const char *from, const char *to)
{
  const char *at = text ? strstr(text, from) : NULL;
  if (!at) {
    fail_msg("\"%s\" lacks \"%s\"", text ? text : "", from);
    return NULL; /* compilers do not know that nothing gets here */
  }
  return g_strdup_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* The metadata `key` with the first `from` in it replaced by `to`, and what must come of it. */
typedef struct {
  const char *key, *from, *to;
  DcStatus status;
  const char *part;
} Change;

static void
refuses_changes(const char *path, const Change *changes, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    Draft draft;
    open_draft(&draft, path);
    g_autofree char *text = changed(dc_tensor_file_metadata(draft.file, changes[i].key),
                                    changes[i].from, changes[i].to);
    set_key(&draft, changes[i].key, text);
    assert_draft_refused(&draft, changes[i].status, changes[i].part);
  }
}

static void
changed_branches_are_refused(void **state)
{
  (void)state;
  DcModel *model = branching_model();
  write_model(model, "branches");
  dc_model_free(model);
  const Change changes[] = {
      {"encoder", "\"with\":1", "\"with\":0", DC_ERROR_ARGUMENT, "two different"},
      {"encoder", "\"with\":1", "\"wish\":1", DC_ERROR_FORMAT, "with"},
      {"encoder", "\"with\":1", "\"with\":-1", DC_ERROR_FORMAT, "with"},
      {"encoder", "\"with\":1", "\"with\":3", DC_ERROR_ARGUMENT, "`with` is 3"},
      {"encoder", "\"with\":1", "\"with\":4294967297", DC_ERROR_FORMAT, "with"},
      {"encoder", "\"with\":1", "\"with\":2", DC_ERROR_SHAPE, "second input 8x8x3"},
      {"encoder", "\"with\":1", "\"with\":1,\"back\":1", DC_ERROR_ARGUMENT, "two different"},
      {"encoder", "\"back\":1", "\"back\":-1", DC_ERROR_FORMAT, "back"},
      {"encoder", "\"back\":1", "\"back\":5", DC_ERROR_ARGUMENT, "`back` is 5"},
      {"encoder", "\"back\":1", "\"back\":2147483648", DC_ERROR_FORMAT, "back"},
      {"encoder", "\"back\":1", "\"back\":\"1\"", DC_ERROR_FORMAT, "back"},
      {"encoder", "\"back\":1", "\"back\":0", DC_ERROR_SHAPE, "encoder.4.weight"},
      /* The same shapes, but other embeddings. */
      {"encoder", "\"back\":1", "\"back\":2", DC_ERROR_FORMAT, "encoder_id"},
      {"encoder", "\"add\"", "\"batch_norm\"", DC_ERROR_UNSUPPORTED, "batch_norm"},
  };
  refuses_changes("branches", changes, sizeof changes / sizeof *changes);
}

static void
changed_layers_learnt_elsewhere_are_refused(void **state)
{
  (void)state;
  DcModel *model = imported_model();
  write_model(model, "imported");
  dc_model_free(model);
  const Change changes[] = {
      {"encoder", "\"dilation\":2", "\"dilation\":0", DC_ERROR_FORMAT, "dilation"},
      {"encoder", "\"dilation\":2", "\"dilation\":-2", DC_ERROR_FORMAT, "dilation"},
      {"encoder", "\"dilation\":2", "\"dilation\":2147483648", DC_ERROR_FORMAT, "dilation"},
      {"encoder", "\"dilation\":2", "\"dilation\":2147483647", DC_ERROR_SHAPE, "dilation"},
      {"encoder", "\"dilation\":2", "\"dilation\":3", DC_ERROR_SHAPE, "layer 1"},
      {"encoder", "\"dilation\":2,", "", DC_ERROR_SHAPE, "layer 1"},
      {"encoder", "\"groups\":3", "\"groups\":0", DC_ERROR_FORMAT, "groups"},
      {"encoder", "\"groups\":3", "\"groups\":2", DC_ERROR_SHAPE, "groups must divide"},
      {"encoder", "\"groups\":3", "\"groups\":1", DC_ERROR_SHAPE, "encoder.1.weight"},
      {"encoder", "\"groups\":3,", "", DC_ERROR_SHAPE, "encoder.1.weight"},
      {"encoder", "\"padding\":[1,0,2,1]", "\"padding\":[1,0,2,2]", DC_ERROR_SHAPE, "10x12x3"},
      {"encoder", "\"padding\":[1,0,2,1]", "\"padding\":[1,0,3]", DC_ERROR_FORMAT, "4 are needed"},
      {"encoder", "\"padding\":[1,0,2,1]", "\"padding\":[1,-1,2,1]", DC_ERROR_FORMAT, "element 1"},
      {"encoder", "\"padding\":[1,0,2,1]", "\"padding\":[1,2147483647,2,1]", DC_ERROR_SHAPE,
       "padding must be"},
      {"encoder", "\"low\"", "\"lou\"", DC_ERROR_FORMAT, "low"},
      {"encoder", "\"high\":", "\"high\":-", DC_ERROR_ARGUMENT, "low > high"},
      {"encoder", "\"high\":", "\"high\":1e99,\"h\":", DC_ERROR_FORMAT, "finite"},
      {"encoder", "\"shift\"", "\"shaft\"", DC_ERROR_FORMAT, "shift"},
      {"encoder", "\"epsilon\":", "\"epsilon\":-", DC_ERROR_ARGUMENT, "epsilon"},
      {"encoder", "\"epsilon\":", "\"epsilon\":0,\"e\":", DC_ERROR_ARGUMENT, "epsilon"},
      {"encoder", "\"epsilon\"", "\"upsilon\"", DC_ERROR_FORMAT, "epsilon"},
      {"encoder", "\"stride-across\":2", "\"stride-across\":0", DC_ERROR_FORMAT, "stride-across"},
      {"encoder", "\"stride-across\":2", "\"stride-across\":3", DC_ERROR_SHAPE, "layer 16"},
      {"encoder", "\"dilation\":2", "\"dilation\":2,\"dilation-across\":-1", DC_ERROR_FORMAT,
       "dilation-across"},
      {"encoder", "\"dilation\":2", "\"dilation\":2,\"dilation-across\":3", DC_ERROR_SHAPE,
       "layer 1"},
      {"encoder", "\"size\":5", "\"size\":0", DC_ERROR_FORMAT, "size"},
      {"encoder", "\"size\":5", "\"size\":2147483647", DC_ERROR_ARGUMENT, "size"},
      {"encoder", "\"scale\":", "\"scale\":-", DC_ERROR_ARGUMENT, "scale"},
      {"encoder", "\"bias\":2", "\"bias\":0", DC_ERROR_ARGUMENT, "bias"},
      {"encoder", "\"power\":", "\"power\":1e99,\"p\":", DC_ERROR_FORMAT, "power"},
      {"encoder", "\"output\":[7,9,24]", "\"output\":[8,9,24]", DC_ERROR_SHAPE,
       "encoder.15.weight"},
      {"encoder", "\"order\"", "\"orders\"", DC_ERROR_FORMAT, "order"},
      {"encoder", "\"size\":[110,6,2]", "\"size\":[]", DC_ERROR_FORMAT, "0 axes"},
      {"encoder", "\"size\":[110,6,2]", "\"size\":[110,6,2,1,1,1,1]", DC_ERROR_FORMAT, "7 axes"},
      {"encoder", "\"size\":[110,6,2]", "\"size\":[110,6]", DC_ERROR_FORMAT, "2 are needed"},
      {"encoder", "\"size\":[110,6,2]", "\"size\":[110,6,0]", DC_ERROR_FORMAT, "element 2"},
      {"encoder", "\"size\":[110,6,2]", "\"size\":[110,6,1]", DC_ERROR_SHAPE, "as many numbers"},
      {"encoder", "\"stride\":[12,1,6]", "\"stride\":[12,1,-6]", DC_ERROR_FORMAT, "element 2"},
      {"encoder", "\"stride\":[12,1,6]", "\"stride\":[12,1,7]", DC_ERROR_SHAPE, "inside the input"},
      {"encoder", "\"stride\":[12,1,6]", "\"stride\":[2147483647,2147483647,2147483647]",
       DC_ERROR_SHAPE, "inside the input"},
      {"encoder", "\"offset\":0", "\"offset\":1", DC_ERROR_SHAPE, "inside the input"},
      {"encoder", "\"offset\":0", "\"offset\":-1", DC_ERROR_FORMAT, "offset"},
      {"encoder", "\"back\":2,\"with\":0", "\"back\":2,\"with\":6", DC_ERROR_SHAPE,
       "layer 6 (multiply)"},
      {"encoder", "\"concatenate\"", "\"add\"", DC_ERROR_SHAPE, "states the output"},
      {"encoder", "\"prelu\"", "\"relu\"", DC_ERROR_UNSUPPORTED, "kind \"relu\""},
      {"encoder", "\"hard_swish\"", "\"swish\"", DC_ERROR_UNSUPPORTED, "swish"},
      /* The same shapes, but other embeddings. */
      {"encoder", "\"stride\":[12,1,6]", "\"stride\":[12,2,1]", DC_ERROR_FORMAT, "encoder_id"},
      {"encoder", "\"gelu_tanh\"", "\"gelu\"", DC_ERROR_FORMAT, "encoder_id"},
  };
  refuses_changes("imported", changes, sizeof changes / sizeof *changes);
}

static void
changed_metadata_are_refused(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "good");
  dc_model_free(model);
  const Change changes[] = {
      {"format", "driftcluster-model", "driftcluster-state", DC_ERROR_FORMAT, "driftcluster-state"},
      {"format_version", "1", "2", DC_ERROR_VERSION, "version \"2\""},
      {"checksum", "sha256:", "sha256:0", DC_ERROR_FORMAT, "checksum"},
      {"encoder_id", "sha256:", "sha256:0", DC_ERROR_FORMAT, "encoder_id"},
      {"preprocessing", "bgr", "cmyk", DC_ERROR_UNSUPPORTED, "cmyk"},
      {"preprocessing", "letterbox", "fold", DC_ERROR_UNSUPPORTED, "fold"},
      {"preprocessing", "\"width\":8", "\"width\":-8", DC_ERROR_FORMAT, "width"},
      {"preprocessing", "\"width\":8", "\"width\":5000", DC_ERROR_ARGUMENT, "5000"},
      {"preprocessing", "\"fill\":200", "\"fill\":256", DC_ERROR_FORMAT, "fill"},
      {"preprocessing", "\"deviation\":[", "\"deviation\":[0,", DC_ERROR_ARGUMENT, "deviation"},
      {"preprocessing", "\"mean\":[", "\"mean\":[1e99,", DC_ERROR_FORMAT, "finite"},
      {"preprocessing", "\"mean\":[", "\"moan\":[", DC_ERROR_FORMAT, "mean"},
      {"attention", "nonlinear", "cosine", DC_ERROR_UNSUPPORTED, "cosine"},
      {"attention", "free", "fair", DC_ERROR_UNSUPPORTED, "fair"},
      {"attention", "\"blocks\":6", "\"blocks\":1001", DC_ERROR_FORMAT, "blocks"},
      {"attention", "\"blocks\":6", "\"blocks\":-1", DC_ERROR_FORMAT, "blocks"},
      {"attention", "\"seeds\":3", "\"seeds\":0", DC_ERROR_FORMAT, "seeds"},
      {"attention", "\"seeds\"", "\"seats\"", DC_ERROR_FORMAT, "seeds"},
      {"attention", "\"epsilon\":", "\"epsilon\":-", DC_ERROR_ARGUMENT, "epsilon"},
      {"attention", "\"epsilon\":", "\"epsilon\":1e99,\"e\":", DC_ERROR_FORMAT, "epsilon"},
      {"encoder", "{\"input\"", "{\"output\"", DC_ERROR_FORMAT, "input"},
      {"encoder", "\"input\":[8,8,3]", "\"input\":[8,8]", DC_ERROR_FORMAT, "3 are needed"},
      {"encoder", "\"input\":[8,8,3]", "\"input\":[8,9,3]", DC_ERROR_SHAPE, "layer 0"},
      {"encoder", "\"layers\"", "\"players\"", DC_ERROR_FORMAT, "layers"},
      {"encoder", "conv2d", "conv7d", DC_ERROR_UNSUPPORTED, "conv7d"},
      {"encoder", "leaky_relu", "swish", DC_ERROR_UNSUPPORTED, "swish"},
      {"encoder", "\"kernel\":[3,3]", "\"kernel\":[3,4]", DC_ERROR_SHAPE, "8x8x4"},
      {"encoder", "\"kernel\":[3,3]", "\"kernel\":[3,0]", DC_ERROR_FORMAT, "element 1"},
      {"encoder", "\"stride\":1", "\"stride\":0", DC_ERROR_FORMAT, "stride"},
      {"encoder", "\"padding\":[1,1,1,1]", "\"padding\":[3,1,1,1]", DC_ERROR_SHAPE, "padding"},
      {"encoder", "\"output\":[8,8,4]", "\"output\":[8,8,5]", DC_ERROR_SHAPE, "encoder.0.weight"},
      /* Would allocate 8 GB if it were believed. */
      {"encoder", "\"output\":[1,1,5]", "\"output\":[1,1,20000000]", DC_ERROR_SHAPE,
       "encoder.4.weight"},
      {"encoder", "\"output\":[8,8,4]", "\"output\":[8,8,30000000]", DC_ERROR_UNSUPPORTED,
       "at most"},
      {"encoder", "l2_normalise", "dense", DC_ERROR_NOT_FOUND, "encoder.5.weight"},
      {"decoder", "\"input\":[1,1,5]", "\"input\":[1,1,6]", DC_ERROR_SHAPE, "decoder.0.weight"},
      {"provenance", "{", "[", DC_ERROR_FORMAT, "provenance"},
  };
  refuses_changes("good", changes, sizeof changes / sizeof *changes);
}

static void
missing_metadata_are_refused(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "good");
  dc_model_free(model);
  const char *const needed[] = {"format", "format_version", "preprocessing", "encoder"};
  const char *const parts[] = {"unknown", "unknown", "preprocessing", "encoder"};
  for (size_t i = 0; i < 4; i++) {
    Draft draft;
    open_draft(&draft, "good");
    set_key(&draft, needed[i], NULL);
    assert_draft_refused(&draft, i == 1 ? DC_ERROR_VERSION : DC_ERROR_FORMAT, parts[i]);
  }
  /* What another program may not have written. */
  Draft draft;
  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  set_key(&draft, "encoder_id", NULL);
  set_key(&draft, "method", NULL);
  set_key(&draft, "provenance", NULL);
  assert_int_equal(read_draft(&draft, NULL), DC_OK);
  dc_tensor_file_free(draft.file);
}

static void
changed_tensors_are_refused(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "good");
  dc_model_free(model);
  Draft draft;

  open_draft(&draft, "good");
  ((uint8_t *)draft_tensor(&draft, "centroids")->data)[0] ^= 1;
  assert_draft_refused(&draft, DC_ERROR_FORMAT, "damaged");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((uint8_t *)draft_tensor(&draft, "encoder.0.bias")->data)[0] ^= 1;
  assert_draft_refused(&draft, DC_ERROR_FORMAT, "encoder_id");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((float *)draft_tensor(&draft, "encoder.2.weight")->data)[1] = NAN;
  assert_draft_refused(&draft, DC_ERROR_NOT_FINITE, "encoder.2.weight");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((float *)draft_tensor(&draft, "spread")->data)[1] = -1;
  assert_draft_refused(&draft, DC_ERROR_NOT_FINITE, "spread of cluster 1");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  draft_tensor(&draft, "encoder.4.bias")->name = "encoder.4.bios";
  assert_draft_refused(&draft, DC_ERROR_NOT_FOUND, "encoder.4.bias");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  DcTensor *centroids = draft_tensor(&draft, "centroids");
  centroids->shape[0] = DIM;
  centroids->shape[1] = CLUSTERS;
  assert_draft_refused(&draft, DC_ERROR_SHAPE, "F32 [5, 3]; F32 [any, 5]");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((double *)draft_tensor(&draft, "attention.root")->data)[7] = INFINITY;
  assert_draft_refused(&draft, DC_ERROR_NOT_FINITE, "attention module");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((double *)draft_tensor(&draft, "attention.root")->data)[6] = -1;
  assert_draft_refused(&draft, DC_ERROR_ARGUMENT, "entry 1 of the diagonal");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((double *)draft_tensor(&draft, "attention.root")->data)[4] = 1;
  assert_draft_refused(&draft, DC_ERROR_ARGUMENT, "lower triangular");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  ((double *)draft_tensor(&draft, "attention.shift")->data)[0] = NAN;
  assert_draft_refused(&draft, DC_ERROR_NOT_FINITE, "attention module");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  DcTensor *root = draft_tensor(&draft, "attention.root");
  root->shape[0] = 1;
  root->shape[1] = DIM * DIM;
  assert_draft_refused(&draft, DC_ERROR_SHAPE, "F64 [1, 25]; F64 [5, 5]");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  draft_tensor(&draft, "attention.shift")->name = "attention.shirt";
  assert_draft_refused(&draft, DC_ERROR_NOT_FOUND, "attention.shift");

  open_draft(&draft, "good");
  set_key(&draft, "checksum", NULL);
  draft_tensor(&draft, "spread")->shape[0]--;
  draft_tensor(&draft, "spread")->bytes -= sizeof(float);
  assert_draft_refused(&draft, DC_ERROR_SHAPE, "\"spread\"");
}

static void
other_files_are_refused(void **state)
{
  (void)state;
  DcModel *model;
  DcError error;
  assert_int_equal(dc_model_read("absent", &model, &error), DC_ERROR_NOT_FOUND);
  assert_null(model);
  scratch_write("text", "hello, world", 12);
  assert_int_equal(dc_model_read("text", &model, &error), DC_ERROR_FORMAT);
  const float number = 1;
  const DcTensor tensor = {"a", DC_TENSOR_F32, 0, {0}, &number, 4};
  assert_int_equal(dc_tensor_file_write("foreign", &tensor, 1, NULL, 0, 0, NULL), DC_OK);
  assert_int_equal(dc_model_read("foreign", &model, &error), DC_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "a driftcluster-model is needed"));
}

static void
every_piece_of_a_cut_model_is_refused(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "cut");
  dc_model_free(model);
  size_t size;
  unsigned char *bytes = scratch_read("cut", &size);
  for (size_t n = 0; n < size; n += 97) {
    scratch_write("part", bytes, n);
    assert_int_equal(dc_model_read("part", &model, NULL), DC_ERROR_FORMAT);
  }
  free(bytes);
}

static void
models_that_do_not_take_what_they_say_are_refused(void **state)
{
  (void)state;
  DcModel *model = small_model();
  write_model(model, "good");
  const char *const inputs[] = {"vectors", "sounds"};
  const DcStatus refusals[] = {DC_ERROR_SHAPE, DC_ERROR_UNSUPPORTED};
  const char *const words[] = {"8x8x3", "sounds"};
  for (size_t i = 0; i < 2; i++) {
    Draft draft;
    open_draft(&draft, "good");
    draft.metadata[2 * draft.n_metadata] = "input";
    draft.metadata[2 * draft.n_metadata++ + 1] = inputs[i];
    assert_draft_refused(&draft, refusals[i], words[i]);
  }
  model->vectors = true;
  assert_int_equal(dc_model_write(model, "never", NULL), DC_ERROR_SHAPE);
  dc_model_free(model);

  model = vector_model();
  model->vectors = false;
  assert_int_equal(dc_model_write(model, "never", NULL), DC_ERROR_ARGUMENT);
  model->vectors = true;
  dc_network_free(model->decoder); /* as wide as an embedding, not as a sample */
  model->decoder = dc_network_new((DcShape){1, 1, DIM});
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  add_random(model->decoder, (DcLayer){.kind = DC_LAYER_DENSE, .output = {1, 1, DIM}}, &random);
  assert_int_equal(dc_model_write(model, "never", NULL), DC_ERROR_SHAPE);
  assert_false(scratch_exists("never"));
  dc_model_free(model);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(invalid_models_are_not_written),
      cmocka_unit_test(changed_branches_are_refused),
      cmocka_unit_test(changed_layers_learnt_elsewhere_are_refused),
      cmocka_unit_test(changed_metadata_are_refused),
      cmocka_unit_test(missing_metadata_are_refused),
      cmocka_unit_test(changed_tensors_are_refused),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(every_piece_of_a_cut_model_is_refused),
      cmocka_unit_test(models_that_do_not_take_what_they_say_are_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
