/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_JSON_H
#define DC_STORE_JSON_H

#include "base/status.h"

#include <json-glib/json-glib.h>
#include <stddef.h>
#include <stdint.h>

/* JSON out of files that nobody vouches for. json-glib accepts more than JSON (comments, octal
 * numbers, integers that wrap, the last of two equal keys) and recurses without bound; what these
 * functions let through is plain JSON of bounded depth. */

#define DC_JSON_MAX_DEPTH  16
#define DC_JSON_MAX_COMMAS (1 << 18) /* a value costs some hundred bytes */

/* Parses `size` bytes that hold one object; `name` says in messages where they are from.
 * DC_ERROR_FORMAT for anything else. Release `*object` with json_object_unref(). */
DcStatus dc_json_parse(const char *text, size_t size, const char *name, JsonObject **object,
                       DcError *error);

/* The member `key` of `object` with the type and range asked for; DC_ERROR_FORMAT with a message
 * that says `name`, the key and what is needed. Strings and nodes belong to `object`. */
DcStatus dc_json_int(JsonObject *object, const char *key, int64_t least, int64_t most,
                     const char *name, int64_t *value, DcError *error);
DcStatus dc_json_float(JsonObject *object, const char *key, const char *name, float *value,
                       DcError *error); /* finite */
DcStatus dc_json_string(JsonObject *object, const char *key, const char *name, const char **value,
                        DcError *error);
/* The index of the string in `names` (`count`; NULL is no name); DC_ERROR_UNSUPPORTED for any
 * other. */
DcStatus dc_json_choice(JsonObject *object, const char *key, const char *const *names, size_t count,
                        const char *name, int *choice, DcError *error);
DcStatus dc_json_object(JsonObject *object, const char *key, const char *name, JsonObject **value,
                        DcError *error);
DcStatus dc_json_array(JsonObject *object, const char *key, const char *name, JsonArray **value,
                       DcError *error);

/* Element `index` of `array` as a whole number least..most. */
DcStatus dc_json_element_int(JsonArray *array, size_t index, int64_t least, int64_t most,
                             const char *name, int64_t *value, DcError *error);

/* Element `index` of `array` as a finite number. */
DcStatus dc_json_element_float(JsonArray *array, size_t index, const char *name, float *value,
                               DcError *error);

/* The text of an object, without spaces, members in the order in which they were set. Free with
 * g_free(). */
char *dc_json_text(JsonObject *object);

#endif
