/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "store/image_folder.h"

static void
make_folder(const char *path)
{
  assert_int_equal(mkdir(path, 0755), 0);
}

static void
make_file(const char *path)
{
  scratch_write(path, "x", 1); /* listing does not look inside */
}

static void
assert_listed(const DcImageFolder *folder, size_t count, const char *const *paths,
              const uint32_t *classes)
{
  assert_int_equal(folder->count, count);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(folder->paths[i], paths[i]);
    assert_int_equal(folder->classes[i], classes[i]);
  }
}

static void
assert_refused(const char *path, DcStatus expected)
{
  DcImageFolder folder;
  DcError error = {.status = DC_OK};
  assert_int_equal(dc_image_folder_list(path, &folder, &error), expected);
  assert_int_equal(error.status, expected);
  assert_non_null(strstr(error.message, path));
  assert_int_equal(folder.count, 0);
  assert_null(folder.paths);
  assert_int_equal(dc_image_folder_list(path, &folder, NULL), expected);
}

/* '-' sorts before '/', so that paths and class names order differently. */
static void
paths_and_classes_are_in_byte_order(void **state)
{
  (void)state;
  make_folder("zoo");
  make_folder("zoo/a");
  make_folder("zoo/a/deep");
  make_folder("zoo/a-b");
  make_folder("zoo/Z");
  make_file("zoo/a/2.png");
  make_file("zoo/a/deep/1.JPG");
  make_file("zoo/a-b/x.Tiff");
  make_file("zoo/Z/y.webp");
  make_file("zoo/loose.bmp");
  static const char *const paths[] = {"zoo/Z/y.webp", "zoo/a-b/x.Tiff", "zoo/a/2.png",
                                      "zoo/a/deep/1.JPG", "zoo/loose.bmp"};
  static const uint32_t classes[] = {0, 2, 1, 1, DC_NO_CLASS};
  static const char *const roots[] = {"zoo", "zoo/", "zoo//"};
  for (size_t i = 0; i < 3; i++) {
    DcImageFolder folder;
    assert_int_equal(dc_image_folder_list(roots[i], &folder, NULL), DC_OK);
    assert_listed(&folder, 5, paths, classes);
    assert_int_equal(folder.n_classes, 3);
    assert_string_equal(folder.class_names[0], "Z");
    assert_string_equal(folder.class_names[1], "a");
    assert_string_equal(folder.class_names[2], "a-b");
    dc_image_folder_clear(&folder);
    assert_null(folder.paths);
  }
}

static void
every_ending_counts_and_no_other(void **state)
{
  (void)state;
  static const char *const pictures[] = {"ends/a.png", "ends/b.jpg", "ends/c.jpeg", "ends/d.webp",
                                         "ends/e.gif", "ends/f.bmp", "ends/g.tif",  "ends/h.TIFF"};
  static const char *const others[] = {"ends/i.txt", "ends/j.png.bak", "ends/png", "ends/k.pngx",
                                       "ends/.hidden.png"};
  make_folder("ends");
  make_folder("ends/.git");
  make_file("ends/.git/l.png");
  make_folder("ends/folder.png");
  uint32_t classes[8];
  for (size_t i = 0; i < 8; i++) {
    make_file(pictures[i]);
    classes[i] = DC_NO_CLASS;
  }
  for (size_t i = 0; i < 5; i++)
    make_file(others[i]);
  DcImageFolder folder;
  assert_int_equal(dc_image_folder_list("ends", &folder, NULL), DC_OK);
  assert_listed(&folder, 8, pictures, classes);
  assert_int_equal(folder.n_classes, 0);
  dc_image_folder_clear(&folder);
}

static void
links_are_followed(void **state)
{
  (void)state;
  make_folder("elsewhere");
  make_file("elsewhere/p.png");
  make_folder("linked");
  assert_int_equal(symlink("../elsewhere", "linked/class"), 0);
  assert_int_equal(symlink("../elsewhere/p.png", "linked/q.png"), 0);
  DcImageFolder folder;
  assert_int_equal(dc_image_folder_list("linked", &folder, NULL), DC_OK);
  assert_listed(&folder, 2, (const char *const[]){"linked/class/p.png", "linked/q.png"},
                (const uint32_t[]){0, DC_NO_CLASS});
  dc_image_folder_clear(&folder);
}

static void
links_in_a_circle_end(void **state)
{
  (void)state;
  make_folder("circle");
  make_folder("circle/b");
  make_file("circle/b/p.png");
  assert_int_equal(symlink("..", "circle/b/up"), 0);
  assert_int_equal(symlink(".", "circle/a"), 0);
  assert_int_equal(symlink("b", "circle/c"), 0);
  DcImageFolder folder;
  assert_int_equal(dc_image_folder_list("circle", &folder, NULL), DC_OK);
  assert_listed(&folder, 1, (const char *const[]){"circle/b/p.png"}, (const uint32_t[]){0});
  dc_image_folder_clear(&folder);
}

static void
links_to_nothing_are_no_pictures(void **state)
{
  (void)state;
  make_folder("dangling");
  make_file("dangling/p.png");
  assert_int_equal(symlink("absent.png", "dangling/a.png"), 0);
  assert_int_equal(symlink("self.png", "dangling/self.png"), 0);
  DcImageFolder folder;
  assert_int_equal(dc_image_folder_list("dangling", &folder, NULL), DC_OK);
  assert_listed(&folder, 1, (const char *const[]){"dangling/p.png"},
                (const uint32_t[]){DC_NO_CLASS});
  dc_image_folder_clear(&folder);
}

static void
pipes_are_no_pictures(void **state)
{
  (void)state;
  make_folder("pipes");
  assert_int_equal(mkfifo("pipes/p.png", 0644), 0);
  assert_refused("pipes", DC_ERROR_NOT_FOUND);
}

static void
folder_without_pictures_is_refused(void **state)
{
  (void)state;
  make_folder("bare");
  assert_refused("bare", DC_ERROR_NOT_FOUND);
  make_folder("bare/class");
  make_file("bare/class/readme.txt");
  assert_refused("bare", DC_ERROR_NOT_FOUND);
}

static void
absent_folder_is_refused(void **state)
{
  (void)state;
  assert_refused("absent", DC_ERROR_NOT_FOUND);
  assert_refused("", DC_ERROR_NOT_FOUND);
}

static void
file_in_place_of_a_folder_is_refused(void **state)
{
  (void)state;
  make_file("file.png");
  assert_refused("file.png", DC_ERROR_IO);
}

static void
unreadable_folder_is_refused(void **state)
{
  (void)state;
  make_folder("secret");
  make_file("secret/p.png");
  make_folder("secret/class");
  assert_int_equal(chmod("secret/class", 0), 0);
  scratch_become_nobody();
  assert_refused("secret", DC_ERROR_IO);
  scratch_become_oneself();
  assert_int_equal(chmod("secret/class", 0755), 0);
}

/* A folder that may be listed but not entered: its files can be named but not looked at. */
static void
folder_that_cannot_be_entered_is_refused(void **state)
{
  (void)state;
  make_folder("closed");
  make_file("closed/p.png");
  assert_int_equal(chmod("closed", 0444), 0);
  scratch_become_nobody();
  assert_refused("closed", DC_ERROR_IO);
  scratch_become_oneself();
  assert_int_equal(chmod("closed", 0755), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_and_classes_are_in_byte_order),
      cmocka_unit_test(every_ending_counts_and_no_other),
      cmocka_unit_test(links_are_followed),
      cmocka_unit_test(links_in_a_circle_end),
      cmocka_unit_test(links_to_nothing_are_no_pictures),
      cmocka_unit_test(pipes_are_no_pictures),
      cmocka_unit_test(folder_without_pictures_is_refused),
      cmocka_unit_test(absent_folder_is_refused),
      cmocka_unit_test(file_in_place_of_a_folder_is_refused),
      cmocka_unit_test(unreadable_folder_is_refused),
      cmocka_unit_test(folder_that_cannot_be_entered_is_refused),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
