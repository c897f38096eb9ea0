/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "base/random.h"
#include "learn/learner.h"
#include "store/checkpoint.h"
#include "store/safetensors.h"

enum { SAMPLES = 12, DIM = 3, CLUSTERS = 2, MOST_TENSORS = 64, MOST_METADATA = 64 };

/* cm reads every kind of state: positions of three stages, networks, moments, sums. tdcm has an
 * order of samples and random numbers besides. */
static const DcLearnerClass *const classes[] = {&dc_learner_cm, &dc_learner_tdcm};

static void
set(const DcLearnerClass *class, double *settings, const char *name, double value)
{
  const size_t index = dc_learner_setting(class, name);
  fuzz_promise(index != SIZE_MAX);
  settings[index] = value;
}

static DcLearner *
begin(const DcLearnerClass *class)
{
  static float values[SAMPLES * DIM];
  static const size_t ends[] = {SAMPLES / 2, SAMPLES};
  const DcDataset data = {{1, 1, DIM}, SAMPLES, values, ends, 2};
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  for (size_t i = 0; i < SAMPLES * DIM; i++)
    values[i] = (float)dc_random_uniform(&random);
  double settings[DC_LEARN_MOST_SETTINGS];
  for (size_t i = 0; i < class->setting_count; i++)
    settings[i] = class->settings[i].standard;
  set(class, settings, "batch", 4);
  if (class == &dc_learner_cm) {
    set(class, settings, "epochs", 2);
    set(class, settings, "start", 1);
  } else {
    set(class, settings, "steps", 50);
    set(class, settings, "blocks", 1);
    set(class, settings, "seeds", 1);
  }
  const DcLearnerOptions options = {
      .clusters = CLUSTERS, .seed = 1, .threads = 1, .settings = settings};
  DcLearner *learner;
  fuzz_promise(dc_learner_new(class, &data, &options, &learner, NULL) == DC_OK);
  return learner;
}

/* Steps may fail, where numbers are wild; they must not crash. */
static void
go_on(DcLearner *learner, int steps)
{
  for (int i = 0; i < steps && !learner->at.done; i++) {
    if (dc_learner_step(learner, NULL) != DC_OK)
      return;
  }
}

/* A course that was taken up must be one to go on with. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzFile file = fuzz_file_open(data, size);
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    DcLearner *learner = begin(classes[i]);
    DcError error = {0};
    DcStatus status = dc_checkpoint_read(learner, "d", file.path, &error);
    if (status)
      fuzz_promise_error(status, &error);
    else
      go_on(learner, 5);
    dc_learner_free(learner);
  }
  fuzz_file_close(&file);
  return 0;
}

/* Without the checksum, behind which damage would not be looked at any further. */
static bool
drop_checksum(const char *path, const DcLearnerClass *class)
{
  DcTensorFile *file;
  if (dc_tensor_file_read(path, &file, NULL) != DC_OK)
    return false;
  DcTensor tensors[MOST_TENSORS];
  char names[DC_LEARN_MOST_SETTINGS][80];
  const char *keys[MOST_METADATA] = {"format", "format_version", "method", "clusters",
                                     "seed",   "threads",        "data"};
  const char *metadata[2 * MOST_METADATA];
  size_t count = dc_tensor_file_count(file), pairs = 7;
  fuzz_promise(count <= MOST_TENSORS);
  for (size_t i = 0; i < count; i++)
    tensors[i] = *dc_tensor_file_at(file, i);
  for (size_t i = 0; i < class->setting_count; i++) {
    snprintf(names[i], sizeof names[i], "setting %s", class->settings[i].name);
    keys[pairs++] = names[i];
  }
  for (size_t i = 0; i < pairs; i++) {
    metadata[2 * i] = keys[i];
    metadata[2 * i + 1] = dc_tensor_file_metadata(file, keys[i]);
  }
  bool written = dc_tensor_file_write(path, tensors, count, metadata, pairs, 0, NULL) == DC_OK;
  dc_tensor_file_free(file);
  return written;
}

int
fuzz_write_seed(size_t index, const char *path)
{
  static const int moments[] = {0, 5};
  if (index >= 4)
    return false;
  const DcLearnerClass *class = classes[index % 2];
  DcLearner *learner = begin(class);
  go_on(learner, moments[index / 2]);
  bool written = dc_checkpoint_write(learner, "d", path, NULL) == DC_OK;
  dc_learner_free(learner);
  return written && drop_checksum(path, class);
}
