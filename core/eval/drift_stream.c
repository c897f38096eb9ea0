/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/drift_stream.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

/* Strengths, at their fullest. */
#define TURN_FAR        60.0 /* degrees */
#define TURN_BACK       30.0
#define TURN_SUDDEN     40.0
#define TURN_IN_BURSTS  45.0
#define LEAST_CONTRAST  0.4
#define MOST_BRIGHTNESS (60 / 255.0)
#define MOST_NOISE      (80 / 255.0)
#define MOST_BLUR       (2 / 28.0)
#define LEAST_LIGHT     0.25
#define MOST_BACKGROUND 0.6
#define SHORTEST_BURST  50
#define LONGEST_BURST   500
#define PERIODS         6 /* of A B A B A B */
static const double cast_gain[3] = {1, 0.7, 0.35};

/* ---- looks: how far the drift has come at share `t` of the stream ---- */

/* 0 -> 1 -> 0. */
static double
there_and_back(double t)
{
  return 1 - fabs(2 * t - 1);
}

static bool
in_middle_third(double t)
{
  return t >= 1 / 3.0 && t < 2 / 3.0;
}

static bool
in_odd_period(double t)
{
  return (int)(t * PERIODS) % 2 == 1;
}

static void
look_plain(double t, DcLook *look)
{
  (void)t;
  (void)look;
}

static void
look_rotate(double t, DcLook *look)
{
  look->turn = TURN_FAR * t;
}

static void
look_rotate_back(double t, DcLook *look)
{
  look->turn = TURN_BACK * sin(4 * PI * t);
}

static void
look_rotate_sudden(double t, DcLook *look)
{
  look->turn = in_middle_third(t) ? TURN_SUDDEN : 0;
}

static void
look_rotate_recurring(double t, DcLook *look)
{
  look->turn = in_odd_period(t) ? TURN_SUDDEN : 0;
}

static void
look_turned(double t, DcLook *look)
{
  (void)t;
  look->turn = TURN_SUDDEN;
}

static void
look_rotate_in_bursts(double t, DcLook *look)
{
  look->turn = TURN_IN_BURSTS * t;
}

static void
look_contrast(double t, DcLook *look)
{
  look->contrast = 1 - (1 - LEAST_CONTRAST) * there_and_back(t);
  look->brightness = MOST_BRIGHTNESS * there_and_back(t);
}

static void
look_inversion(double t, DcLook *look)
{
  look->inverted = in_middle_third(t);
}

static void
look_inversion_recurring(double t, DcLook *look)
{
  look->inverted = in_odd_period(t);
}

static void
look_blur(double t, DcLook *look)
{
  look->blur = MOST_BLUR * there_and_back(t);
}

static void
look_noise(double t, DcLook *look)
{
  look->noise = MOST_NOISE * t;
}

static void
look_dark(double t, DcLook *look)
{
  look->contrast = 1 - (1 - LEAST_LIGHT) * there_and_back(t);
}

static void
look_cast(double t, DcLook *look)
{
  for (int c = 0; c < 3; c++)
    look->gain[c] = 1 - (1 - cast_gain[c]) * there_and_back(t);
}

static void
look_background(double t, DcLook *look)
{
  look->background = MOST_BACKGROUND * t;
}

static void
look_background_sudden(double t, DcLook *look)
{
  look->background = in_middle_third(t) ? MOST_BACKGROUND : 0;
}

static void
look_background_recurring(double t, DcLook *look)
{
  look->background = in_odd_period(t) ? MOST_BACKGROUND : 0;
}

/* ---- orders: which sample comes when ---- */

typedef struct {
  const DcDriftPool *pool;
  size_t length; /* wanted at most */
  DcRandom random;
  uint32_t *samples; /* to be filled: pool->count at most */
  size_t filled;
  size_t *place;  /* scratch: pool->count */
  uint32_t *left; /* scratch: pool->count */
} Order;

static void
append(Order *order, uint32_t sample)
{
  order->samples[order->filled++] = sample;
}

static uint32_t
label_of(const Order *order, size_t i)
{
  return order->pool->labels[order->pool->samples[i]];
}

static uint32_t
input_of(const Order *order, size_t i)
{
  return order->pool->inputs ? order->pool->inputs[order->pool->samples[i]] : 0;
}

static void
order_plain(Order *order)
{
  for (size_t i = 0; i < order->length; i++)
    append(order, order->pool->samples[i]);
}

/* The distinct labels of the first order->length samples, ascending, in order->left. */
static size_t
list_classes(const Order *order)
{
  size_t count = 0;
  for (size_t i = 0; i < order->length; i++) {
    uint32_t label = label_of(order, i);
    size_t at = 0;
    while (at < count && order->left[at] < label)
      at++;
    if (at < count && order->left[at] == label)
      continue;
    memmove(order->left + at + 1, order->left + at, (count - at) * sizeof *order->left);
    order->left[at] = label;
    count++;
  }
  return count;
}

/* One class at a time, drawn among those of which there is something left. */
static void
order_bursts(Order *order)
{
  size_t classes = list_classes(order);
  memset(order->place, 0, classes * sizeof *order->place);
  while (order->filled < order->length) {
    uint32_t which = dc_random_below(&order->random, (uint32_t)classes);
    size_t wanted =
        SHORTEST_BURST + dc_random_below(&order->random, LONGEST_BURST - SHORTEST_BURST);
    size_t i = order->place[which];
    for (; i < order->length && wanted > 0; i++)
      if (label_of(order, i) == order->left[which]) {
        append(order, order->pool->samples[i]);
        wanted--;
      }
    order->place[which] = i;
    if (i == order->length) { /* none of this class is left */
      classes--;
      order->left[which] = order->left[classes];
      order->place[which] = order->place[classes];
    }
  }
}

/* Appends up to `wanted` of the samples that are not used yet, in their order, of the lower half of
 * the classes alone or of all; used ones are marked in order->place. */
static void
append_classes(Order *order, size_t wanted, uint32_t below)
{
  for (size_t i = 0; i < order->length && wanted > 0; i++) {
    if (order->place[i] || label_of(order, i) >= below)
      continue;
    order->place[i] = 1;
    append(order, order->pool->samples[i]);
    wanted--;
  }
}

/* The label from which on classes are of the upper half. */
static uint32_t
middle_class(const Order *order)
{
  size_t classes = list_classes(order);
  return order->left[classes / 2];
}

static void
order_new_classes(Order *order)
{
  uint32_t middle = middle_class(order);
  memset(order->place, 0, order->length * sizeof *order->place);
  append_classes(order, order->length / 3, middle);
  append_classes(order, order->length, UINT32_MAX);
  /* What is left of the lower half would come at the front: mixed anew. */
  size_t first = order->length / 3 < order->filled ? order->length / 3 : 0;
  dc_random_shuffle(&order->random, order->samples + first, order->filled - first);
}

static void
order_vanishing(Order *order)
{
  uint32_t middle = middle_class(order);
  memset(order->place, 0, order->length * sizeof *order->place);
  append_classes(order, order->length / 4, UINT32_MAX);
  append_classes(order, order->length / 4, middle);
  size_t first = order->filled;
  append_classes(order, order->length, UINT32_MAX);
  dc_random_shuffle(&order->random, order->samples + first, order->filled - first);
}

/* Half of the first input, the others in turn, the other half of the first. */
static void
order_domains(Order *order)
{
  const DcDriftPool *pool = order->pool;
  uint32_t inputs = 0;
  size_t of_first = 0;
  for (size_t i = 0; i < pool->count; i++) {
    uint32_t input = input_of(order, i);
    inputs = input + 1 > inputs ? input + 1 : inputs;
    of_first += input == 0;
  }
  size_t each = order->length / (inputs + 1), seen = 0;
  size_t half = of_first / 2 < each ? of_first / 2 : each;
  for (uint32_t input = 0; input < inputs; input++) {
    size_t taken = 0, most = input ? each : half;
    for (size_t i = 0; i < pool->count && taken < most; i++)
      if (input_of(order, i) == input) {
        append(order, pool->samples[i]);
        taken++;
      }
  }
  for (size_t i = 0, taken = 0; i < pool->count && taken < half; i++)
    if (input_of(order, i) == 0 && seen++ >= half) {
      append(order, pool->samples[i]);
      taken++;
    }
}

/* ---- the kinds ---- */

/* EVERY_OTHER: every second image has the look, the others are plain; no jump is counted. */
typedef enum { NO_JUMP, THIRDS, PERIODIC, EVERY_OTHER } Jumps;

typedef struct {
  void (*order)(Order *order);
  void (*look)(double t, DcLook *look);
  Jumps jumps;
  bool several_classes;
} Recipe;

static const DcDriftKind kinds[] = {
    {"none", "no drift at all", DC_DRIFT_ANY, false},
    {"rotate", "turns from 0 to 60 degrees", DC_DRIFT_ANY, false},
    {"rotate-back", "turns by 30 degrees to either side, twice", DC_DRIFT_ANY, false},
    {"rotate-sudden", "is turned by 40 degrees in its middle third", DC_DRIFT_ANY, false},
    {"rotate-recurring", "A B A B A B, where B is turned by 40 degrees", DC_DRIFT_ANY, false},
    {"contrast", "contrast falls to 0.4 while it brightens by 60 of 255, and comes back",
     DC_DRIFT_ANY, false},
    {"inversion-sudden", "black for white in its middle third", DC_DRIFT_ANY, false},
    {"inversion-recurring", "A B A B A B, where B is black for white", DC_DRIFT_ANY, false},
    {"blur", "blurs up to 1/14 of the side, and comes back", DC_DRIFT_PICTURES, false},
    {"noise", "noise grows to a deviation of 80 of 255", DC_DRIFT_ANY, false},
    {"dark", "light falls to a quarter, and comes back", DC_DRIFT_ANY, false},
    {"colour-cast", "light becomes warm, and comes back", DC_DRIFT_COLOUR, false},
    {"background", "a shaded background grows out of the dark", DC_DRIFT_PICTURES, false},
    {"background-sudden", "that background in its middle third", DC_DRIFT_PICTURES, false},
    {"background-recurring", "A B A B A B, where B has that background", DC_DRIFT_PICTURES, false},
    {"bursts", "one class at a time, 50 to 500 images long", DC_DRIFT_ANY, false},
    {"bursts-rotate", "such bursts while it turns from 0 to 45 degrees", DC_DRIFT_ANY, false},
    {"bursts-dark", "such bursts while light falls to a quarter, and comes back", DC_DRIFT_ANY,
     false},
    {"new-classes", "half of the classes for a third of the stream, then all", DC_DRIFT_ANY, false},
    {"vanishing", "half of the classes are away in its second quarter", DC_DRIFT_ANY, false},
    {"domains", "from input to input, and back to the first", DC_DRIFT_ANY, true},
    {"rotate-alternating", "every other image is turned by 40 degrees", DC_DRIFT_ANY, false},
};

#define KINDS (sizeof kinds / sizeof *kinds)

static const Recipe recipes[KINDS] = {
    {order_plain, look_plain, NO_JUMP, false},
    {order_plain, look_rotate, NO_JUMP, false},
    {order_plain, look_rotate_back, NO_JUMP, false},
    {order_plain, look_rotate_sudden, THIRDS, false},
    {order_plain, look_rotate_recurring, PERIODIC, false},
    {order_plain, look_contrast, NO_JUMP, false},
    {order_plain, look_inversion, THIRDS, false},
    {order_plain, look_inversion_recurring, PERIODIC, false},
    {order_plain, look_blur, NO_JUMP, false},
    {order_plain, look_noise, NO_JUMP, false},
    {order_plain, look_dark, NO_JUMP, false},
    {order_plain, look_cast, NO_JUMP, false},
    {order_plain, look_background, NO_JUMP, false},
    {order_plain, look_background_sudden, THIRDS, false},
    {order_plain, look_background_recurring, PERIODIC, false},
    {order_bursts, look_plain, NO_JUMP, false},
    {order_bursts, look_rotate_in_bursts, NO_JUMP, false},
    {order_bursts, look_dark, NO_JUMP, false},
    {order_new_classes, look_plain, NO_JUMP, true},
    {order_vanishing, look_plain, NO_JUMP, true},
    {order_domains, look_plain, NO_JUMP, false},
    {order_plain, look_turned, EVERY_OTHER, false},
};

const DcDriftKind *
dc_drift_kinds(size_t *count)
{
  *count = KINDS;
  return kinds;
}

const DcDriftKind *
dc_drift_kind(const char *name)
{
  for (size_t i = 0; i < KINDS; i++)
    if (strcmp(kinds[i].name, name) == 0)
      return &kinds[i];
  return NULL;
}

/* ---- laying out ---- */

static DcStatus
check_pool(const DcDriftKind *kind, const DcDriftPool *pool, size_t length, DcError *error)
{
  if (pool->count < DC_DRIFT_SHORTEST || length < DC_DRIFT_SHORTEST)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%zu samples are left for the stream \"%s\"; at least %d are needed",
                        pool->count < length ? pool->count : length, kind->name, DC_DRIFT_SHORTEST);
  bool one_class = true, one_input = true;
  for (size_t i = 1; i < pool->count; i++) {
    uint32_t first = pool->samples[0], other = pool->samples[i];
    one_class &= pool->labels[other] == pool->labels[first];
    one_input &= !pool->inputs || pool->inputs[other] == pool->inputs[first];
  }
  if (one_class && recipes[kind - kinds].several_classes)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "the stream \"%s\" needs samples of several classes, and all are of one",
                        kind->name);
  if (one_input && kind->domains)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "the stream \"%s\" goes from input to input; give at least two",
                        kind->name);
  return DC_OK;
}

static void
add_jump(DcDriftStream *stream, size_t place)
{
  if (place > 0 && place < stream->length && stream->jumps < DC_DRIFT_MAX_JUMPS)
    stream->jump[stream->jumps++] = place;
}

/* Where the look changes at once is seen from the looks themselves: no rounding can part the two.
 */
static void
find_jumps(DcDriftStream *stream, const DcDriftKind *kind, const DcDriftPool *pool)
{
  Jumps jumps = recipes[kind - kinds].jumps;
  bool by_look = jumps == THIRDS || jumps == PERIODIC;
  for (size_t i = 1; i < stream->length; i++) {
    const DcLook *now = &stream->looks[i], *before = now - 1;
    bool other_look = now->turn != before->turn || now->inverted != before->inverted ||
                      now->background != before->background;
    bool other_input =
        kind->domains && pool->inputs[stream->samples[i]] != pool->inputs[stream->samples[i - 1]];
    if ((by_look && other_look) || other_input)
      add_jump(stream, i);
  }
}

static void
fill(DcDriftStream *stream, const DcDriftKind *kind, Order *order)
{
  const Recipe *recipe = &recipes[kind - kinds];
  recipe->order(order);
  stream->length = order->filled;
  for (size_t i = 0; i < stream->length; i++) {
    stream->looks[i] = dc_look_plain();
    if (recipe->jumps == EVERY_OTHER && i % 2 == 0)
      continue;
    recipe->look((double)i / (double)stream->length, &stream->looks[i]);
  }
  find_jumps(stream, kind, order->pool);
}

DcStatus
dc_drift_stream_init(DcDriftStream *stream, const DcDriftKind *kind, const DcDriftPool *pool,
                     size_t length, uint64_t seed, DcError *error)
{
  *stream = (DcDriftStream){0};
  DcStatus status = check_pool(kind, pool, length, error);
  if (status != DC_OK)
    return status;
  Order order = {.pool = pool, .length = length < pool->count ? length : pool->count};
  dc_random_seed(&order.random, seed, (uint64_t)(kind - kinds));
  order.samples = stream->samples = DC_NEW(uint32_t, pool->count);
  stream->looks = DC_NEW(DcLook, pool->count);
  order.place = DC_NEW(size_t, pool->count);
  order.left = DC_NEW(uint32_t, pool->count);
  if (stream->samples && stream->looks && order.place && order.left)
    fill(stream, kind, &order);
  else
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a stream of %zu samples",
                          pool->count);
  dc_free(order.place);
  dc_free(order.left);
  if (status != DC_OK)
    dc_drift_stream_clear(stream);
  return status;
}

void
dc_drift_stream_clear(DcDriftStream *stream)
{
  dc_free(stream->samples);
  dc_free(stream->looks);
  *stream = (DcDriftStream){0};
}
