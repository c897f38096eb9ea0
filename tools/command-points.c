/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster points: draws labelled points in the plane, to try methods on. */
#include "command.h"
#include "points.h"
#include "store/npy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_POINTS 10000000

static char *option_shape;
static char *option_output;
static char *option_picture;
static gint option_count = 1000;
static gdouble option_noise = -1;
static gint64 option_seed = 1;
static gint option_domain;

static const GOptionEntry entries[] = {
    {"shape", 's', 0, G_OPTION_ARG_STRING, &option_shape,
     "moons, rings, gaussians or anisotropic (moons)", "NAME"},
    {"count", 'n', 0, G_OPTION_ARG_INT, &option_count, "points to draw (1000)", "N"},
    {"noise", 0, 0, G_OPTION_ARG_DOUBLE, &option_noise,
     "standard deviation (0.05 for moons and rings, otherwise 1)", "X"},
    {"domain", 0, 0, G_OPTION_ARG_INT, &option_domain,
     "which of the anisotropic domains of a seed (0)", "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (1)", "N"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output,
     "file for the points; their labels go beside it, to X-labels.npy", "X.npy"},
    {"picture", 'p', 0, G_OPTION_ARG_FILENAME, &option_picture,
     "PNG file with a dot for each point in the colour of its label", "FILE"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Draws points in the plane with labels, and writes both as NumPy arrays: the points as "
    "float32, "
    "a row\n"
    "for each, the labels as uint32. Moons are two interleaved half circles, rings two concentric "
    "circles,\n"
    "Gaussians four round groups at the corners of a square. The anisotropic domains are for "
    "methods "
    "that\n"
    "learn from several domains: four stretched groups each, seen at another scale and place. "
    "Equal "
    "options\n"
    "give equal files.";

static gboolean
write_array(const char *path, DcNpyType type, gsize count, gsize rank, void *data, GError **error)
{
  DcNpy array = {type, rank, {count, rank == 1 ? 1 : 2}, data};
  DcError core_error;
  if (dc_npy_write(path, &array, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}

static gboolean
write_points(const DcPointsOptions *options, GError **error)
{
  g_autofree float *values = g_new(float, 2 * options->count);
  g_autofree guint32 *labels = g_new(guint32, options->count);
  g_autofree char *beside =
      g_strdup_printf("%.*s-labels.npy", (int)(strlen(option_output) - strlen(".npy")),
                      option_output);
  dc_points_draw(options, values, labels);
  if (!write_array(option_output, DC_NPY_F32, options->count, 2, values, error) ||
      !write_array(beside, DC_NPY_U32, options->count, 1, labels, error))
    return FALSE;
  if (option_picture && !dc_points_picture(option_picture, values, labels, options->count, error))
    return FALSE;
  printf("%zu points: %s, their labels: %s\n", options->count, option_output, beside);
  return TRUE;
}

int
dc_command_points(int argc, char **argv)
{
  const char *name = argv[0];
  DcPointsShape shape = DC_POINTS_MOONS;
  if (!dc_command_parse(&argc, &argv, NULL, summary, entries))
    return DC_EXIT_USAGE;
  if (argc > 1)
    return dc_command_usage(name, "there is no use for \"%s\"", argv[1]);
  if (!option_output || !g_str_has_suffix(option_output, ".npy"))
    return dc_command_usage(name, "--output X.npy is needed");
  if (option_shape && !dc_points_shape(option_shape, &shape))
    return dc_command_usage(name,
                            "there is no shape \"%s\"; there are: moons, rings, gaussians, "
                            "anisotropic",
                            option_shape);
  if (option_count < 1 || option_count > MOST_POINTS)
    return dc_command_usage(name, "--count must lie in 1..%d", MOST_POINTS);
  if (option_noise != -1 && !(option_noise >= 0 && isfinite(option_noise)))
    return dc_command_usage(name, "--noise must be at least 0, and finite");
  if (option_domain < 0 || option_seed < 0)
    return dc_command_usage(name, "--domain and --seed must be at least 0");
  DcPointsOptions options = {shape, (gsize)option_count, option_noise, (guint64)option_seed,
                             (guint64)option_domain};
  g_autoptr(GError) error = NULL;
  if (!write_points(&options, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
