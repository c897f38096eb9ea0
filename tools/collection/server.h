/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_SERVER_H
#define DC_TOOLS_COLLECTION_SERVER_H

#include "collection/site.h"

G_BEGIN_DECLS

/* Shows the page of a site to browsers, tells them of changes, and takes edits from those that have
 * the token. What it gives out are the files of the page, those that the site names, and pictures
 * that lie in the folder of a collection; docs/collections.md lists what it refuses. Runs in the
 * main context of the thread that makes it. */
typedef struct DcServer DcServer;

typedef struct {
  const char *address; /* numeric, to listen at; NULL: the loopback of IPv4 and IPv6 */
  guint port;          /* 0: any that is free */
} DcServerOptions;

/* Listens from now on. `site` must outlive the server. */
DcServer *dc_server_new(DcSite *site, const DcServerOptions *options, GError **error);
void dc_server_free(DcServer *server); /* NULL is ignored */

/* Where the page is, "http://127.0.0.1:8200/"; owned by the server. */
const char *dc_server_address(const DcServer *server);

/* What edits must bring; 32 hexadecimal digits, new for each server. */
const char *dc_server_token(const DcServer *server);

G_END_DECLS

#endif
