/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gallery of a stream. gallery-sink writes it, and takes commands at a socket in its folder:
 * docs/elements/gallery-sink.md describes both. */
#define _DEFAULT_SOURCE /* O_DIRECTORY, O_CLOEXEC */
#include "collection/site.h"

#include "command.h"
#include "common/gallery-edits.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE  10 /* seconds that the stream may take */
#define LOCK_FILE "gallery.lock"

/* --- files --- */

/* The page as its stream wrote it, which may be of another release than this program. */
static GBytes *
page_file(DcSite *site, const char *name)
{
  g_autofree char *path = g_build_filename(site->folder, name, NULL);
  char *data;
  gsize size;
  if (!g_regex_match_simple("^(index\\.html|page/[a-z-]{1,30}\\.(js|css))$", name,
                            G_REGEX_DOLLAR_ENDONLY, 0) ||
      g_file_test(path, G_FILE_TEST_IS_SYMLINK) || !g_file_get_contents(path, &data, &size, NULL))
    return NULL;
  return g_bytes_new_take(data, size);
}

/* --- edits --- */

static gboolean
refuse(GError **error, DcStatus status, const char *text)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -(int)status, text);
  return FALSE;
}

/* The fields of a command that an edit may have; what they mean is known by who carries it out. */
static gboolean
take_fields(JsonObject *edit, GstStructure *command, GError **error)
{
  static const char *const fields[][2] = {
      {"action", "command"}, {"cluster", "cluster"}, {"other", "other"}, {"label", "label"}};
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
    JsonNode *node = json_object_get_member(edit, fields[i][0]);
    if (!node)
      continue;
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
      return refuse(error, DC_ERROR_ARGUMENT, "action, cluster, other and label must be text");
    gst_structure_set(command, fields[i][1], G_TYPE_STRING, json_node_get_string(node), NULL);
  }
  JsonNode *on = json_object_get_member(edit, "on");
  if (!on)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE(on) || json_node_get_value_type(on) != G_TYPE_BOOLEAN)
    return refuse(error, DC_ERROR_ARGUMENT, "\"on\" must be true or false");
  gst_structure_set(command, "on", G_TYPE_BOOLEAN, json_node_get_boolean(on), NULL);
  return TRUE;
}

/* The line that goes to the stream. */
static char *
read_edit(const char *text, gsize length, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonNode *root = g_utf8_validate_len(text, length, NULL) &&
                           json_parser_load_from_data(parser, text, (gssize)length, NULL)
                       ? json_parser_get_root(parser)
                       : NULL;
  if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
    refuse(error, DC_ERROR_ARGUMENT, "the request is not a JSON object");
    return NULL;
  }
  g_autoptr(GstStructure) command = gst_structure_new_empty("driftcluster-command");
  if (!take_fields(json_node_get_object(root), command, error))
    return NULL;
  g_autofree char *line = gst_structure_to_string(command);
  return g_strconcat(line, "\n", NULL);
}

/* The name of a socket has room for 107 bytes: by the descriptor of its folder that is enough. */
static GSocket *
call_stream(DcSite *site)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int folder = g_open(site->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0)
    return NULL;
  g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" DC_GALLERY_SOCKET,
             folder);
  g_autoptr(GSocketAddress) place = g_socket_address_new_from_native(&address, sizeof address);
  g_autoptr(GSocket) socket =
      g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  if (socket)
    g_socket_set_timeout(socket, PATIENCE);
  gboolean there = socket && g_socket_connect(socket, place, NULL, NULL);
  close(folder);
  return there ? g_steal_pointer(&socket) : NULL;
}

/* What the stream answers to a line; FALSE: it does not. */
static gboolean
ask_stream(GSocket *socket, const char *line, char *answer, gsize room)
{
  gsize length = strlen(line), sent = 0, got = 0;
  while (sent < length) {
    gssize size = g_socket_send(socket, line + sent, length - sent, NULL, NULL);
    if (size <= 0)
      return FALSE;
    sent += (gsize)size;
  }
  while (got < room - 1) {
    gssize size = g_socket_receive(socket, answer + got, room - 1 - got, NULL, NULL);
    if (size <= 0)
      break;
    got += (gsize)size;
  }
  answer[got] = 0;
  g_strchomp(answer);
  return got > 0;
}

static gboolean
edit(DcSite *site, const char *text, gsize length, GError **error)
{
  char answer[DC_GALLERY_MOST_EDIT];
  g_autofree char *line = read_edit(text, length, error);
  if (!line)
    return FALSE;
  if (strlen(line) > DC_GALLERY_MOST_EDIT)
    return refuse(error, DC_ERROR_ARGUMENT, "this edit is too long");
  g_autoptr(GSocket) socket = call_stream(site);
  if (!socket)
    return refuse(error, DC_ERROR_NOT_READY,
                  "no stream takes edits here: it has ended, or its gallery-sink lacks edits=true");
  if (!ask_stream(socket, line, answer, sizeof answer))
    return refuse(error, DC_ERROR_NOT_READY, "the stream does not answer");
  return strcmp(answer, DC_GALLERY_DONE) == 0 || refuse(error, DC_ERROR_ARGUMENT, answer);
}

/* --- the site --- */

static void
free_site(DcSite *site)
{
  g_free(site->folder);
  g_free(site);
}

gboolean
dc_is_gallery(const char *output)
{
  g_autofree char *path = g_build_filename(output, LOCK_FILE, NULL);
  return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

DcSite *
dc_gallery_site_new(const char *output, GError **error)
{
  g_autofree char *page = g_build_filename(output, "index.html", NULL);
  if (!g_file_test(page, G_FILE_TEST_IS_REGULAR)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: there is no page; gallery-sink writes it",
                page);
    return NULL;
  }
  gst_init(NULL, NULL); /* commands are structures of GStreamer */
  DcSite *site = g_new0(DcSite, 1);
  *site = (DcSite){
      .folder = g_canonicalize_filename(output, NULL),
      .files = "^(data/groups\\.js|exemplars/[\\w-]{1,64}/[0-9]{1,20}\\.png)$",
      .index = "groups.js",
      .page_file = page_file,
      .edit = edit,
      .free = free_site,
  };
  return site;
}
