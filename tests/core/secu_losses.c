/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu_losses.h"

#include "base/random.h"
#include "matrices.h"
#include "tensor/blas.h"
#include "test.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- a batch, in double and in single precision ---- */

enum { SAMPLES = 12, DIM = 5, CLUSTERS = 7, EMPTY = 4 /* the cluster without a sample */ };

typedef struct {
  double first[SAMPLES * DIM], second[SAMPLES * DIM];
  double free[CLUSTERS * DIM];    /* centres of any length */
  double centres[CLUSTERS * DIM]; /* the same, of unit length */
  uint32_t labels[SAMPLES];
} Batch;

static void
normalise(double *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    double square = 0;
    for (size_t j = 0; j < DIM; j++)
      square += rows[i * DIM + j] * rows[i * DIM + j];
    for (size_t j = 0; j < DIM; j++)
      rows[i * DIM + j] /= sqrt(square);
  }
}

static void
draw(double *values, size_t count, DcRandom *random)
{
  for (size_t i = 0; i < count; i++)
    values[i] = dc_random_normal(random);
}

static Batch
draw_batch(uint64_t seed)
{
  Batch batch;
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  draw(batch.first, SAMPLES * DIM, &random);
  draw(batch.second, SAMPLES * DIM, &random);
  draw(batch.free, CLUSTERS * DIM, &random);
  normalise(batch.first, SAMPLES);
  normalise(batch.second, SAMPLES);
  memcpy(batch.centres, batch.free, sizeof batch.centres);
  normalise(batch.centres, CLUSTERS);
  for (size_t i = 0; i < SAMPLES; i++) {
    batch.labels[i] = (uint32_t)i % (CLUSTERS - 1);
    batch.labels[i] += batch.labels[i] >= EMPTY;
  }
  return batch;
}

static DcMatrix
single(const double *values, size_t rows)
{
  DcMatrix matrix = new_matrix(rows, DIM);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < DIM; j++)
      dc_matrix_row(&matrix, i)[j] = (float)values[i * DIM + j];
  return matrix;
}

static DcMatrix
similarities_of(const double *view, const Batch *batch)
{
  DcMatrix samples = single(view, SAMPLES), centres = single(batch->centres, CLUSTERS);
  DcMatrix similarities = new_matrix(SAMPLES, CLUSTERS);
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &samples, &centres, 0, &similarities);
  free_matrices(&samples, &centres);
  return similarities;
}

/* ---- centres ---- */

static double
stable_loss(const Batch *batch, const double *moving, double temperature)
{
  return dc_secu_centre_loss_reference(batch->first, SAMPLES, DIM, moving, batch->free, CLUSTERS,
                                       batch->labels, temperature, NULL);
}

/* Property 1. Central differences of step 1e-6: their own error is 1e-12 times the third
 * derivative, which the temperature bounds by about 1 / 0.05^3, and the rounding of a loss of 100
 * over the step, 1e-8 each. */
static void
centre_gradient_equals_finite_differences(void **state)
{
  (void)state;
  const double step = 1e-6;
  for (uint64_t seed = 0; seed < 3; seed++) {
    Batch batch = draw_batch(seed);
    for (double temperature = 0.05; temperature < 2; temperature *= 4) {
      double gradient[CLUSTERS * DIM], moving[CLUSTERS * DIM];
      dc_secu_centre_loss_reference(batch.first, SAMPLES, DIM, batch.free, batch.free, CLUSTERS,
                                    batch.labels, temperature, gradient);
      for (size_t p = 0; p < CLUSTERS * DIM; p++) {
        memcpy(moving, batch.free, sizeof moving);
        moving[p] += step;
        const double above = stable_loss(&batch, moving, temperature);
        moving[p] -= 2 * step;
        const double below = stable_loss(&batch, moving, temperature);
        assert_near(gradient[p], (above - below) / (2 * step), 1e-7 * fmax(1, fabs(gradient[p])));
      }
    }
  }
}

/* Property 2. The whole gradient of the cross-entropy pushes a centre without samples away. */
static void
only_its_own_samples_move_a_centre(void **state)
{
  (void)state;
  Batch batch = draw_batch(5);
  double gradient[CLUSTERS * DIM], moved[CLUSTERS * DIM];
  dc_secu_centre_loss_reference(batch.first, SAMPLES, DIM, batch.free, batch.free, CLUSTERS,
                                batch.labels, 0.5, gradient);
  double whole = 0;
  for (size_t j = 0; j < DIM; j++) {
    const size_t p = EMPTY * DIM + j;
    assert_true(gradient[p] == 0);
    memcpy(moved, batch.free, sizeof moved);
    moved[p] += 1e-6;
    const double above = dc_secu_centre_loss_reference(batch.first, SAMPLES, DIM, moved, moved,
                                                       CLUSTERS, batch.labels, 0.5, NULL);
    whole = fmax(whole, fabs(above - stable_loss(&batch, batch.free, 0.5)) / 1e-6);
  }
  assert_true(whole > 0.01);
}

/* Property 3. */
static void
centre_gradient_is_tangential_and_blind_to_length(void **state)
{
  (void)state;
  Batch batch = draw_batch(6);
  double gradient[CLUSTERS * DIM], longer[CLUSTERS * DIM];
  dc_secu_centre_loss_reference(batch.first, SAMPLES, DIM, batch.free, batch.free, CLUSTERS,
                                batch.labels, 0.1, gradient);
  for (size_t k = 0; k < CLUSTERS; k++) {
    double along = 0;
    for (size_t j = 0; j < DIM; j++)
      along += gradient[k * DIM + j] * batch.centres[k * DIM + j];
    assert_near(along, 0, 1e-12);
  }
  for (size_t p = 0; p < CLUSTERS * DIM; p++)
    longer[p] = batch.free[p] * (double)(1 + p / DIM);
  assert_near(stable_loss(&batch, longer, 0.1), stable_loss(&batch, batch.free, 0.1), 1e-12);
}

/* A similarity of single precision is right to 1e-7 x the number of terms, which 1 / temperature
 * multiplies on its way into a logit; 1 - p and the loss follow logits. */
static void
fast_centre_loss_equals_the_reference(void **state)
{
  (void)state;
  for (uint64_t seed = 0; seed < 20; seed++) {
    Batch batch = draw_batch(seed);
    const double temperature = seed % 2 ? 1 : 0.05, tolerance = 1e-6 / temperature;
    DcMatrix similarities = similarities_of(batch.first, &batch);
    DcMatrix samples = single(batch.first, SAMPLES);
    float hardness[SAMPLES], gradient[DIM];
    double sums[CLUSTERS * DIM] = {0}, expected[CLUSTERS * DIM];
    const double loss =
        dc_secu_centre_loss(&similarities, batch.labels, (float)temperature, hardness);
    dc_secu_add_positives(&samples, batch.labels, hardness, sums);
    assert_near(loss,
                dc_secu_centre_loss_reference(batch.first, SAMPLES, DIM, batch.free, batch.free,
                                              CLUSTERS, batch.labels, temperature, expected),
                tolerance * SAMPLES);
    for (size_t k = 0; k < CLUSTERS; k++) {
      double square = 0;
      float centre[DIM];
      for (size_t j = 0; j < DIM; j++) {
        square += batch.free[k * DIM + j] * batch.free[k * DIM + j];
        centre[j] = (float)batch.centres[k * DIM + j];
      }
      dc_secu_free_gradient(sums + k * DIM, -1 / temperature, centre, (float)sqrt(square), DIM,
                            gradient);
      for (size_t j = 0; j < DIM; j++)
        assert_near(gradient[j], expected[k * DIM + j],
                    SAMPLES * tolerance / temperature / sqrt(square));
    }
    free_matrices(&similarities, &samples);
  }
}

/* Property 4. */
static void
hard_samples_weigh_more(void **state)
{
  (void)state;
  float values[] = {0.9f, 0.1f, 0.5f, 0.4f};
  static const uint32_t labels[] = {0, 0};
  float hardness[2];
  DcMatrix similarities = dc_matrix(values, 2, 2);
  dc_secu_centre_loss(&similarities, labels, 0.05f, hardness);
  assert_true(hardness[0] < hardness[1]);
  float same[] = {0.9f, 0.1f, 0.5f, 0.4f};
  similarities.data = same;
  dc_secu_centre_loss(&similarities, labels, 1e3f, hardness);
  assert_near(hardness[0], hardness[1], 1e-2);
  assert_near(hardness[0], 0.5, 1e-2);
}

/* Property 5: at a high temperature every sample weighs the same, 1 - 1 / K, to 1e-3. */
static void
equal_weights_give_spherical_k_means(void **state)
{
  (void)state;
  Batch batch = draw_batch(9);
  DcMatrix similarities = similarities_of(batch.first, &batch);
  DcMatrix samples = single(batch.first, SAMPLES);
  float hardness[SAMPLES];
  double sums[CLUSTERS * DIM] = {0}, means[CLUSTERS * DIM] = {0};
  dc_secu_centre_loss(&similarities, batch.labels, 1e4f, hardness);
  dc_secu_add_positives(&samples, batch.labels, hardness, sums);
  for (size_t i = 0; i < SAMPLES; i++)
    for (size_t j = 0; j < DIM; j++)
      means[batch.labels[i] * DIM + j] += batch.first[i * DIM + j];
  normalise(sums, CLUSTERS);
  normalise(means, CLUSTERS);
  for (size_t k = 0; k < CLUSTERS; k++)
    for (size_t j = 0; j < DIM && k != EMPTY; j++)
      assert_near(sums[k * DIM + j], means[k * DIM + j], 1e-3);
  free_matrices(&similarities, &samples);
}

/* 1 - p to full precision where p rounds to 1, and a finite loss where p rounds to 0. */
static void
sure_and_hopeless_samples_keep_their_digits(void **state)
{
  (void)state;
  float values[] = {1, -1, 1, -1};
  static const uint32_t labels[] = {0, 1};
  float hardness[2];
  DcMatrix similarities = dc_matrix(values, 1, 2);
  const double sure = dc_secu_centre_loss(&similarities, labels, 0.05f, hardness);
  assert_near(hardness[0] / exp(-40), 1, 1e-5); /* 40 is rounded to 4e-6 */
  assert_near(sure / exp(-40), 1, 1e-5);
  similarities = dc_matrix(values + 2, 1, 2);
  const double hopeless = dc_secu_centre_loss(&similarities, labels + 1, 0.001f, hardness);
  assert_near(hopeless, 2000, 1e-3); /* e^-2000 is 0 */
  assert_true(hardness[0] == 1);
}

/* Property 19. */
static void
one_cluster_teaches_nothing(void **state)
{
  (void)state;
  float values[] = {0.3f, -0.2f}, same[] = {0.3f, -0.1f}, weights[4], log_sums[4], hardness[2];
  static const uint32_t labels[2] = {0, 0};
  DcMatrix first = dc_matrix(values, 2, 1), second = dc_matrix(same, 2, 1);
  DcMatrix scratch = dc_matrix(weights, 4, 1);
  assert_near(dc_secu_view_loss(&first, &second, labels, 0.05f, 0.2f, &scratch, log_sums), 0, 1e-5);
  for (size_t i = 0; i < 2; i++) {
    assert_near(values[i], 0, FLT_EPSILON);
    assert_near(same[i], 0, FLT_EPSILON);
  }
  assert_true(dc_secu_centre_loss(&first, labels, 0.05f, hardness) == 0);
  assert_true(hardness[0] == 0 && hardness[1] == 0);
}

static void
a_nan_shows_in_the_losses(void **state)
{
  (void)state;
  for (size_t bad = 0; bad < 3; bad++) {
    float values[] = {0.1f, 0.2f, 0.3f}, same[] = {0.1f, 0.2f, 0.3f};
    float weights[6], log_sums[2], hardness[1];
    static const uint32_t labels[1] = {1};
    values[bad] = NAN;
    DcMatrix first = dc_matrix(values, 1, 3), second = dc_matrix(same, 1, 3);
    DcMatrix scratch = dc_matrix(weights, 2, 3);
    assert_true(isnan(dc_secu_view_loss(&first, &second, labels, 0.05f, 0.2f, &scratch, log_sums)));
    float again[] = {0.1f, 0.2f, 0.3f};
    again[bad] = NAN;
    first.data = again;
    assert_true(isnan(dc_secu_centre_loss(&first, labels, 0.05f, hardness)));
  }
}

/* ---- views ---- */

static double
loss_of_views(const Batch *batch, const double *first, const double *second)
{
  return dc_secu_view_loss_reference(first, second, batch->first, batch->second, SAMPLES, DIM,
                                     batch->centres, CLUSTERS, batch->labels, 0.1, 0.2, NULL, NULL);
}

/* Property 1, for the representation; see above for the tolerance. */
static void
view_gradient_equals_finite_differences(void **state)
{
  (void)state;
  const double step = 1e-6;
  Batch batch = draw_batch(11);
  double gradients[2][SAMPLES * DIM], views[2][SAMPLES * DIM];
  dc_secu_view_loss_reference(batch.first, batch.second, batch.first, batch.second, SAMPLES, DIM,
                              batch.centres, CLUSTERS, batch.labels, 0.1, 0.2, gradients[0],
                              gradients[1]);
  for (size_t v = 0; v < 2; v++) {
    for (size_t p = 0; p < SAMPLES * DIM; p++) {
      memcpy(views[0], batch.first, sizeof views[0]);
      memcpy(views[1], batch.second, sizeof views[1]);
      views[v][p] += step;
      const double above = loss_of_views(&batch, views[0], views[1]);
      views[v][p] -= 2 * step;
      const double below = loss_of_views(&batch, views[0], views[1]);
      assert_near(gradients[v][p], (above - below) / (2 * step), 1e-7);
    }
  }
}

/* The fast loss of a batch; `deviations` (first and second, SAMPLES x CLUSTERS) are to be freed. */
static double
fast_view_loss(const Batch *batch, const double *first, const double *second, float temperature,
               float one_hot, DcMatrix deviations[2])
{
  DcMatrix weights = new_matrix(2 * (size_t)SAMPLES, CLUSTERS);
  float log_sums[2 * SAMPLES];
  deviations[0] = similarities_of(first, batch);
  deviations[1] = similarities_of(second, batch);
  const double loss = dc_secu_view_loss(&deviations[0], &deviations[1], batch->labels, temperature,
                                        one_hot, &weights, log_sums);
  free_matrices(&weights);
  return loss;
}

static void
fast_view_loss_equals_the_reference(void **state)
{
  (void)state;
  for (uint64_t seed = 0; seed < 20; seed++) {
    Batch batch = draw_batch(seed);
    const float one_hot = (float)(seed % 5) / 4;
    const double temperature = seed % 2 ? 1 : 0.05, tolerance = 1e-6 / temperature;
    double expected[2][SAMPLES * DIM];
    DcMatrix deviations[2];
    const double loss =
        fast_view_loss(&batch, batch.first, batch.second, (float)temperature, one_hot, deviations);
    assert_near(loss,
                dc_secu_view_loss_reference(batch.first, batch.second, batch.first, batch.second,
                                            SAMPLES, DIM, batch.centres, CLUSTERS, batch.labels,
                                            temperature, one_hot, expected[0], expected[1]),
                2 * SAMPLES * tolerance);
    for (size_t v = 0; v < 2; v++) {
      for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t j = 0; j < DIM; j++) {
          double gradient = 0;
          for (size_t k = 0; k < CLUSTERS; k++)
            gradient += dc_matrix_row(&deviations[v], i)[k] * batch.centres[k * DIM + j];
          assert_near(gradient / temperature, expected[v][i * DIM + j], tolerance / temperature);
        }
      }
    }
    free_matrices(&deviations[0], &deviations[1]);
  }
}

/* Property 6, from the definition: L_x less the entropy of the targets is a divergence, 0 for equal
 * views without a one-hot part. Sums of K numbers of 1 at most in single precision: 1e-6. */
static void
view_loss_is_least_where_views_agree(void **state)
{
  (void)state;
  Batch batch = draw_batch(13);
  DcMatrix apart[2], equal[2];
  const double loss = fast_view_loss(&batch, batch.first, batch.second, 0.1f, 0.2f, apart);
  const double agreed = fast_view_loss(&batch, batch.first, batch.first, 0.1f, 0, equal);
  double entropy = 0, entropy_agreed = 0;
  DcMatrix p = similarities_of(batch.first, &batch), r = similarities_of(batch.second, &batch);
  for (size_t i = 0; i < SAMPLES * p.stride; i++) {
    p.data[i] *= 10;
    r.data[i] *= 10;
  }
  for (size_t i = 0; i < SAMPLES; i++) {
    double p_sum = 0, r_sum = 0, rows[2] = {0, 0};
    for (size_t k = 0; k < CLUSTERS; k++) {
      p_sum += exp(dc_matrix_row(&p, i)[k]);
      r_sum += exp(dc_matrix_row(&r, i)[k]);
      for (size_t v = 0; v < 2; v++)
        rows[v] += dc_matrix_row(&apart[v], i)[k];
      assert_near(dc_matrix_row(&equal[0], i)[k], 0, 1e-6);
      assert_near(dc_matrix_row(&equal[1], i)[k], 0, 1e-6);
    }
    assert_near(rows[0], 0, 1e-6);
    assert_near(rows[1], 0, 1e-6);
    for (size_t k = 0; k < CLUSTERS; k++) {
      const double hot = k == batch.labels[i] ? 0.2 : 0;
      const double own = exp(dc_matrix_row(&p, i)[k]) / p_sum;
      const double q = hot + 0.8 * own, s = hot + 0.8 * exp(dc_matrix_row(&r, i)[k]) / r_sum;
      entropy -= q * log(q) + s * log(s);
      entropy_agreed -= 2 * own * log(own);
    }
  }
  assert_true(loss > entropy + 0.1);
  assert_near(agreed, entropy_agreed, 1e-4); /* logits of 10 to 1e-7, 2 x 12 samples */
  free_matrices(&apart[0], &apart[1], &equal[0], &equal[1], &p, &r);
}

/* Property 7. */
static void
view_loss_does_not_tell_views_apart(void **state)
{
  (void)state;
  Batch batch = draw_batch(14);
  DcMatrix one[2], other[2];
  const double loss = fast_view_loss(&batch, batch.first, batch.second, 0.05f, 0.2f, one);
  assert_near(fast_view_loss(&batch, batch.second, batch.first, 0.05f, 0.2f, other), loss, 1e-12);
  assert_rows_near(&one[0], &other[1], 0);
  assert_rows_near(&one[1], &other[0], 0);
  free_matrices(&one[0], &one[1], &other[0], &other[1]);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(centre_gradient_equals_finite_differences),
      cmocka_unit_test(only_its_own_samples_move_a_centre),
      cmocka_unit_test(centre_gradient_is_tangential_and_blind_to_length),
      cmocka_unit_test(fast_centre_loss_equals_the_reference),
      cmocka_unit_test(hard_samples_weigh_more),
      cmocka_unit_test(equal_weights_give_spherical_k_means),
      cmocka_unit_test(sure_and_hopeless_samples_keep_their_digits),
      cmocka_unit_test(one_cluster_teaches_nothing),
      cmocka_unit_test(a_nan_shows_in_the_losses),
      cmocka_unit_test(view_gradient_equals_finite_differences),
      cmocka_unit_test(fast_view_loss_equals_the_reference),
      cmocka_unit_test(view_loss_is_least_where_views_agree),
      cmocka_unit_test(view_loss_does_not_tell_views_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
