/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/track-votes.h"

#include "common/track-table.h"

typedef struct {
  guint cluster;
  gfloat confidence;
} Ballot;

typedef struct {
  gboolean known;  /* `last` holds an assignment */
  DcVote last;     /* as returned */
  guint newest;    /* place of the newest ballot */
  guint n_ballots; /* at most DC_TRACK_VOTES_MAX */
  Ballot ballots[DC_TRACK_VOTES_MAX];
} Track;

struct DcTrackVotes {
  DcTrackTable *tracks; /* of Track */
};

DcTrackVotes *
dc_track_votes_new(guint capacity)
{
  DcTrackVotes *votes = g_new0(DcTrackVotes, 1);
  votes->tracks = dc_track_table_new(capacity, sizeof(Track));
  return votes;
}

void
dc_track_votes_free(DcTrackVotes *votes)
{
  if (!votes)
    return;
  dc_track_table_free(votes->tracks);
  g_free(votes);
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
 * equals the one chosen last wins. Returns its votes. */
static guint
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
  return most;
}

/* The cluster that the region has stays until another one leads it clearly, or nobody votes for it.
 */
static void
hold(const Track *track, guint window, guint lead, guint most, DcVote *vote)
{
  gdouble confidence;
  if (!track->known || vote->cluster == track->last.cluster)
    return;
  guint count = count_ballots(track, track->last.cluster, window, &confidence);
  if (count == 0 || most >= count + MIN(lead, window))
    return;
  vote->cluster = track->last.cluster;
  vote->confidence = (gfloat)(confidence / window);
}

DcVote
dc_track_votes_cast(DcTrackVotes *votes, guint64 key, const DcVote *vote, const DcVoteRules *rules)
{
  DcVote elected = *vote;
  Track *track = dc_track_table_take(votes->tracks, key);
  if (!track)
    return elected;
  add_ballot(track, vote);
  if (rules->window > 1) {
    guint window = MIN(rules->window, track->n_ballots);
    guint most = elect(track, window, &elected);
    hold(track, window, rules->lead, most, &elected);
  }
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
  const Track *track = dc_track_table_see(votes->tracks, key);
  if (!track || !track->known)
    return FALSE;
  *vote = track->last;
  return TRUE;
}

typedef struct {
  const guint *map;
  guint clusters;
} Renumbering;

static guint
new_number(const Renumbering *renumbering, guint cluster)
{
  return cluster < renumbering->clusters ? renumbering->map[cluster] : G_MAXUINT;
}

static void
renumber_track(gpointer data, gpointer user_data)
{
  Track *track = data;
  Ballot kept[DC_TRACK_VOTES_MAX];
  guint n_kept = 0;
  for (guint age = track->n_ballots; age-- > 0;) {
    Ballot old = *ballot(track, age);
    guint cluster = new_number(user_data, old.cluster);
    if (cluster != G_MAXUINT)
      kept[n_kept++] = (Ballot){cluster, old.confidence};
  }
  for (guint i = 0; i < n_kept; i++)
    track->ballots[i] = kept[i];
  track->newest = n_kept > 0 ? n_kept - 1 : 0;
  track->n_ballots = n_kept;
  track->last.cluster = new_number(user_data, track->last.cluster);
  track->known &= track->last.cluster != G_MAXUINT;
  track->last.second = new_number(user_data, track->last.second);
  if (track->last.second == G_MAXUINT)
    track->last.second = track->last.cluster;
}

void
dc_track_votes_renumber(DcTrackVotes *votes, const guint *map, guint clusters)
{
  Renumbering renumbering = {map, clusters};
  dc_track_table_visit(votes->tracks, renumber_track, &renumbering);
}

void
dc_track_votes_clear(DcTrackVotes *votes)
{
  dc_track_table_clear(votes->tracks);
}

guint
dc_track_votes_count(const DcTrackVotes *votes)
{
  return dc_track_table_count(votes->tracks);
}
