/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster categorise: groups of a folder of pictures, and a page that shows them. */
#include "collection/exports.h"
#include "collection/paths.h"
#include "collection/session.h"
#include "collection/tags.h"
#include "collection/watch.h"
#include "command.h"
#include "interrupt.h"

#include <stdio.h>
#include <string.h>

#define MOST_GROUPS  1000
#define MOST_THREADS 64

#define LEARNING_PERIOD 100000 /* microseconds between looks at how learning stands */

static char *option_model;
static char *option_title;
static char *option_csv;
static char *option_links;
static char *option_tag;
static gint option_groups = DC_SESSION_GROUPS_AS_BEFORE;
static gint option_threads = 2;
static gint64 option_seed = DC_SESSION_SEED_AS_BEFORE;
static gboolean option_watch;
static gboolean option_regroup;
static gboolean option_fresh;
static gboolean option_learn;
static gint option_learn_epochs = 60;

static const GOptionEntry entries[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &option_model,
     "network that sees the pictures: an ONNX file, or a model of driftcluster (recommended for "
     "photographs; unset: the built-in descriptor, or the one of last time)",
     "FILE"},
    {"learn", 'l', 0, G_OPTION_ARG_NONE, &option_learn,
     "learn a network from the pictures themselves in the background, and see by it if its groups "
     "are more stable",
     NULL},
    {"learn-epochs", 0, 0, G_OPTION_ARG_INT, &option_learn_epochs,
     "passes over the pictures while learning (60)", "N"},
    {"groups", 'k', 0, G_OPTION_ARG_INT, &option_groups,
     "number of groups (that of last time; 0, as at first: half the square root of the number of "
     "pictures)",
     "N"},
    {"watch", 'w', 0, G_OPTION_ARG_NONE, &option_watch,
     "go on: group new pictures as they come, drop deleted ones, until Ctrl-C", NULL},
    {"regroup", 0, 0, G_OPTION_ARG_NONE, &option_regroup,
     "find groups anew; those that a person has named, merged, split or pinned stay", NULL},
    {"fresh", 0, 0, G_OPTION_ARG_NONE, &option_fresh,
     "forget what is in OUTPUT, names too, and begin anew", NULL},
    {"title", 0, 0, G_OPTION_ARG_STRING, &option_title,
     "heading of the page (the name of the folder)", "TEXT"},
    {"csv", 0, 0, G_OPTION_ARG_FILENAME, &option_csv,
     "write a line for each picture with its group, too", "FILE"},
    {"links", 0, 0, G_OPTION_ARG_FILENAME, &option_links,
     "make a folder for each group with symbolic links to its pictures, too", "DIR"},
    {"tag", 0, 0, G_OPTION_ARG_STRING, &option_tag,
     "tag pictures with their group, too: xattr (extended attributes of the files), xmp (sidecars "
     "in "
     "OUTPUT/xmp) or xmp-beside (sidecars beside the pictures)",
     "HOW"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &option_seed,
     "start of the random numbers (1, or that of last time): equal ones, equal groups", "N"},
    {"threads", 't', 0, G_OPTION_ARG_INT, &option_threads,
     "threads that look at pictures (2); each holds one at a time", "N"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Groups the pictures in FOLDER and below it, and writes OUTPUT/index.html, a page that shows "
    "the groups\n"
    "and needs no server (OUTPUT: FOLDER's name with \"-groups\", here). Pictures are JPEG, PNG, "
    "GIF, WebP,\n"
    "BMP and TIFF files of at most 67108864 pixels; they are never changed. What was found out is "
    "kept in\n"
    "OUTPUT: a second run looks only at what is new, and an interrupted one goes on.\n\n"
    "The built-in descriptor sees colours and outlines. Photographs of things are grouped far "
    "better by a\n"
    "network that was learnt on others: --model NET.onnx (docs/encoders.md tells where from).";

static char *
default_output(const char *folder)
{
  g_autofree char *absolute = g_canonicalize_filename(folder, NULL);
  g_autofree char *name = g_path_get_basename(absolute);
  return g_strconcat(name, "-groups", NULL);
}

static void
tell_result(DcSession *session)
{
  DcCollection *collection = dc_session_collection(session);
  gint64 unreadable = dc_collection_count(collection, DC_PICTURE_UNREADABLE);
  gint64 waiting = dc_collection_count(collection, DC_PICTURE_WAITING);
  gint64 groups = dc_query_number(collection->database,
                                  dc_query(collection->database, "SELECT count(*) FROM groups"), 0);
  g_autofree char *page = g_build_filename(collection->output, "index.html", NULL);
  printf("%" G_GINT64_FORMAT " pictures in %" G_GINT64_FORMAT " groups: %s\n",
         dc_collection_count(collection, DC_PICTURE_EMBEDDED), groups, page);
  if (unreadable > 0)
    printf("%" G_GINT64_FORMAT " files cannot be read; the page lists them\n", unreadable);
  if (waiting > 0)
    printf("%" G_GINT64_FORMAT " pictures were not looked at yet; start again to go on\n", waiting);
  fflush(stdout);
}

static gboolean
tag(DcCollection *collection, GError **error)
{
  if (strcmp(option_tag, "xattr") == 0)
    return dc_tag_xattr(collection, error);
  if (strcmp(option_tag, "xmp-beside") == 0)
    return dc_tag_xmp(collection, collection->folder, error);
  g_autofree char *folder = g_build_filename(collection->output, "xmp", NULL);
  return dc_tag_xmp(collection, folder, error);
}

static gboolean
is_way_to_tag(const char *text)
{
  static const char *const ways[] = {"xattr", "xmp", "xmp-beside", NULL};
  return g_strv_contains(ways, text);
}

/* A scan follows links, so those of one run would be pictures of the next. It leaves out OUTPUT. */
static gboolean
would_find_links(const char *folder, const char *output)
{
  g_autofree char *links = dc_path_resolve(option_links);
  g_autofree char *pictures = dc_path_resolve(folder);
  g_autofree char *left_out = dc_path_resolve(output);
  return dc_path_is_within(links, pictures) && !dc_path_is_within(links, left_out);
}

static gboolean
check_exports(DcCollection *collection, GError **error)
{
  return (!option_csv || dc_export_csv_check(option_csv, error)) &&
         (!option_links || dc_export_links_check(collection, option_links, error));
}

static gboolean
export_groups(DcSession *session, GError **error)
{
  DcCollection *collection = dc_session_collection(session);
  return (!option_csv || dc_export_csv(collection, option_csv, error)) &&
         (!option_links || dc_export_links(collection, option_links, error)) &&
         (!option_tag || tag(collection, error));
}

/* The groups so far are there to be used meanwhile. */
static gboolean
learn(DcSession *session, GError **error)
{
  if (!option_learn || dc_interrupted())
    return TRUE;
  tell_result(session);
  if (!dc_session_set_status(session, "learning", error))
    return FALSE;
  while (dc_session_is_learning(session) && !dc_interrupted()) {
    if (!dc_session_teach(session, error) || !dc_session_heed_edits(session, error))
      return FALSE;
    g_usleep(LEARNING_PERIOD);
  }
  return TRUE;
}

static gboolean
work(DcSession *session, GError **error)
{
  if (!dc_session_run(session, error))
    return FALSE;
  if (option_watch && !dc_interrupted()) {
    tell_result(session);
    return export_groups(session, error) && dc_watch(session, error) &&
           dc_session_set_status(session, NULL, error) && export_groups(session, error);
  }
  if (!learn(session, error) || !dc_session_set_status(session, NULL, error))
    return FALSE;
  tell_result(session);
  return export_groups(session, error);
}

static int
categorise(const char *name, const char *folder, const char *output)
{
  g_autoptr(GError) error = NULL;
  DcSessionOptions options = {
      .folder = folder,
      .output = output,
      .model = option_model,
      .title = option_title,
      .groups = option_groups,
      .threads = (guint)option_threads,
      .seed = option_seed,
      .regroup = option_regroup,
      .learn = option_learn ? (guint)option_learn_epochs : 0,
      .fresh = option_fresh,
      .check = check_exports,
  };
  dc_interrupt_catch();
  DcSession *session = dc_session_new(&options, &error);
  gboolean well = session && work(session, &error);
  gboolean early =
      well && ((!option_watch && dc_session_is_learning(session)) ||
               dc_collection_count(dc_session_collection(session), DC_PICTURE_WAITING) > 0);
  dc_session_free(session);
  if (!well)
    return dc_command_failed(name, error);
  return early ? DC_EXIT_INTERRUPTED : DC_EXIT_OK;
}

int
dc_command_categorise(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "FOLDER [OUTPUT]", summary, entries))
    return DC_EXIT_USAGE;
  if (argc < 2 || argc > 3)
    return dc_command_usage(name, "one folder is needed, and at most one OUTPUT");
  if (option_groups != DC_SESSION_GROUPS_AS_BEFORE &&
      (option_groups < 0 || option_groups > MOST_GROUPS))
    return dc_command_usage(name, "--groups must lie in 0..%d", MOST_GROUPS);
  if (option_threads < 1 || option_threads > MOST_THREADS)
    return dc_command_usage(name, "--threads must lie in 1..%d", MOST_THREADS);
  if (option_tag && !is_way_to_tag(option_tag))
    return dc_command_usage(name, "--tag must be xattr, xmp or xmp-beside");
  if (option_learn && option_model)
    return dc_command_usage(name, "--learn is for the built-in descriptor: not with --model");
  if (option_learn_epochs < 1)
    return dc_command_usage(name, "--learn-epochs must be at least 1");
  if (option_seed != DC_SESSION_SEED_AS_BEFORE && option_seed < 0)
    return dc_command_usage(name, "--seed must be at least 0");
  g_autofree char *output = argc == 3 ? g_strdup(argv[2]) : default_output(argv[1]);
  if (option_links && would_find_links(argv[1], output))
    return dc_command_usage(name,
                            "--links: %s lies in %s, where its links would be taken for further "
                            "pictures; name a folder elsewhere, or one in OUTPUT",
                            option_links, argv[1]);
  return categorise(name, argv[1], output);
}
