/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* fchmod() */
#include "common/gallery-edits.h"

#include "common/cluster-command.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define OWNER_ALONE 0600
#define PATIENCE    2 /* seconds that a client may be silent */
#define BACKLOG     8

struct DcGalleryEdits {
  gint folder; /* descriptor */
  GSocket *socket;
  GCancellable *ending;
  GThread *thread;
  DcGalleryEdit edit;
  gpointer user_data;
};

/* --- One connection --- */

/* A line without its end, at most DC_GALLERY_MOST_EDIT bytes of it; FALSE when none comes. */
static gboolean
read_line(GSocket *client, GCancellable *ending, gchar *line)
{
  gsize length = 0;

  while (length < DC_GALLERY_MOST_EDIT) {
    gssize size =
        g_socket_receive(client, line + length, DC_GALLERY_MOST_EDIT - length, ending, NULL);
    gchar *end;

    if (size <= 0)
      return FALSE;
    end = memchr(line + length, '\n', (gsize)size);
    if (end) {
      *end = 0;
      return TRUE;
    }
    length += (gsize)size;
  }
  return FALSE;
}

/* A command with the fields that commands have, and no others. NULL: it is none. */
static GstStructure *
read_command(const gchar *line)
{
  static const gchar *const texts[] = {"command", "cluster", "other", "label"};
  GstStructure *command,
      *given = g_utf8_validate(line, -1, NULL) ? gst_structure_from_string(line, NULL) : NULL;
  gboolean on;

  if (!given || !gst_structure_has_name(given, DC_CLUSTER_COMMAND_NAME)) {
    g_clear_pointer(&given, gst_structure_free);
    return NULL;
  }
  command = gst_structure_new_empty(DC_CLUSTER_COMMAND_NAME);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    const gchar *text = gst_structure_get_string(given, texts[i]);

    if (text)
      gst_structure_set(command, texts[i], G_TYPE_STRING, text, NULL);
  }
  if (gst_structure_get_boolean(given, "on", &on))
    gst_structure_set(command, "on", G_TYPE_BOOLEAN, on, NULL);
  gst_structure_free(given);
  return command;
}

/* What is to be answered. */
static gchar *
carry_out(DcGalleryEdits *edits, const gchar *line)
{
  GstStructure *command = read_command(line);
  gchar *reason;

  if (!command)
    return g_strdup("this is no " DC_CLUSTER_COMMAND_NAME);
  reason = edits->edit(edits->user_data, command);
  return reason ? g_strdelimit(reason, "\n", ' ') : g_strdup(DC_GALLERY_DONE);
}

static void
send_line(GSocket *client, GCancellable *ending, const gchar *text)
{
  g_autofree gchar *line = g_strconcat(text, "\n", NULL);
  gsize sent = 0, length = strlen(line);

  while (sent < length) {
    gssize size = g_socket_send(client, line + sent, length - sent, ending, NULL);

    if (size <= 0)
      return;
    sent += (gsize)size;
  }
}

static void
serve(DcGalleryEdits *edits, GSocket *client)
{
  gchar line[DC_GALLERY_MOST_EDIT];
  g_autofree gchar *answer = NULL;

  g_socket_set_timeout(client, PATIENCE);
  if (!read_line(client, edits->ending, line))
    return;
  answer = carry_out(edits, line);
  send_line(client, edits->ending, answer);
}

static gpointer
work(gpointer data)
{
  DcGalleryEdits *edits = data;

  while (!g_cancellable_is_cancelled(edits->ending)) {
    g_autoptr(GSocket) client = g_socket_accept(edits->socket, edits->ending, NULL);

    if (client)
      serve(edits, client);
    else
      g_usleep(1000); /* without descriptors there is no client, and no use in haste */
  }
  return NULL;
}

/* --- The socket --- */

/* The name of a socket has room for 107 bytes, that of a folder may be longer: by its descriptor it
 * is not. */
static GSocketAddress *
socket_address(gint folder)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" DC_GALLERY_SOCKET,
             folder);
  return g_socket_address_new_from_native(&address, sizeof address);
}

static gboolean
open_folder(DcGalleryEdits *edits, const gchar *folder, GError **error)
{
  gint reason;

  edits->folder = g_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  reason = errno;
  if (edits->folder < 0)
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "%s: %s", folder,
                g_strerror(reason));
  return edits->folder >= 0;
}

static gboolean
listen_there(DcGalleryEdits *edits, GError **error)
{
  g_autoptr(GSocketAddress) address = socket_address(edits->folder);

  edits->socket =
      g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (!edits->socket)
    return FALSE;
  /* Before it has a name: nobody else may connect for an instant. */
  fchmod(g_socket_get_fd(edits->socket), OWNER_ALONE);
  unlinkat(edits->folder, DC_GALLERY_SOCKET, 0); /* of one that was killed */
  g_socket_set_listen_backlog(edits->socket, BACKLOG);
  return g_socket_bind(edits->socket, address, FALSE, error) &&
         g_socket_listen(edits->socket, error);
}

DcGalleryEdits *
dc_gallery_edits_new(const gchar *folder, DcGalleryEdit edit, gpointer user_data, GError **error)
{
  g_autoptr(DcGalleryEdits) edits = g_new0(DcGalleryEdits, 1);

  edits->folder = -1;
  edits->edit = edit;
  edits->user_data = user_data;
  edits->ending = g_cancellable_new();
  if (!open_folder(edits, folder, error) || !listen_there(edits, error))
    return NULL;
  edits->thread = g_thread_new("dc-edits", work, edits);
  return g_steal_pointer(&edits);
}

void
dc_gallery_edits_free(DcGalleryEdits *edits)
{
  if (!edits)
    return;
  g_cancellable_cancel(edits->ending);
  if (edits->thread) {
    g_thread_join(edits->thread);
    unlinkat(edits->folder, DC_GALLERY_SOCKET, 0);
  }
  g_clear_object(&edits->socket);
  if (edits->folder >= 0)
    close(edits->folder);
  g_object_unref(edits->ending);
  g_free(edits);
}
