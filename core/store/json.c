/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/json.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* More digits than that may not fit an int64_t, and json-glib would wrap. */
#define MAX_INTEGER_DIGITS 18

typedef struct {
  const char *at, *end;
} Scanner;

static bool
is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static size_t
skip_digits(Scanner *scanner)
{
  const char *start = scanner->at;
  while (scanner->at < scanner->end && is_digit(*scanner->at))
    scanner->at++;
  return (size_t)(scanner->at - start);
}

static bool
skip_char(Scanner *scanner, char c)
{
  if (scanner->at == scanner->end || *scanner->at != c)
    return false;
  scanner->at++;
  return true;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool
skip_number(Scanner *scanner)
{
  skip_char(scanner, '-');
  const char *first = scanner->at;
  size_t digits = skip_digits(scanner);
  if (digits == 0 || (digits > 1 && *first == '0'))
    return false;
  bool integer = true;
  if (skip_char(scanner, '.')) {
    integer = false;
    if (skip_digits(scanner) == 0)
      return false;
  }
  if (skip_char(scanner, 'e') || skip_char(scanner, 'E')) {
    integer = false;
    if (!skip_char(scanner, '+'))
      skip_char(scanner, '-');
    if (skip_digits(scanner) == 0)
      return false;
  }
  return !integer || digits <= MAX_INTEGER_DIGITS;
}

static bool
skip_string(Scanner *scanner)
{
  scanner->at++;
  while (scanner->at < scanner->end) {
    unsigned char c = (unsigned char)*scanner->at++;
    if (c == '"')
      return true;
    if (c < 0x20)
      return false;
    if (c == '\\' && scanner->at < scanner->end)
      scanner->at++;
  }
  return false;
}

static bool
skip_word(Scanner *scanner)
{
  static const char *const words[] = {"true", "false", "null"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t length = strlen(words[i]);
    if ((size_t)(scanner->end - scanner->at) >= length &&
        memcmp(scanner->at, words[i], length) == 0) {
      scanner->at += length;
      return true;
    }
  }
  return false;
}

/* Whether the tokens are those of JSON, not too many, and no bracket is nested too deep; the
 * grammar above the tokens is left to json-glib. */
static bool
tokens_are_plain(const char *text, size_t size)
{
  Scanner scanner = {text, text + size};
  int depth = 0, commas = 0;
  while (scanner.at < scanner.end) {
    char c = *scanner.at;
    bool plain = true;
    if (c == '"')
      plain = skip_string(&scanner);
    else if (c == '-' || is_digit(c))
      plain = skip_number(&scanner);
    else if (c >= 'a' && c <= 'z')
      plain = skip_word(&scanner);
    else if (c != 0 && strchr("{}[]:, \t\r\n", c))
      scanner.at++;
    else
      plain = false;
    if (!plain)
      return false;
    if (c == '{' || c == '[')
      depth++;
    else if (c == '}' || c == ']')
      depth--;
    commas += c == ',';
    if (depth > DC_JSON_MAX_DEPTH || commas > DC_JSON_MAX_COMMAS)
      return false;
  }
  return true;
}

/* An object that got the same key twice ends with fewer members than were parsed into it. */
static void
count_member(JsonParser *parser, JsonObject *object, const char *name, gpointer surplus)
{
  (void)parser;
  (void)object;
  (void)name;
  ++*(size_t *)surplus;
}

static void
uncount_members(JsonParser *parser, JsonObject *object, gpointer surplus)
{
  (void)parser;
  *(size_t *)surplus -= json_object_get_size(object);
}

DcStatus
dc_json_parse(const char *text, size_t size, const char *name, JsonObject **object, DcError *error)
{
  *object = NULL;
  if (size > G_MAXSSIZE || !g_utf8_validate(text, (gssize)size, NULL))
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: the JSON is not valid UTF-8", name);
  if (!tokens_are_plain(text, size))
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: not plain JSON, or numbers, nesting or length beyond what is read",
                        name);
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GError) failure = NULL;
  size_t surplus = 0;
  g_signal_connect(parser, "object-member", G_CALLBACK(count_member), &surplus);
  g_signal_connect(parser, "object-end", G_CALLBACK(uncount_members), &surplus);
  if (!json_parser_load_from_data(parser, text, (gssize)size, &failure))
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: broken JSON: %.300s", name, failure->message);
  JsonNode *root = json_parser_get_root(parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root))
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: the JSON is not an object", name);
  if (surplus != 0)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: the JSON has a key twice", name);
  *object = json_node_dup_object(root);
  return DC_OK;
}

static DcStatus
wrong(const char *name, const char *key, const char *needed, DcError *error)
{
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: \"%s\" is missing or not %s", name, key, needed);
}

static bool
node_int(JsonNode *node, int64_t least, int64_t most, int64_t *value)
{
  if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
    return false;
  int64_t number = json_node_get_int(node);
  if (number < least || number > most)
    return false;
  *value = number;
  return true;
}

DcStatus
dc_json_int(JsonObject *object, const char *key, int64_t least, int64_t most, const char *name,
            int64_t *value, DcError *error)
{
  if (node_int(json_object_get_member(object, key), least, most, value))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_FORMAT,
                      "%s: \"%s\" is missing or not a whole number %lld..%lld", name, key,
                      (long long)least, (long long)most);
}

DcStatus
dc_json_element_int(JsonArray *array, size_t index, int64_t least, int64_t most, const char *name,
                    int64_t *value, DcError *error)
{
  if (index < json_array_get_length(array) &&
      node_int(json_array_get_element(array, (guint)index), least, most, value))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_FORMAT,
                      "%s: element %zu is missing or not a whole number %lld..%lld", name, index,
                      (long long)least, (long long)most);
}

static bool
node_float(JsonNode *node, float *value)
{
  if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
      (json_node_get_value_type(node) != G_TYPE_DOUBLE &&
       json_node_get_value_type(node) != G_TYPE_INT64))
    return false;
  *value = (float)json_node_get_double(node);
  return isfinite(*value);
}

DcStatus
dc_json_float(JsonObject *object, const char *key, const char *name, float *value, DcError *error)
{
  if (node_float(json_object_get_member(object, key), value))
    return DC_OK;
  return wrong(name, key, "a finite number", error);
}

DcStatus
dc_json_element_float(JsonArray *array, size_t index, const char *name, float *value,
                      DcError *error)
{
  if (index < json_array_get_length(array) &&
      node_float(json_array_get_element(array, (guint)index), value))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: element %zu is missing or not a finite number",
                      name, index);
}

DcStatus
dc_json_string(JsonObject *object, const char *key, const char *name, const char **value,
               DcError *error)
{
  JsonNode *node = json_object_get_member(object, key);
  if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
    return wrong(name, key, "a string", error);
  *value = json_node_get_string(node);
  return DC_OK;
}

DcStatus
dc_json_choice(JsonObject *object, const char *key, const char *const *names, size_t count,
               const char *where, int *choice, DcError *error)
{
  const char *text = NULL;
  DcStatus status = dc_json_string(object, key, where, &text, error);
  if (status)
    return status;
  for (size_t i = 0; i < count; i++) {
    if (names[i] && strcmp(names[i], text) == 0) {
      *choice = (int)i;
      return DC_OK;
    }
  }
  return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                      "%s: \"%.40s\" for \"%s\" is not known to this build", where, text, key);
}

DcStatus
dc_json_object(JsonObject *object, const char *key, const char *name, JsonObject **value,
               DcError *error)
{
  JsonNode *node = json_object_get_member(object, key);
  if (!node || !JSON_NODE_HOLDS_OBJECT(node))
    return wrong(name, key, "an object", error);
  *value = json_node_get_object(node);
  return DC_OK;
}

DcStatus
dc_json_array(JsonObject *object, const char *key, const char *name, JsonArray **value,
              DcError *error)
{
  JsonNode *node = json_object_get_member(object, key);
  if (!node || !JSON_NODE_HOLDS_ARRAY(node))
    return wrong(name, key, "an array", error);
  *value = json_node_get_array(node);
  return DC_OK;
}

char *
dc_json_text(JsonObject *object)
{
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  return json_to_string(node, FALSE);
}
