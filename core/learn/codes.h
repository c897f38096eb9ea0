/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_CODES_H
#define DC_LEARN_CODES_H

#include "base/random.h"
#include "learn/learner.h"
#include "tensor/matrix.h"

/* What several methods do with the codes that an encoder makes of the samples. */

/* The setting with which a method lets the user choose how it groups codes, and its values. */
enum { DC_GROUPING_KMEANS, DC_GROUPING_CONSENSUS };
#define DC_GROUPING_SETTING                                                                        \
  {                                                                                                \
    "grouping",                                                                                    \
        "of the embeddings: k-means, as papers do; consensus: groups that need not be round",      \
        DC_GROUPING_KMEANS, 0, 0, true, (const char *const[])                                      \
    {                                                                                              \
      "k-means", "consensus", NULL                                                                 \
    }                                                                                              \
  }

/* The codes of all samples of `learner`, count x width, from dc_alloc(). */
DcStatus dc_learner_encode(const DcLearner *learner, const DcNetwork *encoder, float **codes,
                           DcError *error);

/* k-means of all codes: fills clusters, width, centroids and labels of `learned`, which is partly
 * filled on failure. */
DcStatus dc_learner_cluster(const DcLearner *learner, const DcNetwork *encoder, uint32_t restarts,
                            DcRandom *random, DcLearned *learned, DcError *error);

/* Whether there are samples enough to group their codes by consensus. */
bool dc_learner_can_group(const DcLearner *learner);

/* Groups the codes of all samples by consensus (cluster/consensus.h): `labels` (N) receives the
 * groups, `centroids` (K x d) their means; that of a group without members stays. */
DcStatus dc_learner_group(const DcLearner *learner, const DcMatrix *codes, uint32_t *labels,
                          const DcMatrix *centroids, DcError *error);

/* Groups the codes that `learned` has clusters of anew, by consensus. With too few samples for that
 * the clusters stay. */
DcStatus dc_learner_regroup(const DcLearner *learner, const DcNetwork *encoder, DcLearned *learned,
                            DcError *error);

/* Copies of the networks (`decoder` may be NULL) for `learned`. */
DcStatus dc_learned_copy_networks(const DcNetwork *encoder, const DcNetwork *decoder,
                                  DcLearned *learned, DcError *error);

/* Fills clusters and width of `learned` and makes room for its centroids and labels. */
DcStatus dc_learned_make_room(const DcLearner *learner, size_t width, DcLearned *learned,
                              DcError *error);

/* Copies of `labels` (one for each sample) and `centroids` (K x width) for `learned`. */
DcStatus dc_learned_take(const DcLearner *learner, const uint32_t *labels, const float *centroids,
                         size_t width, DcLearned *learned, DcError *error);

/* Whether `labels` (one for each sample) are all below the number of clusters: what a restored
 * course has to check. */
DcStatus dc_learner_check_labels(const DcLearner *learner, const uint32_t *labels, DcError *error);

#endif
