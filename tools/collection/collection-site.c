/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* realpath() */
#include "collection/site.h"

#include "collection/edit-request.h"
#include "collection/neighbours.h"
#include "collection/page-resources.h"
#include "collection/page.h"
#include "collection/paths.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>

typedef struct {
  DcSite site;
  DcCollection *collection;
  DcPage *page;
} CollectionSite;

static CollectionSite *
mine(DcSite *site)
{
  return (CollectionSite *)site;
}

static GBytes *
page_file(DcSite *site, const char *name)
{
  (void)site;
  return g_strv_contains(dc_page_resources, name) ? dc_page_resource(name) : NULL;
}

/* The real path of a picture, if it lies in the real folder. */
static char *
resolve(const DcCollection *collection, const char *path)
{
  char folder[PATH_MAX], file[PATH_MAX];
  g_autofree char *full = g_build_filename(collection->folder, path, NULL);
  if (!realpath(collection->folder, folder) || !realpath(full, file))
    return NULL;
  return dc_path_is_within(file, folder) ? g_strdup(file) : NULL;
}

static gboolean
picture(DcSite *site, gint64 id, char **name, char **file)
{
  DcCollection *collection = mine(site)->collection;
  sqlite3_stmt *query = dc_query(collection->database, "SELECT path FROM pictures WHERE id = ?");
  sqlite3_bind_int64(query, 1, id);
  if (!dc_query_next(collection->database, query)) {
    dc_database_check(collection->database, NULL);
    return FALSE;
  }
  *name = g_strndup(sqlite3_column_blob(query, 0), (gsize)sqlite3_column_bytes(query, 0));
  dc_query_end(query);
  *file = resolve(collection, *name);
  return TRUE;
}

static gboolean
edit(DcSite *site, const char *text, gsize length, GError **error)
{
  return dc_edit_request(mine(site)->collection, text, length, error);
}

static gboolean
publish(DcSite *site, GError **error)
{
  DcCollection *collection = mine(site)->collection;
  gsize dim = (gsize)dc_collection_number(collection, "dim");
  return dc_neighbours_update(collection, dim, error) && dc_page_publish(mine(site)->page, error);
}

static void
free_site(DcSite *site)
{
  dc_page_free(mine(site)->page);
  dc_collection_close(mine(site)->collection);
  g_free(site->folder);
  g_free(site);
}

DcSite *
dc_collection_site_new(const char *output, GError **error)
{
  g_autoptr(DcCollection) collection = dc_collection_open(output, error);
  if (!collection)
    return NULL;
  CollectionSite *made = g_new0(CollectionSite, 1);
  made->site = (DcSite){
      .folder = g_strdup(collection->output),
      /* Names of this form only: no others are made, and none can lead elsewhere. */
      .files = "^(data/[a-z]{1,20}(-[0-9]{1,19})?\\.js|thumbs/[0-9]{1,19}/[0-9]{1,19}\\.jpg)$",
      .lasting = "thumbs/", /* the number of a thumbnail is never used again */
      .index = "index.js",
      .page_file = page_file,
      .picture = picture,
      .edit = edit,
      .publish = publish,
      .free = free_site,
  };
  made->page = dc_page_new(collection);
  made->collection = g_steal_pointer(&collection);
  if (dc_page_publish(made->page, error))
    return &made->site;
  free_site(&made->site);
  return NULL;
}
