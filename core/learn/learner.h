/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_LEARNER_H
#define DC_LEARN_LEARNER_H

#include "base/state_list.h"
#include "base/status.h"
#include "nn/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one interface of the methods that learn an encoder and clusters from samples without labels.
 * A method is a DcLearnerClass in a file of its own. A course of learning runs a small step at a
 * time (a mini-batch, a round of k-means), so that who runs it can show where it stands, save it
 * and stop it between any two steps; restored, it goes on to the same bytes. One thread at a time.
 */

/* What is learnt from; not owned. */
typedef struct {
  DcShape shape;             /* of one sample; a vector of n numbers is 1 x 1 x n */
  size_t count;              /* samples */
  const float *values;       /* count x shape, dense: in memory, or a file mapped into it */
  const size_t *domain_ends; /* samples up to the end of each domain, ascending; the last: count */
  size_t domains;            /* >= 1 */
} DcDataset;

static inline bool
dc_dataset_is_vectors(const DcDataset *data)
{
  return data->shape.height == 1 && data->shape.width == 1;
}

/* Something of a method that a user may set: a number, or one of several words. */
typedef struct {
  const char *name;           /* "learning-rate" */
  const char *blurb;          /* what it is, with its unit and where its standard value is from */
  double standard;            /* the value when the user says nothing */
  double least, most;         /* numbers only */
  bool whole;                 /* a whole number */
  const char *const *choices; /* NULL-terminated words, the value is an index; NULL: a number */
} DcLearnSetting;

#define DC_LEARN_MOST_SETTINGS 32
#define DC_LEARN_MOST_FIGURES  8

/* Where a course stands; plain numbers, so that it can be saved as it is. Epochs are passes over
 * the samples, or rounds where a method has those. */
typedef struct {
  uint32_t stage; /* index into the stages of the class */
  uint32_t done;  /* 1: there is no further step */
  int64_t epoch;  /* of this stage, from 0; the one under way, or the number of epochs at the end */
  int64_t epochs; /* that this stage has, in its longest form */
  uint64_t step;  /* steps of this epoch that are done; 0 right after an epoch has ended */
  uint64_t steps; /* that an epoch has */
  double share;   /* 0..1 of the whole course, in its longest form */
  double loss;    /* mean over the samples of this epoch so far; after its end, of all of it */
  double weight;  /* samples that `loss` is the mean of */
  double figures[DC_LEARN_MOST_FIGURES]; /* numbers to watch beside the loss, as the class names
                                            them; NaN: none yet */
} DcLearnPosition;

/* An epoch that has ended. */
typedef struct {
  double stage, epoch, loss; /* epoch: from 1 */
  double figures[DC_LEARN_MOST_FIGURES];
} DcLearnPoint;

typedef struct DcLearner DcLearner;

/* The attention module of TDCM, when that is what was learnt; see cluster/tdcm.h. */
struct DcTdcmModule;

/* What a course has made; belongs to the caller. */
typedef struct {
  DcNetwork *encoder;  /* sample -> 1 x 1 x width, in its form for use */
  DcNetwork *decoder;  /* NULL when there is none */
  DcNetwork *assigner; /* embedding -> 1 x 1 x K scores whose largest is the cluster; NULL: the
                          nearest centroid is */
  struct DcTdcmModule *attention; /* NULL: none */
  size_t clusters, width;         /* K, d */
  float *centroids;               /* K x d, from dc_alloc() */
  uint32_t *labels;               /* of each sample, as the method itself labels it; dc_alloc() */
  bool grouped; /* the clusters are the groups that `labels` say, which need not be the cells of
                   the nearest centroid */
} DcLearned;

void dc_learned_clear(DcLearned *learned);

typedef struct {
  const char *name;    /* "dekm" */
  const char *summary; /* one line for --help, with the source */
  const DcLearnSetting *settings;
  size_t setting_count;
  const char *const *stages;  /* NULL-terminated names: "autoencoder", "clusters" */
  const char *const *figures; /* NULL-terminated names of at.figures: "reconstruction", "changed" */
  bool pictures, vectors;     /* what it learns from */
  size_t size;                /* of the method's own struct, whose first member is a DcLearner */
  /* Makes the networks and everything else that the course needs, with first weights; learns
   * nothing. What was made before a failure is freed by clear(). */
  DcStatus (*start)(DcLearner *learner, DcError *error);
  /* The next step; brings learner->at up to date. Called only while !at.done. */
  DcStatus (*step)(DcLearner *learner, DcError *error);
  /* Lists every array that steps change, learner->at excepted. The same arrays at any
   * time. */
  void (*list_state)(DcLearner *learner, DcStateList *list);
  /* Whether a restored course can go on: epochs and steps are those of the stage, labels lie below
   * K ... */
  DcStatus (*check)(const DcLearner *learner, DcError *error);
  /* What was learnt so far, also of a course that is not done; that one cannot go on to the same
   * bytes afterwards, since finding its clusters draws from its random numbers. */
  DcStatus (*finish)(DcLearner *learner, DcLearned *learned, DcError *error);
  void (*clear)(DcLearner *learner);
} DcLearnerClass;

/* What every method has; its own struct begins with it. */
struct DcLearner {
  const DcLearnerClass *class;
  DcDataset data;
  uint32_t clusters;
  uint64_t seed;
  size_t threads;
  const DcNetwork *first_encoder, *first_decoder; /* weights to start from, or NULL; not owned */
  double settings[DC_LEARN_MOST_SETTINGS];        /* in the order of the class */
  DcLearnPosition at;
  DcLearnPoint *curve; /* of every epoch so far; one is missing when memory was short */
  size_t curve_count, curve_capacity;
};

typedef struct {
  uint32_t clusters; /* K >= 1 */
  uint64_t seed;
  size_t threads;         /* >= 1; the result depends on it in the last digits */
  const double *settings; /* one for each setting of the class; NULL: the standard ones */
  /* An autoencoder to start from instead of random weights; it must have the shapes that the method
   * would give it. Both or none; must outlive the learner. */
  const DcNetwork *first_encoder, *first_decoder;
} DcLearnerOptions;

/* All methods; and the one of that name, or NULL. */
const DcLearnerClass *const *dc_learner_classes(size_t *count);
const DcLearnerClass *dc_learner_class(const char *name);

/* The index of the setting of that name, or SIZE_MAX. */
size_t dc_learner_setting(const DcLearnerClass *class, const char *name);

/* The word that setting `index` of the class has as the value, which must be one of its own; NULL:
 * the value is a number. Belongs to the class. */
const char *dc_learner_setting_word(const DcLearnerClass *class, size_t index, double value);

/* DC_ERROR_ARGUMENT names the first of the values, one for each setting, that is out of range. */
DcStatus dc_learner_check_settings(const DcLearnerClass *class, const double *values,
                                   DcError *error);

/* Starts a course on `data`, which must outlive it. DC_ERROR_ARGUMENT names a setting out of range,
 * fewer samples than clusters, or data that the method does not take; DC_ERROR_NOT_FINITE for NaN
 * or infinity in the data; DC_ERROR_SHAPE, DC_ERROR_MEMORY. Free with dc_learner_free(). */
DcStatus dc_learner_new(const DcLearnerClass *class, const DcDataset *data,
                        const DcLearnerOptions *options, DcLearner **learner, DcError *error);
void dc_learner_free(DcLearner *learner);

/* Runs the next step. DC_ERROR_NOT_FINITE when the course has diverged. */
DcStatus dc_learner_step(DcLearner *learner, DcError *error);

/* What a checkpoint needs: the state of the method and where it stands. The curve, which grows, is
 * not in it. */
void dc_learner_list_state(DcLearner *learner, DcStateList *list);

/* Appends to the curve; false when memory is short. */
bool dc_learner_add_point(DcLearner *learner, const DcLearnPoint *point);

/* To be called when the arrays of dc_learner_list_state() were overwritten with saved ones, before
 * the next step. DC_ERROR_FORMAT when they are none that this course can go on from. */
DcStatus dc_learner_restored(DcLearner *learner, DcError *error);

/* What was learnt so far. A course that is not done may still be run after it, but no longer to the
 * bytes of one that ran through. Clear with dc_learned_clear(); empty on failure. */
DcStatus dc_learner_finish(DcLearner *learner, DcLearned *learned, DcError *error);

/* For the methods: takes what a step of `samples` samples says of a figure into its mean over the
 * samples of this epoch so far; a figure that was NaN in a step of the epoch stays so. To be called
 * before dc_learner_count_step(). */
void dc_learner_average_figure(DcLearner *learner, size_t figure, double value, size_t samples);

/* For the methods: takes the mean loss of a step of `samples` samples into at.loss, and goes on to
 * the next step, or to the next epoch, of which a point of the curve is kept. Figures of the epoch
 * are to be set before. */
void dc_learner_count_step(DcLearner *learner, double loss, size_t samples);

/* For the methods: goes to the beginning of a stage. */
static inline void
dc_learner_begin_stage(DcLearner *learner, uint32_t stage, int64_t epochs, uint64_t steps)
{
  DcLearnPosition *at = &learner->at;
  at->stage = stage;
  at->epoch = 0;
  at->step = 0;
  at->epochs = epochs;
  at->steps = steps;
  at->loss = at->weight = 0;
}

/* For the methods: whether a restored course stands somewhere in a stage of so many epochs and
 * steps. The saved position may claim others. DC_ERROR_FORMAT. */
DcStatus dc_learner_check_stage(const DcLearner *learner, int64_t epochs, uint64_t steps,
                                DcError *error);

/* For the methods: how much of the present stage is done, 0..1. */
static inline double
dc_learner_stage_share(const DcLearner *learner)
{
  const DcLearnPosition *at = &learner->at;
  const double epochs = (double)at->epoch + (at->steps ? (double)at->step / (double)at->steps : 0);
  return at->epochs ? epochs / (double)at->epochs : 1;
}

extern const DcLearnerClass dc_learner_ae, dc_learner_dekm, dc_learner_ae_cm, dc_learner_cm,
    dc_learner_secu, dc_learner_tdcm;

#endif
