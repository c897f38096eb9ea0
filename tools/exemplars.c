/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exemplars.h"

#include "base/random.h"
#include "command.h"
#include "drawing.h"
#include "nn/plan.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

#define MARGIN         16
#define HEADING        62
#define LABEL_WIDTH    120
#define CENTROID_WIDTH 56 /* of its column at least, for the heading */
#define GAP            4
#define GROUP_GAP      20
#define LEAST_SIDE     40 /* of a picture that is drawn; smaller ones are enlarged by whole numbers */
#define MOST_SIDE      64
#define MOST_ROWS      64
#define STRIPE_WIDTH   5

/* ---- which are shown ---- */

/* A sample and its distance to its centroid. */
typedef struct {
  guint32 sample;
  float distance;
} Member;

static gint
nearer_first(gconstpointer a, gconstpointer b)
{
  const Member *left = a, *right = b;
  if (left->distance != right->distance)
    return left->distance < right->distance ? -1 : 1;
  return left->sample < right->sample ? -1 : 1;
}

/* Takes the nearest off the sorted members, then draws from what is left. */
static DcExemplars
choose_from(GArray *members, DcRandom *random)
{
  DcExemplars exemplars = {.nearest_count = MIN(members->len, DC_EXEMPLARS_NEAREST)};
  for (gsize i = 0; i < exemplars.nearest_count; i++)
    exemplars.nearest[i] = g_array_index(members, Member, i).sample;
  g_array_remove_range(members, 0, (guint)exemplars.nearest_count);
  exemplars.random_count = MIN(members->len, DC_EXEMPLARS_RANDOM);
  for (gsize i = 0; i < exemplars.random_count; i++) {
    guint drawn = dc_random_below(random, members->len);
    exemplars.random[i] = g_array_index(members, Member, drawn).sample;
    g_array_remove_index_fast(members, drawn);
  }
  return exemplars;
}

DcExemplars *
dc_exemplars_choose(const DcClustering *clustering, const GArray *chosen, guint64 seed)
{
  gsize n = clustering->embeddings.rows;
  g_autofree float *distances = g_new(float, n);
  dc_squared_distances(&clustering->embeddings, &clustering->centroids, clustering->clusters,
                       distances);
  g_autoptr(GPtrArray) members = g_ptr_array_new();
  g_ptr_array_set_size(members, (gint)clustering->centroids.rows);
  for (guint i = 0; i < chosen->len; i++)
    members->pdata[g_array_index(chosen, guint32, i)] = g_array_new(FALSE, FALSE, sizeof(Member));
  for (guint32 i = 0; i < n; i++) {
    GArray *list = members->pdata[clustering->clusters[i]];
    if (list)
      g_array_append_val(list, ((Member){i, distances[i]}));
  }
  DcExemplars *exemplars = g_new(DcExemplars, chosen->len);
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (guint i = 0; i < chosen->len; i++) {
    GArray *list = members->pdata[g_array_index(chosen, guint32, i)];
    g_array_sort(list, nearer_first);
    exemplars[i] = choose_from(list, &random);
    g_array_unref(list);
  }
  return exemplars;
}

/* ---- patches as pictures ---- */

/* Undoes the normalisation of DcPatchSpec; `pixels` has 3 bytes for each pixel. */
static void
patch_to_rgb(const DcPatchSpec *spec, const float *patch, guint8 *pixels)
{
  gsize channels = (gsize)dc_patch_channels(spec);
  gsize count = (gsize)spec->width * (gsize)spec->height;
  gboolean swapped = spec->channels == DC_CHANNELS_BGR;
  for (gsize i = 0; i < count; i++)
    for (gsize c = 0; c < 3; c++) {
      gsize from = channels == 1 ? 0 : swapped ? 2 - c : c;
      double value = patch[i * channels + from] * spec->deviation[from] + spec->mean[from];
      /* Written so that NaN becomes 0. */
      pixels[3 * i + c] = (guint8)(value > 0 ? lrint(255 * MIN(value, 1)) : 0);
    }
}

/* What is drawn, and how large. */
typedef struct {
  const DcPatchSpec *spec;
  const float *samples;
  const float *decoded; /* a patch for each row, or NULL */
  const GArray *rows;   /* of guint32, the clusters */
  const gsize *sizes;
  const DcExemplars *exemplars;
  double width, height; /* of one picture */
  gsize clusters;       /* that have members */
} Sheet;

static void
set_picture_size(Sheet *sheet)
{
  int side = MAX(sheet->spec->width, sheet->spec->height);
  double scale = side > MOST_SIDE ? (double)MOST_SIDE / side : (LEAST_SIDE + side - 1) / side;
  sheet->width = MAX(round(sheet->spec->width * scale), 1);
  sheet->height = MAX(round(sheet->spec->height * scale), 1);
}

static void
draw_patch(const Sheet *sheet, cairo_t *cairo, const float *patch, double x, double y)
{
  int width = sheet->spec->width, height = sheet->spec->height;
  g_autofree guint8 *pixels = g_malloc_n((gsize)width * (gsize)height, 3);
  patch_to_rgb(sheet->spec, patch, pixels);
  cairo_surface_t *surface = dc_surface_from_pixels(pixels, width, height, 3);
  dc_draw_surface(cairo, surface, x, y, sheet->width, sheet->height);
  cairo_surface_destroy(surface);
}

/* ---- the sheet ---- */

/* Where the groups of pictures begin. */
static double
nearest_x(const Sheet *sheet)
{
  double first = MARGIN + LABEL_WIDTH;
  return sheet->decoded ? first + MAX(sheet->width, CENTROID_WIDTH) + GROUP_GAP : first;
}

static double
random_x(const Sheet *sheet)
{
  return nearest_x(sheet) + DC_EXEMPLARS_NEAREST * (sheet->width + GAP) - GAP + GROUP_GAP;
}

static double
row_pitch(const Sheet *sheet)
{
  return MAX(sheet->height + GAP, 34); /* room for two lines of text */
}

static void
draw_heading(const Sheet *sheet, cairo_t *cairo)
{
  DcTextStyle title = {.font = "Sans Bold 11"}, column = {.font = "Sans 9"};
  double y = MARGIN + 26;
  dc_set_colour(cairo, dc_colour_ink, 1);
  if (sheet->rows->len < sheet->clusters)
    dc_draw_text(cairo, title, MARGIN, MARGIN, "The %u largest of %zu clusters", sheet->rows->len,
                 sheet->clusters);
  else
    dc_draw_text(cairo, title, MARGIN, MARGIN, "%zu clusters", sheet->clusters);
  dc_set_colour(cairo, dc_colour_soft, 1);
  dc_draw_text(cairo, column, MARGIN, y, "cluster");
  if (sheet->decoded)
    dc_draw_text(cairo, column, MARGIN + LABEL_WIDTH, y, "centroid");
  column.width = random_x(sheet) - nearest_x(sheet) - GROUP_GAP;
  dc_draw_text(cairo, column, nearest_x(sheet), y, "members nearest to the centroid");
  column.width = 0;
  dc_draw_text(cairo, column, random_x(sheet), y, "other members, at random");
}

static void
draw_members(const Sheet *sheet, cairo_t *cairo, const guint32 *members, gsize count, double x,
             double y)
{
  gsize size = dc_patch_size(sheet->spec);
  for (gsize i = 0; i < count; i++)
    draw_patch(sheet, cairo, sheet->samples + members[i] * size, x + i * (sheet->width + GAP), y);
}

static void
draw_row(const Sheet *sheet, cairo_t *cairo, guint row, double y)
{
  guint32 cluster = g_array_index(sheet->rows, guint32, row);
  cairo_rectangle(cairo, MARGIN, y, STRIPE_WIDTH, row_pitch(sheet) - GAP);
  dc_set_colour(cairo, dc_cluster_colour(cluster), 1);
  cairo_fill(cairo);
  DcTextStyle number = {.font = "Sans Bold 9", .down = 1}, size = {.font = "Sans 8"};
  double x = MARGIN + STRIPE_WIDTH + 8, middle = y + (row_pitch(sheet) - GAP) / 2;
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, number, x, middle, "%u", cluster);
  dc_set_colour(cairo, dc_colour_soft, 1);
  dc_draw_text(cairo, size, x, middle, "%zu member%s", sheet->sizes[cluster],
               sheet->sizes[cluster] == 1 ? "" : "s");
  if (sheet->decoded)
    draw_patch(sheet, cairo, sheet->decoded + row * dc_patch_size(sheet->spec),
               MARGIN + LABEL_WIDTH, y);
  const DcExemplars *shown = &sheet->exemplars[row];
  draw_members(sheet, cairo, shown->nearest, shown->nearest_count, nearest_x(sheet), y);
  draw_members(sheet, cairo, shown->random, shown->random_count, random_x(sheet), y);
}

static gboolean
draw_sheet(const Sheet *sheet, const char *path, GError **error)
{
  double width = random_x(sheet) + DC_EXEMPLARS_RANDOM * (sheet->width + GAP) - GAP + MARGIN;
  /* The headings need room above narrow pictures too. */
  width = MAX(width, random_x(sheet) + 190);
  double height = HEADING + sheet->rows->len * row_pitch(sheet) - GAP + MARGIN;
  DcCanvas canvas;
  if (!dc_canvas_init(&canvas, (int)width, (int)height, error))
    return FALSE;
  draw_heading(sheet, canvas.cairo);
  for (guint i = 0; i < sheet->rows->len; i++)
    draw_row(sheet, canvas.cairo, i, HEADING + i * row_pitch(sheet));
  gboolean well = dc_canvas_write(&canvas, path, error);
  dc_canvas_clear(&canvas);
  return well;
}

/* What the decoder makes of the centroids of `rows`, a patch for each. NULL on failure. */
static float *
decode_centroids(const DcNetwork *decoder, const DcClustering *clustering, const GArray *rows,
                 gsize size, GError **error)
{
  gsize width = dc_shape_size(dc_network_input(decoder));
  gsize made = dc_shape_size(dc_network_output(decoder));
  if (width != clustering->centroids.cols || made != size) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_SHAPE,
                "the decoder makes %zu numbers of %zu, but samples have %zu and centroids %zu",
                made, width, size, clustering->centroids.cols);
    return NULL;
  }
  DcPlan *plan;
  DcError core_error;
  if (dc_plan_new(decoder, 1, &plan, &core_error) != DC_OK) {
    dc_tools_take_error(&core_error, error);
    return NULL;
  }
  float *decoded = g_new(float, rows->len *size);
  for (guint i = 0; i < rows->len; i++)
    dc_plan_run(plan, dc_matrix_row(&clustering->centroids, g_array_index(rows, guint32, i)), 1,
                decoded + i * size);
  dc_plan_free(plan);
  return decoded;
}

gboolean
dc_exemplars_write(const char *path, const DcClustering *clustering, const DcPatchSpec *spec,
                   const float *samples, const DcNetwork *decoder, guint64 seed, GError **error)
{
  g_autofree gsize *sizes = dc_clustering_sizes(clustering);
  g_autoptr(GArray) rows = dc_clustering_by_size(clustering, sizes);
  Sheet sheet = {.spec = spec, .samples = samples, .sizes = sizes, .clusters = rows->len};
  g_array_set_size(rows, MIN(rows->len, MOST_ROWS));
  sheet.rows = rows;
  g_autofree float *decoded = NULL;
  if (decoder) {
    decoded = decode_centroids(decoder, clustering, rows, dc_patch_size(spec), error);
    if (!decoded)
      return FALSE;
  }
  sheet.decoded = decoded;
  g_autofree DcExemplars *exemplars = dc_exemplars_choose(clustering, rows, seed);
  sheet.exemplars = exemplars;
  set_picture_size(&sheet);
  return draw_sheet(&sheet, path, error);
}
