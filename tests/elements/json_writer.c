/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/json-writer.h"

#include <gst/check/gstcheck.h>
#include <json-glib/json-glib.h>
#include <locale.h>
#include <math.h>
#include <string.h>

typedef void (*WriteFunction)(DcJsonWriter *json);

/* What `write` makes inside of an array, read back by another implementation. */
static void
assert_writes(WriteFunction write, const gchar *expected)
{
  g_autoptr(GString) text = g_string_new("left over from the line before");
  g_autoptr(JsonParser) parser = json_parser_new();
  DcJsonWriter json;

  dc_json_writer_start(&json, text);
  dc_json_open_array(&json);
  write(&json);
  dc_json_close_array(&json);
  assert_equals_string(text->str, expected);
  fail_unless(json_parser_load_from_data(parser, text->str, (gssize)text->len, NULL));
}

static void
write_nested(DcJsonWriter *json)
{
  dc_json_open_object(json);
  dc_json_write_name(json, "a");
  dc_json_open_array(json);
  dc_json_close_array(json);
  dc_json_write_name(json, "b");
  dc_json_write_null(json);
  dc_json_close_object(json);
  dc_json_write_boolean(json, TRUE);
  dc_json_write_boolean(json, FALSE);
  dc_json_open_array(json);
  dc_json_write_int(json, 1);
  dc_json_close_array(json);
}

GST_START_TEST(nesting_places_commas)
{
  assert_writes(write_nested, "[{\"a\":[],\"b\":null},true,false,[1]]");
}
GST_END_TEST

static void
write_integers(DcJsonWriter *json)
{
  dc_json_write_int(json, G_MININT64);
  dc_json_write_uint(json, 9223372036854775807);
}

static void
write_doubles(DcJsonWriter *json)
{
  dc_json_write_double(json, (gdouble)0.1f);
  dc_json_write_double(json, 1.0);
  dc_json_write_double(json, -1234567.0);
  dc_json_write_double(json, 1e-300);
  dc_json_write_double(json, 2.0 / 3.0);
}

GST_START_TEST(numbers_are_short_and_complete)
{
  assert_writes(write_integers, "[-9223372036854775808,9223372036854775807]");
  assert_writes(write_doubles, "[0.1,1,-1.23457e+06,1e-300,0.666667]");
}
GST_END_TEST

/* Skips the check rather than the test where the machine has no such locale. */
GST_START_TEST(numbers_do_not_depend_on_the_locale)
{
  static const gchar *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
  gboolean found = FALSE;

  for (guint i = 0; !found && i < G_N_ELEMENTS(with_comma); i++)
    found = setlocale(LC_NUMERIC, with_comma[i]) != NULL;
  if (!found)
    GST_INFO("no locale with a decimal comma on this machine");
  assert_writes(write_doubles, "[0.1,1,-1.23457e+06,1e-300,0.666667]");
  setlocale(LC_NUMERIC, "C");
}
GST_END_TEST

static void
write_not_finite(DcJsonWriter *json)
{
  dc_json_write_double(json, (gdouble)NAN);
  dc_json_write_double(json, (gdouble)INFINITY);
  dc_json_write_double(json, (gdouble)-INFINITY);
}

GST_START_TEST(what_is_not_finite_is_null)
{
  assert_writes(write_not_finite, "[null,null,null]");
}
GST_END_TEST

static void
write_strings(DcJsonWriter *json)
{
  dc_json_write_string(json, "");
  dc_json_write_string(json, NULL);
  dc_json_write_string(json, "a\"b\\c/d");
  dc_json_write_string(json, "\b\f\n\r\t\001\037\177");
  dc_json_write_string(json, "d\303\251livery \360\237\232\232");
}

static void
write_broken_strings(DcJsonWriter *json)
{
  dc_json_write_string(json, "a\377b");
  dc_json_write_string(json, "cut \303");
}

GST_START_TEST(strings_are_escaped)
{
  assert_writes(write_strings, "[\"\",null,\"a\\\"b\\\\c/d\","
                               "\"\\b\\f\\n\\r\\t\\u0001\\u001f\177\","
                               "\"d\303\251livery \360\237\232\232\"]");
}
GST_END_TEST

GST_START_TEST(broken_utf8_is_repaired)
{
  assert_writes(write_broken_strings, "[\"a\357\277\275b\",\"cut \357\277\275\"]");
}
GST_END_TEST

static void
write_base64(DcJsonWriter *json)
{
  const gfloat values[] = {1.0f, -2.5f};

  dc_json_write_base64(json, values, 0);
  dc_json_write_base64(json, values, 1);
  dc_json_write_base64(json, values, 2);
}

/* 1.0 is 00 00 80 3f, -2.5 is 00 00 20 c0 from the lowest byte on. */
GST_START_TEST(base64_is_little_endian)
{
  assert_writes(write_base64, "[\"\",\"AACAPw==\",\"AACAPwAAIMA=\"]");
}
GST_END_TEST

/* Longer than one step of the encoder, at every remainder of it. */
GST_START_TEST(base64_of_any_length_reads_back)
{
  gfloat values[200];

  for (guint i = 0; i < G_N_ELEMENTS(values); i++)
    values[i] = sinf((gfloat)i) * 1000.0f;
  for (gsize n = 40; n <= G_N_ELEMENTS(values); n++) {
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree guchar *bytes = NULL;
    DcJsonWriter json;
    gsize length;

    dc_json_writer_start(&json, text);
    dc_json_write_base64(&json, values, n);
    fail_unless(text->str[0] == '"' && text->str[text->len - 1] == '"');
    text->str[text->len - 1] = '\0';
    bytes = g_base64_decode(text->str + 1, &length);
    assert_equals_uint64(length, n * sizeof *values);
    for (gsize i = 0; i < n; i++) {
      guint32 bits;

      memcpy(&bits, &values[i], sizeof bits);
      for (guint byte = 0; byte < 4; byte++)
        assert_equals_int(bytes[4 * i + byte], (bits >> (8 * byte)) & 0xff);
    }
  }
}
GST_END_TEST

static Suite *
json_writer_suite(void)
{
  Suite *suite = suite_create("json-writer");
  TCase *cases = tcase_create("general");

  suite_add_tcase(suite, cases);
  tcase_add_test(cases, nesting_places_commas);
  tcase_add_test(cases, numbers_are_short_and_complete);
  tcase_add_test(cases, numbers_do_not_depend_on_the_locale);
  tcase_add_test(cases, what_is_not_finite_is_null);
  tcase_add_test(cases, strings_are_escaped);
  tcase_add_test(cases, broken_utf8_is_repaired);
  tcase_add_test(cases, base64_is_little_endian);
  tcase_add_test(cases, base64_of_any_length_reads_back);
  return suite;
}

GST_CHECK_MAIN(json_writer)
