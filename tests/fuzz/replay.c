/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "base/random.h"

#include <string.h>

/* replay COUNT [FIRST]   feeds the reader the damaged seeds number FIRST (0) .. FIRST + COUNT - 1
 * replay FILE            feeds it a file as it is, to look at a finding
 *
 * The number of each input is printed before it is read, so that after a crash the last line is the
 * FIRST to run again under a debugger. */

#define MAX_INPUT ((size_t)1 << 18)
#define MAX_SEEDS 8

typedef struct {
  uint8_t bytes[MAX_INPUT];
  size_t size;
} Input;

static Input seeds[MAX_SEEDS], input;
static size_t n_seeds;

static void
load(Input *into, const char *path)
{
  FILE *stream = fopen(path, "rb");
  if (!stream) {
    perror(path);
    exit(2);
  }
  into->size = fread(into->bytes, 1, MAX_INPUT, stream);
  fclose(stream);
}

static void
load_seeds(void)
{
  char path[] = "/tmp/driftcluster-seed-XXXXXX";
  int descriptor = mkstemp(path);
  if (descriptor < 0)
    abort();
  close(descriptor);
  unlink(path);
  while (n_seeds < MAX_SEEDS && fuzz_write_seed(n_seeds, path)) {
    load(&seeds[n_seeds++], path);
    unlink(path);
  }
  if (n_seeds == 0)
    abort();
}

/* Rather near the start, where headers are. */
static size_t
position(DcRandom *random)
{
  uint32_t bound = 1 + dc_random_below(random, (uint32_t)input.size + 1);
  return dc_random_below(random, bound);
}

static void
insert(size_t at, const void *bytes, size_t count)
{
  if (input.size + count > MAX_INPUT)
    return;
  memmove(input.bytes + at + count, input.bytes + at, input.size - at);
  memcpy(input.bytes + at, bytes, count);
  input.size += count;
}

static void
insert_word(DcRandom *random, size_t at)
{
  static const char *const words[] = {"0",  "-1", "9",       "4294967296", "9223372036854775807",
                                      "[]", "{}", "1e999",   "null",       "-1e-999",
                                      "{",  "[",  "\"",      ",",          "\"\"",
                                      "]",  "}",  "\\u0000", "\xff",       "[[[[[[[[[[[[[[[[[[[["};
  const char *word = words[dc_random_below(random, sizeof words / sizeof *words)];
  insert(at, word, strlen(word));
}

static void
overwrite_number(DcRandom *random, size_t at)
{
  static const uint64_t numbers[] = {0,          1,          0x7f,       0xff,       0x7fffffff,
                                     0xffffffff, UINT64_MAX, 0x7fc00000, 0x7f800000, 1ull << 63};
  uint64_t number = numbers[dc_random_below(random, sizeof numbers / sizeof *numbers)];
  size_t size = (size_t)1 << dc_random_below(random, 4);
  int is_big_endian = (int)dc_random_below(random, 2);
  for (size_t i = 0; i < size && at + i < input.size; i++)
    input.bytes[at + i] = (uint8_t)(number >> 8 * (is_big_endian ? size - 1 - i : i));
}

static void
repeat_piece(DcRandom *random, size_t at)
{
  uint8_t piece[64];
  size_t left = input.size - at, count = left < sizeof piece ? left : sizeof piece;
  memcpy(piece, input.bytes + at, count);
  insert(position(random), piece, count);
}

static void
remove_piece(DcRandom *random, size_t at)
{
  size_t left = input.size - at, count = dc_random_below(random, 16);
  count = count < left ? count : left;
  memmove(input.bytes + at, input.bytes + at + count, left - count);
  input.size -= count;
}

static void
damage_once(DcRandom *random)
{
  size_t at = position(random);
  switch (dc_random_below(random, 16)) {
  case 0:
    input.size = at;
    return;
  case 1:
  case 2:
    remove_piece(random, at);
    return;
  case 3:
  case 4:
    repeat_piece(random, at);
    return;
  case 5:
  case 6:
  case 7:
    insert_word(random, at);
    return;
  case 8:
  case 9:
  case 10:
    overwrite_number(random, at);
    return;
  default:
    if (at < input.size)
      input.bytes[at] ^= (uint8_t)(1 + dc_random_below(random, 255));
  }
}

static void
make_input(uint64_t number)
{
  DcRandom random;
  dc_random_seed(&random, number, 77);
  input = seeds[dc_random_below(&random, (uint32_t)n_seeds)];
  for (uint32_t left = 1 + dc_random_below(&random, 3); left > 0; left--)
    damage_once(&random);
}

/* A block of just this size, so that sanitizers and valgrind see every byte read beyond it. */
static void
feed(void)
{
  uint8_t *exact = malloc(input.size ? input.size : 1);
  if (!exact)
    abort();
  memcpy(exact, input.bytes, input.size);
  LLVMFuzzerTestOneInput(exact, input.size);
  free(exact);
}

int
main(int argc, char **argv)
{
  if (argc < 2) {
    fprintf(stderr, "usage: %s COUNT [FIRST] | FILE\n", argv[0]);
    return 2;
  }
  char *end;
  unsigned long long count = strtoull(argv[1], &end, 10);
  if (*end) {
    load(&input, argv[1]);
    feed();
    return 0;
  }
  load_seeds();
  for (size_t i = 0; i < n_seeds; i++) { /* undamaged, they must be read */
    input = seeds[i];
    feed();
  }
  unsigned long long first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  for (unsigned long long number = first; number < first + count; number++) {
    printf("%llu\n", number);
    fflush(stdout);
    make_input(number);
    feed();
  }
  return 0;
}
