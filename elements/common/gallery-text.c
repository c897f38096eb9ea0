/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/gallery-text.h"

#include "common/json-writer.h"
#include "common/palette.h"

#define SCHEMA 1

gchar *
dc_gallery_path(const DcGalleryGroup *group, guint64 number)
{
  return g_strdup_printf("exemplars/%s/%" G_GUINT64_FORMAT ".png", group->folder, number);
}

/* In milliseconds, which people's eyes and JavaScript's numbers can hold. */
static void
write_time(DcJsonWriter *json, const gchar *name, GstClockTime time)
{
  dc_json_write_name(json, name);
  if (GST_CLOCK_TIME_IS_VALID(time))
    dc_json_write_uint(json, GST_TIME_AS_MSECONDS(time));
  else
    dc_json_write_null(json);
}

static void
write_text(DcJsonWriter *json, const gchar *name, const gchar *text)
{
  dc_json_write_name(json, name);
  dc_json_write_string(json, text);
}

static void
write_number(DcJsonWriter *json, const gchar *name, guint64 number)
{
  dc_json_write_name(json, name);
  dc_json_write_uint(json, number);
}

static void
write_truth(DcJsonWriter *json, const gchar *name, gboolean truth)
{
  dc_json_write_name(json, name);
  dc_json_write_boolean(json, truth);
}

static void
write_exemplar(DcJsonWriter *json, const DcGalleryGroup *group, const DcExemplar *exemplar)
{
  g_autofree gchar *path = dc_gallery_path(group, exemplar->number);

  dc_json_open_object(json);
  write_text(json, "file", path);
  write_time(json, "time", exemplar->time);
  dc_json_write_name(json, "sure");
  dc_json_write_int(json, exemplar->percent);
  dc_json_write_name(json, "distance");
  dc_json_write_double(json, exemplar->distance);
  write_truth(json, "novel", exemplar->novel);
  dc_json_write_name(json, "width");
  dc_json_write_int(json, exemplar->width);
  dc_json_write_name(json, "height");
  dc_json_write_int(json, exemplar->height);
  dc_json_close_object(json);
}

static void
write_exemplars(DcJsonWriter *json, const DcGalleryGroup *group)
{
  dc_json_write_name(json, "exemplars");
  dc_json_open_array(json);
  for (guint i = 0; i < group->exemplars->len; i++) {
    const DcExemplar *exemplar = &g_array_index(group->exemplars, DcExemplar, i);

    if (exemplar->written)
      write_exemplar(json, group, exemplar);
  }
  dc_json_close_array(json);
}

static void
write_colour(DcJsonWriter *json, guint index)
{
  DcColour colour = dc_palette_colour(index);
  gchar text[8];

  g_snprintf(text, sizeof text, "#%02x%02x%02x", colour.red, colour.green, colour.blue);
  write_text(json, "colour", text);
}

static void
write_group(DcJsonWriter *json, const DcGalleryGroup *group)
{
  static const gchar *const states[] = {"present", "gone", "ignored"};

  dc_json_open_object(json);
  write_text(json, "id", group->folder);
  write_text(json, "uuid", group->uuid);
  write_text(json, "label", group->label);
  write_text(json, "family", group->family);
  write_text(json, "state", states[group->state]);
  write_truth(json, "pinned", group->pinned);
  write_colour(json, group->colour);
  write_number(json, "count", group->count);
  write_number(json, "novel", group->novel);
  dc_json_write_name(json, "sure");
  if (group->count > 0)
    dc_json_write_double(json, 100 * group->sure / (gdouble)group->count);
  else
    dc_json_write_null(json);
  write_time(json, "first", group->first);
  write_time(json, "last", group->last);
  write_exemplars(json, group);
  dc_json_close_object(json);
}

void
dc_gallery_text(const DcGalleryHead *head, const GPtrArray *groups, GString *text)
{
  DcJsonWriter json;

  dc_json_writer_start(&json, text);
  dc_json_open_object(&json);
  write_number(&json, "schema", SCHEMA);
  write_text(&json, "title", head->title);
  write_truth(&json, "ended", head->ended);
  write_truth(&json, "edits", head->edits && !head->ended);
  dc_json_write_name(&json, "run");
  dc_json_write_int(&json, head->run / 1000);
  dc_json_write_name(&json, "written");
  dc_json_write_int(&json, head->written / 1000);
  write_time(&json, "time", head->newest);
  dc_json_write_name(&json, "groups");
  dc_json_open_array(&json);
  for (guint i = 0; i < groups->len; i++)
    write_group(&json, g_ptr_array_index(groups, i));
  dc_json_close_array(&json);
  dc_json_close_object(&json);
}
