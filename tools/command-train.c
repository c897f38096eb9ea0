/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster train: learns an encoder and clusters from samples, writes one model file. */
#include "base/memory.h"
#include "command.h"
#include "course.h"
#include "eval/scores.h"
#include "report.h"
#include "samples.h"
#include "settings.h"
#include "trained-model.h"

#include <stdio.h>
#include <string.h>

#define MOST_THREADS 256

static char *option_method;
static char *option_output;
static char *option_labels;
static char *option_start;
static char *option_report;
static char *option_epochs, *option_batch, *option_width, *option_rate;
static char **option_settings;
static gint option_clusters;
static gint64 option_seed = 1;
static gint option_threads;
static gdouble option_scale;
static gint option_memory = 1024;
static gboolean option_resume;
static gboolean option_list_settings;

static const GOptionEntry entries[] = {
    {"method", 'm', 0, G_OPTION_ARG_STRING, &option_method,
     "ae, dekm, ae-cm, cm, secu or tdcm (ae); see --list-settings", "NAME"},
    {"clusters", 'k', 0, G_OPTION_ARG_INT, &option_clusters, "number of clusters", "K"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "model file to write", "FILE"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &option_labels,
     "file with a label for each sample, for scoring only", "FILE"},
    {"epochs", 'e', 0, G_OPTION_ARG_STRING, &option_epochs,
     "passes over the samples: the setting epochs, or pretrain-epochs where there is no other",
     "N"},
    {"batch", 'b', 0, G_OPTION_ARG_STRING, &option_batch, "samples in a step: the setting batch",
     "N"},
    {"width", 'd', 0, G_OPTION_ARG_STRING, &option_width,
     "numbers in an embedding: the setting width", "N"},
    {"learning-rate", 0, 0, G_OPTION_ARG_STRING, &option_rate,
     "length of a step: the setting learning-rate", "X"},
    {"set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &option_settings, "a setting of the method",
     "NAME=VALUE"},
    {"list-settings", 0, 0, G_OPTION_ARG_NONE, &option_list_settings,
     "print the settings of the method, or of all, and end", NULL},
    {"start-from", 0, 0, G_OPTION_ARG_FILENAME, &option_start,
     "model whose encoder and decoder to start from", "FILE"},
    {"scale", 0, 0, G_OPTION_ARG_DOUBLE, &option_scale,
     "divide vectors by it (their largest absolute number)", "X"},
    {"memory", 0, 0, G_OPTION_ARG_INT, &option_memory,
     "MiB of samples to hold in memory; more are kept in a temporary file in $TMPDIR (1024)", "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (1)", "N"},
    {"threads", 0, 0, G_OPTION_ARG_INT, &option_threads, "threads (all processors)", "N"},
    {"report", 0, 0, G_OPTION_ARG_FILENAME, &option_report,
     "folder for curves, pictures of the clusters and figures", "DIR"},
    {"resume", 'r', 0, G_OPTION_ARG_NONE, &option_resume, "go on from FILE.checkpoint", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Learns an encoder from samples without labels, clusters what it makes of them, and writes\n"
    "both to one model file that embed, adapt-centroids and the other commands take. INPUT is a\n"
    "folder of pictures, an IDX file, a video or a URI, or a file of plain vectors (.npy, IDX);\n"
    "several inputs are several domains for the methods that know domains. Labels are never\n"
    "learnt from; where there are some, the clusters are scored with them.\n"
    "\n"
    "Equal input, options and number of threads give an equal file. Ctrl-C saves the course in\n"
    "FILE.checkpoint, from which the same command goes on with --resume, to the same file.\n"
    "\n"
    "  driftcluster train -m dekm -k 10 train-images-idx3-ubyte.gz -o digits.safetensors\n"
    "  driftcluster train -m ae-cm -k 10 -s alpha=13 -s batch=80 pictures/ -o groups.safetensors";

/* --- what to learn with --- */

/* The settings that have an option of their own, for the methods that have them. */
static gboolean
apply_options(const DcLearnerClass *class, double *values, GError **error)
{
  const char *epochs =
      dc_learner_setting(class, "epochs") != SIZE_MAX ? "epochs" : "pretrain-epochs";
  const struct {
    const char *name, *text;
  } options[] = {
      {epochs, option_epochs},
      {"batch", option_batch},
      {"width", option_width},
      {"learning-rate", option_rate},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
    if (options[i].text && !dc_settings_set(class, values, options[i].name, options[i].text, error))
      return FALSE;
  }
  for (gsize i = 0; option_settings && option_settings[i]; i++) {
    if (!dc_settings_assign(class, values, option_settings[i], error))
      return FALSE;
  }
  return TRUE;
}

/* The model to start from and, for vectors, the scale that it was learnt with (else 0), which this
 * course has to learn with too. */
static gboolean
read_start(DcModel **start, double *scale, GError **error)
{
  DcError core_error;
  *start = NULL;
  *scale = 0;
  if (!option_start)
    return TRUE;
  if (dc_model_read(option_start, start, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (!(*start)->decoder)
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
                "%s: it has no decoder, and thus is no autoencoder to start from", option_start);
  else if (dc_trained_model_take_scale(*start, scale, error))
    return TRUE;
  g_clear_pointer(start, dc_model_free);
  return FALSE;
}

static gboolean
choose_settings(const DcLearnerClass *class, double *values, GError **error)
{
  dc_settings_fill(class, values);
  gsize pretrain = dc_learner_setting(class, "pretrain-epochs");
  if (option_start && pretrain != SIZE_MAX)
    values[pretrain] = 0;
  return apply_options(class, values, error) && dc_settings_check(class, values, error);
}

static gboolean
make_learner(const DcLearnerClass *class, const double *settings, const DcDataset *data,
             const DcModel *start, DcLearner **learner, GError **error)
{
  *learner = NULL;
  DcLearnerOptions options = {
      .clusters = (uint32_t)option_clusters,
      .seed = (uint64_t)option_seed,
      .threads = (size_t)option_threads,
      .settings = settings,
      .first_encoder = start ? start->encoder : NULL,
      .first_decoder = start ? start->decoder : NULL,
  };
  DcError core_error;
  if (dc_learner_new(class, data, &options, learner, &core_error) == DC_OK)
    return TRUE;
  return dc_tools_take_error(&core_error, error);
}

/* --- what was learnt --- */

static void
print_result(const DcModel *model, const DcSamples *samples, const guint32 *labels)
{
  printf("%zu samples, %zu clusters, embeddings of %zu numbers: %s\n", samples->count,
         model->clusters, model->dim, option_output);
  DcScores scores;
  if (samples->labelled && dc_scores(labels, samples->labels, samples->count, &scores) == DC_OK)
    printf("against the labels, in percent: ACC %.1f  NMI %.1f  ARI %.1f\n", 100 * scores.acc,
           100 * scores.nmi, 100 * scores.ari);
}

static gboolean
write_report(const DcCourse *course, const DcModel *model, const DcLearned *learned,
             const DcSamples *samples, const float *embeddings, GError **error)
{
  const DcLearner *learner = course->learner;
  const DcLearnerClass *class = learner->class;
  DcReportSetting settings[DC_LEARN_MOST_SETTINGS];
  for (gsize i = 0; i < class->setting_count; i++) {
    settings[i] = (DcReportSetting){
        .name = class->settings[i].name,
        .text = dc_learner_setting_word(class, i, learner->settings[i]),
        .number = learner->settings[i],
    };
  }
  DcCurves curves;
  dc_curves_init(&curves);
  dc_curves_add_course(&curves, learner);
  const DcReport report = {
      .method = class->name,
      .clustering = {.embeddings = dc_matrix(embeddings, samples->count, model->dim),
                     .centroids = dc_matrix(model->centroids, model->clusters, model->dim),
                     .clusters = learned->labels},
      .labels = samples->labelled ? samples->labels : NULL,
      .spec = samples->length ? NULL : &samples->spec,
      .samples = samples->values,
      .decoder = model->decoder,
      .curves = &curves,
      .settings = settings,
      .setting_count = class->setting_count,
      .seed = learner->seed,
      .threads = learner->threads,
      .seconds = course->seconds,
  };
  gboolean well = dc_report_write(option_report, &report, error);
  dc_curves_clear(&curves);
  return well;
}

static gboolean
write_model(const DcCourse *course, DcLearned *learned, const DcSamples *samples,
            const char *const *inputs, GError **error)
{
  float *embeddings;
  DcModel *model =
      dc_trained_model_new(course->learner, learned, samples, inputs, &embeddings, error);
  if (!model)
    return FALSE;
  DcError core_error;
  gboolean well = dc_model_write(model, option_output, &core_error) == DC_OK ||
                  dc_tools_take_error(&core_error, error);
  if (well && option_report)
    well = write_report(course, model, learned, samples, embeddings, error);
  if (well)
    print_result(model, samples, learned->labels);
  dc_free(embeddings);
  dc_model_free(model);
  return well;
}

/* A course that is done but whose model cannot be written (a full disk) is kept. */
static void
keep_course(DcCourse *course)
{
  g_autoptr(GError) error = NULL;
  if (dc_course_save(course, &error))
    fprintf(stderr,
            "What was learnt is kept in %s: mend the cause and give the same command "
            "with --resume.\n",
            course->checkpoint);
  else
    fprintf(stderr, "What was learnt could not be kept either: %s\n", error->message);
}

static gboolean
finish(DcCourse *course, const DcSamples *samples, const char *const *inputs, GError **error)
{
  DcLearned learned;
  DcError core_error;
  gboolean well = dc_learner_finish(course->learner, &learned, &core_error) == DC_OK ||
                  dc_tools_take_error(&core_error, error);
  if (well) {
    well = write_model(course, &learned, samples, inputs, error);
    dc_learned_clear(&learned);
  }
  if (!well)
    keep_course(course);
  return well;
}

/* --- the course --- */

/* Who forgot --resume still has the time to stop: the old course is overwritten after minutes. */
static void
tell_of_earlier_course(const DcCourse *course)
{
  if (g_file_test(course->checkpoint, G_FILE_TEST_EXISTS))
    fprintf(stderr,
            "%s holds an earlier course, which this one will replace; --resume would go on "
            "with it.\n",
            course->checkpoint);
}

static gboolean
run_course(DcLearner *learner, const DcSamples *samples, const char *const *inputs,
           gboolean *interrupted, GError **error)
{
  DcCourse course;
  if (option_report && !dc_report_prepare(option_report, error))
    return FALSE;
  gboolean well = dc_course_begin(&course, learner, option_output, error);
  if (well && option_resume)
    well = dc_course_resume(&course, error);
  else if (well)
    tell_of_earlier_course(&course);
  well = well && dc_course_run(&course, interrupted, error);
  if (well && *interrupted)
    fprintf(stderr, "Saved in %s: give the same command with --resume to go on.\n",
            course.checkpoint);
  else if (well)
    well = finish(&course, samples, inputs, error);
  dc_course_end(&course, well && !*interrupted);
  return well;
}

static gboolean
train_on(const DcLearnerClass *class, const double *settings, const DcModel *start,
         const DcSamples *samples, const char *const *inputs, gboolean *interrupted, GError **error)
{
  DcLearner *learner;
  DcDataset data = {
      .shape = dc_samples_shape(samples),
      .count = samples->count,
      .values = samples->values,
      .domain_ends = (const size_t *)samples->ends->data,
      .domains = samples->ends->len,
  };
  gboolean well = make_learner(class, settings, &data, start, &learner, error) &&
                  run_course(learner, samples, inputs, interrupted, error);
  dc_learner_free(learner);
  return well;
}

static gboolean
read_and_train(const DcLearnerClass *class, const double *settings, const DcModel *start,
               double scale, const char *const *inputs, gboolean *interrupted, GError **error)
{
  const DcSamplesOptions options = {
      .labels = option_labels,
      .scale = option_scale > 0 ? option_scale : scale,
      .most_memory = (gsize)option_memory << 20,
  };
  DcSamples samples;
  if (!dc_samples_read(&samples, inputs, &options, error))
    return FALSE;
  gboolean well = train_on(class, settings, start, &samples, inputs, interrupted, error);
  dc_samples_clear(&samples);
  return well;
}

static gboolean
train(const DcLearnerClass *class, const char *const *inputs, gboolean *interrupted, GError **error)
{
  double settings[DC_LEARN_MOST_SETTINGS], scale;
  DcModel *start;
  *interrupted = FALSE;
  if (!choose_settings(class, settings, error) || !read_start(&start, &scale, error))
    return FALSE;
  gboolean well = read_and_train(class, settings, start, scale, inputs, interrupted, error);
  dc_model_free(start);
  return well;
}

/* --- the command line --- */

static int
refuse_method(const char *name)
{
  g_autoptr(GString) names = g_string_new(NULL);
  gsize count;
  const DcLearnerClass *const *classes = dc_learner_classes(&count);
  for (gsize i = 0; i < count; i++)
    g_string_append_printf(names, "%s%s", i ? ", " : "", classes[i]->name);
  return dc_command_usage(name, "there is no method \"%s\"; there are: %s", option_method,
                          names->str);
}

static int
list_settings(const DcLearnerClass *class)
{
  gsize count;
  const DcLearnerClass *const *classes = dc_learner_classes(&count);
  for (gsize i = 0; i < count; i++) {
    if (!option_method || classes[i] == class)
      dc_settings_list(classes[i], stdout);
  }
  return DC_EXIT_OK;
}

int
dc_command_train(int argc, char **argv)
{
  const char *name = argv[0];
  option_threads = (gint)MIN(g_get_num_processors(), MOST_THREADS);
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  const DcLearnerClass *class = dc_learner_class(option_method ? option_method : "ae");
  if (!class)
    return refuse_method(name);
  if (option_list_settings)
    return list_settings(class);
  if (argc < 2)
    return dc_command_usage(name, "at least one folder, file or URI is needed");
  if (!option_output)
    return dc_command_usage(name, "--output FILE is needed");
  if (option_clusters < 1 || option_clusters > 65536)
    return dc_command_usage(name, "--clusters K is needed, in 1..65536");
  if (option_scale < 0 || option_memory < 1)
    return dc_command_usage(name, "--scale must be above 0, and --memory at least 1");
  if (option_threads < 1 || option_threads > MOST_THREADS)
    return dc_command_usage(name, "--threads must lie in 1..%d", MOST_THREADS);
  if (option_seed < 0)
    return dc_command_usage(name, "--seed must be at least 0");
  g_autoptr(GError) error = NULL;
  gboolean interrupted;
  if (!train(class, (const char *const *)argv + 1, &interrupted, &error))
    return dc_command_failed(name, error);
  return interrupted ? DC_EXIT_INTERRUPTED : DC_EXIT_OK;
}
