/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _XOPEN_SOURCE 700 /* SIGXFSZ */

#include "command.h"
#include "tensor/blas.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
} Command;

static const Command commands[] = {
    {"categorise", dc_command_categorise,
     "group a folder of pictures, with a page that shows them"},
    {"serve", dc_command_serve, "show that page to a browser, and take names and edits from it"},
    {"train", dc_command_train, "learn an encoder and centroids from pictures or vectors"},
    {"evaluate", dc_command_evaluate, "score a model against labels, as trained and adapted"},
    {"drift", dc_command_drift, "measure methods and their peers on streams under drift"},
    {"embed", dc_command_embed, "write the embeddings of pictures or vectors as a NumPy array"},
    {"import", dc_command_import, "make a model file of a network in an ONNX file"},
    {"export", dc_command_export, "write the encoder of a model as an ONNX file"},
    {"inspect", dc_command_inspect, "tell what a model, state or ONNX file holds"},
    {"state", dc_command_state, "look at state files of adapt-centroids, export and merge them"},
    {"score", dc_command_score, "compare the clusters in a JSON lines file with labels"},
    {"sheet", dc_command_sheet, "draw a contact sheet of a clustered stream"},
    {"timeline", dc_command_timeline, "draw which cluster was seen when"},
    {"frames", dc_command_frames, "write pictures and videos as numbered frames"},
    {"digits", dc_command_digits, "draw a labelled stream of digits whose look drifts"},
    {"points", dc_command_points, "draw labelled points in the plane, to try methods on"},
};

static void
print_help(FILE *stream)
{
  fputs("Usage: driftcluster COMMAND [OPTION...] ...\n\n"
        "Groups what images and streams show, without labels.\n\nCommands:\n",
        stream);
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
    fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fputs("\n`driftcluster COMMAND --help` tells how to use a command.\n", stream);
}

static const Command *
find_command(const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

int
main(int argc, char **argv)
{
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C"); /* JSON has no decimal comma, and options need none */
  signal(SIGXFSZ,
         SIG_IGN); /* a file beyond the user's limit is a failed write, which is reported */
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  if (argc < 2) {
    print_help(stderr);
    return DC_EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
      strcmp(argv[1], "help") == 0) {
    print_help(stdout);
    return DC_EXIT_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("driftcluster " PACKAGE_VERSION);
    return DC_EXIT_OK;
  }
  const Command *command = find_command(argv[1]);
  if (!command) {
    fprintf(stderr, "driftcluster: no command is named \"%s\".\n\n", argv[1]);
    print_help(stderr);
    return DC_EXIT_USAGE;
  }
  return command->run(argc - 1, argv + 1);
}
