/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster digits: writes a training set and a drifting stream of drawn digits. */
#include "command.h"
#include "digits.h"
#include "numbered-frames.h"
#include "store/idx.h"

#define PIXELS (DC_DIGIT_SIDE * DC_DIGIT_SIDE)

static char *option_output;
static gint option_train = 5000;
static gint option_before = 3000;
static gint option_during = 3000;
static gint option_after = 3000;
static gint64 option_seed = 1;
static gboolean option_serif;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "folder to write to", "DIR"},
    {"train", 0, 0, G_OPTION_ARG_INT, &option_train, "pictures to train on (5000)", "N"},
    {"before", 0, 0, G_OPTION_ARG_INT, &option_before,
     "pictures of the stream before the drift (3000)", "N"},
    {"during", 0, 0, G_OPTION_ARG_INT, &option_during, "pictures while it drifts (3000)", "N"},
    {"after", 0, 0, G_OPTION_ARG_INT, &option_after, "pictures at the full drift (3000)", "N"},
    {"serif", 0, 0, G_OPTION_ARG_NONE, &option_serif,
     "draw the pictures to train on in serif and monospace typefaces, a domain of their own", NULL},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed, "start of the random numbers (1)", "N"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Draws the ten digits in the typefaces of this machine and writes\n"
    "  DIR/train-images-idx3-ubyte, DIR/train-labels-idx1-ubyte   undrifted, to train on\n"
    "  DIR/stream/00000.png, 00001.png, ...                       the stream, in order\n"
    "  DIR/stream-labels-idx1-ubyte                               its labels, for scoring only\n"
    "The look of the stream stays, drifts, and stays again: typefaces, turn and slant, contrast,\n"
    "background and noise all change. Equal options and typefaces give equal files.";

/* One part of what is drawn: `count` pictures while the drift goes from `from` to `to`. */
typedef struct {
  gsize count;
  double from, to;
  gboolean serif; /* all of it in those typefaces */
} Phase;

static void
draw_phase(DcDigits *digits, const Phase *phase, DcRandom *random, guint8 *pixels, guint8 *labels)
{
  for (gsize i = 0; i < phase->count; i++) {
    double drift = phase->from + (phase->to - phase->from) * (double)i / (double)phase->count;
    DcDigitLook look = dc_digits_look(drift);
    if (phase->serif)
      look.serif = 1;
    labels[i] = (guint8)dc_random_below(random, 10);
    dc_digits_draw(digits, labels[i], &look, random, pixels + i * PIXELS);
  }
}

static gboolean
write_idx(const char *folder, const char *name, gsize count, gboolean images, const guint8 *data,
          GError **error)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  gsize shape[3] = {count, DC_DIGIT_SIDE, DC_DIGIT_SIDE};
  DcError core_error;
  if (dc_idx_write(path, shape, images ? 3 : 1, data, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}

static gboolean
write_pictures(const char *folder, gsize count, guint8 *pixels, GError **error)
{
  g_autofree char *stream = g_build_filename(folder, "stream", NULL);
  if (!dc_tools_make_folder(stream, error))
    return FALSE;
  for (gsize i = 0; i < count; i++) {
    DcPicture picture = {DC_DIGIT_SIDE, DC_DIGIT_SIDE, 1, pixels + i * PIXELS};
    if (!dc_frames_write(stream, i, &picture, error))
      return FALSE;
  }
  return dc_frames_end(stream, count, error);
}

static gboolean
write_all(const char *folder, GError **error)
{
  g_autoptr(DcDigits) digits = dc_digits_new(error);
  if (!digits)
    return FALSE;
  const Phase training = {option_train, 0, 0, option_serif};
  const Phase stream[] = {{option_before, 0, 0, FALSE},
                          {option_during, 0, 1, FALSE},
                          {option_after, 1, 1, FALSE}};
  gsize total = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(stream); i++)
    total += stream[i].count;

  DcRandom random;
  dc_random_seed(&random, (guint64)option_seed, 0);
  gsize room = MAX(total, training.count);
  g_autofree guint8 *pixels = g_malloc_n(room, PIXELS);
  g_autofree guint8 *labels = g_malloc(room);
  if (!write_pictures(folder, 0, pixels, error)) /* makes the folders */
    return FALSE;
  draw_phase(digits, &training, &random, pixels, labels);
  if (!write_idx(folder, "train-images-idx3-ubyte", training.count, TRUE, pixels, error) ||
      !write_idx(folder, "train-labels-idx1-ubyte", training.count, FALSE, labels, error))
    return FALSE;

  gsize drawn = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(stream); drawn += stream[i++].count)
    draw_phase(digits, &stream[i], &random, pixels + drawn * PIXELS, labels + drawn);
  return write_pictures(folder, total, pixels, error) &&
         write_idx(folder, "stream-labels-idx1-ubyte", total, FALSE, labels, error);
}

int
dc_command_digits(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, NULL, summary, entries))
    return DC_EXIT_USAGE;
  if (argc > 1)
    return dc_command_usage(name, "there is no use for \"%s\"", argv[1]);
  if (!option_output)
    return dc_command_usage(name, "--output DIR is needed");
  const gint counts[] = {option_train, option_before, option_during, option_after};
  for (gsize i = 0; i < G_N_ELEMENTS(counts); i++)
    if (counts[i] < 1 || counts[i] > 99999 / 3)
      return dc_command_usage(name, "a number of pictures must lie in 1..33333, not %d", counts[i]);
  if (option_seed < 0)
    return dc_command_usage(name, "--seed must be at least 0");

  g_autoptr(GError) error = NULL;
  if (!write_all(option_output, &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
