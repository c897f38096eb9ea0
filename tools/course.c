/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* flock() */
#include "course.h"

#include "command.h"
#include "interrupt.h"
#include "progress.h"
#include "store/checkpoint.h"
#include "store/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAVE_PERIOD (5 * 60 * G_USEC_PER_SEC)

/* --- one course at one file --- */

/* Whether the file behind `fd` is still the one of that name: who held the lock before may have
 * removed it. */
static gboolean
is_file_of_name(int fd, const char *name)
{
  struct stat held, named;
  return fstat(fd, &held) == 0 && stat(name, &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

static gboolean
take_lock(DcCourse *course, GError **error)
{
  do {
    if (course->lock_fd >= 0)
      close(course->lock_fd);
    course->lock_fd = open(course->lock, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (course->lock_fd < 0) {
      g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
                  "%s cannot be written: %s; choose another --output", course->output,
                  g_strerror(errno));
      return FALSE;
    }
    if (flock(course->lock_fd, LOCK_EX | LOCK_NB) != 0) {
      g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
                  "%s is being made by another training: wait for it, or choose another --output",
                  course->output);
      close(course->lock_fd);
      course->lock_fd = -1;
      return FALSE;
    }
  } while (!is_file_of_name(course->lock_fd, course->lock));
  return TRUE;
}

/* Says beforehand what would be found out after hours. */
static void
warn_of_size(DcLearner *learner)
{
  DcStateList list = {0};
  gsize bytes = 0;
  dc_learner_list_state(learner, &list);
  for (gsize i = 0; i < list.count; i++)
    bytes += list.arrays[i].count * dc_state_type_size(list.arrays[i].type);
  dc_state_list_clear(&list);
  if (bytes > DC_TENSOR_FILE_MOST)
    fprintf(stderr,
            "this course is too large to be saved (%zu MiB, %zu at most): Ctrl-C will lose it\n",
            bytes >> 20, DC_TENSOR_FILE_MOST >> 20);
}

gboolean
dc_course_begin(DcCourse *course, DcLearner *learner, const char *output, GError **error)
{
  *course = (DcCourse){
      .learner = learner,
      .output = output,
      .checkpoint = g_strconcat(output, ".checkpoint", NULL),
      .lock = g_strconcat(output, ".lock", NULL),
      .lock_fd = -1,
  };
  if (g_file_test(output, G_FILE_TEST_IS_DIR)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s is a folder; --output names a file",
                output);
    return FALSE;
  }
  warn_of_size(learner);
  return take_lock(course, error);
}

void
dc_course_end(DcCourse *course, gboolean complete)
{
  dc_interrupt_release();
  if (course->lock_fd >= 0) {
    if (complete)
      unlink(course->checkpoint);
    unlink(course->lock);
    close(course->lock_fd);
  }
  g_free(course->checkpoint);
  g_free(course->lock);
  g_free(course->data_digest);
  *course = (DcCourse){.lock_fd = -1};
}

/* --- saving --- */

/* Made when it is first needed: it reads all samples. */
static const char *
data_digest(DcCourse *course)
{
  if (!course->data_digest) {
    course->data_digest = g_malloc(DC_DATASET_DIGEST_SIZE);
    dc_dataset_digest(&course->learner->data, course->data_digest);
  }
  return course->data_digest;
}

gboolean
dc_course_save(DcCourse *course, GError **error)
{
  DcError core_error;
  if (dc_checkpoint_write(course->learner, data_digest(course), course->checkpoint, &core_error) ==
      DC_OK)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

gboolean
dc_course_resume(DcCourse *course, GError **error)
{
  DcError core_error;
  if (!g_file_test(course->checkpoint, G_FILE_TEST_EXISTS)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FOUND,
                "%s: there is no such file to resume from; begin without --resume",
                course->checkpoint);
    return FALSE;
  }
  if (dc_checkpoint_read(course->learner, data_digest(course), course->checkpoint, &core_error) ==
      DC_OK)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

/* A checkpoint on the way that fails is no reason to stop; the next one may succeed. */
static void
save_on_the_way(DcCourse *course)
{
  g_autoptr(GError) error = NULL;
  if (!dc_course_save(course, &error))
    fprintf(stderr, "\nnot saved, going on: %s\n", error->message);
}

/* --- running --- */

static char *
describe_position(const DcLearner *learner)
{
  const DcLearnPosition *at = &learner->at;
  const char *stage = learner->class->stages[at->stage];
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%s, epoch %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, stage,
                         MIN(at->epoch + 1, at->epochs), at->epochs);
  if (at->weight > 0)
    g_string_append_printf(text, "  loss %.5g", at->loss);
  for (gsize i = 0; learner->class->figures[i]; i++) {
    if (!isnan(at->figures[i]))
      g_string_append_printf(text, "  %s %.4g", learner->class->figures[i], at->figures[i]);
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
show_position(DcProgress *progress, const DcLearner *learner)
{
  g_autofree char *note = describe_position(learner);
  dc_progress_show(progress, learner->at.share, 1, note);
}

/* Samples that the step after `before` has gone through; none where it was a round of k-means. */
static double
count_samples(const DcLearnPosition *before, const DcLearnPosition *at)
{
  if (at->step == before->step && at->epoch == before->epoch && at->stage == before->stage)
    return 0;
  return at->weight - (before->step ? before->weight : 0);
}

static gboolean
run_steps(DcCourse *course, DcProgress *progress, GError **error)
{
  DcLearner *learner = course->learner;
  gint64 saved = g_get_monotonic_time();
  while (!learner->at.done && !dc_interrupted()) {
    const DcLearnPosition before = learner->at;
    DcError core_error;
    if (dc_learner_step(learner, &core_error) != DC_OK)
      return dc_tools_take_error(&core_error, error);
    dc_progress_count(progress, MAX(count_samples(&before, &learner->at), 0), "samples");
    show_position(progress, learner);
    if (g_get_monotonic_time() - saved > SAVE_PERIOD) {
      save_on_the_way(course);
      saved = g_get_monotonic_time();
    }
  }
  return TRUE;
}

gboolean
dc_course_run(DcCourse *course, gboolean *interrupted, GError **error)
{
  dc_interrupt_catch();
  gint64 start = g_get_monotonic_time();
  DcProgress progress;
  dc_progress_start(&progress, "learning");
  if (course->learner->at.done) /* resumed when only the model was left to be written */
    show_position(&progress, course->learner);
  gboolean well = run_steps(course, &progress, error);
  g_autofree char *note = describe_position(course->learner);
  dc_progress_end(&progress, note);
  course->seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  *interrupted = well && !course->learner->at.done;
  return well && (!*interrupted || dc_course_save(course, error));
}
