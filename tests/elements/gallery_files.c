/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE /* a mount namespace for the disk that is full */
/* The folder of gallery-sink: whose it is, and what happens when it cannot be written to. */
#include "gallery.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

static const gchar *const page_files[] = {"index.html", "page/style.css", "page/common.js",
                                          "page/gallery.js", "data/groups.js"};

static void
write_file(const gchar *folder, const gchar *name, const gchar *content)
{
  g_autofree gchar *path = g_build_filename(folder, name, NULL);
  g_autofree gchar *parent = g_path_get_dirname(path);

  fail_unless(g_mkdir_with_parents(parent, 0777) == 0);
  fail_unless(g_file_set_contents(path, content, -1, NULL));
}

static void
assert_file(const gchar *folder, const gchar *name, const gchar *content)
{
  g_autofree gchar *path = g_build_filename(folder, name, NULL);
  g_autofree gchar *text = NULL;

  fail_unless(g_file_get_contents(path, &text, NULL, NULL), "no %s", path);
  assert_equals_string(text, content);
}

/* The element must not start, and say why, once. */
static void
assert_refused(Gallery *gallery, const gchar *reason)
{
  g_autoptr(GError) error = NULL;
  g_autofree gchar *debug = NULL;
  GstMessage *message;

  assert_equals_int(gst_element_set_state(gallery->element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered(gallery->bus, GST_MESSAGE_ERROR);
  fail_unless(message != NULL, "nothing was said; expected \"%s\"", reason);
  gst_message_parse_error(message, &error, &debug);
  fail_unless(strstr(debug, reason) != NULL, "\"%s\" is not in: %s", reason, debug);
  gst_message_unref(message);
  assert_equals_int(gallery_messages(gallery, GST_MESSAGE_ERROR), 0);
}

/* --- Whose folder --- */

GST_START_TEST(page_is_there_from_the_start)
{
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_wait(&gallery, "pages", 1);
  for (guint i = 0; i < G_N_ELEMENTS(page_files); i++) {
    g_autofree gchar *path = g_build_filename(gallery.location, page_files[i], NULL);
    g_autofree gchar *text = NULL;

    fail_unless(g_file_get_contents(path, &text, NULL, NULL), "no %s", path);
    fail_if(strstr(text, "=\"http") || strstr(text, "url(http"), "%s needs a server", path);
  }
  gallery_clear(&gallery);
}
GST_END_TEST

/* Another stream begins anew, and touches nothing but what a gallery made. */
GST_START_TEST(an_earlier_gallery_is_replaced)
{
  const DriftclusterResult earlier = gallery_result(0, GALLERY_UUID "1");
  const DriftclusterResult later = gallery_result(0, GALLERY_UUID "2");
  g_autofree gchar *foreign = NULL;
  g_autoptr(JsonNode) data = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_push(&gallery, &earlier, 1);
  gallery_stop(&gallery);
  assert_equals_int(gallery_assert_files(&gallery), 1);
  write_file(gallery.location, "exemplars/mine/notes.txt", "mine");

  gst_object_unref(gallery.element);
  gallery.element = gallery_element(&gallery);
  gallery_play(&gallery);
  gallery_push(&gallery, &later, 1);
  gallery_stop(&gallery);
  assert_file(gallery.location, "exemplars/mine/notes.txt", "mine");
  foreign = g_build_filename(gallery.location, "exemplars", "mine", NULL);
  gallery_remove(foreign);
  assert_equals_int(gallery_assert_files(&gallery), 1);
  data = gallery_data(&gallery);
  assert_equals_string(json_object_get_string_member(gallery_group(data, 0), "uuid"),
                       GALLERY_UUID "2");
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(an_empty_folder_is_taken)
{
  Gallery gallery;

  gallery_prepare(&gallery);
  fail_unless(g_mkdir(gallery.location, 0777) == 0);
  assert_equals_int(gst_element_set_state(gallery.element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_ASYNC);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(a_location_is_needed)
{
  Gallery gallery;

  gallery_prepare(&gallery);
  g_object_set(gallery.element, "location", NULL, NULL);
  assert_refused(&gallery, "set \"location\"");
  g_object_set(gallery.element, "location", "", NULL);
  assert_refused(&gallery, "set \"location\"");
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(a_file_is_no_folder)
{
  g_autofree gchar *below = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  write_file(gallery.folder, "gallery", "mine");
  assert_refused(&gallery, "cannot make this folder");
  below = g_build_filename(gallery.location, "below", NULL);
  g_object_set(gallery.element, "location", below, NULL);
  assert_refused(&gallery, "Not a directory");
  assert_file(gallery.folder, "gallery", "mine");
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(folders_of_others_are_left_alone)
{
  Gallery gallery;

  gallery_prepare(&gallery);
  write_file(gallery.location, "index.html", "mine");
  assert_refused(&gallery, "holds files that no gallery made");
  assert_file(gallery.location, "index.html", "mine");
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(two_at_one_folder_are_one_too_many)
{
  Gallery gallery, other;

  gallery_prepare(&gallery);
  gallery_prepare(&other);
  g_object_set(other.element, "location", gallery.location, NULL);
  gallery_play(&gallery);
  assert_refused(&other, "another gallery-sink writes there");
  gallery_stop(&gallery);
  assert_equals_int(gst_element_set_state(other.element, GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  gallery_clear(&other);
  gallery_clear(&gallery);
}
GST_END_TEST

/* The kernel makes no folder there, not for root either. */
GST_START_TEST(folders_that_cannot_be_made_are_said)
{
  Gallery gallery;

  gallery_prepare(&gallery);
  g_object_set(gallery.element, "location", "/proc/self/gallery", NULL);
  assert_refused(&gallery, "/proc/self/gallery: cannot make this folder");
  gallery_clear(&gallery);
}
GST_END_TEST

/* A link in the place of the lock would make or open a file elsewhere. */
GST_START_TEST(a_link_is_no_lock)
{
  g_autofree gchar *lock = NULL, *target = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  write_file(gallery.folder, "elsewhere", "mine");
  fail_unless(g_mkdir(gallery.location, 0777) == 0);
  lock = g_build_filename(gallery.location, "gallery.lock", NULL);
  target = g_build_filename(gallery.folder, "elsewhere", NULL);
  fail_unless(symlink(target, lock) == 0);
  assert_refused(&gallery, "gallery.lock");
  assert_file(gallery.folder, "elsewhere", "mine");
  gallery_clear(&gallery);
}
GST_END_TEST

/* --- While it is written to --- */

static DriftclusterResult
result_number(guint number, gchar uuid[48])
{
  g_snprintf(uuid, 48, "0b1c2d3e-0000-4000-8000-%012u", number);
  return gallery_result((gint)number, uuid);
}

/* Pushes frames with a new group each. */
static void
push_groups(Gallery *gallery, guint start, guint n)
{
  gchar uuid[48];

  for (guint i = 0; i < n; i++) {
    const DriftclusterResult result = result_number(start + i, uuid);

    gallery_push(gallery, &result, 1);
  }
}

/* Writing the data waits for a reader of a pipe, and all pictures behind it: frames pass all the
 * same, and what has no room is left out. */
GST_START_TEST(a_slow_disk_sheds_pictures_and_holds_up_nothing)
{
  g_autofree gchar *path = NULL;
  gint reader;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_wait(&gallery, "pages", 1);
  path = g_build_filename(gallery.location, "data", "groups.js", NULL);
  fail_unless(g_unlink(path) == 0 && mkfifo(path, 0600) == 0);
  push_groups(&gallery, 0, 101);
  assert_equals_uint64(gallery_stat(&gallery, "frames"), 101);
  /* 32 wait, and some were written before the page was due. */
  fail_unless(gallery_stat(&gallery, "shed") >= 50, "%u", (guint)gallery_stat(&gallery, "shed"));

  reader = g_open(path, O_RDONLY | O_NONBLOCK, 0);
  fail_unless(reader >= 0 && g_unlink(path) == 0);
  /* All of the data fits into the pipe: nobody takes them out. */
  fail_unless(fcntl(reader, F_SETPIPE_SZ, 1 << 20) > 0);
  gallery_end(&gallery);
  close(reader);
  /* Who was left out comes again. */
  assert_equals_uint64(gallery_stat(&gallery, "exemplars") + gallery_stat(&gallery, "shed"), 101);
  assert_equals_int(gallery_messages(&gallery, GST_MESSAGE_WARNING), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

/* A folder that vanishes is said once; what cannot be written is lost, and nothing else. */
GST_START_TEST(a_folder_that_vanishes_is_said_once)
{
  g_autofree gchar *exemplars = NULL, *data = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  push_groups(&gallery, 0, 1);
  gallery_wait(&gallery, "exemplars", 1);
  exemplars = g_build_filename(gallery.location, "exemplars", NULL);
  data = g_build_filename(gallery.location, "data", NULL);
  gallery_remove(exemplars);
  gallery_remove(data);
  write_file(gallery.location, "exemplars", "in the way");
  push_groups(&gallery, 1, 5);
  gallery_end(&gallery);
  assert_equals_uint64(gallery_stat(&gallery, "lost"), 5);
  assert_equals_int(gallery_messages(&gallery, GST_MESSAGE_WARNING), 1);
  assert_equals_int(gallery_messages(&gallery, GST_MESSAGE_ERROR), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

static gboolean
mount_small_disk(const gchar *folder)
{
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("tmpfs", folder, "tmpfs", 0, "size=262144") == 0;
}

/* Only root can mount a disk of our own; its mount is gone with the process of the test. */
GST_START_TEST(a_full_disk_is_said_once_and_recovers)
{
  g_autofree gchar *ballast = NULL, *zeros = g_malloc0(262144);
  g_autoptr(JsonNode) data = NULL;
  Gallery gallery;
  guint known;

  gallery_prepare(&gallery);
  if (!mount_small_disk(gallery.folder)) {
    g_print("skipped: no tmpfs can be mounted here\n");
    gallery_clear(&gallery);
    return;
  }
  gallery_play(&gallery);
  push_groups(&gallery, 0, 2);
  gallery_wait(&gallery, "exemplars", 2);
  gallery_end(&gallery);
  gallery_resume(&gallery);

  ballast = g_build_filename(gallery.folder, "ballast", NULL);
  gint descriptor = g_open(ballast, O_CREAT | O_WRONLY, 0600);
  while (write(descriptor, zeros, 4096) > 0)
    ;
  close(descriptor);
  push_groups(&gallery, 2, 6);
  gallery_wait(&gallery, "lost", 6);
  gallery_end(&gallery);
  assert_equals_int(gallery_messages(&gallery, GST_MESSAGE_WARNING), 1);
  /* The page that was there is whole, and so are the pictures that it names. */
  assert_equals_int(gallery_assert_files(&gallery), 2);

  fail_unless(g_unlink(ballast) == 0);
  gallery_resume(&gallery);
  push_groups(&gallery, 2, 6);
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  known = json_array_get_length(gallery_groups(data));
  assert_equals_int(known, 8);
  assert_equals_int(gallery_assert_files(&gallery), 8);
  assert_equals_int(gallery_messages(&gallery, GST_MESSAGE_WARNING), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

/* Half a file is left nowhere. */
GST_START_TEST(nothing_temporary_stays)
{
  g_autofree gchar *data = NULL;
  GDir *entries;
  const gchar *name;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  push_groups(&gallery, 0, 10);
  gallery_stop(&gallery);
  gallery_assert_files(&gallery);
  data = g_build_filename(gallery.location, "data", NULL);
  entries = g_dir_open(data, 0, NULL);
  while ((name = g_dir_read_name(entries)))
    assert_equals_string(name, "groups.js");
  g_dir_close(entries);
  gallery_clear(&gallery);
}
GST_END_TEST

static Suite *
gallery_files_suite(void)
{
  Suite *suite = suite_create("gallery-files");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, page_is_there_from_the_start);
  tcase_add_test(cases, an_earlier_gallery_is_replaced);
  tcase_add_test(cases, an_empty_folder_is_taken);
  tcase_add_test(cases, a_location_is_needed);
  tcase_add_test(cases, a_file_is_no_folder);
  tcase_add_test(cases, folders_of_others_are_left_alone);
  tcase_add_test(cases, two_at_one_folder_are_one_too_many);
  tcase_add_test(cases, folders_that_cannot_be_made_are_said);
  tcase_add_test(cases, a_link_is_no_lock);
  tcase_add_test(cases, a_slow_disk_sheds_pictures_and_holds_up_nothing);
  tcase_add_test(cases, a_folder_that_vanishes_is_said_once);
  tcase_add_test(cases, a_full_disk_is_said_once_and_recovers);
  tcase_add_test(cases, nothing_temporary_stays);
  return suite;
}

GST_CHECK_MAIN(gallery_files)
