/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_JSON_WRITER_H
#define DC_ELEMENTS_JSON_WRITER_H

#include <glib.h>

G_BEGIN_DECLS

/* Writes one compact JSON text into a GString that the caller keeps for the next one, so that a
 * line per buffer allocates nothing.
 *
 * Not json-glib's generator: that one prints each float with 17 digits, NaN as `nan.0`, which is no
 * JSON, and builds a tree first. Every text written here is valid JSON on one line, whatever the
 * values: numbers do not depend on the locale, what is not finite becomes null, and a byte that is
 * no UTF-8 becomes U+FFFD. Calls nest as the text does; the writer does not check that they match.
 */
typedef struct {
  GString *text;      /* borrowed */
  gboolean separates; /* whether a comma comes before the next value or name */
} DcJsonWriter;

/* Empties `text` and starts to write into it. */
void dc_json_writer_start(DcJsonWriter *json, GString *text);

void dc_json_open_object(DcJsonWriter *json);
void dc_json_close_object(DcJsonWriter *json);
void dc_json_open_array(DcJsonWriter *json);
void dc_json_close_array(DcJsonWriter *json);

/* The name of the next value; `name` needs no escaping. */
void dc_json_write_name(DcJsonWriter *json, const gchar *name);

void dc_json_write_null(DcJsonWriter *json);
void dc_json_write_boolean(DcJsonWriter *json, gboolean value);
void dc_json_write_int(DcJsonWriter *json, gint64 value);
void dc_json_write_uint(DcJsonWriter *json, guint64 value);
void dc_json_write_double(DcJsonWriter *json, gdouble value);       /* six significant digits */
void dc_json_write_string(DcJsonWriter *json, const gchar *string); /* NULL: null */

/* `n` floats as base64 of their little-endian bytes. */
void dc_json_write_base64(DcJsonWriter *json, const gfloat *values, gsize n);

G_END_DECLS

#endif
