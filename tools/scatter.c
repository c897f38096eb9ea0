/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scatter.h"

#include "plot.h"
#include "projection.h"

#include <math.h>

#define MARGIN        16
#define HEADING       56
#define PLOT_WIDTH    660
#define PLOT_HEIGHT   580
#define LEGEND_WIDTH  170
#define LEGEND_PITCH  22
#define LEGEND_SQUARE 12
#define PAD           0.03 /* free space around the points, in shares of their range */

#define MOST_NUMBERS   50 /* centroids that are marked; more would hide the points */
#define MARK_RADIUS    9.0
#define FEW_POINTS     2000
#define POINT_RADIUS   3.0 /* of few points; many are smaller */
#define SMALL_RADIUS   1.8
#define POINT_OPACITY  0.75
#define BORDER_OPACITY 0.9

/* What is drawn where. */
typedef struct {
  const DcClustering *clustering;
  DcProjection projection;
  GArray *drawn;    /* of guint32: the samples that are drawn */
  float *points;    /* drawn x 2 */
  gsize *sizes;     /* of the clusters */
  GArray *by_size;  /* of guint32: the clusters that have members */
  gsize marks;      /* how many of them, from the first, are marked */
  float *centroids; /* marks x 2 */
} Picture;

/* The places of the first `count` rows that `chosen` names; count x 2. */
static float *
project(const Picture *picture, const DcMatrix *rows, const GArray *chosen, gsize count)
{
  float *places = g_new(float, 2 * count);
  DcMatrix points = dc_matrix(places, count, 2);
  dc_projection_run(&picture->projection, rows, (const guint32 *)chosen->data, count, &points);
  return places;
}

static gboolean
prepare(Picture *picture, const DcClustering *clustering, guint64 seed, GError **error)
{
  *picture = (Picture){.clustering = clustering};
  if (!dc_projection_init(&picture->projection, clustering, seed, error))
    return FALSE;
  picture->drawn = dc_draw_subset(clustering->embeddings.rows, DC_SCATTER_MOST_POINTS, seed);
  picture->points = project(picture, &clustering->embeddings, picture->drawn, picture->drawn->len);
  picture->sizes = dc_clustering_sizes(clustering);
  picture->by_size = dc_clustering_by_size(clustering, picture->sizes);
  picture->marks = MIN(picture->by_size->len, MOST_NUMBERS);
  picture->centroids = project(picture, &clustering->centroids, picture->by_size, picture->marks);
  return TRUE;
}

static void
clear(Picture *picture)
{
  dc_projection_clear(&picture->projection);
  g_array_unref(picture->drawn);
  g_array_unref(picture->by_size);
  g_free(picture->points);
  g_free(picture->sizes);
  g_free(picture->centroids);
}

static guint32
cluster_at(const Picture *picture, gsize i)
{
  return g_array_index(picture->by_size, guint32, i);
}

/* Widens a range by one coordinate of places. */
static void
include(const float *places, gsize count, gsize coordinate, double range[2])
{
  for (gsize i = 0; i < count; i++) {
    range[0] = MIN(range[0], places[2 * i + coordinate]);
    range[1] = MAX(range[1], places[2 * i + coordinate]);
  }
}

/* The axis for coordinate 0 or 1 of everything that is drawn. */
static DcAxis
axis_for(const Picture *picture, gsize coordinate)
{
  double range[2] = {INFINITY, -INFINITY};
  include(picture->points, picture->drawn->len, coordinate, range);
  include(picture->centroids, picture->marks, coordinate, range);
  double pad = PAD * (range[1] - range[0]);
  return dc_axis_linear(range[0] - pad, range[1] + pad, 9, FALSE);
}

static void
draw_points(const Picture *picture, const DcPlot *plot, cairo_t *cairo)
{
  double radius = picture->drawn->len <= FEW_POINTS ? POINT_RADIUS : SMALL_RADIUS;
  for (gsize i = 0; i < picture->drawn->len; i++) {
    guint32 cluster = picture->clustering->clusters[g_array_index(picture->drawn, guint32, i)];
    cairo_arc(cairo, dc_plot_x(plot, picture->points[2 * i]),
              dc_plot_y(plot, picture->points[2 * i + 1]), radius, 0, 2 * G_PI);
    dc_set_colour(cairo, dc_cluster_colour(cluster), POINT_OPACITY);
    cairo_fill(cairo);
  }
}

/* The largest clusters last, so that nothing hides them. */
static void
draw_centroids(const Picture *picture, const DcPlot *plot, cairo_t *cairo)
{
  for (gsize i = picture->marks; i-- > 0;) {
    guint32 cluster = cluster_at(picture, i);
    DcColour colour = dc_cluster_colour(cluster);
    double x = dc_plot_x(plot, picture->centroids[2 * i]);
    double y = dc_plot_y(plot, picture->centroids[2 * i + 1]);
    g_autofree char *number = g_strdup_printf("%u", cluster);
    double radius = MAX(MARK_RADIUS, dc_text_width(cairo, "Sans Bold 8", number) / 2 + 4);
    cairo_arc(cairo, x, y, radius, 0, 2 * G_PI);
    dc_set_colour(cairo, colour, 1);
    cairo_fill_preserve(cairo);
    cairo_set_line_width(cairo, 1.5);
    dc_set_colour(cairo, dc_colour_ink, BORDER_OPACITY);
    cairo_stroke(cairo);
    dc_set_colour(cairo, dc_colour_for_text(colour), 1);
    dc_draw_text(cairo, (DcTextStyle){.font = "Sans Bold 8", .across = 0.5, .down = 0.5}, x, y,
                 "%s", number);
  }
}

static void
draw_legend(const Picture *picture, cairo_t *cairo, double x, double y)
{
  DcTextStyle entry = {.font = "Sans 9", .down = 0.5, .width = LEGEND_WIDTH - 20};
  gsize shown = MIN(picture->by_size->len, DC_PALETTE_SIZE);
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, (DcTextStyle){.font = "Sans Bold 9"}, x, y, "cluster (members)");
  for (gsize i = 0; i < shown; i++) {
    guint32 cluster = cluster_at(picture, i);
    double middle = y + (i + 1.5) * LEGEND_PITCH;
    cairo_rectangle(cairo, x, floor(middle - LEGEND_SQUARE / 2.0), LEGEND_SQUARE, LEGEND_SQUARE);
    dc_set_colour(cairo, dc_cluster_colour(cluster), 1);
    cairo_fill(cairo);
    dc_set_colour(cairo, dc_colour_ink, 1);
    dc_draw_text(cairo, entry, x + LEGEND_SQUARE + 8, middle, "%u (%zu)", cluster,
                 picture->sizes[cluster]);
  }
  if (shown < picture->by_size->len) {
    dc_set_colour(cairo, dc_colour_soft, 1);
    dc_draw_text(cairo, (DcTextStyle){.font = "Sans 8", .width = LEGEND_WIDTH}, x,
                 y + (shown + 1.2) * LEGEND_PITCH, "and %zu more;\ncolours repeat",
                 picture->by_size->len - shown);
  }
}

static void
draw_heading(const Picture *picture, cairo_t *cairo)
{
  DcTextStyle title = {.font = "Sans Bold 11"}, note = {.font = "Sans 9"};
  gsize all = picture->clustering->embeddings.rows;
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, title, MARGIN, MARGIN, "Embeddings of %zu samples in %u clusters", all,
               picture->by_size->len);
  g_autofree char *drawn = picture->drawn->len < all
                               ? g_strdup_printf("%u samples drawn at random", picture->drawn->len)
                               : g_strdup("all samples");
  g_autofree char *marked =
      picture->marks < picture->by_size->len
          ? g_strdup_printf("centroids of the %zu largest clusters", picture->marks)
          : g_strdup("centroids");
  dc_set_colour(cairo, dc_colour_soft, 1);
  dc_draw_text(cairo, note, MARGIN, MARGIN + 22, "Points: %s. Circles: %s.", drawn, marked);
}

static char *
axis_title(const Picture *picture, gsize coordinate)
{
  static const char *const names[] = {"first", "second"};
  if (picture->projection.shares[coordinate] == 0)
    return g_strdup_printf("no %s direction", names[coordinate]);
  return g_strdup_printf("%s direction (%.0f %% of the scatter %s)", names[coordinate],
                         100 * picture->projection.shares[coordinate],
                         picture->projection.of_centroids ? "between centroids" : "of embeddings");
}

static void
draw(const Picture *picture, cairo_t *cairo)
{
  DcPlot plot = {
      .x = MARGIN + DC_PLOT_LEFT,
      .y = MARGIN + HEADING,
      .width = PLOT_WIDTH,
      .height = PLOT_HEIGHT,
      .across = axis_for(picture, 0),
      .up = axis_for(picture, 1),
  };
  g_autofree char *across = axis_title(picture, 0), *up = axis_title(picture, 1);
  draw_heading(picture, cairo);
  dc_plot_draw(&plot, cairo, across, up);
  cairo_save(cairo);
  cairo_rectangle(cairo, plot.x, plot.y, plot.width, plot.height);
  cairo_clip(cairo);
  draw_points(picture, &plot, cairo);
  cairo_restore(cairo);
  draw_centroids(picture, &plot, cairo);
  draw_legend(picture, cairo, plot.x + plot.width + MARGIN, plot.y);
}

gboolean
dc_scatter_write(const char *path, const DcClustering *clustering, guint64 seed, GError **error)
{
  Picture picture;
  if (!prepare(&picture, clustering, seed, error))
    return FALSE;
  DcCanvas canvas;
  gboolean well =
      dc_canvas_init(&canvas, MARGIN + DC_PLOT_LEFT + PLOT_WIDTH + MARGIN + LEGEND_WIDTH,
                     MARGIN + HEADING + PLOT_HEIGHT + DC_PLOT_BELOW + MARGIN, error);
  if (well) {
    draw(&picture, canvas.cairo);
    well = dc_canvas_write(&canvas, path, error);
    dc_canvas_clear(&canvas);
  }
  clear(&picture);
  return well;
}
