/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster serve: the page of a collection in a browser, with names and edits. */
#include "collection/server.h"
#include "command.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

static char *option_address;
static gint option_port = 8200;

static const GOptionEntry entries[] = {
    {"port", 'p', 0, G_OPTION_ARG_INT, &option_port,
     "port to listen at (8200); 0: any that is free", "N"},
    {"address", 'a', 0, G_OPTION_ARG_STRING, &option_address,
     "numeric address to listen at (unset: this machine only). Whoever reaches it sees the "
     "pictures",
     "ADDRESS"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Shows the page in OUTPUT to a browser. The address that is printed holds a token: who has it "
    "may name,\n"
    "merge, split and pin groups. OUTPUT was made by `driftcluster categorise`: edits are kept "
    "there, and a\n"
    "running `driftcluster categorise --watch` follows them; or by the element gallery-sink with "
    "edits=true:\n"
    "they go to its stream as long as that runs.";

static gboolean
stop(gpointer loop)
{
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static gboolean
serve(const char *output, GError **error)
{
  g_autoptr(DcSite) site = dc_is_gallery(output) ? dc_gallery_site_new(output, error)
                                                 : dc_collection_site_new(output, error);
  if (!site)
    return FALSE;
  DcServerOptions options = {option_address, (guint)option_port};
  DcServer *server = dc_server_new(site, &options, error);
  if (!server)
    return FALSE;
  printf("%s#token=%s\n", dc_server_address(server), dc_server_token(server));
  fflush(stdout);
  fprintf(stderr, "Open this address in a browser; Ctrl-C ends\n");
  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  g_unix_signal_add(SIGINT, stop, loop);
  g_unix_signal_add(SIGTERM, stop, loop);
  g_main_loop_run(loop);
  g_main_loop_unref(loop);
  dc_server_free(server);
  return TRUE;
}

int
dc_command_serve(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "OUTPUT", summary, entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(
        name, "the folder that `driftcluster categorise` or gallery-sink made is needed");
  if (option_port < 0 || option_port > 65535)
    return dc_command_usage(name, "--port must lie in 0..65535");
  g_autoptr(GError) error = NULL;
  if (!serve(argv[1], &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
