/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "learning.h"
#include "store/checkpoint.h"
#include "store/safetensors.h"

#include <signal.h>
#include <sys/resource.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define FILE_NAME "course.checkpoint"
#define DIGEST    "sha256:of the samples"

enum { CLUSTERS = 2, SAMPLES = 24, MOST_TENSORS = 256, MOST_METADATA = 64 };

/* --- a short course of each method --- */

typedef struct {
  const DcLearnerClass *class;
  bool pictures;
  Setting settings[9];
  size_t count, stop; /* settings; steps after which the course is saved */
} Case;

/* Each stops where it has learnt something and has something left to learn, with at least one epoch
 * behind it. */
static const Case cases[] = {
    {&dc_learner_ae, true, {{"epochs", 3}, {"batch", 8}, {"width", 3}}, 3, 5},
    {&dc_learner_dekm,
     true,
     {{"pretrain-epochs", 1},
      {"batch", 8},
      {"width", 3},
      {"interval", 2},
      {"steps", 6},
      {"stop", 0},
      {"patience", 99},
      {"first-restarts", 2},
      {"restarts", 2}},
     9,
     5},
    {&dc_learner_cm, false, {{"epochs", 2}, {"batch", 8}, {"alpha", 2}, {"start", 1}}, 4, 5},
    {&dc_learner_ae_cm, true, {{"network", 1}, {"epochs", 2}, {"batch", 8}, {"width", 3}}, 4, 4},
    {&dc_learner_secu,
     true,
     {{"epochs", 2},
      {"batch", 8},
      {"heads", 2},
      {"warm-up", 1},
      {"width", 2},
      {"stages", 2},
      {"projection", 4}},
     7,
     4},
    {&dc_learner_tdcm,
     true,
     {{"pretrain-epochs", 1},
      {"pretrain-batch", 8},
      {"width", 2},
      {"steps", 50},
      {"batch", 12},
      {"joint-steps", 50}},
     6,
     70},
};

static LearnSamples
samples_for(const Case *one)
{
  return one->pictures ? bar_pictures(8, CLUSTERS, SAMPLES, 8) : blobs(4, CLUSTERS, SAMPLES, 8, 5);
}

static DcLearner *
begin(const Case *one, const LearnSamples *samples)
{
  return new_course(one->class, &samples->data, CLUSTERS, 1, one->settings, one->count);
}

static void
save(DcLearner *learner, const char *digest)
{
  DcError error = {0};
  if (dc_checkpoint_write(learner, digest, FILE_NAME, &error))
    fail_msg("%s", error.message);
}

/* A file of `one` after its stop. */
static void
save_case(const Case *one, const LearnSamples *samples)
{
  DcLearner *learner = begin(one, samples);
  run_steps(learner, one->stop);
  save(learner, DIGEST);
  dc_learner_free(learner);
}

/* That a new course does not take the file up, and why. */
static void
assert_refused(const Case *one, const LearnSamples *samples, DcStatus status, const char *words)
{
  DcLearner *learner = begin(one, samples);
  DcError error = {0};
  const DcStatus found = dc_checkpoint_read(learner, DIGEST, FILE_NAME, &error);
  if (found != status || !strstr(error.message, words) || !strstr(error.message, FILE_NAME))
    fail_msg("%s: status %d, \"%s\" without \"%s\"", one->class->name, found, error.message, words);
  dc_learner_free(learner);
}

/* --- there and back --- */

static void
assert_equal_curves(const DcLearner *a, const DcLearner *b)
{
  assert_true(a->curve_count > 0);
  assert_int_equal(a->curve_count, b->curve_count);
  assert_memory_equal(a->curve, b->curve, a->curve_count * sizeof *a->curve);
}

static void
assert_equal_results(DcLearner *a, DcLearner *b)
{
  DcLearned one = finish_course(a), other = finish_course(b);
  assert_memory_equal(one.centroids, other.centroids, one.clusters * one.width * sizeof(float));
  assert_memory_equal(one.labels, other.labels, a->data.count * sizeof *one.labels);
  dc_learned_clear(&one);
  dc_learned_clear(&other);
}

static void
every_method_goes_on_to_the_same_bytes(void **state)
{
  (void)state;
  size_t classes;
  dc_learner_classes(&classes);
  assert_int_equal(classes, COUNT(cases));
  for (size_t i = 0; i < COUNT(cases); i++) {
    const Case *one = &cases[i];
    LearnSamples samples = samples_for(one);
    DcLearner *whole = begin(one, &samples), *second = begin(one, &samples);
    run_steps(whole, one->stop);
    assert_false(whole->at.done);
    assert_true(whole->curve_count > 0);
    save(whole, DIGEST);
    run_steps(whole, SIZE_MAX);
    DcError error = {0};
    if (dc_checkpoint_read(second, DIGEST, FILE_NAME, &error))
      fail_msg("%s", error.message);
    run_steps(second, SIZE_MAX);
    assert_equal_state(whole, second);
    assert_equal_curves(whole, second);
    assert_equal_results(whole, second);
    dc_learner_free(whole);
    dc_learner_free(second);
    free_samples(&samples);
  }
}

static void
a_course_is_saved_before_its_first_step_and_after_its_last(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const Case *one = &cases[i];
    LearnSamples samples = samples_for(one);
    DcLearner *learner = begin(one, &samples);
    for (int ended = 0; ended < 2; ended++) {
      save(learner, "d");
      DcLearner *second = begin(one, &samples);
      assert_int_equal(dc_checkpoint_read(second, "d", FILE_NAME, NULL), DC_OK);
      assert_equal_state(learner, second);
      assert_int_equal(second->at.done, ended);
      dc_learner_free(second);
      run_steps(learner, SIZE_MAX);
    }
    dc_learner_free(learner);
    free_samples(&samples);
  }
}

static void
equal_courses_are_saved_as_equal_bytes(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  size_t size[2];
  unsigned char *bytes[2];
  for (size_t i = 0; i < 2; i++) {
    save_case(&cases[0], &samples);
    bytes[i] = scratch_read(FILE_NAME, &size[i]);
  }
  assert_int_equal(size[0], size[1]);
  assert_memory_equal(bytes[0], bytes[1], size[0]);
  free(bytes[0]);
  free(bytes[1]);
  free_samples(&samples);
}

static void
digests_tell_data_apart(void **state)
{
  (void)state;
  LearnSamples samples = bar_pictures(8, CLUSTERS, SAMPLES, 8);
  char digests[5][DC_DATASET_DIGEST_SIZE];
  DcDataset other = samples.data;
  dc_dataset_digest(&other, digests[0]);
  other.shape = (DcShape){4, 16, 1};
  dc_dataset_digest(&other, digests[1]);
  other = samples.data;
  other.domains = 2;
  other.domain_ends = (const size_t[]){9, SAMPLES};
  dc_dataset_digest(&other, digests[2]);
  other.domain_ends = (const size_t[]){10, SAMPLES};
  dc_dataset_digest(&other, digests[3]);
  sample_values(&samples, SAMPLES - 1)[63] += 1e-6f;
  dc_dataset_digest(&samples.data, digests[4]);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(strlen(digests[i]), DC_DATASET_DIGEST_SIZE - 1);
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(digests[i], digests[j]);
  }
  free_samples(&samples);
}

/* --- other courses --- */

static void
another_course_is_refused_by_name(void **state)
{
  (void)state;
  const struct {
    Case now;
    DcLearnerOptions options;
    const char *digest, *words;
  } others[] = {
      {{&dc_learner_tdcm, true, {{"width", 3}}, 1, 0},
       {2, 3, 1, NULL, NULL, NULL},
       "d",
       "method ae, this course has tdcm"},
      {cases[0], {3, 3, 1, NULL, NULL, NULL}, "d", "clusters 2, this course has 3"},
      {cases[0], {2, 4, 1, NULL, NULL, NULL}, "d", "seed 3, this course has 4"},
      {cases[0], {2, 3, 2, NULL, NULL, NULL}, "d", "threads 1, this course has 2"},
      {cases[0], {2, 3, 1, NULL, NULL, NULL}, "e", "data d, this course has e"},
      {{&dc_learner_ae, true, {{"epochs", 4}, {"batch", 8}, {"width", 3}}, 3, 0},
       {2, 3, 1, NULL, NULL, NULL},
       "d",
       "setting epochs 3, this course has 4"},
      {{&dc_learner_ae, true, {{"network", 2}, {"epochs", 3}, {"batch", 8}, {"width", 3}}, 4, 0},
       {2, 3, 1, NULL, NULL, NULL},
       "d",
       "setting network auto, this course has dense"},
  };
  LearnSamples samples = samples_for(&cases[0]);
  DcLearner *first = begin(&cases[0], &samples);
  run_steps(first, 2);
  save(first, "d");
  for (size_t i = 0; i < COUNT(others); i++) {
    double settings[DC_LEARN_MOST_SETTINGS];
    DcLearnerOptions options = others[i].options;
    fill_settings(others[i].now.class, others[i].now.settings, others[i].now.count, settings);
    options.settings = settings;
    DcLearner *learner;
    DcError error = {0};
    assert_int_equal(dc_learner_new(others[i].now.class, &samples.data, &options, &learner, &error),
                     DC_OK);
    assert_int_equal(dc_checkpoint_read(learner, others[i].digest, FILE_NAME, &error),
                     DC_ERROR_MISMATCH);
    if (!strstr(error.message, others[i].words) || !strstr(error.message, "begin anew"))
      fail_msg("\"%s\" without \"%s\"", error.message, others[i].words);
    dc_learner_free(learner);
  }
  dc_learner_free(first);
  free_samples(&samples);
}

/* --- damaged and foreign files --- */

static void
a_missing_file_is_refused(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  remove(FILE_NAME);
  assert_refused(&cases[0], &samples, DC_ERROR_NOT_FOUND, "cannot open");
  free_samples(&samples);
}

static void
a_truncated_file_is_refused(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  save_case(&cases[0], &samples);
  size_t size;
  unsigned char *bytes = scratch_read(FILE_NAME, &size);
  const size_t left[] = {0, 7, 100, size / 2, size - 1};
  for (size_t i = 0; i < COUNT(left); i++) {
    scratch_write(FILE_NAME, bytes, left[i]);
    assert_refused(&cases[0], &samples, DC_ERROR_FORMAT, "");
  }
  free(bytes);
  free_samples(&samples);
}

static void
a_flipped_bit_is_refused(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  save_case(&cases[0], &samples);
  size_t size;
  unsigned char *bytes = scratch_read(FILE_NAME, &size);
  bytes[size - 20] ^= 4;
  scratch_write(FILE_NAME, bytes, size);
  assert_refused(&cases[0], &samples, DC_ERROR_FORMAT, "checksum");
  free(bytes);
  free_samples(&samples);
}

static void
foreign_files_are_refused(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  const float numbers[] = {1, 2};
  const DcTensor tensor = {.name = "points",
                           .type = DC_TENSOR_F32,
                           .rank = 1,
                           .shape = {2},
                           .data = numbers,
                           .bytes = sizeof numbers};
  const char *const model[] = {"format", "driftcluster-model", "format_version", "1"};
  const char *const later[] = {"format", "driftcluster-checkpoint", "format_version", "2"};
  assert_int_equal(dc_tensor_file_write(FILE_NAME, &tensor, 1, NULL, 0, 0, NULL), DC_OK);
  assert_refused(&cases[0], &samples, DC_ERROR_FORMAT, "driftcluster-checkpoint");
  assert_int_equal(dc_tensor_file_write(FILE_NAME, &tensor, 1, model, 2, 0, NULL), DC_OK);
  assert_refused(&cases[0], &samples, DC_ERROR_FORMAT, "driftcluster-checkpoint");
  assert_int_equal(dc_tensor_file_write(FILE_NAME, &tensor, 1, later, 2, 0, NULL), DC_OK);
  assert_refused(&cases[0], &samples, DC_ERROR_VERSION, "2");
  scratch_write(FILE_NAME, "notes", 5);
  assert_refused(&cases[0], &samples, DC_ERROR_FORMAT, "");
  free_samples(&samples);
}

/* --- files with a right checksum and wrong contents --- */

/* Puts something into the state or curve of a learner that it cannot have come to. */
typedef void (*Change)(DcLearner *learner);

static void *
array_of(DcLearner *learner, const char *name)
{
  DcStateList list = {0};
  void *data = NULL;
  dc_learner_list_state(learner, &list);
  for (size_t i = 0; i < list.count; i++) {
    if (strcmp(list.arrays[i].name, name) == 0)
      data = list.arrays[i].data;
  }
  dc_state_list_clear(&list);
  if (!data)
    fail_msg("%s has no \"%s\"", learner->class->name, name);
  return data;
}

static void
assert_change_refused(const Case *one, Change change, const char *words)
{
  LearnSamples samples = samples_for(one);
  DcLearner *learner = begin(one, &samples);
  run_steps(learner, one->stop);
  change(learner);
  save(learner, DIGEST);
  dc_learner_free(learner);
  assert_refused(one, &samples, DC_ERROR_FORMAT, words);
  free_samples(&samples);
}

static void
to_a_stage_that_is_none(DcLearner *learner)
{
  learner->at.stage = 7;
}

static void
before_the_first_epoch(DcLearner *learner)
{
  learner->at.epoch = -1;
}

static void
beyond_the_last_epoch(DcLearner *learner)
{
  learner->at.epoch = learner->at.epochs + 1;
}

static void
beyond_the_last_step(DcLearner *learner)
{
  learner->at.step = learner->at.steps;
}

/* A step that the loader of batches does not have. */
static void
to_more_steps(DcLearner *learner)
{
  learner->at.steps = 1000;
  learner->at.step = 900;
}

static void
to_more_epochs(DcLearner *learner)
{
  learner->at.epochs = INT64_MAX;
  learner->at.epoch = INT64_MAX - 1;
}

static void
to_no_steps(DcLearner *learner)
{
  learner->at.steps = learner->at.step = 0;
}

static void
to_an_end_that_is_not_done(DcLearner *learner)
{
  learner->at.epoch = learner->at.epochs;
  learner->at.step = 1;
}

static void
curve_of_no_stage(DcLearner *learner)
{
  learner->curve[0].stage = 1e9;
}

static void
curve_of_half_a_stage(DcLearner *learner)
{
  learner->curve[0].stage = 0.5;
}

static void
curve_of_stage_nan(DcLearner *learner)
{
  learner->curve[0].stage = NAN;
}

static void
positions_that_no_course_has_are_refused(void **state)
{
  (void)state;
  static const struct {
    Change change;
    const char *words;
  } changes[] = {
      {to_a_stage_that_is_none, "a step that"},
      {before_the_first_epoch, "a step that"},
      {beyond_the_last_epoch, "a step that"},
      {beyond_the_last_step, "a step that"},
      {to_no_steps, "a step that"},
      {to_more_steps, "these settings have"},
      {to_more_epochs, "these settings have"},
      {to_an_end_that_is_not_done, "these settings have"},
      {curve_of_no_stage, "curve"},
      {curve_of_half_a_stage, "curve"},
      {curve_of_stage_nan, "curve"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    LearnSamples samples = samples_for(&cases[i]);
    DcLearner *learner = begin(&cases[i], &samples);
    run_steps(learner, cases[i].stop);
    const DcLearnPosition position = learner->at;
    const DcLearnPoint point = learner->curve[0];
    for (size_t j = 0; j < COUNT(changes); j++) {
      changes[j].change(learner);
      save(learner, DIGEST);
      assert_refused(&cases[i], &samples, DC_ERROR_FORMAT, changes[j].words);
      learner->at = position;
      learner->curve[0] = point;
    }
    dc_learner_free(learner);
    free_samples(&samples);
  }
}

static void
label_beyond_the_clusters(DcLearner *learner)
{
  ((uint32_t *)array_of(learner, "labels"))[3] = CLUSTERS;
}

/* The first member of what dekm keeps is the generator of random numbers. */
static void
random_numbers_that_stand_still(DcLearner *learner)
{
  const bool dekm = learner->class == &dc_learner_dekm;
  ((DcRandom *)array_of(learner, dekm ? "course" : "random"))->increment = 0;
}

static void
order_of_no_samples(DcLearner *learner)
{
  ((uint32_t *)array_of(learner, "order"))[0] = SAMPLES;
}

static void
parameters_that_are_nan(DcLearner *learner)
{
  ((float *)array_of(learner, "module.parameters"))[0] = NAN;
}

static void
contents_that_cannot_be_worked_with_are_refused(void **state)
{
  (void)state;
  const Case *dekm = &cases[1], *tdcm = &cases[5];
  assert_change_refused(dekm, label_beyond_the_clusters, "sample 3 is in cluster 2 of 2");
  assert_change_refused(dekm, random_numbers_that_stand_still, "random numbers");
  assert_change_refused(tdcm, random_numbers_that_stand_still, "random numbers");
  assert_change_refused(tdcm, order_of_no_samples, "domains");
  assert_change_refused(tdcm, parameters_that_are_nan, "NaN");
}

/* Writes the file anew without its tensor `left_out`, or with that one shortened by one number. */
static void
rewrite(const char *changed, bool leave_out)
{
  DcTensorFile *file;
  DcTensor tensors[MOST_TENSORS];
  const char *metadata[2 * MOST_METADATA];
  size_t count = 0, pairs = 0;
  assert_int_equal(dc_tensor_file_read(FILE_NAME, &file, NULL), DC_OK);
  assert_true(dc_tensor_file_count(file) <= MOST_TENSORS);
  for (size_t i = 0; i < dc_tensor_file_count(file); i++) {
    DcTensor tensor = *dc_tensor_file_at(file, i);
    const bool meant = strcmp(tensor.name, changed) == 0;
    if (meant && tensor.rank == 1) {
      tensor.bytes -= tensor.bytes / tensor.shape[0];
      tensor.shape[0]--;
    } else if (meant) {
      tensor.shape[0] *= tensor.shape[1];
      tensor.rank = 1;
    }
    if (!meant || !leave_out)
      tensors[count++] = tensor;
  }
  static const char *const keys[] = {"format",
                                     "format_version",
                                     "method",
                                     "clusters",
                                     "seed",
                                     "threads",
                                     "setting network",
                                     "setting width",
                                     "setting epochs",
                                     "setting batch",
                                     "setting learning-rate",
                                     "setting grouping",
                                     "data"};
  for (size_t i = 0; i < COUNT(keys); i++) {
    metadata[2 * pairs] = keys[i];
    metadata[2 * pairs++ + 1] = dc_tensor_file_metadata(file, keys[i]);
  }
  assert_int_equal(dc_tensor_file_write(FILE_NAME, tensors, count, metadata, pairs, 0, NULL),
                   DC_OK);
  dc_tensor_file_free(file);
}

static void
files_without_an_array_or_with_another_size_are_refused(void **state)
{
  (void)state;
  static const char *const names[] = {"position", "encoder.0.weight", "curve"};
  LearnSamples samples = samples_for(&cases[0]);
  for (size_t i = 0; i < COUNT(names); i++) {
    save_case(&cases[0], &samples);
    rewrite(names[i], false);
    assert_refused(&cases[0], &samples, DC_ERROR_SHAPE, names[i]);
  }
  for (size_t i = 0; i < 2; i++) { /* a course of no epochs yet has no curve */
    save_case(&cases[0], &samples);
    rewrite(names[i], true);
    assert_refused(&cases[0], &samples, DC_ERROR_NOT_FOUND, names[i]);
  }
  free_samples(&samples);
}

/* --- writing that fails --- */

static void
assert_writing_fails(DcLearner *learner, const char *path)
{
  DcError error = {0};
  assert_int_equal(dc_checkpoint_write(learner, "d", path, &error), DC_ERROR_IO);
  assert_non_null(strstr(error.message, path));
}

static void
a_folder_that_cannot_be_written_is_named(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  DcLearner *learner = begin(&cases[0], &samples);
  assert_writing_fails(learner, "none/course");
  scratch_write("taken", "x", 1);
  assert_writing_fails(learner, "taken/course");
  assert_int_equal(mkdir("locked", 0555), 0);
  scratch_become_nobody();
  assert_writing_fails(learner, "locked/course");
  scratch_become_oneself();
  dc_learner_free(learner);
  free_samples(&samples);
}

static void
a_full_disk_leaves_the_old_file_whole(void **state)
{
  (void)state;
  LearnSamples samples = samples_for(&cases[0]);
  DcLearner *learner = begin(&cases[0], &samples);
  run_steps(learner, 2);
  save(learner, "d");
  size_t size, now;
  unsigned char *before = scratch_read(FILE_NAME, &size);
  run_steps(learner, 2);
  struct rlimit old, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = old;
  small.rlim_cur = size / 2;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_writing_fails(learner, FILE_NAME);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, SIG_DFL);
  unsigned char *after = scratch_read(FILE_NAME, &now);
  assert_int_equal(now, size);
  assert_memory_equal(before, after, size);
  free(before);
  free(after);
  dc_learner_free(learner);
  free_samples(&samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_method_goes_on_to_the_same_bytes),
      cmocka_unit_test(a_course_is_saved_before_its_first_step_and_after_its_last),
      cmocka_unit_test(equal_courses_are_saved_as_equal_bytes),
      cmocka_unit_test(digests_tell_data_apart),
      cmocka_unit_test(another_course_is_refused_by_name),
      cmocka_unit_test(a_missing_file_is_refused),
      cmocka_unit_test(a_truncated_file_is_refused),
      cmocka_unit_test(a_flipped_bit_is_refused),
      cmocka_unit_test(foreign_files_are_refused),
      cmocka_unit_test(positions_that_no_course_has_are_refused),
      cmocka_unit_test(contents_that_cannot_be_worked_with_are_refused),
      cmocka_unit_test(files_without_an_array_or_with_another_size_are_refused),
      cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
      cmocka_unit_test(a_full_disk_leaves_the_old_file_whole),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
