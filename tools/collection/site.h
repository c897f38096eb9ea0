/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_SITE_H
#define DC_TOOLS_COLLECTION_SITE_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* What a server shows and edits: a collection of pictures, or the gallery of a stream. The
 * functions are called by the thread of the server. */
typedef struct DcSite DcSite;

struct DcSite {
  char *folder;        /* of the page; names of files are below it */
  const char *files;   /* regular expression of the names that are given out, apart from the page */
  const char *lasting; /* prefix of those whose content never changes */
  const char *index;   /* the file of "data" that tells when anything has changed */

  /* A file of the page; NULL: it has none of this name. */
  GBytes *(*page_file)(DcSite *site, const char *name);

  /* Picture `id` itself: its name in `name` and where it is in `file` (NULL: it is gone, or not to
   * be given out), both to be freed. FALSE: there is none. May be NULL. */
  gboolean (*picture)(DcSite *site, gint64 id, char **name, char **file);

  /* Does what an edit asks for, an object of JSON. DC_ERROR_NOT_READY: nobody can do it now. */
  gboolean (*edit)(DcSite *site, const char *text, gsize length, GError **error);

  /* Brings the page up to date after it. May be NULL. */
  gboolean (*publish)(DcSite *site, GError **error);

  void (*free)(DcSite *site);
};

/* Of what `driftcluster categorise` made in `output`. */
DcSite *dc_collection_site_new(const char *output, GError **error);

/* Whether gallery-sink made, or is making, the page in `output`. */
gboolean dc_is_gallery(const char *output);

/* Of that; edits go to the stream that is writing it. */
DcSite *dc_gallery_site_new(const char *output, GError **error);

static inline void
dc_site_free(DcSite *site) /* NULL is ignored */
{
  if (site)
    site->free(site);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSite, dc_site_free)

G_END_DECLS

#endif
