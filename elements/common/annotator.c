/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/annotator.h"

#include "common/cluster-roster.h"
#include "common/label-places.h"
#include "common/painter.h"
#include "common/result.h"
#include "common/text-masks.h"

#include <math.h>

/* A cluster that no frame has shown for so long leaves the legend. */
#define PATIENCE (30 * GST_SECOND)

#define OPAQUE      255
#define TRANSLUCENT 232
#define FAINT       120

static const DcColour black = {0, 0, 0};
static const DcColour white = {255, 255, 255};
static const DcColour grey = {160, 160, 160};
static const DcColour night = {24, 24, 24};

/* A region to be painted. */
typedef struct {
  DriftclusterResult result; /* its strings belong to the meta */
  GstVideoRectangle box;
  GstVideoRectangle visible; /* the part of the box that is on the frame */
  DcColour colour;
  gboolean is_cell; /* a part of the frame rather than a thing on it */
  guint place;      /* number of the box among those that labels make room for; not of a cell */
} Item;

/* Sizes in pixels that follow from the frame and the style. */
typedef struct {
  gint line;         /* width of a box */
  gint font;         /* size of the text */
  gint margin;       /* between text and the edges around it */
  gint label_height; /* 0: the frame is too small for text */
} Measures;

struct DcAnnotator {
  DcRoster *roster;
  DcTextMasks *texts;
  GArray *items; /* Item */
  DcLabelPlaces *places;
  guint novel;        /* regions in the frame that fit no cluster */
  DcPainter painter;  /* of the frame */
  Measures measures;  /* for the frame */
  gint width, height; /* of the frame */
};

/* How the outline of a box is drawn: strokes of `ink` and `gap` in turns, each `dash` pixels. */
typedef struct {
  DcColour ink, gap;
  guint8 ink_alpha, gap_alpha;
  gint width;
  gint dash; /* 0: all ink */
} Pen;

DcAnnotator *
dc_annotator_new(void)
{
  DcAnnotator *annotator = g_new0(DcAnnotator, 1);

  annotator->roster = dc_roster_new();
  annotator->texts = dc_text_masks_new();
  annotator->items = g_array_new(FALSE, FALSE, sizeof(Item));
  annotator->places = dc_label_places_new();
  return annotator;
}

void
dc_annotator_free(DcAnnotator *annotator)
{
  if (!annotator)
    return;
  dc_roster_free(annotator->roster);
  dc_text_masks_free(annotator->texts);
  g_array_unref(annotator->items);
  dc_label_places_free(annotator->places);
  g_free(annotator);
}

/* --- Measures --- */

/* From 1 on a thumbnail over 2 at 320x240 to 4 at 1920x1080. */
static gint
automatic_line_width(gint shorter_side)
{
  return 1 + (shorter_side + 180) / 360;
}

/* From 9 at 320x240 to 25 at 1920x1080: it grows by less than the frame, because text that is just
 * readable on a small frame need not be larger on a large one. */
static gint
automatic_font_size(gint shorter_side)
{
  return 5 + shorter_side / 54;
}

static void
measure(DcAnnotator *annotator, const DcAnnotatorStyle *style)
{
  gint shorter_side = MIN(annotator->width, annotator->height);
  Measures *measures = &annotator->measures;

  measures->line = style->line_width ? style->line_width : automatic_line_width(shorter_side);
  measures->font = style->font_size ? style->font_size : automatic_font_size(shorter_side);
  measures->margin = MAX(1, measures->font / 4);
  dc_text_masks_begin(annotator->texts, measures->font, annotator->width);
  measures->label_height =
      dc_text_masks_line_height(annotator->texts) + 2 * MAX(1, measures->margin / 2);
  if (measures->label_height > annotator->height / 4)
    measures->label_height = 0;
}

/* --- Boxes --- */

/* One edge of a box, from its start in steps of a dash. Only the dashes on the frame are visited: a
 * box may be far longer than the frame. */
static void
draw_edge(const DcAnnotator *annotator, GstVideoRectangle edge, const Pen *pen, gboolean horizontal)
{
  gint start = horizontal ? edge.x : edge.y, length = horizontal ? edge.w : edge.h;
  gint end = MIN(length, (horizontal ? annotator->width : annotator->height) - start);
  gint first = pen->dash ? MAX(0, -start) / (2 * pen->dash) * (2 * pen->dash) : 0;
  gint step = pen->dash ? pen->dash : length;
  gboolean is_ink = TRUE;

  for (gint at = first; at < end; at += step, is_ink = !is_ink) {
    gint size = MIN(step, length - at);
    GstVideoRectangle part = horizontal ? (GstVideoRectangle){edge.x + at, edge.y, size, edge.h}
                                        : (GstVideoRectangle){edge.x, edge.y + at, edge.w, size};
    dc_painter_fill(&annotator->painter, part, is_ink ? pen->ink : pen->gap,
                    is_ink ? pen->ink_alpha : pen->gap_alpha);
  }
}

/* The outline lies inside of the box, so that those of neighbours stand side by side. */
static void
draw_outline(const DcAnnotator *annotator, GstVideoRectangle box, const Pen *pen)
{
  gint width = CLAMP(pen->width, 1, MAX(1, MIN(box.w, box.h) / 2));
  gint inner = MAX(0, box.h - 2 * width);

  draw_edge(annotator, (GstVideoRectangle){box.x, box.y, box.w, MIN(width, box.h)}, pen, TRUE);
  if (box.h > width)
    draw_edge(annotator, (GstVideoRectangle){box.x, box.y + box.h - width, box.w, width}, pen,
              TRUE);
  draw_edge(annotator, (GstVideoRectangle){box.x, box.y + width, MIN(width, box.w), inner}, pen,
            FALSE);
  if (box.w > width)
    draw_edge(annotator, (GstVideoRectangle){box.x + box.w - width, box.y + width, width, inner},
              pen, FALSE);
}

static Pen
choose_pen(const DcAnnotator *annotator, const Item *item)
{
  gint line = annotator->measures.line;
  Pen pen = {.ink = item->colour, .gap = white, .ink_alpha = OPAQUE, .width = line};

  if (item->result.cluster < 0) {
    pen.width = MAX(1, line / 2);
  } else if (item->result.novel) {
    pen.dash = 4 * line;
    pen.gap_alpha = OPAQUE;
  }
  if (item->result.stale) {
    pen.dash = 3 * line;
    pen.gap_alpha = 0;
    pen.ink_alpha = FAINT;
  }
  return pen;
}

/* A thin shadow along the inside of the outline keeps it visible on a background of its colour. */
static void
draw_shadow(const DcAnnotator *annotator, GstVideoRectangle box)
{
  gint line = annotator->measures.line;
  Pen pen = {.ink = black, .ink_alpha = FAINT, .width = MAX(1, line / 2)};

  if (line < 2 || MIN(box.w, box.h) < 8 * line)
    return;
  draw_outline(annotator,
               (GstVideoRectangle){box.x + line, box.y + line, box.w - 2 * line, box.h - 2 * line},
               &pen);
}

static void
draw_box(const DcAnnotator *annotator, const Item *item)
{
  Pen pen = choose_pen(annotator, item);

  if (!item->result.stale && item->result.cluster >= 0)
    draw_shadow(annotator, item->box);
  draw_outline(annotator, item->box, &pen);
}

/* --- Labels --- */

/* Stamps `text` at (x, y), cut at `room` pixels; returns the width taken. */
static gint
stamp_text(const DcAnnotator *annotator, const gchar *text, gint x, gint y, gint room,
           DcColour colour)
{
  DcMask mask = *dc_text_masks_get(annotator->texts, text);

  mask.width = MIN(mask.width, MAX(room, 0));
  dc_painter_stamp(&annotator->painter, &mask, x, y, colour);
  return mask.width;
}

static gint
text_width(const DcAnnotator *annotator, const gchar *text)
{
  return dc_text_masks_get(annotator->texts, text)->width;
}

/* The same with an ellipsis where the text is cut and there is room for one. */
static gint
draw_text(const DcAnnotator *annotator, const gchar *text, gint x, gint y, gint room,
          DcColour colour)
{
  static const gchar ellipsis[] = "…";
  gint dots = text_width(annotator, ellipsis), width;

  if (text_width(annotator, text) <= room || room < 2 * dots)
    return stamp_text(annotator, text, x, y, room, colour);
  width = stamp_text(annotator, text, x, y, room - dots, colour);
  return width + stamp_text(annotator, ellipsis, x + width, y, dots, colour);
}

/* The width that a label may have: a cell's own; of a thing somewhat more than its box, since
 * words are longer than people are wide. */
static gint
label_room(const DcAnnotator *annotator, const Item *item)
{
  gint words = 12 * annotator->measures.font;

  return item->is_cell ? item->visible.w : MIN(MAX(item->visible.w, words), annotator->width);
}

static gboolean
has_room_for_label(const DcAnnotator *annotator, const Item *item)
{
  const GstVideoRectangle *visible = &item->visible;
  const Measures *measures = &annotator->measures;

  if (!measures->label_height || item->result.cluster < 0)
    return FALSE;
  return !item->is_cell ||
         (visible->h >= 2 * measures->label_height && visible->w >= 4 * measures->font);
}

/* The confidence as the length of a bar, where there is no room for a number. */
static void
draw_gauge(const DcAnnotator *annotator, GstVideoRectangle area, gdouble confidence)
{
  dc_painter_fill(&annotator->painter, area, black, OPAQUE);
  area.w = (gint)lround(area.w * CLAMP(confidence, 0.0, 1.0));
  dc_painter_fill(&annotator->painter, area, white, OPAQUE);
}

/* What a label says, and how large that makes it. */
typedef struct {
  gchar made[DC_RESULT_LABEL_SIZE], percent[8];
  const gchar *parts[3]; /* a question mark, the name, the confidence */
  guint first, end;      /* of the parts that are shown */
  gint name_room;        /* pixels that the name may take */
  gint width, height;
} Wording;

static gint
gauge_height(const DcAnnotator *annotator)
{
  return MAX(2, annotator->measures.margin / 2);
}

/* The confidence as a number, or with a gauge in its place. The name is cut where there is no room
 * for it. */
static void
word_label(const DcAnnotator *annotator, const Item *item, gboolean has_number, Wording *wording)
{
  const DriftclusterResult *result = &item->result;
  gint margin = annotator->measures.margin, width = margin, excess;

  g_snprintf(wording->percent, sizeof wording->percent, "%d%%",
             (gint)lround(100.0 * CLAMP(result->confidence, 0.0, 1.0)));
  wording->parts[0] = "?";
  wording->parts[1] = dc_result_label(result, wording->made);
  wording->parts[2] = wording->percent;
  wording->first = result->novel ? 0 : 1;
  wording->end = has_number ? 3 : 2;
  for (guint i = wording->first; i < wording->end; i++)
    width += text_width(annotator, wording->parts[i]) + margin;
  excess = MAX(0, width - label_room(annotator, item));
  wording->name_room = MAX(0, text_width(annotator, wording->parts[1]) - excess);
  wording->width = width - excess;
  wording->height = annotator->measures.label_height + (has_number ? 0 : gauge_height(annotator));
}

static gboolean
find_place(const DcAnnotator *annotator, const Item *item, const Wording *wording,
           GstVideoRectangle *place)
{
  return dc_label_places_find(annotator->places, item->place, item->result.key, wording->width,
                              wording->height, place);
}

/* The label of a thing, at a place next to its box. Without the number it needs less room. */
static GstVideoRectangle
place_label(const DcAnnotator *annotator, const Item *item, Wording *wording)
{
  GstVideoRectangle place;

  word_label(annotator, item, TRUE, wording);
  if (!find_place(annotator, item, wording, &place)) {
    word_label(annotator, item, FALSE, wording);
    find_place(annotator, item, wording, &place);
  }
  return place;
}

/* The label of a cell, in its corner; without the number where the cell has no room for it. */
static GstVideoRectangle
place_cell_label(const DcAnnotator *annotator, const Item *item, Wording *wording)
{
  const GstVideoRectangle *cell = &item->visible;

  word_label(annotator, item, TRUE, wording);
  if (wording->name_room < text_width(annotator, wording->parts[1]))
    word_label(annotator, item, FALSE, wording);
  return (GstVideoRectangle){CLAMP(cell->x, 0, MAX(0, annotator->width - wording->width)),
                             MIN(cell->y, annotator->height - wording->height), wording->width,
                             wording->height};
}

static void
draw_wording(const DcAnnotator *annotator, const Wording *wording, const GstVideoRectangle *place,
             DcColour colour)
{
  gint margin = annotator->measures.margin, at = place->x + margin;

  for (guint i = wording->first; i < wording->end; i++) {
    gint left = place->x + wording->width - margin - at;

    at += margin + draw_text(annotator, wording->parts[i], at, place->y + MAX(1, margin / 2),
                             i == 1 ? MIN(left, wording->name_room) : left, colour);
  }
}

static void
draw_label(const DcAnnotator *annotator, const Item *item)
{
  DcColour ground = item->result.novel ? night : item->colour;
  GstVideoRectangle place, text;
  Wording wording;

  if (!has_room_for_label(annotator, item))
    return;
  place = item->is_cell ? place_cell_label(annotator, item, &wording)
                        : place_label(annotator, item, &wording);
  dc_label_places_take(annotator->places, &place);
  text = place;
  text.h = annotator->measures.label_height;
  dc_painter_fill(&annotator->painter, text, ground, OPAQUE);
  draw_wording(annotator, &wording, &place, dc_colour_for_text(ground));
  if (wording.end < G_N_ELEMENTS(wording.parts))
    draw_gauge(annotator,
               (GstVideoRectangle){place.x, text.y + text.h, place.w, gauge_height(annotator)},
               item->result.confidence);
}

/* --- Legend --- */

typedef struct {
  GstVideoRectangle panel;
  gint row_height;
  gint rows;          /* of clusters that are shown */
  gint more;          /* clusters that are not */
  gboolean has_names; /* not on a small frame: the labels of the boxes have them */
} Legend;

/* The cluster of a row. Where there is no room for all, those in the frame come first. */
static const DcRosterEntry *
legend_entry(const DcAnnotator *annotator, const Legend *legend, gint row)
{
  guint clusters = dc_roster_size(annotator->roster);

  if (legend->more == 0)
    return dc_roster_get(annotator->roster, (guint)row);
  for (gint in_frame = 1; in_frame >= 0; in_frame--) {
    for (guint i = 0; i < clusters; i++) {
      const DcRosterEntry *entry = dc_roster_get(annotator->roster, i);

      if ((entry->count > 0) == in_frame && row-- == 0)
        return entry;
    }
  }
  return NULL;
}

/* The width of the widest name. */
static gint
legend_name_width(const DcAnnotator *annotator, const Legend *legend)
{
  gint width = text_width(annotator, "novel");

  for (gint i = 0; i < legend->rows; i++)
    width = MAX(width, text_width(annotator, legend_entry(annotator, legend, i)->label));
  return MIN(width, annotator->width / 5);
}

/* FALSE when there is nothing to show, or no room for it. */
static gboolean
lay_out_legend(const DcAnnotator *annotator, Legend *legend)
{
  const Measures *measures = &annotator->measures;
  gint clusters = (gint)dc_roster_size(annotator->roster), margin = measures->margin;
  gint lines, name_width;

  legend->row_height = measures->label_height;
  if (!measures->label_height || !clusters)
    return FALSE;
  /* Two rows are kept for "more" and for "novel". */
  legend->rows = MIN(clusters, annotator->height * 6 / 10 / legend->row_height - 2);
  if (legend->rows < 1)
    return FALSE;
  legend->more = clusters - legend->rows;
  lines = legend->rows + (legend->more > 0) + (annotator->novel > 0);
  name_width = legend_name_width(annotator, legend) + margin;
  legend->panel.w = measures->font + text_width(annotator, "000") + 3 * margin;
  legend->has_names = legend->panel.w + name_width <= annotator->width * 3 / 10;
  legend->panel.w += legend->has_names ? name_width : 0;
  legend->panel.h = lines * legend->row_height + margin;
  legend->panel.x = annotator->width - legend->panel.w - 2 * margin;
  legend->panel.y = annotator->height - legend->panel.h - 2 * margin;
  return legend->panel.x >= annotator->width / 2;
}

static gint
legend_text_y(const DcAnnotator *annotator, const Legend *legend, gint row)
{
  gint margin = annotator->measures.margin;

  return legend->panel.y + margin / 2 + row * legend->row_height + MAX(1, margin / 2);
}

/* A row of the legend but its sign: a name, and a number at the right. */
static void
draw_legend_row(const DcAnnotator *annotator, const Legend *legend, gint row, const gchar *name,
                guint number)
{
  gint margin = annotator->measures.margin, y = legend_text_y(annotator, legend, row);
  gint left = legend->panel.x + 2 * margin + annotator->measures.font;
  g_autofree gchar *digits = g_strdup_printf("%u", number);
  gint number_at = legend->panel.x + legend->panel.w - margin - text_width(annotator, digits);

  if (legend->has_names)
    draw_text(annotator, name, left, y, number_at - margin - left, white);
  draw_text(annotator, digits, number_at, y, annotator->width, white);
}

static void
draw_legend_sign(const DcAnnotator *annotator, const Legend *legend, gint row, DcColour colour)
{
  gint margin = annotator->measures.margin, font = annotator->measures.font;
  gint y = legend->panel.y + margin / 2 + row * legend->row_height;

  dc_painter_fill(&annotator->painter,
                  (GstVideoRectangle){legend->panel.x + margin, y + (legend->row_height - font) / 2,
                                      font, font},
                  colour, OPAQUE);
}

static void
draw_legend(const DcAnnotator *annotator, const Legend *legend)
{
  gint margin = annotator->measures.margin, row;

  dc_painter_fill(&annotator->painter, legend->panel, night, TRANSLUCENT);
  for (row = 0; row < legend->rows; row++) {
    const DcRosterEntry *entry = legend_entry(annotator, legend, row);

    draw_legend_sign(annotator, legend, row, dc_palette_colour(entry->colour));
    draw_legend_row(annotator, legend, row, entry->label, entry->count);
  }
  if (annotator->novel) {
    draw_text(annotator, "?", legend->panel.x + margin + annotator->measures.font / 4,
              legend_text_y(annotator, legend, row), legend->panel.w, white);
    draw_legend_row(annotator, legend, row++, "novel", annotator->novel);
  }
  if (legend->more > 0) {
    g_autofree gchar *more = g_strdup_printf("+%d", legend->more);

    draw_text(annotator, more, legend->panel.x + margin, legend_text_y(annotator, legend, row),
              legend->panel.w, white);
  }
}

/* --- The frame --- */

static gboolean
is_cell(GQuark roi_type)
{
  static const gchar *const cells[] = {"frame", "tile", NULL};

  return roi_type && g_strv_contains(cells, g_quark_to_string(roi_type));
}

static GstVideoRectangle
visible_part(const DcAnnotator *annotator, const GstVideoRectangle *box)
{
  gint left = MAX(box->x, 0), top = MAX(box->y, 0);

  return (GstVideoRectangle){left, top, MIN(box->x + box->w, annotator->width) - left,
                             MIN(box->y + box->h, annotator->height) - top};
}

static void
take_result(DcAnnotator *annotator, const DriftclusterResult *result)
{
  Item item = {.result = *result, .colour = grey, .is_cell = is_cell(result->roi_type)};

  if (result->cluster >= 0) {
    const DcRosterEntry *entry = dc_roster_count(annotator->roster, result);

    item.colour = dc_palette_colour(entry->colour);
    annotator->novel += result->novel ? 1 : 0;
  }
  if (annotator->items->len == DC_ANNOTATOR_MAX_DRAWN ||
      !dc_result_box(result, annotator->width, annotator->height, &item.box))
    return;
  item.visible = visible_part(annotator, &item.box);
  if (item.visible.w > 0 && item.visible.h > 0)
    g_array_append_val(annotator->items, item);
}

static void
take_results(DcAnnotator *annotator, GstCustomMeta *results, GstClockTime now)
{
  guint n = driftcluster_results_meta_get_n_results(results);

  dc_roster_begin(annotator->roster, now, PATIENCE);
  annotator->novel = 0;
  g_array_set_size(annotator->items, 0);
  for (guint i = 0; i < n; i++) {
    DriftclusterResult result;

    if (driftcluster_results_meta_get_result(results, i, &result) && !result.ignored)
      take_result(annotator, &result);
  }
}

/* What labels do not cover if they can: the boxes of things, and the legend, if there is one. Cells
 * cover the whole frame. */
static void
make_room_for_labels(DcAnnotator *annotator, const GstVideoRectangle *legend)
{
  dc_label_places_begin(annotator->places, annotator->width, annotator->height);
  for (guint i = 0; i < annotator->items->len; i++) {
    Item *item = &g_array_index(annotator->items, Item, i);

    if (!item->is_cell)
      item->place = dc_label_places_add_box(annotator->places, &item->visible);
  }
  if (legend)
    dc_label_places_take(annotator->places, legend);
}

void
dc_annotator_draw(DcAnnotator *annotator, GstVideoFrame *frame, GstCustomMeta *results,
                  GstClockTime now, const DcAnnotatorStyle *style)
{
  gboolean has_legend;
  Legend legend;

  annotator->painter.frame = frame;
  annotator->width = GST_VIDEO_FRAME_WIDTH(frame);
  annotator->height = GST_VIDEO_FRAME_HEIGHT(frame);
  measure(annotator, style);
  take_results(annotator, results, now);
  has_legend = style->legend && lay_out_legend(annotator, &legend);
  /* All boxes before all labels: no box crosses a text. */
  for (guint i = 0; i < annotator->items->len; i++)
    draw_box(annotator, &g_array_index(annotator->items, Item, i));
  make_room_for_labels(annotator, has_legend ? &legend.panel : NULL);
  for (guint i = 0; i < annotator->items->len; i++)
    draw_label(annotator, &g_array_index(annotator->items, Item, i));
  if (has_legend)
    draw_legend(annotator, &legend);
  annotator->painter.frame = NULL;
}
