/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/track-votes.h"

typedef struct {
  guint cluster;
  gfloat confidence;
} Ballot;

typedef struct {
  guint64 key;
  GList link;      /* in the order of sight */
  gboolean known;  /* `last` holds an assignment */
  DcVote last;     /* as returned */
  guint newest;    /* place of the newest ballot */
  guint n_ballots; /* at most DC_TRACK_VOTES_MAX */
  Ballot ballots[DC_TRACK_VOTES_MAX];
} Track;

struct DcTrackVotes {
  guint capacity;
  GHashTable *tracks; /* key -> Track, which it owns */
  GQueue order;       /* links of the tracks, longest unseen first */
};

DcTrackVotes *
dc_track_votes_new(guint capacity)
{
  DcTrackVotes *votes = g_new0(DcTrackVotes, 1);
  votes->capacity = capacity;
  votes->tracks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
  g_queue_init(&votes->order);
  return votes;
}

void
dc_track_votes_free(DcTrackVotes *votes)
{
  if (!votes)
    return;
  g_hash_table_unref(votes->tracks);
  g_free(votes);
}

/* A track to be filled: the one seen longest ago when there is no room for another. */
static Track *
renew_track(DcTrackVotes *votes, guint64 key)
{
  Track *track;
  if (g_queue_get_length(&votes->order) < votes->capacity) {
    track = g_new0(Track, 1);
  } else {
    GList *oldest = g_queue_pop_head_link(&votes->order);
    track = oldest->data;
    g_hash_table_steal(votes->tracks, &track->key);
  }
  track->key = key;
  track->link.data = track;
  track->known = FALSE;
  track->n_ballots = 0;
  g_hash_table_insert(votes->tracks, &track->key, track);
  g_queue_push_tail_link(&votes->order, &track->link);
  return track;
}

static Track *
see_track(DcTrackVotes *votes, guint64 key)
{
  Track *track = g_hash_table_lookup(votes->tracks, &key);
  if (track) {
    g_queue_unlink(&votes->order, &track->link);
    g_queue_push_tail_link(&votes->order, &track->link);
  }
  return track;
}

static void
add_ballot(Track *track, const DcVote *vote)
{
  track->newest = (track->newest + 1) % DC_TRACK_VOTES_MAX;
  track->ballots[track->newest] = (Ballot){vote->cluster, vote->confidence};
  track->n_ballots = MIN(track->n_ballots + 1, DC_TRACK_VOTES_MAX);
}

/* The ballot cast `age` ones before the newest. */
static const Ballot *
ballot(const Track *track, guint age)
{
  return &track->ballots[(track->newest + DC_TRACK_VOTES_MAX - age) % DC_TRACK_VOTES_MAX];
}

static guint
count_ballots(const Track *track, guint cluster, guint window, gdouble *confidence)
{
  guint count = 0;
  *confidence = 0;
  for (guint age = 0; age < window; age++) {
    if (ballot(track, age)->cluster == cluster) {
      count++;
      *confidence += ballot(track, age)->confidence;
    }
  }
  return count;
}

/* Elects the cluster of the newest `window` ballots. From the newest to the oldest, so that of
 * equals the one chosen last wins. */
static void
elect(const Track *track, guint window, DcVote *vote)
{
  guint most = 0;
  for (guint age = 0; age < window; age++) {
    gdouble confidence;
    guint cluster = ballot(track, age)->cluster;
    guint count = count_ballots(track, cluster, window, &confidence);
    if (count > most) {
      most = count;
      vote->cluster = cluster;
      vote->confidence = (gfloat)(confidence / window);
    }
  }
}

DcVote
dc_track_votes_cast(DcTrackVotes *votes, guint64 key, const DcVote *vote, guint window)
{
  DcVote elected = *vote;
  if (votes->capacity == 0)
    return elected;
  Track *track = see_track(votes, key);
  if (!track)
    track = renew_track(votes, key);
  add_ballot(track, vote);
  if (window > 1)
    elect(track, MIN(window, track->n_ballots), &elected);
  if (elected.cluster != vote->cluster) {
    elected.second = vote->cluster;
    elected.margin = 0;
  }
  track->last = elected;
  track->known = TRUE;
  return elected;
}

gboolean
dc_track_votes_last(DcTrackVotes *votes, guint64 key, DcVote *vote)
{
  Track *track = see_track(votes, key);
  if (!track || !track->known)
    return FALSE;
  *vote = track->last;
  return TRUE;
}

static void
renumber_track(Track *track, const guint *map, guint clusters)
{
  Ballot kept[DC_TRACK_VOTES_MAX];
  guint n_kept = 0;
  for (guint age = track->n_ballots; age-- > 0;) {
    Ballot old = *ballot(track, age);
    guint cluster = old.cluster < clusters ? map[old.cluster] : G_MAXUINT;
    if (cluster != G_MAXUINT)
      kept[n_kept++] = (Ballot){cluster, old.confidence};
  }
  for (guint i = 0; i < n_kept; i++)
    track->ballots[i] = kept[i];
  track->newest = n_kept > 0 ? n_kept - 1 : 0;
  track->n_ballots = n_kept;
  track->last.cluster = track->last.cluster < clusters ? map[track->last.cluster] : G_MAXUINT;
  track->known &= track->last.cluster != G_MAXUINT;
  track->last.second = track->last.second < clusters ? map[track->last.second] : G_MAXUINT;
  if (track->last.second == G_MAXUINT)
    track->last.second = track->last.cluster;
}

void
dc_track_votes_renumber(DcTrackVotes *votes, const guint *map, guint clusters)
{
  for (GList *link = votes->order.head; link; link = link->next)
    renumber_track(link->data, map, clusters);
}

void
dc_track_votes_clear(DcTrackVotes *votes)
{
  g_queue_init(&votes->order);
  g_hash_table_remove_all(votes->tracks);
}

guint
dc_track_votes_count(const DcTrackVotes *votes)
{
  return g_queue_get_length((GQueue *)&votes->order);
}
