/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/json-writer.h"

#include <math.h>
#include <string.h>

void
dc_json_writer_start(DcJsonWriter *json, GString *text)
{
  json->text = g_string_truncate(text, 0);
  json->separates = FALSE;
}

static void
dc_json_separate(DcJsonWriter *json)
{
  if (json->separates)
    g_string_append_c(json->text, ',');
  json->separates = TRUE;
}

static void
dc_json_open(DcJsonWriter *json, gchar bracket)
{
  dc_json_separate(json);
  g_string_append_c(json->text, bracket);
  json->separates = FALSE;
}

static void
dc_json_close(DcJsonWriter *json, gchar bracket)
{
  g_string_append_c(json->text, bracket);
  json->separates = TRUE;
}

void
dc_json_open_object(DcJsonWriter *json)
{
  dc_json_open(json, '{');
}

void
dc_json_close_object(DcJsonWriter *json)
{
  dc_json_close(json, '}');
}

void
dc_json_open_array(DcJsonWriter *json)
{
  dc_json_open(json, '[');
}

void
dc_json_close_array(DcJsonWriter *json)
{
  dc_json_close(json, ']');
}

static void
dc_json_raw(DcJsonWriter *json, const gchar *text)
{
  dc_json_separate(json);
  g_string_append(json->text, text);
}

void
dc_json_write_name(DcJsonWriter *json, const gchar *name)
{
  dc_json_separate(json);
  g_string_append_c(json->text, '"');
  g_string_append(json->text, name);
  g_string_append(json->text, "\":");
  json->separates = FALSE;
}

void
dc_json_write_null(DcJsonWriter *json)
{
  dc_json_raw(json, "null");
}

void
dc_json_write_boolean(DcJsonWriter *json, gboolean value)
{
  dc_json_raw(json, value ? "true" : "false");
}

void
dc_json_write_int(DcJsonWriter *json, gint64 value)
{
  gchar digits[24];

  g_snprintf(digits, sizeof digits, "%" G_GINT64_FORMAT, value);
  dc_json_raw(json, digits);
}

void
dc_json_write_uint(DcJsonWriter *json, guint64 value)
{
  gchar digits[24];

  g_snprintf(digits, sizeof digits, "%" G_GUINT64_FORMAT, value);
  dc_json_raw(json, digits);
}

void
dc_json_write_double(DcJsonWriter *json, gdouble value)
{
  gchar digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (isfinite(value))
    dc_json_raw(json, g_ascii_formatd(digits, sizeof digits, "%.6g", value));
  else
    dc_json_write_null(json);
}

static void
dc_json_escape(GString *text, gchar character)
{
  /* The characters that JSON has a short escape for, and the letters of these. */
  static const gchar special[] = "\"\\\b\f\n\r\t";
  static const gchar letters[] = "\"\\bfnrt";
  const gchar *found = strchr(special, character);

  if (found)
    g_string_append_printf(text, "\\%c", letters[found - special]);
  else
    g_string_append_printf(text, "\\u%04x", (guint)(guchar)character);
}

void
dc_json_write_string(DcJsonWriter *json, const gchar *string)
{
  g_autofree gchar *repaired = NULL;

  if (!string) {
    dc_json_write_null(json);
    return;
  }
  if (!g_utf8_validate(string, -1, NULL))
    string = repaired = g_utf8_make_valid(string, -1);
  dc_json_raw(json, "\"");
  for (; *string; string++) {
    if ((guchar)*string < 0x20 || *string == '"' || *string == '\\')
      dc_json_escape(json->text, *string);
    else
      g_string_append_c(json->text, *string);
  }
  g_string_append_c(json->text, '"');
}

/* Writes the little-endian bytes of `values` as base64 to `out`; returns the characters written. */
static gsize
dc_json_encode(const gfloat *values, gsize n, gchar *out)
{
  guint32 block[48];
  gint state = 0, save = 0;
  gsize length = 0;

  while (n) {
    gsize step = MIN(n, G_N_ELEMENTS(block));

    memcpy(block, values, step * sizeof *values);
    for (gsize i = 0; i < step; i++)
      block[i] = GUINT32_TO_LE(block[i]);
    length += g_base64_encode_step((const guchar *)block, step * sizeof *block, FALSE, out + length,
                                   &state, &save);
    values += step;
    n -= step;
  }
  return length + g_base64_encode_close(FALSE, out + length, &state, &save);
}

void
dc_json_write_base64(DcJsonWriter *json, const gfloat *values, gsize n)
{
  gsize before;

  dc_json_raw(json, "\"");
  before = json->text->len;
  /* What GLib documents as enough for both steps. */
  g_string_set_size(json->text, before + (n * sizeof *values / 3 + 1) * 4 + 4);
  g_string_set_size(json->text, before + dc_json_encode(values, n, json->text->str + before));
  g_string_append_c(json->text, '"');
}
