/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a collection that the command line does not reach one by one: headers of picture
 * files, families, groups and edits on embeddings that are known. */
#include "scratch.h"

#include "blob_collection.h"
#include "collection/candidate.h"
#include "collection/edit-request.h"
#include "collection/edits.h"
#include "collection/families.h"
#include "collection/grouping.h"
#include "collection/neighbours.h"
#include "collection/stability.h"
#include "command.h"
#include "picture-header.h"

#include <glib/gstdio.h>

enum { DIM = 8, BLOBS = 4, PICTURES = 200 };

/* --- headers --- */

typedef struct {
  const char *name;
  guint8 bytes[64];
  gsize size; /* that are needed to tell */
} Sample;

static const Sample samples[] = {
    {"PNG", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x2c\0\0\0\xc8\x08\x02\0\0\0", 30},
    {"GIF", "GIF89a\x2c\x01\xc8\0", 10},
    {"BMP", "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x2c\x01\0\0\x38\xff\xff\xff\x01\0\x18\0\0\0",
     30},
    {"WebP", "RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0\x2b\x01\0\xc7\0\0", 30},
    {"WebP, lossless", "RIFF\0\0\0\0WEBPVP8L\n\0\0\0\x2f\x2b\xc1\x31\0\0\0\0\0\0", 30},
    {"TIFF",
     "II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0\x2c\x01\0\0\x01\x01\x04\0\x01\0\0\0\xc8\0\0\0",
     34},
    {"TIFF of the other order",
     "MM\0*\0\0\0\x08\0\x02\x01\0\0\x03\0\0\0\x01\x01\x2c\0\0\x01\x01\0\x04\0\0\0\x01\0\0\0\xc8",
     34},
    {"JPEG", "\xff\xd8\xff\xe0\0\x04zz\xff\xff\xc2\0\x11\x08\0\xc8\x01\x2c\x03", 18},
};

static void
test_headers_tell_the_size(void **state)
{
  (void)state;
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    scratch_write("picture", samples[i].bytes, sizeof samples[i].bytes);
    DcPictureHeader header;
    if (!dc_picture_header_read("picture", &header) || header.width != 300 || header.height != 200)
      fail_msg("%s: %u x %u", samples[i].name, header.width, header.height);
    assert_int_equal(header.orientation, 1);
  }
}

static void
test_headers_that_end_early_are_refused(void **state)
{
  (void)state;
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
    for (gsize size = 0; size < samples[i].size; size++) {
      scratch_write("picture", samples[i].bytes, size);
      DcPictureHeader header;
      if (dc_picture_header_read("picture", &header))
        fail_msg("%s of %zu bytes is taken", samples[i].name, size);
    }
}

static void
test_headers_of_random_bytes_do_no_harm(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (int round = 0; round < 2000; round++) {
    guint8 bytes[64];
    const Sample *sample = &samples[dc_random_below(&random, G_N_ELEMENTS(samples))];
    memcpy(bytes, sample->bytes, sizeof bytes);
    for (int changes = 0; changes < 4; changes++)
      bytes[4 + dc_random_below(&random, 60)] = (guint8)dc_random_bits(&random);
    scratch_write("picture", bytes, sizeof bytes);
    DcPictureHeader header;
    if (dc_picture_header_read("picture", &header))
      assert_in_range(header.orientation, 1, 8);
  }
}

static void
test_what_is_no_file_has_no_header(void **state)
{
  (void)state;
  DcPictureHeader header;
  assert_false(dc_picture_header_read("there is none", &header));
  assert_false(dc_picture_header_read(".", &header));
}

/* --- scans --- */

static gboolean
count_refused(const char *path, const char *reason, gpointer count)
{
  assert_string_equal(path, "pictures/gone");
  assert_true(strlen(reason) > 0);
  ++*(int *)count;
  return TRUE;
}

static void
test_a_scan_leaves_out_what_cannot_be_read(void **state)
{
  (void)state;
  static const DcScanVisitor visitor = {.refused = count_refused};
  int count = 0;
  g_autoptr(GError) error = NULL;
  g_mkdir("pictures", 0777);
  assert_true(dc_scan("pictures", "gone", NULL, &visitor, &count, &error));
  assert_null(error);
  assert_int_equal(count, 1);
  assert_false(dc_scan("there is none", "", NULL, &visitor, &count, &error));
  assert_non_null(error);
}

/* --- families --- */

static guint
find_families(const float *centroids, gsize rows, gsize cols, guint wanted, guint32 *families)
{
  DcMatrix matrix = dc_matrix(centroids, rows, cols);
  guint count = 99;
  GError *error = NULL;
  if (!dc_families(&matrix, wanted, families, &count, &error))
    fail_msg("%s", error->message);
  return count;
}

static void
test_families_join_what_lies_near(void **state)
{
  (void)state;
  const float centroids[] = {0, 10, 0.5f, 10.5f, 20};
  guint32 families[5];
  assert_int_equal(find_families(centroids, 5, 1, 3, families), 3);
  assert_memory_equal(families, ((guint32[]){0, 1, 0, 1, 2}), sizeof families);
  assert_int_equal(find_families(centroids, 5, 1, 5, families), 5);
  assert_memory_equal(families, ((guint32[]){0, 1, 2, 3, 4}), sizeof families);
  assert_int_equal(find_families(centroids, 5, 1, 1, families), 1);
  assert_memory_equal(families, ((guint32[]){0, 0, 0, 0, 0}), sizeof families);
}

static void
test_families_of_groups_in_one_place_and_of_none(void **state)
{
  (void)state;
  const float centroids[] = {0, 0, 9};
  guint32 families[3];
  assert_int_equal(find_families(centroids, 3, 1, 3, families), 3);
  assert_memory_equal(families, ((guint32[]){0, 1, 2}), sizeof families);
  assert_int_equal(find_families(centroids, 3, 1, 1, families), 1);
  assert_memory_equal(families, ((guint32[]){0, 0, 0}), sizeof families);
  assert_int_equal(find_families(centroids, 0, 1, 1, families), 0);
}

static void
test_families_of_what_is_not_finite_are_refused(void **state)
{
  (void)state;
  const float centroids[] = {0, NAN, 9};
  DcMatrix matrix = dc_matrix(centroids, 3, 1);
  guint32 families[3];
  guint count = 99;
  g_autoptr(GError) error = NULL;
  assert_false(dc_families(&matrix, 2, families, &count, &error));
  assert_non_null(error);
  assert_int_equal(count, 0);
}

/* --- stability --- */

enum { ROWS = 960, FITTED = 720, WIDE = 6 };

/* Rows of a Gaussian; with `blobs`, around so many corners; `flat` leaves one direction alone. */
static void
draw_rows(float *rows, gsize blobs, gboolean flat)
{
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (gsize i = 0; i < ROWS; i++)
    for (gsize j = 0; j < WIDE; j++)
      rows[i * WIDE + j] = (float)dc_random_normal(&random) * (flat && j > 0 ? 1e-4f : 1) +
                           (blobs > 0 && i % blobs == j ? 12 : 0);
}

static gboolean
stability_of(const float *rows, guint32 clusters, double *stability, GError **error)
{
  DcMatrix fitted = dc_matrix(rows, FITTED, WIDE);
  DcMatrix judged = dc_matrix(rows + FITTED * WIDE, ROWS - FITTED, WIDE);
  return dc_stability(&fitted, &judged, clusters, 1, stability, error);
}

static void
test_groups_are_more_stable_than_what_has_none(void **state)
{
  (void)state;
  float rows[ROWS * WIDE];
  double groups, none, line;
  GError *error = NULL;
  draw_rows(rows, 4, FALSE);
  assert_true(stability_of(rows, 4, &groups, &error));
  draw_rows(rows, 0, FALSE);
  assert_true(stability_of(rows, 4, &none, &error));
  draw_rows(rows, 0, TRUE);
  assert_true(stability_of(rows, 4, &line, &error));
  if (groups < 0.3 || fabs(none) > 0.2 || fabs(line) > 0.2)
    fail_msg("%.3f %.3f %.3f", groups, none, line);
}

static void
test_stability_does_not_depend_on_the_scale(void **state)
{
  (void)state;
  float rows[ROWS * WIDE];
  double before, after;
  draw_rows(rows, 4, FALSE);
  assert_true(stability_of(rows, 4, &before, NULL));
  for (gsize i = 0; i < ROWS * WIDE; i++)
    rows[i] *= 1024; /* a power of two: no rounding */
  assert_true(stability_of(rows, 4, &after, NULL));
  assert_true(before == after);
}

static void
test_what_cannot_be_judged_is_refused(void **state)
{
  (void)state;
  float rows[ROWS * WIDE];
  double stability;
  draw_rows(rows, 4, FALSE);
  g_autoptr(GError) few = NULL;
  assert_false(stability_of(rows, FITTED / 2 + 1, &stability, &few));
  assert_non_null(few);
  g_autoptr(GError) none = NULL;
  assert_false(stability_of(rows, 0, &stability, &none));
  assert_non_null(none);
  rows[7] = NAN;
  g_autoptr(GError) not_finite = NULL;
  assert_false(stability_of(rows, 4, &stability, &not_finite));
  assert_non_null(not_finite);
}

/* --- groups and edits --- */

typedef struct {
  DcCollection *collection;
  DcGrouping *grouping;
  DcRandom random;
} Fixture;

static void
take(gboolean well, GError *error)
{
  if (!well)
    fail_msg("%s", error ? error->message : "failed without a reason");
}

static void
remove_tree(const char *path)
{
  if (g_file_test(path, G_FILE_TEST_EXISTS))
    assert_int_equal(nftw(path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static Fixture
fixture_new(gsize pictures, guint32 groups)
{
  Fixture fixture;
  GError *error = NULL;
  remove_tree("groups");
  g_mkdir("pictures", 0777);
  fixture.collection = dc_collection_create("pictures", "groups", &error);
  take(fixture.collection != NULL, error);
  dc_collection_set_number(fixture.collection, "dim", DIM);
  dc_random_seed(&fixture.random, 3, 0);
  blobs_add(fixture.collection, pictures, BLOBS, DIM, &fixture.random);
  fixture.grouping = dc_grouping_new(fixture.collection, DIM, "blobs");
  take(dc_grouping_find(fixture.grouping, groups, &error), error);
  return fixture;
}

static void
fixture_free(Fixture *fixture)
{
  dc_grouping_free(fixture->grouping);
  dc_collection_close(fixture->collection);
}

static gint64
number(Fixture *fixture, const char *sql)
{
  DcDatabase *database = fixture->collection->database;
  gint64 value = dc_query_number(database, dc_query(database, sql), -1);
  GError *error = NULL;
  take(dc_database_check(database, &error), error);
  return value;
}

/* How many pictures lie in another group than the first picture of their blob. */
static gint64
strangers(Fixture *fixture)
{
  return number(fixture, "SELECT count(*) FROM pictures p JOIN pictures q ON "
                         "q.id = (p.id - 1) % 4 + 1 WHERE p.group_id IS NOT q.group_id");
}

static gint64
group_of(Fixture *fixture, gint64 picture)
{
  DcDatabase *database = fixture->collection->database;
  sqlite3_stmt *query = dc_query(database, "SELECT group_id FROM pictures WHERE id = ?");
  sqlite3_bind_int64(query, 1, picture);
  return dc_query_number(database, query, 0);
}

static gboolean
exists(Fixture *fixture, gint64 group)
{
  DcDatabase *database = fixture->collection->database;
  sqlite3_stmt *query = dc_query(database, "SELECT count(*) FROM groups WHERE id = ?");
  sqlite3_bind_int64(query, 1, group);
  return dc_query_number(database, query, 0) == 1;
}

static void
find_again(Fixture *fixture, guint32 groups)
{
  GError *error = NULL;
  take(dc_grouping_load(fixture->grouping, &error), error);
  take(dc_grouping_find(fixture->grouping, groups, &error), error);
}

static void
test_blobs_become_groups(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups"), BLOBS);
  assert_int_equal(strangers(&fixture), 0);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM pictures WHERE sure < 0.5 OR sure > 1"),
                   0);
  fixture_free(&fixture);
}

static void
test_groups_keep_their_identity_when_found_anew(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  gint64 groups[BLOBS];
  for (gint64 i = 0; i < BLOBS; i++)
    groups[i] = group_of(&fixture, i + 1);
  blobs_add(fixture.collection, PICTURES, BLOBS, DIM, &fixture.random);
  find_again(&fixture, BLOBS);
  for (gint64 i = 0; i < BLOBS; i++)
    assert_int_equal(group_of(&fixture, i + 1), groups[i]);
  find_again(&fixture, BLOBS + 2); /* some come to be, none of the old ones ends */
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups"), BLOBS + 2);
  for (gint64 i = 0; i < BLOBS; i++)
    assert_true(exists(&fixture, groups[i]));
  fixture_free(&fixture);
}

static void
test_new_pictures_are_placed(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  blobs_add(fixture.collection, PICTURES, BLOBS, DIM, &fixture.random);
  GError *error = NULL;
  take(dc_grouping_place_new(fixture.grouping, TRUE, &error), error);
  assert_int_equal(strangers(&fixture), 0);
  fixture_free(&fixture);
}

static void
test_a_name_stays_when_groups_are_found_anew(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  gint64 group = group_of(&fixture, 1);
  take(dc_edit_rename_group(fixture.collection, group, "  Füchse ", &error), error);
  find_again(&fixture, BLOBS);
  assert_int_equal(group_of(&fixture, 1), group);
  assert_int_equal(number(&fixture, "SELECT id FROM groups WHERE name = 'Füchse'"), group);
  assert_int_equal(strangers(&fixture), 0);
  fixture_free(&fixture);
}

static void
test_no_name_is_given_twice(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  for (gint64 picture = 1; picture <= 2; picture++)
    take(dc_edit_pin_group(fixture.collection, group_of(&fixture, picture), TRUE, &error), error);
  gint64 group = group_of(&fixture, 3);
  take(dc_edit_rename_group(fixture.collection, group, "Group 6", &error), error);
  find_again(&fixture, 2 * BLOBS);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups"), 2 * BLOBS);
  assert_int_equal(number(&fixture, "SELECT count(DISTINCT name) FROM groups"), 2 * BLOBS);
  assert_int_equal(number(&fixture, "SELECT id FROM groups WHERE name = 'Group 6'"), group);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups WHERE name > 'Group 8'"), 0);
  fixture_free(&fixture);
}

static void
test_merged_groups_take_what_looks_like_either(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  gint64 into = group_of(&fixture, 2);
  take(dc_edit_merge_groups(fixture.collection, group_of(&fixture, 1), into, &error), error);
  take(dc_grouping_load(fixture.grouping, &error), error);
  blobs_add(fixture.collection, PICTURES, BLOBS, DIM, &fixture.random);
  take(dc_grouping_place_new(fixture.grouping, TRUE, &error), error);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups"), BLOBS - 1);
  assert_int_equal(strangers(&fixture), 0);
  assert_int_equal(group_of(&fixture, 1), into);
  find_again(&fixture, BLOBS - 1);
  assert_int_equal(group_of(&fixture, 1), into);
  assert_int_equal(group_of(&fixture, 2), into);
  assert_int_equal(strangers(&fixture), 0);
  fixture_free(&fixture);
}

/* As driftcluster serve does while groups are found and pictures placed. */
static void
test_pictures_are_placed_by_what_another_process_has_edited(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  gint64 merged = group_of(&fixture, 1), into = group_of(&fixture, 2);
  g_autoptr(DcCollection) other = dc_collection_open("groups", &error);
  take(other != NULL, error);
  take(dc_edit_merge_groups(other, merged, into, &error), error);
  take(dc_edit_split_group(other, group_of(&fixture, 3), &error), error);
  blobs_add(fixture.collection, PICTURES, BLOBS, DIM, &fixture.random);
  take(dc_grouping_place_new(fixture.grouping, TRUE, &error), error);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM pictures WHERE group_id IS NULL OR "
                                    "group_id NOT IN (SELECT id FROM groups)"),
                   0);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM prototypes WHERE group_id NOT IN "
                                    "(SELECT id FROM groups)"),
                   0);
  assert_int_equal(group_of(&fixture, PICTURES + 1), into);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM prototypes"), BLOBS + 1);
  fixture_free(&fixture);
}

static void
test_a_split_parts_by_looks_and_keeps_the_name(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, 1);
  GError *error = NULL;
  gint64 group = group_of(&fixture, 1);
  take(dc_edit_rename_group(fixture.collection, group, "All", &error), error);
  take(dc_edit_split_group(fixture.collection, group, &error), error);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups"), 2);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups WHERE name = 'All'"), 1);
  assert_int_equal(strangers(&fixture), 0);
  find_again(&fixture, 2);
  assert_int_equal(strangers(&fixture), 0);
  fixture_free(&fixture);
}

static void
test_a_pinned_group_does_not_move(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  gint64 group = group_of(&fixture, 1);
  take(dc_edit_pin_group(fixture.collection, group, TRUE, &error), error);
  take(dc_grouping_load(fixture.grouping, &error), error);
  DcDatabase *database = fixture.collection->database;
  dc_database_run(database, "CREATE TEMP TABLE before AS SELECT * FROM prototypes");
  for (int round = 0; round < 4; round++) {
    blobs_add(fixture.collection, PICTURES, BLOBS, DIM, &fixture.random);
    take(dc_grouping_place_new(fixture.grouping, TRUE, &error), error);
  }
  assert_int_equal(number(&fixture,
                          "SELECT count(*) FROM prototypes p JOIN before b USING(id) JOIN "
                          "groups g ON g.id = p.group_id WHERE g.pinned = 1 AND "
                          "p.centroid <> b.centroid"),
                   0);
  assert_true(number(&fixture, "SELECT count(*) FROM prototypes p JOIN before b USING(id) WHERE "
                               "p.centroid <> b.centroid") > 0);
  assert_int_equal(strangers(&fixture), 0);
  fixture_free(&fixture);
}

static void
test_a_moved_picture_stays_where_it_was_put(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  gint64 group = group_of(&fixture, 2);
  take(dc_edit_move_picture(fixture.collection, 1, group, &error), error);
  find_again(&fixture, BLOBS);
  assert_int_equal(group_of(&fixture, 1), group);
  assert_int_not_equal(group_of(&fixture, 1 + BLOBS), group);
  fixture_free(&fixture);
}

static void
test_neighbours_are_the_nearest(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  take(dc_neighbours_update(fixture.collection, DIM, &error), error);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM pictures WHERE "
                                    "length(neighbours) <> 64"), /* 8 numbers of 8 bytes */
                   0);
  DcDatabase *database = fixture.collection->database;
  sqlite3_stmt *query = dc_query(database, "SELECT neighbours FROM pictures WHERE id = 1");
  assert_true(dc_query_next(database, query));
  gint64 nearest;
  memcpy(&nearest, sqlite3_column_blob(query, 0), sizeof nearest);
  dc_query_end(query);
  float vectors[PICTURES][DIM];
  query = dc_query(database, "SELECT vector FROM embeddings ORDER BY id");
  for (int i = 0; dc_query_next(database, query); i++)
    memcpy(vectors[i], sqlite3_column_blob(query, 0), sizeof vectors[i]);
  double least = INFINITY;
  gint64 expected = 0;
  for (int i = 1; i < PICTURES; i++) {
    double square = 0;
    for (int j = 0; j < DIM; j++)
      square += pow((double)vectors[i][j] - (double)vectors[0][j], 2);
    if (square < least) {
      least = square;
      expected = i + 1;
    }
  }
  assert_int_equal(GINT64_FROM_LE(nearest), expected);
  fixture_free(&fixture);
}

/* --- another encoder --- */

/* Gives every picture a candidate embedding of half the numbers. */
static DcModel
add_candidates(Fixture *fixture)
{
  dc_database_run(fixture->collection->database,
                  "INSERT INTO candidates SELECT id, substr(vector, 1, length(vector) / 2) FROM "
                  "embeddings");
  DcModel model = {.dim = DIM / 2};
  g_strlcpy(model.encoder_id, "half", sizeof model.encoder_id);
  return model;
}

static void
see_anew(Fixture *fixture, guint32 groups)
{
  GError *error = NULL;
  dc_grouping_free(fixture->grouping);
  fixture->grouping = dc_grouping_new(fixture->collection, DIM / 2, "half");
  find_again(fixture, groups);
  take(dc_database_check(fixture->collection->database, &error), error);
}

static void
test_groups_and_names_go_on_under_another_encoder(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  gint64 groups[BLOBS];
  for (gint64 i = 0; i < BLOBS; i++)
    groups[i] = group_of(&fixture, i + 1);
  take(dc_edit_rename_group(fixture.collection, groups[1], "Mine", &error), error);
  take(dc_edit_move_picture(fixture.collection, 1, groups[1], &error), error);
  DcModel model = add_candidates(&fixture);
  take(dc_candidate_take(fixture.collection, &model, "model", &error), error);
  see_anew(&fixture, BLOBS);
  for (gint64 i = 1; i < BLOBS; i++)
    assert_int_equal(group_of(&fixture, i + 1), groups[i]);
  assert_int_equal(group_of(&fixture, 1), groups[1]); /* held */
  assert_int_equal(group_of(&fixture, 1 + BLOBS), groups[0]);
  assert_int_equal(number(&fixture, "SELECT id FROM groups WHERE name = 'Mine'"), groups[1]);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups"), BLOBS);
  assert_int_equal(number(&fixture, "SELECT max(length(centroid)) FROM prototypes"), DIM / 2 * 4);
  assert_int_equal(number(&fixture, "SELECT value FROM meta WHERE key = 'dim'"), DIM / 2);
  fixture_free(&fixture);
}

static void
test_pictures_that_the_candidate_has_not_seen_wait(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  GError *error = NULL;
  DcModel model = add_candidates(&fixture);
  dc_database_run(fixture.collection->database, "DELETE FROM candidates WHERE id = 3");
  take(dc_candidate_take(fixture.collection, &model, "model", &error), error);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM pictures WHERE state = 0"), 1);
  assert_int_equal(number(&fixture, "SELECT id FROM pictures WHERE state = 0"), 3);
  fixture_free(&fixture);
}

static void
test_another_candidate_begins_anew(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  DcModel model = add_candidates(&fixture);
  dc_collection_set_text(fixture.collection, "candidate", "half");
  dc_candidate_begin(fixture.collection, &model);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM candidates"), PICTURES);
  g_strlcpy(model.encoder_id, "other", sizeof model.encoder_id);
  dc_candidate_begin(fixture.collection, &model);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM candidates"), 0);
  fixture_free(&fixture);
}

static void
test_nothing_to_judge_by_is_said(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  double present, candidate;
  g_autoptr(GError) error = NULL;
  assert_false(dc_candidate_judge(fixture.collection, BLOBS, &present, &candidate, &error));
  assert_non_null(strstr(error->message, "judged"));
  fixture_free(&fixture);
}

/* --- edits that are refused --- */

static void
test_edits_that_make_no_sense_are_refused_and_change_nothing(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  static const char *const requests[] = {
      "",
      "no JSON",
      "[]",
      "{}",
      "{\"action\": 3}",
      "{\"action\": \"delete-all\"}",
      "{\"action\": \"rename-cluster\", \"group\": 1}",
      "{\"action\": \"rename-cluster\", \"group\": 1, \"name\": \"\"}",
      "{\"action\": \"rename-cluster\", \"group\": 1, \"name\": \"   \"}",
      "{\"action\": \"rename-cluster\", \"group\": 1, \"name\": \"a\\nb\"}",
      "{\"action\": \"rename-cluster\", \"group\": 1, \"name\": 7}",
      "{\"action\": \"rename-cluster\", \"group\": \"1\", \"name\": \"x\"}",
      "{\"action\": \"rename-cluster\", \"group\": 999, \"name\": \"x\"}",
      "{\"action\": \"rename-cluster\", \"group\": 1, \"name\": "
      "\"more than sixty-three bytes, which is what a label of a cluster has room for\"}",
      "{\"action\": \"merge-clusters\", \"group\": 1, \"into\": 1}",
      "{\"action\": \"merge-clusters\", \"group\": 1, \"into\": 999}",
      "{\"action\": \"split-cluster\", \"group\": -1}",
      "{\"action\": \"pin-cluster\", \"group\": 1, \"pinned\": \"yes\"}",
      "{\"action\": \"move-picture\", \"picture\": 99999, \"group\": 1}",
      "{\"action\": \"move-picture\", \"picture\": 1, \"group\": 999}",
  };
  static const char sum[] =
      "SELECT (SELECT sum(group_id * id) FROM pictures) + (SELECT sum(revision + "
      "edited) FROM groups) + (SELECT count(*) FROM meta WHERE key = 'edits')";
  gint64 before = number(&fixture, sum);
  for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
    g_autoptr(GError) error = NULL;
    if (dc_edit_request(fixture.collection, requests[i], strlen(requests[i]), &error))
      fail_msg("taken: %s", requests[i]);
    assert_non_null(error);
    assert_true(strlen(error->message) > 10);
  }
  assert_int_equal(number(&fixture, sum), before);
  fixture_free(&fixture);
}

static void
test_requests_are_done(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  g_autofree char *request =
      g_strdup_printf("{\"action\": \"rename-cluster\", \"group\": %" G_GINT64_FORMAT
                      ", \"name\": \"<b>\"}",
                      group_of(&fixture, 1));
  GError *error = NULL;
  take(dc_edit_request(fixture.collection, request, strlen(request), &error), error);
  assert_int_equal(number(&fixture, "SELECT count(*) FROM groups WHERE name = '<b>'"), 1);
  assert_int_equal(number(&fixture, "SELECT value FROM meta WHERE key = 'edits'"), 1);
  fixture_free(&fixture);
}

static void
test_pictures_that_look_the_same_are_not_split(void **state)
{
  (void)state;
  Fixture fixture = fixture_new(PICTURES, BLOBS);
  dc_database_run(fixture.collection->database,
                  "UPDATE embeddings SET vector = (SELECT vector FROM embeddings WHERE id = 1)");
  g_autoptr(GError) error = NULL;
  assert_false(dc_edit_split_group(fixture.collection, group_of(&fixture, 1), &error));
  assert_non_null(strstr(error->message, "look the same"));
  fixture_free(&fixture);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_headers_tell_the_size),
      cmocka_unit_test(test_headers_that_end_early_are_refused),
      cmocka_unit_test(test_headers_of_random_bytes_do_no_harm),
      cmocka_unit_test(test_what_is_no_file_has_no_header),
      cmocka_unit_test(test_a_scan_leaves_out_what_cannot_be_read),
      cmocka_unit_test(test_families_join_what_lies_near),
      cmocka_unit_test(test_families_of_groups_in_one_place_and_of_none),
      cmocka_unit_test(test_families_of_what_is_not_finite_are_refused),
      cmocka_unit_test(test_groups_are_more_stable_than_what_has_none),
      cmocka_unit_test(test_stability_does_not_depend_on_the_scale),
      cmocka_unit_test(test_what_cannot_be_judged_is_refused),
      cmocka_unit_test(test_blobs_become_groups),
      cmocka_unit_test(test_groups_keep_their_identity_when_found_anew),
      cmocka_unit_test(test_new_pictures_are_placed),
      cmocka_unit_test(test_a_name_stays_when_groups_are_found_anew),
      cmocka_unit_test(test_no_name_is_given_twice),
      cmocka_unit_test(test_merged_groups_take_what_looks_like_either),
      cmocka_unit_test(test_pictures_are_placed_by_what_another_process_has_edited),
      cmocka_unit_test(test_a_split_parts_by_looks_and_keeps_the_name),
      cmocka_unit_test(test_a_pinned_group_does_not_move),
      cmocka_unit_test(test_a_moved_picture_stays_where_it_was_put),
      cmocka_unit_test(test_neighbours_are_the_nearest),
      cmocka_unit_test(test_groups_and_names_go_on_under_another_encoder),
      cmocka_unit_test(test_pictures_that_the_candidate_has_not_seen_wait),
      cmocka_unit_test(test_another_candidate_begins_anew),
      cmocka_unit_test(test_nothing_to_judge_by_is_said),
      cmocka_unit_test(test_edits_that_make_no_sense_are_refused_and_change_nothing),
      cmocka_unit_test(test_requests_are_done),
      cmocka_unit_test(test_pictures_that_look_the_same_are_not_split),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
