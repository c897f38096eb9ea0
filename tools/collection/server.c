/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* getentropy() */
#include "collection/server.h"

#include "command.h"

#include <errno.h>
#include <gio/gio.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_REQUEST   4096                /* bytes of an edit */
#define MOST_FILE      ((gint64)256 << 20) /* bytes of a picture that is given out */
#define MOST_LISTENERS 64                  /* pages that are told of changes */
#define TOKEN_BYTES    16
#define TELL_DELAY     20 /* ms: several changes at once are told once */
#define HTTP_PORT      80 /* what a request means that names none */

struct DcServer {
  DcSite *site;
  SoupServer *soup;
  char *address;
  char *token;
  guint port;
  GPtrArray *hosts;     /* what a request may name as its host, without the port */
  gboolean everywhere;  /* it may also name any numeric address */
  GPtrArray *listeners; /* of SoupServerMessage, which wait for events */
  GFileMonitor *monitor;
  guint telling; /* source that tells the listeners; 0: nothing to tell */
};

/* --- answers --- */

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void
set_headers(SoupServerMessage *message, const char *cache)
{
  const char *const headers[][2] = {
      {"Content-Security-Policy", policy},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cache-Control", cache},
  };
  SoupMessageHeaders *response = soup_server_message_get_response_headers(message);
  for (gsize i = 0; i < G_N_ELEMENTS(headers); i++)
    soup_message_headers_replace(response, headers[i][0], headers[i][1]);
}

static void
answer_text(SoupServerMessage *message, guint status, const char *text)
{
  set_headers(message, "no-store");
  soup_server_message_set_status(message, status, NULL);
  soup_server_message_set_response(message, "text/plain; charset=utf-8", SOUP_MEMORY_COPY, text,
                                   strlen(text));
}

static void
answer_bytes(SoupServerMessage *message, const char *type, const char *cache, GBytes *bytes)
{
  set_headers(message, cache);
  soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
  soup_message_headers_set_content_type(soup_server_message_get_response_headers(message), type,
                                        NULL);
  soup_message_body_append_bytes(soup_server_message_get_response_body(message), bytes);
}

static void
not_found(SoupServerMessage *message)
{
  answer_text(message, SOUP_STATUS_NOT_FOUND, "there is no such file");
}

/* A regular file, not through a link. */
static void
answer_file(SoupServerMessage *message, const char *path, const char *type, const char *cache)
{
  struct stat info;
  char *data;
  gsize size;
  if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode))
    not_found(message);
  else if (info.st_size > MOST_FILE)
    answer_text(message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "this picture is too large");
  else if (!g_file_get_contents(path, &data, &size, NULL))
    not_found(message);
  else {
    g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
    answer_bytes(message, type, cache, bytes);
  }
}

/* --- what is given out --- */

static const char *
type_of(const char *name)
{
  static const char *const types[][2] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".png", "image/png"},
      {".gif", "image/gif"},
      {".webp", "image/webp"},
      {".bmp", "image/bmp"},
      {".tif", "image/tiff"},
      {".tiff", "image/tiff"},
  };
  g_autofree char *lower = g_ascii_strdown(name, -1);
  for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
    if (g_str_has_suffix(lower, types[i][0]))
      return types[i][1];
  return "application/octet-stream";
}

static gboolean
answer_page_file(DcServer *server, SoupServerMessage *message, const char *name)
{
  g_autoptr(GBytes) bytes = server->site->page_file(server->site, name);
  if (bytes)
    answer_bytes(message, type_of(name), "no-cache", bytes);
  return bytes != NULL;
}

static gboolean
is_given_out(const DcServer *server, const char *name)
{
  return g_regex_match_simple(server->site->files, name, G_REGEX_DOLLAR_ENDONLY, 0);
}

static void
answer_site_file(DcServer *server, SoupServerMessage *message, const char *name)
{
  const char *lasting = server->site->lasting;
  g_autofree char *path = g_build_filename(server->site->folder, name, NULL);
  answer_file(message, path, type_of(name),
              lasting && g_str_has_prefix(name, lasting) ? "private, max-age=31536000, immutable"
                                                         : "no-cache");
}

static void
answer_picture(DcServer *server, SoupServerMessage *message, const char *number)
{
  DcSite *site = server->site;
  g_autofree char *name = NULL, *file = NULL;
  if (!site->picture || !site->picture(site, g_ascii_strtoll(number, NULL, 10), &name, &file))
    not_found(message);
  else if (file)
    answer_file(message, file, type_of(name), "private, no-cache");
  else
    answer_text(message, SOUP_STATUS_FORBIDDEN, "this picture is gone, or not in the folder");
}

/* --- telling of changes --- */

static void
forget_listener(SoupServerMessage *message, gpointer data)
{
  DcServer *server = data;
  g_ptr_array_remove_fast(server->listeners, message);
}

/* Whether the page that listens has gone. It sends nothing more, so that anything but silence is
 * the end; the server itself notices when it next has something to tell. */
static gboolean
has_gone(SoupServerMessage *message)
{
  GSocket *socket = soup_server_message_get_socket(message);
  char byte;
  return socket && recv(g_socket_get_fd(socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Pages that were closed must not keep others from listening. */
static void
let_go(DcServer *server)
{
  for (guint i = server->listeners->len; i-- > 0;) {
    SoupServerMessage *message = g_ptr_array_index(server->listeners, i);
    if (!has_gone(message))
      continue;
    g_signal_handlers_disconnect_by_data(message, server);
    soup_message_body_complete(soup_server_message_get_response_body(message));
    soup_server_message_unpause(message);
    g_ptr_array_remove_index_fast(server->listeners, i);
  }
}

static void
begin_events(DcServer *server, SoupServerMessage *message)
{
  let_go(server);
  if (server->listeners->len >= MOST_LISTENERS) {
    answer_text(message, SOUP_STATUS_SERVICE_UNAVAILABLE, "too many pages are open");
    return;
  }
  set_headers(message, "no-store");
  soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  soup_message_headers_set_content_type(headers, "text/event-stream", NULL);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  SoupMessageBody *body = soup_server_message_get_response_body(message);
  soup_message_body_set_accumulate(body, FALSE);
  soup_message_body_append(body, SOUP_MEMORY_STATIC, "data: hello\n\n", 13);
  g_ptr_array_add(server->listeners, g_object_ref(message));
  g_signal_connect(message, "finished", G_CALLBACK(forget_listener), server);
}

static gboolean
tell(gpointer data)
{
  DcServer *server = data;
  server->telling = 0;
  for (guint i = 0; i < server->listeners->len; i++) {
    SoupServerMessage *message = g_ptr_array_index(server->listeners, i);
    soup_message_body_append(soup_server_message_get_response_body(message), SOUP_MEMORY_STATIC,
                             "data: changed\n\n", 15);
    soup_server_message_unpause(message);
  }
  return G_SOURCE_REMOVE;
}

static gboolean
is_index(const DcServer *server, GFile *file)
{
  g_autofree char *name = file ? g_file_get_basename(file) : NULL;
  return g_strcmp0(name, server->site->index) == 0;
}

static void
on_data(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, gpointer data)
{
  (void)monitor, (void)event;
  DcServer *server = data;
  if ((is_index(server, file) || is_index(server, other)) && !server->telling)
    server->telling = g_timeout_add(TELL_DELAY, tell, server);
}

/* --- edits --- */

/* Compares in a time that does not tell how much of it is right. */
static gboolean
is_token(const DcServer *server, const char *given)
{
  gsize length = strlen(server->token);
  if (!given || strlen(given) != length)
    return FALSE;
  guint8 difference = 0;
  for (gsize i = 0; i < length; i++)
    difference |= (guint8)(given[i] ^ server->token[i]);
  return difference == 0;
}

/* Why an edit is refused; NULL: it may be tried. */
static const char *
reason_to_refuse(const DcServer *server, SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
  const char *type = soup_message_headers_get_content_type(headers, NULL);
  if (!is_token(server, soup_message_headers_get_one(headers, "X-Driftcluster-Token")))
    return "this needs the token that driftcluster serve printed";
  if (g_strcmp0(type, "application/json") != 0)
    return "an edit is application/json";
  return NULL;
}

static void
answer_edit(DcServer *server, SoupServerMessage *message)
{
  const char *reason = reason_to_refuse(server, message);
  if (reason) {
    answer_text(message, SOUP_STATUS_FORBIDDEN, reason);
    return;
  }
  DcSite *site = server->site;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) body = soup_message_body_flatten(soup_server_message_get_request_body(message));
  gsize length;
  const char *text = g_bytes_get_data(body, &length);
  if (!site->edit(site, text ? text : "", length, &error))
    answer_text(message,
                error->code == -DC_ERROR_NOT_READY ? SOUP_STATUS_SERVICE_UNAVAILABLE
                                                   : SOUP_STATUS_BAD_REQUEST,
                error->message);
  else if (site->publish && !site->publish(site, &error))
    answer_text(message, SOUP_STATUS_INTERNAL_SERVER_ERROR, error->message);
  else
    answer_text(message, SOUP_STATUS_OK, "done");
}

/* --- requests --- */

/* An address as all others write it, too: "::1" for "0:0::1"; other names as they are. */
static char *
plain_host(const char *name)
{
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(name);
  return address ? g_inet_address_to_string(address) : g_ascii_strdown(name, -1);
}

/* `host` is a name or an address (in brackets where it has colons), and a port behind it. */
static gboolean
is_own_host(const DcServer *server, const char *host)
{
  g_autoptr(GSocketConnectable) place = g_network_address_parse(host, HTTP_PORT, NULL);
  if (!place || g_network_address_get_port(G_NETWORK_ADDRESS(place)) != server->port)
    return FALSE;
  const char *name = g_network_address_get_hostname(G_NETWORK_ADDRESS(place));
  g_autofree char *plain = plain_host(name);
  return (server->everywhere && g_hostname_is_ip_address(name)) ||
         g_ptr_array_find_with_equal_func(server->hosts, plain, g_str_equal, NULL);
}

/* A page elsewhere whose name was made to mean this machine (DNS rebinding) names itself as host;
 * one that only sends requests here names itself as origin. */
static gboolean
comes_from_here(const DcServer *server, SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
  const char *host = soup_message_headers_get_one(headers, "Host");
  const char *origin = soup_message_headers_get_one(headers, "Origin");
  const char *site = soup_message_headers_get_one(headers, "Sec-Fetch-Site");
  if (!host || !is_own_host(server, host) || g_strcmp0(site, "cross-site") == 0)
    return FALSE;
  return !origin || (g_str_has_prefix(origin, "http://") &&
                     g_ascii_strcasecmp(origin + strlen("http://"), host) == 0);
}

/* Before the body is read: refuses what may not come in, and keeps none of it. */
static void
on_early(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
         gpointer data)
{
  (void)soup, (void)query;
  DcServer *server = data;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
  const char *method = soup_server_message_get_method(message);
  gboolean edit = strcmp(path, "/edit") == 0;
  gboolean allowed =
      strcmp(method, edit ? "POST" : "GET") == 0 || (!edit && strcmp(method, "HEAD") == 0);
  SoupEncoding encoding = soup_message_headers_get_encoding(headers);
  goffset length = soup_message_headers_get_content_length(headers);
  gboolean small = encoding == SOUP_ENCODING_NONE ||
                   (encoding == SOUP_ENCODING_CONTENT_LENGTH && length <= MOST_REQUEST);
  if (!comes_from_here(server, message))
    answer_text(message, SOUP_STATUS_FORBIDDEN, "this address belongs to another page");
  else if (!allowed)
    answer_text(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "this cannot be done here");
  else if (!small)
    answer_text(message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "an edit has at most 4096 bytes");
  if (soup_server_message_get_status(message) != SOUP_STATUS_NONE)
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
}

static void
on_request(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
           gpointer data)
{
  (void)soup, (void)query;
  DcServer *server = data;
  const char *name = path[0] == '/' ? path + 1 : path;
  if (strcmp(name, "") == 0)
    name = "index.html";
  if (strcmp(name, "edit") == 0)
    answer_edit(server, message);
  else if (strcmp(name, "events") == 0)
    begin_events(server, message);
  else if (g_regex_match_simple("^picture/[0-9]{1,18}$", name, G_REGEX_DOLLAR_ENDONLY, 0))
    answer_picture(server, message, name + strlen("picture/"));
  else if (is_given_out(server, name))
    answer_site_file(server, message, name);
  else if (!answer_page_file(server, message, name))
    not_found(message);
}

/* --- starting --- */

static gboolean
make_token(DcServer *server, GError **error)
{
  guint8 bytes[TOKEN_BYTES];
  if (getentropy(bytes, sizeof bytes) != 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "no token can be made: %s", g_strerror(errno));
    return FALSE;
  }
  GString *token = g_string_new(NULL);
  for (gsize i = 0; i < sizeof bytes; i++)
    g_string_append_printf(token, "%02x", bytes[i]);
  server->token = g_string_free(token, FALSE);
  return TRUE;
}

static gboolean
listen_there(DcServer *server, const DcServerOptions *options, GError **error)
{
  if (!options->address)
    return soup_server_listen_local(server->soup, options->port, 0, error);
  g_autoptr(GSocketAddress) address =
      g_inet_socket_address_new_from_string(options->address, options->port);
  if (address)
    return soup_server_listen(server->soup, address, 0, error);
  g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE,
              "\"%s\" is no numeric address; 0.0.0.0 is all of them", options->address);
  return FALSE;
}

static gboolean
listen_at(DcServer *server, const DcServerOptions *options, GError **error)
{
  g_autoptr(GError) failure = NULL;
  if (listen_there(server, options, &failure))
    return TRUE;
  if (g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
                "port %u is in use, perhaps by another `driftcluster serve`: give another one with "
                "--port N, or --port 0 for any that is free",
                options->port);
  else
    g_propagate_error(error, g_steal_pointer(&failure));
  return FALSE;
}

/* Who made a name mean this machine has no numeric address to name (see comes_from_here()): where
 * the server listens at all addresses, each may be named. */
static void
note_hosts(DcServer *server, const DcServerOptions *options)
{
  const char *const names[] = {"127.0.0.1", "localhost", "::1", options->address};
  for (gsize i = 0; i < G_N_ELEMENTS(names) && names[i]; i++)
    g_ptr_array_add(server->hosts, plain_host(names[i]));
  g_autoptr(GInetAddress) address =
      options->address ? g_inet_address_new_from_string(options->address) : NULL;
  server->everywhere = address && g_inet_address_get_is_any(address);
}

static void
note_address(DcServer *server, const DcServerOptions *options)
{
  GSList *uris = soup_server_get_uris(server->soup);
  server->port = uris ? (guint)g_uri_get_port(uris->data) : 0;
  g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
  const char *host = options->address ? options->address : "127.0.0.1";
  if (server->everywhere) /* of the two protocols, one alone is listened at */
    host = strchr(host, ':') ? "::1" : "127.0.0.1";
  server->address =
      g_strdup_printf(strchr(host, ':') ? "http://[%s]:%u/" : "http://%s:%u/", host, server->port);
}

static void
follow_data(DcServer *server)
{
  g_autofree char *path = g_build_filename(server->site->folder, "data", NULL);
  g_autoptr(GFile) data = g_file_new_for_path(path);
  server->monitor = g_file_monitor_directory(data, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
  if (server->monitor)
    g_signal_connect(server->monitor, "changed", G_CALLBACK(on_data), server);
}

DcServer *
dc_server_new(DcSite *site, const DcServerOptions *options, GError **error)
{
  DcServer *server = g_new0(DcServer, 1);
  server->site = site;
  server->hosts = g_ptr_array_new_with_free_func(g_free);
  server->listeners = g_ptr_array_new_with_free_func(g_object_unref);
  server->soup = soup_server_new(NULL, NULL);
  soup_server_add_early_handler(server->soup, NULL, on_early, server, NULL);
  soup_server_add_handler(server->soup, NULL, on_request, server, NULL);
  if (!make_token(server, error) || !listen_at(server, options, error)) {
    dc_server_free(server);
    return NULL;
  }
  note_hosts(server, options);
  note_address(server, options);
  follow_data(server);
  return server;
}

void
dc_server_free(DcServer *server)
{
  if (!server)
    return;
  if (server->telling)
    g_source_remove(server->telling);
  g_clear_object(&server->monitor);
  for (guint i = 0; i < server->listeners->len; i++)
    g_signal_handlers_disconnect_by_data(g_ptr_array_index(server->listeners, i), server);
  soup_server_disconnect(server->soup);
  g_object_unref(server->soup);
  g_ptr_array_unref(server->listeners);
  g_ptr_array_unref(server->hosts);
  g_free(server->address);
  g_free(server->token);
  g_free(server);
}

const char *
dc_server_address(const DcServer *server)
{
  return server->address;
}

const char *
dc_server_token(const DcServer *server)
{
  return server->token;
}
