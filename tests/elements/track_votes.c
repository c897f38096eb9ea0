/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/labels-file.h"
#include "common/track-votes.h"

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>

#define TOLERANCE 1e-6 /* single precision of confidences near 1 */

static DcVote
cast(DcTrackVotes *votes, guint64 key, guint cluster, gfloat confidence, guint window)
{
  DcVote vote = {.cluster = cluster, .confidence = confidence, .distance = 2.5f, .second = cluster};
  DcVoteRules rules = {window, 0};
  return dc_track_votes_cast(votes, key, &vote, &rules);
}

static void
assert_vote(DcVote vote, guint cluster, gdouble confidence)
{
  assert_equals_int(vote.cluster, cluster);
  fail_unless(ABS(vote.confidence - confidence) < TOLERANCE, "confidence %g", vote.confidence);
}

/* --- Votes --- */

GST_START_TEST(most_frequent_cluster_wins)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  assert_vote(cast(votes, 1, 4, 0.9f, 3), 4, 0.9);
  assert_vote(cast(votes, 1, 4, 0.7f, 3), 4, 0.8);
  assert_vote(cast(votes, 1, 5, 0.6f, 3), 4, 1.6 / 3);
  assert_vote(cast(votes, 1, 5, 0.8f, 3), 5, 1.4 / 3); /* the first 4 left the window */
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(newest_of_equals_wins)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  cast(votes, 1, 2, 1.0f, 2);
  assert_vote(cast(votes, 1, 3, 0.5f, 2), 3, 0.25);
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(regions_vote_apart)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  for (guint i = 0; i < 3; i++)
    cast(votes, 1, 0, 1.0f, 9);
  assert_vote(cast(votes, 2, 7, 0.5f, 9), 7, 0.5);
  assert_equals_int(dc_track_votes_count(votes), 2);
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(without_a_window_nothing_is_smoothed)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  for (guint window = 0; window < 2; window++)
    for (guint cluster = 0; cluster < 5; cluster++)
      assert_vote(cast(votes, 1, cluster, 0.5f, window), cluster, 0.5);
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(window_is_cut_at_its_maximum)
{
  DcTrackVotes *votes = dc_track_votes_new(1);
  for (guint i = 0; i < DC_TRACK_VOTES_MAX; i++)
    cast(votes, 1, 0, 1.0f, G_MAXUINT);
  for (guint i = 1; i < DC_TRACK_VOTES_MAX / 2; i++)
    assert_equals_int(cast(votes, 1, 1, 1.0f, G_MAXUINT).cluster, 0);
  assert_equals_int(cast(votes, 1, 1, 1.0f, G_MAXUINT).cluster, 1); /* a tie now */
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(last_assignment_is_what_was_elected)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  DcVote last;
  cast(votes, 1, 4, 1.0f, 3);
  cast(votes, 1, 4, 1.0f, 3);
  cast(votes, 1, 5, 1.0f, 3);
  fail_unless(dc_track_votes_last(votes, 1, &last));
  assert_vote(last, 4, 2.0 / 3);
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(unknown_region_has_no_last_assignment)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  DcVote last;
  fail_if(dc_track_votes_last(votes, 1, &last));
  cast(votes, 1, 4, 1.0f, 3);
  dc_track_votes_clear(votes);
  fail_if(dc_track_votes_last(votes, 1, &last));
  assert_equals_int(dc_track_votes_count(votes), 0);
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(region_seen_longest_ago_is_forgotten)
{
  DcTrackVotes *votes = dc_track_votes_new(2);
  DcVote last;
  cast(votes, 1, 0, 1.0f, 0);
  cast(votes, 2, 0, 1.0f, 0);
  fail_unless(dc_track_votes_last(votes, 1, &last)); /* looking is seeing */
  cast(votes, 3, 0, 1.0f, 0);
  fail_if(dc_track_votes_last(votes, 2, &last));
  fail_unless(dc_track_votes_last(votes, 1, &last));
  assert_equals_int(dc_track_votes_count(votes), 2);
  cast(votes, 2, 6, 0.5f, 5); /* in the place of 3, without its votes */
  fail_if(dc_track_votes_last(votes, 3, &last));
  fail_unless(dc_track_votes_last(votes, 2, &last));
  assert_vote(last, 6, 0.5);
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(capacity_of_none_remembers_none)
{
  DcTrackVotes *votes = dc_track_votes_new(0);
  DcVote last;
  assert_vote(cast(votes, 1, 3, 0.5f, 9), 3, 0.5);
  fail_if(dc_track_votes_last(votes, 1, &last));
  dc_track_votes_free(votes);
}
GST_END_TEST

GST_START_TEST(votes_follow_renumbered_clusters)
{
  DcTrackVotes *votes = dc_track_votes_new(10);
  DcVote last;
  const guint map[] = {2, 0, G_MAXUINT}; /* 0 -> 2, 1 -> 0, 2 is gone */
  cast(votes, 1, 0, 1.0f, 5);
  cast(votes, 1, 0, 1.0f, 5);
  cast(votes, 1, 2, 1.0f, 5);
  cast(votes, 2, 2, 1.0f, 5);
  dc_track_votes_renumber(votes, map, G_N_ELEMENTS(map));
  fail_unless(dc_track_votes_last(votes, 1, &last));
  assert_equals_int(last.cluster, 2);
  fail_if(dc_track_votes_last(votes, 2, &last));       /* its only cluster is gone */
  assert_vote(cast(votes, 1, 0, 1.0f, 5), 2, 2.0 / 3); /* two votes of three: the third is gone */
  dc_track_votes_free(votes);
}
GST_END_TEST

/* --- Labels --- */

static gchar *
write_labels(const gchar *text, gssize length)
{
  gchar *path = NULL;
  gint file = g_file_open_tmp("labels-XXXXXX", &path, NULL);
  fail_unless(file >= 0);
  g_close(file, NULL);
  fail_unless(g_file_set_contents(path, text, length, NULL));
  return path;
}

static GPtrArray *
read_labels(const gchar *text, gssize length, DcError *error)
{
  g_autofree gchar *path = write_labels(text, length);
  GPtrArray *labels = NULL;
  dc_labels_file_read(path, &labels, error);
  g_remove(path);
  return labels;
}

GST_START_TEST(labels_are_the_lines)
{
  g_autoptr(GPtrArray) labels =
      read_labels("\xef\xbb\xbfperson\r\n\n  caf\xc3\xa9 \nlast", -1, NULL);
  assert_equals_int(labels->len, 4);
  assert_equals_string(g_ptr_array_index(labels, 0), "person");
  fail_unless(g_ptr_array_index(labels, 1) == NULL);
  assert_equals_string(g_ptr_array_index(labels, 2), "caf\xc3\xa9");
  assert_equals_string(g_ptr_array_index(labels, 3), "last");
}
GST_END_TEST

GST_START_TEST(empty_file_names_nothing)
{
  g_autoptr(GPtrArray) labels = read_labels("", 0, NULL);
  assert_equals_int(labels->len, 0);
}
GST_END_TEST

GST_START_TEST(missing_labels_are_an_error)
{
  GPtrArray *labels;
  DcError error;
  fail_unless_equals_int(dc_labels_file_read("/nonexistent/labels.txt", &labels, &error),
                         DC_ERROR_NOT_FOUND);
  fail_unless(labels == NULL);
  fail_unless(strstr(error.message, "/nonexistent/labels.txt") != NULL);
}
GST_END_TEST

GST_START_TEST(bytes_that_are_no_text_are_an_error)
{
  DcError error;
  fail_unless(read_labels("a\xff\nb", -1, &error) == NULL);
  fail_unless_equals_int(error.status, DC_ERROR_FORMAT);
  fail_unless(strstr(error.message, "UTF-8") != NULL);
  fail_unless(read_labels("a\0b", 3, &error) == NULL);
}
GST_END_TEST

GST_START_TEST(huge_file_is_an_error)
{
  DcError error;
  g_autofree gchar *text = g_strnfill((1 << 20) + 1, 'x');
  fail_unless(read_labels(text, -1, &error) == NULL);
  fail_unless(strstr(error.message, "1 MiB") != NULL);
  g_autoptr(GPtrArray) labels = read_labels(text, 1 << 20, NULL);
  assert_equals_int(labels->len, 1);
}
GST_END_TEST

static Suite *
track_votes_suite(void)
{
  Suite *suite = suite_create("track_votes");
  TCase *votes = tcase_create("votes");
  tcase_add_test(votes, most_frequent_cluster_wins);
  tcase_add_test(votes, newest_of_equals_wins);
  tcase_add_test(votes, regions_vote_apart);
  tcase_add_test(votes, without_a_window_nothing_is_smoothed);
  tcase_add_test(votes, window_is_cut_at_its_maximum);
  tcase_add_test(votes, last_assignment_is_what_was_elected);
  tcase_add_test(votes, unknown_region_has_no_last_assignment);
  tcase_add_test(votes, region_seen_longest_ago_is_forgotten);
  tcase_add_test(votes, capacity_of_none_remembers_none);
  tcase_add_test(votes, votes_follow_renumbered_clusters);
  suite_add_tcase(suite, votes);
  TCase *labels = tcase_create("labels-file");
  tcase_add_test(labels, labels_are_the_lines);
  tcase_add_test(labels, empty_file_names_nothing);
  tcase_add_test(labels, missing_labels_are_an_error);
  tcase_add_test(labels, bytes_that_are_no_text_are_an_error);
  tcase_add_test(labels, huge_file_is_an_error);
  suite_add_tcase(suite, labels);
  return suite;
}

GST_CHECK_MAIN(track_votes)
