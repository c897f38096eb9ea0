/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* strdup() */

#include "store/npy.h"

#include "base/checked.h"
#include "base/memory.h"
#include "store/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC       "\x93NUMPY"
#define MAGIC_SIZE  6
#define MAX_HEADER  4096 /* bytes of a description; 128 do for what is read here */
#define MADE_HEADER 256  /* bytes that hold any header written here */
#define HEADER_UNIT 64   /* data start at a multiple of this */

static const struct {
  const char *name; /* as in a header; the first sign is the byte order, '|' where there is none */
  size_t size;
} types[] = {
    [DC_NPY_F32] = {"<f4", 4}, [DC_NPY_F64] = {"<f8", 8}, [DC_NPY_U8] = {"|u1", 1},
    [DC_NPY_U32] = {"<u4", 4}, [DC_NPY_I64] = {"<i8", 8},
};

enum { N_TYPES = sizeof types / sizeof types[0] };

size_t
dc_npy_type_size(DcNpyType type)
{
  return types[type].size;
}

/* --- The description: a Python dictionary with the three keys that numpy.save() writes. --- */

typedef struct {
  const char *at; /* within a terminated text */
} Scanner;

static void
skip_space(Scanner *scanner)
{
  scanner->at += strspn(scanner->at, " \t\n");
}

/* Takes `sign` if it comes next. */
static bool
take(Scanner *scanner, char sign)
{
  skip_space(scanner);
  if (*scanner->at != sign)
    return false;
  scanner->at++;
  return true;
}

/* Takes a quoted word of printable ASCII, which may go into a message. */
static bool
take_word(Scanner *scanner, char *word, size_t capacity)
{
  skip_space(scanner);
  char quote = *scanner->at;
  if (quote != '\'' && quote != '"')
    return false;
  const char *end = strchr(scanner->at + 1, quote);
  if (!end)
    return false;
  size_t length = (size_t)(end - scanner->at - 1);
  if (length >= capacity)
    return false;
  for (size_t i = 0; i < length; i++) {
    word[i] = scanner->at[1 + i];
    if (word[i] < ' ' || word[i] > '~')
      return false;
  }
  word[length] = 0;
  scanner->at = end + 1;
  return true;
}

static bool
take_bool(Scanner *scanner, bool *value)
{
  skip_space(scanner);
  *value = strncmp(scanner->at, "True", 4) == 0;
  size_t length = *value ? 4 : 5;
  if (!*value && strncmp(scanner->at, "False", 5) != 0)
    return false;
  scanner->at += length;
  return true;
}

static bool
take_size(Scanner *scanner, size_t *value)
{
  skip_space(scanner);
  const char *begin = scanner->at;
  for (*value = 0; *scanner->at >= '0' && *scanner->at <= '9'; scanner->at++)
    if (!dc_checked_mul(*value, 10, value) ||
        !dc_checked_add(*value, (size_t)(*scanner->at - '0'), value))
      return false;
  return scanner->at > begin;
}

/* Takes a tuple of sizes: "()", "(3,)", "(3, 4)" and so on. Those beyond two are only counted. */
static bool
take_shape(Scanner *scanner, size_t *rank, size_t shape[2])
{
  if (!take(scanner, '('))
    return false;
  for (*rank = 0; !take(scanner, ')'); (*rank)++) {
    size_t size;
    if (!take_size(scanner, &size))
      return false;
    if (*rank < 2)
      shape[*rank] = size;
    if (!take(scanner, ',')) /* only the last of several may do without */
      return take(scanner, ')') && ++*rank > 1;
  }
  return true;
}

typedef struct {
  char type[16];
  bool is_fortran;
  size_t rank, shape[2];
} Description;

/* Takes the value of `key`; `seen` keeps the keys found so far. */
static bool
take_value(Scanner *scanner, const char *key, Description *description, unsigned *seen)
{
  unsigned which;
  bool taken;
  if (strcmp(key, "descr") == 0) {
    which = 1;
    taken = take_word(scanner, description->type, sizeof description->type);
  } else if (strcmp(key, "fortran_order") == 0) {
    which = 2;
    taken = take_bool(scanner, &description->is_fortran);
  } else if (strcmp(key, "shape") == 0) {
    which = 4;
    taken = take_shape(scanner, &description->rank, description->shape);
  } else {
    return false;
  }
  bool is_new = !(*seen & which);
  *seen |= which;
  return taken && is_new;
}

static bool
parse_description(const char *text, Description *description)
{
  Scanner scanner = {text};
  unsigned seen = 0;
  if (!take(&scanner, '{'))
    return false;
  while (!take(&scanner, '}')) {
    char key[16];
    if (!take_word(&scanner, key, sizeof key) || !take(&scanner, ':') ||
        !take_value(&scanner, key, description, &seen))
      return false;
    if (!take(&scanner, ',')) {
      if (!take(&scanner, '}'))
        return false;
      break;
    }
  }
  skip_space(&scanner);
  return *scanner.at == 0 && seen == 7;
}

/* --- Reading. --- */

static DcStatus
refuse(const char *path, const char *what, DcError *error)
{
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: %s", path, what);
}

/* Reads magic, version and length, and the description that follows into `text`. */
static DcStatus
read_description(FILE *stream, const char *path, char text[MAX_HEADER + 1], size_t *header_size,
                 DcError *error)
{
  unsigned char start[MAGIC_SIZE + 2], length_bytes[4] = {0};
  DcStatus status = dc_file_read(stream, path, start, sizeof start, error);
  if (status != DC_OK)
    return status;
  if (memcmp(start, MAGIC, MAGIC_SIZE) != 0)
    return refuse(path, "is not a .npy file", error);
  unsigned major = start[MAGIC_SIZE], minor = start[MAGIC_SIZE + 1];
  if (major < 1 || major > 3 || minor != 0)
    return dc_error_set(error, DC_ERROR_VERSION, "%s: .npy version %u.%u; 1.0 to 3.0 are read",
                        path, major, minor);
  size_t length_size = major == 1 ? 2 : 4;
  status = dc_file_read(stream, path, length_bytes, length_size, error);
  if (status != DC_OK)
    return status;
  size_t length = length_bytes[0] | (size_t)length_bytes[1] << 8 | (size_t)length_bytes[2] << 16 |
                  (size_t)length_bytes[3] << 24;
  if (length > MAX_HEADER)
    return refuse(path, "the header is longer than any valid one", error);
  status = dc_file_read(stream, path, text, length, error);
  text[length] = 0;
  *header_size = sizeof start + length_size + length;
  if (status == DC_OK && strlen(text) != length)
    return refuse(path, "the header is damaged", error);
  return status;
}

static DcStatus
check_description(const char *path, const Description *description, DcNpyReader *array,
                  DcError *error)
{
  size_t type = 0;
  while (type < N_TYPES && strcmp(description->type, types[type].name) != 0)
    type++;
  if (type == N_TYPES)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: numbers of type %s; <f4, <f8, |u1, <u4 and <i8 are read: convert with "
                        "astype()",
                        path, description->type);
  if (description->rank < 1 || description->rank > 2)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: %zu dimensions; 1 or 2 are read: change them with reshape()", path,
                        description->rank);
  /* With one row or one column both orders are the same, but numpy.save() then says C order. */
  if (description->is_fortran && description->rank == 2)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: columns are stored one after the other; convert with "
                        "numpy.ascontiguousarray()",
                        path);
  array->type = (DcNpyType)type;
  array->rank = description->rank;
  array->shape[0] = description->shape[0];
  array->shape[1] = description->rank == 2 ? description->shape[1] : 1;
  return DC_OK;
}

/* Reads all that stands before the data; these must make up the rest of the file. */
static DcStatus
read_header(DcNpyReader *reader, uint64_t file_size, DcError *error)
{
  char text[MAX_HEADER + 1];
  const char *path = reader->path;
  size_t header_size = 0, count, bytes;
  DcStatus status = read_description(reader->stream, path, text, &header_size, error);
  if (status != DC_OK)
    return status;
  Description description = {.rank = 0};
  if (!parse_description(text, &description))
    return refuse(path, "the header is damaged", error);
  status = check_description(path, &description, reader, error);
  if (status != DC_OK)
    return status;
  if (!dc_checked_mul(reader->shape[0], reader->shape[1], &count) ||
      !dc_checked_mul(count, types[reader->type].size, &bytes) || bytes != file_size - header_size)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: %zu x %zu numbers of type %s do not make up its size; it is truncated "
                        "or damaged",
                        path, reader->shape[0], reader->shape[1], types[reader->type].name);
  return DC_OK;
}

DcStatus
dc_npy_open(DcNpyReader *reader, const char *path, DcError *error)
{
  *reader = (DcNpyReader){.rank = 0};
  uint64_t size;
  DcStatus status = dc_file_open(path, &reader->stream, &size, error);
  if (status != DC_OK)
    return status;
  reader->path = strdup(path);
  status = reader->path ? read_header(reader, size, error)
                        : dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to read it", path);
  if (status != DC_OK)
    dc_npy_close(reader);
  return status;
}

DcStatus
dc_npy_next(DcNpyReader *reader, void *numbers, size_t count, DcError *error)
{
  return dc_file_read(reader->stream, reader->path, numbers, count * types[reader->type].size,
                      error);
}

void
dc_npy_close(DcNpyReader *reader)
{
  if (reader->stream)
    fclose(reader->stream);
  free(reader->path);
  *reader = (DcNpyReader){.rank = 0};
}

DcStatus
dc_npy_read(const char *path, DcNpy *array, DcError *error)
{
  *array = (DcNpy){.rank = 0};
  DcNpyReader reader;
  DcStatus status = dc_npy_open(&reader, path, error);
  if (status != DC_OK)
    return status;
  size_t count = reader.shape[0] * reader.shape[1];
  *array = (DcNpy){reader.type, reader.rank, {reader.shape[0], reader.shape[1]}, NULL};
  array->data = dc_alloc(count, types[reader.type].size);
  status = array->data
               ? dc_npy_next(&reader, array->data, count, error)
               : dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for %zu numbers", path, count);
  dc_npy_close(&reader);
  if (status != DC_OK)
    dc_npy_clear(array);
  return status;
}

void
dc_npy_clear(DcNpy *array)
{
  dc_free(array->data);
  *array = (DcNpy){.rank = 0};
}

/* --- Writing. --- */

/* Fills `header` with all that stands before the data; gives its size. */
static size_t
make_header(const DcNpy *array, char header[MADE_HEADER])
{
  char shape[64];
  if (array->rank == 1)
    snprintf(shape, sizeof shape, "(%zu,)", array->shape[0]);
  else
    snprintf(shape, sizeof shape, "(%zu, %zu)", array->shape[0], array->shape[1]);
  char *text = header + MAGIC_SIZE + 4;
  int length = snprintf(text, MADE_HEADER - MAGIC_SIZE - 4,
                        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                        types[array->type].name, shape);
  size_t used = MAGIC_SIZE + 4 + (size_t)length + 1;
  size_t size = (used + HEADER_UNIT - 1) / HEADER_UNIT * HEADER_UNIT;
  memset(text + length, ' ', size - used);
  header[size - 1] = '\n';
  size_t text_size = size - MAGIC_SIZE - 4;
  memcpy(header, MAGIC "\x01", MAGIC_SIZE + 2); /* version 1, and the terminator as its 0 */
  header[MAGIC_SIZE + 2] = (char)(text_size & 0xff);
  header[MAGIC_SIZE + 3] = (char)(text_size >> 8);
  return size;
}

DcStatus
dc_npy_write(const char *path, const DcNpy *array, DcError *error)
{
  size_t count, bytes = 0;
  if ((unsigned)array->type >= N_TYPES || array->rank < 1 || array->rank > 2 ||
      (array->rank == 1 && array->shape[1] != 1) ||
      !dc_checked_mul(array->shape[0], array->shape[1], &count) ||
      !dc_checked_mul(count, types[array->type].size, &bytes) || (bytes && !array->data))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%s: an array that .npy files cannot hold", path);
  DcFileWriter writer;
  DcStatus status = dc_file_create(&writer, path, error);
  if (status != DC_OK)
    return status;
  char header[MADE_HEADER];
  size_t header_size = make_header(array, header);
  status = dc_file_append(&writer, header, header_size, error);
  if (status == DC_OK && bytes > 0)
    status = dc_file_append(&writer, array->data, bytes, error);
  return status == DC_OK ? dc_file_commit(&writer, error) : status;
}
