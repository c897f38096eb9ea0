/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu.h"

#include "allocations.h"
#include "cluster/secu_losses.h"
#include "matrices.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

/* ---- steps ---- */

static DcSecuOptions
options_for(uint32_t clusters, uint32_t heads, size_t dim, size_t samples)
{
  return (DcSecuOptions){.clusters = clusters,
                         .heads = heads,
                         .dim = dim,
                         .samples = samples,
                         .most = 32,
                         .constraint = {.kind = DC_SECU_SIZE, .share = 0.9, .weight = 0.12},
                         .centre_temperature = 0.05,
                         .view_temperature = 0.05,
                         .one_hot = 0.2,
                         .rate = 1,
                         .momentum = 0.9,
                         .weight_decay = 1e-4};
}

static DcSecu *
new_secu(const DcSecuOptions *options)
{
  DcSecu *secu;
  DcError error = {0};
  if (dc_secu_new(options, &secu, &error))
    fail_msg("%s", error.message);
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  dc_secu_draw(secu, &random);
  return secu;
}

static DcMatrix
unit_rows(DcRandom *random, size_t rows, size_t dim)
{
  DcMatrix matrix = dc_matrix(DC_NEW(float, rows *dim), rows, dim);
  assert_non_null(matrix.data);
  for (size_t i = 0; i < rows * dim; i++)
    matrix.data[i] = (float)dc_random_normal(random);
  dc_normalise_rows(&matrix);
  return matrix;
}

/* A listed array; NULL: there is none of that name. */
static void *
state_of(DcSecu *secu, const char *name, size_t *count)
{
  DcStateList list = {0};
  void *data = NULL;
  dc_secu_list_state(secu, NULL, &list);
  assert_false(list.failed);
  for (size_t i = 0; i < list.count; i++) {
    if (strcmp(list.arrays[i].name, name) == 0) {
      data = list.arrays[i].data;
      *count = list.arrays[i].count;
    }
  }
  dc_state_list_clear(&list);
  assert_non_null(data);
  return data;
}

typedef struct {
  uint32_t rows[32];
  DcMatrix first, second, first_gradient, second_gradient;
} Views;

static Views
draw_views(DcRandom *random, size_t count, size_t dim)
{
  Views views = {.first = unit_rows(random, count, dim),
                 .second = unit_rows(random, count, dim),
                 .first_gradient = unit_rows(random, count, dim),
                 .second_gradient = unit_rows(random, count, dim)};
  for (size_t i = 0; i < count; i++)
    views.rows[i] = (uint32_t)i;
  return views;
}

static void
free_views(Views *views)
{
  free_matrices(&views->first, &views->second, &views->first_gradient, &views->second_gradient);
}

static DcSecuStep
run_step(DcSecu *secu, Views *views)
{
  const DcSecuBatch batch = {views->rows, views->first.rows, views->first.data, views->second.data};
  DcSecuStep step;
  assert_int_equal(dc_secu_step(secu, &batch, views->first_gradient.data,
                                views->second_gradient.data, &step),
                   DC_OK);
  return step;
}

static double *
doubles_of(const float *values, size_t count)
{
  double *copy = DC_NEW(double, count);
  assert_non_null(copy);
  for (size_t i = 0; i < count; i++)
    copy[i] = values[i];
  return copy;
}

/* The losses and gradients of a step by their definitions, head by head. */
typedef struct {
  double centre_loss, view_loss;
  double *centres;  /* gradients: all heads below each other */
  double *views[2]; /* count x d */
} Expected;

static void
add_scaled(double *sums, const double *terms, size_t count, double scale)
{
  for (size_t i = 0; i < count; i++)
    sums[i] += scale * terms[i];
}

static Expected
expect(const DcSecuOptions *o, const float *free, const float *still, const Views *views,
       uint32_t *const *labels, uint32_t *const *targets)
{
  const size_t total = o->clusters * o->heads * (o->heads + 1) / 2, dim = o->dim;
  const size_t count = views->first.rows;
  double *all = doubles_of(free, total * dim), *old = doubles_of(still, total * dim);
  double *x[2] = {doubles_of(views->first.data, count * dim),
                  doubles_of(views->second.data, count * dim)};
  double *part = DC_NEW(double, total *dim), *first = DC_NEW(double, count *dim),
         *second = DC_NEW(double, count *dim);
  const double scale = 1.0 / (2.0 * (double)count * o->heads);
  Expected result = {.centres = DC_NEW(double, total *dim),
                     .views = {DC_NEW(double, count *dim), DC_NEW(double, count *dim)}};
  size_t start = 0;
  for (uint32_t h = 0; h < o->heads; h++) {
    const size_t clusters = o->clusters * (h + 1);
    for (size_t v = 0; v < 2; v++) {
      result.centre_loss +=
          scale * dc_secu_centre_loss_reference(x[v], count, dim, all + start * dim,
                                                all + start * dim, clusters, labels[h],
                                                o->centre_temperature, part);
      add_scaled(result.centres + start * dim, part, clusters * dim, scale);
    }
    result.view_loss +=
        scale * dc_secu_view_loss_reference(x[0], x[1], x[0], x[1], count, dim, old + start * dim,
                                            clusters, targets[h], o->view_temperature, o->one_hot,
                                            first, second);
    add_scaled(result.views[0], first, count * dim, scale);
    add_scaled(result.views[1], second, count * dim, scale);
    start += clusters;
  }
  double *blocks[] = {all, old, x[0], x[1], part, first, second};
  for (size_t i = 0; i < 7; i++)
    dc_free(blocks[i]);
  return result;
}

static void
free_expected(Expected *expected)
{
  dc_free(expected->centres);
  dc_free(expected->views[0]);
  dc_free(expected->views[1]);
}

static uint32_t *
copy_labels(const DcSecu *secu, uint32_t head)
{
  const DcSecuHead *h = dc_secu_head(secu, head);
  uint32_t *labels = DC_NEW(uint32_t, h->samples);
  assert_non_null(labels);
  memcpy(labels, h->labels, h->samples * sizeof *labels);
  return labels;
}

/* Property 8, and that heads are put together rightly. With temperatures of 0.05 and sums of 8
 * products in single precision an error of a logit is about 1e-5, and gradients, at most 1 / 0.05
 * times the share of a sample, are right to that share of themselves. */
static void
a_step_equals_the_reference(void **state)
{
  (void)state;
  DcSecuOptions options = options_for(3, 3, 8, 20);
  options.momentum = options.weight_decay = 0;
  options.rate = 0.5;
  const size_t numbers = 18 * 8;
  DcSecu *secu = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  size_t count;
  const float *free = state_of(secu, "centres", &count);
  const float *still = state_of(secu, "epoch-centres", &count);
  assert_int_equal(count, numbers);
  uint32_t *labels[3] = {NULL}, *targets[3] = {NULL};
  for (int epoch = 0; epoch < 3; epoch++) {
    Views views = draw_views(&random, 20, 8);
    float before[18 * 8];
    memcpy(before, free, sizeof before);
    dc_secu_begin_epoch(secu);
    float kept[18 * 8];
    memcpy(kept, still, sizeof kept);
    const DcSecuStep step = run_step(secu, &views);
    assert_memory_equal(kept, still, sizeof kept); /* only an epoch changes them */
    for (uint32_t h = 0; h < 3; h++) {
      labels[h] = copy_labels(secu, h);
      if (epoch == 0)
        targets[h] = copy_labels(secu, h);
    }
    Expected expected = expect(&options, before, kept, &views, labels, targets);
    assert_near(step.centre_loss, expected.centre_loss, 1e-5);
    assert_near(step.view_loss, expected.view_loss, 1e-5);
    for (size_t p = 0; p < numbers; p++)
      assert_near(before[p] - free[p], 0.5 * expected.centres[p], 2e-5);
    for (size_t p = 0; p < 20 * 8; p++) {
      assert_near(views.first_gradient.data[p], expected.views[0][p], 2e-5);
      assert_near(views.second_gradient.data[p], expected.views[1][p], 2e-5);
    }
    for (uint32_t h = 0; h < 3; h++) {
      dc_free(targets[h]);
      targets[h] = labels[h];
    }
    free_expected(&expected);
    free_views(&views);
  }
  for (uint32_t h = 0; h < 3; h++)
    dc_free(targets[h]);
  dc_secu_free(secu);
}

/* Property 2, through the optimiser. */
static void
a_centre_without_samples_does_not_move(void **state)
{
  (void)state;
  DcSecuOptions options = options_for(20, 1, 6, 8);
  options.momentum = options.weight_decay = 0;
  DcSecu *secu = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  Views views = draw_views(&random, 8, 6);
  DcMatrix centres = dc_secu_centres(secu, 0), before = copy_of(&centres);
  run_step(secu, &views);
  const DcSecuHead *head = dc_secu_head(secu, 0);
  size_t still = 0;
  for (size_t k = 0; k < 20; k++) {
    const bool same =
        memcmp(dc_matrix_row(&centres, k), dc_matrix_row(&before, k), 6 * sizeof(float)) == 0;
    assert_int_equal(same, head->counts[k] == 0);
    still += same;
  }
  assert_true(still >= 12);
  free_matrices(&before);
  free_views(&views);
  dc_secu_free(secu);
}

/* Properties 7 and 17: neither the order of views nor that of samples says anything. */
static void
order_within_a_batch_does_not_matter(void **state)
{
  (void)state;
  static const DcSecuConstraintKind kinds[] = {DC_SECU_SIZE, DC_SECU_ENTROPY};
  for (size_t kind = 0; kind < 2; kind++) {
    DcSecuOptions options = options_for(4, 2, 8, 32);
    options.constraint.kind = kinds[kind];
    DcSecu *one = new_secu(&options), *other = new_secu(&options);
    DcRandom random;
    dc_random_seed(&random, 10, 0);
    for (int pass = 0; pass < 3; pass++) {
      Views views = draw_views(&random, 32, 8), turned = draw_views(&random, 32, 8);
      dc_random_shuffle(&random, turned.rows, 32);
      for (size_t i = 0; i < 32; i++) {
        const size_t from = turned.rows[i];
        memcpy(dc_matrix_row(&turned.first, i), dc_matrix_row(&views.second, from),
               8 * sizeof(float));
        memcpy(dc_matrix_row(&turned.second, i), dc_matrix_row(&views.first, from),
               8 * sizeof(float));
      }
      const DcSecuStep a = run_step(one, &views), b = run_step(other, &turned);
      assert_near(a.centre_loss, b.centre_loss, 1e-6);
      assert_near(a.view_loss, b.view_loss, 1e-6);
      assert_int_equal(a.changed, b.changed);
      for (uint32_t h = 0; h < 2; h++) {
        const DcSecuHead *x = dc_secu_head(one, h), *y = dc_secu_head(other, h);
        assert_memory_equal(x->labels, y->labels, 32 * sizeof *x->labels);
        assert_memory_equal(x->duals, y->duals, x->clusters * sizeof *x->duals);
        DcMatrix p = dc_secu_centres(one, h), q = dc_secu_centres(other, h);
        assert_rows_near(&p, &q, 1e-6);
      }
      for (size_t i = 0; i < 32; i++)
        for (size_t j = 0; j < 8; j++)
          assert_near(dc_matrix_row(&turned.second_gradient, i)[j],
                      dc_matrix_row(&views.first_gradient, turned.rows[i])[j], 1e-6);
      free_views(&views);
      free_views(&turned);
    }
    dc_secu_free(one);
    dc_secu_free(other);
  }
}

/* Property 18. Equal samples get equal labels within a batch, so that clusters take turns: the
 * shares are those of many passes. The entropy alone (second turn) may leave far centres empty. */
static void
equal_samples_are_shared_out(void **state)
{
  (void)state;
  static const DcSecuConstraintKind kinds[] = {DC_SECU_SIZE, DC_SECU_ENTROPY};
  for (size_t kind = 0; kind < 2; kind++) {
    DcSecuOptions options = options_for(4, 1, 5, 96);
    options.constraint.kind = kinds[kind];
    DcSecu *secu = new_secu(&options);
    DcRandom random;
    dc_random_seed(&random, 11, 0);
    Views views = draw_views(&random, 32, 5);
    for (size_t i = 1; i < 32; i++)
      memcpy(dc_matrix_row(&views.first, i), views.first.data, 5 * sizeof(float));
    memcpy(views.second.data, views.first.data, 32 * 5 * sizeof(float));
    double shares[4] = {0};
    for (int pass = 0; pass < 400; pass++) {
      for (size_t part = 0; part < 3; part++) {
        for (size_t i = 0; i < 32; i++)
          views.rows[i] = (uint32_t)(32 * part + i);
        run_step(secu, &views);
        assert_true(dc_matrix_is_finite(&views.first_gradient));
      }
      for (size_t k = 0; k < 4 && pass >= 200; k++)
        shares[k] += (double)dc_secu_head(secu, 0)->counts[k] / 96 / 200;
    }
    DcMatrix centres = dc_secu_centres(secu, 0);
    assert_true(dc_matrix_is_finite(&centres));
    for (size_t k = 0; k < 4 && kinds[kind] == DC_SECU_SIZE; k++)
      assert_true(shares[k] > 0.95 * 0.9 / 4);
    free_views(&views);
    dc_secu_free(secu);
  }
}

/* Weight decay alone may shrink a centre that nothing is near to. */
static void
a_centre_without_length_stays_finite(void **state)
{
  (void)state;
  const DcSecuOptions options = options_for(3, 1, 6, 32);
  DcSecu *secu = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 17, 0);
  Views views = draw_views(&random, 32, 6);
  size_t count;
  memset(state_of(secu, "centres", &count), 0, 6 * sizeof(float));
  assert_int_equal(dc_secu_restored(secu, NULL), DC_OK);
  for (int pass = 0; pass < 20; pass++) {
    run_step(secu, &views);
    DcMatrix centres = dc_secu_centres(secu, 0);
    assert_true(dc_matrix_is_finite(&centres));
    assert_true(dc_matrix_is_finite(&views.first_gradient));
  }
  assert_true(dc_secu_head(secu, 0)->counts[0] > 0);
  free_views(&views);
  dc_secu_free(secu);
}

/* Features that are given: three tight groups of very different size, found from k-means++. */
static void
one_view_learns_given_groups(void **state)
{
  (void)state;
  DcSecuOptions options = options_for(3, 2, 6, 320);
  options.constraint.share = 0.3;
  DcSecu *secu = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 12, 0);
  DcMatrix samples = unit_rows(&random, 320, 6), directions = unit_rows(&random, 3, 6);
  for (size_t i = 0; i < 320; i++) {
    const size_t group = i % 8 < 5 ? 0 : i % 8 < 7 ? 1 : 2;
    for (size_t j = 0; j < 6; j++)
      dc_matrix_row(&samples, i)[j] =
          dc_matrix_row(&directions, group)[j] + 0.15f * dc_matrix_row(&samples, i)[j];
  }
  dc_normalise_rows(&samples);
  assert_int_equal(dc_secu_seed(secu, &samples, &random), DC_OK);
  for (int pass = 0; pass < 10; pass++) {
    for (size_t first = 0; first < 320; first += 32) {
      uint32_t rows[32];
      for (size_t i = 0; i < 32; i++)
        rows[i] = (uint32_t)(first + i);
      const DcSecuBatch batch = {rows, 32, dc_matrix_row(&samples, first), NULL};
      DcSecuStep step;
      assert_int_equal(dc_secu_step(secu, &batch, NULL, NULL, &step), DC_OK);
      assert_true(step.view_loss == 0);
    }
  }
  const uint32_t *labels = dc_secu_head(secu, 0)->labels;
  assert_true(labels[0] != labels[5] && labels[0] != labels[7] && labels[5] != labels[7]);
  for (size_t i = 0; i < 320; i++)
    assert_int_equal(labels[i], labels[i % 8]);
  free_matrices(&samples, &directions);
  dc_secu_free(secu);
}

static void
restored_state_goes_on_to_the_same_bytes(void **state)
{
  (void)state;
  DcSecuOptions options = options_for(4, 2, 8, 32);
  options.constraint.kind = DC_SECU_ENTROPY;
  DcSecu *one = new_secu(&options), *other = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 13, 0);
  Views views = draw_views(&random, 32, 8);
  for (int pass = 0; pass < 3; pass++) {
    dc_secu_begin_epoch(one);
    run_step(one, &views);
  }
  DcStateList from = {0}, to = {0};
  dc_secu_list_state(one, "secu", &from);
  dc_secu_list_state(other, "secu", &to);
  assert_int_equal(from.count, to.count);
  for (size_t i = 0; i < from.count; i++)
    memcpy(to.arrays[i].data, from.arrays[i].data,
           from.arrays[i].count * dc_state_type_size(from.arrays[i].type));
  assert_int_equal(dc_secu_restored(other, NULL), DC_OK);
  for (int pass = 0; pass < 3; pass++) {
    DcSecuStep a = run_step(one, &views), b = run_step(other, &views);
    assert_memory_equal(&a, &b, sizeof a);
    dc_secu_begin_epoch(one);
    dc_secu_begin_epoch(other);
  }
  for (size_t i = 0; i < from.count; i++)
    assert_memory_equal(to.arrays[i].data, from.arrays[i].data,
                        from.arrays[i].count * dc_state_type_size(from.arrays[i].type));
  dc_state_list_clear(&from);
  dc_state_list_clear(&to);
  free_views(&views);
  dc_secu_free(one);
  dc_secu_free(other);
}

/* ---- failures ---- */

static void
options_out_of_range_are_refused(void **state)
{
  (void)state;
  for (int fault = 0; fault < 18; fault++) {
    DcSecuOptions o = options_for(3, 2, 4, 10);
    switch (fault) {
    case 0:
      o.clusters = 0;
      break;
    case 1:
      o.heads = 0;
      break;
    case 2:
      o.dim = 0;
      break;
    case 3:
      o.samples = 0;
      break;
    case 4:
      o.most = 0;
      break;
    case 5:
      o.constraint.share = -0.1;
      break;
    case 6:
      o.constraint.share = 1.1;
      break;
    case 7:
      o.constraint.share = NAN;
      break;
    case 8:
      o.constraint.rate = -1;
      break;
    case 9:
      o.constraint.weight = -1;
      break;
    case 10:
      o.constraint.weight = INFINITY;
      break;
    case 11:
      o.centre_temperature = 0;
      break;
    case 12:
      o.view_temperature = 0;
      break;
    case 13:
      o.one_hot = 1.5;
      break;
    case 14:
      o.one_hot = NAN;
      break;
    case 15:
      o.rate = -1;
      break;
    case 16:
      o.momentum = 1;
      break;
    case 17:
      o.weight_decay = -1;
      break;
    }
    DcSecu *secu;
    DcError error = {0};
    assert_int_equal(dc_secu_new(&o, &secu, &error), DC_ERROR_ARGUMENT);
    assert_null(secu);
    assert_true(error.message[0] != 0);
  }
}

static void
sizes_beyond_memory_are_refused(void **state)
{
  (void)state;
  DcSecuOptions options = options_for(UINT32_MAX, UINT32_MAX, SIZE_MAX / 2, 10);
  DcSecu *secu;
  assert_int_equal(dc_secu_new(&options, &secu, NULL), DC_ERROR_MEMORY);
  options = options_for(2, 2, 4, SIZE_MAX / 2);
  assert_int_equal(dc_secu_new(&options, &secu, NULL), DC_ERROR_MEMORY);
}

static void
short_memory_is_survived(void **state)
{
  (void)state;
  const DcSecuOptions options = options_for(3, 2, 4, 10);
  DcSecu *secu = NULL;
  size_t failures = 0;
  for (; !secu; failures++) {
    fail_at = allocations + failures;
    const DcStatus status = dc_secu_new(&options, &secu, NULL);
    fail_at = SIZE_MAX;
    assert_int_equal(status, secu ? DC_OK : DC_ERROR_MEMORY);
  }
  assert_true(failures > 20);
  dc_secu_free(secu);
}

static void
a_step_allocates_nothing(void **state)
{
  (void)state;
  const DcSecuOptions options = options_for(3, 2, 4, 32);
  DcSecu *secu = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 14, 0);
  Views views = draw_views(&random, 32, 4);
  run_step(secu, &views);
  const size_t before = allocations;
  dc_secu_begin_epoch(secu);
  run_step(secu, &views);
  assert_int_equal(allocations, before);
  free_views(&views);
  dc_secu_free(secu);
}

static void
a_nan_is_refused_and_changes_nothing(void **state)
{
  (void)state;
  const DcSecuOptions options = options_for(3, 2, 4, 32);
  for (size_t view = 0; view < 2; view++) {
    DcSecu *secu = new_secu(&options);
    DcRandom random;
    dc_random_seed(&random, 15, 0);
    Views views = draw_views(&random, 32, 4);
    run_step(secu, &views);
    size_t count;
    const float *free = state_of(secu, "centres", &count);
    float before[9 * 4];
    uint32_t *labels = copy_labels(secu, 1);
    memcpy(before, free, sizeof before);
    (view ? views.second : views.first).data[17] = view ? NAN : INFINITY;
    const DcSecuBatch batch = {views.rows, 32, views.first.data, views.second.data};
    DcSecuStep step;
    assert_int_equal(dc_secu_step(secu, &batch, views.first_gradient.data,
                                  views.second_gradient.data, &step),
                     DC_ERROR_NOT_FINITE);
    assert_memory_equal(before, free, sizeof before);
    assert_memory_equal(labels, dc_secu_head(secu, 1)->labels, 32 * sizeof *labels);
    dc_free(labels);
    free_views(&views);
    dc_secu_free(secu);
  }
}

static void
seeds_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  const DcSecuOptions options = options_for(3, 1, 4, 32);
  DcSecu *secu = new_secu(&options);
  DcRandom random;
  dc_random_seed(&random, 16, 0);
  DcMatrix narrow = unit_rows(&random, 10, 3), bad = unit_rows(&random, 10, 4);
  assert_int_equal(dc_secu_seed(secu, &narrow, &random), DC_ERROR_SHAPE);
  bad.data[3] = NAN;
  assert_int_equal(dc_secu_seed(secu, &bad, &random), DC_ERROR_NOT_FINITE);
  free_matrices(&narrow, &bad);
  dc_secu_free(secu);
}

static void
restored_nonsense_is_refused(void **state)
{
  (void)state;
  const DcSecuOptions options = options_for(3, 2, 4, 32);
  for (int fault = 0; fault < 6; fault++) {
    DcSecu *secu = new_secu(&options);
    size_t count;
    float *centres = state_of(secu, "centres", &count);
    float *still = state_of(secu, "epoch-centres", &count);
    uint32_t *labels = state_of(secu, "labels", &count);
    double *duals = state_of(secu, "duals", &count);
    assert_int_equal(dc_secu_restored(secu, NULL), DC_OK);
    switch (fault) {
    case 0:
      centres[5] = NAN;
      break;
    case 1:
      still[5] = INFINITY;
      break;
    case 2:
      labels[4] = 3;
      break;
    case 3:
      labels[32 + 4] = 6;
      break;
    case 4:
      duals[8] = 2.5;
      break;
    case 5:
      duals[0] = NAN;
      break;
    }
    DcError error = {0};
    assert_int_equal(dc_secu_restored(secu, &error), DC_ERROR_FORMAT);
    assert_true(error.message[0] != 0);
    dc_secu_free(secu);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_step_equals_the_reference),
      cmocka_unit_test(a_centre_without_samples_does_not_move),
      cmocka_unit_test(order_within_a_batch_does_not_matter),
      cmocka_unit_test(equal_samples_are_shared_out),
      cmocka_unit_test(a_centre_without_length_stays_finite),
      cmocka_unit_test(one_view_learns_given_groups),
      cmocka_unit_test(restored_state_goes_on_to_the_same_bytes),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(sizes_beyond_memory_are_refused),
      cmocka_unit_test(short_memory_is_survived),
      cmocka_unit_test(a_step_allocates_nothing),
      cmocka_unit_test(a_nan_is_refused_and_changes_nothing),
      cmocka_unit_test(seeds_that_do_not_fit_are_refused),
      cmocka_unit_test(restored_nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
