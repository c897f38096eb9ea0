/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transfer to unseen domains: learns the attention module of tdcm (in our reading of it) on 20
 * anisotropic domains in the plane and applies it, without learning anything, to 20 others; prints
 * the mean agreement with the true groups over these, beside what k-means and mixtures make of each
 * of them, one JSON object per line. Argument: the number of courses of learning, each with a seed
 * of its own (3). */
#include "../core/domains.h"
#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/mixture.h"
#include "cluster/tdcm.h"
#include "eval/scores.h"
#include "learn/learner.h"
#include "tensor/blas.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DOMAINS = 20 };

typedef struct {
  float values[DOMAINS][DOMAIN_POINTS * DOMAIN_DIM];
  uint32_t classes[DOMAINS][DOMAIN_POINTS];
} Domains;

static Domains *
draw_domains(const DomainKind *kind, uint64_t sequence)
{
  Domains *domains = DC_NEW(Domains, 1);
  if (!domains)
    exit(EXIT_FAILURE);
  DcRandom random;
  dc_random_seed(&random, 2023, sequence);
  for (size_t i = 0; i < DOMAINS; i++)
    draw_domain(&random, kind, domains->values[i], domains->classes[i]);
  return domains;
}

static void
check(DcStatus status, const DcError *error)
{
  if (!status)
    return;
  fprintf(stderr, "%s\n", error->message);
  exit(EXIT_FAILURE);
}

/* ---- learning ---- */

static DcTdcmModule *
learn(const Domains *sources, uint64_t seed)
{
  size_t ends[DOMAINS];
  for (size_t i = 0; i < DOMAINS; i++)
    ends[i] = (i + 1) * DOMAIN_POINTS;
  const DcDataset data = {.shape = {1, 1, DOMAIN_DIM},
                          .count = (size_t)DOMAINS * DOMAIN_POINTS,
                          .values = sources->values[0],
                          .domain_ends = ends,
                          .domains = DOMAINS};
  const DcLearnerOptions options = {.clusters = DOMAIN_GROUPS, .seed = seed, .threads = 1};
  DcLearner *learner;
  DcLearned learned;
  DcError error = {0};
  check(dc_learner_new(&dc_learner_tdcm, &data, &options, &learner, &error), &error);
  while (!learner->at.done)
    check(dc_learner_step(learner, &error), &error);
  check(dc_learner_finish(learner, &learned, &error), &error);
  DcTdcmModule *module = learned.attention;
  learned.attention = NULL;
  dc_learned_clear(&learned);
  dc_learner_free(learner);
  return module;
}

/* The module with a metric that is the same in all directions and has the same determinant. */
static DcTdcmModule *
round_module(const DcTdcmModule *module)
{
  DcTdcmModule *round = dc_tdcm_copy(module);
  if (!round)
    exit(EXIT_FAILURE);
  round->root[2] = 0;
  round->root[0] = round->root[3] = sqrt(module->root[0] * module->root[3]);
  return round;
}

/* ---- scoring ---- */

/* Labels of one domain. */
typedef void (*Method)(const void *what, const DcMatrix *samples, DcRandom *random,
                       uint32_t *labels);

static void
apply_kmeans(const void *what, const DcMatrix *samples, DcRandom *random, uint32_t *labels)
{
  (void)what;
  float places[DOMAIN_GROUPS * DOMAIN_DIM];
  const DcMatrix centroids = dc_matrix(places, DOMAIN_GROUPS, DOMAIN_DIM);
  const DcKmeansOptions options = dc_kmeans_options(DOMAIN_GROUPS);
  DcKmeansResult result;
  DcError error = {0};
  check(dc_kmeans(samples, NULL, &options, random, &centroids, labels, &result, &error), &error);
}

/* How a mixture is fitted. With scikit-learn's standard tolerance EM stops long before it has
 * turned the covariances of these data, so that a fair comparison needs a small one too. */
typedef struct {
  const char *name;
  DcCovariance covariance;
  double tolerance;
  uint32_t iterations;
} MixtureKind;

/* `what`: a MixtureKind. The likeliest of 10 mixtures, each of which starts from a k-means of its
 * own. */
static void
apply_mixture(const void *what, const DcMatrix *samples, DcRandom *random, uint32_t *labels)
{
  const MixtureKind *kind = what;
  DcMixtureOptions options = dc_mixture_options(DOMAIN_GROUPS, kind->covariance);
  double best = -INFINITY;
  options.tolerance = kind->tolerance;
  options.max_iterations = kind->iterations;
  options.restarts = 1;
  for (int run = 0; run < 10; run++) {
    DcMixture *mixture;
    DcMixtureResult result;
    DcError error = {0};
    check(dc_mixture_fit(samples, &options, random, NULL, &mixture, NULL, &result, &error), &error);
    if (result.log_likelihood > best) {
      best = result.log_likelihood;
      check(dc_mixture_assign(mixture, samples, labels, NULL, &error), &error);
    }
    dc_mixture_free(mixture);
  }
}

static void
apply_module(const void *what, const DcMatrix *samples, DcRandom *random, uint32_t *labels)
{
  float places[DOMAIN_GROUPS * DOMAIN_DIM];
  const DcMatrix centroids = dc_matrix(places, DOMAIN_GROUPS, DOMAIN_DIM);
  DcError error = {0};
  check(dc_tdcm_apply(what, samples, random, 1, &centroids, labels, NULL, &error), &error);
}

/* Means over the domains: scores in percent, and processor time of the method. */
typedef struct {
  double ari, nmi, acc, acc_deviation, milliseconds;
} Row;

static Row
score(Method method, const void *what, const Domains *targets)
{
  Row row = {0};
  double square = 0;
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  for (size_t i = 0; i < DOMAINS; i++) {
    const DcMatrix samples = dc_matrix(targets->values[i], DOMAIN_POINTS, DOMAIN_DIM);
    uint32_t labels[DOMAIN_POINTS];
    DcScores scores;
    const clock_t before = clock();
    method(what, &samples, &random, labels);
    row.milliseconds += 1e3 * (double)(clock() - before) / CLOCKS_PER_SEC / DOMAINS;
    if (dc_scores(labels, targets->classes[i], DOMAIN_POINTS, &scores))
      exit(EXIT_FAILURE);
    row.ari += 100 * scores.ari / DOMAINS;
    row.nmi += 100 * scores.nmi / DOMAINS;
    row.acc += 100 * scores.acc / DOMAINS;
    square += 1e4 * scores.acc * scores.acc / DOMAINS;
  }
  row.acc_deviation = sqrt(fmax(0, square - row.acc * row.acc));
  return row;
}

static void
print_row(const char *data, const char *method, uint64_t seed, Row row)
{
  printf("{\"data\": \"%s\", \"method\": \"%s\", \"seed\": %llu, \"ari\": %.1f, \"nmi\": %.1f, "
         "\"acc\": %.1f, \"acc_deviation\": %.1f, \"ms\": %.2f}\n",
         data, method, (unsigned long long)seed, row.ari, row.nmi, row.acc, row.acc_deviation,
         row.milliseconds);
}

static void
print_module(const char *data, uint64_t seed, const DcTdcmModule *module)
{
  double metric[DOMAIN_DIM * DOMAIN_DIM], direction;
  dc_tdcm_metric(module, metric);
  const double ratio = eigenvalue_ratio(metric, &direction);
  printf("{\"data\": \"%s\", \"seed\": %llu, \"eigenvalue_ratio\": %.2f, \"direction\": %.1f}\n",
         data, (unsigned long long)seed, ratio, direction);
}

/* The learned module on unseen domains, with as many blocks as given. */
static void
print_applied(const char *data, const DcTdcmModule *module, uint32_t blocks, uint64_t seed,
              const Domains *targets)
{
  DcTdcmModule used = *module;
  char method[64];
  used.blocks = blocks;
  snprintf(method, sizeof method, "learned W, L = %u", blocks);
  print_row(data, method, seed, score(apply_module, &used, targets));
}

static void
run_course(const char *data, const DomainKind *kind, uint64_t seed, bool turned)
{
  Domains *sources = draw_domains(kind, 0), *targets = draw_domains(kind, 1);
  DcTdcmModule *module = learn(sources, seed), *round = round_module(module);
  print_module(data, seed, module);
  print_row(data, "W = cI, same det, L = 4", seed, score(apply_module, round, targets));
  for (uint32_t blocks = 0; blocks <= 4; blocks += blocks ? 3 : 1)
    print_applied(data, module, blocks, seed, targets);
  for (int turn = 20; turned && turn <= 60; turn += 40) {
    DomainKind other = *kind;
    char name[64];
    other.turn += turn;
    Domains *moved = draw_domains(&other, 1);
    snprintf(name, sizeof name, "%s, turned by %d degrees", data, turn);
    print_applied(name, module, 4, seed, moved);
    dc_free(moved);
  }
  dc_tdcm_free(module);
  dc_tdcm_free(round);
  dc_free(sources);
  dc_free(targets);
}

/* What is fitted to each of the unseen domains anew. */
static void
print_refitted(const char *data, const DomainKind *kind)
{
  static const MixtureKind kinds[] = {
      {"tied mixture on target", DC_COVARIANCE_TIED, 1e-3, 100},
      {"full mixture on target", DC_COVARIANCE_FULL, 1e-3, 100},
      {"tied mixture on target, tolerance 1e-6", DC_COVARIANCE_TIED, 1e-6, 1000},
      {"full mixture on target, tolerance 1e-6", DC_COVARIANCE_FULL, 1e-6, 1000},
  };
  Domains *targets = draw_domains(kind, 1);
  print_row(data, "k-means on target", 0, score(apply_kmeans, NULL, targets));
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    print_row(data, kinds[i].name, 0, score(apply_mixture, &kinds[i], targets));
  dc_free(targets);
}

int
main(int argc, char **argv)
{
  static const DomainKind round_domain = {.width = 1, .places = 1, .turn = 30};
  const long courses = argc > 1 ? strtol(argv[1], NULL, 10) : 3;
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  print_refitted("anisotropic", &wide_domain);
  for (long seed = 1; seed <= courses; seed++)
    run_course("anisotropic", &wide_domain, (uint64_t)seed, true);
  print_refitted("isotropic", &round_domain);
  run_course("isotropic", &round_domain, 1, false);
  return EXIT_SUCCESS;
}
