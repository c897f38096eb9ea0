/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/arena.h"
#include "base/arena_chain.h"
#include "base/checked.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "base/utf8.h"
#include "test.h"

#include <math.h>
#include <string.h>

static void
status_has_a_text_for_every_code(void **state)
{
  (void)state;
  for (int code = DC_OK; code >= DC_ERROR_CANCELLED; code--)
    assert_string_not_equal(dc_status_text((DcStatus)code), "unknown status");
  assert_string_equal(dc_status_text((DcStatus)-1000), "unknown status");
}

static void
error_keeps_a_long_message_terminated(void **state)
{
  (void)state;
  char text[2000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  DcError error;
  assert_int_equal(dc_error_set(&error, DC_ERROR_IO, "%s", text), DC_ERROR_IO);
  assert_int_equal(strlen(error.message), sizeof error.message - 1);
  assert_int_equal(dc_error_set(NULL, DC_ERROR_IO, "nobody reads this"), DC_ERROR_IO);
}

/* Whatever a file that is quoted holds, and wherever the message is cut. */
static void
errors_are_one_line_of_utf8(void **state)
{
  (void)state;
  DcError error;
  dc_error_set(&error, DC_ERROR_FORMAT, "%s", "a\033[31m\nb\177 gr\xc3\xbc\xc3\x9f \xff\xc3");
  assert_string_equal(error.message, "a?[31m?b? gr\xc3\xbc\xc3\x9f ??");
  for (int start = 0; start < 2; start++) {
    char text[2000];
    for (size_t i = 0; i < sizeof text - 1; i++)
      text[i] = (i + (size_t)start) % 2 ? '\xbc' : '\xc3';
    text[sizeof text - 1] = 0;
    dc_error_set(&error, DC_ERROR_FORMAT, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_int_equal(dc_utf8_prefix(error.message, SIZE_MAX), sizeof error.message - 1);
  }
}

static void
checked_sizes_refuse_overflow(void **state)
{
  (void)state;
  size_t result = 7;
  assert_false(dc_checked_mul(SIZE_MAX, 2, &result));
  assert_false(dc_checked_add(SIZE_MAX, 1, &result));
  assert_false(dc_checked_round_up(SIZE_MAX - 1, 64, &result));
  assert_int_equal(result, 7);
  assert_true(dc_checked_mul(SIZE_MAX / 2, 2, &result));
  assert_int_equal(result, SIZE_MAX - 1);
  assert_true(dc_checked_round_up(65, 64, &result));
  assert_int_equal(result, 128);
}

static void
memory_is_aligned_and_zeroed(void **state)
{
  (void)state;
  for (size_t count = 0; count < 200; count += 33) {
    unsigned char *block = DC_NEW(unsigned char, count);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % DC_ALIGNMENT, 0);
    for (size_t i = 0; i < count; i++)
      assert_int_equal(block[i], 0);
    dc_free(block);
  }
}

static void
memory_refuses_overflow(void **state)
{
  (void)state;
  assert_null(dc_alloc(SIZE_MAX / 2, 3));
  assert_null(dc_alloc(SIZE_MAX, 1));
}

static void
arena_hands_out_until_full_and_rewinds(void **state)
{
  (void)state;
  DcArena arena;
  assert_true(dc_arena_init(&arena, 3 * DC_ALIGNMENT));
  void *first = dc_arena_take(&arena, 1, 1);
  size_t mark = arena.used;
  void *second = dc_arena_take(&arena, 2 * DC_ALIGNMENT, 1);
  assert_ptr_equal((char *)second, (char *)first + DC_ALIGNMENT);
  assert_null(dc_arena_take(&arena, 1, 1));
  assert_null(dc_arena_take(&arena, SIZE_MAX, 2));
  dc_arena_rewind(&arena, mark);
  assert_ptr_equal(dc_arena_take(&arena, 1, 4), second);
  dc_arena_clear(&arena);
  assert_null(dc_arena_take(&arena, 1, 1));
}

/* Small pieces, large ones between them, and small ones again in what was left. */
static void
arena_chain_grows_and_keeps_what_it_gave(void **state)
{
  (void)state;
  enum { PIECES = 3000 };
  DcArenaChain chain = {0};
  unsigned char *pieces[PIECES];
  for (size_t i = 0; i < PIECES; i++) {
    const size_t size = i % 500 == 7 ? 200000 : 1 + i % 100;
    pieces[i] = dc_arena_chain_take(&chain, size, 1);
    assert_non_null(pieces[i]);
    assert_int_equal((uintptr_t)pieces[i] % DC_ALIGNMENT, 0);
    pieces[i][0] = pieces[i][size - 1] = (unsigned char)i;
  }
  for (size_t i = 0; i < PIECES; i++)
    assert_int_equal(pieces[i][0], (unsigned char)i);
  assert_non_null(dc_arena_chain_take(&chain, 0, 1));
  dc_arena_chain_clear(&chain);
  dc_arena_chain_clear(&chain);
}

static void
arena_chain_goes_on_in_an_arena_beside_a_large_piece(void **state)
{
  (void)state;
  DcArenaChain chain = {0};
  char *first = dc_arena_chain_take(&chain, 1, 1);
  assert_non_null(dc_arena_chain_take(&chain, 1, 1 << 20));
  assert_ptr_equal(dc_arena_chain_take(&chain, 1, 1), first + DC_ALIGNMENT);
  dc_arena_chain_clear(&chain);
}

static void
arena_chain_refuses_overflow_and_stays_usable(void **state)
{
  (void)state;
  DcArenaChain chain = {0};
  assert_null(dc_arena_chain_take(&chain, SIZE_MAX, 1));
  assert_null(dc_arena_chain_take(&chain, SIZE_MAX / 2, 3));
  assert_null(dc_arena_chain_take(&chain, SIZE_MAX - 100, 1));
  assert_non_null(dc_arena_chain_take(&chain, 3, 5));
  assert_null(dc_arena_chain_take(&chain, SIZE_MAX, 2));
  assert_non_null(dc_arena_chain_take(&chain, 3, 5));
  dc_arena_chain_clear(&chain);
}

/* The numbers of the PCG authors' own demo program, seed 42, sequence 54. */
static void
random_gives_the_published_sequence(void **state)
{
  (void)state;
  static const uint32_t expected[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                      0x83d2f293, 0xbfa4784b, 0xcbed606e};
  DcRandom random;
  dc_random_seed(&random, 42, 54);
  for (size_t i = 0; i < 6; i++)
    assert_int_equal(dc_random_bits(&random), expected[i]);
}

static void
random_moments_are_those_of_the_distributions(void **state)
{
  (void)state;
  enum { N = 200000 };
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  double uniform = 0, normal = 0, square = 0;
  for (int i = 0; i < N; i++) {
    double u = dc_random_uniform(&random), g = dc_random_normal(&random);
    assert_true(u >= 0 && u < 1);
    uniform += u;
    normal += g;
    square += g * g;
  }
  /* Five standard errors: 1/sqrt(12 N), 1/sqrt(N), sqrt(2/N). */
  assert_true(fabs(uniform / N - 0.5) < 5 / sqrt(12.0 * N));
  assert_true(fabs(normal / N) < 5 / sqrt(1.0 * N));
  assert_true(fabs(square / N - 1) < 5 * sqrt(2.0 / N));
}

static void
random_shuffle_is_a_permutation(void **state)
{
  (void)state;
  uint32_t items[100], seen[100] = {0};
  for (uint32_t i = 0; i < 100; i++)
    items[i] = i;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  dc_random_shuffle(&random, items, 100);
  size_t moved = 0;
  for (uint32_t i = 0; i < 100; i++) {
    seen[items[i]]++;
    moved += items[i] != i;
  }
  for (uint32_t i = 0; i < 100; i++)
    assert_int_equal(seen[i], 1);
  assert_true(moved > 80);
}

static void
utf8_ends_where_it_breaks(void **state)
{
  (void)state;
  /* Text, and how much of it is valid. */
  const struct {
    const char *text;
    size_t valid;
  } cases[] = {
      {"", 0},
      {"plain", 5},
      {"gr\xc3\xbc\xc3\x9f", 6},
      {"\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 11},
      {"a\xe4", 1},             /* Latin-1 */
      {"a\xc3", 1},             /* cut short */
      {"a\xe2\x82", 1},         /* cut short */
      {"a\x80", 1},             /* a continuation alone */
      {"a\xc0\xaf", 1},         /* longer than needed */
      {"a\xe0\x80\xaf", 1},     /* longer than needed */
      {"a\xed\xa0\x80", 1},     /* a surrogate */
      {"a\xf4\x90\x80\x80", 1}, /* beyond Unicode */
      {"a\xf8\x88\x80\x80\x80", 1},
      {"a\xff", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(dc_utf8_prefix(cases[i].text, 100), cases[i].valid);
  assert_int_equal(dc_utf8_prefix("gr\xc3\xbc\xc3\x9f", 5), 4);
  assert_int_equal(dc_utf8_prefix("plain", 0), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(status_has_a_text_for_every_code),
      cmocka_unit_test(error_keeps_a_long_message_terminated),
      cmocka_unit_test(errors_are_one_line_of_utf8),
      cmocka_unit_test(checked_sizes_refuse_overflow),
      cmocka_unit_test(memory_is_aligned_and_zeroed),
      cmocka_unit_test(memory_refuses_overflow),
      cmocka_unit_test(arena_hands_out_until_full_and_rewinds),
      cmocka_unit_test(arena_chain_grows_and_keeps_what_it_gave),
      cmocka_unit_test(arena_chain_goes_on_in_an_arena_beside_a_large_piece),
      cmocka_unit_test(arena_chain_refuses_overflow_and_stays_usable),
      cmocka_unit_test(random_gives_the_published_sequence),
      cmocka_unit_test(random_moments_are_those_of_the_distributions),
      cmocka_unit_test(utf8_ends_where_it_breaks),
      cmocka_unit_test(random_shuffle_is_a_permutation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
