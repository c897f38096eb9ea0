/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster frames: pictures, folders and videos as numbered PNG files that multifilesrc plays.
 */
#include "command.h"
#include "inputs.h"
#include "numbered-frames.h"
#include "store/shrink.h"

#include <stdio.h>

#define MAX_FRAMES 99999 /* five digits in the file names */

static char *option_output;
static gint option_side = 256;
static gint option_limit = 5000;
static gint option_every = 1;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "folder to write to", "DIR"},
    {"side", 's', 0, G_OPTION_ARG_INT, &option_side,
     "shrink pictures whose longer side has more pixels than this (256)", "N"},
    {"every", 'e', 0, G_OPTION_ARG_INT, &option_every, "keep one picture in N (1)", "N"},
    {"limit", 'l', 0, G_OPTION_ARG_INT, &option_limit, "stop after N pictures (5000)", "N"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Writes the pictures of folders, IDX files, videos and URIs as DIR/00000.png, 00001.png, ... "
    "in\n"
    "order, and DIR/origins.txt with the file that each came from. Frames that an earlier, longer\n"
    "run left behind them are removed. They play as a stream with\n"
    "  gst-launch-1.0 multifilesrc location=DIR/%05d.png caps=image/png,framerate=25/1 ! pngdec ! "
    "...";

typedef struct {
  gsize seen, written;
  GString *origins;
} Writer;

/* `name` with its control characters escaped: one line of a list stays one picture, whatever a file
 * is called. */
static char *
on_one_line(const char *name)
{
  char kept[256 - 128 + 2] = {'"'};
  for (int byte = 128; byte < 256; byte++)
    kept[1 + byte - 128] = (char)byte;
  return g_strescape(name, kept);
}

static gboolean
write_picture(const DcInputPicture *input, gpointer user_data, GError **error)
{
  Writer *writer = user_data;
  if (writer->seen++ % (gsize)option_every != 0)
    return TRUE;
  if (writer->written == (gsize)option_limit)
    return FALSE;
  DcPicture picture;
  if (dc_shrink(input->image, NULL, option_side, &picture) != DC_OK) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory");
    return FALSE;
  }
  gboolean well = dc_frames_write(option_output, writer->written, &picture, error);
  dc_picture_clear(&picture);
  if (!well)
    return FALSE;
  g_autofree char *origin = on_one_line(input->origin);
  g_string_append_printf(writer->origins, "%s\n", origin);
  writer->written++;
  return TRUE;
}

static gboolean
write_frames(const char *const *inputs, GError **error)
{
  if (!dc_tools_make_folder(option_output, error))
    return FALSE;
  g_autoptr(GString) origins = g_string_new(NULL);
  Writer writer = {.origins = origins};
  DcInputCount count;
  if (!dc_inputs_visit(inputs, NULL, write_picture, &writer, &count, error) ||
      !dc_frames_end(option_output, writer.written, error))
    return FALSE;
  g_autofree char *list = g_build_filename(option_output, "origins.txt", NULL);
  if (!g_file_set_contents(list, origins->str, (gssize)origins->len, error))
    return FALSE;
  printf("%zu pictures written to %s, %zu unreadable\n", writer.written, option_output,
         count.unreadable);
  return TRUE;
}

int
dc_command_frames(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "INPUT...", summary, entries))
    return DC_EXIT_USAGE;
  if (argc < 2)
    return dc_command_usage(name, "at least one folder, file or URI is needed");
  if (!option_output)
    return dc_command_usage(name, "--output DIR is needed");
  if (option_side < 1 || option_side > 4096)
    return dc_command_usage(name, "--side must lie in 1..4096");
  if (option_every < 1 || option_limit < 1 || option_limit > MAX_FRAMES)
    return dc_command_usage(name, "--every must be at least 1 and --limit in 1..%d", MAX_FRAMES);
  g_autoptr(GError) error = NULL;
  if (!write_frames((const char *const *)argv + 1, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
