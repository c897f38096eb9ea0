/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/tags.h"

#include "collection/listing.h"
#include "command.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#define MOST_BYTES 65536 /* of an attribute, by the kernel */
#define TOOLKIT    "driftcluster"

static const char group_attribute[] = "user.driftcluster.group";
static const char tags_attribute[] = "user.xdg.tags";

/* Calls `visit` for every picture with its path below the folder, group and family. */
typedef void (*Visit)(const char *path, const char *group, const char *family, gpointer user_data);

static gboolean
visit_pictures(DcCollection *collection, Visit visit, gpointer user_data, GError **error)
{
  g_autoptr(GHashTable) families = dc_listing_families(collection, error);
  if (!families)
    return FALSE;
  sqlite3_stmt *query =
      dc_query(collection->database, "SELECT p.path, g.name, g.id FROM pictures p JOIN groups g ON "
                                     "g.id = p.group_id ORDER BY p.path");
  while (dc_query_next(collection->database, query)) {
    g_autofree char *path =
        g_strndup(sqlite3_column_blob(query, 0), (gsize)sqlite3_column_bytes(query, 0));
    gint64 id = sqlite3_column_int64(query, 2);
    const char *family = g_hash_table_lookup(families, &id);
    visit(path, (const char *)sqlite3_column_text(query, 1), family ? family : "", user_data);
  }
  return dc_database_check(collection->database, error);
}

/* --- extended attributes --- */

char *
dc_xdg_tags_merge(const char *tags, const char *before, const char *now)
{
  g_auto(GStrv) parts = g_strsplit(tags ? tags : "", ",", -1);
  g_autofree char *own = g_strdelimit(g_strdup(now), ",", ' ');
  g_autofree char *former = before ? g_strdelimit(g_strdup(before), ",", ' ') : NULL;
  GString *merged = g_string_new(NULL);
  for (gsize i = 0; parts[i]; i++) {
    if (!*parts[i] || strcmp(parts[i], own) == 0 || g_strcmp0(parts[i], former) == 0)
      continue;
    g_string_append_printf(merged, "%s,", parts[i]);
  }
  return g_string_free(g_string_append(merged, own), FALSE);
}

/* NULL when there is none; an attribute may hold any bytes. */
static char *
read_attribute(const char *path, const char *name)
{
  g_autofree char *value = g_malloc(MOST_BYTES + 1);
  ssize_t size = getxattr(path, name, value, MOST_BYTES);
  return size < 0 ? NULL : g_strndup(value, (gsize)size);
}

typedef struct {
  DcCollection *collection;
  gint64 done, failed;
  int reason; /* errno of the first that failed */
  char *first;
} Tagging;

static void
tag_picture(const char *path, const char *group, const char *family, gpointer user_data)
{
  (void)family;
  Tagging *tagging = user_data;
  g_autofree char *full = g_build_filename(tagging->collection->folder, path, NULL);
  g_autofree char *tags = read_attribute(full, tags_attribute);
  g_autofree char *before = read_attribute(full, group_attribute);
  g_autofree char *merged = dc_xdg_tags_merge(tags, before, group);
  if (setxattr(full, tags_attribute, merged, strlen(merged), 0) == 0 &&
      setxattr(full, group_attribute, group, strlen(group), 0) == 0) {
    tagging->done++;
    return;
  }
  if (tagging->failed++ == 0) {
    tagging->reason = errno;
    tagging->first = g_filename_display_name(full);
  }
}

gboolean
dc_tag_xattr(DcCollection *collection, GError **error)
{
  Tagging tagging = {.collection = collection};
  gboolean well = visit_pictures(collection, tag_picture, &tagging, error);
  g_autofree char *first = tagging.first;
  const char *advice = tagging.reason == ENOTSUP
                           ? " (this file system has no extended attributes; use --tag xmp)"
                           : "";
  if (well && tagging.failed > 0 && tagging.done == 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "no picture could be tagged; %s: %s%s", first,
                g_strerror(tagging.reason), advice);
    return FALSE;
  }
  if (tagging.failed > 0)
    fprintf(stderr, "%" G_GINT64_FORMAT " pictures could not be tagged; the first: %s: %s%s\n",
            tagging.failed, first, g_strerror(tagging.reason), advice);
  return well;
}

/* --- sidecars --- */

/* Control characters are nothing that XML 1.0 has room for. */
static char *
escape(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  for (char *at = valid; *at; at++)
    if ((guchar)*at < 0x20)
      *at = ' ';
  return g_markup_escape_text(valid, -1);
}

char *
dc_xmp_text(const char *family, const char *group)
{
  g_autofree char *fine = escape(group);
  g_autofree char *coarse = escape(family);
  g_autofree char *leaf = g_strdelimit(g_strdup(fine), "|", '/'); /* "|" parts the levels */
  return g_strdup_printf(
      "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"" TOOLKIT "\">\n"
      " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
      "  <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"\n"
      "    xmlns:lr=\"http://ns.adobe.com/lightroom/1.0/\">\n"
      "   <dc:subject><rdf:Bag><rdf:li>%s</rdf:li></rdf:Bag></dc:subject>\n"
      "   <lr:hierarchicalSubject><rdf:Bag><rdf:li>%s|%s</rdf:li></rdf:Bag>"
      "</lr:hierarchicalSubject>\n"
      "  </rdf:Description>\n"
      " </rdf:RDF>\n"
      "</x:xmpmeta>\n"
      "<?xpacket end=\"w\"?>\n",
      fine, coarse, leaf);
}

typedef struct {
  const char *folder;
  gint64 others; /* sidecars of other programs */
  char *first;
  GError *failure;
} Sidecars;

static gboolean
is_of_others(const char *path)
{
  g_autofree char *text = NULL;
  return g_file_get_contents(path, &text, NULL, NULL) && !strstr(text, "x:xmptk=\"" TOOLKIT "\"");
}

static void
write_sidecar(const char *path, const char *group, const char *family, gpointer user_data)
{
  Sidecars *sidecars = user_data;
  g_autofree char *name = g_strconcat(path, ".xmp", NULL);
  g_autofree char *full = g_build_filename(sidecars->folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname(full);
  g_autofree char *text = dc_xmp_text(family, group);
  if (sidecars->failure)
    return;
  if (is_of_others(full)) {
    if (sidecars->others++ == 0)
      sidecars->first = g_filename_display_name(full);
    return;
  }
  if (g_mkdir_with_parents(parent, 0777) != 0)
    g_set_error(&sidecars->failure, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: cannot make the folder: %s",
                parent, g_strerror(errno));
  else
    g_file_set_contents_full(full, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0666,
                             &sidecars->failure);
}

gboolean
dc_tag_xmp(DcCollection *collection, const char *folder, GError **error)
{
  Sidecars sidecars = {.folder = folder};
  gboolean well = visit_pictures(collection, write_sidecar, &sidecars, error);
  g_autofree char *first = sidecars.first;
  if (sidecars.others > 0)
    fprintf(stderr, "%" G_GINT64_FORMAT " sidecars of other programs were left as they are: %s%s\n",
            sidecars.others, first, sidecars.others > 1 ? " ..." : "");
  if (!sidecars.failure)
    return well;
  g_clear_error(error);
  g_propagate_error(error, sidecars.failure);
  return FALSE;
}
